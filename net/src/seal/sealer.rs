//! Sealing what is sent.

use sframe::frame::{MediaFrameView, MonotonicCounter};
use sframe::key::EncryptionKey;

use super::TrackId;
use super::secret::{CallSecret, JoinId};

/// The most bytes that are sealed at once: a chunk of an avatar, and some.
pub const MAX_PAYLOAD_BYTES: usize = 128 << 10;
/// The last counter of a key: more than a thousand years of 30 objects a second.
const LAST_COUNTER: u64 = (1 << 40) - 1;

/// Why nothing was sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The track's sealer was given away before: a second one would repeat its counters.
    #[error("the track `{}` has a sealer already: join anew for another", .0.name())]
    Taken(TrackId),
    /// The payload is too large.
    #[error("{found} bytes can't be sealed at once: at most {MAX_PAYLOAD_BYTES} are")]
    TooLarge {
        /// Its size.
        found: usize,
    },
    /// The key has sealed as much as it may.
    #[error("the track's counter is used up: join anew")]
    Exhausted,
    /// The cipher refused.
    #[error("the cipher failed")]
    Cipher,
}

/// A join's side of sealing: its number and salt, made here, and the sealers of its tracks. Not copyable, so that no key is
/// used from counter zero twice.
#[derive(Debug)]
pub struct JoinSeals {
    secret: CallSecret,
    join: JoinId,
    taken: [bool; TrackId::ALL.len()],
}

impl JoinSeals {
    /// Joins: with a participant number and a salt that nobody had before.
    ///
    /// # Panics
    /// If the operating system has no random numbers.
    pub fn new(secret: &CallSecret) -> Self {
        Self { secret: secret.clone(), join: JoinId::random(), taken: [false; TrackId::ALL.len()] }
    }

    /// What receivers need to open what is sealed.
    pub fn join(&self) -> &JoinId {
        &self.join
    }

    /// The sealer of a track. It is kept as long as the join lasts, over reconnections too.
    ///
    /// # Errors
    /// When asked a second time.
    pub fn sealer(&mut self, track: TrackId) -> Result<Sealer, SealError> {
        let taken = &mut self.taken[usize::from(track.number())];
        if std::mem::replace(taken, true) {
            return Err(SealError::Taken(track));
        }
        Sealer::new(&self.secret, &self.join, track)
    }
}

/// Seals one track of one join, counting upwards from 0.
pub struct Sealer {
    key: EncryptionKey,
    counter: u64,
    track: TrackId,
}

impl Sealer {
    fn new(secret: &CallSecret, join: &JoinId, track: TrackId) -> Result<Self, SealError> {
        let base = secret.base_key(join, track);
        let key = EncryptionKey::derive_from(track.suite(), 0u64, base.0).map_err(|_| SealError::Cipher)?;
        Ok(Self { key, counter: 0, track })
    }

    /// Which track it seals.
    pub fn track(&self) -> TrackId {
        self.track
    }

    /// The counter of the next object: what a checkpoint or a signature of that object names.
    pub fn next_counter(&self) -> u64 {
        self.counter
    }

    /// Seals a payload into `sealed`, which it replaces, and gives the object's counter. It becomes
    /// [`TrackId::overhead`] bytes longer.
    ///
    /// # Errors
    /// If the payload is larger than [`MAX_PAYLOAD_BYTES`], or the counter used up.
    pub fn seal(&mut self, payload: &[u8], sealed: &mut Vec<u8>) -> Result<u64, SealError> {
        if payload.len() > MAX_PAYLOAD_BYTES {
            return Err(SealError::TooLarge { found: payload.len() });
        }
        let counter = self.counter;
        if counter > LAST_COUNTER {
            return Err(SealError::Exhausted);
        }
        // Counted before anything is encrypted: whatever fails, this counter is never used again.
        self.counter += 1;
        let mut counters = MonotonicCounter::with_start_value(counter, counter);
        let frame = MediaFrameView::try_new(&mut counters, payload).map_err(|_| SealError::Cipher)?;
        frame.encrypt_into(&self.key, sealed).map_err(|_| SealError::Cipher)?;
        Ok(counter)
    }
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { key: _, counter, track } = self;
        f.debug_struct("Sealer").field("track", track).field("counter", counter).finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// What a member can make who knows another's join.
    pub(crate) fn fixed(secret: &CallSecret, join: &JoinId, track: TrackId) -> Sealer {
        Sealer::new(secret, join, track).unwrap()
    }

    #[test]
    fn a_track_is_sealed_by_one_sealer_and_never_again_from_the_start() {
        let secret = CallSecret::from_bytes([1; 32]);
        let mut seals = JoinSeals::new(&secret);
        for track in TrackId::ALL {
            assert_eq!(seals.sealer(track).unwrap().track(), track);
            assert_eq!(seals.sealer(track).unwrap_err(), SealError::Taken(track));
        }
        // A crash and a new join: other salt, other participant, thus other keys.
        let again = JoinSeals::new(&secret);
        assert_ne!(again.join().salt, seals.join().salt);
        assert_ne!(again.join().participant, seals.join().participant);
    }

    #[test]
    fn a_counter_that_is_used_up_seals_nothing() {
        let mut sealer = JoinSeals::new(&CallSecret::from_bytes([1; 32])).sealer(TrackId::Face).unwrap();
        sealer.counter = LAST_COUNTER;
        let mut sealed = Vec::new();
        assert_eq!(sealer.seal(b"x", &mut sealed), Ok(LAST_COUNTER));
        assert_eq!(sealer.seal(b"x", &mut sealed), Err(SealError::Exhausted));
        assert_eq!(sealer.seal(b"x", &mut sealed), Err(SealError::Exhausted));
    }

    #[test]
    fn what_was_too_large_used_no_counter() {
        let mut sealer = JoinSeals::new(&CallSecret::from_bytes([1; 32])).sealer(TrackId::Avatar).unwrap();
        let mut sealed = Vec::new();
        let found = MAX_PAYLOAD_BYTES + 1;
        assert_eq!(sealer.seal(&vec![0; found], &mut sealed), Err(SealError::TooLarge { found }));
        assert_eq!(sealer.seal(&vec![0; MAX_PAYLOAD_BYTES], &mut sealed), Ok(0));
        assert_eq!(sealed.len(), MAX_PAYLOAD_BYTES + TrackId::Avatar.overhead(0));
    }
}
