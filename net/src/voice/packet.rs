//! A voice payload: a byte of our own, then an Opus packet.

/// No payload is longer.
pub const MAX_VOICE_BYTES: usize = 900;
/// The two highest bits of the first byte: the format, so far 0.
const FORMAT_BITS: u8 = 0xc0;
/// Sequence numbers count modulo this.
const SEQUENCE: u8 = 64;
/// The longest Opus packet, in samples at 48 kHz: 120 ms.
const MAX_SAMPLES: usize = 5760;

/// One packet of a voice, as a payload holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VoicePacket<'a> {
    /// Counts packets that are sent, modulo 64: consecutive numbers with a hole in time between them are a silence, not a loss.
    pub sequence: u8,
    /// Opus (RFC 6716), one channel.
    pub opus: &'a [u8],
}

/// Why bytes are no voice payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VoicePacketError {
    /// There is no room for the header and a byte of Opus.
    #[error("a voice payload of {bytes} bytes; the shortest has 2")]
    TooShort {
        /// Its length.
        bytes: usize,
    },
    /// Longer than any that is sent.
    #[error("a voice payload of {bytes} bytes; the longest has {MAX_VOICE_BYTES}")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// Of a later version.
    #[error("a voice payload of format {format}; only format 0 is known: the sender's program is newer")]
    Format {
        /// What it says.
        format: u8,
    },
    /// What follows is not an Opus packet of one channel and at most 120 ms.
    #[error("a voice payload without a usable Opus packet: {0}")]
    Opus(&'static str),
}

impl<'a> VoicePacket<'a> {
    /// Reads a payload.
    pub fn read(payload: &'a [u8]) -> Result<Self, VoicePacketError> {
        let bytes = payload.len();
        if bytes > MAX_VOICE_BYTES {
            return Err(VoicePacketError::TooLong { bytes });
        }
        let parts = payload.split_first().filter(|(_, opus)| !opus.is_empty());
        let (&first, opus) = parts.ok_or(VoicePacketError::TooShort { bytes })?;
        if first & FORMAT_BITS != 0 {
            return Err(VoicePacketError::Format { format: first >> 6 });
        }
        let packet = Self { sequence: first, opus };
        let samples = opus::packet::get_nb_samples(opus, super::VOICE_RATE)
            .map_err(|_| VoicePacketError::Opus("its length and its first byte don't agree"))?;
        if samples == 0 || samples > MAX_SAMPLES {
            return Err(VoicePacketError::Opus("it holds no sound, or more than 120 ms"));
        }
        Ok(packet)
    }

    /// Appends the payload.
    pub fn write(&self, payload: &mut Vec<u8>) {
        payload.push(self.sequence % SEQUENCE);
        payload.extend(self.opus);
    }

    /// How much sound it holds, samples at 48 kHz: 120 (2.5 ms) to 5,760.
    pub fn samples(&self) -> usize {
        opus::packet::get_nb_samples(self.opus, super::VOICE_RATE).unwrap_or(0)
    }

    /// Whether it begins a silence in which packets come rarely: Opus codes such a frame as one byte or two (RFC 6716, 2.1.9).
    pub const fn is_silence(&self) -> bool {
        self.opus.len() <= 2
    }

    /// Whether it holds the frame before it once more, coarser: the LBRR bit behind the frame's activity bits (RFC 6716,
    /// 4.2.4). Packets of several Opus frames aren't looked into.
    pub fn repeats_previous(&self) -> bool {
        let [toc, first, ..] = *self.opus else { return false };
        let configuration = toc >> 3;
        if toc & 3 != 0 || configuration >= 16 {
            return false; // several frames, or CELT alone, which repeats nothing
        }
        let silk_frames = match configuration {
            0..12 if configuration & 3 == 2 => 2,
            0..12 if configuration & 3 == 3 => 3,
            _ => 1,
        };
        first >> (7 - silk_frames) & 1 == 1
    }
}

/// How many packets after `from` this one was sent, modulo 64: −32..32.
pub(super) const fn steps(from: u8, to: u8) -> i8 {
    ((to.wrapping_sub(from) << 2) as i8) >> 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_numbers_wrap() {
        assert_eq!(steps(63, 0), 1);
        assert_eq!(steps(0, 63), -1);
        assert_eq!(steps(10, 41), 31);
        assert_eq!(steps(5, 5), 0);
    }

    #[test]
    fn what_is_no_payload_is_named() {
        use VoicePacketError::{Format, Opus, TooLong, TooShort};
        assert_eq!(VoicePacket::read(&[]), Err(TooShort { bytes: 0 }));
        assert_eq!(VoicePacket::read(&[0]), Err(TooShort { bytes: 1 }));
        assert_eq!(VoicePacket::read(&[0; 901]), Err(TooLong { bytes: 901 }));
        assert_eq!(VoicePacket::read(&[0x40; 9]), Err(Format { format: 1 }));
        // Code 3 with a count of no frames.
        assert!(matches!(VoicePacket::read(&[0, 3, 0]), Err(Opus(_))));
        // 60 ms of SILK in one byte: a silence.
        let silence = VoicePacket::read(&[7, 0b0101_1000]).unwrap();
        assert!(silence.is_silence() && !silence.repeats_previous());
        assert_eq!((silence.sequence, silence.samples()), (7, 2880));
    }
}
