//! Parts of a person, and where they are.

use glam::Vec3;
use visavis_codec::avatar::{Avatar, PartKind};

/// A part of the person to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Focus {
    /// Head and shoulders.
    Portrait,
    Head,
    Eyes,
    Mouth,
}

impl Focus {
    pub(crate) const ALL: [Self; 4] = [Self::Portrait, Self::Head, Self::Eyes, Self::Mouth];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Portrait => "portrait",
            Self::Head => "head",
            Self::Eyes => "eyes",
            Self::Mouth => "mouth",
        }
    }
}

/// Where a person's parts are, metres in the rest frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Landmarks {
    pub(crate) left_eye: Vec3,
    pub(crate) right_eye: Vec3,
    pub(crate) mouth: Vec3,
}

impl Default for Landmarks {
    fn default() -> Self {
        Self {
            left_eye: Vec3::new(-0.031, 0.0, 0.012),
            right_eye: Vec3::new(0.031, 0.0, 0.012),
            mouth: Vec3::new(0.0, -0.068, -0.01),
        }
    }
}

impl Landmarks {
    /// From the mean mesh; parts that an avatar doesn't have stand where they usually do.
    pub(crate) fn of(avatar: &Avatar) -> Self {
        let centre = |kind: PartKind| {
            let part = avatar.manifest.parts.iter().find(|part| part.kind == kind)?;
            let range = part.vertices.start as usize..part.vertices.end as usize;
            let vertices = avatar.mesh.mean.get(range).filter(|vertices| !vertices.is_empty())?;
            let sum: Vec3 = vertices.iter().copied().map(Vec3::from).sum();
            Some(sum / vertices.len() as f32).filter(|centre| centre.is_finite() && centre.length() < 0.3)
        };
        let usual = Self::default();
        Self {
            left_eye: centre(PartKind::EyeLeft).unwrap_or(usual.left_eye),
            right_eye: centre(PartKind::EyeRight).unwrap_or(usual.right_eye),
            mouth: centre(PartKind::TeethUpper).map_or(usual.mouth, |teeth| teeth - Vec3::Y * 0.006),
        }
    }

    /// What a focus looks at, and from how far.
    pub(super) fn pose(&self, focus: Focus) -> (Vec3, f32) {
        match focus {
            Focus::Portrait => (Vec3::new(0.0, -0.035, 0.062), 1.3),
            Focus::Head => (Vec3::new(0.0, -0.012, 0.05), 0.92),
            Focus::Eyes => (0.5 * (self.left_eye + self.right_eye), 0.36),
            Focus::Mouth => (self.mouth, 0.36),
        }
    }
}
