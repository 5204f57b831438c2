//! What to send.

use visavis_codec::bitstream::Rung;

/// What to send from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Frames that each packet of the face repeats ([`LatentWriter::set_repeats`]), 0..=7.
    ///
    /// [`LatentWriter::set_repeats`]: visavis_codec::bitstream::LatentWriter::set_repeats
    pub redundancy: u8,
    /// How many rungs coarser the nearest repeat is: 4, or 0 where repeats fill what may be spent.
    pub coarser: u8,
    /// The rung of the newest frame.
    pub rung: Rung,
    /// Frames of the face a second; 0: nobody looks, send none.
    pub face_hz: u8,
    /// Coded frames that leave in one datagram, 1 or 2.
    pub faces_per_datagram: u8,
    /// Of a face that doesn't move, one frame in so many is sent, 2 or 5: its packet stands for those before it.
    pub still_faces: u8,
    /// Milliseconds of voice in a packet: 20, 40 or 60.
    pub audio_ms: u8,
    /// The voice's bit rate, bit/s.
    pub audio_bit_s: u32,
    /// How many of the packets of voice before come again in each, 0 to 3: some, where several are lost in a row.
    pub audio_copies: u8,
    /// Whether a coded frame waits for the next packet of voice, so that both leave in one UDP datagram.
    pub coalesce: bool,
}

/// A step of the ladder.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) rung: u8,
    pub(super) face_hz: u8,
    pub(super) faces_per_datagram: u8,
    pub(super) audio_ms: u8,
    pub(super) audio_bit_s: u32,
    pub(super) coalesce: bool,
}

const fn step(audio: (u8, u32), face_hz: u8, faces_per_datagram: u8, rung: u8, coalesce: bool) -> Step {
    Step { rung, face_hz, faces_per_datagram, audio_ms: audio.0, audio_bit_s: audio.1, coalesce }
}

/// What is given up, the best first: within a step redundancy goes first; then the rung and headers (longer packets of voice,
/// two frames in a datagram), and only then frames. The voice keeps a rate at which Opus is intelligible (RFC 6716, 2.1.1: 8 to
/// 12 kbit/s for narrow band, 16 to 20 for wide band).
pub(super) const LADDER: [Step; 12] = [
    step((20, 24_000), 30, 1, 0, false),
    step((20, 24_000), 30, 1, 2, false),
    step((20, 20_000), 30, 1, 2, false),
    step((40, 20_000), 30, 1, 2, false),
    step((40, 20_000), 30, 2, 2, false),
    step((60, 20_000), 30, 2, 2, false),
    step((60, 16_000), 30, 2, 3, false),
    step((60, 14_000), 30, 2, 4, false),
    step((60, 12_000), 20, 2, 5, false),
    step((60, 12_000), 15, 1, 5, true),
    step((60, 10_000), 12, 1, 5, true),
    step((60, 8_000), 10, 1, 6, true),
];

impl Step {
    /// Whether both show and sound alike, and differ in headers and in delay alone.
    pub(super) fn is_alike(&self, other: &Self) -> bool {
        (self.rung, self.face_hz, self.audio_bit_s) == (other.rung, other.face_hz, other.audio_bit_s)
    }
}
