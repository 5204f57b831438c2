//! The textures behind a picture, and its way to memory.

use std::sync::mpsc;

use visavis_shaders as shaders;

use super::{Background, FORMAT};
use crate::error::{GpuError, scoped};
use crate::upload::mapped_buffer;

/// Colour and depth to draw in, the composited picture, the buffer it is read from.
pub(super) struct Offscreen {
    size: [u32; 2],
    color: wgpu::TextureView,
    depth: wgpu::TextureView,
    picture: wgpu::Texture,
    picture_view: wgpu::TextureView,
    present: wgpu::RenderPipeline,
    staging: wgpu::Buffer,
    /// Bytes a row of `staging`.
    stride: u32,
    pixels: Vec<u8>,
}

impl Offscreen {
    pub(super) fn new(device: &wgpu::Device, size: [u32; 2]) -> Result<Self, GpuError> {
        let [width, height] = size;
        let stride = (width * 4).next_multiple_of(wgpu::COPY_BYTES_PER_ROW_ALIGNMENT);
        scoped(device, || {
            let texture = |label, format, usage| {
                device.create_texture(&wgpu::TextureDescriptor {
                    label: Some(label),
                    size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
                    mip_level_count: 1,
                    sample_count: 1,
                    dimension: wgpu::TextureDimension::D2,
                    format,
                    usage: usage | wgpu::TextureUsages::RENDER_ATTACHMENT,
                    view_formats: &[],
                })
            };
            let color = texture(
                "visavis color",
                wgpu::TextureFormat::Rgba16Float,
                wgpu::TextureUsages::TEXTURE_BINDING,
            );
            let depth = texture("visavis depth", FORMAT.depth, wgpu::TextureUsages::empty());
            let picture = texture("visavis picture", PICTURE_FORMAT, wgpu::TextureUsages::COPY_SRC);
            Self {
                size,
                color: color.create_view(&Default::default()),
                depth: depth.create_view(&Default::default()),
                picture_view: picture.create_view(&Default::default()),
                picture,
                present: present_pipeline(device),
                staging: device.create_buffer(&wgpu::BufferDescriptor {
                    label: Some("visavis read-back"),
                    size: u64::from(stride) * u64::from(height),
                    usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
                    mapped_at_creation: false,
                }),
                stride,
                pixels: Vec::new(),
            }
        })
    }

    pub(super) fn size(&self) -> [u32; 2] {
        self.size
    }

    /// A pass over transparent black, nothing near.
    pub(super) fn begin_pass<'a>(&self, encoder: &'a mut wgpu::CommandEncoder) -> wgpu::RenderPass<'a> {
        encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            label: Some("visavis offscreen"),
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view: &self.color,
                depth_slice: None,
                resolve_target: None,
                ops: wgpu::Operations {
                    load: wgpu::LoadOp::Clear(wgpu::Color::TRANSPARENT),
                    store: wgpu::StoreOp::Store,
                },
            })],
            depth_stencil_attachment: Some(wgpu::RenderPassDepthStencilAttachment {
                view: &self.depth,
                depth_ops: Some(wgpu::Operations {
                    load: wgpu::LoadOp::Clear(0.0),
                    store: wgpu::StoreOp::Discard,
                }),
                stencil_ops: None,
            }),
            ..Default::default()
        })
    }

    /// Records the picture over its background, and its copy to the staging buffer.
    pub(super) fn present(
        &self,
        device: &wgpu::Device,
        encoder: &mut wgpu::CommandEncoder,
        background: Background,
    ) -> Result<(), GpuError> {
        let opaque = |[r, g, b]: [f32; 3]| [r, g, b, 1.0];
        let background = match background {
            Background::Solid(color) => {
                shaders::mirror::Background { top: opaque(color), bottom: opaque(color) }
            }
            Background::Gradient(top, bottom) => {
                shaders::mirror::Background { top: opaque(top), bottom: opaque(bottom) }
            }
            Background::Transparent => shaders::mirror::Background { top: [0.0; 4], bottom: [0.0; 4] },
        };
        let uniform = mapped_buffer(
            device,
            "visavis background",
            bytemuck::bytes_of(&background),
            wgpu::BufferUsages::UNIFORM,
        )?;
        scoped(device, || {
            let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some("visavis present"),
                layout: &self.present.get_bind_group_layout(0),
                entries: &[
                    wgpu::BindGroupEntry { binding: 0, resource: uniform.as_entire_binding() },
                    wgpu::BindGroupEntry {
                        binding: 1,
                        resource: wgpu::BindingResource::TextureView(&self.color),
                    },
                ],
            });
            {
                let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
                    label: Some("visavis present"),
                    color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                        view: &self.picture_view,
                        depth_slice: None,
                        resolve_target: None,
                        ops: wgpu::Operations {
                            load: wgpu::LoadOp::Clear(wgpu::Color::TRANSPARENT),
                            store: wgpu::StoreOp::Store,
                        },
                    })],
                    ..Default::default()
                });
                pass.set_pipeline(&self.present);
                pass.set_bind_group(0, &group, &[]);
                pass.draw(0..3, 0..1);
            }
            let [width, height] = self.size;
            encoder.copy_texture_to_buffer(
                self.picture.as_image_copy(),
                wgpu::TexelCopyBufferInfo {
                    buffer: &self.staging,
                    layout: wgpu::TexelCopyBufferLayout {
                        offset: 0,
                        bytes_per_row: Some(self.stride),
                        rows_per_image: Some(height),
                    },
                },
                wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
            );
        })
    }

    /// Waits for the staging buffer and takes its pixels.
    pub(super) fn read_back(&mut self, device: &wgpu::Device) -> Result<(), GpuError> {
        let (sender, receiver) = mpsc::channel();
        self.staging.map_async(wgpu::MapMode::Read, .., move |result| {
            // The receiver is gone only if this function returned early.
            let _ = sender.send(result.is_ok());
        });
        let _ = device.poll(wgpu::PollType::wait_indefinitely());
        if receiver.try_recv() != Ok(true) {
            return Err(GpuError::DeviceLost);
        }
        let row = self.size[0] as usize * 4;
        {
            let Ok(bytes) = self.staging.get_mapped_range(..) else { return Err(GpuError::DeviceLost) };
            self.pixels.clear();
            for padded in bytes.chunks_exact(self.stride as usize) {
                self.pixels.extend_from_slice(&padded[..row]);
            }
        }
        self.staging.unmap();
        Ok(())
    }

    pub(super) fn pixels(&self) -> &[u8] {
        &self.pixels
    }
}

/// What pictures are.
const PICTURE_FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8UnormSrgb;

fn present_pipeline(device: &wgpu::Device) -> wgpu::RenderPipeline {
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some(shaders::PRESENT.name),
        source: wgpu::ShaderSource::Wgsl(shaders::PRESENT.source.into()),
    });
    device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
        label: Some("visavis present"),
        layout: None,
        vertex: wgpu::VertexState {
            module: &module,
            entry_point: Some("present_vertex"),
            compilation_options: Default::default(),
            buffers: &[],
        },
        primitive: Default::default(),
        depth_stencil: None,
        multisample: Default::default(),
        fragment: Some(wgpu::FragmentState {
            module: &module,
            entry_point: Some("present_fragment"),
            compilation_options: Default::default(),
            targets: &[Some(PICTURE_FORMAT.into())],
        }),
        multiview_mask: None,
        cache: None,
    })
}
