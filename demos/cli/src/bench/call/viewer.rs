//! Who looks and listens in a measured call: what arrives, and afterwards what was shown of it.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use anyhow::Result;
use visavis_codec::bitstream::{LatentReader, Quantiser};
use visavis_codec::playout::{Playout, PlayoutOptions, PlayoutStatistics};
use visavis_codec::reference;
use visavis_codec::{Avatar, FaceFrame, Timestamp};
use visavis_net::call::{AvatarProgress, Call, Clock, Event};
use visavis_net::seal::ParticipantId;
use visavis_net::voice::{Lipsync, VOICE_RATE, VoiceBuffer, VoiceBufferOptions, VoiceStatistics};

/// Pictures a second that are shown.
const DISPLAY_HZ: f64 = 90.0;
/// Sound is asked for so much before it is heard, ns, and in blocks of so many samples.
const LEAD: u64 = 5_000_000;
const BLOCK_SAMPLES: usize = (VOICE_RATE / 100) as usize;
const BLOCK_NS: u64 = 10_000_000;
/// What isn't counted at the beginning, seconds: the play-out doesn't know the network yet.
pub(super) const SETTLING: f64 = 5.0;

/// Everything that came from one participant. Times in ns on the call's clock.
#[derive(Default)]
pub(super) struct Received {
    /// Frames with the time at which they were decoded first.
    pub(super) faces: Vec<(u64, FaceFrame)>,
    /// Voices' payloads with their arrival.
    pub(super) voices: Vec<(u64, Timestamp, Vec<u8>)>,
    /// Packets that couldn't be read.
    pub(super) unreadable: u64,
    /// When its likeness and the whole avatar were there.
    pub(super) likeness: Option<u64>,
    pub(super) avatar: Option<u64>,
    known: BTreeSet<u64>,
}

/// Takes what comes, and decodes it as it comes.
pub(super) struct Viewer {
    clock: Clock,
    quantiser: Quantiser,
    readers: HashMap<ParticipantId, LatentReader>,
    pub(super) received: HashMap<ParticipantId, Received>,
    /// How often the path broke and came back, with the times at which it did.
    pub(super) connected: Vec<u64>,
    pub(super) warnings: Vec<String>,
}

impl Viewer {
    pub(super) fn new(clock: Clock, quantiser: &Quantiser) -> Self {
        Self {
            clock,
            quantiser: quantiser.clone(),
            readers: HashMap::new(),
            received: HashMap::new(),
            connected: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Takes events until the call is over, or for ever.
    pub(super) async fn watch(&mut self, call: &Call) {
        while let Some(event) = call.next_event().await {
            self.take(event);
        }
    }

    pub(super) fn take(&mut self, event: Event) {
        match event {
            Event::Face { from, payload, .. } => {
                let reader =
                    self.readers.entry(from).or_insert_with(|| LatentReader::new(self.quantiser.clone()));
                let received = self.received.entry(from).or_default();
                received.read(reader, &payload, || self.clock.now().0);
            }
            Event::Audio { from, payload, capture, arrival } => {
                self.received.entry(from).or_default().voices.push((arrival.0, capture, payload));
            }
            Event::Avatar { from, progress } => {
                let received = self.received.entry(from).or_default();
                match progress {
                    AvatarProgress::Likeness(_) => received.likeness = Some(self.clock.now().0),
                    AvatarProgress::Ready(_) => received.avatar = Some(self.clock.now().0),
                    AvatarProgress::Bytes { .. } => {}
                    AvatarProgress::Failed(why) => self.warnings.push(why),
                }
            }
            Event::Connected { .. } => self.connected.push(self.clock.now().0),
            Event::Warning { text, .. } => self.warnings.push(text),
            _ => {}
        }
    }
}

impl Received {
    /// Decodes a packet; what it holds counts as arrived when that is done.
    pub(super) fn read(&mut self, reader: &mut LatentReader, payload: &[u8], now: impl FnOnce() -> u64) {
        match reader.read(payload) {
            Ok(frames) => {
                let now = now();
                for frame in frames {
                    if self.known.insert(frame.face.time.0) {
                        self.faces.push((now, frame.face));
                    }
                }
                while self.known.len() > 256 {
                    self.known.pop_first();
                }
            }
            Err(_) => self.unreadable += 1,
        }
    }
}

/// What was shown of what came.
#[derive(Clone, Debug, Default)]
pub(super) struct Shown {
    /// How much later each frame was decoded than captured, ms.
    pub(super) arrival_ms: Vec<f64>,
    /// How much later each picture's instant was shown than captured, ms.
    pub(super) display_ms: Vec<f64>,
    /// Share of display time that was concealed, after the first seconds.
    pub(super) concealed_ratio: f64,
    /// The same of the voice's.
    pub(super) voice_concealed_ratio: f64,
    /// The fastest that any vertex moved, m/s; `None` without an avatar.
    pub(super) max_vertex_speed: Option<f64>,
    /// The 99.9 % quantile, the root mean square and the last value of |picture − sound|, ms.
    pub(super) skew_worst_ms: Option<f64>,
    pub(super) skew_rms_ms: Option<f64>,
    /// Display delay in each tenth of the time, ms: does it grow?
    pub(super) display_by_tenth: Vec<f64>,
    pub(super) skew_by_tenth: Vec<f64>,
}

/// Plays what came, in virtual time, as a program with a display of 90 Hz would have.
pub(super) struct Player<'a> {
    avatar: Option<&'a Avatar>,
    /// The sender's: its capture times are put back onto the common clock for the delays.
    drift_ppm: f64,
    playout: Playout,
    voice: VoiceBuffer,
    lipsync: Lipsync,
    /// The first arrival.
    first: Option<u64>,
    next_face: usize,
    next_voice: usize,
    next_block: u64,
    picture: u64,
    samples: Vec<f32>,
    before: Option<(f64, Vec<visavis_codec::glam::Vec3>)>,
    settled: Option<(PlayoutStatistics, VoiceStatistics)>,
    skews: Vec<(f64, f64)>,
    delays: Vec<(f64, f64)>,
    arrivals: Vec<f64>,
    fastest: Option<f64>,
    /// One picture in so many is remembered.
    thinned: u64,
}

impl<'a> Player<'a> {
    /// `repeats`: how many frames packets repeat at most.
    pub(super) fn new(
        avatar: Option<&'a Avatar>,
        drift_ppm: f64,
        repeats: u32,
        thinned: u64,
    ) -> Result<Self> {
        Ok(Self {
            avatar,
            drift_ppm,
            playout: Playout::new(PlayoutOptions { repeats, ..PlayoutOptions::default() })?,
            voice: VoiceBuffer::new(VoiceBufferOptions::default())?,
            lipsync: Lipsync::new(),
            first: None,
            next_face: 0,
            next_voice: 0,
            next_block: 0,
            picture: 0,
            samples: vec![0.0; BLOCK_SAMPLES],
            before: None,
            settled: None,
            skews: Vec::new(),
            delays: Vec::new(),
            arrivals: Vec::new(),
            fastest: None,
            thinned,
        })
    }

