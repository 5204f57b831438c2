//! Seals: lips and lids that touch go on touching, and don't pass through each other.

use crate::latent::{FaceUnit, GAZE, UNITS};

use super::bend::Curved;
use super::contact::{Contact, MAX_CONTACTS, Row, Seam, SeamKind};
use super::curve::{Curve, add};
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
/// How much the upper lip may be raised to make up for what closes the mouth.
const MOST_SHRUG: f32 = 0.25;

/// How exactly a share is found: itself, or the slack that it leaves, metres; after so many attempts at most. An attempt is
/// never nearer to an end of the bracket than this share of it.
const EXACT_SHARE: f32 = 1.0 / 4096.0;
const EXACT_M: f32 = 1e-6;
const MAX_ATTEMPTS: u32 = 12;
const NEAR_AN_END: f32 = 0.02;

/// One seam, ready to be held.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    /// By contact; the last one is repeated to fill the row.
    neutral: Row,
    /// By unit.
    slopes: Vec<Row>,
    curve: Option<Curve>,
    apart: f32,
    is_lids: bool,
    /// What opens the seam and what closes it.
    opener: Move,
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
        let (opener, closer, regions) = match seam.kind {
            SeamKind::Lips => {
                ((FaceUnit::MouthShrugUpper, 1.0, MOST_SHRUG), FaceUnit::MouthClose, around_mouth)
            }
            SeamKind::LidsLeft => {
                ((FaceUnit::EyeBlinkLeft, -1.0, f32::INFINITY), FaceUnit::EyeBlinkLeft, around_eye)
            }
            SeamKind::LidsRight => {
                ((FaceUnit::EyeBlinkRight, -1.0, f32::INFINITY), FaceUnit::EyeBlinkRight, around_eye)
            }
        };
        let owned = FaceUnit::ALL.map(|unit| regions.contains(&Region::of(unit)));
        let row = |of: &dyn Fn(&Contact) -> f32| -> Row {
            std::array::from_fn(|k| seam.contacts.get(k).or(seam.contacts.last()).map_or(f32::INFINITY, of))
        };
        Self {
            neutral: row(&|contact| contact.neutral),
            slopes: (0..UNITS).map(|unit| row(&|contact| contact.slope[unit])).collect(),
            curve: seam.curve.clone(),
            apart: if seam.kind == SeamKind::Lips { LIPS_APART_M } else { LIDS_APART_M },
            is_lids: seam.kind != SeamKind::Lips,
            opener: Move::new(opener, range),
            closer: Move::new((closer, 1.0, f32::INFINITY), range),
            owned,
        }
    }

    /// Brings a tuned face `y` back to what the untuned one `x` does along this seam.
    ///
    /// A gap that is `g` untuned may become `min(g, 0) − ε … 5 max(g, 0) + ε`. What is beyond that is first made up for
    /// by the units that open or close the seam. What those can't do (they work on all contacts at once) is taken back:
    /// the units around the seam do the largest share of their change with which the gaps can be held, and if even none
    /// of it isn't enough, the rest of the face does.
    ///
    /// Where the geometry has correctives, gaps change by more than slopes say: see [`Curved`].
    pub(super) fn hold(&self, x: &[f32; UNITS], y: &mut [f32; UNITS], gaze: [f32; GAZE]) {
        let mut untuned = self.neutral;
        let (mut near, mut far) = ([0.0; MAX_CONTACTS], [0.0; MAX_CONTACTS]);
        for u in 0..UNITS {
            // Most units rest, and most that don't are left as they are.
            if x[u] != 0.0 {
                add(&mut untuned, x[u], &self.slopes[u]);
            }
            if y[u] != x[u] {
                add(if self.owned[u] { &mut near } else { &mut far }, y[u] - x[u], &self.slopes[u]);
            }
        }
        let mut moves = [self.opener, self.closer].map(|step| self.slopes[step.unit]);
        let curved = self.curve.as_ref().map(|curve| Curved::new(curve, x, y, &self.owned, gaze));
        if let Some(curved) = &curved {
            add(&mut untuned, 1.0, &curved.beyond_neutral());
        }
        let low = untuned.map(|gap| gap.min(0.0) - TOLERANCE_M);
        let high = untuned.map(|gap| gap.max(0.0) * self.wider(gap) + TOLERANCE_M);
        let attempt = |near_share: f32, far_share: f32, moves: &[Row; 2]| {
            let bent = curved.as_ref().map_or([0.0; MAX_CONTACTS], |curved| curved.at(near_share, far_share));
            let gap =
                std::array::from_fn(|k| untuned[k] + near_share * near[k] + far_share * far[k] + bent[k]);
            self.make_up(gap, [&low, &high], moves, |u| x[u] + near_share * (y[u] - x[u]))
        };

        let mut made_up = attempt(1.0, 1.0, &moves);
        if let Some(curved) = &curved
            && !(made_up.is_enough() && made_up.open == 0.0 && made_up.close == 0.0)
        {
            for (row, step) in moves.iter_mut().zip([self.opener, self.closer]) {
                add(row, 1.0, &curved.slope_of(step.unit, step.sign));
            }
            made_up = attempt(1.0, 1.0, &moves);
        }
        let attempt = |near_share, far_share| attempt(near_share, far_share, &moves);
        if !made_up.is_enough() {
            let with_none = attempt(0.0, 1.0);
            let [near_share, far_share] = if with_none.is_enough() {
                [largest(&mut made_up, with_none, |share| attempt(share, 1.0)), 1.0]
            } else {
                // With no change at all there is nothing to make up for.
                made_up = with_none;
                [
                    0.0,
                    largest(&mut made_up, MadeUp { slack: DEEPER_M, ..MadeUp::default() }, |share| {
                        attempt(0.0, share)
                    }),
                ]
            };
            for u in 0..UNITS {
                y[u] = x[u] + if self.owned[u] { near_share } else { far_share } * (y[u] - x[u]);
            }
        }
        let MadeUp { open, close, slack: _ } = made_up;
        for (step, amount) in [(self.opener, open), (self.closer, close)] {
            y[step.unit] += amount * step.sign;
        }
    }

    /// How far the opener and the closer go to bring gaps between their bounds, and whether that is enough. `weight`
    /// tells where they start.
    fn make_up(
        &self,
        mut gap: Row,
        [low, high]: [&Row; 2],
        [open, close]: &[Row; 2],
        weight: impl Fn(usize) -> f32,
    ) -> MadeUp {
        let mut made_up = MadeUp::default();
        let (opener, slope) = (self.opener, open);
        let mut wanted = 0.0f32;
        for k in 0..MAX_CONTACTS {
            let metres = slope[k] * opener.sign;
            if metres > 0.0 && gap[k] < low[k] {
                wanted = wanted.max((low[k] - gap[k]) / metres);
            }
        }
        made_up.open = wanted.min(opener.room(weight(opener.unit)));
        add(&mut gap, made_up.open * opener.sign, slope);

        let slope = close;
        let (mut wanted, mut allowed) = (0.0f32, f32::INFINITY);
        for k in 0..MAX_CONTACTS {
            let metres = -slope[k] * self.closer.sign;
            if metres > 0.0 {
                wanted = wanted.max((gap[k] - high[k]) / metres);
                allowed = allowed.min(((gap[k] - low[k]) / metres).max(0.0));
            }
        }
        made_up.close = wanted.min(allowed).min(self.closer.room(weight(self.closer.unit)));
        add(&mut gap, made_up.close * self.closer.sign, slope);

        made_up.slack = (0..MAX_CONTACTS).fold(f32::INFINITY, |slack, k| {
            slack.min(gap[k] - low[k] + DEEPER_M).min(high[k] + self.apart - gap[k])
        });
        made_up
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
}

