//! The driver: signals in, frames out.

use glam::Vec3;

use crate::avatar::{LatentModel, Semantic};
use crate::latent::{FaceFrame, GAZE, Gaze, HeadPose, Timestamp, UNITS};

use super::clock::{ClockCounts, SourceClock, Tick};
use super::gap::{GAP_INTERVALS, Gap, Return};
use super::mapping::TrackerMapping;
use super::neutral::{Neutral, NeutralEstimator};
use super::options::{DriverCounts, DriverError, DriverOptions};
use super::signals::{CHANNELS, Signals, Values, face_of, values_of};
use super::smooth::Smoother;

/// No head of a person who is seen turns farther than this from where it rests, radians.
const MAX_HEAD_ROTATION: f32 = 1.2;
/// Nor does it move farther than this, metres.
const MAX_HEAD_TRANSLATION: f32 = 0.3;
/// A neutral face that is found on the way is subtracted gently, over this time, seconds.
const NEUTRAL_EASE: f64 = 0.5;
/// Between frames that fill a gap, at least this time, seconds.
const MIN_FILL_STEP: f64 = 1.0 / 60.0;
/// Datagrams may be this late before a live source counts as silent, seconds.
const LIVE_PATIENCE: f64 = 0.1;

/// Makes one avatar's frames of one tracker's signals.
///
/// Samples come with their times; frames come out with times that start at 0 and strictly grow, one for each sample,
/// and some while the tracker sees nothing: the last face is held for 0.3 s, eases to neutral within 0.9 s, and eases back
/// within 0.3 s once there is a face again. One sample costs a bounded number of frames, whatever its time.
#[derive(Clone, Debug)]
pub struct Driver {
    limits: [(f32, f32); UNITS + GAZE],
    mapping: TrackerMapping,
    neutral: Neutral,
    /// What counted before.
    neutral_before: Neutral,
    /// When the neutral face was found; it is in full effect a little later.
    neutral_since: f64,
    calibration: Option<(f64, NeutralEstimator)>,
    clock: SourceClock,
    last_arrival: Option<f64>,
    smoother: Smoother,
    /// When a face was seen last.
    seen: Option<f64>,
    gap: Option<Gap>,
    back: Option<Return>,
    shown: Values,
    /// The last frame's time.
    emitted: Option<f64>,
    /// Samples from a time that had been filled when they came.
    late: u64,
    counts: DriverCounts,
}

impl Driver {
    /// A driver for the avatar with this latent model.
    ///
    /// # Errors
    /// If the avatar's latent has no face units.
    pub fn new(model: &LatentModel, options: DriverOptions) -> Result<Self, DriverError> {
        if model.semantic == Semantic::None {
            return Err(DriverError::Semantic);
        }
        let axes = model.axes.get(..UNITS + GAZE).ok_or(DriverError::Axes(model.axes.len()))?;
        let DriverOptions { mapping, smoothing } = options;
        Ok(Self {
            limits: std::array::from_fn(|i| (axes[i].min.min(0.0), axes[i].max.max(0.0))),
            mapping,
            neutral: Neutral::NONE,
            neutral_before: Neutral::NONE,
            neutral_since: f64::NEG_INFINITY,
            calibration: None,
            clock: SourceClock::new(1.0 / 30.0, None),
            last_arrival: None,
            smoother: Smoother::new(&smoothing),
            seen: None,
            gap: None,
            back: None,
            shown: [0.0; CHANNELS],
            emitted: None,
            late: 0,
            counts: DriverCounts::default(),
        })
    }

    /// Says how far samples are usually apart and after how many seconds the source's clock begins again. To be called
    /// before the first sample; the default is 1/30 s and never.
    pub fn set_clock(&mut self, interval: f64, wrap: Option<f64>) {
        self.clock = SourceClock::new(interval, wrap);
    }

    /// What counts as neutral from now on.
    pub fn set_neutral(&mut self, neutral: Neutral) {
        self.neutral = neutral;
        self.neutral_since = f64::NEG_INFINITY;
    }

    /// The neutral face in use.
    pub fn neutral(&self) -> &Neutral {
        &self.neutral
    }

