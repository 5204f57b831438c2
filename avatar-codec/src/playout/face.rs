//! A face and head as numbers to compute with.

use glam::{Quat, Vec3};

use crate::latent::{FaceFrame, FaceUnit, GAZE, Gaze, HeadPose, Latent, MAX_RESIDUAL, Timestamp, UNITS};

/// Numbers of a latent: units, gaze, residual.
pub(super) const AXES: usize = UNITS + GAZE + MAX_RESIDUAL;
/// The lids.
pub(super) const LIDS: [usize; 2] = [FaceUnit::EyeBlinkLeft as usize, FaceUnit::EyeBlinkRight as usize];

/// The farthest that a frame's numbers may be from 0: far beyond any face, and near enough that no arithmetic on them
/// overflows.
const UNIT_LIMIT: f32 = 16.0;
const GAZE_LIMIT: f32 = std::f32::consts::PI;
const RESIDUAL_LIMIT: f32 = 1000.0;
const TRANSLATION_LIMIT: f32 = 1000.0;

/// Why a frame isn't taken.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum FrameError {
    /// A component of the latent is not finite, or farther from 0 than any face's.
    #[error("component {axis} of [units | gaze | residual] is {value}; at most {limit} from 0 is a face")]
    Latent {
        /// Which one of `[u | g | r]`.
        axis: usize,
        /// What it is.
        value: f32,
        /// The farthest it may be from 0: 16 (units), π (gaze), 1000 (residual).
        limit: f32,
    },
    /// The head's rotation is not a unit quaternion, or its translation is not finite or more than 1 km.
    #[error(
        "the head's rotation is not a unit quaternion, or its translation is not within {TRANSLATION_LIMIT} m"
    )]
    Head,
}

/// A face and head pose whose numbers are finite and bounded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Face {
    /// `[u | g | r]`.
    pub(super) values: [f32; AXES],
    /// Unit quaternion.
    pub(super) rotation: Quat,
    pub(super) translation: Vec3,
}

impl Face {
    pub(super) fn new(latent: &Latent, head: &HeadPose) -> Result<Self, FrameError> {
        let mut values = [0.0; AXES];
        values[..UNITS].copy_from_slice(&latent.units);
        values[UNITS..UNITS + GAZE].copy_from_slice(&latent.gaze.to_array());
        values[UNITS + GAZE..].copy_from_slice(&latent.residual);
        for (axis, &value) in values.iter().enumerate() {
            let limit = by_kind(axis, UNIT_LIMIT, GAZE_LIMIT, RESIDUAL_LIMIT);
            // NaN is not within it.
            if !(-limit..=limit).contains(&value) {
                return Err(FrameError::Latent { axis, value, limit });
            }
        }
        if !head.is_valid() || head.translation.abs().max_element() > TRANSLATION_LIMIT {
            return Err(FrameError::Head);
        }
        Ok(Self { values, rotation: head.rotation.normalize(), translation: head.translation })
    }

    pub(super) fn frame(&self, time: Timestamp) -> FaceFrame {
        let mut latent = Latent::NEUTRAL;
        latent.units.copy_from_slice(&self.values[..UNITS]);
        let mut gaze = [0.0; GAZE];
        gaze.copy_from_slice(&self.values[UNITS..UNITS + GAZE]);
        latent.gaze = Gaze::from_array(gaze);
        latent.residual.copy_from_slice(&self.values[UNITS + GAZE..]);
        FaceFrame { time, latent, head: HeadPose { rotation: self.rotation, translation: self.translation } }
    }

    /// This face at 0, the other at 1; the head turns the short way round.
    pub(super) fn mix(&self, other: &Self, weight: f32) -> Self {
        let mut mixed = *self;
        for (value, other) in mixed.values.iter_mut().zip(other.values) {
            *value += (other - *value) * weight;
        }
        mixed.rotation = self.rotation.slerp(other.rotation, weight).normalize();
        mixed.translation = self.translation.lerp(other.translation, weight);
        mixed
    }
}

/// What an axis's kind makes of three values.
pub(super) fn by_kind<T>(axis: usize, unit: T, gaze: T, residual: T) -> T {
    match axis {
        0..UNITS => unit,
        axis if axis < UNITS + GAZE => gaze,
        _ => residual,
    }
}

/// The rotation vector of the short way from `from` to `to`, in the frame that both are relative to.
pub(super) fn turn(from: Quat, to: Quat) -> Vec3 {
    let turn = to * from.conjugate();
    let turn = if turn.w < 0.0 { -turn } else { turn };
    turn.to_scaled_axis()
}

/// Four frames in a row, of which the middle two bracket a time; times in seconds, each larger than the one before.
pub(super) struct Cubic<'a> {
    pub(super) faces: [&'a Face; 4],
    pub(super) times: [f64; 4],
}

