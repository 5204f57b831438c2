//! Seals: lips and lids that touch go on touching, and don't pass through each other.

use crate::latent::{FaceUnit, UNITS};

use super::contact::{MAX_CONTACTS, Seam, SeamKind};
use super::range::FaceRange;
use super::region::Region;

/// What tuning may close beyond touching, or open where it was closed, before it is made up for, metres.
const TOLERANCE_M: f32 = 0.05e-3;
/// What remains after that and isn't taken back, metres.
const REMAINDER_M: f32 = 0.05e-3;
/// A gap may grow to so many times its width.
const WIDER: f32 = 5.0;

/// One seam, ready to be held.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    neutral: Vec<f32>,
    slopes: Vec<[f32; UNITS]>,
    /// What opens the seam and what closes it: a unit and the direction in which it goes.
    opener: Move,
    closer: Move,
    /// 1 for units that are taken back where nothing else helps, 0 for others.
    owned: [f32; UNITS],
}

#[derive(Clone, Copy, Debug)]
struct Move {
    unit: usize,
    sign: f32,
    /// The weight at which it ends.
    end: f32,
}

impl Move {
    fn new(unit: FaceUnit, sign: f32, range: &FaceRange) -> Self {
        let [min, max] = range.unit(unit);
        Self { unit: unit as usize, sign, end: if sign > 0.0 { max } else { min } }
    }

    /// How much further it may go from a weight; never negative.
    fn room(self, weight: f32) -> f32 {
        ((self.end - weight) * self.sign).max(0.0)
    }
}

impl Guard {
    pub(super) fn new(seam: &Seam, range: &FaceRange) -> Self {
        let (opener, closer, regions): (_, _, &[Region]) = match seam.kind {
            SeamKind::Lips => (
                (FaceUnit::JawOpen, 1.0),
                (FaceUnit::MouthClose, 1.0),
                &[Region::Mouth, Region::Lips, Region::Jaw, Region::Cheeks, Region::Tongue],
            ),
            SeamKind::LidsLeft => (
                (FaceUnit::EyeBlinkLeft, -1.0),
                (FaceUnit::EyeBlinkLeft, 1.0),
                &[Region::Eyes, Region::Gaze, Region::Brows, Region::Cheeks, Region::Nose],
            ),
            SeamKind::LidsRight => (
                (FaceUnit::EyeBlinkRight, -1.0),
                (FaceUnit::EyeBlinkRight, 1.0),
                &[Region::Eyes, Region::Gaze, Region::Brows, Region::Cheeks, Region::Nose],
            ),
        };
        let owned = FaceUnit::ALL.map(|unit| f32::from(u8::from(regions.contains(&Region::of(unit)))));
        Self {
            neutral: seam.contacts.iter().map(|contact| contact.neutral).collect(),
            slopes: seam.contacts.iter().map(|contact| contact.slope).collect(),
            opener: Move::new(opener.0, opener.1, range),
            closer: Move::new(closer.0, closer.1, range),
            owned,
        }
    }

    /// Brings a tuned face `y` back to what the untuned one `x` does along this seam.
    ///
    /// A gap that is `g` untuned may become `min(g, 0) − ε … 5 max(g, 0) + ε`. What is beyond that is first made up for
    /// by the unit that opens or closes the seam; what that can't do (it works on all contacts at once) by taking
    /// the units around the seam back towards `x`, all by the same share.
    pub(super) fn hold(&self, x: &[f32; UNITS], y: &mut [f32; UNITS]) {
        let count = self.slopes.len().min(MAX_CONTACTS);
        let mut low = [0.0; MAX_CONTACTS];
        let mut high = [0.0; MAX_CONTACTS];
        let mut gap = [0.0; MAX_CONTACTS];
        for k in 0..count {
            let untuned = self.neutral[k] + dot(&self.slopes[k], x);
            low[k] = untuned.min(0.0) - TOLERANCE_M;
            high[k] = untuned.max(0.0) * WIDER + TOLERANCE_M;
            gap[k] = self.neutral[k] + dot(&self.slopes[k], y);
        }

        let per_move = |step: Move, k: usize| self.slopes[k][step.unit] * step.sign;
        let mut open = 0.0f32;
        for k in 0..count {
            let metres = per_move(self.opener, k);
            if metres > 0.0 {
                open = open.max((low[k] - gap[k]) / metres);
            }
        }
        self.go(self.opener, open, y, &mut gap[..count]);

        let (mut close, mut allowed) = (0.0f32, f32::INFINITY);
        for k in 0..count {
            let metres = -per_move(self.closer, k);
            if metres > 0.0 {
                close = close.max((gap[k] - high[k]) / metres);
                allowed = allowed.min(((gap[k] - low[k]) / metres).max(0.0));
            }
        }
        self.go(self.closer, close.min(allowed), y, &mut gap[..count]);

        let mut keep = 1.0f32;
        for k in 0..count {
            let bound = gap[k].clamp(low[k] - REMAINDER_M, high[k] + REMAINDER_M);
            if bound == gap[k] {
                continue;
            }
            let owned: f32 =
                (0..UNITS).map(|u| self.slopes[k][u] * self.owned[u] * (y[u] - x[u])).sum();
            let excess = gap[k] - bound;
            // Only what the owned units did can be taken back, and not more than all of it.
            if owned * excess > 0.0 {
                keep = keep.min((1.0 - excess / owned).clamp(0.0, 1.0));
            }
        }
        if keep < 1.0 {
            for u in 0..UNITS {
                if self.owned[u] != 0.0 {
                    y[u] = x[u] + keep * (y[u] - x[u]);
                }
            }
        }
    }

    fn go(&self, step: Move, wanted: f32, y: &mut [f32; UNITS], gap: &mut [f32]) {
        let amount = wanted.min(step.room(y[step.unit]));
        if amount > 0.0 {
            y[step.unit] += amount * step.sign;
            for (gap, slope) in gap.iter_mut().zip(&self.slopes) {
                *gap += amount * step.sign * slope[step.unit];
            }
        }
    }
}

/// Four sums side by side: the compiler may not reorder one.
fn dot(a: &[f32; UNITS], b: &[f32; UNITS]) -> f32 {
    let mut sums = [0.0f32; 4];
    for (a, b) in a.as_chunks::<4>().0.iter().zip(b.as_chunks::<4>().0) {
        for lane in 0..4 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    (sums[0] + sums[1]) + (sums[2] + sums[3])
}
