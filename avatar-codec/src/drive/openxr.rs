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
    pub const BROW_LOWERER_L: u8 = 0;
    pub const BROW_LOWERER_R: u8 = 1;
    pub const CHEEK_PUFF_L: u8 = 2;
    pub const CHEEK_PUFF_R: u8 = 3;
    pub const CHEEK_RAISER_L: u8 = 4;
    pub const CHEEK_RAISER_R: u8 = 5;
    pub const CHIN_RAISER_B: u8 = 8;
    pub const CHIN_RAISER_T: u8 = 9;
    pub const DIMPLER_L: u8 = 10;
    pub const DIMPLER_R: u8 = 11;
    pub const EYES_CLOSED_L: u8 = 12;
    pub const EYES_CLOSED_R: u8 = 13;
    pub const EYES_LOOK_DOWN_L: u8 = 14;
    pub const EYES_LOOK_DOWN_R: u8 = 15;
    pub const EYES_LOOK_LEFT_L: u8 = 16;
    pub const EYES_LOOK_LEFT_R: u8 = 17;
    pub const EYES_LOOK_RIGHT_L: u8 = 18;
    pub const EYES_LOOK_RIGHT_R: u8 = 19;
    pub const EYES_LOOK_UP_L: u8 = 20;
    pub const EYES_LOOK_UP_R: u8 = 21;
    pub const INNER_BROW_RAISER_L: u8 = 22;
    pub const INNER_BROW_RAISER_R: u8 = 23;
    pub const JAW_DROP: u8 = 24;
    pub const JAW_SIDEWAYS_LEFT: u8 = 25;
    pub const JAW_SIDEWAYS_RIGHT: u8 = 26;
    pub const JAW_THRUST: u8 = 27;
    pub const LID_TIGHTENER_L: u8 = 28;
    pub const LID_TIGHTENER_R: u8 = 29;
    pub const LIP_CORNER_DEPRESSOR_L: u8 = 30;
    pub const LIP_CORNER_DEPRESSOR_R: u8 = 31;
    pub const LIP_CORNER_PULLER_L: u8 = 32;
    pub const LIP_CORNER_PULLER_R: u8 = 33;
    pub const LIP_FUNNELER_LB: u8 = 34;
    pub const LIP_FUNNELER_LT: u8 = 35;
    pub const LIP_FUNNELER_RB: u8 = 36;
    pub const LIP_FUNNELER_RT: u8 = 37;
    pub const LIP_PRESSOR_L: u8 = 38;
    pub const LIP_PRESSOR_R: u8 = 39;
    pub const LIP_PUCKER_L: u8 = 40;
    pub const LIP_PUCKER_R: u8 = 41;
    pub const LIP_STRETCHER_L: u8 = 42;
    pub const LIP_STRETCHER_R: u8 = 43;
    pub const LIP_SUCK_LB: u8 = 44;
    pub const LIP_SUCK_LT: u8 = 45;
    pub const LIP_SUCK_RB: u8 = 46;
    pub const LIP_SUCK_RT: u8 = 47;
    pub const LIPS_TOWARD: u8 = 50;
    pub const LOWER_LIP_DEPRESSOR_L: u8 = 51;
    pub const LOWER_LIP_DEPRESSOR_R: u8 = 52;
    pub const MOUTH_LEFT: u8 = 53;
    pub const MOUTH_RIGHT: u8 = 54;
    pub const NOSE_WRINKLER_L: u8 = 55;
    pub const NOSE_WRINKLER_R: u8 = 56;
    pub const OUTER_BROW_RAISER_L: u8 = 57;
    pub const OUTER_BROW_RAISER_R: u8 = 58;
    pub const UPPER_LID_RAISER_L: u8 = 59;
    pub const UPPER_LID_RAISER_R: u8 = 60;
    pub const UPPER_LIP_RAISER_L: u8 = 61;
    pub const UPPER_LIP_RAISER_R: u8 = 62;
}

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
    let mut units = FaceUnit::ALL.map(|unit| {
        let sources = sources(unit);
        let sum: f32 = sources.iter().map(|&index| weights[usize::from(index)]).sum();
        (sum / sources.len().max(1) as f32).clamp(0.0, 1.0)
    });
    units[FaceUnit::TongueOut as usize] = weights[extension.tongue_out()].clamp(0.0, 1.0);
    Ok(units)
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
