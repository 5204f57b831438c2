//! Seeded signals that look like what a sender codes.

use visavis_codec::glam::{Quat, Vec3};
use visavis_codec::latent::{MAX_RESIDUAL, UNITS};
use visavis_codec::{FaceFrame, FaceUnit, Gaze, HeadPose, Timestamp};

/// SplitMix64 (Steele et al. 2014).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// In 0..1.
    pub(crate) fn unit(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / (1u64 << 24) as f32
    }

    pub(crate) fn range(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }
}

/// The mouth shapes of speech that the project ships, as unit weights.
pub(crate) fn visemes() -> Vec<[f32; UNITS]> {
    let text = include_str!("../../../assets/visemes.json");
    let json: serde_json::Value = serde_json::from_str(text).unwrap();
    let shapes = json["visemes"].as_object().unwrap();
    shapes
        .values()
        .map(|shape| {
            let mut units = [0.0; UNITS];
            for (name, weight) in shape["units"].as_object().unwrap() {
                units[FaceUnit::from_name(name).unwrap() as usize] = weight.as_f64().unwrap() as f32;
            }
            units
        })
        .collect()
}

/// A person talking: a viseme every 60–160 ms run into the next, blinks, saccades, a swaying head, a residual that
/// follows the mouth, and the noise of a tracker.
pub(crate) fn talk(seed: u64, frames: usize, frames_per_second: f64, noise: f32) -> Vec<FaceFrame> {
    let mut random = Random(seed);
    let visemes = visemes();
    let (mut from, mut to, mut start, mut length) = (0, 0, 0.0f32, 0.1f32);
    let mut units = [0.0f32; UNITS];
    let (mut blink, mut next_blink) = (1.0f32, 2.0f32);
    let (mut gaze, mut target, mut next_saccade) = ([0.0f32; 2], [0.0f32; 2], 0.5f32);
    (0..frames)
        .map(|i| {
            let seconds = i as f64 / frames_per_second;
            let t = seconds as f32;
            if t > start + length {
                (from, to) = (to, random.bits() as usize % visemes.len());
                (start, length) = (t, random.range(0.06, 0.16));
            }
            let part = (t - start) / length;
            let ease = part * part * (3.0 - 2.0 * part);
            for (unit, (a, b)) in units.iter_mut().zip(visemes[from].iter().zip(&visemes[to])) {
                let wanted = a + (b - a) * ease;
                *unit += 0.6 * (wanted - *unit);
            }
            if t > next_blink {
                (blink, next_blink) = (0.0, t + random.range(1.5, 5.0));
            }
            blink = (blink + 1.0 / (0.25 * frames_per_second as f32)).min(1.0);
            if t > next_saccade {
                target = [random.range(-0.15, 0.15), random.range(-0.1, 0.1)];
                next_saccade = t + random.range(0.3, 1.5);
            }
            for (angle, target) in gaze.iter_mut().zip(target) {
                *angle += 0.8 * (target - *angle);
            }
            let mut frame = FaceFrame { time: Timestamp::from_seconds(seconds), ..FaceFrame::default() };
            for (out, unit) in frame.latent.units.iter_mut().zip(units) {
                let jitter = if unit > 0.02 { noise * random.range(-1.0, 1.0) } else { 0.0 };
                *out = (unit + jitter).clamp(0.0, 1.0);
            }
            let lid = (std::f32::consts::PI * blink).sin();
            *frame.latent.unit_mut(FaceUnit::EyeBlinkLeft) = lid;
            *frame.latent.unit_mut(FaceUnit::EyeBlinkRight) = lid;
            frame.latent.gaze = Gaze::from_array([gaze[0], gaze[1], gaze[0], gaze[1]]);
            for (i, r) in frame.latent.residual.iter_mut().enumerate().take(MAX_RESIDUAL) {
                *r = (3.0 * units[17] + i as f32).sin() * 2.0 * units[17 + i % 4].min(1.0);
            }
            let sway = Vec3::new((1.3 * t).sin() * 0.03, (0.7 * t).sin() * 0.06, (0.9 * t).sin() * 0.02);
            frame.head = HeadPose {
                rotation: Quat::from_scaled_axis(sway),
                translation: Vec3::new((0.5 * t).sin(), (1.5 * t).sin(), (0.8 * t).cos()) * 0.002,
            };
            frame
        })
        .collect()
}
