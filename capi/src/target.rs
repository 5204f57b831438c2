//! The engine's own target: textures to draw in, and their way to the caller's memory.

use std::sync::mpsc;

use visavis::error::GpuError;
use visavis::wgpu;

use crate::engine::FORMAT;

/// Which of a canvas's two textures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Texture {
    /// `Rgba16Float`, 8 bytes a texel.
    Color,
    /// `Depth32Float`, 4 bytes a texel.
    Depth,
}

impl Texture {
    const fn texel_bytes(self) -> usize {
        match self {
            Self::Color => 8,
            Self::Depth => 4,
        }
    }
}

/// Colour and depth of one view, with the buffers that they are read through.
pub(crate) struct Canvas {
    size: [u32; 2],
    /// Of each [`Texture`].
    textures: [wgpu::Texture; 2],
    views: [wgpu::TextureView; 2],
    staging: [Option<wgpu::Buffer>; 2],
}

impl Canvas {
    pub(crate) fn new(device: &wgpu::Device, size: [u32; 2]) -> Result<Self, GpuError> {
        checked(device, || {
            let textures = [FORMAT.color.unwrap_or(FORMAT.depth), FORMAT.depth].map(|format| {
                device.create_texture(&wgpu::TextureDescriptor {
                    label: Some("visavis target"),
                    size: extent(size),
                    mip_level_count: 1,
                    sample_count: 1,
                    dimension: wgpu::TextureDimension::D2,
                    format,
                    usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC,
                    view_formats: &[],
                })
            });
            let views = textures.each_ref().map(|texture| texture.create_view(&Default::default()));
            Self { size, textures, views, staging: [None, None] }
        })
    }

    pub(crate) fn size(&self) -> [u32; 2] {
        self.size
    }

    /// A pass over the background, nothing near.
    pub(crate) fn begin<'a>(
        &self,
        encoder: &'a mut wgpu::CommandEncoder,
        background: [f32; 4],
    ) -> wgpu::RenderPass<'a> {
        let [color, depth] = &self.views;
        let [r, g, b, a] = background.map(f64::from);
        encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            label: Some("visavis target"),
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view: color,
                depth_slice: None,
                resolve_target: None,
                ops: wgpu::Operations {
                    load: wgpu::LoadOp::Clear(wgpu::Color { r, g, b, a }),
                    store: wgpu::StoreOp::Store,
                },
            })],
            depth_stencil_attachment: Some(wgpu::RenderPassDepthStencilAttachment {
                view: depth,
                depth_ops: Some(wgpu::Operations {
                    load: wgpu::LoadOp::Clear(0.0),
                    store: wgpu::StoreOp::Store,
                }),
                stencil_ops: None,
            }),
            ..Default::default()
        })
    }

    /// Waits for what was drawn and calls `row` with each of its rows, from the top.
    pub(crate) fn read(
        &mut self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        texture: Texture,
        mut row: impl FnMut(usize, &[u8]),
    ) -> Result<(), GpuError> {
        let [width, height] = self.size;
        let row_bytes = width as usize * texture.texel_bytes();
        let stride = row_bytes.next_multiple_of(wgpu::COPY_BYTES_PER_ROW_ALIGNMENT as usize);
        let staging = &mut self.staging[texture as usize];
        let buffer = match staging {
            Some(buffer) => buffer,
            None => staging.insert(checked(device, || {
                device.create_buffer(&wgpu::BufferDescriptor {
                    label: Some("visavis read-back"),
                    size: stride as u64 * u64::from(height),
                    usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
                    mapped_at_creation: false,
                })
            })?),
        };
        checked(device, || {
            let mut encoder = device.create_command_encoder(&Default::default());
            encoder.copy_texture_to_buffer(
                self.textures[texture as usize].as_image_copy(),
                wgpu::TexelCopyBufferInfo {
                    buffer,
                    layout: wgpu::TexelCopyBufferLayout {
                        offset: 0,
                        bytes_per_row: Some(stride as u32),
                        rows_per_image: None,
                    },
                },
                extent(self.size),
            );
            queue.submit([encoder.finish()]);
        })?;
        let (sender, receiver) = mpsc::channel();
        buffer.map_async(wgpu::MapMode::Read, .., move |result| {
            // The receiver is gone only if this function returned early.
            let _ = sender.send(result.is_ok());
        });
        // A wait fails only by time-out, and this one has none.
        let _ = device.poll(wgpu::PollType::wait_indefinitely());
        if receiver.try_recv() != Ok(true) {
            return Err(GpuError::DeviceLost);
        }
        {
            let Ok(bytes) = buffer.get_mapped_range(..) else { return Err(GpuError::DeviceLost) };
            for (number, padded) in bytes.chunks_exact(stride).enumerate() {
                row(number, &padded[..row_bytes]);
            }
        }
        buffer.unmap();
        Ok(())
    }
}

