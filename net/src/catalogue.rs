//! What a participant says of itself (the catalogue) and of what it wants from others (needs), as JSON.
//!
//! Both are sealed like everything else. Unknown fields are skipped, so that a newer peer can say more; what a peer
//! can't do without is named by a version of its own, so that an older build degrades and says why. `WIRE.md` has the text.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::hex::bytes_of_hex;

/// The version of the wire format, the first byte of every catalogue object, in clear.
pub const WIRE_VERSION: u8 = 1;

/// The most bytes of a catalogue's or needs' JSON.
pub const MAX_JSON: usize = 16 * 1024;

/// The most characters of a participant's name.
pub const MAX_NAME: usize = 64;

/// The most participants that one message of needs speaks of.
pub const MAX_NEEDS: usize = 256;

/// Why a catalogue or needs can't be read.
#[derive(Debug, Error)]
pub enum CatalogueError {
    /// Another wire version.
    #[error("the peer speaks wire version {found}, this build {WIRE_VERSION}: update the older of the two")]
    Version {
        /// The clear byte.
        found: u8,
    },
    /// Too long.
    #[error("{what} of {bytes} bytes: at most {MAX_JSON} are read")]
    TooLarge {
        /// `catalogue` or `needs`.
        what: &'static str,
        /// Its size.
        bytes: usize,
    },
    /// Not the JSON it should be.
    #[error("{what}: {source}")]
    Json {
        /// `catalogue` or `needs`.
        what: &'static str,
        /// What serde says.
        source: serde_json::Error,
    },
    /// A field out of range.
    #[error("{what}: {field} {reason}")]
    Field {
        /// `catalogue` or `needs`.
        what: &'static str,
        /// Which.
        field: &'static str,
        /// What is wrong and what it should be.
        reason: String,
    },
}

/// What a participant says of itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Catalogue {
    /// A name to show, at most 64 characters, no control characters. Nobody vouches for it.
    pub name: String,
    /// Which program, and its version.
    pub software: String,
    /// The face track, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub face: Option<FaceTrack>,
    /// The audio track, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio: Option<AudioTrack>,
    /// The avatar, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub avatar: Option<AvatarTrack>,
    /// Whether this participant records the call.
    pub recording: bool,
    /// Whether this is the last catalogue: the participant leaves.
    pub leaving: bool,
    /// The newest nonce that join statements for this receiver must name, 16 hexadecimal digits
    /// ([`Nonce`](crate::identity::Nonce)).
    pub nonce: String,
    /// How far viewers may tune the avatar: [`SignedLimits`](crate::identity::SignedLimits) as hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub viewer_limits: Option<String>,
}

/// A face track.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FaceTrack {
    /// The version of the latent bitstream.
    pub bitstream: u8,
    /// The highest frame rate, in hertz.
    pub hertz: f32,
}

/// An audio track.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AudioTrack {
    /// `opus`.
    pub codec: String,
    /// The sample rate that the encoder was given, in hertz.
    pub sample_rate: u32,
}

/// An avatar.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AvatarTrack {
    /// BLAKE3 root of the file, 64 hexadecimal digits.
    pub root: String,
    /// The file's size.
    pub bytes: u64,
    /// How many of its first bytes are a likeness.
    pub likeness_bytes: u64,
}

/// How a viewer shows a participant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum View {
    /// Nobody sees it: its face needs not be sent.
    Hidden,
    /// Small or far away.
    Low,
    /// As good as it gets. Also where nothing was said.
    #[default]
    Full,
}

/// What a receiver wants of one sender, and how what it got has fared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Needs {
    /// How it is shown.
    pub face: View,
    /// The finest rung that makes a difference here (0 is the finest).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finest_rung: Option<u8>,
    /// The highest frame rate that makes a difference here, in hertz.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_hertz: Option<f32>,
    /// Which part of the face and audio datagrams of the last second didn't come, 0 to 1.
    pub loss: f32,
    /// How long the gaps are that nine tenths of the lost sound of the last seconds lie in, milliseconds; 0 without loss.
    #[serde(skip_serializing_if = "is_zero")]
    pub burst_ms: u16,
    /// Whether datagrams don't reach this receiver, so that it takes groups.
    pub groups: bool,
}

fn is_zero(number: &u16) -> bool {
    *number == 0
}

impl Needs {
    /// What two receivers want together: the more of each.
    pub fn union(self, other: Self) -> Self {
        // Destructured, so that a new field can't be forgotten.
        let Self { face, finest_rung, max_hertz, loss, burst_ms, groups } = self;
        let rank = |view| match view {
            View::Hidden => 0,
            View::Low => 1,
            View::Full => 2,
        };
        Self {
            face: if rank(face) >= rank(other.face) { face } else { other.face },
            finest_rung: finest_rung.zip(other.finest_rung).map(|(a, b)| a.min(b)),
            max_hertz: max_hertz.zip(other.max_hertz).map(|(a, b)| a.max(b)),
            loss: loss.max(other.loss),
            burst_ms: burst_ms.max(other.burst_ms),
            groups: groups || other.groups,
        }
    }
}

/// The `needs` track's message: what a receiver wants, by the sender's participant identifier.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NeedsMessage {
    /// By participant, 16 hexadecimal digits.
    pub of: BTreeMap<String, Needs>,
}

