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
    /// Of the last packet.
    length: f64,
}

/// The most packets whose doubtful delays are remembered until they are believed.
const MAX_DOUBTS: usize = 32;

#[derive(Clone, Debug)]
struct Doubts {
    is_early: bool,
    count: u32,
    since: f64,
    least: f64,
    /// Arrivals and offsets.
    late: Vec<(f64, f64)>,
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
            length: 0.0,
        }
    }

    pub(super) const fn has_clock(&self) -> bool {
        self.has_clock
    }

    /// The least (arrival − capture of its end) of a packet that arrives now.
    pub(super) fn offset(&self, now: f64) -> f64 {
        self.clock.offset(now)
    }

    /// How much later than at its end, and than the fastest, a packet's beginning is to be played.
    pub(super) const fn wait(&self) -> f64 {
        self.cover + self.length
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
        // Counted from its end, so that packets of all lengths have one line.
        let offset = arrival - capture - length;
        self.length = length;
        if !self.has_clock {
            self.has_clock = true;
            self.clock.start(arrival, offset);
        }
        let late = offset - self.clock.offset(arrival);
        let is_early = late < -EARLY;
        if is_early || late > self.cover + options.margin.as_secs_f64() {
            let known = self.doubts.take().filter(|doubts| doubts.is_early == is_early);
            let new = Doubts { is_early, count: 0, since: arrival, least: offset, late: Vec::new() };
            let mut doubts = known.unwrap_or(new);
            doubts.count += 1;
            doubts.least = doubts.least.min(offset);
            if !is_early && doubts.late.len() < MAX_DOUBTS {
                doubts.late.push((arrival, offset));
            }
            let is_jump = if is_early {
                doubts.count >= EARLY_PACKETS
            } else {
                doubts.count >= LATE_PACKETS && arrival - doubts.since >= LATE_TIME
            };
            if !is_jump {
                self.doubts = Some(doubts);
                return if is_early { Arrival::Doubted } else { Arrival::Fits };
            }
            self.clock.start(arrival, doubts.least);
            self.delays.clear();
            self.find_cover(length, options);
            return Arrival::Jumped;
        }
        // The clock is as it was: what came late was late.
        for (arrival, offset) in self.doubts.take().map(|doubts| doubts.late).unwrap_or_default() {
            self.remember(arrival, offset - self.clock.offset(arrival));
        }
        let up = self.clock.sample(arrival, offset);
        self.delays.line_moved(up);
        let late = offset - self.clock.offset(arrival);
        self.remember(arrival, late);
        // What was lost comes with the packet after it, so much later than it should have.
        if let Some(brought) = brings {
            self.remember(arrival, late + brought);
        }
        self.find_cover(length, options);
        Arrival::Fits
    }

    fn remember(&mut self, arrival: f64, late: f64) {
        if (0.0..LONGEST).contains(&late) {
            self.delays.sample(arrival, late);
        }
    }

    fn find_cover(&mut self, length: f64, options: &VoiceBufferOptions) {
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
    }
}
