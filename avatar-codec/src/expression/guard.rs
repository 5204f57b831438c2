//! Seals: lips and lids that touch go on touching, and don't pass through each other.

use crate::latent::{FaceUnit, UNITS};

use super::contact::{Contact, MAX_CONTACTS, Seam, SeamKind};
use super::range::FaceRange;
use super::region::Region;

/// What tuning may close beyond touching, or open where it was closed, before it is made up for, metres.
const TOLERANCE_M: f32 = 0.03e-3;
/// What remains after that and isn't taken back, metres: further through each other, and lids and lips further apart.
const DEEPER_M: f32 = 0.02e-3;
const LIDS_APART_M: f32 = 0.1e-3;
const LIPS_APART_M: f32 = 0.3e-3;
/// A gap may grow to so many times its width; lids only where they are open: between these two gaps, metres, they
/// come to it, and below the first they stay as close as they were.
const WIDER: f32 = 5.0;
const LIDS_OPEN_M: [f32; 2] = [2e-3, 6e-3];
/// How much the upper lip may be raised to make up for what closes the mouth; the jaw does the rest.
const MOST_SHRUG: f32 = 0.2;

/// A number for each contact.
type Row = [f32; MAX_CONTACTS];

/// One seam, ready to be held.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    /// By contact; the last one is repeated to fill the row.
    neutral: Row,
    /// By unit.
    slopes: Vec<Row>,
    apart: f32,
    is_lids: bool,
    /// What opens the seam and what closes it, the first as far as it goes, then the next.
    openers: [Move; 2],
    closer: Move,
    /// Units that are taken back where nothing else helps.
    owned: [bool; UNITS],
}

#[derive(Clone, Copy, Debug)]
struct Move {
    unit: usize,
    sign: f32,
    /// The weight at which it ends, and how far it may go at most.
    end: f32,
    most: f32,
}

impl Move {
    fn new((unit, sign, most): (FaceUnit, f32, f32), range: &FaceRange) -> Self {
        let [min, max] = range.unit(unit);
        Self { unit: unit as usize, sign, end: if sign > 0.0 { max } else { min }, most }
    }

    /// How much further it may go from a weight; never negative.
    fn room(self, weight: f32) -> f32 {
        ((self.end - weight) * self.sign).clamp(0.0, self.most)
    }
}

impl Guard {
    pub(super) fn new(seam: &Seam, range: &FaceRange) -> Self {
        let around_eye: &[Region] =
            &[Region::Eyes, Region::Gaze, Region::Brows, Region::Cheeks, Region::Nose];
        let around_mouth: &[Region] =
            &[Region::Mouth, Region::Lips, Region::Jaw, Region::Cheeks, Region::Tongue];
        // The upper lip's shrug opens the lips and leaves the corners of the mouth where they are, but not far.
        let (openers, closer, regions) = match seam.kind {
            SeamKind::Lips => (
                [(FaceUnit::MouthShrugUpper, 1.0, MOST_SHRUG), (FaceUnit::JawOpen, 1.0, f32::INFINITY)],
                FaceUnit::MouthClose,
                around_mouth,
            ),
            SeamKind::LidsLeft => {
                ([(FaceUnit::EyeBlinkLeft, -1.0, f32::INFINITY); 2], FaceUnit::EyeBlinkLeft, around_eye)
            }
            SeamKind::LidsRight => {
                ([(FaceUnit::EyeBlinkRight, -1.0, f32::INFINITY); 2], FaceUnit::EyeBlinkRight, around_eye)
            }
        };
        let owned = FaceUnit::ALL.map(|unit| regions.contains(&Region::of(unit)));
        let row = |of: &dyn Fn(&Contact) -> f32| -> Row {
            std::array::from_fn(|k| seam.contacts.get(k).or(seam.contacts.last()).map_or(f32::INFINITY, of))
        };
        Self {
            neutral: row(&|contact| contact.neutral),
            slopes: (0..UNITS).map(|unit| row(&|contact| contact.slope[unit])).collect(),
            apart: if seam.kind == SeamKind::Lips { LIPS_APART_M } else { LIDS_APART_M },
            is_lids: seam.kind != SeamKind::Lips,
            openers: openers.map(|opener| Move::new(opener, range)),
            closer: Move::new((closer, 1.0, f32::INFINITY), range),
            owned,
        }
    }

