//! Another participant as we see and hear it.

use std::time::Duration;

use anyhow::{Context as _, Result};
use visavis_codec::avatar::{AnyAvatar, Manifest};
use visavis_codec::bitstream::{LatentReader, Quantiser, Rung};
use visavis_codec::expression::{OwnerLimits, Profile, Tuner};
use visavis_codec::playout::{Playout, PlayoutOptions, Shown};
use visavis_codec::{Avatar, FaceFrame, Timestamp};
use visavis_net::call::{AvatarProgress, Call};
use visavis_net::catalogue::Catalogue;
use visavis_net::identity::ProofStatus;
use visavis_net::seal::ParticipantId;
use visavis_net::voice::{Heard, Lipsync, VoiceBuffer, VoiceBufferOptions};

use crate::calibrate::range_of_any;

/// The incoming half of a call, of one participant.
pub(crate) struct Listener {
    pub(crate) id: ParticipantId,
    pub(crate) catalogue: Catalogue,
    pub(crate) proof: Option<ProofStatus>,
    pub(crate) is_away: bool,
    pub(crate) has_left: bool,
    /// What is known of its avatar: its manifest comes first.
    pub(crate) manifest: Option<Box<Manifest>>,
    pub(crate) avatar: Option<AnyAvatar>,
    pub(crate) avatar_bytes: Option<(u64, u64)>,
    latents: Option<LatentReader>,
    face: Playout,
    voice: VoiceBuffer,
    lipsync: Lipsync,
    /// As its owner lets us see it, and by which limits.
    tuned: Option<(OwnerLimits, Tuner)>,
    rung: Option<Rung>,
    /// Payloads that came and couldn't be read.
    pub(crate) unreadable: u64,
    faces: u64,
    first: Timestamp,
    first_face: Option<Timestamp>,
    first_voice: Option<Timestamp>,
    first_likeness: Option<Timestamp>,
    /// Bytes of face and voice at the last look, and kbit/s since.
    looked: (Timestamp, u64),
    pub(crate) kbit_per_s: f64,
}

/// What a status line says of a participant.
#[derive(Clone, Debug)]
pub(crate) struct Figures {
    pub(crate) delay: Duration,
    pub(crate) voice_delay: Duration,
    pub(crate) skew_ms: Option<f64>,
    pub(crate) loss: f32,
    pub(crate) concealed: f64,
    pub(crate) kbit_per_s: f64,
    pub(crate) rung: Option<u8>,
    pub(crate) proof: String,
}

impl Listener {
    pub(crate) fn new(id: ParticipantId, catalogue: Catalogue, rate: u32, now: Timestamp) -> Result<Self> {
        let mut options = PlayoutOptions::default();
        options.resting.seed = u64::from_le_bytes(id.0);
        Ok(Self {
            id,
            catalogue,
            proof: None,
            is_away: false,
            has_left: false,
            manifest: None,
            avatar: None,
            avatar_bytes: None,
            latents: None,
            face: Playout::new(options).context("play-out")?,
            voice: VoiceBuffer::new(VoiceBufferOptions { rate, ..VoiceBufferOptions::default() })
                .context("the voice")?,
            lipsync: Lipsync::new(),
            tuned: None,
            rung: None,
            unreadable: 0,
            faces: 0,
            first: now,
            first_face: None,
            first_voice: None,
            first_likeness: None,
            looked: (now, 0),
            kbit_per_s: 0.0,
        })
    }

    /// The name to show: as it says itself, else its number's beginning.
    pub(crate) fn name(&self) -> String {
        match self.catalogue.name.as_str() {
            "" => self.id.to_string().chars().take(8).collect(),
            name => name.to_owned(),
        }
    }

    /// Whether its face may be shown as its avatar.
    pub(crate) fn is_proven(&self) -> bool {
        self.proof == Some(ProofStatus::Proven)
    }

