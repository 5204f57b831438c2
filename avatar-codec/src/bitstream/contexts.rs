//! How probable a prediction error is, given how large errors are expected to be.
//!
//! A number is coded as in video coders: is it 0, its sign, its size in unary, an Exp-Golomb escape. The probabilities of
//! the first and the third depend on the class of the expected size. In the packet form they are the table's; in the stream
//! form they begin there and adapt: two estimates of a quick and a slow rate, of which the mean counts, both quicker while
//! they are new (Alshin, Alshina & Park, "High precision probability estimation for CABAC", VCIP 2013).

use super::coder::{Code, ONE};

/// Number of classes of expected size.
pub(super) const CLASSES: usize = 24;
/// Sizes from this on are escapes: in the classes of at least half a step, and in those below, where a large number is a
/// surprise that unary would make dear.
const ESCAPE: u32 = 18;
const EARLY_ESCAPE: u32 = 6;
const EARLY_CLASSES: usize = 10;
/// Bits of the longest escape.
const MAX_GOLOMB_BITS: u32 = 24;
/// Estimates end at these rates, 2⁻ⁿ.
const QUICK: u32 = 4;
const SLOW: u32 = 7;

/// Where classes 1, 2, … begin, in 256ths of a step: half an octave each.
const BOUNDS: [u32; CLASSES - 1] = [
    8, 11, 16, 23, 32, 45, 64, 91, 128, 181, 256, 362, 512, 724, 1024, 1448, 2048, 2896, 4096, 5793, 8192,
    11585, 16384,
];

/// Of each class: the probability of 0, in 2⁻¹⁶ths; that a size is not larger, given that it is at least this; how many
/// low bits of the size are even. Two-sided geometric distributions of the class's mean.
const TABLE: [(u16, u16, u32); CLASSES] = [
    (63918, 64717, 0),
    (63260, 64378, 0),
    (62341, 63899, 0),
    (61066, 63222, 0),
    (59309, 62267, 0),
    (56920, 60925, 0),
    (53727, 59047, 0),
    (49571, 56446, 0),
    (44370, 52915, 0),
    (38222, 48284, 0),
    (31498, 42547, 0),
    (24812, 35996, 0),
    (18795, 29213, 0),
    (13836, 22848, 0),
    (10002, 17355, 0),
    (7154, 12901, 0),
    (5089, 17528, 1),
    (3609, 12970, 1),
    (2556, 17574, 2),
    (1809, 12987, 2),
    (1280, 17585, 3),
    (905, 12992, 3),
    (640, 17588, 4),
    (453, 12993, 4),
];

/// The class of an expected size of `mean`/256 steps: how many of the bounds it reaches.
pub(super) fn class_of(mean: u32) -> usize {
    BOUNDS.partition_point(|&bound| mean >= bound)
}

/// Which signs a number that isn't 0 can have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Signs {
    Both,
    PositiveOnly,
    NegativeOnly,
}

/// Where a number's bits get their probabilities.
pub(super) trait Contexts {
    /// The bit "it is 0".
    fn zero(&mut self, code: &mut impl Code, class: usize, bit: bool) -> bool;
    /// The bit "it is no larger than this", at a size of `at` + 1.
    fn stop(&mut self, code: &mut impl Code, class: usize, at: u32, bit: bool) -> bool;

    /// A number of which |value| < 2²⁵, expected to be `mean`/256 in size; the sign only where `signs` leaves it open.
    /// `None`: no number that an encoder writes.
    fn signed(&mut self, code: &mut impl Code, value: i32, mean: u32, signs: Signs) -> Option<i32> {
        let class = class_of(mean);
        if self.zero(code, class, value == 0) {
            return Some(0);
        }
        let is_negative = match signs {
            Signs::Both => code.raw((value < 0).into(), 1) == 1,
            Signs::PositiveOnly => false,
            Signs::NegativeOnly => true,
        };
        let low_bits = TABLE[class].2;
        let less = value.unsigned_abs().wrapping_sub(1); // reading, a 0 comes here and doesn't count
        let mut high = 0;
        let escape = if class < EARLY_CLASSES { EARLY_ESCAPE } else { ESCAPE };
        while high < escape && !self.stop(code, class, high, less >> low_bits == high) {
            high += 1;
        }
        if high == escape {
            let rest = (less >> low_bits).wrapping_sub(escape).wrapping_add(1);
            let mut bits = 0;
            while code.raw((rest.checked_ilog2() > Some(bits)).into(), 1) == 1 {
                bits += 1;
                if bits > MAX_GOLOMB_BITS {
                    return None;
                }
            }
            high += (1 << bits | code.raw(rest & ((1 << bits) - 1), bits)) - 1;
        }
        let less = u64::from(high) << low_bits | u64::from(code.raw(less & ((1 << low_bits) - 1), low_bits));
        let size = i32::try_from(less + 1).ok()?;
        Some(if is_negative { -size } else { size })
    }
}

/// The table's own.
pub(super) struct Static;

