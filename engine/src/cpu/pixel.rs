//! The pixel decoder: surface points to colour, sixteen at a time, points in lanes and weights broadcast.

use visavis_codec::avatar::{Avatar, Material, PIXEL_GEOMETRY_INPUTS};
use visavis_codec::light::MAX_LAMPS;

use super::base_color::BaseMap;
use super::geometry::Vertex;
use super::math::{sigmoid, softplus};
use super::matmul::{Columns, ROWS, tile};
use super::simd::{LANES, Simd, each, first_of};
use crate::gpu::ALL_ARRIVES;

/// How many points are shaded together.
pub(crate) const BATCH: usize = 2 * LANES;
/// The brightest colour that a layer keeps, well below f16's largest number.
const BRIGHTEST: f32 = 32_768.0;
/// Which output is alpha; those before it that are colour come first.
const ALPHA_OUTPUT: usize = 8;
/// Which outputs tilt the normal: two from this one on.
const OFFSET_OUTPUT: usize = 6;
/// Outputs that only relighting asks for: the normal's offset, then how much of each captured light source arrives.
const PARTS_OUTPUTS: usize = 2 * ROWS;

/// The pixel decoder and the static map, packed for the kernels.
#[derive(Debug)]
pub(crate) struct PixelWeights {
    inputs: usize,
    /// Width of the hidden layers, padded to whole tiles.
    hidden: usize,
    /// A network each [`Material`].
    layers: [Layers; Material::ALL.len()],
    /// Width and height of the dynamic map, unless it is one of half the size.
    whole_dynamic_size: usize,
    dynamic_channels: usize,
    /// Channels of the dynamic map as it is stored.
    dynamic_stride: usize,
    static_channels: usize,
    /// As it is, and at half the size.
    static_maps: [StaticMap; 2],
    /// What the likeness looks like, if there is one.
    pub(crate) base: Option<BaseMap>,
}

/// The static map at one size.
#[derive(Debug, Default)]
pub(crate) struct StaticMap {
    pub(crate) size: usize,
    /// `[size, size, channels]`, then zeros so that a load of eight at the last texel is safe.
    pub(crate) texels: Vec<u8>,
}

/// One of the decoder's networks.
#[derive(Debug, Default)]
struct Layers {
    /// `[hidden, inputs]`; the static map's scale is in it.
    w1: Vec<f32>,
    b1: Vec<f32>,
    w2: Vec<f32>,
    b2: Vec<f32>,
    /// Albedo and shading, `[6, hidden]`.
    w3: Vec<f32>,
    b3: [f32; ROWS],
    /// `[hidden]`.
    w_alpha: Vec<f32>,
    b_alpha: f32,
    /// For relighting, `[`[`PARTS_OUTPUTS`]`, hidden]`.
    w_parts: Vec<f32>,
    b_parts: [f32; PARTS_OUTPUTS],
}

/// Room for the inputs and hidden layers of one batch.
#[derive(Debug, Default)]
pub(crate) struct PixelScratch {
    inputs: Vec<Columns>,
    hidden: [Vec<Columns>; 2],
}

/// What relighting needs to know of a batch, each by points.
#[derive(Debug, Default)]
pub(crate) struct BatchParts {
    pub(crate) albedo: [[[f32; LANES]; 2]; 3],
    /// With the fine relief, unit length.
    pub(crate) normal: [[[f32; LANES]; 2]; 3],
    /// How much of each captured lamp arrives, then of the ambient light.
    pub(crate) reach: [[[f32; LANES]; 2]; MAX_LAMPS + 1],
}

/// What there is to sample, and from where it is seen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Surface<'a> {
    pub(crate) weights: &'a PixelWeights,
    /// `[size, size, stride]` and a vector's worth of zeros.
    pub(crate) dynamic: &'a [f32],
    pub(crate) dynamic_size: usize,
    /// How much of the colour is the likeness's, 0 to 1.
    pub(crate) likeness: f32,
    /// The eye in the rest frame.
    pub(crate) eye: [f32; 3],
}

/// Rows of a matrix padded with zeros.
fn pad_rows(matrix: &[f32], rows: usize, columns: usize, to_rows: usize, to_columns: usize) -> Vec<f32> {
    let mut padded = vec![0.0; to_rows * to_columns];
    for row in 0..rows {
        padded[row * to_columns..][..columns].copy_from_slice(&matrix[row * columns..][..columns]);
    }
    padded
}

