//! The viewer: a window in which people look at avatars.
//!
//! ```text
//! Host (files, films) ─▶ load ─▶ model::Viewer ◀─▶ ui (egui panels)
//!                                     │
//!                        faces, views ▼
//!                    window: winit, wgpu surface, visavis::Engine
//! ```
//! - `model`: what the viewer is, apart from windows and widgets: camera, player, face by hand, tuning, trackers,
//!   settings. It is told the time and asked for faces.
//! - `ui`: panels that show the model and change it.
//! - `window`: events in, pictures out; the graphics device, and what happens when it goes.
//! - [`Host`]: what the program that opens the viewer gives it.

mod host;
mod model;
#[cfg(test)]
mod testing;
mod ui;
mod window;

pub use host::{Call, Film, Host, Opened, Options, Report};
pub use window::run;
