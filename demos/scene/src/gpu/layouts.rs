//! What the scene shaders bind.

use visavis::wgpu;
use visavis_shaders::mirror::{SceneLight, SceneMaterial, SceneNode, SceneView};

use crate::scene::TextureUse;

/// The bind group layouts of a scene's pipelines.
#[derive(Debug)]
pub(crate) struct Layouts {
    /// Camera, light, shadow map, surroundings.
    pub(crate) view: wgpu::BindGroupLayout,
    /// Material with its textures.
    pub(crate) material: wgpu::BindGroupLayout,
    /// Node at a dynamic offset.
    pub(crate) node: wgpu::BindGroupLayout,
    /// Of all surface pipelines.
    pub(crate) pipeline: wgpu::PipelineLayout,
    /// Of the sky's, which has neither material nor node.
    pub(crate) sky: wgpu::PipelineLayout,
}

impl Layouts {
    pub(crate) fn new(device: &wgpu::Device) -> Self {
        let layout = |label, entries: &[wgpu::BindGroupLayoutEntry]| {
            device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: Some(label), entries })
        };
        let both = wgpu::ShaderStages::VERTEX_FRAGMENT;
        let filtering = wgpu::SamplerBindingType::Filtering;
        let flat = wgpu::TextureViewDimension::D2;
        let view = layout(
            "visavis scene view",
            &[
                uniform(0, both, true, size_of::<SceneView>()),
                uniform(1, both, false, size_of::<SceneLight>()),
                texture(2, wgpu::TextureSampleType::Depth, flat, false),
                sampler(3, wgpu::SamplerBindingType::Comparison),
                texture(4, FILTERED, wgpu::TextureViewDimension::Cube, false),
                sampler(5, filtering),
                texture(6, FILTERED, flat, false),
                texture(7, UNFILTERED, flat, false),
            ],
        );
        let count = TextureUse::COUNT as u32;
        let mut entries = vec![uniform(0, wgpu::ShaderStages::FRAGMENT, false, size_of::<SceneMaterial>())];
        entries.extend((1..=count).map(|binding| texture(binding, FILTERED, flat, false)));
        entries.extend((count + 1..=2 * count).map(|binding| sampler(binding, filtering)));
        let material = layout("visavis scene material", &entries);
        let node = layout("visavis scene node", &[uniform(0, both, true, size_of::<SceneNode>())]);
        let pipeline_layout = |groups: &[Option<&wgpu::BindGroupLayout>]| {
            device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
                label: Some("visavis scene"),
                bind_group_layouts: groups,
                immediate_size: 0,
            })
        };
        let pipeline = pipeline_layout(&[Some(&view), Some(&material), Some(&node)]);
        let sky = pipeline_layout(&[Some(&view)]);
        Self { view, material, node, pipeline, sky }
    }
}

pub(crate) const FILTERED: wgpu::TextureSampleType = wgpu::TextureSampleType::Float { filterable: true };

/// Also how depth is read without being compared.
pub(crate) const UNFILTERED: wgpu::TextureSampleType = wgpu::TextureSampleType::Float { filterable: false };

pub(crate) fn uniform(
    binding: u32,
    visibility: wgpu::ShaderStages,
    has_dynamic_offset: bool,
    size: usize,
) -> wgpu::BindGroupLayoutEntry {
    wgpu::BindGroupLayoutEntry {
        binding,
        visibility,
        ty: wgpu::BindingType::Buffer {
            ty: wgpu::BufferBindingType::Uniform,
            has_dynamic_offset,
            min_binding_size: wgpu::BufferSize::new(size as u64),
        },
        count: None,
    }
}

pub(crate) fn texture(
    binding: u32,
    sample_type: wgpu::TextureSampleType,
    view_dimension: wgpu::TextureViewDimension,
    multisampled: bool,
) -> wgpu::BindGroupLayoutEntry {
    wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::FRAGMENT,
        ty: wgpu::BindingType::Texture { sample_type, view_dimension, multisampled },
        count: None,
    }
}

fn sampler(binding: u32, kind: wgpu::SamplerBindingType) -> wgpu::BindGroupLayoutEntry {
    wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::FRAGMENT,
        ty: wgpu::BindingType::Sampler(kind),
        count: None,
    }
}