impl PixelWeights {
    /// Packs an avatar whose arrays have the lengths that their documentation says; `dynamic_stride` is the stored
    /// dynamic map's number of channels.
    pub(crate) fn new(avatar: &Avatar, dynamic_stride: usize) -> Self {
        let map = &avatar.static_map;
        let half = halved(&map.texels, map.size, map.channels);
        let static_maps =
            [(map.size, map.texels.clone()), ((map.size / 2).max(1), half)].map(|(size, mut texels)| {
                texels.extend([0; LANES]);
                StaticMap { size, texels }
            });
        Self {
            inputs: avatar.pixel_inputs(),
            hidden: avatar.pixel.hidden.next_multiple_of(ROWS),
            layers: Material::ALL.map(|material| Layers::new(avatar, material)),
            whole_dynamic_size: avatar.texture.size(),
            dynamic_channels: avatar.texture.channels(),
            dynamic_stride,
            static_channels: map.channels,
            static_maps,
            base: avatar.preview.as_ref().map(|preview| BaseMap::new(&preview.color)),
        }
    }

    /// Nothing but a likeness's colour.
    pub(crate) fn of_likeness(base: BaseMap) -> Self {
        Self {
            inputs: PIXEL_GEOMETRY_INPUTS,
            hidden: 0,
            layers: Default::default(),
            whole_dynamic_size: 0,
            dynamic_channels: 0,
            dynamic_stride: 0,
            static_channels: 0,
            static_maps: Default::default(),
            base: Some(base),
        }
    }

    /// Bytes that the maps take.
    pub(crate) fn bytes(&self) -> usize {
        let maps: usize = self.static_maps.iter().map(|map| map.texels.len()).sum();
        maps + self.base.as_ref().map_or(0, BaseMap::bytes)
    }
}

/// Means of two texels by two, rounded; a map of one texel stays.
fn halved(texels: &[u8], size: usize, channels: usize) -> Vec<u8> {
    let (half, step) = ((size / 2).max(1), usize::from(size > 1));
    let mut means = Vec::with_capacity(half * half * channels);
    for y in 0..half {
        for x in 0..half {
            let corner = (2 * y * size + 2 * x) * channels;
            for at in corner..corner + channels {
                let sum: u32 = [0, step * channels, step * size * channels, step * (size + 1) * channels]
                    .map(|offset| u32::from(texels.get(at + offset).copied().unwrap_or(0)))
                    .iter()
                    .sum();
                means.push(((sum + 2) / 4) as u8);
            }
        }
    }
    means
}

impl Layers {
    fn new(avatar: &Avatar, material: Material) -> Self {
        let (pixel, map) = (avatar.pixel.layers(material), &avatar.static_map);
        let (inputs, width) = (avatar.pixel_inputs(), avatar.pixel.hidden);
        let hidden = width.next_multiple_of(ROWS);
        let mut w1 = pad_rows(pixel.w1, width, inputs, hidden, inputs);
        let mut b1 = pad_rows(pixel.b1, 1, width, 1, hidden);
        for (row, bias) in w1.chunks_exact_mut(inputs).zip(&mut b1) {
            let weights = row[avatar.texture.channels()..][..map.channels].iter_mut();
            for ((weight, scale), offset) in weights.zip(&map.scale).zip(&map.offset) {
                *bias += *weight * offset;
                *weight *= scale;
            }
        }
        let mut w_parts = pad_rows(&pixel.w3[OFFSET_OUTPUT * width..], 2, width, PARTS_OUTPUTS, hidden);
        let mut b_parts = [ALL_ARRIVES; PARTS_OUTPUTS];
        b_parts[..2].copy_from_slice(&pixel.b3[OFFSET_OUTPUT..OFFSET_OUTPUT + 2]);
        if let Some((w, b)) = avatar.transport.as_ref().map(|transport| transport.layer(material)) {
            let rows = w_parts[2 * hidden..].chunks_exact_mut(hidden).zip(w.chunks_exact(width));
            rows.for_each(|(to, from)| to[..width].copy_from_slice(from));
            b_parts[2..].iter_mut().zip(b).for_each(|(to, from)| *to = *from);
        }
        let mut b3 = [0.0; ROWS];
        b3.copy_from_slice(&pixel.b3[..ROWS]);
        Self {
            w1,
            b1,
            w2: pad_rows(pixel.w2, width, width, hidden, hidden),
            b2: pad_rows(pixel.b2, 1, width, 1, hidden),
            w3: pad_rows(pixel.w3, ROWS, width, ROWS, hidden),
            b3,
            w_alpha: pad_rows(&pixel.w3[ALPHA_OUTPUT * width..], 1, width, 1, hidden),
            b_alpha: pixel.b3[ALPHA_OUTPUT],
            w_parts,
            b_parts,
        }
    }
}

