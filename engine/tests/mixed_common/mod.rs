//! Made-up real worlds for the tests of mixed reality: what a camera and its depth sensor would see of them.

#![allow(dead_code, reason = "each test binary uses its own part")]

use visavis::codec::glam::{Affine3A, Vec3};
use visavis::codec::light::Light;
use visavis::headless::Headless;
use visavis::mixed::{
    Avatars, DepthMap, DepthPixels, DepthUnit, Inputs, Intrinsics, MixedView, Output, Picture, PicturePixels,
};
use visavis::{Executor, ShadowMap, View, wgpu};

use super::common::{Linear, software};

/// A box whose sides are along the axes, of one colour (sRGB).
#[derive(Clone, Copy)]
pub(crate) struct Block {
    pub(crate) from: Vec3,
    pub(crate) to: Vec3,
    pub(crate) srgb: [u8; 3],
}

/// Boxes before a wall 3 m away.
#[derive(Clone, Default)]
pub(crate) struct World(pub(crate) Vec<Block>);

const WALL_M: f32 = 3.0;
const WALL: [u8; 3] = [168, 160, 150];

impl World {
    /// Where a ray from `eye` hits, in lengths of `ray`, and the colour there.
    fn hit(&self, eye: Vec3, ray: Vec3) -> (f32, [u8; 3]) {
        let mut nearest = ((-WALL_M - eye.z) / ray.z, WALL);
        for block in &self.0 {
            let (a, b) = ((block.from - eye) / ray, (block.to - eye) / ray);
            let (enter, leave) = (a.min(b).max_element(), a.max(b).min_element());
            if enter > 0.0 && enter < leave && enter < nearest.0 {
                nearest = (enter, block.srgb);
            }
        }
        nearest
    }

    /// Metres along the axis, and sRGB with a fourth byte, as a camera at `world_from_view` sees it.
    pub(crate) fn seen(&self, camera: &Intrinsics, world_from_view: Affine3A) -> (Vec<f32>, Vec<u8>) {
        let (mut metres, mut rgba) = (Vec::new(), Vec::new());
        for y in 0..camera.size[1] {
            for x in 0..camera.size[0] {
                let place = [x as f32 + 0.5, y as f32 + 0.5];
                let [right, down] = [0, 1].map(|i| (place[i] - camera.centre_px[i]) / camera.focal_px[i]);
                let ray = world_from_view.transform_vector3(Vec3::new(right, -down, -1.0));
                let (distance, [r, g, b]) = self.hit(world_from_view.translation.into(), ray);
                metres.push(distance);
                rgba.extend([r, g, b, 255]);
            }
        }
        (metres, rgba)
    }
}

/// A sensor's noise: normal, a share of the distance; and holes of each kind.
pub(crate) fn degrade(metres: &mut [f32], noise: f32, holes: f32, seed: u64) {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1u64 << 24) as f32
    };
    for (n, value) in metres.iter_mut().enumerate() {
        let normal: f32 = (0..12).map(|_| random()).sum::<f32>() - 6.0;
        *value *= 1.0 + noise * normal;
        if random() < holes {
            *value = [0.0, f32::NAN, f32::INFINITY, -1.0][n % 4];
        }
    }
}

/// A device, and what tests draw into.
pub(crate) struct Stage {
    pub(crate) headless: Headless,
    pub(crate) output: wgpu::Texture,
    pub(crate) size: [u32; 2],
}

impl Stage {
    pub(crate) fn new(size: [u32; 2]) -> Self {
        let headless = software(Executor::Cpu);
        let output = texture(headless.engine().device(), size, wgpu::TextureFormat::Rgba16Float);
        Self { headless, output, size }
    }

    pub(crate) fn device(&self) -> &wgpu::Device {
        self.headless.engine().device()
    }

    /// An avatar that is a wall of its own, this many metres away.
    pub(crate) fn wall(&self, view: &View, metres: f32, color: wgpu::Color) -> [wgpu::TextureView; 2] {
        let depth = view.clip_from_view.project_point3(Vec3::new(0.0, 0.0, -metres)).z;
        let [color_view, depth_view] = self.surfaces();
        let mut encoder = self.device().create_command_encoder(&Default::default());
        drop(begin(&mut encoder, [&color_view, &depth_view], color, depth));
        self.headless.engine().queue().submit([encoder.finish()]);
        [color_view, depth_view]
    }

