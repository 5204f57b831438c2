//! Objects that are signed one by one: catalogues and needs, which are few and have to hold for who comes later.

use super::bytes::Malformed;
use super::key::{EphemeralKey, PublicKey, WrongSignature};
use crate::seal::TrackId;

/// What a signed object is longer than its payload.
pub const SIGNATURE_BYTES: usize = 64;
const MAGIC: &[u8; 16] = b"visavis object 1";

/// A payload and its signature: what is sealed on the tracks `catalogue` and `needs`. `counter` is the one that it will be
/// sealed with ([`Sealer::next_counter`](crate::seal::Sealer::next_counter)): nobody can put an old object under a new one.
pub fn sign_object(key: &EphemeralKey, track: TrackId, counter: u64, payload: &[u8]) -> Vec<u8> {
    let signature = key.sign(&message(track, counter, payload));
    [payload, &signature].concat()
}

/// The payload of a signed object.
///
/// # Errors
/// If it is too short, or the key didn't sign it for this track and counter.
pub fn verify_object<'o>(
    key: &PublicKey,
    track: TrackId,
    counter: u64,
    object: &'o [u8],
) -> Result<&'o [u8], WrongSignature> {
    let (payload, signature) = object.split_last_chunk::<SIGNATURE_BYTES>().ok_or(WrongSignature)?;
    key.verify(&message(track, counter, payload), signature)?;
    Ok(payload)
}

/// The payload of a signed object whose signer isn't known yet.
pub(super) fn unverified_payload(object: &[u8]) -> Result<&[u8], Malformed> {
    let too_short = Malformed { what: "signed object", problem: "shorter than a signature" };
    object.split_last_chunk::<SIGNATURE_BYTES>().map(|(payload, _)| payload).ok_or(too_short)
}

fn message(track: TrackId, counter: u64, payload: &[u8]) -> Vec<u8> {
    [MAGIC, [track.number()].as_slice(), &counter.to_le_bytes(), payload].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signed_object_is_for_its_track_and_counter_alone() {
        let key = EphemeralKey::generate();
        let object = sign_object(&key, TrackId::Catalogue, 3, b"hello");
        assert_eq!(object.len(), 5 + SIGNATURE_BYTES);
        assert_eq!(unverified_payload(&object), Ok(b"hello".as_slice()));
        let open =
            |track, counter, object: &[u8]| verify_object(&key.public(), track, counter, object).is_ok();
        assert!(open(TrackId::Catalogue, 3, &object));
        assert!(!open(TrackId::Needs, 3, &object) && !open(TrackId::Catalogue, 4, &object));
        assert!(!open(TrackId::Catalogue, 3, &object[1..]) && !open(TrackId::Catalogue, 3, &object[..63]));
        assert!(verify_object(&EphemeralKey::generate().public(), TrackId::Catalogue, 3, &object).is_err());
        for bit in 0..object.len() * 8 {
            let mut changed = object.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(!open(TrackId::Catalogue, 3, &changed), "bit {bit}");
        }
    }
}