    /// Finds the neutral face in the first seconds of a live source, in which the person is asked to rest. Until
    /// then the head's first pose alone counts as neutral; the face that is found sets in within half a second.
    pub fn calibrate_first(&mut self, seconds: f64) {
        self.calibration = Some((seconds, NeutralEstimator::default()));
    }

    /// The usual time between two samples, seconds: as it was said at first, then as it is.
    pub fn interval(&self) -> f64 {
        self.clock.interval()
    }

    /// What it did so far.
    pub fn counts(&self) -> DriverCounts {
        let delay = self.smoother.delay();
        let clock = self.clock.counts();
        // A gap that is still open counts as far as it was shown.
        let open = match (&self.gap, self.seen, self.emitted) {
            (Some(_), Some(seen), Some(emitted)) => emitted - seen,
            _ => 0.0,
        };
        DriverCounts {
            gap_seconds: self.counts.gap_seconds + open,
            spikes: self.smoother.spikes(),
            clock: ClockCounts { late: clock.late + self.late, ..clock },
            delay_frames_mean: delay.sum / delay.count.max(1) as f64,
            delay_frames_max: delay.max,
            ..self.counts
        }
    }

    /// Takes a sample: its time on the source's clock, for live sources also on the receiver's, and what was seen, `None`
    /// if the tracker saw no face. Appends the frames up to that time.
    pub fn push(
        &mut self,
        seconds: f64,
        arrival: Option<f64>,
        signals: Option<&Signals>,
        frames: &mut Vec<FaceFrame>,
    ) {
        let Tick::At(time) = self.clock.tick(seconds, arrival) else { return };
        self.last_arrival = arrival.or(self.last_arrival);
        if self.emitted.is_some_and(|emitted| time <= emitted + 1e-6) {
            // A gap was filled up to there already.
            self.late += 1;
            return;
        }
        let Some(signals) = signals.filter(|signals| signals.is_valid()) else {
            self.counts.dropouts += 1;
            self.fill(time, frames);
            return;
        };
        let interval = self.clock.interval();
        let dt = self.seen.map_or(interval, |seen| time - seen);
        if self.gap.is_some() || dt > (GAP_INTERVALS + 0.5) * interval {
            self.fill(time - 0.5 * interval, frames);
            let shown = self.gap.take().map_or(self.shown, |gap| gap.at(time));
            if self.emitted.is_some_and(|emitted| emitted < time - 1.5 * interval) {
                // Players draw a line between frames: the neutral face must last until the motion begins.
                self.emit(&shown, time - interval, frames);
            }
            self.counts.gap_seconds += self.seen.map_or(0.0, |seen| time - seen);
            self.back = Some(Return::new(shown, time));
            self.smoother.reset();
        }
        self.calibrate(time, signals);
        let mapped = self.mapped(signals, time);
        let mut smooth = self.smoother.pass(&mapped, dt);
        self.limit(&mut smooth);
        if let Some(mixed) = self.back.as_ref().and_then(|back| back.mix(&smooth, time)) {
            smooth = mixed;
        } else {
            self.back = None;
        }
        self.seen = Some(time);
        self.counts.tracked += 1;
        self.emit(&smooth, time, frames);
    }

    /// Says what time it is on the receiver's clock, so that a live source which fell silent eases to neutral. Appends the
    /// frames up to then.
    pub fn advance(&mut self, arrival: f64, frames: &mut Vec<FaceFrame>) {
        let Some(last) = self.last_arrival else { return };
        let now = self.clock.elapsed() + (arrival - last) - LIVE_PATIENCE;
        if self.seen.is_some() && now.is_finite() {
            self.fill(now, frames);
        }
    }

    /// Ends the performance. Its last frame stands at the last sample's time.
    pub fn finish(&mut self, frames: &mut Vec<FaceFrame>) {
        let end = self.clock.elapsed();
        if let (Some(gap), Some(emitted)) = (&self.gap, self.emitted)
            && emitted < end - 1e-6
        {
            let shown = gap.at(end);
            self.emit(&shown, end, frames);
        }
    }

