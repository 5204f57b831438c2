//! What the viewer is made of.

use std::path::PathBuf;
use std::sync::Arc;

use visavis_codec::avatar::LatentModel;
use visavis_codec::expression::FaceRange;
use visavis_codec::{Avatar, FaceFrame};

use super::camera::Landmarks;
use super::transport::Transport;
use crate::host::{Call, Opened};

/// Something that only the window can do.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Request {
    /// Read a file.
    Open(PathBuf),
    /// Ask the system for a file.
    Browse,
    Screenshot,
    /// Begin or end a film.
    Record,
    Fullscreen,
    LeaveFullscreen,
    /// Begin with the graphics device afresh.
    RestartGraphics,
}

/// A file that was read, and what was found out about it.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    pub(crate) path: PathBuf,
    pub(crate) avatar: Arc<Avatar>,
    pub(crate) avatar_path: PathBuf,
    pub(crate) call: Option<Call>,
    pub(crate) landmarks: Landmarks,
    /// `None` where nothing can be tuned.
    pub(crate) range: Option<Arc<FaceRange>>,
}

impl Arrival {
    /// Finds out what the viewer has to know; takes a fraction of a second.
    pub(crate) fn new(path: PathBuf, opened: Opened) -> Self {
        let Opened { avatar, avatar_path, call } = opened;
        Self {
            landmarks: Landmarks::of(&avatar),
            range: FaceRange::of_avatar(&avatar).ok().map(Arc::new),
            path,
            avatar: Arc::new(avatar),
            avatar_path,
            call,
        }
    }
}

/// Who is shown.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    pub(crate) name: String,
    pub(crate) avatar_path: PathBuf,
    pub(crate) licence: String,
    pub(crate) model: LatentModel,
    /// Whether it says which light it was captured in, so that it can be seen in another.
    pub(crate) can_be_relit: bool,
}

/// A recording and where it is.
#[derive(Clone, Debug)]
pub(crate) struct Player {
    pub(crate) call: Call,
    pub(crate) transport: Transport,
    /// How lively the face is over time, 0..=1 each.
    pub(crate) activity: Vec<f32>,
}

/// What draws.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Device {
    pub(crate) adapter: String,
    /// Software draws: there is no graphics processor, or none that we may use.
    pub(crate) is_software: bool,
    /// Whether decode and shading run as SIMD code on this machine's cores.
    pub(crate) on_cpu: bool,
}

/// A film in the making.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Filming {
    pub(crate) path: PathBuf,
    pub(crate) seconds: f64,
}

/// The faces of one picture.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Faces {
    pub(crate) as_i_am: FaceFrame,
    pub(crate) tuned: FaceFrame,
}

/// What is open over the picture, and what is typed there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Overlays {
    pub(crate) help: bool,
    pub(crate) open: bool,
    /// The dialog for files has just been opened: one types at once.
    pub(crate) types_path: bool,
    /// The path in the dialog for files.
    pub(crate) path: String,
    /// Where a profile is kept.
    pub(crate) profile: String,
    /// What units are searched for.
    pub(crate) search: String,
    /// A file is held over the window.
    pub(crate) hovers: bool,
}

impl Faces {
    /// Whether another picture shows something else; times don't count.
    pub(super) fn differs_from(&self, other: &Self) -> bool {
        let differ = |a: &FaceFrame, b: &FaceFrame| (a.latent, a.head) != (b.latent, b.head);
        differ(&self.as_i_am, &other.as_i_am) || differ(&self.tuned, &other.tuned)
    }
}
