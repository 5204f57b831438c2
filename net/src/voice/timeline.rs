//! Decoded samples, and where on the sender's clock they are.

use std::collections::VecDeque;

use super::VOICE_RATE;
use super::resample::{Kernel, REACH};

/// Samples before the place that is played are kept for so long: what stretching may go back by, and a kernel's reach.
const KEPT: usize = 2048;
/// Old samples are dropped so many at a time.
const DROPPED: usize = 8192;

/// A run of samples, numbered from the voice's beginning.
#[derive(Clone, Debug, Default)]
pub(super) struct Timeline {
    samples: Vec<f32>,
    /// The number of the first sample that is kept.
    base: u64,
    /// From which number on what was captured when; seconds on the sender's clock.
    marks: VecDeque<(u64, f64)>,
}

impl Timeline {
    /// The number of the sample that comes next.
    pub(super) fn end(&self) -> u64 {
        self.base + self.samples.len() as u64
    }

    /// Appends samples whose first was captured at this time.
    pub(super) fn push(&mut self, capture: f64, samples: &[f32]) {
        self.marks.push_back((self.end(), capture));
        self.samples.extend_from_slice(samples);
    }

    /// Forgets all; numbers go on.
    pub(super) fn clear(&mut self) {
        self.base = self.end();
        self.samples.clear();
        self.marks.clear();
    }

    /// When what is at this place was captured, seconds.
    pub(super) fn capture(&self, place: f64) -> Option<f64> {
        let after = self.marks.partition_point(|&(number, _)| number as f64 <= place);
        let &(number, capture) = self.marks.get(after.saturating_sub(1))?;
        Some(capture + (place - number as f64) / f64::from(VOICE_RATE))
    }

    /// The signal at a place between samples; silence where none are.
    pub(super) fn at(&self, place: f64, kernel: &Kernel) -> f32 {
        let whole = place.floor();
        let first = whole as i64 + 1 - REACH as i64 - self.base as i64;
        let part = place - whole;
        if let Ok(first) = usize::try_from(first)
            && let Some(window) = self.samples.get(first..first + 2 * REACH)
        {
            return kernel.at(window, part);
        }
        let window: [f32; 2 * REACH] = std::array::from_fn(|i| self.sample(first.saturating_add(i as i64)));
        kernel.at(&window, part)
    }

    fn sample(&self, index: i64) -> f32 {
        usize::try_from(index).ok().and_then(|index| self.samples.get(index)).copied().unwrap_or(0.0)
    }

    /// The samples from one number to before another; empty if they aren't all there.
    pub(super) fn slice(&self, from: u64, to: u64) -> &[f32] {
        let range = from.checked_sub(self.base).zip(to.checked_sub(self.base));
        range.and_then(|(from, to)| self.samples.get(from as usize..to as usize)).unwrap_or_default()
    }

    /// Drops what lies well before this place.
    pub(super) fn drop_before(&mut self, place: f64) {
        let spent = (place as u64).saturating_sub(self.base).saturating_sub(KEPT as u64) as usize;
        if spent >= DROPPED {
            let spent = spent.min(self.samples.len());
            self.samples.drain(..spent);
            self.base += spent as u64;
            while self.marks.get(1).is_some_and(|&(number, _)| number <= self.base) {
                self.marks.pop_front();
            }
        }
    }
}
