//! `visavis bench`: how long each stage of a frame takes, and how long others take for theirs, frame by frame in turn.

mod call;
mod codec;
mod codec_chart;
mod codec_video;
mod peers;
mod playout;
mod python;
mod raster;
mod room;
mod stats;

use std::path::PathBuf;

use anyhow::{Result, ensure};
use serde_json::{Map, Value, json};
use visavis_codec::glam::{Quat, Vec3};
use visavis_codec::{FaceFrame, FaceUnit, HeadPose, Latent, Timestamp};

use self::peers::{NAMES, Peers};
use self::raster::Raster;
use self::stats::Samples;
use crate::painter::{Behind, Executor, Painter};
use crate::render::Camera;
use crate::{avatar_file, interrupt, progress};

/// Measures how long an avatar's frames take
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  visavis bench assets/avatars/wren.avatar
  visavis bench call                                        live calls over bad networks
  visavis bench codec                                       the latent bitstream: bits against picture quality
  visavis bench room                                        crowds, the second eye, avatars that come and go, other lights
  visavis --json bench wren.avatar --peers --frames 100 | jq '.frame_ms.median, .peers'

With --peers, ONNX Runtime (from PyPI, in a virtual environment that this makes) runs after each of our frames, on as many
threads: the same decoder, and the decoder of Deep Appearance Models in its `base` size, both with random weights.

The CPU executor shades each tile while it rasterises it. raster_ms is the same frame rasterised once more without shading,
and shade_ms what the frame's own raster-and-shade stage took beyond that; frame_ms holds no extra pass."
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    what: Option<What>,
    /// The avatar
    #[arg(default_value = "assets/avatars/wren.avatar")]
    avatar: PathBuf,
    /// How many frames are measured
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    frames: u32,
    /// Pixels a side
    #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u32).range(16..=4096))]
    size: u32,
    /// What draws
    #[arg(long, value_enum, default_value_t = Executor::Auto)]
    executor: Executor,
    /// Threads, ours and the peers'; all cores unless said
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Measure others beside ours
    #[arg(long)]
    peers: bool,
}

/// What else can be measured.
#[derive(Debug, clap::Subcommand)]
enum What {
    Call(call::Arguments),
    Codec(codec::Arguments),
    Room(room::Arguments),
}

/// Frames that aren't measured: pipelines are compiled and buffers grow in them.
const WARM_UP: u32 = 5;

