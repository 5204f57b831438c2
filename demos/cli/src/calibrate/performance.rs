//! What is learned from: the faces of a recorded call, or of a tracker's recording.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use visavis_codec::call::CallReader;
use visavis_codec::drive::{Driver, DriverOptions, Shown, TrackerMapping, learn_mapping};
use visavis_codec::{Avatar, FaceFrame};

use crate::avatar_file::{self, read_bounded};
use crate::drive::input as tracking;
use crate::render::{MAX_CALL_BYTES, Recording};

/// Faces in order of time, and whose they are.
#[derive(Debug)]
pub(super) struct Performance {
    pub(super) frames: Vec<FaceFrame>,
    pub(super) avatar: Avatar,
    /// From the tracker to the avatar, if it was to be learned.
    pub(super) mapping: Option<TrackerMapping>,
}

/// Reads a call or, by its extension, a tracker's recording: as it stands, or through the mapping that is learned from it.
pub(super) fn read(
    path: &Path,
    avatar: Option<&Path>,
    sender: Option<&str>,
    learn: Option<Shown>,
) -> Result<Performance> {
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv")) {
        let Some(avatar) = avatar else {
            bail!("{}: a table names no avatar; say with --avatar FILE which one to draw", path.display());
        };
        let (_, recording) = tracking::read(path)?;
        let avatar = avatar_file::read(avatar)?.avatar;
        let Some(shown) = learn else {
            let mut frames: Vec<FaceFrame> = recording.frames().collect();
            frames.sort_by_key(|frame| frame.time);
            return Ok(Performance { frames, avatar, mapping: None });
        };
        let model = &avatar.manifest.latent;
        let mapping = learn_mapping(&recording, model, shown)
            .with_context(|| format!("{}: --mapping", path.display()))?;
        let options = DriverOptions { mapping: mapping.clone(), ..DriverOptions::default() };
        let mut driver = Driver::new(model, options).context("the avatar can't be driven")?;
        driver.set_clock(recording.interval, recording.wrap);
        let mut frames = Vec::new();
        for sample in &recording.samples {
            driver.push(sample.seconds, None, sample.signals.as_deref(), &mut frames);
        }
        driver.finish(&mut frames);
        return Ok(Performance { frames, avatar, mapping: Some(mapping) });
    }
    if learn.is_some() {
        bail!(
            "{}: --mapping is learned from a tracker's recording (.csv); a call is mapped already",
            path.display()
        );
    }
    let bytes = read_bounded(path, MAX_CALL_BYTES)?;
    let reader = CallReader::new(&bytes).with_context(|| format!("{}: not a usable call", path.display()))?;
    let recording = Recording::open(&reader, path, sender, avatar)?;
    let avatar = crate::cartoon::captured(recording.avatar, &recording.avatar_path)?;
    Ok(Performance { frames: recording.timeline.frames().to_vec(), avatar, mapping: None })
}
