//! The sender's side: statements for those who appear, checkpoints for what is sent.

use std::collections::BTreeMap;
use std::time::Duration;

use visavis_codec::Timestamp;

use super::challenge::Nonce;
use super::checkpoint::CheckpointWriter;
use super::key::{EphemeralKey, OwnerKey, PublicKey};
use super::message::Message;
use super::object::sign_object;
use super::statement::{JoinStatement, MAX_NONCES, STATEMENT_LIFE, UnixSeconds};
use crate::seal::{CallId, JoinId, ParticipantId, TrackId};

/// The least time between two statements while somebody new waits for one, and a little more for each who hears them.
const URGENT_SPACING: Duration = Duration::from_millis(250);
const SPACING_A_RECEIVER: Duration = Duration::from_millis(10);
/// A receiver has just come for so long.
const JUST_COME: Duration = Duration::from_secs(10);
/// The least time between two statements for nonces that merely changed.
const LAZY_SPACING: Duration = Duration::from_secs(5);
/// A statement is made anew when this much of its life has passed.
const RENEWAL: Duration = Duration::from_secs(STATEMENT_LIFE.as_secs() / 4);

/// Proves to a call that what a join sends is its owner's. It lives as long as the join, over reconnections too.
#[derive(Debug)]
pub struct Prover {
    owner: OwnerKey,
    call: CallId,
    join: JoinId,
    avatar_root: [u8; 32],
    writer: CheckpointWriter,
    /// Of each receiver the nonce, and when it was heard first.
    nonces: BTreeMap<ParticipantId, (Nonce, Timestamp)>,
    /// From when on a statement is wanted, and whether that is for somebody new.
    wanted: Option<Timestamp>,
    has_newcomer: bool,
    last: Option<Timestamp>,
    revocation: Option<Vec<u8>>,
}

impl Prover {
    /// Of a join that begins now, with an ephemeral key of its own.
    ///
    /// # Panics
    /// If the operating system has no random numbers.
    pub fn new(owner: OwnerKey, call: CallId, join: JoinId, avatar_root: [u8; 32], now: Timestamp) -> Self {
        Self {
            owner,
            call,
            join,
            avatar_root,
            writer: CheckpointWriter::new(EphemeralKey::generate(), now),
            nonces: BTreeMap::new(),
            wanted: None,
            has_newcomer: false,
            last: None,
            revocation: None,
        }
    }

    /// The join's ephemeral key.
    pub fn ephemeral(&self) -> PublicKey {
        self.writer.public()
    }

    /// The owner's key.
    pub fn owner(&self) -> PublicKey {
        self.owner.public()
    }

    /// What collects and signs checkpoints: for its interval.
    pub fn checkpoints(&mut self) -> &mut CheckpointWriter {
        &mut self.writer
    }

    /// Takes in the nonce of a receiver's catalogue. Of more than [`MAX_NONCES`] receivers the one that was heard first is
    /// left out.
    pub fn heard(&mut self, from: ParticipantId, nonce: Nonce, now: Timestamp) {
        let is_new = match self.nonces.get(&from) {
            Some((known, _)) if *known == nonce => return,
            known => known.is_none(),
        };
        let first = self.nonces.get(&from).map_or(now, |known| known.1);
        self.nonces.insert(from, (nonce, first));
        if self.nonces.len() > MAX_NONCES {
            let oldest =
                self.nonces.iter().filter(|(id, _)| **id != from).min_by_key(|(_, (_, first))| *first);
            if let Some(oldest) = oldest.map(|(id, _)| *id) {
                self.nonces.remove(&oldest);
            }
        }
        // Somebody who has just come may have shown an old nonce first, and can't believe a statement that names that.
        let has_just_come = u128::from(now.0.saturating_sub(first.0)) < JUST_COME.as_nanos();
        self.has_newcomer |= has_just_come;
        let spacing = match is_new || has_just_come {
            true => URGENT_SPACING.max(SPACING_A_RECEIVER * self.nonces.len() as u32),
            false => LAZY_SPACING,
        };
        let at = self.last.map_or(now, |last| later(last, spacing).max(now));
        self.wanted = Some(self.wanted.map_or(at, |wanted| wanted.min(at)));
    }

    /// Forgets a receiver that left.
    pub fn forget(&mut self, from: &ParticipantId) {
        self.nonces.remove(from);
    }

    /// Passes a revocation on ([`Revocations::signed`](super::Revocations::signed)).
    pub fn pass_on(&mut self, revocation: &[u8]) {
        self.revocation = Some(revocation.to_vec());
    }

    /// Notes an object of a live track as it is sealed: every one, before it is sent.
    pub fn note(&mut self, track: TrackId, counter: u64, payload: &[u8], now: Timestamp) {
        self.writer.note(track, counter, payload, now);
    }

    /// A payload with its signature, for the tracks `catalogue` and `needs`; `counter` is the sealer's next.
    pub fn sign_object(&self, track: TrackId, counter: u64, payload: &[u8]) -> Vec<u8> {
        sign_object(self.writer.key(), track, counter, payload)
    }

    /// When [`poll`](Self::poll) has something to send, if nothing else happens.
    pub fn due(&self) -> Option<Timestamp> {
        let renewal = self.last.map(|last| later(last, RENEWAL));
        let revocation = self.revocation.as_ref().map(|_| Timestamp(0));
        [self.wanted, renewal, self.writer.due(), revocation].into_iter().flatten().min()
    }

    /// The next object for the track `proof`, if one is due; ask until there is none. `wall` is our wall clock.
    pub fn poll(&mut self, now: Timestamp, wall: UnixSeconds) -> Option<Vec<u8>> {
        if let Some(revocation) = self.revocation.take() {
            return Some(Message::Revocation(&revocation).to_bytes());
        }
        let is_due = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
        if is_due(self.wanted) || is_due(self.last.map(|last| later(last, RENEWAL))) {
            self.wanted = None;
            self.last = Some(now);
            if std::mem::take(&mut self.has_newcomer) {
                self.writer.rush();
            }
            return Some(Message::Statement(&self.statement(now, wall).sign(&self.owner)).to_bytes());
        }
        if is_due(self.writer.due()) {
            return self.writer.checkpoint(now).map(|signed| Message::Checkpoint(&signed).to_bytes());
        }
        None
    }

    fn statement(&self, now: Timestamp, wall: UnixSeconds) -> JoinStatement {
        JoinStatement {
            call: self.call,
            join: self.join,
            avatar_root: self.avatar_root,
            ephemeral: self.writer.public(),
            owner: self.owner.public(),
            issued: wall,
            expiry: UnixSeconds(wall.0.saturating_add(STATEMENT_LIFE.as_secs())),
            // Whole milliseconds, rounded up: it mustn't tell an earlier time than that of making it.
            clock: Timestamp(self.writer.clock(now).0.div_ceil(1_000_000).saturating_mul(1_000_000)),
            nonces: self.nonces.values().map(|(nonce, _)| *nonce).collect(),
        }
    }
}

fn later(time: Timestamp, by: Duration) -> Timestamp {
    Timestamp(time.0.saturating_add(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX)))
}
