//! Play-out: timed frames in, a face for any display time out.
//!
//! Frames come late, twice, in another order, or not at all, from a sender whose clock drifts and jumps. A [`Playout`]
//! finds where that clock is on the receiver's, waits as long as it must for enough of the frames to be there,
//! interpolates between them, and stands in for those that don't come: the face goes on moving for at most 100 ms, comes to
//! rest, breathes and blinks, and goes back when frames come again. It never jumps and never stares.
//!
//! Nothing here reads a clock: every call is told the time. Memory is bounded (about 150 kB a sender) and allocated once.
//! How it works is written down in `avatar-codec/PLAYOUT.md`.
//!
//! ```
//! use visavis_codec::playout::{Method, Playout, PlayoutOptions};
//! use visavis_codec::{FaceFrame, FaceUnit, Timestamp};
//!
//! let mut playout = Playout::new(PlayoutOptions::default())?;
//! for i in 0..60u64 {
//!     // Captured on the sender's clock; it arrives 20 ms later, which on ours is a day later.
//!     let mut frame = FaceFrame { time: Timestamp(i * 33_333_333), ..FaceFrame::default() };
//!     *frame.latent.unit_mut(FaceUnit::JawOpen) = i as f32 / 60.0;
//!     let arrival = Timestamp(frame.time.0 + 86_400_000_000_000 + 20_000_000);
//!     playout.push(&frame, arrival)?;
//!     // The display runs by itself.
//!     let shown = playout.show(Timestamp(arrival.0 + 5_000_000));
//!     if i == 59 {
//!         assert_eq!(shown.method, Method::Interpolated);
//!         assert!(shown.frame.latent.unit(FaceUnit::JawOpen) > 0.9);
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod blend;
mod buffer;
mod clock;
mod conceal;
mod delays;
mod doubt;
mod face;
mod options;
mod rest;
mod shown;
mod source;
mod timing;

/// What play-out knows of arrivals, for whatever else comes beside a face and is to be played with it: a voice.
pub mod arrivals {
    pub use super::clock::Clock;
    pub use super::delays::{Cover, Delays};
}

pub use face::FrameError;
pub use options::{PlayoutOptions, PlayoutOptionsError, RestingFace, SpeedLimits};
pub use shown::{Method, PlayoutStatistics, Pushed, Shown};

use std::time::Duration;

use crate::latent::{FaceFrame, HeadPose, Timestamp};

use blend::Blend;
use buffer::Entry;
use clock::Clock;
use delays::Delays;
use doubt::{Doubtful, Doubts};
use face::Face;
use source::{Kind, Source};
use timing::{Lead, seconds_of};

/// A frame that comes so much before the clock's line, seconds, isn't believed at once; less is a path that became shorter.
const EARLY: f64 = 0.2;
/// A time so much before the last one, nanoseconds, means that a clock was set back.
const SET_BACK: u64 = 1_000_000_000;
/// What is left of the way from the resting face when it is over.
const RETURNED: f32 = 0.01;

/// Plays one sender's frames. An example is [above](crate::playout).
///
/// [`push`](Self::push) and [`show`](Self::show) may be called in any rhythm, with times on one clock, the receiver's; the
/// frames' own times are the sender's.
#[derive(Clone, Debug)]
pub struct Playout {
    options: PlayoutOptions,
    /// Zero of the receiver's clock here: the first time that we were told.
    origin: Option<Timestamp>,
    /// Zero of the sender's, nanoseconds on its own; moved when it jumps, so that times here go on.
    epoch: i128,
    /// Whether `clock` and `epoch` mean something.
    has_clock: bool,
    clock: Clock,
    delays: Delays,
    doubts: Doubts,
    source: Source,
    blend: Blend,
    /// The delay beyond the fastest frame's, without the frame interval, seconds; and the whole.
    cover: f64,
    target: f64,
    /// The time that is shown, seconds on the sender's clock from its zero here.
    position: Option<f64>,
    /// What the face is shown with, while there is something.
    lead: Option<Lead>,
    has_started: bool,
    is_returning: bool,
    last: Option<Last>,
    statistics: PlayoutStatistics,
}

/// What was shown last.
#[derive(Clone, Debug)]
struct Last {
    display: Timestamp,
    face: Face,
    shown: Shown,
}

