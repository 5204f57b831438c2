//! The dynamic texture: seed layer and up blocks, with everything between two 1×1 convolutions fused.
//!
//! Maps are kept texel by texel, channels innermost. The 1×1 convolution's outputs are ordered `[dy][dx][channel]`, so
//! that its products for one input row *are* the two rows of the doubled map, and depth-to-space costs nothing. A task
//! owns a band of output rows: it expands one input row after the other into a pair of rows in its scratch, and as
//! soon as a pair has its neighbours, runs the depthwise convolution, bias and activation over it, while it is still
//! in the first-level cache. The convolution runs over a row as a flat array: a step of one texel is a step of
//! `channels` numbers, and the weights repeat every `lcm(channels, 8)`.

use half::f16;
use visavis_codec::avatar::{LEAKY_SLOPE, SEED_SIZE, TextureDecoder, UpBlock};

use super::head::HeadWeights;
use super::matmul::{COLUMNS, Columns, ROWS, tile};
use super::simd::{Kernel, LANES, Level, Simd, each, first_of, first_of_mut};
use super::threads::{Scratch, Threads, for_each_piece};
use crate::pace::Pace;

/// A [`TextureDecoder`], packed for the kernels. Channels are padded to a multiple of 4 with zeros.
#[derive(Debug)]
pub(crate) struct TextureWeights {
    seed: SeedWeights,
    blocks: Vec<BlockWeights>,
    /// In the last block's place for a map of half the size.
    head: Option<HeadWeights>,
    /// What decodes need while they run: as many as run at once are ever made.
    scratch: Scratch<TextureScratch>,
}

#[derive(Debug)]
struct SeedWeights {
    condition: usize,
    /// `[outputs / 8, condition]` rows of 8, outputs ordered `[y][x][channel]`.
    weight: Vec<[f16; LANES]>,
    bias: Vec<[f32; LANES]>,
}

#[derive(Debug)]
struct BlockWeights {
    /// Width and height of the input.
    size: usize,
    inputs: usize,
    channels: usize,
    /// `[4 · channels / 16, inputs]` rows of 16, columns ordered `[dy][dx][channel]`.
    expand: Vec<Columns>,
    /// The nine weights, row by row, of eight neighbours in a row, for each phase of the repeating pattern.
    depthwise: Vec<[[f32; LANES]; 9]>,
    /// `[2 · size, 2 · size, channels]`.
    bias: Vec<f16>,
    /// Slope of the activation for negative inputs: 1 after the last block, which has none.
    slope: f32,
}

/// A dynamic map.
#[derive(Debug)]
pub(crate) struct TextureState {
    /// Width and height: the decoder's, or half of it.
    pub(crate) size: usize,
    /// The result: `[size, size, channels]`, then a vector's worth of zeros so that a load at the last texel is safe.
    pub(crate) map: Vec<f32>,
}

/// The buffers that it takes to make a map.
#[derive(Debug, Default)]
struct TextureScratch {
    condition: Vec<f32>,
    /// The maps between the blocks, in turn.
    between: [Vec<f32>; 2],
    rows: Scratch<Vec<f32>>,
}

const fn padded(channels: usize) -> usize {
    channels.next_multiple_of(4)
}

impl TextureWeights {
    /// Packs a decoder whose arrays have the lengths that its documentation says.
    pub(crate) async fn new_paced(decoder: &TextureDecoder, pace: &Pace) -> Self {
        let mut size = SEED_SIZE;
        let mut blocks = Vec::with_capacity(decoder.blocks.len());
        for (i, block) in decoder.blocks.iter().enumerate() {
            pace.spend(block.bias.len() * 2).await;
            let slope = if i + 1 == decoder.blocks.len() { 1.0 } else { LEAKY_SLOPE };
            blocks.push(BlockWeights::new(block, size, slope));
            size *= 2;
        }
        pace.spend(decoder.blocks.last().map_or(0, |block| block.bias.len())).await;
        let head = decoder.blocks.last().map(|block| HeadWeights::new(block, size / 2));
        pace.spend(decoder.seed_weight.len() * 2).await;
        Self { seed: SeedWeights::new(decoder), blocks, head, scratch: Scratch::default() }
    }

    /// Width and height of the map.
    pub(crate) fn size(&self) -> usize {
        SEED_SIZE << self.blocks.len()
    }

    /// Channels of the map, with padding.
    pub(crate) fn channels(&self) -> usize {
        self.blocks
            .last()
            .map_or(self.seed.bias.len() * LANES / (SEED_SIZE * SEED_SIZE), |block| block.channels)
    }

