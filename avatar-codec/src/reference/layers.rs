//! What each pixel sees of the mesh: the nearest opaque fragment, the blended ones in front of it, and the fringe.
//!
//! 1. *Opaque* parts: back faces culled; the nearest wins, the first triangle among equals.
//! 2. *Blended* parts: back faces culled unless the part is two-sided (then the normal is turned towards the viewer);
//!    every fragment nearer than the opaque one is kept, in the order of the triangles.
//! 3. *Fringe*: each silhouette edge of an opaque part (one of its two triangles faces the eye and the other does not,
//!    or it is a boundary and its only triangle does) reaches one pixel outwards from the front face, at right angles
//!    to the edge on screen; coverage falls linearly from 1 on the edge to 0. Everything but the coverage is that of
//!    the nearest point of the edge. Edges come part by part, in the order of [`Mesh::edges`]. Fragments nearer than
//!    the opaque one are kept.
//!
//! What becomes of them depends on the blended fragments' alpha: see [`Image`](super::Image). Of the lists of 2 and 3 a
//! pixel keeps the first [`MAX_LAYERS`]; [`render`](super::render()) draws as many as there are.

use glam::{Vec2, Vec3, Vec4};

use super::raster::{self, Cull, SUBPIXEL, pixel_from_clip};
use super::view::View;
use crate::avatar::{EdgeSide, Mesh, Part, PartKind};

/// The most blended fragments, and the most of the fringe, that [`Layers`] keeps of a pixel. A head has some ten in a
/// line of sight; a mesh of thousands that fill the picture would need gigabytes for pixels that nobody sees through.
pub const MAX_LAYERS: usize = 32;

/// A point of the surface, seen through the centre of a pixel. Space is that of the positions given to [`layers`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fragment {
    /// The part that it belongs to.
    pub kind: PartKind,
    /// Its triangle.
    pub triangle: u32,
    /// Texture coordinates.
    pub uv: Vec2,
    /// The interpolated normal, unit length; towards the viewer on the back of two-sided parts.
    pub normal: Vec3,
    /// Where it is, metres.
    pub position: Vec3,
    /// Reversed depth: larger is nearer.
    pub depth: f32,
}

/// A fragment of the soft rim outside a silhouette.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FringeFragment {
    /// The nearest point of the edge.
    pub fragment: Fragment,
    /// Its alpha, 1 on the edge to 0 one pixel outside.
    pub coverage: f32,
}

/// The fragments of a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Layers {
    /// Columns and rows.
    pub size: [u32; 2],
    opaque: Vec<Option<Fragment>>,
    blended: PerPixel<Fragment>,
    fringe: PerPixel<FringeFragment>,
}

/// The fragments of one pixel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PixelLayers<'a> {
    /// The nearest opaque one.
    pub opaque: Option<&'a Fragment>,
    /// The blended ones in front of it, in drawing order; at most [`MAX_LAYERS`].
    pub blended: &'a [Fragment],
    /// The fringe in front of the opaque one, in drawing order; at most [`MAX_LAYERS`].
    pub fringe: &'a [FringeFragment],
}

impl Layers {
    /// The fragments of a pixel of the picture.
    ///
    /// # Panics
    /// If the pixel is outside.
    pub fn pixel(&self, x: u32, y: u32) -> PixelLayers<'_> {
        assert!(x < self.size[0] && y < self.size[1], "pixel ({x}, {y}) outside {:?}", self.size);
        let pixel = y as usize * self.size[0] as usize + x as usize;
        PixelLayers {
            opaque: self.opaque[pixel].as_ref(),
            blended: self.blended.of(pixel),
            fringe: self.fringe.of(pixel),
        }
    }
}

/// Sees a posed mesh. `positions` and `normals` are one for each vertex of `mesh`, in the world of `view`.
pub fn layers(
    mesh: &Mesh,
    parts: &[Part],
    positions: &[Vec3],
    normals: &[Vec3],
    view: &View,
    size: [u32; 2],
) -> Layers {
    let surface = Surface { mesh, positions, normals, view, size };
    let opaque = surface.nearest(parts);
    let is_seen =
        |pixel: usize, depth: f32| opaque[pixel].is_none_or(|nearest: Fragment| depth > nearest.depth);

    let mut blended = Lists::new(surface.pixels());
    for part in parts.iter().filter(|part| part.kind.is_blended()) {
        surface.fragments(part, |pixel, fragment| {
            if is_seen(pixel, fragment.depth) {
                blended.push(pixel, fragment);
            }
        });
    }
    let mut fringe = Lists::new(surface.pixels());
    for part in parts.iter().filter(|part| !part.kind.is_blended()) {
        surface.fringe(part, |pixel, fragment| {
            if is_seen(pixel, fragment.fragment.depth) {
                fringe.push(pixel, fragment);
            }
        });
    }
    let (blended, fringe) = (blended.sort(), fringe.sort());
    Layers { size, opaque, blended, fringe }
}

