//! Pictures that are kept: drawn once more, read back from the device.

use std::sync::mpsc;

use anyhow::{Context as _, Result};
use visavis::wgpu;

use super::gpu::Gpu;
use super::studio::{Studio, Wall};

const FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8Unorm;

/// A texture of one size, and its way to memory.
pub(super) struct Picture {
    size: [u32; 2],
    texture: wgpu::Texture,
    staging: wgpu::Buffer,
    stride: u32,
    studio: Studio,
}

impl Picture {
    pub(super) fn new(device: &wgpu::Device, size: [u32; 2]) -> Self {
        let [width, height] = size;
        let stride = (width * 4).next_multiple_of(wgpu::COPY_BYTES_PER_ROW_ALIGNMENT);
        Self {
            size,
            texture: device.create_texture(&wgpu::TextureDescriptor {
                label: Some("kept picture"),
                size: extent(size),
                mip_level_count: 1,
                sample_count: 1,
                dimension: wgpu::TextureDimension::D2,
                format: FORMAT,
                usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC,
                view_formats: &[],
            }),
            staging: device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("kept picture"),
                size: u64::from(stride) * u64::from(height),
                usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
                mapped_at_creation: false,
            }),
            stride,
            studio: Studio::new(device, FORMAT),
        }
    }

    pub(super) fn size(&self) -> [u32; 2] {
        self.size
    }

    /// People before a wall, `[height, width, 4]`, 8-bit sRGB, opaque. Waits for the device.
    pub(super) fn take(&self, gpu: &Gpu, people: Option<&wgpu::TextureView>, wall: Wall) -> Result<Vec<u8>> {
        let group = self.studio.group(&gpu.device, &gpu.queue, people, wall);
        let view = self.texture.create_view(&Default::default());
        let mut encoder = gpu.device.create_command_encoder(&Default::default());
        {
            let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
                label: Some("kept picture"),
                color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                    view: &view,
                    depth_slice: None,
                    resolve_target: None,
                    ops: wgpu::Operations {
                        load: wgpu::LoadOp::Clear(wgpu::Color::BLACK),
                        store: wgpu::StoreOp::Store,
                    },
                })],
                ..Default::default()
            });
            self.studio.draw(&mut pass, &group);
        }
        encoder.copy_texture_to_buffer(
            self.texture.as_image_copy(),
            wgpu::TexelCopyBufferInfo {
                buffer: &self.staging,
                layout: wgpu::TexelCopyBufferLayout {
                    offset: 0,
                    bytes_per_row: Some(self.stride),
                    rows_per_image: Some(self.size[1]),
                },
            },
            extent(self.size),
        );
        gpu.queue.submit([encoder.finish()]);

        let (sender, receiver) = mpsc::channel();
        self.staging.map_async(wgpu::MapMode::Read, .., move |result| {
            // The receiver is gone only if this function returned early.
            let _ = sender.send(result.is_ok());
        });
        // A wait fails only by time-out, and this one has none.
        let _ = gpu.device.poll(wgpu::PollType::wait_indefinitely());
        let gone = "the graphics device gave no picture";
        anyhow::ensure!(receiver.try_recv() == Ok(true), gone);
        let row = self.size[0] as usize * 4;
        let mut pixels = Vec::with_capacity(row * self.size[1] as usize);
        {
            let bytes = self.staging.get_mapped_range(..).ok().context(gone)?;
            for padded in bytes.chunks_exact(self.stride as usize) {
                pixels.extend_from_slice(&padded[..row]);
            }
        }
        self.staging.unmap();
        Ok(pixels)
    }
}

fn extent([width, height]: [u32; 2]) -> wgpu::Extent3d {
    wgpu::Extent3d { width, height, depth_or_array_layers: 1 }
}

/// Pixels as a PNG's bytes.
pub(super) fn png(pixels: &[u8], [width, height]: [u32; 2]) -> Result<Vec<u8>> {
    use image::ImageEncoder as _;
    let opaque: Vec<u8> = pixels.chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
    let mut bytes = Vec::new();
    image::codecs::png::PngEncoder::new(&mut bytes)
        .write_image(&opaque, width, height, image::ExtendedColorType::Rgb8)
        .context("writing the image failed")?;
    Ok(bytes)
}
