//! Made-up avatars, faces and head poses for tests and benchmarks: complete and valid, random but seeded, no file needed.
//!
//! A [`synthetic_avatar`] looks like nobody: an ellipsoid with eyeballs, lashes, two shells of hair and a collar,
//! painted by a network of random weights. It has every feature that an executor must handle: opaque, blended and
//! two-sided parts, seams in the atlas, all joint roles, parts of the mesh that overlap on screen.

use std::collections::HashMap;
use std::f32::consts::{PI, TAU};

use glam::{Quat, Vec3, vec3};
use half::f16;

use crate::avatar::{
    Avatar, AvatarForm, GeometryHead, Joint, JointRole, LatentAxis, LatentModel, Licence, LightTransport,
    Manifest, Material, Mesh, Owner, PIXEL_GEOMETRY_INPUTS, PIXEL_OUTPUTS, Part, PartKind, PixelDecoder,
    SEED_SIZE, Semantic, Skeleton, StaticMap, TextureDecoder, UpBlock,
};
use crate::latent::{GAZE, Gaze, HeadPose, Latent, NECK, UNITS};
use crate::light::{Ambient, Lamp, LampKind, Light};

/// How large a [`synthetic_avatar`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// About 500 vertices, a 32² × 12 dynamic map of 2 blocks, a 64² × 8 static map, pixel decoder 16 wide.
    Tiny,
    /// The design's budget: about 18,000 vertices, 256² × 12 of 5 blocks, 768² × 8, pixel decoder 24 wide.
    Full,
}

/// A seeded source of numbers (SplitMix64; Steele, Lea, Flood 2014): the same on every machine.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The sequence of this seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// 64 random bits.
    pub const fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in 0..bound; 0 if the bound is 0.
    pub const fn below(&mut self, bound: usize) -> usize {
        ((self.next_u64() as u128 * bound as u128) >> 64) as usize
    }

    /// Uniform in low..high.
    pub fn uniform(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * ((self.next_u64() >> 40) as f32 / (1u32 << 24) as f32)
    }

    /// Zero mean, unit variance, within ±6: the sum of twelve uniforms, so that no `libm` decides the bits.
    pub fn normal(&mut self) -> f32 {
        (0..12).map(|_| self.uniform(0.0, 1.0)).sum::<f32>() - 6.0
    }

    fn normals(&mut self, count: usize, deviation: f32) -> Vec<f32> {
        (0..count).map(|_| self.normal() * deviation).collect()
    }

    fn halves(&mut self, count: usize, deviation: f32) -> Vec<f16> {
        (0..count).map(|_| f16::from_f32(self.normal() * deviation)).collect()
    }
}

/// A made-up face within what a tracker would send: a third of the units active, gaze to ±23°, all residuals set.
pub fn random_latent(seed: u64) -> Latent {
    let mut random = Random::new(seed ^ 0x6c61_7465_6e74);
    let mut latent = Latent::NEUTRAL;
    for unit in &mut latent.units {
        let weight = random.uniform(0.0, 1.0);
        if random.below(3) == 0 {
            *unit = weight;
        }
    }
    let mut angle = || random.uniform(-0.4, 0.4);
    latent.gaze = Gaze::from_array([angle(), angle(), angle(), angle()]);
    for component in &mut latent.residual {
        *component = random.normal();
    }
    latent
}

/// A made-up head pose: rotation to about ±20° about each axis, translation to ±2 cm.
pub fn random_head(seed: u64) -> HeadPose {
    let mut random = Random::new(seed ^ 0x6865_6164);
    let mut vector = |range: f32| {
        vec3(random.uniform(-range, range), random.uniform(-range, range), random.uniform(-range, range))
    };
    HeadPose { rotation: Quat::from_scaled_axis(vector(0.35)), translation: vector(0.02) }
}

