//! Calibration: what the tracker says while the person's face rests.

use glam::{Quat, Vec3};

use crate::latent::{FaceUnit, GAZE, Gaze, HeadPose, UNITS};

use super::gap::smoothstep;
use super::signals::{CHANNELS, Signals, Values, values_of};

/// A unit that is more active than this is no resting face's.
const MAX_UNIT: f32 = 0.5;
/// Eyes that look farther away than this don't rest: 20°, radians.
const MAX_GAZE: f32 = 0.349;
/// How many samples are kept; of more, every second, fourth … one.
const KEPT: usize = 1 << 16;

/// What the tracker says of the neutral face: subtracted from everything that it says.
#[derive(Clone, Debug, PartialEq)]
pub struct Neutral {
    /// Face units, 0..=0.5 each.
    pub units: [f32; UNITS],
    /// Where the eyes look.
    pub gaze: Gaze,
    /// Where the head rests, on the tracker's axes.
    pub head: HeadPose,
    /// Units that were too active for a resting face and are left as they are.
    pub left_out: Vec<FaceUnit>,
}

impl Neutral {
    /// Nothing is subtracted.
    pub const NONE: Self = Self {
        units: [0.0; UNITS],
        gaze: Gaze::from_array([0.0; GAZE]),
        head: HeadPose::REST,
        left_out: Vec::new(),
    };

    /// What counts on the way from this to another one, t within 0..=1: calibration sets in gently.
    pub(super) fn towards(&self, other: &Self, t: f64) -> Self {
        let s = smoothstep(t);
        let mix = |a: f32, b: f32| a + (b - a) * s;
        let (from, to) = (self.gaze.to_array(), other.gaze.to_array());
        Self {
            units: std::array::from_fn(|i| mix(self.units[i], other.units[i])),
            gaze: Gaze::from_array(std::array::from_fn(|i| mix(from[i], to[i]))),
            head: HeadPose {
                rotation: self.head.rotation.slerp(other.head.rotation, s).normalize(),
                translation: self.head.translation.lerp(other.head.translation, s),
            },
            left_out: Vec::new(),
        }
    }
}

/// Collects samples and finds the neutral face in them.
#[derive(Clone, Debug, Default)]
pub struct NeutralEstimator {
    /// The first head: others are taken relative to it, so that their rotation vectors are short.
    origin: Option<HeadPose>,
    kept: Vec<Values>,
    stride: usize,
    seen: usize,
}

impl NeutralEstimator {
    /// Takes a sample. At most 65,536 are kept, evenly spread.
    pub fn push(&mut self, signals: &Signals) {
        let origin = *self.origin.get_or_insert(signals.head);
        let is_kept = self.seen.is_multiple_of(self.stride.max(1));
        self.seen += 1;
        if !is_kept {
            return;
        }
        let head = HeadPose {
            rotation: origin.rotation.conjugate() * signals.head.rotation,
            translation: signals.head.translation,
        };
        self.kept.push(values_of(&signals.units, signals.gaze, &head));
        if self.kept.len() >= KEPT {
            let mut index = 0;
            self.kept.retain(|_| {
                index += 1;
                index % 2 == 1
            });
            self.stride = self.stride.max(1) * 2;
        }
    }

    /// The median of each signal: for a span in which the face rests.
    pub fn median(&self) -> Option<Neutral> {
        self.neutral_by(|_, sorted| sorted[sorted.len() / 2])
    }

    /// The mode of each signal: for a span in which the face does everything, but rests more often than it does any other
    /// single thing. Half-sample mode (Robertson, Cryer 1974; Bickel, Frühwirth 2006). Units don't rest above their lower
    /// quartile: a mouth that talks all the time has a mode too.
    pub fn mode(&self) -> Option<Neutral> {
        self.neutral_by(|place, sorted| match place {
            0..UNITS => half_sample_mode(sorted).min(sorted[sorted.len() / 4]),
            _ => half_sample_mode(sorted),
        })
    }

