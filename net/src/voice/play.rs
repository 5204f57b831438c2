//! Pulling sound out of a [`VoiceBuffer`]: decoding just in time, concealing, stretching, and following the clocks.

use std::time::Duration;

use visavis_codec::Timestamp;

use super::VOICE_RATE;
use super::buffer::{Heard, VoiceBuffer};
use super::level::Level;
use super::packet::steps;
use super::queue::Waiting;
use super::resample::REACH;
use super::stretch::{FADE, MAX_CUT, best_cut, weight};

/// Samples a second, as a number to compute with.
const RATE: f64 = VOICE_RATE as f64;
/// The part by which the display clock follows each pull's: callbacks come unevenly, samples don't.
const CLOCK_GAIN: f64 = 0.05;
/// A display time so far from where it should be, seconds, is believed at once.
const CLOCK_JUMP: f64 = 0.2;
/// A place farther than this from where it should be, seconds, is set anew.
const RESYNC: f64 = 0.5;
/// Periods are cut out or played again from this error on, seconds, until that one.
const STRETCH_FROM: f64 = 0.012;
const STRETCH_TO: f64 = 0.004;
/// So long a stretch waits for a place where nobody hears it, seconds.
const PATIENCE: f64 = 0.4;
/// What is left is the clocks' drift: followed by playing a little faster or slower, proportionally (per second) and by what
/// adds up (per second squared); critically damped, in about 40 s, and by no more than this.
const DRIFT_GAIN: f64 = 0.05;
const DRIFT_SUM_GAIN: f64 = 0.0006;
const MOST_DRIFT: f64 = 0.001;
/// Errors beyond this, seconds, are stretched away and teach nothing about drift.
const DRIFT_ERROR: f64 = 0.01;
/// Concealed sound fades from here to there, seconds: what isn't known isn't to be babbled.
const FADE_FROM: f64 = 0.12;
const FADE_TO: f64 = 0.24;
/// A silence is made in pieces of so many samples: 20 ms.
const PIECE: f64 = 960.0;
/// Where sound is waited for, a pause is made of pieces this long, seconds.
const PAUSE: f64 = 0.01;
/// How much of the pulls' lead over the display is forgotten each time.
const LEAD_DECAY: f64 = 0.999;
/// The most pulls that are remembered, for what is shown with them.
const PULLS: usize = 128;

/// Where a voice is being played.
#[derive(Clone, Debug, Default)]
pub(super) struct Play {
    /// The number of the sample that is played next, and the part towards the one after it.
    place: Option<f64>,
    /// The capture time of the sample that is decoded next, seconds.
    pub(super) next: Option<f64>,
    /// The sequence number that comes next, and how long the last packet was, seconds.
    sequence: u8,
    length: f64,
    /// Whether the sender has said that it is silent.
    is_silent: bool,
    /// How long has been concealed in a row, seconds.
    concealed: f64,
    pub(super) must_resync: bool,
    /// How far it is ahead of where it should be, seconds.
    ahead: f64,
    /// When the next sample will be heard, seconds on our clock, evenly.
    display: Option<f64>,
    /// A cross-fade that is going on: the old place, and how many samples of it were played.
    fade: Option<(f64, usize)>,
    /// What was to be played when the place was set anew, fading; in the device's samples.
    tail: Vec<f32>,
    tail_at: usize,
    is_stretching: bool,
    /// When stretching is allowed again, and since when a good place has been waited for.
    stretch_after: f64,
    unwilling_since: Option<f64>,
    /// The drift found so far.
    drift: f64,
}

/// What was heard when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Past {
    pub(super) display: f64,
    pub(super) capture: f64,
}

