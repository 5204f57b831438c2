//! Quantiser steps from the decoder's own sensitivity: how much each axis of the latent changes the picture.
//!
//! Where rounding errors are small and independent, the picture's squared error is `Σ sᵢ² Δᵢ² / 12` with `sᵢ` the change
//! of the picture a unit of axis i. The fewest bits for a given error are then spent where every axis adds the same:
//! `Δᵢ ∝ 1/sᵢ` (reverse water-filling: Cover & Thomas, "Elements of Information Theory", section 10.3.3).

use glam::{Quat, Vec3};

use crate::avatar::LatentModel;
use crate::latent::{FaceFrame, GAZE, Gaze, HeadPose, Latent, Timestamp, UNITS};

use super::quantiser::{HEAD_AXES, rotation_vector};

/// How much a step changes the picture at the finest rung: root mean square over what is seen of the person, in 8-bit
/// sRGB codes.
pub const PICTURE_STEP: f64 = 0.235;
/// How many faces sensitivity is averaged over.
pub const SENSITIVITY_FACES: u64 = 8;

/// The first change that is tried, as a part of the axis's span: about the size of a step, since a large one moves edges
/// so far that the picture hardly changes any more.
const FIRST_CHANGE: f64 = 1.0 / 128.0;
/// A change is doubled until the picture changes by this much (8-bit codes): well above its rounding to 8 bits.
const CLEAR_CHANGE: f64 = 1.5;
/// ... or until it is this part of the span.
const LAST_CHANGE: f64 = 1.0 / 8.0;
/// What rounding to 8 bits alone adds to the squared difference of two pictures.
const ROUNDING_VARIANCE: f64 = 1.0 / 6.0;
/// A step is at least this part of its axis's span, and at most a twelfth: what this avatar hardly shows, as where a unit says that eyes
/// look, another driven by the same stream may.
const LEAST_STEP: f64 = 1.0 / 4096.0;
const LARGEST_STEP: f64 = 1.0 / 12.0;
/// Spans of the head's rotation (radians) and translation (metres) for this purpose.
const ROTATION_SPAN: f64 = 0.25;
const TRANSLATION_SPAN: f64 = 0.03;

/// A copy of `model` whose steps are those at which each axis changes the picture by [`PICTURE_STEP`].
///
/// `picture` draws a face as 8-bit sRGB with alpha, `[height, width, 4]`, always from one place and of one size: pixels
/// with an alpha of more than 0 count. It is called some hundreds of times; the same pictures give the same steps.
///
/// # Errors
/// The first that `picture` returns.
pub fn fit_steps<E>(
    model: &LatentModel,
    mut picture: impl FnMut(&FaceFrame) -> Result<Vec<u8>, E>,
) -> Result<LatentModel, E> {
    let axes = model.axes.len() + HEAD_AXES;
    let mut squares = vec![0.0f64; axes];
    for seed in 0..SENSITIVITY_FACES {
        let face = typical_face(model, seed);
        let before = picture(&face)?;
        for (axis, sum) in squares.iter_mut().enumerate() {
            let span = span(model, axis);
            let mut part = FIRST_CHANGE;
            *sum += loop {
                let change = (span * part) as f32;
                let after = picture(&moved(&face, axis, model.axes.len(), change))?;
                let square = mean_square(&before, &after);
                if square >= CLEAR_CHANGE * CLEAR_CHANGE || part >= LAST_CHANGE {
                    break (square - ROUNDING_VARIANCE).max(0.0) / f64::from(change).powi(2);
                }
                part *= 2.0;
            };
        }
    }
    let steps: Vec<f32> = (0..axes)
        .map(|axis| {
            // The two sides of a face are one kind of motion: with one step, each predicts the other.
            let both = [axis, super::quantiser::other_side(axis).unwrap_or(axis)];
            let mean = both.iter().map(|&axis| squares[axis]).sum::<f64>() / (2 * SENSITIVITY_FACES) as f64;
            let span = span(model, axis).max(span(model, both[1]));
            let step = PICTURE_STEP / mean.sqrt(); // infinite where nothing is seen
            three_digits(step.clamp(span * LEAST_STEP, span * LARGEST_STEP))
        })
        .collect();
    let mut model = model.clone();
    for (axis, &step) in model.axes.iter_mut().zip(&steps) {
        axis.step = step;
    }
    model.head_steps.copy_from_slice(&steps[steps.len() - HEAD_AXES..]);
    Ok(model)
}

/// The range of an axis of `[u | g | r | head]`.
fn span(model: &LatentModel, axis: usize) -> f64 {
    match model.axes.get(axis) {
        Some(axis) => f64::from(axis.max - axis.min).max(1e-3),
        None if axis < model.axes.len() + 3 => ROTATION_SPAN,
        None => TRANSLATION_SPAN,
    }
}

