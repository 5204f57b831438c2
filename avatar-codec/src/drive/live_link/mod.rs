//! Live Link Face (Epic Games' app for phones with a depth camera): its recordings and its live stream.
//!
//! A face is 61 numbers: ARKit's 52 blend shapes, then yaw, pitch and roll of the head, the left and the right eye.

mod csv;
mod packet;
mod timecode;

pub use csv::read_csv;
pub use packet::{LiveLinkPacket, LiveLinkStream, MAX_PACKET_BYTES, PacketError};
pub use timecode::{SECONDS_A_DAY, Timecode, frame_base};

use std::f32::consts::PI;

use glam::Quat;

use crate::latent::{FaceUnit, Gaze, HeadPose, UNITS};

use super::signals::{Signals, gaze_of_units};

/// How many numbers a face has.
pub const VALUES: usize = UNITS + ANGLES;
/// How many of them are angles.
const ANGLES: usize = 9;

/// The angles' names in recordings, in the stream's order.
const ANGLE_NAMES: [&str; ANGLES] = [
    "HeadYaw",
    "HeadPitch",
    "HeadRoll",
    "LeftEyeYaw",
    "LeftEyePitch",
    "LeftEyeRoll",
    "RightEyeYaw",
    "RightEyePitch",
    "RightEyeRoll",
];
const HEAD: usize = UNITS;
const LEFT_EYE: usize = UNITS + 3;
const RIGHT_EYE: usize = UNITS + 6;

/// A face as the app says it: the units in [`FaceUnit`]'s order (which is the stream's), then the angles, radians.
type Raw = [f32; VALUES];

/// The place of a column's name in a [`Raw`] face, whatever its capitals. Recordings don't keep to the stream's order
/// (JawRight stands before JawLeft), so that names decide.
fn place_of(name: &str) -> Option<usize> {
    let is_unit = |unit: &FaceUnit| unit.name().eq_ignore_ascii_case(name);
    let angle = || ANGLE_NAMES.iter().position(|known| known.eq_ignore_ascii_case(name)).map(|i| UNITS + i);
    FaceUnit::ALL.iter().position(is_unit).or_else(angle)
}

/// Finds out which way the eyes' angles turn.
///
/// Public programs disagree about the signs, but every face says them itself: `eyeLookOutLeft` is towards the person's
/// left, whatever the app. So angles and units are compared until they agree or disagree clearly; until then gaze is taken
/// from the units.
#[derive(Clone, Copy, Debug, Default)]
struct EyeSigns {
    yaw: Vote,
    pitch: Vote,
}

#[derive(Clone, Copy, Debug, Default)]
struct Vote {
    /// Sums of products of angle and units, of the angles' squares and of the units'.
    product: f64,
    angles: f64,
    units: f64,
}

impl Vote {
    /// So much motion (radians², summed) is enough to judge by: some thirty frames that look 6° away.
    const ENOUGH: f64 = 0.3;
    /// And so much agreement.
    const CLEAR: f64 = 0.5;

    fn take(&mut self, angle: f32, by_units: f32) {
        let (angle, by_units) = (f64::from(angle), f64::from(by_units));
        self.product += angle * by_units;
        self.angles += angle * angle;
        self.units += by_units * by_units;
    }

    /// 1, −1, or `None` while it isn't clear.
    fn sign(&self) -> Option<f32> {
        let correlation = self.product / (self.angles * self.units).sqrt().max(1e-12);
        (self.units > Self::ENOUGH && correlation.abs() > Self::CLEAR).then_some(correlation.signum() as f32)
    }
}

impl EyeSigns {
    fn take(&mut self, raw: &Raw) {
        let by_units = gaze_of_units(&units_of(raw));
        self.yaw.take(raw[LEFT_EYE], by_units.left_yaw);
        self.yaw.take(raw[RIGHT_EYE], by_units.right_yaw);
        self.pitch.take(raw[LEFT_EYE + 1], by_units.left_pitch);
        self.pitch.take(raw[RIGHT_EYE + 1], by_units.right_pitch);
    }

