//! Who is let into a call.

use std::collections::{HashSet, VecDeque};

use visavis_codec::Timestamp;

use super::{Limits, Meter};
use crate::seal::ParticipantId;

/// How many of those that were cut off are remembered.
const REMEMBERED: usize = 1024;

/// What becomes of an announced participant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Subscribe to it.
    Enter,
    /// Not now: too many joined at once. Ask again later, if it is still announced.
    Later,
    /// The call is full.
    Full,
    /// It was cut off before.
    Barred,
}

/// Bounds how many participants are taken, how fast, and keeps out who was cut off.
#[derive(Clone, Debug)]
pub struct JoinGate {
    present: HashSet<ParticipantId>,
    most: usize,
    joins: Meter,
    barred: HashSet<ParticipantId>,
    barred_order: VecDeque<ParticipantId>,
}

impl JoinGate {
    /// An empty call's.
    pub fn new(limits: &Limits) -> Self {
        Self {
            present: HashSet::new(),
            most: limits.participants,
            joins: Meter::new(limits.joins),
            barred: HashSet::new(),
            barred_order: VecDeque::new(),
        }
    }

    /// Asks for a participant that was announced. One that is present already enters again.
    pub fn announce(&mut self, participant: ParticipantId, now: Timestamp) -> Admission {
        if self.barred.contains(&participant) {
            return Admission::Barred;
        }
        if self.present.contains(&participant) {
            return Admission::Enter;
        }
        if self.present.len() >= self.most {
            return Admission::Full;
        }
        if !self.joins.take(1, now) {
            return Admission::Later;
        }
        self.present.insert(participant);
        Admission::Enter
    }

    /// Notes that a participant left.
    pub fn leave(&mut self, participant: &ParticipantId) {
        self.present.remove(participant);
    }

    /// Keeps a participant out from now on.
    pub fn bar(&mut self, participant: ParticipantId) {
        self.present.remove(&participant);
        if !self.barred.insert(participant) {
            return;
        }
        self.barred_order.push_back(participant);
        if self.barred_order.len() > REMEMBERED
            && let Some(oldest) = self.barred_order.pop_front()
        {
            self.barred.remove(&oldest);
        }
    }

    /// How many are present.
    pub fn present(&self) -> usize {
        self.present.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn participant(i: u64) -> ParticipantId {
        ParticipantId(i.to_be_bytes())
    }

    #[test]
    fn a_flood_of_joins_is_slowed_and_bounded() {
        let mut gate = JoinGate::new(&Limits::default());
        let mut entered = 0;
        for i in 0..10_000 {
            let now = Timestamp(i * 1_000_000); // a thousand a second
            match gate.announce(participant(i), now) {
                Admission::Enter => entered += 1,
                Admission::Later => {}
                other => panic!("{other:?}"),
            }
        }
        assert!((100..=104).contains(&entered), "64 at once and 4 a second for 10 s: {entered}");
        for i in 10_000..20_000 {
            gate.announce(participant(i), Timestamp(i * 1_000_000_000));
        }
        assert_eq!(gate.present(), 256);
        assert_eq!(gate.announce(participant(99_999), Timestamp(1 << 60)), Admission::Full);
        gate.leave(&participant(0));
        assert_eq!(gate.announce(participant(99_999), Timestamp(1 << 60)), Admission::Enter);
        assert_eq!(gate.announce(participant(99_999), Timestamp(1 << 60)), Admission::Enter, "it is there");
        assert_eq!(gate.present(), 256);
    }

    #[test]
    fn who_was_cut_off_stays_out_and_the_list_stays_bounded() {
        let mut gate = JoinGate::new(&Limits::default());
        gate.announce(participant(1), Timestamp(0));
        gate.bar(participant(1));
        gate.bar(participant(1));
        assert_eq!(gate.present(), 0);
        assert_eq!(gate.announce(participant(1), Timestamp(0)), Admission::Barred);
        for i in 2..10_000 {
            gate.bar(participant(i));
        }
        assert_eq!((gate.barred.len(), gate.barred_order.len()), (REMEMBERED, REMEMBERED));
        assert_eq!(gate.announce(participant(9_999), Timestamp(0)), Admission::Barred);
    }
}
