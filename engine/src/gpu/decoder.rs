//! A person's decoder on the GPU, and what one decode's map needs to itself.

use std::sync::Arc;

use bytemuck::{bytes_of, cast_slice};
use visavis_codec::avatar::{Avatar, Material, SEED_SIZE};
use visavis_shaders::mirror::{
    BlockShape, CONDITION_VECTORS, MAX_DYNAMIC_LAYERS, MAX_HIDDEN_GROUPS, MAX_INPUT_GROUPS, SeedShape,
};

use super::kernels::{Kernels, bind};
use super::pack::{self, PixelShape, groups};
use crate::engine::Shared;
use crate::error::{GpuError, LoadError, scoped};
use crate::half_map;
use crate::pace::Pace;
use crate::upload::mapped_buffer;

/// The weights of a person, and the buffers that decodes pass on between their stages. Instances share both: their
/// decodes follow each other on the queue.
#[derive(Debug)]
pub(crate) struct Decoder {
    kernels: Arc<Kernels>,
    pub(crate) shape: PixelShape,
    /// Of each [`Material`].
    pub(crate) pixel: [wgpu::Buffer; Material::ALL.len()],
    /// As it is, and at half the size.
    pub(crate) static_maps: [wgpu::TextureView; 2],
    /// What the likeness looks like; one black texel without.
    base_color: wgpu::TextureView,
    seed_shape: wgpu::Buffer,
    seed_weights: wgpu::Buffer,
    seed_threads: u32,
    activated: wgpu::Buffer,
    blocks: Vec<Block>,
    /// Of the last block: expanded map, weights and bias.
    last: [wgpu::Buffer; 4],
    /// In the last block's place for a map of half the size: its weights and bias.
    head: [wgpu::Buffer; 2],
    map_size: u32,
    map_layers: u32,
    bytes: u64,
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
    pub(crate) async fn new(
        shared: &Shared,
        kernels: &Arc<Kernels>,
        avatar: &Avatar,
        base_color: wgpu::TextureView,
        pace: &Pace,
    ) -> Result<Self, LoadError> {
        let device = &shared.device;
        let shape = PixelShape::of(avatar);
        check_bounds(device, avatar, shape)?;
        let texture = &avatar.texture;
        let condition = avatar.condition_size();

        let taken = std::sync::atomic::AtomicU64::new(0);
        let counted = |label, bytes: &[u8], usage| {
            taken.fetch_add(bytes.len() as u64, std::sync::atomic::Ordering::Relaxed);
            mapped_buffer(device, label, bytes, usage)
        };
        let uniform = |label, bytes: &[u8]| counted(label, bytes, wgpu::BufferUsages::UNIFORM);
        let storage = |label, bytes: &[u8]| counted(label, bytes, wgpu::BufferUsages::STORAGE);
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
            pace.spend(block.bias.len() * 2 + block.expand.len() * 4).await;
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

        let last_block = texture.blocks.last();
        let head = match last_block {
            Some(block) => {
                pace.spend(block.bias.len()).await;
                let head = half_map::head(block, size as usize / 2);
                [
                    storage("visavis head", cast_slice(&pack::head(&head, block)))?,
                    storage("visavis head's bias", cast_slice(&pack::head_bias(&head, block)))?,
                ]
            }
            None => [last[0].clone(), last[0].clone()],
        };
        let pixel = Material::ALL.map(|material| pack::pixel_decoder(avatar, material));
        let pixel = pixel.each_ref().map(|packed| uniform("visavis pixel decoder", bytes_of(packed)));
        let [opaque, soft, hair] = pixel;
        let static_maps = static_maps(shared, avatar, pace).await?;
        pace.spend(texture.seed_weight.len() * 2).await;
        let seed_weights = storage("visavis seed", cast_slice(&pack::seed(texture, condition)))?;
        let map = &avatar.static_map;
        let bytes = map.texels.len() * 5 / 4 + (activated_vectors + expanded_vectors) as usize * 16;
        Ok(Self {
            kernels: kernels.clone(),
            shape,
            pixel: [opaque?, soft?, hair?],
            static_maps,
            base_color,
            seed_shape: uniform("visavis seed", bytes_of(&seed_shape))?,
            seed_weights,
            seed_threads,
            activated,
            blocks,
            last,
            head,
            map_size: size,
            map_layers: shape.dynamic_layers as u32,
            bytes: bytes as u64 + taken.into_inner(),
        })
    }

