//! When packets come: where the sender's clock is on ours, and how long to wait for them. All in seconds.

use visavis_codec::playout::arrivals::{Clock, Cover, Delays};

use super::options::VoiceBufferOptions;

/// The first delays aren't trusted before there are so many.
const WARM_UP: u32 = 30;
/// A packet that comes so much before the clock's line isn't believed at once.
const EARLY: f64 = 0.2;
/// A delay that is longer isn't remembered.
const LONGEST: f64 = 1.0;
/// A clock that went ahead is believed from so many packets in a row; one that went back, or a path that became longer, from so
/// many over so long.
const EARLY_PACKETS: u32 = 3;
const LATE_PACKETS: u32 = 4;
const LATE_TIME: f64 = 0.3;

/// What is known of arrivals.
#[derive(Clone, Debug)]
pub(super) struct Arrivals {
    clock: Clock,
    delays: Delays,
    has_clock: bool,
    /// Packets in a row that don't fit: how many, since when, and the least offset among them.
    doubts: Option<Doubts>,
    cover: f64,
}

#[derive(Clone, Copy, Debug)]
struct Doubts {
    is_early: bool,
    count: u32,
    since: f64,
    least: f64,
}

/// What a packet's arrival says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Arrival {
    /// It fits.
    Fits,
    /// It comes before it could have been sent, and others must say so too before that is believed.
    Doubted,
    /// The sender's clock has jumped, or the path has become longer: where times are on our clock is found anew.
    Jumped,
}

impl Arrivals {
    pub(super) fn new(options: &VoiceBufferOptions) -> Self {
        Self {
            clock: Clock::new(options.max_drift_ppm * 1e-6),
            delays: Delays::new(options.window.as_secs_f64()),
            has_clock: false,
            doubts: None,
            cover: options.initial_delay.as_secs_f64(),
        }
    }

    pub(super) const fn has_clock(&self) -> bool {
        self.has_clock
    }

    /// The least (arrival − capture) of a packet that arrives now.
    pub(super) fn offset(&self, now: f64) -> f64 {
        self.clock.offset(now)
    }

    pub(super) const fn cover(&self) -> f64 {
        self.cover
    }

    pub(super) fn drift(&self) -> Option<f64> {
        self.clock.drift()
    }

    /// Takes a packet that was captured at `capture` and holds `length` of sound; `brings` is what it holds of a lost packet
    /// before it.
    pub(super) fn take(
        &mut self,
        arrival: f64,
        capture: f64,
        length: f64,
        brings: Option<f64>,
        options: &VoiceBufferOptions,
    ) -> Arrival {
        let offset = arrival - capture;
        if !self.has_clock {
            self.has_clock = true;
            self.clock.start(arrival, offset);
        }
        let late = offset - self.clock.offset(arrival);
        let is_early = late < -EARLY;
        let mut result = Arrival::Fits;
        if is_early || late > self.cover + options.margin.as_secs_f64() {
            result = if is_early { Arrival::Doubted } else { Arrival::Fits };
            let known = self.doubts.filter(|doubts| doubts.is_early == is_early);
            let mut doubts = known.unwrap_or(Doubts { is_early, count: 0, since: arrival, least: offset });
            doubts.count += 1;
            doubts.least = doubts.least.min(offset);
            let is_jump = if is_early {
                doubts.count >= EARLY_PACKETS
            } else {
                doubts.count >= LATE_PACKETS && arrival - doubts.since >= LATE_TIME
            };
            self.doubts = Some(doubts);
            if is_jump {
                self.clock.start(arrival, doubts.least);
                self.delays.clear();
                self.doubts = None;
                result = Arrival::Jumped;
            }
        } else {
            self.doubts = None;
        }
        if result != Arrival::Doubted {
            if result == Arrival::Fits && self.doubts.is_none() {
                let up = self.clock.sample(arrival, offset);
                self.delays.line_moved(up);
            }
            let late = offset - self.clock.offset(arrival);
            if late < LONGEST {
                self.delays.sample(arrival, late);
            }
            // What was lost comes with the packet after it, so much later than it should have.
            if let Some(brought) = brings.filter(|brought| late + brought < LONGEST) {
                self.delays.sample(arrival, late + brought);
            }
        }
        let wait = Cover {
            quantile: options.quantile,
            budget: options.concealed_budget,
            interval: length,
            patience: length,
        };
        self.cover = self.delays.covering(&wait);
        if self.delays.count() < WARM_UP {
            self.cover = self.cover.max(options.initial_delay.as_secs_f64());
        }
        result
    }
}
