//! The raster pipelines: which shader, blending and depth each pass of an avatar has.

use visavis_shaders as shaders;
use visavis_shaders::mirror::{Camera, MAX_VIEWS, SkinnedVertex};

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
    /// The rim outside opaque silhouettes where its alpha is ≥ ½; it writes depth.
    SolidFringe,
    /// The rest of the rim, which doesn't.
    SoftFringe,
    /// Blended fragments of alpha < ½, which don't.
    Soft { two_sided: bool },
}

impl SurfacePass {
    /// What [`stage`](Self::stage) gives, in drawing order.
    pub(crate) const STAGES: [u8; 5] = [0, 1, 2, 3, 4];

    /// Where it stands among the passes.
    pub(crate) fn stage(self) -> u8 {
        match self {
            Self::Opaque => 0,
            Self::Solid { .. } => 1,
            Self::SolidFringe => 2,
            Self::SoftFringe => 3,
            Self::Soft { .. } => 4,
        }
    }

    /// Whether its vertices come from edges, not from triangles.
    pub(crate) fn is_fringe(self) -> bool {
        matches!(self, Self::SolidFringe | Self::SoftFringe)
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
    /// [`MAX_VIEWS`] of them.
    pub(crate) cameras: wgpu::BindGroupLayout,
    /// Pixel decoder, dynamic map, static map, sampler, the likeness's colour.
    pub(crate) pixel: wgpu::BindGroupLayout,
    /// Skinned vertices, edges.
    pub(crate) fringe: wgpu::BindGroupLayout,
    /// Placement, colour, depth.
    pub(crate) layer: wgpu::BindGroupLayout,
    /// The same with array textures.
    pub(crate) layers: wgpu::BindGroupLayout,
    pub(crate) bilinear: wgpu::Sampler,
}

impl RasterLayouts {
    pub(crate) fn new(device: &wgpu::Device) -> Self {
        use wgpu::ShaderStages;
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
        let vertex = ShaderStages::VERTEX;
        let layer = |label, dimension| {
            layout(
                label,
                &[
                    uniform(0, ShaderStages::FRAGMENT, false, size_of::<shaders::mirror::LayerPlacement>()),
                    texture(1, dimension, false),
                    texture(2, dimension, false),
                ],
            )
        };
        Self {
            camera: layout("visavis camera", &[uniform(0, vertex, true, size_of::<Camera>())]),
            cameras: layout("visavis cameras", &[uniform(0, vertex, true, size_of::<[Camera; MAX_VIEWS]>())]),
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
                    texture(4, wgpu::TextureViewDimension::D2, true),
                ],
            ),
            fringe: layout("visavis fringe", &[storage(0), storage(1)]),
            layer: layer("visavis layer", wgpu::TextureViewDimension::D2),
            layers: layer("visavis layers", array),
            bilinear: device.create_sampler(&wgpu::SamplerDescriptor {
                label: Some("visavis bilinear"),
                mag_filter: wgpu::FilterMode::Linear,
                min_filter: wgpu::FilterMode::Linear,
                ..Default::default()
            }),
        }
    }
}

impl RasterLayouts {
    /// What a pass of this kind binds its cameras by.
    fn camera(&self, format: &TargetFormat) -> &wgpu::BindGroupLayout {
        if format.view_mask.is_some() { &self.cameras } else { &self.camera }
    }

    /// What a pass binds its layers by; `is_array` for several views.
    pub(crate) fn layer(&self, is_array: bool) -> &wgpu::BindGroupLayout {
        if is_array { &self.layers } else { &self.layer }
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
    /// For a pass of one view, and of several.
    shader: [shaders::Shader; 2],
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
    let groups = [Some(layouts.camera(format)), Some(&layouts.pixel), Some(&layouts.fringe)];
    let fringe = |fragment, write_depth, recipe| Recipe {
        shader: [shaders::FRINGE, shaders::FRINGE_VIEWS],
        vertex: "fringe_vertex",
        fragment: Some(fragment),
        layouts: &groups,
        attributes: 0,
        two_sided: true,
        write_depth,
        ..recipe
    };
    let recipe = Recipe {
        shader: [shaders::SURFACE, shaders::SURFACE_VIEWS],
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
        SurfacePass::SolidFringe => fringe("fringe_solid", true, recipe),
        SurfacePass::SoftFringe => fringe("fringe_soft", false, recipe),
        SurfacePass::Soft { two_sided } => Recipe { fragment: Some("soft_fragment"), two_sided, ..recipe },
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
            shader: [shaders::LAYER, shaders::LAYER_VIEWS],
            vertex: "layer_vertex",
            fragment: Some(if solid { "layer_solid" } else { "layer_soft" }),
            layouts: &[Some(layouts.layer(format.view_mask.is_some()))],
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
            shader: [shaders::DEPTH_ONLY, shaders::DEPTH_ONLY_VIEWS],
            vertex: "depth_vertex",
            fragment: format.color.map(|_| "depth_fragment"),
            layouts: &[Some(layouts.camera(format))],
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
    let [one_view, several] = recipe.shader;
    let shader = if format.view_mask.is_some() { several } else { one_view };
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some(shader.name),
        source: wgpu::ShaderSource::Wgsl(shader.source.into()),
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
        multiview_mask: format.view_mask,
        cache: None,
    })
}
