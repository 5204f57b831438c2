//! End-to-end encryption of everything a call sends: SFrame (RFC 9605) under keys that only those who have the join link
//! can derive.
//!
//! A call has one [`CallSecret`]. Whoever joins makes [`JoinSeals`]: a fresh participant number and salt, from which each
//! track gets a key of its own. One `JoinSeals` gives away the [`Sealer`] of a track once, and a `Sealer` counts upwards
//! and can't be copied: no key and counter ever repeat, since another join, also after a crash, has another salt.
//! Receivers make an [`Opener`] from the salt, which stands in clear text before the catalogue. Every byte is written down
//! in `net/CRYPTO.md`.
//!
//! ```
//! use visavis_net::seal::{CallSecret, JoinSeals, Opener, TrackId};
//!
//! let secret = CallSecret::random();
//! let mut seals = JoinSeals::new(&secret);
//! let mut sealer = seals.sealer(TrackId::Face)?;
//! let mut opener = Opener::new(&secret, seals.join(), TrackId::Face);
//!
//! let (mut sealed, mut opened) = (Vec::new(), Vec::new());
//! let counter = sealer.seal(b"a face", &mut sealed)?;
//! assert_eq!(opener.open(&sealed, &mut opened)?, counter);
//! assert_eq!(opened, b"a face");
//! assert!(opener.open(&sealed, &mut opened).is_err(), "a second time it is a replay");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod opener;
mod sealer;
mod secret;
#[cfg(test)]
mod tests;
mod window;

pub use opener::{OpenError, Opener};
#[cfg(test)]
pub(crate) use sealer::tests::fixed as forger;
pub use sealer::{JoinSeals, MAX_PAYLOAD_BYTES, SealError, Sealer};
pub(crate) use secret::random;
pub use secret::{CallId, CallSecret, InvalidParticipant, JoinId, ParticipantId, Salt};

use sframe::CipherSuite;

/// What an object is part of. Every track of a join has its own key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum TrackId {
    /// What the participant sends and who it is: groups, the latest counts.
    Catalogue = 0,
    /// Face and head pose: datagrams.
    Face = 1,
    /// Voice: datagrams.
    Audio = 2,
    /// The face for those who can't have datagrams: groups of half a second.
    FaceGroups = 3,
    /// The voice for those who can't have datagrams: groups of half a second.
    AudioGroups = 4,
    /// Join statements, checkpoints and revocations.
    Proof = 5,
    /// The avatar's file: a manifest, then chunks.
    Avatar = 6,
    /// What this participant needs of whom: groups, the latest counts.
    Needs = 7,
}

impl TrackId {
    /// Every track, by number.
    pub const ALL: [Self; 8] = [
        Self::Catalogue,
        Self::Face,
        Self::Audio,
        Self::FaceGroups,
        Self::AudioGroups,
        Self::Proof,
        Self::Avatar,
        Self::Needs,
    ];

    /// The track's name in a broadcast.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Catalogue => "catalogue",
            Self::Face => "face",
            Self::Audio => "audio",
            Self::FaceGroups => "face.groups",
            Self::AudioGroups => "audio.groups",
            Self::Proof => "proof",
            Self::Avatar => "avatar",
            Self::Needs => "needs",
        }
    }

    /// The track of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|track| track.name() == name)
    }

    /// The track of this number, as it stands in checkpoints.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// Its number.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// Whether it carries face or voice: what checkpoints cover.
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Face | Self::Audio | Self::FaceGroups | Self::AudioGroups)
    }

    /// Bytes that sealing adds to a payload, at this counter: SFrame's header and tag.
    pub const fn overhead(self, counter: u64) -> usize {
        let header = if counter < 8 { 1 } else { 1 + (64 - counter.leading_zeros() as usize).div_ceil(8) };
        header + self.suite().auth_tag_len()
    }

    /// Short tags where objects are small, many and signed for by checkpoints anyway; else GCM.
    const fn suite(self) -> CipherSuite {
        match self {
            Self::Face | Self::Audio | Self::Proof => CipherSuite::AesCtr128HmacSha256_80,
            Self::Catalogue | Self::FaceGroups | Self::AudioGroups | Self::Avatar | Self::Needs => {
                CipherSuite::AesGcm128Sha256
            }
        }
    }

    /// Whether an object may only be opened once. Chunks of an avatar are known by their hash, whenever they come.
    const fn refuses_replays(self) -> bool {
        !matches!(self, Self::Avatar)
    }
}
