//! A call ready to be rendered: whose face, when, which avatar, which sound.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use visavis_codec::avatar::{AnyAvatar, Semantic};
use visavis_codec::call::{CallReader, ReadCallError, Sender, SenderId, Sound, Timeline, Voice};
use visavis_codec::{FaceFrame, Latent, Timestamp};

use crate::avatar_file::{self, AnyFile, candidates, hex};

/// A recorded call larger than this is refused: it is held in memory.
pub(crate) const MAX_CALL_BYTES: usize = 2 << 30;
/// How long a lone frame is shown.
const FRAME_NS: u64 = 33_333_333;

/// Opens a call's file. One that was cut off, since the program that wrote it died, is read as far as it goes.
pub(crate) fn open_call<'b>(bytes: &'b [u8], path: &Path) -> Result<CallReader<'b>> {
    let opened = match CallReader::new(bytes) {
        Err(ReadCallError::Truncated { .. }) => {
            eprintln!("visavis: {}: the file is cut off; what is whole of it is used", path.display());
            CallReader::recover(bytes)
        }
        opened => opened,
    };
    opened.with_context(|| format!("{}: not a usable call", path.display()))
}

/// One sender's part of a call, and the sound of all.
#[derive(Debug)]
pub(crate) struct Recording<'c> {
    /// Who is shown.
    pub(crate) sender: String,
    /// The sender's clock when the call begins.
    pub(crate) start: Timestamp,
    /// How long the call is.
    pub(crate) seconds: f64,
    pub(crate) timeline: Timeline,
    /// Everybody's, on the clock of who is shown, at their rate; `None` if nobody sent any.
    pub(crate) sound: Option<Sound<'c>>,
    pub(crate) avatar: AnyAvatar,
    pub(crate) avatar_path: PathBuf,
}

impl<'c> Recording<'c> {
    /// Finds in an opened call who is shown, and the avatar. `call` is its file.
    pub(crate) fn open(
        reader: &'c CallReader<'c>,
        call: &Path,
        sender: Option<&str>,
        avatar: Option<&Path>,
    ) -> Result<Self> {
        let in_call = || format!("{}: not a usable call", call.display());
        let names: Vec<_> = reader.senders().map(|(_, sender)| sender.name.clone()).collect();
        let (id, who) = match sender {
            Some(name) => reader.sender(name).with_context(|| {
                format!("{}: no sender `{name}`; there is {}", call.display(), names.join(", "))
            })?,
            None => reader
                .senders()
                .next()
                .with_context(|| format!("{}: nobody is in this call", call.display()))?,
        };
        let mut frames = reader.faces(id).with_context(in_call)?;
        ensure!(!frames.is_empty(), "{}: {} sent no face that can be decoded", call.display(), who.name);
        let (file, same_model) = find_avatar(who, call, avatar)?;
        if !same_model {
            without_residual(&mut frames);
        }
        let timeline = Timeline::new(frames);
        let (first, last) = timeline.span().context("no frame")?;

        let lags = lags(reader).with_context(in_call)?;
        let lag = |id| lags.get(&id).copied().unwrap_or(0);
        let voices: Vec<_> =
            reader.senders().map(|(other, _)| Voice { sender: other, shift: lag(other) - lag(id) }).collect();
        let sound = reader.sound(who.audio.sample_rate, &voices).with_context(in_call)?;
        let heard = sound.span();
        let shown_until = last.0.saturating_add(FRAME_NS);
        let start = heard.map_or(first.0, |(start, _)| start.0.min(first.0));
        let end = heard.map_or(shown_until, |(_, end)| end.0.max(shown_until));
        let seconds = (end - start) as f64 * 1e-9;
        Ok(Self {
            sender: who.name.clone(),
            start: Timestamp(start),
            seconds,
            timeline,
            sound: heard.map(|_| sound),
            avatar: file.avatar,
            avatar_path: file.path,
        })
    }
}

/// The residual means something to its own avatar alone.
pub(crate) fn without_residual(frames: &mut [FaceFrame]) {
    frames.iter_mut().for_each(|frame| frame.latent.residual = Latent::NEUTRAL.residual);
}

