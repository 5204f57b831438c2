//! Blinks.

use super::spring::ease;
use crate::play::Random;

/// Closing, closed, opening, seconds.
const PHASES_S: [f32; 3] = [0.075, 0.03, 0.16];
/// From one to the next, seconds.
const PAUSE_S: [f32; 2] = [1.6, 5.2];

/// When lids close.
#[derive(Clone, Debug)]
pub(crate) struct Blink {
    since_s: f32,
    pause_s: f32,
}

impl Blink {
    pub(crate) fn new(random: &mut Random) -> Self {
        Self { since_s: 1.0, pause_s: random.within(PAUSE_S[0], PAUSE_S[1]) }
    }

    /// How closed lids are. `holds`: nobody blinks while the ball comes, unless it has become very late; `wants`: gazes that
    /// go far take a blink with them.
    pub(crate) fn step(&mut self, seconds: f32, holds: bool, wants: bool, random: &mut Random) -> f32 {
        self.since_s += seconds;
        let rested = self.since_s > PHASES_S.iter().sum::<f32>() + 0.4;
        let is_due = self.since_s > self.pause_s && (!holds || self.since_s > self.pause_s + 2.5);
        if is_due || (wants && rested && !holds) {
            *self = Self { since_s: 0.0, pause_s: random.within(PAUSE_S[0], PAUSE_S[1]) };
        }
        let [closing, closed, opening] = PHASES_S;
        ease(self.since_s / closing).min(1.0 - ease((self.since_s - closing - closed) / opening))
    }
}
