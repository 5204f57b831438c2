//! What becomes of the objects that a participant sends.

use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::time::Duration;

use visavis_codec::Timestamp;
use visavis_codec::bitstream::BITSTREAM_VERSION;

use super::super::event::{Event, Events};
use super::super::proof::Trust;
use super::super::shared::lock;
use super::sounds::Sound;
use super::{Openers, Remote, State};
use crate::bundle::Bundle;
use crate::catalogue::{Catalogue, CatalogueError, NeedsMessage, WIRE_VERSION};
use crate::identity::{Accepted, Nonce, RecordedProof};
use crate::seal::{CallSecret, JoinId, ParticipantId, Salt, TrackId};
use crate::voice::VoicePacket;

/// Bytes of a catalogue object before what is sealed: version and salt.
const CATALOGUE_HEADER: usize = 17;

/// What a remote needs to know to take an object.
pub(in crate::call) struct Around<'a> {
    pub(in crate::call) me: ParticipantId,
    pub(in crate::call) secret: &'a CallSecret,
    pub(in crate::call) events: &'a Events,
    pub(in crate::call) trust: &'a Mutex<Trust>,
}

/// What became of an object, and what is to be done on our side because of it.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::call) struct Taken {
    /// Whether the track is to be read on.
    pub(in crate::call) fine: bool,
    /// The participant appeared: it needs a fresh nonce of ours.
    pub(in crate::call) appeared: bool,
    /// Its proof needs a fresh nonce of ours.
    pub(in crate::call) challenge: bool,
    /// The nonce that our next statement has to name for it.
    pub(in crate::call) nonce: Option<Nonce>,
}

impl Remote {
    /// An object as it came from a track.
    pub(in crate::call) fn object(
        &self,
        track: TrackId,
        bytes: &[u8],
        around: &Around<'_>,
        now: Timestamp,
    ) -> Taken {
        let mut guard = lock(&self.state);
        let state = &mut *guard;
        if state.meter.admit(track, bytes.len(), now).is_err() {
            state.statistics.refused += 1;
            if !std::mem::replace(&mut state.warned.refused, true) {
                let text =
                    format!("sends more on its {} track than is taken; the rest is dropped", track.name());
                around.events.push(Event::Warning { from: Some(self.id), text });
            }
            return Taken { fine: false, ..Taken::default() };
        }
        let mut taken = Taken { fine: true, ..Taken::default() };
        let result = match track {
            TrackId::Catalogue => self.catalogue_object(state, bytes, around, &mut taken, now),
            _ => self.sealed_object(state, track, bytes, around, &mut taken, now),
        };
        match result {
            Ok(()) => {
                state.meter.spoke();
                self.signs.fetch_add(1, Ordering::Relaxed);
            }
            Err(Refusal::Early) => {}
            Err(Refusal::Replay) => state.statistics.refused += 1,
            Err(Refusal::Bad(reason)) => {
                state.statistics.refused += 1;
                state.meter.refuse(now);
                tracing::debug!(from = %self.id, track = track.name(), %reason, "refused an object");
            }
        }
        taken
    }