impl Playout {
    /// A play-out that shows the resting face until frames come.
    ///
    /// # Errors
    /// If an option is outside the range that it states, with its name.
    pub fn new(options: PlayoutOptions) -> Result<Self, PlayoutOptionsError> {
        options.validate()?;
        let RestingFace { latent, head, .. } = &options.resting;
        let resting =
            Face::new(latent, &head.unwrap_or(HeadPose::REST)).map_err(PlayoutOptionsError::Resting)?;
        let mut playout = Self {
            origin: None,
            epoch: 0,
            has_clock: false,
            clock: Clock::new(options.max_drift_ppm * 1e-6),
            delays: Delays::new(options.window.as_secs_f64()),
            doubts: Doubts::new(),
            source: Source::new(&options, resting),
            blend: Blend::new(options.settle.as_secs_f32()),
            cover: 0.0,
            target: 0.0,
            position: None,
            lead: None,
            has_started: false,
            is_returning: false,
            last: None,
            statistics: PlayoutStatistics::default(),
            options,
        };
        playout.find_target();
        Ok(playout)
    }

    /// The options that it was made with.
    pub fn options(&self) -> &PlayoutOptions {
        &self.options
    }

    /// What has happened so far, over all streams, and the present estimates.
    pub fn statistics(&self) -> PlayoutStatistics {
        self.statistics
    }

    /// Takes a frame that arrived at this time on the receiver's clock. Frames that later packets repeat come here too, each
    /// with the arrival of the packet that it was in; the first arrival counts.
    ///
    /// # Errors
    /// A frame whose numbers are no face's is refused; nothing changes then but the statistics.
    pub fn push(&mut self, frame: &FaceFrame, arrival: Timestamp) -> Result<Pushed, FrameError> {
        let face = match Face::new(&frame.latent, &frame.head) {
            Ok(face) => face,
            Err(error) => {
                self.statistics.refused += 1;
                return Err(error);
            }
        };
        let arrival = self.local(arrival);
        if !self.has_clock {
            self.has_clock = true;
            self.epoch = frame.time.0.into();
            self.clock.start(arrival, arrival);
        }
        let time = self.sender_time(frame.time);
        if self.source.buffer.contains(time) || self.doubts.contains(frame.time) {
            self.statistics.repeats += 1;
            return Ok(Pushed::Repeat);
        }
        self.statistics.frames += 1;
        let before = self.behind();
        let offset = arrival - time;
        let late = offset - self.clock.offset(arrival);
        let is_late = late > self.cover + self.options.margin.as_secs_f64();
        let mut pushed = Pushed::Taken;
        if late < -EARLY || is_late {
            let doubtful = Doubtful { capture: frame.time, arrival, offset, late, face };
            if !self.doubts.agrees(&doubtful) {
                self.settle_doubts();
            }
            self.doubts.hold(doubtful);
            // A late frame may be what it seems to be, and then it is wanted now.
            let is_taken =
                is_late && self.insert(Entry { time, capture: frame.time, is_doubtful: true, face });
            match self.doubts.jump() {
                Some(jump) => self.jump(jump),
                None if is_taken => {}
                None => pushed = Pushed::Doubted,
            }
        } else {
            self.settle_doubts();
            self.measure(arrival, offset);
            self.insert(Entry { time, capture: frame.time, is_doubtful: false, face });
        }
        if pushed == Pushed::Taken
            && self.position.is_some_and(|position| position > self.sender_time(frame.time))
        {
            self.statistics.late += 1;
            pushed = Pushed::Late;
        }
        self.find_target();
        self.carry(before);
        Ok(pushed)
    }

