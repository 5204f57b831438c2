//! What a connection's counters say about its path: the queue, the loss, and what goes through.

use std::collections::VecDeque;
use std::time::Duration;

use super::PathSample;

/// Rates are measured over this long.
const WINDOW: Duration = Duration::from_secs(1);
/// The least that a rate is measured over.
const LEAST: Duration = Duration::from_millis(250);
/// A path's own round trip is the least in this long: our own queue drains within seconds, so it is seen in between.
const BASE_WINDOW: Duration = Duration::from_secs(30);
/// After silence this long nothing is known of the path.
const SILENCE: Duration = Duration::from_secs(5);
/// Loss is averaged over this long, seconds.
const LOSS_S: f64 = 3.0;
/// Samples that are kept, at the most, however often there are some.
const MAX_SAMPLES: usize = 256;

/// The estimates.
#[derive(Clone, Debug, Default)]
pub(super) struct Path {
    samples: VecDeque<(Duration, PathSample)>,
    /// The least round trip of each second, the last one newest.
    minima: VecDeque<(Duration, Duration)>,
    loss: f64,
    noise: f64,
    /// The last acknowledgements' round trips, averaged a little, seconds.
    prompt: Option<f64>,
    /// The last two of them, seconds, for how much they waver.
    before: [Option<f64>; 2],
}

/// What has been there for so long stands.
const STOOD: Duration = Duration::from_millis(800);
/// A queue drains if round trips are by so much shorter than so long ago.
const TREND: Duration = Duration::from_millis(300);
const FALLING: Duration = Duration::from_millis(2);

/// Of each acknowledgement's round trip so much counts: jitter of single packets is no queue.
const PROMPT: f64 = 0.7;

impl Path {
    /// Takes a sample. Whether it belongs to the same connection and stretch of time as those before it.
    pub(super) fn push(&mut self, now: Duration, sample: &PathSample) -> bool {
        let goes_on = self.samples.back().is_none_or(|(then, last)| {
            let is_other = sample.sent_bytes < last.sent_bytes
                || sample.sent_packets < last.sent_packets
                || sample.lost_packets < last.lost_packets
                || now < *then;
            !is_other && now - *then <= SILENCE
        });
        if !goes_on {
            *self = Self::default();
        }
        let sample = &PathSample { rtt: self.prompt_rtt(sample), ..*sample };
        if let Some(&(then, last)) = self.samples.back() {
            self.average(now - then, &sample.since(&last));
        }
        self.samples.push_back((now, *sample));
        while self.samples.len() > 2 && (self.span() > WINDOW || self.samples.len() > MAX_SAMPLES) {
            self.samples.pop_front();
        }
        if sample.rtt > Duration::ZERO {
            match self.minima.back_mut() {
                Some((begin, least)) if now.saturating_sub(*begin) < Duration::from_secs(1) => {
                    *least = sample.rtt.min(*least);
                }
                _ => self.minima.push_back((now, sample.rtt)),
            }
            while self.minima.front().is_some_and(|(begin, _)| now.saturating_sub(*begin) > BASE_WINDOW) {
                self.minima.pop_front();
            }
        }
        goes_on
    }

    /// The round trip as the last acknowledgements show it; where that isn't known, the connection's.
    fn prompt_rtt(&mut self, sample: &PathSample) -> Duration {
        if sample.last_rtt.is_zero() {
            return sample.rtt;
        }
        let last = sample.last_rtt.as_secs_f64();
        let is_new = self.samples.back().is_none_or(|(_, before)| before.last_rtt != sample.last_rtt);
        if is_new {
            // A queue that grows or drains is no noise: what counts is how far this one is from where the two before lead.
            if let [Some(a), Some(b)] = self.before {
                let off = (last - (2.0 * b - a)).abs() / 2.0;
                self.noise += 0.1 * (off - self.noise);
            }
            self.before = [self.before[1], Some(last)];
        }
        let prompt = match self.prompt {
            Some(prompt) if is_new => prompt + PROMPT * (last - prompt),
            Some(prompt) => prompt,
            None => last,
        };
        self.prompt = Some(prompt);
        Duration::try_from_secs_f64(prompt).unwrap_or(sample.rtt)
    }

    /// Whether round trips are known acknowledgement by acknowledgement.
    pub(super) fn is_prompt(&self) -> bool {
        self.prompt.is_some()
    }

    fn average(&mut self, passed: Duration, since: &PathSample) {
        if since.sent_packets > 0 {
            let loss = (since.lost_packets as f64 / since.sent_packets as f64).min(1.0);
            let weight = 1.0 - (-passed.as_secs_f64() / LOSS_S).exp();
            self.loss += weight * (loss - self.loss);
        }
        // Of a path that isn't full, how much its round trip varies.
        if let Some((_, last)) = self.samples.back()
            && !self.is_prompt()
        {
            let step = (since.rtt.as_secs_f64() - last.rtt.as_secs_f64()).abs();
            self.noise += 0.05 * (step - self.noise);
        }
    }

