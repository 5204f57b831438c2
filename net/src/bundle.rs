//! What one sealed datagram holds: one to four payloads of one kind.
//!
//! A datagram of a face costs about 70 bytes before its first payload byte, so where the rate is tight several payloads
//! share one. Byte layout in `WIRE.md`. Sans-io; nothing here reads what a payload means.

use thiserror::Error;

/// The most bytes that a sealed datagram may have. Datagrams of more than 1,200 bytes vanish in relays
/// without a word; this leaves room for the headers of every carrier.
pub const MAX_SEALED: usize = 1000;

/// The most bytes of a bundle before it is sealed: [`MAX_SEALED`] less a header and the longest tag.
pub const MAX_BUNDLE: usize = MAX_SEALED - 34;

/// The most payloads in a bundle.
pub const MAX_PAYLOADS: usize = 4;

const COUNT_MASK: u8 = 0b0000_0011;

/// Why bytes are no bundle, or payloads don't fit into one.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum BundleError {
    /// It ends before what its header announces.
    #[error("a bundle of {bytes} bytes ends before its {part}; the sender is faulty or of another version")]
    Truncated {
        /// The bundle's size.
        bytes: usize,
        /// What is missing.
        part: &'static str,
    },
    /// Bits that this version doesn't know.
    #[error("a bundle's header is {header:#04x}; bits 2 to 7 belong to a newer version than this build's")]
    UnknownHeader {
        /// The first byte.
        header: u8,
    },
    /// More than a datagram may hold.
    #[error(
        "{bytes} bytes don't fit into a bundle of at most {MAX_BUNDLE}; send fewer payloads together or lower the rung"
    )]
    TooLarge {
        /// What it would take.
        bytes: usize,
    },
    /// No payload, or more than [`MAX_PAYLOADS`].
    #[error("a bundle holds 1 to {MAX_PAYLOADS} payloads, not {count}")]
    Count {
        /// How many.
        count: usize,
    },
}

/// Writes `payloads` (1 to 4, oldest first) as one bundle.
pub fn write(payloads: &[&[u8]]) -> Result<Vec<u8>, BundleError> {
    let count = payloads.len();
    if count == 0 || count > MAX_PAYLOADS {
        return Err(BundleError::Count { count });
    }
    let bytes = 1 + payloads.iter().map(|p| p.len()).sum::<usize>() + 2 * (count - 1);
    if bytes > MAX_BUNDLE {
        return Err(BundleError::TooLarge { bytes });
    }
    let mut out = Vec::with_capacity(bytes);
    // count ≤ 4: it fits two bits.
    out.push(count as u8 - 1);
    for (n, payload) in payloads.iter().enumerate() {
        if n + 1 < count {
            write_length(payload.len(), &mut out);
        }
        out.extend_from_slice(payload);
    }
    Ok(out)
}

/// A bundle as read; its parts borrow the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle<'a> {
    payloads: [&'a [u8]; MAX_PAYLOADS],
    count: usize,
}

impl<'a> Bundle<'a> {
    /// Reads what [`write`](fn@write) wrote.
    pub fn read(bytes: &'a [u8]) -> Result<Self, BundleError> {
        let truncated = |part| BundleError::Truncated { bytes: bytes.len(), part };
        let (&header, mut rest) = bytes.split_first().ok_or(truncated("header"))?;
        if header & !COUNT_MASK != 0 {
            return Err(BundleError::UnknownHeader { header });
        }
        let count = usize::from(header & COUNT_MASK) + 1;
        let mut payloads: [&[u8]; MAX_PAYLOADS] = [&[]; MAX_PAYLOADS];
        for (n, slot) in payloads.iter_mut().enumerate().take(count) {
            *slot = if n + 1 < count { take(&mut rest).ok_or(truncated("payload"))? } else { rest };
        }
        Ok(Self { payloads, count })
    }

    /// The payloads, oldest first.
    pub fn payloads(&self) -> impl Iterator<Item = &'a [u8]> + '_ {
        self.payloads.iter().copied().take(self.count)
    }
}

