//! `visavis bench codec`: what the latent bitstream costs, and what it does to the picture.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Map, Value, json};
use visavis_codec::bitstream::{Form, LatentReader, LatentWriter, Quantiser, ReadFrame, Rung, WriterOptions};
use visavis_codec::drive::performance::read_csv;
use visavis_codec::performance::range_of_motion;
use visavis_codec::reference;
use visavis_codec::train::Capture;
use visavis_codec::{Avatar, FaceFrame};

use super::codec_chart::{Chart, Series};
use super::codec_video;
use super::stats::Samples;
use crate::eval::{drive, truth};
use crate::metrics::{Rgb8, flip_map, head_mask, mean_inside, psnr_db};
use crate::painter::{Behind, Executor, Painter};
use crate::render::Camera;
use crate::{avatar_file, interrupt, progress};

/// Measures the latent bitstream: kbit/s against picture quality, for both forms at every rung
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  visavis bench codec
  visavis --json bench codec --performance range-of-motion | jq '.rungs[] | {form, kbit_per_s, psnr_db}'
  visavis bench codec --frames 60 --chart codec.png --peers

Quality is measured on some frames of the performance, rendered by the CPU executor at 512 x 512 over mid-grey, inside the
head: the picture of what comes out of the codec against the picture of what went in. psnr_loss_db is what the steps cost
against path-traced truth, on the pictures of --truth. kbit_per_s is payload; kbit_per_s_with_headers adds 90 bytes a packet:
IP, UDP, QUIC, MoQ and encryption.

With --peers, the same latents go as plain 8-bit numbers through zstd, and the rendered video through ffmpeg's x264, x265 and
SVT-AV1 at slow presets; their kbit/s at our mean \u{a74b}LIP is interpolated.")]
pub(crate) struct Arguments {
    /// The avatar
    #[arg(default_value = "assets/avatars/wren.avatar")]
    avatar: PathBuf,
    /// A table of face signals at a steady rate, or the word range-of-motion: every unit through its range, fast
    #[arg(long, value_name = "CSV", default_value = "assets/performance/hello.csv")]
    performance: PathBuf,
    /// A capture, or an extract of one, for psnr_loss_db [default: assets/eval/NAME of the avatar, if it is there]
    #[arg(long, value_name = "CAPTURE")]
    truth: Option<PathBuf>,
    /// Judge this many frames, evenly spread
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    frames: u32,
    /// Frames that a packet of the packet form holds again
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(0..=7))]
    repeats: u8,
    /// Draw kbit/s against quality
    #[arg(long, value_name = "PNG")]
    chart: Option<PathBuf>,
    /// Measure others beside ours
    #[arg(long)]
    peers: bool,
    /// How many frames of the video the peers code
    #[arg(long, default_value_t = 150, value_parser = clap::value_parser!(u32).range(2..=100_000))]
    video_frames: u32,
}

/// Pixels a side.
pub(super) const SIZE: u32 = 512;
/// What stands behind the head.
const MID_GREY: [u8; 3] = [128; 3];
/// Bytes of headers a packet, as `kbit_per_s_with_headers` counts them: IPv4 20, UDP 8, QUIC 30, WebTransport and MoQ 12,
/// SFrame and its tag 20.
const HEADER_BYTES: f64 = 90.0;
/// How many pictures psnr_loss_db is measured on, at most.
const TRUTH_PICTURES: usize = 16;

/// What one form costs at one rung.
struct Cost {
    form: Form,
    rung: Rung,
    bytes: usize,
    largest: usize,
}

