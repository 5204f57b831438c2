//! The one-euro filter (Casiez, Roussel, Vogel: 1€ Filter, CHI 2012), with a bound on what it delays.

use std::f64::consts::TAU;

/// How a [`OneEuro`] filters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OneEuroOptions {
    /// Cut-off frequency at rest, Hz: the paper's `fc_min`.
    pub min_cutoff_hz: f64,
    /// How much the cut-off rises with speed, Hz per (unit a second): the paper's `β`.
    pub speed_gain: f64,
    /// Cut-off frequency of the speed, Hz: the paper's `d_cutoff`.
    pub speed_cutoff_hz: f64,
    /// The most that the value may lag behind, in frames. 0 passes everything through.
    pub max_delay_frames: f64,
}

impl Default for OneEuroOptions {
    /// 1.5 Hz at rest, 8 Hz for each unit a second, speed at 1 Hz as in the paper, at most one frame.
    fn default() -> Self {
        Self { min_cutoff_hz: 1.5, speed_gain: 8.0, speed_cutoff_hz: 1.0, max_delay_frames: 1.0 }
    }
}

/// A low-pass of first order whose cut-off rises with the value's speed.
///
/// With the weight α of the newest value, the filter's group delay is largest for slow motion, and there
/// (1 − α) / α frames; a ramp lags by just that. So α ≥ 1 / (1 + `max_delay_frames`) bounds the delay of every motion,
/// whatever the cut-offs and the frame rate.
#[derive(Clone, Copy, Debug, Default)]
pub struct OneEuro {
    state: Option<State>,
}

#[derive(Clone, Copy, Debug)]
struct State {
    value: f64,
    raw: f64,
    speed: f64,
}

impl OneEuro {
    /// Filters the next value, `dt` seconds after the one before. The second number is the delay in frames.
    pub fn filter(&mut self, raw: f32, dt: f64, options: &OneEuroOptions) -> (f32, f32) {
        let raw = f64::from(raw);
        let dt = dt.clamp(1e-4, 1.0);
        let Some(state) = &mut self.state else {
            self.state = Some(State { value: raw, raw, speed: 0.0 });
            return (raw as f32, 0.0);
        };
        let speed = (raw - state.raw) / dt;
        state.raw = raw;
        state.speed += weight(options.speed_cutoff_hz, dt) * (speed - state.speed);
        let cutoff = options.min_cutoff_hz + options.speed_gain * state.speed.abs();
        let weight = weight(cutoff, dt).max(1.0 / (1.0 + options.max_delay_frames.max(0.0)));
        state.value += weight * (raw - state.value);
        (state.value as f32, ((1.0 - weight) / weight) as f32)
    }

    /// Forgets the past: the next value passes through.
    pub fn reset(&mut self) {
        self.state = None;
    }

    /// Goes on from this value, at once.
    pub fn jump_to(&mut self, value: f32) {
        if let Some(state) = &mut self.state {
            (state.value, state.raw) = (f64::from(value), f64::from(value));
        }
    }
}

/// The weight of the newest value for a cut-off: 1 / (1 + τ/dt), τ = 1 / 2πf.
fn weight(cutoff_hz: f64, dt: f64) -> f64 {
    1.0 / (1.0 + 1.0 / (TAU * cutoff_hz.max(1e-6) * dt))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_ramp_lags_by_more_than_the_bound() {
        for dt in [1.0 / 24.0, 1.0 / 30.0, 1.0 / 60.0, 1.0 / 120.0] {
            for slope in [0.001, 0.05, 0.5, 3.0] {
                for bound in [0.15, 0.5, 1.0] {
                    let options = OneEuroOptions { max_delay_frames: bound, ..OneEuroOptions::default() };
                    let mut filter = OneEuro::default();
                    for i in 0..400 {
                        let raw = slope * f64::from(i) * dt;
                        let (value, said) = filter.filter(raw as f32, dt, &options);
                        let frames = (raw - f64::from(value)) / (slope * dt);
                        assert!(
                            frames <= bound + 0.02 * (1.0 + raw / (slope * dt) * 1e-4),
                            "{dt} {slope}: {frames}"
                        );
                        assert!(f64::from(said) <= bound + 1e-6);
                    }
                }
            }
        }
    }

    #[test]
    fn it_calms_what_trembles_and_follows_what_moves() {
        let options = OneEuroOptions::default();
        let mut filter = OneEuro::default();
        let (mut raw_power, mut power) = (0.0, 0.0);
        for i in 0..600u32 {
            let noise = (f64::from(i.wrapping_mul(2_654_435_761) >> 8) / f64::from(1u32 << 24) - 0.5) * 0.02;
            let (value, _) = filter.filter((0.3 + noise) as f32, 1.0 / 60.0, &options);
            if i > 60 {
                raw_power += noise * noise;
                power += (f64::from(value) - 0.3).powi(2);
            }
        }
        assert!(power < 0.5 * raw_power, "{power} of {raw_power}");

        let mut filter = OneEuro::default();
        filter.filter(0.0, 1.0 / 30.0, &options);
        let last = (0..6).map(|_| filter.filter(1.0, 1.0 / 30.0, &options).0).last().unwrap();
        assert!(last > 0.97, "{last}");
    }

    #[test]
    fn without_a_delay_allowed_it_changes_nothing() {
        let options = OneEuroOptions { max_delay_frames: 0.0, ..OneEuroOptions::default() };
        let mut filter = OneEuro::default();
        for i in 0..50 {
            let raw = (i as f32 * 0.7).sin();
            assert!((filter.filter(raw, 1.0 / 30.0, &options).0 - raw).abs() < 1e-6);
        }
    }
}
