//! How much is sent: what the path can carry becomes a [`Plan`] for face and voice.
//!
//! A [`RateController`] is told what the connection measures ([`PathSample`]), what receivers say of what they get
//! ([`ReceiverReport`]), and who looks ([`Audience`]); it answers with what to send. It reads no clock and sends nothing. A
//! [`FacePacer`] then says which captured frames are coded and sent. Both are written down in
//! `net/RATE.md`.
//!
//! ```
//! use std::time::Duration;
//! use visavis_net::rate::{PathSample, RateController, RateOptions};
//!
//! let mut rate = RateController::new(RateOptions::default());
//! // Every 100 ms or so, from the connection's own counters.
//! let path = PathSample { rtt: Duration::from_millis(40), window: 12_000, ..PathSample::default() };
//! let plan = rate.update(Duration::ZERO, &path);
//! assert!(plan.audio_bit_s > 0 && plan.face_hz > 0);
//! ```

mod apply;
mod controller;
mod cost;
mod input;
mod pacer;
mod path;
mod plan;

pub use controller::{RateController, RateState};
pub use input::{Audience, PathSample, RateOptions, ReceiverReport};
pub use pacer::FacePacer;
pub use plan::Plan;
