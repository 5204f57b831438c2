//! Avatars without a window: picks an adapter, makes a device, renders to 8-bit sRGB pictures in memory.
//!
//! For servers, command lines and tests; a host with a device of its own uses [`Engine`] directly.

mod adapter;
mod canvas;
mod measure;
mod offscreen;
mod read_back;

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Instant;

pub use adapter::AdapterChoice;
pub use canvas::Canvas;
use offscreen::Offscreen;
pub use read_back::ReadBack;

use crate::error::{EngineError, GpuError, LoadError, PrepareError, TargetError};
use crate::light::Surroundings;
use crate::prepare::Stage;
use crate::{Engine, Executor, Instance, Options, Target, TargetFormat, View, Viewport};

/// How to set up. The default: any adapter, real GPUs first; the executor that suits it; no thread but the caller's.
#[derive(Clone, Debug, Default)]
pub struct HeadlessOptions {
    /// Which adapters will do.
    pub adapter: AdapterChoice,
    /// What decodes and shades.
    pub executor: Executor,
    /// Threads for the CPU executor.
    pub pool: Option<Arc<rayon::ThreadPool>>,
    /// Turns the driver's own validation on, where its layer is installed; slow.
    pub validation: bool,
    /// Asks for no more than [`wgpu::Limits::downlevel_defaults`], as the weakest supported device has; pictures are
    /// at most 2048 pixels a side then.
    pub downlevel: bool,
}

/// Why [`Headless::new`] failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeadlessError {
    /// There is no adapter of the wanted kind.
    #[error(
        "no {wanted} found (Vulkan, Metal or Direct3D 12); {found}. On a machine without a GPU install a software \
         adapter: `apt-get install mesa-vulkan-drivers libvulkan1` on Debian and Ubuntu"
    )]
    NoAdapter {
        /// What was asked for, in words.
        wanted: &'static str,
        /// What is there, in words.
        found: String,
    },
    /// The adapter gave no device.
    #[error("adapter {adapter} gave no device: {reason}")]
    NoDevice {
        /// Its name.
        adapter: String,
        /// The driver's words.
        reason: String,
    },
    /// The engine refused the device.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The device can't render off screen.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The device refused a resource.
    #[error(transparent)]
    Gpu(#[from] GpuError),
}

/// Why [`Headless::render`] failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// The frame couldn't be prepared.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// The device refused a command, or is gone.
    #[error(transparent)]
    Gpu(#[from] GpuError),
}

/// What stands behind a picture. Colours are linear light.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Background {
    /// One colour.
    Solid([f32; 3]),
    /// From the top edge to the bottom edge.
    Gradient([f32; 3], [f32; 3]),
    /// Nothing: the picture's alpha is the avatars', its colour premultiplied in linear light, then encoded as sRGB.
    Transparent,
}

impl Background {
    /// One colour, given in 8-bit sRGB.
    pub fn srgb(rgb: [u8; 3]) -> Self {
        Self::Solid(rgb.map(linear_from_srgb))
    }
}

/// The linear value of an 8-bit sRGB one (IEC 61966-2-1).
pub fn linear_from_srgb(value: u8) -> f32 {
    let value = f32::from(value) / 255.0;
    if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
}

/// A finished picture, 8-bit sRGB, valid until the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Picture<'a> {
    /// Columns and rows.
    pub size: [u32; 2],
    /// Red, green, blue, alpha, row by row from the top left.
    pub rgba: &'a [u8],
}

/// How long the stages of the last [`Headless::render`] took, wall clock, milliseconds. Stages that an executor runs
/// in one are `None`, and inside the stage before them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Timings {
    /// Networks of the frame: geometry head and dynamic map.
    pub decode_ms: f64,
    /// Skinning and normals.
    pub skin_ms: Option<f64>,
    /// Triangles to pixels and the pixel decoder.
    pub shade_ms: f64,
    /// Over the background, to 8-bit sRGB; on the CPU executor with the layer's upload.
    pub composite_ms: f64,
    /// From the GPU to memory.
    pub readback_ms: f64,
    /// All of it.
    pub frame_ms: f64,
}

