//! Between the numbers of a face and whole steps ("levels").

use std::f32::consts::PI;

use glam::{Quat, Vec3};

use crate::avatar::{LatentAxis, LatentModel, Semantic};
use crate::latent::{FaceFrame, FaceUnit, GAZE, Gaze, HeadPose, Latent, MAX_RESIDUAL, Timestamp, UNITS};

use super::magnitude::class_of_mean;

/// Axes of a head pose: rotation vector (3), translation (3).
pub const HEAD_AXES: usize = 6;
/// The most axes of a frame: units, gaze, residual, head.
pub const MAX_AXES: usize = UNITS + GAZE + MAX_RESIDUAL + HEAD_AXES;

/// Step of a face unit.
const UNIT_STEP: f32 = 0.01;
/// Step of a gaze angle, radians: a quarter of a degree.
const GAZE_STEP: f32 = PI / 720.0;
/// Steps a standard deviation of a residual component.
const RESIDUAL_STEPS_PER_DEVIATION: f32 = 16.0;
/// Step of the head's rotation vector, radians: a tenth of a degree, in the digits of BITSTREAM.md.
const HEAD_ROTATION_STEP: f32 = 0.001_745_329_2;
/// Farthest level of the head's rotation vector: half a turn.
const HEAD_ROTATION_LEVELS: i32 = 1800;
/// Step of the head's translation, metres.
const HEAD_TRANSLATION_STEP: f32 = 0.000_25;
/// Farthest level of the head's translation: two metres.
const HEAD_TRANSLATION_LEVELS: i32 = 8000;
/// Farthest level of any axis.
const MAX_LEVEL: f64 = 32_767.0;
/// Level classes of the head in intra frames, by typical excursions: 3° and 4 mm.
const HEAD_ROTATION_MEAN: f64 = 30.0;
const HEAD_TRANSLATION_MEAN: f64 = 16.0;
/// Nanoseconds a tick, the unit of time in packets.
const NANOSECONDS_PER_TICK: u64 = 1000;

/// The levels of one frame, in the order of its axes; those past the last axis are 0.
pub(super) type Levels = [i32; MAX_AXES];

/// How one avatar's frames are quantised: the part of the bitstream that comes from its [`LatentModel`].
///
/// Axes are the latent's (52 units, 4 gaze angles, k residual components) and then the head's rotation vector and
/// translation. A level is a whole number of steps; 0 is the neutral face at rest on every axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantiser {
    axes: Vec<AxisQuantiser>,
    residual: usize,
}

/// One axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct AxisQuantiser {
    pub(super) step: f32,
    pub(super) lowest: i32,
    pub(super) highest: i32,
    /// The axis of the same kind on the other side of the face, where it comes earlier.
    pub(super) partner: Option<usize>,
    /// Class of the level's magnitude in an intra frame.
    pub(super) intra_class: usize,
}

/// Why a [`LatentModel`] can't be quantised.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum QuantiserError {
    /// The residual is larger than a latent's.
    #[error("the latent model has {0} residual components; at most {MAX_RESIDUAL} are allowed")]
    Residual(u32),
    /// Not one entry per axis.
    #[error(
        "the latent model describes {found} axes, but 52 units, 4 gaze angles and its residual are {expected}"
    )]
    AxisCount {
        /// How many there are.
        found: usize,
        /// How many there should be.
        expected: usize,
    },
    /// An axis's statistics are not finite, out of order, or its step is not positive.
    #[error(
        "axis {axis} of the latent model: min, max, deviation and step must be finite, min ≤ max, deviation ≥ 0, step > 0"
    )]
    Statistics {
        /// Which axis of `[u | g | r]`.
        axis: usize,
    },
    /// An axis's range takes too many steps, or its values don't fit an f32.
    #[error(
        "axis {axis} of the latent model: its range is more than {MAX_LEVEL} steps or {:e} from 0",
        f32::MAX
    )]
    TooFine {
        /// Which axis of `[u | g | r]`.
        axis: usize,
    },
}

