//! The controller.

use std::collections::BTreeMap;
use std::time::Duration;

use visavis_codec::bitstream::{MAX_REPEATS, Rung};

use super::cost::{Copies, Repeats, cost};
use super::path::Path;
use super::plan::{LADDER, Step};
use super::{Audience, PathSample, Plan, RateOptions, ReceiverReport};

/// The budget is never less, bit/s: the last step of the ladder takes about so much.
const FLOOR: f64 = 24_000.0;
/// A queue longer than this is congestion, beside what a path's round trips vary.
const QUEUE: f64 = 0.035;
/// How many times the variation of round trips doesn't count as a queue, and the most that it excuses, seconds.
const NOISE_TIMES: f64 = 4.0;
const NOISE_MOST: f64 = 0.04;
/// Of what goes through a full link, how much is used from then on, and how much while its queue drains, at the least.
const USED: f64 = 0.9;
const DRAINING: f64 = 0.55;
/// What has joined a queue since what is known of it, seconds.
const UNSEEN: f64 = 0.08;
/// Growth a second: before any congestion, after it, and once the path has shown that it carries more than it did then.
const GROWTH_FIRST: f64 = 0.8;
const GROWTH: f64 = 0.22;
/// Growth is half as fast where a round trip takes so many seconds.
const SHORT: f64 = 0.25;
const GROWTH_FREE: f64 = 0.8;
/// A path is free again when so many times as much is sent as went through, and no queue grows.
const FREE: f64 = 1.08;
/// After congestion the budget stays below what went through for so long.
const HOLD: Duration = Duration::from_millis(1200);
/// A better step is taken when the budget has been so many times its cost for so long: more than the budget varies.
const BETTER: f64 = 1.25;
const BETTER_FOR: Duration = Duration::from_millis(400);
/// No better step is tried while a queue is longer than this, seconds; and it begins with so many times its least cost.
const CALM: f64 = 0.025;
const BEGIN: f64 = 1.1;
/// How much longer than a round trip it takes until a step that is too much shows in the queue.
const NEWS: Duration = Duration::from_millis(1000);
/// A step is kept while its cost without repeats is at most so many times the budget, which is no exact number; where it
/// really is too much, the next cut will show.
const KEPT: f64 = 1.06;
/// The budget doesn't grow beyond so many times what the present step costs with all repeats: nothing shows that more would
/// go through.
const ENOUGH: f64 = 1.3;
/// A better step that the path didn't carry for this long isn't tried again for a while: for less long where nobody sees or
/// hears the difference, so that it is soon found out when a path carries more again; else longer each time.
const FAILED: Duration = Duration::from_secs(4);
const BLOCKED_ALIKE: Duration = Duration::from_secs(2);
const BLOCKED: Duration = Duration::from_secs(5);
const BLOCKED_MOST: Duration = Duration::from_secs(40);
/// Loss above this, for seconds and without a queue, is taken for a path that drops what is too much.
const HOPELESS: f64 = 0.45;
/// What is left of the congestion window is kept free for what else the connection sends.
const OF_WINDOW: f64 = 0.9;
/// Our own datagrams never wait longer than this.
const WAITING: Duration = Duration::from_millis(100);
/// How much longer than a round trip it takes until less sent is a shorter round trip: smoothed by the connection, and as
/// acknowledgements show it, which are collected for 200 ms.
const SETTLE: Duration = Duration::from_millis(900);
const SETTLE_PROMPT: Duration = Duration::from_millis(450);
/// A cut wasn't enough if so much of the queue is left then.
const LEFT: f64 = 0.8;
/// What is left of the budget when one cut wasn't enough.
const AGAIN: f64 = 0.85;
/// Packets of voice come again where gaps are as long as this, and so often at the most.
const BURST: Duration = Duration::from_millis(50);
const MAX_COPIES: u8 = 3;
/// A receiver's report counts this long.
const REPORT: Duration = Duration::from_secs(5);
/// More receivers' reports than this aren't kept.
const MAX_REPORTS: usize = 1024;

