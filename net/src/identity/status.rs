//! What is proven of a participant, in words.

use std::fmt;

/// What is proven of a participant, now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProofStatus {
    /// Face and voice are those of the avatar's owner: show and play them.
    Proven,
    /// Not yet, or not at all: a silhouette, with the reason.
    Unproven(UnprovenReason),
    /// It was, and isn't now: veil the face and mute the voice, with the reason.
    Veiled(VeilReason),
}

/// Why a participant isn't proven yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnprovenReason {
    /// No join statement came.
    NoStatement,
    /// A statement came that doesn't hold a nonce of ours: made for others, or recorded.
    NotFresh,
    /// The statement has expired, or holds for longer than any may.
    Expired,
    /// The owner's key was revoked.
    Revoked,
    /// The avatar that it speaks with isn't known yet, so neither is its owner.
    AvatarUnknown,
    /// The avatar is somebody else's.
    NotTheOwner,
    /// The avatar names no owner.
    NoOwner,
    /// Nothing that was sent is signed for yet.
    NoCheckpoint,
}

/// Why a participant who was proven is veiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VeilReason {
    /// Nobody vouched in time for what came.
    Unsigned,
    /// What came is not what the owner sent.
    Contradicted,
    /// What vouches for it is held back on its way, or the path is slower than any call.
    Delayed,
    /// The statement has expired.
    Expired,
    /// The owner's key was revoked.
    Revoked,
}

impl fmt::Display for UnprovenReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoStatement => "hasn't said who it is",
            Self::NotFresh => "hasn't said who it is to us: waiting, or a recording",
            Self::Expired => "its statement has expired: is its clock, or ours, wrong by hours?",
            Self::Revoked => "its owner's key was revoked",
            Self::AvatarUnknown => "its avatar hasn't arrived yet",
            Self::NotTheOwner => "speaks with somebody else's avatar",
            Self::NoOwner => "its avatar is not signed by an owner",
            Self::NoCheckpoint => "waiting for its first signature",
        })
    }
}

impl fmt::Display for VeilReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unsigned => "what came wasn't signed in time",
            Self::Contradicted => "what came isn't what its owner sent: somebody forges",
            Self::Delayed => "signatures come too late",
            Self::Expired => "its statement has expired",
            Self::Revoked => "its owner's key was revoked",
        })
    }
}

impl fmt::Display for ProofStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Proven => f.write_str("proven"),
            Self::Unproven(reason) => write!(f, "unproven: {reason}"),
            Self::Veiled(reason) => write!(f, "veiled: {reason}"),
        }
    }
}
