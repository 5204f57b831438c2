//! Every shader of vis-à-vis, as WGSL text, and the Rust mirror of each struct that a shader shares with the host.
//!
//! One pass is one `.wgsl` file; topics that passes share (the camera, the skinned vertex, the pixel decoder) are small
//! files of their own, put in front by plain concatenation, so that the text works in every WGSL host. The build script
//! of this crate validates every module with naga and writes it for every back end: a shader that one of them can't be
//! given doesn't build. The tests compare each [`mirror`] with the layout that naga reflects.

pub mod mirror;
mod modules;

pub use modules::*;