impl Contexts for Static {
    fn zero(&mut self, code: &mut impl Code, class: usize, bit: bool) -> bool {
        code.bit(bit, TABLE[class].0)
    }

    fn stop(&mut self, code: &mut impl Code, class: usize, _: u32, bit: bool) -> bool {
        code.bit(bit, TABLE[class].1)
    }
}

/// A bit's probability as it was so far.
#[derive(Clone, Copy)]
pub(super) struct Estimate {
    quick: u16,
    slow: u16,
    seen: u8,
}

impl Estimate {
    pub(super) const fn new(p: u16) -> Self {
        Self { quick: p, slow: p, seen: 0 }
    }

    pub(super) fn code(&mut self, code: &mut impl Code, bit: bool) -> bool {
        let p = (u32::from(self.quick) + u32::from(self.slow)) / 2;
        let bit = code.bit(bit, p.clamp(64, ONE - 64) as u16);
        // The first bits count as much as those that the table was made of.
        self.seen = (self.seen + 1).min(1 << SLOW);
        let new = u32::from(self.seen).ilog2() + 1;
        let towards = |p: u16, rate: u32| {
            let target = if bit { ONE as i32 - 1 } else { 0 };
            (i32::from(p) + ((target - i32::from(p)) >> rate)) as u16
        };
        self.quick = towards(self.quick, new.clamp(2, QUICK));
        self.slow = towards(self.slow, new.clamp(2, SLOW));
        bit
    }
}

/// Those of a stream since its last intra frame.
#[derive(Clone)]
pub(super) struct Adaptive {
    zero: [Estimate; CLASSES],
    stop: [[Estimate; ESCAPE as usize]; CLASSES],
}

impl Adaptive {
    pub(super) const NEW: Self = {
        let mut zero = [Estimate::new(0); CLASSES];
        let mut stop = [[Estimate::new(0); ESCAPE as usize]; CLASSES];
        let mut class = 0;
        while class < CLASSES {
            zero[class] = Estimate::new(TABLE[class].0);
            stop[class] = [Estimate::new(TABLE[class].1); ESCAPE as usize];
            class += 1;
        }
        Self { zero, stop }
    };
}

impl Contexts for Adaptive {
    fn zero(&mut self, code: &mut impl Code, class: usize, bit: bool) -> bool {
        self.zero[class].code(code, bit)
    }

    fn stop(&mut self, code: &mut impl Code, class: usize, at: u32, bit: bool) -> bool {
        self.stop[class][at as usize].code(code, bit)
    }
}

#[cfg(test)]
mod tests {
    use super::super::coder::{Decoder, Encoder};
    use super::*;

    fn round_trip(contexts: [&mut impl Contexts; 2], numbers: &[(i32, u32)]) -> usize {
        let mut packet = Vec::new();
        let mut encoder = Encoder::new(&mut packet);
        let [writing, reading] = contexts;
        for &(value, mean) in numbers {
            assert_eq!(writing.signed(&mut encoder, value, mean, Signs::Both), Some(value));
        }
        encoder.finish();
        let mut decoder = Decoder::new(&packet);
        for &(value, mean) in numbers {
            assert_eq!(reading.signed(&mut decoder, 0, mean, Signs::Both), Some(value));
        }
        assert!(decoder.is_at_end());
        packet.len()
    }

    #[test]
    fn numbers_of_every_size_come_back_whatever_was_expected() {
        let sizes = (0..24).flat_map(|bits| [(1 << bits) - 1, 1 << bits, -(1 << bits), 1 - (1 << bits)]);
        let numbers: Vec<(i32, u32)> =
            sizes.flat_map(|value| [0, 8, 100, 1000, 4000, u32::MAX].map(|mean| (value, mean))).collect();
        round_trip([&mut Static, &mut Static], &numbers);
        round_trip([&mut Adaptive::NEW.clone(), &mut Adaptive::NEW.clone()], &numbers);
    }

    #[test]
    fn adaptive_contexts_learn_what_the_table_does_not_know() {
        let numbers: Vec<(i32, u32)> = (0..500).map(|i| (i32::from(i % 20 != 0) * 3, 100)).collect();
        let fixed = round_trip([&mut Static, &mut Static], &numbers);
        let learnt = round_trip([&mut Adaptive::NEW.clone(), &mut Adaptive::NEW.clone()], &numbers);
        assert!(learnt * 2 < fixed, "{learnt} bytes against {fixed}");
    }

    /// BITSTREAM.md lists parameters and bounds; an implementation made from it must get these numbers.
    #[test]
    fn the_written_specification_lists_these_tables() {
        let text = include_str!("../../BITSTREAM.md");
        for (class, (zero, stop, low_bits)) in TABLE.into_iter().enumerate() {
            let from = if class == 0 { 0 } else { BOUNDS[class - 1] };
            let row = format!("| {class} | {from} | {zero} | {stop} | {low_bits} |");
            assert!(text.contains(&row), "BITSTREAM.md lacks the row `{row}`");
        }
    }
}
