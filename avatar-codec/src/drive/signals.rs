//! What a tracker says of a face at one instant, in this crate's axes.

use std::f32::consts::PI;

use glam::{Quat, Vec3};

use crate::latent::{FaceFrame, FaceUnit, GAZE, Gaze, HeadPose, Latent, Timestamp, UNITS};

use super::notes::Notes;

/// Numbers of a face that are filtered one by one: units, gaze, the head's rotation vector, its translation.
pub const CHANNELS: usize = UNITS + GAZE + 6;

/// The yaw at which the `eyeLook` units reach 1, radians: 30°, as in this project's captures and performances.
pub const LOOK_YAW: f32 = 30.0 / 180.0 * PI;
/// The pitch at which they do: 25°.
pub const LOOK_PITCH: f32 = 25.0 / 180.0 * PI;

/// What a tracker says of a face. All numbers are finite.
#[derive(Clone, Debug, PartialEq)]
pub struct Signals {
    /// The 52 face units, 0..=1 each, indexed by [`FaceUnit`].
    pub units: [f32; UNITS],
    /// Where the eyes look. Trackers without eye angles have it from [`gaze_of_units`].
    pub gaze: Gaze,
    /// The head, against wherever the tracker's zero is: calibration finds where it rests.
    pub head: HeadPose,
}

impl Signals {
    /// The neutral face.
    pub const NEUTRAL: Self = Self { units: [0.0; UNITS], gaze: Latent::NEUTRAL.gaze, head: HeadPose::REST };

    /// Whether every number is finite and the head's rotation a unit quaternion.
    pub fn is_valid(&self) -> bool {
        let Self { units, gaze, head } = self;
        units.iter().chain(&gaze.to_array()).all(|x| x.is_finite()) && head.is_valid()
    }
}

/// Where the eyes look by the eight `eyeLook` units alone, for trackers that give no angles: 30° of yaw and 25° of pitch
/// at 1.
pub fn gaze_of_units(units: &[f32; UNITS]) -> Gaze {
    let unit = |unit: FaceUnit| units[unit as usize];
    Gaze {
        left_yaw: LOOK_YAW * (unit(FaceUnit::EyeLookOutLeft) - unit(FaceUnit::EyeLookInLeft)),
        left_pitch: LOOK_PITCH * (unit(FaceUnit::EyeLookUpLeft) - unit(FaceUnit::EyeLookDownLeft)),
        right_yaw: LOOK_YAW * (unit(FaceUnit::EyeLookInRight) - unit(FaceUnit::EyeLookOutRight)),
        right_pitch: LOOK_PITCH * (unit(FaceUnit::EyeLookUpRight) - unit(FaceUnit::EyeLookDownRight)),
    }
}

/// The 62 numbers of a face in the order units, gaze, rotation vector, translation.
pub(super) type Values = [f32; CHANNELS];

/// Which number of a face.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// A face unit.
    Unit(FaceUnit),
    /// A gaze angle, 0..4, radians.
    Gaze(usize),
    /// A component of the head's rotation vector, 0..3, radians.
    Rotation(usize),
    /// A component of the head's translation, 0..3, metres.
    Translation(usize),
}

impl Channel {
    /// The channel at a place in 0..[`CHANNELS`]; places beyond count as the last.
    pub fn at(place: usize) -> Self {
        const ROTATION: usize = UNITS + GAZE;
        match place {
            0..UNITS => Self::Unit(FaceUnit::ALL[place]),
            UNITS..ROTATION => Self::Gaze(place - UNITS),
            _ if place < ROTATION + 3 => Self::Rotation(place - ROTATION),
            _ => Self::Translation((place - ROTATION - 3).min(2)),
        }
    }
}

/// A face as numbers that can be mixed; the rotation as a vector, the short way round.
pub(super) fn values_of(units: &[f32; UNITS], gaze: Gaze, head: &HeadPose) -> Values {
    let mut values = [0.0; CHANNELS];
    values[..UNITS].copy_from_slice(units);
    values[UNITS..UNITS + GAZE].copy_from_slice(&gaze.to_array());
    values[UNITS + GAZE..][..3].copy_from_slice(&head.rotation_vector().to_array());
    values[UNITS + GAZE + 3..].copy_from_slice(&head.translation.to_array());
    values
}

/// The inverse of [`values_of`].
pub(super) fn face_of(values: &Values) -> (Latent, HeadPose) {
    let vector = |at: usize| Vec3::new(values[at], values[at + 1], values[at + 2]);
    let mut latent = Latent::NEUTRAL;
    latent.units.copy_from_slice(&values[..UNITS]);
    latent.gaze = Gaze::from_array(std::array::from_fn(|i| values[UNITS + i]));
    let rotation = Quat::from_scaled_axis(vector(UNITS + GAZE)).normalize();
    (latent, HeadPose { rotation, translation: vector(UNITS + GAZE + 3) })
}

/// One instant of a recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// On the source's clock, seconds.
    pub seconds: f64,
    /// What was seen; `None` where the tracker says that it saw no face.
    pub signals: Option<Box<Signals>>,
}

/// What a datagram of a live source brought.
#[derive(Clone, Debug, PartialEq)]
pub struct Received {
    /// On the source's clock, seconds.
    pub seconds: f64,
    /// The usual time between two frames, where the source says it, seconds.
    pub interval: Option<f64>,
    /// What was seen; `None` if no face was.
    pub signals: Option<Signals>,
}

/// A whole recording of a tracker.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recording {
    /// In the file's order, with the file's times: they may repeat, jump and go backwards.
    pub samples: Vec<Sample>,
    /// The usual time between two samples, seconds.
    pub interval: f64,
    /// After how many seconds the source's clock begins again: a day, for timecode.
    pub wrap: Option<f64>,
    /// What was skipped and left aside.
    pub notes: Notes,
}

impl Recording {
    /// How many samples show a face.
    pub fn tracked(&self) -> usize {
        self.samples.iter().filter(|sample| sample.signals.is_some()).count()
    }

    /// The samples that show a face as they stand: what needs no [`Driver`](super::Driver), as a performance that was written
    /// for an avatar. Times before 0 become 0.
    pub fn frames(&self) -> impl Iterator<Item = FaceFrame> {
        self.samples.iter().filter_map(|Sample { seconds, signals }| {
            let Signals { units, gaze, head } = **signals.as_ref()?;
            let time = Timestamp((seconds * 1e9).round() as u64);
            Some(FaceFrame { time, latent: Latent { units, gaze, ..Latent::NEUTRAL }, head })
        })
    }
}

/// The median of the steps forward between neighbours, within 1/240 to 1/10 s; `fallback` if there are none.
pub(super) fn usual_interval(samples: &[Sample], fallback: f64) -> f64 {
    let steps = samples.windows(2).map(|pair| pair[1].seconds - pair[0].seconds);
    let mut steps: Vec<f64> = steps.filter(|step| (1e-3..1.0).contains(step)).collect();
    if steps.is_empty() {
        return fallback;
    }
    let middle = steps.len() / 2;
    let (_, median, _) = steps.select_nth_unstable_by(middle, f64::total_cmp);
    median.clamp(1.0 / 240.0, 0.1)
}