/// Decides what is sent: see [`Plan`]. Told the time as a duration since any zero.
#[derive(Clone, Debug)]
pub struct RateController {
    options: RateOptions,
    audience: Audience,
    path: Path,
    reports: BTreeMap<u64, (Duration, ReceiverReport)>,
    budget: f64,
    last: Option<Duration>,
    congestion: Option<Congestion>,
    /// How much more is sent than the plan should cost, 1..=1.6.
    scale: f64,
    step: usize,
    repeats: Repeats,
    copies: Copies,
    /// When the present step was taken, and from which worse one.
    risen: Option<(Duration, usize)>,
    blocked: Option<Blocked>,
    /// Since when a better step would have been possible.
    better_since: Option<Duration>,
}

/// The last time that the path was full.
#[derive(Clone, Copy, Debug)]
struct Congestion {
    at: Duration,
    /// What went through, bit/s.
    through: f64,
    /// The queue then, or at its longest since, seconds, and when that was: news of it is late.
    queue: f64,
    longest_at: Duration,
    is_draining: bool,
    /// More than that goes through now.
    is_free: bool,
}

/// Steps that the path doesn't carry.
#[derive(Clone, Copy, Debug)]
struct Blocked {
    /// This one and those better.
    step: usize,
    until: Duration,
    /// For how long, the next time.
    next: Duration,
}

/// What the controller believes, for a status line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateState {
    /// What may be sent, bit/s, headers included.
    pub budget_bit_s: f64,
    /// What stands in the path's queue.
    pub queue: Duration,
    /// Share of packets lost, 0..=1, the worst of what the connection and the receivers say.
    pub loss: f64,
    /// The step of the ladder, 0 the best.
    pub step: u8,
}

impl RateController {
    /// A controller that knows nothing of the path yet.
    pub fn new(options: RateOptions) -> Self {
        let options = options.in_range();
        let mut controller = Self {
            options,
            audience: Audience::default(),
            path: Path::default(),
            reports: BTreeMap::new(),
            budget: options.start.into(),
            last: None,
            congestion: None,
            scale: 1.0,
            step: 0,
            repeats: Repeats { count: 0, is_fine: false },
            copies: Copies::default(),
            risen: None,
            blocked: None,
            better_since: None,
        };
        controller.step = controller.affordable(controller.budget, 0);
        controller.repeats = controller.affordable_repeats(controller.budget);
        controller
    }

    /// Who looks, from now on.
    pub fn set_audience(&mut self, audience: Audience) {
        self.audience = Audience { face_hz: audience.face_hz.clamp(1, 90), ..audience };
    }

    /// Whether a voice is sent, from now on.
    pub fn set_voice(&mut self, has_voice: bool) {
        self.options.has_voice = has_voice;
    }

    /// What a receiver says, by any number that stands for it.
    pub fn report(&mut self, now: Duration, receiver: u64, report: &ReceiverReport) {
        let loss = if (0.0..=1.0).contains(&report.loss) { report.loss } else { 0.0 };
        if self.reports.len() < MAX_REPORTS || self.reports.contains_key(&receiver) {
            self.reports.insert(receiver, (now, ReceiverReport { loss, ..*report }));
        }
    }

    /// What to send from now on, by what the connection has measured. To be called every 50 to 200 ms.
    pub fn update(&mut self, now: Duration, path: &PathSample) -> Plan {
        let passed = self.last.map_or(Duration::ZERO, |last| now.saturating_sub(last));
        self.last = Some(now);
        self.reports.retain(|_, (at, _)| now.saturating_sub(*at) <= REPORT);
        if !self.path.push(now, path) {
            (self.congestion, self.blocked, self.risen) = (None, None, None);
            self.budget = self.budget.min(self.options.start.into());
        }
        self.adjust_scale(passed);
        self.adjust_budget(now, passed, path.waiting);
        self.choose(now);
        self.plan()
    }

