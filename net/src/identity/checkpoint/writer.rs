//! The sender's side.

use std::time::Duration;

use visavis_codec::Timestamp;

use super::{CHECKPOINT_INTERVAL, MAGIC, MAX_CHECKPOINT_OBJECTS, Object, SALT_BYTES, TagKey};
use crate::identity::bytes::write_varint;
use crate::identity::key::{EphemeralKey, PublicKey};
use crate::seal::{TrackId, random};

/// For who has just come, and for a voice that begins, checkpoints aren't waited for: the next one comes at once, then after
/// 60 and 120 ms.
const RUSH: [Duration; 3] = [Duration::from_millis(120), Duration::from_millis(60), Duration::ZERO];
/// A voice begins that wasn't heard for so long.
const PAUSE: Duration = Duration::from_secs(1);

/// Collects what is sent and signs for it.
#[derive(Debug)]
pub struct CheckpointWriter {
    key: EphemeralKey,
    started: Timestamp,
    interval: Duration,
    sequence: u64,
    pending: Vec<Object>,
    /// When the oldest pending object was sent.
    since: Timestamp,
    /// How many checkpoints come sooner than the interval.
    rush: usize,
    last_sound: Option<Timestamp>,
}

impl CheckpointWriter {
    /// Of a join that began now, with its key.
    pub fn new(key: EphemeralKey, started: Timestamp) -> Self {
        let interval = CHECKPOINT_INTERVAL;
        Self {
            key,
            started,
            interval,
            sequence: 0,
            pending: Vec::new(),
            since: started,
            rush: 0,
            last_sound: None,
        }
    }

    /// Sets how long objects are collected: 0.25 to 1 s, [`CHECKPOINT_INTERVAL`] at first. Longer is fewer bytes and less
    /// time before a veil when one is lost.
    pub fn set_interval(&mut self, interval: Duration) {
        self.interval = interval.clamp(Duration::from_millis(250), Duration::from_secs(1));
    }

    /// The key that signs.
    pub fn key(&self) -> &EphemeralKey {
        &self.key
    }

    /// The key that checks.
    pub fn public(&self) -> PublicKey {
        self.key.public()
    }

    /// Time since the join, which checkpoints and statements tell.
    pub fn clock(&self, now: Timestamp) -> Timestamp {
        Timestamp(now.0.saturating_sub(self.started.0))
    }

    /// Notes an object of a live track as it is sealed, by its counter and plain bytes. Every object has to be noted that is
    /// sealed; those of other tracks are left out.
    pub fn note(&mut self, track: TrackId, counter: u64, payload: &[u8], now: Timestamp) {
        // An hour of objects without a checkpoint is a fault of the caller, and not to be paid in memory.
        if !track.is_live() || self.pending.len() >= 64 * MAX_CHECKPOINT_OBJECTS {
            return;
        }
        if self.pending.is_empty() {
            self.since = now;
        }
        if matches!(track, TrackId::Audio | TrackId::AudioGroups) {
            let before = self.last_sound.replace(now);
            if before.is_none_or(|before| u128::from(now.0.saturating_sub(before.0)) > PAUSE.as_nanos()) {
                self.rush();
            }
        }
        self.pending.push(Object::new(track, counter, payload));
    }

    /// Makes the next checkpoint come at once, and the two after it soon: somebody is there who holds what comes until it is
    /// signed for. A voice that begins does so by itself.
    pub const fn rush(&mut self) {
        self.rush = RUSH.len();
    }

    /// When the next checkpoint is due; none while there is nothing to sign for.
    pub fn due(&self) -> Option<Timestamp> {
        let wait = match self.pending.len() {
            0 => return None,
            MAX_CHECKPOINT_OBJECTS.. => 0,
            _ => {
                let rush = self.rush.checked_sub(1).and_then(|left| RUSH.get(left));
                rush.copied().unwrap_or(self.interval).as_nanos() as u64
            }
        };
        Some(Timestamp(self.since.0.saturating_add(wait)))
    }

    /// Signs for what was noted since the last checkpoint, whether or not it is due; nothing if there is nothing.
    pub fn checkpoint(&mut self, now: Timestamp) -> Option<Vec<u8>> {
        if self.pending.is_empty() {
            return None;
        }
        let count = self.pending.len().min(MAX_CHECKPOINT_OBJECTS);
        let mut objects: Vec<Object> = self.pending.drain(..count).collect();
        objects.sort_unstable_by_key(|object| (object.track, object.counter));
        objects.dedup_by_key(|object| (object.track, object.counter));

        let salt: [u8; SALT_BYTES] = random();
        let tags = TagKey::new(&self.public(), self.sequence, &salt);
        let mut message = MAGIC.to_vec();
        write_varint(self.sequence, &mut message);
        write_varint(self.clock(now).0 / 1_000_000, &mut message);
        message.extend_from_slice(&salt);
        let is_run =
            |a: &Object, b: &Object| a.track == b.track && a.counter.checked_add(1) == Some(b.counter);
        for run in objects.chunk_by(is_run) {
            let Some(first) = run.first() else { continue };
            message.push(first.track.number());
            write_varint(first.counter, &mut message);
            write_varint(run.len() as u64, &mut message);
            run.iter().for_each(|object| message.extend_from_slice(&tags.tag(object)));
        }
        self.sequence += 1;
        self.rush = self.rush.saturating_sub(1);
        let signature = self.key.sign(&message);
        message.extend_from_slice(&signature);
        message.drain(..MAGIC.len());
        Some(message)
    }
}
