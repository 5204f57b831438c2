//! The manifest: the one JSON object in an `.avatar` file's metadata.

use std::ops::Range;

use glam::Vec3;
use serde::{Deserialize, Serialize};

use crate::light::Light;

/// What a file says of the person in it, and how its tensors fit together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The schema's version; this crate reads [`Manifest::VERSION`].
    pub version: u32,
    /// The person's name, as shown; at most 64 characters.
    pub name: String,
    /// What the rest of the file holds.
    #[serde(default, skip_serializing_if = "AvatarForm::is_photoreal")]
    pub form: AvatarForm,
    /// Terms of use.
    pub licence: Licence,
    /// The owner's key and signature.
    pub owner: Owner,
    /// Ranges of the mesh, ascending and without gaps.
    pub parts: Vec<Part>,
    /// Joints, parents before children.
    pub skeleton: Skeleton,
    /// What the latent means and how it is distributed.
    pub latent: LatentModel,
    /// The light that it was captured in, in head space at rest: what other light is compared with. An avatar without it can't
    /// be relit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capture_light: Option<Light>,
}

impl Manifest {
    /// The version that this crate writes.
    pub const VERSION: u32 = 5;
}

/// How a person is shown. Their owner says it: it is part of what they sign.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AvatarForm {
    /// Captured, as [`Avatar`](super::Avatar) has it. Files that don't say are.
    #[default]
    Photoreal,
    /// Drawn, as [`CartoonAvatar`](super::CartoonAvatar) has it.
    Cartoon,
}

impl AvatarForm {
    /// Its name, as files have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Photoreal => "photoreal",
            Self::Cartoon => "cartoon",
        }
    }

    fn is_photoreal(&self) -> bool {
        *self == Self::Photoreal
    }
}

/// Terms of use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Licence {
    /// An SPDX expression, as `CC0-1.0`.
    pub spdx: String,
    /// What the person consented to, in words.
    pub consent: String,
}

/// Whose face it is. The signature is over the BLAKE3 hash of the file with the signature's own bytes zeroed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Owner {
    /// An ed25519 public key, 64 hexadecimal digits, or empty.
    pub public_key: String,
    /// 128 hexadecimal digits; zeros while unsigned.
    pub signature: String,
}

/// A run of vertices and triangles that are one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// What it is.
    pub kind: PartKind,
    /// Its vertices.
    pub vertices: Range<u32>,
    /// Its triangles.
    pub triangles: Range<u32>,
}

/// What a part is. The discriminant is its identifier in captures and masks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
#[allow(missing_docs)] // the names say it
pub enum PartKind {
    Skin = 1,
    EyeLeft = 2,
    EyeRight = 3,
    TeethUpper = 4,
    TeethLower = 5,
    Tongue = 6,
    Clothes = 7,
    Lashes = 8,
    Hair = 9,
}

impl PartKind {
    /// Every kind, by identifier.
    pub const ALL: [Self; 9] = [
        Self::Skin,
        Self::EyeLeft,
        Self::EyeRight,
        Self::TeethUpper,
        Self::TeethLower,
        Self::Tongue,
        Self::Clothes,
        Self::Lashes,
        Self::Hair,
    ];

    /// Which of the pixel decoder's networks shades it.
    pub const fn material(self) -> Material {
        match self {
            Self::Clothes | Self::Lashes => Material::Soft,
            Self::Hair => Material::Hair,
            _ => Material::Opaque,
        }
    }

    /// Whether alpha comes from the neural texture; other parts are opaque. Parts of clothes fade out in the capture's
    /// own matte and are blended too.
    pub const fn is_blended(self) -> bool {
        self.material().is_blended()
    }

    /// Whether both sides of its triangles are seen; of other parts only the outside is.
    pub const fn is_two_sided(self) -> bool {
        matches!(self, Self::Lashes)
    }
}

/// What meets light alike: a network of the [`PixelDecoder`](super::PixelDecoder) each, in the order of its tensors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Material {
    /// Skin, eyes, teeth, tongue.
    #[default]
    Opaque,
    /// Clothes and lashes: blended sheets.
    Soft,
    /// Hair: blended shells round strands that lie in depth.
    Hair,
}

impl Material {
    /// Every material, in the order of the tensors.
    pub const ALL: [Self; 3] = [Self::Opaque, Self::Soft, Self::Hair];

    /// Whether its alpha comes from the neural texture.
    pub const fn is_blended(self) -> bool {
        !matches!(self, Self::Opaque)
    }
}

/// A joint hierarchy for linear-blend skinning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Skeleton {
    /// 1..=255 joints, parents before children.
    pub joints: Vec<Joint>,
}

/// A joint; at rest its axes are those of head space.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Joint {
    /// What drives it.
    pub role: JointRole,
    /// Its parent's number, smaller than its own; none for the root.
    pub parent: Option<u8>,
    /// Where it turns, in head space at rest, metres.
    pub position: Vec3,
}

/// What drives a joint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JointRole {
    /// Stays, but for the person's translation.
    Torso,
    /// Takes half of the head's rotation.
    Neck,
    /// Takes the other half.
    Head,
    /// Follows the head; the jaw's own motion is in the geometry head.
    Jaw,
    /// Turns with the left gaze.
    EyeLeft,
    /// Turns with the right gaze.
    EyeRight,
}

/// What the latent means to this avatar, and its statistics over the capture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LatentModel {
    /// What `u` and `g` mean.
    pub semantic: Semantic,
    /// Number k of residual components, 0..=32.
    pub residual: u32,
    /// One entry per axis of `[u | g | r]`, 56 + k.
    pub axes: Vec<LatentAxis>,
    /// Quantiser steps of the head's rotation vector (radians) and translation (metres); more than 1e-6. Where a file
    /// doesn't say, [`LatentModel::HEAD_STEPS`].
    #[serde(default = "plain_head_steps")]
    pub head_steps: [f32; 6],
}

impl LatentModel {
    /// Head steps of an avatar whose decoder was not asked: 0.05° and 0.1 mm.
    pub const HEAD_STEPS: [f32; 6] = [8.7e-4, 8.7e-4, 8.7e-4, 1e-4, 1e-4, 1e-4];
}

fn plain_head_steps() -> [f32; 6] {
    LatentModel::HEAD_STEPS
}

/// What `u` and `g` mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Semantic {
    /// The 52 face units and the gaze.
    FaceUnits,
    /// Nothing a tracker could say: driving and tuning refuse.
    None,
}

/// Statistics of one axis over the capture, and its quantiser.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LatentAxis {
    /// Smallest value the decoder was trained on.
    pub min: f32,
    /// Largest value the decoder was trained on.
    pub max: f32,
    /// Standard deviation.
    pub deviation: f32,
    /// Quantiser step; greater than 0.
    pub step: f32,
}
