//! Profiles to start from.

use crate::latent::FaceUnit;

use super::profile::{Profile, Scope, Setting};
use super::region::{Region, pair};

/// A profile that comes with the crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Preset {
    /// The face as it is, bit for bit.
    AsIAm,
    /// Smiles go further and reach the eyes; frowns and sneers are held back.
    Warmer,
    /// Brows, lids, cheeks and mouth do more of what they do.
    Lively,
    /// Less, and slower, above the mouth; speech stays.
    Calm,
}

/// Every preset.
pub const PRESETS: [Preset; 4] = [Preset::AsIAm, Preset::Warmer, Preset::Lively, Preset::Calm];

enum Of {
    Region(Region),
    Both(&'static str),
    Unit(FaceUnit),
}

const WARMER: &[(Of, Setting, f32)] = &[
    (Of::Both("mouthSmile"), Setting::Gain, 1.35),
    (Of::Both("mouthSmile"), Setting::Offset, 0.06),
    (Of::Both("mouthDimple"), Setting::Gain, 1.15),
    (Of::Both("cheekSquint"), Setting::Gain, 1.3),
    (Of::Both("cheekSquint"), Setting::Offset, 0.03),
    (Of::Both("eyeSquint"), Setting::Gain, 1.1),
    (Of::Both("mouthFrown"), Setting::Gain, 0.6),
    (Of::Both("browDown"), Setting::Gain, 0.7),
    (Of::Both("noseSneer"), Setting::Gain, 0.7),
    (Of::Unit(FaceUnit::BrowInnerUp), Setting::Gain, 1.15),
];

const LIVELY: &[(Of, Setting, f32)] = &[
    (Of::Region(Region::Brows), Setting::Gain, 1.5),
    (Of::Region(Region::Cheeks), Setting::Gain, 1.25),
    (Of::Region(Region::Nose), Setting::Gain, 1.15),
    (Of::Region(Region::Mouth), Setting::Gain, 1.25),
    (Of::Region(Region::Jaw), Setting::Gain, 1.15),
    (Of::Both("eyeWide"), Setting::Gain, 1.35),
    (Of::Both("eyeSquint"), Setting::Gain, 1.15),
];

const CALM: &[(Of, Setting, f32)] = &[
    (Of::Region(Region::Brows), Setting::Gain, 0.6),
    (Of::Region(Region::Brows), Setting::Attack, 0.1),
    (Of::Region(Region::Brows), Setting::Release, 0.25),
    (Of::Region(Region::Cheeks), Setting::Gain, 0.8),
    (Of::Region(Region::Nose), Setting::Gain, 0.6),
    (Of::Region(Region::Mouth), Setting::Gain, 0.85),
    (Of::Region(Region::Jaw), Setting::Gain, 0.92),
    (Of::Both("mouthSmile"), Setting::Release, 0.15),
    (Of::Both("eyeWide"), Setting::Gain, 0.6),
    (Of::Both("eyeWide"), Setting::Release, 0.2),
    (Of::Both("eyeSquint"), Setting::Gain, 0.85),
];

impl Preset {
    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AsIAm => "as-i-am",
            Self::Warmer => "warmer",
            Self::Lively => "lively",
            Self::Calm => "calm",
        }
    }

    /// The preset of this name, or `None`.
    pub fn from_name(name: &str) -> Option<Self> {
        PRESETS.into_iter().find(|preset| preset.name() == name)
    }

    /// The profile.
    pub fn profile(self) -> Profile {
        let entries: &[_] = match self {
            Self::AsIAm => &[],
            Self::Warmer => WARMER,
            Self::Lively => LIVELY,
            Self::Calm => CALM,
        };
        let mut profile = Profile::default();
        profile.set_name(self.name());
        for (of, setting, value) in entries {
            let scopes: Vec<Scope> = match of {
                Of::Region(region) => vec![Scope::Region(*region)],
                Of::Unit(unit) => vec![Scope::Unit(*unit)],
                Of::Both(stem) => pair(stem).into_iter().flatten().map(Scope::Unit).collect(),
            };
            for scope in scopes {
                let set = profile.set(scope, *setting, Some(*value));
                debug_assert!(set.is_ok(), "{set:?}");
            }
        }
        profile
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_of_every_preset_is_set() {
        for (preset, entries) in [(Preset::Warmer, WARMER), (Preset::Lively, LIVELY), (Preset::Calm, CALM)] {
            let profile = preset.profile();
            for (of, setting, value) in entries {
                let scopes = match of {
                    Of::Region(region) => vec![Scope::Region(*region)],
                    Of::Unit(unit) => vec![Scope::Unit(*unit)],
                    Of::Both(stem) => pair(stem).expect(stem).map(Scope::Unit).to_vec(),
                };
                for scope in scopes {
                    assert_eq!(profile.get(scope, *setting), Some(*value), "{} {scope:?}", preset.name());
                }
            }
            assert_eq!(Preset::from_name(preset.name()), Some(preset));
        }
        let mut named = Profile::default();
        named.set_name("as-i-am");
        assert_eq!(Preset::AsIAm.profile(), named);
    }
}
