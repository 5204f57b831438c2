//! Tangents for normal maps of meshes that bring none.

use glam::{Vec2, Vec3};

use crate::scene::Vertex;

/// Sums the triangles' directions of growing u and v at each vertex and makes them stand on its normal (Lengyel 2001).
pub(super) fn compute(vertices: &mut [Vertex], indices: &[u32]) {
    let mut sums = vec![[Vec3::ZERO; 2]; vertices.len()];
    for corners in indices.chunks_exact(3) {
        let corners = [corners[0], corners[1], corners[2]].map(|index| index as usize);
        let [a, b, c] = corners.map(|corner| vertices[corner].place());
        let [s, t, u] = corners.map(|corner| vertices[corner].texture_place());
        let (along, across) = (b - a, c - a);
        let (Vec2 { x: du1, y: dv1 }, Vec2 { x: du2, y: dv2 }) = (t - s, u - s);
        let area = du1 * dv2 - du2 * dv1;
        // A mirrored triangle has a negative area; one without area says nothing.
        let side = area.signum();
        if area == 0.0 || !area.is_finite() {
            continue;
        }
        let tangent = (along * dv2 - across * dv1) * side;
        let bitangent = (across * du1 - along * du2) * side;
        for corner in corners {
            sums[corner][0] += tangent;
            sums[corner][1] += bitangent;
        }
    }
    for (vertex, [tangent, bitangent]) in vertices.iter_mut().zip(sums) {
        let normal = Vec3::from(vertex.normal);
        let flat = (tangent - normal * normal.dot(tangent)).try_normalize();
        let flat = flat.unwrap_or_else(|| normal.any_orthonormal_vector());
        // v counts downwards in glTF's pictures, and normal maps are y up: the bitangent is against growing v.
        let side = if normal.cross(flat).dot(bitangent) < 0.0 { 1.0 } else { -1.0 };
        vertex.tangent = [flat.x, flat.y, flat.z, side];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_square_that_faces_us_has_its_tangent_to_the_right_and_its_bitangent_upwards() {
        let corner = |x: f32, y: f32| Vertex {
            position: [x, y, 0.0],
            normal: [0.0, 0.0, 1.0],
            tangent: [0.0; 4],
            uv: [x, 1.0 - y],
            uv_1: [0.0; 2],
            color: [255; 4],
        };
        let mut square = [corner(0.0, 0.0), corner(1.0, 0.0), corner(1.0, 1.0), corner(0.0, 1.0)];
        compute(&mut square, &[0, 1, 2, 0, 2, 3]);
        for vertex in square {
            let [x, y, z, side] = vertex.tangent;
            let bitangent = side * Vec3::Z.cross(Vec3::new(x, y, z));
            assert!((Vec3::new(x, y, z) - Vec3::X).length() < 1e-6 && (bitangent - Vec3::Y).length() < 1e-6);
        }
    }
}
