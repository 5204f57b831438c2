//! The pipelines of mixed reality.

use std::sync::Arc;

use visavis_shaders as shaders;
use visavis_shaders::mirror::MixedFrame;

use super::{MixedError, MixedView};
use crate::Engine;
use crate::engine::Shared;
use crate::error::{GpuError, scoped};

/// What comes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Output {
    /// Premultiplied RGBA over what is real, for a compositor that blends by alpha (OpenXR's
    /// `XR_ENVIRONMENT_BLEND_MODE_ALPHA_BLEND`): avatars with what hides them cut out, shadows as black.
    Overlay,
    /// The camera's picture with the avatars in it, opaque. Needs [`Inputs::picture`](super::Inputs::picture).
    Picture,
}

/// How depth is treated. The defaults suit structured light and time of flight at room distance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MixerOptions {
    /// Standard deviation of the depth map's noise as a share of the distance, 0.0005 to 0.2; default 0.02. Three of it
    /// count as the same distance: too much lets an avatar lag behind a hand, too little lets noise through.
    pub depth_noise: f32,
    /// Frames that depth is averaged over where it agrees, 1 (none) to 255; default 12.
    pub memory_frames: u32,
    /// Frames that a hole shows what was measured there last, 0 to 255; default 20. Then its neighbours fill it.
    pub hold_frames: u32,
}

impl Default for MixerOptions {
    fn default() -> Self {
        Self { depth_noise: 0.02, memory_frames: 12, hold_frames: 20 }
    }
}

impl MixerOptions {
    fn validate(&self) -> Result<(), MixedError> {
        let Self { depth_noise, memory_frames, hold_frames } = *self;
        let wrong = |field, found, allowed| Err(MixedError::Setting { field, found, allowed });
        match () {
            _ if !(0.0005..=0.2).contains(&depth_noise) => wrong("depth_noise", depth_noise, "0.0005 to 0.2"),
            _ if !(1..=255).contains(&memory_frames) => {
                wrong("memory_frames", memory_frames as f32, "1 to 255")
            }
            _ if hold_frames > 255 => wrong("hold_frames", hold_frames as f32, "0 to 255"),
            _ => Ok(()),
        }
    }
}

/// The pipelines for one kind of output: one for a host, or one for each format. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Mixer {
    pub(super) inner: Arc<MixerInner>,
}

#[derive(Debug)]
pub(super) struct MixerInner {
    pub(super) shared: Arc<Shared>,
    pub(super) format: wgpu::TextureFormat,
    pub(super) output: Output,
    pub(super) options: MixerOptions,
    pub(super) frame_layout: wgpu::BindGroupLayout,
    pub(super) depth: Pass,
    pub(super) fill: Pass,
    pub(super) shadow: Pass,
    pub(super) resolve: Pass,
    pub(super) composite: Pass,
    pub(super) bilinear: wgpu::Sampler,
    /// One texel each, for what a frame lacks.
    pub(super) nothing: Nothing,
}

/// A pipeline, and what its second group is.
#[derive(Debug)]
pub(super) struct Pass {
    pub(super) label: &'static str,
    pub(super) pipeline: wgpu::RenderPipeline,
    pub(super) layout: wgpu::BindGroupLayout,
}

/// Stand-ins. They are drawn once, by the first frame of each view.
#[derive(Debug)]
pub(super) struct Nothing {
    /// White: all the light, all of the avatar.
    pub(super) white: wgpu::TextureView,
    /// Zero.
    pub(super) black: wgpu::TextureView,
}

/// Of depth over time, in the first pass.
pub(super) const STATE: wgpu::TextureFormat = wgpu::TextureFormat::Rgba32Float;
/// Of the picture as the depth map sees it.
pub(super) const GUIDE: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8Unorm;
/// Of inverse depth without holes.
pub(super) const FILLED: wgpu::TextureFormat = wgpu::TextureFormat::R32Float;
/// Of what is left of the light.
pub(super) const SHADE: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8Unorm;
/// Of light and visibility at the output's resolution.
pub(super) const RESOLVED: wgpu::TextureFormat = wgpu::TextureFormat::Rgba16Float;

