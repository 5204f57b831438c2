//! What names in files mean.

use visavis_codec::FaceUnit;

/// A side of the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Left,
    Right,
}

/// What a target's name says it shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// This unit.
    Unit(FaceUnit),
    /// This unit of the left side and its fellow of the right.
    Pair(FaceUnit, FaceUnit),
}

/// The unit of a name in any capitals and with any separators: `eyeBlinkLeft`, `EYE_BLINK_LEFT`, `eyeBlink_L`,
/// `blendShape1.eyeBlinkLeft`; one without a side (`mouthSmile`) is both sides'.
pub(crate) fn unit_of_name(name: &str) -> Option<Named> {
    let last = name.rsplit(['.', ':', '|', '/']).next().unwrap_or(name);
    [name, last].into_iter().find_map(|name| unit_of_plain(&plain(name)))
}

/// Letters and digits alone, small.
pub(crate) fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_ascii_alphanumeric()).map(|c| c.to_ascii_lowercase()).collect()
}

fn unit_of_plain(name: &str) -> Option<Named> {
    let of = |name: &str| FaceUnit::ALL.into_iter().find(|unit| unit.name().eq_ignore_ascii_case(name));
    if let Some(unit) = of(name) {
        return Some(Named::Unit(unit));
    }
    // `jawL` and `mouthR` are units with a direction, as sides are.
    let long = match name.as_bytes().last()? {
        b'l' => of(&format!("{}left", &name[..name.len() - 1])),
        b'r' => of(&format!("{}right", &name[..name.len() - 1])),
        _ => None,
    };
    if let Some(unit) = long {
        return Some(Named::Unit(unit));
    }
    // What has the direction in its name isn't a pair: `jaw` and `mouth` say nothing.
    let is_pair = !matches!(name, "jaw" | "mouth");
    let (left, right) = (of(&format!("{name}left")), of(&format!("{name}right")));
    Some(Named::Pair(left.filter(|_| is_pair)?, right?))
}

/// The words of a name: split at separators, and where a small letter or digit is followed by a capital.
pub(crate) fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in name.chars() {
        let is_start = !c.is_ascii_alphanumeric() || (c.is_ascii_uppercase() && !before.is_ascii_uppercase());
        if is_start && words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
        if let (true, Some(word)) = (c.is_ascii_alphabetic(), words.last_mut()) {
            word.push(c.to_ascii_lowercase());
        }
        before = c;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Whether a node's name is that of an eye, and of which side.
pub(crate) fn eye_of_name(name: &str) -> Option<Side> {
    let mut words = words(name);
    // `lefteye`, `EyeL` in one word.
    if let [word] = words.as_slice() {
        let side = match word.as_str() {
            "lefteye" | "eyeleft" | "eyel" | "leye" | "lefteyeball" | "eyeballleft" => Some(Side::Left),
            "righteye" | "eyeright" | "eyer" | "reye" | "righteyeball" | "eyeballright" => Some(Side::Right),
            _ => None,
        };
        if side.is_some() {
            return side;
        }
    }
    let side = words.iter().find_map(|word| match word.as_str() {
        "left" | "l" => Some(Side::Left),
        "right" | "r" => Some(Side::Right),
        _ => None,
    })?;
    words.retain(|word| {
        !matches!(
            word.as_str(),
            "left" | "l" | "right" | "r" | "mixamorig" | "cc" | "base" | "j" | "adj" | "face"
        )
    });
    let is_eye = |word: &String| matches!(word.as_str(), "eye" | "eyeball" | "eyes");
    // Brows, lids and lashes have other words beside it.
    (!words.is_empty() && words.iter().all(is_eye)).then_some(side)
}

/// Whether a node's name is that of this bone (`head`, `neck`), whatever the rig's prefix.
pub(crate) fn is_bone(name: &str, bone: &str) -> bool {
    let mut words = words(name);
    words.retain(|word| {
        !matches!(word.as_str(), "mixamorig" | "cc" | "base" | "bip" | "j" | "c" | "def" | "bone" | "joint")
    });
    matches!(words.as_slice(), [word] if word == bone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_known_in_each_style() {
        for unit in FaceUnit::ALL {
            let name = unit.name();
            let snake: String = name
                .chars()
                .flat_map(|c| {
                    c.is_ascii_uppercase().then_some('_').into_iter().chain([c.to_ascii_lowercase()])
                })
                .collect();
            let capital = format!("{}{}", &name[..1].to_uppercase(), &name[1..]);
            for style in [
                name.to_owned(),
                snake.clone(),
                snake.to_uppercase(),
                capital,
                format!("face.{name}"),
                snake.replace('_', "-"),
            ] {
                assert_eq!(unit_of_name(&style), Some(Named::Unit(unit)), "{style}");
            }
            if let Some(short) = name.strip_suffix("Left") {
                assert_eq!(unit_of_name(&format!("{short}_L")), Some(Named::Unit(unit)), "{short}_L");
            }
        }
        assert_eq!(
            unit_of_name("mouthSmile"),
            Some(Named::Pair(FaceUnit::MouthSmileLeft, FaceUnit::MouthSmileRight))
        );
        for other in ["", "l", "jaw", "mouth", "viseme_aa", "Fcl_ALL_Joy", "left", "é"] {
            assert_eq!(unit_of_name(other), None, "{other}");
        }
    }

    #[test]
    fn eyes_are_told_from_what_is_round_them() {
        for name in [
            "eyeLeft",
            "LeftEye",
            "Eye.L",
            "eye_l",
            "mixamorig:LeftEye",
            "CC_Base_L_Eye",
            "J_Adj_L_FaceEye",
            "LEFT_EYE",
            "lefteye",
        ] {
            assert_eq!(eye_of_name(name), Some(Side::Left), "{name}");
        }
        assert_eq!(eye_of_name("RightEye"), Some(Side::Right));
        for name in ["EyebrowLeft", "eyelash_l", "eye_lid_left", "LeftEye_end", "eye", "left", "Head"] {
            assert_eq!(eye_of_name(name), None, "{name}");
        }
        assert!(
            is_bone("mixamorig:Head", "head") && is_bone("J_Bip_C_Neck", "neck") && is_bone("Head", "head")
        );
        assert!(!is_bone("HeadTop_End", "head") && !is_bone("Wolf3D_Head_Mesh", "head"));
    }
}