    /// Takes a coded face; the newest frame that it holds, where it can be read.
    pub(crate) fn take_face(&mut self, payload: &[u8], arrival: Timestamp) -> Option<FaceFrame> {
        let Some(latents) = &mut self.latents else { return None };
        match latents.read(payload) {
            Ok(frames) => {
                let newest = frames.last().copied();
                for frame in frames {
                    // Numbers within the avatar's range are a face's.
                    let _ = self.face.push(&frame.face, arrival);
                }
                self.rung = newest.map(|frame| frame.rung);
                self.faces += 1;
                self.first_face.get_or_insert(arrival);
                newest.map(|frame| frame.face)
            }
            Err(visavis_codec::bitstream::ReadPacketError::MissingReference { .. }) => None,
            Err(error) => {
                self.unreadable += 1;
                tracing::debug!(%error, "a face can't be read");
                None
            }
        }
    }

    /// Takes a coded sound.
    pub(crate) fn take_voice(&mut self, payload: &[u8], capture: Timestamp, arrival: Timestamp) {
        self.first_voice.get_or_insert(arrival);
        if let Err(error) = self.voice.push(payload, capture, arrival) {
            self.unreadable += 1;
            tracing::debug!(%error, "a voice can't be read");
        }
    }

    /// Takes what came of its avatar. Says what a person should know.
    pub(crate) fn take_avatar(&mut self, progress: &AvatarProgress, now: Timestamp) -> Option<String> {
        let wrong = |error: &dyn std::fmt::Display| Some(format!("its avatar can't be used: {error}"));
        match progress {
            AvatarProgress::Bytes { have, total } => {
                self.avatar_bytes = Some((*have, *total));
                None
            }
            AvatarProgress::Likeness(bytes) => match Avatar::read_prefix(bytes) {
                Ok(likeness) => {
                    self.first_likeness.get_or_insert(now);
                    self.set_manifest(likeness.manifest)
                }
                Err(error) => wrong(&error),
            },
            AvatarProgress::Ready(bytes) => match AnyAvatar::read(bytes) {
                Ok(avatar) => {
                    self.first_likeness.get_or_insert(now);
                    let said = self.set_manifest(avatar.manifest().clone());
                    self.avatar = Some(avatar);
                    said
                }
                Err(error) => wrong(&error),
            },
            AvatarProgress::Failed(reason) => wrong(reason),
        }
    }

    fn set_manifest(&mut self, manifest: Manifest) -> Option<String> {
        if self.manifest.as_deref().is_some_and(|known| known.latent == manifest.latent) {
            return None;
        }
        match Quantiser::new(&manifest.latent) {
            Ok(quantiser) => {
                self.latents = Some(LatentReader::new(quantiser));
                self.manifest = Some(Box::new(manifest));
                None
            }
            Err(error) => Some(format!("its avatar's latents can't be read: {error}")),
        }
    }

    /// Its voice from `display` on.
    pub(crate) fn pull(&mut self, now: Timestamp, display: Timestamp, out: &mut [f32]) -> Heard {
        let heard = self.voice.pull(now, display, out);
        if matches!(self.proof, Some(ProofStatus::Veiled(_))) {
            out.fill(0.0);
        }
        heard
    }

    /// Its face for a display time, in step with its voice.
    pub(crate) fn show(&mut self, display: Timestamp) -> Shown {
        let mut shown = self.lipsync.show(&mut self.face, &mut self.voice, display);
        if let Some((_, tuner)) = &mut self.tuned {
            shown.frame = tuner.apply_frame(&shown.frame);
        }
        shown
    }