impl VoiceBuffer {
    /// Fills `out` with the samples that are heard from `display` on, asked for at `now`; both on the receiver's clock, at the
    /// rate of the options. One pull's samples follow those of the one before.
    ///
    /// Display times may waver by some milliseconds, as a sound device's do: they are followed slowly.
    pub fn pull(&mut self, now: Timestamp, display: Timestamp, out: &mut [f32]) -> Heard {
        out.fill(0.0);
        let (now, said) = (self.local(now), self.local(display));
        let seconds = out.len() as f64 / f64::from(self.options.rate);
        let start = match self.play.display {
            Some(own) if (said - own).abs() <= CLOCK_JUMP => own + CLOCK_GAIN * (said - own),
            _ => said,
        };
        self.play.display = Some(start + seconds);
        // The last sample of a pull is heard when the first one is and the whole pull later.
        let lead = said - now + seconds + REACH as f64 / RATE;
        self.lead = (self.lead * LEAD_DECAY).max(lead).clamp(0.0, 0.5);
        let nothing = Heard { capture: None, level: Level::SILENCE, is_concealed: false };
        let Some(wanted) = self.wanted(start) else { return nothing };
        let Some(place) = self.find_place(wanted, start, seconds) else { return nothing };
        let Some(capture) = self.timeline.capture(place) else { return nothing };
        self.remember(Past { display: start, capture });
        self.render(place, out);
        self.timeline.drop_before(self.play.place.unwrap_or(place));

        let passed = Duration::try_from_secs_f64(seconds).unwrap_or_default();
        self.statistics.played += passed;
        let delay = start - self.arrivals.offset(start) - capture;
        self.statistics.delay = Duration::try_from_secs_f64(delay.max(0.0)).unwrap_or_default();
        let target = start - self.arrivals.offset(start) - wanted;
        self.statistics.target_delay = Duration::try_from_secs_f64(target.max(0.0)).unwrap_or_default();
        Heard { capture: self.stamp(capture), level: Level::of(out), is_concealed: self.play.concealed > 0.0 }
    }

    fn remember(&mut self, past: Past) {
        if self.past.back().is_some_and(|last| last.display >= past.display) {
            self.past.clear(); // our clock was set back
        }
        if self.past.len() == PULLS {
            self.past.pop_front();
        }
        self.past.push_back(past);
    }

    /// The place to play from now on, after whatever has to be done about where it is.
    fn find_place(&mut self, wanted: f64, start: f64, seconds: f64) -> Option<f64> {
        let now = self.play.place.and_then(|place| Some((place, self.timeline.capture(place)?)));
        let Some((place, capture)) = now.filter(|_| !self.play.must_resync) else {
            return self.begin(wanted);
        };
        let error = wanted - capture;
        self.play.ahead = -error;
        if error.abs() > RESYNC {
            self.statistics.resyncs += 1;
            return self.begin(wanted);
        }
        let small = error.clamp(-DRIFT_ERROR, DRIFT_ERROR);
        if error.abs() < 2.0 * DRIFT_ERROR {
            let drift = self.play.drift + DRIFT_SUM_GAIN * small * seconds;
            self.play.drift = drift.clamp(-MOST_DRIFT, MOST_DRIFT);
        }
        let limit = if self.play.is_stretching { STRETCH_TO } else { STRETCH_FROM };
        self.play.is_stretching = error.abs() > limit;
        if self.play.is_stretching && self.play.fade.is_none() && start >= self.play.stretch_after {
            self.stretch(place, error, start);
        }
        self.play.place
    }

    /// Sets the place anew; what was to be played fades out.
    fn begin(&mut self, wanted: f64) -> Option<f64> {
        if self.play.place.is_none() && self.queue.front().is_none() {
            return None;
        }
        let step = RATE / f64::from(self.options.rate);
        let fade = (FADE as f64 / step) as usize;
        let old = self.play.place.unwrap_or(0.0);
        self.play.tail = (0..fade)
            .map(|n| self.timeline.at(old + n as f64 * step, &self.kernel) * (1.0 - weight(n, fade)))
            .collect();
        self.play.tail_at = 0;
        self.timeline.clear();
        // Room for the kernel before the first sample.
        let lead = [0.0; REACH];
        self.timeline.push(wanted - REACH as f64 / RATE, &lead);
        self.play.next = Some(wanted);
        self.play.place = Some(self.timeline.end() as f64);
        (self.play.fade, self.play.must_resync, self.play.is_stretching) = (None, false, false);
        if let Some(front) = self.queue.front() {
            self.play.sequence = front.sequence;
            self.play.length = front.length;
        }
        self.play.is_silent = true; // until the first packet
        self.play.place
    }

