//! What we know of one other participant, and what becomes of the objects it sends.
//!
//! Lives from its announcement until it leaves, over reconnections of either side. Told bytes and times; no tasks, no
//! sockets.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::watch;
use tokio::task::AbortHandle;
use visavis_codec::Timestamp;
use visavis_codec::bitstream::BITSTREAM_VERSION;

use super::event::{Event, Events};
use super::loss::{LossWindow, ratio};
use super::proof::{Trust, Verifier};
use super::shared::lock;
use crate::avatar_track::AvatarDownload;
use crate::bundle::{Bundle, CaptureClock};
use crate::catalogue::{Catalogue, CatalogueError, Needs, NeedsMessage, WIRE_VERSION};
use crate::identity::{Accepted, Nonce, ProofStatus, PublicKey, RecordedProof};
use crate::limits::{Limits, PeerMeter, Verdict};
use crate::seal::{CallSecret, JoinId, Opener, ParticipantId, Salt, TrackId};

/// Bytes of a catalogue object before what is sealed: version and salt.
const CATALOGUE_HEADER: usize = 17;

/// What a program shows of one participant's path.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RemoteStatistics {
    /// Face and audio datagrams (or objects of groups) that opened.
    pub media_objects: u64,
    /// Sealed bytes of the face that were taken.
    pub face_bytes: u64,
    /// Sealed bytes of the voice that were taken.
    pub audio_bytes: u64,
    /// Objects that were refused: not authentic, replayed, malformed, or beyond the limits.
    pub refused: u64,
    /// The lost part of face and audio datagrams in the last full second, 0 to 1.
    pub loss: f32,
    /// Whether it comes in groups, because datagrams don't get through.
    pub groups: bool,
    /// What is proven of it, once its catalogue came.
    pub proof: Option<ProofStatus>,
}

pub(super) struct Remote {
    pub(super) id: ParticipantId,
    state: Mutex<State>,
    attachment: Mutex<Option<AbortHandle>>,
    /// Whether its face is wanted here.
    pub(super) face_wanted: watch::Sender<bool>,
    /// Which avatar to fetch, once the catalogue says it.
    pub(super) catalogue_known: watch::Sender<bool>,
    /// Datagrams that came, of face and voice.
    pub(super) datagrams: AtomicU64,
    pub(super) groups: AtomicBool,
    /// Objects of any kind that opened: a sign of life.
    pub(super) signs: AtomicU64,
}

struct State {
    openers: Option<Openers>,
    catalogue: Option<Catalogue>,
    joined: bool,
    away_since: Option<Timestamp>,
    meter: PeerMeter,
    losses: [LossWindow; 2],
    captures: CaptureClock,
    statistics: RemoteStatistics,
    needs_of_me: Option<Needs>,
    verifier: Verifier,
    has_avatar: bool,
    download: Option<AvatarDownload>,
    warned: Warned,
    opened: Vec<u8>,
}

/// What was complained about, so that it is done once.
#[derive(Default)]
struct Warned {
    version: bool,
    refused: bool,
    face: bool,
}

struct Openers {
    join: JoinId,
    by_track: [Opener; TrackId::ALL.len()],
}

impl Openers {
    fn new(secret: &CallSecret, join: JoinId) -> Self {
        Self { join, by_track: TrackId::ALL.map(|track| Opener::new(secret, &join, track)) }
    }

    fn of(&mut self, track: TrackId) -> &mut Opener {
        // Made from `ALL`, which is in the order of the numbers.
        &mut self.by_track[usize::from(track.number())]
    }
}

impl Remote {
    pub(super) fn new(id: ParticipantId, limits: &Limits, now: Timestamp) -> Self {
        Self {
            id,
            state: Mutex::new(State {
                openers: None,
                catalogue: None,
                joined: false,
                away_since: None,
                meter: PeerMeter::new(limits, now),
                losses: Default::default(),
                captures: CaptureClock::default(),
                statistics: RemoteStatistics::default(),
                needs_of_me: None,
                verifier: Verifier::default(),
                has_avatar: false,
                download: None,
                warned: Warned::default(),
                opened: Vec::new(),
            }),
            attachment: Mutex::new(None),
            face_wanted: watch::Sender::new(true),
            catalogue_known: watch::Sender::new(false),
            datagrams: AtomicU64::new(0),
            groups: AtomicBool::new(false),
            signs: AtomicU64::new(0),
        }
    }

    /// The task that feeds this; one that fed it before ends.
    pub(super) fn attach(&self, task: AbortHandle, events: &Events) {
        if let Some(before) = lock(&self.attachment).replace(task) {
            before.abort();
        }
        let mut state = lock(&self.state);
        if state.away_since.take().is_some() && state.joined {
            events.push(Event::Back { from: self.id });
        }
    }

    pub(super) fn detach(&self) {
        if let Some(task) = lock(&self.attachment).take() {
            task.abort();
        }
    }

    /// Notes that nothing leads to it now.
    pub(super) fn is_away(&self, events: &Events, now: Timestamp) {
        self.detach();
        let mut state = lock(&self.state);
        if state.away_since.is_none() {
            state.away_since = Some(now);
            if state.joined && !state.is_leaving() {
                events.push(Event::Away { from: self.id });
            }
        }
    }

    /// When it was last there, if it is away; whether it said good-bye.
    pub(super) fn away_since(&self) -> Option<(Timestamp, bool)> {
        let state = lock(&self.state);
        state.away_since.map(|since| (since, state.is_leaving()))
    }

