//! What proves to us who others are, as far as all of them have it in common.

use std::time::{SystemTime, UNIX_EPOCH};

use visavis_codec::Timestamp;

use crate::identity::{
    Accepted, Challenger, Proof, ProofError, ProofPolicy, ProofStatus, Revocations, UnixSeconds,
};
use crate::seal::{CallId, JoinId, TrackId};

/// Our nonces, and the keys that aren't believed.
pub(super) struct Trust {
    pub(super) challenger: Challenger,
    pub(super) revocations: Revocations,
    pub(super) policy: ProofPolicy,
    pub(super) call: CallId,
}

/// Our wall clock. One that stands before 1970 says 1970: nothing is believed then.
pub(super) fn wall() -> UnixSeconds {
    UnixSeconds(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
}

/// What is proven of one participant, and what of it was told.
#[derive(Default)]
pub(super) struct Verifier {
    proof: Option<Proof>,
    told: Option<ProofStatus>,
}

impl Verifier {
    /// Of a participant whose first catalogue opened; later it stays.
    pub(super) fn begin(&mut self, trust: &Trust, join: JoinId, now: Timestamp) -> &mut Proof {
        self.proof.get_or_insert_with(|| Proof::new(trust.call, join, trust.policy, now))
    }

    pub(super) fn proof(&mut self) -> Option<&mut Proof> {
        self.proof.as_mut()
    }

    pub(super) fn note(&mut self, track: TrackId, counter: u64, plain: &[u8], now: Timestamp) {
        if let Some(proof) = &mut self.proof {
            proof.note(track, counter, plain, now);
        }
    }

    /// Takes an object of the proof track.
    pub(super) fn accept(
        &mut self,
        message: &[u8],
        trust: &mut Trust,
        now: Timestamp,
    ) -> Result<Option<Accepted>, ProofError> {
        let Some(proof) = &mut self.proof else { return Ok(None) };
        let accepted = proof.accept(message, &trust.challenger, &trust.revocations, now, wall())?;
        if let Accepted::Revocation(signed) = &accepted {
            trust.revocations.add(signed)?;
        }
        Ok(Some(accepted))
    }

    /// The status that was told last.
    pub(super) fn told(&self) -> Option<ProofStatus> {
        self.told
    }

    /// The status, if it isn't the one that was told last.
    pub(super) fn poll(&mut self, now: Timestamp) -> Option<ProofStatus> {
        let status = self.proof.as_mut()?.status(now);
        (self.told.replace(status) != Some(status)).then_some(status)
    }
}
