//! The readable decoder, rasteriser and pixel decoder: plain f32 on one thread, the judge of every executor.
//!
//! ```text
//! (latent, head) ─▶ decode::geometry ─▶ skin::skin ─▶ skin::normals ─┐
//!       └─────────▶ decode::texture ───────────────────┐             ▼
//!                                                      │   raster + layers ─▶ fragments of each pixel
//!                                                      └──────────▶ shade ─▶ render: composited Image
//! ```
//! [`render`] goes the whole way. [`layers()`] is public in its own right: a trainer prepares its data with it, so that
//! training sees exactly the fragments that rendering does. [`preview()`] makes what a file's first bytes hold, and
//! [`render_likeness`] draws it.
//!
//! [`relight`] says what a fragment's colour is under other light than the captured one; [`render_lit`] draws with it.
//!
//! Everything here takes an avatar that passed [`Avatar::validate`](crate::Avatar::validate) (as every one that
//! [`Avatar::read`](crate::Avatar::read) returns has); index numbers of others may panic.

pub mod decode;
pub mod layers;
mod preview;
pub mod raster;
pub mod relight;
mod render;
pub mod shade;
pub mod skin;
mod view;

pub use decode::FeatureMap;
pub use layers::{Fragment, FringeFragment, Layers, PixelLayers, layers};
pub use preview::{PREVIEW_COLOR_SIZE, preview};
pub use render::{Image, pixel_color, render, render_likeness, render_lit};
pub use view::View;