/// A complete, valid avatar with random weights; the same for the same seed and preset.
pub fn synthetic_avatar(seed: u64, preset: Preset) -> Avatar {
    let mut random = Random::new(seed);
    let shape = Shape::of(preset);
    let (mesh, parts) = head_mesh(&shape);
    let condition = UNITS + GAZE + shape.residual + NECK;
    let texture = texture_decoder(&mut random, condition, shape.channels);
    let dynamic = texture.channels();
    let geometry = geometry_head(&mut random, condition, &shape, &mesh);
    let static_map = static_map(&mut random, shape.static_size, 8);
    let pixel = pixel_decoder(&mut random, dynamic + static_map.channels, shape.pixel_hidden);
    let manifest = Manifest {
        version: Manifest::VERSION,
        name: format!("synthetic {seed}"),
        form: AvatarForm::Photoreal,
        licence: Licence { spdx: "CC0-1.0".into(), consent: "nobody: made of random numbers".into() },
        owner: Owner { public_key: String::new(), signature: "0".repeat(128) },
        parts,
        skeleton: skeleton(),
        latent: latent_model(shape.residual),
        capture_light: Some(capture_light()),
    };
    let transport = Some(light_transport(&mut random, shape.pixel_hidden));
    Avatar { manifest, mesh, geometry, texture, static_map, pixel, transport, preview: None }
}

/// Makes its blended parts invisible, so that no pixel shows more than one surface but at silhouettes.
pub fn without_blended_parts(mut avatar: Avatar) -> Avatar {
    const ALPHA: usize = 8;
    for (decoder, material) in avatar.pixel.b3.chunks_exact_mut(PIXEL_OUTPUTS).zip(Material::ALL) {
        if material.is_blended() {
            decoder[ALPHA] = -100.0;
        }
    }
    avatar
}

/// For the sources of [`capture_light`]: reaches of about 0.4 to 1.2.
fn light_transport(random: &mut Random, hidden: usize) -> LightTransport {
    let rows = Material::ALL.len() * 3;
    LightTransport { w: random.normals(rows * hidden, 0.3 / (hidden as f32).sqrt()), b: vec![0.35; rows] }
}

/// A lamp to the upper left of the face, a weaker one behind, and a dim sky.
fn capture_light() -> Light {
    let lamp = |position_m: [f32; 3], color| Lamp {
        kind: LampKind::Point { position_m: position_m.into(), radius_m: 0.3 },
        color,
    };
    Light {
        ambient: Ambient::sky([0.3, 0.33, 0.4], [0.15, 0.14, 0.13]),
        lamps: vec![lamp([0.6, 0.6, -0.7], [0.9, 0.85, 0.8]), lamp([-0.5, 0.4, 0.9], [0.3, 0.3, 0.35])],
    }
}

/// The sizes behind a [`Preset`]; a grid is rows × columns of quads.
struct Shape {
    skin: (u32, u32),
    eye: (u32, u32),
    hair: (u32, u32),
    clothes: (u32, u32),
    lashes: (u32, u32),
    residual: usize,
    geometry_hidden: usize,
    rank: usize,
    channels: &'static [usize],
    static_size: usize,
    pixel_hidden: usize,
}

impl Shape {
    fn of(preset: Preset) -> Self {
        match preset {
            Preset::Tiny => Self {
                skin: (12, 16),
                eye: (6, 8),
                hair: (3, 12),
                clothes: (3, 12),
                lashes: (1, 4),
                residual: 4,
                geometry_hidden: 16,
                rank: 6,
                channels: &[24, 16, 12],
                static_size: 64,
                pixel_hidden: 16,
            },
            Preset::Full => Self {
                skin: (96, 120),
                eye: (20, 28),
                hair: (30, 64),
                clothes: (14, 64),
                lashes: (2, 16),
                residual: 16,
                geometry_hidden: 128,
                rank: 32,
                channels: &[128, 96, 64, 48, 32, 12],
                static_size: 768,
                pixel_hidden: 24,
            },
        }
    }
}

const TORSO: u8 = 0;
const NECK_JOINT: u8 = 1;
const HEAD: u8 = 2;
const JAW: u8 = 3;
const EYE_LEFT: u8 = 4;
const EYE_RIGHT: u8 = 5;

const LEFT_EYE_CENTRE: Vec3 = vec3(-0.032, 0.0, 0.003);
const RIGHT_EYE_CENTRE: Vec3 = vec3(0.032, 0.0, 0.003);
const EYE_RADIUS: f32 = 0.0125;
const HEAD_CENTRE: Vec3 = vec3(0.0, -0.03, 0.085);
const HEAD_RADII: Vec3 = vec3(0.078, 0.125, 0.095);

fn skeleton() -> Skeleton {
    let joint = |role, parent, position| Joint { role, parent, position };
    Skeleton {
        joints: vec![
            joint(JointRole::Torso, None, vec3(0.0, -0.35, 0.12)),
            joint(JointRole::Neck, Some(TORSO), vec3(0.0, -0.16, 0.10)),
            joint(JointRole::Head, Some(NECK_JOINT), vec3(0.0, -0.07, 0.08)),
            joint(JointRole::Jaw, Some(HEAD), vec3(0.0, -0.03, 0.07)),
            joint(JointRole::EyeLeft, Some(HEAD), LEFT_EYE_CENTRE),
            joint(JointRole::EyeRight, Some(HEAD), RIGHT_EYE_CENTRE),
        ],
    }
}

