//! The textures behind a picture, and its way to memory.

use visavis_shaders as shaders;

use super::{Background, COLOR, Canvas, FORMAT, ReadBack};
use crate::error::{GpuError, scoped};
use crate::upload::mapped_buffer;

/// Colour and depth to draw in, the composited picture, the buffer it is read from.
pub(super) struct Offscreen {
    canvas: Canvas,
    picture: wgpu::Texture,
    picture_view: wgpu::TextureView,
    present: wgpu::RenderPipeline,
    read_back: ReadBack,
    pixels: Vec<u8>,
}

impl Offscreen {
    pub(super) fn new(device: &wgpu::Device, size: [u32; 2]) -> Result<Self, GpuError> {
        let [width, height] = size;
        let canvas = Canvas::new(device, size, [COLOR, FORMAT.depth], wgpu::TextureUsages::TEXTURE_BINDING)?;
        let (picture, present) = scoped(device, || {
            let picture = device.create_texture(&wgpu::TextureDescriptor {
                label: Some("visavis picture"),
                size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
                mip_level_count: 1,
                sample_count: 1,
                dimension: wgpu::TextureDimension::D2,
                format: PICTURE_FORMAT,
                usage: wgpu::TextureUsages::COPY_SRC | wgpu::TextureUsages::RENDER_ATTACHMENT,
                view_formats: &[],
            });
            (picture, present_pipeline(device))
        })?;
        Ok(Self {
            canvas,
            picture_view: picture.create_view(&Default::default()),
            picture,
            present,
            read_back: ReadBack::new(device, size, PICTURE_FORMAT)?,
            pixels: Vec::new(),
        })
    }

    pub(super) fn size(&self) -> [u32; 2] {
        self.canvas.size()
    }

    /// A pass over transparent black, nothing near.
    pub(super) fn begin_pass<'a>(&self, encoder: &'a mut wgpu::CommandEncoder) -> wgpu::RenderPass<'a> {
        self.canvas.begin(encoder, wgpu::Color::TRANSPARENT)
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
                        resource: wgpu::BindingResource::TextureView(self.canvas.color()),
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
            self.read_back.record(encoder, &self.picture);
        })
    }

    /// Waits for the copy and takes its pixels.
    pub(super) fn read_back(&mut self, device: &wgpu::Device) -> Result<(), GpuError> {
        self.read_back.read(device, &mut self.pixels)
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
