//! What is shown while the tracker sees nothing: hold, ease to neutral, and ease back.

use crate::latent::FaceUnit;

use super::signals::{CHANNELS, Values};

/// A face that isn't seen for so many intervals is held.
pub(super) const GAP_INTERVALS: f64 = 3.0;
/// How long the last face is held, seconds.
const HOLD: f64 = 0.3;
/// How long it takes to ease to neutral, seconds.
const EASE: f64 = 0.9;
/// How long lids take to open: a blink that was cut off isn't held, seconds.
const LIDS: f64 = 0.2;
/// How long it takes to ease back to the tracked face, seconds.
const RETURN: f64 = 0.3;

/// How a face changes over a gap.
#[derive(Clone, Debug)]
pub(super) struct Gap {
    /// What was shown last before it, and when.
    from: Values,
    start: f64,
}

impl Gap {
    pub(super) const fn new(from: Values, start: f64) -> Self {
        Self { from, start }
    }

    /// What is shown at a time.
    pub(super) fn at(&self, time: f64) -> Values {
        let left = 1.0 - smoothstep((time - self.start - HOLD) / EASE);
        let closed = 1.0 - smoothstep((time - self.start) / LIDS);
        let mut shown = self.from.map(|value| value * left);
        for lid in [FaceUnit::EyeBlinkLeft, FaceUnit::EyeBlinkRight] {
            shown[lid as usize] = self.from[lid as usize] * closed;
        }
        shown
    }

    /// When the neutral face is reached: from then on nothing changes.
    pub(super) fn rest(&self) -> f64 {
        self.start + HOLD + EASE
    }
}

/// The way back to a tracked face, from what was shown when it was seen again.
#[derive(Clone, Debug)]
pub(super) struct Return {
    from: Values,
    start: f64,
}

impl Return {
    pub(super) const fn new(from: Values, start: f64) -> Self {
        Self { from, start }
    }

    /// The mix of where it began and of what is tracked now; `None` once it is over.
    pub(super) fn mix(&self, tracked: &Values, time: f64) -> Option<Values> {
        let t = (time - self.start) / RETURN;
        if t >= 1.0 {
            return None;
        }
        let s = smoothstep(t);
        let mut mixed = [0.0; CHANNELS];
        for i in 0..CHANNELS {
            mixed[i] = self.from[i] + (tracked[i] - self.from[i]) * s;
        }
        Some(mixed)
    }
}

/// 3t² − 2t³ within 0..=1: begins and ends without speed, at most 1.5 times as fast as a ramp.
pub(super) fn smoothstep(t: f64) -> f32 {
    let t = t.clamp(0.0, 1.0);
    (t * t * (3.0 - 2.0 * t)) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_then_eases_to_neutral_with_open_eyes() {
        let gap = Gap::new([0.8; CHANNELS], 10.0);
        let (lid, jaw) = (FaceUnit::EyeBlinkLeft as usize, FaceUnit::JawOpen as usize);
        assert_eq!(gap.at(10.0), [0.8; CHANNELS]);
        assert_eq!((gap.at(10.0 + HOLD)[jaw], gap.at(10.0 + LIDS)[lid]), (0.8, 0.0));
        assert!((gap.at(10.0 + HOLD + EASE / 2.0)[jaw] - 0.4).abs() < 1e-6);
        assert_eq!(gap.at(gap.rest()), [0.0; CHANNELS]);
        assert_eq!(gap.at(1e6)[0], 0.0);
    }

    #[test]
    fn the_way_back_begins_where_it_was_and_ends_on_what_is_tracked() {
        let back = Return::new([0.0; CHANNELS], 5.0);
        let tracked = [1.0; CHANNELS];
        assert_eq!(back.mix(&tracked, 5.0).unwrap()[0], 0.0);
        let middle = back.mix(&tracked, 5.0 + RETURN / 2.0).unwrap()[0];
        assert!((middle - 0.5).abs() < 1e-6);
        assert_eq!(back.mix(&tracked, 5.0 + RETURN + 1e-6), None);
    }
}
