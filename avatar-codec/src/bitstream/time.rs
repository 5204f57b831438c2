//! Times in packets.

use super::coder::Code;
use super::quantiser::nearest;

/// A tick, the unit in which times are coded, in nanoseconds.
pub(super) const TICK: u64 = 100_000;
/// The widest time, in bits of ticks.
const MAX_TIME_BITS: u32 = 47;
/// Frame intervals that have a number, nanoseconds: 24, 25, 30, 50, 60, 72 and 90 frames a second.
const INTERVALS: [u32; 7] =
    [41_666_667, 40_000_000, 33_333_333, 20_000_000, 16_666_667, 13_888_889, 11_111_111];
/// Bits of another interval, in microseconds, and the longest one.
const INTERVAL_BITS: u32 = 20;
pub(super) const MAX_INTERVAL: u64 = 1_000_000_000;

/// `time + by`, in range.
pub(super) fn time_after(time: u64, by: i64) -> u64 {
    time.saturating_add_signed(by)
}

/// A time to the nearest tick, in ticks.
pub(super) fn ticks(time: u64) -> u64 {
    (time.saturating_add(TICK / 2) / TICK).min((1 << MAX_TIME_BITS) - 1)
}

/// A time in ticks, 47 bits wide at the most: six bits of length, then that many. `None`: too wide.
pub(super) fn code_ticks(code: &mut impl Code, ticks: u64) -> Option<u64> {
    let bits = code.raw(u64::BITS - ticks.leading_zeros(), 6);
    if bits > MAX_TIME_BITS {
        return None;
    }
    let high = code.raw((ticks >> 24) as u32, bits.saturating_sub(24));
    let low = code.raw(ticks as u32 & 0xff_ffff, bits.min(24));
    Some(u64::from(high) << 24 | u64::from(low))
}

/// A frame interval, nanoseconds, as its number or in microseconds. `None`: 0.
pub(super) fn code_interval(code: &mut impl Code, interval: u32) -> Option<u32> {
    let known = INTERVALS.iter().position(|&known| known == interval).unwrap_or(INTERVALS.len());
    let known = code.raw(known as u32, 3);
    match INTERVALS.get(known as usize) {
        Some(&known) => Some(known),
        None => match code.raw(interval / 1000, INTERVAL_BITS) {
            0 => None,
            microseconds => Some(microseconds * 1000),
        },
    }
}

/// The interval that a writer states for frames this far apart: one that has a number if that is nearly it.
pub(super) fn stated_interval(interval: u64) -> u32 {
    let interval = interval.clamp(1000, MAX_INTERVAL) as u32;
    let near = INTERVALS.into_iter().find(|known| known.abs_diff(interval) < known / 200);
    near.unwrap_or(nearest(interval.into(), 1000) as u32 * 1000)
}
