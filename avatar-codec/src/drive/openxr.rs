//! Face-tracking weights of OpenXR headsets: `XR_FB_face_tracking2` (70) and `XR_ANDROID_face_tracking` (68).
//!
//! Both count the same 63 shapes of the face first, in the order of the facial action coding system's names; only their
//! tongues differ. Each of the 52 units is the mean of one to four weights; DRIVE.md has the table and what is left over.

use crate::latent::{FaceUnit, UNITS};

use super::signals::{Signals, gaze_of_units};

/// Which extension the weights are from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaceTracking {
    /// `XR_FB_face_tracking2`, 70 weights indexed by `XrFaceExpression2FB`.
    Fb2,
    /// `XR_ANDROID_face_tracking`, 68 weights indexed by `XrFaceParameterIndicesANDROID`.
    Android,
}

impl FaceTracking {
    /// How many weights a face has.
    pub const fn count(self) -> usize {
        match self {
            Self::Fb2 => 70,
            Self::Android => 68,
        }
    }

    /// The weight of the tongue that is out.
    const fn tongue_out(self) -> usize {
        match self {
            Self::Fb2 => 68,
            Self::Android => 63,
        }
    }
}

/// Why weights can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeightsError {
    /// Another number of weights.
    #[error("{found} weights; {extension:?} has {}", extension.count())]
    Count {
        /// The extension.
        extension: FaceTracking,
        /// How many there are.
        found: usize,
    },
    /// A weight is NaN or infinite.
    #[error("weight {0} is not finite")]
    NotFinite(usize),
}

/// The indices that both extensions share, under their names without prefix and suffix.
#[allow(missing_docs)]
pub mod index {
    /// Each name is a constant and a row of [`NAMES`].
    macro_rules! indices {
        ($($name:ident = $index:literal),* $(,)?) => {
            $(pub const $name: u8 = $index;)*
            /// All of them in order: `NAMES[i]` is the name of weight `i`.
            pub const NAMES: [&str; 63] = [$(stringify!($name)),*];
            const _: () = assert!({
                let (indices, mut i) = ([$($index),*], 0);
                while i < indices.len() && indices[i] == i {
                    i += 1;
                }
                i == NAMES.len()
            });
        };
    }

    indices! {
        BROW_LOWERER_L = 0,
        BROW_LOWERER_R = 1,
        CHEEK_PUFF_L = 2,
        CHEEK_PUFF_R = 3,
        CHEEK_RAISER_L = 4,
        CHEEK_RAISER_R = 5,
        CHEEK_SUCK_L = 6,
        CHEEK_SUCK_R = 7,
        CHIN_RAISER_B = 8,
        CHIN_RAISER_T = 9,
        DIMPLER_L = 10,
        DIMPLER_R = 11,
        EYES_CLOSED_L = 12,
        EYES_CLOSED_R = 13,
        EYES_LOOK_DOWN_L = 14,
        EYES_LOOK_DOWN_R = 15,
        EYES_LOOK_LEFT_L = 16,
        EYES_LOOK_LEFT_R = 17,
        EYES_LOOK_RIGHT_L = 18,
        EYES_LOOK_RIGHT_R = 19,
        EYES_LOOK_UP_L = 20,
        EYES_LOOK_UP_R = 21,
        INNER_BROW_RAISER_L = 22,
        INNER_BROW_RAISER_R = 23,
        JAW_DROP = 24,
        JAW_SIDEWAYS_LEFT = 25,
        JAW_SIDEWAYS_RIGHT = 26,
        JAW_THRUST = 27,
        LID_TIGHTENER_L = 28,
        LID_TIGHTENER_R = 29,
        LIP_CORNER_DEPRESSOR_L = 30,
        LIP_CORNER_DEPRESSOR_R = 31,
        LIP_CORNER_PULLER_L = 32,
        LIP_CORNER_PULLER_R = 33,
        LIP_FUNNELER_LB = 34,
        LIP_FUNNELER_LT = 35,
        LIP_FUNNELER_RB = 36,
        LIP_FUNNELER_RT = 37,
        LIP_PRESSOR_L = 38,
        LIP_PRESSOR_R = 39,
        LIP_PUCKER_L = 40,
        LIP_PUCKER_R = 41,
        LIP_STRETCHER_L = 42,
        LIP_STRETCHER_R = 43,
        LIP_SUCK_LB = 44,
        LIP_SUCK_LT = 45,
        LIP_SUCK_RB = 46,
        LIP_SUCK_RT = 47,
        LIP_TIGHTENER_L = 48,
        LIP_TIGHTENER_R = 49,
        LIPS_TOWARD = 50,
        LOWER_LIP_DEPRESSOR_L = 51,
        LOWER_LIP_DEPRESSOR_R = 52,
        MOUTH_LEFT = 53,
        MOUTH_RIGHT = 54,
        NOSE_WRINKLER_L = 55,
        NOSE_WRINKLER_R = 56,
        OUTER_BROW_RAISER_L = 57,
        OUTER_BROW_RAISER_R = 58,
        UPPER_LID_RAISER_L = 59,
        UPPER_LID_RAISER_R = 60,
        UPPER_LIP_RAISER_L = 61,
        UPPER_LIP_RAISER_R = 62,
    }
}

