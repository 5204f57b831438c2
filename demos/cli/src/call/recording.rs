//! A call written down while it goes on: readable up to its last second, whatever happens to the program.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use visavis_codec::Timestamp;
use visavis_codec::avatar::Manifest;
use visavis_codec::bitstream::plain_latent_model;
use visavis_codec::call::{AudioFormat, CallWriter, MessageTimes, Sender, SenderId, WriteCallError};
use visavis_net::seal::ParticipantId;
use visavis_net::voice::{VOICE_RATE, VoiceDecoder, VoicePacket};

use crate::avatar_file::root_of_hex;
use crate::drive::recorder::plain_name;
use crate::render::output::create_folder_of;

/// What comes before a participant's avatar is known waits: so many messages at the most, some ten seconds.
const MAX_WAITING: usize = 2000;
/// Packets of one stream are no farther apart than this, nanoseconds.
const NEAR: u64 = 2_000_000_000;
/// A block of sound in the file is at most 120 ms.
const MAX_BLOCK: usize = 5760;

/// A recording that is being written.
pub(crate) struct Recording {
    path: PathBuf,
    call: CallWriter<BufWriter<File>>,
    tracks: HashMap<ParticipantId, Track>,
    names: Vec<String>,
    pub(crate) messages: u64,
}

/// One participant's.
struct Track {
    name: String,
    sender: Option<SenderId>,
    decoder: VoiceDecoder,
    sequence: Option<u8>,
    waiting: Vec<(MessageTimes, Message)>,
    faces: Start,
    voices: Start,
}

/// The beginning of what a participant sends: who joins may be given a packet from long before, and a recording that began with it
/// would be as long.
#[derive(Default)]
enum Start {
    #[default]
    Nothing,
    /// The first packet: written once another one is near it.
    First(MessageTimes, Vec<u8>),
    Flows,
}

impl Start {
    /// Which packets are to be written, now that this one has come.
    fn admit(&mut self, times: MessageTimes, packet: &[u8]) -> Vec<(MessageTimes, Vec<u8>)> {
        let new = (times, packet.to_vec());
        match std::mem::take(self) {
            Self::First(first, before) if first.capture.0.abs_diff(times.capture.0) < NEAR => {
                *self = Self::Flows;
                vec![(first, before), new]
            }
            Self::Flows => {
                *self = Self::Flows;
                vec![new]
            }
            Self::First(..) | Self::Nothing => {
                *self = Self::First(new.0, new.1);
                Vec::new()
            }
        }
    }
}

enum Message {
    Face(Vec<u8>),
    Voice(Vec<i16>),
    Proof(Vec<u8>),
}

impl Recording {
    pub(crate) fn start(path: &Path) -> Result<Self> {
        create_folder_of(path)?;
        let file = File::create(path).with_context(|| format!("{}: can't be written", path.display()))?;
        let call = CallWriter::new(BufWriter::new(file)).context("beginning the recording")?;
        Ok(Self { path: path.to_owned(), call, tracks: HashMap::new(), names: Vec::new(), messages: 0 })
    }

    fn track(&mut self, id: ParticipantId, name: &str) -> Result<&mut Track> {
        if !self.tracks.contains_key(&id) {
            // Two may have one name, and a file tells its senders apart by theirs.
            let plain: String = plain_name(name).chars().take(48).collect();
            let name = if self.names.contains(&plain) { format!("{plain}-{id}") } else { plain };
            self.names.push(name.clone());
            let decoder = VoiceDecoder::new().context("recording a voice")?;
            let track = Track {
                name,
                sender: None,
                decoder,
                sequence: None,
                waiting: Vec::new(),
                faces: Start::Nothing,
                voices: Start::Nothing,
            };
            self.tracks.insert(id, track);
        }
        self.tracks.get_mut(&id).context("recording")
    }