/// What the steps of one rung do to the picture.
#[derive(Clone, Copy, Default)]
struct Quality {
    psnr_db: f64,
    flip_mean: f64,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<Value> {
    let file = avatar_file::read(&arguments.avatar)?;
    let avatar = file.avatar;
    let frames = performance(arguments, &avatar)?;
    let quantiser = Quantiser::new(&avatar.manifest.latent)
        .with_context(|| format!("{}: its latent model", arguments.avatar.display()))?;
    let fps = frames_per_second(&frames)?;
    let seconds = frames.len() as f64 / fps;

    let mut times = [Samples::default(), Samples::default()];
    let mut costs = Vec::new();
    for form in [Form::Stream, Form::Packet] {
        for rung in Rung::ALL {
            costs.push(code(&quantiser, &frames, form, rung, arguments.repeats, &mut times)?);
        }
    }

    let mut painter = Painter::new(avatar, Executor::Cpu, None)?;
    let qualities = qualities(&mut painter, &quantiser, &frames, arguments.frames as usize)?;
    let losses = losses(arguments, &mut painter, &quantiser)?;

    let mut rungs = Vec::new();
    eprintln!(
        "{:<7} {:>4} {:>9} {:>8} {:>8} {:>8} {:>8}",
        "form", "rung", "kbit/s", "PSNR dB", "FLIP", "loss dB", "max B"
    );
    for Cost { form, rung, bytes, largest } in &costs {
        let number = usize::from(rung.number());
        let Quality { psnr_db, flip_mean } = qualities[number];
        let loss = losses.as_ref().map(|losses| losses[number]);
        let kbit = *bytes as f64 * 8e-3 / seconds;
        let form = if *form == Form::Stream { "stream" } else { "packet" };
        let loss_shown = loss.map_or("-".to_owned(), |loss| format!("{loss:.3}"));
        eprintln!(
            "{form:<7} {number:>4} {kbit:>9.2} {psnr_db:>8.2} {flip_mean:>8.5} {loss_shown:>8} {largest:>8}"
        );
        rungs.push(json!({
            "form": form, "rung": number, "step_factor": rung.factor(), "kbit_per_s": kbit,
            "kbit_per_s_with_headers": kbit + frames.len() as f64 * HEADER_BYTES * 8e-3 / seconds,
            "bytes_a_packet": *bytes as f64 / frames.len() as f64, "largest_packet_bytes": largest,
            "psnr_db": psnr_db, "flip_mean": flip_mean, "psnr_loss_db": loss,
        }));
    }
    let micros = |samples: &Samples| samples.quantile(0.5).map(|ms| ms * 1e3);
    let mut report = Map::new();
    report.insert("performance".to_owned(), json!(arguments.performance));
    report.insert("frames".to_owned(), json!(frames.len()));
    report.insert("frames_judged".to_owned(), json!(spread(frames.len(), arguments.frames as usize).len()));
    report.insert("fps".to_owned(), json!(fps));
    report.insert("repeats".to_owned(), json!(arguments.repeats));
    report.insert("rungs".to_owned(), json!(rungs));
    report.insert("encode_us".to_owned(), json!(micros(&times[0])));
    report.insert("decode_us".to_owned(), json!(micros(&times[1])));
    let [taken, shown] = super::playout::play_out(&frames)?;
    report.insert("playout_push_us".to_owned(), json!(micros(&taken)));
    report.insert("playout_show_us".to_owned(), json!(micros(&shown)));
    if losses.is_none() {
        let reason = "no capture to compare with: name one with --truth";
        report.insert("psnr_loss_reason".to_owned(), json!(reason));
    }
    eprintln!(
        "a frame, median over both forms: {:.1} \u{b5}s to code, {:.1} \u{b5}s to read; play-out {:.1} \u{b5}s to take, {:.1} \u{b5}s to show",
        micros(&times[0]).unwrap_or(0.0),
        micros(&times[1]).unwrap_or(0.0),
        micros(&taken).unwrap_or(0.0),
        micros(&shown).unwrap_or(0.0)
    );

    let mut series = ours(&costs, &qualities, seconds);
    if arguments.peers {
        let points: Vec<(f64, f64)> = costs
            .iter()
            .map(|cost| {
                (cost.bytes as f64 * 8e-3 / seconds, qualities[usize::from(cost.rung.number())].flip_mean)
            })
            .collect();
        let peers = peers(&mut painter, &frames, fps, arguments.video_frames as usize, &points, &mut series)?;
        report.insert("peers".to_owned(), peers);
    }
    if let Some(path) = &arguments.chart {
        let title = "kbit/s against PSNR of the picture (dB), to what goes in";
        Chart { title, series: &series }.write(path)?;
        report.insert("chart".to_owned(), json!(path));
    }
    Ok(Value::Object(report))
}

/// The frames to code.
fn performance(arguments: &Arguments, avatar: &Avatar) -> Result<Vec<FaceFrame>> {
    let path = &arguments.performance;
    if path.as_os_str() == "range-of-motion" {
        return Ok(range_of_motion(30.0, avatar.residual()));
    }
    let text = avatar_file::read_bounded(path, 64 << 20)?;
    let table =
        read_csv(&text).with_context(|| format!("{}: not a table of face signals", path.display()))?;
    ensure!(table.notes.malformed == 0, "{}: {}", path.display(), table.notes.first.join("; "));
    Ok(table.frames().collect())
}

fn frames_per_second(frames: &[FaceFrame]) -> Result<f64> {
    let (Some(first), Some(last)) = (frames.first(), frames.last()) else {
        anyhow::bail!("the performance has no frame");
    };
    ensure!(frames.len() > 1, "the performance has one frame; a rate takes two");
    Ok((frames.len() - 1) as f64 / (last.time.as_seconds() - first.time.as_seconds()))
}

/// `0..n` thinned out evenly to at most `limit`.
fn spread(n: usize, limit: usize) -> Vec<usize> {
    let count = n.min(limit);
    (0..count).map(|i| i * n / count).collect()
}

/// Codes all frames and reads them back; the times of each frame, milliseconds, go to `times`.
fn code(
    quantiser: &Quantiser,
    frames: &[FaceFrame],
    form: Form,
    rung: Rung,
    repeats: u8,
    times: &mut [Samples; 2],
) -> Result<Cost> {
    let defaults = if form == Form::Stream { WriterOptions::stream() } else { WriterOptions::packet() };
    let mut writer = LatentWriter::new(quantiser.clone(), WriterOptions { rung, repeats, ..defaults });
    let mut reader = LatentReader::new(quantiser.clone());
    let (mut packet, mut bytes, mut largest) = (Vec::new(), 0, 0);
    for frame in frames {
        let start = Instant::now();
        writer.write(frame, &mut packet).context("coding")?;
        times[0].push(start.elapsed().as_secs_f64() * 1e3);
        let start = Instant::now();
        let newest: Option<ReadFrame> =
            reader.read(&packet).context("reading what was coded")?.last().copied();
        times[1].push(start.elapsed().as_secs_f64() * 1e3);
        // Quality is measured on snapped frames: the codec must give just these.
        let snapped = quantiser.snap(frame, rung).context("a frame that is no frame")?;
        let same =
            newest.is_some_and(|read| read.face.latent == snapped.latent && read.face.head == snapped.head);
        ensure!(same, "the frame at {} s does not come back as it was quantised", frame.time.as_seconds());
        bytes += packet.len();
        largest = largest.max(packet.len());
    }
    Ok(Cost { form, rung, bytes, largest })
}

/// The face of a frame, drawn from the front over mid-grey.
fn picture(painter: &mut Painter, frame: &FaceFrame) -> Result<Rgb8> {
    let view = Camera::default().view(0.0, 1.0);
    let rgba = painter.paint(frame, &view, [SIZE; 2], Behind::Colour(MID_GREY))?;
    let pixels = rgba.chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
    Ok(Rgb8 { width: SIZE as usize, height: SIZE as usize, pixels })
}

/// Where the head is in that picture.
fn mask(avatar: &Avatar, frame: &FaceFrame) -> Vec<u8> {
    let view = Camera::default().view(0.0, 1.0);
    let image = reference::render(avatar, frame, &view, [SIZE; 2]);
    let parts: Vec<u8> = image.part.iter().map(|part| part.map_or(0, |part| part as u8)).collect();
    head_mask(&parts)
}

/// What each rung does to the picture: PSNR of the mean squared error over frames, mean ꟻLIP.
fn qualities(
    painter: &mut Painter,
    quantiser: &Quantiser,
    frames: &[FaceFrame],
    limit: usize,
) -> Result<Vec<Quality>> {
    let chosen = spread(frames.len(), limit);
    let mut sums = vec![Quality::default(); Rung::ALL.len()];
    let bar = progress::bar(chosen.len() as u64, "frames judged");
    for &i in &chosen {
        interrupt::check()?;
        let before = picture(painter, &frames[i])?;
        let mask = mask(painter.avatar(), &frames[i]);
        for (rung, sum) in Rung::ALL.into_iter().zip(&mut sums) {
            let snapped = quantiser.snap(&frames[i], rung).context("a frame that is no frame")?;
            let after = picture(painter, &snapped)?;
            let db = psnr_db(&after, &before, &mask).context("the head is not in the picture")?;
            let flip = flip_map(&after, &before).and_then(|map| mean_inside(&map, &mask));
            sum.psnr_db += db;
            sum.flip_mean += flip.context("the head is not in the picture")?;
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    let count = chosen.len() as f64;
    Ok(sums
        .into_iter()
        .map(|sum| Quality { psnr_db: sum.psnr_db / count, flip_mean: sum.flip_mean / count })
        .collect())
}

/// How much PSNR against path-traced pictures each rung's steps cost; `None` without such pictures.
fn losses(arguments: &Arguments, painter: &mut Painter, quantiser: &Quantiser) -> Result<Option<Vec<f64>>> {
    let usual = PathBuf::from("assets/eval").join(&painter.avatar().manifest.name);
    let folder = match &arguments.truth {
        Some(folder) => folder.clone(),
        None if usual.is_dir() => usual,
        None => return Ok(None),
    };
    let capture = Capture::read(&folder)?;
    let pictures: Vec<_> = truth::pictures(&capture, "test").collect();
    ensure!(!pictures.is_empty(), "{}: no picture of the split `test`", folder.display());
    let chosen = spread(pictures.len(), TRUTH_PICTURES);
    let mut sums = vec![0.0; Rung::ALL.len()];
    let bar = progress::bar(chosen.len() as u64, "pictures of truth");
    for &i in &chosen {
        interrupt::check()?;
        let (frame, camera) = pictures[i];
        let truth = truth::read(&capture, frame, camera)?;
        let mask = head_mask(&truth.parts);
        let seen = &capture.cameras[camera]; // it was there when the picture was read
        let face = drive::drives(frame).units;
        let mut psnr = |face: &FaceFrame| -> Result<f64> {
            let rgba = painter.paint(face, &seen.view, seen.size, Behind::Colour(MID_GREY))?;
            let pixels = rgba.chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect();
            let [width, height] = seen.size.map(|n| n as usize);
            psnr_db(&Rgb8 { width, height, pixels }, &truth.image, &mask)
                .context("the head is not in the picture")
        };
        let unquantised = psnr(&face)?;
        for (rung, sum) in Rung::ALL.into_iter().zip(&mut sums) {
            *sum += unquantised - psnr(&quantiser.snap(&face, rung).context("a frame that is no frame")?)?;
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(Some(sums.into_iter().map(|sum| sum / chosen.len() as f64).collect()))
}

/// Both forms' curves.
fn ours(costs: &[Cost], qualities: &[Quality], seconds: f64) -> Vec<Series> {
    [(Form::Stream, "OURS STREAM"), (Form::Packet, "OURS PACKET")]
        .into_iter()
        .map(|(form, name)| {
            let points = costs.iter().filter(|cost| cost.form == form).map(|cost| {
                (cost.bytes as f64 * 8e-3 / seconds, qualities[usize::from(cost.rung.number())].psnr_db)
            });
            Series { name: name.to_owned(), points: points.collect() }
        })
        .collect()
}

/// What others make of the same face; `ours` are kbit/s and ꟻLIP of our forms and rungs.
fn peers(
    painter: &mut Painter,
    frames: &[FaceFrame],
    fps: f64,
    video_frames: usize,
    ours: &[(f64, f64)],
    series: &mut Vec<Series>,
) -> Result<Value> {
    let mut peers = Map::new();
    let seconds = frames.len() as f64 / fps;
    let bytes = eight_bits(painter.avatar(), frames);
    let packed = zstd::bulk::compress(&bytes, 19).context("zstd")?;
    let kbit = |bytes: usize| bytes as f64 * 8e-3 / seconds;
    eprintln!("8-bit + zstd: {:.2} kbit/s (plain: {:.2})", kbit(packed.len()), kbit(bytes.len()));
    peers.insert(
        "zstd_8bit".to_owned(),
        json!({ "kbit_per_s": kbit(packed.len()), "plain_kbit_per_s": kbit(bytes.len()) }),
    );

    let shown = &frames[..video_frames.min(frames.len())];
    let judged = spread(shown.len(), 12);
    let bar = progress::bar(shown.len() as u64, "frames rendered for the peers");
    let (mut raw, mut masks) = (Vec::new(), Vec::new());
    for (i, frame) in shown.iter().enumerate() {
        interrupt::check()?;
        raw.extend_from_slice(&picture(painter, frame)?.pixels);
        if judged.contains(&i) {
            masks.push((i, mask(painter.avatar(), frame)));
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    for codec in codec_video::CODECS {
        let mut report = match codec_video::measure(codec, &raw, fps, &masks)? {
            Ok(points) => {
                let curve: Vec<(f64, f64)> =
                    points.iter().map(|point| (point.flip_mean, point.kbit_per_s)).collect();
                let equal: Vec<Value> = ours
                    .iter()
                    .map(|&(kbit, flip)| {
                        let theirs = codec_video::at(&curve, flip);
                        json!({ "our_kbit_per_s": kbit, "flip_mean": flip, "kbit_per_s": theirs, "times_ours": theirs.map(|theirs| theirs / kbit) })
                    })
                    .collect();
                let points_shown = points.iter().map(|point| (point.kbit_per_s, point.psnr_db)).collect();
                series.push(Series { name: codec.name.to_uppercase(), points: points_shown });
                json!({ "preset": codec.preset, "points": points, "at_equal_flip": equal })
            }
            Err(reason) => {
                eprintln!("{}: skipped, {reason}", codec.name);
                json!({ "skipped": reason })
            }
        };
        peers.insert(codec.name.to_owned(), report.take());
    }
    Ok(Value::Object(peers))
}

/// The latents as one does it plainly: each axis a byte over its range, axis after axis.
fn eight_bits(avatar: &Avatar, frames: &[FaceFrame]) -> Vec<u8> {
    let axes = &avatar.manifest.latent.axes;
    let values = |frame: &FaceFrame| -> Vec<f32> {
        let latent = &frame.latent;
        let mut values = latent.units.to_vec();
        values.extend(latent.gaze.to_array());
        values.extend(&latent.residual[..avatar.residual()]);
        values.extend(frame.head.rotation_vector().to_array());
        values.extend(frame.head.translation.to_array());
        values
    };
    let table: Vec<Vec<f32>> = frames.iter().map(values).collect();
    let count = axes.len() + 6;
    let range = |axis: usize| match axes.get(axis) {
        Some(axis) => (axis.min, axis.max),
        None if axis < axes.len() + 3 => (-0.6, 0.6),
        None => (-0.05, 0.05),
    };
    let byte = |axis: usize, value: f32| {
        let (low, high) = range(axis);
        ((value - low) / (high - low).max(1e-6) * 255.0).round().clamp(0.0, 255.0) as u8
    };
    (0..count)
        .flat_map(|axis| table.iter().map(move |row| byte(axis, row[axis])).collect::<Vec<u8>>())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_chosen_evenly() {
        assert_eq!(spread(10, 3), [0, 3, 6]);
        assert_eq!(spread(2, 9), [0, 1]);
    }

    #[test]
    fn a_byte_an_axis_and_frame() {
        let avatar = visavis_codec::testing::synthetic_avatar(1, visavis_codec::testing::Preset::Tiny);
        let frames = range_of_motion(30.0, avatar.residual());
        let bytes = eight_bits(&avatar, &frames);
        assert_eq!(bytes.len(), (avatar.manifest.latent.axes.len() + 6) * frames.len());
        assert_eq!(
            *bytes[..frames.len()].iter().max().unwrap(),
            255,
            "the first unit goes through its range"
        );
    }
}
