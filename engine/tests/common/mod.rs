//! What the image tests share: a software device picked on purpose, pictures read back in linear light, and the
//! comparison with the reference.

#![allow(dead_code, reason = "each test binary uses its own part")]

pub(crate) mod driver_log;

use visavis::codec::glam::{Affine3A, Quat, Vec3};
use visavis::codec::latent::{FaceFrame, Timestamp};
use visavis::codec::reference;
use visavis::codec::testing::{random_head, random_latent};
use visavis::headless::{AdapterChoice, Headless, HeadlessOptions, ReadBack};
use visavis::{Executor, Frame, Instance, Target, TargetFormat, View, Viewport, wgpu};

/// The attachments that tests draw in.
pub(crate) const FORMAT: TargetFormat = TargetFormat {
    color: Some(wgpu::TextureFormat::Rgba16Float),
    depth: wgpu::TextureFormat::Depth32Float,
    samples: 1,
    view_mask: None,
};

/// A software device with no more than the downlevel limits. Fails loudly where there is none.
pub(crate) fn software(executor: Executor) -> Headless {
    driver_log::listen();
    let options = HeadlessOptions {
        adapter: AdapterChoice::Software,
        executor,
        downlevel: true,
        validation: true,
        ..Default::default()
    };
    let headless = Headless::new(&options).unwrap_or_else(|error| panic!("{error}"));
    let info = headless.adapter();
    eprintln!("adapter: {} ({}), executor: {:?}", info.name, info.driver_info, headless.engine().executor());
    headless
}

/// A made-up face with a made-up head pose.
pub(crate) fn random_frame(seed: u64) -> FaceFrame {
    FaceFrame { time: Timestamp::default(), latent: random_latent(seed), head: random_head(seed) }
}

/// A camera somewhere in front of the face, the whole head in its picture.
pub(crate) fn random_view(seed: u64) -> View {
    let turn = |salt: f32, range: f32| ((seed as f32 * 0.618 + salt).fract() - 0.5) * range;
    let direction = Quat::from_rotation_y(turn(0.1, 2.0)) * Quat::from_rotation_x(turn(0.4, 0.8)) * -Vec3::Z;
    let target = Vec3::new(0.0, -0.03, 0.08);
    View::look_at(target + direction * 0.9, target, 0.42, 1.0, 0.05)
}

/// A picture in linear light, premultiplied, with its depth.
pub(crate) struct Linear {
    pub(crate) size: [u32; 2],
    pub(crate) rgba: Vec<[f32; 4]>,
    pub(crate) depth: Vec<f32>,
}

/// Draws view 0 of what `prepare` gives, over nothing, and reads it back.
pub(crate) fn draw(
    headless: &Headless,
    target: &Target,
    instances: &[&Instance],
    view: &View,
    size: [u32; 2],
) -> Linear {
    let engine = headless.engine();
    let (device, queue) = (engine.device(), engine.queue());
    let mut encoder = device.create_command_encoder(&Default::default());
    let frame = engine
        .prepare(&mut encoder, target, instances, &[Viewport::new(*view, size)])
        .expect("the frame is prepared");
    let attachments = Attachments::new(device, size);
    attachments.draw(&mut encoder, &frame, 0);
    attachments.read(device, queue, encoder)
}

/// Colour and depth that can be read back.
pub(crate) struct Attachments {
    pub(crate) size: [u32; 2],
    pub(crate) color: wgpu::Texture,
    pub(crate) depth: wgpu::Texture,
}

impl Attachments {
    pub(crate) fn new(device: &wgpu::Device, size: [u32; 2]) -> Self {
        let texture = |format| {
            device.create_texture(&wgpu::TextureDescriptor {
                label: None,
                size: wgpu::Extent3d { width: size[0], height: size[1], depth_or_array_layers: 1 },
                mip_level_count: 1,
                sample_count: 1,
                dimension: wgpu::TextureDimension::D2,
                format,
                usage: wgpu::TextureUsages::RENDER_ATTACHMENT
                    | wgpu::TextureUsages::COPY_SRC
                    | wgpu::TextureUsages::COPY_DST,
                view_formats: &[],
            })
        };
        Self {
            size,
            color: texture(wgpu::TextureFormat::Rgba16Float),
            depth: texture(wgpu::TextureFormat::Depth32Float),
        }
    }

