//! What a peer may make us do, and meters that hold it to that.
//!
//! A peer that stays below its [`Limits`] costs bounded memory and time, whatever it sends; what goes beyond isn't
//! looked at, and who goes on is cut off ([`PeerMeter::verdict`]). Time is passed in.

mod addresses;
mod gate;
mod meter;
mod peer;

pub use addresses::{AddressPass, Addresses};
pub use gate::{Admission, JoinGate};
pub use meter::Meter;
pub use peer::{Exceeded, PeerMeter, Verdict};

use std::time::Duration;

use crate::seal::TrackId;

/// Bounds on what one peer, and all peers together, may make us do. The defaults let honest peers of this version through
/// with a factor of two or more to spare.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// The most participants of a call, beside us. 256.
    pub participants: usize,
    /// Sessions that a host takes from one address (of IPv6: from one network of 64 bits) at a time. 64: an office or a
    /// school behind one address.
    pub sessions_per_address: usize,
    /// Joins a second over a longer time, and how many may come at once. 4 and 64.
    pub joins: Rate,
    /// Tracks that one participant may announce. 16.
    pub tracks: usize,
    /// Objects of the face's and the voice's tracks together. 300 a second, 600 at once.
    pub live_objects: Rate,
    /// Their bytes. 60,000 a second, 120,000 at once.
    pub live_bytes: Rate,
    /// Objects of catalogue, needs and proofs. 20 a second, 60 at once.
    pub control_objects: Rate,
    /// Their bytes. 40,000 a second, 160,000 at once.
    pub control_bytes: Rate,
    /// The largest avatar that is fetched, in bytes: [`MAX_FILE_BYTES`](visavis_codec::avatar::MAX_FILE_BYTES).
    pub avatar_bytes: usize,
    /// What a peer may make us decompress, in bytes a second: frames and sound as they are played. 2,000,000, four times at
    /// once.
    pub decompressed_bytes: Rate,
    /// How long a participant has from its announcement to its first frame or sound that opens. 20 s.
    pub first_frame: Duration,
    /// Refused objects a second that are taken for accidents, and how many at once. 20 and 200; beyond that the peer is cut
    /// off.
    pub refused: Rate,
}

/// How much over a longer time, and how much at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Units a second.
    pub per_second: f64,
    /// Units that may come at once.
    pub burst: f64,
}

impl Rate {
    /// So many a second, so many at once.
    pub const fn new(per_second: f64, burst: f64) -> Self {
        Self { per_second, burst }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            participants: 256,
            sessions_per_address: 64,
            joins: Rate::new(4.0, 64.0),
            tracks: 16,
            live_objects: Rate::new(300.0, 600.0),
            live_bytes: Rate::new(60_000.0, 120_000.0),
            control_objects: Rate::new(20.0, 60.0),
            control_bytes: Rate::new(40_000.0, 160_000.0),
            avatar_bytes: visavis_codec::avatar::MAX_FILE_BYTES,
            decompressed_bytes: Rate::new(2e6, 8e6),
            first_frame: Duration::from_secs(20),
            refused: Rate::new(20.0, 200.0),
        }
    }
}

impl Limits {
    /// The largest object of a track, sealed, in bytes.
    pub const fn object_bytes(track: TrackId) -> usize {
        match track {
            TrackId::Face | TrackId::Audio => 1_200,
            TrackId::FaceGroups | TrackId::AudioGroups => 16 << 10,
            TrackId::Catalogue | TrackId::Proof | TrackId::Needs => 16 << 10,
            TrackId::Avatar => 66 << 10,
        }
    }
}
