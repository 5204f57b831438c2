//! A coarser mesh out of a mesh's own vertices: half-edge collapses by quadric error.
//!
//! Garland and Heckbert, "Surface Simplification Using Quadric Error Metrics" (1997), with the error summed over several
//! poses, so that lids and lips keep the vertices that they move with. A place (a weld) is pulled into a neighbouring
//! place together with all of its vertices, each into the one of the same chart: seams of the atlas and boundaries only
//! ever shrink along themselves, and every attribute of what is left is what it was.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};

use glam::{DVec3, Vec2, Vec3};

use super::{Mesh, Part};

/// Boundary edges hold their line this much more than a triangle holds its plane.
const BOUNDARY_WEIGHT: f64 = 4.0;
/// Of flat neighbourhoods short edges go first: their squared length counts this much.
const LENGTH_WEIGHT: f64 = 1e-3;
/// A triangle may turn by at most the angle of this cosine.
const LEAST_COSINE: f32 = 0.3;

/// What is left of a mesh.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Simplified {
    /// The mesh's vertices that are left, ascending.
    pub(crate) vertices: Vec<u16>,
    /// Their triangles, by the mesh's vertex numbers, part by part.
    pub(crate) triangles: Vec<[u16; 3]>,
    /// How many of each there are up to the end of each part.
    pub(crate) ends: Vec<[u16; 2]>,
}

/// Simplifies until `is_enough(vertices, triangles)`; none if that can't be reached. `poses` are positions of all
/// vertices, the first one that of the mesh at rest, at least one.
pub(crate) fn simplify(
    mesh: &Mesh,
    parts: &[Part],
    poses: &[Vec<Vec3>],
    is_enough: impl Fn(usize, usize) -> bool,
) -> Option<Simplified> {
    let mut work = Work::new(mesh, poses);
    let mut queue: BinaryHeap<Collapse> = BinaryHeap::new();
    for place in 0..mesh.weld.len() as u16 {
        work.queue_collapses_of(place, &mut queue);
    }
    while !is_enough(work.vertices, work.triangles) {
        let Collapse { from, to, versions, .. } = queue.pop()?;
        if versions != [from, to].map(|place| work.version[usize::from(place)]) {
            continue;
        }
        if let Some(vertices) = work.allowed(from, to) {
            work.collapse(from, to, &vertices);
            // What was forbidden for the old neighbourhood may be allowed in the new one.
            for place in work.neighbours(to) {
                work.queue_collapses_of(place, &mut queue);
            }
            work.queue_collapses_of(to, &mut queue);
        }
    }
    Some(work.finish(parts))
}

/// The squared distance from a bundle of planes: `p·Ap + 2 b·p + c`.
#[derive(Clone, Copy, Debug, Default)]
struct Quadric {
    /// xx, yy, zz, xy, xz, yz.
    a: [f64; 6],
    b: DVec3,
    c: f64,
}

impl Quadric {
    fn plane(normal: DVec3, through: DVec3, weight: f64) -> Self {
        let DVec3 { x, y, z } = normal;
        let offset = -normal.dot(through);
        Self {
            a: [x * x, y * y, z * z, x * y, x * z, y * z].map(|n| n * weight),
            b: normal * offset * weight,
            c: offset * offset * weight,
        }
    }

    fn add(&mut self, other: &Self) {
        for (a, b) in self.a.iter_mut().zip(other.a) {
            *a += b;
        }
        self.b += other.b;
        self.c += other.c;
    }

    fn at(&self, DVec3 { x, y, z }: DVec3) -> f64 {
        let [xx, yy, zz, xy, xz, yz] = self.a;
        let square = xx * x * x + yy * y * y + zz * z * z + 2.0 * (xy * x * y + xz * x * z + yz * y * z);
        square + 2.0 * self.b.dot(DVec3 { x, y, z }) + self.c
    }
}

/// A place that may be pulled into another; the cheapest is the greatest.
#[derive(Clone, Copy, Debug)]
struct Collapse {
    cost: f64,
    from: u16,
    to: u16,
    /// Of both places when the cost was found.
    versions: [u32; 2],
}