/// Where a weight of this name stands among [`WEIGHTS`]; the name as the specifications have it, or without prefix and suffix.
pub(super) fn weight_from_name(name: &str) -> Option<usize> {
    let affixes = [("XR_FACE_EXPRESSION2_", "_FB"), ("XR_FACE_PARAMETER_INDICES_", "_ANDROID")];
    let plain = affixes.iter().find_map(|(prefix, suffix)| name.strip_prefix(prefix)?.strip_suffix(suffix));
    let plain = plain.unwrap_or(name);
    if plain == "TONGUE_OUT" {
        Some(TONGUE_OUT)
    } else {
        index::NAMES.iter().position(|known| *known == plain)
    }
}

/// The weights that units are made of: those that both extensions share, and the tongue that is out.
pub(super) const WEIGHTS: usize = index::NAMES.len() + 1;
const TONGUE_OUT: usize = index::NAMES.len();

/// The weights whose mean a unit is; none for the tongue, which each extension has elsewhere.
pub const fn sources(unit: FaceUnit) -> &'static [u8] {
    use FaceUnit as U;
    use index::*;
    match unit {
        U::EyeBlinkLeft => &[EYES_CLOSED_L],
        U::EyeLookDownLeft => &[EYES_LOOK_DOWN_L],
        // The left eye looks inwards when it looks to the right.
        U::EyeLookInLeft => &[EYES_LOOK_RIGHT_L],
        U::EyeLookOutLeft => &[EYES_LOOK_LEFT_L],
        U::EyeLookUpLeft => &[EYES_LOOK_UP_L],
        U::EyeSquintLeft => &[LID_TIGHTENER_L],
        U::EyeWideLeft => &[UPPER_LID_RAISER_L],
        U::EyeBlinkRight => &[EYES_CLOSED_R],
        U::EyeLookDownRight => &[EYES_LOOK_DOWN_R],
        U::EyeLookInRight => &[EYES_LOOK_LEFT_R],
        U::EyeLookOutRight => &[EYES_LOOK_RIGHT_R],
        U::EyeLookUpRight => &[EYES_LOOK_UP_R],
        U::EyeSquintRight => &[LID_TIGHTENER_R],
        U::EyeWideRight => &[UPPER_LID_RAISER_R],
        U::JawForward => &[JAW_THRUST],
        U::JawLeft => &[JAW_SIDEWAYS_LEFT],
        U::JawRight => &[JAW_SIDEWAYS_RIGHT],
        U::JawOpen => &[JAW_DROP],
        U::MouthClose => &[LIPS_TOWARD],
        U::MouthFunnel => &[LIP_FUNNELER_LB, LIP_FUNNELER_LT, LIP_FUNNELER_RB, LIP_FUNNELER_RT],
        U::MouthPucker => &[LIP_PUCKER_L, LIP_PUCKER_R],
        U::MouthLeft => &[MOUTH_LEFT],
        U::MouthRight => &[MOUTH_RIGHT],
        U::MouthSmileLeft => &[LIP_CORNER_PULLER_L],
        U::MouthSmileRight => &[LIP_CORNER_PULLER_R],
        U::MouthFrownLeft => &[LIP_CORNER_DEPRESSOR_L],
        U::MouthFrownRight => &[LIP_CORNER_DEPRESSOR_R],
        U::MouthDimpleLeft => &[DIMPLER_L],
        U::MouthDimpleRight => &[DIMPLER_R],
        U::MouthStretchLeft => &[LIP_STRETCHER_L],
        U::MouthStretchRight => &[LIP_STRETCHER_R],
        U::MouthRollLower => &[LIP_SUCK_LB, LIP_SUCK_RB],
        U::MouthRollUpper => &[LIP_SUCK_LT, LIP_SUCK_RT],
        U::MouthShrugLower => &[CHIN_RAISER_B],
        U::MouthShrugUpper => &[CHIN_RAISER_T],
        U::MouthPressLeft => &[LIP_PRESSOR_L],
        U::MouthPressRight => &[LIP_PRESSOR_R],
        U::MouthLowerDownLeft => &[LOWER_LIP_DEPRESSOR_L],
        U::MouthLowerDownRight => &[LOWER_LIP_DEPRESSOR_R],
        U::MouthUpperUpLeft => &[UPPER_LIP_RAISER_L],
        U::MouthUpperUpRight => &[UPPER_LIP_RAISER_R],
        U::BrowDownLeft => &[BROW_LOWERER_L],
        U::BrowDownRight => &[BROW_LOWERER_R],
        U::BrowInnerUp => &[INNER_BROW_RAISER_L, INNER_BROW_RAISER_R],
        U::BrowOuterUpLeft => &[OUTER_BROW_RAISER_L],
        U::BrowOuterUpRight => &[OUTER_BROW_RAISER_R],
        U::CheekPuff => &[CHEEK_PUFF_L, CHEEK_PUFF_R],
        U::CheekSquintLeft => &[CHEEK_RAISER_L],
        U::CheekSquintRight => &[CHEEK_RAISER_R],
        U::NoseSneerLeft => &[NOSE_WRINKLER_L],
        U::NoseSneerRight => &[NOSE_WRINKLER_R],
        U::TongueOut => &[],
    }
}

