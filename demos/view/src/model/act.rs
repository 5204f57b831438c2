//! What each action does.

use glam::Vec2;

use super::actions::Action;
use super::stage::Arrangement;
use super::{Player, Request, Viewer};

impl Viewer {
    /// Does what was asked.
    pub(crate) fn act(&mut self, action: Action) {
        match action {
            Action::Open => self.show_open(!self.overlays.open),
            Action::Look(focus) => self.camera.look_at(focus),
            Action::ResetCamera => self.camera.reset(),
            Action::Orbit(drag) => self.camera.orbit(Vec2::from(drag)),
            Action::Pan(drag) => self.camera.pan(Vec2::from(drag)),
            Action::Zoom(factor) => self.camera.zoom(factor),
            Action::Split => self.arrange(Arrangement::Split),
            Action::Stereo => self.arrange(Arrangement::Stereo),
            Action::Follow => self.set_follows(!self.puppet.follows),
            Action::Life => self.set_alive(!self.puppet.is_alive),
            Action::Rest => self.puppet.rest(),
            Action::Backdrop => self.settings.backdrop = self.settings.backdrop.next(),
            Action::Panel => self.settings.side_panel = !self.settings.side_panel,
            Action::Statistics => self.settings.statistics = !self.settings.statistics,
            Action::Screenshot => self.requests.push(Request::Screenshot),
            Action::Record => self.requests.push(Request::Record),
            Action::Fullscreen => self.requests.push(Request::Fullscreen),
            Action::Help => self.overlays.help = !self.overlays.help,
            Action::Escape => self.escape(),
            Action::PlayPause
            | Action::Step(_)
            | Action::Skip(_)
            | Action::Start
            | Action::End
            | Action::Loop
            | Action::Slower
            | Action::Faster => self.play(action),
        }
    }

    fn play(&mut self, action: Action) {
        let Some(Player { transport, .. }) = &mut self.player else { return };
        match action {
            Action::PlayPause => transport.toggle(),
            Action::Step(frames) => transport.step(frames),
            Action::Skip(seconds) => transport.seek(transport.position() + seconds),
            Action::Start => transport.seek(*transport.range().start()),
            Action::End => {
                transport.pause();
                transport.seek(*transport.range().end());
            }
            Action::Loop => {
                transport.is_looping = !transport.is_looping;
                self.settings.loops = transport.is_looping;
            }
            Action::Slower => transport.shift_speed(false),
            Action::Faster => transport.shift_speed(true),
            _ => {}
        }
    }

    /// Divides the picture so, or no longer.
    fn arrange(&mut self, arrangement: Arrangement) {
        self.arrangement = if self.arrangement == arrangement { Arrangement::One } else { arrangement };
        self.detail.reset();
    }

    pub(crate) fn set_follows(&mut self, follows: bool) {
        (self.puppet.follows, self.settings.follows) = (follows, follows);
    }

    pub(crate) fn set_alive(&mut self, is_alive: bool) {
        (self.puppet.is_alive, self.settings.is_alive) = (is_alive, is_alive);
    }

    /// Shows the dialog for files, or puts it away.
    pub(crate) fn show_open(&mut self, is_open: bool) {
        let overlays = &mut self.overlays;
        (overlays.open, overlays.types_path) = (is_open, is_open);
        if is_open {
            overlays.path.clear();
        }
    }

    fn escape(&mut self) {
        let overlays = &mut self.overlays;
        if overlays.help || overlays.open {
            (overlays.help, overlays.open) = (false, false);
        } else if let Some(number) = self.notices.iter().last().map(|notice| notice.number()) {
            self.notices.close(number);
        } else {
            self.requests.push(Request::LeaveFullscreen);
        }
    }
}
