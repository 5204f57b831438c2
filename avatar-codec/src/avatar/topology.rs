//! Edges of the render mesh, for the fringe that softens silhouettes.

use std::collections::HashMap;

use super::{Mesh, Part};

/// An edge of the welded mesh, with the one or two triangles that meet in it.
///
/// The two sides name it by different vertices where a seam of the atlas runs along it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The triangle that came first.
    pub first: EdgeSide,
    /// The triangle opposite; none on a boundary.
    pub second: Option<EdgeSide>,
}

/// An edge as one of its triangles sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EdgeSide {
    /// The triangle's number.
    pub triangle: u32,
    /// The two ends, in the triangle's own winding.
    pub vertices: [u16; 2],
}

impl Mesh {
    /// The edges of one part, in the order in which its triangles first name them.
    ///
    /// Two triangles meet in an edge if they name its welded ends in opposite directions. Where the mesh isn't a
    /// manifold (more than two triangles, or two of the same direction), what is left over becomes boundary edges.
    pub fn edges(&self, part: &Part) -> Vec<Edge> {
        let mut edges: Vec<Edge> = Vec::new();
        // Welded ends in the direction of the first triangle → the edge, while it still waits for its second.
        let mut open: HashMap<[u16; 2], usize> = HashMap::new();
        for triangle in part.triangles.clone() {
            let Some(&[a, b, c]) = self.triangles.get(triangle as usize) else { break };
            for vertices in [[a, b], [b, c], [c, a]] {
                let welded = vertices.map(|v| self.weld.get(v as usize).copied().unwrap_or(v));
                if welded[0] == welded[1] {
                    continue;
                }
                let side = EdgeSide { triangle, vertices };
                let opposite = [welded[1], welded[0]];
                match open.remove(&opposite) {
                    Some(edge) => edges[edge].second = Some(side),
                    None => {
                        edges.push(Edge { first: side, second: None });
                        open.insert(welded, edges.len() - 1);
                    }
                }
            }
        }
        edges
    }
}

#[cfg(test)]
mod tests {
    use crate::avatar::PartKind;
    use crate::testing::{Preset, synthetic_avatar};

    #[test]
    fn a_closed_part_has_no_boundary_and_obeys_euler() {
        let avatar = synthetic_avatar(1, Preset::Tiny);
        let part = &avatar.manifest.parts[0];
        assert_eq!(part.kind, PartKind::Skin);
        let edges = avatar.mesh.edges(part);
        assert!(edges.iter().all(|edge| edge.second.is_some()), "the seam of the atlas is no boundary");
        let places = part.vertices.clone().filter(|&v| u32::from(avatar.mesh.weld[v as usize]) == v).count();
        assert_eq!(places + part.triangles.len(), edges.len() + 2);
    }

    #[test]
    fn an_open_part_has_a_boundary() {
        let avatar = synthetic_avatar(1, Preset::Tiny);
        let part = avatar.manifest.parts.iter().find(|part| part.kind == PartKind::Clothes).unwrap();
        let boundary = avatar.mesh.edges(part).iter().filter(|edge| edge.second.is_none()).count();
        assert_eq!(boundary, 24, "twelve edges round the neck and twelve round the hem");
    }
}
