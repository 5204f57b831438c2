//! What a call's members share, and what a join adds to it.

use std::fmt;
use std::str::FromStr;

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::TrackId;
use crate::hex::{Hex, bytes_of_hex};

/// Contexts of key derivation (BLAKE3's `derive_key`): one for each use of the secret.
const CALL_ID_CONTEXT: &str = "visavis-net 2026-11 call id";
const BASE_KEY_CONTEXT: &str = "visavis-net 2026-11 SFrame base key";

/// What every member of a call has, and nobody else: the fragment of the join link. 32 random bytes; zeroed when dropped
/// and never shown.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct CallSecret([u8; 32]);

impl CallSecret {
    /// A new call's.
    ///
    /// # Panics
    /// If the operating system has no random numbers.
    pub fn random() -> Self {
        Self(random())
    }

    /// As it stood in a join link.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// For the join link, and for nothing else.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The call's public name; the secret can't be found from it.
    pub fn call_id(&self) -> CallId {
        CallId(blake3::derive_key(CALL_ID_CONTEXT, &self.0))
    }

    /// The key material that SFrame's keys of one track of one join come from.
    pub(super) fn base_key(&self, join: &JoinId, track: TrackId) -> BaseKey {
        let JoinId { participant, salt } = join;
        let mut hasher = blake3::Hasher::new_derive_key(BASE_KEY_CONTEXT);
        hasher.update(&self.0).update(&participant.0).update(&salt.0).update(&[track.number()]);
        BaseKey(hasher.finalize().into())
    }
}

impl fmt::Debug for CallSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallSecret(…)")
    }
}

/// Key material of one track.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(super) struct BaseKey(pub(super) [u8; 32]);

/// A call's public name. Statements are bound to all 32 bytes; the first eight, as 16 hexadecimal digits, stand in paths
/// and links ([`Display`](fmt::Display)): enough to tell calls apart, while two secrets with the same 32 bytes can't be
/// made.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CallId(pub [u8; 32]);

impl CallId {
    /// The 16 digits that stand in paths and links.
    pub fn digits(&self) -> String {
        Hex(&self.0[..8]).to_string()
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Hex(&self.0[..8]).fmt(f)
    }
}

impl fmt::Debug for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CallId({self})")
    }
}

/// One join of one person: 8 random bytes, 16 hexadecimal digits in paths. Who joins again is another participant.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ParticipantId(pub [u8; 8]);

impl ParticipantId {
    /// A new one.
    ///
    /// # Panics
    /// If the operating system has no random numbers.
    pub fn random() -> Self {
        Self(random())
    }
}

impl fmt::Display for ParticipantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Hex(&self.0).fmt(f)
    }
}

impl fmt::Debug for ParticipantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ParticipantId({self})")
    }
}

impl FromStr for ParticipantId {
    type Err = InvalidParticipant;

    fn from_str(digits: &str) -> Result<Self, InvalidParticipant> {
        let is_lower = !digits.bytes().any(|byte| byte.is_ascii_uppercase());
        bytes_of_hex(digits).filter(|_| is_lower).map(Self).ok_or(InvalidParticipant)
    }
}

/// Not the name of a participant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a participant is 16 lower-case hexadecimal digits")]
pub struct InvalidParticipant;

/// What makes the keys of a join its own: 16 random bytes, public.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Salt(pub [u8; 16]);

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Salt({})", Hex(&self.0))
    }
}

/// A join as everybody sees it: where it stands (`<call>/<participant>`) and its salt, which the catalogue begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct JoinId {
    /// Whose.
    pub participant: ParticipantId,
    /// Its salt.
    pub salt: Salt,
}

impl JoinId {
    /// A new join's. Only [`JoinSeals`](super::JoinSeals) makes one to send with.
    pub(super) fn random() -> Self {
        Self { participant: ParticipantId::random(), salt: Salt(random()) }
    }

    /// The path of its broadcast.
    pub fn path(&self, call: &CallId) -> String {
        format!("{call}/{}", self.participant)
    }
}

/// Random bytes from the operating system.
///
/// # Panics
/// If there are none: nothing that is secret can be made then.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random numbers");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_never_shown_and_names_say_nothing_of_them() {
        let secret = CallSecret::from_bytes([7; 32]);
        assert_eq!(format!("{secret:?}"), "CallSecret(…)");
        let id = secret.call_id();
        assert_eq!(id, CallSecret::from_bytes([7; 32]).call_id());
        assert_ne!(id, CallSecret::from_bytes([8; 32]).call_id());
        assert_eq!(id.to_string().len(), 16);
        assert_eq!(id.to_string(), id.digits());
    }

    #[test]
    fn a_participant_is_written_in_one_way_only() {
        let participant = ParticipantId([0xab; 8]);
        assert_eq!("abababababababab".parse(), Ok(participant));
        assert_eq!(participant.to_string(), "abababababababab");
        for wrong in ["ABABABABABABABAB", "abababababababa", "", "abababababababag", "../ababababababab"] {
            assert_eq!(wrong.parse::<ParticipantId>(), Err(InvalidParticipant), "{wrong}");
        }
    }

    #[test]
    fn every_part_of_a_join_changes_the_key() {
        let secret = CallSecret::from_bytes([1; 32]);
        let join = JoinId { participant: ParticipantId([2; 8]), salt: Salt([3; 16]) };
        let mut keys = vec![
            CallSecret::from_bytes([9; 32]).base_key(&join, TrackId::Face).0,
            secret.base_key(&JoinId { participant: ParticipantId([4; 8]), ..join }, TrackId::Face).0,
            secret.base_key(&JoinId { salt: Salt([4; 16]), ..join }, TrackId::Face).0,
        ];
        keys.extend(TrackId::ALL.map(|track| secret.base_key(&join, track).0));
        let count = keys.len();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), count);
    }
}
