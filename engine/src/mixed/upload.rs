//! Pixels in memory, on their way into a texture of the view's own.

use super::{DepthMap, DepthPixels, DepthUnit, MixedError};
use crate::error::{GpuError, scoped};

/// A texture that the host's bytes are copied into.
#[derive(Debug)]
pub(super) struct Landing {
    texture: wgpu::Texture,
    pub(super) view: wgpu::TextureView,
}

impl Landing {
    pub(super) fn new(device: &wgpu::Device, size: [u32; 2], format: wgpu::TextureFormat) -> Self {
        let texture = device.create_texture(&wgpu::TextureDescriptor {
            label: Some("visavis mixed input"),
            size: extent(size),
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format,
            usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
            view_formats: &[],
        });
        Self { view: texture.create_view(&Default::default()), texture }
    }

    pub(super) fn is(&self, size: [u32; 2], format: wgpu::TextureFormat) -> bool {
        (self.texture.width(), self.texture.height(), self.texture.format()) == (size[0], size[1], format)
    }

    /// Records the copy. `write` fills one row, four bytes a texel.
    pub(super) fn fill(
        &self,
        device: &wgpu::Device,
        encoder: &mut wgpu::CommandEncoder,
        mut write: impl FnMut(usize, &mut [u8]),
    ) -> Result<(), GpuError> {
        let (width, height) = (self.texture.width(), self.texture.height());
        let row = width as usize * 4;
        let stride = row.next_multiple_of(wgpu::COPY_BYTES_PER_ROW_ALIGNMENT as usize);
        let buffer = scoped(device, || {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("visavis mixed upload"),
                size: (stride * height as usize) as u64,
                // Mappable, so that it is written in place and not by way of another buffer.
                usage: wgpu::BufferUsages::MAP_WRITE | wgpu::BufferUsages::COPY_SRC,
                mapped_at_creation: true,
            })
        })?;
        {
            // Only a lost device raises no error and yet maps nothing.
            let mut bytes = buffer.get_mapped_range_mut(..).map_err(|_| GpuError::DeviceLost)?;
            let mut texels = vec![0; row];
            for y in 0..height as usize {
                write(y, &mut texels);
                bytes.slice(y * stride..y * stride + row).copy_from_slice(&texels);
            }
        }
        buffer.unmap();
        scoped(device, || {
            encoder.copy_buffer_to_texture(
                wgpu::TexelCopyBufferInfo {
                    buffer: &buffer,
                    layout: wgpu::TexelCopyBufferLayout {
                        offset: 0,
                        bytes_per_row: Some(stride as u32),
                        rows_per_image: Some(height),
                    },
                },
                self.texture.as_image_copy(),
                extent([width, height]),
            );
        })
    }
}

/// A row of a depth map in memory, as floats. Its length was checked.
pub(super) fn depth_row(pixels: DepthPixels<'_>, width: usize, y: usize, out: &mut [u8]) {
    let texels = out.chunks_exact_mut(4);
    let range = y * width..(y + 1) * width;
    match pixels {
        DepthPixels::F32(values) => {
            for (texel, value) in texels.zip(values.get(range).unwrap_or_default()) {
                texel.copy_from_slice(&value.to_le_bytes());
            }
        }
        DepthPixels::U16(values) => {
            for (texel, &value) in texels.zip(values.get(range).unwrap_or_default()) {
                texel.copy_from_slice(&f32::from(value).to_le_bytes());
            }
        }
        DepthPixels::Texture(_) => {}
    }
}

/// Whether a depth map in memory has as many numbers as its camera pixels, and one of them is a distance.
pub(super) fn check_depth(map: &DepthMap<'_>) -> Result<(), MixedError> {
    let [width, height] = map.camera.size.map(|pixels| pixels as usize);
    let expected = width.saturating_mul(height);
    let length = |found: usize| match found == expected {
        true => Ok(()),
        false => Err(MixedError::Length { what: "the depth map", found, expected }),
    };
    let is_distance = |value: f32| {
        let is_near = match map.unit {
            DepthUnit::Metres { .. } => true,
            DepthUnit::Normalised { .. } => value < 1.0,
        };
        value > 0.0 && value.is_finite() && is_near
    };
    let none = |not_a_number| MixedError::NoDepth { not_a_number, total: expected };
    match map.pixels {
        DepthPixels::Texture(_) => Ok(()),
        DepthPixels::F32(values) => {
            length(values.len())?;
            match values.iter().any(|&value| is_distance(value)) {
                true => Ok(()),
                false => Err(none(values.iter().filter(|value| value.is_nan()).count())),
            }
        }
        DepthPixels::U16(values) => {
            length(values.len())?;
            match values.iter().any(|&value| is_distance(f32::from(value))) {
                true => Ok(()),
                false => Err(none(0)),
            }
        }
    }
}

fn extent([width, height]: [u32; 2]) -> wgpu::Extent3d {
    wgpu::Extent3d { width, height, depth_or_array_layers: 1 }
}
