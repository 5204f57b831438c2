//! The face behind what is shown: a function of the time on the sender's clock, the frames that are there and, at rest, the
//! display time. It is continuous in both; when frames come, what is shown is kept continuous by a [`Blend`](super::blend).

use crate::latent::Timestamp;

use super::buffer::{Buffer, Entry, Place};
use super::conceal::Concealment;
use super::face::{Face, LIDS, smooth_step};
use super::options::PlayoutOptions;
use super::rest::Rest;

/// A face that comes to a frame from a long gap does so over this time, seconds.
const LEAD: f64 = 0.25;

/// Frames and what stands in for them.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) buffer: Buffer,
    pub(super) rest: Rest,
    concealment: Concealment,
    /// The last head pose that came, for a resting face without its own.
    head: Face,
}

/// Where a face comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Interpolated,
    Extrapolated,
    Resting,
    /// From rest to the first frame after a gap.
    Leading,
}

/// The face at a time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Behind {
    pub(super) face: Face,
    pub(super) kind: Kind,
    /// How much of the resting face is in it.
    pub(super) rest_weight: f32,
    /// Whether a frame around its time is missing.
    pub(super) is_concealed: bool,
    /// What the sender's clock said then; `None` without a frame.
    pub(super) capture: Option<Timestamp>,
    /// Whether there is a frame before its time.
    pub(super) has_started: bool,
}

impl Source {
    pub(super) fn new(options: &PlayoutOptions, resting: Face) -> Self {
        Self {
            buffer: Buffer::new(),
            rest: Rest::new(&options.resting, resting),
            concealment: Concealment {
                extrapolation: options.extrapolation.as_secs_f32(),
                ease: options.ease.as_secs_f32(),
            },
            head: resting,
        }
    }

    /// Forgets the frames.
    pub(super) fn clear(&mut self) {
        self.buffer.clear();
    }

    pub(super) fn insert(&mut self, entry: Entry) -> bool {
        let is_newest = self.buffer.newest().is_none_or(|newest| newest.time < entry.time);
        let is_taken = self.buffer.insert(entry);
        if is_taken && is_newest {
            self.head = entry.face;
        }
        is_taken
    }

    /// The face at a time on the sender's clock, seconds.
    pub(super) fn at(&mut self, time: Option<f64>, display: Timestamp) -> Behind {
        let place = time.map_or(Place::Nowhere, |time| self.buffer.place(time));
        let resting = |face| Behind {
            face,
            kind: Kind::Resting,
            rest_weight: 1.0,
            is_concealed: false,
            capture: None,
            has_started: false,
        };
        match (place, time) {
            (Place::Between { left, part, has_hole }, _) => Behind {
                face: self.buffer.between(left, part),
                kind: Kind::Interpolated,
                rest_weight: 0.0,
                is_concealed: has_hole,
                capture: Some(self.buffer.capture_between(left, part)),
                has_started: true,
            },
            (Place::After { last, age, next }, Some(time)) => {
                let behind = self.after(last, age, display);
                match next {
                    Some(next) => self.leading(behind, next, time),
                    None => behind,
                }
            }
            (Place::Before { first }, Some(time)) => {
                let behind = resting(self.blinking(self.rest.face(display, &self.head), display));
                let next = self.buffer.entry(first);
                let capture = Some(later(next.capture, time - next.time));
                self.leading(Behind { capture, ..behind }, first, time)
            }
            (Place::Nowhere, _) | (_, None) => {
                resting(self.blinking(self.rest.face(display, &self.head), display))
            }
        }
    }

    /// `age` seconds after a frame with none to follow.
    fn after(&self, last: usize, age: f64, display: Timestamp) -> Behind {
        let (last, previous) = self.buffer.with_previous(last);
        let gone_on = self.concealment.extrapolate(last, previous, age);
        let rest_weight = self.concealment.rest_weight(age);
        let rest = self.rest.face(display, &gone_on);
        let face = self.concealment.face(last, previous, age, &gone_on, &rest);
        let face = if rest_weight >= 1.0 { self.blinking(face, display) } else { face };
        let kind = if rest_weight > 0.0 { Kind::Resting } else { Kind::Extrapolated };
        let capture = Some(later(last.capture, age));
        Behind { face, kind, rest_weight, is_concealed: true, capture, has_started: true }
    }

    /// Where a frame comes after a gap, the face is on its way to it beforehand.
    fn leading(&self, behind: Behind, next: usize, time: f64) -> Behind {
        let next = self.buffer.entry(next);
        let weight = smooth_step((1.0 - (next.time - time) / LEAD) as f32);
        if weight <= 0.0 {
            return behind;
        }
        let rest_weight = behind.rest_weight * (1.0 - weight);
        Behind { face: behind.face.mix(&next.face, weight), kind: Kind::Leading, rest_weight, ..behind }
    }

    fn blinking(&self, mut face: Face, display: Timestamp) -> Face {
        let closed = self.rest.lids(display);
        for axis in LIDS {
            face.values[axis] += (1.0 - face.values[axis]).max(0.0) * closed;
        }
        face
    }
}

fn later(time: Timestamp, seconds: f64) -> Timestamp {
    Timestamp(time.0.saturating_add_signed((seconds * 1e9) as i64))
}
