//! Between the numbers of a face and whole steps.
//!
//! A rung of the ladder makes every step of the avatar's latent model coarser by one factor. What is remembered and
//! predicted from is counted in *grains*, a fourth of the model's step, of which every rung's step is a whole number:
//! so a stream may change its rung at any frame.

use std::f32::consts::PI;

use glam::{Quat, Vec3};

use crate::avatar::{LatentAxis, LatentModel, Semantic};
use crate::latent::{FaceFrame, FaceUnit, GAZE, Gaze, HeadPose, Latent, MAX_RESIDUAL, Timestamp, UNITS};

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
/// Farthest from 0 that the head's rotation vector (radians) and translation (metres) are coded.
const HEAD_REACH: [f64; 2] = [3.15, 2.0];
/// What the head does, as the deviation of an axis says it of the face: 3° and 4 mm.
const HEAD_DEVIATION: [f64; 2] = [0.05, 0.004];
/// Farthest grain of any axis.
const MAX_GRAIN: f64 = 4_000_000.0;
/// Grains a step of the latent model.
const GRAINS_PER_STEP: f64 = 4.0;

/// A rung of the ladder: how coarse the steps are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rung(u8);

impl Rung {
    /// Every rung, the finest first.
    pub const ALL: [Self; 7] = [Self(0), Self(1), Self(2), Self(3), Self(4), Self(5), Self(6)];
    /// Grains a step of each rung.
    const GRAINS: [i32; Self::ALL.len()] = [4, 6, 8, 12, 16, 24, 32];

    /// The rung of this number, 0 the finest; `None` if there is none.
    pub fn new(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// Its number, 0 the finest.
    pub const fn number(self) -> u8 {
        self.0
    }

    /// Its steps, as a multiple of the latent model's: 1, 1.5, 2, 3, 4, 6, 8.
    pub fn factor(self) -> f64 {
        f64::from(self.grains()) / GRAINS_PER_STEP
    }

    /// The rung that is so many rungs coarser, or the coarsest.
    pub fn coarser(self, rungs: u8) -> Self {
        Self(self.0.saturating_add(rungs).min(Self::ALL.len() as u8 - 1))
    }

    pub(super) const fn grains(self) -> i32 {
        Self::GRAINS[self.0 as usize]
    }
}

/// One coded frame in grains, in the order of its axes; those past the last axis are 0.
pub(super) type Grains = [i32; MAX_AXES];
/// One frame as it was given, in grains.
pub(super) type Values = [f64; MAX_AXES];

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
    /// The value of a grain.
    pub(super) grain: f64,
    pub(super) lowest: i32,
    pub(super) highest: i32,
    /// The axis of the same kind on the other side of the face, where it comes earlier.
    pub(super) partner: Option<usize>,
    /// Standard deviation, in grains: at least 1.
    pub(super) spread: i32,
    /// Which axes move when it does.
    pub(super) group: usize,
}

