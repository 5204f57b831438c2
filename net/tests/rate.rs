//! The controller against a path, in virtual time: what it sends goes through a link of `visavis-impair`, and what it is told
//! is what a QUIC connection would tell it.

use std::collections::VecDeque;
use std::time::Duration;

use visavis_impair::{Impairment, Link, Loss, RateLimit};
use visavis_net::rate::{Audience, PathSample, Plan, RateController, RateOptions, ReceiverReport};

const MS: Duration = Duration::from_millis(1);
const PACKET: usize = 80;

/// A sender that does what the plan says, a path, and a connection's counters.
struct Simulation {
    rate: RateController,
    link: Link<Duration>,
    now: Duration,
    plan: Plan,
    path: PathSample,
    next_face: Duration,
    next_voice: Duration,
    faces: u8,
    /// When acknowledgements and the news of losses reach the sender.
    answers: VecDeque<(Duration, Option<Acknowledgement>)>,
    /// What came and isn't acknowledged yet: how many packets, the first one's arrival, the newest one's sending and arrival.
    collected: Option<(usize, Duration, Duration, Duration)>,
    back: Duration,
    /// Whether each acknowledgement's own round trip is known.
    is_prompt: bool,
    /// Bytes of a coded frame beside what the ladder believes.
    lively: usize,
    plans: Vec<(Duration, Plan)>,
    queues: Vec<(Duration, Duration)>,
}

/// The newest packet's round trip, and how much of that it was held back.
#[derive(Clone, Copy, PartialEq)]
struct Acknowledgement {
    sent: Duration,
    held_back: Duration,
}

/// Acknowledgements are collected, as `TransportOptions` asks peers for.
const COLLECTED: Duration = Duration::from_millis(200);
const COLLECTED_PACKETS: usize = 16;

impl Simulation {
    fn new(impairment: Impairment, options: RateOptions) -> Self {
        let mut rate = RateController::new(options);
        let plan = rate.update(Duration::ZERO, &PathSample::default());
        Self {
            rate,
            link: Link::new(impairment, 1),
            now: Duration::ZERO,
            plan,
            path: PathSample { window: 14_720, ..PathSample::default() },
            next_face: Duration::ZERO,
            next_voice: Duration::ZERO,
            faces: 0,
            answers: VecDeque::new(),
            collected: None,
            back: impairment.delay,
            is_prompt: true,
            lively: 0,
            plans: Vec::new(),
            queues: Vec::new(),
        }
    }

    fn send(&mut self, bytes: usize) {
        self.path.sent_packets += 1;
        self.path.sent_bytes += bytes as u64;
        let lost = self.link.statistics().lost + self.link.statistics().dropped;
        self.link.send(self.now, bytes, self.now);
        if self.link.statistics().lost + self.link.statistics().dropped > lost {
            self.answers.push_back((self.now + 2 * self.back + 100 * MS, None));
        }
    }