impl Engine {
    /// Pipelines for outputs of this format: floating-point or sRGB, since colours are linear light. They compile here.
    ///
    /// # Errors
    /// [`MixedError::Format`], [`MixedError::Setting`]; [`MixedError::Gpu`] where the device refuses.
    pub fn mixer(
        &self,
        format: wgpu::TextureFormat,
        output: Output,
        options: MixerOptions,
    ) -> Result<Mixer, MixedError> {
        options.validate()?;
        if !(format.is_srgb() || crate::target::is_float(format)) {
            let allowed = "floating-point or sRGB";
            return Err(MixedError::Format { what: "the output", found: format, allowed });
        }
        let device = &self.shared.device;
        let inner = scoped(device, || MixerInner::new(self.shared.clone(), format, output, options))?;
        Ok(Mixer { inner: Arc::new(inner) })
    }
}

impl Mixer {
    /// What one view remembers: one of these for each eye. Its textures are made by the first frame.
    pub fn view(&self) -> MixedView {
        MixedView::new(self.inner.clone())
    }
}

/// How a texture of a pass's second group is read.
#[derive(Clone, Copy)]
enum Read {
    /// Also depth formats.
    Load,
    Filter,
    Sampler,
}

impl MixerInner {
    fn new(shared: Arc<Shared>, format: wgpu::TextureFormat, output: Output, options: MixerOptions) -> Self {
        use Read::{Filter, Load, Sampler};
        let device = &shared.device;
        let frame_layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some("visavis mixed frame"),
            entries: &[wgpu::BindGroupLayoutEntry {
                binding: 0,
                visibility: wgpu::ShaderStages::FRAGMENT,
                ty: wgpu::BindingType::Buffer {
                    ty: wgpu::BufferBindingType::Uniform,
                    has_dynamic_offset: false,
                    min_binding_size: wgpu::BufferSize::new(size_of::<MixedFrame>() as u64),
                },
                count: None,
            }],
        });
        let pass = |shader, fragment, reads: &[Read], targets: &[wgpu::TextureFormat]| {
            pass(device, &frame_layout, shader, fragment, reads, targets)
        };
        let composited = match output {
            Output::Overlay => "overlay_fragment",
            Output::Picture => "picture_fragment",
        };
        Self {
            depth: pass(
                shaders::MIXED_DEPTH,
                "depth_fragment",
                &[Load, Load, Filter, Sampler],
                &[STATE, GUIDE],
            ),
            fill: pass(shaders::MIXED_FILL, "fill_fragment", &[Load, Load], &[FILLED]),
            shadow: pass(shaders::MIXED_SHADOW, "shadow_fragment", &[Load, Load], &[SHADE]),
            resolve: pass(
                shaders::MIXED_RESOLVE,
                "resolve_fragment",
                &[Load, Load, Load, Load, Load, Filter, Sampler],
                &[RESOLVED],
            ),
            composite: pass(shaders::MIXED_COMPOSITE, composited, &[Load, Load, Filter, Sampler], &[format]),
            bilinear: device.create_sampler(&wgpu::SamplerDescriptor {
                label: Some("visavis mixed"),
                mag_filter: wgpu::FilterMode::Linear,
                min_filter: wgpu::FilterMode::Linear,
                ..Default::default()
            }),
            nothing: Nothing::new(device),
            frame_layout,
            format,
            output,
            options,
            shared,
        }
    }
}

impl Nothing {
    fn new(device: &wgpu::Device) -> Self {
        let texel = |label| {
            let texture = device.create_texture(&wgpu::TextureDescriptor {
                label: Some(label),
                size: wgpu::Extent3d { width: 1, height: 1, depth_or_array_layers: 1 },
                mip_level_count: 1,
                sample_count: 1,
                dimension: wgpu::TextureDimension::D2,
                format: GUIDE,
                usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::RENDER_ATTACHMENT,
                view_formats: &[],
            });
            texture.create_view(&Default::default())
        };
        Self { white: texel("visavis white"), black: texel("visavis black") }
    }

    /// Records their contents.
    pub(super) fn draw(&self, encoder: &mut wgpu::CommandEncoder) {
        for (view, color) in [(&self.white, wgpu::Color::WHITE), (&self.black, wgpu::Color::TRANSPARENT)] {
            drop(encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
                label: Some("visavis mixed"),
                color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                    view,
                    depth_slice: None,
                    resolve_target: None,
                    ops: wgpu::Operations { load: wgpu::LoadOp::Clear(color), store: wgpu::StoreOp::Store },
                })],
                ..Default::default()
            }));
        }
    }
}

