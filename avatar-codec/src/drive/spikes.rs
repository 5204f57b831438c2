//! Values that are far off for a single frame.

use super::signals::Channel;

/// Steps that no face makes there and back within two frames: a floor, and a speed for low frame rates.
struct Limit {
    step: f32,
    speed: f32,
}

impl Limit {
    const fn of(channel: Channel) -> Self {
        match channel {
            Channel::Unit(_) => Self { step: 0.25, speed: 10.0 },
            // Saccades reach 600° a second, and the eyes then stay for a tenth of one (Leigh, Zee: The Neurology of Eye
            // Movements).
            Channel::Gaze(_) => Self { step: 0.25, speed: 10.0 },
            Channel::Rotation(_) => Self { step: 0.15, speed: 5.0 },
            Channel::Translation(_) => Self { step: 0.05, speed: 1.5 },
        }
    }
}

/// Holds back a value that jumps until the next one confirms it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SpikeGate {
    last: Option<f32>,
    /// A jump that waits for its confirmation.
    suspect: Option<f32>,
}

/// What a gate lets through.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Passed {
    /// The value as it is.
    Same(f32),
    /// A jump: the value before it, for one frame.
    Held(f32),
    /// The jump was real; the value now.
    Confirmed(f32),
    /// The jump was a spike; the value now.
    Rejected(f32),
}

impl SpikeGate {
    /// Takes the next value, `dt` seconds after the one before.
    pub(super) fn pass(&mut self, raw: f32, dt: f64, channel: Channel) -> Passed {
        let Some(last) = self.last else {
            self.last = Some(raw);
            return Passed::Same(raw);
        };
        if let Some(suspect) = self.suspect.take() {
            self.last = Some(raw);
            let is_back = (raw - last).abs() < (raw - suspect).abs();
            return if is_back { Passed::Rejected(raw) } else { Passed::Confirmed(raw) };
        }
        let Limit { step, speed } = Limit::of(channel);
        if (raw - last).abs() > step.max(speed * dt as f32) {
            self.suspect = Some(raw);
            return Passed::Held(last);
        }
        self.last = Some(raw);
        Passed::Same(raw)
    }

    /// Forgets the past.
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use crate::latent::FaceUnit;

    use super::*;

    fn run(values: &[f32]) -> Vec<Passed> {
        let mut gate = SpikeGate::default();
        values.iter().map(|&v| gate.pass(v, 1.0 / 30.0, Channel::Unit(FaceUnit::JawOpen))).collect()
    }

    #[test]
    fn a_single_frame_is_left_out() {
        use Passed::{Held, Rejected, Same};
        assert_eq!(run(&[0.1, 0.9, 0.12, 0.1]), [Same(0.1), Held(0.1), Rejected(0.12), Same(0.1)]);
    }

    #[test]
    fn a_fast_motion_comes_one_frame_late() {
        use Passed::{Confirmed, Held, Same};
        assert_eq!(run(&[0.0, 0.6, 1.0, 1.0]), [Same(0.0), Held(0.0), Confirmed(1.0), Same(1.0)]);
    }

    #[test]
    fn natural_steps_pass() {
        let values: Vec<f32> = (0..60).map(|i| (i as f32 * 0.4).sin() * 0.5 + 0.5).collect();
        assert!(run(&values).iter().all(|passed| matches!(passed, Passed::Same(_))));
    }
}
