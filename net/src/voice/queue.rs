//! Packets that wait to be decoded, in the order of their times.

use std::collections::VecDeque;

/// The most packets that wait.
const MAX_PACKETS: usize = 64;

/// A packet on the sender's clock, seconds.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) capture: f64,
    pub(super) length: f64,
    pub(super) sequence: u8,
    pub(super) repeats_previous: bool,
    pub(super) is_silence: bool,
    pub(super) opus: Vec<u8>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    packets: VecDeque<Waiting>,
}

impl Queue {
    pub(super) fn clear(&mut self) {
        self.packets.clear();
    }

    pub(super) fn front(&self) -> Option<&Waiting> {
        self.packets.front()
    }

    pub(super) fn take_front(&mut self) -> Option<Waiting> {
        self.packets.pop_front()
    }

    pub(super) fn contains(&self, capture: f64) -> bool {
        self.packets.iter().any(|packet| (packet.capture - capture).abs() < 1e-4)
    }

    /// How much time passes from the first one's beginning to the last one's end.
    pub(super) fn span(&self) -> f64 {
        match (self.packets.front(), self.packets.back()) {
            (Some(first), Some(last)) => last.capture + last.length - first.capture,
            _ => 0.0,
        }
    }

    /// Takes a packet; where there are too many, the oldest goes.
    pub(super) fn insert(&mut self, packet: Waiting) {
        let at = self.packets.partition_point(|other| other.capture < packet.capture);
        self.packets.insert(at, packet);
        if self.packets.len() > MAX_PACKETS {
            self.packets.pop_front();
        }
    }
}