/// A posed mesh before a camera.
#[derive(Clone, Copy, Debug)]
pub(super) struct Surface<'a> {
    pub(super) mesh: &'a Mesh,
    /// One for each vertex, in the world of `view`.
    pub(super) positions: &'a [Vec3],
    pub(super) normals: &'a [Vec3],
    pub(super) view: &'a View,
    pub(super) size: [u32; 2],
}

impl Surface<'_> {
    fn pixel(&self, x: u32, y: u32) -> usize {
        y as usize * self.size[0] as usize + x as usize
    }

    pub(super) fn pixels(&self) -> usize {
        self.size[0] as usize * self.size[1] as usize
    }

    /// The nearest fragment of opaque parts at each pixel.
    pub(super) fn nearest(&self, parts: &[Part]) -> Vec<Option<Fragment>> {
        let mut opaque: Vec<Option<Fragment>> = vec![None; self.pixels()];
        for part in parts.iter().filter(|part| !part.kind.is_blended()) {
            self.fragments(part, |pixel, fragment| {
                if opaque[pixel].is_none_or(|nearest| fragment.depth > nearest.depth) {
                    opaque[pixel] = Some(fragment);
                }
            });
        }
        opaque
    }

    /// Every fragment of a part, in the order of its triangles.
    pub(super) fn fragments(&self, part: &Part, mut emit: impl FnMut(usize, Fragment)) {
        let (kind, clip_from_world) = (part.kind, self.view.clip_from_world());
        let cull = if kind.is_two_sided() { Cull::None } else { Cull::Back };
        for triangle in part.triangles.clone() {
            let corners = self.mesh.triangles[triangle as usize].map(usize::from);
            let world = corners.map(|v| self.positions[v]);
            raster::triangle(&clip_from_world, self.size, world, cull, |hit| {
                let weights = hit.weights.to_array();
                let mut fragment = self.interpolate(kind, triangle, &corners, &weights, hit.depth);
                if !hit.is_front {
                    fragment.normal = -fragment.normal;
                }
                emit(self.pixel(hit.x, hit.y), fragment);
            });
        }
    }

    pub(super) fn interpolate(
        &self,
        kind: PartKind,
        triangle: u32,
        corners: &[usize],
        weights: &[f32],
        depth: f32,
    ) -> Fragment {
        let (mut uv, mut normal, mut position) = (Vec2::ZERO, Vec3::ZERO, Vec3::ZERO);
        for (&v, &weight) in corners.iter().zip(weights) {
            uv += weight * Vec2::from(self.mesh.uv[v]);
            normal += weight * self.normals[v];
            position += weight * self.positions[v];
        }
        Fragment { kind, triangle, uv, normal: normal.normalize_or(Vec3::Z), position, depth }
    }

    /// Whether the triangle's outside faces the eye.
    fn is_front(&self, triangle: u32, eye: Vec3) -> bool {
        let [a, b, c] = self.mesh.triangles[triangle as usize].map(usize::from).map(|v| self.positions[v]);
        (b - a).cross(c - a).dot(eye - a) > 0.0
    }

    /// The fringe of an opaque part, edge by edge.
    pub(super) fn fringe(&self, part: &Part, mut emit: impl FnMut(usize, FringeFragment)) {
        let eye = self.view.eye();
        for edge in self.mesh.edges(part) {
            let first = self.is_front(edge.first.triangle, eye);
            let second = edge.second.map(|side| (side, self.is_front(side.triangle, eye)));
            match (first, second) {
                (true, None | Some((_, false))) => self.fringe_of_edge(part.kind, edge.first, &mut emit),
                (false, Some((side, true))) => self.fringe_of_edge(part.kind, side, &mut emit),
                _ => {}
            }
        }
    }

    /// `side` is the edge as the triangle that faces the eye winds it.
    fn fringe_of_edge(&self, kind: PartKind, side: EdgeSide, emit: &mut impl FnMut(usize, FringeFragment)) {
        let corners = side.vertices.map(usize::from);
        let clip_from_world = self.view.clip_from_world();
        let clip = corners.map(|v| clip_from_world * self.positions[v].extend(1.0));
        let Some((ends, clip)) = clip_segment_near(clip) else { return };
        let [Some(a), Some(b)] = clip.map(|clip| pixel_from_clip(clip, self.size)) else { return };
        // The same snapping as the triangle's own, so that fringe and triangle meet.
        let [a, b] = [a, b].map(|p| (p * SUBPIXEL).round() / SUBPIXEL);
        let length = a.distance(b);
        if length == 0.0 {
            return;
        }
        let along = (b - a) / length;
        // The front face winds counter-clockwise as seen, y runs down: its inside is to the left of a → b, so outside
        // is a quarter turn clockwise as seen.
        let outward = Vec2::new(-along.y, along.x);
        let [inverse_wa, inverse_wb] = clip.map(|clip| clip.w.recip());
        let (depth_a, depth_b) = (clip[0].z * inverse_wa, clip[1].z * inverse_wb);

        let low = a.min(b) - 1.0;
        let high = a.max(b) + 1.0;
        let range = |low: f32, high: f32, count: u32| {
            (low - 0.5).ceil().max(0.0) as u32..((high - 0.5).floor() + 1.0).clamp(0.0, count as f32) as u32
        };
        for y in range(low.y, high.y, self.size[1]) {
            for x in range(low.x, high.x, self.size[0]) {
                let p = Vec2::new(x as f32 + 0.5, y as f32 + 0.5) - a;
                let (t, distance) = (p.dot(along) / length, p.dot(outward));
                if !(0.0..1.0).contains(&t) || !(0.0..1.0).contains(&distance) {
                    continue;
                }
                let depth = depth_a + (depth_b - depth_a) * t;
                if !(0.0..=1.0).contains(&depth) {
                    continue;
                }
                // From linear on screen to linear on the clipped edge, then on the whole one.
                let (wa, wb) = ((1.0 - t) * inverse_wa, t * inverse_wb);
                let t = ends[0] + (ends[1] - ends[0]) * (wb / (wa + wb));
                let fragment = self.interpolate(kind, side.triangle, &corners, &[1.0 - t, t], depth);
                emit(self.pixel(x, y), FringeFragment { fragment, coverage: 1.0 - distance });
            }
        }
    }
}

