//! Posed vertices to triangles on screen: projection, snapping, near-plane clipping, culling, and the linear functions
//! that say where a pixel is on the triangle.

use glam::{Mat4, Vec4};
use visavis_codec::avatar::PartKind;
use visavis_codec::reference::raster::SUBPIXEL;

use super::bands::{Bounds, TILE};
use super::geometry::Vertex;
use super::simd::{Kernel, LANES, Simd, each};

/// Triangles with a corner further from the picture's origin aren't drawn (as in the reference).
const MAX_PIXEL: f32 = (1 << 21) as f32;

/// A vertex on screen: `[x, y, depth, 1/w]` in pixels, snapped, and the place in clip space. `1/w` is 0 where the vertex
/// is nearer than the near plane or too far outside.
pub(crate) type ScreenVertex = [f32; LANES];

/// A triangle that faces the viewer, its corners clockwise on screen (y down).
///
/// With `d = pixel − p₀`: the perspective-correct weights of its second and third vertex are `n₁·d / (1 + s·d)` and
/// `n₂·d / (1 + s·d)`, and the depth is `depth₀ + slope·d`.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Triangle {
    /// `[p₀ (2), n₁ (2), n₂ (2), s (2)]`: one vector, for transposing.
    pub(crate) weights: [f32; LANES],
    p1: [f32; 2],
    p2: [f32; 2],
    /// `[depth₀, slope]`.
    depth: [f32; 3],
    /// The mesh's vertices.
    pub(crate) vertices: [u16; 3],
    /// Whether its back is seen, so that normals turn round.
    pub(crate) is_back: bool,
    pub(crate) kind: PartKind,
}

/// A corner of a clipped triangle.
#[derive(Clone, Copy, Debug)]
struct Corner {
    clip: Vec4,
    /// Weights of the second and third vertex.
    weights: [f32; 2],
}

/// A corner on screen.
#[derive(Clone, Copy, Debug)]
struct Projected {
    at: [f32; 2],
    depth: f32,
    inverse_w: f32,
    weights: [f32; 2],
}

/// Where the near plane is, and how large the picture is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Camera {
    pub(crate) clip_from_rest: Mat4,
    pub(crate) size: [usize; 2],
}

/// Projects vertices.
pub(crate) struct ProjectKernel<'a> {
    pub(crate) camera: Camera,
    pub(crate) vertices: &'a [Vertex],
    pub(crate) screen: &'a mut [ScreenVertex],
}

impl Kernel for ProjectKernel<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { camera, vertices, screen } = self;
        let m = camera.clip_from_rest.to_cols_array_2d();
        let (width, height) = (s.splat(camera.size[0] as f32), s.splat(camera.size[1] as f32));
        let (half, zero) = (s.splat(0.5), s.splat(0.0));
        let subpixel = s.splat(SUBPIXEL);
        for (vertices, screen) in
            vertices.as_chunks::<LANES>().0.iter().zip(screen.as_chunks_mut::<LANES>().0)
        {
            let [x, y, z, ..] = s.load_transposed(vertices.each_ref());
            let [cx, cy, cz, cw] = each!(row < 4 => {
                let sum = s.mul_add(s.splat(m[0][row]), x, s.splat(m[3][row]));
                s.mul_add(s.splat(m[2][row]), z, s.mul_add(s.splat(m[1][row]), y, sum))
            });
            let inverse_w = s.div(s.splat(1.0), cw);
            let px = s.mul(s.mul_add(s.div(cx, cw), half, half), width);
            let py = s.mul(s.neg_mul_add(s.div(cy, cw), half, half), height);
            let limit = s.splat(MAX_PIXEL);
            // `gt(0, cz − cw)` would be the strict rule; "at least" by way of the smallest step.
            let beyond_near = s.gt(s.sub(cw, cz), s.splat(-f32::MIN_POSITIVE));
            let inside = s.and(s.gt(limit, s.abs(px)), s.gt(limit, s.abs(py)));
            let is_drawable = s.and(s.and(s.gt(cw, zero), beyond_near), inside);
            let inverse_w = s.select(is_drawable, inverse_w, zero);
            let [px, py] = each!(i < 2 => s.div(s.round(s.mul([px, py][i], subpixel)), subpixel));
            let rows = [px, py, s.mul(cz, inverse_w), inverse_w, cx, cy, cz, cw];
            for (row, vertex) in s.transpose(rows).into_iter().zip(screen) {
                s.store(row, vertex);
            }
        }
    }
}

