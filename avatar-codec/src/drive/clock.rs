//! The source's clock, made steady: it wraps at midnight, repeats itself, jumps and goes backwards.

/// A step back of less than this is a sample that was overtaken on its way, seconds; a longer one is the clock's own.
const LATE_SECONDS: f64 = 1.0;
/// A step forward of more than this is no gap but a clock that was set, seconds.
const LONGEST_GAP_SECONDS: f64 = 60.0;
/// How far a step of the source's clock may differ from that of the arrivals before the arrivals are believed, seconds.
const DISAGREEMENT_SECONDS: f64 = 1.0;
/// Steps of less than this part of the usual one are repetitions.
const REPETITION: f64 = 0.25;
/// The usual step is the median of so many, once there are half as many.
const STEPS: usize = 31;
/// Within these bounds, seconds.
const INTERVALS: std::ops::RangeInclusive<f64> = 1e-3..=0.2;

/// Turns a source's times into a time that starts at 0 and strictly grows.
#[derive(Clone, Debug)]
pub struct SourceClock {
    interval: f64,
    /// The last steps, of which the interval is learnt: phones say the rate of their timecode, not that of their frames.
    steps: [f64; STEPS],
    taken: usize,
    wrap: Option<f64>,
    /// The last sample that counted: source's time, arrival.
    last: Option<(f64, Option<f64>)>,
    elapsed: f64,
    counts: ClockCounts,
}

/// What a clock did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClockCounts {
    /// Passages over midnight.
    pub wraps: u64,
    /// Steps forward that were too long for a gap, or longer than the arrivals say.
    pub jumps: u64,
    /// Steps back by a second or more.
    pub backwards: u64,
    /// Samples at the time of the one before them; skipped.
    pub duplicates: u64,
    /// Samples that were overtaken on their way; skipped.
    pub late: u64,
}

/// What a sample's time means.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Tick {
    /// Seconds since the first sample; more than the one before.
    At(f64),
    /// Not after what was there already.
    Skip,
}

impl SourceClock {
    /// A clock whose samples usually come `interval` seconds apart and that begins again after `wrap` seconds.
    pub fn new(interval: f64, wrap: Option<f64>) -> Self {
        let interval = if interval.is_finite() {
            interval.clamp(*INTERVALS.start(), *INTERVALS.end())
        } else {
            1.0 / 30.0
        };
        let wrap = wrap.filter(|wrap| wrap.is_finite() && *wrap > 4.0 * LONGEST_GAP_SECONDS);
        Self {
            interval,
            steps: [0.0; STEPS],
            taken: 0,
            wrap,
            last: None,
            elapsed: 0.0,
            counts: ClockCounts::default(),
        }
    }

    /// The usual time between two samples, seconds: as it was said at first, then as it is.
    pub fn interval(&self) -> f64 {
        self.interval
    }

    /// What it met so far.
    pub fn counts(&self) -> ClockCounts {
        self.counts
    }

    /// Where it stands, seconds since the first sample.
    pub fn elapsed(&self) -> f64 {
        self.elapsed
    }

