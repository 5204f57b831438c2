//! From a latent to the weights of morph targets.

use visavis_codec::{FaceUnit, Latent};

use super::names::Side;

/// What moves targets together: one of ARKit's units, a look, or one of VRM's presets.
#[derive(Clone, Debug)]
pub(crate) struct Expression {
    pub(crate) rule: Rule,
    /// On from a half on, off below.
    pub(crate) is_binary: bool,
    /// What it takes from blinks and from the mouth while it is shown.
    pub(crate) overrides: [Override; 2],
    pub(crate) binds: Vec<Bind>,
}

/// What an expression takes from others (VRM 1.0, `overrideBlink` and `overrideMouth`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Override {
    #[default]
    None,
    /// All, as soon as it is shown at all.
    Block,
    /// As much as it is shown.
    Blend,
}

/// A target's share in an expression.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bind {
    /// Number of its weight.
    pub(crate) target: usize,
    /// Its weight where the expression is 1.
    pub(crate) weight: f32,
}

/// What says how much of an expression is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Rule {
    Unit(FaceUnit),
    /// The mean of both sides.
    Pair(FaceUnit, FaceUnit),
    /// Gaze.
    Look(Look),
    Preset(Preset),
}

/// Where eyes look: how much of it is the angle over `full_rad`, at most `most`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Look {
    /// Of one eye, or of both their mean.
    pub(crate) eye: Option<Side>,
    pub(crate) towards: Towards,
    pub(crate) full_rad: f32,
    pub(crate) most: f32,
}

/// A direction in which eyes look; left is the person's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Towards {
    Left,
    Right,
    Up,
    Down,
}

/// The angle at which a tracker's `eyeLook…` units, and the targets of their names, are 1.
pub(crate) const FULL_LOOK_RAD: f32 = 30.0 * std::f32::consts::PI / 180.0;

/// The look that a unit `eyeLook…` is, if it is one.
pub(crate) fn look_of_unit(unit: FaceUnit) -> Option<Look> {
    use FaceUnit as U;
    let (eye, towards) = match unit {
        U::EyeLookDownLeft => (Side::Left, Towards::Down),
        U::EyeLookInLeft => (Side::Left, Towards::Right),
        U::EyeLookOutLeft => (Side::Left, Towards::Left),
        U::EyeLookUpLeft => (Side::Left, Towards::Up),
        U::EyeLookDownRight => (Side::Right, Towards::Down),
        U::EyeLookInRight => (Side::Right, Towards::Left),
        U::EyeLookOutRight => (Side::Right, Towards::Right),
        U::EyeLookUpRight => (Side::Right, Towards::Up),
        _ => return None,
    };
    Some(Look { eye: Some(eye), towards, full_rad: FULL_LOOK_RAD, most: 1.0 })
}

/// What says how much of a unit's own target is shown: gaze of those that are looks, so that eyes that are moved by targets
/// look where eyes that turn do.
pub(crate) fn rule_of_unit(unit: FaceUnit) -> Rule {
    look_of_unit(unit).map_or(Rule::Unit(unit), Rule::Look)
}

/// VRM's presets that say something of a face, as VRM 1.0 names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Preset {
    Aa,
    Ih,
    Ou,
    Ee,
    Oh,
    Blink,
    Happy,
    Angry,
    Sad,
    Surprised,
}

impl Preset {
    pub(crate) const ALL: [Self; 10] = [
        Self::Aa,
        Self::Ih,
        Self::Ou,
        Self::Ee,
        Self::Oh,
        Self::Blink,
        Self::Happy,
        Self::Angry,
        Self::Sad,
        Self::Surprised,
    ];

    /// Its names in VRM 1.0 and VRM 0.x.
    pub(crate) fn names(self) -> [&'static str; 2] {
        match self {
            Self::Aa => ["aa", "a"],
            Self::Ih => ["ih", "i"],
            Self::Ou => ["ou", "u"],
            Self::Ee => ["ee", "e"],
            Self::Oh => ["oh", "o"],
            Self::Blink => ["blink", "blink"],
            Self::Happy => ["happy", "joy"],
            Self::Angry => ["angry", "angry"],
            Self::Sad => ["sad", "sorrow"],
            Self::Surprised => ["surprised", "surprised"],
        }
    }

