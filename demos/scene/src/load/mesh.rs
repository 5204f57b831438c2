//! Triangles.

use std::ops::Range;

use glam::{Vec2, Vec3};
use gltf::Semantic;
use gltf::json;
use gltf::json::mesh::Mode;
use gltf::json::validation::Checked;

use super::{Source, limits, tangent, warn};
use crate::error::{LoadError, Reason};
use crate::scene::{Mesh, Scene, TextureUse, Vertex};

/// A mesh and the file's vertex of each of its own, where they aren't the same; or why it isn't drawn.
type Read = Result<(Mesh, Option<Vec<u32>>), &'static str>;

impl Source<'_> {
    /// All meshes; of each of the file's, the numbers of its parts.
    pub(super) fn meshes(&self, scene: &mut Scene) -> Result<Vec<Range<usize>>, LoadError> {
        let mut ranges = Vec::new();
        let (mut vertices, mut indices) = (0u64, 0u64);
        for (i, mesh) in self.root.meshes.iter().enumerate() {
            let first = scene.meshes.len();
            for (j, primitive) in mesh.primitives.iter().enumerate() {
                let field = format!("meshes[{i}].primitives[{j}]");
                let left = (limits::VERTICES - vertices, limits::INDICES - indices);
                match self.primitive(scene, primitive, &field, left)? {
                    Ok((mesh, _)) => {
                        vertices += mesh.vertices.len() as u64;
                        indices += mesh.indices.len() as u64;
                        if scene.meshes.len() as u64 >= limits::NODES {
                            let (found, limit) = (scene.meshes.len() as u64 + 1, limits::NODES);
                            return Err(
                                self.error(&field, Reason::TooMuch { what: "primitives", found, limit })
                            );
                        }
                        scene.meshes.push(mesh);
                    }
                    Err(reason) => warn(scene, &field, format!("{reason}; left out")),
                }
            }
            ranges.push(first..scene.meshes.len());
        }
        Ok(ranges)
    }

    /// One primitive.
    pub(super) fn primitive(
        &self,
        scene: &Scene,
        primitive: &json::mesh::Primitive,
        field: &str,
        (vertices_left, indices_left): (u64, u64),
    ) -> Result<Read, LoadError> {
        let mode = match primitive.mode {
            Checked::Valid(mode @ (Mode::Triangles | Mode::TriangleStrip | Mode::TriangleFan)) => mode,
            Checked::Valid(_) => return Ok(Err("points and lines aren't drawn")),
            Checked::Invalid => return Err(self.broken(field, "its mode is none of glTF's".to_owned())),
        };
        let attribute = |semantic| {
            let accessor = primitive.attributes.get(&Checked::Valid(semantic))?;
            Some(accessor.value() as u32)
        };
        let named = |name: &str| format!("{field}.attributes.{name}");
        let Some(positions) = attribute(Semantic::Positions) else { return Ok(Err("it has no positions")) };
        let positions = self.floats::<3>(positions, &named("POSITION"), vertices_left)?;
        if let Some(far) = positions.iter().flatten().find(|x| x.abs() > limits::DISTANCE_M) {
            return Err(self.value(&named("POSITION"), far, "within 100 km of the node"));
        }
        let count = positions.len();
        let fits = |name: &str, found: usize| match found == count {
            true => Ok(()),
            false => Err(self.broken(&named(name), format!("{found} elements for {count} vertices"))),
        };
        let material = primitive.material.map_or(0, |material| material.value() + 1);
        let slots = match scene.materials.get(material) {
            Some(material) => &material.slots,
            None => return Err(self.broken(field, format!("there is no material {}", material - 1))),
        };

        let mut vertices: Vec<Vertex> = positions.iter().map(|&position| Vertex::at(position)).collect();
        let mut has_normals = false;
        if let Some(accessor) = attribute(Semantic::Normals) {
            let normals = self.floats::<3>(accessor, &named("NORMAL"), vertices_left)?;
            fits("NORMAL", normals.len())?;
            has_normals = true;
            for (vertex, normal) in vertices.iter_mut().zip(normals) {
                vertex.normal = Vec3::from(normal).normalize_or(Vec3::Y).to_array();
            }
        }
        let mut has_uv = false;
        for set in 0..2 {
            let Some(accessor) = attribute(Semantic::TexCoords(set)) else { continue };
            let name = format!("TEXCOORD_{set}");
            let uv = self.floats::<2>(accessor, &named(&name), vertices_left)?;
            fits(&name, uv.len())?;
            has_uv |= set == 0;
            for (vertex, uv) in vertices.iter_mut().zip(uv) {
                *(if set == 0 { &mut vertex.uv } else { &mut vertex.uv_1 }) = uv;
            }
        }
        if let Some(accessor) = attribute(Semantic::Colors(0)) {
            let name = named("COLOR_0");
            let colors = match self.floats::<4>(accessor, &name, vertices_left) {
                Ok(colors) => colors,
                Err(_) => {
                    let rgb = self.floats::<3>(accessor, &name, vertices_left)?;
                    rgb.into_iter().map(|[r, g, b]| [r, g, b, 1.0]).collect()
                }
            };
            fits("COLOR_0", colors.len())?;
            for (vertex, color) in vertices.iter_mut().zip(colors) {
                vertex.color = color.map(|c| (c.clamp(0.0, 1.0) * 255.0).round() as u8);
            }
        }

        let given = match &primitive.indices {
            Some(accessor) => {
                self.indices(accessor.value() as u32, &format!("{field}.indices"), indices_left)?
            }
            None => (0..count as u32).collect(),
        };
        if let Some(index) = given.iter().find(|&&index| index as usize >= count) {
            return Err(self.broken(&format!("{field}.indices"), format!("vertex {index} of {count}")));
        }
        let mut indices = triangles(mode, &given);
        let found = indices.len() as u64;
        if found > indices_left {
            return Err(self.error(field, Reason::TooMuch { what: "triangles", found, limit: indices_left }));
        }
        let mut sources = None;
        if !has_normals {
            // As glTF wants them: flat, so that no two triangles share a vertex.
            if found > vertices_left {
                return Err(
                    self.error(field, Reason::TooMuch { what: "vertices", found, limit: vertices_left })
                );
            }
            let (all, numbers) = flat(&vertices, &indices);
            vertices = all;
            sources = Some(std::mem::replace(&mut indices, numbers));
        }
        let needs_tangents = slots[TextureUse::Normal as usize].is_some() && has_uv;
        if needs_tangents {
            let given = match attribute(Semantic::Tangents) {
                Some(accessor) if has_normals => {
                    let tangents = self.floats::<4>(accessor, &named("TANGENT"), vertices_left)?;
                    fits("TANGENT", tangents.len())?;
                    Some(tangents)
                }
                _ => None,
            };
            match given {
                Some(tangents) => {
                    vertices.iter_mut().zip(tangents).for_each(|(vertex, tangent)| vertex.tangent = tangent);
                }
                None => tangent::compute(&mut vertices, &indices),
            }
        }
        if indices.is_empty() {
            return Ok(Err("it has no triangles"));
        }
        Ok(Ok((Mesh { vertices, indices, material }, sources)))
    }
}

