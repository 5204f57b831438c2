//! Whom a participant's face and voice come from: a recorded performance, or a tracker that is listened to.

use std::net::UdpSocket;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use visavis_codec::avatar::Manifest;
use visavis_codec::call::{CallReader, Voice};
use visavis_codec::drive::live::LiveSource;
use visavis_codec::drive::{Driver, Notes};
use visavis_codec::{FaceFrame, Timestamp};
use visavis_net::voice::{Resampler, VOICE_RATE};

use crate::avatar_file::read_bounded;
use crate::drive::input::{self, Input, Kind};
use crate::drive::live::{MAX_DATAGRAM, protocol};
use crate::drive::{LIVE_NEUTRAL_SECONDS, NeutralWhen, find_neutral};
use crate::render::{MAX_CALL_BYTES, recording};

/// Hours of a voice; a larger file is something else.
const MAX_WAV_BYTES: usize = 1 << 30;
/// A live source that has seen no face for so long, seconds, is lost.
const LOST: f64 = 0.4;
/// Datagrams that are taken at once, so that a flood of them can't stop the call.
const MAX_AT_ONCE: usize = 64;

/// A person who was recorded.
#[derive(Debug, Default)]
pub(crate) struct Performance {
    /// In order of time, from 0.
    pub(crate) frames: Vec<FaceFrame>,
    /// At 48 kHz, from 0; empty if there is none.
    pub(crate) voice: Vec<f32>,
    pub(crate) seconds: f64,
}

impl Performance {
    /// Reads a call, or whatever `visavis drive` reads, with its voice.
    pub(crate) fn read(
        path: &Path,
        avatar: &Manifest,
        neutral: Option<NeutralWhen>,
        voice: Option<&Path>,
    ) -> Result<Self> {
        let bytes = read_bounded(path, MAX_CALL_BYTES)?;
        let mut performance = if bytes.starts_with(b"\x89MCAP") {
            of_call(path, &bytes, avatar)?
        } else {
            of_table(path, avatar, neutral)?
        };
        drop(bytes);
        let beside = path.with_extension("wav");
        match voice {
            Some(voice) => performance.voice = read_voice(voice)?,
            None if performance.voice.is_empty() && beside.is_file() => {
                performance.voice = read_voice(&beside)?
            }
            None => {}
        }
        ensure!(!performance.frames.is_empty(), "{}: no face is in it", path.display());
        let sound = performance.voice.len() as f64 / f64::from(VOICE_RATE);
        let last = performance.frames.last().map_or(0.0, |frame| frame.time.as_seconds());
        performance.seconds = (last + 1.0 / 30.0).max(sound);
        Ok(performance)
    }
}

fn of_call(path: &Path, bytes: &[u8], avatar: &Manifest) -> Result<Performance> {
    let damaged = || format!("{}: not a usable call", path.display());
    let call = CallReader::recover(bytes).with_context(damaged)?;
    let (id, sender) =
        call.senders().next().with_context(|| format!("{}: nobody is in this call", path.display()))?;
    let mut frames = call.faces(id).with_context(damaged)?;
    if sender.latent != avatar.latent {
        recording::without_residual(&mut frames);
    }
    let mut sound =
        call.sound(sender.audio.sample_rate, &[Voice { sender: id, shift: 0 }]).with_context(damaged)?;
    let first = frames.first().map_or(u64::MAX, |frame| frame.time.0);
    let start = sound.span().map_or(first, |(start, _)| start.0.min(first));
    let mut voice = Vec::new();
    if let Some((_, end)) = sound.span() {
        let rate = sound.sample_rate();
        let count = (end.0 - start) as f64 * 1e-9 * f64::from(rate);
        ensure!(count < 2e9, "{}: its sound spans {count:.0} samples", path.display());
        let mut samples = vec![0i16; count as usize];
        sound.read(Timestamp(start), 0, &mut samples).with_context(damaged)?;
        voice = at_voice_rate(&samples, rate);
    }
    for frame in &mut frames {
        frame.time = Timestamp(frame.time.0 - start);
    }
    Ok(Performance { frames, voice, seconds: 0.0 })
}

fn of_table(path: &Path, avatar: &Manifest, neutral: Option<NeutralWhen>) -> Result<Performance> {
    let (kind, recording) = input::read(path)?;
    let driver = Driver::new(&avatar.latent, Default::default());
    let mut driver = driver.context("--avatar: can't be driven")?;
    driver.set_clock(recording.interval, recording.wrap);
    let when = neutral.unwrap_or(if kind == Kind::Signals { NeutralWhen::None } else { NeutralWhen::Auto });
    if let Some(neutral) =
        find_neutral(&recording, when).with_context(|| format!("{}: --neutral", path.display()))?
    {
        driver.set_neutral(neutral);
    }
    let mut frames = Vec::new();
    for sample in &recording.samples {
        driver.push(sample.seconds, None, sample.signals.as_deref(), &mut frames);
    }
    driver.finish(&mut frames);
    Ok(Performance { frames, voice: Vec::new(), seconds: 0.0 })
}

