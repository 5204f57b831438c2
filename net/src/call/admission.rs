//! What a guest asks a host for, and what lets it in: the path in MoQ's SETUP.
//!
//! `/<call id>/<participant>?t=<token>&c=<claim>`. The token shows that the guest has the call's secret; the claim, 16 random bytes
//! of each join, that a later connection under the same participant is the same guest. TLS hides both from everybody but
//! the host.

use std::collections::HashMap;

use crate::hex::{Hex, bytes_of_hex};
use crate::seal::{CallSecret, ParticipantId};

/// Context of BLAKE3's `derive_key` for the token.
const CONTEXT: &str = "visavis-net 2026-11 admission to a host";

/// Proof that this join is the one that came before under its participant's name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Claim([u8; 16]);

impl Claim {
    pub(super) fn random() -> Self {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).expect("the operating system gives random numbers");
        Self(bytes)
    }
}

fn token(secret: &CallSecret) -> blake3::Hash {
    blake3::Hash::from_bytes(blake3::derive_key(CONTEXT, secret.as_bytes()))
}

/// The path that a guest asks for.
pub(super) fn path(secret: &CallSecret, participant: ParticipantId, claim: Claim) -> String {
    format!("/{}/{participant}?t={}&c={}", secret.call_id(), token(secret).to_hex(), Hex(&claim.0))
}

/// Reads what a guest asks for: who it is, if it has the secret.
fn read(secret: &CallSecret, path: &str) -> Option<(ParticipantId, Claim)> {
    let (path, query) = path.strip_prefix('/')?.split_once('?')?;
    let (call, participant) = path.split_once('/')?;
    let (mut has_token, mut claim) = (false, None);
    for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        match name {
            // `Hash` compares in constant time.
            "t" => {
                has_token =
                    bytes_of_hex::<32>(value).is_some_and(|t| blake3::Hash::from_bytes(t) == token(secret))
            }
            "c" => claim = bytes_of_hex::<16>(value).map(Claim),
            _ => {}
        }
    }
    (has_token && call == secret.call_id().digits()).then_some((participant.parse().ok()?, claim?))
}

/// Lets guests in, and each under its own name only.
pub(super) struct Door {
    secret: CallSecret,
    claims: HashMap<ParticipantId, Claim>,
    most: usize,
}

impl Door {
    pub(super) fn new(secret: CallSecret, most: usize) -> Self {
        Self { secret, claims: HashMap::new(), most }
    }

    /// Who asks for `path`, if that is a guest of this call and nobody else's name.
    pub(super) fn admit(&mut self, path: &str) -> Option<ParticipantId> {
        let (id, claim) = read(&self.secret, path)?;
        match self.claims.get(&id) {
            Some(known) => (*known == claim).then_some(id),
            None if self.claims.len() < self.most => {
                self.claims.insert(id, claim);
                Some(id)
            }
            None => None,
        }
    }

    /// Forgets guests that are gone, so that others can come.
    pub(super) fn keep(&mut self, mut is_here: impl FnMut(&ParticipantId) -> bool) {
        self.claims.retain(|id, _| is_here(id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_belongs_to_who_came_first() {
        let secret = CallSecret::from_bytes([3; 32]);
        let (me, other) = (ParticipantId([1; 8]), ParticipantId([2; 8]));
        let (mine, theirs) = (Claim([4; 16]), Claim([5; 16]));
        let mut door = Door::new(secret.clone(), 2);
        assert_eq!(door.admit(&path(&secret, me, mine)), Some(me));
        assert_eq!(door.admit(&path(&secret, me, mine)), Some(me), "a reconnection");
        assert_eq!(door.admit(&path(&secret, me, theirs)), None, "a member under another's name");
        assert_eq!(door.admit(&path(&secret, other, theirs)), Some(other));
        assert_eq!(door.admit(&path(&secret, ParticipantId([9; 8]), theirs)), None, "full");
        door.keep(|id| *id == me);
        assert_eq!(door.admit(&path(&secret, ParticipantId([9; 8]), theirs)), Some(ParticipantId([9; 8])));
    }

    #[test]
    fn who_lacks_the_secret_stays_outside() {
        let secret = CallSecret::from_bytes([3; 32]);
        let mut door = Door::new(secret.clone(), 9);
        let right = path(&secret, ParticipantId([1; 8]), Claim([4; 16]));
        let foreign = path(&CallSecret::from_bytes([7; 32]), ParticipantId([1; 8]), Claim([4; 16]));
        let forged = format!("{}{}", &right[..right.len() - 103], "0".repeat(103));
        for wrong in ["", "/", "/x/y?t=&c=", &right[1..], &right[..right.len() - 1], &foreign, &forged] {
            assert_eq!(door.admit(wrong), None, "{wrong}");
        }
    }
}
