//! A face at one instant: face units, gaze and the person's own residual, with the head's pose beside them.

use glam::{Quat, Vec3};
use serde::{Deserialize, Serialize};

/// How many face units a latent has.
pub const UNITS: usize = 52;
/// How many gaze angles a latent has.
pub const GAZE: usize = 4;
/// The most residual components a latent may have.
pub const MAX_RESIDUAL: usize = 32;
/// How many numbers the head's rotation adds to what a decoder is conditioned on.
pub const NECK: usize = 3;
/// The largest decoder input: `[u | g | r | head rotation]`.
pub const MAX_CONDITION: usize = UNITS + GAZE + MAX_RESIDUAL + NECK;

macro_rules! face_units {
    ($($variant:ident = $name:literal),+ $(,)?) => {
        /// One of the 52 face units: ARKit's blend-shape locations, in ARKit's order. "Left" is the person's left.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        #[allow(missing_docs)] // the names are ARKit's own
        pub enum FaceUnit { $($variant),+ }

        impl FaceUnit {
            /// Every unit, in the latent's order.
            pub const ALL: [FaceUnit; UNITS] = [$(FaceUnit::$variant),+];

            /// ARKit's name, as `eyeBlinkLeft`.
            pub const fn name(self) -> &'static str {
                match self { $(FaceUnit::$variant => $name),+ }
            }
        }
    };
}

face_units! {
    EyeBlinkLeft = "eyeBlinkLeft", EyeLookDownLeft = "eyeLookDownLeft", EyeLookInLeft = "eyeLookInLeft",
    EyeLookOutLeft = "eyeLookOutLeft", EyeLookUpLeft = "eyeLookUpLeft", EyeSquintLeft = "eyeSquintLeft",
    EyeWideLeft = "eyeWideLeft", EyeBlinkRight = "eyeBlinkRight", EyeLookDownRight = "eyeLookDownRight",
    EyeLookInRight = "eyeLookInRight", EyeLookOutRight = "eyeLookOutRight", EyeLookUpRight = "eyeLookUpRight",
    EyeSquintRight = "eyeSquintRight", EyeWideRight = "eyeWideRight", JawForward = "jawForward",
    JawLeft = "jawLeft", JawRight = "jawRight", JawOpen = "jawOpen", MouthClose = "mouthClose",
    MouthFunnel = "mouthFunnel", MouthPucker = "mouthPucker", MouthLeft = "mouthLeft", MouthRight = "mouthRight",
    MouthSmileLeft = "mouthSmileLeft", MouthSmileRight = "mouthSmileRight", MouthFrownLeft = "mouthFrownLeft",
    MouthFrownRight = "mouthFrownRight", MouthDimpleLeft = "mouthDimpleLeft", MouthDimpleRight = "mouthDimpleRight",
    MouthStretchLeft = "mouthStretchLeft", MouthStretchRight = "mouthStretchRight",
    MouthRollLower = "mouthRollLower", MouthRollUpper = "mouthRollUpper", MouthShrugLower = "mouthShrugLower",
    MouthShrugUpper = "mouthShrugUpper", MouthPressLeft = "mouthPressLeft", MouthPressRight = "mouthPressRight",
    MouthLowerDownLeft = "mouthLowerDownLeft", MouthLowerDownRight = "mouthLowerDownRight",
    MouthUpperUpLeft = "mouthUpperUpLeft", MouthUpperUpRight = "mouthUpperUpRight", BrowDownLeft = "browDownLeft",
    BrowDownRight = "browDownRight", BrowInnerUp = "browInnerUp", BrowOuterUpLeft = "browOuterUpLeft",
    BrowOuterUpRight = "browOuterUpRight", CheekPuff = "cheekPuff", CheekSquintLeft = "cheekSquintLeft",
    CheekSquintRight = "cheekSquintRight", NoseSneerLeft = "noseSneerLeft", NoseSneerRight = "noseSneerRight",
    TongueOut = "tongueOut",
}

impl FaceUnit {
    /// The unit of this ARKit name (exact spelling), or `None`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|unit| unit.name() == name)
    }
}

/// Where the eyes look, relative to the head, in radians.
///
/// Yaw turns about head +Y (positive: towards the person's left), pitch about head +X (positive: up);
/// an eye's rotation is `Ry(yaw) · Rx(pitch)` about the centre of its ball.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Gaze {
    /// The left eye's yaw.
    pub left_yaw: f32,
    /// The left eye's pitch.
    pub left_pitch: f32,
    /// The right eye's yaw.
    pub right_yaw: f32,
    /// The right eye's pitch.
    pub right_pitch: f32,
}

impl Gaze {
    /// The four angles in the latent's order: left yaw, left pitch, right yaw, right pitch.
    pub const fn to_array(self) -> [f32; GAZE] {
        [self.left_yaw, self.left_pitch, self.right_yaw, self.right_pitch]
    }

    /// The inverse of [`to_array`](Self::to_array).
    pub const fn from_array([left_yaw, left_pitch, right_yaw, right_pitch]: [f32; GAZE]) -> Self {
        Self { left_yaw, left_pitch, right_yaw, right_pitch }
    }