/// How far the recorder's clock is ahead of each sender's, nanoseconds, with the shortest way that a message took:
/// senders capture by their own clocks, which have nothing else in common.
fn lags(reader: &CallReader<'_>) -> Result<HashMap<SenderId, i128>, ReadCallError> {
    let mut lags = HashMap::new();
    let mut messages = reader.messages();
    while let Some(message) = messages.next()? {
        let lag = i128::from(message.times.arrival.0) - i128::from(message.times.capture.0);
        lags.entry(message.sender).and_modify(|least: &mut i128| *least = lag.min(*least)).or_insert(lag);
    }
    Ok(lags)
}

/// The avatar to show a sender with, and whether the sender's residual means something to it.
fn find_avatar(who: &Sender, call: &Path, given: Option<&Path>) -> Result<(AnyFile, bool)> {
    let path = match given {
        Some(path) => path.to_owned(),
        None => find_by_name(who, call)?,
    };
    let file = avatar_file::read_any(&path)?;
    let model = &file.avatar.manifest().latent;
    let Err(mismatch) = who.check_avatar(&file.root_hash, model) else { return Ok((file, true)) };
    let readable =
        [who.latent.semantic, model.semantic].iter().all(|&semantic| semantic == Semantic::FaceUnits);
    ensure!(
        readable,
        "{}: {mismatch}, and latents without named units mean nothing to another avatar",
        path.display()
    );
    if given.is_some() {
        eprintln!("visavis: {}: {mismatch}; shown all the same, since --avatar names it", path.display());
    } else if let Some(root) = who.avatar_root {
        bail!(
            "{}: {mismatch} (recorded: {}, this file: {}); to use it all the same: --avatar {}",
            path.display(),
            hex(&root),
            hex(&file.root_hash),
            path.display()
        );
    }
    // Otherwise the call was recorded for any avatar of this name: its units and gaze are all there is to show.
    Ok((file, false))
}

/// The first file of the avatar's name in the usual places.
fn find_by_name(who: &Sender, call: &Path) -> Result<PathBuf> {
    ensure!(
        is_file_name(&who.avatar_name),
        "{}: the call names its avatar `{}`, which is no plain name; use --avatar FILE",
        call.display(),
        who.avatar_name.escape_default()
    );
    let places = candidates(&who.avatar_name, call);
    places.iter().find(|path| path.is_file()).cloned().with_context(|| {
        let list = places.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
        format!(
            "{}: its avatar `{}` is in none of {list}; use --avatar FILE",
            call.display(),
            who.avatar_name
        )
    })
}

/// Whether a name from a file may become a part of a path.
fn is_file_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('.')
        && name.chars().all(|c| c.is_alphanumeric() || "-_. ".contains(c))
}

#[cfg(test)]
mod tests {
    use visavis_codec::bitstream::plain_latent_model;
    use visavis_codec::call::{CallWriter, MessageTimes};

    use super::*;

    #[test]
    fn each_sender_has_a_clock_of_its_own() {
        let model = plain_latent_model(0);
        let mut call = CallWriter::new(std::io::Cursor::new(Vec::new())).unwrap();
        let ids = ["ann", "bob"].map(|name| call.add_sender(&Sender::new(name, "", model.clone())).unwrap());
        // Ann's clock stands 5 s behind the recorder's, Bob's 2 s ahead of it; messages take 10 ms and more.
        for (arrival, way) in [(10_000, 30), (10_020, 10), (10_040, 20)] {
            for (id, ahead) in ids.into_iter().zip([-5_000, 2_000]) {
                let [capture, arrival] =
                    [arrival - way + ahead, arrival].map(|ms: i64| Timestamp(ms as u64 * 1_000_000));
                call.write_audio(id, MessageTimes { capture, arrival }, &[0; 320]).unwrap();
            }
        }
        let file = call.finish().unwrap().into_inner();
        let lags = lags(&CallReader::new(&file).unwrap()).unwrap();
        assert_eq!(ids.map(|id| lags[&id]), [5_010_000_000, -1_990_000_000]);
    }

    #[test]
    fn names_that_leave_the_folder_are_refused() {
        for wrong in ["", "..", "../x", "/etc/passwd", "a\\b", ".hidden", "a\0b", "c:x"] {
            assert!(!is_file_name(wrong), "{wrong:?}");
        }
        assert!(is_file_name("wren") && is_file_name("Zoë 2.1"));
    }
}
