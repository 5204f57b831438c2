//! What the writer and the reader of the stream form both remember since the last intra frame, and what they expect next.
//!
//! Everything here is whole numbers, so that both sides agree on every machine.

use super::axes::axis;
use super::coder::Code;
use super::contexts::{Adaptive, Contexts as _, Estimate, Signs, Static};
use super::quantiser::{Grains, MAX_AXES, Quantiser, Rung, Values, nearest};
use super::time::{TICK, time_after};

/// How many ways an axis is predicted.
const PREDICTORS: usize = 5;
/// A running error moves by this part of the difference: 2⁻².
const ERROR_SHIFT: u32 = 2;
/// Errors count for at most this many grains in a running error, and surprises in a gain.
const ERROR_LIMIT: i64 = 1 << 14;
/// What the error that is expected starts from at an intra frame, in 64ths of a grain: for an axis at 0, and for others.
const QUIET: i64 = 12;
const ACTIVE: i64 = 150;
/// No frame comes later after another, in nanoseconds: some 18 minutes.
const MAX_WAIT: i64 = 1 << 40;
/// The error that is expected of a time, in 256ths of a tick.
const TIME_ERROR: u32 = 32;
/// A rung is probably that of the frame before.
const SAME_RUNG: u16 = 62_000;

/// One axis since the last intra frame.
#[derive(Clone, Copy, Default)]
struct AxisPast {
    /// The last three frames in grains, the last one first.
    last: [i64; 3],
    /// A filtered place and speed, in 16ths of a grain.
    place: i64,
    speed: i64,
    /// Running errors of the predictors and of the prediction, in 64ths of a grain.
    errors: [i64; PREDICTORS],
    error: i64,
    /// The gain from the partner's surprise to its own, as a fraction.
    gain: [i64; 2],
    /// What was unexpected in this frame, in grains.
    surprise: i64,
}

/// A stream's past.
#[derive(Clone)]
pub(super) struct History {
    /// The last frame.
    pub(super) grains: Grains,
    /// Its time and the interval after it, nanoseconds.
    pub(super) time: u64,
    interval: i64,
    pub(super) rung: Rung,
    time_error: u32,
    same_rung: Estimate,
    contexts: Adaptive,
    axes: [AxisPast; MAX_AXES],
}

impl History {
    /// After an intra frame.
    pub(super) fn after_intra(grains: &Grains, rung: Rung, time: u64, interval: u32) -> Self {
        let mut axes = [AxisPast::default(); MAX_AXES];
        for (past, &grain) in axes.iter_mut().zip(grains) {
            let grain = i64::from(grain);
            past.last = [grain; 3];
            past.place = 16 * grain;
            past.error = if grain == 0 { QUIET } else { ACTIVE };
            past.gain = [64, 128];
        }
        Self {
            grains: *grains,
            time,
            interval: interval.into(),
            rung,
            time_error: TIME_ERROR,
            same_rung: Estimate::new(SAME_RUNG),
            contexts: Adaptive::NEW,
            axes,
        }
    }

    /// How many ticks after the expected time `time` lies, to the nearest.
    pub(super) fn ticks_late(&self, time: u64) -> i64 {
        nearest(time.wrapping_sub(self.time) as i64 - self.interval, TICK as i64)
    }

    /// Takes a frame like the last one, at the time when it was expected.
    pub(super) fn repeat(&mut self) {
        self.time = time_after(self.time, self.interval);
        for past in &mut self.axes {
            let [last, before, _] = past.last;
            past.last = [last, last, before];
            (past.place, past.speed) = (16 * last, 0);
        }
    }

    /// Codes the next frame: its rung, how late it is, every axis. The history is then of no use if it returns an error:
    /// the axis at which the code stands for no level, or `None` if that is the time.
    pub(super) fn code(
        &mut self,
        code: &mut impl Code,
        quantiser: &Quantiser,
        rung: Rung,
        ticks_late: i32,
        values: &Values,
    ) -> Result<(), Option<usize>> {
        if !self.same_rung.code(code, rung == self.rung) {
            let number = code.raw(rung.number().into(), 3);
            self.rung = Rung::new(number as u8).ok_or(None)?;
        }
        let ticks_late = Static.signed(code, ticks_late, self.time_error, Signs::Both).ok_or(None)?;
        let error = ticks_late.unsigned_abs().min(4095);
        self.time_error = (self.time_error - (self.time_error >> 2) + 64 * error).max(8);
        let late = i64::from(ticks_late) * TICK as i64;
        if !(1..=MAX_WAIT).contains(&(self.interval + late)) {
            return Err(None);
        }
        self.time = time_after(self.time, self.interval + late);
        self.interval += late / 4;
        for (i, limits) in quantiser.axis_quantisers().iter().enumerate() {
            let partner = limits.partner.map(|other| self.axes[other].surprise);
            let past = &mut self.axes[i];
            let candidates = past.candidates();
            let best = (0..PREDICTORS).min_by_key(|&k| past.errors[k]).unwrap_or(0);
            let own = candidates[best];
            let step = i64::from(self.rung.grains());
            let (mut predicted, mut mean) = (own, 4 * past.error / step);
            if let Some(surprise) = partner {
                predicted += past.gain[0] * surprise / past.gain[1];
                mean = (7 * mean + 512 * surprise.abs() / step) / 10;
            }
            let grain = axis(code, &mut self.contexts, limits, self.rung, values[i], predicted, mean)
                .ok_or(Some(i))?;
            past.push(grain.into(), predicted, own, candidates, partner);
            self.grains[i] = grain;
        }
        Ok(())
    }
}

impl AxisPast {
    /// The predictors: stays; goes on at half its speed; at its speed; at its speed and half its acceleration; as the filter
    /// goes.
    fn candidates(&self) -> [i64; PREDICTORS] {
        let [last, before, first] = self.last;
        let speed = last - before;
        let bend = speed - (before - first);
        [last, last + speed / 2, last + speed, last + speed + bend / 2, nearest(self.place + self.speed, 16)]
    }

    fn push(
        &mut self,
        grain: i64,
        predicted: i64,
        own: i64,
        candidates: [i64; PREDICTORS],
        partner: Option<i64>,
    ) {
        let towards = |error: &mut i64, by: i64| {
            *error += (64 * by.abs().min(ERROR_LIMIT) - *error) >> ERROR_SHIFT;
        };
        for (error, candidate) in self.errors.iter_mut().zip(candidates) {
            towards(error, grain - candidate);
        }
        towards(&mut self.error, grain - predicted);
        self.surprise = (grain - own).clamp(-ERROR_LIMIT, ERROR_LIMIT);
        if let Some(surprise) = partner {
            let [up, down] = &mut self.gain;
            *up += surprise * self.surprise - *up / 8;
            *down += surprise * surprise - *down / 8;
            *down = (*down).max(16);
        }
        // An alpha-beta filter (Brookner, "Tracking and Kalman Filtering Made Easy", 1998, section 1.2).
        let expected = self.place + self.speed;
        let error = 16 * grain - expected;
        self.place = expected + 5 * error / 8;
        self.speed += 5 * error / 16;
        self.last = [grain, self.last[0], self.last[1]];
    }
}
