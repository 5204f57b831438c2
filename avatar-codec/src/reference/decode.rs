//! The networks of a frame: condition → unskinned vertices, condition → dynamic feature map.

use glam::Vec3;
use half::f16;

use crate::avatar::{Avatar, GeometryHead, Mesh, SEED_SIZE, UpBlock, leaky};
use crate::latent::{HeadPose, Latent, MAX_CONDITION};

/// The decoder's input `[u | g | r | n]` of this avatar's length, [`Avatar::condition_size`].
pub fn condition(avatar: &Avatar, latent: &Latent, head: &HeadPose) -> Vec<f32> {
    let mut condition = [0.0; MAX_CONDITION];
    let length = latent.condition(head, avatar.residual(), &mut condition);
    condition[..length].to_vec()
}

/// The unskinned vertices, head space, metres. Numbers that `condition` lacks count as 0.
pub fn geometry(avatar: &Avatar, condition: &[f32]) -> Vec<Vec3> {
    vertices(&avatar.mesh, &avatar.geometry, condition)
}

/// [`geometry`] of a mesh and the head whose basis is for it.
pub fn vertices(mesh: &Mesh, geometry: &GeometryHead, condition: &[f32]) -> Vec<Vec3> {
    let mut positions: Vec<Vec3> = mesh.mean.iter().map(|&p| Vec3::from(p)).collect();
    let numbers = positions.len() * 3;
    for (rank, (coefficient, step)) in
        coefficients(geometry, condition).into_iter().zip(&geometry.basis_step).enumerate()
    {
        let basis = &geometry.basis[rank * numbers..(rank + 1) * numbers];
        let metres = coefficient * step;
        for (position, offset) in positions.iter_mut().zip(basis.as_chunks::<3>().0) {
            *position += metres * Vec3::from(offset.map(f32::from));
        }
    }
    positions
}

/// Coefficients of the basis: `a = W₂ (leaky(W₁c + b₁) − leaky(b₁)) + W₃c`.
fn coefficients(geometry: &GeometryHead, condition: &[f32]) -> Vec<f32> {
    let inputs = geometry.w1.len() / geometry.hidden;
    let hidden: Vec<f32> = (geometry.w1.chunks_exact(inputs).zip(&geometry.b1))
        .map(|(row, &bias)| leaky(bias + dot(row, condition)) - leaky(bias))
        .collect();
    (geometry.w2.chunks_exact(geometry.hidden).zip(geometry.w3.chunks_exact(inputs)))
        .map(|(w2, w3)| dot(w2, &hidden) + dot(w3, condition))
        .collect()
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// A square map of features, channel by channel.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureMap {
    /// Number of channels.
    pub channels: usize,
    /// Width and height.
    pub size: usize,
    /// `[channels, size, size]`.
    pub data: Vec<f32>,
}

/// The dynamic feature map. Numbers that `condition` lacks count as 0.
pub fn texture(avatar: &Avatar, condition: &[f32]) -> FeatureMap {
    let texture = &avatar.texture;
    let data = (texture.seed_weight.chunks_exact(avatar.condition_size()).zip(&texture.seed_bias))
        .map(|(row, &bias)| {
            leaky(bias.to_f32() + row.iter().zip(condition).map(|(w, c)| w.to_f32() * c).sum::<f32>())
        })
        .collect();
    let mut map = FeatureMap { channels: texture.seed_channels, size: SEED_SIZE, data };
    for (index, block) in texture.blocks.iter().enumerate() {
        let is_last = index + 1 == texture.blocks.len();
        map = up_block(block, &map, !is_last);
    }
    map
}

/// 1×1 convolution, depth-to-space, depthwise 3×3, untied bias, activation.
fn up_block(block: &UpBlock, input: &FeatureMap, activate: bool) -> FeatureMap {
    let (n, size) = (input.size, input.size * 2);
    let mut data = Vec::with_capacity(block.out_channels * size * size);
    let mut large = vec![0.0; size * size]; // one output channel before the depthwise convolution
    let mut quarter = vec![0.0; n * n]; // the texels of one (dy, dx) in it
    let biases = block.bias_values();
    for output in 0..block.out_channels {
        for (dy, dx) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let row = (4 * output + 2 * dy + dx) * block.in_channels;
            pointwise(&block.expand[row..row + block.in_channels], input, &mut quarter);
            for y in 0..n {
                for x in 0..n {
                    large[(2 * y + dy) * size + 2 * x + dx] = quarter[y * n + x];
                }
            }
        }
        let kernel: [f32; 9] = std::array::from_fn(|tap| block.depthwise[output * 9 + tap].to_f32());
        let bias = &biases[output * size * size..(output + 1) * size * size];
        depthwise(&large, size, kernel, bias, &mut data);
    }
    if activate {
        for value in &mut data {
            *value = leaky(*value);
        }
    }
    FeatureMap { channels: block.out_channels, size, data }
}

/// One output channel of a 1×1 convolution.
fn pointwise(weights: &[f16], input: &FeatureMap, output: &mut [f32]) {
    output.fill(0.0);
    for (weight, plane) in weights.iter().zip(input.data.chunks_exact(input.size * input.size)) {
        let weight = weight.to_f32();
        for (sum, &value) in output.iter_mut().zip(plane) {
            *sum += weight * value;
        }
    }
}

/// Correlates one channel with a 3×3 kernel, zeros outside, adds the bias, and appends the result.
fn depthwise(input: &[f32], size: usize, kernel: [f32; 9], bias: &[f16], output: &mut Vec<f32>) {
    for y in 0..size {
        for x in 0..size {
            let mut sum = bias[y * size + x].to_f32();
            for (dy, taps) in kernel.as_chunks::<3>().0.iter().enumerate() {
                let Some(row) = (y + dy).checked_sub(1).filter(|&row| row < size) else { continue };
                for (dx, tap) in taps.iter().enumerate() {
                    let Some(column) = (x + dx).checked_sub(1).filter(|&column| column < size) else {
                        continue;
                    };
                    sum += tap * input[row * size + column];
                }
            }
            output.push(sum);
        }
    }
}
