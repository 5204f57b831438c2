//! The GPU executor: compute passes decode and skin, the fragment stage runs the pixel decoder.

mod decoder;
mod kernels;
mod likeness;
mod mesh;
mod pack;
#[cfg(all(test, feature = "headless"))]
mod tests;

pub(crate) use decoder::{Decoder, Map};
pub(crate) use kernels::Kernels;
pub(crate) use likeness::{Flat, base_color};
pub(crate) use mesh::{Mesh, Skinning};
pub(crate) use pack::{ALL_ARRIVES, PixelShape, edges};

/// No buffer is larger than this, so that every adapter can bind it.
const MAX_BUFFER_BYTES: u64 = 64 << 20;

/// The largest buffer that a device can bind, or that we want.
fn largest_buffer(limits: &wgpu::Limits) -> u64 {
    MAX_BUFFER_BYTES.min(limits.max_storage_buffer_binding_size).min(limits.max_buffer_size)
}
