//! What the writer and the reader both remember, and what they expect of the next frame.
//!
//! Everything here is whole numbers, so that both sides agree on every machine.

use super::magnitude::MagnitudeModel;
use super::quantiser::{AxisQuantiser, Levels, MAX_AXES, Quantiser};

/// The interval that is expected after none is known, in ticks: 30 frames a second.
pub(super) const NOMINAL_INTERVAL: u64 = 33_333;
/// The longest interval of a predicted frame, in ticks; after a longer one comes an intra frame.
pub(super) const MAX_INTERVAL: u64 = (1 << 24) - 1;

/// How many ways an axis is predicted.
const PREDICTORS: usize = 4;
/// A running mean moves by this part of the difference: 2⁻².
const MEAN_SHIFT: u32 = 2;
/// Errors count for at most this many steps in a running mean.
const MEAN_LIMIT: u32 = 4095;
/// What running means start from at an intra frame, in 256ths: for an axis at 0, and for any other.
const QUIET_MEAN: u32 = 40;
const ACTIVE_MEAN: u32 = 320;
/// The same for intervals.
const INTERVAL_MEAN: u32 = 256;

/// A predicted axis: the expected level and the model of the error.
pub(super) struct Prediction {
    pub(super) level: i32,
    pub(super) model: &'static MagnitudeModel,
}

/// One axis's past since the last intra frame.
#[derive(Clone, Copy, Default)]
struct AxisState {
    /// The last two levels.
    last: i32,
    before: i32,
    /// Running means of each predictor's error, in 256ths of a step.
    means: [u32; PREDICTORS],
}

/// What both sides remember of a stream.
#[derive(Clone)]
pub(super) struct History {
    /// The last frame's time, in ticks.
    pub(super) time: u64,
    /// The last interval, in ticks.
    pub(super) interval: u64,
    interval_mean: u32,
    axes: [AxisState; MAX_AXES],
}

impl History {
    /// After an intra frame at `time` ticks.
    pub(super) fn after_intra(quantiser: &Quantiser, time: u64, interval: u64, levels: &Levels) -> Self {
        let mut axes = [AxisState::default(); MAX_AXES];
        for (state, &level) in axes.iter_mut().zip(levels).take(quantiser.axes()) {
            let mean = if level == 0 { QUIET_MEAN } else { ACTIVE_MEAN };
            *state = AxisState { last: level, before: level, means: [mean; PREDICTORS] };
        }
        Self { time, interval, interval_mean: INTERVAL_MEAN, axes }
    }

    /// The model of how much the next interval differs from the last.
    pub(super) fn interval_model(&self) -> &'static MagnitudeModel {
        MagnitudeModel::of_mean(self.interval_mean)
    }

    /// Takes the next frame's interval.
    pub(super) fn push_interval(&mut self, interval: u64) {
        let error = interval.abs_diff(self.interval);
        self.interval_mean = next_mean(self.interval_mean, u32::try_from(error).unwrap_or(u32::MAX));
        self.interval = interval;
        self.time = self.time.saturating_add(interval);
    }

    /// What is expected of axis `axis`, `levels` being the next frame's as far as they are known (every earlier axis).
    pub(super) fn predict(&self, axis: usize, quantiser: &AxisQuantiser, levels: &Levels) -> Prediction {
        let state = &self.axes[axis];
        let candidates = self.candidates(axis, quantiser, levels);
        let mut best = 0;
        for candidate in 1..PREDICTORS {
            if state.means[candidate] < state.means[best] {
                best = candidate;
            }
        }
        Prediction { level: candidates[best], model: MagnitudeModel::of_mean(state.means[best]) }
    }

    /// Takes the next frame's levels.
    pub(super) fn push_levels(&mut self, quantiser: &Quantiser, levels: &Levels) {
        let mut next = self.axes;
        for (axis, limits) in quantiser.axis_quantisers().iter().enumerate() {
            let candidates = self.candidates(axis, limits, levels);
            let state = &mut next[axis];
            for (mean, candidate) in state.means.iter_mut().zip(candidates) {
                *mean = next_mean(*mean, levels[axis].abs_diff(candidate));
            }
            (state.before, state.last) = (state.last, levels[axis]);
        }
        self.axes = next;
    }

    /// The predictors: stays; goes on at half its speed; goes on at its speed; moves as its partner moves.
    fn candidates(&self, axis: usize, quantiser: &AxisQuantiser, levels: &Levels) -> [i32; PREDICTORS] {
        let AxisState { last, before, .. } = self.axes[axis];
        let speed = last - before;
        let partner_speed = quantiser.partner.map_or(0, |other| levels[other] - self.axes[other].last);
        [last, last + speed / 2, last + speed, last + partner_speed]
            .map(|level| level.clamp(quantiser.lowest, quantiser.highest))
    }
}

/// The model of how much an intra frame's interval differs from [`NOMINAL_INTERVAL`].
pub(super) fn first_interval_model() -> &'static MagnitudeModel {
    MagnitudeModel::of_mean(INTERVAL_MEAN)
}

/// What is expected of an axis of an intra frame: 0, or its partner's level.
pub(super) fn predict_intra(quantiser: &AxisQuantiser, levels: &Levels) -> Prediction {
    match quantiser.partner {
        None => Prediction { level: 0, model: MagnitudeModel::of_class(quantiser.intra_class) },
        Some(other) => {
            let level = levels[other].clamp(quantiser.lowest, quantiser.highest);
            Prediction { level, model: MagnitudeModel::of_mean(24 * level.unsigned_abs() + QUIET_MEAN) }
        }
    }
}

fn next_mean(mean: u32, error: u32) -> u32 {
    mean - (mean >> MEAN_SHIFT) + (error.min(MEAN_LIMIT) << (8 - MEAN_SHIFT))
}