/// What makes up for a tuned face's gaps: weights by which the opener and the closer go on; and how far the worst gap is
/// inside its bounds then, metres.
#[derive(Clone, Copy, Debug, Default)]
struct MadeUp {
    open: f32,
    close: f32,
    slack: f32,
}

impl MadeUp {
    fn is_enough(self) -> bool {
        self.slack >= 0.0
    }
}

/// The largest share of 0..=1 that can be made up for, and with what, given what it is at 1, which can't, and at 0, which
/// can: the Illinois method (Dowell, Jarratt 1971) on the slack.
fn largest(made_up: &mut MadeUp, at_none: MadeUp, attempt: impl Fn(f32) -> MadeUp) -> f32 {
    let (mut low, mut high) = ((0.0f32, at_none.slack), (1.0f32, made_up.slack));
    *made_up = at_none;
    let mut kept_high = 0;
    for _ in 0..MAX_ATTEMPTS {
        let between =
            low.0 + (high.0 - low.0) * (low.1 / (low.1 - high.1)).clamp(NEAR_AN_END, 1.0 - NEAR_AN_END);
        let tried = attempt(between);
        if tried.is_enough() {
            (low, *made_up) = ((between, tried.slack), tried);
            kept_high += 1;
            if kept_high > 1 {
                high.1 *= 0.5;
            }
        } else {
            high = (between, tried.slack);
            low.1 *= if kept_high == 0 { 0.5 } else { 1.0 };
            kept_high = 0;
        }
        if high.0 - low.0 < EXACT_SHARE || made_up.slack < EXACT_M && made_up.slack > 0.0 {
            break;
        }
    }
    low.0
}
