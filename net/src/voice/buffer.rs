//! The jitter buffer of a voice: packets in, even sound out. Pulling stands in `play.rs`.

use std::collections::VecDeque;
use std::time::Duration;

use visavis_codec::Timestamp;

use super::arrivals::{Arrival, Arrivals};
use super::decoder::VoiceDecoder;
use super::level::Level;
use super::options::{VoiceBufferOptions, VoiceOptionsError};
use super::packet::{VoicePacket, VoicePacketError};
use super::play::{Past, Play};
use super::queue::{Queue, Waiting};
use super::resample::Kernel;
use super::timeline::Timeline;
use super::{VOICE_RATE, VoiceError};

/// How long what was said of a common delay holds, seconds.
const AIM_HOLDS: f64 = 1.0;

/// Plays one sender's voice.
///
/// [`push`](Self::push) and [`pull`](Self::pull) may be called in any rhythm, with times on one clock, the receiver's; the
/// packets' own times are the sender's. Memory is bounded: at most 64 packets wait, and at most 0.4 s of sound is kept.
#[derive(Debug)]
pub struct VoiceBuffer {
    pub(super) options: VoiceBufferOptions,
    /// Zero of the receiver's clock here, and of the sender's.
    origin: Option<Timestamp>,
    epoch: Option<Timestamp>,
    /// The last capture time that was believed.
    last_capture: Option<Timestamp>,
    pub(super) arrivals: Arrivals,
    pub(super) queue: Queue,
    pub(super) decoder: VoiceDecoder,
    pub(super) timeline: Timeline,
    pub(super) kernel: Kernel,
    pub(super) play: Play,
    /// How long before it is heard sound is pulled, seconds.
    pub(super) lead: f64,
    /// What should be heard when, for the sake of something that is shown with it.
    aim: Option<(f64, f64)>,
    /// What is heard when: the last pulls.
    pub(super) past: VecDeque<Past>,
    pub(super) statistics: VoiceStatistics,
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VoicePushed {
    /// It waits to be played.
    Taken,
    /// It was there already.
    Repeat,
    /// Its time has passed.
    Late,
    /// Its time doesn't fit the sender's clock; the next ones will tell whether that has jumped.
    Doubted,
}

/// What was pulled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Heard {
    /// When the first of the samples was captured, on the sender's clock; `None` before there is anything to play.
    pub capture: Option<Timestamp>,
    /// How loud the samples are.
    pub level: Level,
    /// Whether something stands for a lost packet at their end.
    pub is_concealed: bool,
}

/// What has happened so far, and the present estimates.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct VoiceStatistics {
    /// Packets that came, each counted once.
    pub packets: u64,
    /// Packets that were there already.
    pub repeats: u64,
    /// Of `packets`, those that came after their time.
    pub late: u64,
    /// Payloads that were refused or could not be decoded.
    pub refused: u64,
    /// Packets that were lost and came again with the next one.
    pub recovered: u64,
    /// Sound played since the first packet was due, silence included.
    pub played: Duration,
    /// Of that, made up for what didn't come ([`concealed_ratio`](Self::concealed_ratio)).
    pub concealed: Duration,
    /// Of that, silence that its sender didn't send.
    pub silent: Duration,
    /// How often a period was left out, and how often one was played again.
    pub shortened: u64,
    /// How often a period was played again.
    pub lengthened: u64,
    /// How often the place was set anew: the sender's clock jumped, or the delay was off by more than half a second.
    pub resyncs: u64,
    /// How often the sender's clock has jumped, or the path become longer all at once.
    pub clock_jumps: u64,
    /// How much later the voice is heard than it could be if every packet came as fast as the fastest; the packet's own length
    /// and the sound device's delay included.
    pub delay: Duration,
    /// The delay that it is moving to.
    pub target_delay: Duration,
    /// How much faster than ours the sender's clock runs, parts per million; `None` in the first ten seconds.
    pub drift_ppm: Option<f64>,
    /// How much sound waits to be decoded.
    pub waiting: Duration,
}

impl VoiceStatistics {
    /// The concealed part of what was played, 0..=1; 0 before there was any.
    pub fn concealed_ratio(&self) -> f64 {
        if self.played.is_zero() { 0.0 } else { self.concealed.as_secs_f64() / self.played.as_secs_f64() }
    }
}

