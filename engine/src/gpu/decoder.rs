//! A person's decoder on the GPU, and what one decode needs to itself.

use std::sync::Arc;

use bytemuck::{bytes_of, cast_slice};
use visavis_codec::avatar::{Avatar, Material, SEED_SIZE};
use visavis_shaders::mirror::{
    BlockShape, CONDITION_VECTORS, MAX_DYNAMIC_LAYERS, MAX_HIDDEN_GROUPS, MAX_INPUT_GROUPS, NormalsShape,
    SeedShape, SkinShape, SkinnedVertex,
};

use super::kernels::{Kernels, bind};
use super::pack::{self, PixelShape, groups};
use crate::engine::Shared;
use crate::error::{GpuError, LoadError, scoped};
use crate::pose::Pose;
use crate::upload::mapped_buffer;

/// No buffer is larger than this, so that every adapter can bind it.
const MAX_BUFFER_BYTES: u64 = 64 << 20;

/// The weights of a person, and the buffers that decodes pass on between their stages. Instances share both: their
/// decodes follow each other on the queue.
#[derive(Debug)]
pub(crate) struct Decoder {
    kernels: Arc<Kernels>,
    pub(crate) shape: PixelShape,
    /// Of each [`Material`].
    pub(crate) pixel: [wgpu::Buffer; Material::ALL.len()],
    pub(crate) static_map: wgpu::TextureView,
    seed_shape: wgpu::Buffer,
    seed_weights: wgpu::Buffer,
    seed_threads: u32,
    activated: wgpu::Buffer,
    blocks: Vec<Block>,
    /// Of the last block: expanded map, weights and bias.
    last: [wgpu::Buffer; 4],
    map_size: u32,
    map_layers: u32,
    skin_shape: wgpu::Buffer,
    rest: wgpu::Buffer,
    basis: wgpu::Buffer,
    normals_shape: wgpu::Buffer,
    weld_faces: wgpu::Buffer,
    vertices: u32,
}

/// An up-block's bind groups and grids.
#[derive(Debug)]
struct Block {
    expand: wgpu::BindGroup,
    expand_grid: [u32; 2],
    /// None for the last one, which writes an instance's own map.
    depthwise: Option<wgpu::BindGroup>,
    depthwise_grid: [u32; 3],
}

