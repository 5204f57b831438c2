//! A device, an engine on it, and the target that it draws in.

use std::ffi::c_char;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use visavis::headless::{AdapterChoice, Headless, HeadlessOptions};
use visavis::{Executor, Target, TargetFormat, wgpu};

use crate::pointer::{self, Sized32, check_size};
use crate::status::{Failure, VisavisStatus, call};
use crate::target::{Sheet, SrgbTable};

/// Any adapter, real GPUs first.
pub const VISAVIS_ADAPTER_ANY: u32 = 0;
/// Real GPUs only.
pub const VISAVIS_ADAPTER_HARDWARE: u32 = 1;
/// Software adapters only: the same pictures on every machine.
pub const VISAVIS_ADAPTER_SOFTWARE: u32 = 2;

/// What suits the adapter.
pub const VISAVIS_EXECUTOR_AUTO: u32 = 0;
/// Compute and fragment shaders.
pub const VISAVIS_EXECUTOR_GPU: u32 = 1;
/// SIMD code on the processor; the device only puts its picture into the target.
pub const VISAVIS_EXECUTOR_CPU: u32 = 2;

/// The most threads that an engine may be given.
pub const VISAVIS_MAX_THREADS: u32 = 256;
/// Bytes of a name, the final zero included.
pub const VISAVIS_NAME_BYTES: usize = 128;

/// How to make an engine. All zero but struct_size is a good choice.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct VisavisEngineOptions {
    /// sizeof(VisavisEngineOptions).
    pub struct_size: u32,
    /// VISAVIS_ADAPTER_…
    pub adapter: u32,
    /// VISAVIS_EXECUTOR_…
    pub executor: u32,
    /// How many threads the CPU executor may use, at most VISAVIS_MAX_THREADS; with 0 or 1 it works on the thread that
    /// calls, and the library makes no thread.
    pub threads: u32,
}

/// What an engine runs on.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct VisavisEngineInfo {
    /// sizeof(VisavisEngineInfo); set by the caller.
    pub struct_size: u32,
    /// VISAVIS_EXECUTOR_GPU or VISAVIS_EXECUTOR_CPU.
    pub executor: u32,
    /// 1 if the adapter is a software one, else 0.
    pub is_software: u32,
    /// The largest width and height of a picture, pixels.
    pub max_size: u32,
    /// The adapter's name: UTF-8, cut off where it is too long, ending in a zero.
    pub adapter_name: [c_char; VISAVIS_NAME_BYTES],
}

// SAFETY: plain numbers, the size first.
unsafe impl Sized32 for VisavisEngineOptions {
    const NAME: &'static str = "VisavisEngineOptions";
}

// SAFETY: plain numbers, the size first.
unsafe impl Sized32 for VisavisEngineInfo {
    const NAME: &'static str = "VisavisEngineInfo";
}

/// A device with an engine on it.
pub struct VisavisEngine {
    state: Mutex<State>,
}

/// What the lock of an engine guards.
pub(crate) struct State {
    pub(crate) headless: Headless,
    pub(crate) target: Target,
    /// What the views of the last draw were drawn in.
    pub(crate) sheets: Vec<Sheet>,
    /// How many of those the last draw has filled.
    pub(crate) drawn: usize,
    pub(crate) srgb: SrgbTable,
}

/// What the internal target is: linear light, 32-bit reversed-Z depth.
pub(crate) const COLOR: wgpu::TextureFormat = wgpu::TextureFormat::Rgba16Float;
pub(crate) const FORMAT: TargetFormat = TargetFormat {
    color: Some(COLOR),
    depth: wgpu::TextureFormat::Depth32Float,
    samples: 1,
    view_mask: None,
};

