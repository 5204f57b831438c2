//! What a host may set.

use std::time::Duration;

use crate::latent::{HeadPose, Latent};

use super::face::{Face, FrameError};

/// How a [`Playout`](super::Playout) works. Every field is checked against the range it states.
#[derive(Clone, Debug, PartialEq)]
pub struct PlayoutOptions {
    /// Share of the frames that arrive before they are needed: the delay covers this quantile of the measured ones.
    /// 0.5..=1, default 0.97. Higher: fewer frames come too late; lower: less delay.
    pub quantile: f64,
    /// Share of display time that late frames may leave concealed: the delay grows beyond the quantile, by at most
    /// [`repeats`](Self::repeats) frame intervals, until it isn't exceeded. 0..=1, default 0.0002; 1: the quantile alone.
    pub concealed_budget: f64,
    /// How many later packets repeat each frame: a lost frame comes up to this many frame intervals late, and waiting
    /// longer is no use. 0..=8, default 3.
    pub repeats: u32,
    /// How long a measured delay is remembered. 5..=600 s, default 60 s. After jitter has gone down, the delay stays up
    /// for this long.
    pub window: Duration,
    /// What stands for the quantile before there are 30 measured delays. 0..=500 ms, default 40 ms.
    pub initial_delay: Duration,
    /// Added to every delay, against what the estimates leave over. 0..=50 ms, default 3 ms.
    pub margin: Duration,
    /// The whole delay never exceeds this. 50 ms..=1 s, default 500 ms. Frames that come later are concealed.
    pub max_delay: Duration,
    /// How much slower than real time it plays while the delay grows. 0.001..=0.25, default 0.05.
    pub slow_down: f64,
    /// How much faster than real time it plays while the delay shrinks. 0.001..=0.25, default 0.02.
    pub speed_up: f64,
    /// Clocks are believed to drift by no more. 0..=1000 ppm, default 500 ppm.
    pub max_drift_ppm: f64,
    /// How long a face goes on moving when no frame says how. 0..=100 ms, default 100 ms.
    pub extrapolation: Duration,
    /// How long it takes from there to the resting face. 100 ms..=5 s, default 500 ms.
    pub ease: Duration,
    /// How long a difference between what is shown and what should be takes to fade (to 5 % of it). 100 ms..=2 s,
    /// default 400 ms; the lids take half as long.
    pub settle: Duration,
    /// The face when nothing comes.
    pub resting: RestingFace,
    /// What no part of the face exceeds, whatever a sender sends.
    pub limits: SpeedLimits,
}

/// The face that is shown while nothing comes: it breathes, looks about a little, and blinks.
#[derive(Clone, Debug, PartialEq)]
pub struct RestingFace {
    /// The face. Default: neutral. Every unit within −0.5..=1.5.
    pub latent: Latent,
    /// The head's pose; `None`, the default: the last one that came.
    pub head: Option<HeadPose>,
    /// How strongly it breathes, sways and looks about. 0..=2, default 1 (1.2 mm and 0.4°); 0: blinks only.
    pub idle_motion: f32,
    /// Mean time from blink to blink. 1..=60 s, default 4 s (at rest people blink about 17 times a minute; Bentivoglio
    /// et al., "Analysis of blink rate patterns in normal subjects", Movement Disorders 1997).
    pub blink_interval: Duration,
    /// Decides when it blinks and where it looks; the same seed and display time give the same face. Default 0: give
    /// each person of a room another.
    pub seed: u64,
}

/// The most that anything moves in what is shown. The defaults are beyond what faces do, so that only a broken or hostile
/// sender meets them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SpeedLimits {
    /// Of a face unit, per second. 1..=1000, default 30: a lid closes in 33 ms.
    pub unit: f32,
    /// Of a gaze angle, radians per second. 1..=1000, default 20: large saccades reach 16.
    pub gaze: f32,
    /// Of a residual component, per second. 1..=1000, default 120.
    pub residual: f32,
    /// Of the head's rotation, radians per second. 1..=1000, default 12.
    pub head_rotation: f32,
    /// Of the head's translation, metres per second. 0.1..=1000, default 3.
    pub head_translation: f32,
}

