//! What a step of the ladder costs, bit/s on the wire.

use super::plan::Step;

/// A packet: IPv4 20, UDP 8, QUIC's short header and tag about 28 bytes.
const PACKET: f64 = 56.0;
/// A datagram in it: its frame's header, MoQ's, SFrame's and the short tag.
const DATAGRAM: f64 = 24.0;
/// What runs beside face and voice, bit/s: acknowledgements of what comes, checkpoints twice a second.
const BESIDE: f64 = 8_000.0;
/// Bytes of a coded frame of a talking face, by rung, without repeats; intra frames included. Mean over the performance in
/// `assets/performance`.
const FRAME: [f64; 7] = [23.0, 20.0, 18.0, 16.0, 14.0, 13.0, 11.0];
/// What each repeat adds at 30 frames a second, four rungs coarser.
const REPEAT: [f64; 7] = [5.7, 5.0, 4.4, 4.3, 4.3, 3.7, 3.7];
/// The same, no coarser.
const FINE_REPEAT: [f64; 7] = [8.0, 7.0, 6.0, 5.4, 4.8, 4.4, 4.1];
/// Frames that are farther apart differ more: by the interval to this power.
const APART: f64 = 0.75;

/// A packet of voice that comes again: its length, its capture time and its own header.
const COPY: f64 = 7.0;

/// How often packets of voice come again, and what that makes of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Copies {
    pub(super) count: u8,
}

/// Where packets of voice come again they are this long at the least, milliseconds, and have this rate at the most, bit/s:
/// fewer headers and coarser copies pay for most of it.
const COPIED_MS: u8 = 40;
const COPIED_BIT_S: u32 = 16_000;

impl Copies {
    /// The length of a packet on a step, milliseconds.
    pub(super) fn audio_ms(self, step: &Step) -> u8 {
        if self.count == 0 { step.audio_ms } else { step.audio_ms.max(COPIED_MS) }
    }

    /// The voice's rate on a step, bit/s.
    pub(super) fn audio_bit_s(self, step: &Step) -> u32 {
        if self.count == 0 { step.audio_bit_s } else { step.audio_bit_s.min(COPIED_BIT_S) }
    }
}

/// How often frames come again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Repeats {
    pub(super) count: u8,
    pub(super) is_fine: bool,
}

/// The whole cost of a step; `has_face` and `has_voice` say what is sent at all.
pub(super) fn cost(
    step: &Step,
    repeats: Repeats,
    copies: Copies,
    rung: u8,
    hz: u8,
    has_face: bool,
    has_voice: bool,
) -> f64 {
    let mut bits = BESIDE;
    if has_voice {
        let packets = 1000.0 / f64::from(copies.audio_ms(step));
        let again = f64::from(copies.count);
        bits += f64::from(copies.audio_bit_s(step)) * (1.0 + again);
        bits += packets * 8.0 * (PACKET + DATAGRAM + again * COPY);
    }
    if has_face && hz > 0 {
        let rung = usize::from(rung).min(FRAME.len() - 1);
        let hz = f64::from(hz);
        let repeat = if repeats.is_fine { FINE_REPEAT[rung] } else { REPEAT[rung] };
        let frame = FRAME[rung] + f64::from(repeats.count) * repeat * (30.0 / hz).powf(APART);
        let headers = match (step.coalesce && has_voice, step.faces_per_datagram) {
            (true, _) => DATAGRAM,
            (false, faces) => (PACKET + DATAGRAM) / f64::from(faces.max(1)),
        };
        bits += hz * 8.0 * (headers + frame);
    }
    bits
}