    /// The units that it stands in for: those that [`value`](Self::value) reads.
    pub(crate) fn units(self) -> &'static [FaceUnit] {
        use FaceUnit as U;
        match self {
            Self::Aa => &[U::JawOpen, U::MouthClose],
            Self::Ih | Self::Ee => &[U::MouthStretchLeft, U::MouthStretchRight],
            Self::Ou => &[U::MouthPucker],
            Self::Oh => &[U::MouthFunnel],
            Self::Blink => &[U::EyeBlinkLeft, U::EyeBlinkRight],
            Self::Happy => &[U::MouthSmileLeft, U::MouthSmileRight],
            Self::Angry => &[U::BrowDownLeft, U::BrowDownRight],
            Self::Sad => &[U::MouthFrownLeft, U::MouthFrownRight, U::BrowInnerUp],
            Self::Surprised => &[U::BrowOuterUpLeft, U::BrowOuterUpRight, U::EyeWideLeft, U::EyeWideRight],
        }
    }

    fn is_of_the_mouth(self) -> bool {
        matches!(self, Self::Aa | Self::Ih | Self::Ou | Self::Ee | Self::Oh)
    }

    /// How much of it a face shows, 0..=1: the table of `CARTOON.md`.
    pub(crate) fn value(self, latent: &Latent) -> f32 {
        use FaceUnit as U;
        let unit = |unit| latent.unit(unit).clamp(0.0, 1.0);
        let both = |left, right| (unit(left) + unit(right)) / 2.0;
        let open = (unit(U::JawOpen) - unit(U::MouthClose)).max(0.0);
        let wide = (both(U::MouthStretchLeft, U::MouthStretchRight) / 0.5).min(1.0);
        let round = (unit(U::MouthPucker) / 0.7).min(1.0);
        let funnel = (unit(U::MouthFunnel) / 0.6).min(1.0) * (1.0 - round);
        // Lips that are spread: the more the jaw is open, the more it is an E.
        let jaw = (open / 0.3).min(1.0);
        let spread = wide * (1.0 - round) * (1.0 - funnel);
        let value = match self {
            Self::Ou => round,
            Self::Oh => funnel,
            Self::Ee => spread * jaw,
            Self::Ih => spread * (1.0 - jaw),
            // What of the jaw the others don't open.
            Self::Aa => {
                let others = 0.15 * round + 0.45 * funnel + 0.3 * spread * jaw + 0.15 * spread * (1.0 - jaw);
                (open - others) / 0.6
            }
            Self::Blink => both(U::EyeBlinkLeft, U::EyeBlinkRight),
            Self::Happy => both(U::MouthSmileLeft, U::MouthSmileRight) / 0.8,
            Self::Angry => both(U::BrowDownLeft, U::BrowDownRight) / 0.8,
            Self::Sad => {
                0.5 * both(U::MouthFrownLeft, U::MouthFrownRight) / 0.6 + 0.5 * unit(U::BrowInnerUp) / 0.7
            }
            Self::Surprised => {
                0.5 * both(U::BrowOuterUpLeft, U::BrowOuterUpRight) / 0.7
                    + 0.5 * both(U::EyeWideLeft, U::EyeWideRight) / 0.7
            }
        };
        value.clamp(0.0, 1.0)
    }
}

impl Expression {
    fn value(&self, latent: &Latent) -> f32 {
        let value = match self.rule {
            // As on other faces, a little more than all is allowed.
            Rule::Unit(unit) => latent.unit(unit).clamp(-1.0, 2.0),
            Rule::Pair(left, right) => ((latent.unit(left) + latent.unit(right)) / 2.0).clamp(-1.0, 2.0),
            Rule::Look(look) => look.value(latent),
            Rule::Preset(preset) => preset.value(latent),
        };
        match self.is_binary {
            true => f32::from(u8::from(value > 0.5)),
            false => value,
        }
    }

    fn is_of(&self, what: usize) -> bool {
        match self.rule {
            Rule::Preset(Preset::Blink) => what == 0,
            Rule::Preset(preset) => what == 1 && preset.is_of_the_mouth(),
            Rule::Unit(unit) => what == 0 && matches!(unit, FaceUnit::EyeBlinkLeft | FaceUnit::EyeBlinkRight),
            _ => false,
        }
    }
}

impl Look {
    fn value(&self, latent: &Latent) -> f32 {
        let gaze = latent.gaze;
        let of_both = |left: f32, right: f32| match self.eye {
            Some(Side::Left) => left,
            Some(Side::Right) => right,
            None => (left + right) / 2.0,
        };
        let angle = match self.towards {
            Towards::Left => of_both(gaze.left_yaw, gaze.right_yaw),
            Towards::Right => -of_both(gaze.left_yaw, gaze.right_yaw),
            Towards::Up => of_both(gaze.left_pitch, gaze.right_pitch),
            Towards::Down => -of_both(gaze.left_pitch, gaze.right_pitch),
        };
        (angle / self.full_rad).clamp(0.0, 1.0) * self.most
    }
}