    fn run(&mut self, seconds: u64) {
        let end = self.now + Duration::from_secs(seconds);
        while self.now < end {
            let mut voice_leaves = false;
            if self.now >= self.next_voice {
                self.next_voice = self.now + MS * u32::from(self.plan.audio_ms);
                voice_leaves = true;
                let bytes = self.plan.audio_bit_s as usize * usize::from(self.plan.audio_ms) / 8000;
                self.send(PACKET + bytes + (7 + bytes) * usize::from(self.plan.audio_copies));
            }
            if self.plan.face_hz > 0 && self.now >= self.next_face {
                self.next_face = self.now + Duration::from_secs(1) / u32::from(self.plan.face_hz);
                self.faces += 1;
                if self.faces >= self.plan.faces_per_datagram || self.plan.coalesce && voice_leaves {
                    let each = if self.plan.coarser == 0 { 6 } else { 5 };
                    let frame = 23 - 2 * usize::from(self.plan.rung.number())
                        + each * usize::from(self.plan.redundancy);
                    let bytes = (frame + self.lively) * usize::from(self.faces);
                    self.send(if self.plan.coalesce { 24 } else { PACKET } + bytes);
                    self.faces = 0;
                }
            }
            // A checkpoint of 170 bytes twice a second, acknowledgements of what comes ten times a second.
            if self.now.as_millis().is_multiple_of(500) {
                self.send(170);
            }
            if self.now.as_millis() % 100 == 50 {
                self.send(60);
            }
            while self.link.next().is_some_and(|next| next <= self.now) {
                let arrival = self.link.next().unwrap();
                let sent = self.link.receive(arrival).unwrap();
                let (count, first, newest, at) = self.collected.unwrap_or((0, arrival, sent, arrival));
                let (newest, at) = if sent > newest { (sent, arrival) } else { (newest, at) };
                self.collected = Some((count + 1, first, newest, at));
            }
            if let Some((count, first, sent, at)) = self.collected
                && (count >= COLLECTED_PACKETS || self.now >= first + COLLECTED)
            {
                let acknowledgement = Acknowledgement { sent, held_back: self.now.saturating_sub(at) };
                self.answers.push_back((self.now + self.back, Some(acknowledgement)));
                self.collected = None;
            }
            while let Some(&(at, sent)) = self.answers.iter().min_by_key(|(at, _)| *at)
                && at <= self.now
            {
                self.answers.retain(|answer| *answer != (at, sent));
                match sent {
                    None => self.path.lost_packets += 1,
                    Some(Acknowledgement { sent, held_back }) => {
                        let own = (at - sent).saturating_sub(held_back);
                        self.path.last_rtt = if self.is_prompt { own } else { Duration::ZERO };
                        self.path.rtt =
                            if self.path.rtt.is_zero() { own } else { (self.path.rtt * 7 + own) / 8 };
                    }
                }
            }
            if self.now.as_millis().is_multiple_of(100) {
                self.plan = self.rate.update(self.now, &self.path);
                self.plans.push((self.now, self.plan));
                self.queues.push((self.now, self.link.queue(self.now)));
            }
            self.now += MS;
        }
    }

    /// The longest time that the queue was never shorter than this: what stands in it.
    fn standing(&self, from: u64) -> Duration {
        let queues: Vec<Duration> =
            self.queues.iter().filter(|(at, _)| at.as_secs() >= from).map(|&(_, queue)| queue).collect();
        queues.windows(10).map(|second| *second.iter().min().unwrap()).max().unwrap()
    }

    /// How often what one sees and hears changed: rung, frame rate, voice.
    fn changes(&self, from: u64) -> usize {
        let what = |plan: &Plan| (plan.rung, plan.face_hz, plan.audio_bit_s);
        let plans: Vec<_> =
            self.plans.iter().filter(|(at, _)| at.as_secs() >= from).map(|(_, plan)| what(plan)).collect();
        plans.windows(2).filter(|pair| pair[0] != pair[1]).count()
    }
}

fn narrow(kbit: f64, delay: Duration) -> Impairment {
    let rate = RateLimit { bits_per_second: kbit * 1000.0, queue: 200 * MS };
    Impairment { delay, rate: Some(rate), ..Impairment::default() }
}

fn is_best(plan: &Plan) -> bool {
    (plan.rung.number(), plan.face_hz, plan.audio_ms, plan.redundancy) == (0, 30, 20, 3)
}

#[test]
fn a_clean_path_carries_everything_within_two_seconds() {
    let mut sim =
        Simulation::new(Impairment { delay: 20 * MS, ..Impairment::default() }, RateOptions::default());
    sim.run(30);
    let (first, _) = sim.plans.iter().find(|(_, plan)| is_best(plan)).expect("never the best plan");
    assert!(*first <= Duration::from_secs(3), "{first:?}");
    assert_eq!(sim.changes(first.as_secs() + 1), 0);
}

#[test]
fn a_path_of_64_kbit_holds_voice_and_face_without_a_queue() {
    for delay in [20, 100, 200] {
        for lively in [0, 12] {
            let mut sim = Simulation::new(narrow(64.0, delay * MS), RateOptions::default());
            sim.lively = lively;
            sim.run(60);
            let standing = sim.standing(5);
            assert!(sim.plans.iter().all(|(_, plan)| plan.face_hz >= 10 && plan.audio_bit_s >= 8_000));
            let dropped = sim.link.statistics().dropped as f64 / sim.link.statistics().sent as f64;
            assert!(dropped < 0.01, "{delay} ms, {lively}: {dropped}");
            let used = sim.link.statistics().arrived_bytes as f64 * 8.0 / 60.0;
            assert!(used > 40_000.0, "{delay} ms, {lively}: only {used} bit/s are used");
            let late = sim.queues.iter().filter(|(at, _)| at.as_secs() >= 5).map(|(_, queue)| *queue);
            let longest = late.max().unwrap();
            // News takes a round trip.
            let most = if delay <= 100 { 150 * MS } else { 250 * MS };
            assert!(longest < most, "{delay} ms, {lively}: {longest:?} at its longest");
            // News of a queue takes a round trip, 400 ms at worst.
            let most = if delay <= 100 { 100 * MS } else { 150 * MS };
            assert!(standing < most, "{delay} ms, {lively}: {standing:?} stand in the queue");
            assert!(sim.changes(10) <= 4, "{delay} ms, {lively}: {} changes", sim.changes(10));
        }
    }
}

