//! Which captured frames are coded, and which coded ones leave together.

use visavis_codec::Timestamp;

use super::Plan;

/// The most coded frames that wait; a plan never asks for more.
const MOST: usize = 4;

/// Follows a [`Plan`] frame by frame, without a clock: captured frames go in, and packets come out when they are to leave.
#[derive(Clone, Debug, Default)]
pub struct FacePacer {
    /// When the next frame is due, on the clock of captures, ns.
    due: Option<u64>,
    waiting: Vec<(Vec<u8>, Timestamp)>,
    /// How many of those waiting last only say that nothing has moved.
    still: usize,
}

/// What becomes of a coded frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paced {
    /// It waits for the next one, or for the voice.
    Waits,
    /// [`FacePacer::take`] gives what is to leave now.
    Leaves,
}

impl FacePacer {
    /// A pacer that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the frame captured at this time is coded at all, at the plan's rate. Frames are chosen as evenly as the
    /// camera's rate allows.
    pub fn wants(&mut self, capture: Timestamp, plan: &Plan) -> bool {
        if plan.face_hz == 0 {
            self.waiting.clear();
            (self.due, self.still) = (None, 0);
            return false;
        }
        let interval = 1_000_000_000 / u64::from(plan.face_hz);
        // A camera isn't exact: a frame that comes a quarter of an interval early is in time.
        let Some(due) = self.due else {
            self.due = Some(capture.0.saturating_add(interval));
            return true;
        };
        if capture.0.saturating_add(interval / 4) < due && due - capture.0 <= 2 * interval {
            return false;
        }
        let next = due.saturating_add(interval);
        // After a pause or a jump of the clock it begins anew.
        let keeps_pace = next > capture.0 && next - capture.0 <= 2 * interval;
        self.due = Some(if keeps_pace { next } else { capture.0.saturating_add(interval) });
        true
    }

    /// Takes a coded frame. `is_still`: the face is, as coded, what it was one frame earlier.
    pub fn push(&mut self, payload: &[u8], capture: Timestamp, is_still: bool, plan: &Plan) -> Paced {
        if is_still {
            self.still += 1;
        } else {
            // What stood still comes again in this packet, as far as it repeats frames.
            let repeated = self.still.min(plan.redundancy.into());
            if repeated == self.still {
                self.waiting.truncate(self.waiting.len().saturating_sub(self.still));
            }
            self.still = 0;
        }
        if is_still && self.still > 1 {
            // One packet stands for all that stood still before it.
            self.waiting.pop();
        }
        self.waiting.push((payload.to_vec(), capture));
        let enough = match is_still {
            true => self.still >= usize::from(plan.still_faces.clamp(1, MOST as u8)),
            false if plan.coalesce => self.waiting.len() >= MOST,
            false => self.waiting.len() >= usize::from(plan.faces_per_datagram.max(1)),
        };
        if enough || self.waiting.len() > MOST { Paced::Leaves } else { Paced::Waits }
    }

    /// Whether what waits should leave with a packet of voice that is sent now.
    pub fn leaves_with_voice(&self, plan: &Plan) -> bool {
        plan.coalesce && self.still == 0 && !self.waiting.is_empty()
    }

    /// What is to leave, the oldest first, with the times of capture.
    pub fn take(&mut self) -> impl Iterator<Item = (Vec<u8>, Timestamp)> + '_ {
        self.still = 0;
        self.waiting.drain(..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rate::{PathSample, RateController, RateOptions};

    fn plan() -> Plan {
        RateController::new(RateOptions { start: 1_000_000, ..RateOptions::default() })
            .update(std::time::Duration::ZERO, &PathSample::default())
    }

    fn at(frame: u64) -> Timestamp {
        Timestamp(frame * 33_333_333 + (frame % 3) * 1_000_000)
    }

    #[test]
    fn frames_are_thinned_out_evenly() {
        for hz in [30, 20, 15, 10] {
            let plan = Plan { face_hz: hz, ..plan() };
            let mut pacer = FacePacer::new();
            let chosen: Vec<u64> = (0..900).filter(|&frame| pacer.wants(at(frame), &plan)).collect();
            assert!(chosen.len().abs_diff(usize::from(hz) * 30) <= 2, "{hz} Hz: {} of 900", chosen.len());
            let widest = chosen.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
            assert!(widest <= 30_u64.div_ceil(hz.into()), "{hz} Hz: {widest} frames apart");
        }
    }

    #[test]
    fn nobody_looks_and_nothing_is_kept() {
        let plan = plan();
        let mut pacer = FacePacer::new();
        let two = Plan { faces_per_datagram: 2, ..plan };
        assert!(pacer.wants(at(0), &two));
        assert_eq!(pacer.push(&[1], at(0), false, &two), Paced::Waits);
        assert!(!pacer.wants(at(1), &Plan { face_hz: 0, ..plan }));
        assert_eq!(pacer.take().count(), 0);
    }

    #[test]
    fn two_leave_together_and_one_in_four_that_are_still() {
        let plan = plan();
        let mut pacer = FacePacer::new();
        let two = Plan { faces_per_datagram: 2, ..plan };
        assert_eq!(pacer.push(&[1], at(0), false, &two), Paced::Waits);
        assert_eq!(pacer.push(&[2], at(1), false, &two), Paced::Leaves);
        let taken: Vec<_> = pacer.take().collect();
        assert_eq!(taken, [(vec![1], at(0)), (vec![2], at(1))]);
        let leaves: Vec<bool> = (0..8)
            .map(|i| {
                pacer.push(&[i], at(i.into()), true, &plan) == Paced::Leaves && pacer.take().count() == 1
            })
            .collect();
        assert_eq!(leaves, [false, false, false, true, false, false, false, true]);
    }

    #[test]
    fn a_face_that_moves_again_leaves_at_once() {
        let plan = plan();
        let mut pacer = FacePacer::new();
        for i in 0..3 {
            assert_eq!(pacer.push(&[i], at(i.into()), true, &plan), Paced::Waits);
        }
        assert_eq!(pacer.push(&[9], at(3), false, &plan), Paced::Leaves);
        // It repeats the three before it, so they don't leave.
        assert_eq!(pacer.take().map(|(payload, _)| payload).collect::<Vec<_>>(), [[9]]);
        let none = Plan { redundancy: 0, ..plan };
        pacer.push(&[1], at(4), true, &none);
        pacer.push(&[2], at(5), true, &none);
        pacer.push(&[9], at(6), false, &none);
        assert_eq!(pacer.take().map(|(payload, _)| payload).collect::<Vec<_>>(), [[2], [9]]);
    }

    #[test]
    fn a_face_leaves_with_the_voice() {
        let plan = Plan { coalesce: true, ..plan() };
        let mut pacer = FacePacer::new();
        assert!(!pacer.leaves_with_voice(&plan));
        assert_eq!(pacer.push(&[1], at(0), false, &plan), Paced::Waits);
        assert!(pacer.leaves_with_voice(&plan));
    }

    #[test]
    fn no_time_makes_it_stop() {
        let plan = plan();
        let mut pacer = FacePacer::new();
        for time in [0, u64::MAX, 0, u64::MAX / 2, 1, u64::MAX] {
            pacer.wants(Timestamp(time), &plan);
        }
        assert!(pacer.wants(Timestamp(1 << 60), &plan));
    }
}