impl Decoder {
    pub(crate) fn new(shared: &Shared, kernels: &Arc<Kernels>, avatar: &Avatar) -> Result<Self, LoadError> {
        let device = &shared.device;
        let shape = PixelShape::of(avatar);
        check_bounds(device, avatar, shape)?;
        let texture = &avatar.texture;
        let condition = avatar.condition_size();

        let uniform = |label, bytes: &[u8]| mapped_buffer(device, label, bytes, wgpu::BufferUsages::UNIFORM);
        let storage = |label, bytes: &[u8]| mapped_buffer(device, label, bytes, wgpu::BufferUsages::STORAGE);
        let scratch = |label, vectors: u64| {
            scoped(device, || {
                device.create_buffer(&wgpu::BufferDescriptor {
                    label: Some(label),
                    size: vectors.max(1) * 16,
                    usage: wgpu::BufferUsages::STORAGE,
                    mapped_at_creation: false,
                })
            })
        };

        let seed_threads = (groups(texture.seed_channels) * pack::SEED_TEXELS) as u32;
        let seed_shape = SeedShape {
            threads: seed_threads,
            input_octets: pack::input_octets(condition) as u32,
            reserved_0: 0,
            reserved_1: 0,
        };
        let (activated_vectors, expanded_vectors) = activation_vectors(avatar);
        let activated = scratch("visavis activations", activated_vectors)?;
        let expanded = scratch("visavis expanded", expanded_vectors)?;

        let mut blocks = Vec::new();
        let mut last = None;
        let mut size = SEED_SIZE as u32;
        for (index, block) in texture.blocks.iter().enumerate() {
            let block_shape = BlockShape {
                size,
                in_groups: groups(block.in_channels) as u32,
                out_groups: groups(block.out_channels) as u32,
                reserved: 0,
            };
            let shape_buffer = uniform("visavis block", bytes_of(&block_shape))?;
            let weights = storage("visavis expand", cast_slice(&pack::expand(block)))?;
            let taps = storage("visavis depthwise", cast_slice(&pack::depthwise(block)))?;
            let bias = storage("visavis bias", cast_slice(&pack::untied_bias(block)))?;
            let is_last = index + 1 == texture.blocks.len();
            let (expand, depthwise) = scoped(device, || {
                let expand = bind(
                    device,
                    &kernels.expand,
                    &[
                        shape_buffer.as_entire_binding(),
                        activated.as_entire_binding(),
                        weights.as_entire_binding(),
                        expanded.as_entire_binding(),
                    ],
                );
                let depthwise = (!is_last).then(|| {
                    bind(
                        device,
                        &kernels.depthwise_hidden,
                        &[
                            shape_buffer.as_entire_binding(),
                            expanded.as_entire_binding(),
                            taps.as_entire_binding(),
                            bias.as_entire_binding(),
                            activated.as_entire_binding(),
                        ],
                    )
                });
                (expand, depthwise)
            })?;
            blocks.push(Block {
                expand,
                expand_grid: [(size * size).div_ceil(128), block_shape.out_groups],
                depthwise,
                depthwise_grid: [(2 * size).div_ceil(8), (2 * size).div_ceil(8), block_shape.out_groups],
            });
            last = Some([shape_buffer, expanded.clone(), taps, bias]);
            size *= 2;
        }
        let Some(last) = last else {
            return Err(LoadError::TooLarge { what: "number of missing up-blocks", found: 1, limit: 0 });
        };

        let vertices = avatar.mesh.mean.len() as u32;
        let skin_shape = SkinShape {
            vertices,
            rank_groups: groups(avatar.geometry.rank) as u32,
            reserved_0: 0,
            reserved_1: 0,
        };
        let normals_shape = NormalsShape { vertices, reserved_0: 0, reserved_1: 0, reserved_2: 0 };
        let pixel = Material::ALL.map(|material| pack::pixel_decoder(avatar, material));
        let pixel = pixel.each_ref().map(|packed| uniform("visavis pixel decoder", bytes_of(packed)));
        let [opaque, soft, hair] = pixel;
        Ok(Self {
            kernels: kernels.clone(),
            shape,
            pixel: [opaque?, soft?, hair?],
            static_map: static_map(shared, avatar)?,
            seed_shape: uniform("visavis seed", bytes_of(&seed_shape))?,
            seed_weights: storage("visavis seed", cast_slice(&pack::seed(texture, condition)))?,
            seed_threads,
            activated,
            blocks,
            last,
            map_size: size,
            map_layers: shape.dynamic_layers as u32,
            skin_shape: uniform("visavis skin", bytes_of(&skin_shape))?,
            rest: storage("visavis rest vertices", cast_slice(&pack::rest_vertices(&avatar.mesh)))?,
            basis: storage(
                "visavis basis",
                cast_slice(&pack::basis(&avatar.geometry, avatar.mesh.mean.len())),
            )?,
            normals_shape: uniform("visavis normals", bytes_of(&normals_shape))?,
            weld_faces: storage("visavis weld faces", cast_slice(&pack::weld_faces(&avatar.mesh)))?,
            vertices,
        })
    }

    /// Records one decode, of the pose that is in the workspace by then.
    pub(crate) fn record(&self, workspace: &Workspace, pass: &mut wgpu::ComputePass<'_>) {
        let kernels = &*self.kernels;
        pass.set_pipeline(&kernels.seed);
        pass.set_bind_group(0, &workspace.seed, &[]);
        pass.dispatch_workgroups(self.seed_threads.div_ceil(64), 1, 1);
        for block in &self.blocks {
            pass.set_pipeline(&kernels.expand);
            pass.set_bind_group(0, &block.expand, &[]);
            pass.dispatch_workgroups(block.expand_grid[0], block.expand_grid[1], 1);
            match &block.depthwise {
                Some(group) => {
                    pass.set_pipeline(&kernels.depthwise_hidden);
                    pass.set_bind_group(0, group, &[]);
                }
                None => {
                    pass.set_pipeline(&kernels.depthwise_map);
                    pass.set_bind_group(0, &workspace.depthwise_map, &[]);
                }
            }
            let [x, y, z] = block.depthwise_grid;
            pass.dispatch_workgroups(x, y, z);
        }
        pass.set_pipeline(&kernels.skin);
        pass.set_bind_group(0, &workspace.skin, &[]);
        pass.dispatch_workgroups(self.vertices.div_ceil(64), 1, 1);
        pass.set_pipeline(&kernels.normals);
        pass.set_bind_group(0, &workspace.normals, &[]);
        pass.dispatch_workgroups(self.vertices.div_ceil(64), 1, 1);
    }
}

