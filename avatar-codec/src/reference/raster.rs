//! Triangles to pixels: near-plane clipping, 1/256-pixel snapping, the top-left rule, perspective-correct weights.
//!
//! Pixel `(x, y)` counts from the top left and is centred at `(x + ½, y + ½)`. Corners are snapped to 1/256 pixel and
//! coverage is decided in integers, as graphics hardware does: triangles that share an edge share no pixel and leave
//! none out.

use glam::{Mat4, Vec2, Vec3, Vec4, vec2};

/// Steps of a snapped coordinate in a pixel.
pub const SUBPIXEL: f32 = 256.0;
/// Triangles with a corner further than this from the picture's origin aren't drawn, so that integers stay exact;
/// it takes a corner at the near plane some hundred metres to the side.
const MAX_PIXEL: f32 = (1 << 21) as f32;

/// Which facing triangles are drawn; front is counter-clockwise on screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cull {
    /// Fronts only.
    Back,
    /// Both.
    None,
}

/// A pixel whose centre a triangle covers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// Column.
    pub x: u32,
    /// Row.
    pub y: u32,
    /// Perspective-correct weights of the triangle's three corners; they sum to 1.
    pub weights: Vec3,
    /// Reversed depth, `z / w`.
    pub depth: f32,
    /// Whether the triangle faces the viewer.
    pub is_front: bool,
}

/// A corner of a clipped polygon: its place in clip space, and the weights of the original corners there.
#[derive(Clone, Copy, Debug)]
struct Corner {
    clip: Vec4,
    weights: Vec3,
}

/// A corner on screen.
#[derive(Clone, Copy, Debug)]
struct Projected {
    /// Pixels times [`SUBPIXEL`].
    x: i64,
    y: i64,
    /// 1 / w.
    inverse_w: f32,
    depth: f32,
    weights: Vec3,
}

/// Calls `emit` for each pixel of a `width` × `height` picture whose centre the triangle covers, row by row.
///
/// `world` are the corners in space, counter-clockwise seen from outside. Parts nearer than the near plane are cut
/// away, as is what lies beyond a finite far plane.
pub fn triangle(
    clip_from_world: &Mat4,
    size: [u32; 2],
    world: [Vec3; 3],
    cull: Cull,
    mut emit: impl FnMut(Hit),
) {
    let mut weights = [Vec3::X, Vec3::Y, Vec3::Z].into_iter();
    let corners = world.map(|p| Corner {
        clip: *clip_from_world * p.extend(1.0),
        weights: weights.next().unwrap_or(Vec3::ZERO),
    });
    let (polygon, count) = clip_near(corners);
    for i in 2..count {
        let fan = [polygon[0], polygon[i - 1], polygon[i]];
        if let [Some(a), Some(b), Some(c)] = fan.map(|corner| project(corner, size)) {
            scan([a, b, c], size, cull, &mut emit);
        }
    }
}

/// Cuts away what is nearer than the near plane, `z > w`; 0, 3 or 4 corners are left.
fn clip_near(corners: [Corner; 3]) -> ([Corner; 4], usize) {
    let mut out = [corners[0]; 4];
    let mut count = 0;
    for i in 0..3 {
        let (a, b) = (corners[i], corners[(i + 1) % 3]);
        let (inside_a, inside_b) = (a.clip.w - a.clip.z, b.clip.w - b.clip.z);
        if inside_a >= 0.0 {
            out[count] = a;
            count += 1;
        }
        if (inside_a >= 0.0) != (inside_b >= 0.0) {
            let t = inside_a / (inside_a - inside_b);
            out[count] = Corner { clip: a.clip.lerp(b.clip, t), weights: a.weights.lerp(b.weights, t) };
            count += 1;
        }
    }
    (out, count)
}

/// Where a point of clip space is in the picture, in pixels; none if it is behind the eye, far outside, or no number.
pub fn pixel_from_clip(clip: Vec4, [width, height]: [u32; 2]) -> Option<Vec2> {
    let pixel =
        vec2((clip.x / clip.w * 0.5 + 0.5) * width as f32, (0.5 - clip.y / clip.w * 0.5) * height as f32);
    (clip.w > 0.0 && pixel.abs().max_element() < MAX_PIXEL && pixel.is_finite()).then_some(pixel)
}

fn project(corner: Corner, size: [u32; 2]) -> Option<Projected> {
    let snapped = (pixel_from_clip(corner.clip, size)? * SUBPIXEL).round();
    let inverse_w = corner.clip.w.recip();
    Some(Projected {
        x: snapped.x as i64,
        y: snapped.y as i64,
        inverse_w,
        depth: corner.clip.z * inverse_w,
        weights: corner.weights,
    })
}

/// Twice the area of `a, b, p` in square subpixels: positive if they turn clockwise on screen (y runs down).
fn edge(a: (i64, i64), b: (i64, i64), p: (i64, i64)) -> i64 {
    (b.0 - a.0) * (p.1 - a.1) - (b.1 - a.1) * (p.0 - a.0)
}

fn scan(
    [a, mut b, mut c]: [Projected; 3],
    [width, height]: [u32; 2],
    cull: Cull,
    emit: &mut impl FnMut(Hit),
) {
    let mut area = edge((a.x, a.y), (b.x, b.y), (c.x, c.y));
    let is_front = area < 0;
    if area == 0 || (!is_front && cull == Cull::Back) {
        return;
    }
    if is_front {
        std::mem::swap(&mut b, &mut c);
        area = -area;
    }
    // Clockwise on screen now, so inside is where all three edge functions are positive. A pixel on an edge belongs to
    // the triangle for which that edge is at the top (level, to the right) or at the left (upwards).
    let owns = |from: &Projected, to: &Projected| {
        let (dx, dy) = (to.x - from.x, to.y - from.y);
        dy < 0 || (dy == 0 && dx > 0)
    };
    let on_edge = [owns(&b, &c), owns(&c, &a), owns(&a, &b)];

    let step = SUBPIXEL as i64;
    // The first and last pixel whose centre lies inside the bounds; centres are at half steps.
    let first = |low: i64| (low - step / 2).div_euclid(step).max(0);
    let last = |high: i64, count: u32| (high - step / 2).div_euclid(step).min(i64::from(count) - 1);
    let (x0, x1) = (first(a.x.min(b.x).min(c.x)), last(a.x.max(b.x).max(c.x), width));
    let (y0, y1) = (first(a.y.min(b.y).min(c.y)), last(a.y.max(b.y).max(c.y), height));
    for y in y0..=y1 {
        for x in x0..=x1 {
            let p = (x * step + step / 2, y * step + step / 2);
            let inside = [
                edge((b.x, b.y), (c.x, c.y), p),
                edge((c.x, c.y), (a.x, a.y), p),
                edge((a.x, a.y), (b.x, b.y), p),
            ];
            if !inside.iter().zip(on_edge).all(|(&e, owned)| e > 0 || (e == 0 && owned)) {
                continue;
            }
            // Linear on screen for the depth; divided by w for everything on the surface.
            let linear = Vec3::from(inside.map(|e| (e as f64 / area as f64) as f32));
            let depth = linear.dot(Vec3::new(a.depth, b.depth, c.depth));
            let perspective = linear * Vec3::new(a.inverse_w, b.inverse_w, c.inverse_w);
            let perspective = perspective / perspective.element_sum();
            let weights = a.weights * perspective.x + b.weights * perspective.y + c.weights * perspective.z;
            if (0.0..=1.0).contains(&depth) {
                emit(Hit { x: x as u32, y: y as u32, weights, depth, is_front });
            }
        }
    }
}