impl PixelScratch {
    /// Makes room for a decoder of this shape.
    fn fit(&mut self, weights: &PixelWeights) {
        // Maps are read eight channels at a time, so the last group may write beyond the inputs.
        let inputs = weights.inputs + LANES;
        if self.inputs.len() < inputs {
            self.inputs.resize(inputs, Columns::ZERO);
        }
        for hidden in &mut self.hidden {
            if hidden.len() < weights.hidden {
                hidden.resize(weights.hidden, Columns::ZERO);
            }
        }
    }
}

/// Shades sixteen surface points: interpolated vertices in (normals of any length), `[r, g, b, alpha]` out, not
/// premultiplied. All are of one material; alpha is 1 on opaque ones. What relighting needs goes into `parts`.
#[inline(always)]
pub(crate) fn shade<S: Simd>(
    s: S,
    surface: &Surface<'_>,
    points: &[Vertex; BATCH],
    material: Material,
    scratch: &mut PixelScratch,
    mut parts: Option<&mut BatchParts>,
) -> [[[f32; LANES]; 2]; 4] {
    let weights = surface.weights;
    if let (true, Some(base)) = (surface.likeness >= 1.0, &weights.base) {
        if let Some(parts) = &mut parts {
            base.mix_parts(points, 1.0, parts);
        }
        return base.shade(points, material);
    }
    scratch.fit(weights);
    let PixelScratch { inputs, hidden: [first, second] } = scratch;
    for (half, points) in points.as_chunks::<LANES>().0.iter().enumerate() {
        gather_inputs(s, surface, points, material.is_blended(), half, inputs);
    }
    let layers = &weights.layers[material as usize];
    dense(s, &layers.w1, &layers.b1, &inputs[..weights.inputs], &mut first[..weights.hidden]);
    dense(s, &layers.w2, &layers.b2, &first[..weights.hidden], &mut second[..weights.hidden]);
    let second = &second[..weights.hidden];

    let out = tile::<S, ROWS>(s, &layers.w3, second, each!(row < ROWS => [s.splat(layers.b3[row]); 2]));
    let mut rgba = [[[1.0; LANES]; 2]; 4];
    for half in 0..2 {
        for channel in 0..3 {
            let albedo = sigmoid(s, out[channel][half]);
            let shading = softplus(s, out[channel + 3][half]);
            s.store(s.min(s.mul(albedo, shading), s.splat(BRIGHTEST)), &mut rgba[channel][half]);
        }
    }
    if material.is_blended() {
        let [alpha] = tile::<S, 1>(s, &layers.w_alpha, second, [[s.splat(layers.b_alpha); 2]]);
        for half in 0..2 {
            s.store(sigmoid(s, alpha[half]), &mut rgba[3][half]);
        }
    }
    if let Some(parts) = &mut parts {
        parts_of(s, layers, points, &out, second, parts);
    }
    if let (true, Some(base)) = (surface.likeness > 0.0, &weights.base) {
        base.mix(points, material, surface.likeness, &mut rgba);
        if let Some(parts) = &mut parts {
            base.mix_parts(points, surface.likeness, parts);
        }
    }
    rgba
}

/// What relighting needs of a batch; `out` is the last layer's albedo and shading, `second` the hidden layer before it.
#[inline(always)]
fn parts_of<S: Simd>(
    s: S,
    layers: &Layers,
    points: &[Vertex; BATCH],
    out: &[[S::F; 2]; ROWS],
    second: &[Columns],
    BatchParts { albedo, normal, reach }: &mut BatchParts,
) {
    let (low, high) = layers.w_parts.split_at(layers.w_parts.len() / 2);
    let bias = &layers.b_parts;
    let low = tile::<S, ROWS>(s, low, second, each!(row < ROWS => [s.splat(bias[row]); 2]));
    let high = tile::<S, ROWS>(s, high, second, each!(row < ROWS => [s.splat(bias[ROWS + row]); 2]));
    let offset = [low[0], low[1]];
    for (source, reach) in reach.iter_mut().enumerate() {
        let out = if source + 2 < ROWS { low[source + 2] } else { high[source + 2 - ROWS] };
        s.store(softplus(s, out[0]), &mut reach[0]);
        s.store(softplus(s, out[1]), &mut reach[1]);
    }
    for (half, points) in points.as_chunks::<LANES>().0.iter().enumerate() {
        let [_, _, _, _, x, y, z, _] = s.load_transposed(points.each_ref());
        let tilted = tilt(s, [x, y, z], [offset[0][half], offset[1][half]]);
        for channel in 0..3 {
            s.store(sigmoid(s, out[channel][half]), &mut albedo[channel][half]);
            s.store(tilted[channel], &mut normal[channel][half]);
        }
    }
}

