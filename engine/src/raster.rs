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
    Surface(TargetFormat, PixelShape, SurfacePass, Lit),
    /// Of the CPU executor's layers.
    Layer(TargetFormat, LayerPart, Sweep),
}

/// The light that an instance is seen in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Lit {
    /// As it was captured.
    Captured,
    /// In light of the host's.
    Relit(Lamps),
}

/// How many lamps relit shaders are made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Lamps {
    /// Of the light: none or a power of two, so that lamps that come and go make few pipelines.
    light: u8,
    /// Of the captured light.
    captured: u8,
}

impl Lamps {
    /// For lights with so many.
    pub(crate) fn new(light: usize, captured: usize) -> Self {
        let at_most = |count: usize| count.min(shaders::mirror::LIGHT_LAMPS) as u8;
        let light = if light == 0 { 0 } else { light.next_power_of_two() };
        Self { light: at_most(light), captured: at_most(captured) }
    }

    fn constants(self) -> [(&'static str, f64); 2] {
        [("light_lamps", f64::from(self.light)), ("captured_lamps", f64::from(self.captured))]
    }
}

/// What a pipeline draws of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum LayerPart {
    /// All of it, where all instances are as captured.
    All,
    /// What is as captured, beside relit instances.
    Captured,
    /// One relit instance.
    Relit(Lamps),
}

/// Which pixels of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Sweep {
    /// Those that write depth.
    Solid,
    /// Those that don't.
    Soft,
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
    /// Placement, colour, depth, parts.
    pub(crate) relit_layer: wgpu::BindGroupLayout,
    /// The same with array textures.
    pub(crate) relit_layers: wgpu::BindGroupLayout,
    /// [`Lighting`](shaders::mirror::Lighting) at a dynamic offset, shadow map, its sampler.
    pub(crate) lighting: wgpu::BindGroupLayout,
    pub(crate) bilinear: wgpu::Sampler,
    /// Whether what is looked up is at least as near as the map: in reversed-Z, lit.
    pub(crate) comparison: wgpu::Sampler,
    /// For where there is no shadow map; never read.
    pub(crate) no_shadow: wgpu::TextureView,
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
        let kind = |binding, view_dimension, sample_type| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: ShaderStages::FRAGMENT,
            ty: wgpu::BindingType::Texture { sample_type, view_dimension, multisampled: false },
            count: None,
        };
        let sampler = |binding, kind| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: ShaderStages::FRAGMENT,
            ty: wgpu::BindingType::Sampler(kind),
            count: None,
        };
        let layer = |label, dimension, has_parts| {
            let entries = [
                uniform(0, ShaderStages::FRAGMENT, false, size_of::<shaders::mirror::LayerPlacement>()),
                texture(1, dimension, false),
                texture(2, dimension, false),
                kind(3, dimension, wgpu::TextureSampleType::Uint),
            ];
            layout(label, if has_parts { &entries } else { &entries[..3] })
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
                    sampler(3, wgpu::SamplerBindingType::Filtering),
                    texture(4, wgpu::TextureViewDimension::D2, true),
                ],
            ),
            fringe: layout("visavis fringe", &[storage(0), storage(1)]),
            layer: layer("visavis layer", wgpu::TextureViewDimension::D2, false),
            layers: layer("visavis layers", array, false),
            relit_layer: layer("visavis relit layer", wgpu::TextureViewDimension::D2, true),
            relit_layers: layer("visavis relit layers", array, true),
            lighting: layout(
                "visavis lighting",
                &[
                    uniform(0, ShaderStages::FRAGMENT, true, size_of::<shaders::mirror::Lighting>()),
                    kind(1, wgpu::TextureViewDimension::D2, wgpu::TextureSampleType::Depth),
                    sampler(2, wgpu::SamplerBindingType::Comparison),
                ],
            ),
            bilinear: device.create_sampler(&wgpu::SamplerDescriptor {
                label: Some("visavis bilinear"),
                mag_filter: wgpu::FilterMode::Linear,
                min_filter: wgpu::FilterMode::Linear,
                ..Default::default()
            }),
            comparison: device.create_sampler(&wgpu::SamplerDescriptor {
                label: Some("visavis shadow"),
                mag_filter: wgpu::FilterMode::Linear,
                min_filter: wgpu::FilterMode::Linear,
                compare: Some(wgpu::CompareFunction::GreaterEqual),
                ..Default::default()
            }),
            no_shadow: device
                .create_texture(&wgpu::TextureDescriptor {
                    label: Some("visavis no shadow"),
                    size: wgpu::Extent3d::default(),
                    mip_level_count: 1,
                    sample_count: 1,
                    dimension: wgpu::TextureDimension::D2,
                    format: wgpu::TextureFormat::Depth32Float,
                    usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::RENDER_ATTACHMENT,
                    view_formats: &[],
                })
                .create_view(&Default::default()),
        }
    }
}

impl RasterLayouts {
    /// What a pass of this kind binds its cameras by.
    fn camera(&self, format: &TargetFormat) -> &wgpu::BindGroupLayout {
        if format.view_mask.is_some() { &self.cameras } else { &self.camera }
    }

