//! Events of windows and of other threads.

use std::time::{Duration, Instant};

use winit::application::ApplicationHandler;
use winit::event::{StartCause, WindowEvent};
use winit::event_loop::{ActiveEventLoop, ControlFlow};
use winit::window::WindowId;

use super::super::Told;
use super::{App, INTERVAL};

/// How often changed settings are written.
const SAVE_EVERY: Duration = Duration::from_secs(4);

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
