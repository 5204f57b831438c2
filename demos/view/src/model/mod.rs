//! What the viewer is, apart from windows and widgets.

pub(crate) mod actions;
mod activity;
pub(crate) mod backdrop;
pub(crate) mod camera;
pub(crate) mod detail;
pub(crate) mod files;
pub(crate) mod light;
pub(crate) mod live;
pub(crate) mod notice;
pub(crate) mod puppet;
pub(crate) mod settings;
pub(crate) mod stage;
pub(crate) mod statistics;
pub(crate) mod transport;
pub(crate) mod tuning;

mod act;
mod landmarks;
mod state;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use glam::Vec2;
use visavis_codec::Timestamp;
use visavis_codec::avatar::Semantic;
use visavis_codec::drive::live::LiveProtocol;
use visavis_codec::light::Light;
use visavis_codec::playout::{Playout, PlayoutOptions};

use camera::Camera;
use detail::{Detail, Motion};
use light::Lighting;
use live::{Live, LiveFace};
use notice::Notices;
use puppet::Puppet;
use settings::Settings;
use stage::{Arrangement, Pane};
use statistics::Statistics;
use transport::Transport;
use tuning::Tuning;

pub(crate) use state::{Arrival, Device, Faces, Filming, Overlays, Player, Request, Shown};

/// How much further than the pointer the eyes look: a face on a screen sees more than the screen.
const LOOK_BEYOND: f32 = 1.8;
/// Time that passes at once, at most, seconds: after the machine slept, say.
const MAX_STEP_S: f64 = 0.25;
/// From picture to picture while nothing but breath and blinks move and software draws.
const GENTLE_PACE: Duration = Duration::from_millis(50);

/// The viewer.
pub(crate) struct Viewer {
    pub(crate) camera: Camera,
    pub(crate) puppet: Puppet,
    pub(crate) tuning: Tuning,
    pub(crate) shown: Option<Shown>,
    pub(crate) player: Option<Player>,
    pub(crate) live: Option<Live>,
    pub(crate) arrangement: Arrangement,
    pub(crate) lighting: Lighting,
    pub(crate) settings: Settings,
    pub(crate) samples: Vec<(String, PathBuf)>,
    pub(crate) notices: Notices,
    pub(crate) statistics: Statistics,
    pub(crate) detail: Detail,
    pub(crate) overlays: Overlays,
    pub(crate) device: Device,
    /// A file that is being read.
    pub(crate) loading: Option<PathBuf>,
    pub(crate) filming: Option<Filming>,
    pub(crate) requests: Vec<Request>,
    /// Called from other threads when there is something to show.
    wake: Arc<dyn Fn() + Send + Sync>,
    tracker: (Sender<LiveFace>, Receiver<LiveFace>),
    /// The tracker's face; `None` only if the default options were refused.
    playout: Option<Playout>,
    start: Instant,
    now: f64,
    faces: Faces,
    motion: Motion,
}

impl Viewer {
    pub(crate) fn new(settings: Settings, wake: Arc<dyn Fn() + Send + Sync>) -> Self {
        let mut puppet = Puppet::default();
        (puppet.is_alive, puppet.follows) = (settings.is_alive, settings.follows);
        let profile = files::settings_folder().map(|folder| folder.join("profile.toml"));
        let overlays = Overlays {
            profile: profile.map_or_else(|| "profile.toml".to_owned(), |path| path.display().to_string()),
            ..Overlays::default()
        };
        Self {
            camera: Camera::default(),
            puppet,
            tuning: Tuning::default(),
            shown: None,
            player: None,
            live: None,
            arrangement: Arrangement::default(),
            lighting: Lighting::default(),
            settings,
            samples: Vec::new(),
            notices: Notices::default(),
            statistics: Statistics::default(),
            detail: Detail::default(),
            overlays,
            device: Device::default(),
            loading: None,
            filming: None,
            requests: Vec::new(),
            wake,
            tracker: channel(),
            playout: None,
            start: Instant::now(),
            now: 0.0,
            faces: Faces::default(),
            motion: Motion::Still,
        }
    }

    /// A file was read: its person is shown from now on.
    pub(crate) fn opened(&mut self, arrival: Arrival) {
        let Arrival { path, avatar, avatar_path, call, landmarks, range } = arrival;
        self.stop_live();
        self.camera.meet(landmarks);
        self.tuning.meet(range);
        self.statistics.clear();
        self.detail.reset();
        let manifest = &avatar.manifest;
        let name = call.as_ref().map_or_else(|| manifest.name.clone(), |call| call.sender.clone());
        if manifest.latent.semantic != Semantic::FaceUnits {
            self.notices
                .hint(format!("{name}'s face has no named units: sliders and expressiveness rest for now"));
        }
        self.player = call.map(|call| {
            let mut transport = Transport::new(call.seconds);
            transport.is_looping = self.settings.loops;
            let activity = activity::of(&call);
            Player { call, transport, activity }
        });
        self.shown = Some(Shown {
            name,
            avatar_path,
            licence: manifest.licence.spdx.clone(),
            model: manifest.latent.clone(),
            can_be_relit: manifest.capture_light.is_some(),
        });
        self.settings.remember(&path);
        (self.loading, self.overlays.open) = (None, false);
    }

