//! How a ball has to be struck so that it goes where it should: strokes are found by flying them.

use glam::{Vec2, Vec3};

use super::STEP_S;
use super::ball::{Ball, Touch, acceleration};
use super::table::{BALL_ON_TABLE_M, BALL_RADIUS_M, HALF_LENGTH_M, NET_M, Side, TOP_M};

/// How far over the net strokes are meant to go at least, metres between the cord and the ball.
const CLEARANCE_M: f32 = 0.025;
/// Nobody strikes harder, metres per second.
pub const MAX_SPEED_M_S: f32 = 9.0;

/// What a ball touches first, and when.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Landing {
    /// What.
    pub touch: Touch,
    /// From now, seconds.
    pub seconds: f32,
    /// The ball just after it.
    pub ball: Ball,
}

/// What a ball that flies freely touches first, within two seconds.
pub fn landing(mut ball: Ball) -> Option<Landing> {
    for step in 1..480u16 {
        let mut first = None;
        ball.step(STEP_S, &mut |touched| {
            first.get_or_insert(touched);
        });
        if let Some(touched) = first {
            return Some(Landing { touch: touched.touch, seconds: f32::from(step) * STEP_S, ball });
        }
    }
    None
}

/// The velocity with which a ball that flies freely is at `to` after so long: Newton's method on the flight itself, begun from
/// the parabola. Where it passes through is not looked at.
pub fn velocity_to(from: Vec3, to: Vec3, seconds: f32) -> Vec3 {
    let seconds = seconds.max(STEP_S);
    let mut velocity = (to - from) / seconds - 0.5 * seconds * acceleration(Vec3::ZERO);
    let steps = (seconds / STEP_S).ceil().max(1.0);
    for _ in 0..5 {
        let mut ball = Ball { position_m: from, velocity_m_s: velocity };
        for _ in 0..steps as usize {
            ball = ball.flown(seconds / steps);
        }
        // Drag is weak: the flight's end moves with the start's velocity nearly as it does in a vacuum.
        velocity += (to - ball.position_m) / seconds;
    }
    velocity
}

/// How to return a ball from `from` so that it first touches the table at `target` (x and z, metres), at about this pace; slower
/// where that would take it into the net. None where nothing gets it there.
pub fn stroke(from: Vec3, target: Vec2, pace_m_s: f32) -> Option<Vec3> {
    let to = Vec3::new(target.x, BALL_ON_TABLE_M, target.y);
    let mut seconds = from.distance(to) / pace_m_s.clamp(1.0, MAX_SPEED_M_S);
    for _ in 0..24 {
        let velocity = velocity_to(from, to, seconds);
        if velocity.length() <= MAX_SPEED_M_S && clears_net(Ball { position_m: from, velocity_m_s: velocity })
        {
            return Some(velocity);
        }
        seconds *= 1.07;
    }
    None
}

/// How to serve from `from`: first onto one's own half, then onto the other near `target`. None where nothing does.
pub fn serve(from: Vec3, by: Side, target: Vec2) -> Option<Vec3> {
    let mut best: Option<(f32, Vec3)> = None;
    for step in 0..60u8 {
        let seconds = 0.10 + 0.004 * f32::from(step);
        for depth in [0.30, 0.36, 0.42, 0.48, 0.53] {
            let first_x = by.sign() * depth;
            let along = (first_x - from.x) / (target.x - from.x);
            let first = Vec3::new(first_x, BALL_ON_TABLE_M, from.z + (target.y - from.z) * along);
            let velocity = velocity_to(from, first, seconds);
            let Some(own) = landing(Ball { position_m: from, velocity_m_s: velocity }) else { continue };
            if own.touch != Touch::Table(by) || velocity.length() > MAX_SPEED_M_S || !clears_net(own.ball) {
                continue;
            }
            let Some(over) = landing(own.ball) else { continue };
            if over.touch != Touch::Table(by.other()) {
                continue;
            }
            let at = Vec2::new(over.ball.position_m.x, over.ball.position_m.z);
            let miss = at.distance(target);
            if best.is_none_or(|(least, _)| miss < least) {
                best = Some((miss, velocity));
            }
        }
    }
    best.filter(|(miss, _)| *miss < 0.2).map(|(_, velocity)| velocity)
}

/// Whether it passes the net's plane high enough, before it touches anything.
fn clears_net(mut ball: Ball) -> bool {
    let before = ball.position_m.x;
    for _ in 0..480 {
        let last = ball;
        let mut is_free = true;
        ball.step(STEP_S, &mut |_| is_free = false);
        if !is_free {
            return false;
        }
        if ball.position_m.x.signum() != before.signum() {
            let height = last.position_m.y.min(ball.position_m.y);
            return height >= TOP_M + NET_M + BALL_RADIUS_M + CLEARANCE_M;
        }
    }
    false
}

/// Where a struck ball can best be met on a side: after it has touched the table there, when it is as high as it gets or comes
/// over the end. Place, velocity, and seconds from now; none if it doesn't land there.
pub fn meeting(ball: Ball, side: Side) -> Option<(Ball, f32)> {
    let mut landed = ball;
    let mut time = 0.0;
    // A serve touches the server's half first.
    for _ in 0..2 {
        let next = landing(landed)?;
        time += next.seconds;
        landed = next.ball;
        match next.touch {
            Touch::Table(at) if at == side => return Some(top_of_bounce(landed, side, time)),
            Touch::Table(_) | Touch::Cord => {}
            _ => return None,
        }
    }
    None
}

pub(crate) fn top_of_bounce(landed: Ball, side: Side, time: f32) -> (Ball, f32) {
    let mut ball = landed;
    let mut seconds = 0.0;
    let reach = HALF_LENGTH_M + 0.12;
    while seconds < 0.8 {
        let next = ball.flown(STEP_S);
        let depth = next.position_m.x * side.sign();
        // Over the end is better than over the table, but not lower than half of the bounce.
        let is_falling = next.velocity_m_s.y < -0.5;
        if depth > reach || (is_falling && depth > HALF_LENGTH_M - 0.10) || next.velocity_m_s.y < -1.1 {
            break;
        }
        (ball, seconds) = (next, seconds + STEP_S);
    }
    (ball, time + seconds)
}