    /// What the biases and the expansions take in memory: most of it.
    pub(crate) fn bytes(&self) -> usize {
        let SeedWeights { weight, bias, .. } = &self.seed;
        let blocks = self
            .blocks
            .iter()
            .map(|block| size_of_val(block.expand.as_slice()) + size_of_val(block.bias.as_slice()));
        size_of_val(weight.as_slice())
            + size_of_val(bias.as_slice())
            + blocks.sum::<usize>()
            + self.head.as_ref().map_or(0, HeadWeights::bytes)
    }

    /// Room for a map: of the decoder's size, or of half of it.
    pub(crate) fn state(&self, is_half: bool) -> TextureState {
        let size = if is_half && self.head.is_some() { self.size() / 2 } else { self.size() };
        TextureState { size, map: vec![0.0; size * size * self.channels() + LANES] }
    }

    fn fit(&self, scratch: &mut TextureScratch) {
        let inner = self.blocks.iter().map(|block| block.size * block.size * block.inputs);
        let longest = |parity: usize| inner.clone().skip(parity).step_by(2).max().unwrap_or(0);
        scratch.condition.resize(self.seed.condition, 0.0);
        for (parity, map) in scratch.between.iter_mut().enumerate() {
            if map.len() < longest(parity) {
                map.resize(longest(parity), 0.0);
            }
        }
    }

    /// Decodes a condition into `state.map`.
    pub(crate) fn run(&self, level: Level, threads: Threads, condition: &[f32], state: &mut TextureState) {
        self.scratch.with(|scratch| self.run_with(level, threads, condition, state, scratch));
    }

    fn run_with(
        &self,
        level: Level,
        threads: Threads,
        condition: &[f32],
        state: &mut TextureState,
        scratch: &mut TextureScratch,
    ) {
        self.fit(scratch);
        for (to, from) in scratch.condition.iter_mut().zip(condition) {
            *to = *from;
        }
        let [mut input, mut output] = scratch.between.each_mut().map(|map| map.as_mut_slice());
        let map_length = state.map.len() - LANES;
        let map = &mut state.map[..map_length];
        let seed_output = if self.blocks.is_empty() { &mut *map } else { &mut *input };
        self.seed.run(level, threads, &scratch.condition, seed_output);
        let head = self.head.as_ref().filter(|_| state.size < self.size());
        for (i, block) in self.blocks.iter().enumerate() {
            if i + 1 < self.blocks.len() {
                block.run(level, threads, input, output, &scratch.rows);
                std::mem::swap(&mut input, &mut output);
            } else if let Some(head) = head {
                head.run(level, threads, input, map);
            } else {
                block.run(level, threads, input, map, &scratch.rows);
            }
        }
    }
}

impl SeedWeights {
    fn new(decoder: &TextureDecoder) -> Self {
        let texels = SEED_SIZE * SEED_SIZE;
        let outputs = decoder.seed_channels * texels;
        let condition = decoder.seed_weight.len() / outputs.max(1);
        let channels = padded(decoder.seed_channels);
        let mut weight = vec![[f16::ZERO; LANES]; texels * channels / LANES * condition];
        let mut bias = vec![[0.0; LANES]; texels * channels / LANES];
        for channel in 0..decoder.seed_channels {
            for texel in 0..texels {
                let (from, to) = (channel * texels + texel, texel * channels + channel);
                bias[to / LANES][to % LANES] = decoder.seed_bias[from].to_f32();
                for i in 0..condition {
                    weight[to / LANES * condition + i][to % LANES] =
                        decoder.seed_weight[from * condition + i];
                }
            }
        }
        Self { condition, weight, bias }
    }

    fn run(&self, level: Level, threads: Threads, condition: &[f32], output: &mut [f32]) {
        let blocks = self.bias.len();
        let pieces = threads.pieces(blocks / 64);
        let start_of = |piece: usize| piece * blocks / pieces;
        let output = &mut output.as_chunks_mut::<LANES>().0[..blocks];
        for_each_piece(threads, output, 0..pieces, &start_of, &|piece, output| {
            level.run(SeedKernel { weights: self, first: start_of(piece), condition, output });
        });
    }
}

struct SeedKernel<'a> {
    weights: &'a SeedWeights,
    first: usize,
    condition: &'a [f32],
    output: &'a mut [[f32; LANES]],
}