fn extent([width, height]: [u32; 2]) -> wgpu::Extent3d {
    wgpu::Extent3d { width, height, depth_or_array_layers: 1 }
}

/// Runs `work` and returns the first error that the device raised meanwhile on this thread.
pub(crate) fn checked<T>(device: &wgpu::Device, work: impl FnOnce() -> T) -> Result<T, GpuError> {
    let memory = device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
    let internal = device.push_error_scope(wgpu::ErrorFilter::Internal);
    let validation = device.push_error_scope(wgpu::ErrorFilter::Validation);
    let value = work();
    let validation = pollster::block_on(validation.pop());
    let internal = pollster::block_on(internal.pop());
    match pollster::block_on(memory.pop()).or(internal).or(validation) {
        None => Ok(value),
        Some(wgpu::Error::OutOfMemory { source }) => Err(GpuError::OutOfMemory(source.to_string())),
        Some(error) => Err(GpuError::Rejected(error.to_string())),
    }
}

/// The 8-bit sRGB code of each half float, made when it is first asked for.
#[derive(Default)]
pub(crate) struct SrgbTable(Vec<u8>);

impl SrgbTable {
    /// Encodes a row of linear, premultiplied `Rgba16Float` texels; alpha stays linear.
    pub(crate) fn encode(&mut self, texels: &[u8], out: &mut [u8]) {
        if self.0.is_empty() {
            self.0 = (0..=u16::MAX).map(|bits| to_8_bit(srgb(half(bits)))).collect();
        }
        for (texel, out) in texels.as_chunks::<8>().0.iter().zip(out.as_chunks_mut::<4>().0) {
            let bits = |channel: usize| u16::from_le_bytes([texel[2 * channel], texel[2 * channel + 1]]);
            for channel in 0..3 {
                out[channel] = self.0[usize::from(bits(channel))];
            }
            out[3] = to_8_bit(half(bits(3)));
        }
    }
}

fn half(bits: u16) -> f32 {
    // IEEE 754 binary16.
    let (sign, exponent, fraction) = (bits >> 15, (bits >> 10) & 31, bits & 1023);
    let fraction = f32::from(fraction);
    let magnitude = match exponent {
        0 => fraction * 2f32.powi(-24),
        31 if fraction > 0.0 => f32::NAN,
        31 => f32::INFINITY,
        _ => (1.0 + fraction / 1024.0) * 2f32.powi(i32::from(exponent) - 15),
    };
    if sign == 1 { -magnitude } else { magnitude }
}

/// IEC 61966-2-1.
fn srgb(linear: f32) -> f32 {
    if linear <= 0.003_130_8 { linear * 12.92 } else { 1.055 * linear.powf(1.0 / 2.4) - 0.055 }
}

/// NaN becomes 0.
fn to_8_bit(value: f32) -> u8 {
    (value * 255.0 + 0.5) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_encodes_what_srgb_says() {
        let mut table = SrgbTable::default();
        let half_floats = [0x0000u16, 0x3c00, 0x3800, 0x3800]; // 0, 1, ½, ½
        let texel: Vec<u8> = half_floats.iter().flat_map(|bits| bits.to_le_bytes()).collect();
        let mut out = [0; 4];
        table.encode(&texel, &mut out);
        assert_eq!(out, [0, 255, 188, 128]);
        let beyond: Vec<u8> =
            [0x7e00u16, 0x7c00, 0xbc00, 0x4000].iter().flat_map(|b| b.to_le_bytes()).collect();
        table.encode(&beyond, &mut out);
        assert_eq!(out, [0, 255, 0, 255], "NaN, infinity, −1, 2");
    }

    #[test]
    fn every_finite_half_float_is_decoded_as_the_standard_says() {
        assert_eq!(half(0x0001), 2f32.powi(-24));
        assert_eq!(half(0x03ff), 1023.0 * 2f32.powi(-24));
        assert_eq!(half(0x0400), 2f32.powi(-14));
        assert_eq!(half(0x7bff), 65504.0);
        assert_eq!(half(0xc000), -2.0);
        let values: Vec<f32> = (0..0x7c00).map(half).collect();
        assert!(values.is_sorted_by(|a, b| a < b), "positive ones rise with their bits");
    }
}
