//! Light to see a person in.

use glam::{Quat, Vec3};
use visavis_codec::light::{Ambient, Lamp, LampKind, Light};

/// A light to pick.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Mood {
    /// The light of the capture, bit for bit the captured look.
    #[default]
    AsCaptured,
    Window,
    Overcast,
    Evening,
    Spot,
    Neon,
}

impl Mood {
    pub(crate) const ALL: [Self; 6] =
        [Self::AsCaptured, Self::Window, Self::Overcast, Self::Evening, Self::Spot, Self::Neon];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::AsCaptured => "Captured",
            Self::Window => "Window",
            Self::Overcast => "Overcast",
            Self::Evening => "Evening",
            Self::Spot => "Spot",
            Self::Neon => "Neon",
        }
    }

    /// Its colour, for the picker: 8-bit sRGB, of the brightest side and of the darkest.
    pub(crate) const fn colors(self) -> [[u8; 3]; 2] {
        match self {
            Self::AsCaptured => [[222, 222, 220], [120, 120, 120]],
            Self::Window => [[205, 222, 245], [88, 78, 66]],
            Self::Overcast => [[200, 206, 214], [132, 132, 128]],
            Self::Evening => [[250, 178, 96], [58, 62, 98]],
            Self::Spot => [[255, 246, 228], [16, 16, 18]],
            Self::Neon => [[250, 92, 190], [60, 190, 235]],
        }
    }
}

/// What was picked, and how it was changed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Lighting {
    pub(crate) mood: Mood,
    /// How far it is turned round the person, radians; positive: towards their left.
    pub(crate) turn: f32,
    /// Times its own strength.
    pub(crate) strength: f32,
}

impl Default for Lighting {
    fn default() -> Self {
        Self { mood: Mood::default(), turn: 0.0, strength: 1.0 }
    }
}

impl Lighting {
    /// The light in the person's rest frame; `None`: as captured.
    pub(crate) fn light(&self) -> Option<Light> {
        let lamp = |yaw_deg: f32, pitch_deg: f32, radius: f32, color: [f32; 3]| {
            // The face looks along −Z and the person's left is −X.
            let turn =
                Quat::from_rotation_y(yaw_deg.to_radians()) * Quat::from_rotation_x(pitch_deg.to_radians());
            let kind = LampKind::Directional {
                to_lamp: (turn * Vec3::NEG_Z).normalize_or(Vec3::NEG_Z),
                angular_radius_rad: radius,
            };
            Lamp { kind, color }
        };
        let (ambient, lamps) = match self.mood {
            Mood::AsCaptured => return None,
            Mood::Window => (
                Ambient::sky([0.20, 0.20, 0.21], [0.13, 0.11, 0.09]),
                vec![lamp(62.0, 14.0, 0.42, [0.88, 0.98, 1.12])],
            ),
            Mood::Overcast => (
                Ambient::sky([0.98, 1.02, 1.08], [0.36, 0.34, 0.31]),
                vec![lamp(0.0, 70.0, 0.7, [0.10, 0.10, 0.10])],
            ),
            Mood::Evening => (
                Ambient::sky([0.13, 0.16, 0.27], [0.06, 0.055, 0.06]),
                vec![lamp(-58.0, 10.0, 0.06, [1.35, 0.72, 0.30]), lamp(150.0, 20.0, 0.2, [0.22, 0.30, 0.55])],
            ),
            Mood::Spot => {
                (Ambient::uniform([0.025, 0.025, 0.028]), vec![lamp(28.0, 42.0, 0.05, [1.45, 1.38, 1.24])])
            }
            Mood::Neon => (
                Ambient::uniform([0.05, 0.045, 0.07]),
                vec![lamp(72.0, 4.0, 0.3, [1.10, 0.14, 0.62]), lamp(-72.0, 4.0, 0.3, [0.08, 0.62, 1.02])],
            ),
        };
        let light = Light { ambient, lamps }.rotated(Quat::from_rotation_y(self.turn)).scaled(self.strength);
        Some(light)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mood_is_light_that_can_be() {
        for mood in Mood::ALL {
            for (turn, strength) in [(0.0, 1.0), (3.0, 2.0), (-3.0, 0.0)] {
                if let Some(light) = (Lighting { mood, turn, strength }).light() {
                    light.validate().unwrap();
                }
            }
        }
        assert_eq!(Lighting::default().light(), None);
    }

    #[test]
    fn turned_to_the_persons_left_it_comes_from_there() {
        let light = Lighting { mood: Mood::Spot, turn: 1.2, strength: 1.0 }.light().unwrap();
        let from = |side: Vec3| light.irradiance(Vec3::ZERO, side).y;
        assert!(from(Vec3::NEG_X) > 2.0 * from(Vec3::X));
        let bright = Lighting { mood: Mood::Window, turn: 0.0, strength: 2.0 }.light().unwrap();
        let usual = Lighting { mood: Mood::Window, turn: 0.0, strength: 1.0 }.light().unwrap();
        let front = |light: &Light| light.irradiance(Vec3::ZERO, Vec3::NEG_Z).y;
        assert!((front(&bright) - 2.0 * front(&usual)).abs() < 1e-4);
    }
}