    /// Shows and plays all until `until`, ns on the call's clock.
    pub(super) fn play(&mut self, received: &Received, until: u64) {
        let came = [received.faces.first().map(|face| face.0), received.voices.first().map(|voice| voice.0)];
        let Some(first) = self.first.or_else(|| came.into_iter().flatten().min()) else { return };
        if self.first.is_none() {
            (self.first, self.next_block) = (Some(first), first);
        }
        loop {
            let seconds = self.picture as f64 / DISPLAY_HZ;
            let now = first + (seconds * 1e9) as u64;
            if now >= until {
                return;
            }
            while let Some((arrival, frame)) = received.faces.get(self.next_face).filter(|face| face.0 <= now)
            {
                // Frames come out of our own reader: they are faces.
                let _ = self.playout.push(frame, Timestamp(*arrival));
                self.arrivals.push((*arrival as f64 - self.undrifted(frame.time)) * 1e-6);
                self.next_face += 1;
            }
            while self.next_block <= now {
                while let Some((arrival, capture, payload)) =
                    received.voices.get(self.next_voice).filter(|voice| voice.0 <= self.next_block)
                {
                    let _ = self.voice.push(payload, *capture, Timestamp(*arrival));
                    self.next_voice += 1;
                }
                let heard = Timestamp(self.next_block + LEAD);
                self.voice.pull(Timestamp(self.next_block), heard, &mut self.samples);
                self.next_block += BLOCK_NS;
            }
            self.show(now, seconds);
            self.picture += 1;
        }
    }

    /// Forgets what was played.
    pub(super) fn forget(&mut self, received: &mut Received) {
        received.faces.drain(..self.next_face);
        received.voices.drain(..self.next_voice);
        (self.next_face, self.next_voice) = (0, 0);
    }

    fn undrifted(&self, time: Timestamp) -> f64 {
        time.0 as f64 / (1.0 + self.drift_ppm * 1e-6)
    }