    /// A pass over transparent black and nothing near.
    pub(crate) fn begin<'a>(&self, encoder: &'a mut wgpu::CommandEncoder) -> wgpu::RenderPass<'a> {
        encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            label: Some("test"),
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view: &self.color.create_view(&Default::default()),
                depth_slice: None,
                resolve_target: None,
                ops: wgpu::Operations {
                    load: wgpu::LoadOp::Clear(wgpu::Color::TRANSPARENT),
                    store: wgpu::StoreOp::Store,
                },
            })],
            depth_stencil_attachment: Some(wgpu::RenderPassDepthStencilAttachment {
                view: &self.depth.create_view(&Default::default()),
                depth_ops: Some(wgpu::Operations {
                    load: wgpu::LoadOp::Clear(0.0),
                    store: wgpu::StoreOp::Store,
                }),
                stencil_ops: None,
            }),
            ..Default::default()
        })
    }

    pub(crate) fn draw(&self, encoder: &mut wgpu::CommandEncoder, frame: &Frame, view: usize) {
        frame.draw(&mut self.begin(encoder), view).expect("the view exists");
    }

    /// Submits, waits and reads.
    pub(crate) fn read(
        &self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        mut encoder: wgpu::CommandEncoder,
    ) -> Linear {
        let ways = [&self.color, &self.depth]
            .map(|texture| ReadBack::new(device, self.size, texture.format()).expect("room to read back"));
        ways[0].record(&mut encoder, &self.color);
        ways[1].record(&mut encoder, &self.depth);
        queue.submit([encoder.finish()]);
        let [color, depth] = ways.map(|way| {
            let mut texels = Vec::new();
            way.read(device, &mut texels).expect("the device answers");
            texels
        });
        let rgba = color
            .as_chunks::<8>()
            .0
            .iter()
            .map(|texel| {
                std::array::from_fn(|i| half::f16::from_le_bytes([texel[2 * i], texel[2 * i + 1]]).to_f32())
            })
            .collect();
        let depth = depth.as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
        Linear { size: self.size, rgba, depth }
    }
}

/// One step of an 8-bit channel.
pub(crate) const EIGHT_BIT_STEP: f32 = 1.0 / 255.0;
/// How far from a part's edge the pixels are that are compared one by one. Nearer, whether a centre is covered depends
/// on the last bit of a projection, and the edge as a whole is judged by ꟻLIP.
pub(crate) const EDGE_PIXELS: i32 = 2;

/// How far the depth of a rim may be off, as a share of it: a silhouette's edge may be seen end on, where depth changes
/// within a pixel.
pub(crate) const RIM_DEPTH: f32 = 0.02;

/// How far alpha may be off where something is covered in part: edges are snapped to 1/256 pixel by some hands only.
pub(crate) const ALPHA: f32 = 0.1;

/// How two pictures differ.
#[derive(Debug)]
pub(crate) struct Difference {
    /// Pixels that were compared one by one.
    pub(crate) inner: usize,
    /// Share of those with every channel, encoded as sRGB, within one step.
    pub(crate) within_a_step: f64,
    /// The largest difference of those.
    pub(crate) worst: f32,
    /// Mean ꟻLIP of the whole picture.
    pub(crate) flip: f32,
    /// Of the pixels beside opaque parts where only the reference's fringe writes depth: how many there are, and the share
    /// that agrees.
    pub(crate) rim: (usize, f64),
    /// Of the pixels that the reference covers in part: the share whose alpha is within [`ALPHA`].
    pub(crate) partial: f64,
}

