//! Weights in the layouts that the shaders read (each is described at its binding in the `.wgsl` file).

use bytemuck::Zeroable;
use half::f16;
use visavis_codec::avatar::{
    Avatar, GeometryHead, Material, Mesh, PIXEL_GEOMETRY_INPUTS, PIXEL_OUTPUTS, Part, PixelMlp, SEED_SIZE,
    StaticMap, TextureDecoder, UpBlock,
};
use visavis_shaders::mirror::{self, RestVertex};

use crate::half_map::Head;

/// Texels of the seed map.
pub(crate) const SEED_TEXELS: usize = SEED_SIZE * SEED_SIZE;

/// A column-major 4×4 block.
type Block = [[f32; 4]; 4];

/// How many groups of four `count` channels need.
pub(crate) const fn groups(count: usize) -> usize {
    count.div_ceil(4)
}

/// Inputs of the seed in eights, the constant 1 of its bias included.
pub(crate) const fn input_octets(condition: usize) -> usize {
    (condition + 1).div_ceil(8)
}

/// `[octet][channel of the group][group · texel]` × 8 halves, the bias as the column after the last input.
pub(crate) fn seed(texture: &TextureDecoder, condition: usize) -> Vec<[f16; 8]> {
    let threads = groups(texture.seed_channels) * SEED_TEXELS;
    let mut packed = vec![[f16::ZERO; 8]; input_octets(condition) * 4 * threads];
    for (output, (row, &bias)) in
        texture.seed_weight.chunks_exact(condition).zip(&texture.seed_bias).enumerate()
    {
        let (channel, texel) = (output / SEED_TEXELS, output % SEED_TEXELS);
        let thread = channel / 4 * SEED_TEXELS + texel;
        for (input, &weight) in row.iter().chain(std::iter::once(&bias)).enumerate() {
            packed[(input / 8 * 4 + channel % 4) * threads + thread][input % 8] = weight;
        }
    }
    packed
}

/// `[out group][in group][channel of the out group]`, columns are inputs, rows the four texels.
pub(crate) fn expand(block: &UpBlock) -> Vec<Block> {
    let in_groups = groups(block.in_channels);
    let mut packed = vec![Block::default(); groups(block.out_channels) * in_groups * 4];
    for (row, weights) in block.expand.chunks_exact(block.in_channels).enumerate() {
        let (output, texel) = (row / 4, row % 4);
        for (input, weight) in weights.iter().enumerate() {
            packed[(output / 4 * in_groups + input / 4) * 4 + output % 4][input % 4][texel] = weight.to_f32();
        }
    }
    packed
}

/// `[out group][3][3]`.
pub(crate) fn depthwise(block: &UpBlock) -> Vec<[f32; 4]> {
    let mut packed = vec![[0.0; 4]; groups(block.out_channels) * 9];
    for (output, taps) in block.depthwise.chunks_exact(9).enumerate() {
        for (tap, weight) in taps.iter().enumerate() {
            packed[output / 4 * 9 + tap][output % 4] = weight.to_f32();
        }
    }
    packed
}

/// `[out group][texel]` × 4 halves.
pub(crate) fn untied_bias(block: &UpBlock) -> Vec<[f16; 4]> {
    let texels = block.bias.len() / block.out_channels.max(1);
    let mut packed = vec![[f16::ZERO; 4]; groups(block.out_channels) * texels];
    for (output, plane) in block.bias_values().chunks_exact(texels.max(1)).enumerate() {
        for (texel, &bias) in plane.iter().enumerate() {
            packed[output / 4 * texels + texel][output % 4] = bias;
        }
    }
    packed
}

/// One for each vertex.
pub(crate) fn rest_vertices(mesh: &Mesh) -> Vec<RestVertex> {
    let skin = mesh.joints.iter().zip(&mesh.weights);
    (mesh.mean.iter().zip(&mesh.uv).zip(skin))
        .map(|((&mean, &uv), (&joints, &weights))| RestVertex {
            mean,
            joints: u32::from_le_bytes(joints),
            uv,
            weights: u32::from_le_bytes(weights),
            reserved: 0,
        })
        .collect()
}