    /// Colour and depth of the output's size.
    pub(crate) fn surfaces(&self) -> [wgpu::TextureView; 2] {
        [wgpu::TextureFormat::Rgba16Float, wgpu::TextureFormat::Depth32Float]
            .map(|format| texture(self.device(), self.size, format).create_view(&Default::default()))
    }

    /// Records, submits and reads one frame.
    pub(crate) fn mix(&self, view: &mut MixedView, shot: &Shot<'_>, output: Output) -> Linear {
        let device = self.device();
        let mut encoder = device.create_command_encoder(&Default::default());
        let target = self.output.create_view(&Default::default());
        let picture =
            shot.rgba.map(|rgba| Picture { pixels: PicturePixels::Rgba8(rgba), camera: shot.camera });
        let inputs = Inputs {
            view: &shot.view,
            avatars: Avatars { color: &shot.avatars[0], depth: &shot.avatars[1] },
            depth: shot.metres.map(|(metres, camera)| DepthMap {
                pixels: DepthPixels::F32(metres),
                unit: DepthUnit::Metres { scale: 1.0 },
                camera,
            }),
            picture: picture.filter(|_| output == Output::Picture || shot.is_guided),
            light: shot.light,
            shadow: shot.shadow,
            output: &target,
        };
        view.record(&mut encoder, &inputs).expect("recorded");
        read(&self.headless, &self.output, encoder)
    }
}

/// What one frame is made of.
#[derive(Clone, Copy)]
pub(crate) struct Shot<'a> {
    pub(crate) view: View,
    pub(crate) camera: Intrinsics,
    pub(crate) avatars: &'a [wgpu::TextureView; 2],
    pub(crate) metres: Option<(&'a [f32], Intrinsics)>,
    pub(crate) rgba: Option<&'a [u8]>,
    /// Whether an overlay sees the picture.
    pub(crate) is_guided: bool,
    pub(crate) light: Option<&'a Light>,
    pub(crate) shadow: Option<ShadowMap<'a>>,
}

pub(crate) fn texture(
    device: &wgpu::Device,
    [width, height]: [u32; 2],
    format: wgpu::TextureFormat,
) -> wgpu::Texture {
    device.create_texture(&wgpu::TextureDescriptor {
        label: Some("test"),
        size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format,
        usage: wgpu::TextureUsages::RENDER_ATTACHMENT
            | wgpu::TextureUsages::TEXTURE_BINDING
            | wgpu::TextureUsages::COPY_SRC,
        view_formats: &[],
    })
}

/// A pass over a colour and a depth.
pub(crate) fn begin<'e>(
    encoder: &'e mut wgpu::CommandEncoder,
    [color, depth]: [&wgpu::TextureView; 2],
    clear: wgpu::Color,
    clear_depth: f32,
) -> wgpu::RenderPass<'e> {
    encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
        label: Some("test"),
        color_attachments: &[Some(wgpu::RenderPassColorAttachment {
            view: color,
            depth_slice: None,
            resolve_target: None,
            ops: wgpu::Operations { load: wgpu::LoadOp::Clear(clear), store: wgpu::StoreOp::Store },
        })],
        depth_stencil_attachment: Some(wgpu::RenderPassDepthStencilAttachment {
            view: depth,
            depth_ops: Some(wgpu::Operations {
                load: wgpu::LoadOp::Clear(clear_depth),
                store: wgpu::StoreOp::Store,
            }),
            stencil_ops: None,
        }),
        ..Default::default()
    })
}

/// Submits, and reads a texture of half floats.
pub(crate) fn read(headless: &Headless, texture: &wgpu::Texture, encoder: wgpu::CommandEncoder) -> Linear {
    let engine = headless.engine();
    let size = [texture.width(), texture.height()];
    let attachments = super::common::Attachments {
        size,
        color: texture.clone(),
        depth: super::common::Attachments::new(engine.device(), size).depth,
    };
    attachments.read(engine.device(), engine.queue(), encoder)
}
