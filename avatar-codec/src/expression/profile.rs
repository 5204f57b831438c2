//! A profile: what is wanted of each region and unit.

use crate::latent::{FaceUnit, UNITS};

use super::region::{REGIONS, Region, Side};

/// What can be set of a region or a unit. A unit's own value goes before its region's, but gains multiply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Setting {
    /// Times what the unit does; 1 as it is.
    Gain,
    /// Above 0 small movements grow more than large ones, below 0 less; 0 is straight. The ends stay.
    Curve,
    /// What the unit does at least.
    Floor,
    /// What the unit does at most, approached softly.
    Ceiling,
    /// Above 0 the person's left keeps all and the right loses this share; below 0 the other way round.
    Balance,
    /// Seconds in which a rise has come 63 % of its way.
    Attack,
    /// Seconds in which a fall has come 63 % of its way.
    Release,
    /// Movements smaller than this share of the unit's range are held back.
    DeadBand,
    /// What the unit shows while this person's face rests: gain and curve count from there. Units only.
    Neutral,
    /// Added to the unit. Units only.
    Offset,
}

/// How many settings there are.
pub(super) const SETTINGS: usize = 10;

impl Setting {
    /// Every setting, in the order that a profile is written in.
    pub const ALL: [Self; SETTINGS] = [
        Self::Gain,
        Self::Curve,
        Self::Floor,
        Self::Ceiling,
        Self::Balance,
        Self::Attack,
        Self::Release,
        Self::DeadBand,
        Self::Neutral,
        Self::Offset,
    ];

    /// Its key in a profile.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gain => "gain",
            Self::Curve => "curve",
            Self::Floor => "floor",
            Self::Ceiling => "ceiling",
            Self::Balance => "balance",
            Self::Attack => "attack",
            Self::Release => "release",
            Self::DeadBand => "dead_band",
            Self::Neutral => "neutral",
            Self::Offset => "offset",
        }
    }

    /// The setting of this key, or `None`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|setting| setting.name() == name)
    }

    /// The smallest and the largest value, both allowed.
    pub const fn range(self) -> [f32; 2] {
        match self {
            Self::Gain => [0.0, 4.0],
            Self::Curve => [-0.8, 0.8],
            Self::Floor => [0.0, 1.0],
            Self::Ceiling => [0.05, 1.0],
            Self::Balance => [-1.0, 1.0],
            Self::Attack | Self::Release => [0.0, 2.0],
            Self::DeadBand => [0.0, 0.5],
            Self::Neutral => [0.0, 0.5],
            Self::Offset => [-0.5, 0.5],
        }
    }

    /// Whether whole regions have it.
    pub const fn is_regional(self) -> bool {
        !matches!(self, Self::Neutral | Self::Offset)
    }
}

/// The smallest and the largest global intensity.
pub(super) const INTENSITY_RANGE: [f32; 2] = [0.0, 2.0];

/// What a setting is set of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// All units of a region.
    Region(Region),
    /// One unit.
    Unit(FaceUnit),
}

impl Scope {
    /// The region's or unit's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Region(region) => region.name(),
            Self::Unit(unit) => unit.name(),
        }
    }
}

/// A value that a profile can't have.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum OutOfRange {
    /// Outside what is allowed, or NaN.
    #[error("{name} = {value} is outside {}..={}", range[0], range[1])]
    Value {
        /// The setting's key.
        name: &'static str,
        /// What was given.
        value: f32,
        /// What is allowed.
        range: [f32; 2],
    },
    /// A setting of units on a region.
    #[error("`{name}` is set of single units, not of a region")]
    NotRegional {
        /// The setting's key.
        name: &'static str,
    },
}

/// The settings of one region or unit; `None` where nothing is wanted.
pub(super) type Settings = [Option<f32>; SETTINGS];

/// What a person wants of their avatar's face. The default is the face as it is.
///
/// Every value is within its [`Setting::range`]: [`set`](Self::set) and [`parse`](Self::parse) see to it.
///
/// ```
/// use visavis_codec::FaceUnit;
/// use visavis_codec::expression::{Profile, Region, Scope, Setting};
///
/// let mut profile = Profile::parse(b"version = 1\n[region.mouth]\ngain = 1.2\n")?;
/// profile.set(Scope::Unit(FaceUnit::BrowInnerUp), Setting::Gain, Some(0.8))?;
/// assert_eq!(profile.get(Scope::Region(Region::Mouth), Setting::Gain), Some(1.2));
/// assert_eq!(Profile::parse(profile.to_toml().as_bytes())?, profile);
/// let mistake = Profile::parse(b"version = 1\n[region.mouth]\ngain = 12\n").unwrap_err();
/// assert!(mistake.to_string().starts_with("line 3: `region.mouth.gain`"), "{mistake}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    pub(super) name: String,
    pub(super) intensity: f32,
    pub(super) regions: [Settings; REGIONS],
    pub(super) units: [Settings; UNITS],
}

/// The most bytes of a profile's name.
pub(super) const MAX_NAME: usize = 64;

impl Profile {
    /// The version of the format that this crate reads and writes.
    pub const VERSION: u32 = 1;

    /// What it is called; empty if nobody named it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Names it; control characters are left out, and what is beyond 64 bytes.
    pub fn set_name(&mut self, name: &str) {
        self.name.clear();
        for c in name.chars().filter(|c| !c.is_control()) {
            if self.name.len() + c.len_utf8() > MAX_NAME {
                break;
            }
            self.name.push(c);
        }
    }

    /// A factor to every gain but the gaze's; 1 by default.
    pub fn intensity(&self) -> f32 {
        self.intensity
    }

