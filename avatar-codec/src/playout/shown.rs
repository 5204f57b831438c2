//! What play-out says of what it does.

use std::time::Duration;

use crate::latent::{FaceFrame, Timestamp};

/// What became of a frame that was pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pushed {
    /// It waits to be shown.
    Taken,
    /// It was there already: packets repeat frames, and networks packets.
    Repeat,
    /// Its time has passed; it helps to know the delay, and to go on from where the face really is.
    Late,
    /// Its time doesn't fit the sender's clock; the next ones will tell whether the clock has jumped.
    Doubted,
}

/// How a shown face was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// From the two frames around its time.
    Interpolated,
    /// From the frames before its time.
    Extrapolated,
    /// The resting face, or on the way to it.
    Resting,
    /// On the way from the resting face to frames that have come again.
    Returning,
}

/// The face for one display time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shown {
    /// The face; its time is the display time, on the receiver's clock.
    pub frame: FaceFrame,
    /// The instant on the sender's clock that it shows, for putting sound beside it; `None` where no frame is known. It
    /// goes back only when the sender's clock does, by more than a second; where that went back by less, it waits.
    pub capture: Option<Timestamp>,
    /// How it was made.
    pub method: Method,
    /// Whether one of the two frames around its time was missing, so that something had to stand for it. Frames are missed
    /// where the interval between those that came is more than 1.5 of the usual one, or where there is no later one.
    /// Never before the first frame's time.
    pub is_concealed: bool,
    /// How much later it is shown than it could have been if every frame came as fast as the fastest.
    pub delay: Duration,
}

/// What has happened so far, and the present estimates.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PlayoutStatistics {
    /// Frames that came, each counted once.
    pub frames: u64,
    /// Frames that were there already.
    pub repeats: u64,
    /// Of `frames`, those that came after their time had been shown.
    pub late: u64,
    /// Frames that were refused ([`FrameError`](super::FrameError)).
    pub refused: u64,
    /// Display time since the first frame was due.
    pub shown: Duration,
    /// Of that, concealed ([`Shown::is_concealed`]).
    pub concealed: Duration,
    /// The present delay ([`Shown::delay`]).
    pub delay: Duration,
    /// The delay that it is moving to: `cover`, one frame interval and the margin.
    pub target_delay: Duration,
    /// How much later than the fastest a frame may come and still be in time.
    pub cover: Duration,
    /// The sender's frame interval.
    pub interval: Duration,
    /// How much faster than ours the sender's clock runs, parts per million; `None` in the first ten seconds.
    pub drift_ppm: Option<f64>,
    /// How often the sender's clock has jumped, or the network's path become longer all at once.
    pub clock_jumps: u64,
    /// How often the time that is shown was set anew: our clock was set back, or the delay was off by more than a second.
    pub resyncs: u64,
}

impl PlayoutStatistics {
    /// The concealed part of the display time, 0..=1; 0 before there was any.
    pub fn concealed_ratio(&self) -> f64 {
        if self.shown.is_zero() { 0.0 } else { self.concealed.as_secs_f64() / self.shown.as_secs_f64() }
    }
}
