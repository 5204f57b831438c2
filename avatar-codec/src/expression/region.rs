//! Which part of the face a unit moves, and on which side.

use crate::latent::{FaceUnit, UNITS};

/// How many regions a face has.
pub const REGIONS: usize = 9;

/// A part of the face that is tuned together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Region {
    /// `brow…`.
    Brows,
    /// Lids: `eyeBlink…`, `eyeSquint…`, `eyeWide…`.
    Eyes,
    /// Where the eyes look: the four angles and `eyeLook…`. Global intensity leaves it alone.
    Gaze,
    /// `noseSneer…`.
    Nose,
    /// `cheek…`.
    Cheeks,
    /// `mouth…`, but for [`Lips`](Self::Lips).
    Mouth,
    /// What seals and shapes the lips in speech: `mouthClose`, `mouthPress…`, `mouthRoll…`, `mouthShrug…`.
    Lips,
    /// `jaw…`.
    Jaw,
    /// `tongueOut`.
    Tongue,
}

impl Region {
    /// Every region, in the order of its number.
    pub const ALL: [Self; REGIONS] = [
        Self::Brows,
        Self::Eyes,
        Self::Gaze,
        Self::Nose,
        Self::Cheeks,
        Self::Mouth,
        Self::Lips,
        Self::Jaw,
        Self::Tongue,
    ];

    /// Its name in a profile.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Brows => "brows",
            Self::Eyes => "eyes",
            Self::Gaze => "gaze",
            Self::Nose => "nose",
            Self::Cheeks => "cheeks",
            Self::Mouth => "mouth",
            Self::Lips => "lips",
            Self::Jaw => "jaw",
            Self::Tongue => "tongue",
        }
    }

    /// The region of this name, or `None`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|region| region.name() == name)
    }

    /// The region that a unit belongs to.
    pub fn of(unit: FaceUnit) -> Self {
        let name = unit.name();
        let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
        if starts(&["brow"]) {
            Self::Brows
        } else if starts(&["eyeLook"]) {
            Self::Gaze
        } else if starts(&["eye"]) {
            Self::Eyes
        } else if starts(&["nose"]) {
            Self::Nose
        } else if starts(&["cheek"]) {
            Self::Cheeks
        } else if starts(&["mouthClose", "mouthPress", "mouthRoll", "mouthShrug"]) {
            Self::Lips
        } else if starts(&["mouth"]) {
            Self::Mouth
        } else if starts(&["jaw"]) {
            Self::Jaw
        } else {
            Self::Tongue
        }
    }
}

/// A side of the face, the person's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The person's left.
    Left,
    /// The person's right.
    Right,
}

impl Side {
    /// The side that a unit is on, if it has a counterpart on the other. `mouthLeft`, `mouthRight`, `jawLeft` and
    /// `jawRight` move the middle and are on neither.
    pub fn of(unit: FaceUnit) -> Option<Self> {
        stem(unit).map(|(_, side)| side)
    }
}

/// What a unit is called without its side (`mouthSmile`), and the side.
pub(super) fn stem(unit: FaceUnit) -> Option<(&'static str, Side)> {
    let name = unit.name();
    let found = (name.strip_suffix("Left").map(|stem| (stem, Side::Left)))
        .or_else(|| name.strip_suffix("Right").map(|stem| (stem, Side::Right)));
    found.filter(|(stem, _)| !["mouth", "jaw"].contains(stem))
}

/// The units on both sides of a name without a side, left first.
pub(super) fn pair(name: &str) -> Option<[FaceUnit; 2]> {
    let on = |side| FaceUnit::ALL.into_iter().find(|&unit| stem(unit) == Some((name, side)));
    Some([on(Side::Left)?, on(Side::Right)?])
}

/// A unit and its counterpart, left first; twice the unit where there is none.
pub(crate) fn both_sides(unit: FaceUnit) -> [FaceUnit; 2] {
    stem(unit).and_then(|(stem, _)| pair(stem)).unwrap_or([unit; 2])
}

/// What a unit counts for in its region's load: a half where the other side has the other half.
pub(super) fn weight(unit: FaceUnit) -> f32 {
    if stem(unit).is_some() { 0.5 } else { 1.0 }
}

/// Each unit's region, by the unit's number.
pub(super) fn regions() -> [Region; UNITS] {
    FaceUnit::ALL.map(Region::of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_has_the_region_its_name_says() {
        let count = |region| FaceUnit::ALL.into_iter().filter(|&unit| Region::of(unit) == region).count();
        let counts = Region::ALL.map(count);
        assert_eq!(counts, [5, 6, 8, 2, 3, 16, 7, 4, 1]);
        assert_eq!(counts.iter().sum::<usize>(), UNITS);
        assert_eq!(Region::of(FaceUnit::MouthSmileLeft), Region::Mouth);
        assert_eq!(Region::of(FaceUnit::MouthPressRight), Region::Lips);
        assert_eq!(Region::of(FaceUnit::EyeLookUpRight), Region::Gaze);
        for (number, region) in Region::ALL.into_iter().enumerate() {
            assert_eq!(region as usize, number);
            assert_eq!(Region::from_name(region.name()), Some(region));
        }
    }

    #[test]
    fn pairs_are_the_same_thing_on_two_sides() {
        assert_eq!(pair("mouthSmile"), Some([FaceUnit::MouthSmileLeft, FaceUnit::MouthSmileRight]));
        assert_eq!(pair("mouth"), None);
        assert_eq!(pair("browInnerUp"), None);
        assert_eq!(Side::of(FaceUnit::JawLeft), None);
        assert_eq!(Side::of(FaceUnit::EyeBlinkRight), Some(Side::Right));
        assert_eq!((weight(FaceUnit::JawOpen), weight(FaceUnit::MouthFrownLeft)), (1.0, 0.5));
    }
}