#[test]
fn it_recovers_within_five_seconds() {
    for delay in [20, 100] {
        let mut sim = Simulation::new(
            Impairment { delay: delay * MS, ..Impairment::default() },
            RateOptions::default(),
        );
        sim.run(10);
        assert!(is_best(&sim.plan));
        sim.link.set(narrow(64.0, delay * MS));
        sim.run(30);
        assert!(!is_best(&sim.plan));
        let standing = sim.standing(15);
        assert!(standing < 100 * MS, "five seconds later {standing:?} stand in the queue");
        sim.link.set(Impairment { delay: delay * MS, ..Impairment::default() });
        let again = sim.now;
        sim.run(10);
        let (best, _) =
            sim.plans.iter().find(|(at, plan)| *at > again && is_best(plan)).expect("never again");
        assert!(*best - again <= Duration::from_secs(5), "{delay} ms: {:?}", *best - again);
    }
}

#[test]
fn loss_alone_lowers_nothing() {
    for (loss, least) in [
        (Loss::Random(0.1), 3),
        (Loss::Bursts { share: 0.3, longest: 100 * MS }, 3),
        (Loss::GilbertElliott { to_bad: 0.05, to_good: 0.25, loss_good: 0.0, loss_bad: 0.9 }, 3),
    ] {
        let bad = Impairment { delay: 40 * MS, jitter: 15 * MS, loss, ..Impairment::default() };
        let mut sim = Simulation::new(bad, RateOptions::default());
        sim.run(40);
        let late = sim.plans.iter().filter(|(at, _)| at.as_secs() >= 5);
        for (at, plan) in late {
            assert!(plan.rung.number() == 0 && plan.face_hz == 30, "{loss:?} {at:?}: {plan:?}");
            assert!(plan.redundancy >= least, "{loss:?} {at:?}: {plan:?}");
        }
        assert_eq!(sim.changes(5), 0);
    }
}

#[test]
fn receivers_decide_how_much_is_repeated() {
    let mut rate = RateController::new(RateOptions { start: 200_000, ..RateOptions::default() });
    let path = PathSample { rtt: 40 * MS, window: 14_720, ..PathSample::default() };
    assert_eq!(rate.update(Duration::ZERO, &path).redundancy, 3);
    rate.report(
        Duration::ZERO,
        7,
        &ReceiverReport { loss: 0.3, longest_gap: 5, ..ReceiverReport::default() },
    );
    assert_eq!(rate.update(100 * MS, &path).redundancy, 5);
    rate.report(
        200 * MS,
        7,
        &ReceiverReport { loss: f32::NAN, longest_gap: u32::MAX, ..ReceiverReport::default() },
    );
    assert_eq!(rate.update(200 * MS, &path).redundancy, 7);
    // An old report counts no more.
    assert_eq!(rate.update(Duration::from_secs(10), &path).redundancy, 3);
}

