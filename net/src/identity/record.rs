//! Proof in a recorded call: what was said on the track `proof`, and the objects as they were opened, so that anybody can
//! check afterwards who spoke. `avatar-codec/CALL.md` has the channel, `net/CRYPTO.md` the bytes.

use std::collections::BTreeMap;

use visavis_codec::Timestamp;

use super::bytes::{Fields, Malformed, write_varint};
use super::checkpoint::{Checkpoint, Judged};
use super::key::PublicKey;
use super::message::Message;
use super::revocation::Revocations;
use super::statement::JoinStatement;
use crate::hex::Hex;
use crate::seal::TrackId;

/// A recorded object's first byte, plus its track's number.
const OBJECT: u8 = 0x10;
/// At both ends of a recording objects may lack their checkpoint: it came before the recorder did, or after.
const END_NANOSECONDS: u64 = 2_000_000_000;

/// What is written to a sender's channel `proof`: objects of the track `proof` as they came, and live objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordedProof<'p> {
    /// An object of the track `proof`, opened: as it came.
    Proof(&'p [u8]),
    /// An object of a live track, opened.
    Object {
        /// Its track.
        track: TrackId,
        /// The counter that it was sealed with.
        counter: u64,
        /// Its plain bytes.
        payload: &'p [u8],
    },
}

impl<'p> RecordedProof<'p> {
    /// The message to record.
    pub fn to_bytes(&self) -> Vec<u8> {
        match *self {
            Self::Proof(bytes) => bytes.to_vec(),
            Self::Object { track, counter, payload } => {
                let mut bytes = vec![OBJECT + track.number()];
                write_varint(counter, &mut bytes);
                bytes.extend_from_slice(payload);
                bytes
            }
        }
    }

    /// The inverse of [`to_bytes`](Self::to_bytes).
    ///
    /// # Errors
    /// If it is of no known kind.
    pub fn parse(bytes: &'p [u8]) -> Result<Self, Malformed> {
        if bytes.first().is_none_or(|kind| *kind < OBJECT) {
            return Message::parse(bytes).map(|_| Self::Proof(bytes));
        }
        let mut fields = Fields::new("recorded object", bytes);
        let track = TrackId::from_number(fields.byte()? - OBJECT).filter(|track| track.is_live());
        let track = track.ok_or(fields.error("not of a live track"))?;
        Ok(Self::Object { track, counter: fields.varint()?, payload: fields.rest() })
    }
}

/// A statement as the channel `join` of a recorded call has it, from an object of the track `proof`; none if that is no
/// statement.
pub fn join_of(proof: &[u8]) -> Option<visavis_codec::call::JoinStatement> {
    let Ok(Message::Statement(signed)) = Message::parse(proof) else { return None };
    let owner = JoinStatement::verify(signed).ok()?.owner;
    let (statement, signature) = signed.split_last_chunk::<64>()?;
    Some(visavis_codec::call::JoinStatement {
        statement: Hex(statement).to_string(),
        public_key: owner.to_string(),
        signature: Hex(signature).to_string(),
    })
}

/// What a recording proves of one sender.
#[derive(Clone, Debug, PartialEq)]
pub struct Verified {
    /// Whether it is proven who spoke.
    pub verdict: Verdict,
    /// The statement that was checked: the first good one.
    pub statement: Option<JoinStatement>,
    /// Live objects in the recording.
    pub objects: usize,
    /// What became of them.
    pub judged: Judged,
    /// Messages that have no known form, or a wrong signature.
    pub damaged: usize,
}

/// Whether it is proven who spoke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The owner of this key signed for all that is recorded, but for less than two seconds at the ends and what was lost.
    Proven(PublicKey),
    /// The owner of this key signed for some of it.
    InPart(PublicKey),
    /// Something is not what the owner of this key sent.
    Forged(PublicKey),
    /// The owner took this key back: anybody may have had it.
    Revoked(PublicKey),
    /// Nobody signed for anything.
    Nobody,
}

