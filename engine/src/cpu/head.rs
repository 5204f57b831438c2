//! The dynamic map at half its size, from what goes into the last up-block.

use half::f16;
use visavis_codec::avatar::UpBlock;

use crate::half_map;

use super::simd::{Kernel, LANES, Level, Simd, first_of};
use super::threads::{Threads, for_each_piece};

/// [`half_map::head`], packed: channels in eights.
#[derive(Debug)]
pub(crate) struct HeadWeights {
    size: usize,
    inputs: usize,
    channels: usize,
    /// `[inputs, channels / 8]`.
    weight: Vec<[f32; LANES]>,
    /// `[size, size, channels]`, then zeros.
    bias: Vec<f16>,
}

impl HeadWeights {
    /// For the last block of a decoder, whose input is `size`².
    pub(crate) fn new(block: &UpBlock, size: usize) -> Self {
        let half_map::Head { weight: rows, bias: biases } = half_map::head(block, size);
        let (inputs, channels) =
            (block.in_channels.next_multiple_of(4), block.out_channels.next_multiple_of(4));
        let groups = channels.div_ceil(LANES);
        let mut weight = vec![[0.0; LANES]; inputs * groups];
        for (output, row) in rows.chunks_exact(block.in_channels.max(1)).enumerate() {
            for (input, &value) in row.iter().enumerate() {
                weight[input * groups + output / LANES][output % LANES] = value;
            }
        }
        let texels = size * size;
        let mut bias = vec![f16::ZERO; texels * channels + LANES];
        for (output, plane) in biases.chunks_exact(texels.max(1)).enumerate() {
            for (texel, &value) in plane.iter().enumerate() {
                bias[texel * channels + output] = f16::from_f32(value);
            }
        }
        Self { size, inputs, channels, weight, bias }
    }

    /// What it takes in memory.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(self.weight.as_slice()) + size_of_val(self.bias.as_slice())
    }

    /// `input` is `[size, size, inputs]` and may be longer, `map` `[size, size, channels]`.
    pub(crate) fn run(&self, level: Level, threads: Threads, input: &[f32], map: &mut [f32]) {
        let pieces = threads.pieces(self.size / 4);
        let first_row = |piece: usize| piece * self.size / pieces;
        let start_of = |piece: usize| first_row(piece) * self.size * self.channels;
        for_each_piece(threads, map, 0..pieces, &start_of, &|piece, output| {
            level.run(HeadKernel { head: self, first: first_row(piece) * self.size, input, output });
        });
    }
}

struct HeadKernel<'a> {
    head: &'a HeadWeights,
    /// The first texel of `output`.
    first: usize,
    input: &'a [f32],
    output: &'a mut [f32],
}

impl Kernel for HeadKernel<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { head, first, input, output } = self;
        let HeadWeights { inputs, channels, weight, bias, .. } = head;
        let groups = channels.div_ceil(LANES);
        let texels = output.chunks_exact_mut((*channels).max(1)).zip(first..);
        for (texel, at) in texels {
            let Some(x) = input.get(at * inputs..(at + 1) * inputs) else { return };
            for (group, texel) in texel.chunks_mut(LANES).enumerate() {
                let bias = first_of(bias, at * channels + group * LANES);
                // Two sums, so that one multiply-add needn't wait for the last.
                let mut sums = [bias.map_or(s.splat(0.0), |bias| s.load_f16(bias)), s.splat(0.0)];
                for (i, (x, row)) in x.iter().zip(weight.chunks_exact(groups)).enumerate() {
                    sums[i % 2] = s.mul_add(s.load(&row[group]), s.splat(*x), sums[i % 2]);
                }
                let mut lanes = [0.0; LANES];
                s.store(s.add(sums[0], sums[1]), &mut lanes);
                texel.copy_from_slice(&lanes[..texel.len()]);
            }
        }
    }
}