/// A voice alone: a WAV file of 16-bit samples, or a recorded call's.
fn read_voice(path: &Path) -> Result<Vec<f32>> {
    let bytes = read_bounded(path, MAX_WAV_BYTES)?;
    if bytes.starts_with(b"\x89MCAP") {
        bail!("{}: is a call; its voice comes along when it is what drives", path.display());
    }
    let wrong =
        |what: &str| anyhow::anyhow!("{}: {what}; a voice is a WAV file of 16-bit samples", path.display());
    let chunk = |id: &[u8], from: usize| -> Option<(usize, usize)> {
        let mut at = from;
        loop {
            let head = bytes.get(at..at + 8)?;
            let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
            if &head[..4] == id {
                return Some((at + 8, length));
            }
            at = at.checked_add(8)?.checked_add(length)?.checked_add(length % 2)?;
        }
    };
    if !bytes.starts_with(b"RIFF") || bytes.get(8..12) != Some(b"WAVE") {
        return Err(wrong("not a WAV file"));
    }
    let (at, _) = chunk(b"fmt ", 12).ok_or_else(|| wrong("it has no format"))?;
    let format = bytes.get(at..at + 16).ok_or_else(|| wrong("its format is cut off"))?;
    let u16_at = |i: usize| u16::from_le_bytes([format[i], format[i + 1]]);
    let rate = u32::from_le_bytes([format[4], format[5], format[6], format[7]]);
    let (coding, channels, bits) = (u16_at(0), usize::from(u16_at(2)), u16_at(14));
    if !matches!(coding, 1 | 0xfffe)
        || bits != 16
        || !(1..=8).contains(&channels)
        || !(8_000..=192_000).contains(&rate)
    {
        return Err(wrong(&format!("{channels} channels of {bits} bits at {rate} Hz, coding {coding}")));
    }
    let (at, length) = chunk(b"data", 12).ok_or_else(|| wrong("it has no sound"))?;
    let data = &bytes[at..at.saturating_add(length).min(bytes.len())];
    let mono: Vec<i16> = data
        .chunks_exact(2 * channels)
        .map(|frame| {
            let sum: i32 = frame.chunks_exact(2).map(|s| i32::from(i16::from_le_bytes([s[0], s[1]]))).sum();
            (sum / channels as i32) as i16
        })
        .collect();
    Ok(at_voice_rate(&mono, rate))
}

fn at_voice_rate(samples: &[i16], rate: u32) -> Vec<f32> {
    let samples: Vec<f32> = samples.iter().map(|&sample| f32::from(sample) / 32_768.0).collect();
    if rate == VOICE_RATE {
        return samples;
    }
    let mut out = Vec::new();
    let mut resampler = Resampler::new(rate, VOICE_RATE);
    resampler.push(&samples, &mut out);
    resampler.push(&[0.0; 64], &mut out);
    out
}

/// A tracker that is listened to.
pub(crate) struct Tracker {
    source: LiveSource,
    socket: UdpSocket,
    driver: Driver,
    has_clock: bool,
    buffer: Vec<u8>,
    tracked: u64,
    seen: Option<f64>,
}

impl Tracker {
    /// Listens at an address.
    pub(crate) fn listen(
        kind: Kind,
        address: &str,
        avatar: &Manifest,
        neutral: Option<NeutralWhen>,
    ) -> Result<Self> {
        let socket = UdpSocket::bind(address).with_context(|| {
            format!("{address}: can't listen there; is another program listening, or the address not this machine's?")
        })?;
        socket.set_nonblocking(true).context("the socket")?;
        let mut driver =
            Driver::new(&avatar.latent, Default::default()).context("--avatar: can't be driven")?;
        if neutral != Some(NeutralWhen::None) {
            eprintln!("visavis: rest your face at first: {LIVE_NEUTRAL_SECONDS} s of it count as neutral");
            driver.calibrate_first(LIVE_NEUTRAL_SECONDS);
        }
        let source = LiveSource::new(protocol(kind));
        Ok(Self {
            source,
            socket,
            driver,
            has_clock: false,
            buffer: vec![0; MAX_DATAGRAM],
            tracked: 0,
            seen: None,
        })
    }

    /// Takes what has come; `now` in seconds since the call began. Appends frames, with times of the driver's own.
    pub(crate) fn poll(&mut self, now: f64, frames: &mut Vec<FaceFrame>) -> Result<()> {
        for _ in 0..MAX_AT_ONCE {
            let bytes = match self.socket.recv(&mut self.buffer) {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error).context("receiving from the tracker"),
            };
            let Some(received) = self.source.receive(&self.buffer[..bytes], now) else { continue };
            if !self.has_clock {
                self.has_clock = true;
                self.driver.set_clock(received.interval.unwrap_or(1.0 / 30.0), self.source.wrap());
            }
            self.driver.push(received.seconds, Some(now), received.signals.as_ref(), frames);
        }
        self.driver.advance(now, frames);
        let tracked = self.driver.counts().tracked;
        if tracked > std::mem::replace(&mut self.tracked, tracked) {
            self.seen = Some(now);
        }
        Ok(())
    }

    /// Whether the tracker sees a face.
    pub(crate) fn is_tracking(&self, now: f64) -> bool {
        self.seen.is_some_and(|seen| now - seen < LOST)
    }

    pub(crate) fn notes(&self) -> &Notes {
        self.source.notes()
    }
}

/// What `--drive` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Drive {
    /// A recording or a tracker.
    Input(Input),
    /// The voice moves the lips, and nothing else moves.
    Voice,
}

impl std::str::FromStr for Drive {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "voice" {
            return Ok(Self::Voice);
        }
        // A recorded call is no input of `visavis drive`, but here it is.
        text.parse().map(Self::Input)
    }
}

impl Drive {
    pub(crate) fn file(&self) -> Option<&PathBuf> {
        match self {
            Self::Input(Input::File(path)) => Some(path),
            _ => None,
        }
    }
}