    /// Takes a sample's time on the source's clock and, for live sources, on the receiver's, both in seconds.
    ///
    /// A clock that was set goes on from where it was: by the time that passed between the arrivals where they are known,
    /// else by one interval.
    pub fn tick(&mut self, source: f64, arrival: Option<f64>) -> Tick {
        let arrival = arrival.filter(|arrival| arrival.is_finite());
        if !source.is_finite() {
            return Tick::Skip;
        }
        let Some((last, last_arrival)) = self.last else {
            self.last = Some((source, arrival));
            return Tick::At(self.elapsed);
        };
        let mut step = source - last;
        let mut is_wrap = false;
        if let Some(wrap) = self.wrap {
            if step < -wrap / 2.0 {
                step += wrap;
                is_wrap = true;
            } else if step > wrap / 2.0 {
                step -= wrap;
            }
        }
        let passed = arrival.zip(last_arrival).map(|(now, before)| (now - before).clamp(0.0, 1e6));
        let set_to = |by: Option<f64>| by.unwrap_or(0.0).max(self.interval);
        if step.abs() < REPETITION * self.interval {
            self.counts.duplicates += 1;
            return Tick::Skip;
        }
        if (-LATE_SECONDS..0.0).contains(&step) {
            self.counts.late += 1;
            return Tick::Skip;
        }
        if step < 0.0 {
            self.counts.backwards += 1;
            step = set_to(passed);
        } else if passed.map_or(step > LONGEST_GAP_SECONDS, |p| (step - p).abs() > DISAGREEMENT_SECONDS) {
            self.counts.jumps += 1;
            step = set_to(passed);
        } else if is_wrap {
            self.counts.wraps += 1;
        }
        self.last = Some((source, arrival));
        self.elapsed += step;
        self.learn(step);
        Tick::At(self.elapsed)
    }

    fn learn(&mut self, step: f64) {
        self.steps[self.taken % STEPS] = step;
        self.taken += 1;
        let mut known = self.steps;
        let known = &mut known[..self.taken.min(STEPS)];
        if known.len() > STEPS / 2 {
            let middle = known.len() / 2;
            let (_, median, _) = known.select_nth_unstable_by(middle, f64::total_cmp);
            self.interval = median.clamp(*INTERVALS.start(), *INTERVALS.end());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DT: f64 = 1.0 / 30.0;

    fn run(times: &[f64], wrap: Option<f64>) -> (Vec<f64>, ClockCounts) {
        let mut clock = SourceClock::new(DT, wrap);
        let at = times.iter().filter_map(|&time| match clock.tick(time, None) {
            Tick::At(elapsed) => Some(elapsed),
            Tick::Skip => None,
        });
        (at.collect(), clock.counts())
    }

    #[test]
    fn midnight_is_one_step() {
        let (at, counts) = run(&[86_399.95, 86_399.98, 0.02, 0.05], Some(86_400.0));
        assert_eq!(counts, ClockCounts { wraps: 1, ..ClockCounts::default() });
        assert!((at[3] - 0.1).abs() < 1e-6, "{at:?}");
    }

    #[test]
    fn repetitions_and_overtaken_samples_are_skipped() {
        let (at, counts) = run(&[5.0, 5.0, 5.2, 5.1, 5.3, f64::NAN], None);
        assert_eq!(at.len(), 3);
        assert_eq!((counts.duplicates, counts.late), (1, 1));
    }

    #[test]
    fn a_clock_that_was_set_goes_on_by_one_interval() {
        let (at, counts) = run(&[50.0, 50.0 + DT, 4000.0, 4000.0 + DT, 10.0, 10.0 + DT], None);
        assert_eq!((counts.jumps, counts.backwards), (1, 1));
        for (i, at) in at.iter().enumerate() {
            assert!((at - i as f64 * DT).abs() < 1e-6, "{i}: {at}");
        }
    }

    #[test]
    fn the_interval_is_learnt_whatever_was_said() {
        let mut clock = SourceClock::new(1.0 / 60.0, None);
        for n in 0..100 {
            // Every tenth is lost.
            if n % 10 != 0 {
                clock.tick(f64::from(n) * DT, None);
            }
        }
        assert!((clock.interval() - DT).abs() < 1e-9, "{}", clock.interval());
    }

    #[test]
    fn a_gap_that_the_arrivals_confirm_is_kept_and_one_that_they_deny_is_not() {
        let mut clock = SourceClock::new(DT, None);
        assert_eq!(clock.tick(0.0, Some(100.0)), Tick::At(0.0));
        assert_eq!(clock.tick(90.0, Some(190.2)), Tick::At(90.0));
        let Tick::At(at) = clock.tick(400.0, Some(190.3)) else { panic!() };
        assert!((at - 90.1).abs() < 1e-6, "{at}");
        assert_eq!(clock.counts().jumps, 1);
    }
}
