//! The receiver's side: what is proven of one participant.

use std::time::Duration;

use visavis_codec::Timestamp;

use super::bytes::Malformed;
use super::challenge::Challenger;
use super::checkpoint::{CheckpointError, CheckpointReader, Judged};
use super::clock_bound::{ClockBound, MAX_AGE};
use super::key::{PublicKey, WrongSignature};
use super::message::Message;
use super::object::{unverified_payload, verify_object};
use super::revocation::{Revocation, RevocationError, Revocations};
use super::statement::{JoinStatement, StatementError, UnixSeconds};
use super::status::{ProofStatus, UnprovenReason, VeilReason};
use crate::seal::{CallId, JoinId, TrackId};

/// How far wall clocks may be beyond the ends of a statement's life, and the longest life that is believed. With
/// [`STATEMENT_LIFE`](super::STATEMENT_LIFE) half of that, clocks may differ by half a day either way.
const CLOCK_TOLERANCE: u64 = 600;
const LONGEST_LIFE: u64 = 24 * 3600;
/// Objects that came this soon after the first statement may belong to a checkpoint that came before it; nothing is shown
/// before.
const SETTLING: Duration = Duration::from_millis(500);
/// How long a person stays veiled after a forgery, and after something unsigned.
const CONTRADICTED_HOLD: Duration = Duration::from_secs(10);
const UNSIGNED_HOLD: Duration = Duration::from_millis(500);
/// How often a fresh statement is asked for.
const CHALLENGE_INTERVAL: Duration = Duration::from_secs(5);
/// The largest signed object that is kept until it can be checked.
const MAX_KEPT_OBJECT: usize = 16 << 10;

/// Whom a receiver believes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProofPolicy {
    /// Whether to show avatars that name no owner: whoever has such a file can speak with it. Default: no.
    pub allow_unsigned: bool,
}

/// What a message did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// The participant's owner speaks under this join. `is_first`: it wasn't known before.
    Statement {
        /// Whether this is the first.
        is_first: bool,
    },
    /// A statement without a fresh nonce of ours: for others, or old.
    NotFresh,
    /// Objects were vouched for, or contradicted.
    Checkpoint(Judged),
    /// A checkpoint that may have been held back by so much, and isn't believed.
    Delayed(Duration),
    /// A checkpoint of somebody who hasn't said who it is yet.
    NoStatement,
    /// A key was revoked; keep these bytes ([`Revocations::add`]).
    Revocation(Vec<u8>),
}