impl Quantiser {
    /// The quantiser of an avatar.
    ///
    /// An axis reaches half its trained range beyond it (but stays on its side of 0 if it never crossed it); values
    /// farther out are clamped. An axis that never moved in training has one level and costs nothing.
    pub fn new(model: &LatentModel) -> Result<Self, QuantiserError> {
        let LatentModel { semantic, residual: components, axes: statistics } = model;
        let residual = *components as usize;
        if residual > MAX_RESIDUAL {
            return Err(QuantiserError::Residual(*components));
        }
        let expected = UNITS + GAZE + residual;
        if statistics.len() != expected {
            return Err(QuantiserError::AxisCount { found: statistics.len(), expected });
        }
        let mut axes = Vec::with_capacity(expected + HEAD_AXES);
        for (axis, statistics) in statistics.iter().enumerate() {
            axes.push(AxisQuantiser::new(axis, statistics)?);
        }
        for axis in 0..axes.len() {
            axes[axis].partner = match semantic {
                Semantic::FaceUnits => {
                    partner(axis).filter(|&other| other < axis && axes[other].step == axes[axis].step)
                }
                Semantic::None => None,
            };
        }
        let head = |step, levels: i32, mean: f64| AxisQuantiser {
            step,
            lowest: -levels,
            highest: levels,
            partner: None,
            intra_class: class_of_mean((mean * 256.0) as u32),
        };
        axes.extend([head(HEAD_ROTATION_STEP, HEAD_ROTATION_LEVELS, HEAD_ROTATION_MEAN); 3]);
        axes.extend([head(HEAD_TRANSLATION_STEP, HEAD_TRANSLATION_LEVELS, HEAD_TRANSLATION_MEAN); 3]);
        Ok(Self { axes, residual })
    }

    /// How many axes a frame has: 62 + k.
    pub fn axes(&self) -> usize {
        self.axes.len()
    }

    /// The step of each axis, in its own unit: the face's (as its [`LatentModel`] says), then radians and metres for
    /// the head.
    pub fn steps(&self) -> impl Iterator<Item = f32> + '_ {
        self.axes.iter().map(|axis| axis.step)
    }

    /// What a reader will see of this frame: each axis at its nearest level, the time at its nearest microsecond.
    /// `None` if a number is not finite or the head's rotation not a unit quaternion.
    pub fn snap(&self, frame: &FaceFrame) -> Option<FaceFrame> {
        let levels = self.levels(frame)?;
        Some(self.frame(ticks(frame.time), &levels))
    }

    pub(super) fn axis_quantisers(&self) -> &[AxisQuantiser] {
        &self.axes
    }

    pub(super) fn levels(&self, frame: &FaceFrame) -> Option<Levels> {
        if !frame.latent.is_finite() || !frame.head.is_valid() {
            return None;
        }
        let mut values = [0.0f32; MAX_AXES];
        let (units, rest) = values.split_at_mut(UNITS);
        let (gaze, rest) = rest.split_at_mut(GAZE);
        let (residual, head) = rest.split_at_mut(self.residual);
        units.copy_from_slice(&frame.latent.units);
        gaze.copy_from_slice(&frame.latent.gaze.to_array());
        residual.copy_from_slice(&frame.latent.residual[..self.residual]);
        head[..3].copy_from_slice(&rotation_vector(frame.head.rotation).to_array());
        head[3..HEAD_AXES].copy_from_slice(&frame.head.translation.to_array());

        let mut levels = [0; MAX_AXES];
        for ((level, value), axis) in levels.iter_mut().zip(values).zip(&self.axes) {
            let nearest = (f64::from(value) / f64::from(axis.step)).round();
            *level = nearest.clamp(axis.lowest.into(), axis.highest.into()) as i32;
        }
        Some(levels)
    }

    pub(super) fn frame(&self, ticks: u64, levels: &Levels) -> FaceFrame {
        let mut values = [0.0f32; MAX_AXES];
        for ((value, &level), axis) in values.iter_mut().zip(levels).zip(&self.axes) {
            *value = (f64::from(level) * f64::from(axis.step)) as f32;
        }
        let mut latent = Latent::NEUTRAL;
        let (units, rest) = values.split_at(UNITS);
        let (gaze, rest) = rest.split_at(GAZE);
        let (residual, head) = rest.split_at(self.residual);
        latent.units.copy_from_slice(units);
        if let Ok(gaze) = gaze.try_into() {
            latent.gaze = Gaze::from_array(gaze);
        }
        latent.residual[..self.residual].copy_from_slice(residual);
        FaceFrame {
            time: Timestamp(ticks.saturating_mul(NANOSECONDS_PER_TICK)),
            latent,
            head: HeadPose {
                rotation: Quat::from_scaled_axis(Vec3::from_slice(&head[..3])),
                translation: Vec3::from_slice(&head[3..HEAD_AXES]),
            },
        }
    }
}