    pub(super) fn has_joined(&self) -> bool {
        lock(&self.state).joined
    }

    pub(super) fn catalogue(&self) -> Option<Catalogue> {
        lock(&self.state).catalogue.clone()
    }

    pub(super) fn needs_of_me(&self) -> Option<Needs> {
        let state = lock(&self.state);
        // Who is away sees nothing; who hasn't said anything wants everything.
        (state.joined && state.away_since.is_none()).then(|| state.needs_of_me.unwrap_or_default())
    }

    pub(super) fn statistics(&self) -> RemoteStatistics {
        let groups = self.groups.load(Ordering::Relaxed);
        let state = lock(&self.state);
        RemoteStatistics { groups, proof: state.verifier.told(), ..state.statistics }
    }

    pub(super) fn verdict(&self, now: Timestamp) -> Verdict {
        lock(&self.state).meter.verdict(now)
    }

    /// Called every second.
    pub(super) fn roll_loss(&self) -> f32 {
        let mut state = lock(&self.state);
        let (expected, received) =
            state.losses.iter_mut().map(LossWindow::take).fold((0, 0), |sum, w| (sum.0 + w.0, sum.1 + w.1));
        state.statistics.loss = ratio(expected, received);
        state.statistics.loss
    }

    /// What is proven of it now, if that changed.
    pub(super) fn poll_proof(&self, events: &Events, now: Timestamp) {
        let mut state = lock(&self.state);
        if state.joined
            && let Some(status) = state.verifier.poll(now)
        {
            events.push(Event::Proof { from: self.id, status });
        }
    }

    /// What is to be done about proof now and then: whether a fresh nonce is wanted.
    pub(super) fn wants_challenge(&self, now: Timestamp) -> bool {
        lock(&self.state).verifier.proof().is_some_and(|proof| proof.wants_challenge(now))
    }

    /// Tells which avatar was checked, and its owner; `whole`: all of it is there.
    pub(super) fn set_avatar(&self, root: [u8; 32], owner: Option<PublicKey>, whole: bool) {
        let mut state = lock(&self.state);
        state.has_avatar |= whole;
        if let Some(proof) = state.verifier.proof() {
            proof.set_avatar(root, owner);
        }
    }

    pub(super) fn has_avatar(&self) -> bool {
        lock(&self.state).has_avatar
    }

    /// Keeps what came of an avatar, for when the participant is back.
    pub(super) fn keep_download(&self, download: AvatarDownload) {
        lock(&self.state).download = Some(download);
    }

    pub(super) fn take_download(&self) -> Option<AvatarDownload> {
        lock(&self.state).download.take()
    }

    /// An object as it came from a track.
    pub(super) fn object(&self, track: TrackId, bytes: &[u8], around: &Around<'_>, now: Timestamp) -> Taken {
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
                self.note_media(state, 1, track, counter, plain, now);
                self.keep_for_recording(events, track, counter, plain);
                for timed in bundle.payloads() {
                    let (ticks, payload) =
                        timed.split_first_chunk::<4>().ok_or(bad("a sound without its capture time"))?;
                    let capture = Timestamp(state.captures.read(*ticks));
                    events.push(Event::Audio { from, payload: payload.to_vec(), capture, arrival: now });
                }
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

    fn note_media(
        &self,
        state: &mut State,
        kind: usize,
        track: TrackId,
        counter: u64,
        plain: &[u8],
        now: Timestamp,
    ) {
        state.statistics.media_objects += 1;
        if matches!(track, TrackId::Face | TrackId::Audio) {
            self.datagrams.fetch_add(1, Ordering::Relaxed);
            if let Some(window) = state.losses.get_mut(kind) {
                window.note(counter);
            }
        }
        state.verifier.note(track, counter, plain, now);
    }

    /// Opens a chunk of the avatar.
    pub(super) fn open_chunk(
        &self,
        sealed: &[u8],
        opened: &mut Vec<u8>,
        now: Timestamp,
    ) -> Result<(), String> {
        let mut state = lock(&self.state);
        state.meter.admit(TrackId::Avatar, sealed.len(), now).map_err(|error| error.to_string())?;
        let opener = state.openers.as_mut().ok_or("no salt yet")?.of(TrackId::Avatar);
        let result = opener.open(sealed, opened).map(|_| ()).map_err(|error| error.to_string());
        if result.is_err() {
            state.meter.refuse(now);
        }
        result
    }

    /// Whether an avatar of this size is fetched.
    pub(super) fn admits_avatar(&self, bytes: u64, now: Timestamp) -> Result<(), String> {
        lock(&self.state).meter.avatar(bytes, now).map_err(|error| error.to_string())
    }
}

impl State {
    fn is_leaving(&self) -> bool {
        self.catalogue.as_ref().is_some_and(|catalogue| catalogue.leaving)
    }
}

/// What a remote needs to know to take an object.
pub(super) struct Around<'a> {
    pub(super) me: ParticipantId,
    pub(super) secret: &'a CallSecret,
    pub(super) events: &'a Events,
    pub(super) trust: &'a Mutex<Trust>,
}

/// What became of an object, and what is to be done on our side because of it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Taken {
    /// Whether the track is to be read on.
    pub(super) fine: bool,
    /// The participant appeared: it needs a fresh nonce of ours.
    pub(super) appeared: bool,
    /// Its proof needs a fresh nonce of ours.
    pub(super) challenge: bool,
    /// The nonce that our next statement has to name for it.
    pub(super) nonce: Option<Nonce>,
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