/// Why a message is refused.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// It has no known form.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// A statement that isn't one.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// A statement made for another call.
    #[error("the join statement is for another call")]
    OtherCall,
    /// A statement made for another path or salt.
    #[error("the join statement is for another join")]
    OtherJoin,
    /// A second statement of a join that says something else than the first.
    #[error("the join statement contradicts an earlier one of the same join")]
    Changed,
    /// A statement that has ended, or holds for too long.
    #[error("the join statement has expired, or holds for longer than a day")]
    Expired,
    /// A statement under a revoked key.
    #[error("the key {0} was revoked")]
    Revoked(PublicKey),
    /// A checkpoint that isn't one of this join's.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A revocation that isn't one.
    #[error(transparent)]
    Revocation(#[from] RevocationError),
    /// An object that its participant didn't sign.
    #[error("signed object: {0}")]
    Object(#[from] WrongSignature),
}

/// Whose face a participant shows.
#[derive(Clone, Copy, Debug)]
struct KnownAvatar {
    root: [u8; 32],
    owner: Option<PublicKey>,
}

/// A participant that said who it is.
#[derive(Debug)]
struct Believed {
    statement: JoinStatement,
    reader: CheckpointReader,
    bound: ClockBound,
    since: Timestamp,
    valid_until: Timestamp,
}

/// What is proven of one participant. It has to live as long as the participant's join, over reconnections too.
#[derive(Debug)]
pub struct Proof {
    call: CallId,
    join: JoinId,
    appeared: Timestamp,
    policy: ProofPolicy,
    believed: Option<Believed>,
    /// Why nobody is believed yet.
    refusal: UnprovenReason,
    avatar: Option<KnownAvatar>,
    /// The newest catalogue and needs that came before the statement, with their counters.
    unverified: [Option<(u64, Vec<u8>)>; 2],
    is_revoked: bool,
    covered_arrival: Option<Timestamp>,
    overdue_arrival: Option<Timestamp>,
    overdue_at: Option<Timestamp>,
    contradicted_at: Option<Timestamp>,
    delayed_at: Option<Timestamp>,
    challenged_at: Option<Timestamp>,
    totals: Judged,
}

impl Proof {
    /// Of a participant whose catalogue appeared now. [`Challenger::appeared`] is to be told too.
    pub fn new(call: CallId, join: JoinId, policy: ProofPolicy, now: Timestamp) -> Self {
        Self {
            call,
            join,
            appeared: now,
            policy,
            believed: None,
            refusal: UnprovenReason::NoStatement,
            avatar: None,
            unverified: [None, None],
            is_revoked: false,
            covered_arrival: None,
            overdue_arrival: None,
            overdue_at: None,
            contradicted_at: None,
            delayed_at: None,
            challenged_at: None,
            totals: Judged::default(),
        }
    }

    /// Tells which avatar is at hand for this participant, and the owner that its manifest names, if any. The file must
    /// have been checked against its root and, if it names an owner, its signature.
    pub fn set_avatar(&mut self, root: [u8; 32], owner: Option<PublicKey>) {
        self.avatar = Some(KnownAvatar { root, owner });
    }

    /// Notes an object of a live track as it was opened.
    pub fn note(&mut self, track: TrackId, counter: u64, payload: &[u8], now: Timestamp) {
        if let Some(believed) = &mut self.believed {
            let judged = believed.reader.note(track, counter, payload, now);
            self.judge(judged, now);
        }
    }

    /// Whether a checkpoint that came lately vouches for an object of a live track, noted or not.
    pub fn covers(&self, track: TrackId, counter: u64, payload: &[u8]) -> bool {
        self.believed.as_ref().is_some_and(|believed| believed.reader.covers(track, counter, payload))
    }

    /// Takes an object of the track `proof`, opened. `wall` is our wall clock.
    ///
    /// # Errors
    /// If it is no good; what was believed stays so.
    pub fn accept(
        &mut self,
        message: &[u8],
        challenger: &Challenger,
        revocations: &Revocations,
        now: Timestamp,
        wall: UnixSeconds,
    ) -> Result<Accepted, ProofError> {
        match Message::parse(message)? {
            Message::Statement(signed) => self.accept_statement(signed, challenger, revocations, now, wall),
            Message::Checkpoint(signed) => self.accept_checkpoint(signed, now),
            Message::Revocation(signed) => {
                let revocation = Revocation::verify(signed)?;
                self.revoke(&revocation.key);
                Ok(Accepted::Revocation(signed.to_vec()))
            }
        }
    }

    /// Notes that a key is no longer believed, whoever told.
    pub fn revoke(&mut self, key: &PublicKey) {
        let is_theirs = self.believed.as_ref().is_some_and(|believed| believed.statement.owner == *key)
            || self.avatar.is_some_and(|avatar| avatar.owner == Some(*key));
        self.is_revoked |= is_theirs;
    }

    /// The payload of a signed object (catalogue, needs) that was sealed with this counter. Before the first statement its
    /// signature can't be checked; that is made up for when the statement comes, and until then nobody is
    /// [`Proven`](ProofStatus::Proven).
    ///
    /// # Errors
    /// If the participant didn't sign it.
    pub fn check_object<'o>(
        &mut self,
        track: TrackId,
        counter: u64,
        object: &'o [u8],
    ) -> Result<&'o [u8], ProofError> {
        if let Some(believed) = &self.believed {
            return Ok(verify_object(&believed.statement.ephemeral, track, counter, object)?);
        }
        let payload = unverified_payload(object)?;
        if object.len() > MAX_KEPT_OBJECT {
            return Err(Malformed { what: "signed object", problem: "too large" }.into());
        }
        let slot = &mut self.unverified[usize::from(track == TrackId::Needs)];
        if slot.as_ref().is_none_or(|(newest, _)| counter > *newest) {
            *slot = Some((counter, object.to_vec()));
        }
        Ok(payload)
    }

    /// What is proven now.
    pub fn status(&mut self, now: Timestamp) -> ProofStatus {
        use ProofStatus::{Proven, Unproven, Veiled};
        let Some(believed) = &mut self.believed else { return Unproven(self.refusal) };
        let judged = believed.reader.expire(now);
        let owner = believed.statement.owner;
        let root = believed.statement.avatar_root;
        let is_expired = now > believed.valid_until;
        let is_settled = now >= later(believed.since, SETTLING);
        self.judge(judged, now);

        let was_shown = self.covered_arrival.is_some();
        match (self.is_revoked, is_expired, was_shown) {
            (true, _, true) => return Veiled(VeilReason::Revoked),
            (true, _, false) => return Unproven(UnprovenReason::Revoked),
            (false, true, true) => return Veiled(VeilReason::Expired),
            (false, true, false) => return Unproven(UnprovenReason::Expired),
            (false, false, _) => {}
        }
        match self.avatar {
            None => return Unproven(UnprovenReason::AvatarUnknown),
            Some(avatar) if avatar.root != root => return Unproven(UnprovenReason::AvatarUnknown),
            Some(KnownAvatar { owner: Some(named), .. }) if named != owner => {
                return Unproven(UnprovenReason::NotTheOwner);
            }
            Some(KnownAvatar { owner: None, .. }) if !self.policy.allow_unsigned => {
                return Unproven(UnprovenReason::NoOwner);
            }
            Some(_) => {}
        }
        if self.contradicted_at.is_some_and(|at| now < later(at, CONTRADICTED_HOLD)) {
            return Veiled(VeilReason::Contradicted);
        }
        if !was_shown || !is_settled {
            return Unproven(UnprovenReason::NoCheckpoint);
        }
        let is_unsigned = self.overdue_arrival.is_some_and(|overdue| {
            self.covered_arrival.is_none_or(|covered| covered <= overdue)
                || self.overdue_at.is_some_and(|at| now < later(at, UNSIGNED_HOLD))
        });
        match is_unsigned {
            true if self.delayed_at.is_some_and(|at| now < later(at, MAX_AGE)) => Veiled(VeilReason::Delayed),
            true => Veiled(VeilReason::Unsigned),
            false => Proven,
        }
    }

    /// Whether a fresh nonce is needed to go on believing this participant, or to begin: then tell
    /// [`Challenger::appeared`].
    pub fn wants_challenge(&mut self, now: Timestamp) -> bool {
        let is_stale = match &self.believed {
            None => self.refusal == UnprovenReason::NotFresh,
            Some(_) => self.delayed_at.is_some_and(|at| now < later(at, CHALLENGE_INTERVAL)),
        };
        let is_early = self.challenged_at.is_some_and(|at| now < later(at, CHALLENGE_INTERVAL));
        if !is_stale || is_early {
            return false;
        }
        self.challenged_at = Some(now);
        true
    }

    /// The statement that is believed.
    pub fn statement(&self) -> Option<&JoinStatement> {
        self.believed.as_ref().map(|believed| &believed.statement)
    }

    /// How many objects were vouched for, contradicted and overdue so far.
    pub fn totals(&self) -> &Judged {
        &self.totals
    }

    fn accept_statement(
        &mut self,
        signed: &[u8],
        challenger: &Challenger,
        revocations: &Revocations,
        now: Timestamp,
        wall: UnixSeconds,
    ) -> Result<Accepted, ProofError> {
        let statement = JoinStatement::verify(signed)?;
        if statement.call != self.call {
            return Err(ProofError::OtherCall);
        }
        if statement.join != self.join {
            return Err(ProofError::OtherJoin);
        }
        if let Some(Believed { statement: first, .. }) = &self.believed
            && (first.owner, first.ephemeral, first.avatar_root)
                != (statement.owner, statement.ephemeral, statement.avatar_root)
        {
            return Err(ProofError::Changed);
        }
        if revocations.get(&statement.owner).is_some() {
            self.refuse(UnprovenReason::Revoked);
            self.is_revoked = true;
            return Err(ProofError::Revoked(statement.owner));
        }
        let Some(life) = life_left(statement.expiry, wall) else {
            self.refuse(UnprovenReason::Expired);
            return Err(ProofError::Expired);
        };
        let Some(published) = challenger.newest_of(&statement.nonces, self.appeared) else {
            self.refuse(UnprovenReason::NotFresh);
            return Ok(Accepted::NotFresh);
        };
        let valid_until = later(now, life);
        if let Some(believed) = &mut self.believed {
            believed.bound.tighten(published, statement.clock);
            believed.valid_until = believed.valid_until.max(valid_until);
            return Ok(Accepted::Statement { is_first: false });
        }
        let bound = ClockBound::new(published, statement.clock);
        let reader = CheckpointReader::new(statement.ephemeral);
        let signer = statement.ephemeral;
        self.believed = Some(Believed { statement, reader, bound, since: now, valid_until });
        let tracks = [TrackId::Catalogue, TrackId::Needs];
        for (track, kept) in tracks.into_iter().zip(std::mem::take(&mut self.unverified)) {
            if kept.is_some_and(|(counter, object)| verify_object(&signer, track, counter, &object).is_err())
            {
                self.contradicted_at = Some(now);
                self.totals.contradicted += 1;
            }
        }
        Ok(Accepted::Statement { is_first: true })
    }

    fn accept_checkpoint(&mut self, signed: &[u8], now: Timestamp) -> Result<Accepted, ProofError> {
        let Some(believed) = &mut self.believed else { return Ok(Accepted::NoStatement) };
        let checkpoint = believed.reader.verify(signed)?;
        let age = believed.bound.age(checkpoint.clock(), now);
        if age > MAX_AGE {
            self.delayed_at = Some(now);
            return Ok(Accepted::Delayed(age));
        }
        let judged = believed.reader.take(checkpoint, now);
        self.judge(judged, now);
        Ok(Accepted::Checkpoint(judged))
    }

    fn refuse(&mut self, reason: UnprovenReason) {
        if self.believed.is_none() {
            self.refusal = reason;
        }
    }

    fn judge(&mut self, judged: Judged, now: Timestamp) {
        self.totals.merge(judged);
        let settled = self.believed.as_ref().map(|believed| later(believed.since, SETTLING));
        if judged.contradicted > 0 {
            self.contradicted_at = Some(now);
        }
        // What came before the first checkpoint that there could be was never shown.
        let overdue =
            judged.overdue_arrival.filter(|arrival| settled.is_some_and(|settled| *arrival >= settled));
        if overdue.is_some() {
            self.overdue_arrival = self.overdue_arrival.max(overdue);
            self.overdue_at = Some(now);
        }
        self.covered_arrival = self.covered_arrival.max(judged.covered_arrival);
    }
}

/// How much of a statement's life is left; none if it is over, or longer than any is.
fn life_left(expiry: UnixSeconds, wall: UnixSeconds) -> Option<Duration> {
    let left = expiry.0.saturating_add(CLOCK_TOLERANCE).checked_sub(wall.0)?;
    (left <= LONGEST_LIFE + 2 * CLOCK_TOLERANCE).then(|| Duration::from_secs(left))
}

fn later(time: Timestamp, by: Duration) -> Timestamp {
    Timestamp(time.0.saturating_add(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX)))
}
