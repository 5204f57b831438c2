//! The axes of frames that stand for themselves or lean on what is in their packet and on an intra frame: the packet form,
//! and the intra frames of both forms. Nothing here remembers anything from packet to packet.
//!
//! Everything is whole numbers, so that both sides agree on every machine. Each function writes or reads, as its `code` does;
//! errors are the axis at which the code stands for no level.

use super::coder::Code;
use super::contexts::{Contexts, Signs, Static};
use super::quantiser::{AxisQuantiser, GROUPS, Grains, MAX_AXES, Quantiser, Rung, Values, nearest};

/// No axis is expected to move less than this, in 256ths of a step.
const LEAST_MEAN: i64 = 4;
/// How far from an intra frame a frame is, that comes 1, 2, … frames later: 1.5 · √(n/8), in 256ths.
const DISTANCE: [i64; 8] = [136, 192, 235, 272, 304, 333, 359, 384];
/// Where the running activities of a group begin, in 256ths.
const INTRA_ACTIVITY: i64 = 77;
const NEWEST_ACTIVITY: i64 = 51;
const REPEAT_ACTIVITY: i64 = 12;
/// A running activity is never more.
const MOST_ACTIVITY: i64 = 768;

/// Codes one axis: the level of `value` as a difference from a prediction in grains, expected to be `mean`/256 steps.
pub(super) fn axis(
    code: &mut impl Code,
    contexts: &mut impl Contexts,
    limits: &AxisQuantiser,
    rung: Rung,
    value: f64,
    predicted: i64,
    mean: i64,
) -> Option<i32> {
    if limits.is_fixed() {
        return Some(0);
    }
    let step = rung.grains();
    let [lowest, highest] = limits.levels(rung);
    let predicted = nearest(predicted, step.into()).clamp(lowest.into(), highest.into()) as i32;
    let signs = match (lowest < predicted, predicted < highest) {
        (true, true) => Signs::Both,
        (false, true) => Signs::PositiveOnly,
        (true, false) => Signs::NegativeOnly,
        (false, false) => return Some(predicted * step), // a step is wider than the range
    };
    let mean = mean.clamp(LEAST_MEAN, 1 << 20) as u32;
    let error = contexts.signed(code, limits.level(value, rung) - predicted, mean, signs)?;
    let level = predicted.checked_add(error)?;
    (lowest..=highest).contains(&level).then_some(level * step)
}

/// An intra frame.
pub(super) fn intra(
    code: &mut impl Code,
    quantiser: &Quantiser,
    rung: Rung,
    values: &Values,
) -> Result<Grains, usize> {
    let (mut grains, mut activity) = ([0; MAX_AXES], [INTRA_ACTIVITY; GROUPS]);
    let step = i64::from(rung.grains());
    for (i, limits) in quantiser.axis_quantisers().iter().enumerate() {
        let spread = i64::from(limits.spread);
        let active = &mut activity[limits.group];
        let (predicted, mean) = match limits.partner {
            Some(other) => {
                let predicted = i64::from(grains[other]);
                (predicted, LEAST_MEAN + 23 * predicted.abs() / step)
            }
            None => (0, *active * spread / (2 * step)),
        };
        grains[i] = axis(code, &mut Static, limits, rung, values[i], predicted, mean).ok_or(i)?;
        let size = (i64::from(grains[i]) - predicted).abs();
        *active = (3 * *active + (256 * size / spread).min(MOST_ACTIVITY)) / 4;
    }
    Ok(grains)
}

/// The newest frame of a packet, `number` ≥ 1 frames after the intra frame `reference`.
pub(super) fn newest(
    code: &mut impl Code,
    quantiser: &Quantiser,
    rung: Rung,
    number: usize,
    reference: &Grains,
    values: &Values,
) -> Result<Grains, usize> {
    let (mut grains, mut activity) = ([0; MAX_AXES], [NEWEST_ACTIVITY; GROUPS]);
    let step = i64::from(rung.grains());
    let distance = DISTANCE[(number - 1).min(DISTANCE.len() - 1)];
    for (i, limits) in quantiser.axis_quantisers().iter().enumerate() {
        let (spread, before) = (i64::from(limits.spread), i64::from(reference[i]));
        let active = &mut activity[limits.group];
        let (predicted, mean) = match limits.partner {
            Some(other) => {
                let moved = i64::from(grains[other]) - i64::from(reference[other]);
                (before + moved, LEAST_MEAN + 16 * moved.abs() / step)
            }
            None => {
                let at_rest = if before == 0 { 0 } else { 110 };
                (before, *active * spread * distance / (256 * step) + at_rest)
            }
        };
        grains[i] = axis(code, &mut Static, limits, rung, values[i], predicted, mean).ok_or(i)?;
        let size = (i64::from(grains[i]) - predicted).abs();
        let seen = (480 * 256 * size / (spread * distance)).min(MOST_ACTIVITY);
        *active = (7 * *active + 3 * seen) / 10;
    }
    Ok(grains)
}

