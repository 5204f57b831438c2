//! What a host may rely on: handles go to any thread; a lost device and a target of another size are named or shown, and
//! the host goes on.

mod common;

use common::{Attachments, FORMAT, draw, random_frame, random_view, software};
use visavis::codec::testing::{Preset, synthetic_avatar};
use visavis::error::{GpuError, LoadError, PrepareError};
use visavis::{Engine, Executor, Frame, Instance, Options, Person, Target, Viewport, wgpu};

/// Fails to compile where something can't be sent to, or shared with, another thread.
const fn goes_to_any_thread<T: Send + Sync>() {}
const _: () = {
    goes_to_any_thread::<Engine>();
    goes_to_any_thread::<Frame>();
    goes_to_any_thread::<Instance>();
    goes_to_any_thread::<Options>();
    goes_to_any_thread::<Person>();
    goes_to_any_thread::<Target>();
    goes_to_any_thread::<visavis::cpu::Renderer>();
    goes_to_any_thread::<visavis::codec::Avatar>();
    goes_to_any_thread::<visavis::codec::bitstream::LatentReader>();
    goes_to_any_thread::<visavis::codec::bitstream::LatentWriter>();
    goes_to_any_thread::<visavis::codec::expression::Tuner>();
    goes_to_any_thread::<visavis::codec::playout::Playout>();
};

#[test]
fn a_frame_is_prepared_on_one_thread_and_drawn_on_another() {
    let headless = software(Executor::Cpu);
    let engine = headless.engine();
    let target = engine.target(&FORMAT).expect("drawable");
    let person = headless.load(&synthetic_avatar(1, Preset::Tiny)).expect("loaded");
    let mut instance = person.instance();
    instance.set_frame(&random_frame(1)).expect("finite");
    let (view, size) = (random_view(1), [48, 48]);
    let here = draw(&headless, &target, &[&instance], &view, size);
    let there = std::thread::scope(|scope| {
        let prepared = scope.spawn(|| {
            let mut encoder = engine.device().create_command_encoder(&Default::default());
            let views = [Viewport::new(view, size)];
            let frame = engine.prepare(&mut encoder, &target, &[&instance], &views).expect("prepared");
            (frame, encoder)
        });
        let (frame, mut encoder) = prepared.join().expect("no panic");
        let attachments = Attachments::new(engine.device(), size);
        attachments.draw(&mut encoder, &frame, 0);
        attachments.read(engine.device(), engine.queue(), encoder)
    });
    assert!(here.rgba == there.rgba && here.depth == there.depth, "the thread shows");
    common::driver_log::assert_silent();
}

/// Whatever was under way when the device went: typed errors, no panic; on a new device everything works again.
#[test]
fn a_lost_device_is_named_and_the_host_goes_on() {
    let avatar = synthetic_avatar(1, Preset::Tiny);
    for executor in [Executor::Gpu, Executor::Cpu] {
        let headless = software(executor);
        let engine = headless.engine();
        let device = engine.device();
        let target = engine.target(&FORMAT).expect("drawable");
        let instance = headless.load(&avatar).expect("loaded").instance();
        let views = [Viewport::new(random_view(1), [32, 32]), Viewport::depth_only(random_view(1), [32, 32])];
        let mut encoder = device.create_command_encoder(&Default::default());
        let frame = engine.prepare(&mut encoder, &target, &[&instance], &views).expect("prepared");
        let attachments = Attachments::new(device, [32, 32]);

        device.destroy();
        {
            let mut pass = attachments.begin(&mut encoder);
            frame.draw(&mut pass, 0).expect("recording asks nothing of the device");
            frame.draw_depth(&mut pass, &target, 1).expect("recording asks nothing of the device");
        }
        drop(frame);
        let mut encoder = device.create_command_encoder(&Default::default());
        let lost = engine.prepare(&mut encoder, &target, &[&instance], &views).map(|_| ());
        assert_eq!(lost, Err(PrepareError::Gpu(GpuError::DeviceLost)), "{executor:?}");
        let lost = engine.load(&avatar).map(|_| ());
        assert_eq!(lost, Err(LoadError::Gpu(GpuError::DeviceLost)), "{executor:?}");
        assert!(headless.lost().is_some());
        // Another device is found, on which nothing reminds of the first.
        let other = software(executor);
        let target = other.engine().target(&FORMAT).expect("drawable");
        let again = other.load(&avatar).expect("loaded").instance();
        let picture = draw(&other, &target, &[&again], &random_view(1), [32, 32]);
        assert!(picture.rgba.iter().any(|texel| texel[3] > 0.5), "{executor:?}");
    }
}

/// A window that changes its size between `prepare` and `draw` shows one frame of the old size, and then is right.
#[test]
fn a_target_resized_mid_frame_is_no_error() {
    for executor in [Executor::Gpu, Executor::Cpu] {
        let headless = software(executor);
        let engine = headless.engine();
        let (device, queue) = (engine.device(), engine.queue());
        let target = engine.target(&FORMAT).expect("drawable");
        let instance = headless.load(&synthetic_avatar(1, Preset::Tiny)).expect("loaded").instance();
        let view = random_view(1);
        let before = draw(&headless, &target, &[&instance], &view, [48, 48]);
        for size in [[20, 30], [70, 64], [1, 1]] {
            let scope = device.push_error_scope(wgpu::ErrorFilter::Validation);
            let mut encoder = device.create_command_encoder(&Default::default());
            let views = [Viewport::new(view, [48, 48])];
            let frame = engine.prepare(&mut encoder, &target, &[&instance], &views).expect("prepared");
            let attachments = Attachments::new(device, size);
            attachments.draw(&mut encoder, &frame, 0);
            let found = attachments.read(device, queue, encoder);
            assert_eq!(pollster::block_on(scope.pop()).map(|error| error.to_string()), None, "{executor:?}");
            assert!(found.rgba.iter().flatten().all(|channel| channel.is_finite()));
        }
        let after = draw(&headless, &target, &[&instance], &view, [48, 48]);
        assert!(after.rgba == before.rgba && after.depth == before.depth, "{executor:?}");
    }
    common::driver_log::assert_silent();
}
