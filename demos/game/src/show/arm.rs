//! Arms of the seats: two links from a shoulder to the hand that holds the paddle.

use glam::{Affine3A, Mat3, Quat, Vec3};

use crate::play::{Paddle, Side};

/// Length of a link, metres; the room's file has them so long, along +Y.
pub(crate) const LINK_M: f32 = 0.26;
/// From the blade's middle to the hand, metres.
const HANDLE_M: f32 = 0.155;
/// Where the arm hangs on a seat, in the rest frame of who sits there; on the side of whoever watches.
const SHOULDER: Vec3 = Vec3::new(0.352, -0.365, 0.035);

/// Where an arm's parts are in the world.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Arm {
    pub(crate) upper: Affine3A,
    pub(crate) fore: Affine3A,
    pub(crate) paddle: Affine3A,
}

/// Where a seat's shoulder is in the world: a right-hander sits on the left, a left-hander on the right.
pub(crate) fn shoulder(side: Side, seat: Affine3A) -> Vec3 {
    seat.transform_point3(SHOULDER * Vec3::new(-side.sign(), 1.0, 1.0))
}

impl Arm {
    /// So that the hand is at the paddle.
    pub(crate) fn reaching(side: Side, seat: Affine3A, paddle: &Paddle) -> Self {
        let shoulder = shoulder(side, seat);
        let blade = blade(side, shoulder, paddle);
        let hand = blade.transform_point3(Vec3::NEG_Y * HANDLE_M);
        let way = hand - shoulder;
        let distance = way.length().max(1e-4);
        let along = way / distance;
        // The elbow hangs down and out, towards whoever watches.
        let down = Vec3::new(0.25 * side.sign(), -1.0, 0.35);
        let out = (down - along * down.dot(along)).normalize_or(Vec3::NEG_Y);
        let half = 0.5 * distance;
        let bend = (LINK_M * LINK_M - half * half).max(0.0).sqrt();
        let elbow = shoulder + along * half + out * bend;
        Self { upper: link(shoulder, elbow), fore: link(elbow, hand), paddle: blade }
    }
}

/// A link from one place to another; what is too far away makes it longer, as in cartoons.
fn link(from: Vec3, to: Vec3) -> Affine3A {
    let way = to - from;
    let length = way.length().max(1e-4);
    let turn = Quat::from_rotation_arc(Vec3::Y, way / length);
    Affine3A::from_scale_rotation_translation(Vec3::new(1.0, length / LINK_M, 1.0), turn, from)
}

/// The blade looks over the net and leans into its swing; its handle points to the shoulder.
fn blade(side: Side, shoulder: Vec3, paddle: &Paddle) -> Affine3A {
    let velocity = paddle.velocity_m_s;
    let facing = Vec3::new(-side.sign(), 0.0, 0.0) + 0.10 * velocity.with_x(0.0) + Vec3::Y * 0.08;
    let facing = facing.normalize_or(Vec3::X);
    let handle = shoulder + Vec3::new(0.0, 0.05, 0.0) - paddle.position_m;
    let up = -(handle - facing * handle.dot(facing)).normalize_or(Vec3::NEG_Y);
    let matrix = Mat3::from_cols(up.cross(facing), up, facing);
    Affine3A::from_mat3_translation(matrix, paddle.position_m)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::seat;

    #[test]
    fn hands_hold_paddles_wherever_they_are() {
        for side in Side::BOTH {
            for z in [-0.5, -0.2, 0.0, 0.3, 0.58] {
                for y in [0.8, 1.0, 1.25] {
                    let position_m = Vec3::new(side.sign() * 0.78, y, z);
                    let paddle = Paddle { position_m, velocity_m_s: Vec3::new(-side.sign(), 0.4, 0.5) };
                    let arm = Arm::reaching(side, seat(side), &paddle);
                    let end = arm.fore.transform_point3(Vec3::Y * LINK_M);
                    let hand = arm.paddle.transform_point3(Vec3::NEG_Y * HANDLE_M);
                    assert!(end.distance(hand) < 1e-3, "{end} {hand}");
                    let elbow = arm.upper.transform_point3(Vec3::Y * LINK_M);
                    assert!(elbow.distance(arm.fore.translation.into()) < 1e-3);
                    assert!(arm.paddle.matrix3.determinant() > 0.99, "turned, not mirrored");
                    assert!(arm.upper.is_finite() && arm.fore.is_finite());
                }
            }
        }
    }
}
