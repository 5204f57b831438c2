//! Triangle meshes as surfaces: normals, neighbours, and the nearest point among the triangles that will do.

use std::collections::HashMap;

use glam::Vec3;

const LEAF: usize = 4;

/// Positions and triangles, counter-clockwise from outside.
#[derive(Clone, Debug, Default)]
pub(super) struct Shape {
    pub(super) positions: Vec<Vec3>,
    pub(super) triangles: Vec<[u32; 3]>,
}

impl Shape {
    /// Corners of a triangle.
    pub(super) fn corners(&self, triangle: usize) -> [Vec3; 3] {
        self.triangles[triangle].map(|v| self.positions[v as usize])
    }

    /// A unit normal a vertex, weighted by area; zero where no triangle is.
    pub(super) fn normals(&self) -> Vec<Vec3> {
        let mut sums = vec![Vec3::ZERO; self.positions.len()];
        for t in 0..self.triangles.len() {
            let [a, b, c] = self.corners(t);
            let double_area = (b - a).cross(c - a);
            self.triangles[t].iter().for_each(|&v| sums[v as usize] += double_area);
        }
        sums.iter().map(|n| n.normalize_or_zero()).collect()
    }

    /// A third of the area round each vertex.
    pub(super) fn areas(&self) -> Vec<f32> {
        let mut sums = vec![0.0; self.positions.len()];
        for t in 0..self.triangles.len() {
            let [a, b, c] = self.corners(t);
            let area = (b - a).cross(c - a).length() / 6.0;
            self.triangles[t].iter().for_each(|&v| sums[v as usize] += area);
        }
        sums
    }

    /// Vertices joined to each by an edge, ascending.
    pub(super) fn neighbours(&self) -> Vec<Vec<u32>> {
        let mut out = vec![Vec::new(); self.positions.len()];
        for &[a, b, c] in &self.triangles {
            for (v, others) in [(a, [b, c]), (b, [c, a]), (c, [a, b])] {
                out[v as usize].extend(others);
            }
        }
        for list in &mut out {
            list.sort_unstable();
            list.dedup();
        }
        out
    }

    /// Vertices on an edge that only one triangle has.
    pub(super) fn boundary(&self) -> Vec<bool> {
        let mut edges: HashMap<[u32; 2], u32> = HashMap::new();
        for &[a, b, c] in &self.triangles {
            for (x, y) in [(a, b), (b, c), (c, a)] {
                *edges.entry([x.min(y), x.max(y)]).or_default() += 1;
            }
        }
        let mut out = vec![false; self.positions.len()];
        let open = edges.iter().filter(|(_, count)| **count == 1);
        open.flat_map(|(edge, _)| edge).for_each(|&v| out[v as usize] = true);
        out
    }

    /// For each vertex the smallest vertex that edges lead to: equal within a connected piece.
    pub(super) fn pieces(&self) -> Vec<u32> {
        fn root(parent: &mut [u32], mut v: u32) -> u32 {
            while parent[v as usize] != v {
                parent[v as usize] = parent[parent[v as usize] as usize];
                v = parent[v as usize];
            }
            v
        }
        let mut parent: Vec<u32> = (0..self.positions.len() as u32).collect();
        for &[a, b, c] in &self.triangles {
            for (x, y) in [(a, b), (b, c)] {
                let (x, y) = (root(&mut parent, x), root(&mut parent, y));
                parent[x.max(y) as usize] = x.min(y);
            }
        }
        (0..self.positions.len() as u32).map(|v| root(&mut parent, v)).collect()
    }
}

/// The nearest point of a surface.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hit {
    pub(super) triangle: usize,
    /// Barycentric, of the triangle's corners.
    pub(super) weights: [f32; 3],
    pub(super) point: Vec3,
    pub(super) distance: f32,
    /// Whether the point lies on the surface's open edge.
    pub(super) at_boundary: bool,
}

#[derive(Clone, Copy)]
struct Node {
    low: Vec3,
    high: Vec3,
    /// First of the triangles in `order`, and how many; of an inner node the left child, and 0 (the right one follows
    /// from the left one's `skip`).
    first: u32,
    count: u32,
    right: u32,
}

