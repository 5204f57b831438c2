//! How large an avatar's parts are and what they cost, from the shapes alone.

use super::layout::Dimensions;
use super::{Avatar, PIXEL_GEOMETRY_INPUTS};
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
        Dimensions::of(self).decode_macs()
    }

    /// Multiply-accumulates of the pixel decoder's three layers, for one pixel. Sampling the maps isn't counted.
    pub fn pixel_macs(&self) -> u64 {
        Dimensions::of(self).pixel_macs()
    }

    /// Those that the light transport adds to a pixel in other light than the captured one.
    pub fn transport_macs(&self) -> u64 {
        self.transport.as_ref().map_or(0, |transport| (transport.sources() * self.pixel.hidden) as u64)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Preset, synthetic_avatar};

    #[test]
    fn the_full_preset_is_inside_the_budget_and_near_it() {
        let avatar = synthetic_avatar(1, Preset::Full);
        assert_eq!(avatar.pixel_macs(), 27 * 24 + 24 * 24 + 24 * 9);
        assert!((50_000_000..250_000_000).contains(&avatar.decode_macs()), "{}", avatar.decode_macs());
        assert!((17_000..20_000).contains(&avatar.mesh.mean.len()), "{}", avatar.mesh.mean.len());
        assert!((30_000..40_000).contains(&avatar.mesh.triangles.len()), "{}", avatar.mesh.triangles.len());
        avatar.validate().unwrap();
    }

    #[test]
    fn macs_by_hand() {
        let avatar = synthetic_avatar(1, Preset::Tiny);
        let (c, v) = (63, avatar.mesh.mean.len() as u64);
        let geometry = 16 * c + 6 * 16 + 6 * c + 6 * v * 3;
        let texture = c * 24 * 64 + 64 * 24 * 64 + 256 * 16 * 9 + 256 * 16 * 48 + 1024 * 12 * 9;
        assert_eq!(avatar.decode_macs(), geometry + texture);
    }
}