fn latent_model(residual: usize) -> LatentModel {
    let unit = LatentAxis { min: 0.0, max: 1.0, deviation: 0.25, step: 1.0 / 64.0 };
    let gaze = LatentAxis { min: -0.5, max: 0.5, deviation: 0.1, step: 0.01 };
    let free = LatentAxis { min: -4.0, max: 4.0, deviation: 1.0, step: 0.05 };
    let mut axes = vec![unit; UNITS];
    axes.resize(UNITS + GAZE, gaze);
    axes.resize(UNITS + GAZE + residual, free);
    LatentModel {
        semantic: Semantic::FaceUnits,
        residual: residual as u32,
        axes,
        head_steps: LatentModel::HEAD_STEPS,
    }
}

/// Collects grids of quads into parts.
#[derive(Default)]
struct MeshBuilder {
    vertices: Vec<Vec3>,
    uv: Vec<[f32; 2]>,
    triangles: Vec<[u16; 3]>,
    weld: Vec<u16>,
    joints: Vec<[u8; 4]>,
    weights: Vec<[u8; 4]>,
    parts: Vec<Part>,
    /// The first vertex of the present part at each place.
    first_at: HashMap<[u32; 3], u16>,
}

impl MeshBuilder {
    /// Ends the part that began at the end of the last one.
    fn end_part(&mut self, kind: PartKind) {
        let (v0, t0) = self.parts.last().map_or((0, 0), |part| (part.vertices.end, part.triangles.end));
        let (v1, t1) = (self.vertices.len() as u32, self.triangles.len() as u32);
        self.parts.push(Part { kind, vertices: v0..v1, triangles: t0..t1 });
        self.first_at.clear();
    }

    /// A grid of quads over `(s, t)` in 0..=1², laid out in the atlas rectangle `[u0, v0, u1, v1]`. A closed grid meets
    /// itself where `s` is 0 and 1, in a seam of doubled vertices.
    fn grid(
        &mut self,
        (rows, columns): (u32, u32),
        closed: bool,
        [u0, v0, u1, v1]: [f32; 4],
        position: impl Fn(f32, f32) -> Vec3,
        bind: impl Fn(Vec3) -> (u8, u8, f32),
    ) {
        let base = self.vertices.len() as u16;
        for row in 0..=rows {
            for column in 0..=columns {
                let (s, t) = (column as f32 / columns as f32, row as f32 / rows as f32);
                let p = position(if closed && column == columns { 0.0 } else { s }, t);
                let vertex = self.vertices.len() as u16;
                self.weld.push(*self.first_at.entry(p.to_array().map(f32::to_bits)).or_insert(vertex));
                self.vertices.push(p);
                self.uv.push([u0 + (u1 - u0) * s, v0 + (v1 - v0) * t]);
                let (a, b, share_of_b) = bind(p);
                let b_255ths = (share_of_b.clamp(0.0, 1.0) * 255.0).round() as u8;
                self.joints.push([a, b, 0, 0]);
                self.weights.push([255 - b_255ths, b_255ths, 0, 0]);
            }
        }
        for row in 0..rows as u16 {
            for column in 0..columns as u16 {
                let stride = columns as u16 + 1;
                let a = base + row * stride + column;
                let (b, d, e) = (a + 1, a + stride, a + stride + 1);
                for triangle in [[a, d, b], [b, d, e]] {
                    let [x, y, z] = triangle.map(|v| self.weld[v as usize]);
                    if x != y && y != z && z != x {
                        self.triangles.push(triangle);
                    }
                }
            }
        }
    }

    fn finish(self) -> (Mesh, Vec<Part>) {
        let Self { vertices, uv, triangles, weld, joints, weights, parts, first_at: _ } = self;
        let mean = vertices.iter().map(|p| p.to_array()).collect();
        (Mesh { mean, uv, triangles, weld, joints, weights }, parts)
    }
}