/// A face as the statistics have it: a fourth of the units at work, both sides alike; eyes that look about; the rest
/// spread as in training. Number 0 is neutral.
fn typical_face(model: &LatentModel, seed: u64) -> FaceFrame {
    let mut random = Random(seed);
    let mut face = FaceFrame { time: Timestamp(0), latent: Latent::NEUTRAL, head: HeadPose::REST };
    if seed == 0 {
        return face;
    }
    let mut gaze = [0.0; GAZE];
    for (axis, statistics) in model.axes.iter().enumerate() {
        let (is_at_work, amount) = (random.unit() < 0.25, random.unit());
        let spread = (2.0 * amount - 1.0) * statistics.deviation * 1.7;
        match axis {
            0..UNITS => {
                face.latent.units[axis] = match super::quantiser::other_side(axis) {
                    Some(other) if other < axis => face.latent.units[other],
                    _ if is_at_work => {
                        (2.0 * amount * statistics.deviation).clamp(0.0, statistics.max.max(0.0))
                    }
                    _ => 0.0,
                };
            }
            54 | 55 => gaze[axis - UNITS] = gaze[axis - UNITS - 2],
            UNITS..54 => gaze[axis - UNITS] = spread,
            _ => face.latent.residual[axis - UNITS - GAZE] = spread,
        }
    }
    face.latent.gaze = Gaze::from_array(gaze);
    let mut vector = |size: f32| Vec3::from_array([(); 3].map(|()| (2.0 * random.unit() - 1.0) * size));
    face.head = HeadPose { rotation: Quat::from_scaled_axis(vector(0.1)), translation: vector(0.005) };
    face
}

/// The face with one axis moved, towards the inside of its range.
fn moved(face: &FaceFrame, axis: usize, latent_axes: usize, change: f32) -> FaceFrame {
    let mut face = *face;
    let mut gaze = face.latent.gaze.to_array();
    match axis {
        0..UNITS => face.latent.units[axis] += if face.latent.units[axis] > 0.5 { -change } else { change },
        UNITS..56 => gaze[axis - UNITS] += change,
        _ if axis < latent_axes => face.latent.residual[axis - UNITS - GAZE] += change,
        _ if axis < latent_axes + 3 => {
            let mut vector = rotation_vector(face.head.rotation);
            vector[axis - latent_axes] += change;
            face.head.rotation = Quat::from_scaled_axis(vector);
        }
        _ => face.head.translation[axis - latent_axes - 3] += change,
    }
    face.latent.gaze = Gaze::from_array(gaze);
    face
}

/// Mean squared difference of colours over the pixels where either picture shows something.
fn mean_square(a: &[u8], b: &[u8]) -> f64 {
    let (mut sum, mut count) = (0u64, 0u64);
    for (a, b) in a.as_chunks::<4>().0.iter().zip(b.as_chunks::<4>().0) {
        if a[3] > 0 || b[3] > 0 {
            sum += (0..3).map(|c| u64::from(a[c].abs_diff(b[c])).pow(2)).sum::<u64>();
            count += 3;
        }
    }
    sum as f64 / count.max(1) as f64
}

/// Rounded to three significant decimal digits.
fn three_digits(x: f64) -> f32 {
    let unit = 10f64.powf(x.log10().floor() - 2.0);
    ((x / unit).round() * unit) as f32
}

/// SplitMix64 (Steele et al. 2014).
struct Random(u64);

impl Random {
    /// In 0..1.
    fn unit(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 40) as f32 / (1u64 << 24) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bitstream::plain_latent_model;
    use crate::latent::FaceUnit;

    /// A picture of a few pixels that grow brighter with some axes and not with others.
    fn picture(face: &FaceFrame) -> Result<Vec<u8>, std::convert::Infallible> {
        let code = |x: f32| (100.0 + x).round() as u8;
        let latent = &face.latent;
        let brightness = [
            code(50.0 * latent.unit(FaceUnit::JawOpen)),
            code(25.0 * latent.unit(FaceUnit::BrowInnerUp)),
            code(4000.0 * face.head.translation.x),
            code(50.0 * latent.unit(FaceUnit::MouthSmileLeft)),
        ];
        Ok(brightness.into_iter().flat_map(|x| [x, x, x, 255]).chain([9, 9, 9, 0]).collect())
    }

    #[test]
    fn steps_are_as_fine_as_the_picture_is_sensitive() {
        let model = fit_steps(&plain_latent_model(2), picture).unwrap();
        let step = |unit: FaceUnit| model.axes[unit as usize].step;
        // 50 codes a unit in one pixel of four: 25 on average.
        let expected = PICTURE_STEP as f32 / 25.0;
        assert!((step(FaceUnit::JawOpen) / expected - 1.0).abs() < 0.1, "{}", step(FaceUnit::JawOpen));
        let twice = step(FaceUnit::BrowInnerUp) / step(FaceUnit::JawOpen);
        assert!((twice - 2.0).abs() < 0.2, "{twice}");
        // Both sides have one step; what nothing shows has the largest.
        assert_eq!(step(FaceUnit::MouthSmileLeft), step(FaceUnit::MouthSmileRight));
        assert_eq!(step(FaceUnit::TongueOut), 0.0833);
        assert!((model.head_steps[3] / (PICTURE_STEP as f32 / 2000.0) - 1.0).abs() < 0.1);
        assert_eq!(model, fit_steps(&plain_latent_model(2), picture).unwrap());
    }
}
