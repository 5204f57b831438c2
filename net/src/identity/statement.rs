//! The join statement: who speaks under a join's ephemeral key.

use std::time::Duration;

use visavis_codec::Timestamp;

use super::bytes::{Fields, Malformed};
use super::challenge::Nonce;
use super::key::{OwnerKey, PublicKey, WrongSignature};
use crate::seal::{CallId, JoinId, ParticipantId, Salt};

/// The most nonces in a statement: one for each participant of a full call.
pub const MAX_NONCES: usize = 256;
/// How long a statement is good for.
pub const STATEMENT_LIFE: Duration = Duration::from_secs(12 * 3600);
/// What a statement begins with.
const MAGIC: &[u8; 16] = b"visavis join   1";
/// Of a statement without nonces and signature.
const FIXED_BYTES: usize = 16 + 32 + 8 + 16 + 32 + 32 + 32 + 8 + 8 + 8 + 2;
const NONCE_BYTES: usize = 8;

/// Seconds since 1970, as the wall clock says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixSeconds(pub u64);

/// What the owner of an avatar states on joining. Its bytes are canonical: equal statements have equal bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinStatement {
    /// The call, by all 32 bytes of its name.
    pub call: CallId,
    /// The broadcast's path and the salt of its keys.
    pub join: JoinId,
    /// The BLAKE3 root of the avatar's file.
    pub avatar_root: [u8; 32],
    /// The key that signs checkpoints during this join.
    pub ephemeral: PublicKey,
    /// The key that signs this statement.
    pub owner: PublicKey,
    /// When it was made, by the owner's wall clock.
    pub issued: UnixSeconds,
    /// When it ends, by the owner's wall clock.
    pub expiry: UnixSeconds,
    /// When it was made, on the clock that checkpoints count by: time since the join, in whole milliseconds.
    pub clock: Timestamp,
    /// Nonces of those it is made for, at most [`MAX_NONCES`].
    pub nonces: Vec<Nonce>,
}

/// Why bytes are no statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// They don't have a statement's form.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The owner's key didn't sign it.
    #[error("join statement: {0}")]
    Signature(#[from] WrongSignature),
}

impl JoinStatement {
    /// The bytes that are signed.
    pub fn to_bytes(&self) -> Vec<u8> {
        let Self { call, join, avatar_root, ephemeral, owner, issued, expiry, clock, nonces } = self;
        let nonces = &nonces[..nonces.len().min(MAX_NONCES)];
        let mut bytes = Vec::with_capacity(FIXED_BYTES + NONCE_BYTES * nonces.len() + 64);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&call.0);
        bytes.extend_from_slice(&join.participant.0);
        bytes.extend_from_slice(&join.salt.0);
        bytes.extend_from_slice(avatar_root);
        bytes.extend_from_slice(&ephemeral.0);
        bytes.extend_from_slice(&owner.0);
        bytes.extend_from_slice(&issued.0.to_le_bytes());
        bytes.extend_from_slice(&expiry.0.to_le_bytes());
        bytes.extend_from_slice(&(clock.0 / 1_000_000).to_le_bytes());
        bytes.extend_from_slice(&(nonces.len() as u16).to_le_bytes());
        nonces.iter().for_each(|nonce| bytes.extend_from_slice(&nonce.0));
        bytes
    }

    /// The statement and its signature, as they are sent and recorded. `key` is to be the one that `owner` names.
    pub fn sign(&self, key: &OwnerKey) -> Vec<u8> {
        let mut bytes = self.to_bytes();
        let signature = key.sign(&bytes);
        bytes.extend_from_slice(&signature);
        bytes
    }

    /// Reads a statement with its signature, and checks that the owner it names signed it: no more than that.
    ///
    /// # Errors
    /// If it isn't one, or somebody else signed it.
    pub fn verify(signed: &[u8]) -> Result<Self, StatementError> {
        let mut fields = Fields::new("join statement", signed);
        fields.magic(MAGIC)?;
        let call = CallId(fields.array()?);
        let join = JoinId { participant: ParticipantId(fields.array()?), salt: Salt(fields.array()?) };
        let avatar_root = fields.array()?;
        let (ephemeral, owner) = (PublicKey(fields.array()?), PublicKey(fields.array()?));
        let (issued, expiry) = (UnixSeconds(fields.u64()?), UnixSeconds(fields.u64()?));
        let clock = fields.u64()?.checked_mul(1_000_000).ok_or(fields.error("a clock beyond its range"))?;
        let count = usize::from(fields.u16()?);
        if count > MAX_NONCES {
            return Err(fields.error("more nonces than a call has participants").into());
        }
        let mut nonces = Vec::with_capacity(count);
        for _ in 0..count {
            nonces.push(Nonce(fields.array()?));
        }
        let signature = fields.array()?;
        fields.end()?;
        let statement = signed.get(..FIXED_BYTES + NONCE_BYTES * count).unwrap_or_default();
        owner.verify(statement, &signature)?;
        let clock = Timestamp(clock);
        Ok(Self { call, join, avatar_root, ephemeral, owner, issued, expiry, clock, nonces })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn statement(nonces: usize) -> (OwnerKey, JoinStatement) {
        let key = OwnerKey::from_seed(&[1; 32]);
        let statement = JoinStatement {
            call: CallId([2; 32]),
            join: JoinId { participant: ParticipantId([3; 8]), salt: Salt([4; 16]) },
            avatar_root: [5; 32],
            ephemeral: PublicKey([6; 32]),
            owner: key.public(),
            issued: UnixSeconds(1_800_000_000),
            expiry: UnixSeconds(1_800_043_200),
            clock: Timestamp(12_345_000_000),
            nonces: (0..nonces).map(|i| Nonce([i as u8; 8])).collect(),
        };
        (key, statement)
    }

    #[test]
    fn a_statement_comes_back_as_it_was_and_has_the_size_that_is_written_down() {
        for nonces in [0, 1, 2, MAX_NONCES] {
            let (key, statement) = statement(nonces);
            let signed = statement.sign(&key);
            assert_eq!(signed.len(), 258 + 8 * nonces);
            assert_eq!(JoinStatement::verify(&signed), Ok(statement));
        }
        let (key, too_many) = statement(MAX_NONCES + 1);
        assert_eq!(JoinStatement::verify(&too_many.sign(&key)).unwrap().nonces.len(), MAX_NONCES);
    }

    #[test]
    fn another_key_cannot_speak_for_the_owner() {
        let (_, statement) = statement(1);
        let signed = statement.sign(&OwnerKey::from_seed(&[9; 32]));
        assert_eq!(JoinStatement::verify(&signed), Err(StatementError::Signature(WrongSignature)));
    }

    #[test]
    fn every_bit_counts_and_every_cut_is_noticed() {
        let (key, statement) = statement(2);
        let signed = statement.sign(&key);
        for bit in 0..signed.len() * 8 {
            let mut changed = signed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(JoinStatement::verify(&changed).is_err(), "bit {bit}");
        }
        for length in 0..signed.len() {
            assert!(JoinStatement::verify(&signed[..length]).is_err(), "{length} bytes");
        }
        assert!(JoinStatement::verify(&[&signed[..], &[0]].concat()).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..600), count in any::<u16>()) {
            let _ = JoinStatement::verify(&bytes);
            let (key, statement) = statement(3);
            let mut signed = statement.sign(&key);
            signed[FIXED_BYTES - 2..FIXED_BYTES].copy_from_slice(&count.to_le_bytes());
            prop_assert_eq!(JoinStatement::verify(&signed).is_ok(), count == 3);
        }
    }
}
