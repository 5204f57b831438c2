//! What is learned from: the faces of a recorded call, or of a tracker's recording.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use visavis_codec::call::CallReader;
use visavis_codec::{Avatar, FaceFrame};

use crate::avatar_file::{self, read_bounded};
use crate::drive::input as tracking;
use crate::render::{MAX_CALL_BYTES, Recording};

/// Faces in order of time, and whose they are.
#[derive(Debug)]
pub(super) struct Performance {
    pub(super) frames: Vec<FaceFrame>,
    pub(super) avatar: Avatar,
}

/// Reads a call or, by its extension, a tracker's recording as it stands.
pub(super) fn read(path: &Path, avatar: Option<&Path>, sender: Option<&str>) -> Result<Performance> {
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv")) {
        let Some(avatar) = avatar else {
            bail!("{}: a table names no avatar; say with --avatar FILE which one to draw", path.display());
        };
        let mut frames: Vec<FaceFrame> = tracking::read(path)?.1.frames().collect();
        frames.sort_by_key(|frame| frame.time);
        return Ok(Performance { frames, avatar: avatar_file::read(avatar)?.avatar });
    }
    let bytes = read_bounded(path, MAX_CALL_BYTES)?;
    let reader = CallReader::new(&bytes).with_context(|| format!("{}: not a usable call", path.display()))?;
    let recording = Recording::open(&reader, path, sender, avatar)?;
    let avatar = crate::cartoon::captured(recording.avatar, &recording.avatar_path)?;
    Ok(Performance { frames: recording.timeline.frames().to_vec(), avatar })
}
