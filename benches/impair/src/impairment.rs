//! What is wrong with a path.

use std::time::Duration;

/// One direction of a bad path. The default is a perfect one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Impairment {
    /// How long a packet travels.
    pub delay: Duration,
    /// Each packet's delay differs from that by up to so much either way, evenly distributed; it is never less than zero.
    /// Packets overtake each other where they are sent closer together than it differs, as with `netem`.
    pub jitter: Duration,
    /// Which packets are lost.
    pub loss: Loss,
    /// Share of packets (0..=1) that wait another [`reorder_by`](Self::reorder_by), so that later ones overtake them.
    pub reorder: f64,
    /// How much longer those take.
    pub reorder_by: Duration,
    /// Share of packets (0..=1) that arrive twice.
    pub duplicate: f64,
    /// The narrowest link of the path.
    pub rate: Option<RateLimit>,
}

/// A link of so many bits a second, and the queue before it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateLimit {
    /// Bits a second, IP and UDP headers included. A packet takes its bits over this; 0 lets nothing through.
    pub bits_per_second: f64,
    /// A packet that would wait longer than this for the link is dropped: a drop-tail queue.
    pub queue: Duration,
}

/// Which packets are lost.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Loss {
    /// None.
    #[default]
    None,
    /// Each with this probability, 0..=1, whatever happened to the others.
    Random(f64),
    /// A chain of two states that takes a step a packet (Gilbert 1960, Elliott 1963). The share of time in the bad state is
    /// `to_bad / (to_bad + to_good)`; it lasts `1 / to_good` packets on average.
    GilbertElliott {
        /// Probability of going from the good state to the bad one.
        to_bad: f64,
        /// Probability of going back.
        to_good: f64,
        /// Probability of losing a packet in the good state.
        loss_good: f64,
        /// Probability of losing a packet in the bad state.
        loss_bad: f64,
    },
    /// The same in time: everything is lost for a while, and the bursts fill this share of time whatever is sent.
    Bursts {
        /// Share of time, 0..1.
        share: f64,
        /// The longest burst. Bursts last from a fifth of this to this, evenly distributed; the times between them are
        /// exponentially distributed.
        longest: Duration,
    },
    /// Every packet: the cable is out.
    Everything,
}
