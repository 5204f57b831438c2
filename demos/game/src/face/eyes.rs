//! Eyes: they jump to what is new, follow what moves, and never quite rest.

use std::f32::consts::{PI, TAU};

use glam::{Quat, Vec3};
use visavis_codec::drive::{LOOK_PITCH, LOOK_YAW};
use visavis_codec::latent::UNITS;
use visavis_codec::{FaceUnit, Gaze};

use super::features::Features;
use super::spring::ease;
use crate::play::Random;

/// How far eyes turn in the head, radians.
const MAX_YAW: f32 = 0.50;
const MAX_PITCH: f32 = 0.38;
/// An eye that is off by more than this jumps, radians.
const JUMP: f32 = 0.06;
/// From one jump to the next at least, seconds.
const REST_S: f32 = 0.10;
/// An eye that follows is so far behind, seconds.
const LAG_S: f32 = 0.04;
/// Eyes follow no faster, radians per second.
const PURSUIT_RAD_S: f32 = 4.0;
/// How far an eye turns from the other's direction at the most, radians: what is a hand's breadth away.
const MAX_VERGENCE: f32 = 0.26;
/// What moves by more in a step is another target, radians.
const OTHER_TARGET: f32 = 0.08;

/// Both eyes.
#[derive(Clone, Debug)]
pub(crate) struct Eyes {
    /// Yaw and pitch that both share, radians, in the head.
    at: [f32; 2],
    /// Where the target was.
    wanted: [f32; 2],
    jump: Option<Jump>,
    since_jump_s: f32,
    drift: [f32; 2],
    drift_left_s: f32,
}

/// A saccade: 21 ms and 3 ms a degree. People take 2.2 ms (Carpenter 1988), which pictures show as a pop.
#[derive(Clone, Copy, Debug)]
struct Jump {
    from: [f32; 2],
    to: [f32; 2],
    for_s: f32,
    passed_s: f32,
}

/// Yaw (towards the person's left) and pitch (up) of a direction.
pub(crate) fn angles(direction: Vec3) -> [f32; 2] {
    let direction = direction.normalize_or(Vec3::NEG_Z);
    [(-direction.x).atan2(-direction.z), direction.y.clamp(-1.0, 1.0).asin()]
}

impl Eyes {
    pub(crate) const fn new() -> Self {
        Self {
            at: [0.0; 2],
            wanted: [0.0; 2],
            jump: None,
            since_jump_s: 1.0,
            drift: [0.0; 2],
            drift_left_s: 0.0,
        }
    }

    /// The gaze at `target` (rest frame, metres) from a head turned like this, and how far eyes set out to jump just now, radians.
    pub(crate) fn step(
        &mut self,
        seconds: f32,
        target: Vec3,
        head: Quat,
        features: &Features,
        random: &mut Random,
    ) -> (Gaze, f32) {
        let towards = |eye: Vec3| {
            let way = target - features.turned(eye, head);
            // Nothing nearer than a hand's breadth can be looked at.
            angles(head.inverse() * (way.normalize_or(Vec3::NEG_Z) * way.length().max(0.12)))
        };
        let middle = towards(0.5 * (features.eyes[0] + features.eyes[1]));
        self.drift_left_s -= seconds;
        if self.drift_left_s <= 0.0 {
            self.drift = [0.004 * random.normal(), 0.003 * random.normal()];
            self.drift_left_s = random.within(0.35, 1.1);
        }
        let wanted = [
            (middle[0] + self.drift[0]).clamp(-MAX_YAW, MAX_YAW),
            (middle[1] + self.drift[1]).clamp(-MAX_PITCH, MAX_PITCH),
        ];
        let jumped = self.follow(seconds, wanted);
        let ahead = ease((middle[1].cos() * middle[0].cos() - 0.1) / 0.3);
        let mut angles_out = [0.0; 4];
        for (eye, place) in features.eyes.into_iter().enumerate() {
            let own = towards(place);
            for axis in 0..2 {
                let limit = [MAX_YAW, MAX_PITCH][axis];
                // The eyes meet at what they look at. Where that is above or behind the head, yaws of both mean nothing.
                let apart = (own[axis] - middle[axis] + PI).rem_euclid(TAU) - PI;
                let apart = ahead * apart.clamp(-MAX_VERGENCE, MAX_VERGENCE);
                angles_out[2 * eye + axis] = (self.at[axis] + apart).clamp(-limit, limit);
            }
        }
        (Gaze::from_array(angles_out), jumped)
    }

    fn follow(&mut self, seconds: f32, wanted: [f32; 2]) -> f32 {
        self.since_jump_s += seconds;
        let moved: [f32; 2] = std::array::from_fn(|i| wanted[i] - self.wanted[i]);
        self.wanted = wanted;
        if let Some(jump) = &mut self.jump {
            jump.passed_s += seconds;
            let share = ease(jump.passed_s / jump.for_s);
            self.at = std::array::from_fn(|i| jump.from[i] + share * (jump.to[i] - jump.from[i]));
            if jump.passed_s >= jump.for_s {
                self.jump = None;
                self.since_jump_s = 0.0;
            }
            return 0.0;
        }
        let off = (wanted[0] - self.at[0]).hypot(wanted[1] - self.at[1]);
        if off > JUMP && self.since_jump_s > REST_S {
            // Eyes set out to where the target will be.
            let lasts = |off: f32| 0.021 + 0.0030 * off.to_degrees();
            let is_same = moved[0].hypot(moved[1]) < OTHER_TARGET;
            let ahead = if is_same { lasts(off) / seconds.max(1e-3) } else { 0.0 };
            let limits = [MAX_YAW, MAX_PITCH];
            let to: [f32; 2] =
                std::array::from_fn(|i| (wanted[i] + ahead * moved[i]).clamp(-limits[i], limits[i]));
            let for_s = lasts((to[0] - self.at[0]).hypot(to[1] - self.at[1]));
            self.jump = Some(Jump { from: self.at, to, for_s, passed_s: 0.0 });
            return off;
        }
        let part = -(-seconds / LAG_S).exp_m1();
        let most = PURSUIT_RAD_S * seconds;
        for (at, goal) in self.at.iter_mut().zip(wanted) {
            *at += (part * (goal - *at)).clamp(-most, most);
        }
        0.0
    }
}

/// The lids and lashes that go with a gaze.
pub(crate) fn lids_of(gaze: Gaze, units: &mut [f32; UNITS]) {
    use FaceUnit as U;
    for (unit, angle, full) in [
        (U::EyeLookOutLeft, gaze.left_yaw, LOOK_YAW),
        (U::EyeLookInLeft, -gaze.left_yaw, LOOK_YAW),
        (U::EyeLookUpLeft, gaze.left_pitch, LOOK_PITCH),
        (U::EyeLookDownLeft, -gaze.left_pitch, LOOK_PITCH),
        (U::EyeLookInRight, gaze.right_yaw, LOOK_YAW),
        (U::EyeLookOutRight, -gaze.right_yaw, LOOK_YAW),
        (U::EyeLookUpRight, gaze.right_pitch, LOOK_PITCH),
        (U::EyeLookDownRight, -gaze.right_pitch, LOOK_PITCH),
    ] {
        units[unit as usize] = (angle / full).clamp(0.0, 1.0);
    }
}
