//! How far viewers may tune a face, signed by its owner. It travels in the catalogue, in hexadecimal.

use visavis_codec::expression::{InvalidLimits, OwnerLimits};

use super::bytes::{Fields, Malformed};
use super::key::{OwnerKey, PublicKey, WrongSignature};
use super::statement::UnixSeconds;

const MAGIC: &[u8; 16] = b"visavis tuning 1";

/// What the owner of an avatar lets viewers do, and for which avatar.
#[derive(Clone, Debug, PartialEq)]
pub struct SignedLimits {
    /// The BLAKE3 root of the avatar's file.
    pub avatar_root: [u8; 32],
    /// When the owner said so; the latest counts.
    pub issued: UnixSeconds,
    /// What viewers may do.
    pub limits: OwnerLimits,
}

/// Why bytes are no signed limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignedLimitsError {
    /// They don't have the form.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The owner's key didn't sign them.
    #[error("signed limits: {0}")]
    Signature(#[from] WrongSignature),
    /// The limits in them are out of range.
    #[error("signed limits: {0}")]
    Limits(#[from] InvalidLimits),
}

impl SignedLimits {
    /// Signed, these many bytes: 192 with nine regions.
    pub const BYTES: usize = MAGIC.len() + 32 + 8 + OwnerLimits::BYTES + 64;

    fn to_bytes(&self) -> Vec<u8> {
        let Self { avatar_root, issued, limits } = self;
        [MAGIC.as_slice(), avatar_root, &issued.0.to_le_bytes(), &limits.to_bytes()].concat()
    }

    /// The limits with their signature, as they travel.
    pub fn sign(&self, key: &OwnerKey) -> Vec<u8> {
        let mut bytes = self.to_bytes();
        let signature = key.sign(&bytes);
        bytes.extend_from_slice(&signature);
        bytes
    }

    /// Reads signed limits and checks that this owner signed them.
    ///
    /// # Errors
    /// If they aren't any, or somebody else signed them.
    pub fn verify(signed: &[u8], owner: &PublicKey) -> Result<Self, SignedLimitsError> {
        let mut fields = Fields::new("signed limits", signed);
        fields.magic(MAGIC)?;
        let (avatar_root, issued) = (fields.array()?, UnixSeconds(fields.u64()?));
        let limits = fields.take(OwnerLimits::BYTES)?;
        let signature = fields.array()?;
        fields.end()?;
        owner.verify(&signed[..Self::BYTES - 64], &signature)?;
        Ok(Self { avatar_root, issued, limits: OwnerLimits::from_bytes(limits)? })
    }
}

#[cfg(test)]
mod tests {
    use visavis_codec::expression::{Region, RegionLimit};

    use super::*;

    #[test]
    fn limits_are_the_owners_and_nobody_elses() {
        let key = OwnerKey::from_seed(&[1; 32]);
        let mut limits = OwnerLimits::default();
        limits.set(Region::Mouth, RegionLimit { gain: [0.5, 2.0], offset: 0.1, shape: true }).unwrap();
        let limits = SignedLimits { avatar_root: [2; 32], issued: UnixSeconds(7), limits };
        let signed = limits.sign(&key);
        assert_eq!(signed.len(), SignedLimits::BYTES);
        assert_eq!(SignedLimits::verify(&signed, &key.public()), Ok(limits.clone()));
        let other = OwnerKey::from_seed(&[9; 32]);
        assert!(SignedLimits::verify(&signed, &other.public()).is_err());
        for bit in 0..signed.len() * 8 {
            let mut changed = signed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(SignedLimits::verify(&changed, &key.public()).is_err(), "bit {bit}");
        }
        for length in 0..signed.len() {
            assert!(SignedLimits::verify(&signed[..length], &key.public()).is_err());
        }
        assert!(SignedLimits::verify(&[&signed[..], &[0]].concat(), &key.public()).is_err());
    }
}
