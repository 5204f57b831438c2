//! Pictures that are kept: drawn once more, read back from the device.

use anyhow::{Context as _, Result};
use visavis::headless::ReadBack;
use visavis::wgpu;
use visavis_window::Gpu;

use super::studio::{Studio, Wall};

const FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8Unorm;

/// A texture of one size, and its way to memory.
pub(super) struct Picture {
    size: [u32; 2],
    texture: wgpu::Texture,
    read_back: ReadBack,
    studio: Studio,
}

impl Picture {
    pub(super) fn new(device: &wgpu::Device, size: [u32; 2]) -> Result<Self> {
        let [width, height] = size;
        Ok(Self {
            size,
            texture: device.create_texture(&wgpu::TextureDescriptor {
                label: Some("kept picture"),
                size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
                mip_level_count: 1,
                sample_count: 1,
                dimension: wgpu::TextureDimension::D2,
                format: FORMAT,
                usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC,
                view_formats: &[],
            }),
            read_back: ReadBack::new(device, size, FORMAT)?,
            studio: Studio::new(device, FORMAT),
        })
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
        self.read_back.record(&mut encoder, &self.texture);
        gpu.queue.submit([encoder.finish()]);
        let mut pixels = Vec::new();
        self.read_back.read(&gpu.device, &mut pixels)?;
        Ok(pixels)
    }
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
