//! The pixel decoder: features and view → colour, in parts that can be relit.

use glam::{Vec2, Vec3};

use super::decode::FeatureMap;
use super::layers::Fragment;
use crate::avatar::{Avatar, PixelMlp, StaticMap, leaky, tangents};
use crate::light::MAX_LAMPS;

/// What the pixel decoder says of one fragment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shaded {
    /// Share of the light that is given back, 0..=1 each, linear.
    pub albedo: Vec3,
    /// The capture's light on it, ≥ 0.
    pub shading: Vec3,
    /// The surface's normal with the fine relief, unit length.
    pub normal: Vec3,
    /// Opacity; 1 on opaque parts.
    pub alpha: f32,
    /// How much of the light of each source of the captured light (its lamps, then the ambient light) reaches the place;
    /// 1 where the avatar doesn't say.
    pub reach: [f32; MAX_LAMPS + 1],
}

impl Shaded {
    /// The colour as captured, linear, not premultiplied: `albedo · shading`.
    pub fn color(&self) -> Vec3 {
        self.albedo * self.shading
    }
}

/// Shades a fragment whose position and normal are in the rest frame, seen from `eye` (in the rest frame, too).
pub fn shade(avatar: &Avatar, dynamic: &FeatureMap, fragment: &Fragment, eye: Vec3) -> Shaded {
    let normal = fragment.normal;
    let to_eye = (eye - fragment.position).normalize_or(normal);
    let facing = normal.dot(to_eye);
    let material = fragment.kind.material();
    let is_blended = material.is_blended();
    let reflection = 2.0 * facing * normal - to_eye;
    let directions = if is_blended { [reflection, to_eye] } else { [normal, reflection] };

    let mut inputs = Vec::with_capacity(avatar.pixel_inputs());
    sample_dynamic(dynamic, fragment.uv, &mut inputs);
    sample_static(&avatar.static_map, fragment.uv, &mut inputs);
    inputs.extend(directions.iter().flat_map(Vec3::to_array));
    inputs.push(facing);

    let PixelMlp { w1, b1, w2, b2, w3, b3 } = avatar.pixel.layers(material);
    let first: Vec<f32> = layer(w1, b1, &inputs).map(leaky).collect();
    let second: Vec<f32> = layer(w2, b2, &first).map(leaky).collect();
    let out: Vec<f32> = layer(w3, b3, &second).collect();

    let mut reach = [1.0; MAX_LAMPS + 1];
    if let Some(transport) = &avatar.transport {
        let (w, b) = transport.layer(material);
        reach.iter_mut().zip(layer(w, b, &second)).for_each(|(reach, out)| *reach = softplus(out));
    }
    let (tangent, bitangent) = tangents(normal);
    Shaded {
        albedo: Vec3::new(sigmoid(out[0]), sigmoid(out[1]), sigmoid(out[2])),
        shading: Vec3::new(softplus(out[3]), softplus(out[4]), softplus(out[5])),
        normal: (normal + out[6] * tangent + out[7] * bitangent).normalize_or(normal),
        alpha: if is_blended { sigmoid(out[8]) } else { 1.0 },
        reach,
    }
}

fn layer(weights: &[f32], bias: &[f32], inputs: &[f32]) -> impl Iterator<Item = f32> {
    (weights.chunks_exact(inputs.len()).zip(bias))
        .map(move |(row, bias)| bias + row.iter().zip(inputs).map(|(w, x)| w * x).sum::<f32>())
}

/// `1 / (1 + e⁻ˣ)`.
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// `ln(1 + eˣ)`, written so that it doesn't overflow.
pub fn softplus(x: f32) -> f32 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// The four texels round a place, and their weights: centres at `(i + ½) / size`, clamped at the border.
fn bilinear(uv: Vec2, size: usize) -> [(usize, usize, f32); 4] {
    let place = uv * size as f32 - 0.5;
    let base = place.floor();
    let share = place - base;
    let clamp = |x: f32| (x.max(0.0) as usize).min(size - 1);
    let (x0, x1, y0, y1) = (clamp(base.x), clamp(base.x + 1.0), clamp(base.y), clamp(base.y + 1.0));
    [
        (x0, y0, (1.0 - share.x) * (1.0 - share.y)),
        (x1, y0, share.x * (1.0 - share.y)),
        (x0, y1, (1.0 - share.x) * share.y),
        (x1, y1, share.x * share.y),
    ]
}

/// Appends a value for each channel of the map.
pub fn sample_dynamic(map: &FeatureMap, uv: Vec2, out: &mut Vec<f32>) {
    let taps = bilinear(uv, map.size);
    for plane in map.data.chunks_exact(map.size * map.size) {
        out.push(taps.iter().map(|&(x, y, weight)| weight * plane[y * map.size + x]).sum());
    }
}

/// Appends a value for each channel of the map.
pub fn sample_static(map: &StaticMap, uv: Vec2, out: &mut Vec<f32>) {
    let taps = bilinear(uv, map.size);
    for channel in 0..map.channels {
        let texel = |x: usize, y: usize| f32::from(map.texels[(y * map.size + x) * map.channels + channel]);
        let value: f32 = taps.iter().map(|&(x, y, weight)| weight * texel(x, y)).sum();
        out.push(value * map.scale[channel] + map.offset[channel]);
    }
}