/// A shape in a tree of boxes.
pub(super) struct Surface<'a> {
    pub(super) shape: &'a Shape,
    boundary: Vec<bool>,
    normals: Vec<Vec3>,
    order: Vec<u32>,
    nodes: Vec<Node>,
}

impl<'a> Surface<'a> {
    pub(super) fn new(shape: &'a Shape) -> Self {
        let count = shape.triangles.len();
        let centres: Vec<Vec3> = (0..count).map(|t| shape.corners(t).iter().sum::<Vec3>() / 3.0).collect();
        let face_normal = |t: usize| {
            let [a, b, c] = shape.corners(t);
            (b - a).cross(c - a).normalize_or_zero()
        };
        let mut surface = Self {
            shape,
            boundary: shape.boundary(),
            normals: (0..count).map(face_normal).collect(),
            order: (0..count as u32).collect(),
            nodes: Vec::with_capacity(count),
        };
        if count > 0 {
            surface.split(&centres, 0, count);
        }
        surface
    }

    /// Makes the node of `order[first..end]` and those below; returns its number.
    fn split(&mut self, centres: &[Vec3], first: usize, end: usize) -> u32 {
        let (mut low, mut high) = (Vec3::INFINITY, Vec3::NEG_INFINITY);
        for &t in &self.order[first..end] {
            for corner in self.shape.corners(t as usize) {
                (low, high) = (low.min(corner), high.max(corner));
            }
        }
        let number = self.nodes.len() as u32;
        self.nodes.push(Node { low, high, first: first as u32, count: (end - first) as u32, right: 0 });
        if end - first > LEAF {
            let size = high - low;
            let axis =
                if size.x >= size.y && size.x >= size.z { 0 } else { 1 + usize::from(size.z > size.y) };
            let middle = usize::midpoint(first, end);
            let key = |t: &u32| centres[*t as usize][axis];
            self.order[first..end].select_nth_unstable_by(middle - first, |a, b| key(a).total_cmp(&key(b)));
            self.split(centres, first, middle);
            let right = self.split(centres, middle, end);
            let node = &mut self.nodes[number as usize];
            (node.count, node.right) = (0, right);
        }
        number
    }

    /// The unit normal of a triangle; zero if it has no area.
    pub(super) fn normal(&self, triangle: usize) -> Vec3 {
        self.normals[triangle]
    }

    /// The point nearest to `p` on a triangle whose normal `accept`s, no further than `within`.
    pub(super) fn closest(&self, p: Vec3, within: f32, accept: impl Fn(Vec3) -> bool) -> Option<Hit> {
        let mut best: Option<(u32, [f32; 3], Vec3)> = None;
        let mut limit = within * within;
        let mut stack = vec![0u32];
        while let Some(number) = stack.pop() {
            let Some(node) = self.nodes.get(number as usize) else { continue };
            if box_distance2(node, p) > limit {
                continue;
            }
            if node.count == 0 {
                let (left, right) = (number + 1, node.right);
                let distance = |n: u32| box_distance2(&self.nodes[n as usize], p);
                // The nearer one last, so that it is looked at first.
                let (near, far) =
                    if distance(left) <= distance(right) { (left, right) } else { (right, left) };
                stack.extend([far, near]);
                continue;
            }
            for &t in &self.order[node.first as usize..(node.first + node.count) as usize] {
                if !accept(self.normals[t as usize]) {
                    continue;
                }
                let weights = nearest_in_triangle(self.shape.corners(t as usize), p);
                let [a, b, c] = self.shape.corners(t as usize);
                let point = a * weights[0] + b * weights[1] + c * weights[2];
                let distance2 = point.distance_squared(p);
                // Of equally near ones the first by number, so that the tree's shape doesn't matter.
                if distance2 < limit || distance2 == limit && best.is_none_or(|b| t < b.0) {
                    limit = distance2;
                    best = Some((t, weights, point));
                }
            }
        }
        best.map(|(triangle, weights, point)| {
            let corners = self.shape.triangles[triangle as usize];
            let touched = || corners.iter().zip(weights).filter(|(_, w)| *w > 1e-4);
            let at_boundary = touched().count() < 3 && touched().all(|(&v, _)| self.boundary[v as usize]);
            Hit { triangle: triangle as usize, weights, point, distance: limit.sqrt(), at_boundary }
        })
    }
}

fn box_distance2(node: &Node, p: Vec3) -> f32 {
    (node.low - p).max(p - node.high).max(Vec3::ZERO).length_squared()
}