    fn show(&mut self, now: u64, seconds: f64) {
        let shown = self.lipsync.show(&mut self.playout, &mut self.voice, Timestamp(now));
        if self.settled.is_none() && seconds >= SETTLING {
            self.settled = Some((self.playout.statistics(), self.voice.statistics()));
        }
        if seconds >= SETTLING && self.picture.is_multiple_of(self.thinned) {
            if let Some(capture) = shown.capture
                && !shown.is_concealed
            {
                self.delays.push((seconds, (now as f64 - self.undrifted(capture)) * 1e-6));
            }
            if let Some(skew) = self.lipsync.statistics().skew {
                self.skews.push((seconds, skew.abs() * 1e3));
            }
        }
        let Some(avatar) = self.avatar else { return };
        let condition = reference::decode::condition(avatar, &shown.frame.latent, &shown.frame.head);
        let vertices = reference::decode::geometry(avatar, &condition);
        if let Some((then, old)) = &self.before {
            let farthest = old.iter().zip(&vertices).map(|(a, b)| a.distance_squared(*b)).fold(0.0, f32::max);
            let speed = f64::from(farthest.sqrt()) / (seconds - then);
            self.fastest = Some(self.fastest.unwrap_or(0.0).max(speed));
        }
        self.before = Some((seconds, vertices));
    }

    /// What there is to say of the last minute.
    pub(super) fn so_far(&self) -> serde_json::Map<String, serde_json::Value> {
        let newest = self.delays.last().map_or(0.0, |(at, _)| *at);
        let late = |values: &[(f64, f64)]| {
            let late: Vec<f64> =
                values.iter().filter(|(at, _)| *at > newest - 60.0).map(|(_, value)| *value).collect();
            quantile(&late, 0.5)
        };
        let (faces, voices) = (self.playout.statistics(), self.voice.statistics());
        let mut said = serde_json::Map::new();
        for (name, value) in [
            ("display_ms", late(&self.delays)),
            ("skew_ms", late(&self.skews)),
            ("voice_delay_ms", Some(voices.delay.as_secs_f64() * 1e3)),
            ("concealed_ratio", Some(faces.concealed_ratio())),
            ("audio_concealed_ratio", Some(voices.concealed_ratio())),
            ("drift_ppm", voices.drift_ppm),
        ] {
            said.insert(name.into(), serde_json::json!(value));
        }
        said
    }

    /// What there is to say.
    pub(super) fn finish(self) -> Shown {
        let (face_before, voice_before) = self.settled.unwrap_or_default();
        let (faces, voices) = (self.playout.statistics(), self.voice.statistics());
        let ratio = |part: Duration, whole: Duration| {
            if whole.is_zero() { 0.0 } else { part.as_secs_f64() / whole.as_secs_f64() }
        };
        let skews: Vec<f64> = self.skews.iter().map(|(_, skew)| *skew).collect();
        let squares: f64 = skews.iter().map(|skew| skew * skew).sum();
        Shown {
            arrival_ms: self.arrivals,
            display_ms: self.delays.iter().map(|(_, delay)| *delay).collect(),
            concealed_ratio: ratio(
                faces.concealed.saturating_sub(face_before.concealed),
                faces.shown.saturating_sub(face_before.shown),
            ),
            voice_concealed_ratio: ratio(
                voices.concealed.saturating_sub(voice_before.concealed),
                voices.played.saturating_sub(voice_before.played),
            ),
            max_vertex_speed: self.fastest,
            skew_worst_ms: quantile(&skews, 0.999),
            skew_rms_ms: (!skews.is_empty()).then(|| (squares / skews.len() as f64).sqrt()),
            display_by_tenth: tenths(&self.delays),
            skew_by_tenth: tenths(&self.skews),
        }
    }
}

/// All of it at once.
pub(super) fn show(
    received: &Received,
    avatar: Option<&Avatar>,
    drift_ppm: f64,
    repeats: u32,
) -> Result<Shown> {
    let mut player = Player::new(avatar, drift_ppm, repeats, 1)?;
    let lasts = [received.faces.last().map(|face| face.0), received.voices.last().map(|voice| voice.0)];
    player.play(received, lasts.into_iter().flatten().max().unwrap_or(0));
    Ok(player.finish())
}

/// The median in each tenth of the time.
fn tenths(values: &[(f64, f64)]) -> Vec<f64> {
    let (Some(first), Some(last)) = (values.first(), values.last()) else { return Vec::new() };
    let span = (last.0 - first.0).max(1e-9);
    (0..10)
        .filter_map(|tenth| {
            let within = |at: f64| ((at - first.0) / span * 10.0).min(9.0) as usize == tenth;
            let part: Vec<f64> =
                values.iter().filter(|(at, _)| within(*at)).map(|(_, value)| *value).collect();
            quantile(&part, 0.5)
        })
        .collect()
}

/// The value that so much of the values (0..=1) lie below; `None` without values.
pub(super) fn quantile(values: &[f64], share: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = share * sorted.len().checked_sub(1)? as f64;
    sorted.get(place.round() as usize).copied()
}
