//! VRM's preset expressions as ARKit's units.

use crate::latent::{FaceUnit, UNITS};

/// A preset expression: its names in VRM 0 and VRM 1, and the units that show it at 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Preset {
    /// Whatever their capitals.
    pub names: &'static [&'static str],
    /// Units and their weights.
    pub units: &'static [(FaceUnit, f32)],
}

impl Preset {
    /// Whether this is its name.
    pub fn is_named(&self, name: &str) -> bool {
        self.names.iter().any(|known| known.eq_ignore_ascii_case(name))
    }
}

const fn preset(names: &'static [&'static str], units: &'static [(FaceUnit, f32)]) -> Preset {
    Preset { names, units }
}

use FaceUnit as U;

/// The presets that say something of a face. Weights are the shapes that a mouth has on such a vowel, or a face in such a
/// mood, as far as the units can say it; they are ours.
pub const PRESETS: [Preset; 17] = [
    preset(
        &["A", "aa"],
        &[
            (U::JawOpen, 0.6),
            (U::MouthLowerDownLeft, 0.2),
            (U::MouthLowerDownRight, 0.2),
            (U::MouthUpperUpLeft, 0.1),
            (U::MouthUpperUpRight, 0.1),
        ],
    ),
    preset(
        &["I", "ih"],
        &[
            (U::JawOpen, 0.15),
            (U::MouthStretchLeft, 0.5),
            (U::MouthStretchRight, 0.5),
            (U::MouthSmileLeft, 0.2),
            (U::MouthSmileRight, 0.2),
        ],
    ),
    preset(&["U", "ou"], &[(U::JawOpen, 0.15), (U::MouthPucker, 0.7), (U::MouthFunnel, 0.2)]),
    preset(
        &["E", "ee"],
        &[
            (U::JawOpen, 0.3),
            (U::MouthStretchLeft, 0.4),
            (U::MouthStretchRight, 0.4),
            (U::MouthLowerDownLeft, 0.3),
            (U::MouthLowerDownRight, 0.3),
        ],
    ),
    preset(&["O", "oh"], &[(U::JawOpen, 0.45), (U::MouthFunnel, 0.6)]),
    preset(&["Blink"], &[(U::EyeBlinkLeft, 1.0), (U::EyeBlinkRight, 1.0)]),
    preset(&["Blink_L", "blinkLeft"], &[(U::EyeBlinkLeft, 1.0)]),
    preset(&["Blink_R", "blinkRight"], &[(U::EyeBlinkRight, 1.0)]),
    preset(
        &["Joy", "happy"],
        &[
            (U::MouthSmileLeft, 0.8),
            (U::MouthSmileRight, 0.8),
            (U::CheekSquintLeft, 0.5),
            (U::CheekSquintRight, 0.5),
            (U::EyeSquintLeft, 0.3),
            (U::EyeSquintRight, 0.3),
        ],
    ),
    preset(&["Fun", "relaxed"], &[(U::MouthSmileLeft, 0.5), (U::MouthSmileRight, 0.5)]),
    preset(
        &["Angry"],
        &[
            (U::BrowDownLeft, 0.8),
            (U::BrowDownRight, 0.8),
            (U::NoseSneerLeft, 0.3),
            (U::NoseSneerRight, 0.3),
            (U::MouthPressLeft, 0.3),
            (U::MouthPressRight, 0.3),
        ],
    ),
    preset(&["Sorrow", "sad"], &[(U::BrowInnerUp, 0.7), (U::MouthFrownLeft, 0.6), (U::MouthFrownRight, 0.6)]),
    preset(
        &["Surprised"],
        &[
            (U::BrowInnerUp, 0.6),
            (U::BrowOuterUpLeft, 0.7),
            (U::BrowOuterUpRight, 0.7),
            (U::EyeWideLeft, 0.7),
            (U::EyeWideRight, 0.7),
            (U::JawOpen, 0.3),
        ],
    ),
    preset(&["LookUp"], &[(U::EyeLookUpLeft, 1.0), (U::EyeLookUpRight, 1.0)]),
    preset(&["LookDown"], &[(U::EyeLookDownLeft, 1.0), (U::EyeLookDownRight, 1.0)]),
    preset(&["LookLeft"], &[(U::EyeLookOutLeft, 1.0), (U::EyeLookInRight, 1.0)]),
    preset(&["LookRight"], &[(U::EyeLookInLeft, 1.0), (U::EyeLookOutRight, 1.0)]),
];

/// The units that show these presets together, clamped at 1.
pub(super) fn units_of(presets: &[f32; PRESETS.len()]) -> [f32; UNITS] {
    let mut units = [0.0f32; UNITS];
    for (preset, value) in PRESETS.iter().zip(presets) {
        for &(unit, weight) in preset.units {
            units[unit as usize] = (units[unit as usize] + weight * value).min(1.0);
        }
    }
    units
}