/// The 52 units of a headset's weights, each within 0..=1.
///
/// # Errors
/// If there aren't as many weights as the extension has, or one isn't finite.
pub fn units_of_weights(extension: FaceTracking, weights: &[f32]) -> Result<[f32; UNITS], WeightsError> {
    if weights.len() != extension.count() {
        return Err(WeightsError::Count { extension, found: weights.len() });
    }
    if let Some(index) = weights.iter().position(|weight| !weight.is_finite()) {
        return Err(WeightsError::NotFinite(index));
    }
    let mut known = [0.0; WEIGHTS];
    known[..TONGUE_OUT].copy_from_slice(&weights[..TONGUE_OUT]);
    known[TONGUE_OUT] = weights[extension.tongue_out()];
    Ok(units_of(&known))
}

/// The 52 units of [`WEIGHTS`] finite weights.
pub(super) fn units_of(weights: &[f32; WEIGHTS]) -> [f32; UNITS] {
    let mut units = FaceUnit::ALL.map(|unit| {
        let sources = sources(unit);
        let sum: f32 = sources.iter().map(|&index| weights[usize::from(index)]).sum();
        (sum / sources.len().max(1) as f32).clamp(0.0, 1.0)
    });
    units[FaceUnit::TongueOut as usize] = weights[TONGUE_OUT].clamp(0.0, 1.0);
    units
}