/// A point of an ellipsoid: `turn` 0..1 around +Y from the back (+Z), `polar` 0 at the top to π at the bottom.
fn ellipsoid(centre: Vec3, radii: Vec3, turn: f32, polar: f32) -> Vec3 {
    // The poles must be one place each, bit for bit, so that their vertices weld.
    let ring = if polar <= 0.0 || polar >= PI { 0.0 } else { polar.sin() };
    let (sin, cos) = (turn * TAU).sin_cos();
    centre + radii * vec3(ring * sin, polar.clamp(0.0, PI).cos(), ring * cos)
}

fn head_mesh(shape: &Shape) -> (Mesh, Vec<Part>) {
    let mut builder = MeshBuilder::default();
    let skin = |p: Vec3| {
        if p.z < 0.05 && p.y < -0.05 && p.y > -0.11 {
            (HEAD, JAW, 0.4)
        } else {
            (HEAD, NECK_JOINT, (-0.10 - p.y) / 0.05)
        }
    };
    let head = |s: f32, t: f32| ellipsoid(HEAD_CENTRE, HEAD_RADII, s, t * PI);
    builder.grid(shape.skin, true, [0.02, 0.02, 0.98, 0.60], head, skin);
    builder.end_part(PartKind::Skin);

    for (kind, joint, centre, u0) in [
        (PartKind::EyeLeft, EYE_LEFT, LEFT_EYE_CENTRE, 0.02),
        (PartKind::EyeRight, EYE_RIGHT, RIGHT_EYE_CENTRE, 0.22),
    ] {
        let ball = |s: f32, t: f32| ellipsoid(centre, Vec3::splat(EYE_RADIUS), s, t * PI);
        builder.grid(shape.eye, true, [u0, 0.64, u0 + 0.18, 0.80], ball, |_| (joint, HEAD, 0.0));
        builder.end_part(kind);
    }

    // A wide ring whose neck follows the head's neck a little.
    let collar = |s: f32, t: f32| {
        let (sin, cos) = (s * TAU).sin_cos();
        let spread = 0.075 + 0.12 * t * t;
        vec3(spread * 1.2 * sin, -0.135 - 0.16 * t, 0.10 + spread * cos)
    };
    builder.grid(shape.clothes, true, [0.02, 0.84, 0.98, 0.98], collar, |p| {
        (TORSO, NECK_JOINT, (p.y + 0.18) / 0.09)
    });
    builder.end_part(PartKind::Clothes);

    for (centre, u0) in [(LEFT_EYE_CENTRE, 0.42), (RIGHT_EYE_CENTRE, 0.70)] {
        let lashes = |s: f32, t: f32| {
            let angle = (s - 0.5) * 1.8;
            let reach = EYE_RADIUS * (1.02 + 0.5 * t);
            centre + vec3(reach * angle.sin(), 0.006 + 0.003 * t, -reach * angle.cos())
        };
        builder.grid(shape.lashes, false, [u0, 0.79, u0 + 0.26, 0.83], lashes, |_| (HEAD, JAW, 0.0));
    }
    builder.end_part(PartKind::Lashes);

    for (swell, v0) in [(1.03, 0.63), (1.07, 0.71)] {
        let cap = |s: f32, t: f32| {
            let reach = 0.28 + 0.30 * (s * PI).cos().powi(2);
            ellipsoid(HEAD_CENTRE, HEAD_RADII * swell, s, t * reach * PI)
        };
        builder.grid(shape.hair, true, [0.42, v0, 0.98, v0 + 0.07], cap, |_| (HEAD, JAW, 0.0));
    }
    builder.end_part(PartKind::Hair);
    builder.finish()
}

/// Smooth waves through space, so that welded vertices move together; a random face moves them by some millimetres.
fn geometry_head(random: &mut Random, condition: usize, shape: &Shape, mesh: &Mesh) -> GeometryHead {
    let (hidden, rank) = (shape.geometry_hidden, shape.rank);
    let mut basis = Vec::with_capacity(rank * mesh.mean.len() * 3);
    for _ in 0..rank {
        let mut waves = [(Vec3::ZERO, 0.0); 3];
        for (wave, phase) in &mut waves {
            *wave = vec3(random.normal(), random.normal(), random.normal()) * 25.0;
            *phase = random.uniform(0.0, TAU);
        }
        for &p in &mesh.mean {
            basis.extend(
                waves.map(|(wave, phase)| ((wave.dot(p.into()) + phase).sin() * 127.0).round() as i8),
            );
        }
    }
    // About 12 components of the condition are active at a time.
    let fan_in = 12.0f32;
    let metres = 2.5e-3 / (rank as f32).sqrt();
    GeometryHead {
        hidden,
        rank,
        w1: random.normals(hidden * condition, fan_in.sqrt().recip()),
        b1: random.normals(hidden, 0.3),
        w2: random.normals(rank * hidden, (hidden as f32).sqrt().recip()),
        w3: random.normals(rank * condition, fan_in.sqrt().recip() * 0.5),
        basis,
        basis_step: (0..rank).map(|_| random.uniform(0.5, 1.5) * metres / 127.0).collect(),
    }
}

