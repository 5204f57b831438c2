//! What the controller is told.

use std::time::Duration;

use visavis_codec::bitstream::{MAX_REPEATS, Rung};

/// What the connection has measured by now. Counters only grow; one that is smaller than the last time means another
/// connection, of which nothing is known yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PathSample {
    /// The round trip, smoothed as the connection does it (RFC 9002, 5.3).
    pub rtt: Duration,
    /// The round trip that the last acknowledgement showed by itself; zero where that isn't known. Acknowledgements are
    /// collected, so the smoothed one follows a queue only after seconds.
    pub last_rtt: Duration,
    /// The congestion window, bytes. 0: not known.
    pub window: u64,
    /// Bytes sent since the connection began, IP and UDP headers included.
    pub sent_bytes: u64,
    /// Packets sent.
    pub sent_packets: u64,
    /// Of those, the ones that were found to be lost.
    pub lost_packets: u64,
    /// How long the oldest datagram has been waiting in our own buffer; zero where that isn't known.
    pub waiting: Duration,
}

/// What one receiver says about the last second or so of what it got from us.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ReceiverReport {
    /// Share of our datagrams that didn't come, 0..=1. Anything else counts as 0.
    pub loss: f32,
    /// The longest run of datagrams of the face that didn't come.
    pub longest_gap: u32,
    /// How much later than the fastest ones datagrams came, at least: what stands in queues somewhere on the way.
    pub queue: Duration,
    /// How long sounds stay away together: the gaps that most of what is lost lies in.
    pub burst: Duration,
}

/// Who looks, and how closely: the most that any receiver asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Audience {
    /// Whether anybody looks. If not, the face isn't sent; the voice is.
    pub is_watching: bool,
    /// The finest rung that is of use to anybody. Default: the finest.
    pub finest: Rung,
    /// The highest frame rate that is of use to anybody, 1..=90 Hz. Default 30.
    pub face_hz: u8,
}

impl Default for Audience {
    fn default() -> Self {
        Self { is_watching: true, finest: Rung::default(), face_hz: 30 }
    }
}

/// How a [`RateController`](super::RateController) works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateOptions {
    /// The rate to begin with, bit/s, all headers included. Default 100,000: voice and face at their best at
    /// once; play-out remembers the delay of the first seconds for a minute, so nothing is bundled without need. At least 16,000.
    pub start: u32,
    /// How many frames a packet repeats where there is room and nothing tells of longer gaps. Default 3, at most
    /// [`MAX_REPEATS`].
    pub redundancy: u8,
    /// Captured frames a second, of which the plan's are some. Default 30.
    pub face_hz: u8,
    /// Whether a voice is sent. Default: yes.
    pub has_voice: bool,
    /// The highest bit rate of the voice, bit/s. Default 24,000.
    pub max_audio_bit_s: u32,
}

impl Default for RateOptions {
    fn default() -> Self {
        Self { start: 100_000, redundancy: 3, face_hz: 30, has_voice: true, max_audio_bit_s: 24_000 }
    }
}

impl RateOptions {
    /// The same with every field in its range.
    pub(super) fn in_range(self) -> Self {
        Self {
            start: self.start.max(16_000),
            redundancy: self.redundancy.min(MAX_REPEATS),
            face_hz: self.face_hz.clamp(1, 90),
            ..self
        }
    }
}
