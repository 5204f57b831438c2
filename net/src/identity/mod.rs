//! Who speaks: owners' keys, what a join states, and the proof that what arrives is theirs.
//!
//! Everybody in a call has its secret, so encryption alone proves no more than membership. Proof goes this way:
//! 1. An avatar's owner has an [`OwnerKey`]; its public half stands in the `.avatar` file, which the key signs.
//! 2. Whoever joins makes an ephemeral key and states, signed by the owner's key, that it speaks for the owner in this call,
//!    under this path, salt and avatar, to those whose nonces it names ([`JoinStatement`]). A nonce is fresh for each join and
//!    for whoever appears ([`Challenger`]), so no recorded statement is taken for a live one.
//! 3. Every half second the ephemeral key signs a checkpoint: tags of every face and sound object since the last one.
//! 4. A receiver keeps a [`Proof`] for each participant. Objects that no checkpoint has vouched for within
//!    [`UNSIGNED_LIMIT`] veil the person, one that contradicts a checkpoint veils them at once.
//!
//! A [`Prover`] does the sender's side. All of it is told the time and touches no socket; formats, to the byte, and what each
//! kind of adversary can and can't do are in `net/CRYPTO.md`.

mod bytes;
mod challenge;
mod checkpoint;
mod clock_bound;
mod key;
mod message;
mod object;
mod owner_limits;
mod proof;
mod prover;
mod record;
mod revocation;
mod statement;
mod status;
#[cfg(test)]
mod tests;

pub use bytes::Malformed;
pub use challenge::{Challenger, Nonce};
pub use checkpoint::{
    CHECKPOINT_INTERVAL, Checkpoint, CheckpointError, CheckpointReader, CheckpointWriter, Judged,
    MAX_CHECKPOINT_OBJECTS, UNSIGNED_LIMIT,
};
pub use clock_bound::MAX_AGE;
pub use key::{EphemeralKey, KeyFileError, OwnerKey, PublicKey, WrongSignature};
pub use object::{SIGNATURE_BYTES, sign_object, verify_object};
pub use owner_limits::{SignedLimits, SignedLimitsError};
pub use proof::{Accepted, Proof, ProofError, ProofPolicy};
pub use prover::Prover;
pub use record::{RecordedProof, Verdict, Verified, join_of, verify_recording};
pub use revocation::{Revocation, RevocationError, Revocations};
pub use statement::{JoinStatement, MAX_NONCES, STATEMENT_LIFE, StatementError, UnixSeconds};
pub use status::{ProofStatus, UnprovenReason, VeilReason};