impl Ord for Collapse {
    fn cmp(&self, other: &Self) -> Ordering {
        other.cost.total_cmp(&self.cost).then((other.from, other.to).cmp(&(self.from, self.to)))
    }
}

impl PartialOrd for Collapse {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Collapse {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Collapse {}

struct Work<'a> {
    mesh: &'a Mesh,
    poses: &'a [Vec<Vec3>],
    /// By the mesh's triangle; none once it is gone.
    corners: Vec<Option<[u16; 3]>>,
    /// The triangles at each place; some of them may be gone.
    around: Vec<Vec<u32>>,
    /// `[place][pose]`.
    quadrics: Vec<Vec<Quadric>>,
    version: Vec<u32>,
    vertices: usize,
    triangles: usize,
}

impl<'a> Work<'a> {
    fn new(mesh: &'a Mesh, poses: &'a [Vec<Vec3>]) -> Self {
        let places = mesh.weld.len();
        let mut work = Self {
            mesh,
            poses,
            corners: mesh.triangles.iter().copied().map(Some).collect(),
            around: vec![Vec::new(); places],
            quadrics: vec![vec![Quadric::default(); poses.len()]; places],
            version: vec![0; places],
            vertices: 0,
            triangles: mesh.triangles.len(),
        };
        let mut used = vec![false; places];
        let mut sides: HashMap<[u16; 2], u32> = HashMap::new();
        for (number, corners) in mesh.triangles.iter().enumerate() {
            let at = work.places(*corners);
            for i in 0..3 {
                used[usize::from(corners[i])] = true;
                work.around[usize::from(at[i])].push(number as u32);
                *sides.entry(sorted(at[i], at[(i + 1) % 3])).or_default() += 1;
            }
        }
        work.vertices = used.iter().filter(|used| **used).count();
        for corners in &mesh.triangles {
            let at = work.places(*corners);
            for (pose, positions) in poses.iter().enumerate() {
                let [a, b, c] = corners.map(|v| positions[usize::from(v)].as_dvec3());
                let Some(normal) = (b - a).cross(c - a).try_normalize() else { continue };
                let face = Quadric::plane(normal, a, 1.0);
                at.iter().for_each(|&p| work.quadrics[usize::from(p)][pose].add(&face));
                for (i, [from, to]) in [[a, b], [b, c], [c, a]].into_iter().enumerate() {
                    let ends = [at[i], at[(i + 1) % 3]];
                    if sides.get(&sorted(ends[0], ends[1])) != Some(&1) {
                        continue;
                    }
                    let Some(outward) = (to - from).cross(normal).try_normalize() else { continue };
                    let line = Quadric::plane(outward, from, BOUNDARY_WEIGHT);
                    ends.iter().for_each(|&p| work.quadrics[usize::from(p)][pose].add(&line));
                }
            }
        }
        work
    }

    fn place(&self, vertex: u16) -> u16 {
        self.mesh.weld[usize::from(vertex)]
    }

    fn places(&self, corners: [u16; 3]) -> [u16; 3] {
        corners.map(|v| self.place(v))
    }

    /// The triangles at a place that are left.
    fn triangles_at(&self, place: u16) -> impl Iterator<Item = (u32, [u16; 3])> + '_ {
        self.around[usize::from(place)].iter().filter_map(|&t| Some((t, self.corners[t as usize]?)))
    }

    fn neighbours(&self, place: u16) -> Vec<u16> {
        let corners = self.triangles_at(place).flat_map(|(_, corners)| self.places(corners));
        let mut neighbours: Vec<u16> = corners.filter(|&p| p != place).collect();
        neighbours.sort_unstable();
        neighbours.dedup();
        neighbours
    }

    fn queue_collapses_of(&self, from: u16, queue: &mut BinaryHeap<Collapse>) {
        for to in self.neighbours(from) {
            let versions = [from, to].map(|place| self.version[usize::from(place)]);
            queue.push(Collapse { cost: self.cost(from, to), from, to, versions });
        }
    }

