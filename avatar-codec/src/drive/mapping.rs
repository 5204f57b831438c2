//! A personal mapping: from what this tracker says of this person to the units of their avatar.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::latent::{FaceUnit, UNITS};
use crate::quoted::quoted;

/// The version of the mapping's file that this crate reads and writes.
pub(super) const MAPPING_VERSION: u32 = 1;
/// The largest gain.
const MAX_GAIN: f32 = 4.0;
/// The largest value that can count as neutral.
const MAX_NEUTRAL: f32 = 0.9;

/// What becomes of a tracker's signals before they are an avatar's. The default changes nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct TrackerMapping {
    /// For each of the avatar's units where it comes from.
    pub units: [UnitMapping; UNITS],
    /// Factors of the head's rotation; −1 mirrors an axis, 0 leaves it out.
    pub head: HeadGains,
    /// Factors of the gaze; roll is not used.
    pub gaze: HeadGains,
}

/// Where one of the avatar's units comes from: `gain · max(0, (u − neutral) / (1 − neutral))`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UnitMapping {
    /// The tracker's unit.
    pub from: FaceUnit,
    /// 0..=4.
    pub gain: f32,
    /// The tracker's value of the neutral face, 0..=0.9; `None`: as calibration finds it.
    pub neutral: Option<f32>,
}

/// Factors of rotations, −4..=4 each.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HeadGains {
    /// About +Y.
    pub yaw: f32,
    /// About +X.
    pub pitch: f32,
    /// About +Z.
    pub roll: f32,
}

impl Default for HeadGains {
    fn default() -> Self {
        Self { yaw: 1.0, pitch: 1.0, roll: 1.0 }
    }
}

impl Default for TrackerMapping {
    fn default() -> Self {
        let identity = |from| UnitMapping { from, gain: 1.0, neutral: None };
        Self { units: FaceUnit::ALL.map(identity), head: HeadGains::default(), gaze: HeadGains::default() }
    }
}

/// Why a mapping can't be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum MappingError {
    /// Not the JSON of a mapping; says line and column.
    #[error("not a tracker mapping: {0}")]
    Json(String),
    /// Another version.
    #[error("field `version` is {0}; this program reads version {MAPPING_VERSION}")]
    Version(u32),
    /// A name that is no face unit's.
    #[error("field `{field}`: `{name}` is none of the 52 face units, as `jawOpen`")]
    UnknownUnit {
        /// Where it stands.
        field: String,
        /// The name.
        name: String,
    },
    /// A number out of range.
    #[error("field `{field}` is {value}; allowed is {allowed}")]
    Range {
        /// Which.
        field: String,
        /// Its value.
        value: f32,
        /// What is allowed.
        allowed: &'static str,
    },
}

/// The file: only what differs from the identity has to stand in it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    #[serde(default)]
    units: BTreeMap<String, FileUnit>,
    #[serde(default)]
    head: HeadGains,
    #[serde(default)]
    gaze: HeadGains,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileUnit {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(default = "one")]
    gain: f32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    neutral: Option<f32>,
}

const fn one() -> f32 {
    1.0
}

impl TrackerMapping {
    /// Reads the JSON of a mapping.
    ///
    /// # Errors
    /// If the text isn't a mapping; the error names the entry.
    pub fn from_json(text: &str) -> Result<Self, MappingError> {
        let file: File = serde_json::from_str(text).map_err(|error| MappingError::Json(quoted(&error)))?;
        let File { version, units, head, gaze } = file;
        if version != MAPPING_VERSION {
            return Err(MappingError::Version(version));
        }
        let mut mapping = Self { head, gaze, ..Self::default() };
        for (name, FileUnit { from, gain, neutral }) in units {
            let unit = |field: &str, name: &str| {
                FaceUnit::from_name(name)
                    .ok_or_else(|| MappingError::UnknownUnit { field: quoted(&field), name: quoted(&name) })
            };
            let to = unit("units", &name)?;
            let from = from.map_or(Ok(to), |from| unit(&format!("units.{name}.from"), &from))?;
            check(&format!("units.{name}.gain"), gain, 0.0, MAX_GAIN, "0 to 4")?;
            if let Some(neutral) = neutral {
                check(&format!("units.{name}.neutral"), neutral, 0.0, MAX_NEUTRAL, "0 to 0.9")?;
            }
            mapping.units[to as usize] = UnitMapping { from, gain, neutral };
        }
        for (name, gains) in [("head", &mapping.head), ("gaze", &mapping.gaze)] {
            let HeadGains { yaw, pitch, roll } = *gains;
            for (axis, gain) in [("yaw", yaw), ("pitch", pitch), ("roll", roll)] {
                check(&format!("{name}.{axis}"), gain, -MAX_GAIN, MAX_GAIN, "-4 to 4")?;
            }
        }
        Ok(mapping)
    }

    /// The mapping as JSON, without what is as in the identity.
    pub fn to_json(&self) -> String {
        let changed = self.units.iter().zip(FaceUnit::ALL).filter(|&(unit, to)| {
            let UnitMapping { from, gain, neutral } = *unit;
            (from, gain, neutral) != (to, 1.0, None)
        });
        let units = changed.map(|(unit, to)| {
            let from = (unit.from != to).then(|| unit.from.name().to_owned());
            (to.name().to_owned(), FileUnit { from, gain: unit.gain, neutral: unit.neutral })
        });
        let file =
            File { version: MAPPING_VERSION, units: units.collect(), head: self.head, gaze: self.gaze };
        serde_json::to_string_pretty(&file).unwrap_or_default()
    }
}

fn check(field: &str, value: f32, low: f32, high: f32, allowed: &'static str) -> Result<(), MappingError> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    Err(MappingError::Range { field: quoted(&field), value, allowed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_is_the_identity() {
        assert_eq!(TrackerMapping::from_json(r#"{"version": 1}"#), Ok(TrackerMapping::default()));
    }

    #[test]
    fn it_comes_back_as_it_was_written() {
        let mut mapping = TrackerMapping::default();
        mapping.units[FaceUnit::MouthLeft as usize] =
            UnitMapping { from: FaceUnit::MouthRight, gain: 1.5, neutral: Some(0.25) };
        mapping.head.roll = -1.0;
        assert_eq!(TrackerMapping::from_json(&mapping.to_json()), Ok(mapping));
    }

    #[test]
    fn mistakes_are_named() {
        for (text, named) in [
            ("{", "line 1"),
            (r#"{"version": 2}"#, "version"),
            (r#"{"version": 1, "unit": {}}"#, "unknown field `unit`"),
            (r#"{"version": 1, "units": {"jawopen": {}}}"#, "jawopen"),
            (r#"{"version": 1, "units": {"jawOpen": {"from": "x"}}}"#, "units.jawOpen.from"),
            (r#"{"version": 1, "units": {"jawOpen": {"gain": 5}}}"#, "units.jawOpen.gain"),
            (r#"{"version": 1, "units": {"jawOpen": {"gain": 1e99}}}"#, "units.jawOpen.gain"),
            (r#"{"version": 1, "units": {"jawOpen": {"neutral": -0.1}}}"#, "units.jawOpen.neutral"),
            (r#"{"version": 1, "head": {"yaw": -5}}"#, "head.yaw"),
        ] {
            let message = TrackerMapping::from_json(text).unwrap_err().to_string();
            assert!(message.contains(named), "{text}: {message}");
        }
    }
}