/// Why a [`Playout`](super::Playout) can't be made.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum PlayoutOptionsError {
    /// A number outside its range.
    #[error("play-out option {field} is {value}; it must be within {low} to {high}")]
    OutOfRange {
        /// Its name, and its unit where it has one.
        field: &'static str,
        /// What it is.
        value: f64,
        /// The least it may be.
        low: f64,
        /// The most it may be.
        high: f64,
    },
    /// The resting face isn't one.
    #[error("the resting face of the play-out options can't be shown: {0}")]
    Resting(FrameError),
}

impl Default for PlayoutOptions {
    fn default() -> Self {
        Self {
            quantile: 0.97,
            concealed_budget: 0.0002,
            repeats: 3,
            window: Duration::from_secs(60),
            initial_delay: Duration::from_millis(40),
            margin: Duration::from_millis(3),
            max_delay: Duration::from_millis(500),
            slow_down: 0.05,
            speed_up: 0.02,
            max_drift_ppm: 500.0,
            extrapolation: Duration::from_millis(100),
            ease: Duration::from_millis(500),
            settle: Duration::from_millis(400),
            resting: RestingFace::default(),
            limits: SpeedLimits::default(),
        }
    }
}

impl Default for RestingFace {
    fn default() -> Self {
        Self {
            latent: Latent::NEUTRAL,
            head: None,
            idle_motion: 1.0,
            blink_interval: Duration::from_secs(4),
            seed: 0,
        }
    }
}

impl Default for SpeedLimits {
    fn default() -> Self {
        Self { unit: 30.0, gaze: 20.0, residual: 120.0, head_rotation: 12.0, head_translation: 3.0 }
    }
}

impl PlayoutOptions {
    /// Whether every field is within its range; the error names the first that isn't.
    ///
    /// # Errors
    /// The first field that is outside the range that it states.
    pub fn validate(&self) -> Result<(), PlayoutOptionsError> {
        let Self {
            quantile,
            concealed_budget,
            repeats,
            window,
            initial_delay,
            margin,
            max_delay,
            slow_down,
            speed_up,
            max_drift_ppm,
            extrapolation,
            ease,
            settle,
            resting,
            limits,
        } = self;
        let RestingFace { latent, head, idle_motion, blink_interval, seed: _ } = resting;
        let SpeedLimits { unit, gaze, residual, head_rotation, head_translation } = *limits;
        for (field, value, low, high) in [
            ("quantile", *quantile, 0.5, 1.0),
            ("concealed_budget", *concealed_budget, 0.0, 1.0),
            ("repeats", f64::from(*repeats), 0.0, 8.0),
            ("window (seconds)", window.as_secs_f64(), 5.0, 600.0),
            ("initial_delay (seconds)", initial_delay.as_secs_f64(), 0.0, 0.5),
            ("margin (seconds)", margin.as_secs_f64(), 0.0, 0.05),
            ("max_delay (seconds)", max_delay.as_secs_f64(), 0.05, 1.0),
            ("slow_down", *slow_down, 0.001, 0.25),
            ("speed_up", *speed_up, 0.001, 0.25),
            ("max_drift_ppm", *max_drift_ppm, 0.0, 1000.0),
            ("extrapolation (seconds)", extrapolation.as_secs_f64(), 0.0, 0.1),
            ("ease (seconds)", ease.as_secs_f64(), 0.1, 5.0),
            ("settle (seconds)", settle.as_secs_f64(), 0.1, 2.0),
            ("resting.idle_motion", (*idle_motion).into(), 0.0, 2.0),
            ("resting.blink_interval (seconds)", blink_interval.as_secs_f64(), 1.0, 60.0),
            ("limits.unit", unit.into(), 1.0, 1000.0),
            ("limits.gaze", gaze.into(), 1.0, 1000.0),
            ("limits.residual", residual.into(), 1.0, 1000.0),
            ("limits.head_rotation", head_rotation.into(), 1.0, 1000.0),
            ("limits.head_translation", head_translation.into(), 0.1, 1000.0),
        ] {
            // NaN is in no range.
            if !(low..=high).contains(&value) {
                return Err(PlayoutOptionsError::OutOfRange { field, value, low, high });
            }
        }
        Face::new(latent, &head.unwrap_or(HeadPose::REST)).map_err(PlayoutOptionsError::Resting)?;
        for &value in &latent.units {
            let (field, value, low, high) = ("resting.latent.units", f64::from(value), -0.5, 1.5);
            if !(low..=high).contains(&value) {
                return Err(PlayoutOptionsError::OutOfRange { field, value, low, high });
            }
        }
        Ok(())
    }
}
