//! Windows: events in, pictures out.

mod app;
mod film;
mod load;
mod picture;
mod screen;
mod stage;
mod studio;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};
use winit::event_loop::{EventLoop, EventLoopProxy};

use crate::host::{Host, Options, Report};

/// What other threads have to say.
enum Told {
    /// There is something to show.
    Wake,
    /// A file was read, or not.
    Loaded { path: PathBuf, generation: u32, loaded: Box<Result<load::Loaded>> },
    /// The system's dialog was answered; none: it was closed, or there is none (then at once).
    Picked { path: Option<PathBuf>, at_once: bool },
    /// A film is finished, or not.
    Filmed(PathBuf, Result<()>),
}

/// A way to tell the window something from any thread.
#[derive(Clone)]
struct Teller(Arc<Mutex<EventLoopProxy<Told>>>);

impl Teller {
    fn tell(&self, told: Told) {
        // After the window has gone nobody listens, and that is all right.
        let _ = self.0.lock().unwrap_or_else(PoisonError::into_inner).send_event(told);
    }
}

/// Opens the viewer's window and stays until it is closed. To be called on the program's main thread, once.
///
/// # Errors
/// If there is no display to show a window on, or no graphics driver that can draw in one; the message says what helps.
pub fn run(options: Options, host: Arc<dyn Host>) -> Result<Report> {
    let events = EventLoop::with_user_event().build().context(
        "no window can be opened: there is no display, or it can't be reached (DISPLAY or WAYLAND_DISPLAY on Linux)",
    )?;
    let teller = Teller(Arc::new(Mutex::new(events.create_proxy())));
    let mut app = app::App::new(options, host, teller)?;
    events.run_app(&mut app).context("the window's events")?;
    app.finish()
}