    /// What to send now.
    pub fn plan(&self) -> Plan {
        let step = &LADDER[self.step];
        let Audience { is_watching, finest, .. } = self.audience;
        let Repeats { count, is_fine } = self.repeats;
        Plan {
            redundancy: count,
            coarser: if is_fine { 0 } else { 4 },
            rung: Rung::new(step.rung.max(finest.number())).unwrap_or_default(),
            face_hz: if is_watching { self.hz(step) } else { 0 },
            faces_per_datagram: step.faces_per_datagram,
            // Where packets get lost, every frame comes in two of them.
            still_faces: if self.loss() > 0.01 { 2 } else { 5 },
            audio_ms: self.copies.audio_ms(step),
            audio_bit_s: self.copies.audio_bit_s(step).min(self.options.max_audio_bit_s),
            audio_copies: self.copies.count,
            coalesce: step.coalesce && self.options.has_voice,
        }
    }

    /// The share of packets that a voice's coder should expect to be lost, for its own repeats (in-band FEC): less where packets
    /// come again whole. 0.02..=0.3.
    pub fn expected_loss(&self) -> f32 {
        let most = if self.copies.count > 0 { 0.1 } else { 0.3 };
        (self.loss() as f32).clamp(0.02, most)
    }

    /// What the controller believes.
    pub fn state(&self) -> RateState {
        RateState {
            budget_bit_s: self.budget,
            queue: Duration::from_secs_f64(self.queue()),
            loss: self.loss(),
            step: self.step as u8,
        }
    }

    fn hz(&self, step: &Step) -> u8 {
        // Steps are made for 30 frames a second; another camera's rate is lowered by as much.
        let scaled = u32::from(self.options.face_hz) * u32::from(step.face_hz) / 30;
        (scaled.clamp(1, 90) as u8).max(self.options.face_hz.min(10)).min(self.audience.face_hz)
    }

    fn queue(&self) -> f64 {
        let reported = self.reports.values().map(|(_, report)| report.queue).max().unwrap_or_default();
        self.path.queue().max(reported).as_secs_f64()
    }

    fn loss(&self) -> f64 {
        let reported = self.reports.values().map(|(_, report)| f64::from(report.loss)).fold(0.0, f64::max);
        self.path.loss().max(reported)
    }

    fn cost(&self, step: usize, repeats: Repeats) -> f64 {
        let step = &LADDER[step];
        let rung = step.rung.max(self.audience.finest.number());
        let (has_face, has_voice) = (self.audience.is_watching, self.options.has_voice);
        self.scale * cost(step, repeats, self.copies, rung, self.hz(step), has_face, has_voice)
    }

    /// A face may cost more than the ladder says, a livelier one or on another avatar; one that rests costs less for a
    /// while, which says nothing about the next word. So the scale follows upwards, and forgets slowly.
    fn adjust_scale(&mut self, passed: Duration) {
        let seconds = passed.as_secs_f64();
        self.scale += (1.0 - self.scale) * (seconds / 20.0).min(1.0);
        let Some(sent) = self.path.sent_bit_s() else { return };
        let ratio = sent * self.scale / self.cost(self.step, self.repeats);
        // Much more than that is something else, as an avatar on its way.
        if ratio > self.scale && ratio < 2.0 {
            self.scale += (ratio.min(1.6) - self.scale) * (seconds / 2.0).min(1.0);
        }
    }