/// What the decode of one instance needs to itself from its recording until it was drawn.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// The condition, then the pose: see [`Pose`].
    pub(crate) inputs: wgpu::Buffer,
    /// For each [`Material`].
    pub(crate) pixel: [wgpu::BindGroup; Material::ALL.len()],
    /// `[layer][y][x]` × 4 channels.
    #[allow(dead_code, reason = "kept alive by the bind groups; read back by tests")]
    pub(crate) map: wgpu::Texture,
    seed: wgpu::BindGroup,
    depthwise_map: wgpu::BindGroup,
    skin: wgpu::BindGroup,
    normals: wgpu::BindGroup,
}

impl Workspace {
    /// `vertices` is the instance's buffer of [`SkinnedVertex`].
    pub(crate) fn new(
        shared: &Shared,
        decoder: &Decoder,
        vertices: &wgpu::Buffer,
        pose_bytes: usize,
    ) -> Result<Self, GpuError> {
        let device = &shared.device;
        let kernels = &*decoder.kernels;
        scoped(device, || {
            let inputs = device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("visavis pose"),
                size: pose_bytes as u64,
                usage: wgpu::BufferUsages::UNIFORM
                    | wgpu::BufferUsages::STORAGE
                    | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            });
            let map = device.create_texture(&wgpu::TextureDescriptor {
                label: Some("visavis dynamic map"),
                size: wgpu::Extent3d {
                    width: decoder.map_size,
                    height: decoder.map_size,
                    depth_or_array_layers: decoder.map_layers,
                },
                mip_level_count: 1,
                sample_count: 1,
                dimension: wgpu::TextureDimension::D2,
                format: wgpu::TextureFormat::Rgba16Float,
                usage: wgpu::TextureUsages::STORAGE_BINDING
                    | wgpu::TextureUsages::TEXTURE_BINDING
                    | wgpu::TextureUsages::COPY_SRC,
                view_formats: &[],
            });
            let map_view = array_view(&map);
            let condition = wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                buffer: &inputs,
                offset: 0,
                size: wgpu::BufferSize::new((CONDITION_VECTORS * 16) as u64),
            });
            let pose = wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                buffer: &inputs,
                offset: Pose::OFFSET as u64,
                size: None,
            });
            let [block, expanded, taps, bias] = &decoder.last;
            let seed = bind(
                device,
                &kernels.seed,
                &[
                    decoder.seed_shape.as_entire_binding(),
                    condition,
                    decoder.seed_weights.as_entire_binding(),
                    decoder.activated.as_entire_binding(),
                ],
            );
            let depthwise_map = bind(
                device,
                &kernels.depthwise_map,
                &[
                    block.as_entire_binding(),
                    expanded.as_entire_binding(),
                    taps.as_entire_binding(),
                    bias.as_entire_binding(),
                    wgpu::BindingResource::TextureView(&map_view),
                ],
            );
            let skin = bind(
                device,
                &kernels.skin,
                &[
                    decoder.skin_shape.as_entire_binding(),
                    decoder.rest.as_entire_binding(),
                    decoder.basis.as_entire_binding(),
                    pose,
                    vertices.as_entire_binding(),
                ],
            );
            let normals = bind(
                device,
                &kernels.normals,
                &[
                    decoder.normals_shape.as_entire_binding(),
                    decoder.weld_faces.as_entire_binding(),
                    vertices.as_entire_binding(),
                ],
            );
            let pixel = decoder.pixel.each_ref().map(|weights| {
                let resources = [
                    weights.as_entire_binding(),
                    wgpu::BindingResource::TextureView(&map_view),
                    wgpu::BindingResource::TextureView(&decoder.static_map),
                    wgpu::BindingResource::Sampler(&shared.layouts.bilinear),
                ];
                let entries: Vec<_> = (0..)
                    .zip(resources)
                    .map(|(binding, resource)| wgpu::BindGroupEntry { binding, resource })
                    .collect();
                device.create_bind_group(&wgpu::BindGroupDescriptor {
                    label: Some("visavis pixel decoder"),
                    layout: &shared.layouts.pixel,
                    entries: &entries,
                })
            });
            Self { inputs, pixel, map, seed, depthwise_map, skin, normals }
        })
    }
}

