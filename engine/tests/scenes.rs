//! Several people, instances and views at once, in a host's depth; both executors mean the same.

mod common;

use common::{Attachments, Linear, draw, flip, placed, random_frame, random_place, random_view, software};
use visavis::codec::glam::{Affine3A, Vec3};
use visavis::codec::testing::{Preset, synthetic_avatar};
use visavis::headless::Headless;
use visavis::{Executor, Instance, Person, Target, TargetFormat, View, Viewport, wgpu};

/// The most that the executors' pictures of a scene may differ in mean ꟻLIP; each may differ as much from the
/// reference.
const FLIP: f32 = 0.02;
/// Depth is interpolated by different hands.
const DEPTH_TOLERANCE: f32 = 1e-5;

/// A stage with three instances of two people.
struct Stage {
    headless: Headless,
    target: Target,
    people: Vec<Person>,
}

impl Stage {
    fn new(executor: Executor) -> Self {
        let headless = software(executor);
        let target = headless.engine().target(&common::FORMAT).expect("the format is drawable");
        let people = [1, 2]
            .map(|seed| headless.load(&synthetic_avatar(seed, Preset::Tiny)).expect("loaded"))
            .into_iter()
            .collect();
        Self { headless, target, people }
    }

    /// Side by side, the middle one in front of the others.
    fn cast(&self) -> Vec<Instance> {
        [(0, -0.13, 0.1), (1, 0.0, 0.0), (0, 0.13, 0.1)]
            .into_iter()
            .zip(1..)
            .map(|((person, x, z), seed)| {
                let mut instance = self.people[person].instance();
                instance.set_frame(&random_frame(seed)).expect("finite");
                instance.set_pose(Affine3A::from_translation(Vec3::new(x, 0.0, z))).expect("finite");
                instance
            })
            .collect()
    }
}

fn scene_view() -> View {
    View::look_at(Vec3::new(0.1, 0.05, -1.1), Vec3::new(0.0, -0.03, 0.1), 0.5, 1.0, 0.05)
}

const SIZE: [u32; 2] = [128, 128];

#[test]
fn both_executors_draw_the_same_scene() {
    let pictures = [Executor::Gpu, Executor::Cpu].map(|executor| {
        let stage = Stage::new(executor);
        let cast = stage.cast();
        let cast: Vec<&Instance> = cast.iter().collect();
        let together = draw(&stage.headless, &stage.target, &cast, &scene_view(), SIZE);
        several_views(&stage, &cast, &together);
        host_depth_hides(&stage, &cast);
        depth_passes(&stage, &cast, &together);
        placed_in_the_world(&stage);
        together
    });
    let [gpu, cpu] = pictures;
    let seen = gpu.rgba.iter().filter(|texel| texel[3] > 0.5).count();
    assert!(seen > 4000, "three people fill the picture, not {seen} pixels");
    let apart = flip(SIZE, &gpu.rgba, &cpu.rgba);
    assert!(apart <= FLIP, "the executors differ by {apart}");
    common::driver_log::assert_silent();
}

/// Views of different kinds and sizes from one decode are what each is by itself.
fn several_views(stage: &Stage, cast: &[&Instance], together: &Linear) {
    let engine = stage.headless.engine();
    let (device, queue) = (engine.device(), engine.queue());
    let small = [64, 48];
    let views = [
        Viewport::depth_only(random_view(3), [32, 32]),
        Viewport::new(random_view(2), small),
        Viewport::new(scene_view(), SIZE),
    ];
    let mut encoder = device.create_command_encoder(&Default::default());
    let frame = engine.prepare(&mut encoder, &stage.target, cast, &views).expect("prepared");
    let attachments = Attachments::new(device, SIZE);
    attachments.draw(&mut encoder, &frame, 2);
    let third = attachments.read(device, queue, encoder);
    assert!(third.rgba == together.rgba && third.depth == together.depth, "view 2 of 3 differs");

    let mut encoder = device.create_command_encoder(&Default::default());
    let attachments = Attachments::new(device, small);
    attachments.draw(&mut encoder, &frame, 1);
    let second = attachments.read(device, queue, encoder);
    let alone = draw(&stage.headless, &stage.target, cast, &random_view(2), small);
    assert!(second.rgba == alone.rgba && second.depth == alone.depth, "view 1 of 3 differs");
}

