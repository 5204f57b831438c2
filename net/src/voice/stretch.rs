//! Time-stretching: where a voice may be cut, and two places of it joined, without that being heard.
//!
//! Playing goes on at another place where the voice looks the same, a period of it earlier or later, and the two are
//! cross-faded (WSOLA; Verhelst and Roelands, "An overlap-add technique based on waveform similarity", ICASSP 1993, with the
//! cut at most one period long, as packet voice does it).

use super::timeline::Timeline;

/// The shortest and longest cut, samples at 48 kHz: 2.5 ms and 12.5 ms, a period of 400 Hz and of 80 Hz.
pub(super) const MIN_CUT: usize = 120;
pub(super) const MAX_CUT: usize = 600;
/// How long the cross-fade is: 10 ms.
pub(super) const FADE: usize = 480;
/// Cuts are looked for at every so many samples first.
const COARSE: usize = 4;
/// A voice this soft, mean square, may be cut anywhere.
const SOFT: f32 = 1e-6;
/// Two places are alike from this correlation on.
const ALIKE: f32 = 0.7;

/// A place to go on at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cut {
    /// Samples from the present place; negative: back.
    pub(super) step: i64,
    /// Whether the two places are so much alike that nobody hears it.
    pub(super) is_smooth: bool,
}

/// The best cut from `place` on (`ahead`: forward), at most `most` samples long.
pub(super) fn best_cut(timeline: &Timeline, place: u64, ahead: bool, most: usize) -> Option<Cut> {
    let here = timeline.slice(place, place + FADE as u64);
    if here.is_empty() {
        return None;
    }
    let most = most.clamp(MIN_CUT, MAX_CUT);
    let there = |step: usize| {
        let from = if ahead { place.checked_add(step as u64) } else { place.checked_sub(step as u64) };
        from.map_or(&[][..], |from| timeline.slice(from, from + FADE as u64))
    };
    let sign = if ahead { 1 } else { -1 };
    let longest = (MIN_CUT..=most).rev().step_by(COARSE).find(|&step| !there(step).is_empty())?;
    if energy(here) < SOFT * FADE as f32 && energy(there(longest)) < SOFT * FADE as f32 {
        return Some(Cut { step: sign * longest as i64, is_smooth: true });
    }
    let best = |steps: &mut dyn Iterator<Item = usize>, stride: usize| {
        let likeness = |step| (step, likeness(here, there(step), stride));
        steps.map(likeness).max_by(|a, b| a.1.total_cmp(&b.1))
    };
    let (coarse, _) = best(&mut (MIN_CUT..=longest).step_by(COARSE), COARSE)?;
    let around = coarse.saturating_sub(COARSE).max(MIN_CUT)..=(coarse + COARSE).min(longest);
    let (step, found) = best(&mut around.into_iter(), 1)?;
    Some(Cut { step: sign * step as i64, is_smooth: found >= ALIKE })
}

/// Normalised cross-correlation of two stretches of the same length, −1..=1; −1 for an empty one.
fn likeness(a: &[f32], b: &[f32], stride: usize) -> f32 {
    if b.is_empty() {
        return -1.0;
    }
    let (mut product, mut energy_a, mut energy_b) = (0.0f32, 1e-9f32, 1e-9f32);
    for (&a, &b) in a.iter().zip(b).step_by(stride) {
        product += a * b;
        energy_a += a * a;
        energy_b += b * b;
    }
    product / (energy_a * energy_b).sqrt()
}

fn energy(samples: &[f32]) -> f32 {
    samples.iter().map(|sample| sample * sample).sum()
}

/// The weight of the new place `n` samples into a cross-fade of `length`: 0 to 1, a raised cosine.
pub(super) fn weight(n: usize, length: usize) -> f32 {
    let part = (n as f32 + 0.5) / length as f32;
    0.5 - 0.5 * (std::f32::consts::PI * part).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_is_cut_by_whole_periods() {
        let period = 240.0;
        let tone: Vec<f32> =
            (0..4800).map(|n| 0.5 * (n as f32 * std::f32::consts::TAU / period).sin()).collect();
        let mut timeline = Timeline::default();
        timeline.push(0.0, &tone);
        for ahead in [true, false] {
            let cut = best_cut(&timeline, 2000, ahead, MAX_CUT).unwrap();
            assert!(cut.is_smooth && cut.step.unsigned_abs() % 240 <= 1, "{cut:?}");
            assert_eq!(cut.step > 0, ahead);
        }
        // There is no room.
        assert_eq!(best_cut(&timeline, 4500, true, MAX_CUT), None);
        assert_eq!(best_cut(&timeline, 60, false, MAX_CUT), None);
    }
}
