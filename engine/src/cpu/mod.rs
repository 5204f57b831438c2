//! The CPU executor: SIMD on threads that the host gives, for machines without a GPU.
//!
//! ```text
//! Avatar ─▶ Weights (packed once, shared) ─▶ Instance
//! FaceFrame ─▶ Instance::decode ─▶ posed vertices + dynamic map            (once a frame, for all views)
//!                                       └─▶ Renderer::render (each view) ─▶ Layer: colour and depth
//! ```
//! Within a picture: project and cull (`triangle`), sort into `bands`, and then for each `tile`: find what each pixel
//! sees, shade it once in batches (`pixel`), blend. Everything means the same as the codec's
//! [`reference`](visavis_codec::reference) does, which the tests compare it with.
//!
//! Kernels are generic over `simd`, the only module with `unsafe` in it. Buffers belong to instances and
//! renderers: once warm, a frame allocates nothing (but for what the pool's own scheduling may).

mod bands;
mod base_color;
mod fringe;
mod geometry;
mod head;
mod instance;
mod layer;
mod math;
mod matmul;
mod parts;
mod pixel;
mod renderer;
mod scene;
mod simd;
mod texture;
mod threads;
mod tile;
mod triangle;

pub(crate) use geometry::joint_transforms;
pub use instance::{DecodeError, Instance, Weights};
pub(crate) use instance::{Form, Shading};
pub use layer::Layer;
pub use renderer::{RenderError, Renderer, Statistics};
pub use scene::Placed;
pub use simd::Level;
pub(crate) use texture::TextureState;
