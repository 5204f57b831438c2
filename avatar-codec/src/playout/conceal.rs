//! The face when the next frame isn't there: it goes on as it moved, slower and slower, and then comes to rest.

use glam::{Quat, Vec3};

use super::buffer::Entry;
use super::face::{Face, LIDS, by_kind, smooth_step, turn};

/// A speed is never taken from frames nearer than this, seconds: noise over nothing.
const LEAST_INTERVAL: f64 = 0.005;
/// The fastest that a face goes on moving: per second, radians per second, metres per second.
const UNIT_SPEED: f32 = 10.0;
const GAZE_SPEED: f32 = 6.0;
const RESIDUAL_SPEED: f32 = 20.0;
const TURN_SPEED: f32 = 4.0;
const MOVE_SPEED: f32 = 1.0;
/// How far it goes by itself; a face that is farther already stays where it is. Units: 0..=1; radians, deviations, metres.
const GAZE_BOUND: f32 = 0.7;
const RESIDUAL_BOUND: f32 = 4.0;
const TURN_BOUND: f32 = 1.2;
const MOVE_BOUND: f32 = 0.5;
/// Lids that move faster than this, per second, blink; so do those more than half closed.
const BLINK_SPEED: f32 = 1.0;
const HALF_CLOSED: f32 = 0.5;
/// A blink is finished at a blink's own speeds: closing per second, seconds closed, seconds to open.
const CLOSING_SPEEDS: (f32, f32) = (4.0, 12.0);
const CLOSED: f32 = 0.04;
const OPENING: f32 = 0.2;

/// How long a face goes on, and how long it then takes to come to rest; seconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Concealment {
    pub(super) extrapolation: f32,
    pub(super) ease: f32,
}

impl Concealment {
    /// How much of the resting face there is so long after the last frame, 0..=1.
    pub(super) fn rest_weight(&self, age: f64) -> f32 {
        let x = ((age as f32 - self.extrapolation) / self.ease).clamp(0.0, 1.0);
        if x >= 1.0 { 1.0 } else { smooth_step(x) }
    }

    /// Where the face comes to a stand that went on from its last two frames, `age` seconds after the last.
    ///
    /// The speed falls evenly to 0 at the end of the extrapolation, so that a face goes half as far as it would have.
    pub(super) fn extrapolate(&self, last: &Entry, previous: Option<&Entry>, age: f64) -> Face {
        let mut face = last.face;
        let Some(previous) = previous else { return face };
        let interval = (last.time - previous.time).max(LEAST_INTERVAL) as f32;
        let rest = (age as f32).clamp(0.0, self.extrapolation);
        // The integral of 1 − t / extrapolation.
        let seconds =
            if self.extrapolation > 0.0 { rest - rest * rest / (2.0 * self.extrapolation) } else { 0.0 };
        for (axis, value) in face.values.iter_mut().enumerate() {
            let limit = by_kind(axis, UNIT_SPEED, GAZE_SPEED, RESIDUAL_SPEED);
            let (low, high) =
                by_kind(axis, (0.0, 1.0), (-GAZE_BOUND, GAZE_BOUND), (-RESIDUAL_BOUND, RESIDUAL_BOUND));
            let speed = ((*value - previous.face.values[axis]) / interval).clamp(-limit, limit);
            *value = (*value + speed * seconds).clamp(low.min(*value), high.max(*value));
        }
        let spin = (turn(previous.face.rotation, face.rotation) / interval).clamp_length_max(TURN_SPEED);
        let turned = (Quat::from_scaled_axis(spin * seconds) * face.rotation).normalize();
        if angle(turned) <= TURN_BOUND.max(angle(face.rotation)) {
            face.rotation = turned;
        }
        let speed = ((face.translation - previous.face.translation) / interval).clamp_length_max(MOVE_SPEED);
        let bound = Vec3::splat(MOVE_BOUND).max(face.translation.abs());
        face.translation = (face.translation + speed * seconds).clamp(-bound, bound);
        face
    }

    /// The face `age` seconds after its last frame: on its way to the resting face. A blink that was going on is finished.
    pub(super) fn face(
        &self,
        last: &Entry,
        previous: Option<&Entry>,
        age: f64,
        gone_on: &Face,
        rest: &Face,
    ) -> Face {
        let mut face = gone_on.mix(rest, self.rest_weight(age));
        for axis in LIDS {
            let speed = previous.map_or(0.0, |previous| {
                (last.face.values[axis] - previous.face.values[axis])
                    / (last.time - previous.time).max(LEAST_INTERVAL) as f32
            });
            let blink = Blink { from: last.face.values[axis], speed, open: rest.values[axis] };
            if let Some(lid) = blink.lid(age as f32) {
                face.values[axis] = lid;
            }
        }
        face
    }
}

/// A lid that may have been seen in the middle of a blink.
struct Blink {
    from: f32,
    speed: f32,
    open: f32,
}

impl Blink {
    /// The lid after so many seconds, `None` if it isn't blinking.
    fn lid(&self, age: f32) -> Option<f32> {
        let Self { from, speed, open } = *self;
        let above = from - open;
        if above <= 0.05 || from > 1.0 {
            return None;
        }
        if speed > BLINK_SPEED {
            let speed = speed.clamp(CLOSING_SPEEDS.0, CLOSING_SPEEDS.1);
            let closed = (1.0 - from) / speed;
            let part = smooth_step((age - closed - CLOSED) / OPENING);
            return Some(if age < closed { from + speed * age } else { 1.0 + (open - 1.0) * part });
        }
        if speed < -BLINK_SPEED {
            // It goes on opening as it does, and comes to a stand evenly.
            let time = (2.0 * above / -speed).clamp(0.1, OPENING);
            let left = (1.0 - age / time).max(0.0);
            return Some(open + above * left * left);
        }
        (from > HALF_CLOSED).then(|| from + (open - from) * smooth_step((age - CLOSED) / OPENING))
    }
}

/// The angle of a rotation, radians.
fn angle(rotation: Quat) -> f32 {
    turn(Quat::IDENTITY, rotation).length()
}
