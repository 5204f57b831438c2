//! What a person would see when an avatar goes from one level of detail to the next.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use visavis::headless::{Background, Headless};
use visavis::{Detail, Instance, Level, View};
use visavis_codec::drive::performance::read_csv;
use visavis_codec::glam::Vec3;
use visavis_codec::{Avatar, FaceFrame};

use crate::bench::stats::Samples;
use crate::metrics::{Rgb8, flip_map, mean_inside};
use crate::{avatar_file, interrupt, progress};

/// Heights of the avatar on screen, pixels.
const HEIGHTS: [u32; 11] = [512, 384, 256, 192, 128, 96, 64, 48, 32, 24, 16];
/// How much of the picture's height the avatar fills.
const FILLS: f32 = 0.8;
/// Where the camera is, metres before the avatar.
const DISTANCE_M: f32 = 2.0;
/// Where in the performance it begins, frames.
const FIRST: usize = 60;
/// Frames that are played before any is compared: maps that are held are as old as they get.
const RUN_UP: usize = 8;

/// For every height and every pair of neighbours: ꟻLIP inside the avatar, its mean over the frames and the worst frame's.
/// Each level plays the performance by itself, so that held maps are as old as they would be.
pub(super) fn measure(
    headless: &mut Headless,
    avatar: &Avatar,
    performance: &Path,
    frames: u32,
    pictures: Option<&Path>,
) -> Result<Value> {
    let text = avatar_file::read_bounded(performance, 64 << 20)?;
    let table =
        read_csv(&text).with_context(|| format!("{}: not a table of face signals", performance.display()))?;
    let faces: Vec<FaceFrame> = table.frames().collect();
    let person = headless.load(avatar).context("loading the avatar into the engine")?;
    let (low, high) = avatar
        .mesh
        .mean
        .iter()
        .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), p| (low.min(p[1]), high.max(p[1])));
    let middle = Vec3::new(0.0, (low + high) / 2.0, 0.05);
    let angle = 2.0 * ((high - low) / FILLS / 2.0 / DISTANCE_M).atan();
    let view = View::look_at(middle - Vec3::Z * DISTANCE_M, middle, angle, 1.0, 0.05);

    let mut report = Vec::new();
    eprintln!("{:>7} {:>22} {:>22} {:>22}", "pixels", "full | half", "half | coarse", "coarse | likeness");
    let bar = progress::bar(HEIGHTS.len() as u64, "sizes");
    for height in HEIGHTS {
        let size = [(height as f32 / FILLS).round() as u32; 2];
        let mut cast = Level::ALL.map(|level| {
            let mut instance = person.instance();
            instance.set_detail(Some(Detail::Fixed(level)));
            instance
        });
        let mut apart: [Samples; 3] = Default::default();
        let count = frames as usize;
        for n in 0..RUN_UP + count {
            interrupt::check()?;
            // One after the other, as they are shown: a performance begins at rest, so not with the first.
            let face = faces.get((FIRST + n) % faces.len().max(1)).copied().unwrap_or_default();
            let mut shown = Vec::new();
            for instance in &mut cast {
                instance.set_frame(&face)?;
                shown.push(picture(headless, instance, &view, size)?);
            }
            if n < RUN_UP {
                continue;
            }
            for (samples, pair) in apart.iter_mut().zip(shown.windows(2)) {
                let mask: Vec<u8> =
                    pair[0].1.iter().zip(&pair[1].1).map(|(a, b)| u8::from(*a > 0 || *b > 0)).collect();
                let map = flip_map(&pair[1].0, &pair[0].0).context("pictures of one size")?;
                samples.push(mean_inside(&map, &mask).context("the avatar is in its picture")?);
            }
            if let (Some(folder), true) = (pictures, n == RUN_UP + 3) {
                std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
                for (level, (rgb, _)) in Level::ALL.iter().zip(&shown) {
                    let path = folder.join(format!("{height}-{level:?}.png"));
                    image::save_buffer(&path, &rgb.pixels, size[0], size[1], image::ExtendedColorType::Rgb8)
                        .with_context(|| format!("{}: can't be written", path.display()))?;
                }
            }
        }
        let mean = |samples: &Samples| samples.mean().unwrap_or(f64::NAN);
        let worst = |samples: &Samples| samples.quantile(1.0).unwrap_or(f64::NAN);
        let row = apart.each_ref().map(|samples| format!("{:.4} (≤ {:.4})", mean(samples), worst(samples)));
        bar.suspend(|| eprintln!("{height:>7} {:>22} {:>22} {:>22}", row[0], row[1], row[2]));
        let pairs = ["full_half", "half_coarse", "coarse_likeness"].iter().zip(&apart);
        let mut entry = json!({ "height_pixels": height });
        for (name, samples) in pairs {
            entry[format!("flip_{name}")] = json!(mean(samples));
            entry[format!("flip_{name}_worst")] = json!(worst(samples));
        }
        report.push(entry);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(Value::Array(report))
}

/// Over mid-grey, with the alpha of the same over nothing.
fn picture(
    headless: &mut Headless,
    instance: &Instance,
    view: &View,
    size: [u32; 2],
) -> Result<(Rgb8, Vec<u8>)> {
    let rgba = headless.render(&[instance], view, size, Background::Transparent).context("rendering")?.rgba;
    let alpha = rgba.chunks_exact(4).map(|pixel| pixel[3]).collect();
    // Premultiplied in linear light, then encoded: over grey in linear light again.
    let linear: Vec<f32> = (0..=255).map(visavis::headless::linear_from_srgb).collect();
    let grey = linear[128];
    let pixels = rgba
        .chunks_exact(4)
        .flat_map(|pixel| {
            let keep = 1.0 - f32::from(pixel[3]) / 255.0;
            [0, 1, 2].map(|c| encode(linear[usize::from(pixel[c])] + grey * keep))
        })
        .collect();
    Ok((Rgb8 { width: size[0] as usize, height: size[1] as usize, pixels }, alpha))
}

/// A linear value as an 8-bit sRGB one (IEC 61966-2-1).
fn encode(linear: f32) -> u8 {
    let x = linear.clamp(0.0, 1.0);
    let encoded = if x <= 0.003_130_8 { x * 12.92 } else { 1.055 * x.powf(1.0 / 2.4) - 0.055 };
    (encoded * 255.0 + 0.5) as u8
}