/// `[rank group][axis][vertex]` × 4 signed bytes, one of each basis vector.
pub(crate) fn basis(geometry: &GeometryHead, vertices: usize) -> Vec<[i8; 4]> {
    let mut packed = vec![[0; 4]; groups(geometry.rank) * 3 * vertices];
    for (rank, offsets) in geometry.basis.chunks_exact((vertices * 3).max(1)).enumerate() {
        for (vertex, offset) in offsets.as_chunks::<3>().0.iter().enumerate() {
            for (axis, &step) in offset.iter().enumerate() {
                packed[(rank / 4 * 3 + axis) * vertices + vertex][rank % 4] = step;
            }
        }
    }
    packed
}

/// For each vertex where the corners of its weld's faces begin, then those corners, two words a face.
pub(crate) fn weld_faces(mesh: &Mesh) -> Vec<u32> {
    let vertices = mesh.weld.len();
    let mut faces_of_weld: Vec<Vec<[u16; 3]>> = vec![Vec::new(); vertices];
    for &triangle in &mesh.triangles {
        // A corner each, as often as the triangle touches the weld.
        for v in triangle {
            faces_of_weld[usize::from(mesh.weld[usize::from(v)])].push(triangle);
        }
    }
    let mut words = vec![0; vertices + 1];
    for (vertex, &weld) in mesh.weld.iter().enumerate() {
        words[vertex] = words.len() as u32;
        for &[a, b, c] in &faces_of_weld[usize::from(weld)] {
            words.extend([u32::from(a) | u32::from(b) << 16, u32::from(c)]);
        }
    }
    words[vertices] = words.len() as u32;
    words
}

/// The edges of a part.
pub(crate) fn edges(mesh: &Mesh, part: &Part) -> Vec<[u32; 4]> {
    let side = |side: visavis_codec::avatar::EdgeSide| {
        let [from, to] = side.vertices;
        let triangle = mesh.triangles[side.triangle as usize];
        let third = triangle.into_iter().find(|&v| v != from && v != to).unwrap_or(from);
        [u32::from(from) | u32::from(to) << 16, u32::from(third)]
    };
    (mesh.edges(part).into_iter())
        .map(|edge| {
            let [first, first_third] = side(edge.first);
            let [second, second_third] = edge.second.map_or([0, u32::MAX], side);
            [first, first_third, second, second_third]
        })
        .collect()
}

/// Four channels of the static map, `[size, size, 4]`, as rgba8unorm wants them.
pub(crate) fn static_layer(map: &StaticMap, layer: usize) -> Vec<u8> {
    map.texels
        .chunks_exact(map.channels)
        .flat_map(|texel| &texel[layer * 4..layer * 4 + 4])
        .copied()
        .collect()
}

/// Means of two texels by two, rounded, of `[size, size, 4]`.
pub(crate) fn halved(texels: &[u8], size: usize) -> Vec<u8> {
    let half = size / 2;
    let mut means = Vec::with_capacity(half * half * 4);
    for rows in texels.chunks_exact((size * 8).max(1)) {
        let (upper, lower) = rows.split_at(size * 4);
        for (upper, lower) in upper.chunks_exact(8).zip(lower.chunks_exact(8)) {
            means.extend((0..4).map(|c| {
                let sum = [upper[c], upper[c + 4], lower[c], lower[c + 4]].map(u16::from).iter().sum::<u16>();
                ((sum + 2) / 4) as u8
            }));
        }
    }
    means
}

/// `[out group][in group]`, columns are inputs, rows outputs.
pub(crate) fn head(head: &Head, block: &UpBlock) -> Vec<Block> {
    let in_groups = groups(block.in_channels);
    let mut packed = vec![Block::default(); groups(block.out_channels) * in_groups];
    for (output, row) in head.weight.chunks_exact(block.in_channels.max(1)).enumerate() {
        for (input, &weight) in row.iter().enumerate() {
            packed[output / 4 * in_groups + input / 4][input % 4][output % 4] = weight;
        }
    }
    packed
}

/// `[out group][texel]` × 4 halves.
pub(crate) fn head_bias(head: &Head, block: &UpBlock) -> Vec<[f16; 4]> {
    let texels = head.bias.len() / block.out_channels.max(1);
    let mut packed = vec![[f16::ZERO; 4]; groups(block.out_channels) * texels];
    for (output, plane) in head.bias.chunks_exact(texels.max(1)).enumerate() {
        for (texel, &bias) in plane.iter().enumerate() {
            packed[output / 4 * texels + texel][output % 4] = f16::from_f32(bias);
        }
    }
    packed
}

/// How many layers and hidden groups the pixel decoder's shader is specialised for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PixelShape {
    pub(crate) dynamic_layers: usize,
    pub(crate) static_layers: usize,
    pub(crate) hidden_groups: usize,
}