/// The frames of a packet before its newest, from there backwards; those before the intra frame, too.
pub(super) struct Repeats<'a> {
    /// The intra frame.
    pub(super) reference: &'a Grains,
    /// How many frames after it the newest comes, and how many are repeated.
    pub(super) number: i64,
    pub(super) count: i64,
    pub(super) rung: Rung,
    /// The two frames after the one that is next: the nearer one first. To begin with, the newest in both places.
    pub(super) after: [Grains; 2],
    /// Running error of each axis, in 256ths of a step.
    pub(super) errors: [i64; MAX_AXES],
}

impl Repeats<'_> {
    /// The number of the repeat that comes `back` places after the newest: the intra frame's own, 0, is passed over.
    pub(super) fn number_of(newest: i64, back: i64) -> i64 {
        if newest - back > 0 || newest == 0 { newest - back } else { newest - back - 1 }
    }

    /// The repeat that comes `back` places after the newest: 1 the first time, then 2 and so on.
    pub(super) fn next(
        &mut self,
        code: &mut impl Code,
        quantiser: &Quantiser,
        back: i64,
        values: &Values,
    ) -> Result<Grains, usize> {
        let Self { reference, number, count, rung, after, errors } = self;
        let step = i64::from(rung.grains());
        let (mut grains, mut activity) = ([0; MAX_AXES], [REPEAT_ACTIVITY; GROUPS]);
        let mut errors_of_frame = [0i64; MAX_AXES];
        let own_number = Self::number_of(*number, back);
        if own_number == -1 && *number > 0 {
            *after = [**reference, after[0]];
        }
        // How many frames the nearer neighbour comes after the intra frame, if it does.
        let left = own_number + 1;
        for (i, limits) in quantiser.axis_quantisers().iter().enumerate() {
            let [near, far, start] = [after[0][i], after[1][i], reference[i]].map(i64::from);
            let active = &mut activity[limits.group];
            // Between the neighbour and the intra frame; and, the nearer they are, the less in line with the neighbours.
            let between = 20 * near + if left > 0 { 20 * (start - near) / left } else { 0 };
            let onwards = 20 * near + 17 * (near - far);
            let mut predicted = match left {
                1.. if back == 1 => between,
                2 => (between + onwards) / 2,
                1.. => (between + 3 * onwards) / 4,
                _ => onwards,
            };
            let own = predicted;
            let way = (256 * (start - near).abs() / step).min(30 * 256);
            let mut mean = if back == 1 {
                let part = (512 * *count / (*number).max(1)).min(256);
                let at_rest = if own_number > 0 || near == 0 { 5 } else { 40 };
                at_rest + way * part / 1280 + 6 * *active / 10
            } else {
                5 + way / 50 + 9 * (errors[i] + *active) / 25
            };
            if let Some(other) = limits.partner {
                predicted += 4 * errors_of_frame[other] / 5;
                mean = 2 * (mean + 256 * errors_of_frame[other].abs() / (20 * step)) / 5;
            }
            grains[i] =
                axis(code, &mut Static, limits, *rung, values[i], nearest(predicted, 20), mean).ok_or(i)?;
            errors_of_frame[i] = 20 * i64::from(grains[i]) - own;
            let size = 256 * (20 * i64::from(grains[i]) - predicted).abs() / (20 * step);
            errors[i] = if back == 1 { size } else { (errors[i] + size) / 2 };
            *active = (17 * *active + 3 * size.min(5 * 256)) / 20;
        }
        after[1] = after[0];
        after[0] = grains;
        Ok(grains)
    }
}
