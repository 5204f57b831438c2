//! A person: the neural-texture mesh, and the `.avatar` file it is kept in.
//!
//! # The model
//! The condition is `c = [u | g | r | n]` ([`Latent::condition`](crate::Latent::condition)), `C = 59 + k` numbers, `n`
//! the rotation vector of the head. All activations are [`leaky`]: `x` if `x > 0`, else `0.2 x`. All matrices are
//! row-major, `[outputs, inputs]`.
//!
//! **Geometry** ([`GeometryHead`]): coefficients `a = W₂ (leaky(W₁c + b₁) − leaky(b₁)) + W₃c`, so that `c = 0` is the
//! mean mesh exactly; `V = mean + Σᵢ aᵢ · stepᵢ · basisᵢ`; then linear-blend skinning ([`Skeleton`]). In the line of
//! Deep Appearance Models (Lombardi et al. 2018), with the output layer factored into a small basis.
//!
//! **Dynamic texture** ([`TextureDecoder`]): `x₀ = leaky(W c + b)` as `[C₀, 8, 8]`; each [`UpBlock`] is a 1×1
//! convolution to `4·C_out` channels, depth-to-space (channel `4·o + 2·dy + dx` goes to output `o` at
//! `(2y + dy, 2x + dx)`), a depthwise 3×3 convolution with zero padding, an untied bias per channel and texel, and
//! [`leaky`] except after the last block. The result is `[D, S, S]` (here 12 × 256²).
//!
//! **Static texture** ([`StaticMap`]): 8-bit channels with a scale and an offset each.
//!
//! **Pixel decoder** ([`PixelDecoder`]), in the line of Pixel Codec Avatars (Ma et al. 2021), one for each
//! [`Material`], since light goes through hair and is thrown back by skin: input
//! `[dynamic | static | two directions (3 each) | n·v (1)]`, two leaky hidden layers, output
//! `[albedo (3) | shading (3) | normal offset (2) | alpha (1)]`. Both maps are sampled bilinearly, texel centres at
//! `(i + ½)/size`, clamped at the border, `v = 0` at the first row. The normal is interpolated over the triangle and
//! normalised, `v` the unit vector from the surface to the eye, `2(n·v)n − v` the reflection (as in Ref-NeRF, Verbin et al.
//! 2022). The two directions are normal and reflection on opaque parts, reflection and `v` on blended ones, all in the rest
//! frame, where the lamps of the capture stand still. Then
//! `albedo = sigmoid(o₀…₂)`, `shading = softplus(o₃…₅)`, colour as captured = `albedo · shading`, linear light;
//! `alpha = sigmoid(o₈)` on blended parts and 1 on opaque ones. The normal offset tilts the interpolated normal along
//! two tangents that [`tangents`] defines: `normalize(n + o₆ t + o₇ b)`.
//!
//! **Light transport** ([`LightTransport`]), for other light than the captured one: a linear layer beside the pixel decoder's
//! last, `reach = softplus(W h + b)` of the second hidden layer `h`: for each lamp of the manifest's `capture_light`, then for
//! its ambient light, how much of it reaches the place, against the model of [`crate::reference::relight`], which knows nothing
//! that could be in the way.
//!
//! A person may be drawn instead ([`CartoonAvatar`]): the same container around a glTF model; [`AnyAvatar`] reads both.
//!
//! A file's first bytes may hold a [`Preview`]: with the geometry head's matrices, which stand before it, they are a
//! [`Likeness`] that can be drawn before the rest has arrived.

mod cartoon;
mod cost;
mod layout;
mod manifest;
mod preview;
mod read;
mod signed;
mod simplify;
mod tensors;
mod topology;
mod validate;
mod write;

pub use cartoon::{AnyAvatar, CartoonAvatar, MAX_CARTOON_BYTES};
pub use layout::{MAX_BUFFER_BYTES, MAX_DECODE_MACS, MAX_PIXEL_MACS, MAX_TRIANGLES, MAX_VERTICES};
pub use manifest::*;
pub use preview::{BaseColor, Likeness, MAX_PREFIX_BYTES, Preview};
pub use read::{MAX_FILE_BYTES, MAX_HEADER_BYTES, ReadAvatarError};
#[cfg(feature = "encoder")]
pub(crate) use read::{UniqueKeys, shown};
pub use signed::{FileSignature, SignatureError};
pub(crate) use simplify::{Simplified, simplify};
pub use topology::{Edge, EdgeSide};
pub use validate::InvalidAvatar;
pub use write::WriteAvatarError;

use glam::Vec3;
use half::f16;

/// Width and height of the first feature map of a [`TextureDecoder`].
pub const SEED_SIZE: usize = 8;
/// The negative slope of every activation.
pub const LEAKY_SLOPE: f32 = 0.2;
/// Inputs of the pixel decoder beside the two maps' channels: normal, direction, n·v.
pub const PIXEL_GEOMETRY_INPUTS: usize = 7;
/// Outputs of the pixel decoder: albedo, shading, normal offset, alpha.
pub const PIXEL_OUTPUTS: usize = 9;

