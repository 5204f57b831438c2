//! One direction of a path, in virtual time.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::time::Duration;

use crate::impairment::{Impairment, Loss, RateLimit};
use crate::random::Random;

/// More packets than this are never on their way at once; further ones are dropped. Bounds memory against a flood.
const MAX_ON_THE_WAY: usize = 65_536;

/// One direction of a bad path: what is sent, and when it arrives. Times are since any zero, and don't go back.
#[derive(Debug)]
pub struct Link<T> {
    impairment: Impairment,
    random: Random,
    is_bad: bool,
    /// [`Loss::Bursts`]: when the present burst ends, or none has begun, the next begins; seconds.
    burst: Option<(f64, f64)>,
    /// When the narrow link has sent all that it has accepted.
    free_at: Duration,
    on_the_way: BinaryHeap<OnTheWay<T>>,
    /// How many were sent, which decides between packets that arrive at one time.
    sequence: u64,
    statistics: LinkStatistics,
}

/// What has become of the packets of a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkStatistics {
    /// Packets that were sent into it.
    pub sent: u64,
    /// Their bytes, headers included.
    pub sent_bytes: u64,
    /// Packets that came out, copies included.
    pub arrived: u64,
    /// Their bytes.
    pub arrived_bytes: u64,
    /// Lost by [`Impairment::loss`].
    pub lost: u64,
    /// Dropped by a full queue.
    pub dropped: u64,
    /// Copies that were made.
    pub duplicated: u64,
}

#[derive(Debug)]
struct OnTheWay<T> {
    arrival: Duration,
    sequence: u64,
    bytes: usize,
    packet: T,
}

impl<T: Clone> Link<T> {
    /// A link, empty. The seed decides all that is left to chance.
    pub fn new(impairment: Impairment, seed: u64) -> Self {
        Self {
            impairment,
            random: Random::new(seed),
            is_bad: false,
            burst: None,
            free_at: Duration::ZERO,
            on_the_way: BinaryHeap::new(),
            sequence: 0,
            statistics: LinkStatistics::default(),
        }
    }

    /// What is wrong with it from now on. Packets on their way keep their arrivals; the queue keeps what it holds.
    pub fn set(&mut self, impairment: Impairment) {
        self.impairment = impairment;
    }

    /// What is wrong with it.
    pub fn impairment(&self) -> &Impairment {
        &self.impairment
    }

    /// What has become of the packets so far.
    pub fn statistics(&self) -> LinkStatistics {
        self.statistics
    }

    /// How long a packet that is sent now would wait for the narrow link.
    pub fn queue(&self, now: Duration) -> Duration {
        self.free_at.saturating_sub(now)
    }

    /// Sends a packet of so many bytes, headers included.
    pub fn send(&mut self, now: Duration, bytes: usize, packet: T) {
        self.statistics.sent += 1;
        self.statistics.sent_bytes += bytes as u64;
        // Every packet draws as many numbers, so that what is lost doesn't depend on what else is wrong.
        let is_lost = self.is_lost(now);
        let Impairment { delay, jitter, loss: _, reorder, reorder_by, duplicate, rate } = self.impairment;
        let varied = delay.as_secs_f64() + jitter.as_secs_f64() * (2.0 * self.random.uniform() - 1.0);
        let mut travel = Duration::from_secs_f64(varied.max(0.0));
        if self.random.chance(reorder) {
            travel += reorder_by;
        }
        let is_twice = self.random.chance(duplicate);
        if is_lost {
            self.statistics.lost += 1;
            return;
        }
        // The narrow link comes first: what it sends is spread out, and what is queued is our own doing.
        let sent = match rate {
            None => now,
            Some(limit) => match self.through(limit, now, bytes) {
                Some(sent) => sent,
                None => {
                    self.statistics.dropped += 1;
                    return;
                }
            },
        };
        if is_twice {
            self.statistics.duplicated += 1;
            self.start(sent + travel, bytes, packet.clone());
        }
        self.start(sent + travel, bytes, packet);
    }

    /// When the next packet arrives; it may be in the past.
    pub fn next(&self) -> Option<Duration> {
        self.on_the_way.peek().map(|next| next.arrival)
    }

    /// The next packet that has arrived by now.
    pub fn receive(&mut self, now: Duration) -> Option<T> {
        if self.next()? > now {
            return None;
        }
        let OnTheWay { bytes, packet, .. } = self.on_the_way.pop()?;
        self.statistics.arrived += 1;
        self.statistics.arrived_bytes += bytes as u64;
        Some(packet)
    }

    /// When the narrow link has sent the packet; `None`: its queue is full.
    fn through(&mut self, limit: RateLimit, now: Duration, bytes: usize) -> Option<Duration> {
        let begin = self.free_at.max(now);
        if limit.bits_per_second <= 0.0 || begin - now > limit.queue {
            return None;
        }
        self.free_at = begin + Duration::from_secs_f64(bytes as f64 * 8.0 / limit.bits_per_second);
        Some(self.free_at)
    }

    fn start(&mut self, arrival: Duration, bytes: usize, packet: T) {
        if self.on_the_way.len() >= MAX_ON_THE_WAY {
            self.statistics.dropped += 1;
            return;
        }
        self.sequence += 1;
        self.on_the_way.push(OnTheWay { arrival, sequence: self.sequence, bytes, packet });
    }

    fn is_lost(&mut self, now: Duration) -> bool {
        match self.impairment.loss {
            Loss::None => false,
            Loss::Everything => true,
            Loss::Random(probability) => self.random.chance(probability),
            Loss::GilbertElliott { to_bad, to_good, loss_good, loss_bad } => {
                let turns = self.random.chance(if self.is_bad { to_good } else { to_bad });
                self.is_bad ^= turns;
                self.random.chance(if self.is_bad { loss_bad } else { loss_good })
            }
            Loss::Bursts { share, longest } => self.is_in_burst(now.as_secs_f64(), share, longest),
        }
    }

    fn is_in_burst(&mut self, now: f64, share: f64, longest: Duration) -> bool {
        let longest = longest.as_secs_f64();
        let share = share.clamp(0.0, 0.99);
        if share == 0.0 || longest == 0.0 {
            return false;
        }
        let mean = 0.6 * longest; // of a fifth to the whole, evenly
        let between = mean * (1.0 - share) / share;
        let (mut begin, mut end) = self.burst.unwrap_or((f64::NEG_INFINITY, now));
        // After a long silence the past doesn't matter: exponential gaps have no memory.
        if now - end > 60.0 {
            end = now;
        }
        while end <= now {
            begin = end + self.random.exponential(between);
            end = begin + longest * (0.2 + 0.8 * self.random.uniform());
        }
        self.burst = Some((begin, end));
        now >= begin
    }
}

impl<T> Ord for OnTheWay<T> {
    /// The earliest arrival is the greatest, as a heap wants it.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.arrival, other.sequence).cmp(&(self.arrival, self.sequence))
    }
}

impl<T> PartialOrd for OnTheWay<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for OnTheWay<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T> Eq for OnTheWay<T> {}
