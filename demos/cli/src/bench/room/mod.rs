//! `visavis bench room`: what many avatars, two eyes, other lights and avatars that come and go cost.

mod chart;
mod crowd;
mod detail;
mod relight;
mod stage;
mod stereo;
mod swap;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};
use visavis::Executor as Engines;
use visavis::headless::{Headless, HeadlessOptions};

use crate::avatar_file;

/// Measures avatars in a room: a crowd, the second eye, avatars that come and go, other lights
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  visavis bench room
  visavis bench room --frames 120 --chart crowd.png
  visavis --json bench room --only crowd --avatars 1,4,16 | jq '.crowd[] | {avatars, frame_ms, gpu_bytes}'

crowd: so many instances of the avatar in rows before one camera, each with a face of its own that never stands still; level
of detail by pixels on screen. frame_ms is the median over the frames, from the first command to the GPU's end; the same with
every avatar at its full level stands in crowd_full.

second_eye_ratio: a frame of two eyes less a frame of one, over what one eye's raster and shading take (the two by turns, so
that a busy machine slows both).

hot_swap_p99_ratio: the 99th percentile of frame times while avatars arrive as likenesses, become whole, are replaced and
evicted, over the 99th percentile while nothing comes or goes (stretches of both by turns).

With --only detail: the mean \u{a74b}LIP inside the avatar between each level of detail and the next, by its height on screen,
over frames of --performance; the default thresholds are chosen from it.

relight_psnr_db, relight_gain_db: ours under lights of the room against path-traced truth, and what that is worth over the
captured look; null where the pictures aren't there (--truth).")]
pub(crate) struct Arguments {
    /// The avatar
    #[arg(default_value = "assets/avatars/wren.avatar")]
    avatar: PathBuf,
    /// How many frames are measured for each figure
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(2..=100_000))]
    frames: u32,
    /// How many avatars, a list
    #[arg(long, value_delimiter = ',', default_values_t = [1, 4, 16, 64],
        value_parser = clap::value_parser!(u32).range(1..=1000))]
    avatars: Vec<u32>,
    /// Width of the crowd's picture, pixels; 9/16 of it high
    #[arg(long, default_value_t = 960, value_parser = clap::value_parser!(u32).range(64..=4096))]
    width: u32,
    /// Pixels a side of an eye
    #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u32).range(16..=4096))]
    eye: u32,
    /// What draws
    #[arg(long, value_enum, default_value_t = Executor::Auto)]
    executor: Executor,
    /// Threads for the CPU executor; all cores unless said
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Measure these alone
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<What>,
    /// Pictures under other lights [default: assets/eval/NAME/relight of the avatar]
    #[arg(long, value_name = "FOLDER")]
    truth: Option<PathBuf>,
    /// Draw the crowd's cost
    #[arg(long, value_name = "PNG")]
    chart: Option<PathBuf>,
    /// What the faces do while levels of detail are compared: a table of face signals
    #[arg(long, value_name = "CSV", default_value = "assets/performance/hello.csv")]
    performance: PathBuf,
    /// Save a picture of each level at each size here
    #[arg(long, value_name = "FOLDER")]
    levels: Option<PathBuf>,
    /// Save the largest crowd's picture
    #[arg(long, value_name = "PNG")]
    picture: Option<PathBuf>,
}

/// What draws; the readable reference is not timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Executor {
    /// The GPU where there is one, else the CPU
    Auto,
    /// SIMD on this machine's cores
    Cpu,
    /// Compute and fragment shaders
    Gpu,
}

/// The parts of the measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum What {
    /// 1, 4, 16, 64 avatars
    Crowd,
    /// The second eye
    Stereo,
    /// Avatars that come and go
    Swap,
    /// Other lights
    Relight,
    /// What one sees when an avatar changes its level of detail; only on request
    Detail,
}

/// Frames before any is measured: pipelines are compiled and buffers grow in them.
const WARM_UP: u32 = 5;

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<Value> {
    let file = avatar_file::read(&arguments.avatar)?;
    let wants = |what: What| arguments.only.is_empty() || arguments.only.contains(&what);
    let threads = arguments
        .threads
        .map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from);
    let new_headless = || -> Result<Headless> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .context("threads for the CPU executor")?;
        let executor = match arguments.executor {
            Executor::Auto => Engines::Auto,
            Executor::Cpu => Engines::Cpu,
            Executor::Gpu => Engines::Gpu,
        };
        let options = HeadlessOptions { executor, pool: Some(Arc::new(pool)), ..HeadlessOptions::default() };
        Headless::new(&options).context("setting up the engine")
    };

    let mut report = Map::new();
    let headless = new_headless()?;
    report.insert("adapter".to_owned(), json!(headless.adapter().name));
    let is_cpu = headless.engine().executor() == Engines::Cpu;
    report.insert("executor".to_owned(), json!(if is_cpu { "cpu" } else { "gpu" }));
    report.insert("threads".to_owned(), json!(threads));
    report.insert("frames".to_owned(), json!(arguments.frames));
    drop(headless);

    if wants(What::Relight) {
        let default = || arguments.avatar.with_extension("");
        let name = default().file_name().map(|name| name.to_owned()).unwrap_or_default();
        let beside = arguments.avatar.parent().and_then(|avatars| avatars.parent()).unwrap_or("".as_ref());
        let truth = arguments.truth.clone().unwrap_or_else(|| beside.join("eval").join(name).join("relight"));
        let relit = relight::measure(&file.avatar, &truth)?;
        report.insert("relight_psnr_db".to_owned(), json!(relit.map(|relit| relit.psnr_db)));
        report.insert("relight_gain_db".to_owned(), json!(relit.map(|relit| relit.gain_db)));
        match relit {
            Some(relight::Relit { psnr_db, gain_db }) => {
                eprintln!("relit against truth {psnr_db:.2} dB, {gain_db:+.2} dB over the captured look");
            }
            None => {
                let reason = format!("no pictures in {}", truth.display());
                report.insert("relight_reason".to_owned(), json!(reason));
            }
        }
    }
    if wants(What::Stereo) {
        let stereo = stereo::measure(&mut new_headless()?, &file.avatar, arguments.eye, arguments.frames)?;
        report.extend(stereo);
    }
    if wants(What::Swap) {
        let swap = swap::measure(&mut new_headless()?, &file, arguments.eye, arguments.frames)?;
        report.extend(swap);
    }
    if wants(What::Crowd) {
        let crowd = crowd::measure(&new_headless, &file.avatar, arguments)?;
        report.extend(crowd);
    }
    if arguments.only.contains(&What::Detail) {
        let Arguments { performance, frames, levels, .. } = arguments;
        let sizes =
            detail::measure(&mut new_headless()?, &file.avatar, performance, *frames, levels.as_deref())?;
        report.insert("detail".to_owned(), sizes);
    }
    Ok(Value::Object(report))
}
