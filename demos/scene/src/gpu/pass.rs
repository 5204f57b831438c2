//! The pipelines of a kind of pass.

use std::sync::Arc;

use visavis::error::scoped;
use visavis::{TargetFormat, wgpu};
use visavis_shaders as shaders;

use super::layouts::Layouts;
use super::shadow::SHADOW_FORMAT;
use crate::error::RoomError;
use crate::scene::Vertex;

/// Draws scenes on the host's device. Cheap to clone; clones are the same renderer.
#[derive(Clone, Debug)]
pub struct Renderer {
    pub(crate) shared: Arc<RendererShared>,
}

#[derive(Debug)]
pub(crate) struct RendererShared {
    pub(crate) device: wgpu::Device,
    pub(crate) queue: wgpu::Queue,
    pub(crate) layouts: Layouts,
    /// Into shadow maps: whole, and cut out by alpha.
    pub(crate) depth: [wgpu::RenderPipeline; 2],
    surface: wgpu::ShaderModule,
    sky: wgpu::ShaderModule,
    pub(crate) comparison: wgpu::Sampler,
    pub(crate) smooth: wgpu::Sampler,
    /// For what isn't there.
    pub(crate) no_shadow: wgpu::TextureView,
}

/// The pipelines for passes of one kind, made by [`Renderer::pass`].
#[derive(Clone, Debug)]
pub struct ScenePass {
    pub(crate) format: TargetFormat,
    /// `[blended][double-sided][mirrored]`.
    pub(crate) surfaces: Arc<[[[wgpu::RenderPipeline; 2]; 2]; 2]>,
    pub(crate) sky: wgpu::RenderPipeline,
}

impl ScenePass {
    /// The passes that it was made for.
    pub fn format(&self) -> TargetFormat {
        self.format
    }
}

impl Renderer {
    /// Gets ready on the host's device, which needs no more than [`wgpu::Limits::downlevel_defaults`] and no feature.
    ///
    /// # Errors
    /// If the device refuses, or is gone.
    pub fn new(device: &wgpu::Device, queue: &wgpu::Queue) -> Result<Self, RoomError> {
        let shared = scoped(device, || {
            let module = |shader: shaders::Shader| {
                device.create_shader_module(wgpu::ShaderModuleDescriptor {
                    label: Some(shader.name),
                    source: wgpu::ShaderSource::Wgsl(shader.source.into()),
                })
            };
            let layouts = Layouts::new(device);
            let depth_module = module(shaders::SCENE_DEPTH);
            let depth = [None, Some("scene_cut_out")].map(|fragment| {
                pipeline(
                    device,
                    &Recipe {
                        layout: &layouts.pipeline,
                        module: &depth_module,
                        vertex: "scene_vertex",
                        fragment,
                        format: &SHADOW_FORMAT,
                        has_vertices: true,
                        cull: None,
                        mirrored: false,
                        blend: false,
                        write_depth: true,
                        compare: wgpu::CompareFunction::Greater,
                    },
                )
            });
            let sampler = |compare| {
                device.create_sampler(&wgpu::SamplerDescriptor {
                    label: Some("visavis scene"),
                    address_mode_u: wgpu::AddressMode::ClampToEdge,
                    mag_filter: wgpu::FilterMode::Linear,
                    min_filter: wgpu::FilterMode::Linear,
                    mipmap_filter: wgpu::MipmapFilterMode::Linear,
                    compare,
                    ..Default::default()
                })
            };
            let no_shadow = device.create_texture(&wgpu::TextureDescriptor {
                label: Some("visavis scene: no shadow"),
                size: wgpu::Extent3d { width: 1, height: 1, depth_or_array_layers: 1 },
                mip_level_count: 1,
                sample_count: 1,
                dimension: wgpu::TextureDimension::D2,
                format: SHADOW_FORMAT.depth,
                usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::RENDER_ATTACHMENT,
                view_formats: &[],
            });
            RendererShared {
                device: device.clone(),
                queue: queue.clone(),
                depth,
                surface: module(shaders::SCENE_SURFACE),
                sky: module(shaders::SCENE_SKY),
                comparison: sampler(Some(wgpu::CompareFunction::GreaterEqual)),
                smooth: sampler(None),
                no_shadow: no_shadow.create_view(&Default::default()),
                layouts,
            }
        })?;
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Gets ready for passes of this kind; they have colour, and one view each.
    ///
    /// # Errors
    /// If the format has no colour or several views, or the device refuses it.
    pub fn pass(&self, format: &TargetFormat) -> Result<ScenePass, RoomError> {
        if format.color.is_none() || format.view_mask.is_some() {
            return Err(RoomError::Format(*format));
        }
        let RendererShared { device, layouts, surface, sky, .. } = &*self.shared;
        let recipe = |blend: bool, double: bool, mirrored: bool| Recipe {
            layout: &layouts.pipeline,
            module: surface,
            vertex: "scene_vertex",
            fragment: Some(if blend { "scene_blended" } else { "scene_solid" }),
            format,
            has_vertices: true,
            cull: (!double).then_some(wgpu::Face::Back),
            mirrored,
            blend,
            write_depth: !blend,
            compare: wgpu::CompareFunction::Greater,
        };
        let (surfaces, sky) = scoped(device, || {
            let either = [false, true];
            let surfaces = either.map(|blend| {
                either.map(|double| either.map(|mirrored| pipeline(device, &recipe(blend, double, mirrored))))
            });
            let sky = Recipe {
                layout: &layouts.sky,
                module: sky,
                vertex: "sky_vertex",
                fragment: Some("sky_fragment"),
                has_vertices: false,
                cull: None,
                blend: false,
                write_depth: false,
                // Where nothing is: depth 0.
                compare: wgpu::CompareFunction::GreaterEqual,
                ..recipe(false, true, false)
            };
            (surfaces, pipeline(device, &sky))
        })?;
        Ok(ScenePass { format: *format, surfaces: Arc::new(surfaces), sky })
    }
}

/// What differs between pipelines.
struct Recipe<'a> {
    layout: &'a wgpu::PipelineLayout,
    module: &'a wgpu::ShaderModule,
    vertex: &'static str,
    fragment: Option<&'static str>,
    format: &'a TargetFormat,
    has_vertices: bool,
    cull: Option<wgpu::Face>,
    mirrored: bool,
    blend: bool,
    write_depth: bool,
    compare: wgpu::CompareFunction,
}

