//! Two eyes, and what is locked to the head.
//!
//! Any number of views are drawn from one decode ([`Engine::prepare`](crate::Engine::prepare)); a headset's two are as its
//! runtime gives them: a pose and four angles each.
//!
//! ```
//! use visavis::codec::glam::{Affine3A, Vec3};
//! use visavis::stereo::{Eyes, Fov};
//!
//! let fov = [Fov { left: -0.9, right: 0.8, up: 0.7, down: -0.8 }, Fov { left: -0.8, right: 0.9, up: 0.7, down: -0.8 }];
//! let eyes = Eyes::beside(Affine3A::from_translation(Vec3::new(0.0, 1.6, 0.0)), 0.063, fov, 0.05);
//! let [left, right] = eyes.views();
//! assert!((left.eye().distance(right.eye()) - 0.063).abs() < 1e-6);
//! ```

use glam::{Affine3A, Mat4, Vec3, Vec4};

use crate::View;

/// How far an eye sees to each side: radians from straight ahead, `left` and `down` negative as a rule. OpenXR's
/// `XrFovf`, field by field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fov {
    /// To the left edge, radians.
    pub left: f32,
    /// To the right edge, radians.
    pub right: f32,
    /// To the upper edge, radians.
    pub up: f32,
    /// To the lower edge, radians.
    pub down: f32,
}

impl Fov {
    /// The projection: reversed depth, 1 at `near` metres and 0 at infinity. Edges need not be symmetric.
    pub fn clip_from_view(&self, near: f32) -> Mat4 {
        let [left, right, up, down] = [self.left, self.right, self.up, self.down].map(f32::tan);
        let (width, height) = (right - left, up - down);
        Mat4::from_cols(
            Vec4::new(2.0 / width, 0.0, 0.0, 0.0),
            Vec4::new(0.0, 2.0 / height, 0.0, 0.0),
            Vec4::new((right + left) / width, (up + down) / height, 0.0, -1.0),
            Vec4::new(0.0, 0.0, near, 0.0),
        )
    }
}

/// A pair of eyes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Eyes {
    /// Each eye's frame (looking along −Z, +Y up) in the world, the left one first; rigid.
    pub world_from_eye: [Affine3A; 2],
    /// What each sees.
    pub fov: [Fov; 2],
    /// Metres to the near plane.
    pub near_m: f32,
}

impl Eyes {
    /// Eyes side by side in a head that looks along its −Z, `distance_m` apart.
    pub fn beside(world_from_head: Affine3A, distance_m: f32, fov: [Fov; 2], near_m: f32) -> Self {
        let eye =
            |side: f32| world_from_head * Affine3A::from_translation(Vec3::X * (side * distance_m * 0.5));
        Self { world_from_eye: [eye(-1.0), eye(1.0)], fov, near_m }
    }

    /// Their cameras, the left one first.
    pub fn views(&self) -> [View; 2] {
        [0, 1].map(|eye| View {
            view_from_world: self.world_from_eye[eye].inverse(),
            clip_from_view: self.fov[eye].clip_from_view(self.near_m),
        })
    }
}

/// Where an avatar's rest frame is in the world when it is locked to the viewer's head, for
/// [`Instance::set_pose`](crate::Instance::set_pose): the head in the world as the runtime predicts it for the frame
/// (looking along −Z), and where the avatar is from there. An avatar looks along −Z of its rest frame, so one that faces
/// the viewer is turned by half a turn: see [`facing_the_viewer`].
pub fn head_locked(world_from_head: Affine3A, head_from_rest: Affine3A) -> Affine3A {
    world_from_head * head_from_rest
}

/// The rest frame of an avatar that looks at the viewer, with its rest frame's origin at `at` (metres in the viewer's head
/// frame; in front of it z is negative).
pub fn facing_the_viewer(at: Vec3) -> Affine3A {
    Affine3A::from_rotation_translation(glam::Quat::from_rotation_y(std::f32::consts::PI), at)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOV: Fov = Fov { left: -0.9, right: 0.6, up: 0.5, down: -0.7 };

    #[test]
    fn edges_are_where_the_angles_say() {
        let clip_from_view = FOV.clip_from_view(0.1);
        for (angles, x, y) in [
            ([FOV.left, FOV.down], -1.0, -1.0),
            ([FOV.right, FOV.up], 1.0, 1.0),
            ([FOV.left, FOV.up], -1.0, 1.0),
        ] {
            let [right, up] = angles.map(f32::tan);
            let clip = clip_from_view * Vec4::new(right * 3.0, up * 3.0, -3.0, 1.0);
            assert!((clip.x / clip.w - x).abs() < 1e-5 && (clip.y / clip.w - y).abs() < 1e-5, "{clip}");
            assert!((clip.z / clip.w - 0.1 / 3.0).abs() < 1e-6);
        }
        let symmetric = Fov { left: -0.4, right: 0.4, up: 0.3, down: -0.3 };
        let usual = View::perspective(Affine3A::IDENTITY, 0.6, 0.4f32.tan() / 0.3f32.tan(), 0.1);
        assert!(symmetric.clip_from_view(0.1).abs_diff_eq(usual.clip_from_view, 1e-5));
    }

    #[test]
    fn what_is_locked_to_the_head_goes_with_it() {
        let head = Affine3A::from_rotation_translation(
            glam::Quat::from_rotation_y(0.7) * glam::Quat::from_rotation_x(-0.2),
            Vec3::new(1.0, 1.6, -2.0),
        );
        let rest = facing_the_viewer(Vec3::new(0.0, -0.1, -0.8));
        let eyes = Eyes::beside(head, 0.064, [FOV; 2], 0.05);
        let still = Eyes::beside(Affine3A::IDENTITY, 0.064, [FOV; 2], 0.05);
        // The nose's tip, some way along −Z of the rest frame.
        let nose = Vec3::new(0.0, 0.0, -0.1);
        for (moved, fixed) in eyes.views().iter().zip(still.views()) {
            let seen = moved.clip_from_world() * head_locked(head, rest).transform_point3(nose).extend(1.0);
            let expected = fixed.clip_from_world() * rest.transform_point3(nose).extend(1.0);
            assert!(seen.abs_diff_eq(expected, 1e-5), "{seen} {expected}");
        }
        // It faces the viewer: the nose is nearer to the eyes than the rest frame's origin is.
        let distance = |point| rest.transform_point3(point).length();
        assert!(distance(nose) < distance(Vec3::ZERO));
    }
}