/// An adapter, a device, an engine and an off-screen target.
///
/// ```
/// use visavis::codec::{Avatar, FaceFrame, FaceUnit, glam::vec3};
/// use visavis::headless::{Background, Headless, HeadlessOptions};
/// use visavis::View;
///
/// let mut headless = Headless::new(&HeadlessOptions::default())?;
/// let avatar = Avatar::read(&std::fs::read("../assets/avatars/wren.avatar")?)?;
/// let mut speaker = headless.load(&avatar)?.instance();
/// let mut face = FaceFrame::default();
/// *face.latent.unit_mut(FaceUnit::MouthSmileLeft) = 0.7;
/// speaker.set_frame(&face)?;
///
/// let view = View::look_at(vec3(0.1, 0.0, -1.0), vec3(0.0, -0.03, 0.0), 0.4, 1.0, 0.05);
/// let picture = headless.render(&[&speaker], &view, [64, 64], Background::srgb([128; 3]))?;
/// assert_eq!((picture.size, picture.rgba.len()), ([64, 64], 64 * 64 * 4));
/// assert_ne!(picture.rgba[(32 * 64 + 32) * 4..][..3], [128; 3]); // there she is
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Headless {
    info: wgpu::AdapterInfo,
    device: wgpu::Device,
    queue: wgpu::Queue,
    engine: Engine,
    target: Target,
    offscreen: Option<Offscreen>,
    timings: Timings,
    /// Why the device went, once it has.
    lost: Arc<OnceLock<String>>,
    errors: Arc<Mutex<Vec<String>>>,
}

/// Linear, wide enough for many blended layers, premultiplied.
const COLOR: wgpu::TextureFormat = wgpu::TextureFormat::Rgba16Float;
/// The off-screen pass.
pub(crate) const FORMAT: TargetFormat = TargetFormat {
    color: Some(COLOR),
    depth: wgpu::TextureFormat::Depth32Float,
    samples: 1,
    view_mask: None,
};

impl Headless {
    /// Picks an adapter and sets everything up; takes up to seconds where pipelines are compiled in software.
    ///
    /// # Errors
    /// If there is no adapter of the wanted kind, naming those that are there and what to install, or if it gives no device.
    pub fn new(options: &HeadlessOptions) -> Result<Self, HeadlessError> {
        let HeadlessOptions { adapter, executor, pool, validation, downlevel } = options;
        let adapter = adapter::pick(*adapter, *validation)?;
        let info = adapter.get_info();
        let (device, queue) = adapter::device(&adapter, *downlevel)?;

        let lost = Arc::new(OnceLock::new());
        device.set_device_lost_callback({
            let lost = lost.clone();
            move |reason, message| {
                // The first reason stays.
                let _ = lost.set(format!("{reason:?}: {message}"));
            }
        });
        let errors = Arc::new(Mutex::new(Vec::new()));
        device.on_uncaptured_error({
            let errors = errors.clone();
            Arc::new(move |error: wgpu::Error| {
                errors.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(error.to_string());
            })
        });

        let engine = Engine::new(&device, &queue, Options { executor: *executor, pool: pool.clone() })?;
        let target = engine.target(&FORMAT)?;
        Ok(Self {
            info,
            device,
            queue,
            engine,
            target,
            offscreen: None,
            timings: Timings::default(),
            lost,
            errors,
        })
    }

    /// The adapter that was picked.
    pub fn adapter(&self) -> &wgpu::AdapterInfo {
        &self.info
    }

    /// The engine, to load avatars with.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// [`Engine::load`].
    ///
    /// # Errors
    /// As there.
    pub fn load(&self, avatar: &visavis_codec::Avatar) -> Result<crate::Person, LoadError> {
        self.engine.load(avatar)
    }

    /// Why the device was lost, if it was; everything else fails from then on.
    pub fn lost(&self) -> Option<&str> {
        // The driver's word arrives when the device is next asked; that it has none yet is no error.
        let _ = self.device.poll(wgpu::PollType::Poll);
        self.lost.get().map(String::as_str)
    }

    /// What is allocated on the device, bytes: every buffer and texture of the engine, its avatars, the off-screen target
    /// and the way back to memory. `None` where wgpu's back end doesn't tell (Vulkan's and Direct3D 12's do).
    pub fn gpu_bytes(&self) -> Option<u64> {
        self.device.generate_allocator_report().map(|report| report.total_allocated_bytes)
    }

    /// How long the stages of the last picture took.
    pub fn timings(&self) -> Timings {
        self.timings
    }

