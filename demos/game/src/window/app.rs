//! The window's loop: mouse and keys in, the game's pictures out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use glam::Vec2;
use winit::application::ApplicationHandler;
use winit::dpi::LogicalSize;
use winit::event::{ElementState, KeyEvent, MouseButton, WindowEvent};
use winit::event_loop::{ActiveEventLoop, ControlFlow};
use winit::keyboard::{Key, NamedKey};
use winit::window::{Fullscreen, Window, WindowId};

use super::scale::Scale;
use super::screen::Screen;
use super::{Report, Setup};
use crate::hud::{Overlay, Words};
use crate::play::table::{HALF_LENGTH_M, TOP_M};
use crate::play::{Hand, Side};
use crate::show::Camera;

/// A device that is lost so often in a session won't come back.
const MAX_LOSSES: u32 = 5;
/// From one look to the next while the window can't be seen.
const HIDDEN: Duration = Duration::from_millis(200);
/// Arrows move the paddle so fast, metres per second.
const ARROWS_M_S: f32 = 0.9;
/// A line that says something stays so long, seconds.
const LINE_S: f32 = 9.0;

/// The game and its window.
pub(super) struct App {
    setup: Setup,
    pool: Arc<rayon::ThreadPool>,
    screen: Option<Screen>,
    scale: Scale,
    overlay: Overlay,
    line: Option<(String, Instant)>,
    hand: Hand,
    /// Left, right, down, up.
    arrows: [bool; 4],
    replays: bool,
    last: Option<Instant>,
    is_occluded: bool,
    losses: u32,
    report: Report,
    failure: Option<anyhow::Error>,
}

impl App {
    pub(super) fn new(setup: Setup) -> Result<Self> {
        let pool = rayon::ThreadPoolBuilder::new().build().context("threads to draw with")?;
        Ok(Self {
            setup,
            pool: Arc::new(pool),
            screen: None,
            scale: Scale::new(),
            overlay: Overlay::None,
            line: None,
            hand: Hand::default(),
            arrows: [false; 4],
            replays: true,
            last: None,
            is_occluded: false,
            losses: 0,
            report: Report::default(),
            failure: None,
        })
    }

    /// After the window was closed.
    pub(super) fn finish(self) -> Result<Report> {
        let points = self.setup.show.game().score().points;
        self.failure.map_or(Ok(Report { points, ..self.report }), Err)
    }

    fn say(&mut self, line: impl Into<String>) {
        self.line = Some((line.into(), Instant::now()));
    }

    fn open(&mut self, events: &ActiveEventLoop) -> Result<()> {
        let attributes = Window::default_attributes()
            .with_title("Table tennis – vis-à-vis")
            .with_inner_size(LogicalSize::new(1280.0, 720.0))
            .with_min_inner_size(LogicalSize::new(320.0, 200.0));
        let window = events.create_window(attributes).context("opening the window")?;
        self.start(Arc::new(window))?;
        let is_software = self.screen.as_ref().is_some_and(|screen| screen.gpu.is_software);
        if is_software {
            self.say(
                "No graphics processor here: drawn by the processor, with as many pixels as it can move well",
            );
        } else if self.setup.show.game().options().person.is_some() {
            self.say("Move the mouse to play, H shows the keys");
        }
        Ok(())
    }

    fn start(&mut self, window: Arc<Window>) -> Result<()> {
        self.screen = None; // a window has one surface at a time
        let Setup { scene, players, executor, .. } = &self.setup;
        let screen = Screen::new(window, scene, players, *executor, &self.pool)?;
        self.report.adapter.clone_from(&screen.gpu.adapter);
        screen.window.request_redraw();
        self.screen = Some(screen);
        self.last = None;
        Ok(())
    }