    fn span(&self) -> Duration {
        match (self.samples.front(), self.samples.back()) {
            (Some((first, _)), Some((last, _))) => *last - *first,
            _ => Duration::ZERO,
        }
    }

    /// How much longer the round trip is than the path's own.
    pub(super) fn queue(&self) -> Duration {
        let base = self.minima.iter().map(|(_, least)| *least).min();
        match (self.samples.back(), base) {
            (Some((_, sample)), Some(base)) => sample.rtt.saturating_sub(base),
            _ => Duration::ZERO,
        }
    }

    /// The queue that has been there for a second, seconds.
    pub(super) fn standing(&self) -> f64 {
        let base = self.minima.iter().map(|(_, least)| *least).min();
        let least = self.samples.iter().map(|(_, sample)| sample.rtt).min();
        match (least, base) {
            (Some(least), Some(base)) if self.is_prompt() && self.span() >= STOOD => {
                least.saturating_sub(base).as_secs_f64()
            }
            _ => 0.0,
        }
    }

    /// How much round trips vary from sample to sample, seconds.
    pub(super) fn noise(&self) -> f64 {
        self.noise
    }

    /// The round trip.
    pub(super) fn rtt(&self) -> Duration {
        self.samples.back().map_or(Duration::ZERO, |(_, sample)| sample.rtt)
    }

    /// Seconds by which the queue grows a second; negative: it drains.
    pub(super) fn slope(&self) -> f64 {
        let span = self.span();
        match (self.samples.front(), self.samples.back()) {
            (Some((_, first)), Some((_, last))) if span >= LEAST => {
                (last.rtt.as_secs_f64() - first.rtt.as_secs_f64()) / span.as_secs_f64()
            }
            _ => 0.0,
        }
    }

    /// Whether the round trip, as acknowledgements show it, has become shorter lately.
    pub(super) fn is_falling(&self) -> bool {
        let Some((now, last)) = self.samples.back() else { return false };
        let before = self.samples.iter().rev().find(|(at, _)| now.saturating_sub(*at) >= TREND);
        self.is_prompt() && before.is_some_and(|(_, before)| last.rtt + FALLING < before.rtt)
    }

    /// What is sent, bit/s; `None` until that can be said.
    pub(super) fn sent_bit_s(&self) -> Option<f64> {
        let span = self.span();
        let (_, first) = self.samples.front()?;
        let (_, last) = self.samples.back()?;
        (span >= LEAST).then(|| last.since(first).sent_bytes as f64 * 8.0 / span.as_secs_f64())
    }

    /// What a path whose queue grows lets through, bit/s: a queue fed with S bit/s before a link of C grows by S / C − 1
    /// seconds a second, beside what a full one drops.
    pub(super) fn through_bit_s(&self) -> Option<f64> {
        Some(self.sent_bit_s()? * (1.0 - self.loss_now()) / (1.0 + self.slope().clamp(-0.5, 4.0)))
    }

    /// Share of packets lost, over the last seconds.
    pub(super) fn loss(&self) -> f64 {
        self.loss
    }

    fn loss_now(&self) -> f64 {
        let (Some((_, first)), Some((_, last))) = (self.samples.front(), self.samples.back()) else {
            return 0.0;
        };
        let since = last.since(first);
        if since.sent_packets == 0 {
            return 0.0;
        }
        (since.lost_packets as f64 / since.sent_packets as f64).min(0.9)
    }

    /// What the congestion window lets through, bit/s.
    pub(super) fn window_bit_s(&self) -> f64 {
        match self.samples.back() {
            Some((_, sample)) if sample.window > 0 && sample.rtt > Duration::ZERO => {
                sample.window as f64 * 8.0 / sample.rtt.as_secs_f64()
            }
            _ => f64::INFINITY,
        }
    }
}

impl PathSample {
    /// The counters since an earlier sample; the rest is this one's.
    fn since(&self, earlier: &Self) -> Self {
        let Self { rtt, last_rtt, window, sent_bytes, sent_packets, lost_packets, waiting } = *self;
        Self {
            rtt,
            last_rtt,
            window,
            sent_bytes: sent_bytes.saturating_sub(earlier.sent_bytes),
            sent_packets: sent_packets.saturating_sub(earlier.sent_packets),
            lost_packets: lost_packets.saturating_sub(earlier.lost_packets),
            waiting,
        }
    }
}
