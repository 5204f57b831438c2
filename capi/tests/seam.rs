//! A picture that was read back and put into a host's frame as SEAM.md says is the one that the engine draws in the host's
//! own pass.

use std::ptr;

use visavis::codec::glam::{Vec3, vec3};
use visavis::headless::{AdapterChoice, Headless, HeadlessOptions, ReadBack};
use visavis::{Executor, TargetFormat, View, Viewport, wgpu};
use visavis_capi::avatar::{visavis_avatar_destroy, visavis_avatar_load};
use visavis_capi::draw::{VisavisDraw, VisavisView, visavis_engine_draw, visavis_view_look_at};
use visavis_capi::engine::{
    VISAVIS_ADAPTER_SOFTWARE, VisavisEngineOptions, visavis_engine_create, visavis_engine_destroy,
};
use visavis_capi::instance::{visavis_instance_create, visavis_instance_destroy};
use visavis_capi::read::{VISAVIS_PLANE_DEPTH32F, VISAVIS_PLANE_RGBA16F, visavis_engine_read};
use visavis_capi::status::VISAVIS_OK;
use visavis_codec::testing::{Preset, synthetic_avatar, without_blended_parts};

const SIZE: usize = 96;
const EYE: Vec3 = vec3(0.1, 0.0, -0.9);
const TARGET: Vec3 = vec3(0.0, -0.03, 0.08);
const ANGLE: f32 = 0.42;
const NEAR: f32 = 0.05;
/// Of a plane of the host's that cuts through the head, metres in front of the camera.
const PLANE_M: f32 = 0.93;
/// What the host drew on it, linear.
const BACKGROUND: [f32; 3] = [0.1, 0.3, 0.2];
/// Colours of both ways may differ by so much in the mean: only where a soft rim meets the plane do they.
const MEAN_DIFFERENCE: f32 = 2e-3;

/// Colour and depth by the C interface.
fn read_back(avatar: &[u8]) -> (Vec<[f32; 4]>, Vec<f32>) {
    let mut color = vec![0u8; SIZE * SIZE * 8];
    let mut depth = vec![0u8; SIZE * SIZE * 4];
    // SAFETY: every pointer is to a live value of the right kind, every handle was made by the call before.
    unsafe {
        let options = VisavisEngineOptions {
            struct_size: size_of::<VisavisEngineOptions>() as u32,
            adapter: VISAVIS_ADAPTER_SOFTWARE,
            executor: 0,
            threads: 0,
        };
        let mut engine = ptr::null_mut();
        assert_eq!(visavis_engine_create(&raw const options, &raw mut engine), VISAVIS_OK);
        let mut person = ptr::null_mut();
        assert_eq!(visavis_avatar_load(engine, avatar.as_ptr(), avatar.len(), &raw mut person), VISAVIS_OK);
        let mut instance = ptr::null_mut();
        assert_eq!(visavis_instance_create(person, &raw mut instance), VISAVIS_OK);
        let mut view = VisavisView {
            struct_size: size_of::<VisavisView>() as u32,
            view_from_world: [0.0; 16],
            clip_from_view: [0.0; 16],
        };
        let (eye, target) = (EYE.to_array(), TARGET.to_array());
        let made = visavis_view_look_at(eye.as_ptr(), target.as_ptr(), ANGLE, 1.0, NEAR, &raw mut view);
        assert_eq!(made, VISAVIS_OK);
        let instances = [instance.cast_const()];
        let draw = VisavisDraw {
            struct_size: size_of::<VisavisDraw>() as u32,
            width: SIZE as u32,
            height: SIZE as u32,
            view_count: 1,
            instance_count: 1,
            background: [0.0; 4],
            views: &raw const view,
            instances: instances.as_ptr(),
        };
        assert_eq!(visavis_engine_draw(engine, &raw const draw), VISAVIS_OK);
        for (plane, pixels) in [(VISAVIS_PLANE_RGBA16F, &mut color), (VISAVIS_PLANE_DEPTH32F, &mut depth)] {
            let read = visavis_engine_read(engine, 0, plane, pixels.as_mut_ptr(), pixels.len(), 0);
            assert_eq!(read, VISAVIS_OK);
        }
        visavis_instance_destroy(instance);
        visavis_avatar_destroy(person);
        visavis_engine_destroy(engine);
    }
    (halves(&color), floats(&depth))
}