    /// What a pass binds its layers by; `is_array` for several views, `has_parts` where some instance is relit.
    pub(crate) fn layer(&self, is_array: bool, has_parts: bool) -> &wgpu::BindGroupLayout {
        match (is_array, has_parts) {
            (false, false) => &self.layer,
            (true, false) => &self.layers,
            (false, true) => &self.relit_layer,
            (true, true) => &self.relit_layers,
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
            RasterKey::Surface(format, shape, pass, lit) => {
                surface(&self.device, &self.layouts, &format, shape, pass, lit)
            }
            RasterKey::Layer(format, part, sweep) => layer(&self.device, &self.layouts, &format, part, sweep),
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
    lit: Lit,
) -> wgpu::RenderPipeline {
    let mut constants = vec![
        ("dynamic_layers", shape.dynamic_layers as f64),
        ("static_layers", shape.static_layers as f64),
        ("hidden_groups", shape.hidden_groups as f64),
        ("unrolled", f64::from(u8::from(device.adapter_info().device_type != wgpu::DeviceType::Cpu))),
    ];
    if let Lit::Relit(lamps) = lit {
        constants.extend(lamps.constants());
    }
    let is_relit = matches!(lit, Lit::Relit(_));
    let (camera, pixel) = (Some(layouts.camera(format)), Some(&layouts.pixel));
    let (fringe, lighting) = (Some(&layouts.fringe), Some(&layouts.lighting));
    let fringe_groups = [camera, pixel, fringe, lighting];
    let surface_groups = [camera, pixel, None, lighting];
    let names = |captured: &'static str, relit| Some(if is_relit { relit } else { captured });
    let fringe = |fragment, write_depth, recipe| Recipe {
        shader: match lit {
            Lit::Captured => [shaders::FRINGE, shaders::FRINGE_VIEWS],
            Lit::Relit(_) => [shaders::FRINGE_RELIT, shaders::FRINGE_RELIT_VIEWS],
        },
        vertex: if is_relit { "fringe_relit_vertex" } else { "fringe_vertex" },
        fragment,
        layouts: if is_relit { &fringe_groups } else { &fringe_groups[..3] },
        attributes: 0,
        two_sided: true,
        write_depth,
        ..recipe
    };
    let recipe = Recipe {
        shader: match lit {
            Lit::Captured => [shaders::SURFACE, shaders::SURFACE_VIEWS],
            Lit::Relit(_) => [shaders::SURFACE_RELIT, shaders::SURFACE_RELIT_VIEWS],
        },
        vertex: if is_relit { "surface_relit_vertex" } else { "surface_vertex" },
        fragment: None,
        layouts: if is_relit { &surface_groups } else { &surface_groups[..2] },
        attributes: 2,
        constants: &constants,
        two_sided: false,
        blend: true,
        write_depth: false,
        write_color: true,
    };
    let recipe = match pass {
        SurfacePass::Opaque => {
            let fragment = names("opaque_fragment", "opaque_relit");
            Recipe { fragment, blend: false, write_depth: true, ..recipe }
        }
        SurfacePass::Solid { two_sided } => {
            let fragment = names("solid_fragment", "solid_relit");
            Recipe { fragment, two_sided, write_depth: true, ..recipe }
        }
        SurfacePass::SolidFringe => fringe(names("fringe_solid", "fringe_solid_relit"), true, recipe),
        SurfacePass::SoftFringe => fringe(names("fringe_soft", "fringe_soft_relit"), false, recipe),
        SurfacePass::Soft { two_sided } => {
            Recipe { fragment: names("soft_fragment", "soft_relit"), two_sided, ..recipe }
        }
    };
    pipeline(device, format, &recipe)
}

fn layer(
    device: &wgpu::Device,
    layouts: &RasterLayouts,
    format: &TargetFormat,
    part: LayerPart,
    sweep: Sweep,
) -> wgpu::RenderPipeline {
    let textures = Some(layouts.layer(format.view_mask.is_some(), part != LayerPart::All));
    let groups = [textures, Some(layouts.camera(format)), None, Some(&layouts.lighting)];
    let (shader, vertex, [solid, soft], groups) = match part {
        LayerPart::All => (
            [shaders::LAYER, shaders::LAYER_VIEWS],
            "layer_vertex",
            ["layer_solid", "layer_soft"],
            &groups[..1],
        ),
        LayerPart::Captured => (
            [shaders::LAYER_RELIT, shaders::LAYER_RELIT_VIEWS],
            "captured_layer_vertex",
            ["captured_solid", "captured_soft"],
            &groups[..1],
        ),
        LayerPart::Relit(_) => (
            [shaders::LAYER_RELIT, shaders::LAYER_RELIT_VIEWS],
            "relit_layer_vertex",
            ["relit_solid", "relit_soft"],
            &groups[..],
        ),
    };
    let is_solid = sweep == Sweep::Solid;
    let constants = match part {
        LayerPart::Relit(lamps) => lamps.constants().to_vec(),
        LayerPart::All | LayerPart::Captured => Vec::new(),
    };
    pipeline(
        device,
        format,
        &Recipe {
            shader,
            vertex,
            fragment: Some(if is_solid { solid } else { soft }),
            layouts: groups,
            attributes: 0,
            constants: &constants,
            two_sided: true,
            blend: true,
            write_depth: is_solid,
            write_color: true,
        },
    )
}

/// The skinned mesh into depth alone: as it is, or what of it throws shadows.
pub(crate) fn depth_only(
    device: &wgpu::Device,
    layouts: &RasterLayouts,
    format: &TargetFormat,
    casts_shadow: bool,
) -> wgpu::RenderPipeline {
    pipeline(
        device,
        format,
        &Recipe {
            shader: [shaders::DEPTH_ONLY, shaders::DEPTH_ONLY_VIEWS],
            vertex: if casts_shadow { "shadow_vertex" } else { "depth_vertex" },
            fragment: format.color.map(|_| "depth_fragment"),
            layouts: &[Some(layouts.camera(format))],
            attributes: if casts_shadow { 2 } else { 1 },
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