    /// Shows its face as the viewer wishes, within its owner's limits. Says so when they change what is wished.
    pub(crate) fn tune(&mut self, wish: &Profile, limits: &OwnerLimits) -> Option<&'static str> {
        // What units do to a face is known once all of it is there.
        let avatar = self.avatar.as_ref()?;
        if self.tuned.as_ref().is_some_and(|(known, _)| known == limits) {
            return None;
        }
        let within = limits.clamp(wish);
        let range = range_of_any(avatar).ok()?;
        self.tuned = Some((*limits, Tuner::new(&within, &range)));
        match *limits == OwnerLimits::default() {
            true => Some("its owner lets nobody tune its face: you see it as it is (--tune)"),
            false => Some("its face is tuned by your profile, as far as its owner lets viewers (--tune)"),
        }
    }

    /// Counts what has come since the last look.
    pub(crate) fn look(&mut self, now: Timestamp, call: &Call) {
        let Some(remote) = call.remote_statistics(self.id) else { return };
        let bytes = remote.face_bytes + remote.audio_bytes;
        let seconds = now.0.saturating_sub(self.looked.0.0) as f64 * 1e-9;
        if seconds > 0.5 {
            self.kbit_per_s = bytes.saturating_sub(self.looked.1) as f64 * 8e-3 / seconds;
            self.looked = (now, bytes);
        }
    }

    pub(crate) fn figures(&self, call: Option<&Call>) -> Figures {
        let face = self.face.statistics();
        let voice = self.voice.statistics();
        let remote = call.and_then(|call| call.remote_statistics(self.id));
        Figures {
            delay: face.delay,
            voice_delay: voice.delay,
            skew_ms: self.lipsync.statistics().skew.map(|skew| skew * 1e3),
            loss: remote.map_or(0.0, |remote| remote.loss),
            concealed: face.concealed_ratio(),
            kbit_per_s: self.kbit_per_s,
            rung: self.rung.map(Rung::number),
            proof: match (&self.proof, self.is_away) {
                (_, true) => "away".to_owned(),
                (Some(status), _) => status.to_string(),
                (None, _) => "not heard of yet".to_owned(),
            },
        }
    }

    /// For `--json`.
    pub(crate) fn report(&self, call: Option<&Call>) -> serde_json::Value {
        let Figures { loss, rung, proof, .. } = self.figures(call);
        let (face, voice, skew) =
            (self.face.statistics(), self.voice.statistics(), self.lipsync.statistics());
        let since =
            |time: Option<Timestamp>| time.map(|time| time.0.saturating_sub(self.first.0) as f64 * 1e-9);
        let remote = call.and_then(|call| call.remote_statistics(self.id));
        serde_json::json!({
            "name": self.name(), "participant": self.id.to_string(), "avatar": self.manifest.as_ref().map(|m| &m.name),
            "proof": proof, "proven": self.is_proven(), "recording": self.catalogue.recording, "left": self.has_left,
            "faces": self.faces, "face_delay_ms": face.delay.as_secs_f64() * 1e3,
            "face_target_delay_ms": face.target_delay.as_secs_f64() * 1e3,
            "concealed_ratio": face.concealed_ratio(), "shown_s": face.shown.as_secs_f64(), "rung": rung,
            "voice_packets": voice.packets, "voice_delay_ms": voice.delay.as_secs_f64() * 1e3,
            "voice_concealed_ratio": voice.concealed_ratio(), "voice_recovered": voice.recovered,
            "voice_played_s": voice.played.as_secs_f64(), "voice_drift_ppm": voice.drift_ppm,
            "av_skew_ms": { "last": skew.skew.map(|s| s * 1e3), "rms": skew.rms() * 1e3, "worst": skew.worst * 1e3,
                "out_of_step": skew.out_of_step, "pictures": skew.pictures },
            "tuning_allowed": self.tuned.as_ref().map(|(limits, _)| *limits != OwnerLimits::default()),
            "loss": loss, "unreadable": self.unreadable,
            "face_bytes": remote.map(|r| r.face_bytes), "audio_bytes": remote.map(|r| r.audio_bytes),
            "first_voice_s": since(self.first_voice), "first_face_s": since(self.first_face),
            "first_likeness_s": since(self.first_likeness),
        })
    }
}