/// Calls `emit` with each drawable piece of a triangle (one, unless the near plane cuts it) and its bounds.
/// `is_two_sided` keeps the triangles that show their back.
#[inline(always)]
pub(crate) fn pieces(
    camera: &Camera,
    screen: &[ScreenVertex],
    vertices: [u16; 3],
    is_two_sided: bool,
    emit: &mut impl FnMut(Triangle, Bounds),
) {
    let corners = vertices.map(|v| screen[usize::from(v)]);
    if corners.iter().all(|corner| corner[3] > 0.0) {
        let [a, b, c] = corners;
        let project = |[x, y, depth, inverse_w, ..]: ScreenVertex, weights| Projected {
            at: [x, y],
            depth,
            inverse_w,
            weights,
        };
        let corners = [project(a, [0.0, 0.0]), project(b, [1.0, 0.0]), project(c, [0.0, 1.0])];
        piece(camera, corners, vertices, is_two_sided, emit);
    } else {
        clipped_pieces(camera, corners, vertices, is_two_sided, emit);
    }
}

/// [`pieces`] of a triangle that the near plane may cut.
#[cold]
#[inline(never)]
fn clipped_pieces(
    camera: &Camera,
    corners: [ScreenVertex; 3],
    mut vertices: [u16; 3],
    is_two_sided: bool,
    emit: &mut impl FnMut(Triangle, Bounds),
) {
    // The first corner must be one beyond the near plane, and stays the first of every piece.
    let mut clip = corners.map(|[_, _, _, _, x, y, z, w]| Vec4::new(x, y, z, w));
    let Some(first) = clip.iter().position(|c| c.w - c.z >= 0.0) else { return };
    clip.rotate_left(first);
    vertices.rotate_left(first);
    let (polygon, count) = clip_near(clip);
    for i in 2..count {
        let fan = [polygon[0], polygon[i - 1], polygon[i]];
        if let [Some(a), Some(b), Some(c)] = fan.map(|corner| project(camera, corner)) {
            piece(camera, [a, b, c], vertices, is_two_sided, emit);
        }
    }
}

/// Cuts away what is nearer than the near plane, `z > w`; 3 or 4 corners are left, or none.
fn clip_near(clip: [Vec4; 3]) -> ([Corner; 4], usize) {
    let all = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]];
    let corners: [Corner; 3] = std::array::from_fn(|i| Corner { clip: clip[i], weights: all[i] });
    let mut polygon = [corners[0]; 4];
    let mut count = 0;
    for i in 0..3 {
        let (a, b) = (corners[i], corners[(i + 1) % 3]);
        let (inside_a, inside_b) = (a.clip.w - a.clip.z, b.clip.w - b.clip.z);
        if inside_a >= 0.0 {
            polygon[count] = a;
            count += 1;
        }
        if (inside_a >= 0.0) != (inside_b >= 0.0) {
            let t = inside_a / (inside_a - inside_b);
            let weights = std::array::from_fn(|k| a.weights[k] + (b.weights[k] - a.weights[k]) * t);
            polygon[count] = Corner { clip: a.clip.lerp(b.clip, t), weights };
            count += 1;
        }
    }
    (polygon, count)
}

/// Where a place in clip space is in the picture, in pixels, snapped; none if that is too far outside or no number.
pub(crate) fn snapped_pixel(clip: Vec4, size: [usize; 2]) -> Option<[f32; 2]> {
    let [width, height] = size.map(|count| count as f32);
    let at = [(clip.x / clip.w * 0.5 + 0.5) * width, (0.5 - clip.y / clip.w * 0.5) * height];
    let is_drawable = clip.w > 0.0 && at.iter().all(|x| x.abs() < MAX_PIXEL);
    is_drawable.then(|| at.map(|x| (x * SUBPIXEL).round() / SUBPIXEL))
}

fn project(camera: &Camera, Corner { clip, weights }: Corner) -> Option<Projected> {
    let at = snapped_pixel(clip, camera.size)?;
    let inverse_w = clip.w.recip();
    Some(Projected { at, depth: clip.z * inverse_w, inverse_w, weights })
}

