//! The game in a window.

mod app;
mod scale;
mod screen;

use anyhow::{Context as _, Result};
use visavis::Executor;
use visavis_scene::Scene;
use winit::event_loop::EventLoop;

use crate::show::{Player, Show};

/// What a window shows.
#[derive(Debug)]
pub struct Setup {
    /// The game.
    pub show: Show,
    /// The room that it is played in.
    pub scene: Scene,
    /// Who plays on the left and on the right.
    pub players: [Player; 2],
    /// What computes the avatars.
    pub executor: Executor,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Pictures that were drawn.
    pub frames: u64,
    /// What drew them.
    pub adapter: String,
    /// The left and the right side's points when the window was closed.
    pub points: [u32; 2],
}

/// Opens the window and stays until it is closed. To be called on the program's main thread, once.
///
/// # Errors
/// If there is no display to show a window on, or no graphics driver that can draw in one; the message says what helps.
pub fn run(setup: Setup) -> Result<Report> {
    let events = EventLoop::builder().build().context(
        "no window can be opened: there is no display, or it can't be reached (DISPLAY or WAYLAND_DISPLAY on Linux). \
         Films and pictures need none: `visavis game --watch -o game.mp4`",
    )?;
    let mut app = app::App::new(setup)?;
    events.run_app(&mut app).context("the window's events")?;
    app.finish()
}
