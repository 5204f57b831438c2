//! Frames whose times don't fit the sender's clock as it was, until it is known whether the clock has jumped.

use std::collections::VecDeque;

use crate::latent::Timestamp;

use super::face::Face;

/// The most frames that are held.
const MAX_FRAMES: usize = 32;
/// Frames that are to show a jump agree within this, seconds.
const AGREEMENT: f64 = 1.0;
/// A clock that went ahead is believed from so many frames in a row: none can come before it was sent.
const EARLY_FRAMES: usize = 3;
/// A clock that went back, or a path that became longer, from so many in a row, over so long, seconds: a network that
/// stood still also makes frames late, but those come all at once and with less and less delay.
const LATE_FRAMES: usize = 4;
const LATE_TIME: f64 = 0.3;

/// A frame that came too early or too late.
#[derive(Clone, Copy, Debug)]
pub(super) struct Doubtful {
    pub(super) capture: Timestamp,
    /// When it arrived, seconds on our clock, and that minus its capture.
    pub(super) arrival: f64,
    pub(super) offset: f64,
    /// How far `offset` is above the clock's line.
    pub(super) late: f64,
    pub(super) face: Face,
}

/// Such frames in a row, all early or all late.
#[derive(Clone, Debug)]
pub(super) struct Doubts {
    frames: VecDeque<Doubtful>,
}

impl Doubts {
    pub(super) fn new() -> Self {
        Self { frames: VecDeque::with_capacity(MAX_FRAMES) }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.frames.clear();
    }

    pub(super) fn contains(&self, capture: Timestamp) -> bool {
        self.frames.iter().any(|frame| frame.capture == capture)
    }

    /// Whether this frame may belong to the same jump as those that are held.
    pub(super) fn agrees(&self, frame: &Doubtful) -> bool {
        self.frames.front().is_none_or(|first| {
            (first.late < 0.0) == (frame.late < 0.0) && (first.late - frame.late).abs() <= AGREEMENT
        })
    }

    pub(super) fn hold(&mut self, frame: Doubtful) {
        if self.frames.len() == MAX_FRAMES {
            self.frames.pop_front();
        }
        self.frames.push_back(frame);
    }

    /// How far the clock has jumped back, seconds (negative: ahead), if that is what these frames show.
    pub(super) fn jump(&self) -> Option<f64> {
        let (first, last) = (self.frames.front()?, self.frames.back()?);
        let is_jump = if first.late < 0.0 {
            self.frames.len() >= EARLY_FRAMES
        } else {
            self.frames.len() >= LATE_FRAMES && last.arrival - first.arrival >= LATE_TIME
        };
        is_jump.then(|| self.frames.iter().fold(f64::INFINITY, |least, frame| least.min(frame.late)))
    }

    /// The frame that was held last.
    pub(super) fn newest(&self) -> Option<&Doubtful> {
        self.frames.back()
    }

    /// The frame that was held first, which is held no more.
    pub(super) fn take(&mut self) -> Option<Doubtful> {
        self.frames.pop_front()
    }
}
