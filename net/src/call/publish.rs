//! Our side of the broadcast: what is sealed and put on tracks.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use moq_net::{Timescale, Timestamp as MoqTimestamp, broadcast, group, track};
use visavis_codec::Timestamp;

use super::event::{Event, Events};
use super::proof::wall;
use crate::bundle::{self, BundleError};
use crate::catalogue::{Catalogue, NeedsMessage, WIRE_VERSION};
use crate::identity::{Prover, RecordedProof, join_of};
use crate::seal::{JoinId, JoinSeals, ParticipantId, SealError, Sealer, TrackId};

/// How long groups of live media are, for who can't have datagrams.
const GROUP: Duration = Duration::from_millis(500);

/// A sound that is older than this doesn't come again.
const SOUND_AGE: Duration = Duration::from_millis(400);

/// How long publishers and relays keep groups of live media and of proofs.
const KEEP: Duration = Duration::from_secs(5);

/// Why something can't be sent.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The payload is too large or too small for a datagram.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// It can't be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The call is over.
    #[error("the call is over")]
    Over,
}

/// What became of a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// It is on its way.
    Sent,
    /// It goes with the next one.
    Held,
    /// Nobody is there to get it.
    Nobody,
    /// Everybody said that they don't see it.
    Hidden,
    /// The path is full; older ones have to go first.
    Congested,
}

/// A track of groups of which the latest counts, or of a log.
struct GroupTrack {
    producer: track::Producer,
    sealer: Sealer,
}

/// Live media: a track of datagrams, and one of groups, which is made only if somebody subscribes.
struct LiveTrack {
    datagrams: track::Producer,
    sealer: Sealer,
    groups: track::Producer,
    group_sealer: Sealer,
    group: Option<(Timestamp, group::Producer)>,
}

/// Our broadcast. Its sealers live as long as the join does, over reconnections, so that counters go on.
pub(super) struct Publisher {
    pub(super) join: JoinId,
    broadcast: broadcast::Producer,
    catalogue: GroupTrack,
    needs: GroupTrack,
    proof: GroupTrack,
    face: LiveTrack,
    audio: LiveTrack,
    pub(super) avatar: Option<(track::Producer, Sealer)>,
    pub(super) shown: Catalogue,
    pub(super) prover: Prover,
    faces: Vec<Vec<u8>>,
    /// The last sounds with their capture times, oldest first, for those that come again.
    sounds: VecDeque<(Timestamp, Vec<u8>)>,
    /// Grows whenever held faces are sent, so that a late timer knows that it is late.
    pub(super) generation: u64,
    sealed: Vec<u8>,
    /// Where what was signed goes while the call is recorded here.
    record: Record,
}

/// Tells the program what proves who we are, as it tells it of others.
struct Record {
    events: Arc<Events>,
    me: ParticipantId,
    /// The newest statement, for a recording that begins later.
    statement: Option<Vec<u8>>,
}

impl Record {
    fn object(&self, track: TrackId, counter: u64, plain: &[u8]) {
        if self.events.is_recording() {
            let message = RecordedProof::Object { track, counter, payload: plain }.to_bytes();
            self.events.push(Event::ProofMessage { from: self.me, message });
        }
    }

    fn proof(&mut self, message: &[u8]) {
        if self.events.is_recording() {
            self.events.push(Event::ProofMessage { from: self.me, message: message.to_vec() });
        }
        if join_of(message).is_some() {
            self.statement = Some(message.to_vec());
        }
    }
}

/// Milliseconds since the clock began, as MoQ times groups.
fn moq_time(now: Timestamp) -> MoqTimestamp {
    MoqTimestamp::from_millis(now.0 / 1_000_000).unwrap_or(MoqTimestamp::ZERO)
}

