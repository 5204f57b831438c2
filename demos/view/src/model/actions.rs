//! Everything that can be asked of the viewer, by key, button or menu.

use super::camera::Focus;

/// Something that can be asked of the viewer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Action {
    Open,
    Look(Focus),
    ResetCamera,
    /// By a key: a part of the picture's height, right and down.
    Orbit([f32; 2]),
    Pan([f32; 2]),
    Zoom(f32),
    PlayPause,
    /// Pictures on or back.
    Step(i32),
    /// Seconds on or back.
    Skip(f64),
    Start,
    End,
    Loop,
    Slower,
    Faster,
    Split,
    Stereo,
    Follow,
    Life,
    Rest,
    Backdrop,
    Panel,
    Statistics,
    Screenshot,
    Record,
    Fullscreen,
    Help,
    /// Closes what is open over the picture.
    Escape,
}

/// Where an action stands in the help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Group {
    Look,
    Recording,
    Face,
    Window,
}

impl Group {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Look => "Look around",
            Self::Recording => "Recording",
            Self::Face => "Face",
            Self::Window => "Window",
        }
    }
}
