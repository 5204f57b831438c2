//! A likeness's colour: one look-up a point, no network.

use visavis_codec::avatar::{BaseColor, Material};

use super::geometry::Vertex;
use super::pixel::{BATCH, BatchParts};
use super::simd::LANES;

/// Colour and alpha in UV, linear.
#[derive(Debug)]
pub(crate) struct BaseMap {
    size: usize,
    /// `[size, size]`: red, green, blue, alpha, not premultiplied.
    texels: Vec<[f32; 4]>,
}

impl BaseMap {
    pub(crate) fn new(color: &BaseColor) -> Self {
        let linear: [f32; 256] = std::array::from_fn(|code| linear(code as f32 / 255.0));
        let texels = (color.texels.iter())
            .map(|&[r, g, b, a]| {
                let [r, g, b] = [r, g, b].map(|code| linear[usize::from(code)]);
                [r, g, b, f32::from(a) / 255.0]
            })
            .collect();
        Self { size: color.size, texels }
    }

    /// What it takes in memory.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(self.texels.as_slice())
    }

    /// Bilinear between texels whose centres lie at (i + ½)/size, clamped at the border.
    fn sample(&self, u: f32, v: f32) -> [f32; 4] {
        let size = self.size as f32;
        let (x, y) = (u * size - 0.5, v * size - 0.5);
        let (left, upper) = (x.floor(), y.floor());
        let (right_share, lower_share) = (x - left, y - upper);
        // As casts, NaN and what lies before the first texel become 0.
        let clamp = |place: f32| (place as usize).min(self.size.saturating_sub(1));
        let mut sum = [0.0; 4];
        for (row, row_share) in [(upper, 1.0 - lower_share), (upper + 1.0, lower_share)] {
            for (column, share) in [(left, 1.0 - right_share), (left + 1.0, right_share)] {
                let texel = self.texels.get(clamp(row) * self.size + clamp(column));
                let share = row_share * share;
                for (sum, value) in sum.iter_mut().zip(texel.copied().unwrap_or_default()) {
                    *sum += share * value;
                }
            }
        }
        sum
    }

    /// Sixteen points as [`shade`](super::pixel::shade) gives them; alpha is 1 on opaque ones.
    pub(crate) fn shade(&self, points: &[Vertex; BATCH], material: Material) -> [[[f32; LANES]; 2]; 4] {
        let mut rgba = [[[1.0; LANES]; 2]; 4];
        self.mix(points, material, 1.0, &mut rgba);
        rgba
    }

    /// Puts so much of the likeness's colour in the place of what is there.
    pub(crate) fn mix(
        &self,
        points: &[Vertex; BATCH],
        material: Material,
        share: f32,
        rgba: &mut [[[f32; LANES]; 2]; 4],
    ) {
        for (i, point) in points.iter().enumerate() {
            let [_, _, _, u, _, _, _, v] = *point;
            let mut base = self.sample(u, v);
            if !material.is_blended() {
                base[3] = 1.0;
            }
            for (channel, base) in rgba.iter_mut().zip(base) {
                let value = &mut channel[i / LANES][i % LANES];
                *value = if share >= 1.0 { base } else { *value + (base - *value) * share };
            }
        }
    }
}

impl BaseMap {
    /// Puts so much of the likeness in the place of what relighting knows: its colour as the albedo, in white light that
    /// arrives in full, on the bare mesh.
    pub(crate) fn mix_parts(&self, points: &[Vertex; BATCH], share: f32, parts: &mut BatchParts) {
        let BatchParts { albedo, normal, reach } = parts;
        for (i, point) in points.iter().enumerate() {
            let [_, _, _, u, x, y, z, v] = *point;
            let mix = |plane: &mut [[f32; LANES]; 2], to: f32| {
                let value = &mut plane[i / LANES][i % LANES];
                *value = if share >= 1.0 { to } else { *value + (to - *value) * share };
            };
            let length = (x * x + y * y + z * z).sqrt().max(f32::MIN_POSITIVE);
            albedo.iter_mut().zip(self.sample(u, v)).for_each(|(plane, to)| mix(plane, to));
            normal.iter_mut().zip([x, y, z]).for_each(|(plane, to)| mix(plane, to / length));
            reach.iter_mut().for_each(|plane| mix(plane, 1.0));
        }
    }
}

/// The linear value of an sRGB one (IEC 61966-2-1), both 0..=1.
fn linear(srgb: f32) -> f32 {
    if srgb <= 0.040_45 { srgb / 12.92 } else { ((srgb + 0.055) / 1.055).powf(2.4) }
}
