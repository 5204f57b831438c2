//! What the model asks of the window: files, pictures, films.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use winit::window::Fullscreen;

use super::super::Told;
use super::super::film::Recorder;
use super::super::load::{self, Loaded};
use super::super::picture::{self, Picture};
use super::super::screen::Screen;
use super::App;
use crate::model::{Filming, Request, files};

/// A dialog that is answered so fast was never seen.
const AT_ONCE: Duration = Duration::from_millis(250);

impl App {
    pub(super) fn open(&mut self, path: PathBuf) {
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

    pub(super) fn loaded(&mut self, path: &Path, generation: u32, loaded: Result<Loaded>) {
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

    pub(super) fn browse(&self) {
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

    pub(super) fn serve(&mut self, request: Request) {
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

    pub(super) fn screenshot(&mut self) {
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

    pub(super) fn record(&mut self) {
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
        let picture = match Picture::new(&screen.gpu.device, recorder.size) {
            Ok(picture) => picture,
            Err(error) => return self.viewer.notices.problem(format!("No film: {error:#}")),
        };
        self.viewer.filming = Some(Filming { path, seconds: 0.0 });
        self.film = Some((recorder, picture, 0));
    }

    /// A film's next picture, if it is due.
    pub(super) fn film(&mut self) {
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

    pub(super) fn restart(&mut self, why: &str) {
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
}
