//! Pictures on the GPU, with their smaller versions.

use visavis::wgpu;

use super::pass::RendererShared;
use crate::light::linear_from_srgb;
use crate::scene::{Image, Slot, Texture, TextureUse, Wrap};

/// A picture with all its smaller versions, each half as wide and high; averages are of light, not of codes.
pub(crate) fn upload(shared: &RendererShared, image: &Image, is_srgb: bool) -> wgpu::TextureView {
    let limit = shared.device.limits().max_texture_dimension_2d;
    let tables = Tables::new(is_srgb);
    let mut levels = vec![image.clone()];
    while let Some(last) = levels.last().filter(|last| last.size != [1, 1]) {
        levels.push(tables.half(last));
    }
    // A device's largest texture may be smaller than the picture.
    let first = levels.iter().position(|level| level.size[0].max(level.size[1]) <= limit).unwrap_or(0);
    let levels = &levels[first..];
    let [width, height] = levels[0].size;
    let texture = shared.device.create_texture(&wgpu::TextureDescriptor {
        label: Some("visavis scene picture"),
        size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
        mip_level_count: levels.len() as u32,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: if is_srgb { wgpu::TextureFormat::Rgba8UnormSrgb } else { wgpu::TextureFormat::Rgba8Unorm },
        usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
        view_formats: &[],
    });
    for (number, level) in (0..).zip(levels) {
        let [width, height] = level.size;
        shared.queue.write_texture(
            wgpu::TexelCopyTextureInfo { mip_level: number, ..texture.as_image_copy() },
            &level.rgba,
            wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(4 * width), rows_per_image: None },
            wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
        );
    }
    texture.create_view(&Default::default())
}

/// One texel, for what a material hasn't.
pub(crate) fn white(shared: &RendererShared) -> wgpu::TextureView {
    upload(shared, &Image { size: [1, 1], rgba: vec![255; 4] }, false)
}

/// How a texture is read where a material uses it.
pub(crate) fn sampler(device: &wgpu::Device, texture: &Texture, usage: TextureUse) -> wgpu::Sampler {
    let mode = |wrap| match wrap {
        Wrap::Repeat => wgpu::AddressMode::Repeat,
        Wrap::Mirror => wgpu::AddressMode::MirrorRepeat,
        Wrap::Clamp => wgpu::AddressMode::ClampToEdge,
    };
    let filter = if texture.nearest { wgpu::FilterMode::Nearest } else { wgpu::FilterMode::Linear };
    device.create_sampler(&wgpu::SamplerDescriptor {
        label: Some("visavis scene texture"),
        address_mode_u: mode(texture.wrap[0]),
        address_mode_v: mode(texture.wrap[1]),
        mag_filter: filter,
        min_filter: wgpu::FilterMode::Linear,
        mipmap_filter: wgpu::MipmapFilterMode::Linear,
        // A light map is an atlas: its small versions mix walls that don't meet.
        lod_max_clamp: if usage == TextureUse::LightMap { 1.0 } else { 32.0 },
        ..Default::default()
    })
}

/// Two rows of a slot, as shaders read them.
pub(crate) fn rows(slot: &Slot) -> [[f32; 4]; 2] {
    let [[a, b, c], [d, e, f]] = slot.transform;
    [[a, b, c, f32::from(slot.uv_set)], [d, e, f, 0.0]]
}

/// From codes to light and back.
struct Tables {
    light: [f32; 256],
    is_srgb: bool,
}

impl Tables {
    fn new(is_srgb: bool) -> Self {
        let light = std::array::from_fn(|code| {
            let code = code as f32 / 255.0;
            if is_srgb { linear_from_srgb(code) } else { code }
        });
        Self { light, is_srgb }
    }

    fn code(&self, light: f32) -> u8 {
        let code = match self.is_srgb {
            false => light,
            true if light <= 0.003_130_8 => 12.92 * light,
            true => 1.055 * light.powf(1.0 / 2.4) - 0.055,
        };
        (code * 255.0 + 0.5) as u8
    }

    /// The mean of two by two texels; of an odd row or column the last counts twice.
    fn half(&self, image: &Image) -> Image {
        let [width, height] = image.size.map(|n| n as usize);
        let size = [(width / 2).max(1), (height / 2).max(1)];
        let texel = |x: usize, y: usize| {
            let start = 4 * (y.min(height - 1) * width + x.min(width - 1));
            &image.rgba[start..start + 4]
        };
        let mut rgba = Vec::with_capacity(4 * size[0] * size[1]);
        for y in 0..size[1] {
            for x in 0..size[0] {
                let four = [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(dx, dy)| texel(2 * x + dx, 2 * y + dy));
                for c in 0..3 {
                    let sum: f32 = four.iter().map(|texel| self.light[usize::from(texel[c])]).sum();
                    rgba.push(self.code(sum / 4.0));
                }
                let alpha: u32 = four.iter().map(|texel| u32::from(texel[3])).sum();
                rgba.push(((alpha + 2) / 4) as u8);
            }
        }
        Image { size: size.map(|n| n as u32), rgba }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_black_and_white_is_half_the_light() {
        let image = Image { size: [2, 1], rgba: vec![0, 0, 0, 255, 255, 255, 255, 255] };
        assert_eq!(Tables::new(true).half(&image).rgba, [188, 188, 188, 255]);
        assert_eq!(Tables::new(false).half(&image).rgba, [128, 128, 128, 255]);
    }

    #[test]
    fn odd_sizes_end_at_one_texel() {
        let mut image = Image { size: [5, 3], rgba: vec![77; 60] };
        let tables = Tables::new(false);
        for size in [[2, 1], [1, 1]] {
            image = tables.half(&image);
            assert_eq!(image.size, size);
            assert!(image.rgba.iter().all(|&value| value == 77));
        }
    }
}