/// The stages, in the report's order.
const STAGES: [&str; 7] =
    ["decode_ms", "skin_ms", "raster_ms", "shade_ms", "composite_ms", "readback_ms", "frame_ms"];

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<Value> {
    let Arguments { what, avatar, frames, size, executor, threads, peers } = arguments;
    match what {
        Some(What::Call(arguments)) => return call::run(arguments),
        Some(What::Codec(arguments)) => return codec::run(arguments),
        Some(What::Room(arguments)) => return room::run(arguments),
        None => {}
    }
    ensure!(
        *executor != Executor::Reference,
        "--executor reference: it is there to be right, and is not timed"
    );
    let file = avatar_file::read(avatar)?;
    let threads =
        threads.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from);
    let mut peers = if *peers { Some(Peers::start(&file.avatar, threads)?) } else { None };
    let mut painter = Painter::new(file.avatar, *executor, Some(threads))?;
    let is_cpu = painter.executor() == "cpu";
    let mut raster = is_cpu.then(|| Raster::new(painter.avatar(), threads)).transpose()?;
    let view = Camera::default().view(0.0, 1.0);
    let mut stages: [Samples; STAGES.len()] = Default::default();
    let mut peer_times: [Samples; NAMES.len()] = Default::default();
    let mut shaded_pixels = 0usize;
    let bar = progress::bar(u64::from(*frames), "frames");
    for n in 0..WARM_UP + frames {
        interrupt::check()?;
        let face = face(n);
        let picture = painter.paint(&face, &view, [*size; 2], Behind::Nothing)?;
        let shaded = picture.chunks_exact(4).filter(|pixel| pixel[3] > 0).count();
        let raster_ms = raster.as_mut().map(|raster| raster.run(&face, &view, [*size; 2])).transpose()?;
        if n < WARM_UP {
            continue;
        }
        shaded_pixels += shaded;
        if let Some(timings) = painter.timings() {
            let times = [
                Some(timings.decode_ms),
                timings.skin_ms,
                raster_ms,
                Some((timings.shade_ms - raster_ms.unwrap_or(0.0)).max(0.0)),
                Some(timings.composite_ms),
                Some(timings.readback_ms),
                Some(timings.frame_ms),
            ];
            for (samples, time) in stages.iter_mut().zip(times) {
                time.into_iter().for_each(|time| samples.push(time));
            }
        }
        if let Some(peers) = &mut peers {
            for (name, samples) in NAMES.iter().zip(&mut peer_times) {
                samples.push(peers.run(name)?);
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();

    let mut report = Map::new();
    report.insert("adapter".to_owned(), json!(painter.adapter()));
    report.insert("executor".to_owned(), json!(painter.executor()));
    report.insert("threads".to_owned(), json!(threads));
    report.insert("frames".to_owned(), json!(frames));
    report.insert("width".to_owned(), json!(size));
    report.insert("height".to_owned(), json!(size));
    for (name, samples) in STAGES.iter().zip(&stages) {
        report.insert((*name).to_owned(), samples.to_json());
    }
    if !is_cpu {
        let skin = "vertices are skinned in the compute pass that decodes them: decode_ms has both";
        report.insert("skin_ms_reason".to_owned(), json!(skin));
        let raster = "fragments are shaded as they are rasterised, in one pass: shade_ms has both";
        report.insert("raster_ms_reason".to_owned(), json!(raster));
    }
    let avatar = painter.avatar();
    report.insert("decode_macs".to_owned(), json!(avatar.decode_macs()));
    report.insert("pixel_macs".to_owned(), json!(avatar.pixel_macs()));
    report.insert("shaded_pixels".to_owned(), json!(shaded_pixels / *frames as usize));
    report.insert("vertices".to_owned(), json!(avatar.mesh.mean.len()));
    report.insert("avatar_bytes".to_owned(), json!(file.bytes));
    let gpu_bytes = painter.gpu_bytes();
    report.insert("gpu_bytes".to_owned(), json!(gpu_bytes));
    if gpu_bytes.is_none() {
        let reason = "wgpu's back end for this adapter does not report what it has allocated";
        report.insert("gpu_bytes_reason".to_owned(), json!(reason));
    }
    if let Some(peers) = &peers {
        let mut group = Map::new();
        for (name, samples) in NAMES.iter().zip(&peer_times) {
            group.insert(format!("{name}_ms"), samples.to_json());
        }
        group.insert("onnxruntime".to_owned(), peers.facts["version"].clone());
        group.insert("macs".to_owned(), peers.facts["macs"].clone());
        report.insert("peers".to_owned(), Value::Object(group));
    }
    tell(&report);
    Ok(Value::Object(report))
}

/// A face that never stands still, so that no stage can reuse the last frame's work.
fn face(n: u32) -> FaceFrame {
    let t = n as f32 * 0.21;
    let mut latent = Latent::NEUTRAL;
    *latent.unit_mut(FaceUnit::JawOpen) = 0.3 + 0.3 * t.sin();
    *latent.unit_mut(FaceUnit::MouthSmileLeft) = 0.5 + 0.5 * (0.7 * t).sin();
    *latent.unit_mut(FaceUnit::MouthSmileRight) = 0.5 + 0.5 * (0.8 * t).sin();
    *latent.unit_mut(FaceUnit::BrowInnerUp) = 0.5 + 0.5 * (0.4 * t).cos();
    latent.gaze.left_yaw = 0.2 * (1.3 * t).sin();
    latent.gaze.right_yaw = latent.gaze.left_yaw;
    let head = HeadPose { rotation: Quat::from_rotation_y(0.1 * (0.3 * t).sin()), translation: Vec3::ZERO };
    FaceFrame { time: Timestamp(u64::from(n) * 33_333_333), latent, head }
}

/// The same for a person to read.
fn tell(report: &Map<String, Value>) {
    let row = |name: &str, value: &Value| {
        if let Some(median) = value["median"].as_f64() {
            let (p10, p90) =
                (value["p10"].as_f64().unwrap_or(median), value["p90"].as_f64().unwrap_or(median));
            eprintln!("  {:<24} {median:>8.2} ms  ({p10:.2} to {p90:.2})", name.trim_end_matches("_ms"));
        }
    };
    eprintln!("median (10 % to 90 %)");
    STAGES.iter().for_each(|name| row(name, &report[*name]));
    if let Some(peers) = report.get("peers").and_then(Value::as_object) {
        peers.iter().for_each(|(name, value)| row(name, value));
    }
}
