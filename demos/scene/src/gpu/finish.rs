//! Lens and ink over a drawn scene.

use visavis::error::{GpuError, scoped};
use visavis::{View, wgpu};
use visavis_shaders as shaders;
use visavis_shaders::mirror::SceneFinish;

use super::filled_buffer;
use super::layouts::{FILTERED, UNFILTERED, texture, uniform};
use crate::scene::Look;

/// The widest blur, pixels for a picture of 720 rows.
const MAX_BLUR_PX: f32 = 16.0;

/// The pass that makes one sample a pixel of a drawn scene, with its depth.
#[derive(Debug)]
pub(super) struct Finish {
    layout: wgpu::BindGroupLayout,
    pipeline: wgpu::RenderPipeline,
}

impl Finish {
    pub(super) fn new(
        device: &wgpu::Device,
        samples: u32,
        color: wgpu::TextureFormat,
        depth: wgpu::TextureFormat,
    ) -> Result<Self, GpuError> {
        let shader = if samples > 1 { shaders::SCENE_FINISH_MULTI } else { shaders::SCENE_FINISH };
        scoped(device, || {
            let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
                label: Some("visavis scene finish"),
                entries: &[
                    uniform(0, wgpu::ShaderStages::FRAGMENT, false, size_of::<SceneFinish>()),
                    texture(1, FILTERED, wgpu::TextureViewDimension::D2, false),
                    texture(2, UNFILTERED, wgpu::TextureViewDimension::D2, samples > 1),
                ],
            });
            let pipeline = screen_pipeline(
                device,
                &layout,
                shader,
                ["finish_vertex", "finish_fragment"],
                color,
                Some(depth),
            );
            Self { layout, pipeline }
        })
    }

    /// Records it into a pass that has cleared colour and depth.
    pub(super) fn draw(
        &self,
        device: &wgpu::Device,
        pass: &mut wgpu::RenderPass<'_>,
        contents: &SceneFinish,
        drawn: &wgpu::TextureView,
        depth: &wgpu::TextureView,
    ) -> Result<(), GpuError> {
        let buffer = filled_buffer(
            device,
            "visavis scene finish",
            bytemuck::bytes_of(contents),
            wgpu::BufferUsages::UNIFORM,
        )?;
        let group = scoped(device, || {
            device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some("visavis scene finish"),
                layout: &self.layout,
                entries: &[
                    wgpu::BindGroupEntry { binding: 0, resource: buffer.as_entire_binding() },
                    wgpu::BindGroupEntry { binding: 1, resource: wgpu::BindingResource::TextureView(drawn) },
                    wgpu::BindGroupEntry { binding: 2, resource: wgpu::BindingResource::TextureView(depth) },
                ],
            })
        })?;
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &group, &[]);
        pass.draw(0..3, 0..1);
        Ok(())
    }
}

/// Lens (metres to what is sharp, metres of its opening) and ink for a picture of this size.
pub(super) fn contents(view: &View, size: [u32; 2], lens: Option<[f32; 2]>, look: Look) -> SceneFinish {
    let [width, height] = size.map(|n| n as f32);
    let projection = view.clip_from_view;
    let is_perspective = projection.w_axis.w == 0.0;
    let focal_px = projection.y_axis.y.abs() * height / 2.0;
    let lens = match lens.filter(|_| is_perspective) {
        Some([focus_m, aperture_m]) => {
            [focus_m, 0.5 * aperture_m * focal_px / focus_m.max(1e-3), MAX_BLUR_PX * height / 720.0, 0.0]
        }
        None => [1.0, 0.0, 0.0, 0.0],
    };
    let (ink_color, ink_px) = match look {
        Look::Photoreal => ([0.0; 3], 0.0),
        Look::Toon { ink_px, ink_color, .. } => (ink_color, (ink_px * height / 720.0).clamp(0.0, 16.0)),
    };
    SceneFinish {
        viewport: [0.0, 0.0, width, height],
        ink_color,
        ink_px,
        depth: [projection.w_axis.z, -projection.z_axis.z, 0.0, 0.0],
        lens,
    }
}

/// A pipeline that draws one triangle over everything.
pub(super) fn screen_pipeline(
    device: &wgpu::Device,
    layout: &wgpu::BindGroupLayout,
    shader: shaders::Shader,
    [vertex, fragment]: [&'static str; 2],
    color: wgpu::TextureFormat,
    depth: Option<wgpu::TextureFormat>,
) -> wgpu::RenderPipeline {
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some(shader.name),
        source: wgpu::ShaderSource::Wgsl(shader.source.into()),
    });
    let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: Some(fragment),
        bind_group_layouts: &[Some(layout)],
        immediate_size: 0,
    });
    device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
        label: Some(fragment),
        layout: Some(&layout),
        vertex: wgpu::VertexState {
            module: &module,
            entry_point: Some(vertex),
            compilation_options: Default::default(),
            buffers: &[],
        },
        primitive: Default::default(),
        depth_stencil: depth.map(|format| wgpu::DepthStencilState {
            format,
            depth_write_enabled: Some(true),
            depth_compare: Some(wgpu::CompareFunction::Always),
            stencil: Default::default(),
            bias: Default::default(),
        }),
        multisample: Default::default(),
        fragment: Some(wgpu::FragmentState {
            module: &module,
            entry_point: Some(fragment),
            compilation_options: Default::default(),
            targets: &[Some(color.into())],
        }),
        multiview_mask: None,
        cache: None,
    })
}
