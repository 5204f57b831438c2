//! Made-up tracking: the demo's performance, there and back again for as long as one likes, as trackers would send it.
#![allow(dead_code)] // each test program uses a part

use std::fmt::Write as _;

use visavis_codec::drive::{Recording, Signals, performance};
use visavis_codec::latent::{FaceUnit, UNITS};
use visavis_codec::testing::Random;

/// What the app adds to a resting face, as phones do: some tremble and an offset of each unit.
pub(crate) const TREMBLE: f32 = 0.004;

/// A performance as a function of time.
pub(crate) struct Performance {
    recording: Recording,
}

impl Performance {
    pub(crate) fn hello() -> Self {
        let bytes = include_bytes!("../../../assets/performance/hello.csv");
        Self { recording: performance::read_csv(bytes).unwrap() }
    }

    /// The face at a time, seconds; the recording runs forwards and backwards in turn.
    pub(crate) fn at(&self, seconds: f64) -> Signals {
        let samples = &self.recording.samples;
        let last = (samples.len() - 1) as f64;
        let place = (seconds * 30.0).rem_euclid(2.0 * last);
        let place = if place > last { 2.0 * last - place } else { place };
        let (index, t) = (place.floor() as usize, (place - place.floor()) as f32);
        let face = |index: usize| samples[index.min(samples.len() - 1)].signals.clone().unwrap();
        let (a, b) = (face(index), face(index + 1));
        let mut mixed = (*a).clone();
        for i in 0..UNITS {
            mixed.units[i] = a.units[i] + (b.units[i] - a.units[i]) * t;
        }
        mixed.gaze.left_yaw += (b.gaze.left_yaw - a.gaze.left_yaw) * t;
        mixed.gaze.left_pitch += (b.gaze.left_pitch - a.gaze.left_pitch) * t;
        mixed.gaze.right_yaw += (b.gaze.right_yaw - a.gaze.right_yaw) * t;
        mixed.gaze.right_pitch += (b.gaze.right_pitch - a.gaze.right_pitch) * t;
        mixed.head.rotation = a.head.rotation.slerp(b.head.rotation, t);
        mixed
    }

    /// The 61 numbers of the app, with tremble.
    pub(crate) fn values(&self, seconds: f64, random: &mut Random) -> [f32; 61] {
        let face = self.at(seconds);
        let mut values = [0.0; 61];
        for (value, unit) in values.iter_mut().zip(face.units) {
            *value = (unit + TREMBLE * random.normal()).clamp(0.0, 1.0);
        }
        // Yaw to the left, pitch down, roll to the left; of small turns the vector's parts are the angles.
        let turn = face.head.rotation_vector();
        values[52..55].copy_from_slice(&[turn.y, -turn.x, turn.z]);
        let gaze = face.gaze;
        values[55..61].copy_from_slice(&[
            gaze.left_yaw,
            -gaze.left_pitch,
            0.0,
            gaze.right_yaw,
            -gaze.right_pitch,
            0.0,
        ]);
        values
    }

    /// The fastest that each unit moves between samples of this rate, a second.
    pub(crate) fn speeds(&self, rate: f64) -> [f32; UNITS] {
        let mut speeds = [0.0f32; UNITS];
        for n in 0..(2.0 * 12.0 * rate) as usize {
            let (a, b) = (self.at(n as f64 / rate), self.at((n + 1) as f64 / rate));
            for i in 0..UNITS {
                speeds[i] = speeds[i].max((b.units[i] - a.units[i]).abs() * rate as f32);
            }
        }
        speeds
    }
}

/// The header of a recording, in the order that the app writes: JawRight before JawLeft.
pub(crate) fn header() -> String {
    let mut header = "Timecode,BlendshapeCount".to_owned();
    for place in order() {
        let name = match place {
            0..UNITS => FaceUnit::ALL[place].name(),
            _ => [
                "headYaw",
                "headPitch",
                "headRoll",
                "leftEyeYaw",
                "leftEyePitch",
                "leftEyeRoll",
                "rightEyeYaw",
                "rightEyePitch",
                "rightEyeRoll",
            ][place - UNITS],
        };
        let mut letters = name.chars();
        let first = letters.next().unwrap().to_ascii_uppercase();
        write!(header, ",{first}{}", letters.as_str()).unwrap();
    }
    header + "\n"
}

fn order() -> Vec<usize> {
    let mut order: Vec<usize> = (0..61).collect();
    order.swap(FaceUnit::JawLeft as usize, FaceUnit::JawRight as usize);
    order.swap(FaceUnit::MouthLeft as usize, FaceUnit::MouthRight as usize);
    order
}

/// Timecode as the app writes it, 60 numbers a second.
pub(crate) fn timecode(seconds: f64) -> String {
    let of_day = (seconds + 1e-9).rem_euclid(86_400.0);
    let whole = of_day.floor();
    let (s, frames) = (whole as u64, (of_day - whole) * 60.0);
    format!("{:02}:{:02}:{:02}:{:06.3}", s / 3600, s / 60 % 60, s % 60, frames.min(59.999))
}

/// A row of a recording.
pub(crate) fn row(seconds: f64, values: &[f32; 61]) -> String {
    let mut row = format!("{},61", timecode(seconds));
    for place in order() {
        write!(row, ",{:.8}", values[place]).unwrap();
    }
    row + "\n"
}

/// A datagram of the app's stream, of a clock that counts 60 frames a second.
pub(crate) fn datagram(seconds: f64, values: Option<&[f32; 61]>) -> Vec<u8> {
    let mut bytes = vec![6];
    for name in ["$0B1C2D3E-0000-4000-8000-112233445566", "iPhone"] {
        bytes.extend((name.len() as u32).to_be_bytes());
        bytes.extend(name.as_bytes());
    }
    let frames = seconds.rem_euclid(86_400.0) * 60.0;
    bytes.extend((frames.floor() as u32).to_be_bytes());
    bytes.extend(((frames - frames.floor()) as f32).to_be_bytes());
    bytes.extend(60u32.to_be_bytes());
    bytes.extend(1u32.to_be_bytes());
    if let Some(values) = values {
        bytes.push(61);
        values.iter().for_each(|value| bytes.extend(value.to_be_bytes()));
    }
    bytes
}