    fn catalogue_object(
        &self,
        state: &mut State,
        bytes: &[u8],
        around: &Around<'_>,
        taken: &mut Taken,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let Around { secret, events, trust, .. } = around;
        let (header, sealed) = bytes
            .split_first_chunk::<CATALOGUE_HEADER>()
            .ok_or(Refusal::Bad("it ends before its salt".into()))?;
        let [version, salt @ ..] = *header;
        if version != WIRE_VERSION {
            if !std::mem::replace(&mut state.warned.version, true) {
                let text = CatalogueError::Version { found: version }.to_string();
                events.push(Event::Warning { from: Some(self.id), text });
            }
            return Err(Refusal::Bad(format!("wire version {version}")));
        }
        let join = JoinId { participant: self.id, salt: Salt(salt) };
        let mut opened = std::mem::take(&mut state.opened);
        let result = match &mut state.openers {
            Some(openers) if openers.join == join => openers.of(TrackId::Catalogue).open(sealed, &mut opened),
            // The salt of a join never changes; whoever shows another one under this name is not who began.
            Some(_) => return Err(Refusal::Bad("another salt under the same name".into())),
            None => {
                // Kept only if this object is authentic: a relay could make up a salt.
                let mut openers = Openers::new(secret, join);
                let result = openers.of(TrackId::Catalogue).open(sealed, &mut opened);
                if result.is_ok() {
                    state.openers = Some(openers);
                }
                result
            }
        };
        let is_first = state.verifier.proof().is_none();
        let catalogue = result.map_err(refusal).and_then(|counter| {
            let proof = state.verifier.begin(&lock(trust), join, now);
            let payload = proof.check_object(TrackId::Catalogue, counter, &opened).map_err(bad)?;
            Catalogue::from_json(payload).map_err(bad)
        });
        state.opened = opened;
        let catalogue = catalogue?;
        taken.appeared = is_first;
        taken.nonce = catalogue.nonce.parse().ok();
        if let Some(face) = &catalogue.face
            && face.bitstream != BITSTREAM_VERSION
            && !std::mem::replace(&mut state.warned.face, true)
        {
            let text = format!(
                "its face is in version {} of the latent bitstream, this build reads {BITSTREAM_VERSION}: update the older one",
                face.bitstream,
            );
            events.push(Event::Warning { from: Some(self.id), text });
        }
        let before = state.catalogue.replace(catalogue.clone());
        // A nonce that changed is of no interest outside.
        let is_news =
            before.is_none_or(|before| Catalogue { nonce: catalogue.nonce.clone(), ..before } != catalogue);
        if catalogue.leaving || !is_news {
            return Ok(());
        }
        if std::mem::replace(&mut state.joined, true) {
            events.push(Event::Changed { from: self.id, catalogue });
        } else {
            events.push(Event::Joined { from: self.id, salt: join.salt, catalogue });
        }
        self.catalogue_known.send_replace(true);
        Ok(())
    }

    fn sealed_object(
        &self,
        state: &mut State,
        track: TrackId,
        bytes: &[u8],
        around: &Around<'_>,
        taken: &mut Taken,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        // Before the catalogue came there is no salt, and no key; that is nobody's fault.
        let opener = state.openers.as_mut().ok_or(Refusal::Early)?.of(track);
        let mut opened = std::mem::take(&mut state.opened);
        let result = opener.open(bytes, &mut opened).map_err(refusal).and_then(|counter| {
            self.plain_object(state, track, counter, &opened, bytes.len(), around, taken, now)
        });
        state.opened = opened;
        result
    }