/// What the host drew nearer stays.
fn host_depth_hides(stage: &Stage, cast: &[&Instance]) {
    let engine = stage.headless.engine();
    let (device, queue) = (engine.device(), engine.queue());
    let mut encoder = device.create_command_encoder(&Default::default());
    let views = [Viewport::new(scene_view(), SIZE)];
    let frame = engine.prepare(&mut encoder, &stage.target, cast, &views).expect("prepared");
    let attachments = Attachments::new(device, SIZE);
    {
        let color = attachments.color.create_view(&Default::default());
        let depth = attachments.depth.create_view(&Default::default());
        let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view: &color,
                depth_slice: None,
                resolve_target: None,
                ops: wgpu::Operations {
                    load: wgpu::LoadOp::Clear(wgpu::Color::GREEN),
                    store: wgpu::StoreOp::Store,
                },
            })],
            depth_stencil_attachment: Some(wgpu::RenderPassDepthStencilAttachment {
                view: &depth,
                // Something at the near plane everywhere.
                depth_ops: Some(wgpu::Operations {
                    load: wgpu::LoadOp::Clear(1.0),
                    store: wgpu::StoreOp::Store,
                }),
                stencil_ops: None,
            }),
            ..Default::default()
        });
        frame.draw(&mut pass, 0).expect("the view exists");
    }
    let hidden = attachments.read(device, queue, encoder);
    assert!(hidden.rgba.iter().all(|&texel| texel == [0.0, 1.0, 0.0, 1.0]), "something shows through");
}

/// A depth-only pass puts the mesh where the colour pass puts its opaque parts.
fn depth_passes(stage: &Stage, cast: &[&Instance], together: &Linear) {
    let engine = stage.headless.engine();
    let (device, queue) = (engine.device(), engine.queue());
    let shadow = engine
        .target(&TargetFormat {
            color: None,
            depth: wgpu::TextureFormat::Depth32Float,
            samples: 1,
            view_mask: None,
        })
        .expect("a depth target");
    let mut encoder = device.create_command_encoder(&Default::default());
    let views = [Viewport::depth_only(scene_view(), SIZE)];
    let frame = engine.prepare(&mut encoder, &shadow, cast, &views).expect("prepared");
    let attachments = Attachments::new(device, SIZE);
    // Defined contents for the colour that `read` copies.
    drop(attachments.begin(&mut encoder));
    {
        let depth = attachments.depth.create_view(&Default::default());
        let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            depth_stencil_attachment: Some(wgpu::RenderPassDepthStencilAttachment {
                view: &depth,
                depth_ops: Some(wgpu::Operations {
                    load: wgpu::LoadOp::Clear(0.0),
                    store: wgpu::StoreOp::Store,
                }),
                stencil_ops: None,
            }),
            ..Default::default()
        });
        frame.draw_depth(&mut pass, &shadow, 0).expect("the view exists");
    }
    let found = attachments.read(device, queue, encoder);
    let (mut compared, mut equal) = (0, 0);
    for (mesh, seen) in found.depth.iter().zip(&together.depth) {
        // The mesh is drawn as if it were opaque, so it is nowhere behind what the colour pass wrote.
        if *seen > 0.0 {
            compared += 1;
            equal += usize::from(*mesh >= seen - DEPTH_TOLERANCE);
        }
    }
    assert!(compared > 4000, "{compared}");
    // The lashes, about a hundredth of the people's pixels, are missing from depth passes.
    assert!(equal as f64 >= 0.98 * f64::from(compared), "{equal} of {compared}");
}

/// A person seen from a camera that moved with them looks the same.
fn placed_in_the_world(stage: &Stage) {
    let mut instance = stage.people[1].instance();
    instance.set_frame(&random_frame(7)).expect("finite");
    let view = random_view(7);
    let at_rest = draw(&stage.headless, &stage.target, &[&instance], &view, SIZE);
    let world_from_rest = random_place(7);
    instance.set_pose(world_from_rest).expect("finite");
    let moved = draw(&stage.headless, &stage.target, &[&instance], &placed(&view, world_from_rest), SIZE);
    let apart = flip(SIZE, &moved.rgba, &at_rest.rgba);
    assert!(apart <= FLIP / 4.0, "moving the world changes the picture by {apart}");
}
