//! The last pass: people before a studio wall, into the window or into a picture that is kept.

use visavis::wgpu;
use visavis_shaders as shaders;

use crate::model::backdrop::Backdrop;

/// The pass, for targets of one format.
pub(super) struct Studio {
    pipeline: wgpu::RenderPipeline,
    layout: wgpu::BindGroupLayout,
    sampler: wgpu::Sampler,
    uniform: wgpu::Buffer,
    /// Where nobody is.
    nobody: wgpu::TextureView,
    encodes: bool,
}

/// A wall, and how many pictures of which shape stand before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wall {
    pub(super) backdrop: Backdrop,
    pub(super) columns: u32,
    pub(super) aspect: f32,
}

impl Studio {
    pub(super) fn new(device: &wgpu::Device, format: wgpu::TextureFormat) -> Self {
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some(shaders::STUDIO.name),
            source: wgpu::ShaderSource::Wgsl(shaders::STUDIO.source.into()),
        });
        let pipeline = device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
            label: Some("studio"),
            layout: None,
            vertex: wgpu::VertexState {
                module: &module,
                entry_point: Some("studio_vertex"),
                compilation_options: Default::default(),
                buffers: &[],
            },
            primitive: Default::default(),
            depth_stencil: None,
            multisample: Default::default(),
            fragment: Some(wgpu::FragmentState {
                module: &module,
                entry_point: Some("studio_fragment"),
                compilation_options: Default::default(),
                targets: &[Some(format.into())],
            }),
            multiview_mask: None,
            cache: None,
        });
        let nobody = device.create_texture(&wgpu::TextureDescriptor {
            label: Some("nobody"),
            size: wgpu::Extent3d { width: 1, height: 1, depth_or_array_layers: 1 },
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: wgpu::TextureFormat::Rgba16Float,
            usage: wgpu::TextureUsages::TEXTURE_BINDING, // which wgpu gives us cleared
            view_formats: &[],
        });
        Self {
            layout: pipeline.get_bind_group_layout(0),
            pipeline,
            sampler: device.create_sampler(&wgpu::SamplerDescriptor {
                label: Some("studio"),
                mag_filter: wgpu::FilterMode::Linear,
                min_filter: wgpu::FilterMode::Linear,
                ..Default::default()
            }),
            uniform: device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("studio"),
                size: size_of::<shaders::mirror::Studio>() as u64,
                usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            }),
            nobody: nobody.create_view(&Default::default()),
            encodes: !format.is_srgb(),
        }
    }

    /// What a pass binds to draw `people`, or the wall alone.
    pub(super) fn group(
        &self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        people: Option<&wgpu::TextureView>,
        wall: Wall,
    ) -> wgpu::BindGroup {
        let [[r, g, b], [er, eg, eb]] = wall.backdrop.light();
        let studio = shaders::mirror::Studio {
            centre: [r, g, b, wall.columns as f32],
            edge: [er, eg, eb, wall.aspect],
            encode: [f32::from(u8::from(self.encodes)), 0.0, 0.0, 0.0],
        };
        queue.write_buffer(&self.uniform, 0, bytemuck::bytes_of(&studio));
        device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("studio"),
            layout: &self.layout,
            entries: &[
                wgpu::BindGroupEntry { binding: 0, resource: self.uniform.as_entire_binding() },
                wgpu::BindGroupEntry {
                    binding: 1,
                    resource: wgpu::BindingResource::TextureView(people.unwrap_or(&self.nobody)),
                },
                wgpu::BindGroupEntry { binding: 2, resource: wgpu::BindingResource::Sampler(&self.sampler) },
            ],
        })
    }

    /// Draws over the whole of the pass's viewport.
    pub(super) fn draw(&self, pass: &mut wgpu::RenderPass<'_>, group: &wgpu::BindGroup) {
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, group, &[]);
        pass.draw(0..3, 0..1);
    }
}