    fn adjust_budget(&mut self, now: Duration, passed: Duration, waiting: Duration) {
        let queue = self.queue();
        let excuse = (NOISE_TIMES * self.path.noise()).min(NOISE_MOST);
        let is_hopeless = self.path.loss() > HOPELESS;
        // What stands for a second is no noise.
        let is_draining = self.congestion.is_some_and(|congestion| congestion.is_draining);
        let stands = !is_draining && self.path.standing() > QUEUE;
        let is_full = queue > QUEUE + excuse || stands || waiting > WAITING || is_hopeless;
        // A cut shows in the smoothed round trip only after a while.
        let settle = self.path.rtt() + if self.path.is_prompt() { SETTLE_PROMPT } else { SETTLE };
        let may_cut = self.congestion.is_none_or(|last| {
            let is_left = queue >= LEFT * last.queue && !self.path.is_falling();
            now.saturating_sub(last.longest_at) >= settle && (!last.is_draining || is_left)
        });
        if is_full {
            if may_cut {
                self.cut(now, queue);
            } else if let Some(last) = &mut self.congestion
                && queue > last.queue
            {
                (last.queue, last.longest_at) = (queue, now);
            }
            return;
        }
        if let Some(congestion) = &mut self.congestion
            && congestion.is_draining
            && queue < QUEUE / 2.0 + excuse
        {
            congestion.is_draining = false;
            self.budget = self.budget.max(USED * congestion.through);
        }
        let sent = self.path.sent_bit_s().unwrap_or(0.0);
        if let Some(congestion) = &mut self.congestion {
            congestion.is_free |= !congestion.is_draining && sent > FREE * congestion.through;
            if congestion.is_free {
                self.blocked = None;
            }
        }
        let growth = match self.congestion {
            None => GROWTH_FIRST,
            Some(congestion) if congestion.is_draining => 0.0,
            Some(congestion) if congestion.is_free => GROWTH_FREE,
            // News that it was too much takes a round trip.
            Some(_) => GROWTH * SHORT / (SHORT + self.path.rtt().as_secs_f64()),
        };
        let grown = self.budget * (1.0 + growth * passed.as_secs_f64().min(1.0));
        let all = Repeats { count: MAX_REPEATS, is_fine: true };
        let better = BETTER * self.cost(self.step.saturating_sub(1), self.least());
        let mut most = (ENOUGH * self.cost(self.step, all)).max(1.01 * better);
        if let Some(congestion) = self.congestion
            && now.saturating_sub(congestion.at) < HOLD
        {
            most = most.min(USED * congestion.through);
        }
        self.budget = grown.min(most.max(self.budget)).max(FLOOR);
    }

    fn cut(&mut self, now: Duration, queue: f64) {
        // News of a queue is late: by now it is longer.
        let drained = USED - (queue + UNSEEN).min(USED - DRAINING);
        let last = self.congestion.filter(|last| last.is_draining);
        let risen = self.risen.filter(|(at, _)| now.saturating_sub(*at) < FAILED);
        let through = match (last, risen) {
            // What is sent didn't go through, or the queue would have drained.
            (Some(last), _) => last.through.min(self.path.sent_bit_s().unwrap_or(f64::INFINITY)) * AGAIN,
            (None, Some((_, from))) => {
                // The path carried the step before this one.
                let next = self.blocked.map_or(BLOCKED, |blocked| blocked.next);
                let (wait, next) = match LADDER[from].is_alike(&LADDER[self.step]) {
                    true => (BLOCKED_ALIKE, next),
                    false => (next, (2 * next).min(BLOCKED_MOST)),
                };
                self.blocked = Some(Blocked { step: self.step, until: now + wait, next });
                (self.step, self.risen) = (from, None);
                self.cost(from, self.least()) * 1.05 / USED
            }
            (None, None) => self.path.through_bit_s().unwrap_or(self.budget),
        };
        let through = through.max(FLOOR);
        // What stands in the queue is to drain in about a second.
        let target = through * drained;
        if target >= self.budget {
            // Something else fills the path, or it was only for a moment.
            return;
        }
        self.budget = target.max(FLOOR);
        self.congestion =
            Some(Congestion { at: now, through, queue, longest_at: now, is_draining: true, is_free: false });
    }

    /// What may be spent now.
    fn spendable(&self) -> f64 {
        self.budget.min(self.window_budget()).max(FLOOR)
    }

    fn window_budget(&self) -> f64 {
        OF_WINDOW * self.path.window_bit_s()
    }

    /// Repeats that a plan has at the least: some, where packets get lost.
    fn least_redundancy(&self) -> u8 {
        if self.loss() > 0.01 { 1.min(self.options.redundancy) } else { 0 }
    }

    fn least(&self) -> Repeats {
        Repeats { count: self.least_redundancy(), is_fine: false }
    }