impl Cubic<'_> {
    /// The face at `part` (0..=1) of the way between the middle two: piecewise cubic Hermite with tangents that keep every
    /// axis monotone between two frames, so that nothing overshoots (Fritsch and Butland, "A method for constructing local
    /// monotone piecewise cubic interpolants", SIAM J. Sci. Stat. Comput. 1984, equation 1.2). The head turns at an even
    /// speed.
    pub(super) fn at(&self, part: f32) -> Face {
        let [before, left, right, after] = self.faces;
        let [h0, h1, h2] = [0, 1, 2].map(|i| (self.times[i + 1] - self.times[i]) as f32);
        let mut face = left.mix(right, part);
        let x = part;
        let (left_slope, right_slope) = (x * (1.0 - x) * (1.0 - x), x * x * (x - 1.0));
        let right_weight = x * x * (3.0 - 2.0 * x);
        let axis = |p: f32, a: f32, b: f32, q: f32| {
            let (s0, s1, s2) = ((a - p) / h0, (b - a) / h1, (q - b) / h2);
            let value = a
                + (b - a) * right_weight
                + h1 * (left_slope * tangent(h0, s0, h1, s1) + right_slope * tangent(h1, s1, h2, s2));
            value.clamp(a.min(b), a.max(b))
        };
        for (i, value) in face.values.iter_mut().enumerate() {
            *value = axis(before.values[i], left.values[i], right.values[i], after.values[i]);
        }
        let [p, a, b, q] = [before, left, right, after].map(|face| face.translation.to_array());
        face.translation = Vec3::from_array([0, 1, 2].map(|i| axis(p[i], a[i], b[i], q[i])));
        face
    }
}

/// The weighted harmonic mean of two slopes; 0 where they differ in sign.
fn tangent(h0: f32, s0: f32, h1: f32, s1: f32) -> f32 {
    if s0 * s1 <= 0.0 {
        return 0.0;
    }
    let (w0, w1) = (2.0 * h1 + h0, h1 + 2.0 * h0);
    (w0 + w1) / (w0 / s0 + w1 / s1)
}

/// 0 up to 0, 1 from 1, and smooth between; steepest in the middle, 1.5.
pub(super) fn smooth_step(x: f32) -> f32 {
    let x = x.clamp(0.0, 1.0);
    x * x * (3.0 - 2.0 * x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Random, random_head, random_latent};

    #[test]
    fn a_cubic_follows_a_curve_and_never_overshoots() {
        let wave = |time: f64| {
            let mut face = Face::new(&Latent::NEUTRAL, &HeadPose::REST).unwrap();
            face.values[0] = 0.5 + 0.5 * (3.0 * time).sin() as f32;
            face
        };
        let (mut cubic_error, mut line_error) = (0.0f32, 0.0f32);
        // Uneven times, up to the crest.
        let times = [-0.1, 0.12, 0.33, 0.5];
        let faces = times.map(wave);
        let cubic = Cubic { faces: faces.each_ref(), times };
        for i in 0..=20u8 {
            let part = f32::from(i) / 20.0;
            let truth = wave(times[1] + (times[2] - times[1]) * f64::from(part)).values[0];
            cubic_error = cubic_error.max((cubic.at(part).values[0] - truth).abs());
            line_error = line_error.max((faces[1].mix(&faces[2], part).values[0] - truth).abs());
        }
        assert!(cubic_error < 0.5 * line_error, "{cubic_error}; a line: {line_error}");

        let mut random = Random::new(3);
        for seed in 0..50 {
            let faces = [0, 1, 2, 3]
                .map(|i| Face::new(&random_latent(4 * seed + i), &random_head(seed + i)).unwrap());
            let mut time = 0.0;
            let times = [(); 4].map(|()| {
                time += f64::from(random.uniform(0.001, 0.2));
                time
            });
            let cubic = Cubic { faces: faces.each_ref(), times };
            let mut last = faces[1];
            for i in 0..=50u8 {
                let face = cubic.at(f32::from(i) / 50.0);
                for axis in 0..AXES {
                    let (a, b) = (faces[1].values[axis], faces[2].values[axis]);
                    // Onwards from a to b, never beyond either.
                    assert!((face.values[axis] - last.values[axis]) * (b - a).signum() >= -1e-5);
                    assert!((a.min(b)..=a.max(b)).contains(&face.values[axis]));
                }
                last = face;
            }
            assert!(turn(last.rotation, faces[2].rotation).length() < 1e-3);
        }
    }

    #[test]
    fn heads_turn_the_short_way() {
        let pose =
            |rotation| Face::new(&Latent::NEUTRAL, &HeadPose { rotation, translation: Vec3::ZERO }).unwrap();
        let (a, b) = (pose(Quat::from_rotation_y(0.2)), pose(-Quat::from_rotation_y(0.4)));
        assert!((turn(Quat::IDENTITY, a.mix(&b, 0.5).rotation) - Vec3::Y * 0.3).length() < 1e-5);
        assert!((turn(a.rotation, b.rotation) - Vec3::Y * 0.2).length() < 1e-5);
    }
}
