//! The receiver's side.

use std::collections::VecDeque;

use visavis_codec::Timestamp;

use super::{MAGIC, MAX_CHECKPOINT_OBJECTS, Object, SALT_BYTES, Tag, TagKey, UNSIGNED_LIMIT};
use crate::identity::bytes::{Fields, Malformed};
use crate::identity::key::{PublicKey, WrongSignature};
use crate::seal::TrackId;

/// The most objects that wait for a checkpoint; when there are more, the oldest count as unsigned.
const MAX_WAITING: usize = 1024;
/// How many checkpoints are kept for objects that come late.
const KEPT: usize = 8;

/// Why a checkpoint isn't taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// It doesn't have a checkpoint's form.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// Another key signed it.
    #[error("checkpoint: {0}")]
    Signature(#[from] WrongSignature),
    /// It came before, or is older than those that are kept.
    #[error("checkpoint {sequence} came before, or is too old")]
    Repeated {
        /// Its number.
        sequence: u64,
    },
}

/// What became of objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    /// How many were vouched for.
    pub covered: usize,
    /// How many weren't what their sender sent.
    pub contradicted: usize,
    /// How many nobody vouched for in time.
    pub overdue: usize,
    /// When the newest arrived of those that were vouched for.
    pub covered_arrival: Option<Timestamp>,
    /// The same of sounds alone.
    pub covered_sound_arrival: Option<Timestamp>,
    /// When the newest arrived of those that nobody vouched for.
    pub overdue_arrival: Option<Timestamp>,
}

impl Judged {
    /// One that is vouched for.
    fn one_covered(track: TrackId, arrival: Timestamp) -> Self {
        let is_sound = matches!(track, TrackId::Audio | TrackId::AudioGroups);
        Self {
            covered: 1,
            covered_arrival: Some(arrival),
            covered_sound_arrival: is_sound.then_some(arrival),
            ..Self::default()
        }
    }

    /// Adds what became of others.
    pub fn merge(&mut self, other: Self) {
        let Self { covered, contradicted, overdue, covered_arrival, covered_sound_arrival, overdue_arrival } =
            other;
        self.covered += covered;
        self.contradicted += contradicted;
        self.overdue += overdue;
        self.covered_arrival = self.covered_arrival.max(covered_arrival);
        self.covered_sound_arrival = self.covered_sound_arrival.max(covered_sound_arrival);
        self.overdue_arrival = self.overdue_arrival.max(overdue_arrival);
    }
}

/// A checkpoint whose signature is right.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    sequence: u64,
    clock: Timestamp,
    salt: [u8; SALT_BYTES],
    runs: Vec<Run>,
}

/// Tags of objects with counters one after another.
#[derive(Clone, Debug)]
struct Run {
    track: TrackId,
    first: u64,
    tags: Vec<Tag>,
}

impl Checkpoint {
    /// Reads a checkpoint and checks that this key signed it.
    pub fn verify(signed: &[u8], signer: &PublicKey) -> Result<Self, CheckpointError> {
        let (body, signature) = signed
            .split_last_chunk::<64>()
            .ok_or(Malformed { what: "checkpoint", problem: "shorter than its signature" })?;
        let mut fields = Fields::new("checkpoint", body);
        let sequence = fields.varint()?;
        let clock = fields.varint()?;
        let clock = clock.checked_mul(1_000_000).ok_or(fields.error("a clock beyond its range"))?;
        let salt = fields.array()?;
        let mut runs = Vec::new();
        let mut objects = 0usize;
        while !fields.is_empty() {
            let track = TrackId::from_number(fields.byte()?)
                .filter(|track| track.is_live())
                .ok_or(fields.error("not a track that checkpoints cover"))?;
            let (first, count) = (fields.varint()?, fields.varint()?);
            // Both are below 2⁵⁶.
            if count == 0 || count > (MAX_CHECKPOINT_OBJECTS - objects) as u64 {
                return Err(fields.error("no objects, or too many").into());
            }
            let is_ascending = runs.last().is_none_or(|last: &Run| {
                track > last.track || (track == last.track && first > last.first + last.tags.len() as u64)
            });
            if !is_ascending {
                return Err(fields.error("runs that aren't in order").into());
            }
            objects += count as usize;
            let tags = fields.take(4 * count as usize)?.as_chunks().0.to_vec();
            runs.push(Run { track, first, tags });
        }
        signer.verify(&[MAGIC, body].concat(), signature)?;
        Ok(Self { sequence, clock: Timestamp(clock), salt, runs })
    }

