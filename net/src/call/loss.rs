//! How many of a sender's datagrams came, by their counters, and how long the gaps between them were.

use std::collections::VecDeque;
use std::time::Duration;

use visavis_codec::Timestamp;

/// Counts over a window; counters go up by one per object.
#[derive(Clone, Debug, Default)]
pub(super) struct LossWindow {
    highest: Option<u64>,
    expected: u64,
    received: u64,
}

/// A jump by more than this isn't loss but a sender that was out of reach.
const LONGEST_GAP: u64 = 3000;

impl LossWindow {
    /// Notes an object that opened; how many are missing right before it.
    pub(super) fn note(&mut self, counter: u64) -> u64 {
        self.received += 1;
        let step = self.highest.map_or(1, |highest| counter.saturating_sub(highest));
        if step == 0 {
            return 0;
        }
        self.highest = Some(counter);
        let is_outage = step > LONGEST_GAP;
        self.expected += if is_outage { 1 } else { step };
        if is_outage { 0 } else { step - 1 }
    }

    /// Expected and received since the last call.
    pub(super) fn take(&mut self) -> (u64, u64) {
        (std::mem::take(&mut self.expected), std::mem::take(&mut self.received))
    }
}

/// The lost part, 0 to 1. Late ones of the window before can make up for missing ones.
pub(super) fn ratio(expected: u64, received: u64) -> f32 {
    if expected == 0 {
        return 0.0;
    }
    (1.0 - received as f32 / expected as f32).clamp(0.0, 1.0)
}

/// How long sounds stay away together, where some are lost.
#[derive(Clone, Debug, Default)]
pub(super) struct Bursts {
    /// Gaps of the last seconds: when each ended, and how much sound was in it.
    gaps: VecDeque<(Timestamp, Duration)>,
}

/// Gaps count for so long, and no more of them are kept.
const REMEMBERED: Duration = Duration::from_secs(5);
const MAX_GAPS: usize = 256;
/// The part of all lost sound that lies in gaps no longer than what is said.
const MOST: f64 = 0.9;

impl Bursts {
    /// Notes that so many packets of this length are missing.
    pub(super) fn note(&mut self, missing: u64, packet: Duration, now: Timestamp) {
        if missing == 0 {
            return;
        }
        let gap = packet.saturating_mul(u32::try_from(missing).unwrap_or(u32::MAX));
        self.gaps.push_back((now, gap));
        if self.gaps.len() > MAX_GAPS {
            self.gaps.pop_front();
        }
    }

    /// How long the gaps are that nine tenths of what was lost lies in: single losses, as on a radio link, say little more
    /// than a packet's length, however many there are. Zero without loss.
    pub(super) fn longest(&mut self, now: Timestamp) -> Duration {
        let age = |at: Timestamp| Duration::from_nanos(now.0.saturating_sub(at.0));
        while self.gaps.front().is_some_and(|(at, _)| age(*at) > REMEMBERED) {
            self.gaps.pop_front();
        }
        let mut gaps: Vec<Duration> = self.gaps.iter().map(|(_, gap)| *gap).collect();
        gaps.sort_unstable();
        let all: f64 = gaps.iter().map(Duration::as_secs_f64).sum();
        let mut below = 0.0;
        let reaches = |gap: &&Duration| {
            below += gap.as_secs_f64();
            below >= MOST * all
        };
        gaps.iter().find(reaches).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKET: Duration = Duration::from_millis(20);

    #[test]
    fn counts_gaps_and_forgives_reordering() {
        let mut window = LossWindow::default();
        let missing: Vec<u64> =
            [10, 11, 13, 12, 15, 19].into_iter().map(|counter| window.note(counter)).collect();
        assert_eq!(missing, [0, 0, 1, 0, 1, 3]);
        assert_eq!(window.take(), (10, 6), "14, 16, 17 and 18 are missing");
        window.note(18);
        window.note(20);
        assert_eq!(window.take(), (1, 2), "18 came late");
        assert_eq!(ratio(1, 2), 0.0);
        assert_eq!(window.note(1_000_000), 0);
        assert_eq!(window.take(), (1, 1), "an outage isn't loss");
    }

    #[test]
    fn single_losses_are_no_bursts_however_many() {
        let at = |n: u64| Timestamp(n * 20_000_000);
        let mut bursts = Bursts::default();
        assert_eq!(bursts.longest(at(0)), Duration::ZERO);
        // Every tenth packet, and once two together.
        (0..24).for_each(|n| bursts.note(1, PACKET, at(10 * n)));
        bursts.note(2, PACKET, at(245));
        assert_eq!(bursts.longest(at(246)), PACKET);
        // Bursts of up to 100 ms.
        (0..40).for_each(|n| bursts.note(1 + n % 5, PACKET, at(250 + 10 * n)));
        assert_eq!(bursts.longest(at(650)), 5 * PACKET);
        assert_eq!(bursts.longest(at(1000)), Duration::ZERO, "forgotten");
        bursts.note(u64::MAX, Duration::MAX, at(1000));
        (0..10_000).for_each(|_| bursts.note(1, PACKET, at(1000)));
        assert_eq!(bursts.gaps.len(), MAX_GAPS);
    }
}