    /// Renders instances as a camera sees them, waits, and returns the picture. `size`: columns and rows, 1 to 2048 each way
    /// at least, and what the adapter has where [`HeadlessOptions::downlevel`] isn't set.
    ///
    /// # Errors
    /// As [`Engine::prepare`]; if the device is lost or refuses something. After a lost device make a new `Headless`.
    pub fn render(
        &mut self,
        instances: &[&Instance],
        view: &View,
        size: [u32; 2],
        background: Background,
    ) -> Result<Picture<'_>, RenderError> {
        let start = Instant::now();
        let viewport = Viewport::new(*view, size);
        let mut encoder = self.encoder();
        let mut stages = StageClock { last: start, timings: Timings::default() };
        let frame = self.engine.prepare_observed(
            &mut encoder,
            &self.target,
            instances,
            &[viewport],
            &Surroundings::default(),
            &mut |stage| stages.mark(stage),
        )?;
        self.finish(encoder)?;
        let decoded = Instant::now();

        let offscreen = match self.offscreen.take() {
            Some(offscreen) if offscreen.size() == size => offscreen,
            _ => Offscreen::new(&self.device, size)?,
        };
        let offscreen = self.offscreen.insert(offscreen);
        let mut encoder = self.device.create_command_encoder(&Default::default());
        {
            let mut pass = offscreen.begin_pass(&mut encoder);
            // View 0 exists, and is one of colour.
            let _ = frame.draw(&mut pass, 0);
        }
        self.finish(encoder)?;
        drop(frame);
        let shaded = Instant::now();

        let Some(offscreen) = &mut self.offscreen else {
            return Err(GpuError::DeviceLost.into());
        };
        let mut encoder = self.device.create_command_encoder(&Default::default());
        offscreen.present(&self.device, &mut encoder, background)?;
        submit(&self.device, &self.queue, encoder);
        check(&self.lost, &self.errors)?;
        let composited = Instant::now();
        offscreen.read_back(&self.device)?;
        check(&self.lost, &self.errors)?;
        let read = Instant::now();

        let mut timings = stages.timings;
        match self.engine.executor() {
            Executor::Cpu => timings.composite_ms = milliseconds(stages.last, composited),
            Executor::Gpu | Executor::Auto => {
                timings.decode_ms = milliseconds(start, decoded);
                timings.shade_ms = milliseconds(decoded, shaded);
                timings.composite_ms = milliseconds(shaded, composited);
            }
        }
        timings.readback_ms = milliseconds(composited, read);
        timings.frame_ms = milliseconds(start, read);
        self.timings = timings;
        Ok(Picture { size, rgba: offscreen.pixels() })
    }

    fn encoder(&self) -> wgpu::CommandEncoder {
        self.device.create_command_encoder(&Default::default())
    }

    fn finish(&self, encoder: wgpu::CommandEncoder) -> Result<(), GpuError> {
        submit(&self.device, &self.queue, encoder);
        check(&self.lost, &self.errors)
    }
}

/// Sums up the CPU executor's stages.
struct StageClock {
    last: Instant,
    timings: Timings,
}

impl StageClock {
    fn mark(&mut self, stage: Stage) {
        let now = Instant::now();
        let took = milliseconds(self.last, now);
        match stage {
            Stage::Decoded => self.timings.decode_ms += took,
            Stage::Skinned => *self.timings.skin_ms.get_or_insert(0.0) += took,
            Stage::Shaded => self.timings.shade_ms += took,
        }
        self.last = now;
    }
}

fn milliseconds(from: Instant, to: Instant) -> f64 {
    (to - from).as_secs_f64() * 1e3
}

/// Submits and waits.
fn submit(device: &wgpu::Device, queue: &wgpu::Queue, encoder: wgpu::CommandEncoder) {
    queue.submit([encoder.finish()]);
    // A wait fails only by time-out, and this one has none.
    let _ = device.poll(wgpu::PollType::wait_indefinitely());
}

fn check(lost: &OnceLock<String>, errors: &Mutex<Vec<String>>) -> Result<(), GpuError> {
    if lost.get().is_some() {
        return Err(GpuError::DeviceLost);
    }
    let mut errors = errors.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if errors.is_empty() { Ok(()) } else { Err(GpuError::Rejected(std::mem::take(&mut *errors).join("\n"))) }
}