impl VisavisEngine {
    fn new(options: &VisavisEngineOptions) -> Result<Self, Failure> {
        let VisavisEngineOptions { struct_size: _, adapter, executor, threads } = *options;
        let adapter = match adapter {
            VISAVIS_ADAPTER_ANY => AdapterChoice::Any,
            VISAVIS_ADAPTER_HARDWARE => AdapterChoice::Hardware,
            VISAVIS_ADAPTER_SOFTWARE => AdapterChoice::Software,
            other => {
                return Err(Failure::argument(format!("`options.adapter`: no VISAVIS_ADAPTER_ is {other}")));
            }
        };
        let executor = match executor {
            VISAVIS_EXECUTOR_AUTO => Executor::Auto,
            VISAVIS_EXECUTOR_GPU => Executor::Gpu,
            VISAVIS_EXECUTOR_CPU => Executor::Cpu,
            other => {
                return Err(Failure::argument(format!(
                    "`options.executor`: no VISAVIS_EXECUTOR_ is {other}"
                )));
            }
        };
        let pool = match threads {
            0 | 1 => None,
            2..=VISAVIS_MAX_THREADS => {
                let pool = rayon::ThreadPoolBuilder::new()
                    .num_threads(threads as usize)
                    .thread_name(|number| format!("visavis {number}"))
                    .build()
                    .map_err(|error| Failure::argument(format!("`options.threads` is {threads}: {error}")))?;
                Some(Arc::new(pool))
            }
            _ => {
                let most = VISAVIS_MAX_THREADS;
                return Err(Failure::argument(format!("`options.threads` is {threads}, at most {most}")));
            }
        };
        let options = HeadlessOptions { adapter, executor, pool, ..HeadlessOptions::default() };
        let headless = Headless::new(&options)?;
        let target = headless.engine().target(&FORMAT).map_err(visavis::headless::HeadlessError::from)?;
        let state = State { headless, target, sheets: Vec::new(), drawn: 0, srgb: SrgbTable::default() };
        Ok(Self { state: Mutex::new(state) })
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes an engine on a device of its own: picks an adapter, compiles pipelines; takes up to seconds on a software
/// adapter. `options` may be null. `*engine` is null if it fails.
///
/// Threads: any.
///
/// # Safety
/// `options` is null or points to a structure of the size that it says; `engine` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn visavis_engine_create(
    options: *const VisavisEngineOptions,
    engine: *mut *mut VisavisEngine,
) -> VisavisStatus {
    call(|| {
        // SAFETY: the caller's promise.
        unsafe { pointer::put(engine, std::ptr::null_mut(), "engine")? };
        let options = if options.is_null() {
            let struct_size = size_of::<VisavisEngineOptions>() as u32;
            VisavisEngineOptions { struct_size, adapter: 0, executor: 0, threads: 0 }
        } else {
            // SAFETY: the caller's promise.
            unsafe { pointer::read(options, "options")? }
        };
        let made = Box::into_raw(Box::new(VisavisEngine::new(&options)?));
        // SAFETY: it could be written before.
        unsafe { pointer::put(engine, made, "engine") }
    })
}

/// Destroys an engine; null is nothing. Avatars and instances of it stay valid, and hold on to its device until they are
/// destroyed too.
///
/// Threads: any, as the last call on this handle.
///
/// # Safety
/// `engine` is null or came from visavis_engine_create, and is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn visavis_engine_destroy(engine: *mut VisavisEngine) {
    call(|| {
        // SAFETY: the caller's promise.
        unsafe { pointer::destroy(engine) };
        Ok(())
    });
}

/// Says what an engine runs on.
///
/// Threads: any; waits for other calls on this engine.
///
/// # Safety
/// `engine` is null or a live handle; `info` is null or points to a structure of the size that it says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn visavis_engine_info(
    engine: *const VisavisEngine,
    info: *mut VisavisEngineInfo,
) -> VisavisStatus {
    call(|| {
        // SAFETY: the caller's promise.
        let engine = unsafe { pointer::get(engine, "engine")? };
        // SAFETY: the caller's promise.
        unsafe { check_size(info, "info")? };
        let state = engine.lock();
        let adapter = state.headless.adapter();
        let found = VisavisEngineInfo {
            struct_size: size_of::<VisavisEngineInfo>() as u32,
            executor: match state.headless.engine().executor() {
                Executor::Cpu => VISAVIS_EXECUTOR_CPU,
                Executor::Gpu | Executor::Auto => VISAVIS_EXECUTOR_GPU,
            },
            is_software: u32::from(adapter.device_type == wgpu::DeviceType::Cpu),
            max_size: max_size(state.headless.engine().device()),
            adapter_name: name(&adapter.name),
        };
        // SAFETY: a structure of this size is there.
        unsafe { pointer::put(info, found, "info") }
    })
}

/// The largest width and height that can be drawn.
pub(crate) fn max_size(device: &wgpu::Device) -> u32 {
    device.limits().max_texture_dimension_2d.min(visavis::cpu::Layer::MAX_SIZE)
}

/// As much of `text` as fits, in whole characters, and a zero.
pub(crate) fn name(text: &str) -> [c_char; VISAVIS_NAME_BYTES] {
    let mut bytes = [0; VISAVIS_NAME_BYTES];
    let mut end = text.len().min(VISAVIS_NAME_BYTES - 1);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    for (byte, &of_text) in bytes.iter_mut().zip(&text.as_bytes()[..end]) {
        *byte = of_text.cast_signed() as c_char;
    }
    bytes
}