    /// What it takes on the device.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Records the decode of one map, whose condition is in it by then.
    pub(crate) fn record(&self, map: &Map, pass: &mut wgpu::ComputePass<'_>) {
        let kernels = &*self.kernels;
        pass.set_pipeline(&kernels.seed);
        pass.set_bind_group(0, &map.seed, &[]);
        pass.dispatch_workgroups(self.seed_threads.div_ceil(64), 1, 1);
        for block in &self.blocks {
            if let (None, true) = (&block.depthwise, map.is_half) {
                pass.set_pipeline(&kernels.head);
                pass.set_bind_group(0, &map.last, &[]);
                let tiles = (self.map_size / 2).div_ceil(8);
                pass.dispatch_workgroups(tiles, tiles, self.map_layers);
                return;
            }
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
                    pass.set_bind_group(0, &map.last, &[]);
                }
            }
            let [x, y, z] = block.depthwise_grid;
            pass.dispatch_workgroups(x, y, z);
        }
    }
}

/// A dynamic map, and what its decode needs to itself.
#[derive(Debug)]
pub(crate) struct Map {
    /// The condition: the first part of what [`Pose`](crate::pose::Pose) writes.
    pub(crate) condition: wgpu::Buffer,
    /// For each [`Material`].
    pub(crate) pixel: [wgpu::BindGroup; Material::ALL.len()],
    /// `[layer][y][x]` × 4 channels.
    #[allow(dead_code, reason = "kept alive by the bind groups; read back by tests")]
    pub(crate) map: wgpu::Texture,
    is_half: bool,
    seed: wgpu::BindGroup,
    /// Of the last block, or of the head.
    last: wgpu::BindGroup,
}

impl Map {
    /// Of the decoder's size, or of half of it.
    pub(crate) fn new(shared: &Shared, decoder: &Decoder, is_half: bool) -> Result<Self, GpuError> {
        let device = &shared.device;
        let kernels = &*decoder.kernels;
        scoped(device, || {
            let condition = device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("visavis condition"),
                size: (CONDITION_VECTORS * 16) as u64,
                usage: wgpu::BufferUsages::UNIFORM
                    | wgpu::BufferUsages::STORAGE
                    | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            });
            let size = if is_half { (decoder.map_size / 2).max(1) } else { decoder.map_size };
            let map = device.create_texture(&wgpu::TextureDescriptor {
                label: Some("visavis dynamic map"),
                size: wgpu::Extent3d { width: size, height: size, depth_or_array_layers: decoder.map_layers },
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
            let seed = bind(
                device,
                &kernels.seed,
                &[
                    decoder.seed_shape.as_entire_binding(),
                    condition.as_entire_binding(),
                    decoder.seed_weights.as_entire_binding(),
                    decoder.activated.as_entire_binding(),
                ],
            );
            let [block, expanded, taps, bias] = &decoder.last;
            let into = wgpu::BindingResource::TextureView(&map_view);
            let last = if is_half {
                let [weights, bias] = &decoder.head;
                bind(
                    device,
                    &kernels.head,
                    &[
                        block.as_entire_binding(),
                        decoder.activated.as_entire_binding(),
                        weights.as_entire_binding(),
                        bias.as_entire_binding(),
                        into,
                    ],
                )
            } else {
                bind(
                    device,
                    &kernels.depthwise_map,
                    &[
                        block.as_entire_binding(),
                        expanded.as_entire_binding(),
                        taps.as_entire_binding(),
                        bias.as_entire_binding(),
                        into,
                    ],
                )
            };
            let pixel = decoder.pixel.each_ref().map(|weights| {
                let fixed = &decoder.static_maps[usize::from(is_half)];
                pixel_group(shared, weights, &map_view, fixed, &decoder.base_color)
            });
            Self { condition, pixel, map, is_half, seed, last }
        })
    }
}

