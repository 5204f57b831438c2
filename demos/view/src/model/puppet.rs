//! A face moved by hand: sliders, eyes that follow the pointer, and the life that a resting face has by itself.

use glam::{Quat, Vec3};
use visavis_codec::drive::{LOOK_PITCH, LOOK_YAW};
use visavis_codec::latent::{Gaze, UNITS};
use visavis_codec::playout::{Playout, PlayoutOptions};
use visavis_codec::{FaceFrame, FaceUnit, HeadPose, Latent, Timestamp};

use super::camera::Landmarks;

/// How far eyes turn by hand or after the pointer, radians.
pub(crate) const MAX_YAW: f32 = 0.5;
pub(crate) const MAX_PITCH: f32 = 0.38;
/// The share of the way that the head goes with the eyes, and the most that it turns, radians.
const HEAD_SHARE: f32 = 0.35;
const MAX_HEAD: f32 = 0.2;
/// Eyes and head have come 63 % of their way after so many seconds.
const EYES_S: f32 = 0.05;
const HEAD_S: f32 = 0.45;

/// A face moved by hand.
#[derive(Clone, Debug)]
pub(crate) struct Puppet {
    /// What the sliders say.
    pub(crate) units: [f32; UNITS],
    /// Yaw (towards the person's left) and pitch (up) of both eyes, radians.
    pub(crate) gaze: [f32; 2],
    /// Yaw, pitch and roll of the head, radians.
    pub(crate) head: [f32; 3],
    /// Whether it breathes, looks about and blinks.
    pub(crate) is_alive: bool,
    /// Whether the eyes follow the pointer.
    pub(crate) follows: bool,
    /// The resting face's life; `None` only if the default options were refused.
    life: Option<Playout>,
    /// Where the eyes are on their way: left yaw and pitch, right yaw and pitch; the head's yaw and pitch.
    eyes: [f32; 4],
    turn: [f32; 2],
}

impl Default for Puppet {
    fn default() -> Self {
        Self {
            units: [0.0; UNITS],
            gaze: [0.0; 2],
            head: [0.0; 3],
            is_alive: true,
            follows: false,
            life: Playout::new(PlayoutOptions::default()).ok(),
            eyes: [0.0; 4],
            turn: [0.0; 2],
        }
    }
}

impl Puppet {
    /// All sliders to zero.
    pub(crate) fn rest(&mut self) {
        (self.units, self.gaze, self.head) = ([0.0; UNITS], [0.0; 2], [0.0; 3]);
    }

    /// Whether every slider is at zero.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.units == [0.0; UNITS] && self.gaze == [0.0; 2] && self.head == [0.0; 3]
    }

    /// The face at this time, `passed` seconds after the last; `look_at` is what the eyes follow, metres in the rest
    /// frame.
    pub(crate) fn face(
        &mut self,
        now: Timestamp,
        passed: f32,
        look_at: Option<Vec3>,
        landmarks: &Landmarks,
    ) -> FaceFrame {
        self.follow(passed, look_at.filter(|_| self.follows), landmarks);
        let life = match &mut self.life {
            Some(life) if self.is_alive => life.show(now).frame,
            _ => FaceFrame::default(),
        };
        let [yaw, pitch] = self.gaze;
        let idle = life.latent.gaze.to_array();
        let limits = [MAX_YAW, MAX_PITCH, MAX_YAW, MAX_PITCH];
        let by_hand = [yaw, pitch, yaw, pitch];
        let gaze = Gaze::from_array(std::array::from_fn(|i| {
            (by_hand[i] + self.eyes[i] + idle[i]).clamp(-limits[i], limits[i])
        }));
        let lids = lids_of(gaze);
        let units = std::array::from_fn(|u| self.units[u].max(life.latent.units[u]).max(lids[u]));
        let [turn_yaw, turn_pitch] = self.turn;
        let [head_yaw, head_pitch, head_roll] = self.head;
        let rotation = Quat::from_rotation_y(head_yaw + turn_yaw)
            * Quat::from_rotation_x(head_pitch + turn_pitch)
            * Quat::from_rotation_z(head_roll);
        FaceFrame {
            time: now,
            latent: Latent { units, gaze, ..Latent::NEUTRAL },
            head: HeadPose {
                rotation: (life.head.rotation * rotation).normalize(),
                translation: life.head.translation,
            },
        }
    }

    fn follow(&mut self, passed: f32, look_at: Option<Vec3>, landmarks: &Landmarks) {
        let (mut eyes, mut turn) = ([0.0; 4], [0.0; 2]);
        if let Some(target) = look_at.filter(|target| target.is_finite()) {
            let between = angles(target - 0.5 * (landmarks.left_eye + landmarks.right_eye));
            turn = between.map(|angle| (HEAD_SHARE * angle).clamp(-MAX_HEAD, MAX_HEAD));
            for (eye, place) in [landmarks.left_eye, landmarks.right_eye].into_iter().enumerate() {
                let [yaw, pitch] = angles(target - place);
                // What the head has turned already is no longer the eyes' to do.
                eyes[2 * eye] = (yaw - self.turn[0]).clamp(-MAX_YAW, MAX_YAW);
                eyes[2 * eye + 1] = (pitch - self.turn[1]).clamp(-MAX_PITCH, MAX_PITCH);
            }
        }
        let part = |time: f32| -(-passed.max(0.0) / time).exp_m1();
        for (now, goal) in self.eyes.iter_mut().zip(eyes) {
            *now += (goal - *now) * part(EYES_S);
        }
        for (now, goal) in self.turn.iter_mut().zip(turn) {
            *now += (goal - *now) * part(HEAD_S);
        }
    }
}