/// Refuses what the shaders' arrays or the device's limits can't hold.
fn check_bounds(device: &wgpu::Device, avatar: &Avatar, shape: PixelShape) -> Result<(), LoadError> {
    let limits = device.limits();
    let largest_buffer =
        MAX_BUFFER_BYTES.min(limits.max_storage_buffer_binding_size).min(limits.max_buffer_size);
    let (activated, expanded) = activation_vectors(avatar);
    let texture = &avatar.texture;
    let vertices = avatar.mesh.mean.len();
    let bias = texture
        .blocks
        .iter()
        .map(|block| groups(block.out_channels) * 4 * block.bias.len() / block.out_channels.max(1))
        .max()
        .unwrap_or(0);
    let bounds = [
        ("dynamic map's number of layers", shape.dynamic_layers, MAX_DYNAMIC_LAYERS as u64),
        ("pixel decoder's number of input groups", shape.input_groups(), MAX_INPUT_GROUPS as u64),
        ("pixel decoder's number of hidden groups", shape.hidden_groups, MAX_HIDDEN_GROUPS as u64),
        ("condition's length", avatar.condition_size(), CONDITION_VECTORS as u64 * 4 - 1),
        ("dynamic map's size", texture.size(), u64::from(limits.max_texture_dimension_2d)),
        ("static map's size", avatar.static_map.size, u64::from(limits.max_texture_dimension_2d)),
        ("activations in bytes", activated.max(expanded) as usize * 16, largest_buffer),
        (
            "seed's weights in bytes",
            texture.seed_weight.len() * 2 + texture.seed_bias.len() * 16,
            largest_buffer,
        ),
        ("bias in bytes", bias * 2, largest_buffer),
        ("basis in bytes", groups(avatar.geometry.rank) * 12 * vertices, largest_buffer),
        ("vertices in bytes", vertices * size_of::<SkinnedVertex>(), largest_buffer),
        (
            "seed's number of workgroups",
            groups(texture.seed_channels),
            u64::from(limits.max_compute_workgroups_per_dimension),
        ),
    ];
    for (what, found, limit) in bounds {
        if found as u64 > limit {
            return Err(LoadError::TooLarge { what, found: found as u64, limit });
        }
    }
    Ok(())
}

/// Vectors of four that the largest activated and the largest expanded map have.
fn activation_vectors(avatar: &Avatar) -> (u64, u64) {
    let texture = &avatar.texture;
    let mut activated = groups(texture.seed_channels) * pack::SEED_TEXELS;
    let mut expanded = 0;
    let mut texels = pack::SEED_TEXELS;
    for (index, block) in texture.blocks.iter().enumerate() {
        texels *= 4;
        let vectors = groups(block.out_channels) * texels;
        expanded = expanded.max(vectors);
        if index + 1 < texture.blocks.len() {
            activated = activated.max(vectors);
        }
    }
    (activated as u64, expanded as u64)
}

fn array_view(texture: &wgpu::Texture) -> wgpu::TextureView {
    texture.create_view(&wgpu::TextureViewDescriptor {
        dimension: Some(wgpu::TextureViewDimension::D2Array),
        ..Default::default()
    })
}

fn static_map(shared: &Shared, avatar: &Avatar) -> Result<wgpu::TextureView, GpuError> {
    let map = &avatar.static_map;
    let size = wgpu::Extent3d {
        width: map.size as u32,
        height: map.size as u32,
        depth_or_array_layers: (map.channels / 4) as u32,
    };
    scoped(&shared.device, || {
        let texture = shared.device.create_texture(&wgpu::TextureDescriptor {
            label: Some("visavis static map"),
            size,
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: wgpu::TextureFormat::Rgba8Unorm,
            usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
            view_formats: &[],
        });
        shared.queue.write_texture(
            texture.as_image_copy(),
            &pack::static_layers(map),
            wgpu::TexelCopyBufferLayout {
                offset: 0,
                bytes_per_row: Some(size.width * 4),
                rows_per_image: Some(size.height),
            },
            size,
        );
        array_view(&texture)
    })
}