    fn gaze(&self, raw: &Raw) -> Gaze {
        let by_units = gaze_of_units(&units_of(raw));
        let (Some(yaw), Some(pitch)) = (self.yaw.sign(), self.pitch.sign()) else { return by_units };
        Gaze {
            left_yaw: yaw * raw[LEFT_EYE],
            left_pitch: pitch * raw[LEFT_EYE + 1],
            right_yaw: yaw * raw[RIGHT_EYE],
            right_pitch: pitch * raw[RIGHT_EYE + 1],
        }
    }
}

fn units_of(raw: &Raw) -> [f32; UNITS] {
    std::array::from_fn(|i| raw[i].clamp(0.0, 1.0))
}

/// The head: yaw turns towards the person's left, pitch down, roll towards the left shoulder. The face's own frame in
/// ARKit has +X to its left and +Z out of it; ours is that, turned by half a turn about +Y.
fn head_of(raw: &Raw) -> HeadPose {
    let [yaw, pitch, roll] = [0, 1, 2].map(|i| raw[HEAD + i].clamp(-PI, PI));
    let rotation = Quat::from_rotation_y(yaw) * Quat::from_rotation_x(-pitch) * Quat::from_rotation_z(roll);
    HeadPose { rotation: rotation.normalize(), ..HeadPose::REST }
}

fn signals_of(raw: &Raw, signs: &EyeSigns) -> Signals {
    Signals { units: units_of(raw), gaze: signs.gaze(raw), head: head_of(raw) }
}

#[cfg(test)]
mod tests {
    use crate::drive::signals::{LOOK_PITCH, LOOK_YAW};

    use super::*;

    #[test]
    fn names_are_found_whatever_their_capitals() {
        assert_eq!(place_of("JawLeft"), Some(FaceUnit::JawLeft as usize));
        assert_eq!(place_of("jawleft"), Some(FaceUnit::JawLeft as usize));
        assert_eq!(place_of("RightEyeRoll"), Some(VALUES - 1));
        assert_eq!(place_of("Jaw"), None);
    }

    /// Looks about, with angles of this sign.
    fn look_about(sign: f32) -> (EyeSigns, Raw) {
        let mut signs = EyeSigns::default();
        let mut raw = [0.0; VALUES];
        for i in 0..200 {
            let yaw = (i as f32 * 0.1).sin() * 0.3;
            let pitch = (i as f32 * 0.07).cos() * 0.2;
            raw = [0.0; VALUES];
            let look = |amount: f32, to: f32| (amount / to).clamp(0.0, 1.0);
            for (unit, amount, to) in [
                (FaceUnit::EyeLookOutLeft, yaw, LOOK_YAW),
                (FaceUnit::EyeLookInRight, yaw, LOOK_YAW),
                (FaceUnit::EyeLookInLeft, -yaw, LOOK_YAW),
                (FaceUnit::EyeLookOutRight, -yaw, LOOK_YAW),
                (FaceUnit::EyeLookUpLeft, pitch, LOOK_PITCH),
                (FaceUnit::EyeLookUpRight, pitch, LOOK_PITCH),
                (FaceUnit::EyeLookDownLeft, -pitch, LOOK_PITCH),
                (FaceUnit::EyeLookDownRight, -pitch, LOOK_PITCH),
            ] {
                raw[unit as usize] = look(amount, to);
            }
            for eye in [LEFT_EYE, RIGHT_EYE] {
                (raw[eye], raw[eye + 1]) = (sign * yaw, sign * pitch);
            }
            signs.take(&raw);
        }
        (signs, raw)
    }

    #[test]
    fn the_eyes_themselves_say_which_way_they_turn() {
        for sign in [1.0, -1.0] {
            let (signs, raw) = look_about(sign);
            assert_eq!(signs.yaw.sign(), Some(sign));
            let (gaze, by_units) = (signs.gaze(&raw), gaze_of_units(&units_of(&raw)));
            assert!((gaze.left_yaw - by_units.left_yaw).abs() < 1e-3, "{gaze:?} {by_units:?}");
            assert!((gaze.right_pitch - by_units.right_pitch).abs() < 1e-3);
        }
    }

    #[test]
    fn without_angles_gaze_comes_from_the_units() {
        let (_, mut raw) = look_about(1.0);
        raw[UNITS..].fill(0.0);
        let mut signs = EyeSigns::default();
        (0..100).for_each(|_| signs.take(&raw));
        assert_eq!(signs.gaze(&raw), gaze_of_units(&units_of(&raw)));
    }
}
