//! The program's loop: what becomes of events.

mod events;
mod serve;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use visavis::{Executor, Person};
use visavis_codec::Avatar;
use winit::dpi::LogicalSize;
use winit::event_loop::ActiveEventLoop;
use winit::window::Window;

use super::film::Recorder;
use super::picture::Picture;
use super::screen::Screen;
use super::{Teller, Told};
use crate::host::{Host, Options, Report};
use crate::model::Viewer;
use crate::model::settings::Store;

/// No more pictures a second than screens show.
const INTERVAL: Duration = Duration::from_millis(15);
/// From one look at the time to the next while the window can't be seen.
const HIDDEN_INTERVAL: Duration = Duration::from_millis(200);
/// A device that is lost so often in a session won't come back.
const MAX_LOSSES: u32 = 5;

/// The viewer and its window.
pub(super) struct App {
    host: Arc<dyn Host>,
    teller: Teller,
    viewer: Viewer,
    store: Store,
    executor: Executor,
    pool: Arc<rayon::ThreadPool>,
    screen: Option<Screen>,
    /// What is shown, to be loaded again if the device is lost.
    avatar: Option<Arc<Avatar>>,
    film: Option<(Recorder, Picture, u64)>,
    first: Option<PathBuf>,
    next: Option<Instant>,
    last: Instant,
    saved: Instant,
    losses: u32,
    /// How often graphics were started: what was loaded for an earlier device is of no use to a later one.
    generation: u32,
    is_occluded: bool,
    report: Report,
    failure: Option<anyhow::Error>,
}

impl App {
    pub(super) fn new(options: Options, host: Arc<dyn Host>, teller: Teller) -> Result<Self> {
        let Options { open, samples, settings: folder, executor } = options;
        let (store, settings, problem) = Store::open(folder.as_deref());
        let recent = settings.recent.first().cloned();
        let sample = samples.first().map(|sample| sample.1.clone());
        let first = open.or_else(|| [recent, sample].into_iter().flatten().find(|path| path.is_file()));
        let wake = teller.clone();
        let mut viewer = Viewer::new(settings, Arc::new(move || wake.tell(Told::Wake)));
        viewer.samples = samples;
        if let Some(problem) = problem {
            viewer.notices.problem(problem);
        }
        let pool = rayon::ThreadPoolBuilder::new().build().context("threads to draw with")?;
        let now = Instant::now();
        Ok(Self {
            host,
            teller,
            viewer,
            store,
            executor,
            pool: Arc::new(pool),
            screen: None,
            avatar: None,
            film: None,
            first,
            next: None,
            last: now,
            saved: now,
            losses: 0,
            generation: 0,
            is_occluded: false,
            report: Report::default(),
            failure: None,
        })
    }

    /// After the window was closed.
    pub(super) fn finish(mut self) -> Result<Report> {
        if let Some((recorder, ..)) = self.film.take() {
            let (path, result) = recorder.finish_now();
            result.with_context(|| format!("{}: the film", path.display()))?;
            self.report.written.push(path);
        }
        self.store.save(&self.viewer.settings);
        self.failure.map_or(Ok(self.report), Err)
    }

    /// Opens the window, or starts its graphics afresh.
    fn start(&mut self, window: Arc<Window>) -> Result<()> {
        let memory = self.screen.take().map(|screen| screen.memory());
        let mut screen = Screen::new(window, self.executor, &self.pool, memory)?;
        self.generation += 1;
        self.report.adapter.clone_from(&screen.gpu.adapter);
        self.viewer.device = screen.device();
        self.viewer.detail.reset();
        if let Some(avatar) = &self.avatar {
            let person: Person = screen.gpu.engine.load(avatar).context("loading the avatar")?;
            screen.meet(Some(&person));
        }
        screen.window.request_redraw();
        self.screen = Some(screen);
        Ok(())
    }

    fn open_window(&mut self, events: &ActiveEventLoop) -> Result<()> {
        let [width, height] = self.viewer.settings.window;
        let attributes = Window::default_attributes()
            .with_title("vis-à-vis")
            .with_inner_size(LogicalSize::new(width, height))
            .with_min_inner_size(LogicalSize::new(480.0, 360.0))
            .with_maximized(self.viewer.settings.is_maximized);
        let window = events.create_window(attributes).context("opening the window")?;
        self.start(Arc::new(window))?;
        if self.viewer.device.is_software {
            let line = crate::ui::software_line(&self.viewer);
            self.viewer.notices.hint(line);
        }
        if let Some(path) = self.first.take() {
            self.open(path);
        }
        Ok(())
    }

    fn draw(&mut self, events: &ActiveEventLoop) {
        let Some(screen) = &mut self.screen else { return };
        self.last = Instant::now();
        if self.is_occluded || !screen.gpu.is_visible() {
            // Nobody sees it; trackers and films go on.
            self.viewer.advance(None, 1.0);
            self.next = self.viewer.pace().map(|_| self.last + HIDDEN_INTERVAL);
            return;
        }
        let drawn = screen.draw(&mut self.viewer);
        self.report.frames += 1;
        let lost = screen.gpu.lost().map(str::to_owned);
        let errors = screen.gpu.take_errors();
        if let Some(reason) = lost {
            self.losses += 1;
            if self.losses > MAX_LOSSES {
                self.failure = Some(anyhow::anyhow!("the graphics device is lost again and again: {reason}"));
            } else {
                tracing::warn!("the graphics device was lost: {reason}");
                self.restart("The graphics device was lost; it was started again and all is as it was");
            }
        } else {
            for error in &errors {
                tracing::error!("{error}");
            }
            if let Some(error) = errors.first() {
                let line = error.lines().next().unwrap_or_default();
                self.viewer.notices.problem(format!("The graphics driver complains: {line}"));
            }
            if let Err(error) = &drawn {
                self.viewer.notices.problem(format!("This can't be drawn: {error:#}"));
            }
        }
        self.film();
        for request in std::mem::take(&mut self.viewer.requests) {
            self.serve(request);
        }
        if self.failure.is_some() {
            events.exit();
        }
        let delay = drawn.unwrap_or(Duration::MAX);
        let changes = self.viewer.notices.is_changing().then_some(Duration::from_millis(500));
        let soonest = [Some(delay), changes, self.viewer.pace()].into_iter().flatten().min().unwrap_or(delay);
        self.next = self.last.checked_add(soonest.max(INTERVAL));
    }

    fn resized(&mut self, size: [u32; 2]) {
        let Some(screen) = &mut self.screen else { return };
        screen.gpu.resize(size);
        if size[0] > 0 && size[1] > 0 {
            let settings = &mut self.viewer.settings;
            settings.is_maximized = screen.window.is_maximized();
            if !settings.is_maximized && screen.window.fullscreen().is_none() {
                let scale = screen.window.scale_factor() as f32;
                settings.window = size.map(|side| side as f32 / scale);
            }
        }
    }
}