    /// Leaves a period out or plays one again, if there is a good place for it.
    fn stretch(&mut self, place: f64, error: f64, start: f64) {
        let ahead = error > 0.0;
        let at = place as u64;
        let need = at + (MAX_CUT + FADE + REACH) as u64;
        while ahead && self.timeline.end() < need && self.is_next_there() {
            self.decode_next();
        }
        if !ahead {
            self.decode_to(at + (FADE + REACH) as u64);
        }
        let most = (error.abs() * RATE) as usize + 96;
        let Some(cut) = best_cut(&self.timeline, at, ahead, most) else { return };
        let since = *self.play.unwilling_since.get_or_insert(start);
        if !cut.is_smooth && start - since < PATIENCE {
            return;
        }
        self.play.unwilling_since = None;
        let speed = if ahead { self.options.speed_up } else { self.options.slow_down };
        self.play.stretch_after = start + cut.step.unsigned_abs() as f64 / RATE / speed;
        self.play.fade = Some((place, 0));
        self.play.place = Some(place + cut.step as f64);
        if ahead {
            self.statistics.shortened += 1;
        } else {
            self.statistics.lengthened += 1;
        }
    }

    /// Plays from a place on.
    fn render(&mut self, place: f64, out: &mut [f32]) {
        let Some(capture) = self.timeline.capture(place) else { return };
        let error = self.play.display.and_then(|end| {
            let start = end - out.len() as f64 / f64::from(self.options.rate);
            Some(self.wanted(start)? - capture)
        });
        let small = error.unwrap_or(0.0).clamp(-DRIFT_ERROR, DRIFT_ERROR);
        let faster = (self.play.drift + DRIFT_GAIN * small).clamp(-MOST_DRIFT, MOST_DRIFT);
        let step = RATE / f64::from(self.options.rate) * (1.0 + faster);
        let mut old = self.play.fade.map(|(old, _)| old);
        let farthest = place.max(old.unwrap_or(place)) + out.len() as f64 * step;
        self.decode_to(farthest as u64 + REACH as u64 + 2);
        let mut place = place;
        let fade = ((FADE as f64 / step) as usize).max(1);
        let mut faded = self.play.fade.map_or(0, |(_, faded)| faded);
        let tail = self.play.tail.len().max(1);
        for out in out {
            *out = self.timeline.at(place, &self.kernel);
            if let Some(before) = &mut old {
                let weight = weight(faded, fade);
                *out = *out * weight + self.timeline.at(*before, &self.kernel) * (1.0 - weight);
                *before += step;
                faded += 1;
            }
            if faded >= fade {
                (old, faded) = (None, 0);
            }
            if let Some(tail_sample) = self.play.tail.get(self.play.tail_at) {
                *out = *out * weight(self.play.tail_at, tail) + tail_sample;
                self.play.tail_at += 1;
            }
            place += step;
        }
        self.play.place = Some(place);
        self.play.fade = old.map(|old| (old, faded));
    }

    fn decode_to(&mut self, end: u64) {
        while self.timeline.end() < end {
            self.decode_next();
        }
    }

    /// Whether what is decoded next is a packet that is there.
    fn is_next_there(&self) -> bool {
        let next = self.play.next.unwrap_or(0.0);
        self.queue.front().is_some_and(|front| front.capture <= next + 0.5 * front.length)
    }