/// What the fragment stage binds: the pixel decoder, the maps, and the likeness's colour.
pub(crate) fn pixel_group(
    shared: &Shared,
    weights: &wgpu::Buffer,
    dynamic: &wgpu::TextureView,
    fixed: &wgpu::TextureView,
    base_color: &wgpu::TextureView,
) -> wgpu::BindGroup {
    let resources = [
        weights.as_entire_binding(),
        wgpu::BindingResource::TextureView(dynamic),
        wgpu::BindingResource::TextureView(fixed),
        wgpu::BindingResource::Sampler(&shared.layouts.bilinear),
        wgpu::BindingResource::TextureView(base_color),
    ];
    let entries: Vec<_> =
        (0..).zip(resources).map(|(binding, resource)| wgpu::BindGroupEntry { binding, resource }).collect();
    shared.device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: Some("visavis pixel decoder"),
        layout: &shared.layouts.pixel,
        entries: &entries,
    })
}

/// Refuses what the shaders' arrays or the device's limits can't hold.
fn check_bounds(device: &wgpu::Device, avatar: &Avatar, shape: PixelShape) -> Result<(), LoadError> {
    let limits = device.limits();
    let largest_buffer = super::largest_buffer(&limits);
    let (activated, expanded) = activation_vectors(avatar);
    let texture = &avatar.texture;
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

pub(crate) fn array_view(texture: &wgpu::Texture) -> wgpu::TextureView {
    texture.create_view(&wgpu::TextureViewDescriptor {
        dimension: Some(wgpu::TextureViewDimension::D2Array),
        ..Default::default()
    })
}

/// The static map as it is, and its means of two texels by two.
async fn static_maps(
    shared: &Shared,
    avatar: &Avatar,
    pace: &Pace,
) -> Result<[wgpu::TextureView; 2], LoadError> {
    let map = &avatar.static_map;
    let (layers, size) = ((map.channels / 4) as u32, map.size as u32);
    let levels = if size > 1 { 2 } else { 1 };
    let texture = scoped(&shared.device, || {
        shared.device.create_texture(&wgpu::TextureDescriptor {
            label: Some("visavis static map"),
            size: wgpu::Extent3d { width: size, height: size, depth_or_array_layers: layers },
            mip_level_count: levels,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: wgpu::TextureFormat::Rgba8Unorm,
            usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
            view_formats: &[],
        })
    })?;
    for layer in 0..layers {
        pace.spend(map.size * map.size * 5).await;
        let texels = pack::static_layer(map, layer as usize);
        let mut level_texels = texels;
        for level in 0..levels {
            if level > 0 {
                level_texels = pack::halved(&level_texels, map.size);
            }
            let side = size >> level;
            scoped(&shared.device, || {
                shared.queue.write_texture(
                    wgpu::TexelCopyTextureInfo {
                        mip_level: level,
                        origin: wgpu::Origin3d { x: 0, y: 0, z: layer },
                        ..texture.as_image_copy()
                    },
                    &level_texels,
                    wgpu::TexelCopyBufferLayout {
                        offset: 0,
                        bytes_per_row: Some(side * 4),
                        rows_per_image: Some(side),
                    },
                    wgpu::Extent3d { width: side, height: side, depth_or_array_layers: 1 },
                );
            })?;
        }
    }
    let view = |level: u32| {
        texture.create_view(&wgpu::TextureViewDescriptor {
            dimension: Some(wgpu::TextureViewDimension::D2Array),
            base_mip_level: level,
            mip_level_count: Some(1),
            ..Default::default()
        })
    };
    Ok([view(0), view(levels - 1)])
}