impl AxisQuantiser {
    fn new(axis: usize, statistics: &LatentAxis) -> Result<Self, QuantiserError> {
        let LatentAxis { min, max, deviation, step } = *statistics;
        let are_finite = [min, max, deviation, step].into_iter().all(f32::is_finite);
        if !are_finite || min > max || deviation < 0.0 || step <= 0.0 {
            return Err(QuantiserError::Statistics { axis });
        }
        let [min, max, deviation, step] = [min, max, deviation, step].map(f64::from);
        let margin = (max - min) / 2.0;
        let lowest = if min < 0.0 { min - margin } else { 0.0 };
        let highest = if max > 0.0 { max + margin } else { 0.0 };
        let (lowest, highest) = ((lowest / step).floor(), (highest / step).ceil());
        let largest = lowest.abs().max(highest);
        if largest > MAX_LEVEL || largest * step > f64::from(f32::MAX) {
            return Err(QuantiserError::TooFine { axis });
        }
        let mean = (deviation / step * 0.5).clamp(0.0, MAX_LEVEL);
        Ok(Self {
            step: statistics.step,
            lowest: lowest as i32,
            highest: highest as i32,
            partner: None,
            intra_class: class_of_mean((mean * 256.0) as u32),
        })
    }
}

/// A [`LatentModel`] for an avatar whose capture's statistics are not known: every unit over 0..=1, gaze to ±30°, a
/// residual of unit variance over ±4, and the steps that [`latent_step`] gives.
pub fn plain_latent_model(residual: u32) -> LatentModel {
    let residual = residual.min(MAX_RESIDUAL as u32);
    let axes = (0..UNITS + GAZE + residual as usize)
        .map(|axis| {
            let (min, max, deviation) = match axis {
                0..UNITS => (0.0, 1.0, 0.1),
                UNITS..56 => (-PI / 6.0, PI / 6.0, PI / 45.0),
                _ => (-4.0, 4.0, 1.0),
            };
            LatentAxis { min, max, deviation, step: latent_step(axis, deviation) }
        })
        .collect();
    LatentModel { semantic: Semantic::FaceUnits, residual, axes }
}

/// The step that is fine enough for axis `axis` of `[u | g | r]`: 0.01 for a unit, a quarter of a degree for gaze, a
/// sixteenth of its standard `deviation` for a residual component (a millionth at the least, so that it is a step).
pub fn latent_step(axis: usize, deviation: f32) -> f32 {
    match axis {
        0..UNITS => UNIT_STEP,
        UNITS..56 => GAZE_STEP,
        _ => (deviation / RESIDUAL_STEPS_PER_DEVIATION).max(1e-6),
    }
}

/// A time as microseconds, to the nearest.
pub(super) fn ticks(time: Timestamp) -> u64 {
    time.0.saturating_add(NANOSECONDS_PER_TICK / 2) / NANOSECONDS_PER_TICK
}

/// The axis of the same kind on the other side of the face: units by their names' `Left` and `Right`, the right eye's
/// gaze by the left's.
fn partner(axis: usize) -> Option<usize> {
    let other_side = |name: &str| {
        let stem = name.strip_suffix("Right").map(|stem| (stem, "Left"));
        let (stem, side) = stem.or_else(|| name.strip_suffix("Left").map(|stem| (stem, "Right")))?;
        FaceUnit::ALL.into_iter().position(|unit| unit.name().strip_suffix(side) == Some(stem))
    };
    match axis {
        0..UNITS => other_side(FaceUnit::ALL[axis].name()),
        UNITS..56 => axis.checked_sub(2).filter(|&other| other >= UNITS),
        _ => None,
    }
}

/// The rotation vector (axis times angle, angle at most π) of a unit quaternion.
pub(super) fn rotation_vector(rotation: Quat) -> Vec3 {
    let short = if rotation.w < 0.0 { -rotation } else { rotation };
    let sine = short.xyz().length();
    // Below this, angle/sine is 2 to more digits than an f32 has.
    let scale = if sine < 1e-6 { 2.0 } else { 2.0 * sine.atan2(short.w) / sine };
    short.xyz() * scale
}