/// The part of a segment beyond the near plane: where it begins and ends (0..=1 along it), and those places.
fn clip_segment_near([a, b]: [Vec4; 2]) -> Option<([f32; 2], [Vec4; 2])> {
    let (inside_a, inside_b) = (a.w - a.z, b.w - b.z);
    let cut = inside_a / (inside_a - inside_b);
    match (inside_a >= 0.0, inside_b >= 0.0) {
        (true, true) => Some(([0.0, 1.0], [a, b])),
        (true, false) => Some(([0.0, cut], [a, a.lerp(b, cut)])),
        (false, true) => Some(([cut, 1.0], [a.lerp(b, cut), b])),
        (false, false) => None,
    }
}

/// A list for each pixel, kept in one array.
#[derive(Clone, Debug, PartialEq)]
struct PerPixel<T> {
    /// Where each pixel's list begins; one more at the end.
    start: Vec<u32>,
    items: Vec<T>,
}

impl<T> PerPixel<T> {
    fn of(&self, pixel: usize) -> &[T] {
        &self.items[self.start[pixel] as usize..self.start[pixel + 1] as usize]
    }
}

/// What becomes a [`PerPixel`].
struct Lists<T> {
    counts: Vec<u8>,
    tagged: Vec<(u32, T)>,
}

impl<T> Lists<T> {
    fn new(pixels: usize) -> Self {
        Self { counts: vec![0; pixels], tagged: Vec::new() }
    }

    /// Appends to a pixel's list, unless that is full.
    fn push(&mut self, pixel: usize, item: T) {
        if usize::from(self.counts[pixel]) < MAX_LAYERS {
            self.counts[pixel] += 1;
            self.tagged.push((pixel as u32, item));
        }
    }

    /// Keeps the order within each pixel.
    fn sort(mut self) -> PerPixel<T> {
        self.tagged.sort_by_key(|&(pixel, _)| pixel); // stable
        let mut start = vec![0; self.counts.len() + 1];
        for (pixel, &count) in self.counts.iter().enumerate() {
            start[pixel + 1] = start[pixel] + u32::from(count);
        }
        PerPixel { start, items: self.tagged.into_iter().map(|(_, item)| item).collect() }
    }
}