    fn cost(&self, from: u16, to: u16) -> f64 {
        let [f, t] = [from, to].map(usize::from);
        (self.poses.iter().enumerate())
            .map(|(pose, positions)| {
                let (start, end) = (positions[f].as_dvec3(), positions[t].as_dvec3());
                let planes = self.quadrics[f][pose].at(end) + self.quadrics[t][pose].at(end);
                planes.max(0.0) + LENGTH_WEIGHT * start.distance_squared(end)
            })
            .sum()
    }

    /// Which vertex of `to` each vertex of `from` becomes, if the surface stays one.
    fn allowed(&self, from: u16, to: u16) -> Option<Vec<[u16; 2]>> {
        let has = |corners: [u16; 3], place| self.places(corners).contains(&place);
        let shared = self.triangles_at(from).filter(|&(_, corners)| has(corners, to)).count();
        let is_boundary = self.neighbours(from).into_iter().any(|neighbour| {
            self.triangles_at(from).filter(|&(_, corners)| has(corners, neighbour)).count() == 1
        });
        if shared != if is_boundary { 1 } else { 2 } || self.triangles_at(from).count() == shared {
            return None;
        }
        let theirs = self.neighbours(to);
        let common = self.neighbours(from).into_iter().filter(|p| theirs.binary_search(p).is_ok()).count();
        if common != shared {
            return None;
        }
        let vertices = self.same_chart(from, to)?;
        let keeps_facing = self
            .triangles_at(from)
            .filter(|&(_, corners)| !has(corners, to))
            .all(|(_, corners)| self.keeps_facing(corners, moved(corners, &vertices)));
        keeps_facing.then_some(vertices)
    }

    /// The vertices of `from` with the vertex of `to` that shares a triangle with each; none if one has none or two.
    fn same_chart(&self, from: u16, to: u16) -> Option<Vec<[u16; 2]>> {
        let of = |corners: [u16; 3], place| corners.into_iter().find(|&v| self.place(v) == place);
        let mut pairs: Vec<[u16; 2]> = Vec::new();
        for (_, corners) in self.triangles_at(from) {
            let (Some(mine), Some(theirs)) = (of(corners, from), of(corners, to)) else { continue };
            match pairs.iter().find(|pair| pair[0] == mine) {
                Some(pair) if pair[1] != theirs => return None,
                Some(_) => {}
                None => pairs.push([mine, theirs]),
            }
        }
        let mut all = self.triangles_at(from).filter_map(|(_, corners)| of(corners, from));
        all.all(|v| pairs.iter().any(|pair| pair[0] == v)).then_some(pairs)
    }

    /// Whether a triangle neither flips nor vanishes, in space or in the atlas.
    fn keeps_facing(&self, before: [u16; 3], after: [u16; 3]) -> bool {
        let normal = |corners: [u16; 3]| {
            let [a, b, c] = corners.map(|v| self.poses[0][usize::from(v)]);
            (b - a).cross(c - a)
        };
        let area = |corners: [u16; 3]| {
            let [a, b, c] = corners.map(|v| Vec2::from(self.mesh.uv[usize::from(v)]));
            (b - a).perp_dot(c - a)
        };
        let (old, new) = (normal(before), normal(after));
        old.dot(new) > LEAST_COSINE * old.length() * new.length() && area(before) * area(after) >= 0.0
    }

    fn collapse(&mut self, from: u16, to: u16, vertices: &[[u16; 2]]) {
        let [f, t] = [from, to].map(usize::from);
        let mut released = Vec::new();
        for number in std::mem::take(&mut self.around[f]) {
            let Some(corners) = self.corners[number as usize] else { continue };
            if self.places(corners).contains(&to) {
                self.corners[number as usize] = None;
                self.triangles -= 1;
                released.extend(corners.into_iter().filter(|&v| self.place(v) != from));
            } else {
                self.corners[number as usize] = Some(moved(corners, vertices));
                self.around[t].push(number);
            }
        }
        let quadrics = std::mem::take(&mut self.quadrics[f]);
        self.quadrics[t].iter_mut().zip(&quadrics).for_each(|(sum, quadric)| sum.add(quadric));
        // The vertices of `from` go, and those that only the lost triangles had.
        released.sort_unstable();
        released.dedup();
        released.retain(|&v| !self.triangles_at(self.place(v)).any(|(_, corners)| corners.contains(&v)));
        self.vertices -= vertices.len() + released.len();
        self.version[f] += 1;
        self.version[t] += 1;
    }