fn pipeline(device: &wgpu::Device, recipe: &Recipe<'_>) -> wgpu::RenderPipeline {
    let attributes = wgpu::vertex_attr_array![
        0 => Float32x3, 1 => Float32x3, 2 => Float32x4, 3 => Float32x2, 4 => Float32x2, 5 => Unorm8x4
    ];
    let buffers = [Some(wgpu::VertexBufferLayout {
        array_stride: size_of::<Vertex>() as u64,
        step_mode: wgpu::VertexStepMode::Vertex,
        attributes: &attributes,
    })];
    let targets = [recipe.format.color.map(|format| wgpu::ColorTargetState {
        format,
        blend: recipe.blend.then_some(wgpu::BlendState::PREMULTIPLIED_ALPHA_BLENDING),
        write_mask: wgpu::ColorWrites::ALL,
    })];
    let targets: &[_] = if recipe.format.color.is_some() { &targets } else { &[] };
    device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
        label: Some(recipe.fragment.unwrap_or(recipe.vertex)),
        layout: Some(recipe.layout),
        vertex: wgpu::VertexState {
            module: recipe.module,
            entry_point: Some(recipe.vertex),
            compilation_options: Default::default(),
            buffers: if recipe.has_vertices { &buffers } else { &[] },
        },
        primitive: wgpu::PrimitiveState {
            cull_mode: recipe.cull,
            front_face: if recipe.mirrored { wgpu::FrontFace::Cw } else { wgpu::FrontFace::Ccw },
            ..Default::default()
        },
        depth_stencil: Some(wgpu::DepthStencilState {
            format: recipe.format.depth,
            depth_write_enabled: Some(recipe.write_depth),
            depth_compare: Some(recipe.compare),
            stencil: wgpu::StencilState::default(),
            bias: wgpu::DepthBiasState::default(),
        }),
        multisample: wgpu::MultisampleState { count: recipe.format.samples, ..Default::default() },
        fragment: recipe.fragment.map(|entry_point| wgpu::FragmentState {
            module: recipe.module,
            entry_point: Some(entry_point),
            compilation_options: Default::default(),
            targets,
        }),
        multiview_mask: None,
        cache: None,
    })
}
