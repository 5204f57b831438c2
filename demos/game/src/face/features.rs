//! Where an avatar's eyes and neck are.

use glam::{Quat, Vec3};
use visavis_codec::avatar::{Avatar, JointRole};

/// Places in the rest frame, metres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Features {
    /// The left and the right eyeball's middle.
    pub eyes: [Vec3; 2],
    /// Where the neck turns, and where the head turns on it; each takes half of a rotation.
    pub neck: Vec3,
    /// See [`neck`](Self::neck).
    pub head: Vec3,
}

impl Default for Features {
    /// Of somebody of usual size.
    fn default() -> Self {
        Self {
            eyes: [Vec3::new(-0.031, 0.0, 0.0), Vec3::new(0.031, 0.0, 0.0)],
            neck: Vec3::new(0.0, -0.15, 0.10),
            head: Vec3::new(0.0, -0.045, 0.09),
        }
    }
}

impl Features {
    /// An avatar's own joints; what it lacks is where it usually is.
    pub fn of(avatar: &Avatar) -> Self {
        let joint = |role: JointRole, usual: Vec3| {
            let joint = avatar.manifest.skeleton.joints.iter().find(|joint| joint.role == role);
            joint
                .map(|joint| joint.position)
                .filter(|at| at.is_finite() && at.length() < 0.5)
                .unwrap_or(usual)
        };
        let usual = Self::default();
        Self {
            eyes: [joint(JointRole::EyeLeft, usual.eyes[0]), joint(JointRole::EyeRight, usual.eyes[1])],
            neck: joint(JointRole::Neck, usual.neck),
            head: joint(JointRole::Head, usual.head),
        }
    }

    /// Where a point of the head is when the head is turned, in the rest frame.
    pub fn turned(&self, point: Vec3, rotation: Quat) -> Vec3 {
        let half = Quat::IDENTITY.slerp(rotation, 0.5);
        self.neck + half * ((self.head - self.neck) + half * (point - self.head))
    }
}