/// Weights of all targets for a face: those at rest, and what the expressions add. `values` has one number an expression.
pub(crate) fn weigh(
    expressions: &[Expression],
    latent: &Latent,
    rest_weights: &[f32],
    values: &mut [f32],
    weights: &mut [f32],
) {
    // How much of blinks, and of the mouth, is left beside what is shown.
    let mut left = [1.0f32; 2];
    for (expression, value) in expressions.iter().zip(values.iter_mut()) {
        *value = expression.value(latent);
        for (left, overrides) in left.iter_mut().zip(expression.overrides) {
            match overrides {
                Override::None => {}
                Override::Block if *value > 0.0 => *left = 0.0,
                Override::Block => {}
                Override::Blend => *left = (*left - *value).max(0.0),
            }
        }
    }
    weights.copy_from_slice(rest_weights);
    for (expression, value) in expressions.iter().zip(values.iter()) {
        let share = (0..2).filter(|&what| expression.is_of(what)).map(|what| left[what]).product::<f32>();
        let value = value * share;
        if value != 0.0 {
            for bind in &expression.binds {
                weights[bind.target] += value * bind.weight;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn latent(units: &[(FaceUnit, f32)]) -> Latent {
        let mut latent = Latent::NEUTRAL;
        units.iter().for_each(|&(unit, value)| *latent.unit_mut(unit) = value);
        latent
    }

    #[test]
    fn the_neutral_face_shows_no_preset_and_no_look() {
        for preset in Preset::ALL {
            assert_eq!(preset.value(&Latent::NEUTRAL), 0.0, "{preset:?}");
        }
    }

    /// The mouths of the vowels, as units, are shown as these vowels.
    #[test]
    fn vowels_come_out_as_themselves() {
        use FaceUnit as U;
        for (units, vowel) in [
            (vec![(U::JawOpen, 0.6)], Preset::Aa),
            (vec![(U::JawOpen, 0.05), (U::MouthStretchLeft, 0.5), (U::MouthStretchRight, 0.5)], Preset::Ih),
            (vec![(U::JawOpen, 0.3), (U::MouthStretchLeft, 0.5), (U::MouthStretchRight, 0.5)], Preset::Ee),
            (vec![(U::JawOpen, 0.15), (U::MouthPucker, 0.7)], Preset::Ou),
            (vec![(U::JawOpen, 0.45), (U::MouthFunnel, 0.6)], Preset::Oh),
        ] {
            let latent = latent(&units);
            let mouth = Preset::ALL.into_iter().filter(|preset| preset.is_of_the_mouth());
            let (mut most, mut sum) = ((0.0, Preset::Aa), 0.0);
            for preset in mouth {
                let value = preset.value(&latent);
                sum += value;
                if value > most.0 {
                    most = (value, preset);
                }
            }
            assert!(most.1 == vowel && most.0 > 0.8 && sum - most.0 < 0.35, "{vowel:?}: {most:?} of {sum}");
        }
        let closed = latent(&[(U::JawOpen, 0.5), (U::MouthClose, 0.5)]);
        assert_eq!(Preset::Aa.value(&closed), 0.0, "lips that meet are no vowel");
    }

    #[test]
    fn eyes_look_left_with_the_left_one_outwards() {
        let mut latent = Latent::NEUTRAL;
        latent.gaze.left_yaw = FULL_LOOK_RAD / 2.0;
        latent.gaze.right_yaw = FULL_LOOK_RAD / 2.0;
        let value = |unit| look_of_unit(unit).map(|look| look.value(&latent));
        assert_eq!(value(FaceUnit::EyeLookOutLeft), Some(0.5));
        assert_eq!(value(FaceUnit::EyeLookInRight), Some(0.5));
        assert_eq!(value(FaceUnit::EyeLookInLeft), Some(0.0));
        assert_eq!(value(FaceUnit::EyeLookUpRight), Some(0.0));
        assert_eq!(value(FaceUnit::JawOpen), None);
    }

    #[test]
    fn an_expression_that_blocks_blinks_leaves_none() {
        let bind = |target| vec![Bind { target, weight: 1.0 }];
        let plain =
            |rule, overrides, target| Expression { rule, is_binary: false, overrides, binds: bind(target) };
        let none = [Override::None; 2];
        let happy = |what| plain(Rule::Preset(Preset::Happy), [what, Override::None], 0);
        let blink = plain(Rule::Preset(Preset::Blink), none, 1);
        let face = latent(&[
            (FaceUnit::MouthSmileLeft, 0.4),
            (FaceUnit::MouthSmileRight, 0.4),
            (FaceUnit::EyeBlinkLeft, 1.0),
            (FaceUnit::EyeBlinkRight, 1.0),
        ]);
        for (what, left) in [(Override::None, 1.0), (Override::Block, 0.0), (Override::Blend, 0.5)] {
            let mut weights = [0.0; 2];
            weigh(&[happy(what), blink.clone()], &face, &[0.0; 2], &mut [0.0; 2], &mut weights);
            assert_eq!(weights, [0.5, left], "{what:?}");
        }
    }
}