    /// The left eye's rotation in head space.
    pub fn left_rotation(self) -> Quat {
        Quat::from_rotation_y(self.left_yaw) * Quat::from_rotation_x(self.left_pitch)
    }

    /// The right eye's rotation in head space.
    pub fn right_rotation(self) -> Quat {
        Quat::from_rotation_y(self.right_yaw) * Quat::from_rotation_x(self.right_pitch)
    }
}

/// A face at one instant: `[u | g | r]`. All zero is the person's neutral face.
///
/// `u` and `g` are readable, so that any face tracker can drive an avatar; `r` carries what they can't say about this
/// person, and is zero at neutral and from plain trackers. Components of `r` beyond an avatar's own count are ignored.
///
/// ```
/// use visavis_codec::{FaceUnit, Gaze, Latent};
///
/// let mut face = Latent::NEUTRAL;
/// *face.unit_mut(FaceUnit::MouthSmileLeft) = 0.6; // the person's left
/// face.gaze = Gaze { left_yaw: 0.1, right_yaw: 0.1, ..Gaze::default() }; // 6° to their left
/// assert_eq!(FaceUnit::from_name("mouthSmileLeft"), Some(FaceUnit::MouthSmileLeft));
/// assert!(face.is_finite());
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Latent {
    /// Face units, nominally 0..=1 each, indexed by [`FaceUnit`].
    pub units: [f32; UNITS],
    /// Where the eyes look.
    pub gaze: Gaze,
    /// The residual, about unit variance each.
    pub residual: [f32; MAX_RESIDUAL],
}

impl Latent {
    /// The neutral face.
    pub const NEUTRAL: Self =
        Self { units: [0.0; UNITS], gaze: Gaze::from_array([0.0; GAZE]), residual: [0.0; MAX_RESIDUAL] };

    /// The weight of one unit.
    pub const fn unit(&self, unit: FaceUnit) -> f32 {
        self.units[unit as usize]
    }

    /// The weight of one unit, to change.
    pub const fn unit_mut(&mut self, unit: FaceUnit) -> &mut f32 {
        &mut self.units[unit as usize]
    }

    /// Whether no component is NaN or infinite.
    pub fn is_finite(&self) -> bool {
        let Self { units, gaze, residual } = self;
        units.iter().chain(&gaze.to_array()).chain(residual).all(|x| x.is_finite())
    }

    /// Writes what a decoder is conditioned on, `[u | g | r | head rotation vector]`, and returns how many numbers
    /// that is: `52 + 4 + residual + 3`. `residual` is the avatar's own count, at most [`MAX_RESIDUAL`].
    pub fn condition(&self, head: &HeadPose, residual: usize, out: &mut [f32; MAX_CONDITION]) -> usize {
        let residual = residual.min(MAX_RESIDUAL);
        out[..UNITS].copy_from_slice(&self.units);
        out[UNITS..UNITS + GAZE].copy_from_slice(&self.gaze.to_array());
        let r0 = UNITS + GAZE;
        out[r0..r0 + residual].copy_from_slice(&self.residual[..residual]);
        let n0 = r0 + residual;
        out[n0..n0 + NECK].copy_from_slice(&head.rotation_vector().to_array());
        n0 + NECK
    }
}

impl Default for Latent {
    fn default() -> Self {
        Self::NEUTRAL
    }
}

/// Where the head is, relative to where the person rests: the torso stays, neck and head turn.
///
/// The rest frame is head space at rest: origin midway between the eyes, +X the person's right, +Y up, the face looks
/// along −Z (as an OpenXR view space), metres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeadPose {
    /// Rotation of the head against the torso; the neck joint takes half of it. Unit quaternion.
    pub rotation: Quat,
    /// Movement of the whole person, metres.
    pub translation: Vec3,
}

impl HeadPose {
    /// At rest.
    pub const REST: Self = Self { rotation: Quat::IDENTITY, translation: Vec3::ZERO };

    /// The rotation as axis · angle, the short way round (0..=π): what a decoder is conditioned on, and of which neck
    /// and head take a half each.
    pub fn rotation_vector(&self) -> Vec3 {
        // q and −q are the same rotation; only the one with w ≥ 0 names the short way.
        let rotation = if self.rotation.w < 0.0 { -self.rotation } else { self.rotation };
        rotation.to_scaled_axis()
    }

    /// Whether every number is finite and the rotation is a unit quaternion (within 1e-3).
    pub fn is_valid(&self) -> bool {
        self.rotation.is_finite()
            && self.translation.is_finite()
            && (self.rotation.length_squared() - 1.0).abs() < 1e-3
    }
}

impl Default for HeadPose {
    fn default() -> Self {
        Self::REST
    }
}

/// Nanoseconds on the sender's own clock; only differences mean something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// This many seconds after the clock's zero; negative and NaN become zero.
    pub fn from_seconds(seconds: f64) -> Self {
        Self((seconds * 1e9) as u64)
    }

    /// Seconds since the clock's zero.
    pub fn as_seconds(self) -> f64 {
        self.0 as f64 * 1e-9
    }
}

/// A face and its head's pose at a time: what one coded frame carries.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FaceFrame {
    /// When it was captured.
    pub time: Timestamp,
    /// The face.
    pub latent: Latent,
    /// The head.
    pub head: HeadPose,
}
