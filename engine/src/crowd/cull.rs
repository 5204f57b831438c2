//! Whether a view sees a box, and how large.

use glam::{Affine3A, Mat4, Vec3};

use super::Box3;
use crate::frame::Viewport;

/// Pixels round the picture that count as seen: the rim of silhouettes reaches one outwards.
const MARGIN_PIXELS: f32 = 2.0;

/// Whether any of what is in the box (in the rest frame) may be in the view's picture. Exact but for boxes near the
/// picture's corners, of which some pass that aren't seen.
pub(crate) fn is_seen(bounds: &Box3, world_from_rest: Affine3A, viewport: &Viewport) -> bool {
    let clip_from_rest = viewport.view.clip_from_world() * Mat4::from(world_from_rest);
    let [x, y] = viewport.size.map(|pixels| 1.0 + 2.0 * MARGIN_PIXELS / pixels.max(1) as f32);
    // A corner is outside of a plane where its bit is set; all corners outside of one plane is out of sight. Of numbers
    // that aren't finite no bit is set.
    let mut outside_all = 0b1_1111u8;
    for corner in bounds.corners() {
        let clip = clip_from_rest * corner.extend(1.0);
        let limit = [x * clip.w, y * clip.w];
        let outside = [
            clip.x > limit[0],
            -clip.x > limit[0],
            clip.y > limit[1],
            -clip.y > limit[1],
            clip.z > clip.w, // nearer than the near plane
        ];
        outside_all &= (0..).zip(outside).fold(0, |bits, (plane, is_out)| bits | u8::from(is_out) << plane);
    }
    outside_all == 0
}

/// How many pixels a thing of this height is high where the box's middle is, if the view may see the box; infinitely many
/// where the eye is beside or inside it.
pub(crate) fn seen(
    bounds: &Box3,
    height_m: f32,
    world_from_rest: Affine3A,
    viewport: &Viewport,
) -> Option<f32> {
    if !is_seen(bounds, world_from_rest, viewport) {
        return None;
    }
    let view = &viewport.view;
    let middle: Vec3 = world_from_rest.transform_point3((bounds.min + bounds.max) * 0.5);
    let w = (view.clip_from_world() * middle.extend(1.0)).w;
    let per_metre = view.clip_from_view.y_axis.y.abs() * 0.5 * viewport.size[1] as f32;
    let is_perspective = view.clip_from_view.z_axis.w != 0.0;
    if is_perspective && w <= height_m * 0.5 {
        return Some(f32::INFINITY);
    }
    Some(height_m * per_metre / w)
}

#[cfg(test)]
mod tests {
    use visavis_codec::reference::View;
    use visavis_codec::testing::Random;

    use super::*;

    const BOX: Box3 = Box3 { min: Vec3::new(-0.2, -0.3, -0.1), max: Vec3::new(0.2, 0.2, 0.2) };

    fn viewport() -> Viewport {
        Viewport::new(View::look_at(-Vec3::Z, Vec3::ZERO, 0.6, 1.5, 0.05), [300, 200])
    }

    #[test]
    fn nothing_that_is_seen_is_culled_and_most_of_the_rest_is() {
        let viewport = viewport();
        let mut random = Random::new(5);
        let (mut seen_count, mut culled, mut wasted) = (0, 0, 0);
        for _ in 0..4000 {
            let place =
                Vec3::new(random.uniform(-2.5, 2.5), random.uniform(-2.0, 2.0), random.uniform(-2.5, 2.5));
            let world_from_rest = Affine3A::from_rotation_translation(
                glam::Quat::from_rotation_y(random.uniform(-3.0, 3.0)),
                place,
            );
            // Points of the box, by the projection itself.
            let is_visible = (0..400).any(|i| {
                let share = |n: usize| (n % 7 + 1) as f32 / 7.0 - 1.0 / 14.0;
                let at = BOX.min + (BOX.max - BOX.min) * Vec3::new(share(i), share(i / 7), share(i / 49));
                let clip = viewport.view.clip_from_world() * world_from_rest.transform_point3(at).extend(1.0);
                clip.w > 0.0 && clip.z <= clip.w && clip.x.abs() <= clip.w && clip.y.abs() <= clip.w
            });
            match (is_visible, is_seen(&BOX, world_from_rest, &viewport)) {
                (true, is_kept) => {
                    assert!(is_kept, "culled at {place}");
                    seen_count += 1;
                }
                (false, true) => wasted += 1,
                (false, false) => culled += 1,
            }
        }
        assert!(seen_count > 200 && culled > 2000, "{seen_count} seen, {culled} culled");
        assert!(wasted * 5 < culled, "{wasted} kept for nothing, {culled} culled");
    }

    #[test]
    fn pixels_by_distance() {
        let viewport = viewport();
        let pixels = |z: f32| seen(&BOX, 0.5, Affine3A::from_translation(Vec3::new(0.0, 0.05, z)), &viewport);
        // The box's middle is at z + 0.05, the eye at −1: half a metre of the 2 · tan(0.3) that fill 200 pixels.
        let expected = |distance: f32| 0.5 / (2.0 * 0.3f32.tan() * distance) * 200.0;
        for z in [0.0, 1.0, 6.0] {
            let found = pixels(z).expect("in sight");
            assert!((found - expected(z + 1.05)).abs() < 0.01 * found, "{found}");
        }
        assert_eq!(pixels(-1.0), Some(f32::INFINITY));
        assert_eq!(pixels(-3.0), None);
        let nan = Affine3A::from_translation(Vec3::NAN);
        assert!(is_seen(&BOX, nan, &viewport), "what can't be told is drawn");
    }
}
