//! What goes wrong comes back as a typed error that says what and where, and nothing panics.

mod common;

use common::{FORMAT, software};
use visavis::codec::FaceFrame;
use visavis::codec::glam::{Affine3A, Quat, Vec3};
use visavis::codec::testing::{Preset, synthetic_avatar};
use visavis::error::{DrawError, EngineError, GpuError, LoadError, PoseError, PrepareError, TargetError};
use visavis::headless::{AdapterChoice, Background, Headless, HeadlessError, HeadlessOptions, RenderError};
use visavis::{Engine, Executor, Options, TargetFormat, View, Viewport, wgpu};

fn view() -> View {
    View::look_at(-Vec3::Z, Vec3::ZERO, 0.5, 1.0, 0.05)
}

#[test]
fn a_device_with_small_limits_is_named_insufficient() {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    let adapters = instance.enumerate_adapters(wgpu::Backends::PRIMARY);
    let adapter = pollster::block_on(adapters)
        .into_iter()
        .find(|adapter| adapter.get_info().device_type == wgpu::DeviceType::Cpu)
        .expect("a software adapter: apt-get install mesa-vulkan-drivers");
    let required_limits =
        wgpu::Limits { max_storage_buffers_per_shader_stage: 2, ..wgpu::Limits::downlevel_defaults() };
    let (device, queue) = pollster::block_on(
        adapter.request_device(&wgpu::DeviceDescriptor { required_limits, ..Default::default() }),
    )
    .expect("a device");
    let error = Engine::new(&device, &queue, Options::default()).expect_err("too few storage buffers");
    assert_eq!(
        error,
        EngineError::Insufficient { limit: "max_storage_buffers_per_shader_stage", needed: 4, available: 2 }
    );
}

#[test]
fn wrong_use_is_told() {
    let headless = software(Executor::Cpu);
    let engine = headless.engine();

    let unorm = wgpu::TextureFormat::Rgba8Unorm;
    let error = engine.target(&TargetFormat { color: Some(unorm), ..FORMAT }).expect_err("not linear");
    assert_eq!(error, TargetError::ColorFormat(unorm));
    let error = engine
        .target(&TargetFormat { depth: wgpu::TextureFormat::R32Float, ..FORMAT })
        .expect_err("no depth");
    assert_eq!(error, TargetError::DepthFormat(wgpu::TextureFormat::R32Float));
    let error = engine.target(&TargetFormat { samples: 3, ..FORMAT }).expect_err("3 samples");
    assert!(matches!(error, TargetError::Gpu(GpuError::Rejected(_))), "{error}");

    let target = engine.target(&FORMAT).expect("drawable");
    let person = headless.load(&synthetic_avatar(1, Preset::Tiny)).expect("loaded");
    let mut instance = person.instance();

    let mut frame = FaceFrame::default();
    frame.latent.units[3] = f32::NAN;
    assert_eq!(instance.set_frame(&frame), Err(PoseError::NotFinite("latent")));
    let mut frame = FaceFrame::default();
    frame.head.rotation = Quat::from_xyzw(0.0, 0.0, 0.0, 2.0);
    assert_eq!(instance.set_frame(&frame), Err(PoseError::NotUnit));
    let far = Affine3A::from_translation(Vec3::splat(f32::INFINITY));
    assert_eq!(instance.set_pose(far), Err(PoseError::NotFinite("pose")));
    assert_eq!(instance.frame(), &FaceFrame::default(), "what was refused left no trace");

    let mut encoder = engine.device().create_command_encoder(&Default::default());
    let empty = [Viewport::new(view(), [0, 16])];
    let error = engine.prepare(&mut encoder, &target, &[&instance], &empty).expect_err("empty");
    assert!(matches!(error, PrepareError::ViewSize { view: 0, width: 0, height: 16, .. }), "{error}");

    let other = software(Executor::Cpu);
    let views = [Viewport::new(view(), [16, 16]), Viewport::depth_only(view(), [16, 16])];
    let error = other.engine().prepare(&mut encoder, &target, &[&instance], &views).expect_err("foreign");
    assert_eq!(error, PrepareError::Foreign("target"));

    let frame = engine.prepare(&mut encoder, &target, &[&instance], &views).expect("prepared");
    let attachments = common::Attachments::new(engine.device(), [16, 16]);
    let mut pass = attachments.begin(&mut encoder);
    assert_eq!(frame.draw(&mut pass, 1), Err(DrawError::DepthOnly(1)));
    assert_eq!(frame.draw(&mut pass, 2), Err(DrawError::NoSuchView(2, 2)));
}

