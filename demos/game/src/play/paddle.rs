//! A paddle and the arm behind it: they take time to get somewhere.

use glam::Vec3;

use super::table::{HALF_LENGTH_M, Side, TOP_M};

/// The blade's radius, metres.
pub(crate) const BLADE_RADIUS_M: f32 = 0.08;
/// How fast an arm moves at the most, metres per second, and how it gets faster, per second squared.
const MAX_SPEED_M_S: f32 = 4.5;
const MAX_ACCELERATION_M_S2: f32 = 110.0;
/// How quickly it closes in on where it is wanted, radians per second; critically damped.
const STIFFNESS: f32 = 38.0;

/// A paddle's blade.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Paddle {
    /// The blade's middle, metres.
    pub position_m: Vec3,
    /// Metres per second.
    pub velocity_m_s: Vec3,
}

/// Where a paddle is wanted, and how fast there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Wish {
    pub(crate) at_m: Vec3,
    pub(crate) velocity_m_s: Vec3,
}

impl Wish {
    pub(crate) const fn rest(at_m: Vec3) -> Self {
        Self { at_m, velocity_m_s: Vec3::ZERO }
    }
}

/// Where a paddle waits.
pub(crate) fn home(side: Side) -> Vec3 {
    Vec3::new(side.sign() * (HALF_LENGTH_M + 0.08), TOP_M + 0.17, 0.14)
}

/// Where an arm reaches; not through the table, nor into the seat.
pub(crate) fn within_reach(side: Side, at_m: Vec3) -> Vec3 {
    let depth = (at_m.x * side.sign()).clamp(HALF_LENGTH_M - 0.32, HALF_LENGTH_M + 0.16);
    let low = if depth < HALF_LENGTH_M + BLADE_RADIUS_M { TOP_M + 0.05 } else { TOP_M - 0.08 };
    Vec3::new(side.sign() * depth, at_m.y.clamp(low, TOP_M + 0.55), at_m.z.clamp(-0.58, 0.58))
}

impl Paddle {
    /// At rest where it waits.
    pub(crate) fn new(side: Side) -> Self {
        Self { position_m: home(side), velocity_m_s: Vec3::ZERO }
    }

    pub(crate) fn step(&mut self, side: Side, wish: Wish, seconds: f32) {
        let to = within_reach(side, wish.at_m);
        let pull = (to - self.position_m) * (STIFFNESS * STIFFNESS)
            + (wish.velocity_m_s - self.velocity_m_s) * (2.0 * STIFFNESS);
        self.velocity_m_s += pull.clamp_length_max(MAX_ACCELERATION_M_S2) * seconds;
        self.velocity_m_s = self.velocity_m_s.clamp_length_max(MAX_SPEED_M_S);
        self.position_m += self.velocity_m_s * seconds;
    }
}

/// The way of a swing that meets a ball at a place and a moment: back, forward through the place, and out. Seconds count from
/// the meeting.
pub(crate) fn swing(side: Side, meet_m: Vec3, speed_m_s: f32, seconds: f32) -> Wish {
    let forward = Vec3::new(-side.sign(), 0.22, 0.0);
    let velocity = forward * speed_m_s;
    if seconds < -SWING_S {
        Wish::rest(meet_m - velocity * SWING_S)
    } else if seconds < FOLLOW_S {
        Wish { at_m: meet_m + velocity * seconds, velocity_m_s: velocity }
    } else {
        Wish::rest(home(side))
    }
}

/// From the backswing to the ball, seconds.
const SWING_S: f32 = 0.11;
/// From the ball to the end of a stroke, seconds.
const FOLLOW_S: f32 = 0.09;
