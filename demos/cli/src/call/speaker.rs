//! What this participant sends: face and voice, at the rate that the path carries.

use std::time::Duration;

use anyhow::{Context as _, Result};
use visavis_codec::avatar::Manifest;
use visavis_codec::bitstream::{LatentWriter, Quantiser, WriterOptions};
use visavis_codec::drive::voice::VoiceLips;
use visavis_codec::expression::Tuner;
use visavis_codec::{FaceFrame, Timestamp};
use visavis_net::call::{Call, Sent};
use visavis_net::rate::{FacePacer, PathSample, Plan, RateController, RateOptions};
use visavis_net::seal::ParticipantId;
use visavis_net::transport::PathStatistics;
use visavis_net::voice::{EncodedVoice, LevelMeter, VOICE_RATE, VoiceEncoder, VoiceFrame, VoiceOptions};

use super::rest::Rest;
use super::sound::Microphone;
use super::source::{Performance, Tracker};

/// A face that the tracker doesn't see is the voice's after so long, seconds, and the tracker's again as soon as it does.
const LIPS_EASE: f64 = 0.3;
/// Without a tracker frames are made at this rate.
const VOICE_FACE_HZ: f64 = 30.0;
const NANOSECONDS: f64 = 1e9;
/// Said once.
const OVER: &str = "your performance is over: your face rests from now on (--repeat begins it anew)";

/// Where faces come from.
pub(crate) enum Faces {
    Recorded {
        performance: Performance,
        repeats: bool,
        next: usize,
        round: u64,
        /// Once it is over.
        rest: Option<Box<Rest>>,
    },
    Live(Box<Tracker>),
    /// The voice alone.
    Voice,
    Nobody,
}

/// Where the voice comes from.
pub(crate) enum Voices {
    /// The performance's.
    Recorded,
    Microphone(Box<Microphone>),
    Nobody,
}

/// The outgoing half of a call.
pub(crate) struct Speaker {
    faces: Faces,
    voices: Voices,
    tuner: Option<Tuner>,
    latents: LatentWriter,
    encoder: Option<VoiceEncoder>,
    lips: VoiceLips,
    lips_weight: f64,
    /// The call's clock when this began.
    start: Timestamp,
    /// Samples of the voice taken so far.
    taken: u64,
    rate: RateController,
    plan: Plan,
    pacer: FacePacer,
    meter: LevelMeter,
    last_face: Option<Timestamp>,
    last_frame: FaceFrame,
    last_tick: Timestamp,
    frames: Vec<FaceFrame>,
    packet: Vec<u8>,
    coded: Vec<EncodedVoice>,
    pub(crate) sent: SpeakerStatistics,
    manifest: Manifest,
    name: String,
    root: Option<String>,
    /// Whether what was sent is kept, for a recording, until it is taken from here.
    pub(crate) keeps: bool,
    pub(crate) kept_faces: Vec<(Timestamp, Vec<u8>)>,
    pub(crate) kept_voice: Vec<(Timestamp, Vec<f32>)>,
    /// What a person should know, until it is taken from here.
    pub(crate) news: Option<&'static str>,
}

/// Who speaks.
pub(crate) struct Who<'a> {
    pub(crate) avatar: &'a Manifest,
    pub(crate) name: &'a str,
    /// The avatar's root, 64 hexadecimal digits.
    pub(crate) root: &'a str,
}

/// What was sent.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SpeakerStatistics {
    pub(crate) faces: u64,
    pub(crate) face_bytes: u64,
    pub(crate) held_back: u64,
    pub(crate) hidden: u64,
    pub(crate) voices: u64,
    pub(crate) voice_bytes: u64,
}

impl Speaker {
    pub(crate) fn new(
        who: &Who<'_>,
        faces: Faces,
        voices: Voices,
        tuner: Option<Tuner>,
        start: Timestamp,
    ) -> Result<Self> {
        let quantiser = Quantiser::new(&who.avatar.latent).context("--avatar: its latent model")?;
        let has_voice = !matches!(voices, Voices::Nobody);
        let mut rate = RateController::new(RateOptions { has_voice, ..RateOptions::default() });
        let plan = rate.update(Duration::ZERO, &PathSample::default());
        let options = VoiceOptions {
            bitrate: plan.audio_bit_s,
            frame: VoiceFrame::of_milliseconds(plan.audio_ms.into()),
            ..VoiceOptions::default()
        };
        let encoder =
            has_voice.then(|| VoiceEncoder::new(options)).transpose().context("the voice's encoder")?;
        Ok(Self {
            faces,
            voices,
            tuner,
            latents: LatentWriter::new(quantiser, WriterOptions::packet()),
            encoder,
            lips: VoiceLips::new(VOICE_RATE),
            lips_weight: 0.0,
            start,
            taken: 0,
            rate,
            plan,
            pacer: FacePacer::new(),
            meter: LevelMeter::default(),
            last_face: None,
            last_frame: FaceFrame::default(),
            last_tick: start,
            frames: Vec::new(),
            packet: Vec::new(),
            coded: Vec::new(),
            sent: SpeakerStatistics::default(),
            manifest: who.avatar.clone(),
            name: who.name.to_owned(),
            root: Some(who.root.to_owned()),
            keeps: false,
            kept_faces: Vec::new(),
            kept_voice: Vec::new(),
            news: None,
        })
    }

