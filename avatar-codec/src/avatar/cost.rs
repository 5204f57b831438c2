//! How large an avatar's parts are and what they cost, from the shapes alone.

use super::{Avatar, PIXEL_GEOMETRY_INPUTS, PIXEL_OUTPUTS, PixelDecoder, SEED_SIZE, TextureDecoder};
use crate::latent::{GAZE, MAX_RESIDUAL, NECK, UNITS};

impl Avatar {
    /// Number k of residual components, at most 32.
    pub fn residual(&self) -> usize {
        (self.manifest.latent.residual as usize).min(MAX_RESIDUAL)
    }

    /// Length C of the condition `[u | g | r | n]`.
    pub fn condition_size(&self) -> usize {
        UNITS + GAZE + self.residual() + NECK
    }

    /// Inputs of the pixel decoder: channels of both maps and [`PIXEL_GEOMETRY_INPUTS`].
    pub fn pixel_inputs(&self) -> usize {
        self.texture.channels() + self.static_map.channels + PIXEL_GEOMETRY_INPUTS
    }

    /// Multiply-accumulates of one decode: the geometry head (both ways, basis included) and the dynamic texture
    /// (seed, 1×1 and depthwise convolutions). Skinning, biases and activations aren't counted.
    pub fn decode_macs(&self) -> u64 {
        let condition = self.condition_size();
        let geometry = &self.geometry;
        let (hidden, rank) = (geometry.hidden as u64, geometry.rank as u64);
        let coefficients = hidden * condition as u64 + rank * (hidden + condition as u64);
        let offsets = rank * self.mesh.mean.len() as u64 * 3;
        coefficients + offsets + self.texture.macs(condition)
    }

    /// Multiply-accumulates of the pixel decoder's three layers, for one pixel. Sampling the maps isn't counted.
    pub fn pixel_macs(&self) -> u64 {
        PixelDecoder::macs(self.pixel_inputs(), self.pixel.hidden)
    }
}

impl TextureDecoder {
    /// Multiply-accumulates of one decode from a condition of this length.
    pub fn macs(&self, condition: usize) -> u64 {
        let mut macs = (condition * self.seed_channels * SEED_SIZE * SEED_SIZE) as u64;
        let mut texels = (SEED_SIZE * SEED_SIZE) as u64;
        for block in &self.blocks {
            let (inputs, outputs) = (block.in_channels as u64, block.out_channels as u64);
            macs += texels * inputs * 4 * outputs; // 1×1, before the size doubles
            texels *= 4;
            macs += texels * outputs * 9;
        }
        macs
    }
}

impl PixelDecoder {
    /// Multiply-accumulates of a decoder of this shape.
    pub const fn macs(inputs: usize, hidden: usize) -> u64 {
        (inputs * hidden + hidden * hidden + hidden * PIXEL_OUTPUTS) as u64
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Preset, synthetic_avatar};

    #[test]
    fn the_full_preset_is_inside_the_budget_and_near_it() {
        let avatar = synthetic_avatar(1, Preset::Full);
        assert_eq!(avatar.pixel_macs(), 27 * 24 + 24 * 24 + 24 * 9);
        assert!(avatar.pixel_macs() <= 1500);
        assert!((50_000_000..250_000_000).contains(&avatar.decode_macs()), "{}", avatar.decode_macs());
        assert!((17_000..20_000).contains(&avatar.mesh.mean.len()), "{}", avatar.mesh.mean.len());
        assert!((30_000..40_000).contains(&avatar.mesh.triangles.len()), "{}", avatar.mesh.triangles.len());
    }
}
