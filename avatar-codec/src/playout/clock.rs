//! Where the sender's clock is on ours: the line that no frame arrives below.

use std::collections::VecDeque;

/// A minimum is kept for each of these, seconds.
const BUCKET: f64 = 1.0;
/// How long minima are kept, in buckets.
const BUCKETS: usize = 120;
/// The skew isn't estimated from less, seconds.
const LEAST_SPAN: f64 = 10.0;

/// The lower envelope of (arrival − capture), as a line over the arrival's time; all in seconds.
///
/// The skew is that of the line under the minima of two minutes which is nearest to all of them: the edge of their lower
/// convex hull above their mean time (Moon, Skelly, Towsley, "Estimation and removal of clock skew from network delay
/// measurements", INFOCOM 1999, section IV). Minima of a second each stand for the packets, so that the cost is bounded.
#[derive(Clone, Debug)]
pub struct Clock {
    /// The line goes through (`at`, `offset`) …
    at: f64,
    offset: f64,
    /// … with this slope.
    skew: f64,
    is_skew_known: bool,
    max_skew: f64,
    /// (arrival, arrival − capture) of the fastest frame in each bucket, in order.
    minima: VecDeque<(f64, f64)>,
    /// The bucket that is being filled: when it began, and its minimum.
    bucket: Option<(f64, (f64, f64))>,
}

impl Clock {
    /// A clock that knows nothing yet but that a frame came at `arrival`, `offset` after it was captured.
    pub fn new(max_skew: f64) -> Self {
        Self {
            at: 0.0,
            offset: 0.0,
            skew: 0.0,
            is_skew_known: false,
            max_skew,
            minima: VecDeque::with_capacity(BUCKETS + 1),
            bucket: None,
        }
    }

    /// Forgets everything; the line goes through one frame.
    pub fn start(&mut self, arrival: f64, offset: f64) {
        (self.at, self.offset, self.skew, self.is_skew_known) = (arrival, offset, 0.0, false);
        self.minima.clear();
        self.bucket = None;
    }

    /// The least (arrival − capture) of a frame that arrives at this time.
    pub fn offset(&self, arrival: f64) -> f64 {
        self.offset + self.skew * (arrival - self.at)
    }

    /// How fast the sender's clock runs against ours, in parts of a second per second; `None` before it is known.
    pub fn drift(&self) -> Option<f64> {
        self.is_skew_known.then_some(-self.skew)
    }

    /// Takes a frame's arrival, and `offset` = arrival − capture. Returns how far the line moved up at this time.
    pub fn sample(&mut self, arrival: f64, offset: f64) -> f64 {
        let before = self.offset(arrival);
        if self.minima.back().is_some_and(|last| arrival < last.0 - BUCKET) {
            // Our own clock was set back: what is known of the past can't be placed any more.
            self.minima.clear();
            self.bucket = None;
        }
        match &mut self.bucket {
            Some((start, minimum)) if arrival < *start + BUCKET => {
                if offset - minimum.1 < self.skew * (arrival - minimum.0) {
                    *minimum = (arrival, offset);
                }
            }
            bucket => {
                if let Some((_, minimum)) = bucket.replace((arrival, (arrival, offset))) {
                    self.close(minimum, arrival);
                }
            }
        }
        if offset < self.offset(arrival) {
            (self.at, self.offset) = (arrival, offset);
        }
        self.offset(arrival) - before
    }

    fn close(&mut self, minimum: (f64, f64), now: f64) {
        if self.minima.back().is_none_or(|last| minimum.0 > last.0) {
            self.minima.push_back(minimum);
        }
        while self.minima.front().is_some_and(|first| first.0 < now - BUCKETS as f64 * BUCKET)
            || self.minima.len() > BUCKETS
        {
            self.minima.pop_front();
        }
        let (Some(first), Some(last)) = (self.minima.front(), self.minima.back()) else { return };
        if last.0 - first.0 >= LEAST_SPAN {
            self.skew = self.hull_slope().clamp(-self.max_skew, self.max_skew);
            self.is_skew_known = true;
        }
        let above = |&(arrival, offset): &(f64, f64)| offset + self.skew * (now - arrival);
        self.offset = self.minima.iter().map(above).fold(f64::INFINITY, f64::min);
        self.at = now;
    }

    /// The slope of the lower hull's edge above the mean time.
    fn hull_slope(&self) -> f64 {
        let mut hull = [(0.0, 0.0); BUCKETS];
        let mut length = 0;
        for &point in &self.minima {
            // A point above the edge from the one before it to the new one is not on the hull.
            while length >= 2 && slope(hull[length - 2], hull[length - 1]) >= slope(hull[length - 2], point) {
                length -= 1;
            }
            hull[length] = point;
            length += 1;
        }
        let mean = self.minima.iter().map(|point| point.0).sum::<f64>() / self.minima.len() as f64;
        let edge = hull[..length].windows(2).find(|edge| edge[1].0 >= mean);
        edge.map_or(0.0, |edge| slope(edge[0], edge[1]))
    }
}

/// The points are in order of time, and no two at the same.
fn slope(from: (f64, f64), to: (f64, f64)) -> f64 {
    (to.1 - from.1) / (to.0 - from.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Random;

    /// The drift found after two minutes of frames whose jitter is uniform, ppm.
    fn found_ppm(drift: f64, jitter: f32, rise: f64) -> f64 {
        let mut random = Random::new(7);
        let mut clock = Clock::new(1e-3);
        clock.start(0.0, 0.0);
        for i in 0..3600 {
            let ours = f64::from(i) / 30.0;
            let path = if ours > 60.0 { rise } else { 0.0 };
            let late = f64::from(random.uniform(0.0, jitter)) + path;
            clock.sample(ours + late, ours + late - ours * (1.0 + drift));
            assert!(clock.offset(ours + late) <= ours + late - ours * (1.0 + drift) + 1e-12);
        }
        clock.drift().unwrap() * 1e6
    }

    #[test]
    fn drift_is_found_under_jitter() {
        for drift in [-200.0, -30.0, 0.0, 100.0, 200.0] {
            let found = found_ppm(drift * 1e-6, 0.03, 0.0);
            assert!((found - drift).abs() < 15.0, "{found} ppm instead of {drift}");
            // Without jitter it is exact.
            let found = found_ppm(drift * 1e-6, 0.0, 0.0);
            assert!((found - drift).abs() < 0.01, "{found} ppm instead of {drift}");
        }
        // A longer path looks like drift while both are remembered, but no more than is believed.
        assert!(found_ppm(0.0, 0.0, 0.5).abs() <= 1000.0);
    }
}
