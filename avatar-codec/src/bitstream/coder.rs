//! The range coder (`constriction`'s, 64-bit state, 16-bit words) over bytes, and the integers it codes.

use std::borrow::Borrow;
use std::convert::Infallible;
use std::num::NonZeroU16;

use constriction::Queue;
use constriction::backends::{ReadWords, WriteWords};
use constriction::stream::model::{DecoderModel, EncoderModel, EntropyModel};
use constriction::stream::queue::{EncoderSituation, RangeDecoder, RangeEncoder};
use constriction::stream::{Decode, Encode};

use super::magnitude::{ESCAPE, MagnitudeModel};

/// Probabilities are in 2⁻¹⁵ths.
pub(super) const PRECISION: usize = 15;
/// The most raw bits coded at once.
const MAX_RAW_BITS: u32 = 8;
/// The longest Exp-Golomb prefix: values stay below 2²⁵.
const MAX_GOLOMB_BITS: u32 = 24;
/// The widest time.
const MAX_TIME_BITS: u32 = 63;

/// Appends coded integers to a packet.
pub(super) struct Encoder<'a> {
    range: RangeEncoder<u16, u64, ByteSink<'a>>,
}

impl<'a> Encoder<'a> {
    /// Codes to the end of `packet`.
    pub(super) fn new(packet: &'a mut Vec<u8>) -> Self {
        Self { range: RangeEncoder::with_write_backend(ByteSink(packet)) }
    }

    fn encode(&mut self, interval: Interval) {
        // An interval is never empty and the sink never fails, so neither of the coder's errors can happen.
        let _ = self.range.encode_symbol((), interval);
    }

    /// `count` ≤ 8 equiprobable bits, the low ones of `bits`.
    fn raw(&mut self, bits: u32, count: u32) {
        let width = PRECISION as u32 - count.min(MAX_RAW_BITS);
        if let Some(interval) = Interval::new((bits as u16) << width, 1 << width) {
            self.encode(interval);
        }
    }

    fn raw_long(&mut self, bits: u64, mut count: u32) {
        while count > 0 {
            let part = count.min(MAX_RAW_BITS);
            count -= part;
            self.raw((bits >> count) as u32 & ((1 << part) - 1), part);
        }
    }

    /// Eight bits.
    pub(super) fn byte(&mut self, byte: u8) {
        self.raw(byte.into(), 8);
    }

    /// A number below 2⁶³: six bits of length, then that many bits.
    pub(super) fn time(&mut self, value: u64) {
        let count = (u64::BITS - value.leading_zeros()).min(MAX_TIME_BITS);
        self.raw(count, 6);
        self.raw_long(value, count);
    }

    /// A signed number of which |value| < 2²⁴, under a model of its magnitude; the sign only where `signs` leaves it open.
    pub(super) fn signed(&mut self, value: i32, model: &MagnitudeModel, signs: Signs) {
        let magnitude = value.unsigned_abs();
        let high = magnitude >> model.low_bits;
        let symbol = high.min(ESCAPE);
        if let Some(interval) = Interval::new(model.cumulative(symbol), model.frequency(symbol)) {
            self.encode(interval);
        }
        if symbol == ESCAPE {
            let rest = high - ESCAPE + 1;
            let bits = rest.ilog2();
            for _ in 0..bits {
                self.raw(1, 1);
            }
            self.raw(0, 1);
            self.raw_long(rest.into(), bits);
        }
        self.raw_long(magnitude.into(), model.low_bits);
        if magnitude > 0 && signs == Signs::Both {
            self.raw((value < 0).into(), 1);
        }
    }

    /// Writes the fewest bytes that, followed by zeros without end, lie in the coder's last interval.
    pub(super) fn finish(self) {
        let (ByteSink(packet), state, situation) = self.range.into_raw_parts();
        let (lower, range) = (state.lower(), state.range().get());
        let (point, bytes) = (0..=8u32)
            .find_map(|bytes| {
                let mask = u64::MAX.checked_shr(8 * bytes).unwrap_or(0);
                let point = lower.wrapping_add(mask) & !mask;
                (point.wrapping_sub(lower) < range).then_some((point, bytes as usize))
            })
            .unwrap_or((lower, 8)); // never taken: eight bytes name every point
        if let EncoderSituation::Inverted(count, first) = situation {
            let (first, rest) = if point < lower { (first.wrapping_add(1), 0) } else { (first, u16::MAX) };
            packet.extend_from_slice(&first.to_be_bytes());
            for _ in 1..count.get() {
                packet.extend_from_slice(&rest.to_be_bytes());
            }
        }
        packet.extend_from_slice(&point.to_be_bytes()[..bytes]);
        while packet.last() == Some(&0) {
            packet.pop();
        }
    }
}

/// Reads coded integers from the bytes of a packet.
pub(super) struct Decoder<'a> {
    range: RangeDecoder<u16, u64, ByteSource<'a>>,
}

/// The bytes don't stand for numbers that an encoder writes.
#[derive(Debug)]
pub(super) struct NotACode;

