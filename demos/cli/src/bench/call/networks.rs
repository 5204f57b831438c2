//! The bad networks, by the names of the report.

use std::time::Duration;

use visavis_impair::{Impairment, Loss, RateLimit};

use super::talker::{Face, Talk};

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// One network between two people, and what is asked of a call over it.
#[derive(Clone, Copy)]
pub(super) struct Network {
    pub(super) name: &'static str,
    pub(super) what: &'static str,
    /// From the talker to the listener, and back.
    pub(super) up: Impairment,
    pub(super) down: Impairment,
    /// What the talker does. The listener only listens.
    pub(super) talk: Talk,
    /// What happens in between.
    pub(super) trouble: Trouble,
    /// Whether the avatar is fetched, too.
    pub(super) fetches_avatar: bool,
    /// Whether WebRTC is measured over it.
    pub(super) has_peer: bool,
    pub(super) asked: &'static str,
}

/// What happens to the path in the middle of the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    None,
    /// The host sees the guest under another port from then on.
    AddressChange,
    /// The guest itself goes to another socket.
    Rebind,
    /// Nothing goes through for so long.
    Cut(Duration),
}

const CLEAN: Impairment = Impairment {
    delay: ms(20),
    jitter: Duration::ZERO,
    loss: Loss::None,
    reorder: 0.0,
    reorder_by: Duration::ZERO,
    duplicate: 0.0,
    rate: None,
};

const TALK: Talk = Talk { face: Face::Moving, voice: true, controlled: true, drift_ppm: 0.0 };

const BASE: Network = Network {
    name: "",
    what: "",
    up: CLEAN,
    down: CLEAN,
    talk: TALK,
    trouble: Trouble::None,
    fetches_avatar: false,
    has_peer: false,
    asked: "",
};

const LOSSY: Impairment = Impairment { delay: ms(40), jitter: ms(15), loss: Loss::Random(0.1), ..CLEAN };
const BURSTY: Impairment =
    Impairment { delay: ms(40), loss: Loss::Bursts { share: 0.3, longest: ms(100) }, ..CLEAN };
const NARROW: Impairment = Impairment {
    delay: ms(100),
    rate: Some(RateLimit { bits_per_second: 64_000.0, queue: ms(200) }),
    ..CLEAN
};
const MESSY: Impairment = Impairment {
    delay: ms(40),
    jitter: ms(5),
    loss: Loss::GilbertElliott { to_bad: 0.01, to_good: 0.3, loss_good: 0.005, loss_bad: 0.6 },
    reorder: 0.05,
    reorder_by: ms(30),
    duplicate: 0.05,
    ..CLEAN
};
const SLOW: Impairment = Impairment {
    delay: ms(25),
    rate: Some(RateLimit { bits_per_second: 2_000_000.0, queue: ms(200) }),
    ..CLEAN
};

/// Every network between two people.
pub(super) const NETWORKS: [Network; 12] = [
    Network {
        name: "clean_20ms",
        what: "20 ms each way",
        has_peer: true,
        asked: "arrival p50 <= 32 ms, p99 <= 45 ms; display p50 <= 20 + 33.3 + p95 jitter + 15 ms",
        ..BASE
    },
    Network {
        name: "loss_10_jitter_15",
        what: "10 % random loss, 40 +- 15 ms",
        up: LOSSY,
        down: LOSSY,
        has_peer: true,
        asked: "concealed <= 0.001, display delay at most 3 frame intervals more, no retransmission",
        ..BASE
    },
    Network {
        name: "bursts_30",
        what: "30 % loss in bursts of up to 100 ms, 40 ms",
        up: BURSTY,
        down: BURSTY,
        has_peer: true,
        asked: "the call goes on, no pop, recovers at once",
        ..BASE
    },
    Network {
        name: "narrow_64k",
        what: "64 kbit/s up with a queue of 200 ms, 100 ms each way",
        up: NARROW,
        down: Impairment { delay: ms(100), ..CLEAN },
        has_peer: true,
        asked: "voice and face live; standing queue < 100 ms after 5 s",
        ..BASE
    },
    Network {
        name: "messy",
        what: "Gilbert-Elliott loss, 5 % overtaken, 5 % twice, 40 +- 5 ms",
        up: MESSY,
        down: MESSY,
        asked: "concealed <= 0.001",
        ..BASE
    },
    Network {
        name: "cold_join_2m",
        what: "2 Mbit/s, 25 ms, the avatar isn't known yet",
        up: SLOW,
        down: SLOW,
        fetches_avatar: true,
        asked: "voice at once, a likeness within 5 s",
        ..BASE
    },
    Network {
        name: "address_change",
        what: "the guest's address changes on its way",
        trouble: Trouble::AddressChange,
        asked: "recovered <= 1 s, no new join",
        ..BASE
    },
    Network {
        name: "rebind",
        what: "the guest goes to another socket",
        trouble: Trouble::Rebind,
        asked: "recovered <= 1 s, no new join",
        ..BASE
    },
    Network {
        name: "cut_20s",
        what: "nothing goes through for 20 s",
        trouble: Trouble::Cut(Duration::from_secs(20)),
        asked: "recovered <= 1 s after the path is back, no new join",
        ..BASE
    },
    Network {
        name: "counted_moving",
        what: "a moving face alone, 30 Hz, three repeats, all bytes both ways",
        talk: Talk { voice: false, controlled: false, ..TALK },
        asked: "<= 48 kbit/s",
        ..BASE
    },
    Network {
        name: "counted_still",
        what: "a still face alone, 30 Hz, three repeats, all bytes both ways",
        talk: Talk { face: Face::Still, voice: false, controlled: false, ..TALK },
        asked: "<= 12 kbit/s",
        ..BASE
    },
    Network {
        name: "counted_voice",
        what: "a voice alone, 24 kbit/s in packets of 20 ms, all bytes both ways",
        talk: Talk { face: Face::None, controlled: false, ..TALK },
        asked: "-",
        ..BASE
    },
];