fn pass(
    device: &wgpu::Device,
    frame: &wgpu::BindGroupLayout,
    shader: shaders::Shader,
    fragment: &'static str,
    reads: &[Read],
    targets: &[wgpu::TextureFormat],
) -> Pass {
    let entries: Vec<_> = (0..)
        .zip(reads)
        .map(|(binding, read)| {
            let texture = |sample_type| wgpu::BindingType::Texture {
                sample_type,
                view_dimension: wgpu::TextureViewDimension::D2,
                multisampled: false,
            };
            let ty = match read {
                Read::Load => texture(wgpu::TextureSampleType::Float { filterable: false }),
                Read::Filter => texture(wgpu::TextureSampleType::Float { filterable: true }),
                Read::Sampler => wgpu::BindingType::Sampler(wgpu::SamplerBindingType::Filtering),
            };
            wgpu::BindGroupLayoutEntry { binding, visibility: wgpu::ShaderStages::FRAGMENT, ty, count: None }
        })
        .collect();
    let label = Some(fragment);
    let layout =
        device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label, entries: &entries });
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some(shader.name),
        source: wgpu::ShaderSource::Wgsl(shader.source.into()),
    });
    let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label,
        bind_group_layouts: &[Some(frame), Some(&layout)],
        immediate_size: 0,
    });
    let targets: Vec<_> = targets.iter().map(|&format| Some(format.into())).collect();
    let pipeline = device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
        label,
        layout: Some(&pipeline_layout),
        vertex: wgpu::VertexState {
            module: &module,
            entry_point: Some("mixed_vertex"),
            compilation_options: Default::default(),
            buffers: &[],
        },
        primitive: Default::default(),
        depth_stencil: None,
        multisample: Default::default(),
        fragment: Some(wgpu::FragmentState {
            module: &module,
            entry_point: Some(fragment),
            compilation_options: Default::default(),
            targets: &targets,
        }),
        multiview_mask: None,
        cache: None,
    });
    Pass { label: fragment, pipeline, layout }
}

/// Draws one triangle over all of `targets`.
pub(super) fn run(
    encoder: &mut wgpu::CommandEncoder,
    pass: &Pass,
    targets: &[&wgpu::TextureView],
    groups: [&wgpu::BindGroup; 2],
) {
    let attachment = |view| {
        Some(wgpu::RenderPassColorAttachment {
            view,
            depth_slice: None,
            resolve_target: None,
            // Every pixel is drawn: clearing costs nothing on a tiler, loading would.
            ops: wgpu::Operations {
                load: wgpu::LoadOp::Clear(wgpu::Color::TRANSPARENT),
                store: wgpu::StoreOp::Store,
            },
        })
    };
    // At most two.
    let attachments =
        [targets.first().copied().and_then(attachment), targets.get(1).copied().and_then(attachment)];
    let mut recorded = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
        label: Some(pass.label),
        color_attachments: &attachments[..targets.len().min(2)],
        ..Default::default()
    });
    recorded.set_pipeline(&pass.pipeline);
    for (index, group) in (0..).zip(groups) {
        recorded.set_bind_group(index, group, &[]);
    }
    recorded.draw(0..3, 0..1);
}

/// Makes a group of a pass.
pub(super) fn group(
    device: &wgpu::Device,
    pass: &Pass,
    resources: &[wgpu::BindingResource<'_>],
) -> wgpu::BindGroup {
    let entries: Vec<_> = (0..)
        .zip(resources)
        .map(|(binding, resource)| wgpu::BindGroupEntry { binding, resource: resource.clone() })
        .collect();
    device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: Some(pass.label),
        layout: &pass.layout,
        entries: &entries,
    })
}

/// As `scoped`, for what mixes errors of both kinds.
pub(super) fn guarded<T>(
    device: &wgpu::Device,
    work: impl FnOnce() -> Result<T, MixedError>,
) -> Result<T, MixedError> {
    scoped(device, work).map_err(|error: GpuError| MixedError::Gpu(error))?
}
