//! The pure-data half of vis-à-vis: what a face is as numbers, and every format those numbers are kept in.
//!
//! No GPU, no network, no clock, no file system: bytes and times are passed in.
//!
//! - [`latent`]: a face at one instant: [`Latent`] (`[u | g | r]`), [`HeadPose`], and both at a time, [`FaceFrame`].
//! - [`avatar`]: a person: [`Avatar`], the neural-texture mesh, with the `.avatar` file's reader and writer.
//! - [`mod@reference`]: the readable f32 decoder, rasteriser and pixel decoder that judge every executor.
//! - [`bitstream`]: [`LatentWriter`](bitstream::LatentWriter) and [`LatentReader`](bitstream::LatentReader).
//! - [`call`]: the recorded call (MCAP); [`performance`]: a made-up one that tries everything.
//! - [`drive`]: from face tracking (Live Link Face, VMC, OpenXR) to [`FaceFrame`]s.
//! - [`light`]: what falls on a person: [`Light`](light::Light), in units of diffuse white.
//! - [`expression`]: profiles, which say how much of a face is shown, and the [`Tuner`](expression::Tuner) that applies them.
//! - [`playout`]: timed frames in, a face for any display time out: clock, delay, interpolation, concealment.
//! - `encoder` (feature `encoder`): drivers, the owner's private half, which finds a latent's residual.

pub mod avatar;
pub mod bitstream;
pub mod call;
pub mod drive;
#[cfg(feature = "encoder")]
pub mod encoder;
pub mod expression;
pub mod latent;
pub mod light;
pub mod performance;
pub mod playout;
mod quoted;
pub mod reference;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(feature = "train")]
pub mod train;

pub use avatar::Avatar;
pub use latent::{FaceFrame, FaceUnit, Gaze, HeadPose, Latent, Timestamp};

pub use glam;