impl<'a> Decoder<'a> {
    /// Decodes these bytes and then zeros without end.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        let Ok(range) = RangeDecoder::with_backend(ByteSource { bytes });
        Self { range }
    }

    fn raw(&mut self, count: u32) -> Result<u32, NotACode> {
        self.range.decode_symbol(RawBits(count)).map_err(|_| NotACode)
    }

    fn raw_long(&mut self, mut count: u32) -> Result<u64, NotACode> {
        let mut bits = 0;
        while count > 0 {
            let part = count.min(MAX_RAW_BITS);
            count -= part;
            bits = bits << part | u64::from(self.raw(part)?);
        }
        Ok(bits)
    }

    /// See [`Encoder::byte`].
    pub(super) fn byte(&mut self) -> Result<u8, NotACode> {
        Ok(self.raw(8)? as u8)
    }

    /// See [`Encoder::time`].
    pub(super) fn time(&mut self) -> Result<u64, NotACode> {
        let count = self.raw(6)?;
        self.raw_long(count)
    }

    /// See [`Encoder::signed`]; the magnitude is below 2³¹.
    pub(super) fn signed(&mut self, model: &MagnitudeModel, signs: Signs) -> Result<i32, NotACode> {
        let mut high = self.range.decode_symbol(model).map_err(|_| NotACode)?;
        if high == ESCAPE {
            let mut bits = 0;
            while self.raw(1)? == 1 {
                bits += 1;
                if bits > MAX_GOLOMB_BITS {
                    return Err(NotACode);
                }
            }
            let rest = 1u64 << bits | self.raw_long(bits)?;
            high += rest as u32 - 1;
        }
        let magnitude = u64::from(high) << model.low_bits | self.raw_long(model.low_bits)?;
        let magnitude = i32::try_from(magnitude).map_err(|_| NotACode)?;
        let is_negative = match signs {
            Signs::Both => magnitude > 0 && self.raw(1)? == 1,
            Signs::NegativeOnly => true,
            Signs::PositiveOnly => false,
        };
        Ok(if is_negative { -magnitude } else { magnitude })
    }

    /// Ends decoding; whether every byte was needed.
    pub(super) fn finish(self) -> bool {
        let (source, ..) = self.range.into_raw_parts();
        source.bytes.is_empty()
    }
}

/// Which signs a number that isn't 0 can have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Signs {
    Both,
    PositiveOnly,
    NegativeOnly,
}

/// A piece of the probability line, to encode.
#[derive(Clone, Copy)]
struct Interval {
    cumulative: u16,
    frequency: NonZeroU16,
}

impl Interval {
    fn new(cumulative: u16, frequency: u16) -> Option<Self> {
        Some(Self { cumulative, frequency: NonZeroU16::new(frequency)? })
    }
}

impl EntropyModel<PRECISION> for Interval {
    type Symbol = ();
    type Probability = u16;
}

impl EncoderModel<PRECISION> for Interval {
    fn left_cumulative_and_probability(&self, _: impl Borrow<()>) -> Option<(u16, NonZeroU16)> {
        Some((self.cumulative, self.frequency))
    }
}

impl EntropyModel<PRECISION> for &MagnitudeModel {
    type Symbol = u32;
    type Probability = u16;
}

impl DecoderModel<PRECISION> for &MagnitudeModel {
    fn quantile_function(&self, quantile: u16) -> (u32, u16, NonZeroU16) {
        let symbol = (1..=ESCAPE).find(|&s| self.cumulative(s) > quantile).unwrap_or(ESCAPE + 1) - 1;
        (symbol, self.cumulative(symbol), NonZeroU16::new(self.frequency(symbol)).unwrap_or(NonZeroU16::MIN))
    }
}

/// This many equiprobable bits, to decode.
struct RawBits(u32);

impl EntropyModel<PRECISION> for RawBits {
    type Symbol = u32;
    type Probability = u16;
}

impl DecoderModel<PRECISION> for RawBits {
    fn quantile_function(&self, quantile: u16) -> (u32, u16, NonZeroU16) {
        let width = PRECISION as u32 - self.0.min(MAX_RAW_BITS);
        let symbol = quantile >> width;
        (symbol.into(), symbol << width, NonZeroU16::new(1 << width).unwrap_or(NonZeroU16::MIN))
    }
}

/// Words as big-endian bytes at the end of a vector.
struct ByteSink<'a>(&'a mut Vec<u8>);

impl WriteWords<u16> for ByteSink<'_> {
    type WriteError = Infallible;

    fn write(&mut self, word: u16) -> Result<(), Infallible> {
        self.0.extend_from_slice(&word.to_be_bytes());
        Ok(())
    }
}

/// Words from big-endian bytes; past the end come zeros.
struct ByteSource<'a> {
    bytes: &'a [u8],
}

impl ReadWords<u16, Queue> for ByteSource<'_> {
    type ReadError = Infallible;

    fn read(&mut self) -> Result<Option<u16>, Infallible> {
        let (word, rest) = match *self.bytes {
            [high, low, ref rest @ ..] => (u16::from_be_bytes([high, low]), rest),
            [high] => (u16::from_be_bytes([high, 0]), &[][..]),
            [] => return Ok(None),
        };
        self.bytes = rest;
        Ok(Some(word))
    }
}
