//! What a face does for a while: an effort, a joy, a word.

use visavis_codec::FaceUnit;
use visavis_codec::latent::UNITS;

use super::spring::ease;
use crate::play::Random;

/// A kind of act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Eyes narrow on what comes.
    Focus,
    /// A stroke that costs something.
    Effort,
    /// A point won.
    Joy,
    /// A point lost.
    Dismay,
    /// Lips pressed after it.
    Chagrin,
    /// The net's cord, or luck.
    Surprise,
    /// One corner of the mouth.
    Smirk,
    /// Kind, before a serve.
    Smile,
    /// Joy that shakes.
    Laugh,
    /// Words, which nobody hears.
    Talk,
}

/// An act in time: it fades in, stays, fades out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Act {
    kind: Kind,
    strength: f32,
    start_s: f32,
    /// Fading in, staying, fading out, seconds.
    lasts_s: [f32; 3],
    seed: u64,
}

/// Syllables a second, and shakes of a laugh a second.
const SYLLABLES_PER_S: f32 = 5.2;
const SHAKES_PER_S: f32 = 4.4;

impl Act {
    /// From a time on; `strength` from 0 to 1.
    pub fn new(kind: Kind, strength: f32, start_s: f32, lasts_s: [f32; 3], seed: u64) -> Self {
        Self { kind, strength: strength.clamp(0.0, 1.0), start_s, lasts_s, seed }
    }

    /// What kind.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether it has faded out.
    pub fn is_over(&self, time_s: f32) -> bool {
        time_s > self.start_s + self.lasts_s.iter().sum::<f32>()
    }

    /// How much of it there is, 0 to 1.
    pub fn weight(&self, time_s: f32) -> f32 {
        let [fade_in, stay, fade_out] = self.lasts_s;
        let since = time_s - self.start_s;
        let rise = ease(since / fade_in.max(1e-3));
        let fall = 1.0 - ease((since - fade_in - stay) / fade_out.max(1e-3));
        self.strength * rise.min(fall)
    }

    /// Adds what it wants of each unit: units of several acts are united, so that two smiles are not twice as wide.
    pub(crate) fn add(&self, time_s: f32, units: &mut [f32; UNITS]) {
        let weight = self.weight(time_s);
        if weight <= 0.0 {
            return;
        }
        let mut put = |unit: FaceUnit, value: f32| {
            let place = &mut units[unit as usize];
            *place = 1.0 - (1.0 - *place) * (1.0 - (weight * value).clamp(0.0, 1.0));
        };
        for &(unit, value) in self.kind.units() {
            put(unit, value);
        }
        let since = time_s - self.start_s;
        match self.kind {
            Kind::Laugh => {
                let shake = 0.5 + 0.5 * (std::f32::consts::TAU * SHAKES_PER_S * since).sin();
                put(FaceUnit::JawOpen, 0.16 + 0.22 * shake);
            }
            Kind::Talk => self.syllable(since, &mut put),
            _ => {}
        }
    }

    /// Mouths of a made-up speech: each syllable opens on another vowel and closes.
    fn syllable(&self, since: f32, put: &mut impl FnMut(FaceUnit, f32)) {
        use FaceUnit as U;
        let count = (since * SYLLABLES_PER_S).max(0.0);
        let mut random = Random::new(self.seed ^ (count as u64).wrapping_mul(0x9e37_79b9));
        let open = (std::f32::consts::PI * count.fract()).sin().powi(2) * random.within(0.45, 1.0);
        let vowel = random.bits() % 4;
        put(U::JawOpen, 0.34 * open);
        for (left, right, value) in match vowel {
            0 => [
                (U::MouthLowerDownLeft, U::MouthLowerDownRight, 0.4),
                (U::MouthUpperUpLeft, U::MouthUpperUpRight, 0.2),
            ],
            1 => [
                (U::MouthStretchLeft, U::MouthStretchRight, 0.4),
                (U::MouthSmileLeft, U::MouthSmileRight, 0.25),
            ],
            2 => [(U::MouthFunnel, U::MouthFunnel, 0.45), (U::MouthPucker, U::MouthPucker, 0.15)],
            _ => [
                (U::MouthPucker, U::MouthPucker, 0.45),
                (U::MouthLowerDownLeft, U::MouthLowerDownRight, 0.15),
            ],
        } {
            put(left, value * open);
            if right != left {
                put(right, value * open);
            }
        }
    }
}

