//! `visavis drive`: what a face tracker says becomes a call or a video of an avatar.

mod capture;
pub(crate) mod input;
pub(crate) mod live;
pub(crate) mod recorder;
mod report;
mod video;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use visavis_codec::FaceFrame;
use visavis_codec::drive::{
    Driver, DriverOptions, NeutralEstimator, OneEuroOptions, Recording, SourceClock, Tick, TrackerMapping,
};

use self::input::{Input, Kind};
use self::live::Session;
use self::recorder::Recorder;
use self::report::Report;
use self::video::VideoArguments;
use crate::avatar_file::{self, read_bounded};
use crate::calibrate::tuner;
use crate::{interrupt, progress};

/// A mapping is a page of JSON.
const MAX_MAPPING_BYTES: usize = 1 << 20;
/// How long the first moments of a live source are, in which the face is to rest, seconds.
pub(crate) const LIVE_NEUTRAL_SECONDS: f64 = 1.5;

/// Drives an avatar from face tracking, recorded or live
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  visavis drive take_3.csv --avatar assets/avatars/wren.avatar -o take_3.mp4
  visavis drive take_3.csv --avatar wren.avatar -o take_3.mcap --neutral 2-3.5 --json
  visavis drive udp://:11111 --avatar wren.avatar -o live.mcap --seconds 60    Live Link Face, live
  visavis drive osc://:39539 --avatar wren.avatar -o live.mp4                  VMC protocol, until Ctrl-C
  visavis drive assets/eval/wren --segment talk_06 --avatar wren.avatar --driver wren.driver -o talk.mcap

Inputs: a recording of Live Link Face (.csv of the phone's app), a table of signals as assets/performance/hello.csv,
udp://[ADDRESS]:PORT for Live Link Face's stream, osc://[ADDRESS]:PORT for the VMC protocol, the folder of a capture, whose
pictures the owner's driver turns into what units can't say. Files are told by what is in them. Rows and datagrams that can't be read are named and left out. The face is held where the tracker sees none, eases to
neutral, and eases back. Formats and conventions: avatar-codec/DRIVE.md.")]
pub(crate) struct Arguments {
    /// A file, a capture's folder, udp://:11111 or osc://:39539
    #[arg(value_name = "INPUT")]
    input: Input,
    /// Whose face it moves
    #[arg(long, value_name = "FILE")]
    avatar: PathBuf,
    /// A recorded call (.mcap), or whatever `visavis render` writes: .mp4, .webm, .png, frames/%04d.png
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// What counts as this person's neutral face: auto (what each signal says most often; live: the first 1.5 s), first
    /// (the first second), FROM-TO (seconds), none [default: auto; none for tables of signals]
    #[arg(long, value_name = "WHEN")]
    neutral: Option<NeutralWhen>,
    /// How far smoothing may lag behind, in frames, 0 to 1; 0 switches it off
    #[arg(long, value_name = "FRAMES", default_value_t = 1.0, value_parser = parse_smooth)]
    smooth: f64,
    /// From this tracker's units to this avatar's (JSON; see DRIVE.md)
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    /// The owner's expression profile, applied before the face is coded: a file (.toml), or warmer, lively, calm; the face
    /// as it is unless said
    #[arg(long, value_name = "PROFILE")]
    profile: Option<PathBuf>,
    /// Of a live source: stop after so many seconds; else at Ctrl-C
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    seconds: Option<f64>,
    /// Of a capture: which segment [default: the only one]
    #[arg(long, value_name = "NAME")]
    segment: Option<String>,
    /// Of a capture: the owner's driver, for the residual [default: the avatar's name with .driver, if it is there]
    #[arg(long, value_name = "FILE")]
    driver: Option<PathBuf>,
    /// The sender's name in the call [default: the avatar's]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    video: VideoArguments,
}

/// What is taken as neutral.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum NeutralWhen {
    Auto,
    Span(f64, f64),
    None,
}

impl std::str::FromStr for NeutralWhen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let span = || {
            let (from, to) = text.split_once('-')?;
            let (from, to) = (from.parse::<f64>().ok()?, to.parse::<f64>().ok()?);
            (from >= 0.0 && to > from && to < 1e6).then_some(Self::Span(from, to))
        };
        match text {
            "auto" => Ok(Self::Auto),
            "first" => Ok(Self::Span(0.0, 1.0)),
            "none" => Ok(Self::None),
            _ => span().ok_or_else(|| {
                format!("`{text}` is none of auto, first, none, and no span of seconds as 2-3.5")
            }),
        }
    }
}

fn parse_smooth(text: &str) -> Result<f64, String> {
    let frames = text.parse::<f64>().ok().filter(|frames| (0.0..=1.0).contains(frames));
    frames.ok_or_else(|| format!("`{text}` is no number of frames within 0..=1"))
}

