//! The soft rim outside silhouettes: analytic coverage, one pixel wide.

use glam::{Vec3, Vec4};
use visavis_codec::avatar::{Edge, EdgeSide, PartKind};

use super::bands::{Bounds, TILE};
use super::geometry::Vertex;
use super::instance::Form;
use super::triangle::{Camera, ScreenVertex, snapped_pixel};

/// A silhouette edge on screen, as the triangle that faces the viewer winds it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FringeEdge {
    at: [f32; 2],
    along: [f32; 2],
    length: f32,
    inverse_w: [f32; 2],
    depth: [f32; 2],
    /// Where on the whole edge the visible part begins and ends, 0..=1.
    ends: [f32; 2],
    vertices: [u16; 2],
    kind: PartKind,
}

/// One pixel of the rim.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FringePoint {
    /// In the tile.
    pub(crate) pixel: u16,
    pub(crate) coverage: f32,
    pub(crate) depth: f32,
    /// What it is the rim of.
    pub(crate) kind: PartKind,
    /// Interpolated along the edge.
    pub(crate) surface: Vertex,
}

/// The edges of a mesh's opaque parts, in drawing order.
pub(crate) fn edges(form: &Form<'_>) -> Vec<(Edge, PartKind)> {
    let opaque = form.parts.iter().filter(|part| !part.kind.is_blended());
    opaque.flat_map(|part| form.mesh.edges(part).into_iter().map(|edge| (edge, part.kind))).collect()
}

/// The side of an edge that makes it part of the silhouette, if it is: only one of its triangles faces the eye.
pub(crate) fn silhouette(edge: &Edge, is_facing: impl Fn(u32) -> bool) -> Option<EdgeSide> {
    let first = is_facing(edge.first.triangle);
    match (first, edge.second) {
        (true, None) => Some(edge.first),
        (false, None) => None,
        (first, Some(second)) => match (first, is_facing(second.triangle)) {
            (true, false) => Some(edge.first),
            (false, true) => Some(second),
            _ => None,
        },
    }
}

impl FringeEdge {
    /// The visible part of an edge, and the pixels that its rim may touch.
    pub(crate) fn new(
        camera: &Camera,
        screen: &[ScreenVertex],
        vertices: [u16; 2],
        kind: PartKind,
    ) -> Option<(Self, Bounds)> {
        let clip = vertices.map(|v| {
            let [_, _, _, _, x, y, z, w] = screen[usize::from(v)];
            Vec4::new(x, y, z, w)
        });
        let (ends, clip) = clip_near(clip)?;
        let [Some(a), Some(b)] = clip.map(|clip| snapped_pixel(clip, camera.size)) else { return None };
        let length = (b[0] - a[0]).hypot(b[1] - a[1]);
        if length == 0.0 {
            return None;
        }
        let reach = |i: usize| (a[i].min(b[i]) - 1.0, a[i].max(b[i]) + 1.0);
        let ((left, right), (top, bottom)) = (reach(0), reach(1));
        let bounds = Bounds::of([left, top], [right, bottom], camera.size)?;
        let inverse_w = clip.map(|clip| clip.w.recip());
        let edge = Self {
            at: a,
            along: [(b[0] - a[0]) / length, (b[1] - a[1]) / length],
            length,
            inverse_w,
            depth: [clip[0].z * inverse_w[0], clip[1].z * inverse_w[1]],
            ends,
            vertices,
            kind,
        };
        Some((edge, bounds))
    }

    /// Calls `emit` for each pixel of a tile that the rim touches; `tile` is the tile's first column and row.
    pub(crate) fn scan(&self, vertices: &[Vertex], tile: [usize; 2], mut emit: impl FnMut(FringePoint)) {
        let Self { at: [ax, ay], along: [dx, dy], length, inverse_w, depth, ends, .. } = *self;
        let (bx, by) = (ax + dx * length, ay + dy * length);
        let range = |low: f32, high: f32, start: usize| {
            let start = start as f32 + 0.5;
            let first = (low - start).ceil().max(0.0) as usize;
            first..((high - start).floor() + 1.0).clamp(0.0, TILE as f32) as usize
        };
        for row in range(ay.min(by) - 1.0, ay.max(by) + 1.0, tile[1]) {
            for column in range(ax.min(bx) - 1.0, ax.max(bx) + 1.0, tile[0]) {
                let px = (tile[0] + column) as f32 + 0.5 - ax;
                let py = (tile[1] + row) as f32 + 0.5 - ay;
                // The front's inside is to the left of the edge on a screen whose y runs down: outside is (−dy, dx).
                let (t, distance) = ((px * dx + py * dy) / length, py * dx - px * dy);
                if !(0.0..1.0).contains(&t) || !(0.0..1.0).contains(&distance) {
                    continue;
                }
                let depth = depth[0] + (depth[1] - depth[0]) * t;
                if !(0.0..=1.0).contains(&depth) {
                    continue;
                }
                // From linear on screen to linear on the visible part, then on the whole edge.
                let (wa, wb) = ((1.0 - t) * inverse_w[0], t * inverse_w[1]);
                let t = ends[0] + (ends[1] - ends[0]) * (wb / (wa + wb));
                let [a, b] = self.vertices.map(|v| vertices[usize::from(v)]);
                emit(FringePoint {
                    pixel: (row * TILE + column) as u16,
                    coverage: 1.0 - distance,
                    depth,
                    kind: self.kind,
                    surface: std::array::from_fn(|i| a[i] + (b[i] - a[i]) * t),
                });
            }
        }
    }
}

/// The part of a segment beyond the near plane: where it begins and ends (0..=1 along it), and those places.
fn clip_near([a, b]: [Vec4; 2]) -> Option<([f32; 2], [Vec4; 2])> {
    let (inside_a, inside_b) = (a.w - a.z, b.w - b.z);
    let cut = inside_a / (inside_a - inside_b);
    match (inside_a >= 0.0, inside_b >= 0.0) {
        (true, true) => Some(([0.0, 1.0], [a, b])),
        (true, false) => Some(([0.0, cut], [a, a.lerp(b, cut)])),
        (false, true) => Some(([cut, 1.0], [a.lerp(b, cut), b])),
        (false, false) => None,
    }
}

/// Whether each triangle's outside faces the eye, for the triangles from `first` on.
pub(crate) fn face(
    facing: &mut [bool],
    first: usize,
    triangles: &[[u16; 3]],
    face_normals: &[Vec3],
    vertices: &[Vertex],
    eye: Vec3,
) {
    let faces = triangles[first..].iter().zip(&face_normals[first..]);
    for (facing, (triangle, normal)) in facing.iter_mut().zip(faces) {
        *facing = normal.dot(eye - super::geometry::position(vertices, triangle[0])) > 0.0;
    }
}
