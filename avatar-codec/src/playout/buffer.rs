//! The frames that wait to be shown, and those just past.

use std::collections::VecDeque;

use crate::latent::Timestamp;

use super::face::{Cubic, Face};

/// The most frames that are kept: two seconds of 120 frames a second.
const MAX_FRAMES: usize = 256;
/// Frames older than the newest by more than this are dropped, seconds.
const KEPT: f64 = 2.0;
/// The frame interval is found in this many last frames.
const INTERVALS: usize = 15;
/// The frame interval before it is known, seconds.
const USUAL_INTERVAL: f64 = 1.0 / 30.0;
/// An interval of so many times the usual one has lost a frame.
const HOLE: f64 = 1.5;
/// Two frames farther apart than this, seconds, are not interpolated.
const BRIDGE: f64 = 0.5;

/// A frame at its time on the sender's clock, seconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) time: f64,
    /// The same as the sender said it.
    pub(super) capture: Timestamp,
    /// Whether its time may yet turn out to be wrong.
    pub(super) is_doubtful: bool,
    pub(super) face: Face,
}

/// Frames in the order of their times; at most [`MAX_FRAMES`] of at most [`KEPT`] seconds.
#[derive(Clone, Debug)]
pub(super) struct Buffer {
    entries: VecDeque<Entry>,
    /// The longest of the usual intervals between frames, seconds.
    interval: f64,
    /// The two frames that were last interpolated, and whether the frame after them was there when that began: a curve
    /// that bends for a frame which comes meanwhile would move the face.
    segment: Option<(f64, f64, bool)>,
}

/// Where a time is among the frames.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// There is no frame.
    Nowhere,
    /// Before the first frame, at this time.
    Before { first: usize },
    /// Between two frames near enough to interpolate: the first of them, and the part of the way (0..=1).
    Between { left: usize, part: f32, has_hole: bool },
    /// So long after a frame, seconds, and with no other one near; the next one, if there is one.
    After { last: usize, age: f64, next: Option<usize> },
}

impl Buffer {
    pub(super) fn new() -> Self {
        Self { entries: VecDeque::with_capacity(MAX_FRAMES + 1), interval: USUAL_INTERVAL, segment: None }
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
        (self.interval, self.segment) = (USUAL_INTERVAL, None);
    }

    /// The sender's frame interval, seconds: the longest of the last ones that lost no frame.
    pub(super) fn interval(&self) -> f64 {
        self.interval
    }

    pub(super) fn contains(&self, time: f64) -> bool {
        self.entries.get(self.first_from(time)).is_some_and(|entry| entry.time == time)
    }

    pub(super) fn entry(&self, index: usize) -> &Entry {
        &self.entries[index]
    }

    pub(super) fn newest(&self) -> Option<&Entry> {
        self.entries.back()
    }

    /// Takes a frame, unless there is one of its time or it is older than what is kept.
    pub(super) fn insert(&mut self, entry: Entry) -> bool {
        let index = self.first_from(entry.time);
        let is_kept = self.entries.back().is_none_or(|newest| entry.time >= newest.time - KEPT);
        if !is_kept || self.entries.get(index).is_some_and(|other| other.time == entry.time) {
            return false;
        }
        self.entries.insert(index, entry);
        let newest = self.entries.back().map_or(entry.time, |newest| newest.time);
        while self.entries.len() > MAX_FRAMES
            || self.entries.len() > 2
                && self.entries.front().is_some_and(|oldest| oldest.time < newest - KEPT)
        {
            self.entries.pop_front();
        }
        self.find_interval();
        true
    }

    /// The times of doubtful frames are right.
    pub(super) fn trust(&mut self) {
        self.entries.iter_mut().for_each(|entry| entry.is_doubtful = false);
    }

    /// The times of doubtful frames are wrong, and so are those of frames that would be long after `now`: frames that come
    /// now belong behind none of them.
    pub(super) fn drop_doubtful(&mut self, now: f64) {
        self.entries.retain(|entry| !entry.is_doubtful && entry.time <= now + KEPT);
    }

    pub(super) fn place(&self, time: f64) -> Place {
        let next = self.first_from(time);
        let Some(right) = self.entries.get(next) else {
            return match self.entries.len().checked_sub(1) {
                None => Place::Nowhere,
                Some(last) => Place::After { last, age: time - self.entries[last].time, next: None },
            };
        };
        let Some(left) = next.checked_sub(1) else {
            return Place::Before { first: next };
        };
        let start = self.entries[left].time;
        let gap = right.time - start;
        if gap > self.bridge() {
            return Place::After { last: left, age: time - start, next: Some(next) };
        }
        let has_hole = gap > HOLE * self.interval;
        Place::Between { left, part: ((time - start) / gap) as f32, has_hole }
    }

    /// The face `part` of the way from frame `left` to the next one.
    pub(super) fn between(&mut self, left: usize, part: f32) -> Face {
        let [a, b] = [left, left + 1].map(|index| &self.entries[index]);
        let neighbours = left.checked_sub(1).map(|i| &self.entries[i]).zip(self.entries.get(left + 2));
        let is_curve = match self.segment {
            Some((from, to, is_curve)) if (from, to) == (a.time, b.time) => is_curve,
            _ => neighbours
                .is_some_and(|(p, q)| a.time - p.time <= self.bridge() && q.time - b.time <= self.bridge()),
        };
        let face = match neighbours {
            Some((p, q)) if is_curve => {
                let faces = [&p.face, &a.face, &b.face, &q.face];
                Cubic { faces, times: [p.time, a.time, b.time, q.time] }.at(part)
            }
            _ => a.face.mix(&b.face, part),
        };
        self.segment = Some((a.time, b.time, is_curve));
        face
    }

    /// What the sender's clock said `part` of the way from frame `left` to the next one.
    pub(super) fn capture_between(&self, left: usize, part: f32) -> Timestamp {
        let [a, b] = [left, left + 1].map(|index| self.entries[index].capture);
        let passed = b.0 as f64 - a.0 as f64;
        Timestamp(a.0.saturating_add_signed((passed * f64::from(part)) as i64))
    }

    /// A frame and the one before it, if that is near enough to tell a speed.
    pub(super) fn with_previous(&self, index: usize) -> (&Entry, Option<&Entry>) {
        let entry = &self.entries[index];
        let previous = index.checked_sub(1).map(|previous| &self.entries[previous]);
        (entry, previous.filter(|previous| entry.time - previous.time <= self.bridge()))
    }

    fn bridge(&self) -> f64 {
        BRIDGE.max(3.0 * self.interval)
    }

    /// The index of the first frame not before a time.
    fn first_from(&self, time: f64) -> usize {
        self.entries.partition_point(|entry| entry.time < time)
    }

    fn find_interval(&mut self) {
        let mut intervals = [f64::INFINITY; INTERVALS];
        let count = INTERVALS.min(self.entries.len() - 1);
        for (i, interval) in intervals.iter_mut().enumerate().take(count) {
            let later = self.entries.len() - 1 - i;
            *interval = self.entries[later].time - self.entries[later - 1].time;
        }
        let intervals = &mut intervals[..count];
        intervals.sort_unstable_by(f64::total_cmp);
        if let Some(&median) = intervals.get(count / 2)
            && median <= KEPT
        {
            let usual = intervals.iter().rev().find(|&&interval| interval <= HOLE * median);
            self.interval = usual.copied().unwrap_or(median);
        }
    }
}