/// Yaw and pitch towards something, as [`Gaze`] has them.
fn angles(direction: Vec3) -> [f32; 2] {
    let direction = direction.normalize_or(Vec3::NEG_Z);
    [(-direction.x).atan2(-direction.z), direction.y.clamp(-1.0, 1.0).asin()]
}

/// The lids and lashes that go with a gaze.
fn lids_of(gaze: Gaze) -> [f32; UNITS] {
    use FaceUnit as U;
    let mut units = [0.0; UNITS];
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
    units
}

/// A unit's name as people read it: `mouthSmileLeft` becomes `Smile left`, within its region's heading.
pub(crate) fn spoken(unit: FaceUnit) -> String {
    let mut words = String::new();
    for c in unit.name().chars() {
        if c.is_uppercase() {
            words.push(' ');
        }
        words.extend(c.to_lowercase());
    }
    let mut letters = words.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use visavis_codec::drive::gaze_of_units;

    use super::*;

    fn second(n: u64) -> Timestamp {
        Timestamp(n * 100_000_000)
    }

    #[test]
    fn a_slider_is_seen_and_taken_back() {
        let mut puppet = Puppet { is_alive: false, ..Puppet::default() };
        puppet.units[FaceUnit::JawOpen as usize] = 0.7;
        let face = puppet.face(second(0), 0.1, None, &Landmarks::default());
        assert_eq!(face.latent.unit(FaceUnit::JawOpen), 0.7);
        assert!(!puppet.is_at_rest());
        puppet.rest();
        assert!(puppet.is_at_rest());
        let face = puppet.face(second(1), 0.1, None, &Landmarks::default());
        assert_eq!((face.latent, face.head), (Latent::NEUTRAL, HeadPose::REST));
    }

    #[test]
    fn a_living_face_blinks_over_what_the_sliders_say() {
        let mut puppet = Puppet::default();
        puppet.units[FaceUnit::MouthSmileLeft as usize] = 0.5;
        let mut most = 0.0f32;
        for n in 0..400 {
            let face = puppet.face(Timestamp(n * 20_000_000), 0.02, None, &Landmarks::default());
            most = most.max(face.latent.unit(FaceUnit::EyeBlinkLeft));
            assert_eq!(face.latent.unit(FaceUnit::MouthSmileLeft), 0.5);
        }
        assert!(most > 0.8, "{most}");
    }

    #[test]
    fn eyes_go_where_the_pointer_is_and_the_head_follows() {
        let mut puppet = Puppet { is_alive: false, follows: true, ..Puppet::default() };
        // Half a metre before the face, to the person's left and up.
        let target = Vec3::new(-0.12, 0.08, -0.5);
        let mut face = FaceFrame::default();
        for n in 0..60 {
            face = puppet.face(second(n), 0.05, Some(target), &Landmarks::default());
        }
        let gaze = face.latent.gaze;
        assert!(gaze.left_yaw > 0.05 && gaze.left_pitch > 0.05, "{gaze:?}");
        assert!(gaze.right_yaw > gaze.left_yaw, "the eyes meet at what is near: {gaze:?}");
        let nose = face.head.rotation * Vec3::NEG_Z;
        assert!(nose.x < -0.03 && nose.y > 0.01, "{nose}");
        // Eye and head together look at it.
        let eye = face.head.rotation * (gaze.left_rotation() * Vec3::NEG_Z);
        assert!(eye.angle_between(target - Landmarks::default().left_eye) < 0.03, "{eye}");
    }

    #[test]
    fn lids_are_the_inverse_of_what_trackers_say() {
        let gaze = Gaze { left_yaw: 0.2, left_pitch: -0.1, right_yaw: -0.3, right_pitch: 0.25 };
        let back = gaze_of_units(&lids_of(gaze));
        for (a, b) in gaze.to_array().into_iter().zip(back.to_array()) {
            assert!((a - b).abs() < 1e-6);
        }
    }

    #[test]
    fn names_are_words() {
        assert_eq!(spoken(FaceUnit::MouthSmileLeft), "Mouth smile left");
    }
}