    /// When it was made, on its sender's clock: time since the join.
    pub fn clock(&self) -> Timestamp {
        self.clock
    }

    /// Goes through the objects it vouches for: track, counter, and whether plain bytes are that object's.
    pub(in crate::identity) fn for_each(
        &self,
        signer: &PublicKey,
        mut visit: impl FnMut(TrackId, u64, &dyn Fn(&[u8]) -> bool),
    ) {
        let key = TagKey::new(signer, self.sequence, &self.salt);
        for Run { track, first, tags } in &self.runs {
            for (counter, tag) in (*first..).zip(tags) {
                visit(*track, counter, &|payload| key.tag(&Object::new(*track, counter, payload)) == *tag);
            }
        }
    }

    fn range(&self, track: TrackId) -> Option<(u64, u64)> {
        let mut runs = self.runs.iter().filter(|run| run.track == track);
        let first = runs.next()?;
        let last = runs.next_back().unwrap_or(first);
        Some((first.first, last.first + (last.tags.len() as u64 - 1)))
    }

    fn tag(&self, object: &Object) -> Option<&Tag> {
        self.runs.iter().filter(|run| run.track == object.track).find_map(|run| {
            let place = object.counter.checked_sub(run.first)?;
            run.tags.get(usize::try_from(place).ok()?)
        })
    }
}

/// Matches what arrives with checkpoints. Memory is bounded whatever arrives: 1,024 objects of 56 bytes that wait, and
/// eight checkpoints.
#[derive(Debug)]
pub struct CheckpointReader {
    signer: PublicKey,
    waiting: VecDeque<(Object, Timestamp)>,
    /// Oldest first.
    kept: VecDeque<(Checkpoint, TagKey)>,
}

impl std::fmt::Debug for TagKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TagKey(…)")
    }
}

/// What the checkpoints that are there say of an object.
enum Word {
    Covered,
    Contradicted,
    Nothing,
}

impl CheckpointReader {
    /// Of the join whose ephemeral key this is.
    pub fn new(signer: PublicKey) -> Self {
        Self { signer, waiting: VecDeque::new(), kept: VecDeque::new() }
    }

    /// Notes an object of a live track as it was opened, by its counter and plain bytes; others are left out.
    pub fn note(&mut self, track: TrackId, counter: u64, payload: &[u8], now: Timestamp) -> Judged {
        let mut judged = self.expire(now);
        if !track.is_live() {
            return judged;
        }
        let object = Object::new(track, counter, payload);
        match self.word(&object) {
            Word::Covered => judged.merge(Judged::one_covered(track, now)),
            Word::Contradicted => judged.merge(Judged { contradicted: 1, ..Judged::default() }),
            Word::Nothing => self.waiting.push_back((object, now)),
        }
        if self.waiting.len() > MAX_WAITING
            && let Some((_, arrival)) = self.waiting.pop_front()
        {
            judged.merge(Judged { overdue: 1, overdue_arrival: Some(arrival), ..Judged::default() });
        }
        judged
    }

