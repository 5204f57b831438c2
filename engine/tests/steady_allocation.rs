//! A warm engine allocates nothing but what wgpu does inside the very calls that a host without an engine would make.
//!
//! Every allocation of a frame is caught with its stack, and belongs to whoever stands first on it: wgpu's crates, or
//! ours. Comparing counts with a second host that makes the same wgpu calls would say the same, but only as long as
//! somebody keeps its list of calls equal to the engine's.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::backtrace::Backtrace;
use std::cell::{Cell, RefCell};

use common::{Attachments, FORMAT, random_frame, random_view, software};
use visavis::codec::glam::{Affine3A, Vec3};
use visavis::codec::light::{Ambient, Light};
use visavis::codec::testing::{Preset, synthetic_avatar};
use visavis::{Engine, Executor, Instance, Target, Viewport};

thread_local! {
    /// Whether the present thread's allocations are caught.
    static IS_RECORDING: Cell<bool> = const { Cell::new(false) };
    /// Stacks of what was caught.
    static STACKS: RefCell<Vec<Backtrace>> = const { RefCell::new(Vec::new()) };
}

/// The system's allocator, catching what the present thread asks for.
struct Catching;

/// Notes where an allocation comes from; what noting it allocates isn't caught.
fn catch() {
    if IS_RECORDING.replace(false) {
        let stack = Backtrace::force_capture();
        STACKS.with_borrow_mut(|stacks| stacks.push(stack));
        IS_RECORDING.set(true);
    }
}

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Catching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        catch();
        // SAFETY: as the caller promised us.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller promised us.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        catch();
        // SAFETY: as the caller promised us.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Catching = Catching;

/// Whose an allocation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    /// The engine's, or the codec's.
    Visavis,
    /// Inside a call of wgpu.
    Wgpu,
    /// This test's.
    Host,
}

/// A function of a stack, with the file that it stands in, if that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Function {
    name: String,
    file: String,
}

/// The functions of a stack, the innermost first.
fn functions(stack: &Backtrace) -> Vec<Function> {
    let text = stack.to_string();
    let mut functions: Vec<Function> = Vec::new();
    for line in text.lines().map(str::trim_start) {
        if let (Some(file), Some(last)) = (line.strip_prefix("at "), functions.last_mut()) {
            last.file = file.to_owned();
        } else if let Some((number, name)) = line.split_once(": ")
            && number.parse::<u32>().is_ok()
        {
            functions.push(Function { name: name.trim().to_owned(), file: String::new() });
        }
    }
    functions
}

/// The crate that a function belongs to: `visavis` of `<visavis::Frame as core::ops::Drop>::drop`.
fn crate_of(function: &str) -> &str {
    let name = function.trim_start_matches(['<', '&', '*', '[', '(']);
    let name = name.trim_start_matches("dyn ").trim_start_matches("mut ");
    name.split([':', '[', '<', ' ']).next().unwrap_or("")
}

/// By the file where there is one, since names of inlined functions may have no path.
fn owner_of(Function { name, file }: &Function) -> Option<Owner> {
    let is_in = |folders: &[&str]| folders.iter().any(|folder| file.contains(folder));
    // Paths are told from the crate's own folder, where tests run.
    if file.starts_with("./src/") || is_in(&["engine/src/", "avatar-codec/src/", "shaders/src/"]) {
        return Some(Owner::Visavis);
    }
    if is_in(&["/wgpu-", "/naga-"]) {
        return Some(Owner::Wgpu);
    }
    match crate_of(name) {
        "visavis" | "visavis_codec" | "visavis_shaders" => Some(Owner::Visavis),
        "wgpu" | "wgpu_core" | "wgpu_hal" | "wgpu_types" | "naga" => Some(Owner::Wgpu),
        _ => None,
    }
}

fn owner(functions: &[Function]) -> Owner {
    functions.iter().find_map(owner_of).unwrap_or(Owner::Host)
}

/// The stacks of the allocations of `work`.
fn allocations(work: impl FnOnce()) -> Vec<Backtrace> {
    STACKS.with_borrow_mut(|stacks| stacks.clear());
    IS_RECORDING.set(true);
    work();
    IS_RECORDING.set(false);
    STACKS.take()
}

/// A host with three people of one avatar, a window, a thumbnail and a shadow map.
struct Host<'a> {
    engine: &'a Engine,
    target: Target,
    cast: Vec<Instance>,
    attachments: Attachments,
}

