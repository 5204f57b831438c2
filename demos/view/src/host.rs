//! What the viewer is given by the program that opens it: how files are read and films are written.

use std::path::{Path, PathBuf};

use visavis_codec::call::Timeline;
use visavis_codec::{Avatar, Timestamp};

/// Files and films, by the program that opens the viewer. Called on threads of the viewer's own.
pub trait Host: Send + Sync {
    /// Reads an avatar or a recorded call, whichever the file is. The error's message names the file and the fix.
    fn open(&self, path: &Path) -> anyhow::Result<Opened>;

    /// Begins a video of pictures of this size, both sides even. It gets its name when it is finished.
    fn film(&self, path: &Path, size: [u32; 2], fps: f64) -> anyhow::Result<Box<dyn Film>>;
}

/// A video that is being written. Dropped before [`finish`](Self::finish), it leaves nothing behind.
pub trait Film: Send {
    /// Takes one picture, `[height, width, 4]`, 8-bit sRGB; the fourth is ignored.
    fn frame(&mut self, rgba: &[u8]) -> anyhow::Result<()>;

    /// Completes the file.
    fn finish(self: Box<Self>) -> anyhow::Result<()>;
}

/// A file that was read.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Whose face it is.
    pub avatar: Avatar,
    /// Where that was read from.
    pub avatar_path: PathBuf,
    /// What they say, if the file was a call.
    pub call: Option<Call>,
}

/// One sender's part of a recorded call.
#[derive(Clone, Debug)]
pub struct Call {
    /// Who it is, by the call.
    pub sender: String,
    /// Their face at any time.
    pub timeline: Timeline,
    /// The sender's clock when the call begins.
    pub start: Timestamp,
    /// How long it is.
    pub seconds: f64,
}

/// How the viewer begins.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// An avatar or a call to open; without, the last one if it is still there, else `samples`.
    pub open: Option<PathBuf>,
    /// Files that come with the program, to be offered where nothing else is open: what they are called, and where they
    /// lie. Those that don't exist are left out.
    pub samples: Vec<(String, PathBuf)>,
    /// Where settings are kept; `None`: the platform's own folder.
    pub settings: Option<PathBuf>,
    /// What decodes and shades.
    pub executor: visavis::Executor,
}

/// What was done, for a program's report.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// Pictures that were shown.
    pub frames: u64,
    /// The adapter's name.
    pub adapter: String,
    /// Screenshots and films that were written.
    pub written: Vec<PathBuf>,
}
