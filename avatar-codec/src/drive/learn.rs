//! Learning a personal mapping from a recording: where this tracker has this person's neutral, and how far its units go.

use crate::avatar::LatentModel;
use crate::expression::both_sides;
use crate::latent::FaceUnit;

use super::mapping::{TrackerMapping, UnitMapping};
use super::neutral::NeutralEstimator;
use super::signals::{Recording, Signals};

/// The fewest samples with a face: three seconds at 30 a second.
pub const MIN_LEARNED: usize = 90;
/// The share of the time that a unit's end is above: two frames of every ten seconds, as long as a blink is closed.
const END: f64 = 0.995;
/// A unit that reaches less was not shown: its end says nothing.
const SHOWN: f32 = 0.25;
/// How much a tracker's range is stretched or shrunk at most.
const GAINS: [f32; 2] = [0.5, 2.0];
/// A neutral below this is a tracker's tremble.
const MIN_NEUTRAL: f32 = 0.01;

/// What a recording holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Anything, as talk: how wide its smiles are is the person's own. But lids close in every blink, so those are stretched
    /// until they do.
    Anything,
    /// Every unit to its end, one after the other: a range-of-motion take. Each is stretched to what the avatar's reaches.
    RangeOfMotion,
}

/// Nothing can be learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found} samples with a face; at least {MIN_LEARNED} are needed, better half a minute")]
pub struct TooFewSamples {
    /// How many there were.
    pub found: usize,
}

/// Learns the mapping from this tracker to an avatar from a recording of its owner.
///
/// A unit's neutral is what the tracker says of it most often (see [`NeutralEstimator::mode`]); its end what it exceeds in
/// 0.5 % of the samples. Both sides of a pair get one gain, since how a smile leans is the person's own, but for lids, which
/// both close. Units that the recording doesn't show keep gain 1. Head and gaze are left as they are.
///
/// # Errors
/// If too few samples show a face.
pub fn learn_mapping(
    recording: &Recording,
    model: &LatentModel,
    shown: Shown,
) -> Result<TrackerMapping, TooFewSamples> {
    let faces = || recording.samples.iter().filter_map(|sample| sample.signals.as_deref());
    let mut estimator = NeutralEstimator::default();
    faces().for_each(|signals| estimator.push(signals));
    let neutral = estimator.mode().filter(|_| recording.tracked() >= MIN_LEARNED);
    let neutral = neutral.ok_or(TooFewSamples { found: recording.tracked() })?;
    let is_blink = |unit| matches!(unit, FaceUnit::EyeBlinkLeft | FaceUnit::EyeBlinkRight);

    let ends = FaceUnit::ALL.map(|unit| end(faces(), unit, neutral.units[unit as usize]));
    let mut mapping = TrackerMapping::default();
    for unit in FaceUnit::ALL {
        let rest = neutral.units[unit as usize];
        let both = if is_blink(unit) { [unit; 2] } else { both_sides(unit) };
        let reached = (ends[both[0] as usize] + ends[both[1] as usize]) / 2.0;
        let wanted = model.axes.get(unit as usize).map_or(1.0, |axis| axis.max);
        let is_known = (is_blink(unit) || shown == Shown::RangeOfMotion) && reached >= SHOWN && wanted > 0.0;
        let least = if shown == Shown::RangeOfMotion { GAINS[0] } else { 1.0 };
        mapping.units[unit as usize] = UnitMapping {
            from: unit,
            gain: if is_known { hundredths((wanted / reached).clamp(least, GAINS[1])) } else { 1.0 },
            neutral: (rest >= MIN_NEUTRAL).then_some(hundredths(rest)),
        };
    }
    Ok(mapping)
}

/// What a unit exceeds in 0.5 % of the samples, counted from its neutral as the mapping does.
fn end<'s>(faces: impl Iterator<Item = &'s Signals>, unit: FaceUnit, rest: f32) -> f32 {
    let mut values: Vec<f32> =
        faces.map(|signals| ((signals.units[unit as usize] - rest) / (1.0 - rest)).max(0.0)).collect();
    let at = (values.len().saturating_sub(1) as f64 * END).round() as usize;
    if values.is_empty() { 0.0 } else { *values.select_nth_unstable_by(at, f32::total_cmp).1 }
}

