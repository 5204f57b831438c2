//! A binary range coder over bytes, and what it codes bits and numbers with.
//!
//! After Martin (1979), with the carry done at once in the bytes that are already written. It ends in the fewest bytes
//! that name its last interval when zeros follow without end, so that a packet pays for its content and not for words.

/// Probabilities are in 2⁻¹⁶ths.
pub(super) const ONE: u32 = 1 << 16;
/// The range is at least this before a bit is coded.
const LEAST_RANGE: u32 = 1 << 24;
/// An even bit.
const HALF: u16 = 1 << 15;

/// What numbers are written to or read from: the same code describes both directions of the format. Writing, each
/// function takes the value and gives it back; reading, it ignores the value and gives what was read.
pub(super) trait Code {
    /// A bit whose probability of being set is `p` · 2⁻¹⁶; 0 < p.
    fn bit(&mut self, bit: bool, p: u16) -> bool;

    /// `count` ≤ 32 even bits, the highest first.
    fn raw(&mut self, value: u32, count: u32) -> u32 {
        (0..count).rev().fold(0, |read, i| read << 1 | u32::from(self.bit(value >> i & 1 == 1, HALF)))
    }
}

/// Appends to a packet.
pub(super) struct Encoder<'a> {
    packet: &'a mut Vec<u8>,
    /// Bytes before the code, which no carry reaches.
    start: usize,
    low: u32,
    range: u32,
}

impl<'a> Encoder<'a> {
    /// Codes to the end of `packet`.
    pub(super) fn new(packet: &'a mut Vec<u8>) -> Self {
        Self { start: packet.len(), packet, low: 0, range: u32::MAX }
    }

    fn add(&mut self, amount: u32) {
        let (low, is_carried) = self.low.overflowing_add(amount);
        self.low = low;
        if is_carried {
            for byte in self.packet[self.start..].iter_mut().rev() {
                *byte = byte.wrapping_add(1);
                if *byte != 0 {
                    break;
                }
            }
        }
    }

    /// Writes the fewest bytes that, followed by zeros without end, lie in the last interval.
    pub(super) fn finish(mut self) {
        for bytes in 0..=4u32 {
            let mask = u32::MAX.checked_shr(8 * bytes).unwrap_or(0);
            let up = mask & self.low.wrapping_neg();
            if up < self.range {
                self.add(up);
                self.packet.extend_from_slice(&self.low.to_be_bytes()[..bytes as usize]);
                break;
            }
        }
        while self.packet.len() > self.start && self.packet.last() == Some(&0) {
            self.packet.pop();
        }
    }
}

impl Code for Encoder<'_> {
    fn bit(&mut self, bit: bool, p: u16) -> bool {
        let bound = split(self.range, p);
        if bit {
            self.range = bound;
        } else {
            self.add(bound);
            self.range -= bound;
        }
        while self.range < LEAST_RANGE {
            self.packet.push((self.low >> 24) as u8);
            self.low <<= 8;
            self.range <<= 8;
        }
        bit
    }
}

/// Where the range is divided: both parts are greater than 0.
fn split(range: u32, p: u16) -> u32 {
    ((u64::from(range) * u64::from(p)) >> 16) as u32
}

/// Reads a packet's code, and then zeros without end.
pub(super) struct Decoder<'a> {
    rest: &'a [u8],
    /// The code's number, less the low end of the interval: below `range`.
    value: u32,
    range: u32,
}

impl<'a> Decoder<'a> {
    /// Decodes these bytes.
    pub(super) fn new(code: &'a [u8]) -> Self {
        let mut decoder = Self { rest: code, value: 0, range: u32::MAX };
        (0..4).for_each(|_| decoder.next());
        // No encoder's code begins so; any number below the range will do.
        decoder.value = decoder.value.min(u32::MAX - 1);
        decoder
    }

    fn next(&mut self) {
        let (byte, rest) = self.rest.split_first().map_or((0, self.rest), |(&byte, rest)| (byte, rest));
        self.rest = rest;
        self.value = self.value << 8 | u32::from(byte);
    }

    /// Whether every byte was needed.
    pub(super) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }
}

impl Code for Decoder<'_> {
    fn bit(&mut self, _: bool, p: u16) -> bool {
        let bound = split(self.range, p);
        let bit = self.value < bound;
        if bit {
            self.range = bound;
        } else {
            self.value -= bound;
            self.range -= bound;
        }
        while self.range < LEAST_RANGE {
            self.range <<= 8;
            self.next();
        }
        bit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bits of every probability come back, and long runs of carries go through bytes that were written.
    #[test]
    fn bits_come_back_at_the_price_of_their_probability() {
        let mut state = 1u64;
        let mut random = move || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) as u32
        };
        for round in 0..200 {
            let bits: Vec<(bool, u16)> = (0..400)
                .map(|_| {
                    let p = [1, 40, 5000, 32_768, 65_000, 65_535][random() as usize % 6];
                    (if round % 4 == 0 { p < 40 } else { random() % ONE < u32::from(p) }, p)
                })
                .collect();
            let mut packet = vec![0xff, 0xff];
            let mut encoder = Encoder::new(&mut packet);
            let mut ideal = 0.0;
            for &(bit, p) in &bits {
                let p1 = f64::from(p) / f64::from(ONE);
                ideal -= if bit { p1.log2() } else { (1.0 - p1).log2() };
                encoder.bit(bit, p);
            }
            encoder.finish();
            assert_eq!(packet[..2], [0xff, 0xff]);
            let written = 8.0 * (packet.len() - 2) as f64;
            assert!(written < ideal * 1.001 + 9.0, "{written} bits for {ideal}");
            let mut decoder = Decoder::new(&packet[2..]);
            assert!(bits.iter().all(|&(bit, p)| decoder.bit(false, p) == bit));
            assert!(decoder.is_at_end());
        }
    }
}
