//! Points shown again.

use std::collections::VecDeque;

use super::camera::Camera;
use super::moment::Moment;
use crate::play::Side;

/// How much is remembered, seconds.
const MEMORY_S: f32 = 5.0;
/// A rally with fewer strokes isn't worth it.
pub(crate) const MIN_STROKES: u32 = 4;
/// From so long before the point, to so long after it, at this speed.
const BEFORE_S: f32 = 1.25;
const AFTER_S: f32 = 0.75;
const SPEED: f32 = 0.42;

/// What was shown lately.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory(VecDeque<Moment>);

impl Memory {
    pub(crate) fn keep(&mut self, moment: Moment) {
        while self.0.front().is_some_and(|first| moment.time_s - first.time_s > MEMORY_S) {
            self.0.pop_front();
        }
        self.0.push_back(moment);
    }

    fn at(&self, time_s: f32) -> Option<Moment> {
        let after = self.0.partition_point(|moment| moment.time_s <= time_s);
        let before = self.0.get(after.checked_sub(1)?)?;
        let Some(after) = self.0.get(after) else { return Some(*before) };
        let span = (after.time_s - before.time_s).max(1e-6);
        Some(Moment::between(before, after, (time_s - before.time_s) / span))
    }
}

/// A point that is being shown again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Replay {
    pub(crate) camera: Camera,
    at_s: f32,
    end_s: f32,
}

impl Replay {
    /// Of a point that was made at a time, near the side that lost it.
    pub(crate) fn of(point_s: f32, lost: Side) -> Self {
        Self { camera: Camera::Close(lost), at_s: point_s - BEFORE_S, end_s: point_s + AFTER_S }
    }

    /// When the last of it has been played.
    pub(crate) const fn is_recorded(&self, time_s: f32) -> bool {
        time_s >= self.end_s
    }

    /// Goes on; none at its end.
    pub(crate) fn step(&mut self, seconds: f32, memory: &Memory) -> Option<Moment> {
        self.at_s += SPEED * seconds;
        if self.at_s >= self.end_s { None } else { memory.at(self.at_s) }
    }
}