/// Lengths below 128 take a byte, others (below 16,384) two: the top bit of the first says so, big end first.
fn write_length(length: usize, out: &mut Vec<u8>) {
    // Callers bound `length` by MAX_BUNDLE.
    if length < 128 {
        out.push(length as u8);
    } else {
        out.push(0x80 | (length >> 8) as u8);
        out.push(length as u8);
    }
}

fn take<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (&first, after) = rest.split_first()?;
    let (length, after) = if first & 0x80 == 0 {
        (usize::from(first), after)
    } else {
        let (&second, after) = after.split_first()?;
        ((usize::from(first & 0x7f) << 8) | usize::from(second), after)
    };
    if length > after.len() {
        return None;
    }
    let (head, tail) = after.split_at(length);
    *rest = tail;
    Some(head)
}

/// A capture time inside a datagram of audio: 32 bits of ticks of 100 µs, so that it costs 4 bytes. It wraps
/// after 119 hours; [`CaptureClock`] unwraps.
pub fn write_capture(nanoseconds: u64) -> [u8; 4] {
    ((nanoseconds / TICK) as u32).to_le_bytes()
}

const TICK: u64 = 100_000;

/// Unwraps capture times of one sender: each is taken as the value nearest to the last one.
#[derive(Clone, Debug, Default)]
pub struct CaptureClock {
    last: Option<u64>,
}

impl CaptureClock {
    /// The capture time in nanoseconds of the sender's clock, to 100 µs.
    pub fn read(&mut self, ticks: [u8; 4]) -> u64 {
        let ticks = u32::from_le_bytes(ticks);
        let unwrapped = match self.last {
            None => u64::from(ticks),
            Some(last) => {
                // The signed distance of the low halves is what was moved, if that is less than half a turn.
                let step = i64::from(ticks.wrapping_sub(last as u32) as i32);
                last.saturating_add_signed(step)
            }
        };
        self.last = Some(unwrapped);
        unwrapped.saturating_mul(TICK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_payload_costs_one_byte() {
        assert_eq!(write(&[&[7; 40]]).unwrap().len(), 41);
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let big = vec![0; MAX_BUNDLE];
        assert_eq!(write(&[&big]), Err(BundleError::TooLarge { bytes: MAX_BUNDLE + 1 }));
        assert_eq!(write(&[]), Err(BundleError::Count { count: 0 }));
        let five: [&[u8]; 5] = [&[1]; 5];
        assert_eq!(write(&five), Err(BundleError::Count { count: 5 }));
    }

    #[test]
    fn names_what_is_missing() {
        assert_eq!(Bundle::read(&[]), Err(BundleError::Truncated { bytes: 0, part: "header" }));
        assert_eq!(Bundle::read(&[0x01, 9, 1]), Err(BundleError::Truncated { bytes: 3, part: "payload" }));
        assert_eq!(Bundle::read(&[0x01, 0x80]), Err(BundleError::Truncated { bytes: 2, part: "payload" }));
        assert_eq!(Bundle::read(&[0x04, 1]), Err(BundleError::UnknownHeader { header: 4 }));
    }

    #[test]
    fn capture_times_unwrap_both_ways() {
        let mut clock = CaptureClock::default();
        let near_wrap = u64::from(u32::MAX) * TICK;
        assert_eq!(clock.read(write_capture(near_wrap)), near_wrap);
        assert_eq!(clock.read(write_capture(near_wrap + 20_000_000)), near_wrap + 20_000_000);
        assert_eq!(clock.read(write_capture(near_wrap - 20_000_000)), near_wrap - 20_000_000);
    }

    proptest! {
        #[test]
        fn reads_what_it_writes(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..=4),
        ) {
            let slices: Vec<&[u8]> = payloads.iter().map(Vec::as_slice).collect();
            let bytes = write(&slices).unwrap();
            let read = Bundle::read(&bytes).unwrap();
            prop_assert_eq!(read.payloads().collect::<Vec<_>>(), slices);
        }

        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..1200)) {
            if let Ok(bundle) = Bundle::read(&bytes) {
                prop_assert!(bundle.payloads().map(<[u8]>::len).sum::<usize>() < bytes.len());
            }
        }
    }
}
