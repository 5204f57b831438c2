//! What a window would do instead: textures to draw in, and a picture of them in a file.

use visavis::wgpu::{self, TextureFormat, TextureUsages};

pub(crate) struct Offscreen {
    pub(crate) color: wgpu::Texture,
    pub(crate) depth: wgpu::Texture,
}

impl Offscreen {
    /// `size` is a multiple of 64, so that rows need no padding.
    pub(crate) fn new(device: &wgpu::Device, size: u32) -> Self {
        let texture = |format, usage| {
            device.create_texture(&wgpu::TextureDescriptor {
                label: None,
                size: wgpu::Extent3d { width: size, height: size, depth_or_array_layers: 1 },
                mip_level_count: 1,
                sample_count: 1,
                dimension: wgpu::TextureDimension::D2,
                format,
                usage: usage | TextureUsages::RENDER_ATTACHMENT,
                view_formats: &[],
            })
        };
        Self {
            color: texture(TextureFormat::Rgba8UnormSrgb, TextureUsages::COPY_SRC),
            depth: texture(TextureFormat::Depth32Float, TextureUsages::empty()),
        }
    }

    /// Over dark grey, nothing near: reversed-Z depth is cleared to 0.
    pub(crate) fn begin_pass<'a>(&self, encoder: &'a mut wgpu::CommandEncoder) -> wgpu::RenderPass<'a> {
        let gray = wgpu::Color { r: 0.1, g: 0.1, b: 0.1, a: 1.0 };
        encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view: &self.color.create_view(&Default::default()),
                depth_slice: None,
                resolve_target: None,
                ops: wgpu::Operations { load: wgpu::LoadOp::Clear(gray), store: wgpu::StoreOp::Store },
            })],
            depth_stencil_attachment: Some(wgpu::RenderPassDepthStencilAttachment {
                view: &self.depth.create_view(&Default::default()),
                depth_ops: Some(wgpu::Operations {
                    load: wgpu::LoadOp::Clear(0.0),
                    store: wgpu::StoreOp::Discard,
                }),
                stencil_ops: None,
            }),
            ..Default::default()
        })
    }

    /// Submits, waits, and writes a PNG.
    pub(crate) fn save(
        &self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        mut encoder: wgpu::CommandEncoder,
        path: &str,
    ) -> Result<(), Box<dyn std::error::Error>> {
        let (width, height) = (self.color.width(), self.color.height());
        let pixels = device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: u64::from(width * height * 4),
            usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
            mapped_at_creation: false,
        });
        let layout =
            wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(width * 4), rows_per_image: None };
        encoder.copy_texture_to_buffer(
            self.color.as_image_copy(),
            wgpu::TexelCopyBufferInfo { buffer: &pixels, layout },
            self.color.size(),
        );
        queue.submit([encoder.finish()]);
        // A failure shows in `get_mapped_range`.
        pixels.map_async(wgpu::MapMode::Read, .., |_| {});
        device.poll(wgpu::PollType::wait_indefinitely())?;
        image::save_buffer(path, &pixels.get_mapped_range(..)?, width, height, image::ColorType::Rgba8)?;
        Ok(())
    }
}
