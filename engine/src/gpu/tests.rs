//! The compute kernels against the reference, tensor by tensor.

use std::sync::mpsc;

use visavis_codec::FaceFrame;
use visavis_codec::latent::Timestamp;
use visavis_codec::reference::{decode, skin};
use visavis_codec::testing::{Preset, random_head, random_latent, synthetic_avatar};
use visavis_shaders::mirror::SkinnedVertex;

use crate::headless::{AdapterChoice, Headless, HeadlessOptions};
use crate::maps::MapBody;
use crate::prepare::Stage;
use crate::{Executor, Viewport};

/// Largest difference, as a share of the tensor's largest magnitude. The dynamic map is stored in halves, whose
/// rounding is up to 2⁻¹¹ ≈ 0.0005 of a value.
const TOLERANCE: f32 = 1e-3;

#[track_caller]
fn assert_close(what: &str, found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(0.0f32, |largest, x| largest.max(x.abs()));
    let (at, worst) = (found.iter().zip(expected).map(|(a, b)| (a - b).abs()).enumerate())
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .expect("the tensor isn't empty");
    assert!(worst.is_finite() && worst <= TOLERANCE * largest, "{what}[{at}]: {worst} of {largest}");
    eprintln!("{what}: {:e} of the maximum", worst / largest);
}

#[test]
fn kernels_agree_with_the_reference() {
    let mut headless = Headless::new(&HeadlessOptions {
        adapter: AdapterChoice::Software,
        executor: Executor::Gpu,
        downlevel: true,
        ..Default::default()
    })
    .unwrap_or_else(|error| panic!("{error}"));
    eprintln!("adapter: {}", headless.adapter().name);
    let engine = headless.engine().clone();
    let (device, queue) = (engine.device(), engine.queue());
    let target = engine.target(&crate::headless::FORMAT).expect("drawable");

    let avatar = synthetic_avatar(5, Preset::Tiny);
    let person = engine.load(&avatar).expect("loaded");
    let mut first = person.instance();
    let mut second = person.instance();
    let frames = [11, 12].map(|seed| FaceFrame {
        time: Timestamp::default(),
        latent: random_latent(seed),
        head: random_head(seed),
    });
    first.set_frame(&frames[0]).expect("finite");
    second.set_frame(&frames[1]).expect("finite");

    // Two instances of one person in one frame share its activations, one after the other.
    let mut encoder = device.create_command_encoder(&Default::default());
    let view = crate::View::look_at(-glam::Vec3::Z, glam::Vec3::ZERO, 0.5, 1.0, 0.05);
    let views = [Viewport::new(view, [16, 16])];
    let frame = engine.prepare(&mut encoder, &target, &[&first, &second], &views).expect("prepared");
    let mut reads = Vec::new();
    for (body, map) in frame.bodies() {
        let Some(MapBody::Gpu(map)) = map else { panic!("not on the GPU") };
        let map = &map.map;
        let stride = (map.width() * 8).next_multiple_of(wgpu::COPY_BYTES_PER_ROW_ALIGNMENT);
        let texels = read_buffer(device, u64::from(stride * map.height() * map.depth_or_array_layers()));
        encoder.copy_texture_to_buffer(
            map.as_image_copy(),
            wgpu::TexelCopyBufferInfo {
                buffer: &texels,
                layout: wgpu::TexelCopyBufferLayout {
                    offset: 0,
                    bytes_per_row: Some(stride),
                    rows_per_image: Some(map.height()),
                },
            },
            map.size(),
        );
        let vertices = read_buffer(device, body.vertices.size());
        encoder.copy_buffer_to_buffer(&body.vertices, 0, &vertices, 0, vertices.size());
        reads.push((texels, stride as usize, vertices));
    }
    queue.submit([encoder.finish()]);

    for ((texels, stride, vertices), face) in reads.iter().zip(&frames) {
        let condition = decode::condition(&avatar, &face.latent, &face.head);
        let map = decode::texture(&avatar, &condition);
        let bytes = bytes(device, texels);
        let found: Vec<f32> = (0..map.channels)
            .flat_map(|channel| (0..map.size).map(move |y| (channel, y)))
            .flat_map(|(channel, y)| {
                let row = (channel / 4 * map.size + y) * stride;
                let bytes = &bytes;
                (0..map.size).map(move |x| {
                    let at = row + x * 8 + channel % 4 * 2;
                    half::f16::from_le_bytes([bytes[at], bytes[at + 1]]).to_f32()
                })
            })
            .collect();
        assert_close("dynamic map", &found, &map.data);

        let transforms = skin::joint_transforms(&avatar.manifest.skeleton, face.latent.gaze, &face.head);
        let positions = skin::skin(&avatar.mesh, &decode::geometry(&avatar, &condition), &transforms);
        let normals = skin::normals(&avatar.mesh, &positions);
        let bytes = crate::gpu::tests::bytes(device, vertices);
        let found: &[SkinnedVertex] = bytemuck::cast_slice(&bytes);
        let flat = |vectors: Vec<[f32; 3]>| vectors.as_flattened().to_vec();
        assert_close(
            "positions",
            &flat(found.iter().map(|v| v.position).collect()),
            &flat(positions.iter().map(|p| p.to_array()).collect()),
        );
        assert_close(
            "normals",
            &flat(found.iter().map(|v| v.normal).collect()),
            &flat(normals.iter().map(|n| n.to_array()).collect()),
        );
        let uv: Vec<[f32; 2]> = found.iter().map(|v| [v.u, v.v]).collect();
        assert_eq!(uv, avatar.mesh.uv);
    }
    drop(frame);
    // A wgpu error would have come up by now.
    headless
        .render(&[&first], &view, [16, 16], crate::headless::Background::Transparent)
        .expect("nothing was refused");
}