    /// Emits frames up to a time at which no face is seen.
    fn fill(&mut self, until: f64, frames: &mut Vec<FaceFrame>) {
        let interval = self.clock.interval();
        if self.gap.is_none() {
            match self.seen {
                None => self.gap = Some(Gap::new([0.0; CHANNELS], until)),
                Some(seen) if until - seen > GAP_INTERVALS * interval => {
                    self.gap = Some(Gap::new(self.shown, seen));
                    self.counts.gaps += 1;
                    self.back = None;
                }
                Some(_) => return,
            }
        }
        let Some(gap) = self.gap.clone() else { return };
        let Some(mut last) = self.emitted else {
            self.emit(&gap.at(until), until, frames);
            return;
        };
        let step = interval.max(MIN_FILL_STEP);
        // A moment's rounding is no reason to leave a frame out.
        while last + step <= until + 1e-6 && last < gap.rest() {
            last += step;
            self.emit(&gap.at(last), last, frames);
        }
    }

    fn emit(&mut self, values: &Values, time: f64, frames: &mut Vec<FaceFrame>) {
        let (latent, head) = face_of(values);
        frames.push(FaceFrame { time: Timestamp((time * 1e6).round() as u64 * 1000), latent, head });
        self.shown = *values;
        self.emitted = Some(time);
        self.counts.frames += 1;
    }

    fn calibrate(&mut self, time: f64, signals: &Signals) {
        let Some((seconds, estimator)) = &mut self.calibration else { return };
        if self.counts.tracked == 0 {
            // Until more is known the head rests where it is seen first: phones stand anywhere.
            self.neutral.head = signals.head;
        }
        estimator.push(signals);
        if time >= *seconds {
            // Not the median: somebody who talks already shouldn't have their talk subtracted.
            if let Some(neutral) = estimator.mode() {
                self.neutral_before = std::mem::replace(&mut self.neutral, neutral);
                self.neutral_since = time;
            }
            self.calibration = None;
        }
    }

    /// The avatar's values for the tracker's.
    fn mapped(&self, signals: &Signals, time: f64) -> Values {
        let on_the_way;
        let since = time - self.neutral_since;
        let neutral = if since >= NEUTRAL_EASE {
            &self.neutral
        } else {
            on_the_way = self.neutral_before.towards(&self.neutral, since / NEUTRAL_EASE);
            &on_the_way
        };
        let TrackerMapping { units, head, gaze } = &self.mapping;
        let mapped: [f32; UNITS] = std::array::from_fn(|i| {
            let from = units[i].from as usize;
            let rest = units[i].neutral.unwrap_or(neutral.units[from]);
            units[i].gain * ((signals.units[from] - rest) / (1.0 - rest)).max(0.0)
        });
        let (looks, rests) = (signals.gaze.to_array(), neutral.gaze.to_array());
        let looks =
            std::array::from_fn(|i| (looks[i] - rests[i]) * if i % 2 == 0 { gaze.yaw } else { gaze.pitch });
        let to_rest = neutral.head.rotation.conjugate();
        let turned = HeadPose {
            rotation: to_rest * signals.head.rotation,
            translation: to_rest * (signals.head.translation - neutral.head.translation),
        };
        let mut values = values_of(&mapped, Gaze::from_array(looks), &turned);
        for (value, gain) in values[UNITS + GAZE..].iter_mut().zip([head.pitch, head.yaw, head.roll]) {
            *value *= gain;
        }
        self.limit(&mut values);
        values
    }

    /// Keeps values within what the avatar was trained on and what heads do.
    fn limit(&self, values: &mut Values) {
        for (value, &(low, high)) in values.iter_mut().zip(&self.limits) {
            *value = value.clamp(low, high);
        }
        for (at, most) in [(UNITS + GAZE, MAX_HEAD_ROTATION), (UNITS + GAZE + 3, MAX_HEAD_TRANSLATION)] {
            let vector = Vec3::new(values[at], values[at + 1], values[at + 2]).clamp_length_max(most);
            values[at..at + 3].copy_from_slice(&vector.to_array());
        }
    }
}
