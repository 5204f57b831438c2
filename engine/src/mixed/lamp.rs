//! The shadow map's camera.

use glam::{Affine3A, Mat3, Mat4, Vec3, Vec4};
use visavis_codec::light::Lamp;

use crate::View;

/// The avatars as a lamp sees them: a parallel projection along its light at `centre_m`, of the ball round it of radius
/// `radius_m` (world, metres). For a [`Viewport::depth_only`](crate::Viewport::depth_only) view, and with its
/// [`clip_from_world`](View::clip_from_world) for a [`ShadowMap`](crate::ShadowMap).
///
/// One person from hair to chest fits into a radius of 0.45 m round the chin; 512 pixels are plenty.
pub fn lamp_view(lamp: &Lamp, centre_m: Vec3, radius_m: f32) -> View {
    let (backward, _) = lamp.at(centre_m);
    let radius_m = radius_m.max(1e-3);
    let right = Vec3::Y.cross(backward).normalize_or(Vec3::X);
    let up = backward.cross(right);
    let eye = centre_m + backward * radius_m;
    let world_from_view = Affine3A::from_mat3_translation(Mat3::from_cols(right, up, backward), eye);
    // Depth is 1 at the eye and 0 at the far end of the ball; what lies behind that end is in its shadow all the same.
    let scale = radius_m.recip();
    let clip_from_view = Mat4::from_cols(
        Vec4::new(scale, 0.0, 0.0, 0.0),
        Vec4::new(0.0, scale, 0.0, 0.0),
        Vec4::new(0.0, 0.0, 0.5 * scale, 0.0),
        Vec4::new(0.0, 0.0, 1.0, 1.0),
    );
    View { view_from_world: world_from_view.inverse(), clip_from_view }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ball_fills_the_map_and_nearer_to_the_lamp_is_deeper() {
        let (centre, radius) = (Vec3::new(0.3, 1.1, -0.4), 0.5);
        let lamp = Lamp::directional(Vec3::new(-0.7, 0.6, 0.2), [1.0; 3]);
        let (to_lamp, _) = lamp.at(centre);
        let clip_from_world = lamp_view(&lamp, centre, radius).clip_from_world();
        let depth = |along: f32| clip_from_world.project_point3(centre + to_lamp * along);
        assert!((depth(radius).z - 1.0).abs() < 1e-5 && depth(-radius).z.abs() < 1e-5);
        assert!(depth(0.0).truncate().length() < 1e-5 && (depth(0.0).z - 0.5).abs() < 1e-5);
        let side = to_lamp.any_orthonormal_vector();
        assert!(
            (clip_from_world.project_point3(centre + side * radius).truncate().length() - 1.0).abs() < 1e-4
        );
    }

    #[test]
    fn a_lamp_straight_above_has_a_view_too() {
        let view = lamp_view(&Lamp::directional(Vec3::Y, [1.0; 3]), Vec3::ZERO, 1.0);
        assert!(view.clip_from_world().is_finite());
        let up = view.clip_from_world().project_point3(Vec3::Y * 0.5);
        assert!((up.z - 0.75).abs() < 1e-5, "{up}");
    }
}