/// A normal of any length, tilted along two [`tangents`](visavis_codec::avatar::tangents).
#[inline(always)]
fn tilt<S: Simd>(s: S, normal: [S::F; 3], [along, across]: [S::F; 2]) -> [S::F; 3] {
    let (zero, one) = (s.splat(0.0), s.splat(1.0));
    let n = normalize_or(s, normal, [zero, zero, one]);
    let [x, y, z] = n;
    let sign = s.select(s.gt(zero, z), s.splat(-1.0), one);
    let a = s.div(s.splat(-1.0), s.add(sign, z));
    let b = s.mul(s.mul(x, y), a);
    let signed_x = s.mul(sign, x);
    let t = [s.mul_add(s.mul(signed_x, x), a, one), s.mul(sign, b), s.sub(zero, signed_x)];
    let u = [b, s.mul_add(s.mul(y, y), a, sign), s.sub(zero, y)];
    let tilted = each!(i < 3 => s.mul_add(along, t[i], s.mul_add(across, u[i], n[i])));
    normalize_or(s, tilted, n)
}

/// A leaky layer: `weights` is `[output.len(), input.len()]`.
#[inline(always)]
fn dense<S: Simd>(s: S, weights: &[f32], bias: &[f32], input: &[Columns], output: &mut [Columns]) {
    let rows = weights.chunks_exact(ROWS * input.len().max(1));
    for ((rows, bias), output) in rows.zip(bias.as_chunks::<ROWS>().0).zip(output.as_chunks_mut::<ROWS>().0) {
        let sums = tile::<S, ROWS>(s, rows, input, each!(row < ROWS => [s.splat(bias[row]); 2]));
        for (sum, Columns([low, high])) in sums.into_iter().zip(output) {
            s.store(s.leaky(sum[0]), low);
            s.store(s.leaky(sum[1]), high);
        }
    }
}

/// The decoder's inputs for eight points, into one half of the columns.
#[inline(always)]
fn gather_inputs<S: Simd>(
    s: S,
    surface: &Surface<'_>,
    points: &[Vertex; LANES],
    is_blended: bool,
    half: usize,
    inputs: &mut [Columns],
) {
    let weights = surface.weights;
    let [x, y, z, u, nx, ny, nz, v] = s.load_transposed(points.each_ref());

    let taps = bilinear(s, u, v, surface.dynamic_size);
    for group in (0..weights.dynamic_channels).step_by(LANES) {
        let texels = DynamicTexels { map: surface.dynamic, stride: weights.dynamic_stride, group };
        put(s, sample(s, &taps, texels), half, &mut inputs[group..]);
    }
    // A map of half the size goes with another.
    let is_half = surface.dynamic_size < weights.whole_dynamic_size;
    let StaticMap { size, texels: map } = &weights.static_maps[usize::from(is_half)];
    let taps = bilinear(s, u, v, *size);
    for group in (0..weights.static_channels).step_by(LANES) {
        let texels = StaticTexels { map, stride: weights.static_channels, group };
        put(s, sample(s, &taps, texels), half, &mut inputs[weights.dynamic_channels + group..]);
    }

    let (zero, eye) = (s.splat(0.0), surface.eye);
    let n = normalize_or(s, [nx, ny, nz], [zero, zero, s.splat(1.0)]);
    let position = [x, y, z];
    let v = normalize_or(s, each!(i < 3 => s.sub(s.splat(eye[i]), position[i])), n);
    let facing = dot(s, n, v);
    let double = s.add(facing, facing);
    let reflection = each!(i < 3 => s.sub(s.mul(double, n[i]), v[i]));
    let [a, b] = if is_blended { [reflection, v] } else { [n, reflection] };
    let first = weights.inputs - PIXEL_GEOMETRY_INPUTS;
    for (value, columns) in [a[0], a[1], a[2], b[0], b[1], b[2], facing].into_iter().zip(&mut inputs[first..])
    {
        s.store(value, &mut columns.0[half]);
    }
}