pub(crate) fn parse_seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| (0.1..=1e6).contains(seconds));
    seconds.ok_or_else(|| format!("`{text}` is no time in seconds within 0.1..=1000000"))
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<Value> {
    let Arguments {
        input,
        avatar,
        output,
        neutral,
        smooth,
        mapping,
        profile,
        seconds,
        segment,
        driver,
        name,
        video,
    } = arguments;
    let whose_driver = driver.as_deref();
    let file = avatar_file::read(avatar)?;
    let mapping = mapping.as_deref().map(read_mapping).transpose()?.unwrap_or_default();
    let smoothing = OneEuroOptions { max_delay_frames: *smooth, ..OneEuroOptions::default() };
    let driver = Driver::new(&file.avatar.manifest.latent, DriverOptions { mapping, smoothing });
    let driver = driver.with_context(|| format!("{}: can't be driven", avatar.display()))?;
    let tuner = profile.as_deref().map(|profile| tuner(profile, &file.avatar, avatar)).transpose()?;
    let mut recorder = Recorder::start(output, &file, name.as_deref(), tuner)?;
    // What a video can't be is said before anything is recorded for it.
    let video = video.prepare(recorder.path(), output, avatar)?;

    let folder = match input {
        Input::File(path) if path.is_dir() => Some(path),
        _ => None,
    };
    ensure!(
        folder.is_some() || (segment.is_none() && whose_driver.is_none()),
        "--segment and --driver are for the folder of a capture"
    );
    if let Some(folder) = folder {
        ensure!(
            neutral.is_none() && arguments.mapping.is_none() && seconds.is_none(),
            "{}: a capture is its owner's own: --neutral, --mapping and --seconds are for trackers",
            folder.display()
        );
        let driven = capture::drive(folder, segment.as_deref(), whose_driver, &file, &mut recorder)?;
        return Report::of_capture(folder.display().to_string(), driven).finish(recorder, video);
    }

    let (recorder, report) = match input {
        Input::File(path) => {
            ensure!(seconds.is_none(), "--seconds is for live sources; {} is a file", path.display());
            from_file(path, *neutral, driver, recorder)?
        }
        Input::Live { kind, address } => {
            ensure!(
                !matches!(neutral, Some(NeutralWhen::Span(from, _)) if *from > 0.0),
                "--neutral: of a live source only its beginning can be taken, as `first`"
            );
            let mut driver = driver;
            let rest = match neutral {
                None | Some(NeutralWhen::Auto) => Some(LIVE_NEUTRAL_SECONDS),
                Some(NeutralWhen::Span(_, to)) => Some(*to),
                Some(NeutralWhen::None) => None,
            };
            if let Some(rest) = rest {
                eprintln!(
                    "visavis: rest your face at first: {rest} s of it count as neutral (--neutral none: nothing does)"
                );
                driver.calibrate_first(rest);
            }
            Session::new(*kind, driver, recorder).run(address, *seconds)?
        }
    };
    report.tell();
    report.finish(recorder, video)
}

/// Drives from a whole file.
fn from_file(
    path: &Path,
    neutral: Option<NeutralWhen>,
    mut driver: Driver,
    mut recorder: Recorder,
) -> Result<(Recorder, Report)> {
    let (kind, recording) = input::read(path)?;
    driver.set_clock(recording.interval, recording.wrap);
    let when = neutral.unwrap_or(if kind == Kind::Signals { NeutralWhen::None } else { NeutralWhen::Auto });
    if let Some(neutral) =
        find_neutral(&recording, when).with_context(|| format!("{}: --neutral", path.display()))?
    {
        driver.set_neutral(neutral);
    }
    let bar = progress::bar(recording.samples.len() as u64, "samples");
    let mut frames: Vec<FaceFrame> = Vec::new();
    for (index, sample) in recording.samples.iter().enumerate() {
        if index % 64 == 0 {
            interrupt::check()?;
        }
        driver.push(sample.seconds, None, sample.signals.as_deref(), &mut frames);
        recorder.write(&mut frames)?;
        bar.inc(1);
    }
    driver.finish(&mut frames);
    recorder.write(&mut frames)?;
    bar.finish_and_clear();
    let report = Report::new(path.display().to_string(), kind, &driver, recording.notes.clone());
    Ok((recorder, report))
}

/// The neutral face of a recording.
pub(crate) fn find_neutral(
    recording: &Recording,
    when: NeutralWhen,
) -> Result<Option<visavis_codec::drive::Neutral>> {
    let (from, to) = match when {
        NeutralWhen::None => return Ok(None),
        NeutralWhen::Auto => (0.0, f64::INFINITY),
        NeutralWhen::Span(from, to) => (from, to),
    };
    let mut clock = SourceClock::new(recording.interval, recording.wrap);
    let mut estimator = NeutralEstimator::default();
    for sample in &recording.samples {
        if let (Tick::At(time), Some(signals)) = (clock.tick(sample.seconds, None), &sample.signals)
            && (from..to).contains(&time)
        {
            estimator.push(signals);
        }
    }
    let found = if when == NeutralWhen::Auto { estimator.mode() } else { estimator.median() };
    let found = found.with_context(|| {
        format!("no face is seen from {from} to {to} s; the recording is {:.1} s long", clock.elapsed())
    })?;
    Ok(Some(found))
}

fn read_mapping(path: &Path) -> Result<TrackerMapping> {
    let bytes = read_bounded(path, MAX_MAPPING_BYTES)?;
    let text = String::from_utf8(bytes).with_context(|| format!("{}: not a text", path.display()))?;
    TrackerMapping::from_json(&text).with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests;