    /// Repeats that are of use.
    fn wanted_redundancy(&self) -> u8 {
        let gap = self.reports.values().map(|(_, report)| report.longest_gap).max().unwrap_or(0);
        let gap = u8::try_from(gap).unwrap_or(MAX_REPEATS);
        // Bursts as long as three frames are what the default is made for; much loss makes longer ones.
        let by_loss = if self.loss() > 0.2 { 5 } else { 0 };
        self.options.redundancy.max(gap.min(MAX_REPEATS)).max(by_loss)
    }

    /// The best step, not better than `best`, that so much pays for.
    fn affordable(&self, budget: f64, best: usize) -> usize {
        let last = LADDER.len() - 1;
        (best..last).find(|&step| self.cost(step, self.least()) <= budget).unwrap_or(last)
    }

    /// On a step that isn't the best, repeats fill what may be spent: they show whether the path carries more before
    /// anything that one sees or hears depends on it.
    fn affordable_repeats(&self, budget: f64) -> Repeats {
        let (least, wanted) = (self.least_redundancy(), self.wanted_redundancy());
        let pays = |&repeats: &Repeats| self.cost(self.step, repeats) <= budget;
        let fine = (wanted..=MAX_REPEATS).rev().map(|count| Repeats { count, is_fine: true });
        let coarse = (least..=wanted).rev().map(|count| Repeats { count, is_fine: false });
        let fine = fine.take(if self.step > 0 { MAX_REPEATS.into() } else { 0 });
        fine.chain(coarse).find(pays).unwrap_or(Repeats { count: least, is_fine: false })
    }

    /// How often packets of voice are to come again. In-band FEC makes up for one, so only where several are lost in a row;
    /// never more than the last step of the ladder pays for.
    fn affordable_copies(&mut self, budget: f64) -> Copies {
        let burst = self.reports.values().map(|(_, report)| report.burst).max().unwrap_or_default();
        if !self.options.has_voice || burst < BURST {
            return Copies::default();
        }
        let before = self.copies;
        let wanted = (1..=MAX_COPIES).rev().map(|count| Copies { count });
        let last = LADDER.len() - 1;
        let found = wanted.into_iter().find(|copies| {
            self.copies = *copies;
            self.cost(last, self.least()) <= budget
        });
        self.copies = before;
        found.unwrap_or_default()
    }

    fn choose(&mut self, now: Duration) {
        let budget = self.spendable();
        self.copies = self.affordable_copies(budget);
        let best = self.blocked.map_or(0, |blocked| if now < blocked.until { blocked.step + 1 } else { 0 });
        // While a queue drains, fewer repeats have to do: a step that fits afterwards is kept.
        let afterwards = match self.congestion {
            Some(congestion) if congestion.is_draining => USED * congestion.through,
            _ => 0.0,
        };
        let kept = KEPT * budget.max(afterwards.min(self.window_budget()));
        let mut kept = self.affordable(kept, self.step);
        // It drains sooner with fewer headers, which nobody sees or hears.
        while self.cost(kept, self.least()) > budget
            && LADDER.get(kept + 1).is_some_and(|next| next.is_alike(&LADDER[kept]))
        {
            kept += 1;
        }
        if kept > self.step {
            (self.step, self.risen, self.better_since) = (kept, None, None);
        } else {
            let better = self.affordable(budget / BETTER, best);
            // Of a path that was full one step is tried at a time, and news of it comes before the next.
            let was_full = self.congestion.is_some_and(|congestion| !congestion.is_free);
            let is_new = self.risen.is_some_and(|(at, _)| now.saturating_sub(at) < self.path.rtt() + NEWS);
            let is_unknown = was_full && (is_new || self.queue() > CALM);
            let better = if was_full { better.max(self.step.saturating_sub(1)) } else { better };
            if better >= self.step || is_unknown {
                self.better_since = None;
            } else if now.saturating_sub(*self.better_since.get_or_insert(now)) >= BETTER_FOR {
                (self.risen, self.step, self.better_since) = (Some((now, self.step)), better, None);
                if was_full {
                    // It begins with few repeats; more of them are the probe.
                    let least = self.cost(self.step, self.least());
                    self.budget = self.budget.min(BEGIN * least);
                }
            }
        }
        self.repeats = self.affordable_repeats(budget);
    }
}
