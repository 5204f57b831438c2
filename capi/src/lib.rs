//! The C interface of vis-à-vis, for hosts that have no Rust: `include/visavis.h`, made from this crate by a test.
//!
//! A C host gets an engine with a device of its own, and pictures in its own memory: colour and depth of avatars alone,
//! premultiplied, to be put into its frame by its own depth test. `SEAM.md` beside this crate says what that costs, and
//! what it takes to share textures instead.
//!
//! - [`engine`]: [`VisavisEngine`](engine::VisavisEngine): a device, and the target that it draws in.
//! - [`avatar`]: [`VisavisAvatar`](avatar::VisavisAvatar): a loaded person.
//! - [`instance`]: [`VisavisInstance`](instance::VisavisInstance): a person with a face at a place.
//! - [`light`]: the light that it is seen in.
//! - [`draw`]: cameras, and the call that decodes and draws; [`read`]: from the target into the caller's memory.
//! - [`status`]: what every call returns, and why it failed.
//!
//! Rules that hold for all of it: no call panics or unwinds; null where a pointer is needed, a wrong `struct_size` or an
//! unknown number for an enumeration is an error and never followed; a call that failed changes nothing. Handles may be
//! used from any thread, calls on one handle wait for each other. Handles keep alive what they need, so that they may be
//! destroyed in any order.

pub mod avatar;
pub mod draw;
pub mod engine;
pub mod instance;
pub mod light;
mod pointer;
pub mod read;
pub mod status;
mod target;
