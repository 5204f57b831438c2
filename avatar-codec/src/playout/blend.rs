//! What keeps the shown face from jumping when the face behind it does.

use glam::{Quat, Vec3};

use crate::latent::{GAZE, UNITS};

use super::face::{AXES, Face, LIDS, by_kind, turn};
use super::options::SpeedLimits;

/// A critically damped spring is at 5 % of where it started when its frequency times the time is this.
const SETTLED: f32 = 4.744;
/// Lids settle so much faster: a lid that is left half closed looks worse than one that is fast.
const LID_HURRY: f32 = 2.0;
/// What can't be seen any more: it ends.
const NOTHING: f32 = 1e-5;

/// The difference between what is shown and the face behind it, as springs that pull it to 0 (in the line of Bollo,
/// "Inertialization: high-performance animation transitions", GDC 2018; springs, because new differences come while old
/// ones fade, and sums of springs are springs).
///
/// A difference that appears makes what is shown move by at most 1/e of frequency · difference; and however many appear,
/// the difference never exceeds the range of an axis, so its speed stays below half the frequency times that.
#[derive(Clone, Debug)]
pub(super) struct Blend {
    frequency: f32,
    values: [f32; AXES],
    speeds: [f32; AXES],
    /// As a rotation vector.
    turn: Vec3,
    turn_speed: Vec3,
    shift: Vec3,
    shift_speed: Vec3,
    is_still: bool,
}

impl Blend {
    /// Differences fade to 5 % in so many seconds.
    pub(super) fn new(settle: f32) -> Self {
        Self {
            frequency: SETTLED / settle,
            values: [0.0; AXES],
            speeds: [0.0; AXES],
            turn: Vec3::ZERO,
            turn_speed: Vec3::ZERO,
            shift: Vec3::ZERO,
            shift_speed: Vec3::ZERO,
            is_still: true,
        }
    }

    /// Whether what is shown is the face behind it.
    pub(super) fn is_still(&self) -> bool {
        self.is_still
    }

    /// The largest difference of a unit or gaze angle.
    pub(super) fn size(&self) -> f32 {
        let values = self.values[..UNITS + GAZE].iter();
        values.fold(self.turn.length(), |size, value| size.max(value.abs()))
    }

    /// The face behind jumps from one to the other; what is shown doesn't.
    pub(super) fn carry(&mut self, before: &Face, after: &Face) {
        if before == after {
            return;
        }
        self.is_still = false;
        for (value, (before, after)) in self.values.iter_mut().zip(before.values.iter().zip(after.values)) {
            *value += before - after;
        }
        self.turn = turn(after.rotation, Quat::from_scaled_axis(self.turn) * before.rotation);
        self.shift += before.translation - after.translation;
    }

    /// Lets time pass, seconds.
    pub(super) fn decay(&mut self, seconds: f32) {
        if self.is_still {
            return;
        }
        let body = Spring::over(self.frequency, seconds);
        let lids = Spring::over(self.frequency * LID_HURRY, seconds);
        let mut largest = 0.0f32;
        for (axis, (value, speed)) in self.values.iter_mut().zip(&mut self.speeds).enumerate() {
            let spring = if LIDS.contains(&axis) { &lids } else { &body };
            (*value, *speed) = spring.pull(*value, *speed);
            largest = largest.max(value.abs()).max(speed.abs());
        }
        for (place, speed) in
            [(&mut self.turn, &mut self.turn_speed), (&mut self.shift, &mut self.shift_speed)]
        {
            for i in 0..3 {
                (place[i], speed[i]) = body.pull(place[i], speed[i]);
            }
            largest = largest.max(place.length()).max(speed.length());
        }
        if largest < NOTHING {
            *self = Self::new(SETTLED / self.frequency);
        }
    }

    /// What is shown of the face behind, so long after `last` was shown; seconds. Nothing moves faster than the limits,
    /// and no unit leaves 0..=1 but for a face behind that does.
    pub(super) fn show(&mut self, behind: &Face, last: Option<(&Face, f32)>, limits: &SpeedLimits) -> Face {
        let mut face = *behind;
        if !self.is_still {
            for (axis, (value, difference)) in face.values.iter_mut().zip(self.values).enumerate() {
                let (low, high) = by_kind(axis, (value.min(0.0), value.max(1.0)), ANY, ANY);
                *value = (*value + difference).clamp(low, high);
            }
            face.rotation = (Quat::from_scaled_axis(self.turn) * face.rotation).normalize();
            face.translation += self.shift;
        }
        if let Some((last, seconds)) = last {
            limit(&mut face, last, seconds, limits);
        }
        if face != *behind {
            // As the bounds left it: the rest of the way is the springs'.
            self.is_still = false;
            for (difference, (shown, behind)) in
                self.values.iter_mut().zip(face.values.iter().zip(behind.values))
            {
                *difference = shown - behind;
            }
            self.turn = turn(behind.rotation, face.rotation);
            self.shift = face.translation - behind.translation;
        }
        face
    }
}

const ANY: (f32, f32) = (f32::NEG_INFINITY, f32::INFINITY);

/// Keeps a face within what it can reach from `last` in so many seconds.
fn limit(face: &mut Face, last: &Face, seconds: f32, limits: &SpeedLimits) {
    for (axis, (value, last)) in face.values.iter_mut().zip(last.values).enumerate() {
        let reach = by_kind(axis, limits.unit, limits.gaze, limits.residual) * seconds;
        *value = value.clamp(last - reach, last + reach);
    }
    let turned = turn(last.rotation, face.rotation);
    let reach = limits.head_rotation * seconds;
    if turned.length() > reach {
        face.rotation = (Quat::from_scaled_axis(turned.clamp_length_max(reach)) * last.rotation).normalize();
    }
    let moved = face.translation - last.translation;
    let reach = limits.head_translation * seconds;
    if moved.length() > reach {
        face.translation = last.translation + moved.clamp_length_max(reach);
    }
}

/// A critically damped spring over a step of time, in closed form.
struct Spring {
    frequency: f32,
    seconds: f32,
    fade: f32,
}

impl Spring {
    fn over(frequency: f32, seconds: f32) -> Self {
        // Beyond this nothing is left, and an infinite time is no number.
        let seconds = seconds.min(100.0 / frequency);
        Self { frequency, seconds, fade: (-frequency * seconds).exp() }
    }

    fn pull(&self, value: f32, speed: f32) -> (f32, f32) {
        let push = speed + self.frequency * value;
        let value_after = (value + push * self.seconds) * self.fade;
        (value_after, (speed - self.frequency * push * self.seconds) * self.fade)
    }
}
