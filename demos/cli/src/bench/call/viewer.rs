//! Who looks and listens in a measured call: what arrives, and afterwards what was shown of it.

use std::collections::{BTreeSet, HashMap};

use visavis_codec::bitstream::{LatentReader, Quantiser};
use visavis_codec::playout::{Playout, PlayoutOptions};
use visavis_codec::reference;
use visavis_codec::{Avatar, FaceFrame, Timestamp};
use visavis_net::call::{AvatarProgress, Call, Clock, Event};
use visavis_net::seal::ParticipantId;
use visavis_net::voice::{Lipsync, VOICE_RATE, VoiceBuffer, VoiceBufferOptions};

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
    pub(super) voices: Vec<(u64, Vec<u8>)>,
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
            Event::Audio { from, payload, arrival, .. } => {
                self.received.entry(from).or_default().voices.push((arrival.0, payload));
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
///
/// `drift_ppm` is the sender's; its capture times are put back onto the common clock for the delays.
pub(super) fn show(received: &Received, avatar: Option<&Avatar>, drift_ppm: f64, repeats: u32) -> Shown {
    let undrifted = |time: Timestamp| time.0 as f64 / (1.0 + drift_ppm * 1e-6);
    let mut shown = Shown {
        arrival_ms: received
            .faces
            .iter()
            .map(|(arrival, frame)| (*arrival as f64 - undrifted(frame.time)) * 1e-6)
            .collect(),
        ..Shown::default()
    };
    let mut playout = match Playout::new(PlayoutOptions { repeats, ..PlayoutOptions::default() }) {
        Ok(playout) => playout,
        Err(_) => return shown,
    };
    let Ok(mut voice) = VoiceBuffer::new(VoiceBufferOptions::default()) else { return shown };
    let mut lipsync = Lipsync::new();
    let firsts = [received.faces.first().map(|face| face.0), received.voices.first().map(|voice| voice.0)];
    let lasts = [received.faces.last().map(|face| face.0), received.voices.last().map(|voice| voice.0)];
    let (Some(first), Some(last)) = (firsts.into_iter().flatten().min(), lasts.into_iter().flatten().max())
    else {
        return shown;
    };
    let (mut next_face, mut next_voice, mut next_block) = (0, 0, first);
    let mut samples = vec![0.0; BLOCK_SAMPLES];
    let mut before: Option<(f64, Vec<visavis_codec::glam::Vec3>)> = None;
    let mut settled = None;
    let mut skews: Vec<(f64, f64)> = Vec::new();
    let mut delays: Vec<(f64, f64)> = Vec::new();
    let pictures = ((last - first) as f64 * 1e-9 * DISPLAY_HZ) as u64;
    for picture in 0..pictures {
        let seconds = picture as f64 / DISPLAY_HZ;
        let now = first + (seconds * 1e9) as u64;
        while let Some((arrival, frame)) = received.faces.get(next_face).filter(|face| face.0 <= now) {
            // Frames come out of our own reader: they are faces.
            let _ = playout.push(frame, Timestamp(*arrival));
            next_face += 1;
        }
        while next_block <= now {
            while let Some((arrival, payload)) =
                received.voices.get(next_voice).filter(|voice| voice.0 <= next_block)
            {
                let _ = voice.push(payload, Timestamp(*arrival));
                next_voice += 1;
            }
            voice.pull(Timestamp(next_block), Timestamp(next_block + LEAD), &mut samples);
            next_block += BLOCK_NS;
        }
        let picture = lipsync.show(&mut playout, &mut voice, Timestamp(now));
        if settled.is_none() && seconds >= SETTLING {
            settled = Some((playout.statistics(), voice.statistics()));
        }
        if let Some(capture) = picture.capture
            && seconds >= SETTLING
            && !picture.is_concealed
        {
            delays.push((seconds, (now as f64 - undrifted(capture)) * 1e-6));
        }
        if let Some(skew) = lipsync.statistics().skew
            && seconds >= SETTLING
        {
            skews.push((seconds, skew.abs() * 1e3));
        }
        if let Some(avatar) = avatar {
            let condition = reference::decode::condition(avatar, &picture.frame.latent, &picture.frame.head);
            let vertices = reference::decode::geometry(avatar, &condition);
            if let Some((then, old)) = &before {
                let farthest =
                    old.iter().zip(&vertices).map(|(a, b)| a.distance_squared(*b)).fold(0.0, f32::max);
                let speed = f64::from(farthest.sqrt()) / (seconds - then);
                shown.max_vertex_speed = Some(shown.max_vertex_speed.unwrap_or(0.0).max(speed));
            }
            before = Some((seconds, vertices));
        }
    }
    let (face_before, voice_before) = settled.unwrap_or_default();
    let (faces, voices) = (playout.statistics(), voice.statistics());
    let ratio = |part: std::time::Duration, whole: std::time::Duration| {
        if whole.is_zero() { 0.0 } else { part.as_secs_f64() / whole.as_secs_f64() }
    };
    shown.concealed_ratio = ratio(
        faces.concealed.saturating_sub(face_before.concealed),
        faces.shown.saturating_sub(face_before.shown),
    );
    shown.voice_concealed_ratio = ratio(
        voices.concealed.saturating_sub(voice_before.concealed),
        voices.played.saturating_sub(voice_before.played),
    );
    shown.display_by_tenth = tenths(&delays);
    shown.skew_by_tenth = tenths(&skews);
    shown.display_ms = delays.into_iter().map(|(_, delay)| delay).collect();
    if !skews.is_empty() {
        let skews: Vec<f64> = skews.into_iter().map(|(_, skew)| skew).collect();
        shown.skew_rms_ms =
            Some((skews.iter().map(|skew| skew * skew).sum::<f64>() / skews.len() as f64).sqrt());
        shown.skew_worst_ms = quantile(&skews, 0.999);
    }
    shown
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
