//! One error per operation, and the GPU failures they share.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// What the GPU refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GpuError {
    /// No memory for a buffer or a texture; free something and try again.
    #[error("the GPU is out of memory: {0}")]
    OutOfMemory(String),
    /// The device is gone; make a new one, and a new engine on it.
    #[error("the GPU device was lost")]
    DeviceLost,
    /// wgpu's validation or the driver refused a resource or a command.
    #[error("the GPU refused: {0}")]
    Rejected(String),
}

/// Why [`Engine::new`](crate::Engine::new) failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// The device was made with a limit that is too small; every adapter with storage buffers has enough.
    #[error("insufficient device: limit {limit} is {available}, {needed} needed")]
    Insufficient {
        /// The field of [`wgpu::Limits`].
        limit: &'static str,
        /// The least that works.
        needed: u64,
        /// What the device has.
        available: u64,
    },
    /// Pipelines couldn't be made.
    #[error(transparent)]
    Gpu(#[from] GpuError),
}

/// Why [`Engine::target`](crate::Engine::target) failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Colours are linear light: only floating-point and sRGB formats keep their meaning.
    #[error("colour format {0:?} is neither floating-point nor sRGB")]
    ColorFormat(wgpu::TextureFormat),
    /// Not a depth format.
    #[error("{0:?} has no depth")]
    DepthFormat(wgpu::TextureFormat),
    /// Several views were asked for, and the device can't draw them in one pass.
    #[error(
        "the device has no multiview: request it with `Features::MULTIVIEW` and `Limits::max_multiview_view_count`, where \
         the adapter has them, or draw each view in a pass of its own (`view_mask: None`)"
    )]
    NoMultiview,
    /// The mask leaves layers out. Not every API tells views apart then.
    #[error(
        "view mask {0:#b} leaves out layers: attach a view of the layers that are drawn, and set the lowest bits"
    )]
    ViewMask(std::num::NonZeroU32),
    /// More views than a pass can have.
    #[error("{found} views in one pass, at most {limit} (`Limits::max_multiview_view_count`, and 8)")]
    TooManyViews {
        /// How many the mask has.
        found: u32,
        /// How many it may have.
        limit: u32,
    },
    /// The format isn't renderable, blendable or multisampled so on this device.
    #[error(transparent)]
    Gpu(#[from] GpuError),
}

/// Why [`Engine::load`](crate::Engine::load) failed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LoadError {
    /// The avatar's arrays don't fit together.
    #[error(transparent)]
    Invalid(#[from] visavis_codec::avatar::InvalidAvatar),
    /// The avatar is beyond what the executor can hold.
    #[error("avatar too large: {what} is {found}, at most {limit}")]
    TooLarge {
        /// What is too large, in words.
        what: &'static str,
        /// How large it is.
        found: u64,
        /// How large it may be.
        limit: u64,
    },
    /// Its buffers couldn't be made.
    #[error(transparent)]
    Gpu(#[from] GpuError),
}

/// Why [`Instance::set_frame`](crate::Instance::set_frame) or [`set_pose`](crate::Instance::set_pose) refused. The
/// instance keeps what it had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PoseError {
    /// A latent component, a rotation or a translation is NaN or infinite.
    #[error("the {0} is not finite")]
    NotFinite(&'static str),
    /// The head's rotation is no unit quaternion.
    #[error("the head's rotation is not of unit length")]
    NotUnit,
}

/// Why [`Instance::set_light`](crate::Instance::set_light) refused. The instance keeps the light that it had.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LightError {
    /// A field of the light has a value that it must not have.
    #[error(transparent)]
    Invalid(#[from] visavis_codec::light::InvalidLight),
    /// The avatar's manifest has no `capture_light`, which other light is compared with.
    #[error(
        "avatar `{name}` doesn't say which light it was captured in (`capture_light` in its manifest), so it can only be shown \
         as captured: set no light (`set_light(None)`), or train it again from a capture that names its lamps"
    )]
    NoCaptureLight {
        /// The avatar's name.
        name: String,
    },
}

/// Why [`Engine::prepare`](crate::Engine::prepare) failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrepareError {
    /// The target has no colour, so nothing but depth can be drawn into it.
    #[error("the target has no colour attachment")]
    NoColor,
    /// A viewport is empty or larger than a texture may be.
    #[error("view {view} is {width} × {height} pixels; 1 to {limit} each way")]
    ViewSize {
        /// Its number in the call.
        view: usize,
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
        /// The device's largest texture.
        limit: u32,
    },
    /// The views don't fit the target's passes: it draws several at a time.
    #[error(
        "view {view}: the target draws {views} views in one pass, so that many of one rectangle must follow each other"
    )]
    Views {
        /// The first view of the pass.
        view: usize,
        /// How many a pass of the target draws.
        views: usize,
    },
    /// The CPU executor can't decode an instance's face.
    #[error(transparent)]
    Decode(#[from] crate::cpu::DecodeError),
    /// The CPU executor can't draw this many instances or this view.
    #[error(transparent)]
    Rasterize(#[from] crate::cpu::RenderError),
    /// An instance or the target comes from another engine.
    #[error("{0} was made by another engine")]
    Foreign(&'static str),
    /// The host's shadow map can't be read as one.
    #[error("the shadow map's {what} is {found}, must be {allowed}")]
    ShadowMap {
        /// What of it.
        what: &'static str,
        /// What it is.
        found: String,
        /// What it may be.
        allowed: &'static str,
    },
    /// Buffers or commands were refused.
    #[error(transparent)]
    Gpu(#[from] GpuError),
}

/// Why [`Frame::draw`](crate::Frame::draw) or [`draw_depth`](crate::Frame::draw_depth) drew nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DrawError {
    /// The frame wasn't prepared for this view.
    #[error("view {0} of {1} views")]
    NoSuchView(usize, usize),
    /// The view was prepared for depth only.
    #[error("view {0} was prepared for depth only")]
    DepthOnly(usize),
    /// The view is drawn by the pass of an earlier one, or isn't followed by as many as the pass has.
    #[error("view {view} doesn't begin a pass of {views} views")]
    NotFirst {
        /// The view.
        view: usize,
        /// How many views a pass of the target draws.
        views: usize,
    },
    /// The target comes from another engine.
    #[error("the target was made by another engine")]
    ForeignTarget,
}

/// Runs `work` and returns the first error that the device raised meanwhile on this thread.
pub(crate) fn scoped<T>(device: &wgpu::Device, work: impl FnOnce() -> T) -> Result<T, GpuError> {
    let memory = device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
    let internal = device.push_error_scope(wgpu::ErrorFilter::Internal);
    let validation = device.push_error_scope(wgpu::ErrorFilter::Validation);
    let value = work();
    let validation = now(validation.pop()).flatten();
    let internal = now(internal.pop()).flatten();
    match now(memory.pop()).flatten().or(internal).or(validation) {
        None => Ok(value),
        Some(wgpu::Error::OutOfMemory { source }) => Err(GpuError::OutOfMemory(source.to_string())),
        Some(error) => Err(GpuError::Rejected(error.to_string())),
    }
}

/// The future's value if it has one already: native back ends answer an error scope at once.
fn now<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}