impl PixelShape {
    pub(crate) fn of(avatar: &Avatar) -> Self {
        Self {
            dynamic_layers: groups(avatar.texture.channels()),
            static_layers: groups(avatar.static_map.channels),
            hidden_groups: groups(avatar.pixel.hidden),
        }
    }

    /// Inputs in fours.
    pub(crate) fn input_groups(self) -> usize {
        self.dynamic_layers + self.static_layers + groups(PIXEL_GEOMETRY_INPUTS)
    }
}

/// Outputs in the shader's order: albedo and alpha, then shading. The normal offset, which only relighting needs, is kept
/// apart.
const OUTPUT_SLOTS: [Option<(usize, usize)>; PIXEL_OUTPUTS] = [
    Some((0, 0)),
    Some((0, 1)),
    Some((0, 2)),
    Some((1, 0)),
    Some((1, 1)),
    Some((1, 2)),
    None,
    None,
    Some((0, 3)),
];

/// The bias of a light source's reach where the avatar doesn't say: softplus makes 1 of it.
pub(crate) const ALL_ARRIVES: f32 = 0.541_324_85;

/// Where the normal's offset begins among the outputs.
const NORMAL_OFFSET: usize = 6;

/// The uniform block of a material's pixel decoder. The static map's scale and offset are folded into the first layer, so
/// that the shader uses its texels (0..=1) as they are. The avatar must be within [`PixelShape`]'s bounds.
pub(crate) fn pixel_decoder(avatar: &Avatar, material: Material) -> mirror::PixelDecoder {
    let shape = PixelShape::of(avatar);
    let PixelMlp { w1, b1, w2, b2, w3, b3 } = avatar.pixel.layers(material);
    let hidden = avatar.pixel.hidden;
    let (dynamic, fixed) = (avatar.texture.channels(), &avatar.static_map);
    let mut packed = mirror::PixelDecoder::zeroed();
    let is_blended = usize::from(material.is_blended());
    packed.counts = [shape.dynamic_layers, shape.static_layers, shape.hidden_groups, is_blended]
        .map(|count| count as u32);
    for (unit, (row, &bias)) in w1.chunks_exact(avatar.pixel_inputs()).zip(b1).enumerate() {
        let (group, lane) = (unit / 4, unit % 4);
        packed.first_bias[group][lane] = bias;
        for (input, &weight) in row.iter().enumerate() {
            // Each map's channels begin at a group of their own.
            let (slot, weight) = match input.checked_sub(dynamic) {
                None => (input, weight),
                Some(channel) if channel < fixed.channels => {
                    packed.first_bias[group][lane] += weight * fixed.offset[channel];
                    (shape.dynamic_layers * 4 + channel, weight * fixed.scale[channel] * 255.0)
                }
                Some(rest) => {
                    ((shape.dynamic_layers + shape.static_layers) * 4 + rest - fixed.channels, weight)
                }
            };
            packed.first[slot / 4 * shape.hidden_groups + group][slot % 4][lane] = weight;
        }
    }
    for (unit, (row, &bias)) in w2.chunks_exact(hidden).zip(b2).enumerate() {
        packed.second_bias[unit / 4][unit % 4] = bias;
        for (input, &weight) in row.iter().enumerate() {
            packed.second[input / 4 * shape.hidden_groups + unit / 4][input % 4][unit % 4] = weight;
        }
    }
    for ((row, &bias), slot) in w3.chunks_exact(hidden).zip(b3).zip(OUTPUT_SLOTS) {
        let Some((group, lane)) = slot else { continue };
        packed.third_bias[group][lane] = bias;
        for (input, &weight) in row.iter().enumerate() {
            packed.third[input / 4 * 2 + group][input % 4][lane] = weight;
        }
    }
    let offsets = w3.chunks_exact(hidden).zip(b3).skip(NORMAL_OFFSET).take(2);
    let (reach, reach_bias) = avatar.transport.as_ref().map_or((&[][..], &[][..]), |all| all.layer(material));
    packed.parts_bias = [[ALL_ARRIVES; 4]; 3];
    for (output, (row, &bias)) in offsets.chain(reach.chunks_exact(hidden).zip(reach_bias)).enumerate() {
        packed.parts_bias[output / 4][output % 4] = bias;
        for (input, &weight) in row.iter().enumerate() {
            packed.parts[input / 4 * 3 + output / 4][input % 4][output % 4] = weight;
        }
    }
    packed
}