impl Publisher {
    /// Makes the tracks and announces the broadcast.
    pub(super) fn new(
        broadcast: broadcast::Producer,
        mut seals: JoinSeals,
        shown: Catalogue,
        prover: Prover,
        events: Arc<Events>,
        now: Timestamp,
    ) -> Result<Self, PublishError> {
        let info = |keep, priority| {
            track::Info::default().with_timescale(Timescale::MILLI).with_max_age(keep).with_priority(priority)
        };
        let mut groups = |track: TrackId, keep, priority| -> Result<GroupTrack, PublishError> {
            let producer = broadcast.create_track(track.name(), info(keep, priority))?;
            Ok(GroupTrack { producer, sealer: seals.sealer(track)? })
        };
        let catalogue = groups(TrackId::Catalogue, KEEP, 220)?;
        let needs = groups(TrackId::Needs, KEEP, 210)?;
        let proof = groups(TrackId::Proof, KEEP, 230)?;
        let face_groups = groups(TrackId::FaceGroups, KEEP, 180)?;
        let audio_groups = groups(TrackId::AudioGroups, KEEP, 200)?;
        let face = groups(TrackId::Face, KEEP, 180)?;
        let audio = groups(TrackId::Audio, KEEP, 200)?;
        let avatar = match shown.avatar {
            Some(_) => {
                // Chunks are fetched by number, from whom keeps them.
                let avatar = groups(TrackId::Avatar, Duration::from_secs(3600), 20)?;
                Some((avatar.producer, avatar.sealer))
            }
            None => None,
        };
        let live = |datagrams: GroupTrack, groups: GroupTrack| LiveTrack {
            datagrams: datagrams.producer,
            sealer: datagrams.sealer,
            groups: groups.producer,
            group_sealer: groups.sealer,
            group: None,
        };
        let mut publisher = Self {
            join: *seals.join(),
            broadcast,
            catalogue,
            needs,
            proof,
            face: live(face, face_groups),
            audio: live(audio, audio_groups),
            avatar,
            shown,
            prover,
            faces: Vec::new(),
            sounds: VecDeque::new(),
            generation: 0,
            sealed: Vec::new(),
            record: Record { events, me: seals.join().participant, statement: None },
        };
        publisher.publish_catalogue(now)?;
        publisher.broadcast.announce(moq_net::origin::Route::default())?;
        Ok(publisher)
    }

    /// Puts the catalogue, as it is in `shown`, on its track.
    pub(super) fn publish_catalogue(&mut self, now: Timestamp) -> Result<(), PublishError> {
        let signed = self.catalogue.signed(&self.shown.to_json(), &self.prover);
        self.catalogue.sealer.seal(&signed, &mut self.sealed)?;
        let mut object = Vec::with_capacity(17 + self.sealed.len());
        object.push(WIRE_VERSION);
        object.extend_from_slice(&self.join.salt.0);
        object.extend_from_slice(&self.sealed);
        self.catalogue.producer.write_frame(moq_time(now), object)?;
        Ok(())
    }

    pub(super) fn publish_needs(&mut self, needs: &NeedsMessage, now: Timestamp) -> Result<(), PublishError> {
        let signed = self.needs.signed(&needs.to_json(), &self.prover);
        self.needs.put(&signed, &mut self.sealed, now)
    }

    fn publish_proof(&mut self, message: &[u8], now: Timestamp) -> Result<(), PublishError> {
        self.proof.put(message, &mut self.sealed, now)
    }

    /// Whether anybody subscribes to the face at all.
    pub(super) fn face_has_audience(&self) -> bool {
        self.face.has_audience()
    }

    /// Takes a face; sends it with those held if they are `count`.
    pub(super) fn face(
        &mut self,
        payload: &[u8],
        count: usize,
        hold: bool,
        now: Timestamp,
    ) -> Result<Sent, SendError> {
        // Checked before it waits, so that the error meets its cause.
        if payload.len() + 1 > bundle::MAX_BUNDLE {
            return Err(BundleError::TooLarge { bytes: payload.len() + 1 }.into());
        }
        let held: usize = self.faces.iter().map(|face| face.len() + 2).sum();
        if held + payload.len() + 3 > bundle::MAX_BUNDLE {
            self.flush_faces(now)?;
        }
        self.faces.push(payload.to_vec());
        let is_early = hold || self.faces.len() < count.clamp(1, bundle::MAX_PAYLOADS);
        if is_early && self.faces.len() < bundle::MAX_PAYLOADS {
            return Ok(Sent::Held);
        }
        self.flush_faces(now)
    }

    /// Sends the faces that are held.
    pub(super) fn flush_faces(&mut self, now: Timestamp) -> Result<Sent, SendError> {
        self.generation += 1;
        if self.faces.is_empty() {
            return Ok(Sent::Sent);
        }
        let faces = std::mem::take(&mut self.faces);
        let payloads: Vec<&[u8]> = faces.iter().map(Vec::as_slice).collect();
        let plain = bundle::write(&payloads)?;
        let sent = self.face.put(&plain, &mut self.prover, &self.record, &mut self.sealed, now)?;
        self.sign(now);
        Ok(sent)
    }

    pub(super) fn holds_faces(&self) -> bool {
        !self.faces.is_empty()
    }

    /// Sends a sound, and `copies` of those before it once more.
    pub(super) fn audio(
        &mut self,
        payload: &[u8],
        capture: Timestamp,
        copies: u8,
        now: Timestamp,
    ) -> Result<Sent, SendError> {
        let mut timed = bundle::write_capture(capture.0).to_vec();
        timed.extend_from_slice(payload);
        self.sounds.retain(|(at, _)| u128::from(capture.0.saturating_sub(at.0)) < SOUND_AGE.as_nanos());
        let mut payloads: Vec<&[u8]> = vec![&timed];
        let mut bytes = 1 + timed.len();
        for (_, sound) in self.sounds.iter().rev().take(usize::from(copies).min(bundle::MAX_PAYLOADS - 1)) {
            bytes += sound.len() + 2;
            if bytes > bundle::MAX_BUNDLE {
                break;
            }
            payloads.insert(0, sound);
        }
        let plain = bundle::write(&payloads)?;
        self.sounds.push_back((capture, timed));
        if self.sounds.len() >= bundle::MAX_PAYLOADS {
            self.sounds.pop_front();
        }
        // First the sound, then a face that waited for it: both are in quinn's buffer before it makes a packet.
        let sent = self.audio.put(&plain, &mut self.prover, &self.record, &mut self.sealed, now)?;
        if !self.faces.is_empty() {
            self.flush_faces(now)?;
        } else {
            self.sign(now);
        }
        Ok(sent)
    }