    #[expect(clippy::too_many_arguments, reason = "an object and all that it may touch, in one place")]
    fn plain_object(
        &self,
        state: &mut State,
        track: TrackId,
        counter: u64,
        plain: &[u8],
        sealed_bytes: usize,
        around: &Around<'_>,
        taken: &mut Taken,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let (from, events) = (self.id, around.events);
        match track {
            TrackId::Face | TrackId::FaceGroups => {
                let bundle = Bundle::read(plain).map_err(bad)?;
                state.statistics.face_bytes += sealed_bytes as u64;
                self.note_media(state, 0, track, counter, plain, now);
                self.keep_for_recording(events, track, counter, plain);
                for payload in bundle.payloads() {
                    events.push(Event::Face { from, payload: payload.to_vec(), arrival: now });
                }
            }
            TrackId::Audio | TrackId::AudioGroups => {
                let bundle = Bundle::read(plain).map_err(bad)?;
                state.statistics.audio_bytes += sealed_bytes as u64;
                let newest = bundle.payloads().last().and_then(|timed| timed.get(4..));
                let length = newest.map_or(Duration::ZERO, length_of);
                let missing = self.note_media(state, 1, track, counter, plain, now);
                state.bursts.note(missing, length, now);
                self.keep_for_recording(events, track, counter, plain);
                let State { sounds, verifier, .. } = state;
                let sound = Sound { track, counter, plain: plain.to_vec(), arrival: now };
                sounds.take(sound, verifier.proof().map(|proof| &*proof), from, events).map_err(bad)?;
            }
            TrackId::Needs => {
                let proof = state.verifier.proof().ok_or(Refusal::Early)?;
                let payload = proof.check_object(track, counter, plain).map_err(bad)?;
                let message = NeedsMessage::from_json(payload).map_err(bad)?;
                let needs = message.of.get(&around.me.to_string()).copied();
                if needs != state.needs_of_me {
                    state.needs_of_me = needs;
                    events.push(Event::Needs { from, needs: needs.unwrap_or_default() });
                }
            }
            TrackId::Proof => {
                let accepted = state.verifier.accept(plain, &mut lock(around.trust), now).map_err(bad)?;
                match &accepted {
                    Some(Accepted::Statement { .. } | Accepted::Checkpoint(_) | Accepted::Revocation(_)) => {
                        events.push(Event::ProofMessage { from, message: plain.to_vec() });
                    }
                    Some(Accepted::NotFresh | Accepted::Delayed(_) | Accepted::NoStatement) | None => {}
                }
                if let Some(Accepted::Checkpoint(_)) = accepted {
                    let State { sounds, verifier, .. } = state;
                    sounds.release(verifier.proof().map(|proof| &*proof), from, events, now);
                }
                // A checkpoint of somebody who said nothing: the statement was missed, so ask for another.
                taken.challenge = accepted == Some(Accepted::NoStatement)
                    || state.verifier.proof().is_some_and(|proof| proof.wants_challenge(now));
                if state.joined
                    && let Some(status) = state.verifier.poll(now)
                {
                    events.push(Event::Proof { from, status });
                }
            }
            // Handled where they are read.
            TrackId::Catalogue | TrackId::Avatar => {}
        }
        Ok(())
    }

    /// What is signed for are objects as they were opened, so a recording that is to prove who spoke needs those.
    fn keep_for_recording(&self, events: &Events, track: TrackId, counter: u64, plain: &[u8]) {
        if events.is_recording() {
            let message = RecordedProof::Object { track, counter, payload: plain }.to_bytes();
            events.push(Event::ProofMessage { from: self.id, message });
        }
    }

    /// Notes a face or a sound; how many are missing right before it.
    fn note_media(
        &self,
        state: &mut State,
        kind: usize,
        track: TrackId,
        counter: u64,
        plain: &[u8],
        now: Timestamp,
    ) -> u64 {
        state.statistics.media_objects += 1;
        let mut missing = 0;
        if matches!(track, TrackId::Face | TrackId::Audio) {
            self.datagrams.fetch_add(1, Ordering::Relaxed);
            if let Some(window) = state.losses.get_mut(kind) {
                missing = window.note(counter);
            }
        }
        state.verifier.note(track, counter, plain, now);
        missing
    }
}

/// How much sound a payload holds; nothing if it is no voice.
fn length_of(payload: &[u8]) -> Duration {
    let samples = VoicePacket::read(payload).map_or(0, |packet| packet.samples());
    Duration::from_secs_f64(samples as f64 / f64::from(crate::voice::VOICE_RATE))
}

fn bad(reason: impl ToString) -> Refusal {
    Refusal::Bad(reason.to_string())
}

enum Refusal {
    /// It can't be opened yet.
    Early,
    /// It came before: networks do that.
    Replay,
    /// Its sender is to blame.
    Bad(String),
}

fn refusal(error: crate::seal::OpenError) -> Refusal {
    use crate::seal::OpenError;
    match error {
        OpenError::Replayed { .. } | OpenError::TooOld { .. } => Refusal::Replay,
        other => Refusal::Bad(other.to_string()),
    }
}
