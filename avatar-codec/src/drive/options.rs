//! What a driver is told, and what it tells.

use super::clock::ClockCounts;
use super::mapping::TrackerMapping;
use super::one_euro::OneEuroOptions;

/// How a [`Driver`](super::Driver) works.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DriverOptions {
    /// From the tracker's units to the avatar's; the default is the identity.
    pub mapping: TrackerMapping,
    /// Smoothing; by default it delays no signal by more than one frame, lids and gaze by less than a sixth of one.
    pub smoothing: OneEuroOptions,
}

/// Why an avatar can't be driven.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DriverError {
    /// Nothing that a tracker says means something to it.
    #[error(
        "the avatar's latents have no meaning that is known (`semantic: none`), so no face tracker can drive it"
    )]
    Semantic,
    /// The latent model doesn't describe 52 units and 4 gaze angles.
    #[error("the avatar's latent model describes {0} axes, less than the 56 of units and gaze")]
    Axes(usize),
}

/// What a driver did.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DriverCounts {
    /// Frames that came out, those in gaps included.
    pub frames: u64,
    /// Samples that showed a face and were used.
    pub tracked: u64,
    /// Samples that showed none.
    pub dropouts: u64,
    /// Times without a face that were long enough to be seen.
    pub gaps: u64,
    /// Their time together, seconds.
    pub gap_seconds: f64,
    /// Values of single frames that were rejected.
    pub spikes: u64,
    /// What the source's clock did.
    pub clock: ClockCounts,
    /// By how much the filters delay, on average over all signals, in frames.
    pub delay_frames_mean: f64,
    /// The most that they delayed any signal, in frames; at most the bound of the smoothing, or 1 for fast motions.
    pub delay_frames_max: f64,
}