/// Checks what a recording holds of one sender: the messages of its channel `proof` with their arrival times, in order.
/// `covered` is told of every live object that its owner vouched for, by its track and plain bytes.
///
/// The statement names an owner's key, which is to be compared with the avatar's. Nonces aren't checked: they kept this call
/// from being replayed while it was live.
pub fn verify_recording<'p>(
    messages: impl IntoIterator<Item = (Timestamp, &'p [u8])>,
    revocations: &Revocations,
    mut covered: impl FnMut(TrackId, &[u8]),
) -> Verified {
    let mut revocations = revocations.clone();
    let mut statement: Option<JoinStatement> = None;
    let mut objects: BTreeMap<(TrackId, u64), Recorded<'p>> = BTreeMap::new();
    let mut checkpoints = Vec::new();
    let mut damaged = 0;
    for (arrival, bytes) in messages {
        let parsed = RecordedProof::parse(bytes).and_then(|record| match record {
            RecordedProof::Object { track, counter, payload } => {
                objects.insert((track, counter), Recorded { payload, arrival, word: Word::Nothing });
                Ok(None)
            }
            RecordedProof::Proof(bytes) => Message::parse(bytes).map(Some),
        });
        let is_good = match parsed {
            Err(_) => false,
            Ok(None) => true,
            Ok(Some(Message::Checkpoint(signed))) => {
                checkpoints.push(signed);
                true
            }
            Ok(Some(Message::Revocation(signed))) => revocations.add(signed).is_ok(),
            Ok(Some(Message::Statement(signed))) => JoinStatement::verify(signed).is_ok_and(|said| {
                let first = statement.get_or_insert_with(|| said.clone());
                (first.owner, first.ephemeral) == (said.owner, said.ephemeral)
            }),
        };
        damaged += usize::from(!is_good);
    }
    if let Some(JoinStatement { ephemeral, .. }) = &statement {
        for signed in checkpoints {
            match Checkpoint::verify(signed, ephemeral) {
                Err(_) => damaged += 1,
                Ok(checkpoint) => checkpoint.for_each(ephemeral, |track, counter, is_of| {
                    if let Some(object) = objects.get_mut(&(track, counter)) {
                        object.word = if is_of(object.payload) { Word::Covered } else { Word::Contradicted };
                    }
                }),
            }
        }
    }
    let mut judged = Judged::default();
    for ((track, _), Recorded { payload, arrival, word }) in &objects {
        match word {
            Word::Covered => {
                judged.covered += 1;
                judged.covered_arrival = judged.covered_arrival.max(Some(*arrival));
                covered(*track, payload);
            }
            Word::Contradicted => judged.contradicted += 1,
            Word::Nothing => {
                judged.overdue += 1;
                judged.overdue_arrival = judged.overdue_arrival.max(Some(*arrival));
            }
        }
    }
    let verdict = verdict(statement.as_ref(), &revocations, &objects, &judged);
    Verified { verdict, statement, objects: objects.len(), judged, damaged }
}

/// A live object of a recording.
struct Recorded<'p> {
    payload: &'p [u8],
    arrival: Timestamp,
    word: Word,
}

/// What checkpoints say of it.
#[derive(PartialEq)]
enum Word {
    Covered,
    Contradicted,
    Nothing,
}

fn verdict(
    statement: Option<&JoinStatement>,
    revocations: &Revocations,
    objects: &BTreeMap<(TrackId, u64), Recorded<'_>>,
    judged: &Judged,
) -> Verdict {
    let Some(JoinStatement { owner, .. }) = statement.filter(|_| judged.covered > 0) else {
        return Verdict::Nobody;
    };
    if revocations.get(owner).is_some() {
        return Verdict::Revoked(*owner);
    }
    if judged.contradicted > 0 {
        return Verdict::Forged(*owner);
    }
    let arrivals = || objects.values().map(|object| object.arrival.0);
    let (first, last) = (arrivals().min().unwrap_or(0), arrivals().max().unwrap_or(0));
    let is_at_an_end = |at: u64| at - first < END_NANOSECONDS || last - at < END_NANOSECONDS;
    let is_whole =
        objects.values().all(|object| object.word == Word::Covered || is_at_an_end(object.arrival.0));
    if is_whole { Verdict::Proven(*owner) } else { Verdict::InPart(*owner) }
}