/// The activation of every hidden layer: `x` if positive, else [`LEAKY_SLOPE`]` · x`.
pub fn leaky(x: f32) -> f32 {
    if x > 0.0 { x } else { LEAKY_SLOPE * x }
}

/// Two unit vectors at right angles to the unit normal `n` and to each other, continuous but at one point
/// (Duff et al., "Building an Orthonormal Basis, Revisited", 2017).
pub fn tangents(n: Vec3) -> (Vec3, Vec3) {
    n.any_orthonormal_pair()
}

/// A person, ready to be decoded. Every array was checked against every other by whoever built it
/// ([`Avatar::read`] does, [`Avatar::validate`] can).
///
/// ```
/// use visavis_codec::Avatar;
/// use visavis_codec::avatar::ReadAvatarError;
///
/// let bytes = std::fs::read("../assets/avatars/wren.avatar")?;
/// let avatar = Avatar::read(&bytes)?;
/// println!("{}: {} triangles, {}", avatar.manifest.name, avatar.mesh.triangles.len(), avatar.manifest.licence.spdx);
///
/// // Half of a file is an error that says so, whatever stands in it.
/// assert!(Avatar::read(&bytes[..bytes.len() / 2]).is_err());
/// assert!(matches!(Avatar::read(&[]), Err(ReadAvatarError::HeaderSize { found: 0, file: 0 })));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Avatar {
    /// Who this is, and under which terms.
    pub manifest: Manifest,
    /// The render mesh at neutral.
    pub mesh: Mesh,
    /// c → offsets from the mean mesh.
    pub geometry: GeometryHead,
    /// c → the dynamic feature map.
    pub texture: TextureDecoder,
    /// The person's fixed detail.
    pub static_map: StaticMap,
    /// Features and view → colour.
    pub pixel: PixelDecoder,
    /// How much of each captured lamp's light reaches a place, if that was learnt.
    pub transport: Option<LightTransport>,
    /// What the file's first bytes hold, if the file is made to be drawn from those.
    pub preview: Option<Preview>,
}

/// The render mesh at neutral, unskinned, in head space (metres), V vertices (≤ 20,000) and T triangles (≤ 40,000).
/// Vertices and triangles are sorted by part, as the manifest's [`Part`] ranges say.
#[derive(Clone, Debug, PartialEq)]
pub struct Mesh {
    /// V positions, metres.
    pub mean: Vec<[f32; 3]>,
    /// V texture coordinates in 0..=1, `v` down.
    pub uv: Vec<[f32; 2]>,
    /// T triangles, counter-clockwise seen from outside.
    pub triangles: Vec<[u16; 3]>,
    /// V vertex numbers: the first vertex at the same place (itself, or one it was split from along a seam of the
    /// atlas); vertices of one weld share their normal.
    pub weld: Vec<u16>,
    /// V × 4 joints of the skeleton.
    pub joints: Vec<[u8; 4]>,
    /// V × 4 weights, in 255ths; each row sums to 255.
    pub weights: Vec<[u8; 4]>,
}

/// c → coefficients of a basis of offsets (see the [module](self)).
#[derive(Clone, Debug, PartialEq)]
pub struct GeometryHead {
    /// Width H of the hidden layer.
    pub hidden: usize,
    /// Number R of basis vectors.
    pub rank: usize,
    /// `[H, C]`.
    pub w1: Vec<f32>,
    /// `[H]`.
    pub b1: Vec<f32>,
    /// `[R, H]`.
    pub w2: Vec<f32>,
    /// `[R, C]`: the linear way past the hidden layer.
    pub w3: Vec<f32>,
    /// `[R, V, 3]` in steps of `basis_step`.
    pub basis: Vec<i8>,
    /// `[R]`: metres a step, for a coefficient of 1.
    pub basis_step: Vec<f32>,
}

/// c → the dynamic feature map (see the [module](self)).
#[derive(Clone, Debug, PartialEq)]
pub struct TextureDecoder {
    /// Channels C₀ of the seed map, a multiple of 4.
    pub seed_channels: usize,
    /// `[C₀ · 8 · 8, C]`.
    pub seed_weight: Vec<f16>,
    /// `[C₀ · 8 · 8]`.
    pub seed_bias: Vec<f16>,
    /// From 8² upwards; each doubles the size. The last one's channels are the map's.
    pub blocks: Vec<UpBlock>,
}

impl TextureDecoder {
    /// Width and height of the dynamic map.
    pub fn size(&self) -> usize {
        SEED_SIZE << self.blocks.len()
    }

