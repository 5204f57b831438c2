//! Frames become a recorded call, under a temporary name until it is whole.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use visavis_codec::FaceFrame;
use visavis_codec::bitstream::{LatentWriter, Quantiser, WriterOptions};
use visavis_codec::call::{CallWriter, MessageTimes, Sender, SenderId};
use visavis_codec::expression::Tuner;

use crate::avatar_file::AvatarFile;
use crate::render::output::{create_folder_of, keep, temporary_beside};

/// A call that is being written.
pub(crate) struct Recorder {
    file: tempfile::NamedTempFile,
    /// Where it goes; `None` if it is only on the way to a video.
    output: Option<PathBuf>,
    call: CallWriter<BufWriter<File>>,
    sender: SenderId,
    /// The owner's profile: what it takes away is never coded.
    tuner: Option<Tuner>,
    latents: LatentWriter,
    packet: Vec<u8>,
    frames: u64,
    face_bytes: u64,
    last_seconds: f64,
}

/// A call that is whole.
pub(crate) struct Recorded {
    /// The temporary file, if the call is only on the way to a video.
    pub(crate) temporary: Option<tempfile::NamedTempFile>,
    pub(crate) frames: u64,
    pub(crate) face_bytes: u64,
    pub(crate) seconds: f64,
}

impl Recorder {
    /// Begins a call of one sender with this avatar, tuned as its owner wants.
    pub(crate) fn start(
        output: &Path,
        avatar: &AvatarFile,
        name: Option<&str>,
        tuner: Option<Tuner>,
    ) -> Result<Self> {
        create_folder_of(output)?;
        let file = temporary_beside(output, ".mcap")?;
        let manifest = &avatar.avatar.manifest;
        let name = name.map_or_else(|| plain_name(&manifest.name), str::to_owned);
        let mut sender = Sender::new(&name, &manifest.name, manifest.latent.clone());
        sender.avatar_root = Some(avatar.root_hash);
        let quantiser = Quantiser::new(&sender.latent)
            .with_context(|| format!("{}: its latent model", avatar.path.display()))?;
        let handle = file.reopen().context("the temporary file can't be opened")?;
        let mut call = CallWriter::new(BufWriter::new(handle)).context("beginning the call")?;
        let id = call.add_sender(&sender).context("--name")?;
        let is_call = output.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("mcap"));
        Ok(Self {
            file,
            output: is_call.then(|| output.to_owned()),
            call,
            sender: id,
            tuner,
            latents: LatentWriter::new(quantiser, WriterOptions::stream()),
            packet: Vec::new(),
            frames: 0,
            face_bytes: 0,
            last_seconds: 0.0,
        })
    }

    /// Where the call lies while it is written.
    pub(crate) fn path(&self) -> &Path {
        self.file.path()
    }

    /// Where the call will lie, if it is what was asked for.
    pub(crate) fn output(&self) -> Option<&Path> {
        self.output.as_deref()
    }

    /// How many frames there are, and the time of the last, seconds.
    pub(crate) fn written(&self) -> (u64, f64) {
        (self.frames, self.last_seconds)
    }

    /// Takes frames out of the list and writes them.
    pub(crate) fn write(&mut self, frames: &mut Vec<FaceFrame>) -> Result<()> {
        for frame in frames.drain(..) {
            let frame = self.tuner.as_mut().map_or(frame, |tuner| tuner.apply_frame(&frame));
            self.latents.write(&frame, &mut self.packet).context("coding a frame")?;
            self.call
                .write_face(self.sender, MessageTimes::at_once(frame.time), &self.packet)
                .context("writing the call; is the disk full?")?;
            self.frames += 1;
            self.face_bytes += self.packet.len() as u64;
            self.last_seconds = frame.time.as_seconds();
        }
        Ok(())
    }

    /// Ends the call: from here on it is whole, and under its own name if it is what was asked for.
    pub(crate) fn finish(self) -> Result<Recorded> {
        let Self { file, output, call, frames, face_bytes, last_seconds, .. } = self;
        ensure!(frames > 0, "no face was seen; nothing is recorded");
        let handle = call.finish().context("ending the call; is the disk full?")?;
        handle
            .into_inner()
            .map_err(|error| error.into_error())
            .context("ending the call; is the disk full?")?;
        let temporary = match output {
            Some(path) => {
                keep(file, &path)?;
                None
            }
            None => Some(file),
        };
        Ok(Recorded { temporary, frames, face_bytes, seconds: last_seconds })
    }
}

/// A sender's name made of an avatar's, which may have any characters.
pub(crate) fn plain_name(name: &str) -> String {
    let plain: String = name
        .chars()
        .take(64)
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' })
        .collect();
    if plain.is_empty() { "speaker".to_owned() } else { plain }
}
