//! What we know of one other participant, and what becomes of the objects it sends.
//!
//! Lives from its announcement until it leaves, over reconnections of either side. Told bytes and times; no tasks, no
//! sockets. Objects are taken in `objects.rs`; sounds wait in `sounds.rs` until somebody vouches for them.

mod objects;
mod sounds;

pub(super) use objects::Around;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::AbortHandle;
use visavis_codec::Timestamp;
use visavis_codec::expression::OwnerLimits;

use super::event::{Event, Events};
use super::loss::{Bursts, LossWindow, ratio};
use super::proof::Verifier;
use super::shared::lock;
use crate::avatar_track::AvatarDownload;
use crate::catalogue::{Catalogue, Needs};
use crate::hex::bytes_of_hex;
use crate::identity::{ProofStatus, PublicKey, SignedLimits};
use crate::limits::{Limits, PeerMeter, Verdict};
use crate::seal::{CallSecret, JoinId, Opener, ParticipantId, TrackId};
use sounds::Sounds;

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
    bursts: Bursts,
    sounds: Sounds,
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
                bursts: Bursts::default(),
                sounds: Sounds::default(),
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

    /// Called every second: which part was lost, and how long what is lost together is.
    pub(super) fn roll_loss(&self, now: Timestamp) -> (f32, Duration) {
        let mut state = lock(&self.state);
        let (expected, received) =
            state.losses.iter_mut().map(LossWindow::take).fold((0, 0), |sum, w| (sum.0 + w.0, sum.1 + w.1));
        state.statistics.loss = ratio(expected, received);
        (state.statistics.loss, state.bursts.longest(now))
    }

    /// What viewers may do to its face: what it said, if the owner whom its join statement names signed that, for the avatar
    /// that it speaks with; else nothing.
    pub(super) fn viewer_limits(&self) -> OwnerLimits {
        let mut state = lock(&self.state);
        let said = state.catalogue.as_ref().and_then(|catalogue| catalogue.viewer_limits.as_deref());
        let signed = said.and_then(bytes_of_hex::<{ SignedLimits::BYTES }>);
        let statement = state.verifier.proof().and_then(|proof| proof.statement());
        let Some((signed, statement)) = signed.zip(statement) else { return OwnerLimits::default() };
        match SignedLimits::verify(&signed, &statement.owner) {
            Ok(SignedLimits { avatar_root, limits, .. }) if avatar_root == statement.avatar_root => limits,
            Ok(_) | Err(_) => OwnerLimits::default(),
        }
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
