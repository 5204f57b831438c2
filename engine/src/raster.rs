//! The raster pipelines: which shader, blending and depth each pass of an avatar has.

use visavis_shaders as shaders;
use visavis_shaders::mirror::{Camera, SkinnedVertex};

use crate::engine::Shared;
use crate::error::{GpuError, scoped};
use crate::gpu::PixelShape;
use crate::target::TargetFormat;

/// The passes of a picture, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum SurfacePass {
    /// Opaque parts.
    Opaque,
    /// Blended fragments of alpha ≥ ½, which write depth.
    Solid { two_sided: bool },
    /// Blended fragments of alpha < ½, which don't.
    Soft { two_sided: bool },
    /// The rim outside opaque silhouettes.
    Fringe,
}

impl SurfacePass {
    /// What [`stage`](Self::stage) gives, in drawing order.
    pub(crate) const STAGES: [u8; 4] = [0, 1, 2, 3];

    /// Where it stands among the passes.
    pub(crate) fn stage(self) -> u8 {
        match self {
            Self::Opaque => 0,
            Self::Solid { .. } => 1,
            Self::Soft { .. } => 2,
            Self::Fringe => 3,
        }
    }
}

/// What a raster pipeline depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum RasterKey {
    /// Of the GPU executor.
    Surface(TargetFormat, PixelShape, SurfacePass),
    /// Of the CPU executor's layers; solid or soft.
    Layer(TargetFormat, bool),
}

/// The bind group layouts that raster pipelines share.
#[derive(Debug)]
pub(crate) struct RasterLayouts {
    /// One [`Camera`] at a dynamic offset.
    pub(crate) camera: wgpu::BindGroupLayout,
    /// Pixel decoder, dynamic map, static map, sampler.
    pub(crate) pixel: wgpu::BindGroupLayout,
    /// Skinned vertices, edges.
    pub(crate) fringe: wgpu::BindGroupLayout,
    /// Placement, colour, depth.
    pub(crate) layer: wgpu::BindGroupLayout,
    pub(crate) bilinear: wgpu::Sampler,
}

impl RasterLayouts {
    pub(crate) fn new(device: &wgpu::Device) -> Self {
        use wgpu::ShaderStages;
        let both = ShaderStages::VERTEX_FRAGMENT;
        let layout = |label, entries: &[wgpu::BindGroupLayoutEntry]| {
            device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: Some(label), entries })
        };
        let texture = |binding, dimension, filterable| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: ShaderStages::FRAGMENT,
            ty: wgpu::BindingType::Texture {
                sample_type: wgpu::TextureSampleType::Float { filterable },
                view_dimension: dimension,
                multisampled: false,
            },
            count: None,
        };
        let uniform = |binding, visibility, has_dynamic_offset, size: usize| wgpu::BindGroupLayoutEntry {
            binding,
            visibility,
            ty: wgpu::BindingType::Buffer {
                ty: wgpu::BufferBindingType::Uniform,
                has_dynamic_offset,
                min_binding_size: wgpu::BufferSize::new(size as u64),
            },
            count: None,
        };
        let storage = |binding| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: ShaderStages::VERTEX,
            ty: wgpu::BindingType::Buffer {
                ty: wgpu::BufferBindingType::Storage { read_only: true },
                has_dynamic_offset: false,
                min_binding_size: None,
            },
            count: None,
        };
        let array = wgpu::TextureViewDimension::D2Array;
        let plane = wgpu::TextureViewDimension::D2;
        Self {
            camera: layout("visavis camera", &[uniform(0, both, true, size_of::<Camera>())]),
            pixel: layout(
                "visavis pixel decoder",
                &[
                    uniform(0, ShaderStages::FRAGMENT, false, size_of::<shaders::mirror::PixelDecoder>()),
                    texture(1, array, true),
                    texture(2, array, true),
                    wgpu::BindGroupLayoutEntry {
                        binding: 3,
                        visibility: ShaderStages::FRAGMENT,
                        ty: wgpu::BindingType::Sampler(wgpu::SamplerBindingType::Filtering),
                        count: None,
                    },
                ],
            ),
            fringe: layout("visavis fringe", &[storage(0), storage(1)]),
            layer: layout(
                "visavis layer",
                &[
                    uniform(0, ShaderStages::FRAGMENT, false, size_of::<shaders::mirror::LayerPlacement>()),
                    texture(1, plane, false),
                    texture(2, plane, false),
                ],
            ),
            bilinear: device.create_sampler(&wgpu::SamplerDescriptor {
                label: Some("visavis bilinear"),
                mag_filter: wgpu::FilterMode::Linear,
                min_filter: wgpu::FilterMode::Linear,
                ..Default::default()
            }),
        }
    }
}

impl Shared {
    /// The pipeline, made the first time that it is asked for.
    pub(crate) fn raster_pipeline(&self, key: RasterKey) -> Result<wgpu::RenderPipeline, GpuError> {
        let mut pipelines = self.pipelines.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(pipeline) = pipelines.get(&key) {
            return Ok(pipeline.clone());
        }
        let pipeline = scoped(&self.device, || match key {
            RasterKey::Surface(format, shape, pass) => {
                surface(&self.device, &self.layouts, &format, shape, pass)
            }
            RasterKey::Layer(format, solid) => layer(&self.device, &self.layouts, &format, solid),
        })?;
        pipelines.insert(key, pipeline.clone());
        Ok(pipeline)
    }
}

