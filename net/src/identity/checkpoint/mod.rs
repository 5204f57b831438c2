//! Checkpoints: every half second, one signature over short tags of everything live that was sent since the last.
//!
//! A tag is 32 bits of a keyed BLAKE3 hash of an object, under a key that the checkpoint itself reveals: whoever wants to
//! put another object in its place has to do so before the checkpoint comes and thus has one chance in 2³², or has to hold
//! everything back until it has found one with the same tag, 2³² hashes an object within [`MAX_AGE`](super::MAX_AGE).
//! Tags stand by counter, so that lost objects cost nothing and late ones are still judged.

mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub use reader::{Checkpoint, CheckpointError, CheckpointReader, Judged};
pub use writer::CheckpointWriter;

use std::time::Duration;

use super::key::PublicKey;
use crate::seal::TrackId;

/// How long a sender collects objects before it signs for them.
pub const CHECKPOINT_INTERVAL: Duration = Duration::from_millis(500);
/// How long an object may stay without a signature after it came.
pub const UNSIGNED_LIMIT: Duration = Duration::from_millis(1500);
/// The most objects that one checkpoint signs for; a sender that has more signs earlier.
pub const MAX_CHECKPOINT_OBJECTS: usize = 512;

/// What is signed begins with this, which isn't sent.
const MAGIC: &[u8; 16] = b"visavis checkpt1";
const TAG_KEY_CONTEXT: &str = "visavis-net 2026-11 checkpoint tags";
const SALT_BYTES: usize = 8;

/// A 32-bit tag of an object.
type Tag = [u8; 4];

/// The key of a checkpoint's tags.
struct TagKey([u8; 32]);

impl TagKey {
    fn new(signer: &PublicKey, sequence: u64, salt: &[u8; SALT_BYTES]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(TAG_KEY_CONTEXT);
        hasher.update(&signer.0).update(&sequence.to_le_bytes()).update(salt);
        Self(hasher.finalize().into())
    }

    fn tag(&self, object: &Object) -> Tag {
        let Object { track, counter, digest } = object;
        let mut message = [0; 1 + 8 + 32];
        message[0] = track.number();
        message[1..9].copy_from_slice(&counter.to_le_bytes());
        message[9..].copy_from_slice(digest);
        let hash = blake3::keyed_hash(&self.0, &message);
        let [a, b, c, d, ..] = *hash.as_bytes();
        [a, b, c, d]
    }
}

/// An object, by its hash.
#[derive(Clone, Copy, Debug)]
struct Object {
    track: TrackId,
    counter: u64,
    digest: [u8; 32],
}

impl Object {
    fn new(track: TrackId, counter: u64, payload: &[u8]) -> Self {
        Self { track, counter, digest: blake3::hash(payload).into() }
    }
}
