//! Morph targets: those displacements that aren't zero, and what they do to normals.

use std::collections::HashMap;

use glam::{Quat, Vec3};
use gltf::json;
use serde::Deserialize;

use super::{Source, limits};
use crate::cartoon::{Move, Target};
use crate::error::{LoadError, Reason};
use crate::scene::Mesh;

/// Displacements below this share of the part's size are none.
const LEAST_SHARE: f32 = 2e-6;
/// Normals that change by less don't.
const LEAST_NORMAL: f32 = 2e-3;

/// How much more may be read.
pub(super) struct Left {
    vertices: u64,
    moves: u64,
}

impl Default for Left {
    fn default() -> Self {
        Self { vertices: limits::TARGET_VERTICES, moves: limits::MOVES }
    }
}

/// A primitive that was read.
pub(super) struct Morphed<'a> {
    pub(super) primitive: &'a json::mesh::Primitive,
    pub(super) mesh: &'a Mesh,
    /// The file's vertex of each of the mesh's, where they aren't the same.
    pub(super) sources: Option<&'a [u32]>,
    /// How many vertices the file has.
    pub(super) count: usize,
    /// Number of its first target's weight.
    pub(super) first: usize,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Extras {
    #[serde(rename = "targetNames")]
    target_names: Vec<String>,
}

/// The names of a mesh's targets, empty for those that have none: of the mesh's extras, or of its first primitive's.
pub(super) fn names(mesh: &json::Mesh, count: usize) -> Vec<String> {
    let parts = mesh.primitives.iter().map(|primitive| &primitive.extras);
    let all = std::iter::once(&mesh.extras).chain(parts);
    let mut names = all
        .filter_map(|extras| serde_json::from_str::<Extras>(extras.as_ref()?.get()).ok())
        .map(|extras| extras.target_names)
        .find(|names| !names.is_empty())
        .unwrap_or_default();
    names.resize(count, String::new());
    names
}

impl Source<'_> {
    /// The targets of a primitive whose weights are ever used.
    pub(super) fn targets(
        &self,
        of: &Morphed<'_>,
        used: &[bool],
        field: &str,
        left: &mut Left,
    ) -> Result<Vec<Target>, LoadError> {
        let Morphed { primitive, mesh, sources, count, first } = *of;
        let mut surface = None;
        let mut targets = Vec::new();
        let size = size_of_mesh(mesh);
        for (i, target) in primitive.targets.iter().flatten().enumerate() {
            let number = first + i;
            if !used.get(number).copied().unwrap_or(false) {
                continue;
            }
            let field = format!("{field}.targets[{i}]");
            let read = |accessor: &Option<json::Index<json::Accessor>>, name: &str, left: &mut Left| {
                let Some(accessor) = accessor else { return Ok(None) };
                let field = format!("{field}.{name}");
                let limit = left.vertices;
                let found = self.floats::<3>(accessor.value() as u32, &field, limit)?;
                left.vertices -= found.len() as u64;
                if found.len() != count {
                    return Err(self.broken(&field, format!("{} elements for {count} vertices", found.len())));
                }
                if let Some(far) = found.iter().flatten().find(|x| x.abs() > limits::DISTANCE_M) {
                    return Err(self.value(&field, far, "within 100 km of the node"));
                }
                Ok(Some(match sources {
                    Some(sources) => sources.iter().map(|&source| found[source as usize]).collect(),
                    None => found,
                }))
            };
            let positions: Option<Vec<[f32; 3]>> = read(&target.positions, "POSITION", left)?;
            let Some(positions) = positions else { continue };
            let normals: Option<Vec<[f32; 3]>> = read(&target.normals, "NORMAL", left)?;
            let moved = |v: usize| Vec3::from(positions[v]).abs().max_element() > size * LEAST_SHARE;
            let moves = match normals {
                Some(normals) => {
                    let changes = |v: usize| Vec3::from(normals[v]).abs().max_element() > LEAST_NORMAL;
                    let chosen = (0..positions.len()).filter(|&v| moved(v) || changes(v));
                    let at = |v: usize| Move {
                        vertex: v as u32,
                        position: positions[v].into(),
                        normal: normals[v].into(),
                    };
                    chosen.map(at).collect()
                }
                None => surface.get_or_insert_with(|| Surface::new(mesh)).moves(mesh, &positions, moved),
            };
            let found = moves.len() as u64;
            if found > left.moves {
                let limit = limits::MOVES;
                let found = limit - left.moves + found;
                return Err(
                    self.error(&field, Reason::TooMuch { what: "vertices of morph targets", found, limit })
                );
            }
            left.moves -= found;
            if !moves.is_empty() {
                targets.push(Target { number, moves });
            }
        }
        Ok(targets)
    }
}

