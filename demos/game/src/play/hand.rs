//! A person's hand.

use glam::Vec2;

use super::aim;
use super::paddle::{Paddle, Wish, home, swing};
use super::table::{BALL_RADIUS_M, HALF_WIDTH_M, Side, TOP_M};
use super::{Ball, Rally};

/// What a person who plays does with mouse and keys. They say where the blade is across the table and how high; how far forward
/// it is and when it swings is the game's to do, for no mouse has a third direction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hand {
    /// Where the blade is wanted: along Z, and above the floor, metres.
    pub across_and_up_m: Vec2,
    /// Whether to serve, if it is on them.
    pub serves: bool,
}

impl Default for Hand {
    fn default() -> Self {
        Self { across_and_up_m: Vec2::new(0.12, TOP_M + 0.15), serves: false }
    }
}

/// How much of the blade's height the ball says: heights are hard to judge on a screen.
const HELP: f32 = 0.75;
/// How fast the blade goes through the ball, metres per second.
const SWING_M_S: f32 = 1.5;

impl Hand {
    pub(crate) fn wish(&self, side: Side, ball: Ball, rally: Option<&Rally>) -> Wish {
        let [across, up] = self.across_and_up_m.to_array();
        let comes = rally.is_some_and(|rally| rally.striker() != side);
        let mut wish = match comes.then(|| meeting_from_here(ball, side, rally)).flatten() {
            Some((met, seconds)) => {
                let up = up + HELP * (met.position_m.y - up);
                let mut wish = swing(side, met.position_m, SWING_M_S, -seconds);
                wish.at_m.y += up - met.position_m.y;
                wish
            }
            None => Wish::rest(home(side).with_y(up)),
        };
        wish.at_m.z = across;
        wish
    }

    /// Where a stroke goes: to where the hand moves, the farther and faster the faster it moves.
    pub(crate) fn aim(side: Side, paddle: &Paddle) -> (Vec2, f32) {
        let [vx, vy, vz] = paddle.velocity_m_s.to_array();
        let across = 0.5 * paddle.position_m.z + 0.16 * vz;
        let limit = HALF_WIDTH_M - 2.0 * BALL_RADIUS_M;
        let depth = (0.40 + 0.05 * vy).clamp(0.26, 0.52);
        let pace = 2.9 + 0.35 * (vx * vx + vz * vz).sqrt();
        (Vec2::new(-side.sign() * depth, across.clamp(-limit, limit)), pace.min(4.6))
    }
}

/// Where a ball that is under way, perhaps past its bounce already, can be met.
pub(crate) fn meeting_from_here(ball: Ball, side: Side, rally: Option<&Rally>) -> Option<(Ball, f32)> {
    if rally.is_some_and(Rally::awaits_return) {
        Some(aim::top_of_bounce(ball, side, 0.0))
    } else {
        aim::meeting(ball, side)
    }
}