    /// What is sent now.
    pub(crate) const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// How loud the own voice is.
    pub(crate) const fn meter(&self) -> &LevelMeter {
        &self.meter
    }

    pub(crate) const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn root(&self) -> Option<&str> {
        self.root.as_deref()
    }

    pub(crate) const fn has_microphone(&self) -> bool {
        matches!(self.voices, Voices::Microphone(_))
    }

    /// A line was typed; what it did to the microphone.
    pub(crate) fn press(&mut self, line: &str) -> Option<&'static str> {
        match &mut self.voices {
            Voices::Microphone(microphone) => Some(microphone.press(line)),
            Voices::Recorded | Voices::Nobody => None,
        }
    }

    /// What leaves this machine on all paths together, headers included, kbit/s since the call began.
    pub(crate) fn kbit_per_s(&self, paths: &[(Option<ParticipantId>, PathStatistics)], seconds: f64) -> f64 {
        paths.iter().map(|(_, path)| path.sent_bytes).sum::<u64>() as f64 * 8e-3 / seconds.max(1.0)
    }

    /// For `--json`.
    pub(crate) fn report(&self, seconds: f64) -> serde_json::Value {
        let SpeakerStatistics { faces, face_bytes, held_back, hidden, voices, voice_bytes } = self.sent;
        let kbit = |bytes: u64| bytes as f64 * 8e-3 / seconds.max(1e-3);
        let notes = match &self.faces {
            Faces::Live(tracker) => tracker.notes().malformed,
            _ => 0,
        };
        serde_json::json!({
            "faces": faces, "faces_held_back": held_back, "faces_unseen": hidden, "voice_packets": voices,
            "face_payload_kbit_per_s": kbit(face_bytes), "voice_payload_kbit_per_s": kbit(voice_bytes),
            "budget_kbit_per_s": self.budget_bit_s() * 1e-3, "face_hz": self.plan.face_hz,
            "rung": self.plan.rung.number(), "redundancy": self.plan.redundancy, "audio_ms": self.plan.audio_ms,
            "audio_bit_per_s": self.plan.audio_bit_s, "tracker_malformed": notes,
        })
    }

    fn seconds(&self, now: Timestamp) -> f64 {
        now.0.saturating_sub(self.start.0) as f64 / NANOSECONDS
    }

    /// Sends all that is due.
    pub(crate) fn tick(&mut self, now: Timestamp, call: &Call) -> Result<()> {
        self.speak(now, call)?;
        let passed = now.0.saturating_sub(self.last_tick.0) as f64 / NANOSECONDS;
        self.last_tick = now;
        let seconds = self.seconds(now);
        let mut frames = std::mem::take(&mut self.frames);
        let mut is_tracking = true;
        match &mut self.faces {
            Faces::Recorded { performance, repeats, next, round, rest } => loop {
                let Some(frame) = performance.frames.get(*next) else {
                    let is_over = seconds >= (*round + 1) as f64 * performance.seconds;
                    if is_over && !*repeats {
                        if rest.is_none() {
                            self.news = Some(OVER);
                        }
                        let rest = rest.get_or_insert_with(|| Box::new(Rest::after(&performance.frames)));
                        rest.advance(seconds, &mut frames);
                    }
                    if !is_over || !*repeats {
                        break;
                    }
                    (*next, *round) = (0, *round + 1);
                    continue;
                };
                let due = frame.time.as_seconds() + *round as f64 * performance.seconds;
                if due > seconds {
                    break;
                }
                frames.push(FaceFrame { time: Timestamp::from_seconds(due), ..*frame });
                *next += 1;
            },
            Faces::Live(tracker) => {
                tracker.poll(seconds, &mut frames)?;
                is_tracking = tracker.is_tracking(seconds);
                // The driver's own clock began with its first sample.
                frames.iter_mut().for_each(|frame| frame.time = Timestamp::from_seconds(seconds));
                frames.drain(..frames.len().saturating_sub(1));
            }
            Faces::Voice => is_tracking = false,
            Faces::Nobody => {}
        }
        let way = passed / LIPS_EASE;
        self.lips_weight = (self.lips_weight + if is_tracking { -way } else { way }).clamp(0.0, 1.0);
        if !is_tracking && frames.is_empty() {
            let due = self.last_face.map_or(0, |last| last.0 + (NANOSECONDS / VOICE_FACE_HZ) as u64);
            if now.0 >= due {
                frames.push(FaceFrame { time: Timestamp::from_seconds(seconds), ..self.last_frame });
            }
        }
        for mut frame in frames.drain(..) {
            self.last_frame = frame;
            if self.lips_weight > 0.0 {
                self.lips.lips().apply(&mut frame.latent, self.lips_weight as f32);
            }
            self.show(frame, call)?;
        }
        self.frames = frames;
        Ok(())
    }

    fn show(&mut self, frame: FaceFrame, call: &Call) -> Result<()> {
        let capture = Timestamp(self.start.0.saturating_add(frame.time.0));
        if self.last_face.is_some_and(|last| capture.0 < last.0 + 500_000)
            || !self.pacer.wants(capture, &self.plan)
        {
            return Ok(());
        }
        self.last_face = Some(capture);
        let frame = FaceFrame { time: capture, ..frame };
        let frame = self.tuner.as_mut().map_or(frame, |tuner| tuner.apply_frame(&frame));
        self.latents.write(&frame, &mut self.packet).context("coding a face")?;
        // The call itself puts faces together; what stands still is left out here.
        let is_still = self.packet.len() == 1;
        if !self.pacer.sends(is_still, &self.plan) {
            return Ok(());
        }
        match call.send_face(&self.packet).context("sending a face")? {
            Sent::Sent | Sent::Held => {
                // What others get is what is signed for, and what is recorded.
                if self.keeps {
                    self.kept_faces.push((capture, self.packet.clone()));
                }
                self.sent.faces += 1;
                self.sent.face_bytes += self.packet.len() as u64;
            }
            Sent::Congested => self.sent.held_back += 1,
            Sent::Hidden | Sent::Nobody => self.sent.hidden += 1,
        }
        Ok(())
    }

    fn speak(&mut self, now: Timestamp, call: &Call) -> Result<()> {
        let Some(encoder) = &mut self.encoder else { return Ok(()) };
        let due = (now.0.saturating_sub(self.start.0) as f64 / NANOSECONDS * f64::from(VOICE_RATE)) as u64;
        let mut block = Vec::new();
        let capture = match &mut self.voices {
            Voices::Nobody => return Ok(()),
            Voices::Microphone(microphone) => microphone.read(now, &mut block),
            Voices::Recorded => {
                let Faces::Recorded { performance, repeats, .. } = &self.faces else { return Ok(()) };
                let period = (performance.seconds * f64::from(VOICE_RATE)) as u64;
                block.extend((self.taken..due).map(|n| {
                    let n = if *repeats { n % period.max(1) } else { n };
                    performance.voice.get(n as usize).copied().unwrap_or(0.0)
                }));
                Timestamp(self.start.0 + (self.taken as f64 / f64::from(VOICE_RATE) * NANOSECONDS) as u64)
            }
        };
        self.taken = due;
        if block.is_empty() {
            return Ok(());
        }
        if self.keeps {
            self.kept_voice.push((capture, block.clone()));
        }
        self.meter.take(&block, block.len() as f32 / VOICE_RATE as f32);
        self.lips.push(&block);
        encoder.push(&block, capture, &mut self.coded).context("coding the voice")?;
        for EncodedVoice { payload, capture } in self.coded.drain(..) {
            if matches!(call.send_audio(&payload, capture).context("sending the voice")?, Sent::Sent) {
                self.sent.voices += 1;
                self.sent.voice_bytes += payload.len() as u64;
            }
        }
        Ok(())
    }

    /// Looks at the path and decides what is sent from now on; every 100 ms or so.
    pub(crate) fn adapt(&mut self, call: &Call) -> Result<()> {
        let plan = self.rate.follow(call);
        if plan != self.plan {
            self.plan = plan;
            self.latents.set_rung(plan.rung);
            self.latents.set_repeats(plan.redundancy, plan.coarser);
            if let Some(encoder) = &mut self.encoder {
                encoder.set_bitrate(plan.audio_bit_s).context("the voice's bit rate")?;
                encoder.set_frame(VoiceFrame::of_milliseconds(plan.audio_ms.into()));
            }
        }
        if let Some(encoder) = &mut self.encoder {
            encoder.set_expected_loss(self.rate.expected_loss()).context("the voice's expected loss")?;
        }
        Ok(())
    }

    /// What the rate controller believes the path carries, bit/s.
    pub(crate) fn budget_bit_s(&self) -> f64 {
        self.rate.state().budget_bit_s
    }
}
