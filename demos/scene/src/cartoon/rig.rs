//! What turns: neck, head, eyes.

use glam::{Affine3A, Quat, Vec3};

/// The nodes that pose and gaze turn.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rig {
    pub(crate) neck: Option<usize>,
    pub(crate) head: Option<usize>,
    /// Left, right.
    pub(crate) eyes: [Option<usize>; 2],
    pub(crate) eye_range: EyeRange,
    /// Nodes that stand turned at rest: arms that hang. In the file's frame, about the node's own place.
    pub(crate) rest_turns: Vec<(usize, Quat)>,
}

/// How far eyes turn for a gaze: all of it unless the file says (VRM's `lookAt` for bones).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct EyeRange {
    pub(crate) inner: Curve,
    pub(crate) outer: Curve,
    pub(crate) down: Curve,
    pub(crate) up: Curve,
}

/// An angle in, up to `most_rad`, and times `scale` out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Curve {
    pub(crate) most_rad: f32,
    pub(crate) scale: f32,
}

impl Curve {
    pub(crate) const WHOLE: Self = Self { most_rad: 0.9, scale: 1.0 };

    fn of(self, angle: f32) -> f32 {
        angle.clamp(0.0, self.most_rad) * self.scale
    }
}

impl Default for EyeRange {
    fn default() -> Self {
        Self { inner: Curve::WHOLE, outer: Curve::WHOLE, down: Curve::WHOLE, up: Curve::WHOLE }
    }
}

impl EyeRange {
    /// Yaw and pitch of an eye's node for a gaze; `side` is 0 for the left eye.
    pub(crate) fn apply(&self, side: usize, [yaw, pitch]: [f32; 2]) -> [f32; 2] {
        // The left eye turns outwards to the left, where yaw is positive.
        let outwards = if side == 0 { yaw } else { -yaw };
        let turned = self.outer.of(outwards) - self.inner.of(-outwards);
        [if side == 0 { turned } else { -turned }, self.up.of(pitch) - self.down.of(-pitch)]
    }
}

/// Turns what stands at `place` about itself.
pub(crate) fn turned_about(place: Vec3, turn: Quat) -> Affine3A {
    Affine3A::from_rotation_translation(turn, place - turn * place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eyes_turn_as_far_as_they_may() {
        let range = EyeRange { inner: Curve { most_rad: 0.5, scale: 0.5 }, ..EyeRange::default() };
        assert_eq!(range.apply(0, [0.4, 0.1]), [0.4, 0.1]);
        assert_eq!(range.apply(0, [-0.4, -0.1]), [-0.2, -0.1]);
        assert_eq!(range.apply(1, [0.4, 0.0]), [0.2, 0.0]);
        assert_eq!(range.apply(1, [-0.4, 0.0]), [-0.4, 0.0]);
        assert_eq!(range.apply(0, [-9.0, 0.0]), [-0.25, 0.0]);
    }

    #[test]
    fn what_turns_about_itself_stays_there() {
        let place = Vec3::new(1.0, 2.0, 3.0);
        let turn = turned_about(place, Quat::from_rotation_y(1.0));
        assert!((turn.transform_point3(place) - place).length() < 1e-6);
    }
}