/// What differs between the pipelines.
struct Recipe<'a> {
    shader: shaders::Shader,
    vertex: &'static str,
    fragment: Option<&'static str>,
    layouts: &'a [Option<&'a wgpu::BindGroupLayout>],
    /// Vertex attributes of four floats, from the start of a [`SkinnedVertex`]; 0 for none.
    attributes: usize,
    constants: &'a [(&'a str, f64)],
    two_sided: bool,
    blend: bool,
    write_depth: bool,
    write_color: bool,
}

fn surface(
    device: &wgpu::Device,
    layouts: &RasterLayouts,
    format: &TargetFormat,
    shape: PixelShape,
    pass: SurfacePass,
) -> wgpu::RenderPipeline {
    let constants = [
        ("dynamic_layers", shape.dynamic_layers as f64),
        ("static_layers", shape.static_layers as f64),
        ("hidden_groups", shape.hidden_groups as f64),
        ("unrolled", f64::from(u8::from(device.adapter_info().device_type != wgpu::DeviceType::Cpu))),
    ];
    let groups = [Some(&layouts.camera), Some(&layouts.pixel), Some(&layouts.fringe)];
    let recipe = Recipe {
        shader: shaders::SURFACE,
        vertex: "surface_vertex",
        fragment: None,
        layouts: &groups[..2],
        attributes: 2,
        constants: &constants,
        two_sided: false,
        blend: true,
        write_depth: false,
        write_color: true,
    };
    let recipe = match pass {
        SurfacePass::Opaque => {
            Recipe { fragment: Some("opaque_fragment"), blend: false, write_depth: true, ..recipe }
        }
        SurfacePass::Solid { two_sided } => {
            Recipe { fragment: Some("solid_fragment"), two_sided, write_depth: true, ..recipe }
        }
        SurfacePass::Soft { two_sided } => Recipe { fragment: Some("soft_fragment"), two_sided, ..recipe },
        SurfacePass::Fringe => Recipe {
            shader: shaders::FRINGE,
            vertex: "fringe_vertex",
            fragment: Some("fringe_fragment"),
            layouts: &groups,
            attributes: 0,
            two_sided: true,
            ..recipe
        },
    };
    pipeline(device, format, &recipe)
}

fn layer(
    device: &wgpu::Device,
    layouts: &RasterLayouts,
    format: &TargetFormat,
    solid: bool,
) -> wgpu::RenderPipeline {
    pipeline(
        device,
        format,
        &Recipe {
            shader: shaders::LAYER,
            vertex: "layer_vertex",
            fragment: Some(if solid { "layer_solid" } else { "layer_soft" }),
            layouts: &[Some(&layouts.layer)],
            attributes: 0,
            constants: &[],
            two_sided: true,
            blend: true,
            write_depth: solid,
            write_color: true,
        },
    )
}

/// The skinned mesh into depth alone.
pub(crate) fn depth_only(
    device: &wgpu::Device,
    layouts: &RasterLayouts,
    format: &TargetFormat,
) -> wgpu::RenderPipeline {
    pipeline(
        device,
        format,
        &Recipe {
            shader: shaders::DEPTH_ONLY,
            vertex: "depth_vertex",
            fragment: format.color.map(|_| "depth_fragment"),
            layouts: &[Some(&layouts.camera)],
            attributes: 1,
            constants: &[],
            two_sided: false,
            blend: true, // of no effect without colour, but it refuses formats that can't be blended
            write_depth: true,
            write_color: false,
        },
    )
}

fn pipeline(device: &wgpu::Device, format: &TargetFormat, recipe: &Recipe<'_>) -> wgpu::RenderPipeline {
    let label = Some(recipe.fragment.unwrap_or(recipe.vertex));
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some(recipe.shader.name),
        source: wgpu::ShaderSource::Wgsl(recipe.shader.source.into()),
    });
    let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label,
        bind_group_layouts: recipe.layouts,
        immediate_size: 0,
    });
    let attributes = wgpu::vertex_attr_array![0 => Float32x4, 1 => Float32x4];
    let buffers = [Some(wgpu::VertexBufferLayout {
        array_stride: size_of::<SkinnedVertex>() as u64,
        step_mode: wgpu::VertexStepMode::Vertex,
        attributes: &attributes[..recipe.attributes],
    })];
    let compilation_options =
        || wgpu::PipelineCompilationOptions { constants: recipe.constants, ..Default::default() };
    let targets = [format.color.map(|color| wgpu::ColorTargetState {
        format: color,
        blend: recipe.blend.then_some(wgpu::BlendState::PREMULTIPLIED_ALPHA_BLENDING),
        write_mask: if recipe.write_color { wgpu::ColorWrites::ALL } else { wgpu::ColorWrites::empty() },
    })];
    device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
        label,
        layout: Some(&layout),
        vertex: wgpu::VertexState {
            module: &module,
            entry_point: Some(recipe.vertex),
            // The constants stand in the fragment stage's half of the module.
            compilation_options: compilation_options(),
            buffers: if recipe.attributes == 0 { &[] } else { &buffers },
        },
        primitive: wgpu::PrimitiveState {
            cull_mode: (!recipe.two_sided).then_some(wgpu::Face::Back),
            ..Default::default()
        },
        depth_stencil: Some(wgpu::DepthStencilState {
            format: format.depth,
            depth_write_enabled: Some(recipe.write_depth),
            depth_compare: Some(wgpu::CompareFunction::Greater),
            stencil: wgpu::StencilState::default(),
            bias: wgpu::DepthBiasState::default(),
        }),
        multisample: wgpu::MultisampleState { count: format.samples, ..Default::default() },
        fragment: recipe.fragment.map(|entry_point| wgpu::FragmentState {
            module: &module,
            entry_point: Some(entry_point),
            compilation_options: compilation_options(),
            targets: &targets,
        }),
        multiview_mask: None,
        cache: None,
    })
}
