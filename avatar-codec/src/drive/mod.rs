//! Drivers: from what face trackers say to the [`FaceFrame`]s of one avatar.
//!
//! ```text
//! bytes ─▶ reader ─▶ Signals at the source's time ─▶ Driver ─▶ FaceFrames, times strictly growing
//!          (CSV, datagrams, OpenXR weights)           (clock, mapping, neutral, spikes, one-euro, gaps)
//! ```
//!
//! Readers turn bytes into [`Signals`], the 52 face units with gaze and head in this crate's axes, whatever the tracker's:
//! [`live_link`] for recordings and datagrams of Live Link Face, [`performance`] for this project's own tables of signals,
//! `vmc` (feature `osc`) for OSC messages of the VMC protocol, [`openxr`] for the weights of headsets. A [`Driver`] makes a
//! steady performance out of them. The residual of what comes out is 0: no plain tracker knows it.
//!
//! Nothing here opens a file or a socket or reads a clock: bytes and arrival times are passed in. Formats, tables and
//! conventions are written down in `avatar-codec/DRIVE.md`.
//!
//! ```
//! use visavis_codec::bitstream::plain_latent_model;
//! use visavis_codec::drive::{Driver, DriverOptions, live_link};
//!
//! let csv = "Timecode,BlendshapeCount,JawOpen\n10:00:00:00.0,1,0.1\n10:00:00:01.0,1,0.2\n";
//! let recording = live_link::read_csv(csv.as_bytes())?;
//! let mut driver = Driver::new(&plain_latent_model(0), DriverOptions::default())?;
//! driver.set_clock(recording.interval, recording.wrap);
//! let mut frames = Vec::new();
//! for sample in &recording.samples {
//!     driver.push(sample.seconds, None, sample.signals.as_deref(), &mut frames);
//! }
//! driver.finish(&mut frames);
//! assert_eq!(frames.len(), 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`FaceFrame`]: crate::FaceFrame

mod clock;
mod driver;
mod gap;
mod learn;
mod mapping;
mod neutral;
mod notes;
mod one_euro;
mod options;
mod signals;
mod smooth;
mod spikes;

#[cfg(feature = "osc")]
pub mod live;
pub mod live_link;
pub mod openxr;
pub mod performance;
#[cfg(feature = "osc")]
pub mod vmc;
pub mod voice;

pub use clock::{ClockCounts, SourceClock, Tick};
pub use driver::Driver;
pub use learn::{MIN_LEARNED, Shown, TooFewSamples, learn_mapping};
pub use mapping::{HeadGains, MappingError, TrackerMapping, UnitMapping};
pub use neutral::{Neutral, NeutralEstimator};
pub use notes::Notes;
pub use one_euro::{OneEuro, OneEuroOptions};
pub use options::{DriverCounts, DriverError, DriverOptions};
pub use signals::{
    CHANNELS, Channel, LOOK_PITCH, LOOK_YAW, Received, Recording, Sample, Signals, gaze_of_units,
};

/// A recording to be driven from can't be used at all. What is wrong with single rows is in [`Notes`] instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadTrackingError {
    /// The first line is no header of this kind of table.
    #[error("line 1: {0}")]
    Header(String),
    /// No row can be used.
    #[error("none of its {rows} rows can be used; the first problem: {first}")]
    NothingUsable {
        /// How many rows there are after the header.
        rows: u64,
        /// What is wrong with the first of them.
        first: String,
    },
}