#[test]
fn an_avatar_beyond_the_shaders_arrays_is_refused() {
    let headless = software(Executor::Gpu);
    let mut avatar = synthetic_avatar(1, Preset::Tiny);
    let hidden = 40;
    let inputs = avatar.pixel_inputs();
    avatar.pixel.hidden = hidden;
    avatar.pixel.w1 = vec![0.0; 2 * hidden * inputs];
    avatar.pixel.b1 = vec![0.0; 2 * hidden];
    avatar.pixel.w2 = vec![0.0; 2 * hidden * hidden];
    avatar.pixel.b2 = vec![0.0; 2 * hidden];
    avatar.pixel.w3 = vec![0.0; 2 * 9 * hidden];
    match headless.load(&avatar) {
        Err(error) => assert!(!matches!(error, LoadError::Gpu(_)), "refused too late: {error}"),
        Ok(_) => panic!("40 hidden units were taken"),
    }
}

#[test]
fn a_lost_device_is_a_typed_error() {
    let mut headless = software(Executor::Cpu);
    let person = headless.load(&synthetic_avatar(1, Preset::Tiny)).expect("loaded");
    let instance = person.instance();
    headless.render(&[&instance], &view(), [16, 16], Background::Transparent).expect("it works before");
    headless.engine().device().destroy();
    let error = headless
        .render(&[&instance], &view(), [16, 16], Background::Transparent)
        .map(|picture| picture.size)
        .expect_err("the device is gone");
    let is_lost = matches!(
        error,
        RenderError::Gpu(GpuError::DeviceLost)
            | RenderError::Prepare(PrepareError::Gpu(GpuError::DeviceLost))
    );
    assert!(is_lost, "{error:?}");
    assert!(headless.lost().is_some());
    let load = headless.load(&synthetic_avatar(1, Preset::Tiny)).map(|_| ());
    assert_eq!(load, Err(LoadError::Gpu(GpuError::DeviceLost)));
}

/// Tells a process that it is the one with little memory.
#[cfg(target_os = "linux")]
const IN_LITTLE_MEMORY: &str = "VISAVIS_TEST_IN_LITTLE_MEMORY";

/// The textures of a picture of 16384² pixels take 4 GiB. A process that may have no more in all asks the driver for them.
#[cfg(target_os = "linux")]
#[test]
fn too_little_memory_is_a_typed_error() {
    if std::env::var_os(IN_LITTLE_MEMORY).is_some() {
        return render_in_little_memory();
    }
    let itself = std::env::current_exe().expect("a program");
    let output = std::process::Command::new("sh")
        .args(["-c", r#"ulimit -v 4194304 && exec "$@""#, "sh"])
        .arg(itself)
        .args(["--exact", "too_little_memory_is_a_typed_error", "--nocapture"])
        // Address space that threads only reserve would count, too.
        .envs([(IN_LITTLE_MEMORY, "1"), ("LP_NUM_THREADS", "1"), ("MALLOC_ARENA_MAX", "1")])
        .output()
        .expect("a shell");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{}\n{stdout}\n{stderr}", output.status);
    assert!(stdout.contains("1 passed"), "{stdout}");
}

#[cfg(target_os = "linux")]
fn render_in_little_memory() {
    let options = HeadlessOptions {
        adapter: AdapterChoice::Software,
        executor: Executor::Gpu,
        ..HeadlessOptions::default()
    };
    let mut headless = Headless::new(&options).expect("set up");
    let person = headless.load(&synthetic_avatar(1, Preset::Tiny)).expect("loaded");
    let instance = person.instance();
    let error = headless
        .render(&[&instance], &view(), [16384, 16384], Background::Transparent)
        .map(|picture| picture.size)
        .expect_err("it doesn't fit");
    assert!(matches!(error, RenderError::Gpu(GpuError::OutOfMemory(_))), "{error:?}");
    // Nothing is lost by it.
    headless.render(&[&instance], &view(), [16, 16], Background::Transparent).expect("a small picture fits");
}

#[test]
fn a_missing_adapter_names_the_fix() {
    // Where there is a real GPU, asking for one succeeds, and there is nothing to see here.
    let options = HeadlessOptions { adapter: AdapterChoice::Hardware, ..Default::default() };
    match Headless::new(&options) {
        Ok(headless) => assert_ne!(headless.adapter().device_type, wgpu::DeviceType::Cpu),
        Err(error) => {
            assert!(matches!(error, HeadlessError::NoAdapter { .. }), "{error}");
            assert!(error.to_string().contains("mesa-vulkan-drivers"), "{error}");
        }
    }
}