    /// A participant's avatar is known, by its root (64 hexadecimal digits) and manifest: from now on its messages are written.
    /// Without an avatar the voice alone means something.
    pub(crate) fn know(
        &mut self,
        id: ParticipantId,
        name: &str,
        avatar: Option<(&Manifest, Option<&str>)>,
    ) -> Result<()> {
        if self.track(id, name)?.sender.is_some() {
            return Ok(());
        }
        let Some(track) = self.tracks.get_mut(&id) else { return Ok(()) };
        let mut sender = match avatar {
            Some((manifest, root)) => {
                let mut sender = Sender::new(&track.name, &manifest.name, manifest.latent.clone());
                sender.avatar_root = root.and_then(root_of_hex);
                sender
            }
            None => Sender::new(&track.name, "", plain_latent_model(0)),
        };
        sender.audio = AudioFormat { sample_rate: VOICE_RATE };
        track.sender = Some(self.call.add_sender(&sender).context("recording a participant")?);
        for (times, message) in std::mem::take(&mut track.waiting) {
            if avatar.is_some() || !matches!(message, Message::Face(_)) {
                self.write(id, times, message)?;
            }
        }
        Ok(())
    }

    /// What proves who spoke.
    pub(crate) fn proof(
        &mut self,
        id: ParticipantId,
        name: &str,
        times: MessageTimes,
        proof: Vec<u8>,
    ) -> Result<()> {
        self.track(id, name)?;
        self.write(id, times, Message::Proof(proof))
    }

    /// A coded face as it came.
    pub(crate) fn face(
        &mut self,
        id: ParticipantId,
        name: &str,
        times: MessageTimes,
        packet: &[u8],
    ) -> Result<()> {
        for (times, packet) in self.track(id, name)?.faces.admit(times, packet) {
            self.write(id, times, Message::Face(packet))?;
        }
        Ok(())
    }

    /// A coded sound as it came; it is decoded, and what was lost just before it made up for.
    pub(crate) fn voice(
        &mut self,
        id: ParticipantId,
        name: &str,
        times: MessageTimes,
        payload: &[u8],
    ) -> Result<()> {
        for (times, payload) in self.track(id, name)?.voices.admit(times, payload) {
            self.decode(id, name, times, &payload)?;
        }
        Ok(())
    }

    fn decode(&mut self, id: ParticipantId, name: &str, times: MessageTimes, payload: &[u8]) -> Result<()> {
        let Ok(packet) = VoicePacket::read(payload) else { return Ok(()) };
        let track = self.track(id, name)?;
        let is_next_but_one = track.sequence.is_some_and(|last| (last + 2) % 64 == packet.sequence);
        if is_next_but_one && packet.repeats_previous() {
            let samples = packet.samples();
            let before =
                times.capture.0.saturating_sub(samples as u64 * 1_000_000_000 / u64::from(VOICE_RATE));
            let lost = track.decoder.recover(packet.opus, samples).map(pcm);
            if let Ok(lost) = lost {
                let times = MessageTimes { capture: Timestamp(before), ..times };
                self.write(id, times, Message::Voice(lost))?;
            }
        }
        let track = self.track(id, name)?;
        track.sequence = Some(packet.sequence);
        match track.decoder.decode(packet.opus).map(pcm) {
            Ok(samples) => self.write(id, times, Message::Voice(samples)),
            Err(_) => Ok(()),
        }
    }

    /// Sound of our own, before it was coded.
    pub(crate) fn sound(
        &mut self,
        id: ParticipantId,
        name: &str,
        at: Timestamp,
        samples: &[f32],
    ) -> Result<()> {
        self.track(id, name)?;
        for (n, block) in samples.chunks(MAX_BLOCK).enumerate() {
            let later = (n * MAX_BLOCK) as u64 * 1_000_000_000 / u64::from(VOICE_RATE);
            self.write(id, MessageTimes::at_once(Timestamp(at.0 + later)), Message::Voice(pcm(block)))?;
        }
        Ok(())
    }

