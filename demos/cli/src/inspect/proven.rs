//! Who is proven to have spoken in a recorded call.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use visavis_codec::avatar::{FileSignature, MAX_FILE_BYTES};
use visavis_codec::call::{CallBody, CallReader, Sender};
use visavis_codec::{Avatar, Timestamp};
use visavis_net::identity::{PublicKey, Revocations, Verdict, Verified, verify_recording};
use visavis_net::seal::TrackId;

use crate::avatar_file::{candidates, read_bounded};

/// How far a recorded packet may be from its place among the objects that are signed for: those that came late.
const REORDERED: usize = 64;

/// What is proven of one sender.
pub(super) struct Proven {
    pub(super) words: String,
    pub(super) json: Value,
}

/// What a sender's channels hold.
#[derive(Default)]
struct Recorded {
    proof: Vec<(Timestamp, Vec<u8>)>,
    faces: Vec<Vec<u8>>,
}

/// Of every sender, in order.
pub(super) fn of(call: &CallReader<'_>, path: &Path, revoked: Option<&Path>) -> Result<Vec<Proven>> {
    let mut revocations = Revocations::default();
    let folder = revoked.map_or_else(crate::key::revoked_folder, |folder| Some(folder.to_owned()));
    if let Some(folder) = folder {
        revocations.load(&folder).with_context(|| format!("{}: revocations", folder.display()))?;
    }
    let mut recorded: Vec<Recorded> = call.senders().map(|_| Recorded::default()).collect();
    let mut messages = call.messages();
    while let Some(message) =
        messages.next().with_context(|| format!("{}: not a usable call", path.display()))?
    {
        let Some(sender) = recorded.get_mut(message.sender.index()) else { continue };
        match message.body {
            CallBody::Proof(bytes) => sender.proof.push((message.times.arrival, bytes.to_vec())),
            CallBody::Face(packet) => sender.faces.push(packet.to_vec()),
            CallBody::Audio(_) | CallBody::Join(_) => {}
        }
    }
    let senders = call.senders().zip(recorded);
    Ok(senders.map(|((_, sender), recorded)| of_sender(sender, &recorded, path, &revocations)).collect())
}

fn of_sender(sender: &Sender, recorded: &Recorded, path: &Path, revocations: &Revocations) -> Proven {
    let (mut signed, mut sounds) = (Vec::new(), 0);
    let messages = recorded.proof.iter().map(|(at, bytes)| (*at, bytes.as_slice()));
    let verified = verify_recording(messages, revocations, |track, payload| match track {
        TrackId::Face | TrackId::FaceGroups => signed.push(payload.to_vec()),
        _ => sounds += 1,
    });
    let Verified { verdict, statement, objects, judged, damaged } = &verified;
    let faces = proven_packets(&recorded.faces, &signed);
    let stated = statement.as_ref().map(|statement| statement.avatar_root);
    let of_its_owner = match (verdict, stated) {
        (Verdict::Nobody, _) | (_, None) => None,
        (_, Some(root)) => owner_of(&sender.avatar_name, &root, path),
    };
    let is_its_avatar = stated.is_some() && (sender.avatar_root.is_none() || sender.avatar_root == stated);
    let (name, key, words) = match verdict {
        Verdict::Nobody => ("nobody", None, "nothing proves who spoke".to_owned()),
        Verdict::Revoked(key) => ("revoked", Some(key), format!("signed with {key}, which was REVOKED")),
        Verdict::Forged(key) => {
            ("forged", Some(key), format!("FORGED: {} objects aren't what {key} sent", judged.contradicted))
        }
        Verdict::Proven(key) if faces == recorded.faces.len() && is_its_avatar => {
            ("proven", Some(key), format!("proven: {key} signed for all of it"))
        }
        Verdict::Proven(key) | Verdict::InPart(key) => {
            let of = recorded.faces.len();
            ("in_part", Some(key), format!("proven in part: {key} signed for {faces} of {of} face packets"))
        }
    };
    let whose = match (key, of_its_owner) {
        (None, _) => "",
        (Some(_), _) if !is_its_avatar => ", but for ANOTHER AVATAR than the one recorded",
        (Some(key), Some(owner)) if owner == *key => ", the avatar's owner",
        (Some(_), Some(_)) => ", who is NOT the avatar's owner",
        (Some(_), None) => "; the avatar's file isn't at hand to say whose key that is",
    };
    Proven {
        words: format!("{words}{whose}"),
        json: json!({
            "verdict": name, "public_key": key.map(PublicKey::to_string), "face_packets_signed": faces,
            "audio_objects_signed": sounds, "objects": objects, "objects_signed": judged.covered,
            "objects_contradicted": judged.contradicted, "objects_unsigned": judged.overdue, "messages_damaged": damaged,
            "is_avatars_owner": key.zip(of_its_owner).map(|(key, owner)| *key == owner),
            "stated_unix_seconds": statement.as_ref().map(|statement| statement.issued.0),
        }),
    }
}

/// How many packets stand inside objects that are signed for. Both are in the order of sending, but for a few that came
/// late.
fn proven_packets(packets: &[Vec<u8>], signed: &[Vec<u8>]) -> usize {
    let mut place = 0usize;
    let mut count = 0;
    for packet in packets.iter().filter(|packet| !packet.is_empty()) {
        let first = place.saturating_sub(REORDERED);
        let near = signed.iter().enumerate().skip(first).take(2 * REORDERED);
        let found = { near }.find(|(_, object)| object.windows(packet.len()).any(|window| window == packet));
        if let Some((at, _)) = found {
            (place, count) = (at, count + 1);
        }
    }
    count
}

/// The owner of the avatar with this root, if its file is beside the call and rightly signed.
fn owner_of(name: &str, root: &[u8; 32], call: &Path) -> Option<PublicKey> {
    candidates(name, call).into_iter().find_map(|path| {
        let file = read_bounded(&path, MAX_FILE_BYTES).ok()?;
        if Avatar::root_hash(&file).ok()? != *root {
            return None;
        }
        match Avatar::verify_signature(&file).ok()? {
            FileSignature::Valid(key) => Some(PublicKey(key)),
            FileSignature::None => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::proven_packets;

    #[test]
    fn packets_are_found_in_the_objects_that_hold_them() {
        let signed: Vec<Vec<u8>> =
            (0..500u16).map(|i| [&[7], i.to_be_bytes().as_slice(), b"face"].concat()).collect();
        let mut packets: Vec<Vec<u8>> =
            (0..500u16).map(|i| [i.to_be_bytes().as_slice(), b"face"].concat()).collect();
        assert_eq!(proven_packets(&packets, &signed), 500);
        packets.swap(10, 50);
        assert_eq!(proven_packets(&packets, &signed), 500, "some came late");
        packets[100] = b"forged".to_vec();
        packets[101].push(0);
        assert_eq!(proven_packets(&packets, &signed), 498);
        assert_eq!(proven_packets(&packets, &[]), 0);
        assert_eq!(proven_packets(&[Vec::new()], &signed), 0);
    }
}