impl Kernel for SeedKernel<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { weights, first, condition, output } = self;
        let rows = weights.weight[first * weights.condition..].chunks_exact(weights.condition.max(1));
        for ((output, bias), weight) in output.iter_mut().zip(&weights.bias[first..]).zip(rows) {
            // Two sums, so that one multiply-add needn't wait for the last.
            let mut sums = [s.load(bias), s.splat(0.0)];
            for (i, (weight, &c)) in weight.iter().zip(condition).enumerate() {
                sums[i % 2] = s.mul_add(s.load_f16(weight), s.splat(c), sums[i % 2]);
            }
            s.store(s.leaky(s.add(sums[0], sums[1])), output);
        }
    }
}

impl BlockWeights {
    fn new(block: &UpBlock, size: usize, slope: f32) -> Self {
        let (inputs, channels) = (padded(block.in_channels), padded(block.out_channels));
        let mut expand = vec![Columns::ZERO; 4 * channels / COLUMNS * inputs];
        for channel in 0..block.out_channels {
            for quarter in 0..4 {
                let column = quarter * channels + channel;
                for i in 0..block.in_channels {
                    let row = &mut expand[column / COLUMNS * inputs + i];
                    row.0[column % COLUMNS / LANES][column % LANES] =
                        block.expand[(4 * channel + quarter) * block.in_channels + i].to_f32();
                }
            }
        }
        let period = if channels % LANES == 0 { channels } else { 2 * channels };
        let mut depthwise = vec![[[0.0; LANES]; 9]; period / LANES];
        for at in 0..period {
            let channel = at % channels;
            if channel < block.out_channels {
                for tap in 0..9 {
                    depthwise[at / LANES][tap][at % LANES] = block.depthwise[channel * 9 + tap].to_f32();
                }
            }
        }
        let (texels, biases) = (4 * size * size, block.bias_values());
        let mut bias = vec![f16::ZERO; texels * channels];
        for channel in 0..block.out_channels {
            for texel in 0..texels {
                bias[texel * channels + channel] = biases[channel * texels + texel];
            }
        }
        Self { size, inputs, channels, expand, depthwise, bias, slope }
    }

    /// `input` is `[size, size, inputs]`, `output` `[2 · size, 2 · size, channels]`, both may be longer.
    fn run(
        &self,
        level: Level,
        threads: Threads,
        input: &[f32],
        output: &mut [f32],
        scratch: &Scratch<Vec<f32>>,
    ) {
        // Output rows are made in pairs (2p − 1, 2p), p = 0..=size: the rows that need just the expansions of the
        // input rows p − 1 and p.
        let pairs = self.size + 1;
        let row = 2 * self.size * self.channels;
        let output = &mut output[..2 * self.size * row];
        let pieces = threads.pieces(self.size / 4);
        let first_pair = |piece: usize| piece * pairs / pieces;
        let start_of = |piece: usize| (2 * first_pair(piece)).saturating_sub(1) * row;
        for_each_piece(threads, output, 0..pieces, &start_of, &|piece, output| {
            scratch.with(|rows| {
                let length = 4 * (row + 2 * self.channels);
                if rows.len() < length {
                    rows.resize(length, 0.0);
                }
                let pairs = first_pair(piece)..first_pair(piece + 1);
                level.run(BlockKernel { block: self, pairs, input, output, rows: &mut rows[..length] });
            });
        });
    }
}

struct BlockKernel<'a> {
    block: &'a BlockWeights,
    pairs: std::ops::Range<usize>,
    input: &'a [f32],
    /// The rows of `pairs`.
    output: &'a mut [f32],
    /// Four rows with a texel of zeros at either end: the expansions of two neighbouring input rows.
    rows: &'a mut [f32],
}

impl Kernel for BlockKernel<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { block, pairs, input, output, rows } = self;
        let BlockWeights { size, channels, .. } = *block;
        let row = 2 * size * channels;
        rows.fill(0.0);
        let (above, below) = rows.split_at_mut(rows.len() / 2);
        let (mut above, mut below) = (above, below);
        if let Some(before) = pairs.start.checked_sub(1) {
            expand(s, block, input, before, above);
        }
        let mut output = output.chunks_exact_mut(row);
        for pair in pairs {
            if pair < size {
                expand(s, block, input, pair, below);
            } else {
                below.fill(0.0);
            }
            let (a, b) = above.split_at(above.len() / 2);
            let (c, d) = below.split_at(below.len() / 2);
            if pair == 0 {
                if let Some(out) = output.next() {
                    depthwise::<S, 1>(s, block, [b, c, d, d], [bias_of(block, 0)], [out]);
                }
            } else if pair == size {
                if let Some(out) = output.next() {
                    depthwise::<S, 1>(s, block, [a, b, c, c], [bias_of(block, 2 * size - 1)], [out]);
                }
            } else if let (Some(first), Some(second)) = (output.next(), output.next()) {
                let biases = [bias_of(block, 2 * pair - 1), bias_of(block, 2 * pair)];
                depthwise::<S, 2>(s, block, [a, b, c, d], biases, [first, second]);
            }
            std::mem::swap(&mut above, &mut below);
        }
    }
}

