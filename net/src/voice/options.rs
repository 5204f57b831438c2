//! What a host may set of a [`VoiceBuffer`](super::VoiceBuffer).

use std::time::Duration;

/// How a [`VoiceBuffer`](super::VoiceBuffer) works. Every field is checked against the range it states.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VoiceBufferOptions {
    /// Samples a second that are asked for, the sound device's. 8,000..=192,000, default 48,000.
    pub rate: u32,
    /// Share of the packets that arrive before they are needed. 0.5..=1, default 0.97.
    pub quantile: f64,
    /// Share of time that late packets may leave concealed: the delay grows beyond the quantile, by at most one packet (which
    /// brings the one before it again), until it isn't exceeded. 0..=1, default 0.002.
    pub concealed_budget: f64,
    /// How long a measured delay is remembered. 5..=600 s, default 30 s.
    pub window: Duration,
    /// What stands for the quantile before there are 30 measured delays. 0..=500 ms, default 40 ms.
    pub initial_delay: Duration,
    /// Added to every delay. 0..=50 ms, default 3 ms.
    pub margin: Duration,
    /// The whole delay never exceeds this. 50 ms..=1 s, default 500 ms.
    pub max_delay: Duration,
    /// How much slower than real time it plays while the delay grows. 0.005..=0.1, default 0.04: a face that is shown with it
    /// may slow down by 0.05.
    pub slow_down: f64,
    /// How much faster than real time it plays while the delay shrinks. 0.005..=0.1, default 0.018: a face may hurry by 0.02.
    pub speed_up: f64,
    /// Clocks are believed to drift by no more. 0..=1000 ppm, default 500 ppm.
    pub max_drift_ppm: f64,
}

/// An option outside its range.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("voice option {field} is {value}; it must be within {low} to {high}")]
pub struct VoiceOptionsError {
    /// Its name, and its unit where it has one.
    pub field: &'static str,
    /// What it is.
    pub value: f64,
    /// The least it may be.
    pub low: f64,
    /// The most it may be.
    pub high: f64,
}

impl Default for VoiceBufferOptions {
    fn default() -> Self {
        Self {
            rate: super::VOICE_RATE,
            quantile: 0.97,
            concealed_budget: 0.002,
            window: Duration::from_secs(30),
            initial_delay: Duration::from_millis(40),
            margin: Duration::from_millis(3),
            max_delay: Duration::from_millis(500),
            slow_down: 0.04,
            speed_up: 0.018,
            max_drift_ppm: 500.0,
        }
    }
}

impl VoiceBufferOptions {
    /// Whether every field is within its range; the error names the first that isn't.
    pub fn validate(&self) -> Result<(), VoiceOptionsError> {
        let Self {
            rate,
            quantile,
            concealed_budget,
            window,
            initial_delay,
            margin,
            max_delay,
            slow_down,
            speed_up,
            max_drift_ppm,
        } = *self;
        for (field, value, low, high) in [
            ("rate (samples a second)", f64::from(rate), 8_000.0, 192_000.0),
            ("quantile", quantile, 0.5, 1.0),
            ("concealed_budget", concealed_budget, 0.0, 1.0),
            ("window (seconds)", window.as_secs_f64(), 5.0, 600.0),
            ("initial_delay (seconds)", initial_delay.as_secs_f64(), 0.0, 0.5),
            ("margin (seconds)", margin.as_secs_f64(), 0.0, 0.05),
            ("max_delay (seconds)", max_delay.as_secs_f64(), 0.05, 1.0),
            ("slow_down", slow_down, 0.005, 0.1),
            ("speed_up", speed_up, 0.005, 0.1),
            ("max_drift_ppm", max_drift_ppm, 0.0, 1000.0),
        ] {
            // NaN is in no range.
            if !(low..=high).contains(&value) {
                return Err(VoiceOptionsError { field, value, low, high });
            }
        }
        Ok(())
    }
}
