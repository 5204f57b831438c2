//! Peers that code the picture: video encoders, through ffmpeg in a process of its own.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;

use super::codec::SIZE;
use crate::metrics::{Rgb8, flip_map, mean_inside, psnr_db};
use crate::render::ffmpeg;
use crate::{interrupt, progress};

/// A video encoder.
pub(super) struct VideoCodec {
    /// In the report.
    pub(super) name: &'static str,
    encoder: &'static str,
    pub(super) preset: &'static str,
    /// ffmpeg's container of nothing but the coded frames.
    container: &'static str,
    /// From fine to coarse.
    crfs: &'static [u32],
}

/// Those that are measured.
pub(super) const CODECS: &[VideoCodec] = &[
    VideoCodec {
        name: "x264",
        encoder: "libx264",
        preset: "veryslow",
        container: "h264",
        crfs: &[4, 10, 16, 24, 32],
    },
    VideoCodec {
        name: "x265",
        encoder: "libx265",
        preset: "slow",
        container: "hevc",
        crfs: &[4, 10, 16, 24, 32],
    },
    VideoCodec {
        name: "svt_av1",
        encoder: "libsvtav1",
        preset: "4",
        container: "ivf",
        crfs: &[6, 14, 24, 36, 48],
    },
];

/// What an encoder did at one quality.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Point {
    pub(super) crf: u32,
    pub(super) kbit_per_s: f64,
    pub(super) flip_mean: f64,
    pub(super) psnr_db: f64,
}

/// Codes a video (`[frames, SIZE, SIZE, 3]`, sRGB) at each quality and judges some of its frames inside their masks. The
/// inner error is the reason why this encoder can't be measured here.
pub(super) fn measure(
    codec: &VideoCodec,
    raw: &[u8],
    fps: f64,
    masks: &[(usize, Vec<u8>)],
) -> Result<Result<Vec<Point>, String>> {
    if !ffmpeg::has_encoder(codec.encoder)? {
        return Ok(Err(format!("this ffmpeg was built without {}", codec.encoder)));
    }
    let folder = tempfile::tempdir().context("a folder for the peers' files")?;
    let source = folder.path().join("source.rgb");
    std::fs::write(&source, raw).context("the video for the peers")?;
    let frame_bytes = (SIZE * SIZE * 3) as usize;
    let seconds = (raw.len() / frame_bytes) as f64 / fps;
    let bar = progress::bar(codec.crfs.len() as u64, codec.name);
    let mut points = Vec::new();
    for &crf in codec.crfs {
        interrupt::check()?;
        let coded = folder.path().join(format!("coded.{}", codec.container));
        encode(codec, crf, &source, fps, &coded)?;
        let bytes = std::fs::metadata(&coded).context("what the peer coded")?.len();
        let decoded = decode(&coded)?;
        ensure!(
            decoded.len() == raw.len(),
            "{}: decoded to {} bytes of {}",
            codec.name,
            decoded.len(),
            raw.len()
        );
        let (mut flip, mut psnr) = (0.0, 0.0);
        for (frame, mask) in masks {
            let picture = |bytes: &[u8]| Rgb8 {
                width: SIZE as usize,
                height: SIZE as usize,
                pixels: bytes[frame * frame_bytes..(frame + 1) * frame_bytes].to_vec(),
            };
            let (before, after) = (picture(raw), picture(&decoded));
            flip +=
                flip_map(&after, &before).and_then(|map| mean_inside(&map, mask)).context("an empty mask")?;
            psnr += psnr_db(&after, &before, mask).context("an empty mask")?;
        }
        let count = masks.len() as f64;
        let kbit_per_s = bytes as f64 * 8e-3 / seconds;
        points.push(Point { crf, kbit_per_s, flip_mean: flip / count, psnr_db: psnr / count });
        bar.inc(1);
    }
    bar.finish_and_clear();
    for Point { crf, kbit_per_s, flip_mean, psnr_db } in &points {
        eprintln!(
            "{:<8} crf {crf:<3} {kbit_per_s:>9.1} kbit/s  {psnr_db:>6.2} dB  FLIP {flip_mean:.5}",
            codec.name
        );
    }
    Ok(Ok(points))
}

fn encode(codec: &VideoCodec, crf: u32, source: &Path, fps: f64, coded: &Path) -> Result<()> {
    let mut command = Command::new(ffmpeg::program());
    command.args([
        "-hide_banner",
        "-loglevel",
        "error",
        "-nostats",
        "-y",
        "-f",
        "rawvideo",
        "-pixel_format",
        "rgb24",
    ]);
    command
        .args(["-video_size", &format!("{SIZE}x{SIZE}"), "-framerate", &fps.to_string(), "-i"])
        .arg(source);
    // Chroma in full where the encoder can: at half size it alone costs more quality than we measure.
    let format = if codec.encoder == "libsvtav1" { "yuv420p10le" } else { "yuv444p" };
    let convert = format!(
        "scale=out_color_matrix=bt709:out_range=tv:flags=accurate_rnd+full_chroma_int,format={format}"
    );
    command.args(["-vf", &convert, "-c:v", codec.encoder, "-preset", codec.preset, "-crf", &crf.to_string()]);
    if codec.encoder == "libx265" {
        command.args(["-x265-params", "log-level=error"]);
    }
    command.args(["-f", codec.container]).arg(coded).stdin(Stdio::null()).env("SVT_LOG", "1");
    run(command, codec.name).map(|_| ())
}

fn decode(coded: &Path) -> Result<Vec<u8>> {
    let mut command = Command::new(ffmpeg::program());
    command.args(["-hide_banner", "-loglevel", "error", "-nostats", "-i"]).arg(coded);
    let convert =
        "scale=in_color_matrix=bt709:in_range=tv:flags=accurate_rnd+full_chroma_int+full_chroma_inp";
    command.args(["-vf", convert, "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"]).stdin(Stdio::null());
    run(command, "decoding")
}

fn run(mut command: Command, what: &str) -> Result<Vec<u8>> {
    let output = command.stderr(Stdio::piped()).output().context("ffmpeg could not be started")?;
    let messages = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{what}: ffmpeg failed ({}): {}", output.status, messages.trim());
    Ok(output.stdout)
}

/// Where a curve of (quality, kbit/s), the quality growing worse, meets a quality: interpolated in the logarithm of the
/// bits; `None` outside the curve.
pub(super) fn at(curve: &[(f64, f64)], quality: f64) -> Option<f64> {
    curve.windows(2).find_map(|pair| {
        let [(a, bits_a), (b, bits_b)] = [pair[0], pair[1]];
        let is_between = (a <= quality && quality <= b) && a < b;
        is_between.then(|| {
            let part = (quality - a) / (b - a);
            (bits_a.ln() + (bits_b.ln() - bits_a.ln()) * part).exp()
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_is_met_between_its_points_and_not_beyond() {
        let curve = [(0.01, 1000.0), (0.02, 100.0), (0.04, 10.0)];
        assert!((at(&curve, 0.015).unwrap() - 316.228).abs() < 0.01);
        assert!((at(&curve, 0.04).unwrap() - 10.0).abs() < 1e-9);
        assert_eq!(at(&curve, 0.005), None);
        assert_eq!(at(&curve, 0.05), None);
    }
}
