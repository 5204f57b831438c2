//! A sender, a bad network and a display, in virtual time and from a seed.

use std::collections::VecDeque;

use visavis_codec::playout::{Method, Playout, Shown};
use visavis_codec::testing::Random;
use visavis_codec::{FaceFrame, Timestamp};

pub(crate) const SECOND: u64 = 1_000_000_000;
pub(crate) const MILLISECOND: u64 = 1_000_000;
/// The receiver's clock when the sender begins.
pub(crate) const START: u64 = 5_000 * SECOND;
/// The sender's clock when it begins.
const SENDER_START: u64 = 900_000 * SECOND;

/// What happens between capture and arrival. Times are seconds since the sender began.
#[derive(Clone, Debug)]
pub(crate) struct Network {
    pub(crate) seed: u64,
    /// One way, ms, and what is added to it: uniform up to this.
    pub(crate) delay: f32,
    pub(crate) jitter: f32,
    /// And so much of an exponential tail, ms.
    pub(crate) tail: f32,
    /// Share of packets lost one by one.
    pub(crate) loss: f32,
    /// Gilbert–Elliott: a burst begins with this probability a packet, and ends with that; all of it is lost.
    pub(crate) burst: (f32, f32),
    /// Share of packets that come twice, the second time up to 100 ms later.
    pub(crate) duplicates: f32,
    /// Each packet carries so many earlier frames.
    pub(crate) repeats: usize,
    /// How much faster than the receiver's the sender's clock runs, ppm.
    pub(crate) drift: f64,
    /// At this time the sender's clock jumps by so many seconds.
    pub(crate) jumps: Vec<(f64, f64)>,
    /// Nothing sent in these times arrives.
    pub(crate) cuts: Vec<(f64, f64)>,
    /// From this time on the path is so many ms longer.
    pub(crate) longer: Option<(f64, f32)>,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            seed: 1,
            delay: 20.0,
            jitter: 0.0,
            tail: 0.0,
            loss: 0.0,
            burst: (0.0, 1.0),
            duplicates: 0.0,
            repeats: 0,
            drift: 0.0,
            jumps: Vec::new(),
            cuts: Vec::new(),
            longer: None,
        }
    }
}

/// A frame, when it arrives, and which one it is.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) arrival: u64,
    pub(crate) index: usize,
    pub(crate) frame: FaceFrame,
}

impl Network {
    /// What arrives of these frames, in the order of arrival. The frames' own times are seconds since the sender began.
    pub(crate) fn carry(&self, frames: &[FaceFrame]) -> Vec<Delivery> {
        let mut random = Random::new(self.seed);
        let mut deliveries = Vec::new();
        let mut is_burst = false;
        for (i, frame) in frames.iter().enumerate() {
            let sent = frame.time.as_seconds();
            let mut late = self.delay + random.uniform(0.0, self.jitter.max(1e-9));
            late -= self.tail * random.uniform(1e-6, 1.0).ln();
            if self.longer.is_some_and(|(from, _)| sent >= from) {
                late += self.longer.map_or(0.0, |(_, longer)| longer);
            }
            let (begins, ends) = self.burst;
            is_burst =
                if is_burst { random.uniform(0.0, 1.0) >= ends } else { random.uniform(0.0, 1.0) < begins };
            let is_lost = random.uniform(0.0, 1.0) < self.loss;
            let is_double = random.uniform(0.0, 1.0) < self.duplicates;
            let again = random.uniform(0.0, 100.0);
            if is_burst || is_lost || self.cuts.iter().any(|cut| (cut.0..cut.1).contains(&sent)) {
                continue;
            }
            let arrivals = [Some(late), is_double.then_some(late + again)];
            for late in arrivals.into_iter().flatten() {
                let arrival = START + frame.time.0 + (f64::from(late) * 1e6) as u64;
                for index in i.saturating_sub(self.repeats)..=i {
                    let frame = FaceFrame { time: self.stamp(frames[index].time), ..frames[index] };
                    deliveries.push(Delivery { arrival, index, frame });
                }
            }
        }
        deliveries.sort_by_key(|delivery| delivery.arrival);
        deliveries
    }

    /// The sender's clock at a time since it began.
    pub(crate) fn stamp(&self, time: Timestamp) -> Timestamp {
        let drifted = time.0 as f64 * (1.0 + self.drift * 1e-6);
        let jumped = self.jumps.iter().filter(|jump| time.as_seconds() >= jump.0);
        let jumped: i64 = jumped.map(|jump| (jump.1 * 1e9) as i64).sum();
        Timestamp((SENDER_START + drifted as u64).saturating_add_signed(jumped))
    }
}

/// A display that shows a play-out.
pub(crate) struct Display {
    pub(crate) playout: Playout,
    deliveries: VecDeque<Delivery>,
    hertz: f64,
    ticks: u64,
}

impl Display {
    pub(crate) fn new(playout: Playout, deliveries: Vec<Delivery>, hertz: f64) -> Self {
        Self { playout, deliveries: deliveries.into(), hertz, ticks: 0 }
    }

    /// Shows everything up to this time, seconds since the sender began.
    pub(crate) fn run_to(&mut self, seconds: f64) -> Vec<Shown> {
        let mut all = Vec::new();
        loop {
            let since = self.ticks as f64 / self.hertz;
            if since >= seconds {
                return all;
            }
            let display = START + (since * 1e9) as u64;
            while self.deliveries.front().is_some_and(|delivery| delivery.arrival <= display) {
                let Some(Delivery { arrival, frame, .. }) = self.deliveries.pop_front() else { break };
                self.playout.push(&frame, Timestamp(arrival)).unwrap();
            }
            all.push(self.playout.show(Timestamp(display)));
            self.ticks += 1;
        }
    }
}

/// Seconds since the sender began.
pub(crate) fn since_start(shown: &Shown) -> f64 {
    (shown.frame.time.0 - START) as f64 * 1e-9
}

/// The concealed share of what was shown.
pub(crate) fn concealed(all: &[Shown]) -> f64 {
    all.iter().filter(|shown| shown.is_concealed).count() as f64 / all.len() as f64
}

pub(crate) fn count(all: &[Shown], method: Method) -> usize {
    all.iter().filter(|shown| shown.method == method).count()
}

/// The least and most that the time shown moved a second of display time. The sender's clock must not have jumped.
pub(crate) fn rates(all: &[Shown]) -> (f64, f64) {
    let mut rates = (f64::INFINITY, f64::NEG_INFINITY);
    for pair in all.windows(2) {
        if let (Some(from), Some(to)) = (pair[0].capture, pair[1].capture) {
            let passed = (pair[1].frame.time.0 - pair[0].frame.time.0) as f64;
            let rate = (to.0 as f64 - from.0 as f64) / passed;
            rates = (rates.0.min(rate), rates.1.max(rate));
        }
    }
    rates
}
