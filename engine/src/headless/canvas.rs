//! Textures to draw in.

use crate::error::{GpuError, scoped};

/// Colour and depth of one picture, for a [`Target`](crate::Target) of their formats, one sample and no multiview.
#[derive(Debug)]
pub struct Canvas {
    size: [u32; 2],
    color: wgpu::TextureView,
    depth: wgpu::TextureView,
}

impl Canvas {
    /// Textures of so many columns and rows; formats of colour and depth. `usage`: what is done with them beside drawing.
    ///
    /// # Errors
    /// If the device refuses that size or usage, or has no room.
    pub fn new(
        device: &wgpu::Device,
        size: [u32; 2],
        [color, depth]: [wgpu::TextureFormat; 2],
        usage: wgpu::TextureUsages,
    ) -> Result<Self, GpuError> {
        let [width, height] = size;
        scoped(device, || {
            let texture = |format| {
                let texture = device.create_texture(&wgpu::TextureDescriptor {
                    label: Some("visavis canvas"),
                    size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
                    mip_level_count: 1,
                    sample_count: 1,
                    dimension: wgpu::TextureDimension::D2,
                    format,
                    usage: usage | wgpu::TextureUsages::RENDER_ATTACHMENT,
                    view_formats: &[],
                });
                texture.create_view(&Default::default())
            };
            Self { size, color: texture(color), depth: texture(depth) }
        })
    }

    /// Columns and rows.
    pub fn size(&self) -> [u32; 2] {
        self.size
    }

    /// The colour's view; its texture is [`wgpu::TextureView::texture`].
    pub fn color(&self) -> &wgpu::TextureView {
        &self.color
    }

    /// The depth's view.
    pub fn depth(&self) -> &wgpu::TextureView {
        &self.depth
    }

    /// A pass over one colour, nothing near. Both are stored.
    pub fn begin<'e>(
        &self,
        encoder: &'e mut wgpu::CommandEncoder,
        background: wgpu::Color,
    ) -> wgpu::RenderPass<'e> {
        encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            label: Some("visavis canvas"),
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view: &self.color,
                depth_slice: None,
                resolve_target: None,
                ops: wgpu::Operations { load: wgpu::LoadOp::Clear(background), store: wgpu::StoreOp::Store },
            })],
            depth_stencil_attachment: Some(wgpu::RenderPassDepthStencilAttachment {
                view: &self.depth,
                depth_ops: Some(wgpu::Operations {
                    load: wgpu::LoadOp::Clear(0.0),
                    store: wgpu::StoreOp::Store,
                }),
                stencil_ops: None,
            }),
            ..Default::default()
        })
    }
}
