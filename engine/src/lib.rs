//! vis-à-vis: photorealistic codec avatars in a host's own frame.
//!
//! The host owns the wgpu device, the queue and the passes; the engine borrows them and records. It has no window,
//! network, clock or file system, and no thread but what it is given.
//!
//! - [`Engine`]: a device and an [`Executor`]. On a GPU, compute shaders decode and the fragment shader runs the pixel
//!   decoder; where the adapter is a software one, SIMD code does both, into a layer that is drawn as a quad. Both
//!   mean the same, and the codec's [`reference`](codec::reference) judges them.
//! - [`Target`]: a kind of pass ([`TargetFormat`]): window, eye buffers, thumbnail, shadow map; one view, or several at
//!   once where the device has multiview.
//! - [`Person`]: an avatar's weights, loaded once ([`Engine::load`]), shared by every instance; dropped, they go.
//! - [`Instance`]: a person at a place, with a face, in a light: [`Instance::set_frame`], [`Instance::set_pose`],
//!   [`Instance::set_light`].
//! - [`Frame`]: instances decoded and skinned once for all views ([`Engine::prepare`]), drawn with [`Frame::draw`]
//!   and [`Frame::draw_depth`]; it owns its buffers until it is dropped.
//! - [`Surroundings`]: what is round them, as a [`ShadowMap`] ([`Engine::prepare_in`]).
//! - [`Detail`], [`Level`]: how much of an avatar is drawn, by its pixels on screen ([`Engine::set_detail`]).
//! - [`Residency`]: avatars that arrive tier by tier and go under a byte budget, while frames go on.
//! - [`stereo`]: two eyes, and what is locked to the head.
//! - [`View`], [`Viewport`]: a camera, and where its picture goes.
//! - [`mixed`]: avatars among real things, by a camera's picture and its depth map.
//! - [`headless`] (a feature): a device and pictures in memory for those who have none.
//!
//! A whole host is `engine/examples/embed.rs`; hosts without Rust have a C interface, `capi/include/visavis.h`.
//!
//! ```no_run
//! # fn each_frame(device: &wgpu::Device, queue: &wgpu::Queue, avatar: &visavis::codec::Avatar,
//! #     face: &visavis::codec::FaceFrame, place: visavis::codec::glam::Affine3A, view: visavis::View,
//! #     mut encoder: wgpu::CommandEncoder, begin_pass: impl Fn(&mut wgpu::CommandEncoder) -> wgpu::RenderPass<'static>)
//! # -> Result<(), Box<dyn std::error::Error>> {
//! # use visavis::wgpu;
//! use visavis::{Engine, Options, TargetFormat, Viewport};
//!
//! let engine = Engine::new(device, queue, Options::default())?;
//! let target = engine.target(&TargetFormat {
//!     color: Some(wgpu::TextureFormat::Rgba16Float),
//!     depth: wgpu::TextureFormat::Depth32Float,
//!     samples: 1,
//!     view_mask: None,
//! })?;
//! let person = engine.load(avatar)?;
//! let mut speaker = person.instance();
//!
//! // each frame
//! speaker.set_frame(face)?;
//! speaker.set_pose(place)?;
//! let frame = engine.prepare(&mut encoder, &target, &[&speaker], &[Viewport::new(view, [1280, 720])])?;
//! let mut pass = begin_pass(&mut encoder); // and the host's opaque things
//! frame.draw(&mut pass, 0)?;
//! drop(pass); // after the host's transparent things
//! queue.submit([encoder.finish()]);
//! # Ok(()) }
//! ```
//!
//! # What a host may rely on
//! - The engine has no global state and sets up no logging; everything hangs on an [`Engine`], [`Person`], [`Instance`] or
//!   [`Frame`], and all of these are `Send` and `Sync`.
//! - It makes no thread: the CPU executor works on the thread that calls, or in the pool of [`Options`].
//! - It never submits, waits or reads back. What it records it records into the encoder and the pass that it is given.
//! - Nothing panics because of what it is given: errors are typed, say what was found and what would be right, and leave
//!   things as they were. wgpu itself panics for an error that no scope and no handler takes: set
//!   [`wgpu::Device::on_uncaptured_error`] for what the host's own calls do.
//! - A warm engine allocates nothing but what wgpu does in the very calls that record (and what the pool does to share work).
//!
//! # Examples, by type
//! [`Engine`], [`Target`], [`Person`], [`Instance`], [`Frame`], [`Viewport`], [`headless::Headless`]; of the codec:
//! [`Avatar`](codec::Avatar), [`Latent`](codec::Latent), [`Profile`](codec::expression::Profile),
//! [`bitstream`](codec::bitstream), [`playout`](codec::playout).
//!
//! Conventions: metres, right-handed, +Y up, cameras look along −Z; linear light, 1 = diffuse white; premultiplied
//! alpha; reversed-Z depth, cleared to 0.

pub mod cpu;
mod crowd;
mod detail;
mod engine;
pub mod error;
mod frame;
mod gpu;
mod half_map;
#[cfg(feature = "headless")]
pub mod headless;
mod idle;
mod instance;
mod layer;
mod light;
mod likeness;
mod lists;
mod maps;
pub mod mixed;
mod pace;
mod person;
mod pose;
mod prepare;
mod raster;
mod residency;
pub mod stereo;
mod surface_mesh;
mod target;
mod upload;

pub use detail::{Detail, Level, Thresholds};
pub use engine::{Engine, Executor, Options};
pub use frame::{Frame, FrameStatistics, Viewport};
pub use instance::Instance;
pub use light::{ShadowMap, Surroundings};
pub use person::Person;
pub use prepare::Stage;
pub use residency::{Arrival, ArrivalError, Residency, ResidencyOptions, Tier};
pub use target::{Target, TargetFormat};
pub use visavis_codec as codec;
pub use visavis_codec::reference::View;
pub use wgpu;