    /// Decodes or makes up what comes next.
    fn decode_next(&mut self) {
        let next = self.play.next.unwrap_or(0.0);
        while self.queue.front().is_some_and(|front| front.capture + 0.5 * front.length < next) {
            self.statistics.late += 1;
            self.queue.take_front();
        }
        if self.is_next_there()
            && let Some(packet) = self.queue.take_front()
        {
            return self.decode(&packet);
        }
        if self.queue.front().is_none() && !self.play.is_silent && self.play.ahead >= PAUSE {
            return self.pause(next);
        }
        let gap = self.queue.front().map(|front| front.capture - next);
        let lost = self.queue.front().map(|front| steps(self.play.sequence, front.sequence));
        let length = self.play.length.max(0.0025);
        let is_silence = self.play.is_silent && lost.is_none_or(|lost| lost <= 0) || lost == Some(0);
        let (wanted, is_last) = match gap {
            Some(gap) if is_silence => (gap.min(PIECE / RATE), false),
            Some(gap) => (gap.min(length), gap < 1.5 * length),
            None => (if is_silence { PIECE / RATE } else { length }, false),
        };
        let samples = (wanted * RATE).round().max(1.0) as usize;
        let decoded = match self.queue.front() {
            Some(front) if is_last && front.repeats_previous && !is_silence => {
                self.statistics.recovered += 1;
                self.play.concealed = 0.0;
                self.decoder.recover(&front.opus, samples)
            }
            _ => {
                if is_silence {
                    self.play.concealed = 0.0;
                    self.statistics.silent += Duration::from_secs_f64(samples as f64 / RATE);
                } else {
                    self.play.concealed += samples as f64 / RATE;
                    self.statistics.concealed += Duration::from_secs_f64(samples as f64 / RATE);
                }
                self.decoder.conceal(samples)
            }
        };
        let (from, to) =
            (loudness(self.play.concealed - samples as f64 / RATE), loudness(self.play.concealed));
        let decoded = decoded.unwrap_or_default();
        let made: Vec<f32> = (0..samples)
            .map(|n| {
                let gain = from + (to - from) * n as f32 / samples as f32;
                decoded.get(n.min(decoded.len().saturating_sub(1))).copied().unwrap_or(0.0) * gain
            })
            .collect();
        self.timeline.push(next, &made);
        self.play.next = Some(next + samples as f64 / RATE);
    }

    /// The delay is to grow and what comes next isn't there yet: it is waited for, with made-up sound, instead of being lost.
    fn pause(&mut self, next: f64) {
        self.play.ahead -= PAUSE;
        self.play.concealed += PAUSE;
        self.statistics.concealed += Duration::from_secs_f64(PAUSE);
        let samples = (PAUSE * RATE) as usize;
        let (from, to) = (loudness(self.play.concealed - PAUSE), loudness(self.play.concealed));
        let mut made = self.decoder.conceal(samples).map(<[f32]>::to_vec).unwrap_or_default();
        made.resize(samples, 0.0);
        for (n, sample) in made.iter_mut().enumerate() {
            *sample *= from + (to - from) * n as f32 / samples as f32;
        }
        self.timeline.push(next - PAUSE, &made);
    }

    fn decode(&mut self, packet: &Waiting) {
        match self.decoder.decode(&packet.opus) {
            Ok(samples) => self.timeline.push(packet.capture, samples),
            Err(_) => {
                self.statistics.refused += 1;
                let silence = vec![0.0; (packet.length * RATE) as usize];
                self.timeline.push(packet.capture, &silence);
            }
        }
        self.play.next = Some(packet.capture + packet.length);
        self.play.length = packet.length;
        self.play.sequence = (packet.sequence + 1) % 64;
        self.play.is_silent = packet.is_silence;
        self.play.concealed = 0.0;
    }
}

/// How loud made-up sound is after so much of it.
fn loudness(since: f64) -> f32 {
    (1.0 - (since - FADE_FROM) / (FADE_TO - FADE_FROM)).clamp(0.0, 1.0) as f32
}