    fn write(&mut self, id: ParticipantId, times: MessageTimes, message: Message) -> Result<()> {
        let Some(track) = self.tracks.get_mut(&id) else { return Ok(()) };
        let Some(sender) = track.sender else {
            if track.waiting.len() >= MAX_WAITING {
                track.waiting.remove(0);
            }
            track.waiting.push((times, message));
            return Ok(());
        };
        let written = match &message {
            Message::Face(packet) => self.call.write_face(sender, times, packet),
            Message::Voice(samples) => self.call.write_audio(sender, times, samples),
            Message::Proof(proof) => self.call.write_proof(sender, times, proof),
        };
        match written {
            Ok(()) => self.messages += 1,
            // What a peer sends may be anything; that isn't the disk's fault.
            Err(WriteCallError::Packet { .. } | WriteCallError::AudioBlock { .. }) => {}
            Err(error) => {
                return Err(error).with_context(|| format!("{}: is the disk full?", self.path.display()));
            }
        }
        Ok(())
    }

    /// Ends the file; those who never said what they look like are written as voices.
    pub(crate) fn finish(mut self) -> Result<PathBuf> {
        let silent: Vec<_> =
            self.tracks.iter().filter(|(_, track)| track.sender.is_none()).map(|(id, _)| *id).collect();
        for id in silent {
            self.know(id, "", None)?;
        }
        let ending = || format!("{}: ending the recording; is the disk full?", self.path.display());
        let file = self.call.finish().with_context(ending)?;
        file.into_inner().map_err(std::io::IntoInnerError::into_error).with_context(ending)?;
        Ok(self.path)
    }
}

fn pcm(samples: &[f32]) -> Vec<i16> {
    samples.iter().map(|sample| (sample.clamp(-1.0, 1.0) * 32_767.0).round() as i16).collect()
}

#[cfg(test)]
mod tests {
    use visavis_codec::call::{CallReader, Voice};

    #[test]
    fn a_packet_from_long_ago_does_not_begin_a_recording() {
        let at = |seconds: u64| MessageTimes::at_once(Timestamp(seconds * 1_000_000_000));
        let mut start = Start::default();
        assert!(start.admit(at(3), &[1]).is_empty());
        assert!(start.admit(at(300), &[2]).is_empty());
        assert_eq!(start.admit(at(301), &[3]), [(at(300), vec![2]), (at(301), vec![3])]);
        assert_eq!(start.admit(at(400), &[4]), [(at(400), vec![4])]);
    }

    use super::*;

    #[test]
    fn a_recording_is_readable_while_it_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("call.mcap");
        let mut recording = Recording::start(&path).unwrap();
        let (ann, bob) = (ParticipantId([1; 8]), ParticipantId([2; 8]));
        let model = plain_latent_model(0);
        let manifest =
            visavis_codec::testing::synthetic_avatar(1, visavis_codec::testing::Preset::Tiny).manifest;
        for tick in 0..500u64 {
            let at = Timestamp(1_000_000_000 + tick * 10_000_000);
            recording.sound(ann, "Ann", at, &[0.25; 480]).unwrap();
            recording.sound(bob, "Ann", at, &[0.5; 480]).unwrap();
            if tick == 100 {
                recording.know(ann, "Ann", Some((&manifest, Some(&"ab".repeat(32))))).unwrap();
            }
            if tick == 499 {
                // As after kill -9: nothing was said good-bye to.
                let bytes = std::fs::read(&path).unwrap();
                let call = CallReader::recover(&bytes).unwrap();
                let (id, sender) = call.senders().next().unwrap();
                assert_eq!((sender.name.as_str(), sender.avatar_root), ("Ann", Some([0xab; 32])));
                let sound = call.sound(VOICE_RATE, &[Voice { sender: id, shift: 0 }]).unwrap();
                let (start, end) = sound.span().unwrap();
                assert_eq!(start.0, 1_000_000_000);
                assert!(end.0 >= at.0 - 1_200_000_000, "{end:?} of {at:?}");
            }
        }
        recording.finish().unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let call = CallReader::new(&bytes).unwrap();
        let names: Vec<_> =
            call.senders().map(|(_, sender)| (sender.name.clone(), sender.latent == model)).collect();
        assert_eq!(names, [("Ann".to_owned(), false), (format!("Ann-{bob}"), true)]);
    }
}
