//! A made-up performance that tries everything a face can do, for tests and measurements.

use std::f64::consts::TAU;

use glam::{Quat, Vec3};

use crate::latent::{FaceFrame, FaceUnit, Gaze, MAX_RESIDUAL, Timestamp};

/// Seconds between the beginnings of two units' movements, and how long one takes there and back.
const NEXT_UNIT_S: f64 = 0.3;
const MOVEMENT_S: f64 = 0.6;

/// An extreme range of motion: one unit after another goes through its whole range and back in 0.6 s, both sides together
/// but not quite alike, two at any time; all the while the eyes sweep over ±26°, the head turns by up to ±29° and moves by
/// up to ±30 mm, and the first `residual` components of the residual swing over ±0.8. About 10 s; always the same.
pub fn range_of_motion(frames_per_second: f64, residual: usize) -> Vec<FaceFrame> {
    let other_side = |unit: FaceUnit| {
        let stem = unit.name().strip_suffix("Left")?;
        FaceUnit::from_name(&format!("{stem}Right"))
    };
    let seconds_of = |unit: FaceUnit| FaceUnit::ALL.into_iter().find(|&left| other_side(left) == Some(unit));
    let firsts: Vec<FaceUnit> =
        FaceUnit::ALL.into_iter().filter(|&unit| seconds_of(unit).is_none()).collect();
    let seconds = firsts.len() as f64 * NEXT_UNIT_S + MOVEMENT_S;
    let frame = |i: u32| {
        let t = f64::from(i) / frames_per_second;
        let wave =
            |amplitude: f64, period: f64, phase: f64| (amplitude * (t * TAU / period + phase).sin()) as f32;
        let mut frame = FaceFrame { time: Timestamp::from_seconds(t), ..FaceFrame::default() };
        for (n, &unit) in firsts.iter().enumerate() {
            let part = (t - NEXT_UNIT_S * n as f64) / MOVEMENT_S;
            if (0.0..1.0).contains(&part) {
                let weight = (0.5 - 0.5 * (part * TAU).cos()) as f32;
                *frame.latent.unit_mut(unit) = weight;
                if let Some(other) = other_side(unit) {
                    *frame.latent.unit_mut(other) = 0.92 * weight;
                }
            }
        }
        let yaw = wave(0.45, 1.7, 0.0);
        let pitch = wave(0.3, 1.3, 1.0);
        frame.latent.gaze = Gaze::from_array([yaw, pitch, 0.95 * yaw, pitch]);
        for (n, component) in frame.latent.residual.iter_mut().enumerate().take(residual.min(MAX_RESIDUAL)) {
            *component = wave(0.8, 1.1 + 0.17 * n as f64, n as f64);
        }
        let turn = [wave(0.3, 2.1, 0.3), wave(0.5, 2.7, 0.0), wave(0.2, 3.3, 1.0)];
        frame.head.rotation = Quat::from_scaled_axis(Vec3::from_array(turn));
        frame.head.translation = Vec3::new(wave(0.03, 2.9, 0.0), wave(0.015, 1.9, 1.0), wave(0.03, 3.7, 2.0));
        frame
    };
    (0..(seconds * frames_per_second) as u32).map(frame).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_of_motion_takes_every_unit_through_its_range() {
        let frames = range_of_motion(30.0, 4);
        for unit in FaceUnit::ALL {
            let most = frames.iter().map(|frame| frame.latent.unit(unit)).fold(0.0, f32::max);
            assert!(most > 0.9, "{}: {most}", unit.name());
        }
        assert!(frames.iter().any(|frame| frame.latent.residual[3] > 0.7 && frame.latent.residual[4] == 0.0));
        assert!(frames.iter().all(|frame| frame.latent.is_finite() && frame.head.is_valid()));
    }
}
