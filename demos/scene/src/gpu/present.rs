//! The tone curve, a stage's last pass.

use visavis::error::{GpuError, scoped};
use visavis::wgpu;
use visavis_shaders as shaders;
use visavis_shaders::mirror::ScenePresent;

use super::filled_buffer;
use super::finish::screen_pipeline;
use super::layouts::{UNFILTERED, texture, uniform};

#[derive(Debug)]
pub(super) struct Present {
    layout: wgpu::BindGroupLayout,
    pipeline: wgpu::RenderPipeline,
}

impl Present {
    pub(super) fn new(device: &wgpu::Device, output: wgpu::TextureFormat) -> Result<Self, GpuError> {
        scoped(device, || {
            let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
                label: Some("visavis scene present"),
                entries: &[
                    uniform(0, wgpu::ShaderStages::FRAGMENT, false, size_of::<ScenePresent>()),
                    texture(1, UNFILTERED, wgpu::TextureViewDimension::D2, false),
                ],
            });
            let stages = ["scene_present_vertex", "scene_present_fragment"];
            let pipeline = screen_pipeline(device, &layout, shaders::SCENE_PRESENT, stages, output, None);
            Self { layout, pipeline }
        })
    }

    /// Records the pass: `image` into `output`.
    pub(super) fn record(
        &self,
        device: &wgpu::Device,
        encoder: &mut wgpu::CommandEncoder,
        contents: &ScenePresent,
        image: &wgpu::TextureView,
        output: &wgpu::TextureView,
    ) -> Result<(), GpuError> {
        let buffer = filled_buffer(
            device,
            "visavis scene present",
            bytemuck::bytes_of(contents),
            wgpu::BufferUsages::UNIFORM,
        )?;
        scoped(device, || {
            let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some("visavis scene present"),
                layout: &self.layout,
                entries: &[
                    wgpu::BindGroupEntry { binding: 0, resource: buffer.as_entire_binding() },
                    wgpu::BindGroupEntry { binding: 1, resource: wgpu::BindingResource::TextureView(image) },
                ],
            });
            let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
                label: Some("visavis scene present"),
                color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                    view: output,
                    depth_slice: None,
                    resolve_target: None,
                    ops: wgpu::Operations {
                        load: wgpu::LoadOp::Clear(wgpu::Color::BLACK),
                        store: wgpu::StoreOp::Store,
                    },
                })],
                ..Default::default()
            });
            pass.set_pipeline(&self.pipeline);
            pass.set_bind_group(0, &group, &[]);
            pass.draw(0..3, 0..1);
        })
    }
}
