//! A likeness's colour on the GPU, and what the fragment stage binds where there is nothing else.

use bytemuck::Zeroable;
use visavis_codec::avatar::{BaseColor, Material};
use visavis_shaders::mirror::PixelDecoder;

use super::decoder::{array_view, pixel_group};
use super::pack::PixelShape;
use crate::engine::Shared;
use crate::error::{GpuError, scoped};
use crate::upload::mapped_buffer;

/// The colour as a texture; one black texel of none.
pub(crate) fn base_color(shared: &Shared, color: Option<&BaseColor>) -> Result<wgpu::TextureView, GpuError> {
    let (size, texels) = match color {
        Some(color) => (color.size as u32, bytemuck::cast_slice(&color.texels)),
        None => (1, [0u8; 4].as_slice()),
    };
    let extent = wgpu::Extent3d { width: size, height: size, depth_or_array_layers: 1 };
    scoped(&shared.device, || {
        let texture = shared.device.create_texture(&wgpu::TextureDescriptor {
            label: Some("visavis base colour"),
            size: extent,
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: wgpu::TextureFormat::Rgba8UnormSrgb,
            usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
            view_formats: &[],
        });
        shared.queue.write_texture(
            texture.as_image_copy(),
            texels,
            wgpu::TexelCopyBufferLayout {
                offset: 0,
                bytes_per_row: Some(size * 4),
                rows_per_image: Some(size),
            },
            extent,
        );
        texture.create_view(&Default::default())
    })
}

/// What the fragment stage binds for a likeness: its colour, and in the place of decoder and maps next to nothing.
#[derive(Debug)]
pub(crate) struct Flat {
    /// That of most avatars, so that the pipelines are there when the whole avatar arrives.
    pub(crate) shape: PixelShape,
    /// For each [`Material`].
    pub(crate) pixel: [wgpu::BindGroup; Material::ALL.len()],
}

impl Flat {
    pub(crate) fn new(
        shared: &Shared,
        base_color: &wgpu::TextureView,
        shape: Option<PixelShape>,
    ) -> Result<Self, GpuError> {
        let device = &shared.device;
        let usual = PixelShape { dynamic_layers: 3, static_layers: 2, hidden_groups: 6 };
        let weights = Material::ALL.map(|material| {
            let mut decoder = PixelDecoder::zeroed();
            decoder.counts[3] = u32::from(material.is_blended());
            mapped_buffer(device, "visavis flat", bytemuck::bytes_of(&decoder), wgpu::BufferUsages::UNIFORM)
        });
        let [opaque, soft, hair] = weights;
        let weights = [opaque?, soft?, hair?];
        let pixel = scoped(device, || {
            let texel = device.create_texture(&wgpu::TextureDescriptor {
                label: Some("visavis empty map"),
                size: wgpu::Extent3d { width: 1, height: 1, depth_or_array_layers: 1 },
                mip_level_count: 1,
                sample_count: 1,
                dimension: wgpu::TextureDimension::D2,
                format: wgpu::TextureFormat::Rgba8Unorm,
                usage: wgpu::TextureUsages::TEXTURE_BINDING,
                view_formats: &[],
            });
            let empty = array_view(&texel);
            weights.each_ref().map(|weights| pixel_group(shared, weights, &empty, &empty, base_color))
        })?;
        Ok(Self { shape: shape.unwrap_or(usual), pixel })
    }
}