fn read_buffer(device: &wgpu::Device, size: u64) -> wgpu::Buffer {
    device.create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size,
        usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
        mapped_at_creation: false,
    })
}

fn bytes(device: &wgpu::Device, buffer: &wgpu::Buffer) -> Vec<u8> {
    let (sender, receiver) = mpsc::channel();
    buffer.map_async(wgpu::MapMode::Read, .., move |result| sender.send(result).expect("the test waits"));
    device.poll(wgpu::PollType::wait_indefinitely()).expect("the device answers");
    receiver.recv().expect("a result").expect("mapped");
    buffer.get_mapped_range(..).expect("mapped").to_vec()
}

#[test]
fn a_second_view_costs_no_second_decode() {
    for executor in [Executor::Gpu, Executor::Cpu] {
        let headless = Headless::new(&HeadlessOptions {
            adapter: AdapterChoice::Software,
            executor,
            downlevel: true,
            ..Default::default()
        })
        .unwrap_or_else(|error| panic!("{error}"));
        let engine = headless.engine();
        let target = engine.target(&crate::headless::FORMAT).expect("drawable");
        let person = engine.load(&synthetic_avatar(5, Preset::Tiny)).expect("loaded");
        let instance = person.instance();
        let view = crate::View::look_at(-glam::Vec3::Z, glam::Vec3::ZERO, 0.5, 1.0, 0.05);
        for views in [1, 2, 6] {
            let mut encoder = engine.device().create_command_encoder(&Default::default());
            let views = vec![Viewport::new(view, [16, 16]); views];
            let mut stages = Vec::new();
            let frame = engine
                .prepare_observed(
                    &mut encoder,
                    &target,
                    &[&instance],
                    &views,
                    &Default::default(),
                    &mut |stage| stages.push(stage),
                )
                .expect("prepared");
            let count = |wanted| stages.iter().filter(|&&stage| stage == wanted).count();
            // On the GPU every body is decoded once, by what its frame has recorded.
            assert_eq!(frame.bodies().count(), 1);
            if executor == Executor::Cpu {
                let counts = [Stage::Decoded, Stage::Skinned, Stage::Shaded].map(count);
                assert_eq!(counts, [1, 1, views.len()]);
            }
            engine.queue().submit([encoder.finish()]);
        }
    }
}