    /// Checks a checkpoint's form, signature and order, without believing it yet.
    ///
    /// # Errors
    /// If it isn't one of this join's, came before, or is older than those that are kept.
    pub fn verify(&self, signed: &[u8]) -> Result<Checkpoint, CheckpointError> {
        let checkpoint = Checkpoint::verify(signed, &self.signer)?;
        let sequence = checkpoint.sequence;
        let is_old = self.kept.back().is_some_and(|(newest, _)| sequence + KEPT as u64 <= newest.sequence);
        match is_old || self.kept.iter().any(|(kept, _)| kept.sequence == sequence) {
            true => Err(CheckpointError::Repeated { sequence }),
            false => Ok(checkpoint),
        }
    }

    /// Believes a checkpoint that [`verify`](Self::verify) gave.
    pub fn take(&mut self, checkpoint: Checkpoint, now: Timestamp) -> Judged {
        let mut judged = Judged::default();
        let key = TagKey::new(&self.signer, checkpoint.sequence, &checkpoint.salt);
        let place = self.kept.partition_point(|(kept, _)| kept.sequence < checkpoint.sequence);
        self.kept.insert(place, (checkpoint, key));
        if self.kept.len() > KEPT {
            self.kept.pop_front();
        }
        let mut waiting = std::mem::take(&mut self.waiting);
        waiting.retain(|(object, arrival)| match self.word(object) {
            Word::Covered => {
                judged.merge(Judged::one_covered(object.track, *arrival));
                false
            }
            Word::Contradicted => {
                judged.contradicted += 1;
                false
            }
            Word::Nothing => true,
        });
        self.waiting = waiting;
        judged.merge(self.expire(now));
        judged
    }

    /// Takes a checkpoint as it came: [`verify`](Self::verify), then [`take`](Self::take).
    ///
    /// # Errors
    /// As `verify`.
    pub fn accept(&mut self, signed: &[u8], now: Timestamp) -> Result<Judged, CheckpointError> {
        let checkpoint = self.verify(signed)?;
        Ok(self.take(checkpoint, now))
    }

    /// Gives up on objects that nobody vouched for within [`UNSIGNED_LIMIT`].
    pub fn expire(&mut self, now: Timestamp) -> Judged {
        let mut judged = Judged::default();
        let limit = UNSIGNED_LIMIT.as_nanos() as u64;
        while let Some((_, arrival)) = self.waiting.front()
            && now.0.saturating_sub(arrival.0) > limit
        {
            judged.merge(Judged { overdue: 1, overdue_arrival: Some(*arrival), ..Judged::default() });
            self.waiting.pop_front();
        }
        judged
    }

    /// Whether a checkpoint that is still kept vouches for an object.
    pub fn covers(&self, track: TrackId, counter: u64, payload: &[u8]) -> bool {
        matches!(self.word(&Object::new(track, counter, payload)), Word::Covered)
    }

    /// How many objects wait, and how many checkpoints are kept.
    #[cfg(test)]
    pub(super) fn held(&self) -> (usize, usize) {
        (self.waiting.len(), self.kept.len())
    }

    /// An object is covered by a checkpoint that has its counter and tag. It contradicts one that has its counter and
    /// another tag; and checkpoints that follow each other without a gap and leave it out between two that they name.
    fn word(&self, object: &Object) -> Word {
        let mut span: Option<(u64, u64)> = None;
        let mut expected = None;
        for (checkpoint, key) in self.kept.iter().rev() {
            if let Some(tag) = checkpoint.tag(object) {
                return if *tag == key.tag(object) { Word::Covered } else { Word::Contradicted };
            }
            let follows = expected.is_none_or(|expected| checkpoint.sequence == expected);
            if !follows {
                span = None; // what was lost between may have had it
            }
            if let Some((low, high)) = checkpoint.range(object.track) {
                let (lowest, highest) = span.unwrap_or((low, high));
                span = Some((lowest.min(low), highest.max(high)));
            }
            if let Some((low, high)) = span
                && (low..=high).contains(&object.counter)
            {
                return Word::Contradicted;
            }
            expected = checkpoint.sequence.checked_sub(1);
        }
        Word::Nothing
    }
}