/// Barycentric weights of a triangle's point nearest to `p` (Ericson, Real-Time Collision Detection, §5.1.5).
fn nearest_in_triangle([a, b, c]: [Vec3; 3], p: Vec3) -> [f32; 3] {
    let (ab, ac, ap) = (b - a, c - a, p - a);
    let (d1, d2) = (ab.dot(ap), ac.dot(ap));
    if d1 <= 0.0 && d2 <= 0.0 {
        return [1.0, 0.0, 0.0];
    }
    let bp = p - b;
    let (d3, d4) = (ab.dot(bp), ac.dot(bp));
    if d3 >= 0.0 && d4 <= d3 {
        return [0.0, 1.0, 0.0];
    }
    let vc = d1 * d4 - d3 * d2;
    if vc <= 0.0 && d1 >= 0.0 && d3 <= 0.0 {
        let t = d1 / (d1 - d3).max(f32::MIN_POSITIVE);
        return [1.0 - t, t, 0.0];
    }
    let cp = p - c;
    let (d5, d6) = (ab.dot(cp), ac.dot(cp));
    if d6 >= 0.0 && d5 <= d6 {
        return [0.0, 0.0, 1.0];
    }
    let vb = d5 * d2 - d1 * d6;
    if vb <= 0.0 && d2 >= 0.0 && d6 <= 0.0 {
        let t = d2 / (d2 - d6).max(f32::MIN_POSITIVE);
        return [1.0 - t, 0.0, t];
    }
    let va = d3 * d6 - d5 * d4;
    if va <= 0.0 && d4 - d3 >= 0.0 && d5 - d6 >= 0.0 {
        let t = (d4 - d3) / ((d4 - d3) + (d5 - d6)).max(f32::MIN_POSITIVE);
        return [0.0, 1.0 - t, t];
    }
    let sum = (va + vb + vc).max(f32::MIN_POSITIVE);
    [va / sum, vb / sum, vc / sum]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bumpy_grid() -> Shape {
        let n = 12u32;
        let positions = (0..n * n)
            .map(|i| {
                let (x, y) = ((i % n) as f32, (i / n) as f32);
                Vec3::new(x, y, (x * 0.9).sin() + (y * 0.7).cos())
            })
            .collect();
        let quad = |i: u32| [[i, i + 1, i + n], [i + 1, i + n + 1, i + n]];
        let triangles = (0..n * n).filter(|i| i % n < n - 1 && i / n < n - 1).flat_map(quad).collect();
        Shape { positions, triangles }
    }

    #[test]
    fn the_tree_finds_what_trying_every_triangle_finds() {
        let shape = bumpy_grid();
        let surface = Surface::new(&shape);
        for i in 0..60 {
            let p = Vec3::new((i * 7 % 15) as f32 - 2.0, (i * 5 % 14) as f32 - 1.0, (i % 5) as f32 - 2.0);
            let expected = (0..shape.triangles.len())
                .map(|t| {
                    let [a, b, c] = shape.corners(t);
                    let w = nearest_in_triangle([a, b, c], p);
                    (a * w[0] + b * w[1] + c * w[2]).distance(p)
                })
                .fold(f32::INFINITY, f32::min);
            let hit = surface.closest(p, f32::INFINITY, |_| true).unwrap();
            assert!((hit.distance - expected).abs() < 1e-5, "{} and {expected}", hit.distance);
            // A finer walk over the triangle finds nothing nearer.
            let [a, b, c] = shape.corners(hit.triangle);
            for (s, t) in (0..=20).flat_map(|s| (0..=20 - s).map(move |t| (s as f32 / 20.0, t as f32 / 20.0)))
            {
                assert!((a + (b - a) * s + (c - a) * t).distance(p) >= hit.distance - 1e-4);
            }
            assert!(surface.closest(p, expected * 0.9, |_| true).is_none());
            assert!(surface.closest(p, f32::INFINITY, |n| n.z < 0.0).is_none());
        }
        let at_boundary =
            |x, y| surface.closest(Vec3::new(x, y, 0.5), f32::INFINITY, |_| true).unwrap().at_boundary;
        assert!(at_boundary(-20.0, 5.3) && !at_boundary(5.4, 5.3));
    }
}
