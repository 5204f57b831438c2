//! The program's loop: what becomes of events.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use visavis::{Executor, Person};
use visavis_codec::Avatar;
use winit::application::ApplicationHandler;
use winit::dpi::LogicalSize;
use winit::event::{StartCause, WindowEvent};
use winit::event_loop::{ActiveEventLoop, ControlFlow};
use winit::window::{Fullscreen, Window, WindowId};

use super::film::Recorder;
use super::load::{self, Loaded};
use super::picture::{self, Picture};
use super::screen::Screen;
use super::{Teller, Told};
use crate::host::{Host, Options, Report};
use crate::model::settings::Store;
use crate::model::{Filming, Request, Viewer, files};

/// No more pictures a second than screens show.
const INTERVAL: Duration = Duration::from_millis(15);
/// From one look at the time to the next while the window can't be seen.
const HIDDEN_INTERVAL: Duration = Duration::from_millis(200);
/// A dialog that is answered so fast was never seen.
const AT_ONCE: Duration = Duration::from_millis(250);
/// How often changed settings are written.
const SAVE_EVERY: Duration = Duration::from_secs(4);
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
        self.report.adapter.clone_from(&screen.gpu.about.adapter);
        self.viewer.device = screen.gpu.about.clone();
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

    fn open(&mut self, path: PathBuf) {
        if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml")) {
            match self.viewer.tuning.load(&path) {
                Ok(()) => self.viewer.notices.done("The profile is loaded", Some(path)),
                Err(error) => self.viewer.notices.problem(format!("{error:#}")),
            }
            self.viewer.overlays.open = false;
            return;
        }
        let Some(screen) = &self.screen else { return };
        self.viewer.loading = Some(path.clone());
        let (teller, generation) = (self.teller.clone(), self.generation);
        load::load(self.host.clone(), screen.gpu.engine.clone(), path, move |path, loaded| {
            teller.tell(Told::Loaded { path, generation, loaded: Box::new(loaded) });
        });
    }

    fn loaded(&mut self, path: &Path, generation: u32, loaded: Result<Loaded>) {
        if self.viewer.loading.as_deref() != Some(path) {
            return; // something else was opened since
        }
        if generation != self.generation {
            return self.open(path.to_owned());
        }
        self.viewer.loading = None;
        match loaded {
            Ok(Loaded { arrival, person }) => {
                self.avatar = Some(arrival.avatar.clone());
                self.viewer.opened(arrival);
                if let Some(screen) = &mut self.screen {
                    screen.meet(Some(&person));
                    let name = self.viewer.shown.as_ref().map_or("", |shown| &shown.name);
                    screen.window.set_title(&format!("{name} – vis-à-vis"));
                }
                self.store.save(&self.viewer.settings);
            }
            Err(error) => self.viewer.notices.problem(format!("{error:#}")),
        }
    }

    fn browse(&self) {
        let dialog = rfd::AsyncFileDialog::new()
            .set_title("Open an avatar, a call or a profile")
            .add_filter("Avatars, calls, profiles", &["avatar", "mcap", "toml"]);
        let answer = dialog.pick_file();
        let teller = self.teller.clone();
        std::thread::spawn(move || {
            let start = Instant::now();
            let path = pollster::block_on(answer).map(|file| file.path().to_owned());
            teller.tell(Told::Picked { path, at_once: start.elapsed() < AT_ONCE });
        });
    }

    fn serve(&mut self, request: Request) {
        match request {
            Request::Open(path) => self.open(path),
            Request::Browse => self.browse(),
            Request::Screenshot => self.screenshot(),
            Request::Record => self.record(),
            Request::Fullscreen => {
                if let Some(Screen { window, .. }) = &self.screen {
                    let is_full = window.fullscreen().is_some();
                    window.set_fullscreen((!is_full).then_some(Fullscreen::Borderless(None)));
                }
            }
            Request::LeaveFullscreen => {
                if let Some(Screen { window, .. }) = &self.screen {
                    window.set_fullscreen(None);
                }
            }
            Request::RestartGraphics => self.restart("Graphics were started afresh"),
        }
    }

    fn screenshot(&mut self) {
        let Some(screen) = &mut self.screen else { return };
        let name = self.viewer.shown.as_ref().map_or("vis-a-vis", |shown| &shown.name);
        let path = files::next_free(&files::pictures(), name, "png");
        let write = |screen: &mut Screen| {
            let (pixels, size) = screen.screenshot(&self.viewer)?;
            let bytes = picture::png(&pixels, size)?;
            files::write(&path, &bytes).with_context(|| format!("{}: can't be written", path.display()))
        };
        match write(screen) {
            Ok(()) => {
                self.report.written.push(path.clone());
                self.viewer.notices.done("The screenshot is saved", Some(path));
            }
            Err(error) => self.viewer.notices.problem(format!("No screenshot: {error:#}")),
        }
    }

    fn record(&mut self) {
        if let Some((recorder, ..)) = self.film.take() {
            self.viewer.filming = None;
            let teller = self.teller.clone();
            recorder.finish(move |path, result| teller.tell(Told::Filmed(path, result)));
            return;
        }
        let Some(screen) = &self.screen else { return };
        let Some(size) = screen.stage_size() else { return };
        let name = self.viewer.shown.as_ref().map_or("vis-a-vis", |shown| &shown.name);
        let path = files::next_free(&files::pictures(), name, "mp4");
        let recorder = Recorder::start(self.host.clone(), path.clone(), size);
        let picture = Picture::new(&screen.gpu.device, recorder.size);
        self.viewer.filming = Some(Filming { path, seconds: 0.0 });
        self.film = Some((recorder, picture, 0));
    }

    /// A film's next picture, if it is due.
    fn film(&mut self) {
        let (Some((recorder, picture, count)), Some(screen)) = (&mut self.film, &mut self.screen) else {
            return;
        };
        if !recorder.takes(*count) {
            return;
        }
        let goes_on = match screen.film_picture(&self.viewer, picture) {
            Ok(rgba) => recorder.picture(rgba),
            Err(_) => false, // the window's own picture says what is wrong
        };
        *count = recorder.due();
        if !goes_on {
            self.record();
        }
    }

    fn restart(&mut self, why: &str) {
        let Some(window) = self.screen.as_ref().map(|screen| screen.window.clone()) else { return };
        if let Some((recorder, ..)) = self.film.take() {
            // Its picture was made on the device that goes.
            self.viewer.filming = None;
            let teller = self.teller.clone();
            recorder.finish(move |path, result| teller.tell(Told::Filmed(path, result)));
        }
        match self.start(window) {
            Ok(()) => self.viewer.notices.hint(why),
            Err(error) => self.failure = Some(error.context("starting graphics again")),
        }
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

impl ApplicationHandler<Told> for App {
    fn new_events(&mut self, _: &ActiveEventLoop, cause: StartCause) {
        if let (StartCause::ResumeTimeReached { .. }, Some(screen)) = (cause, &self.screen) {
            self.next = None;
            screen.window.request_redraw();
        }
    }

    fn resumed(&mut self, events: &ActiveEventLoop) {
        if self.screen.is_none()
            && let Err(error) = self.open_window(events)
        {
            self.failure = Some(error);
            events.exit();
        }
    }

    fn user_event(&mut self, _: &ActiveEventLoop, told: Told) {
        match told {
            Told::Wake => {}
            Told::Loaded { path, generation, loaded } => self.loaded(&path, generation, *loaded),
            Told::Picked { path: Some(path), .. } => self.open(path),
            Told::Picked { path: None, at_once } => {
                if at_once {
                    self.viewer
                        .notices
                        .hint("The system has no dialog for files here; type the path instead");
                    self.viewer.show_open(true);
                }
            }
            Told::Filmed(path, Ok(())) => {
                self.report.written.push(path.clone());
                self.viewer.notices.done("The film is saved", Some(path));
            }
            Told::Filmed(_, Err(error)) => self.viewer.notices.problem(format!("No film: {error:#}")),
        }
        self.next = Some(self.last + INTERVAL);
    }

    fn window_event(&mut self, events: &ActiveEventLoop, _: WindowId, event: WindowEvent) {
        let repaint = self.screen.as_mut().is_some_and(|screen| screen.event(&event));
        match event {
            WindowEvent::CloseRequested => events.exit(),
            WindowEvent::RedrawRequested => return self.draw(events),
            WindowEvent::Resized(size) => self.resized([size.width, size.height]),
            WindowEvent::Occluded(is_occluded) => self.is_occluded = is_occluded,
            WindowEvent::HoveredFile(_) => self.viewer.overlays.hovers = true,
            WindowEvent::HoveredFileCancelled => self.viewer.overlays.hovers = false,
            WindowEvent::DroppedFile(path) => {
                self.viewer.overlays.hovers = false;
                self.open(path);
            }
            _ if !repaint => return,
            _ => {}
        }
        let soon = self.last + INTERVAL;
        self.next = Some(self.next.map_or(soon, |next| next.min(soon)));
    }

    fn about_to_wait(&mut self, events: &ActiveEventLoop) {
        if self.saved.elapsed() > SAVE_EVERY {
            self.saved = Instant::now();
            self.store.save(&self.viewer.settings);
        }
        events.set_control_flow(match self.next {
            Some(next) if next <= Instant::now() => {
                self.next = None;
                if let Some(screen) = &self.screen {
                    screen.window.request_redraw();
                }
                ControlFlow::Wait
            }
            Some(next) => ControlFlow::WaitUntil(next),
            None => ControlFlow::Wait,
        });
    }
}