impl Kind {
    /// The units that it holds, at strength 1.
    const fn units(self) -> &'static [(FaceUnit, f32)] {
        use FaceUnit as U;
        match self {
            Self::Focus => &[
                (U::BrowDownLeft, 0.30),
                (U::BrowDownRight, 0.30),
                (U::EyeSquintLeft, 0.22),
                (U::EyeSquintRight, 0.22),
                (U::MouthPressLeft, 0.20),
                (U::MouthPressRight, 0.20),
                (U::MouthRollLower, 0.12),
            ],
            Self::Effort => &[
                (U::BrowDownLeft, 0.50),
                (U::BrowDownRight, 0.50),
                (U::EyeSquintLeft, 0.50),
                (U::EyeSquintRight, 0.50),
                (U::NoseSneerLeft, 0.40),
                (U::NoseSneerRight, 0.40),
                (U::MouthStretchLeft, 0.45),
                (U::MouthStretchRight, 0.50),
                (U::MouthUpperUpLeft, 0.30),
                (U::MouthUpperUpRight, 0.30),
                (U::MouthLowerDownLeft, 0.40),
                (U::MouthLowerDownRight, 0.40),
                (U::JawOpen, 0.12),
            ],
            Self::Joy | Self::Laugh => &[
                (U::MouthSmileLeft, 0.85),
                (U::MouthSmileRight, 0.82),
                (U::CheekSquintLeft, 0.55),
                (U::CheekSquintRight, 0.55),
                (U::EyeSquintLeft, 0.30),
                (U::EyeSquintRight, 0.30),
                (U::BrowOuterUpLeft, 0.30),
                (U::BrowOuterUpRight, 0.30),
                (U::BrowInnerUp, 0.20),
                (U::MouthUpperUpLeft, 0.25),
                (U::MouthUpperUpRight, 0.25),
                (U::JawOpen, 0.22),
            ],
            Self::Dismay => &[
                (U::BrowInnerUp, 0.75),
                (U::BrowOuterUpLeft, 0.20),
                (U::BrowOuterUpRight, 0.20),
                (U::EyeWideLeft, 0.35),
                (U::EyeWideRight, 0.35),
                (U::MouthFrownLeft, 0.45),
                (U::MouthFrownRight, 0.45),
                (U::MouthStretchLeft, 0.35),
                (U::MouthStretchRight, 0.35),
                (U::MouthLowerDownLeft, 0.25),
                (U::MouthLowerDownRight, 0.25),
                (U::JawOpen, 0.22),
            ],
            Self::Chagrin => &[
                (U::BrowInnerUp, 0.35),
                (U::BrowDownLeft, 0.15),
                (U::BrowDownRight, 0.25),
                (U::EyeSquintLeft, 0.30),
                (U::EyeSquintRight, 0.30),
                (U::MouthPressLeft, 0.45),
                (U::MouthPressRight, 0.50),
                (U::MouthFrownLeft, 0.35),
                (U::MouthFrownRight, 0.25),
                (U::MouthRight, 0.25),
                (U::CheekPuff, 0.12),
            ],
            Self::Surprise => &[
                (U::BrowInnerUp, 0.60),
                (U::BrowOuterUpLeft, 0.65),
                (U::BrowOuterUpRight, 0.65),
                (U::EyeWideLeft, 0.60),
                (U::EyeWideRight, 0.60),
                (U::JawOpen, 0.24),
                (U::MouthFunnel, 0.20),
            ],
            Self::Smirk => &[
                (U::MouthSmileLeft, 0.50),
                (U::MouthDimpleLeft, 0.35),
                (U::CheekSquintLeft, 0.30),
                (U::BrowOuterUpRight, 0.40),
                (U::MouthSmileRight, 0.12),
            ],
            Self::Smile => &[
                (U::MouthSmileLeft, 0.45),
                (U::MouthSmileRight, 0.42),
                (U::CheekSquintLeft, 0.25),
                (U::CheekSquintRight, 0.25),
            ],
            Self::Talk => &[(U::BrowOuterUpLeft, 0.15), (U::BrowOuterUpRight, 0.15), (U::BrowInnerUp, 0.15)],
        }
    }
}
