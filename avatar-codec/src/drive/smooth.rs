//! Spike rejection and smoothing of all signals of a face.

use crate::latent::FaceUnit;

use super::one_euro::{OneEuro, OneEuroOptions};
use super::signals::{CHANNELS, Channel, Values};
use super::spikes::{Passed, SpikeGate};

/// The filters of one face.
#[derive(Clone, Debug)]
pub(super) struct Smoother {
    options: [OneEuroOptions; CHANNELS],
    gates: [SpikeGate; CHANNELS],
    filters: [OneEuro; CHANNELS],
    spikes: u64,
    delay: DelayStatistics,
}

/// How much later the values come out, in frames.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct DelayStatistics {
    pub(super) sum: f64,
    pub(super) count: u64,
    pub(super) max: f64,
}

impl Smoother {
    pub(super) fn new(options: &OneEuroOptions) -> Self {
        Self {
            options: std::array::from_fn(|i| channel_options(Channel::at(i), options)),
            gates: [SpikeGate::default(); CHANNELS],
            filters: [OneEuro::default(); CHANNELS],
            spikes: 0,
            delay: DelayStatistics::default(),
        }
    }

    /// Takes the next values, `dt` seconds after the ones before.
    pub(super) fn pass(&mut self, raw: &Values, dt: f64) -> Values {
        let mut smooth = [0.0; CHANNELS];
        for i in 0..CHANNELS {
            let filter = &mut self.filters[i];
            let passed = self.gates[i].pass(raw[i], dt, Channel::at(i));
            // A value that is held back is a frame old; smoothing it as well would exceed the bound. So it is shown as it
            // was, and so is the jump that is confirmed.
            let (value, delay) = match passed {
                Passed::Same(value) => filter.filter(value, dt, &self.options[i]),
                Passed::Rejected(value) => {
                    self.spikes += 1;
                    filter.filter(value, dt, &self.options[i])
                }
                Passed::Held(value) => {
                    filter.jump_to(value);
                    (value, 1.0)
                }
                Passed::Confirmed(value) => {
                    filter.jump_to(value);
                    (value, 0.0)
                }
            };
            smooth[i] = value;
            let DelayStatistics { sum, count, max } = &mut self.delay;
            *sum += f64::from(delay);
            *count += 1;
            *max = max.max(f64::from(delay));
        }
        smooth
    }

    /// Forgets the past, as after a gap.
    pub(super) fn reset(&mut self) {
        self.gates.iter_mut().for_each(SpikeGate::reset);
        self.filters.iter_mut().for_each(OneEuro::reset);
    }

    pub(super) fn spikes(&self) -> u64 {
        self.spikes
    }

    pub(super) fn delay(&self) -> DelayStatistics {
        self.delay
    }
}

/// What moves fast and must arrive in full (lids close, eyes jump, lips meet) is delayed less than what trembles.
fn channel_options(channel: Channel, options: &OneEuroOptions) -> OneEuroOptions {
    let (delay, speed_gain) = match channel {
        Channel::Unit(unit) => (unit_share(unit), 1.0),
        Channel::Gaze(_) => (0.15, 2.0),
        Channel::Rotation(_) => (1.0, 2.0),
        Channel::Translation(_) => (1.0, 10.0),
    };
    OneEuroOptions {
        max_delay_frames: options.max_delay_frames * delay,
        speed_gain: options.speed_gain * speed_gain,
        ..*options
    }
}

/// The share of the allowed delay that a unit uses.
fn unit_share(unit: FaceUnit) -> f64 {
    let name = unit.name();
    if name.starts_with("eye") {
        0.15
    } else if ["jaw", "mouth", "tongue"].iter().any(|part| name.starts_with(part)) {
        0.5
    } else {
        1.0
    }
}