/// A mapping is a text that people edit.
fn hundredths(value: f32) -> f32 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bitstream::plain_latent_model;
    use crate::drive::{Driver, DriverOptions, Sample};
    use crate::latent::UNITS;

    /// Thirty seconds of somebody whose tracker never sees lids closed more than 0.62, nor jaws shut below 0.08, and who
    /// smiles to 0.4 at most, more to the left.
    fn recording() -> Recording {
        let samples = (0..900).map(|i| {
            let mut signals = Signals::NEUTRAL;
            let tremble = ((i * 7919) % 13) as f32 * 0.0003;
            let mut set = |unit: FaceUnit, value: f32| signals.units[unit as usize] = value;
            let (blink, talk) = (i % 90, (i as f32 * 0.4).sin().max(0.0));
            set(FaceUnit::EyeBlinkLeft, if blink < 4 { 0.62 } else { 0.05 + tremble });
            set(FaceUnit::EyeBlinkRight, if blink < 4 { 0.7 } else { 0.05 + tremble });
            set(FaceUnit::JawOpen, 0.08 + tremble + if i % 300 > 100 { 0.5 * talk } else { 0.0 });
            let smile = if i % 300 > 250 { 0.4 } else { 0.0 };
            set(FaceUnit::MouthSmileLeft, smile);
            set(FaceUnit::MouthSmileRight, 0.75 * smile);
            Sample { seconds: f64::from(i) / 30.0, signals: Some(Box::new(signals)) }
        });
        Recording { samples: samples.collect(), interval: 1.0 / 30.0, ..Recording::default() }
    }

    /// The most of each unit that a driver with this mapping shows, and what it shows at the end of a rest.
    fn driven(mapping: TrackerMapping) -> ([f32; UNITS], [f32; UNITS]) {
        let options = DriverOptions { mapping, ..DriverOptions::default() };
        let mut driver = Driver::new(&plain_latent_model(0), options).unwrap();
        let (mut frames, mut most) = (Vec::new(), [0.0_f32; UNITS]);
        for sample in &recording().samples {
            driver.push(sample.seconds, None, sample.signals.as_deref(), &mut frames);
        }
        for frame in &frames {
            most.iter_mut().zip(&frame.latent.units).for_each(|(most, unit)| *most = most.max(*unit));
        }
        (most, frames[80].latent.units)
    }

    #[test]
    fn lids_close_and_jaws_shut_whatever_the_tracker() {
        let model = plain_latent_model(0);
        let (before, rest_before) = driven(TrackerMapping::default());
        let (after, rest) = driven(learn_mapping(&recording(), &model, Shown::Anything).unwrap());
        let at = |units: &[f32; UNITS], unit: FaceUnit| units[unit as usize];
        for blink in [FaceUnit::EyeBlinkLeft, FaceUnit::EyeBlinkRight] {
            assert!(
                at(&before, blink) < 0.75 && at(&after, blink) > 0.97,
                "{blink:?}: {}",
                at(&after, blink)
            );
        }
        assert!(at(&rest_before, FaceUnit::JawOpen) > 0.07 && at(&rest, FaceUnit::JawOpen) < 0.01);
        // How widely somebody smiles is not a tracker's matter.
        for smile in [FaceUnit::MouthSmileLeft, FaceUnit::MouthSmileRight] {
            assert_eq!(at(&after, smile), at(&before, smile));
        }
    }

    #[test]
    fn a_range_of_motion_is_stretched_and_a_smile_keeps_its_lean() {
        let model = plain_latent_model(0);
        let mapping = learn_mapping(&recording(), &model, Shown::RangeOfMotion).unwrap();
        let gain = |unit: FaceUnit| mapping.units[unit as usize].gain;
        // 0.4 and 0.3 would be stretched by 2.86: more than is believed.
        assert_eq!((gain(FaceUnit::MouthSmileLeft), gain(FaceUnit::MouthSmileRight)), (2.0, 2.0));
        // 0.08 to 0.58 is 0.54 of the range that is left.
        assert!((gain(FaceUnit::JawOpen) - 1.84).abs() < 0.03, "{}", gain(FaceUnit::JawOpen));
        assert_eq!(gain(FaceUnit::CheekPuff), 1.0, "it was not shown");
    }

    #[test]
    fn a_moment_is_not_enough() {
        let mut short = recording();
        short.samples.truncate(MIN_LEARNED);
        short.samples[3].signals = None;
        let model = plain_latent_model(0);
        assert_eq!(
            learn_mapping(&short, &model, Shown::Anything),
            Err(TooFewSamples { found: MIN_LEARNED - 1 })
        );
    }
}