impl Vertex {
    fn at(position: [f32; 3]) -> Self {
        Self {
            position,
            normal: [0.0, 1.0, 0.0],
            tangent: [1.0, 0.0, 0.0, 1.0],
            uv: [0.0; 2],
            uv_1: [0.0; 2],
            color: [255; 4],
        }
    }

    pub(super) fn place(&self) -> Vec3 {
        self.position.into()
    }

    pub(super) fn texture_place(&self) -> Vec2 {
        self.uv.into()
    }
}

/// Strips and fans as triangles of their own.
fn triangles(mode: Mode, indices: &[u32]) -> Vec<u32> {
    match mode {
        Mode::TriangleStrip => (indices.windows(3).enumerate())
            .flat_map(|(i, w)| if i % 2 == 0 { [w[0], w[1], w[2]] } else { [w[1], w[0], w[2]] })
            .collect(),
        Mode::TriangleFan => match indices.split_first() {
            Some((&hub, rim)) => rim.windows(2).flat_map(|w| [w[0], w[1], hub]).collect(),
            None => Vec::new(),
        },
        _ => indices[..indices.len() / 3 * 3].to_vec(),
    }
}

/// Three vertices a triangle, with its normal.
fn flat(vertices: &[Vertex], indices: &[u32]) -> (Vec<Vertex>, Vec<u32>) {
    let mut out = Vec::with_capacity(indices.len());
    for corners in indices.chunks_exact(3) {
        let mut corners = [corners[0], corners[1], corners[2]].map(|index| vertices[index as usize]);
        let [a, b, c] = corners.map(|corner| corner.place());
        let normal = (b - a).cross(c - a).normalize_or(Vec3::Y).to_array();
        corners.iter_mut().for_each(|corner| corner.normal = normal);
        out.extend(corners);
    }
    let indices = (0..out.len() as u32).collect();
    (out, indices)
}