    /// Puts statements and checkpoints on the proof track if it is time for them. Called right after media was sent,
    /// because they then share their packet.
    pub(super) fn sign(&mut self, now: Timestamp) {
        while let Some(message) = self.prover.poll(now, wall()) {
            self.record.proof(&message);
            if let Err(error) = self.publish_proof(&message, now) {
                tracing::debug!(%error, "a proof could not be published");
                return;
            }
        }
    }

    /// Begins a recording with what says who we are.
    pub(super) fn record_statement(&self) {
        if let Some(statement) = &self.record.statement {
            let message = statement.clone();
            self.record.events.push(Event::ProofMessage { from: self.record.me, message });
        }
    }

    /// Says good-bye and ends the broadcast.
    pub(super) fn leave(&mut self, now: Timestamp) {
        self.shown.leaving = true;
        if let Err(error) = self.publish_catalogue(now) {
            tracing::debug!(%error, "the last catalogue could not be published");
        }
    }

    pub(super) fn close(&self) {
        let Self { catalogue, needs, proof, face, audio, .. } = self;
        let controls = [catalogue, needs, proof].map(|track| &track.producer);
        let lives = [face, audio].map(|live| [&live.datagrams, &live.groups]);
        for track in controls.into_iter().chain(lives.into_iter().flatten()) {
            // One that ended already has nothing more to say.
            let _ = track.finish();
        }
        self.broadcast.close();
    }
}

impl GroupTrack {
    /// The payload with its signature under the counter that it will be sealed with.
    fn signed(&self, payload: &[u8], prover: &Prover) -> Vec<u8> {
        prover.sign_object(self.sealer.track(), self.sealer.next_counter(), payload)
    }

    fn put(&mut self, payload: &[u8], sealed: &mut Vec<u8>, now: Timestamp) -> Result<(), PublishError> {
        self.sealer.seal(payload, sealed)?;
        self.producer.write_frame(moq_time(now), sealed.clone())?;
        Ok(())
    }
}

impl LiveTrack {
    fn has_audience(&self) -> bool {
        self.datagrams.is_used() || self.groups.is_used()
    }

    fn put(
        &mut self,
        plain: &[u8],
        prover: &mut Prover,
        record: &Record,
        sealed: &mut Vec<u8>,
        now: Timestamp,
    ) -> Result<Sent, SendError> {
        let mut sent = Sent::Nobody;
        if self.datagrams.is_used() {
            let counter = self.sealer.seal(plain, sealed)?;
            prover.note(self.sealer.track(), counter, plain, now);
            record.object(self.sealer.track(), counter, plain);
            // What a datagram's time would say is inside it, sealed; a constant costs one byte.
            self.datagrams
                .append_datagram(MoqTimestamp::ZERO, sealed.clone())
                .map_err(|_| SendError::Over)?;
            sent = Sent::Sent;
        }
        if self.groups.is_used() {
            let counter = self.group_sealer.seal(plain, sealed)?;
            prover.note(self.group_sealer.track(), counter, plain, now);
            record.object(self.group_sealer.track(), counter, plain);
            self.put_into_group(sealed, now).map_err(|_| SendError::Over)?;
            sent = Sent::Sent;
        } else if let Some((_, group)) = self.group.take() {
            let _ = group.finish();
        }
        Ok(sent)
    }

    fn put_into_group(&mut self, sealed: &[u8], now: Timestamp) -> Result<(), moq_net::Error> {
        let is_over = |begun: &Timestamp| u128::from(now.0.saturating_sub(begun.0)) >= GROUP.as_nanos();
        if self.group.as_ref().is_none_or(|(begun, _)| is_over(begun)) {
            if let Some((_, group)) = self.group.take() {
                group.finish()?;
            }
            self.group = Some((now, self.groups.append_group()?));
        }
        match &mut self.group {
            Some((_, group)) => group.write_frame(moq_time(now), sealed.to_vec()),
            None => Ok(()),
        }
    }
}

/// Why the broadcast can't be made or added to.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// MoQ's model refuses.
    #[error("MoQ: {0}")]
    Moq(String),
    /// It can't be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
}

impl From<moq_net::Error> for PublishError {
    fn from(error: moq_net::Error) -> Self {
        Self::Moq(error.to_string())
    }
}
