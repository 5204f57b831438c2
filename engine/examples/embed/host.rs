//! What a game or a window has already: textures to draw in, a room (a wall, a desk, a lamp's post, a pane of glass), and a
//! way to show it, which here is a PNG.

use visavis::View;
use visavis::wgpu::{self, TextureFormat, TextureUsages};

pub(crate) struct Host {
    pub(crate) color: wgpu::Texture,
    pub(crate) depth: wgpu::Texture,
    opaque: wgpu::RenderPipeline,
    transparent: wgpu::RenderPipeline,
    camera: wgpu::Buffer,
    group: wgpu::BindGroup,
}

/// Vertices of the room's opaque quads, and of its glass.
const OPAQUE: std::ops::Range<u32> = 0..36;
const TRANSPARENT: std::ops::Range<u32> = 36..42;

impl Host {
    pub(crate) fn new(device: &wgpu::Device, [width, height]: [u32; 2]) -> Self {
        let texture = |format, usage| {
            device.create_texture(&wgpu::TextureDescriptor {
                label: None,
                size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
                mip_level_count: 1,
                sample_count: 1,
                dimension: wgpu::TextureDimension::D2,
                format,
                usage: usage | TextureUsages::RENDER_ATTACHMENT,
                view_formats: &[],
            })
        };
        let color = texture(TextureFormat::Rgba8UnormSrgb, TextureUsages::COPY_SRC);
        let depth = texture(TextureFormat::Depth32Float, TextureUsages::empty());
        let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: None,
            entries: &[wgpu::BindGroupLayoutEntry {
                binding: 0,
                visibility: wgpu::ShaderStages::VERTEX,
                ty: wgpu::BindingType::Buffer {
                    ty: wgpu::BufferBindingType::Uniform,
                    has_dynamic_offset: false,
                    min_binding_size: None,
                },
                count: None,
            }],
        });
        let camera = device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: 64,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &layout,
            entries: &[wgpu::BindGroupEntry { binding: 0, resource: camera.as_entire_binding() }],
        });
        let [opaque, transparent] = [false, true].map(|blended| pipeline(device, &layout, &color, blended));
        Self { color, depth, opaque, transparent, camera, group }
    }

    /// Nothing near: reversed-Z depth is cleared to 0.
    pub(crate) fn begin_pass<'a>(
        &self,
        queue: &wgpu::Queue,
        encoder: &'a mut wgpu::CommandEncoder,
        view: &View,
    ) -> wgpu::RenderPass<'a> {
        let floats = view.clip_from_world().to_cols_array().map(f32::to_le_bytes);
        queue.write_buffer(&self.camera, 0, floats.as_flattened());
        encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view: &self.color.create_view(&Default::default()),
                depth_slice: None,
                resolve_target: None,
                ops: Default::default(),
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

    pub(crate) fn draw_opaque(&self, pass: &mut wgpu::RenderPass<'_>) {
        pass.set_pipeline(&self.opaque);
        pass.set_bind_group(0, &self.group, &[]);
        pass.draw(OPAQUE, 0..1);
    }

    pub(crate) fn draw_transparent(&self, pass: &mut wgpu::RenderPass<'_>) {
        pass.set_pipeline(&self.transparent);
        pass.set_bind_group(0, &self.group, &[]);
        pass.draw(TRANSPARENT, 0..1);
    }

    /// Waits, and writes a PNG.
    pub(crate) fn save(
        &self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        path: &str,
    ) -> Result<(), Box<dyn std::error::Error>> {
        let (width, height) = (self.color.width(), self.color.height());
        let pixels = device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: u64::from(width * height * 4),
            usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
            mapped_at_creation: false,
        });
        // Widths that are a multiple of 64 need no padding.
        let layout =
            wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(width * 4), rows_per_image: None };
        let mut encoder = device.create_command_encoder(&Default::default());
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

fn pipeline(
    device: &wgpu::Device,
    layout: &wgpu::BindGroupLayout,
    color: &wgpu::Texture,
    blended: bool,
) -> wgpu::RenderPipeline {
    let module = device.create_shader_module(wgpu::include_wgsl!("room.wgsl"));
    let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: None,
        bind_group_layouts: &[Some(layout)],
        immediate_size: 0,
    });
    device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
        label: None,
        layout: Some(&layout),
        vertex: wgpu::VertexState {
            module: &module,
            entry_point: Some("room_vertex"),
            compilation_options: Default::default(),
            buffers: &[],
        },
        primitive: Default::default(),
        depth_stencil: Some(wgpu::DepthStencilState {
            format: TextureFormat::Depth32Float,
            depth_write_enabled: Some(!blended),
            depth_compare: Some(wgpu::CompareFunction::Greater),
            stencil: Default::default(),
            bias: Default::default(),
        }),
        multisample: Default::default(),
        fragment: Some(wgpu::FragmentState {
            module: &module,
            entry_point: Some("room_fragment"),
            compilation_options: Default::default(),
            targets: &[Some(wgpu::ColorTargetState {
                format: color.format(),
                blend: blended.then_some(wgpu::BlendState::PREMULTIPLIED_ALPHA_BLENDING),
                write_mask: wgpu::ColorWrites::ALL,
            })],
        }),
        multiview_mask: None,
        cache: None,
    })
}