/// An untied bias in 8 bits, and the step of each channel.
fn steps(bias: &[f16], channels: usize) -> (Vec<i8>, Vec<f32>) {
    let planes = bias.chunks_exact(bias.len() / channels);
    let step: Vec<f32> = planes
        .clone()
        .map(|plane| plane.iter().fold(1e-9, |most: f32, x| most.max(x.to_f32().abs())) / 127.0)
        .collect();
    let steps = planes
        .zip(&step)
        .flat_map(|(plane, step)| plane.iter().map(move |x| (x.to_f32() / step).round() as i8));
    (steps.collect(), step)
}

fn texture_decoder(random: &mut Random, condition: usize, channels: &[usize]) -> TextureDecoder {
    let seed_channels = channels[0];
    let seed_values = seed_channels * SEED_SIZE * SEED_SIZE;
    let seed_weight = random.halves(seed_values * condition, (2.0f32 / 12.0).sqrt());
    let seed_bias = random.halves(seed_values, 0.3);
    let mut size = SEED_SIZE;
    let mut blocks = Vec::new();
    for pair in channels.windows(2) {
        let (in_channels, out_channels) = (pair[0], pair[1]);
        size *= 2;
        let mut depthwise = random.halves(out_channels * 9, 0.2);
        for kernel in depthwise.chunks_exact_mut(9) {
            kernel[4] = f16::from_f32(kernel[4].to_f32() + 0.8); // near the identity, so that detail gets through
        }
        let expand = random.halves(4 * out_channels * in_channels, (1.6 / in_channels as f32).sqrt());
        let bias = random.halves(out_channels * size * size, 0.1);
        let (bias, bias_step) = steps(&bias, out_channels);
        blocks.push(UpBlock { in_channels, out_channels, expand, depthwise, bias, bias_step });
    }
    TextureDecoder { seed_channels, seed_weight, seed_bias, blocks }
}

fn static_map(random: &mut Random, size: usize, channels: usize) -> StaticMap {
    let waves: Vec<[f32; 3]> = (0..channels)
        .map(|_| [random.uniform(-40.0, 40.0), random.uniform(-40.0, 40.0), random.uniform(0.0, TAU)])
        .collect();
    let mut texels = Vec::with_capacity(size * size * channels);
    for y in 0..size {
        for x in 0..size {
            let (u, v) = (x as f32 / size as f32, y as f32 / size as f32);
            for [a, b, phase] in &waves {
                let value = (a * u + b * v + phase).sin() * 100.0 + random.uniform(-20.0, 20.0);
                texels.push((value + 127.5).clamp(0.0, 255.0) as u8);
            }
        }
    }
    StaticMap { size, channels, texels, scale: vec![2.0 / 255.0; channels], offset: vec![-1.0; channels] }
}

fn pixel_decoder(random: &mut Random, features: usize, hidden: usize) -> PixelDecoder {
    let inputs = features + PIXEL_GEOMETRY_INPUTS;
    let materials = Material::ALL.len();
    let mut w3 = random.normals(materials * PIXEL_OUTPUTS * hidden, 0.5 * (hidden as f32).sqrt().recip());
    for decoder in w3.chunks_exact_mut(PIXEL_OUTPUTS * hidden) {
        for weight in &mut decoder[(PIXEL_OUTPUTS - 1) * hidden..] {
            *weight *= 3.0; // alpha on both sides of ½
        }
    }
    PixelDecoder {
        hidden,
        w1: random.normals(materials * hidden * inputs, (1.6 / inputs as f32).sqrt()),
        b1: random.normals(materials * hidden, 0.1),
        w2: random.normals(materials * hidden * hidden, (1.6 / hidden as f32).sqrt()),
        b2: random.normals(materials * hidden, 0.1),
        w3,
        // Shading near softplus(0.5) ≈ 1, the other outputs about 0.
        b3: [0.0, 0.0, 0.0, 0.5, 0.5, 0.5, 0.0, 0.0, 0.3].repeat(materials),
    }
}
