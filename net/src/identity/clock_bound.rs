//! How old a sender's message can be at the most, without trust in anybody's clock.
//!
//! A statement that holds our nonce was made after we published it, at a time that it tells on its sender's clock. So our
//! clock is ahead of the sender's by at least (time of publication − time told), up to drift; a message that tells its
//! time on the same clock is therefore not older than (arrival − time told − that bound). No message arrives before it
//! was made, which bounds the same number from above and repairs the bound after our own clock stood still.

use std::time::Duration;

use visavis_codec::Timestamp;

/// What vouches for objects may be so old at the most: whoever holds messages back for longer, to have time to forge what
/// they vouch for, is found out.
pub const MAX_AGE: Duration = Duration::from_secs(3);
/// How much two clocks may drift apart: twice the 200 ppm of each.
const DRIFT: f64 = 4e-4;

/// A lower bound of (our clock − the sender's), in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClockBound {
    ahead: i128,
    as_of: Timestamp,
}

impl ClockBound {
    /// From a statement that was made at `told` on its sender's clock, after our nonce was published.
    pub(super) fn new(published: Timestamp, told: Timestamp) -> Self {
        Self { ahead: i128::from(published.0) - i128::from(told.0), as_of: published }
    }

    /// Takes in another statement. The tighter bound counts.
    pub(super) fn tighten(&mut self, published: Timestamp, told: Timestamp) {
        let other = Self::new(published, told);
        if other.ahead >= self.at(published) {
            *self = other;
        }
    }

    /// How old a message is at the most that told its time and arrives now.
    pub(super) fn age(&mut self, told: Timestamp, now: Timestamp) -> Duration {
        let apparent = i128::from(now.0) - i128::from(told.0);
        let bound = self.at(now);
        if apparent < bound {
            *self = Self { ahead: apparent, as_of: now };
            return Duration::ZERO;
        }
        Duration::from_nanos(u64::try_from(apparent - bound).unwrap_or(u64::MAX))
    }

    fn at(&self, now: Timestamp) -> i128 {
        let passed = now.0.saturating_sub(self.as_of.0);
        self.ahead - (passed as f64 * DRIFT) as i128
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn ms(duration: Duration) -> u128 {
        duration.as_millis()
    }

    #[test]
    fn what_is_held_back_shows_its_age_whatever_the_clocks_say() {
        for ahead in [0i64, 5_000_000, -5_000_000] {
            let ours = |sent_ms: u64| Timestamp(((10_000_000 + sent_ms) as i64 + ahead).cast_unsigned() * MS);
            let theirs = |sent_ms: u64| Timestamp(sent_ms * MS);
            // Published at 1000, answered at 1080.
            let mut bound = ClockBound::new(ours(1000), theirs(1080));
            assert_eq!(
                ms(bound.age(theirs(1100), ours(1150))),
                130,
                "50 ms on its way, and the 80 that are unknown"
            );
            let hour = 3_600_000;
            assert!((130..=130 + 1440).contains(&ms(bound.age(theirs(hour), ours(hour + 50)))));
            assert!(ms(bound.age(theirs(2000), ours(2000 + 5000))) >= 5000);
            bound.tighten(ours(hour), theirs(hour + 30));
            assert!((80..=81).contains(&ms(bound.age(theirs(hour + 100), ours(hour + 150)))));
        }
    }

    #[test]
    fn a_clock_of_ours_that_stood_still_does_not_hide_age_for_ever() {
        let mut bound = ClockBound::new(Timestamp(1000 * MS), Timestamp(0));
        assert_eq!(ms(bound.age(Timestamp(100_000 * MS), Timestamp(20_000 * MS))), 0, "80 s asleep");
        assert!(ms(bound.age(Timestamp(101_000 * MS), Timestamp(26_000 * MS))) >= 5000);
        let extreme =
            ClockBound::new(Timestamp(0), Timestamp(u64::MAX)).age(Timestamp(0), Timestamp(u64::MAX));
        assert_eq!(extreme, Duration::from_nanos(u64::MAX));
    }
}