/// Eight values of eight points, by channel, into as many of the rows as there are.
#[inline(always)]
fn put<S: Simd>(s: S, rows: [S::F; LANES], half: usize, inputs: &mut [Columns]) {
    for (row, columns) in s.transpose(rows).into_iter().zip(inputs) {
        s.store(row, &mut columns.0[half]);
    }
}

#[inline(always)]
fn dot<S: Simd>(s: S, a: [S::F; 3], b: [S::F; 3]) -> S::F {
    s.mul_add(a[0], b[0], s.mul_add(a[1], b[1], s.mul(a[2], b[2])))
}

#[inline(always)]
fn normalize_or<S: Simd>(s: S, v: [S::F; 3], fallback: [S::F; 3]) -> [S::F; 3] {
    let square = dot(s, v, v);
    let inverse = s.div(s.splat(1.0), s.sqrt(square));
    let is_long = s.gt(square, s.splat(f32::MIN_POSITIVE));
    each!(i < 3 => s.select(is_long, s.mul(v[i], inverse), fallback[i]))
}

/// The four texels round each of eight places, and their shares.
struct Taps {
    texels: [[u32; LANES]; 4],
    shares: [[f32; LANES]; 4],
}

#[inline(always)]
fn bilinear<S: Simd>(s: S, u: S::F, v: S::F, size: usize) -> Taps {
    let (x, [left, right]) = bilinear_axis(s, u, size);
    let (y, [upper, lower]) = bilinear_axis(s, v, size);
    let side = s.splat(size as f32);
    let places = [(x[0], y[0]), (x[1], y[0]), (x[0], y[1]), (x[1], y[1])];
    let weights = [s.mul(left, upper), s.mul(right, upper), s.mul(left, lower), s.mul(right, lower)];
    let mut shares = [[0.0; LANES]; 4];
    for tap in 0..4 {
        s.store(weights[tap], &mut shares[tap]);
    }
    // Exact in f32 for maps up to 4096².
    Taps { texels: each!(tap < 4 => s.whole(s.mul_add(places[tap].1, side, places[tap].0))), shares }
}

/// Along one axis: the two texels, clamped at the border, and their shares.
#[inline(always)]
fn bilinear_axis<S: Simd>(s: S, place: S::F, size: usize) -> ([S::F; 2], [S::F; 2]) {
    let (zero, one) = (s.splat(0.0), s.splat(1.0));
    let last = s.splat(size.saturating_sub(1) as f32);
    let place = s.mul_add(place, s.splat(size as f32), s.splat(-0.5));
    let base = s.floor(place);
    // NaN becomes 0, and with it the first texel.
    let share = s.min(s.max(s.sub(place, base), zero), one);
    let texels = [base, s.add(base, one)];
    (each!(i < 2 => s.min(s.max(texels[i], zero), last)), [s.sub(one, share), share])
}

/// A map that eight channels of a texel can be read from.
trait Texels<S: Simd>: Copy {
    fn load(self, s: S, texel: u32) -> S::F;
}

/// Eight channels of the dynamic map, from `group` on.
#[derive(Clone, Copy)]
struct DynamicTexels<'a> {
    map: &'a [f32],
    stride: usize,
    group: usize,
}

impl<S: Simd> Texels<S> for DynamicTexels<'_> {
    #[inline(always)]
    fn load(self, s: S, texel: u32) -> S::F {
        s.load_at(self.map, texel as usize * self.stride + self.group)
    }
}

/// Eight channels of the static map, from `group` on.
#[derive(Clone, Copy)]
struct StaticTexels<'a> {
    map: &'a [u8],
    stride: usize,
    group: usize,
}

impl<S: Simd> Texels<S> for StaticTexels<'_> {
    #[inline(always)]
    fn load(self, s: S, texel: u32) -> S::F {
        match first_of(self.map, texel as usize * self.stride + self.group) {
            Some(texels) => s.load_u8(texels),
            None => s.splat(0.0),
        }
    }
}

/// For each of eight places the weighted sum of its four texels, eight channels each.
#[inline(always)]
fn sample<S: Simd>(s: S, taps: &Taps, texels: impl Texels<S>) -> [S::F; LANES] {
    each!(lane < LANES => {
        let mut sum = s.mul(texels.load(s, taps.texels[0][lane]), s.splat(taps.shares[0][lane]));
        for tap in 1..4 {
            sum = s.mul_add(texels.load(s, taps.texels[tap][lane]), s.splat(taps.shares[tap][lane]), sum);
        }
        sum
    })
}