/// Colour as the engine draws it in a host's pass, whose depth is the plane's.
fn in_the_pass(avatar: &[u8]) -> Vec<[f32; 4]> {
    let options = HeadlessOptions {
        adapter: AdapterChoice::Software,
        executor: Executor::Cpu,
        ..HeadlessOptions::default()
    };
    let headless = Headless::new(&options).unwrap_or_else(|error| panic!("{error}"));
    let engine = headless.engine();
    let (device, queue) = (engine.device(), engine.queue());
    let format = TargetFormat {
        color: Some(wgpu::TextureFormat::Rgba16Float),
        depth: wgpu::TextureFormat::Depth32Float,
        samples: 1,
        view_mask: None,
    };
    let texture = |format| {
        device.create_texture(&wgpu::TextureDescriptor {
            label: None,
            size: wgpu::Extent3d { width: SIZE as u32, height: SIZE as u32, depth_or_array_layers: 1 },
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format,
            usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC,
            view_formats: &[],
        })
    };
    let (color, depth) = (texture(wgpu::TextureFormat::Rgba16Float), texture(format.depth));
    let target = engine.target(&format).expect("drawable");
    let avatar = visavis::codec::Avatar::read(avatar).expect("an avatar");
    let instance = headless.load(&avatar).expect("loaded").instance();
    let mut encoder = device.create_command_encoder(&Default::default());
    let views = [Viewport::new(View::look_at(EYE, TARGET, ANGLE, 1.0, NEAR), [SIZE as u32; 2])];
    let frame = engine.prepare(&mut encoder, &target, &[&instance], &views).expect("prepared");
    {
        let [r, g, b] = BACKGROUND.map(f64::from);
        let (color, depth) = (color.create_view(&Default::default()), depth.create_view(&Default::default()));
        let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view: &color,
                depth_slice: None,
                resolve_target: None,
                ops: wgpu::Operations {
                    load: wgpu::LoadOp::Clear(wgpu::Color { r, g, b, a: 1.0 }),
                    store: wgpu::StoreOp::Store,
                },
            })],
            depth_stencil_attachment: Some(wgpu::RenderPassDepthStencilAttachment {
                view: &depth,
                depth_ops: Some(wgpu::Operations {
                    load: wgpu::LoadOp::Clear(NEAR / PLANE_M),
                    store: wgpu::StoreOp::Store,
                }),
                stencil_ops: None,
            }),
            ..Default::default()
        });
        frame.draw(&mut pass, 0).expect("drawn");
    }
    let way = ReadBack::new(device, [SIZE as u32; 2], color.format()).expect("room to read back");
    way.record(&mut encoder, &color);
    queue.submit([encoder.finish()]);
    let mut bytes = Vec::new();
    way.read(device, &mut bytes).expect("the device answers");
    halves(&bytes)
}

/// What SEAM.md's shader does, for a host whose depth is a plane's.
fn composited(color: &[[f32; 4]], depth: &[f32]) -> Vec<[f32; 4]> {
    let at = |x: usize, y: usize| depth[y.min(SIZE - 1) * SIZE + x.min(SIZE - 1)];
    (0..SIZE * SIZE)
        .map(|texel| {
            let (x, y) = (texel % SIZE, texel / SIZE);
            let around = |dx: usize, dy: usize| at((x + dx).saturating_sub(1), (y + dy).saturating_sub(1));
            let own = at(x, y);
            let d = if own == 0.0 { (0..9).map(|i| around(i % 3, i / 3)).fold(0.0, f32::max) } else { own };
            // With a far plane, and 0 near: as the page has it.
            let far_m = 10.0;
            let conventional = |z_m: f32| far_m * (z_m - NEAR) / (z_m * (far_m - NEAR));
            let is_hidden = d == 0.0 || conventional(NEAR / d) > conventional(PLANE_M);
            let [r, g, b, a] = if is_hidden { [0.0; 4] } else { color[texel] };
            let [back_r, back_g, back_b] = BACKGROUND.map(|channel| channel * (1.0 - a));
            [r + back_r, g + back_g, b + back_b, 1.0]
        })
        .collect()
}

fn halves(bytes: &[u8]) -> Vec<[f32; 4]> {
    let half =
        |texel: &[u8; 8], i: usize| half::f16::from_le_bytes([texel[2 * i], texel[2 * i + 1]]).to_f32();
    bytes.as_chunks::<8>().0.iter().map(|texel| std::array::from_fn(|i| half(texel, i))).collect()
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()
}

#[test]
fn a_picture_that_was_read_back_fits_into_a_frame() {
    // One depth a pixel can't say what lies behind thin hair.
    let avatar = without_blended_parts(synthetic_avatar(1, Preset::Tiny)).write().expect("a valid avatar");
    let (color, depth) = read_back(&avatar);
    let ours = composited(&color, &depth);
    let theirs = in_the_pass(&avatar);
    let is_person = |texel: &[f32; 4]| texel.iter().zip(BACKGROUND).any(|(a, b)| (a - b).abs() > 1e-2);
    let seen = theirs.iter().filter(|texel| is_person(texel)).count();
    let there = color.iter().filter(|texel| texel[3] > 0.5).count();
    assert!(seen * 10 > there && seen * 10 < there * 9, "the plane cuts the head: {seen} of {there} pixels");
    let apart = |(a, b): (&[f32; 4], &[f32; 4])| {
        a[..3].iter().zip(&b[..3]).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    };
    let mean = ours.iter().zip(&theirs).map(apart).sum::<f32>() / ours.len() as f32;
    assert!(mean <= MEAN_DIFFERENCE, "the pictures differ by {mean}");
}
