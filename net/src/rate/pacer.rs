//! Which captured frames are coded, and which coded ones are sent.

use visavis_codec::Timestamp;

use super::Plan;

/// Follows a [`Plan`] frame by frame, without a clock. How many frames share a datagram is
/// [`Pacing`](crate::call::Pacing)'s business.
#[derive(Clone, Debug, Default)]
pub struct FacePacer {
    /// When the next frame is due, on the clock of captures, ns.
    due: Option<u64>,
    /// How many frames in a row stood still and weren't sent.
    still: u8,
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
            *self = Self::default();
            return false;
        }
        let interval = 1_000_000_000 / u64::from(plan.face_hz);
        let Some(due) = self.due else {
            self.due = Some(capture.0.saturating_add(interval));
            return true;
        };
        // A camera isn't exact: a frame that comes a quarter of an interval early is in time.
        if capture.0.saturating_add(interval / 4) < due && due - capture.0 <= 2 * interval {
            return false;
        }
        let next = due.saturating_add(interval);
        // After a pause or a jump of the clock it begins anew.
        let keeps_pace = next > capture.0 && next - capture.0 <= 2 * interval;
        self.due = Some(if keeps_pace { next } else { capture.0.saturating_add(interval) });
        true
    }

    /// Whether a coded frame is sent. `is_still`: the face is, as coded, what it was one frame earlier. Of such a face one
    /// packet in some stands for those before it; the first frame that moves is always sent.
    pub fn sends(&mut self, is_still: bool, plan: &Plan) -> bool {
        self.still = if is_still { self.still + 1 } else { 0 };
        if is_still && self.still < plan.still_faces.clamp(1, 5) {
            return false;
        }
        self.still = 0;
        true
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
    fn nobody_looks_and_nothing_is_coded() {
        let mut pacer = FacePacer::new();
        assert!(pacer.wants(at(0), &plan()));
        let hidden = Plan { face_hz: 0, ..plan() };
        assert!((1..100).all(|frame| !pacer.wants(at(frame), &hidden)));
        assert!(pacer.wants(at(100), &plan()), "it is back at once");
    }

    #[test]
    fn one_frame_in_five_of_those_that_stand_still_is_sent() {
        let mut pacer = FacePacer::new();
        let sent: Vec<bool> = (0..10).map(|_| pacer.sends(true, &plan())).collect();
        assert_eq!(sent, [false, false, false, false, true, false, false, false, false, true]);
        assert!(!pacer.sends(true, &plan()));
        assert!(pacer.sends(false, &plan()), "a face that moves again leaves at once");
        let lossy = Plan { still_faces: 2, ..plan() };
        assert_eq!([pacer.sends(true, &lossy), pacer.sends(true, &lossy)], [false, true]);
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