    fn draw(&mut self, events: &ActiveEventLoop) {
        let now = Instant::now();
        let passed = self.last.map_or(0.0, |last| now.duration_since(last).as_secs_f32());
        let is_measured = self.last.is_some();
        self.last = Some(now);
        if self.overlay == Overlay::None && !self.is_occluded {
            self.move_hand(passed);
            self.setup.show.advance(passed.min(0.1));
        }
        let Some(screen) = &mut self.screen else { return };
        if self.is_occluded || !screen.gpu.is_visible() {
            return;
        }
        if is_measured {
            self.scale.measured(1e3 * passed);
        }
        let said = self.line.as_ref().filter(|(_, since)| since.elapsed().as_secs_f32() < LINE_S);
        let line = said.map_or("", |(line, _)| line.as_str());
        let drawn = screen.draw(&self.setup.show, &Words { overlay: self.overlay, line }, self.scale.sides());
        self.report.frames += 1;
        let lost = screen.gpu.lost().map(str::to_owned);
        let errors = screen.gpu.take_errors();
        let window = screen.window.clone();
        if let Some(reason) = lost {
            self.losses += 1;
            tracing::warn!("the graphics device was lost: {reason}");
            if self.losses > MAX_LOSSES {
                self.fail(events, anyhow::anyhow!("the graphics device is lost again and again: {reason}"));
            } else if let Err(error) = self.start(window) {
                self.fail(events, error.context("starting graphics again"));
            } else {
                self.say("The graphics device was lost; it was started again, the game goes on");
            }
            return;
        }
        for error in &errors {
            tracing::error!("{error}");
        }
        if let Err(error) = drawn {
            self.fail(events, error);
            return;
        }
        window.request_redraw();
    }

    fn fail(&mut self, events: &ActiveEventLoop, error: anyhow::Error) {
        self.failure = Some(error);
        events.exit();
    }

    /// Keys move the hand.
    fn move_hand(&mut self, seconds: f32) {
        let Some(side) = self.setup.show.game().options().person else { return };
        let [left, right, down, up] = self.arrows.map(|held| f32::from(u8::from(held)));
        // To the right of who plays on the left is where the spectator stands.
        let step = Vec2::new((right - left) * -side.sign(), up - down) * (ARROWS_M_S * seconds);
        let [across, height] = (self.hand.across_and_up_m + step).to_array();
        self.hand.across_and_up_m =
            Vec2::new(across.clamp(-0.6, 0.6), height.clamp(TOP_M - 0.1, TOP_M + 0.6));
        self.setup.show.set_hand(self.hand);
        self.hand.serves = false;
    }

    /// The mouse points at a place in the plane of the paddle.
    fn point(&mut self, pointer: Vec2) {
        let Some(side) = self.setup.show.game().options().person else { return };
        let Some(screen) = &self.screen else { return };
        let [width, height] = screen.gpu.size().map(|side| side as f32);
        let place = pointer / Vec2::new(width, height);
        self.hand.across_and_up_m = match self.setup.show.camera() {
            Camera::Player(_) => {
                let view = self.setup.show.view(width / height);
                let clip = (place * 2.0 - 1.0) * Vec2::new(1.0, -1.0);
                let world_from_clip = view.clip_from_world().inverse();
                let through = world_from_clip.project_point3(clip.extend(0.5));
                let eye = view.eye();
                let way = through - eye;
                let share = (side.sign() * (HALF_LENGTH_M + 0.12) - eye.x) / way.x;
                let at = eye + way * share;
                if !(share.is_finite() && share > 0.0) {
                    return;
                }
                Vec2::new(at.z, at.y)
            }
            // Seen from the side: up and down is to and fro.
            _ => Vec2::new((place.y - 0.5) * 1.2, TOP_M + 0.15),
        };
    }

    fn act(&mut self) {
        if self.setup.show.is_replay() {
            self.setup.show.skip_replay();
        } else if self.overlay != Overlay::None {
            self.overlay = Overlay::None;
        } else {
            self.hand.serves = true;
        }
    }