/// Compares a picture with the reference's.
pub(crate) fn difference(found: &Linear, expected: &reference::Image) -> Difference {
    assert_eq!(found.size, expected.size);
    let [width, height] = found.size.map(|n| n as i32);
    let part = |x: i32, y: i32| {
        let at = (y.clamp(0, height - 1) * width + x.clamp(0, width - 1)) as usize;
        // An edge is where the part changes, or where depth is written and isn't.
        (expected.part[at], expected.rgba[at][3] > 0.0)
    };
    let (mut inner, mut close, mut worst) = (0usize, 0usize, 0.0f32);
    let (mut rim, mut agreed) = (0usize, 0usize);
    let (mut partial, mut alike) = (0usize, 0usize);
    for y in 0..height {
        for x in 0..width {
            let mine = part(x, y);
            let near_edge = (-EDGE_PIXELS..=EDGE_PIXELS)
                .any(|dy| (-EDGE_PIXELS..=EDGE_PIXELS).any(|dx| part(x + dx, y + dy) != mine));
            let at = (y * width + x) as usize;
            // Half there, over nothing: the fringe alone.
            if mine.0.is_some_and(|part| !part.is_blended()) && expected.rgba[at][3] < 0.999 {
                rim += 1;
                let apart = (found.depth[at] - expected.depth[at]).abs();
                agreed += usize::from(apart <= RIM_DEPTH * expected.depth[at]);
            }
            let alpha = expected.rgba[at][3];
            if (0.001..0.999).contains(&alpha) {
                partial += 1;
                alike += usize::from((found.rgba[at][3] - alpha).abs() <= ALPHA);
            }
            if near_edge || !mine.1 {
                continue;
            }
            let apart = (srgb(found.rgba[at]).iter().zip(srgb(expected.rgba[at])))
                .map(|(a, b)| (a - b).abs())
                .fold(0.0, f32::max);
            inner += 1;
            close += usize::from(apart <= EIGHT_BIT_STEP);
            worst = worst.max(apart);
        }
    }
    let flip = flip(found.size, &found.rgba, &expected.rgba);
    let share = |count: usize, of: usize| count as f64 / of.max(1) as f64;
    Difference {
        inner,
        within_a_step: share(close, inner),
        worst,
        flip,
        rim: (rim, share(agreed, rim)),
        partial: share(alike, partial),
    }
}

/// sRGB of premultiplied linear light, over nothing.
pub(crate) fn srgb(rgba: [f32; 4]) -> [f32; 4] {
    rgba.map(|linear| {
        let linear = linear.clamp(0.0, 1.0);
        if linear <= 0.003_130_8 { linear * 12.92 } else { 1.055 * linear.powf(1.0 / 2.4) - 0.055 }
    })
}

/// Mean ꟻLIP at 67 pixels a degree, both over black.
pub(crate) fn flip([width, height]: [u32; 2], found: &[[f32; 4]], expected: &[[f32; 4]]) -> f32 {
    let encode = |rgba: &[[f32; 4]]| {
        let bytes: Vec<u8> = rgba
            .iter()
            .flat_map(|&texel| {
                let [r, g, b, _] = srgb(texel);
                [r, g, b].map(|x| (x * 255.0).round() as u8)
            })
            .collect();
        nv_flip::FlipImageRgb8::with_data(width, height, &bytes)
    };
    let map = nv_flip::flip(encode(expected), encode(found), nv_flip::DEFAULT_PIXELS_PER_DEGREE);
    nv_flip::FlipPool::from_image(&map).mean()
}

/// Writes a picture where a person can look at it.
pub(crate) fn save(path: &std::path::Path, size: [u32; 2], rgba: &[[f32; 4]]) {
    let bytes: Vec<u8> = rgba
        .iter()
        .flat_map(|&[r, g, b, a]| {
            let under = 0.18 * (1.0 - a);
            let [r, g, b, _] = srgb([r + under, g + under, b + under, 1.0]);
            [r, g, b, 1.0].map(|x| (x * 255.0).round() as u8)
        })
        .collect();
    image::save_buffer(path, &bytes, size[0], size[1], image::ColorType::Rgba8)
        .expect("a picture is written");
}

/// A placement away from the world's origin, so that tests see the rest frame and the world differ.
pub(crate) fn random_place(seed: u64) -> Affine3A {
    let turn = seed as f32 * 0.7;
    Affine3A::from_rotation_translation(
        Quat::from_rotation_y(turn) * Quat::from_rotation_x(0.2),
        Vec3::new(turn.sin(), 0.3, -1.0),
    )
}

/// The same camera, relative to a person at `world_from_rest`.
pub(crate) fn placed(view: &View, world_from_rest: Affine3A) -> View {
    View { view_from_world: view.view_from_world * world_from_rest.inverse(), ..*view }
}
