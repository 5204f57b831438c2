//! A token bucket in virtual time.

use visavis_codec::Timestamp;

use super::Rate;

/// Lets through so much over a longer time and so much at once. It starts full.
#[derive(Clone, Debug)]
pub struct Meter {
    rate: Rate,
    tokens: f64,
    last: Option<Timestamp>,
}

impl Meter {
    /// A full one. Numbers below 0, and those that aren't numbers, are taken as 0.
    pub fn new(rate: Rate) -> Self {
        let rate = Rate { per_second: rate.per_second.max(0.0), burst: rate.burst.max(0.0) };
        Self { rate, tokens: rate.burst, last: None }
    }

    /// Takes `amount` if that much is there; else takes nothing and says no. A time before an earlier one is taken for that.
    pub fn take(&mut self, amount: usize, now: Timestamp) -> bool {
        self.fill(now);
        let amount = amount as f64;
        let is_there = amount <= self.tokens;
        if is_there {
            self.tokens -= amount;
        }
        is_there
    }

    /// How much is there.
    pub fn available(&mut self, now: Timestamp) -> f64 {
        self.fill(now);
        self.tokens
    }

    fn fill(&mut self, now: Timestamp) {
        let last = *self.last.get_or_insert(now);
        let passed = now.0.saturating_sub(last.0);
        self.last = Some(Timestamp(last.0.max(now.0)));
        self.tokens = (self.tokens + passed as f64 * 1e-9 * self.rate.per_second).min(self.rate.burst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> Timestamp {
        Timestamp((seconds * 1e9) as u64)
    }

    #[test]
    fn a_burst_then_the_rate() {
        let mut meter = Meter::new(Rate::new(10.0, 5.0));
        assert!((0..5).all(|_| meter.take(1, at(100.0))));
        assert!(!meter.take(1, at(100.0)));
        assert!(!meter.take(1, at(100.09)));
        assert!(meter.take(1, at(100.11)));
        let passed = (0..1000).filter(|&i| meter.take(1, at(101.0 + f64::from(i) * 0.01))).count();
        assert!((100..=106).contains(&passed), "{passed} of 1000 in 10 s at 10 a second");
    }

    #[test]
    fn clocks_that_jump_give_nothing_away() {
        let mut meter = Meter::new(Rate::new(1.0, 2.0));
        assert!(meter.take(2, at(50.0)));
        assert!(!meter.take(1, at(10.0)), "back in time");
        assert!(!meter.take(1, at(50.5)));
        assert!(meter.take(2, Timestamp(u64::MAX)));
        assert!(!meter.take(1, Timestamp(u64::MAX)));
        assert!(!Meter::new(Rate::new(f64::NAN, f64::NAN)).take(1, at(1.0)));
    }

    #[test]
    fn more_than_a_burst_never_passes() {
        let mut meter = Meter::new(Rate::new(1e9, 10.0));
        assert!(!meter.take(11, at(1.0)));
        assert!(!meter.take(usize::MAX, at(2.0)));
        assert!(meter.take(10, at(3.0)));
    }
}
