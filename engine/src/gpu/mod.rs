//! The GPU executor: compute passes decode and skin, the fragment stage runs the pixel decoder.

mod decoder;
mod kernels;
mod pack;
#[cfg(all(test, feature = "headless"))]
mod tests;

pub(crate) use decoder::{Decoder, Workspace};
pub(crate) use kernels::Kernels;
pub(crate) use pack::{ALL_ARRIVES, PixelShape, edges};