#[test]
fn sounds_come_again_where_several_are_lost_in_a_row_and_nowhere_else() {
    let mut rate = RateController::new(RateOptions { start: 200_000, ..RateOptions::default() });
    let path = PathSample { rtt: 40 * MS, window: 14_720, ..PathSample::default() };
    let mut after = |n: u32, loss, burst| {
        rate.report(n * 100 * MS, 7, &ReceiverReport { loss, burst, ..ReceiverReport::default() });
        rate.update(n * 100 * MS, &path)
    };
    let clean = after(0, 0.0, Duration::ZERO);
    assert_eq!((clean.audio_copies, clean.audio_ms, clean.audio_bit_s), (0, 20, 24_000));
    let single = after(1, 0.1, 40 * MS);
    assert_eq!((single.audio_copies, single.audio_ms), (0, 20), "in-band FEC makes up for those");
    let bursts = after(2, 0.3, 100 * MS);
    assert_eq!((bursts.audio_copies, bursts.audio_ms, bursts.audio_bit_s), (3, 40, 16_000));
    assert_eq!((bursts.face_hz, bursts.rung.number()), (30, 0), "not at the face's cost here");
    assert_eq!(after(3, 0.0, Duration::ZERO).audio_copies, 0);

    // On a narrow path there are as many as there is room for, and the call goes on.
    let mut sim = Simulation::new(narrow(64.0, 40 * MS), RateOptions::default());
    for _ in 0..40 {
        let report = ReceiverReport { loss: 0.3, burst: 100 * MS, ..ReceiverReport::default() };
        sim.rate.report(sim.now, 7, &report);
        sim.run(1);
    }
    let dropped = sim.link.statistics().dropped as f64 / sim.link.statistics().sent as f64;
    assert!(dropped < 0.05 && sim.plan.face_hz >= 10, "{dropped}, {:?}", sim.plan);
}

#[test]
fn a_receivers_queue_counts_as_our_own() {
    let mut rate = RateController::new(RateOptions { start: 200_000, ..RateOptions::default() });
    let mut path = PathSample { rtt: 40 * MS, window: 14_720, ..PathSample::default() };
    for i in 0..50u32 {
        path.sent_bytes += 1_300;
        path.sent_packets += 10;
        rate.report(100 * MS * i, 1, &ReceiverReport { queue: 150 * MS, ..ReceiverReport::default() });
        rate.update(100 * MS * i, &path);
    }
    assert!(rate.state().step > 0, "{:?}", rate.state());
}

#[test]
fn nobody_looks_and_the_voice_goes_on() {
    let mut rate = RateController::new(RateOptions::default());
    rate.set_audience(Audience { is_watching: false, ..Audience::default() });
    let plan = rate.update(Duration::ZERO, &PathSample::default());
    assert_eq!(plan.face_hz, 0);
    assert!(plan.audio_bit_s > 0);
    rate.set_audience(Audience { face_hz: 10, ..Audience::default() });
    assert_eq!(rate.update(100 * MS, &PathSample::default()).face_hz, 10);
}

#[test]
fn a_small_window_is_not_exceeded() {
    let mut rate = RateController::new(RateOptions { start: 200_000, ..RateOptions::default() });
    // 2400 bytes each 400 ms: 48 kbit/s.
    let path = PathSample { rtt: 400 * MS, window: 2400, ..PathSample::default() };
    let plan = rate.update(Duration::ZERO, &path);
    assert!(plan.audio_ms == 60 && plan.face_hz >= 10, "{plan:?}");
}

#[test]
fn another_connection_begins_anew() {
    let mut sim =
        Simulation::new(Impairment { delay: 20 * MS, ..Impairment::default() }, RateOptions::default());
    sim.run(10);
    sim.path = PathSample { rtt: 300 * MS, window: 14_720, ..PathSample::default() };
    sim.run(1);
    assert!(sim.rate.state().queue < 50 * MS, "another path's round trip is no queue");
}

#[test]
fn no_number_makes_it_stop() {
    let mut rate = RateController::new(RateOptions {
        start: 0,
        redundancy: 255,
        face_hz: 0,
        has_voice: false,
        max_audio_bit_s: 0,
    });
    for (i, value) in [0, u64::MAX, 1, u64::MAX / 2, 0].into_iter().enumerate() {
        let path = PathSample {
            rtt: Duration::from_nanos(value),
            last_rtt: Duration::from_nanos(value.rotate_left(7)),
            window: value,
            sent_bytes: value,
            sent_packets: value,
            lost_packets: value,
            waiting: Duration::from_nanos(value),
        };
        for now in [Duration::from_secs(i as u64), Duration::from_secs(i as u64 + 1000), Duration::ZERO] {
            let plan = rate.update(now, &path);
            assert!(plan.redundancy <= 7 && plan.face_hz >= 1 && plan.face_hz <= 90);
            assert!(rate.state().budget_bit_s.is_finite());
        }
    }
}