    fn finish(self, parts: &[Part]) -> Simplified {
        let mut used = vec![false; self.mesh.weld.len()];
        self.corners.iter().flatten().flatten().for_each(|&v| used[usize::from(v)] = true);
        let (mut vertices, mut triangles, mut ends) = (Vec::new(), Vec::new(), Vec::new());
        for part in parts {
            vertices.extend(part.vertices.clone().filter(|&v| used[v as usize]).map(|v| v as u16));
            let range = part.triangles.start as usize..part.triangles.end as usize;
            triangles.extend(self.corners[range].iter().flatten());
            ends.push([vertices.len() as u16, triangles.len() as u16]);
        }
        Simplified { vertices, triangles, ends }
    }
}

fn sorted(a: u16, b: u16) -> [u16; 2] {
    [a.min(b), a.max(b)]
}

fn moved(corners: [u16; 3], vertices: &[[u16; 2]]) -> [u16; 3] {
    corners.map(|v| vertices.iter().find(|pair| pair[0] == v).map_or(v, |pair| pair[1]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Preset, synthetic_avatar};

    fn coarse(vertices: usize) -> (crate::Avatar, Option<Simplified>) {
        let avatar = synthetic_avatar(1, Preset::Full);
        let rest: Vec<Vec3> = avatar.mesh.mean.iter().map(|&p| Vec3::from(p)).collect();
        let simplified = simplify(&avatar.mesh, &avatar.manifest.parts, &[rest], |v, _| v <= vertices);
        (avatar, simplified)
    }

    #[test]
    fn a_coarse_mesh_is_a_closed_mesh_of_the_same_shape() {
        let (avatar, simplified) = coarse(2_500);
        let Simplified { vertices, triangles, ends } = simplified.unwrap();
        assert!(vertices.len() <= 2_500 && vertices.len() > 2_400, "{}", vertices.len());
        assert!(vertices.is_sorted(), "parts stay in order");
        assert_eq!(ends.len(), avatar.manifest.parts.len());
        // The skin is closed before and after: V − E + F = 2 over its places.
        let skin = &triangles[..usize::from(ends[0][1])];
        let at = |v: u16| avatar.mesh.weld[usize::from(v)];
        let mut places: Vec<u16> = skin.iter().flatten().map(|&v| at(v)).collect();
        let mut sides = HashMap::new();
        for [a, b, c] in skin {
            for (from, to) in [(a, b), (b, c), (c, a)] {
                *sides.entry(sorted(at(*from), at(*to))).or_insert(0) += 1;
            }
        }
        places.sort_unstable();
        places.dedup();
        assert!(sides.values().all(|&count| count == 2), "no holes, no flaps");
        assert_eq!(places.len() + skin.len(), sides.len() + 2);
        // An ellipsoid of half axes 78, 125 and 95 mm: no vertex of the whole mesh is far from the coarse one's planes.
        let centre = Vec3::new(0.0, -0.03, 0.085);
        let radii = Vec3::new(0.078, 0.125, 0.095);
        for corners in skin {
            let middle: Vec3 =
                corners.iter().map(|&v| Vec3::from(avatar.mesh.mean[usize::from(v)])).sum::<Vec3>() / 3.0;
            let sunk = 1.0 - ((middle - centre) / radii).length();
            assert!(sunk < 0.03, "a triangle cuts {sunk} of the radius off");
        }
    }

    #[test]
    fn what_cannot_be_reached_is_not() {
        assert_eq!(coarse(20).1, None, "nine parts don't fit into twenty vertices");
    }
}