    /// Sets the global intensity, 0..=2.
    ///
    /// # Errors
    /// If it is NaN or outside its range; nothing changes then.
    pub fn set_intensity(&mut self, intensity: f32) -> Result<(), OutOfRange> {
        self.intensity = within("intensity", intensity, INTENSITY_RANGE)?;
        Ok(())
    }

    /// What is set of a region or unit itself; `None` where nothing is.
    pub fn get(&self, scope: Scope, setting: Setting) -> Option<f32> {
        match scope {
            Scope::Region(region) => self.regions[region as usize][setting as usize],
            Scope::Unit(unit) => self.units[unit as usize][setting as usize],
        }
    }

    /// Sets, or with `None` unsets, one setting of a region or unit.
    ///
    /// # Errors
    /// If the value is NaN or outside [`Setting::range`], or the setting isn't one of regions; nothing changes then.
    pub fn set(&mut self, scope: Scope, setting: Setting, value: Option<f32>) -> Result<(), OutOfRange> {
        let value = value.map(|value| within(setting.name(), value, setting.range())).transpose()?;
        let slot = match scope {
            Scope::Region(_) if !setting.is_regional() => {
                return Err(OutOfRange::NotRegional { name: setting.name() });
            }
            Scope::Region(region) => &mut self.regions[region as usize],
            Scope::Unit(unit) => &mut self.units[unit as usize],
        };
        slot[setting as usize] = value;
        Ok(())
    }

    /// The factor that a unit is multiplied by: intensity · region · unit · balance.
    pub fn gain(&self, unit: FaceUnit) -> f32 {
        let region = Region::of(unit);
        let own = |scope| self.get(scope, Setting::Gain).unwrap_or(1.0);
        let balance = match (self.effective(unit, Setting::Balance), Side::of(unit)) {
            (None, _) | (_, None) => 1.0,
            (Some(balance), Some(Side::Left)) => 1.0 + balance.min(0.0),
            (Some(balance), Some(Side::Right)) => 1.0 - balance.max(0.0),
        };
        let intensity = if region == Region::Gaze { 1.0 } else { self.intensity };
        intensity * own(Scope::Region(region)) * own(Scope::Unit(unit)) * balance
    }

    /// The factor of the gaze's angles.
    pub(super) fn gaze_gain(&self) -> f32 {
        self.get(Scope::Region(Region::Gaze), Setting::Gain).unwrap_or(1.0)
    }

    /// What counts for a unit: its own setting, else its region's, else nothing. Not for gains, which multiply.
    pub fn effective(&self, unit: FaceUnit, setting: Setting) -> Option<f32> {
        self.get(Scope::Unit(unit), setting).or_else(|| self.get(Scope::Region(Region::of(unit)), setting))
    }
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            name: String::new(),
            intensity: 1.0,
            regions: [[None; SETTINGS]; REGIONS],
            units: [[None; SETTINGS]; UNITS],
        }
    }
}

/// The value, if it is allowed; −0 becomes 0.
fn within(name: &'static str, value: f32, range: [f32; 2]) -> Result<f32, OutOfRange> {
    if (range[0]..=range[1]).contains(&value) {
        Ok(value + 0.0)
    } else {
        Err(OutOfRange::Value { name, value, range })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gains_multiply_and_balance_takes_from_one_side() {
        let mut profile = Profile::default();
        profile.set_intensity(1.2).unwrap();
        profile.set(Scope::Region(Region::Mouth), Setting::Gain, Some(1.5)).unwrap();
        profile.set(Scope::Region(Region::Mouth), Setting::Balance, Some(0.25)).unwrap();
        profile.set(Scope::Unit(FaceUnit::MouthSmileRight), Setting::Gain, Some(2.0)).unwrap();
        assert!((profile.gain(FaceUnit::MouthSmileLeft) - 1.2 * 1.5).abs() < 1e-6);
        assert!((profile.gain(FaceUnit::MouthSmileRight) - 1.2 * 1.5 * 2.0 * 0.75).abs() < 1e-6);
        assert!((profile.gain(FaceUnit::JawOpen) - 1.2).abs() < 1e-6);
        assert_eq!(profile.gain(FaceUnit::EyeLookUpLeft), 1.0);
    }

    #[test]
    fn what_is_out_of_range_is_refused_and_changes_nothing() {
        let mut profile = Profile::default();
        let mouth = Scope::Region(Region::Mouth);
        for value in [-0.1, 4.1, f32::NAN, f32::INFINITY] {
            let error = profile.set(mouth, Setting::Gain, Some(value)).unwrap_err();
            assert!(matches!(error, OutOfRange::Value { name: "gain", .. }), "{error}");
        }
        assert!(matches!(
            profile.set(mouth, Setting::Offset, Some(0.1)),
            Err(OutOfRange::NotRegional { .. })
        ));
        assert!(profile.set_intensity(f32::NAN).is_err());
        assert_eq!(profile, Profile::default());
    }

    #[test]
    fn a_units_own_setting_goes_before_its_regions() {
        let mut profile = Profile::default();
        profile.set(Scope::Region(Region::Brows), Setting::Attack, Some(0.2)).unwrap();
        profile.set(Scope::Unit(FaceUnit::BrowInnerUp), Setting::Attack, Some(0.0)).unwrap();
        assert_eq!(profile.effective(FaceUnit::BrowInnerUp, Setting::Attack), Some(0.0));
        assert_eq!(profile.effective(FaceUnit::BrowDownLeft, Setting::Attack), Some(0.2));
        assert_eq!(profile.effective(FaceUnit::JawOpen, Setting::Attack), None);
    }

    #[test]
    fn names_are_short_and_plain() {
        let mut profile = Profile::default();
        profile.set_name(&format!("a\u{1b}[2J{}", "é".repeat(60)));
        assert!(profile.name().starts_with("a[2Jé") && profile.name().len() <= MAX_NAME);
    }
}
