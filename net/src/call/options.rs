//! What a participant brings to a call.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::Clock;
use crate::catalogue::{AudioTrack, FaceTrack};
use crate::identity::{OwnerKey, Revocations};
use crate::limits::Limits;
use crate::seal::CallSecret;
use crate::transport::{ServerIdentity, TransportOptions};

/// What everybody brings, host or guest.
#[derive(Debug)]
pub struct CallOptions {
    /// The name that others see, at most 64 characters. Nobody vouches for it.
    pub name: String,
    /// The avatar that others shall show, a whole `.avatar` file. `None`: they show a silhouette.
    pub avatar: Option<Arc<[u8]>>,
    /// The key of the avatar's owner. Without it the face can't be proven, and others show a silhouette.
    pub owner: Option<OwnerKey>,
    /// How far viewers may tune the avatar, signed by its owner ([`SignedLimits::sign`](crate::identity::SignedLimits::sign)).
    pub viewer_limits: Option<Vec<u8>>,
    /// Owners' keys that are no longer believed.
    pub revocations: Revocations,
    /// What the face track carries. `None`: this participant shows no face.
    pub face: Option<FaceTrack>,
    /// What the audio track carries. `None`: this participant says nothing.
    pub audio: Option<AudioTrack>,
    /// Whether the call is recorded here; others are told.
    pub recording: bool,
    /// Whether to fetch others' avatars. Not for those who only listen or record.
    pub fetch_avatars: bool,
    /// Where others' avatars are kept between calls, and how many bytes of them. `None`: in memory, while the call lasts.
    pub cache: Option<(PathBuf, u64)>,
    /// Whether faces of avatars that nobody signed are shown. Off by default: they could be anybody's.
    pub allow_unsigned: bool,
    /// The call's clock.
    pub clock: Clock,
    /// What a peer may make us do.
    pub limits: Limits,
    /// How the transport behaves.
    pub transport: TransportOptions,
}

impl Default for CallOptions {
    fn default() -> Self {
        Self {
            name: String::new(),
            avatar: None,
            owner: None,
            viewer_limits: None,
            revocations: Revocations::default(),
            face: None,
            audio: None,
            recording: false,
            fetch_avatars: true,
            cache: None,
            allow_unsigned: false,
            clock: Clock::start(),
            limits: Limits::default(),
            transport: TransportOptions::default(),
        }
    }
}

/// What a host brings besides.
#[derive(Debug)]
pub struct HostOptions {
    /// Where to listen. Port 0 takes a free one. Every address, port 4433, by default.
    pub listen: SocketAddr,
    /// The host name or address that stands in the join link. `None`: the address that it listens at, or, where that is every
    /// address, the loopback address.
    pub advertise: Option<String>,
    /// The call's secret. `None`: a new one.
    pub secret: Option<CallSecret>,
    /// Certificate and key. `None`: new ones; the link pins them.
    pub identity: Option<ServerIdentity>,
    /// What everybody brings.
    pub call: CallOptions,
}

impl Default for HostOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::UNSPECIFIED, crate::link::DEFAULT_PORT)),
            advertise: None,
            secret: None,
            identity: None,
            call: CallOptions::default(),
        }
    }
}

/// What a guest brings besides.
#[derive(Debug)]
pub struct JoinOptions {
    /// The local address to send from. `None`: any.
    pub bind: Option<SocketAddr>,
    /// How long to try to reach the host or relay at first: 15 s by default. Later, once it was reached, it is tried without end.
    pub give_up: Duration,
    /// What everybody brings.
    pub call: CallOptions,
}

impl Default for JoinOptions {
    fn default() -> Self {
        Self { bind: None, give_up: Duration::from_secs(15), call: CallOptions::default() }
    }
}

/// How faces are put into packets; from the rate controller's plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pacing {
    /// Face payloads that share a datagram, 1 to 4. More cost delay: the first waits for the last.
    pub faces_per_datagram: u8,
    /// How many of the sounds before come again with each sound, 0 to 3: for paths that lose several in a row.
    pub audio_copies: u8,
    /// Whether a face waits (at most 25 ms) for the next sound, so that both share a packet.
    pub coalesce: bool,
    /// What the path carries, in bits a second; faces are held back once more than 60 ms of it wait to be sent. `None`: by the
    /// path's congestion window and round-trip time.
    pub path_bit_s: Option<u64>,
}

impl Default for Pacing {
    fn default() -> Self {
        Self { faces_per_datagram: 1, audio_copies: 0, coalesce: false, path_bit_s: None }
    }
}