fn size_of_mesh(mesh: &Mesh) -> f32 {
    let (low, high) =
        mesh.vertices.iter().fold((Vec3::INFINITY, Vec3::NEG_INFINITY), |(low, high), vertex| {
            let p = Vec3::from(vertex.position);
            (low.min(p), high.max(p))
        });
    (high - low).max_element().max(1e-6)
}

/// Which triangles meet at a vertex. Vertices that were split for texture coordinates are one.
struct Surface {
    /// Of each vertex, the number of its place.
    places: Vec<u32>,
    /// Of each place, where its triangles begin in `triangles`; one more for the end.
    starts: Vec<u32>,
    triangles: Vec<u32>,
    /// Sums of the triangles' normals at each place at rest, areas as weights.
    rest: Vec<Vec3>,
}

impl Surface {
    fn new(mesh: &Mesh) -> Self {
        let mut numbers = HashMap::new();
        let places: Vec<u32> = (mesh.vertices.iter())
            .map(|vertex| {
                let next = numbers.len() as u32;
                let bits = |x: [f32; 3]| x.map(f32::to_bits);
                *numbers.entry((bits(vertex.position), bits(vertex.normal))).or_insert(next)
            })
            .collect();
        let mut starts = vec![0u32; numbers.len() + 1];
        for &vertex in &mesh.indices {
            starts[places[vertex as usize] as usize + 1] += 1;
        }
        for i in 1..starts.len() {
            starts[i] += starts[i - 1];
        }
        let mut next = starts.clone();
        let mut triangles = vec![0u32; mesh.indices.len()];
        for (i, &vertex) in mesh.indices.iter().enumerate() {
            let slot = &mut next[places[vertex as usize] as usize];
            triangles[*slot as usize] = (i / 3) as u32;
            *slot += 1;
        }
        let mut surface = Self { places, starts, triangles, rest: Vec::new() };
        surface.rest = (0..surface.starts.len() - 1).map(|place| surface.normal(mesh, place, None)).collect();
        surface
    }

    /// The sum of the normals of the triangles that meet at a place, twice their areas long.
    fn normal(&self, mesh: &Mesh, place: usize, moved: Option<&[[f32; 3]]>) -> Vec3 {
        let corner = |vertex: u32| {
            let vertex = vertex as usize;
            let rest = Vec3::from(mesh.vertices[vertex].position);
            moved.map_or(rest, |moved| rest + Vec3::from(moved[vertex]))
        };
        let (start, end) = (self.starts[place] as usize, self.starts[place + 1] as usize);
        (self.triangles[start..end].iter())
            .map(|&triangle| {
                let t = 3 * triangle as usize;
                let [a, b, c] = [mesh.indices[t], mesh.indices[t + 1], mesh.indices[t + 2]].map(corner);
                (b - a).cross(c - a)
            })
            .sum()
    }

    /// Vertices that move, or whose normal turns because their neighbours do. The file's own normals turn as those of the
    /// surface do.
    fn moves(&self, mesh: &Mesh, deltas: &[[f32; 3]], moved: impl Fn(usize) -> bool) -> Vec<Move> {
        let mut is_touched = vec![false; self.rest.len()];
        for corners in mesh.indices.chunks_exact(3) {
            if corners.iter().any(|&corner| moved(corner as usize)) {
                corners.iter().for_each(|&corner| is_touched[self.places[corner as usize] as usize] = true);
            }
        }
        let turn = |(place, &is_touched): (usize, &bool)| {
            if !is_touched {
                return Quat::IDENTITY;
            }
            let before = self.rest[place].try_normalize();
            let after = self.normal(mesh, place, Some(deltas)).try_normalize();
            before.zip(after).map_or(Quat::IDENTITY, |(before, after)| Quat::from_rotation_arc(before, after))
        };
        let turns: Vec<_> = is_touched.iter().enumerate().map(turn).collect();
        let mut moves = Vec::new();
        for (v, vertex) in mesh.vertices.iter().enumerate() {
            let place = self.places[v] as usize;
            let rest = Vec3::from(vertex.normal);
            let normal = if is_touched[place] { turns[place] * rest - rest } else { Vec3::ZERO };
            if moved(v) || normal.abs().max_element() > LEAST_NORMAL {
                moves.push(Move { vertex: v as u32, position: deltas[v].into(), normal });
            }
        }
        moves
    }
}
