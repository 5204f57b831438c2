//! How widely a person uses each unit, learned from a recording.

use crate::latent::{FaceUnit, Latent, UNITS};

use super::preset::Preset;
use super::profile::{Profile, Scope, Setting};
use super::region::{Region, both_sides};

/// What one unit did in a recording; weights.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct UnitUsage {
    /// What it shows at rest: the 10th percentile, at most [`MAX_NEUTRAL`].
    pub neutral: f32,
    /// Half of the time it was below.
    pub median: f32,
    /// 95 % of the time it was below: how widely the person uses it.
    pub p95: f32,
    /// 99.5 % of the time it was below: its end, but for a tracker's spikes.
    pub end: f32,
}

/// What every unit did in a recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Usage {
    /// How many frames it was learned from.
    pub frames: usize,
    /// By the unit's number.
    pub units: [UnitUsage; UNITS],
}

/// Nothing can be learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LearnError {
    /// Percentiles of a handful of frames say nothing.
    #[error("{frames} frames; at least {MIN_FRAMES} are needed, better a minute of talk")]
    TooShort {
        /// How many there were.
        frames: usize,
    },
    /// A number that is NaN or infinite.
    #[error("frame {frame}: a face unit is not finite")]
    NotFinite {
        /// Which frame, counted from 0.
        frame: usize,
    },
}

/// Where a profile should lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A preset, from this person's own neutral, and no further than their units reach.
    Preset(Preset),
    /// Each unit used as widely as people use it in talk: half of the way there, in ratio.
    Typical,
}

/// A neutral further out than this is an expression that was held.
pub const MAX_NEUTRAL: f32 = 0.15;
/// The fewest frames: a second and a bit.
const MIN_FRAMES: usize = 40;
/// A unit that reaches less than this is noise, and isn't tuned towards the typical.
const IN_USE: f32 = 0.04;
/// A gain never takes what the person reaches (99.5 %) further than this share of the range.
const REACH: f32 = 0.95;
/// How far a suggestion for the typical goes.
const GAINS: [f32; 2] = [0.6, 1.8];

impl Usage {
    /// From the faces of a recording, in any order.
    ///
    /// # Errors
    /// If there are too few latents to learn from, or one isn't finite.
    pub fn learn<'l>(latents: impl IntoIterator<Item = &'l Latent>) -> Result<Self, LearnError> {
        let mut columns = vec![Vec::new(); UNITS];
        for (frame, latent) in latents.into_iter().enumerate() {
            for (column, &weight) in columns.iter_mut().zip(&latent.units) {
                if !weight.is_finite() {
                    return Err(LearnError::NotFinite { frame });
                }
                column.push(weight);
            }
        }
        let frames = columns[0].len();
        if frames < MIN_FRAMES {
            return Err(LearnError::TooShort { frames });
        }
        let mut units = [UnitUsage::default(); UNITS];
        for (usage, column) in units.iter_mut().zip(&mut columns) {
            column.sort_unstable_by(f32::total_cmp);
            let at = |share: f64| column[((frames - 1) as f64 * share).round() as usize];
            *usage = UnitUsage {
                neutral: at(0.1).clamp(0.0, MAX_NEUTRAL),
                median: at(0.5),
                p95: at(0.95),
                end: at(0.995),
            };
        }
        Ok(Self { frames, units })
    }

    /// What a unit did.
    pub fn unit(&self, unit: FaceUnit) -> UnitUsage {
        self.units[unit as usize]
    }

    /// The profile that leads this person towards a target.
    ///
    /// A unit's neutral is set where a gain is, so that a face at rest stays at rest. Both sides of a pair get the same
    /// gain, since how a smile leans is the person's own. A gain above 1 never takes what the person reaches beyond
    /// 0.95.
    pub fn suggest(&self, target: Target) -> Profile {
        let (mut profile, name) = match target {
            Target::Preset(preset) => (preset.profile(), preset.name()),
            Target::Typical => (Profile::default(), "typical"),
        };
        profile.set_name(name);
        for unit in FaceUnit::ALL {
            let wanted = match target {
                Target::Preset(_) => profile.gain(unit),
                Target::Typical => self.gain_to_typical(unit),
            };
            let both = both_sides(unit);
            let reach = both.map(|unit| self.unit(unit).end).into_iter().fold(0.0, f32::max);
            let gain = if wanted > 1.0 { wanted.min((REACH / reach.max(1e-6)).max(1.0)) } else { wanted };
            if gain == 1.0 && wanted == 1.0 {
                continue;
            }
            let region = profile.get(Scope::Region(Region::of(unit)), Setting::Gain).unwrap_or(1.0);
            let own = if region > 0.0 {
                round(round(gain) / region).clamp(0.0, Setting::Gain.range()[1])
            } else {
                1.0
            };
            let neutral = round(self.unit(unit).neutral);
            let settings = [(Setting::Gain, own != 1.0, own), (Setting::Neutral, neutral > 0.0, neutral)];
            for (setting, is_needed, value) in settings {
                let set = profile.set(Scope::Unit(unit), setting, is_needed.then_some(value));
                debug_assert!(set.is_ok(), "{set:?}");
            }
        }
        profile
    }

    fn gain_to_typical(&self, unit: FaceUnit) -> f32 {
        let Some(typical) = typical_span(unit) else { return 1.0 };
        let both = both_sides(unit);
        let span =
            both.map(|unit| self.unit(unit).p95 - self.unit(unit).neutral).into_iter().sum::<f32>() / 2.0;
        if span < IN_USE { 1.0 } else { round((typical / span).sqrt().clamp(GAINS[0], GAINS[1])) }
    }
}

/// How far from neutral a unit is in 95 % of a lively talk: our own judgement, made once by looking at what such a
/// span does to a face. `None` where a span says nothing of expressiveness: lids that blink, gaze, what seals lips.
fn typical_span(unit: FaceUnit) -> Option<f32> {
    let name = unit.name();
    if name.starts_with("mouthSmile") {
        return Some(0.55);
    }
    match Region::of(unit) {
        Region::Brows => Some(0.4),
        Region::Cheeks => Some(0.35),
        Region::Nose => Some(0.2),
        Region::Mouth => Some(0.3),
        Region::Jaw if unit == FaceUnit::JawOpen => Some(0.35),
        Region::Eyes if !name.starts_with("eyeBlink") => Some(0.25),
        _ => None,
    }
}

/// To two decimals: more would pretend to know.
fn round(value: f32) -> f32 {
    (value * 100.0).round() / 100.0
}