    /// Brings a tuned face `y` back to what the untuned one `x` does along this seam.
    ///
    /// A gap that is `g` untuned may become `min(g, 0) − ε … 5 max(g, 0) + ε`. What is beyond that is first made up for
    /// by the units that open or close the seam; what those can't do (they work on all contacts at once) by taking the
    /// tuned units back towards `x`, all by the same share.
    pub(super) fn hold(&self, x: &[f32; UNITS], y: &mut [f32; UNITS]) {
        let mut untuned = self.neutral;
        let mut gap = [0.0; MAX_CONTACTS];
        for u in 0..UNITS {
            // Most units rest, and most that don't are left as they are.
            if x[u] != 0.0 {
                add(&mut untuned, x[u], &self.slopes[u]);
            }
            if y[u] != x[u] {
                add(&mut gap, y[u] - x[u], &self.slopes[u]);
            }
        }
        let (mut low, mut high) = ([0.0; MAX_CONTACTS], [0.0; MAX_CONTACTS]);
        for k in 0..MAX_CONTACTS {
            gap[k] += untuned[k];
            low[k] = untuned[k].min(0.0) - TOLERANCE_M;
            high[k] = untuned[k].max(0.0) * self.wider(untuned[k]) + TOLERANCE_M;
        }

        for opener in self.openers {
            let slope = &self.slopes[opener.unit];
            let mut open = 0.0f32;
            for k in 0..MAX_CONTACTS {
                let metres = slope[k] * opener.sign;
                if metres > 0.0 && gap[k] < low[k] {
                    open = open.max((low[k] - gap[k]) / metres);
                }
            }
            self.go(opener, open, y, &mut gap);
        }

        let slope = &self.slopes[self.closer.unit];
        let (mut close, mut allowed) = (0.0f32, f32::INFINITY);
        for k in 0..MAX_CONTACTS {
            let metres = -slope[k] * self.closer.sign;
            if metres > 0.0 {
                close = close.max((gap[k] - high[k]) / metres);
                allowed = allowed.min(((gap[k] - low[k]) / metres).max(0.0));
            }
        }
        self.go(self.closer, close.min(allowed), y, &mut gap);

        for k in 0..MAX_CONTACTS {
            low[k] -= DEEPER_M;
            high[k] += self.apart;
        }
        // First what is around the seam; what is left then comes from elsewhere on the face, and all goes back.
        self.take_back(&|u| self.owned[u], x, y, &mut gap, [&low, &high]);
        self.take_back(&|_| true, x, y, &mut gap, [&low, &high]);
    }

    /// Brings units towards `x`, all by the same share, until every gap is between its bounds or they can do no more.
    fn take_back(
        &self,
        of: &dyn Fn(usize) -> bool,
        x: &[f32; UNITS],
        y: &mut [f32; UNITS],
        gap: &mut Row,
        [low, high]: [&Row; 2],
    ) {
        if (0..MAX_CONTACTS).all(|k| gap[k] >= low[k] && gap[k] <= high[k]) {
            return;
        }
        let mut change = [0.0; MAX_CONTACTS];
        for u in 0..UNITS {
            if of(u) && y[u] != x[u] {
                add(&mut change, y[u] - x[u], &self.slopes[u]);
            }
        }
        let mut keep = 1.0f32;
        for k in 0..MAX_CONTACTS {
            let excess = gap[k] - gap[k].clamp(low[k], high[k]);
            // Only what these units did can be taken back, and not more than all of it.
            if change[k] * excess > 0.0 {
                keep = keep.min((1.0 - excess / change[k]).clamp(0.0, 1.0));
            }
        }
        for u in 0..UNITS {
            if of(u) {
                y[u] = x[u] + keep * (y[u] - x[u]);
            }
        }
        for k in 0..MAX_CONTACTS {
            gap[k] -= (1.0 - keep) * change[k];
        }
    }

    /// How many times as wide a gap may become.
    fn wider(&self, gap: f32) -> f32 {
        if !self.is_lids {
            return WIDER;
        }
        let [from, to] = LIDS_OPEN_M;
        let t = ((gap - from) / (to - from)).clamp(0.0, 1.0);
        1.0 + (WIDER - 1.0) * t * t * (3.0 - 2.0 * t)
    }

    fn go(&self, step: Move, wanted: f32, y: &mut [f32; UNITS], gap: &mut Row) {
        let amount = wanted.min(step.room(y[step.unit]));
        if amount > 0.0 {
            y[step.unit] += amount * step.sign;
            add(gap, amount * step.sign, &self.slopes[step.unit]);
        }
    }
}

/// `row += factor · slope`.
fn add(row: &mut Row, factor: f32, slope: &Row) {
    for (sum, slope) in row.iter_mut().zip(slope) {
        *sum += factor * slope;
    }
}
