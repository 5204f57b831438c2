//! Which of the sender's times is shown when.

use std::time::Duration;

use crate::latent::Timestamp;

use super::buffer::Entry;
use super::delays::Cover;
use super::doubt::Doubtful;
use super::{Playout, PlayoutOptions};

/// A delay that is longer isn't remembered, seconds: no wait would have covered it.
const LONGEST_DELAY: f64 = 1.0;
/// The first delays aren't trusted before there are so many.
const WARM_UP: u32 = 30;
/// How fast the position follows its target, seconds.
const FOLLOW: f64 = 0.5;
/// A position farther than this from its target, seconds, is set anew.
const RESYNC: f64 = 1.0;
/// How fast it follows what it is shown with, seconds: a voice is stretched by a few per cent, and the face is to be beside it.
const FOLLOW_LEAD: f64 = 0.1;
/// How long what was said of that holds, seconds.
const LEAD_HOLDS: f64 = 1.0;

/// What a face is shown with: an instant on the sender's clock, and when it is played on ours.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lead {
    pub(super) capture: Timestamp,
    pub(super) display: Timestamp,
}

impl Playout {
    /// Seconds on our clock since its zero here.
    pub(super) fn local(&mut self, time: Timestamp) -> f64 {
        let origin = self.origin.get_or_insert(time);
        seconds_between(origin.0.into(), time.0.into())
    }

    /// Seconds on the sender's clock since its zero here.
    pub(super) fn sender_time(&self, time: Timestamp) -> f64 {
        seconds_between(self.epoch, time.0.into())
    }

    pub(super) fn insert(&mut self, entry: Entry) -> bool {
        self.source.insert(entry)
    }

    /// A frame came at a time that is believed.
    pub(super) fn measure(&mut self, arrival: f64, offset: f64) {
        let up = self.clock.sample(arrival, offset);
        self.delays.line_moved(up);
        self.delays.sample(arrival, offset - self.clock.offset(arrival));
    }

    /// The sender's clock is as it was: frames that came late were late, those that came early are not understood.
    pub(super) fn settle_doubts(&mut self) {
        if self.doubts.is_empty() {
            return;
        }
        while let Some(frame) = self.doubts.take() {
            if (0.0..LONGEST_DELAY).contains(&frame.late) {
                self.delays.sample(frame.arrival, frame.offset - self.clock.offset(frame.arrival));
            }
        }
        self.source.buffer.trust();
    }

    /// The sender's clock has jumped back by so many seconds. Times here go on as though it hadn't.
    pub(super) fn jump(&mut self, back: f64) {
        self.statistics.clock_jumps += 1;
        self.epoch = self.epoch.saturating_sub((back * 1e9).round() as i128);
        let newest = self.doubts.newest().map_or(f64::INFINITY, |frame| self.sender_time(frame.capture));
        self.source.buffer.drop_doubtful(newest);
        while let Some(Doubtful { capture, arrival, face, .. }) = self.doubts.take() {
            let time = self.sender_time(capture);
            self.measure(arrival, arrival - time);
            self.insert(Entry { time, capture, is_doubtful: false, face });
        }
    }

    pub(super) fn find_target(&mut self) {
        let PlayoutOptions { quantile, concealed_budget, repeats, initial_delay, margin, max_delay, .. } =
            &self.options;
        let interval = self.source.buffer.interval();
        let patience = f64::from(*repeats) * interval;
        self.cover = self.delays.covering(&Cover {
            quantile: *quantile,
            budget: *concealed_budget,
            interval,
            patience,
        });
        if self.delays.count() < WARM_UP {
            self.cover = self.cover.max(initial_delay.as_secs_f64());
        }
        self.target = (self.cover + interval + margin.as_secs_f64()).min(max_delay.as_secs_f64());
        self.statistics.cover = seconds_of(self.cover);
        self.statistics.target_delay = seconds_of(self.target);
        self.statistics.interval = seconds_of(interval);
        self.statistics.drift_ppm = self.clock.drift().filter(|_| self.has_clock).map(|drift| drift * 1e6);
    }

    /// The time that is due at a display time for the frames' own sake.
    pub(super) fn own_target(&mut self, display: Timestamp) -> Option<f64> {
        let local = self.local(display);
        self.has_clock.then(|| local - self.clock.offset(local) - self.target)
    }

    /// The time that is due beside what the face is shown with, if that is near enough to what is due anyway.
    fn lead_target(&self, display: Timestamp, own: f64) -> Option<f64> {
        let Lead { capture, display: played } = self.lead?;
        let since = seconds_between(played.0.into(), display.0.into());
        let due = self.sender_time(capture) + since;
        let is_near = (due - own).abs() <= self.options.max_delay.as_secs_f64();
        (since.abs() <= LEAD_HOLDS && is_near).then_some(due)
    }

    /// What the sender's clock said at a time here.
    pub(super) fn capture_time(&self, time: f64) -> Timestamp {
        let nanoseconds = self.epoch.saturating_add((time * 1e9).round() as i128);
        Timestamp(nanoseconds.clamp(0, u64::MAX.into()) as u64)
    }

    /// Moves the position by the time that passed, a little more or less where it isn't at its target.
    pub(super) fn advance(&mut self, display: Timestamp, seconds: f64) {
        let Some(own) = self.own_target(display) else { return };
        let lead = self.lead_target(display, own);
        let (target, follow) = lead.map_or((own, FOLLOW), |lead| (lead, FOLLOW_LEAD));
        let Some(position) = self.position else {
            return self.move_to(target, display);
        };
        let due = position + seconds;
        let error = target - due;
        if error.abs() > RESYNC {
            self.statistics.resyncs += 1;
            self.position = Some(due);
            return self.move_to(target, display);
        }
        let PlayoutOptions { slow_down, speed_up, .. } = self.options;
        let more = error * (seconds / follow).min(1.0);
        self.position = Some(due + more.clamp(-slow_down * seconds, speed_up * seconds));
    }

    /// Our clock was set back: where frames are on it is found anew.
    pub(super) fn set_back(&mut self, display: Timestamp) {
        self.statistics.resyncs += 1;
        let before = self.behind();
        self.source.clear();
        if self.has_clock {
            let local = self.local(display);
            self.position = Some(local - self.clock.offset(local) - self.target);
        }
        self.carry(before);
    }

    /// Sets the position; what is shown doesn't jump.
    pub(super) fn move_to(&mut self, position: f64, display: Timestamp) {
        if self.last.is_some() {
            let before = self.source.at(self.position, display).face;
            let after = self.source.at(Some(position), display).face;
            self.blend.carry(&before, &after);
        }
        self.position = Some(position);
    }
}

fn seconds_between(from: i128, to: i128) -> f64 {
    to.saturating_sub(from) as f64 * 1e-9
}

/// A time that is never negative, rounded to what a `Duration` can hold.
pub(super) fn seconds_of(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX)
}
