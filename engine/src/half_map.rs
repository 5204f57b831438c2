//! The dynamic map at half its size, without its last up-block.
//!
//! The last block is linear: 1×1 convolution to four texels, depthwise 3×3, bias, no activation. So the mean of two of its
//! texels by two is linear in its input, too. Of that exact mean, which reaches into the eight neighbours, this keeps the
//! sums: it takes every neighbour for what the texel itself is. That leaves a 1×1 convolution with an eighth of the
//! multiply-adds, and the mean of the untied bias.

use visavis_codec::avatar::UpBlock;

/// A 1×1 convolution with an untied bias.
pub(crate) struct Head {
    /// `[out, in]`.
    pub(crate) weight: Vec<f32>,
    /// `[out, size, size]`.
    pub(crate) bias: Vec<f32>,
}

/// What stands in for the last block, whose input is `size`².
pub(crate) fn head(block: &UpBlock, size: usize) -> Head {
    let UpBlock { in_channels, out_channels, expand, depthwise, .. } = block;
    let (inputs, outputs) = (*in_channels, *out_channels);
    let mut weight = vec![0.0; outputs * inputs];
    for (output, (row, taps)) in
        weight.chunks_exact_mut(inputs.max(1)).zip(depthwise.chunks_exact(9)).enumerate()
    {
        // How much of each of the four expanded texels there is in the mean: which one a tap falls on is a question of
        // odd and even.
        let mut shares = [0.0f32; 4];
        for (tap, weight) in taps.iter().enumerate() {
            for texel in 0..4 {
                // One to the left is an odd place as well as one to the right is.
                let (x, y) = (texel % 2 + tap % 3 + 1, texel / 2 + tap / 3 + 1);
                shares[y % 2 * 2 + x % 2] += weight.to_f32() / 4.0;
            }
        }
        for (quarter, share) in shares.into_iter().enumerate() {
            let from = (4 * output + quarter) * inputs;
            for (sum, weight) in row.iter_mut().zip(&expand[from..from + inputs]) {
                *sum += share * weight.to_f32();
            }
        }
    }
    let whole = block.bias_values();
    let mut bias = Vec::with_capacity(outputs * size * size);
    for plane in whole.chunks_exact((4 * size * size).max(1)) {
        for y in 0..size {
            for x in 0..size {
                let corner = 4 * y * size + 2 * x;
                let texels = [corner, corner + 1, corner + 2 * size, corner + 2 * size + 1];
                bias.push(texels.map(|texel| plane[texel].to_f32()).iter().sum::<f32>() / 4.0);
            }
        }
    }
    Head { weight, bias }
}

#[cfg(test)]
mod tests {
    use visavis_codec::testing::{Preset, random_head, random_latent, synthetic_avatar};

    use super::*;

    /// Where all of the last block's input is one and the same, away from the border, the head is the exact mean.
    #[test]
    fn the_head_is_the_mean_of_a_constant_map() {
        let avatar = synthetic_avatar(3, Preset::Tiny);
        let block = avatar.texture.blocks.last().expect("two blocks");
        let size = avatar.texture.size() / 2;
        let head = head(block, size);
        let x: Vec<f32> = (0..block.in_channels).map(|i| (i as f32 * 0.7).sin()).collect();
        let biases = block.bias_values();
        for output in 0..block.out_channels {
            let quarters: Vec<f32> = (0..4)
                .map(|q| {
                    let row = &block.expand[(4 * output + q) * block.in_channels..][..block.in_channels];
                    row.iter().zip(&x).map(|(w, x)| w.to_f32() * x).sum()
                })
                .collect();
            let (cx, cy) = (size / 2, size / 2 - 1);
            let mut mean = 0.0;
            for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                let (x, y) = (2 * cx + dx, 2 * cy + dy);
                mean += biases[(output * 2 * size + y) * 2 * size + x].to_f32() / 4.0;
                for tap in 0..9 {
                    let (sx, sy) = (x + tap % 3 - 1, y + tap / 3 - 1);
                    mean += block.depthwise[output * 9 + tap].to_f32() * quarters[sy % 2 * 2 + sx % 2] / 4.0;
                }
            }
            let row = &head.weight[output * block.in_channels..][..block.in_channels];
            let found: f32 = row.iter().zip(&x).map(|(w, x)| w * x).sum::<f32>()
                + head.bias[(output * size + cy) * size + cx];
            assert!((found - mean).abs() < 1e-4, "{found} against {mean}");
        }
    }

    /// On the whole network: near the mean of the whole map, and far nearer to it than another face's map is.
    #[test]
    fn the_half_map_is_near_the_whole_ones_mean() {
        use visavis_codec::reference::decode;

        let avatar = synthetic_avatar(4, Preset::Tiny);
        let condition = |seed| decode::condition(&avatar, &random_latent(seed), &random_head(seed));
        let (ours, other) =
            (decode::texture(&avatar, &condition(1)), decode::texture(&avatar, &condition(2)));
        let weights = crate::cpu::Weights::new(&avatar);
        let half = weights.half_map_of(&random_latent(1), &random_head(1));
        let size = ours.size / 2;
        let mean = |map: &decode::FeatureMap, c: usize, x: usize, y: usize| {
            let at = |x: usize, y: usize| map.data[(c * map.size + y) * map.size + x];
            (at(2 * x, 2 * y) + at(2 * x + 1, 2 * y) + at(2 * x, 2 * y + 1) + at(2 * x + 1, 2 * y + 1)) / 4.0
        };
        let (mut error, mut change) = (0.0f64, 0.0f64);
        for c in 0..ours.channels {
            for y in 1..size - 1 {
                for x in 1..size - 1 {
                    let expected = mean(&ours, c, x, y);
                    let found = half[(y * size + x) * ours.channels + c];
                    error += f64::from(found - expected).powi(2);
                    change += f64::from(mean(&other, c, x, y) - expected).powi(2);
                }
            }
        }
        assert!(error.is_finite() && error < 0.5 * change, "{error} against {change}");
    }
}