/// How many groups of axes there are: lids, mouth and jaw, brows, cheeks and nose, gaze, residual, rotation, translation.
pub(super) const GROUPS: usize = 8;

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
    /// A step of the head is not a positive number, or too small.
    #[error("head step {axis} of the latent model is not a finite number greater than 1e-6")]
    HeadStep {
        /// Which of the six.
        axis: usize,
    },
    /// An axis's range takes too many steps, or its values don't fit an f32.
    #[error(
        "axis {axis} of the latent model: its range is more than {} steps or {:e} from 0",
        MAX_GRAIN / GRAINS_PER_STEP, f32::MAX
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
    ///
    /// # Errors
    /// If the model's numbers contradict each other, naming the axis; those of [`Avatar::read`](crate::Avatar::read) don't.
    pub fn new(model: &LatentModel) -> Result<Self, QuantiserError> {
        let LatentModel { semantic, residual: components, axes: statistics, head_steps } = model;
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
        if *semantic == Semantic::FaceUnits {
            for axis in 0..axes.len() {
                let is_alike = |&other: &usize| other < axis && axes[other].grain == axes[axis].grain;
                axes[axis].partner = other_side(axis).filter(is_alike);
            }
        }
        for (axis, &step) in head_steps.iter().enumerate() {
            if !(step.is_finite() && step > 1e-6) {
                return Err(QuantiserError::HeadStep { axis });
            }
            let (kind, grain) = (axis / 3, f64::from(step) / GRAINS_PER_STEP);
            let reach = (HEAD_REACH[kind] / grain).ceil() as i32;
            axes.push(AxisQuantiser {
                grain,
                lowest: -reach,
                highest: reach,
                partner: None,
                spread: (HEAD_DEVIATION[kind] / grain).round().max(1.0) as i32,
                group: GROUPS - 2 + kind,
            });
        }
        Ok(Self { axes, residual })
    }

    /// How many axes a frame has: 62 + k.
    pub fn axes(&self) -> usize {
        self.axes.len()
    }

    /// The step of each axis on a rung, in its own unit: the face's (as its [`LatentModel`] says), then radians and
    /// metres for the head.
    pub fn steps(&self, rung: Rung) -> impl Iterator<Item = f32> + '_ {
        self.axes.iter().map(move |axis| (axis.grain * f64::from(rung.grains())) as f32)
    }

    /// What a reader will see of this face on a rung: each axis at its nearest level. The time stays as it is; packets
    /// keep it to 0.05 ms. `None` if a number is not finite or the head's rotation not a unit
    /// quaternion.
    pub fn snap(&self, frame: &FaceFrame, rung: Rung) -> Option<FaceFrame> {
        let (values, mut grains) = (self.values(frame)?, [0; MAX_AXES]);
        for ((grain, value), axis) in grains.iter_mut().zip(values).zip(&self.axes) {
            *grain = axis.level(value, rung) * rung.grains();
        }
        Some(self.frame(frame.time, &grains))
    }

    pub(super) fn axis_quantisers(&self) -> &[AxisQuantiser] {
        &self.axes
    }

    /// The frame in grains.
    pub(super) fn values(&self, frame: &FaceFrame) -> Option<Values> {
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

        let mut grains = [0.0; MAX_AXES];
        for ((grains, value), axis) in grains.iter_mut().zip(values).zip(&self.axes) {
            *grains = f64::from(value) / axis.grain;
        }
        Some(grains)
    }

    /// The face that these grains stand for.
    pub(super) fn frame(&self, time: Timestamp, grains: &Grains) -> FaceFrame {
        let mut values = [0.0f32; MAX_AXES];
        for ((value, &grain), axis) in values.iter_mut().zip(grains).zip(&self.axes) {
            *value = (f64::from(grain) * axis.grain) as f32;
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
            time,
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
        let grain = step / GRAINS_PER_STEP;
        let margin = (max - min) / 2.0;
        let lowest = if min < 0.0 { min - margin } else { 0.0 };
        let highest = if max > 0.0 { max + margin } else { 0.0 };
        let (lowest, highest) = ((lowest / grain).floor(), (highest / grain).ceil());
        let largest = lowest.abs().max(highest);
        if largest > MAX_GRAIN || largest * grain > f64::from(f32::MAX) {
            return Err(QuantiserError::TooFine { axis });
        }
        Ok(Self {
            grain,
            lowest: lowest as i32,
            highest: highest as i32,
            partner: None,
            spread: (deviation / grain).round().clamp(1.0, MAX_GRAIN) as i32,
            group: match axis {
                0..14 => 0,
                14..41 => 1,
                41..46 => 2,
                46..UNITS => 3,
                UNITS..56 => 4,
                _ => 5,
            },
        })
    }

    /// The nearest level on a rung that lies within the range, halves away from 0.
    pub(super) fn level(&self, value: f64, rung: Rung) -> i32 {
        let [lowest, highest] = self.levels(rung);
        (value / f64::from(rung.grains())).round().clamp(lowest.into(), highest.into()) as i32
    }

    /// The lowest and the highest level on a rung.
    pub(super) fn levels(&self, rung: Rung) -> [i32; 2] {
        [self.lowest / rung.grains(), self.highest / rung.grains()]
    }

    /// Whether the axis has no other level than 0: it isn't coded.
    pub(super) fn is_fixed(&self) -> bool {
        self.lowest == self.highest
    }
}

/// `a / b` for b > 0, to the nearest, halves upwards.
pub(super) fn nearest(a: i64, b: i64) -> i64 {
    (2 * a + b).div_euclid(2 * b)
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
    LatentModel { semantic: Semantic::FaceUnits, residual, axes, head_steps: LatentModel::HEAD_STEPS }
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

/// The axis of the same kind on the other side of the face: units by their names' `Left` and `Right`, the right eye's
/// gaze by the left's.
pub(super) fn other_side(axis: usize) -> Option<usize> {
    let other_side = |name: &str| {
        let stem = name.strip_suffix("Right").map(|stem| (stem, "Left"));
        let (stem, side) = stem.or_else(|| name.strip_suffix("Left").map(|stem| (stem, "Right")))?;
        FaceUnit::ALL.into_iter().position(|unit| unit.name().strip_suffix(side) == Some(stem))
    };
    match axis {
        0..UNITS => other_side(FaceUnit::ALL[axis].name()),
        UNITS..56 => Some(if axis < 54 { axis + 2 } else { axis - 2 }),
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