    /// The face for a display time on the receiver's clock.
    ///
    /// Display times grow; an earlier one than the last shows what the last did, or, if it is more than a second earlier,
    /// means that the receiver's clock was set back.
    pub fn show(&mut self, display: Timestamp) -> Shown {
        let mut since = display;
        if let Some(last) = &self.last {
            since = last.display;
            if display <= since {
                if since.0 - display.0 <= SET_BACK {
                    return last.shown;
                }
                self.set_back(display);
                since = display;
            }
        }
        let passed = Duration::from_nanos(display.0 - since.0);
        let seconds = passed.as_secs_f64();
        self.advance(display, seconds);
        self.blend.decay(seconds as f32);
        let mut behind = self.source.at(self.position, display);
        let is_at_rest = behind.rest_weight >= 1.0;
        self.source.rest.tick(since, display, is_at_rest);
        if is_at_rest {
            // A blink may have begun or ended.
            behind = self.source.at(self.position, display);
        }

        let last = self.last.as_ref().map(|last| (&last.face, seconds as f32));
        let face = self.blend.show(&behind.face, last, &self.options.limits);
        let method = self.method(behind.kind);
        self.has_started |= behind.has_started;
        let is_concealed = behind.is_concealed && self.has_started;
        if self.has_started {
            self.statistics.shown += passed;
        }
        if is_concealed {
            self.statistics.concealed += passed;
        }
        let local = self.local(display);
        let delay = self.position.map_or(0.0, |position| local - self.clock.offset(local) - position);
        let delay = seconds_of(delay);
        self.statistics.delay = delay;
        let capture = self.capture(behind.capture);
        let shown = Shown { frame: face.frame(display), capture, method, is_concealed, delay };
        self.last = Some(Last { display, face, shown });
        shown
    }

    /// The instant on the sender's clock that should be shown at this display time for the sake of the frames alone; `None`
    /// before the first frame. What else is played with the face must not be ahead of it: see [`follow`](Self::follow).
    pub fn due(&mut self, display: Timestamp) -> Option<Timestamp> {
        self.own_target(display).map(|time| self.capture_time(time))
    }

    /// The face is to be shown with something else of the same sender, its voice: what was captured at `capture` on the
    /// sender's clock is played at `display` on the receiver's. Shown times go there, at most as fast as the options let them
    /// ([`PlayoutOptions::slow_down`], [`speed_up`](PlayoutOptions::speed_up)), and on from there in real time, until 1 s has
    /// passed without another word. What is further than [`max_delay`](PlayoutOptions::max_delay) from where frames are due is
    /// not followed: then one of the two has met a jump of the sender's clock before the other.
    pub fn follow(&mut self, capture: Timestamp, display: Timestamp) {
        self.lead = Some(Lead { capture, display });
    }

    /// The stream has ended, or another one begins: what is known of the sender's clock and the network is forgotten, and so
    /// are frames not yet shown. The face comes to rest, and display time isn't concealed any more, until frames come.
    ///
    /// A sender that begins anew without a word is found by its clock's jump.
    pub fn restart(&mut self) {
        let before = self.behind();
        self.source.clear();
        self.doubts.clear();
        self.delays.clear();
        (self.has_clock, self.has_started, self.position, self.lead) = (false, false, None, None);
        self.find_target();
        self.carry(before);
    }

    /// The face behind what was shown last, before a change.
    fn behind(&mut self) -> Option<Face> {
        let display = self.last.as_ref()?.display;
        Some(self.source.at(self.position, display).face)
    }

    /// After the change: what is shown doesn't jump.
    fn carry(&mut self, before: Option<Face>) {
        if let (Some(before), Some(after)) = (before, self.behind()) {
            self.blend.carry(&before, &after);
        }
    }

    /// The sender's time that is shown doesn't go back, but with the sender's clock.
    fn capture(&self, capture: Option<Timestamp>) -> Option<Timestamp> {
        let last = self.last.as_ref().and_then(|last| last.shown.capture);
        match (capture, last) {
            (Some(capture), Some(last)) if capture < last && last.0 - capture.0 <= SET_BACK => Some(last),
            _ => capture,
        }
    }

    fn method(&mut self, kind: Kind) -> Method {
        let was_resting = self.last.as_ref().is_some_and(|last| last.shown.method == Method::Resting);
        match kind {
            Kind::Resting => {
                self.is_returning = false;
                Method::Resting
            }
            Kind::Extrapolated => {
                self.is_returning &= !self.blend.is_still();
                Method::Extrapolated
            }
            Kind::Leading | Kind::Interpolated => {
                self.is_returning |= was_resting || kind == Kind::Leading;
                self.is_returning &= kind == Kind::Leading || self.blend.size() >= RETURNED;
                if self.is_returning { Method::Returning } else { Method::Interpolated }
            }
        }
    }
}
