//! The compute pipelines.

use visavis_shaders::{self as shaders, Shader};

use crate::error::{GpuError, scoped};

/// One pipeline a shader; bind group layouts are the pipelines' own.
#[derive(Debug)]
pub(crate) struct Kernels {
    pub(crate) seed: wgpu::ComputePipeline,
    pub(crate) expand: wgpu::ComputePipeline,
    pub(crate) depthwise_hidden: wgpu::ComputePipeline,
    pub(crate) depthwise_map: wgpu::ComputePipeline,
    pub(crate) head: wgpu::ComputePipeline,
    pub(crate) skin: wgpu::ComputePipeline,
    pub(crate) normals: wgpu::ComputePipeline,
}

impl Kernels {
    pub(crate) fn new(device: &wgpu::Device) -> Result<Self, GpuError> {
        scoped(device, || Self {
            seed: pipeline(device, shaders::SEED, "decode_seed"),
            expand: pipeline(device, shaders::EXPAND, "expand"),
            depthwise_hidden: pipeline(device, shaders::DEPTHWISE_HIDDEN, "depthwise_hidden"),
            depthwise_map: pipeline(device, shaders::DEPTHWISE_MAP, "depthwise_map"),
            head: pipeline(device, shaders::HEAD, "head"),
            skin: pipeline(device, shaders::SKIN, "skin"),
            normals: pipeline(device, shaders::NORMALS, "gather_normals"),
        })
    }
}

fn pipeline(device: &wgpu::Device, shader: Shader, entry_point: &str) -> wgpu::ComputePipeline {
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some(shader.name),
        source: wgpu::ShaderSource::Wgsl(shader.source.into()),
    });
    device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: Some(entry_point),
        layout: None,
        module: &module,
        entry_point: Some(entry_point),
        compilation_options: wgpu::PipelineCompilationOptions::default(),
        cache: None,
    })
}

/// A bind group for a pipeline's group 0, bindings in order from 0.
pub(crate) fn bind(
    device: &wgpu::Device,
    pipeline: &wgpu::ComputePipeline,
    resources: &[wgpu::BindingResource<'_>],
) -> wgpu::BindGroup {
    let entries: Vec<_> = (0..)
        .zip(resources)
        .map(|(binding, resource)| wgpu::BindGroupEntry { binding, resource: resource.clone() })
        .collect();
    device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: None,
        layout: &pipeline.get_bind_group_layout(0),
        entries: &entries,
    })
}