#[inline(always)]
fn piece(
    camera: &Camera,
    [a, mut b, mut c]: [Projected; 3],
    vertices: [u16; 3],
    is_two_sided: bool,
    emit: &mut impl FnMut(Triangle, Bounds),
) {
    let difference = |p: [f32; 2], q: [f32; 2]| [p[0] - q[0], p[1] - q[1]];
    // Exact: differences of snapped coordinates have at most 31 bits.
    let [[bx, by], [cx, cy]] = [difference(b.at, a.at), difference(c.at, a.at)].map(|d| d.map(f64::from));
    let area = bx * cy - by * cx;
    let is_front = area < 0.0;
    if area == 0.0 || !(is_front || is_two_sided) {
        return;
    }
    let low = [a.at[0].min(b.at[0]).min(c.at[0]), a.at[1].min(b.at[1]).min(c.at[1])];
    let high = [a.at[0].max(b.at[0]).max(c.at[0]), a.at[1].max(b.at[1]).max(c.at[1])];
    let Some(bounds) = Bounds::of(low, high, camera.size) else { return };
    if is_front {
        std::mem::swap(&mut b, &mut c);
    }
    // Gradients of the linear weights of b and c.
    let [ab, ac] = [difference(b.at, a.at), difference(c.at, a.at)];
    let inverse_area = (1.0 / area.abs()) as f32;
    let to_b = [ac[1] * inverse_area, -ac[0] * inverse_area];
    let to_c = [-ab[1] * inverse_area, ab[0] * inverse_area];
    let (ratio_b, ratio_c) = (b.inverse_w / a.inverse_w, c.inverse_w / a.inverse_w);
    let gradient = |at_b: f32, at_c: f32| [at_b * to_b[0] + at_c * to_c[0], at_b * to_b[1] + at_c * to_c[1]];
    let [n1, n2] = [0, 1].map(|k| gradient(ratio_b * b.weights[k], ratio_c * c.weights[k]));
    let s = gradient(ratio_b - 1.0, ratio_c - 1.0);
    let slope = gradient(b.depth - a.depth, c.depth - a.depth);
    let triangle = Triangle {
        weights: [a.at[0], a.at[1], n1[0], n1[1], n2[0], n2[1], s[0], s[1]],
        p1: b.at,
        p2: c.at,
        depth: [a.depth, slope[0], slope[1]],
        vertices,
        is_back: !is_front,
        kind: PartKind::Skin, // whoever asks for it knows better
    };
    emit(triangle, bounds);
}

/// An edge function: positive inside, computed alike (but for the sign) for the two triangles that share the edge.
#[derive(Clone, Copy)]
struct EdgeFunction {
    from: [f32; 2],
    along: [f32; 2],
    /// What it must exceed: pixels on a top or left edge belong to the triangle.
    above: f32,
}

impl EdgeFunction {
    #[inline(always)]
    fn new(from: [f32; 2], to: [f32; 2]) -> Self {
        let [dx, dy] = [to[0] - from[0], to[1] - from[1]];
        let is_owned = dy < 0.0 || (dy == 0.0 && dx > 0.0);
        let starts_at_to = (to[1], to[0]) < (from[1], from[0]);
        Self {
            from: if starts_at_to { to } else { from },
            along: [dx, dy],
            above: if is_owned { -f32::MIN_POSITIVE } else { 0.0 },
        }
    }
}

impl Triangle {
    /// Calls [`Cover::cover`] for each run of eight pixels of a tile that holds pixels of the triangle; `tile` is the
    /// tile's first column and row.
    #[inline(always)]
    pub(crate) fn scan<S: Simd>(&self, s: S, tile: [usize; 2], to: &mut impl Cover<S>) {
        let [x0, y0, ..] = self.weights;
        let (p0, p1, p2) = ([x0, y0], self.p1, self.p2);
        let edges = [EdgeFunction::new(p0, p1), EdgeFunction::new(p1, p2), EdgeFunction::new(p2, p0)];
        let ranges = each!(i < 2 => range(p0[i].min(p1[i]).min(p2[i]), p0[i].max(p1[i]).max(p2[i]), tile[i]));
        let [Some((first_x, last_x)), Some((first_y, last_y))] = ranges else { return };
        let lanes = s.load(&[0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5]);
        for row in first_y..=last_y {
            let y = (tile[1] + row) as f32 + 0.5;
            let starts = each!(i < 3 => s.splat(edges[i].along[0] * (y - edges[i].from[1])));
            let depth_start = s.splat(self.depth[0] + self.depth[2] * (y - y0));
            for block in first_x / LANES..=last_x / LANES {
                let x = s.add(s.splat((tile[0] + block * LANES) as f32), lanes);
                let [a, b, c] = each!(i < 3 => {
                    let EdgeFunction { from, along, above } = edges[i];
                    let value = s.neg_mul_add(s.splat(along[1]), s.sub(x, s.splat(from[0])), starts[i]);
                    s.gt(value, s.splat(above))
                });
                let mask = s.and(s.and(a, b), c);
                if s.bits(mask) != 0 {
                    let depth = s.mul_add(s.splat(self.depth[1]), s.sub(x, s.splat(x0)), depth_start);
                    to.cover(s, row * (TILE / LANES) + block, mask, depth);
                }
            }
        }
    }
}

/// What is done with the pixels that a triangle covers.
pub(crate) trait Cover<S: Simd> {
    /// The pixels of `mask` in run `block` of the tile (four runs of eight pixels a row), at these depths.
    fn cover(&mut self, s: S, block: usize, mask: S::M, depth: S::F);
}

/// The first and last of a tile's rows or columns whose centres lie between `low` and `high`; the tile starts at
/// `start`.
#[inline(always)]
fn range(low: f32, high: f32, start: usize) -> Option<(usize, usize)> {
    let start = start as f32 + 0.5;
    let first = (low - start).ceil().max(0.0);
    let last = (high - start).floor().min(TILE as f32 - 1.0);
    if first <= last { Some((first as usize, last as usize)) } else { None }
}
