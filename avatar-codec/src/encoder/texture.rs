//! The average texture of a frame: what its pictures show of the opaque surface, unwrapped into the atlas.
//!
//! `avatar-codec/train/visavis_train/texture.py` does the same from prepared shards; `visavis train` compares the two.

use glam::Vec3;

use crate::reference::Layers;

/// Cosine of the angle to the camera below which a surface is too smeared to be of use.
const LEAST_FACING: f32 = 0.2;
/// The least weight of a texel that counts as seen: half a pixel that is looked at straight.
const LEAST_WEIGHT: f32 = 0.5;

/// What is seen of a face, in the avatar's atlas.
#[derive(Clone, Debug, PartialEq)]
pub struct AverageTexture {
    /// Texels a side.
    pub size: usize,
    /// `size²` rows of sRGB, 0..=1; the first row is v = 0. 0 where nothing is seen.
    pub color: Vec<[f32; 3]>,
    /// `size²` numbers: 1 where the surface is seen, else 0.
    pub coverage: Vec<f32>,
}

/// Puts pictures of one frame together into an [`AverageTexture`].
#[derive(Clone, Debug)]
pub struct Unwrapping {
    size: usize,
    /// Weighted sRGB, and the weight.
    sums: Vec<[f32; 4]>,
}

impl Unwrapping {
    /// Nothing seen yet, `size` texels a side.
    pub fn new(size: usize) -> Self {
        Self { size, sums: vec![[0.0; 4]; size * size] }
    }

    /// Adds a picture: `layers` are the fragments of the frame's mesh from its camera, `eye` the camera's place.
    /// `pixel` says what the picture shows at a column and row: the part's identifier and sRGB (0..=1), or nothing where
    /// the person doesn't cover the pixel.
    pub fn add(
        &mut self,
        layers: &Layers,
        size: [u32; 2],
        eye: Vec3,
        pixel: impl Fn(u32, u32) -> Option<(u8, [f32; 3])>,
    ) {
        for y in 0..size[1] {
            for x in 0..size[0] {
                let Some(fragment) = layers.pixel(x, y).opaque else { continue };
                let Some((part, color)) = pixel(x, y) else { continue };
                let facing = fragment.normal.dot((eye - fragment.position).normalize_or_zero());
                if part != fragment.kind as u8 || facing < LEAST_FACING {
                    continue;
                }
                let texel = |t: f32| ((t * self.size as f32) as usize).min(self.size - 1);
                let sum = &mut self.sums[texel(fragment.uv.y) * self.size + texel(fragment.uv.x)];
                for (sum, color) in sum.iter_mut().zip(color) {
                    *sum += facing * color;
                }
                sum[3] += facing;
            }
        }
    }

    /// The mean of what was added.
    pub fn finish(&self) -> AverageTexture {
        let seen = |sum: &[f32; 4]| sum[3] >= LEAST_WEIGHT;
        let color =
            |sum: &[f32; 4]| if seen(sum) { [sum[0], sum[1], sum[2]].map(|c| c / sum[3]) } else { [0.0; 3] };
        AverageTexture {
            size: self.size,
            color: self.sums.iter().map(color).collect(),
            coverage: self.sums.iter().map(|sum| f32::from(u8::from(seen(sum)))).collect(),
        }
    }
}