    /// Listens to a tracker, or no longer.
    pub(crate) fn toggle_live(&mut self, protocol: LiveProtocol, port: u16) {
        if self.live.as_ref().is_some_and(|live| live.protocol() == protocol) {
            self.stop_live();
            return;
        }
        self.stop_live();
        let Some(shown) = &self.shown else { return };
        let wake = self.wake.clone();
        let into = self.tracker.0.clone();
        match Live::listen(protocol, port, &shown.model, into, move || wake()) {
            Ok(live) => {
                self.live = Some(live);
                self.playout = Playout::new(PlayoutOptions::default()).ok();
                if let Some(player) = &mut self.player {
                    player.transport.pause();
                }
                self.notices.hint("Rest your face for a moment: that is what counts as neutral");
            }
            Err(error) => self.notices.problem(format!("{}: {error:#}", protocol.name())),
        }
    }

    fn stop_live(&mut self) {
        (self.live, self.playout) = (None, None);
        // What is still on its way was meant for the tracker that went.
        self.tracker.1.try_iter().for_each(drop);
    }

    /// What drives the face at present, in a word.
    pub(crate) fn driver(&self) -> &'static str {
        match (&self.live, &self.player) {
            (Some(live), _) => live.protocol().name(),
            (None, Some(_)) => "recording",
            (None, None) => "by hand",
        }
    }

    /// Lets time pass and finds the faces of the next picture. `pointer` is where the pointer is, in heights of the picture
    /// from its middle, right and up.
    pub(crate) fn advance(&mut self, pointer: Option<Vec2>, aspect: f32) -> Faces {
        let now = self.start.elapsed().as_secs_f64();
        let passed = (now - self.now).clamp(0.0, MAX_STEP_S);
        self.now = now;
        self.step(passed, pointer, aspect)
    }

    fn step(&mut self, passed: f64, pointer: Option<Vec2>, aspect: f32) -> Faces {
        let seconds = passed as f32;
        self.notices.advance(seconds);
        let camera_moves = self.camera.advance(seconds);
        if let Some(Filming { seconds, .. }) = &mut self.filming {
            *seconds += passed;
        }
        for LiveFace { frame, arrival } in self.tracker.1.try_iter() {
            let arrival = arrival.saturating_duration_since(self.start).as_nanos() as u64;
            if let Some(playout) = &mut self.playout {
                // What play-out refuses, its statistics count.
                let _ = playout.push(&frame, Timestamp(arrival));
            }
        }
        let display = Timestamp::from_seconds(self.now);
        let (face, is_played) = match (&mut self.playout, &mut self.player) {
            (Some(playout), _) => (playout.show(display).frame, true),
            (None, Some(Player { call, transport, .. })) => {
                let is_played = transport.advance(passed);
                let time = call.start.0.saturating_add((transport.position() * 1e9) as u64);
                (call.timeline.at(Timestamp(time)), is_played)
            }
            (None, None) => {
                let look_at = pointer.map(|pointer| {
                    let [right, up] = self.camera.screen_axes();
                    self.camera.eye(aspect) + LOOK_BEYOND * (right * pointer.x + up * pointer.y)
                });
                (self.puppet.face(display, seconds, look_at, self.camera.landmarks()), false)
            }
        };
        let tuned = self.tuning.apply(&face);
        let before = std::mem::replace(&mut self.faces, Faces { as_i_am: face, tuned });
        let changed = self.faces.differs_from(&before);
        let is_alive = self.is_by_hand() && self.puppet.is_alive && !self.puppet.follows;
        let motion = match changed {
            _ if camera_moves || is_played => Motion::Lively,
            true if is_alive => Motion::Gentle,
            true => Motion::Lively,
            false => Motion::Still,
        };
        self.detail.advance(seconds, motion);
        self.motion = motion;
        self.faces
    }

    /// Whether sliders move the face.
    pub(crate) fn is_by_hand(&self) -> bool {
        self.live.is_none() && self.player.is_none()
    }

    /// After how long the next picture is wanted, where the picture changes by itself.
    pub(crate) fn pace(&self) -> Option<Duration> {
        let follows = self.is_by_hand() && self.puppet.follows;
        let settles = self.motion == Motion::Still && self.detail.is_settling();
        let moves = self.motion == Motion::Lively || settles || follows;
        if (self.shown.is_some() && moves) || self.live.is_some() || self.filming.is_some() {
            return Some(Duration::ZERO);
        }
        let is_alive = self.shown.is_some() && self.is_by_hand() && self.puppet.is_alive;
        // Breath and blinks aren't worth all of a machine's cores.
        is_alive.then_some(if self.device.is_software { GENTLE_PACE } else { Duration::ZERO })
    }

    /// What is drawn where in a stage of this size, pixels.
    pub(crate) fn panes(&self, size: [u32; 2]) -> Vec<Pane> {
        self.arrangement.panes(&self.camera, size, self.settings.eyes_apart_mm * 1e-3)
    }

    /// The light to draw in; `None`: as captured.
    pub(crate) fn light(&self) -> Option<Light> {
        let can_be_relit = self.shown.as_ref().is_some_and(|shown| shown.can_be_relit);
        self.lighting.light().filter(|_| can_be_relit)
    }

    /// What the statistics speak of.
    pub(crate) fn playout(&self) -> Option<&Playout> {
        self.playout.as_ref()
    }
}