impl Host<'_> {
    /// One frame as a host has it; what is allocated in the engine's calls meanwhile.
    fn frame(&mut self, seed: u64) -> Vec<Backtrace> {
        let Self { engine, target, cast, attachments } = self;
        let faces: Vec<_> = (0..cast.len() as u64).map(|number| random_frame(seed + number)).collect();
        let view = random_view(seed);
        let views = [
            Viewport::new(view, attachments.size),
            Viewport::new(random_view(seed + 1), attachments.size),
            Viewport::depth_only(random_view(seed + 2), attachments.size),
        ];
        let lights = [Light::new(Ambient::uniform([0.1 * seed as f32; 3]))];
        let mut encoder = engine.device().create_command_encoder(&Default::default());
        let mut frame = None;
        let recorded = allocations(|| {
            for (number, (instance, face)) in cast.iter_mut().zip(&faces).enumerate() {
                instance.set_frame(face).expect("finite");
                // One of them in another light than it was captured in.
                instance.set_light(lights.get(number)).expect("possible light");
                instance.set_pose(Affine3A::from_translation(Vec3::X * 0.1)).expect("finite");
            }
            let [a, b, c] = cast.as_slice() else { unreachable!() };
            frame = engine.prepare(&mut encoder, target, &[a, b, c], &views).ok();
        });
        let frame = frame.expect("prepared");
        let mut pass = attachments.begin(&mut encoder);
        let drawn = allocations(|| {
            frame.draw(&mut pass, 0).expect("drawn");
            frame.draw(&mut pass, 1).expect("drawn");
            frame.draw_depth(&mut pass, target, 2).expect("drawn");
        });
        drop(pass);
        engine.queue().submit([encoder.finish()]);
        let dropped = allocations(|| drop(frame));
        engine.device().poll(visavis::wgpu::PollType::wait_indefinitely()).expect("the device answers");
        [recorded, drawn, dropped].into_iter().flatten().collect()
    }
}

/// Stacks that are looked at where one is enough: finding a function's name takes milliseconds.
const SOME: usize = 200;

fn a_warm_engine_allocates_nothing(executor: Executor) {
    let headless = software(executor);
    let engine = headless.engine();
    let target = engine.target(&FORMAT).expect("drawable");
    let person = headless.load(&synthetic_avatar(1, Preset::Tiny)).expect("loaded");
    let attachments = Attachments::new(engine.device(), [48, 48]);
    let cast = vec![person.instance(), person.instance(), person.instance()];
    let mut host = Host { engine, target, cast, attachments };

    let cold = host.frame(0);
    let is_ours = |stack: &Backtrace| owner(&functions(stack)) == Owner::Visavis;
    assert!(cold.iter().take(SOME).any(is_ours), "a cold engine allocates, or nothing of it is seen");
    for seed in 1..6 {
        host.frame(seed);
    }
    for seed in [6, 2, 7] {
        let warm: Vec<_> = host.frame(seed).iter().map(functions).collect();
        let of = |wanted| warm.iter().filter(move |stack| owner(stack) == wanted);
        eprintln!("{executor:?}: {} allocations inside wgpu's calls", of(Owner::Wgpu).count());
        assert!(of(Owner::Wgpu).count() > 0, "wgpu allocates, or nothing of it is seen");
        let ours: Vec<_> = of(Owner::Visavis).map(|stack| told(stack)).collect();
        assert!(ours.is_empty(), "{} allocations of the engine:\n{}", ours.len(), ours.join("\n\n"));
    }
}

/// A stack from the allocation to the engine's own lines.
fn told(stack: &[Function]) -> String {
    let end = stack.iter().position(|function| owner_of(function).is_some()).unwrap_or(0) + 4;
    let lines = stack.iter().take(end).map(|Function { name, file }| format!("  {name} {file}"));
    lines.collect::<Vec<_>>().join("\n")
}

/// Tells a process that it is the one that catches.
const IS_CATCHING: &str = "VISAVIS_TEST_IS_CATCHING";

/// Runs the test of this name in a process where wgpu doesn't note stacks of its own (`RUST_BACKTRACE`): those would allocate,
/// and hold a lock that noting ours needs.
fn apart(name: &str, test: impl FnOnce()) {
    if std::env::var_os(IS_CATCHING).is_some() {
        return test();
    }
    let itself = std::env::current_exe().expect("a program");
    let output = std::process::Command::new(itself)
        .args(["--exact", name, "--nocapture"])
        .envs([(IS_CATCHING, "1"), ("RUST_LIB_BACKTRACE", "0")])
        .output()
        .expect("it starts again");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    eprintln!("{stderr}");
    assert!(output.status.success() && stdout.contains("1 passed"), "{}\n{stdout}", output.status);
}

#[test]
fn a_warm_gpu_executor_allocates_nothing() {
    apart("a_warm_gpu_executor_allocates_nothing", || a_warm_engine_allocates_nothing(Executor::Gpu));
}

#[test]
fn a_warm_cpu_executor_allocates_nothing() {
    apart("a_warm_cpu_executor_allocates_nothing", || a_warm_engine_allocates_nothing(Executor::Cpu));
}

#[test]
fn owners_are_told_apart() {
    assert_eq!(crate_of("<visavis::lists::List<T> as core::ops::drop::Drop>::drop"), "visavis");
    assert_eq!(crate_of("<alloc::vec::Vec<wgpu::Buffer>>::push"), "alloc");
    assert_eq!(crate_of("wgpu_core[1f2e]::device::create"), "wgpu_core");
    assert_eq!(crate_of("__rust_alloc"), "__rust_alloc");
    let of_file = |file: &str| owner_of(&Function { name: "{closure#0}".to_owned(), file: file.to_owned() });
    assert_eq!(of_file("./engine/src/upload.rs:60:5"), Some(Owner::Visavis));
    assert_eq!(of_file("/registry/src/wgpu-30.0.1/src/api/buffer.rs:452:9"), Some(Owner::Wgpu));
    assert_eq!(of_file("./engine/tests/steady_allocation.rs:1:1"), None);
}