    fn neutral_by(&self, find: fn(usize, &[f32]) -> f32) -> Option<Neutral> {
        let origin = self.origin?;
        let mut column = Vec::with_capacity(self.kept.len());
        let mut found: Values = [0.0; CHANNELS];
        for (place, found) in found.iter_mut().enumerate() {
            column.clear();
            column.extend(self.kept.iter().map(|values| values[place]));
            column.sort_unstable_by(f32::total_cmp);
            *found = find(place, &column);
        }
        let mut neutral = Neutral::NONE;
        for unit in FaceUnit::ALL {
            match found[unit as usize] {
                rest if rest <= MAX_UNIT => neutral.units[unit as usize] = rest.max(0.0),
                _ => neutral.left_out.push(unit),
            }
        }
        let gaze: [f32; GAZE] = std::array::from_fn(|i| found[UNITS + i]);
        if gaze.iter().all(|angle| angle.abs() <= MAX_GAZE) {
            neutral.gaze = Gaze::from_array(gaze);
        }
        let vector = |at: usize| Vec3::new(found[at], found[at + 1], found[at + 2]);
        neutral.head = HeadPose {
            rotation: (origin.rotation * Quat::from_scaled_axis(vector(UNITS + GAZE))).normalize(),
            translation: vector(UNITS + GAZE + 3),
        };
        Some(neutral)
    }
}

/// Halves the sorted values again and again, keeping the densest half.
fn half_sample_mode(sorted: &[f32]) -> f32 {
    let mut part = sorted;
    while part.len() > 2 {
        let half = part.len().div_ceil(2);
        let width = |start: usize| part[start + half - 1] - part[start];
        let densest = (0..=part.len() - half).min_by(|&a, &b| width(a).total_cmp(&width(b))).unwrap_or(0);
        part = &part[densest..densest + half];
    }
    part.iter().sum::<f32>() / part.len().max(1) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signals(jaw: f32, yaw: f32) -> Signals {
        let mut signals = Signals::NEUTRAL;
        signals.units[FaceUnit::JawOpen as usize] = jaw;
        signals.head.rotation = Quat::from_rotation_y(yaw);
        signals
    }

    #[test]
    fn the_median_leaves_a_blink_out() {
        let mut estimator = NeutralEstimator::default();
        for i in 0..30 {
            let mut signals = signals(0.04, 0.3);
            signals.units[FaceUnit::EyeBlinkLeft as usize] = if (10..14).contains(&i) { 1.0 } else { 0.06 };
            estimator.push(&signals);
        }
        let neutral = estimator.median().unwrap();
        assert!((neutral.units[FaceUnit::EyeBlinkLeft as usize] - 0.06).abs() < 1e-6);
        assert!(neutral.head.rotation.angle_between(Quat::from_rotation_y(0.3)) < 1e-3);
    }

    #[test]
    fn the_mode_finds_rest_in_talk() {
        let mut estimator = NeutralEstimator::default();
        for i in 0..3000 {
            // At rest for 40 % of the time, anywhere above it otherwise.
            let phase = (i % 100) as f32;
            let tremble = ((i * 7919) % 13) as f32 * 0.0005;
            let jaw = if phase < 40.0 { 0.05 + tremble } else { 0.05 + (phase - 40.0) / 60.0 * 0.8 };
            estimator.push(&signals(jaw, 0.0));
        }
        let neutral = estimator.mode().unwrap();
        assert!((neutral.units[FaceUnit::JawOpen as usize] - 0.053).abs() < 0.01, "{neutral:?}");
    }

    #[test]
    fn talk_without_a_rest_is_not_taken_for_one() {
        let mut estimator = NeutralEstimator::default();
        (0..900).for_each(|i| estimator.push(&signals(0.3 + 0.29 * (i as f32 * 0.3).sin(), 0.0)));
        let neutral = estimator.mode().unwrap();
        assert!(neutral.units[FaceUnit::JawOpen as usize] < 0.15, "{neutral:?}");
    }

    #[test]
    fn what_never_rests_is_left_out() {
        let mut estimator = NeutralEstimator::default();
        (0..9).for_each(|_| estimator.push(&signals(0.9, 0.0)));
        let neutral = estimator.median().unwrap();
        assert_eq!(
            (neutral.units[FaceUnit::JawOpen as usize], neutral.left_out),
            (0.0, vec![FaceUnit::JawOpen])
        );
        assert_eq!(NeutralEstimator::default().median(), None);
    }

    #[test]
    fn its_memory_is_bounded() {
        let mut estimator = NeutralEstimator::default();
        (0..3 * KEPT).for_each(|_| estimator.push(&Signals::NEUTRAL));
        assert!(estimator.kept.len() <= KEPT);
        assert!(estimator.mode().is_some());
    }
}