/// Why a voice can't be played.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum VoiceBufferError {
    /// An option outside its range.
    #[error(transparent)]
    Options(#[from] VoiceOptionsError),
    /// The decoder can't be made.
    #[error(transparent)]
    Decoder(#[from] VoiceError),
}

impl VoiceBuffer {
    /// A buffer that gives silence until packets come.
    pub fn new(options: VoiceBufferOptions) -> Result<Self, VoiceBufferError> {
        options.validate()?;
        Ok(Self {
            origin: None,
            epoch: None,
            last_capture: None,
            arrivals: Arrivals::new(&options),
            queue: Queue::default(),
            decoder: VoiceDecoder::new()?,
            timeline: Timeline::default(),
            kernel: Kernel::new(VOICE_RATE, options.rate),
            play: Play::default(),
            lead: 0.0,
            aim: None,
            past: VecDeque::new(),
            statistics: VoiceStatistics::default(),
            options,
        })
    }

    /// The options that it was made with.
    pub const fn options(&self) -> &VoiceBufferOptions {
        &self.options
    }

    /// What has happened so far, and the present estimates.
    pub fn statistics(&self) -> VoiceStatistics {
        let waiting = Duration::try_from_secs_f64(self.queue.span().max(0.0)).unwrap_or_default();
        VoiceStatistics {
            waiting,
            drift_ppm: self.arrivals.drift().map(|drift| drift * 1e6),
            ..self.statistics
        }
    }

    /// Takes a payload, whose first sample was captured at this time on the sender's clock and which arrived at that time on
    /// the receiver's.
    pub fn push(
        &mut self,
        payload: &[u8],
        capture: Timestamp,
        arrival: Timestamp,
    ) -> Result<VoicePushed, VoicePacketError> {
        let packet = match VoicePacket::read(payload) {
            Ok(packet) => packet,
            Err(error) => {
                self.statistics.refused += 1;
                return Err(error);
            }
        };
        let arrival = self.local(arrival);
        let stamp = capture;
        let epoch = *self.epoch.get_or_insert(stamp);
        let capture = seconds_between(epoch, stamp);
        if self.queue.contains(capture) {
            self.statistics.repeats += 1;
            return Ok(VoicePushed::Repeat);
        }
        self.statistics.packets += 1;
        let length = packet.samples() as f64 / f64::from(VOICE_RATE);
        let repeats_previous = packet.repeats_previous();
        // Of a packet whose predecessor is missing, that one's arrival is this one's.
        let is_missing = !self.queue.contains(capture - length)
            && self.last_capture.is_some_and(|last| seconds_between(epoch, last) < capture - 1.5 * length);
        let brings = (repeats_previous && is_missing).then_some(length);
        match self.arrivals.take(arrival, capture, length, brings, &self.options) {
            Arrival::Fits => {}
            Arrival::Doubted => return Ok(VoicePushed::Doubted),
            Arrival::Jumped => {
                self.statistics.clock_jumps += 1;
                self.queue.clear();
                self.play.must_resync = true;
                self.aim = None;
                self.last_capture = None;
            }
        }
        self.last_capture = self.last_capture.max(Some(stamp));
        if !self.play.must_resync && self.play.next.is_some_and(|next| capture + 0.5 * length < next) {
            self.statistics.late += 1;
            return Ok(VoicePushed::Late);
        }
        self.queue.insert(Waiting {
            capture,
            length,
            sequence: packet.sequence,
            repeats_previous,
            is_silence: packet.is_silence(),
            opus: packet.opus.to_vec(),
        });
        Ok(VoicePushed::Taken)
    }

    /// The instant on the sender's clock that should be heard at this time for the sake of the packets alone; `None` before
    /// the first one. What else is played with the voice must not be ahead of it: see [`aim`](Self::aim).
    pub fn due(&mut self, display: Timestamp) -> Option<Timestamp> {
        let display = self.local(display);
        self.own_due(display).and_then(|due| self.stamp(due))
    }

    /// The voice is to be heard with something else of the same sender, its face, which can't be shown earlier: what was
    /// captured at `capture` is to be heard at `display`, and so on from there in real time, until 1 s has passed without
    /// another word. It is never heard earlier than it is [due](Self::due), nor later than the greatest delay allows.
    pub fn aim(&mut self, capture: Timestamp, display: Timestamp) {
        let display = self.local(display);
        if let Some(epoch) = self.epoch {
            self.aim = Some((display, seconds_between(epoch, capture)));
        }
    }

    /// What is heard at this time, which may be a little ahead of or behind the last pulls: an instant on the sender's clock.
    /// `None` before anything was pulled, and after nothing was for a second.
    pub fn heard_at(&mut self, display: Timestamp) -> Option<Timestamp> {
        let display = self.local(display);
        let at = self.past.partition_point(|past| past.display <= display);
        let past = self.past.get(at.saturating_sub(1))?;
        let since = display - past.display;
        if since.abs() > AIM_HOLDS {
            return None;
        }
        self.stamp(past.capture + since)
    }

    /// Where the packets' own delay would have it now, seconds on the sender's clock.
    pub(super) fn own_due(&mut self, display: f64) -> Option<f64> {
        if !self.arrivals.has_clock() {
            return None;
        }
        let wanted = self.arrivals.wait() + self.options.margin.as_secs_f64() + self.lead;
        let delay = wanted.min(self.options.max_delay.as_secs_f64());
        Some(display - self.arrivals.offset(display) - delay)
    }

    /// What is to be heard now, seconds on the sender's clock.
    pub(super) fn wanted(&mut self, display: f64) -> Option<f64> {
        let own = self.own_due(display)?;
        let latest = display - self.arrivals.offset(display) - self.options.max_delay.as_secs_f64();
        let aimed = self.aim.filter(|(at, _)| (display - at).abs() <= AIM_HOLDS);
        Some(aimed.map_or(own, |(at, capture)| (capture + display - at).max(latest).min(own)))
    }

    /// Seconds on our clock since its zero here.
    pub(super) fn local(&mut self, time: Timestamp) -> f64 {
        let origin = *self.origin.get_or_insert(time);
        seconds_between(origin, time)
    }

    pub(super) fn stamp(&self, capture: f64) -> Option<Timestamp> {
        let epoch = self.epoch?;
        Some(Timestamp(epoch.0.saturating_add_signed((capture * 1e9).round() as i64)))
    }
}

fn seconds_between(from: Timestamp, to: Timestamp) -> f64 {
    (i128::from(to.0) - i128::from(from.0)) as f64 * 1e-9
}