    /// Channels of the dynamic map.
    pub fn channels(&self) -> usize {
        self.blocks.last().map_or(self.seed_channels, |block| block.out_channels)
    }
}

/// 1×1 convolution, depth-to-space, depthwise 3×3, untied bias.
#[derive(Clone, Debug, PartialEq)]
pub struct UpBlock {
    /// Channels in.
    pub in_channels: usize,
    /// Channels out, a multiple of 4.
    pub out_channels: usize,
    /// `[4 · out, in]`.
    pub expand: Vec<f16>,
    /// `[out, 3, 3]`: correlation, `[dy + 1][dx + 1]`.
    pub depthwise: Vec<f16>,
    /// `[out, 2n, 2n]` for an input of n², in steps of `bias_step`.
    pub bias: Vec<i8>,
    /// `[out]`.
    pub bias_step: Vec<f32>,
}

impl UpBlock {
    /// The untied bias, `[out, 2n, 2n]`: steps times the step, rounded to a half float.
    pub fn bias_values(&self) -> Vec<f16> {
        let texels = self.bias.len() / self.out_channels.max(1);
        (self.bias.chunks_exact(texels.max(1)).zip(&self.bias_step))
            .flat_map(|(plane, &step)| plane.iter().map(move |&steps| f16::from_f32(f32::from(steps) * step)))
            .collect()
    }
}

/// The fixed features of a person: `value = texel · scale + offset` per channel, texel 0..=255.
#[derive(Clone, Debug, PartialEq)]
pub struct StaticMap {
    /// Width and height.
    pub size: usize,
    /// Number of channels, a multiple of 4, at most 32.
    pub channels: usize,
    /// `[size, size, channels]`.
    pub texels: Vec<u8>,
    /// `[channels]`.
    pub scale: Vec<f32>,
    /// `[channels]`.
    pub offset: Vec<f32>,
}

/// The MLPs that turn features and view into colour, for each pixel: one a [`Material`], in their order.
#[derive(Clone, Debug, PartialEq)]
pub struct PixelDecoder {
    /// Width of the hidden layers: 16, 20 or 24.
    pub hidden: usize,
    /// `[3, hidden, inputs]`, inputs = dynamic + static + [`PIXEL_GEOMETRY_INPUTS`].
    pub w1: Vec<f32>,
    /// `[3, hidden]`.
    pub b1: Vec<f32>,
    /// `[3, hidden, hidden]`.
    pub w2: Vec<f32>,
    /// `[3, hidden]`.
    pub b2: Vec<f32>,
    /// `[3, `[`PIXEL_OUTPUTS`]`, hidden]`.
    pub w3: Vec<f32>,
    /// `[3, `[`PIXEL_OUTPUTS`]`]`.
    pub b3: Vec<f32>,
}

/// How much of the light of each source of the manifest's `capture_light` (L lamps, then the ambient light) reaches a place:
/// `softplus(W h + b)`, `h` the second hidden layer of the [`PixelDecoder`]; one a [`Material`], in their order.
#[derive(Clone, Debug, PartialEq)]
pub struct LightTransport {
    /// `[3, L + 1, hidden]`.
    pub w: Vec<f32>,
    /// `[3, L + 1]`.
    pub b: Vec<f32>,
}

impl LightTransport {
    /// Number of sources, L + 1.
    pub fn sources(&self) -> usize {
        self.b.len() / Material::ALL.len()
    }

    /// Weight `[L + 1, hidden]` and bias `[L + 1]` of a material.
    pub fn layer(&self, material: Material) -> (&[f32], &[f32]) {
        let of = |all| {
            let all: &[f32] = all;
            let length = all.len() / Material::ALL.len();
            &all[material as usize * length..][..length]
        };
        (of(&self.w), of(&self.b))
    }
}

/// One of a [`PixelDecoder`]'s MLPs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PixelMlp<'a> {
    /// `[hidden, inputs]`.
    pub w1: &'a [f32],
    /// `[hidden]`.
    pub b1: &'a [f32],
    /// `[hidden, hidden]`.
    pub w2: &'a [f32],
    /// `[hidden]`.
    pub b2: &'a [f32],
    /// `[`[`PIXEL_OUTPUTS`]`, hidden]`.
    pub w3: &'a [f32],
    /// `[`[`PIXEL_OUTPUTS`]`]`.
    pub b3: &'a [f32],
}

impl PixelDecoder {
    /// What shades a material.
    pub fn layers(&self, material: Material) -> PixelMlp<'_> {
        let Self { hidden: _, w1, b1, w2, b2, w3, b3 } = self;
        let [w1, b1, w2, b2, w3, b3] = [w1, b1, w2, b2, w3, b3].map(|all| {
            let length = all.len() / Material::ALL.len();
            &all[material as usize * length..][..length]
        });
        PixelMlp { w1, b1, w2, b2, w3, b3 }
    }
}