impl Catalogue {
    /// As JSON.
    pub fn to_json(&self) -> Vec<u8> {
        // Strings and numbers only: this can't fail.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads and checks a peer's.
    pub fn from_json(bytes: &[u8]) -> Result<Self, CatalogueError> {
        let read: Self = parse("catalogue", bytes)?;
        let field = |field, reason: String| CatalogueError::Field { what: "catalogue", field, reason };
        if read.name.chars().count() > MAX_NAME || read.name.chars().any(char::is_control) {
            return Err(field(
                "name",
                format!("must have at most {MAX_NAME} characters, none of them control"),
            ));
        }
        if read.software.chars().count() > MAX_NAME || read.software.chars().any(char::is_control) {
            let reason = format!("must have at most {MAX_NAME} characters, none of them control");
            return Err(field("software", reason));
        }
        if let Some(face) = &read.face
            && !(face.hertz.is_finite() && face.hertz > 0.0 && face.hertz <= 240.0)
        {
            return Err(field(
                "face.hertz",
                format!("is {}; it must be above 0 and at most 240", face.hertz),
            ));
        }
        if let Some(avatar) = &read.avatar {
            if bytes_of_hex::<32>(&avatar.root).is_none() {
                return Err(field("avatar.root", "must be 64 hexadecimal digits".into()));
            }
            if avatar.likeness_bytes > avatar.bytes {
                return Err(field("avatar.likeness_bytes", "is more than avatar.bytes".into()));
            }
        }
        if read.nonce.parse::<crate::identity::Nonce>().is_err() {
            return Err(field("nonce", "must be 16 hexadecimal digits".into()));
        }
        Ok(read)
    }
}

impl NeedsMessage {
    /// As JSON.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads and checks a peer's.
    pub fn from_json(bytes: &[u8]) -> Result<Self, CatalogueError> {
        let read: Self = parse("needs", bytes)?;
        let field = |field, reason: String| CatalogueError::Field { what: "needs", field, reason };
        if read.of.len() > MAX_NEEDS {
            return Err(field(
                "of",
                format!("names {} participants, at most {MAX_NEEDS} are read", read.of.len()),
            ));
        }
        for needs in read.of.values() {
            if !(0.0..=1.0).contains(&needs.loss) {
                return Err(field("loss", format!("is {}; it must lie within 0 and 1", needs.loss)));
            }
            if needs.max_hertz.is_some_and(|hertz| !(hertz.is_finite() && hertz > 0.0)) {
                return Err(field("max_hertz", "must be above 0".into()));
            }
        }
        Ok(read)
    }
}

fn parse<'a, T: Deserialize<'a>>(what: &'static str, bytes: &'a [u8]) -> Result<T, CatalogueError> {
    if bytes.len() > MAX_JSON {
        return Err(CatalogueError::TooLarge { what, bytes: bytes.len() });
    }
    serde_json::from_slice(bytes).map_err(|source| CatalogueError::Json { what, source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample() -> Catalogue {
        Catalogue {
            name: "Wren".into(),
            software: "visavis 0.1".into(),
            face: Some(FaceTrack { bitstream: 2, hertz: 30.0 }),
            audio: Some(AudioTrack { codec: "opus".into(), sample_rate: 48_000 }),
            avatar: Some(AvatarTrack { root: "ab".repeat(32), bytes: 12_000_000, likeness_bytes: 800_000 }),
            recording: true,
            leaving: false,
            nonce: "0f".repeat(8),
            viewer_limits: None,
        }
    }

    #[test]
    fn comes_back_and_skips_what_is_new() {
        assert_eq!(Catalogue::from_json(&sample().to_json()).unwrap(), sample());
        let mut value = serde_json::to_value(sample()).unwrap();
        value["hologram"] = serde_json::json!({ "dimensions": 4 });
        assert_eq!(Catalogue::from_json(value.to_string().as_bytes()).unwrap(), sample());
    }

    #[test]
    fn refuses_by_field() {
        let refused = |change: fn(&mut Catalogue)| {
            let mut bad = sample();
            change(&mut bad);
            match Catalogue::from_json(&bad.to_json()) {
                Err(CatalogueError::Field { field, .. }) => field,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(refused(|c| c.name = "x".repeat(65)), "name");
        assert_eq!(refused(|c| c.name = "a\u{1b}[2J".into()), "name");
        assert_eq!(refused(|c| c.nonce = "xyz".into()), "nonce");
        assert_eq!(refused(|c| c.avatar.as_mut().unwrap().root.truncate(10)), "avatar.root");
        assert_eq!(refused(|c| c.face.as_mut().unwrap().hertz = 0.0), "face.hertz");
        assert!(matches!(
            Catalogue::from_json(&vec![b' '; MAX_JSON + 1]),
            Err(CatalogueError::TooLarge { what: "catalogue", .. })
        ));
    }

    #[test]
    fn union_wants_the_more_of_each() {
        let hidden = Needs { face: View::Hidden, finest_rung: Some(4), loss: 0.2, ..Needs::default() };
        let low = Needs {
            face: View::Low,
            finest_rung: Some(2),
            max_hertz: Some(10.0),
            burst_ms: 80,
            ..Needs::default()
        };
        let both = hidden.union(low);
        assert_eq!(both.face, View::Low);
        assert_eq!(both.finest_rung, Some(2));
        assert_eq!(both.max_hertz, None, "one of them set no limit");
        assert_eq!((both.loss, both.burst_ms), (0.2, 80));
    }

    proptest! {
        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Catalogue::from_json(&bytes);
            let _ = NeedsMessage::from_json(&bytes);
        }
    }
}