/// The bias of an output row.
#[inline(always)]
fn bias_of(block: &BlockWeights, y: usize) -> &[f16] {
    let row = 2 * block.size * block.channels;
    &block.bias[y * row..(y + 1) * row]
}

/// The 1×1 convolution of input row `y`: two rows of the doubled map, one after the other in `to`.
#[inline(always)]
fn expand<S: Simd>(s: S, block: &BlockWeights, input: &[f32], y: usize, to: &mut [f32]) {
    let BlockWeights { size, inputs, channels, .. } = *block;
    let (upper, lower) = to.split_at_mut(to.len() / 2);
    let row = &input[y * size * inputs..(y + 1) * size * inputs];
    for (panel, weights) in block.expand.chunks_exact(inputs).enumerate() {
        // Each half of a panel belongs to one output row; where its numbers go there, for input column 0:
        let halves = each!(half < 2 => {
            let column = panel * COLUMNS + half * LANES;
            (column >= 2 * channels, channels + column % (2 * channels))
        });
        let mut x = 0;
        // Widths are multiples of 8, so that sixes and then at most two fours fill them.
        while (size - x) % 4 != 0 || size - x >= 12 || size - x == ROWS {
            products::<S, ROWS>(s, row, weights, x, 2 * channels, halves, [upper, lower]);
            x += ROWS;
        }
        while x < size {
            products::<S, 4>(s, row, weights, x, 2 * channels, halves, [upper, lower]);
            x += 4;
        }
    }
}

/// The products of `M` input texels from `x` on with 16 columns of weights, each half stored where it belongs.
#[inline(always)]
fn products<S: Simd, const M: usize>(
    s: S,
    row: &[f32],
    weights: &[Columns],
    x: usize,
    step: usize,
    halves: [(bool, usize); 2],
    [upper, lower]: [&mut [f32]; 2],
) {
    let sums = tile::<S, M>(s, &row[x * weights.len()..], weights, [[s.splat(0.0); 2]; M]);
    for (i, (is_lower, at)) in halves.into_iter().enumerate() {
        let to = if is_lower { &mut *lower } else { &mut *upper };
        let first = at + x * step;
        for m in 0..M {
            if let Some(to) = first_of_mut(to, first + m * step) {
                s.store(sums[m][i], to);
            }
        }
    }
}

/// Numbers of a row that are taken through all phases of the weights together: few enough that they stay in the
/// first-level cache from one phase to the next.
const SEGMENT: usize = 1024;

/// `R` output rows from `R + 2` padded rows of the expanded map.
#[inline(always)]
fn depthwise<S: Simd, const R: usize>(
    s: S,
    block: &BlockWeights,
    rows: [&[f32]; 4],
    biases: [&[f16]; R],
    outputs: [&mut [f32]; R],
) {
    let channels = block.channels;
    let length = 2 * block.size * channels;
    let period = block.depthwise.len() * LANES;
    let segment = (SEGMENT / period).max(1) * period;
    let slope = s.splat(block.slope);
    let mut start = 0;
    while start < length {
        let end = (start + segment).min(length);
        for (phase, weights) in block.depthwise.iter().enumerate() {
            let weights: [S::F; 9] = each!(tap < 9 => s.load(&weights[tap]));
            let mut at = start + phase * LANES;
            while at < end {
                let mut sums: [S::F; R] = each!(r < R => match first_of(biases[r], at) {
                    Some(bias) => s.load_f16(bias),
                    None => s.splat(0.0),
                });
                for y in 0..R + 2 {
                    for dx in 0..3 {
                        let x = s.load_at(rows[y], at + dx * channels);
                        for r in 0..R {
                            if y >= r && y - r < 3 {
                                sums[r] = s.mul_add(weights[3 * (y - r) + dx], x, sums[r]);
                            }
                        }
                    }
                }
                for r in 0..R {
                    if let Some(to) = first_of_mut(outputs[r], at) {
                        // max(x, x · slope) is the activation, and x itself for a slope of 1.
                        s.store(s.max(sums[r], s.mul(sums[r], slope)), to);
                    }
                }
                at += period;
            }
        }
        start = end;
    }
}
