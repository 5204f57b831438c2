//! How late frames come, and what delay covers it.

/// Width of a bin, seconds.
const BIN: f64 = 0.001;
/// How many there are: delays of a second and more can't be covered and aren't measured.
const BINS: usize = 1024;
/// The window is forgotten in this many parts.
const PARTS: usize = 8;

/// A histogram of how long after the clock's line frames came, over a sliding window (Moon, Kurose, Towsley, "Packet audio
/// playback delay adjustment: performance bounds and algorithms", Multimedia Systems 1998, section 5).
#[derive(Clone, Debug)]
pub struct Delays {
    /// Counts of each part of the window, newest at `newest`.
    parts: Vec<[u16; BINS]>,
    newest: usize,
    /// When the newest part began, and how long one is, seconds.
    start: f64,
    part_length: f64,
    /// The parts' sum.
    totals: Vec<u32>,
    count: u32,
    /// Where bin 0 begins, relative to the line, seconds: −BIN < floor ≤ 0.
    floor: f64,
}

/// What a delay is to cover.
#[derive(Clone, Copy, Debug)]
pub struct Cover {
    /// This share of the remembered delays, 0..=1.
    pub quantile: f64,
    /// This share of display time may be left concealed beyond it, 0..=1.
    pub budget: f64,
    /// The frame interval, seconds.
    pub interval: f64,
    /// The most that the budget may add to the quantile, seconds.
    pub patience: f64,
}

impl Delays {
    /// Remembers delays for so long, seconds.
    pub fn new(window: f64) -> Self {
        Self {
            parts: vec![[0; BINS]; PARTS],
            newest: 0,
            start: f64::NEG_INFINITY,
            part_length: window / PARTS as f64,
            totals: vec![0; BINS],
            count: 0,
            floor: 0.0,
        }
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.parts.fill([0; BINS]);
        self.totals.fill(0);
        (self.start, self.count, self.floor) = (f64::NEG_INFINITY, 0, 0.0);
    }

    /// How many delays are remembered.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Takes a frame that came `late` seconds after the clock's line, at `arrival`.
    pub fn sample(&mut self, arrival: f64, late: f64) {
        self.forget(arrival);
        let bin = ((late - self.floor) / BIN).max(0.0) as usize;
        let (Some(count), Some(total)) = (self.parts[self.newest].get_mut(bin), self.totals.get_mut(bin))
        else {
            return;
        };
        if *count < u16::MAX {
            *count += 1;
            *total += 1;
            self.count += 1;
        }
    }

    /// The clock's line moved up by this many seconds; the frames stay where they were.
    pub fn line_moved(&mut self, up: f64) {
        self.floor -= up;
        let bins = (self.floor / BIN).ceil();
        if bins != 0.0 {
            self.floor -= bins * BIN;
            self.shift(bins.clamp(-(BINS as f64), BINS as f64) as isize);
        }
    }

    /// The least delay after the clock's line that covers this, seconds; 0 if nothing is remembered.
    pub fn covering(&self, cover: &Cover) -> f64 {
        if self.count == 0 {
            return 0.0;
        }
        let wanted = (cover.quantile * f64::from(self.count)).ceil().max(1.0) as u32;
        let mut covered = 0;
        let quantile = self.totals.iter().position(|&total| {
            covered += total;
            covered >= wanted
        });
        let quantile = quantile.unwrap_or(BINS - 1);
        // With a delay up to bin b's end, a frame in bin j > b leaves j − b bins of display time concealed. From the top
        // down, each step adds a bin for every frame above.
        let allowed = cover.budget * f64::from(self.count) * cover.interval / BIN;
        let most = quantile + (cover.patience / BIN) as usize;
        let (mut above, mut concealed, mut budget) = (0.0, 0.0, quantile);
        for bin in (quantile + 1..BINS).rev() {
            above += f64::from(self.totals[bin]);
            concealed += above;
            if concealed > allowed {
                budget = bin.min(most);
                break;
            }
        }
        (self.floor + (budget + 1) as f64 * BIN).max(0.0)
    }

    fn forget(&mut self, arrival: f64) {
        // Our clock was set back, or this is the first.
        if !(self.start - self.part_length..).contains(&arrival) || self.start == f64::NEG_INFINITY {
            self.start = arrival;
        }
        let passed = ((arrival - self.start) / self.part_length) as usize;
        for _ in 0..passed.min(PARTS) {
            self.newest = (self.newest + 1) % PARTS;
            for (total, part) in self.totals.iter_mut().zip(&mut self.parts[self.newest]) {
                *total -= u32::from(*part);
                self.count -= u32::from(*part);
                *part = 0;
            }
        }
        if passed > 0 {
            self.start = if passed > PARTS { arrival } else { self.start + passed as f64 * self.part_length };
        }
    }

    /// Moves all counts up by so many bins; those that leave the histogram stay in its last or first bin.
    fn shift(&mut self, bins: isize) {
        self.totals.fill(0);
        self.count = 0;
        for part in &mut self.parts {
            let mut moved = [0u16; BINS];
            for (bin, &count) in part.iter().enumerate().filter(|(_, count)| **count > 0) {
                let to = &mut moved[bin.saturating_add_signed(bins).min(BINS - 1)];
                *to = to.saturating_add(count);
            }
            *part = moved;
            for (total, &count) in self.totals.iter_mut().zip(part.iter()) {
                *total += u32::from(count);
                self.count += u32::from(count);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAMES: Cover = Cover { quantile: 0.9, budget: 1.0, interval: 0.03, patience: 0.09 };

    #[test]
    fn a_delay_covers_the_quantile_and_the_budget() {
        let mut delays = Delays::new(60.0);
        assert_eq!(delays.covering(&FRAMES), 0.0);
        // 1 ms to 100 ms, each once.
        for i in 0..100 {
            delays.sample(f64::from(i) * 0.01, f64::from(i) * 0.001 + 0.0005);
        }
        assert!((delays.covering(&FRAMES) - 0.090).abs() < 1e-9);
        // The ten beyond leave 9 + 8 + … of 100 · 30 ms concealed; 10 of 3000 are left by the last four.
        let budgeted = delays.covering(&Cover { budget: 0.0034, ..FRAMES });
        assert!((budgeted - 0.096).abs() < 1e-9, "{budgeted}");
        let impatient = delays.covering(&Cover { budget: 0.0, patience: 0.002, ..FRAMES });
        assert!((impatient - 0.092).abs() < 1e-9, "{impatient}");
        // The frames came when they came, wherever the line is.
        delays.line_moved(-0.0104);
        assert!((delays.covering(&FRAMES) - 0.1004).abs() < 1e-9);
        delays.line_moved(0.0104);
        assert!((delays.covering(&FRAMES) - 0.090).abs() < 1e-9);
    }

    #[test]
    fn delays_are_forgotten() {
        let mut delays = Delays::new(8.0);
        delays.sample(0.0, 0.5);
        for i in 0..90 {
            delays.sample(f64::from(i) * 0.1, 0.0);
            let is_remembered = delays.covering(&Cover { quantile: 1.0, ..FRAMES }) > 0.4;
            assert_eq!(is_remembered, i < 80, "after {} s", f64::from(i) * 0.1);
        }
        assert!(delays.count() < 90);
        delays.sample(1e9, 0.0);
        assert_eq!(delays.count(), 1);
        delays.sample(-1e9, 0.0);
        assert_eq!(delays.count(), 2);
    }
}