    fn key(&mut self, events: &ActiveEventLoop, event: &KeyEvent) {
        let is_down = event.state == ElementState::Pressed;
        let arrow = match &event.logical_key {
            Key::Named(NamedKey::ArrowLeft) => Some(0),
            Key::Named(NamedKey::ArrowRight) => Some(1),
            Key::Named(NamedKey::ArrowDown) => Some(2),
            Key::Named(NamedKey::ArrowUp) => Some(3),
            _ => None,
        };
        if let Some(arrow) = arrow {
            self.arrows[arrow] = is_down;
            return;
        }
        if !is_down || event.repeat {
            return;
        }
        match &event.logical_key {
            Key::Named(NamedKey::Space | NamedKey::Enter) => self.act(),
            Key::Named(NamedKey::Escape) => self.toggle(Overlay::Paused),
            Key::Named(NamedKey::F11) => self.full_screen(),
            Key::Character(text) => match text.to_lowercase().as_str() {
                "p" => self.toggle(Overlay::Paused),
                "h" | "?" => self.toggle(Overlay::Help),
                "f" => self.full_screen(),
                "q" => events.exit(),
                "n" => {
                    self.setup.show.restart();
                    self.overlay = Overlay::None;
                }
                "r" => {
                    self.replays = !self.replays;
                    self.setup.show.set_replays(self.replays);
                    self.say(if self.replays { "Long points are shown again" } else { "No replays" });
                }
                "c" => {
                    let mine = self.setup.show.game().options().person.unwrap_or(Side::Left);
                    let next = match self.setup.show.camera() {
                        Camera::Spectator => Camera::Player(mine),
                        _ => Camera::Spectator,
                    };
                    self.setup.show.set_camera(next);
                }
                _ => {}
            },
            _ => {}
        }
    }

    fn toggle(&mut self, overlay: Overlay) {
        self.overlay = if self.overlay == overlay { Overlay::None } else { overlay };
    }

    fn full_screen(&self) {
        if let Some(screen) = &self.screen {
            let is_full = screen.window.fullscreen().is_some();
            screen.window.set_fullscreen((!is_full).then_some(Fullscreen::Borderless(None)));
        }
    }
}

impl ApplicationHandler for App {
    fn resumed(&mut self, events: &ActiveEventLoop) {
        if self.screen.is_none()
            && let Err(error) = self.open(events)
        {
            self.fail(events, error);
        }
    }

    fn window_event(&mut self, events: &ActiveEventLoop, _: WindowId, event: WindowEvent) {
        match event {
            WindowEvent::CloseRequested => events.exit(),
            WindowEvent::RedrawRequested => self.draw(events),
            WindowEvent::Resized(size) => {
                if let Some(screen) = &mut self.screen {
                    screen.gpu.resize([size.width, size.height]);
                    screen.window.request_redraw();
                }
            }
            WindowEvent::Occluded(is_occluded) => self.is_occluded = is_occluded,
            WindowEvent::Focused(false) => {
                self.arrows = [false; 4];
                if self.setup.show.game().options().person.is_some() && self.overlay == Overlay::None {
                    self.overlay = Overlay::Paused;
                }
            }
            WindowEvent::CursorMoved { position, .. } => {
                self.point(Vec2::new(position.x as f32, position.y as f32));
            }
            WindowEvent::MouseInput { state: ElementState::Pressed, button: MouseButton::Left, .. } => {
                self.act()
            }
            WindowEvent::KeyboardInput { event, .. } => self.key(events, &event),
            _ => {}
        }
    }

    fn about_to_wait(&mut self, events: &ActiveEventLoop) {
        let hidden = self.is_occluded || self.screen.as_ref().is_some_and(|screen| !screen.gpu.is_visible());
        events.set_control_flow(if hidden {
            ControlFlow::WaitUntil(Instant::now() + HIDDEN)
        } else {
            ControlFlow::Wait
        });
        if hidden && let Some(screen) = &self.screen {
            screen.window.request_redraw();
        }
    }
}
