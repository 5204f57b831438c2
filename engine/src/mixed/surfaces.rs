//! Surfaces in a camera's picture: which way they face, by its depth map.

use glam::{Vec2, Vec3};

use super::Intrinsics;
use super::estimate::Samples;
use super::solve::solve;

/// Halves of the depth map's windows that normals are fitted in, as shares of the picture's width: the first that says which way
/// a surface faces, so that small things aren't smoothed away and a noisy sensor is averaged.
const WINDOWS: [f32; 3] = [0.008, 0.014, 0.025];
/// So sure a normal is to be before larger windows are left, and at the least; standard deviations, radians.
const SURE: [f32; 2] = [0.05, 0.2];

/// A sample of a picture that lies on a surface.
#[derive(Clone, Copy, Debug)]
pub(super) struct Surface {
    /// Its number in the picture's grid, row by row.
    pub(super) cell: usize,
    /// View's frame, towards the camera.
    pub(super) normal: Vec3,
    /// Along the camera's axis.
    pub(super) depth_m: f32,
    /// Linear, of the picture.
    pub(super) color: Vec3,
}

/// Samples of a picture that are on a surface and not clipped, in order of their cells.
pub(super) fn surfaces(samples: &Samples, metres: &[f32], depth: &Intrinsics) -> Vec<Surface> {
    let depth_from_self = samples.camera.other_from_self(depth);
    let [width, height] = depth.size.map(|side| side as i32);
    let mut surfaces = Vec::new();
    let mut window = Vec::new();
    for (at, (&color, &clipped)) in samples.colors.iter().zip(&samples.clipped).enumerate() {
        let place = [(at % samples.size[0]) as f32 + 0.5, (at / samples.size[0]) as f32 + 0.5];
        let [x, y] = [0, 1].map(|i| (depth_from_self[i] * place[i] + depth_from_self[2 + i]) as i32);
        if clipped || !(0..width).contains(&x) || !(0..height).contains(&y) {
            continue;
        }
        let normals = WINDOWS.iter().filter_map(|share| {
            let reach = ((share * width as f32) as i32).max(2);
            // A large depth map is sampled: some 50 of a window's pixels are enough.
            let step = (reach / 3).max(1) as usize;
            window.clear();
            let mut count = 0;
            for v in (y - reach..=y + reach).step_by(step) {
                for u in (x - reach..=x + reach).step_by(step) {
                    if !(0..width).contains(&u) || !(0..height).contains(&v) {
                        continue;
                    }
                    count += 1;
                    let value = metres.get((v * width + u) as usize).copied().unwrap_or(0.0);
                    if value.is_finite() && value > 1e-3 {
                        let right = (u as f32 + 0.5 - depth.centre_px[0]) / depth.focal_px[0];
                        let down = (v as f32 + 0.5 - depth.centre_px[1]) / depth.focal_px[1];
                        window.push((Vec2::new(right, -down), value.recip()));
                    }
                }
            }
            plane(&mut window, count)
        });
        let mut surest: Option<Plane> = None;
        for plane in normals {
            if surest.is_none_or(|surest| plane.doubt_rad < surest.doubt_rad) {
                surest = Some(plane);
            }
            if plane.doubt_rad < SURE[0] {
                break;
            }
        }
        if let Some(Plane { normal, depth_m, .. }) = surest.filter(|plane| plane.doubt_rad < SURE[1]) {
            surfaces.push(Surface { cell: at, normal, depth_m, color });
        }
    }
    surfaces
}

/// A plane that was fitted.
#[derive(Clone, Copy, Debug)]
struct Plane {
    normal: Vec3,
    depth_m: f32,
    /// Standard deviation of the normal.
    doubt_rad: f32,
}

/// The normal, towards the camera, of the plane through places (right and up of the axis at 1 m, inverse depth): inverse depth is
/// linear on it. None if they aren't on one.
fn plane(window: &mut Vec<(Vec2, f32)>, count: usize) -> Option<Plane> {
    let enough = (count * 3 / 5).max(8);
    if window.len() < enough {
        return None;
    }
    let half = window.len() / 2;
    let median = window.select_nth_unstable_by(half, |a, b| a.1.total_cmp(&b.1)).1.1;
    window.retain(|(_, inverse)| (inverse / median - 1.0).abs() < 0.15);
    if window.len() < enough {
        return None;
    }
    let row = |place: Vec2| [f64::from(place.x), f64::from(place.y), 1.0];
    let (mut matrix, mut right) = ([[0.0; 3]; 3], [[0.0; 3]; 3]);
    for (place, inverse) in window.iter() {
        let row = row(*place);
        for k in 0..3 {
            for l in 0..3 {
                matrix[k][l] += row[k] * row[l];
            }
            right[k][0] += row[k] * f64::from(*inverse);
        }
    }
    let [[a, ..], [b, ..], [c, ..]] = solve(matrix, right)?;
    let error = (window.iter())
        .map(|(place, inverse)| (row(*place)[0] * a + row(*place)[1] * b + c - f64::from(*inverse)).powi(2))
        .sum::<f64>();
    let count = window.len() as f64;
    let error = (error / count).sqrt();
    if error > 0.035 * f64::from(median) {
        return None;
    }
    // Of the slopes' standard deviations the larger one, over the plane's own length.
    let spread = (0..2).map(|k| matrix[k][k] - matrix[k][2].powi(2) / count).fold(f64::INFINITY, f64::min);
    let doubt = error / spread.max(1e-12).sqrt() / (a * a + b * b + c * c).sqrt().max(1e-9);
    // a x + b y + c = 1 / depth, times depth: the plane's equation with z = −depth.
    let normal = -Vec3::new(a as f32, b as f32, -c as f32);
    let seen = Vec3::new(window[0].0.x, window[0].0.y, -1.0);
    let normal = if normal.dot(seen) > 0.0 { -normal } else { normal };
    Some(Plane { normal: normal.try_normalize()?, depth_m: median.recip(), doubt_rad: doubt as f32 })
}