/// A headset's weights as signals; gaze from the `EYES_LOOK` weights. The head's pose is the host's to fill in (it has the
/// view's), and so is a better gaze where it tracks eyes.
///
/// # Errors
/// As [`units_of_weights`].
pub fn signals_of_weights(extension: FaceTracking, weights: &[f32]) -> Result<Signals, WeightsError> {
    let units = units_of_weights(extension, weights)?;
    Ok(Signals { units, gaze: gaze_of_units(&units), ..Signals::NEUTRAL })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which units answer to one weight alone.
    fn answer(extension: FaceTracking, weight: usize) -> Vec<(FaceUnit, f32)> {
        let mut weights = vec![0.0; extension.count()];
        weights[weight] = 1.0;
        let units = units_of_weights(extension, &weights).unwrap();
        FaceUnit::ALL
            .into_iter()
            .map(|unit| (unit, units[unit as usize]))
            .filter(|(_, u)| *u != 0.0)
            .collect()
    }

    #[test]
    fn every_unit_has_a_source_and_no_weight_two_units() {
        for extension in [FaceTracking::Fb2, FaceTracking::Android] {
            let units = units_of_weights(extension, &vec![1.0; extension.count()]).unwrap();
            assert!(units.iter().all(|&unit| unit == 1.0), "{units:?}");
            for weight in 0..extension.count() {
                assert!(answer(extension, weight).len() <= 1, "weight {weight}");
            }
        }
    }

    #[test]
    fn the_shared_weights_mean_the_same_and_the_tongues_differ() {
        for weight in 0..63 {
            assert_eq!(answer(FaceTracking::Fb2, weight), answer(FaceTracking::Android, weight));
        }
        assert_eq!(answer(FaceTracking::Fb2, 68), [(FaceUnit::TongueOut, 1.0)]);
        assert_eq!(answer(FaceTracking::Android, 63), [(FaceUnit::TongueOut, 1.0)]);
        assert_eq!(answer(FaceTracking::Fb2, 63), []);
    }

    #[test]
    fn some_rows_of_the_table_by_their_numbers() {
        for (weight, unit, value) in [
            (13, FaceUnit::EyeBlinkRight, 1.0),
            (16, FaceUnit::EyeLookOutLeft, 1.0),
            (17, FaceUnit::EyeLookInRight, 1.0),
            (18, FaceUnit::EyeLookInLeft, 1.0),
            (19, FaceUnit::EyeLookOutRight, 1.0),
            (24, FaceUnit::JawOpen, 1.0),
            (32, FaceUnit::MouthSmileLeft, 1.0),
            (36, FaceUnit::MouthFunnel, 0.25),
            (45, FaceUnit::MouthRollUpper, 0.5),
            (50, FaceUnit::MouthClose, 1.0),
            (62, FaceUnit::MouthUpperUpRight, 1.0),
        ] {
            assert_eq!(answer(FaceTracking::Fb2, weight), [(unit, value)], "{weight}");
        }
        // Cheeks sucked in and tightened lips are no units of ARKit's.
        for left_over in [6, 7, 48, 49] {
            assert_eq!(answer(FaceTracking::Android, left_over), []);
        }
    }

    #[test]
    fn both_eyes_look_the_same_way() {
        let mut weights = [0.0; 70];
        (weights[16], weights[17]) = (1.0, 1.0);
        let gaze = signals_of_weights(FaceTracking::Fb2, &weights).unwrap().gaze;
        assert!(gaze.left_yaw > 0.5 && (gaze.left_yaw - gaze.right_yaw).abs() < 1e-6, "{gaze:?}");
    }

    #[test]
    fn wrong_weights_are_refused() {
        let error = units_of_weights(FaceTracking::Fb2, &[0.0; 68]).unwrap_err();
        assert_eq!(error.to_string(), "68 weights; Fb2 has 70");
        let mut weights = [0.0; 68];
        weights[5] = f32::NAN;
        assert_eq!(units_of_weights(FaceTracking::Android, &weights), Err(WeightsError::NotFinite(5)));
    }
}
