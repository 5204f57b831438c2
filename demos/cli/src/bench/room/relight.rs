//! What relighting is worth: pictures under lights that the capture never had, ours against path-traced truth.
//!
//! The truth is made by `assets/capture/capture.py relight`: PNG pictures, the parts that fill their pixels, and
//! `relight.json`, which says which face, camera and light each of them shows. Ours are drawn by the readable reference at
//! twice the size and averaged in linear light, as the truth is.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use serde_json::{Value, json};
use visavis_codec::glam::{Quat, Vec3};
use visavis_codec::light::Light;
use visavis_codec::reference::{Image, View, render, render_lit};
use visavis_codec::{Avatar, FaceFrame, Gaze, HeadPose, Latent, Timestamp};

use crate::metrics::{Rgb8, head_mask, psnr_db};
use crate::render::output::write_png;
use crate::srgb::SrgbTable;
use crate::{interrupt, progress};

/// What stands behind truth and ours alike, 8-bit sRGB.
const MID_GREY: u8 = 128;
/// The largest picture, pixels a side.
const MAX_SIZE: u32 = 1024;
/// Nearest that is drawn, metres.
const NEAR_M: f32 = 0.05;
/// Between pictures of the sheet, pixels.
const GAP: usize = 4;
/// A light of this name is the captured one: a control, no part of the means.
const CAPTURED: &str = "captured";

/// Inside the head mask, 8-bit sRGB over mid-grey.
#[derive(Clone, Debug)]
pub(super) struct Relit {
    /// Ours against truth, mean over the pictures under other lights.
    pub(super) psnr_db: f64,
    /// The same, less the captured look against truth.
    pub(super) gain_db: f64,
    /// Each picture: its name and light, ours and the captured look against truth.
    pub(super) pictures: Value,
}

/// Measures an avatar against the pictures of a folder, and draws truth | relit | as captured. The reason where there are
/// no pictures, or the avatar can't be relit.
pub(super) fn measure(
    avatar: &Avatar,
    folder: &Path,
    sheet: Option<&Path>,
) -> Result<std::result::Result<Relit, String>> {
    if !folder.join("relight.json").is_file() {
        return Ok(Err(format!("no relight.json in {}", folder.display())));
    }
    if avatar.manifest.capture_light.is_none() {
        return Ok(Err("the avatar doesn't say which light it was captured in: train it again".to_owned()));
    }
    let truth = Truth::read(folder)?;
    let table = SrgbTable::new();
    let mut looks: BTreeMap<(&str, &str), Rgb8> = BTreeMap::new();
    let (mut rows, mut scores) = (Vec::new(), Vec::new());
    let bar = progress::bar(truth.pictures.len() as u64, "pictures under other lights");
    for picture in &truth.pictures {
        interrupt::check()?;
        let Picture { name, face, camera, light, parts } = picture;
        let (size, view) = (truth.size, truth.camera(camera)?);
        let frame = truth.faces.get(face).with_context(|| format!("{name}: no face `{face}`"))?.frame()?;
        let shown = truth.lights.get(light).with_context(|| format!("{name}: no light `{light}`"))?;
        let lit =
            render_lit(avatar, &frame, shown, &view, [2 * size; 2]).context("the avatar can't be relit")?;
        let relit = developed(&lit, &table);
        let as_captured = looks
            .entry((face, camera))
            .or_insert_with(|| developed(&render(avatar, &frame, &view, [2 * size; 2]), &table))
            .clone();
        let truth = rgb(&folder.join(name).with_extension("png"), size)?;
        let mask = head_mask(&luma(&folder.join(parts), size)?);
        let psnr = psnr_db(&relit, &truth, &mask).with_context(|| format!("{parts}: no head in it"))?;
        let before = psnr_db(&as_captured, &truth, &mask).unwrap_or(0.0);
        scores.push((picture, psnr, before));
        rows.push([truth, relit, as_captured]);
        bar.inc(1);
    }
    bar.finish_and_clear();
    if let Some(path) = sheet {
        write_sheet(path, &rows)?;
    }
    let other: Vec<_> = scores.iter().filter(|(picture, ..)| picture.light != CAPTURED).collect();
    ensure!(!other.is_empty(), "{}: no picture under another light", folder.display());
    let mean = |of: &dyn Fn(f64, f64) -> f64| {
        other.iter().map(|(_, psnr, before)| of(*psnr, *before)).sum::<f64>() / other.len() as f64
    };
    let (psnr_db, gain_db) = (mean(&|psnr, _| psnr), mean(&|psnr, before| psnr - before));
    let each = |(picture, psnr, before): &(&Picture, f64, f64)| {
        json!({
            "name": picture.name, "light": picture.light, "relit_psnr_db": psnr, "captured_look_psnr_db": before,
            "gain_db": psnr - before,
        })
    };
    let pictures = scores.iter().map(each).collect();
    Ok(Ok(Relit { psnr_db, gain_db, pictures }))
}

/// `relight.json`.
#[derive(Debug, Deserialize)]
struct Truth {
    schema: String,
    /// Pixels a side.
    size: u32,
    cameras: BTreeMap<String, Calibration>,
    faces: BTreeMap<String, Face>,
    /// In head space at rest.
    lights: BTreeMap<String, Light>,
    pictures: Vec<Picture>,
}

#[derive(Debug, Deserialize)]
struct Calibration {
    intrinsics: [[f64; 3]; 3],
    camera_from_rest_mm: [[f64; 4]; 3],
}

#[derive(Debug, Deserialize)]
struct Face {
    units: Vec<f32>,
    gaze: [f32; 4],
    head_rotation: [f32; 3],
}

#[derive(Debug, Deserialize)]
struct Picture {
    name: String,
    face: String,
    camera: String,
    light: String,
    parts: String,
}

impl Truth {
    fn read(folder: &Path) -> Result<Self> {
        let path = folder.join("relight.json");
        let bytes = std::fs::read(&path).with_context(|| format!("{}: can't be read", path.display()))?;
        let truth: Self = serde_json::from_slice(&bytes)
            .with_context(|| format!("{}: isn't as `capture.py relight` writes it", path.display()))?;
        ensure!(truth.schema == "visavis.relight/1", "{}: unknown schema {:?}", path.display(), truth.schema);
        ensure!((1..=MAX_SIZE).contains(&truth.size), "{}: size must be 1 to {MAX_SIZE}", path.display());
        for (name, light) in &truth.lights {
            light.validate().with_context(|| format!("{}: lights.{name}", path.display()))?;
        }
        for name in truth.pictures.iter().flat_map(|picture| [&picture.name, &picture.parts]) {
            ensure!(!name.contains(['/', '\\']), "{}: {name:?} can't be a file's name", path.display());
        }
        Ok(truth)
    }

    fn camera(&self, name: &str) -> Result<View> {
        let Calibration { intrinsics, camera_from_rest_mm } =
            self.cameras.get(name).with_context(|| format!("relight.json: no camera `{name}`"))?;
        let rotation = camera_from_rest_mm.map(|[x, y, z, _]| [x, y, z]);
        let translation_mm = camera_from_rest_mm.map(|row| row[3]);
        Ok(View::from_opencv(*intrinsics, rotation, translation_mm, [self.size; 2], NEAR_M))
    }
}

impl Face {
    fn frame(&self) -> Result<FaceFrame> {
        let mut latent = Latent::NEUTRAL;
        ensure!(self.units.len() == latent.units.len(), "relight.json: a face of {} units", self.units.len());
        latent.units.copy_from_slice(&self.units);
        latent.gaze = Gaze::from_array(self.gaze);
        let rotation = Quat::from_scaled_axis(Vec3::from(self.head_rotation));
        Ok(FaceFrame { time: Timestamp::default(), latent, head: HeadPose { rotation, ..HeadPose::REST } })
    }
}

/// Half the size, over mid-grey, in 8 bits.
fn developed(image: &Image, table: &SrgbTable) -> Rgb8 {
    let [columns, rows] = image.size.map(|n| n as usize);
    let (width, height) = (columns / 2, rows / 2);
    let grey = visavis::headless::linear_from_srgb(MID_GREY);
    let mut pixels = Vec::with_capacity(width * height * 3);
    for y in 0..height {
        for x in 0..width {
            let at = 2 * y * columns + 2 * x;
            let four = [at, at + 1, at + columns, at + columns + 1].map(|i| image.rgba[i]);
            let mean = |c: usize| four.iter().map(|rgba| rgba[c]).sum::<f32>() / 4.0;
            let behind = grey * (1.0 - mean(3));
            pixels.extend((0..3).map(|c| (table.code(mean(c) + behind) + 0.5) as u8));
        }
    }
    Rgb8 { width, height, pixels }
}

fn rgb(path: &Path, size: u32) -> Result<Rgb8> {
    let image = decode(path, size)?.into_rgb8();
    Ok(Rgb8 { width: size as usize, height: size as usize, pixels: image.into_raw() })
}

fn luma(path: &Path, size: u32) -> Result<Vec<u8>> {
    Ok(decode(path, size)?.into_luma8().into_raw())
}

/// A PNG of this size; a larger one is refused before it takes memory.
fn decode(path: &Path, size: u32) -> Result<image::DynamicImage> {
    let mut reader =
        image::ImageReader::open(path).with_context(|| format!("{}: can't be read", path.display()))?;
    let mut limits = image::Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(size), Some(size));
    reader.limits(limits);
    reader.set_format(image::ImageFormat::Png);
    let image = reader.decode().with_context(|| format!("{}: no PNG of {size}²", path.display()))?;
    ensure!(image.width() == size && image.height() == size, "{}: isn't {size}²", path.display());
    Ok(image)
}

/// Rows of truth | relit | as captured.
fn write_sheet(path: &Path, rows: &[[Rgb8; 3]]) -> Result<()> {
    let size = rows.first().map_or(0, |row| row[0].width);
    let (width, height) = (3 * size + 2 * GAP, rows.len() * (size + GAP) - GAP);
    let mut pixels = vec![255u8; width * height * 3];
    for (row, images) in rows.iter().enumerate() {
        for (column, image) in images.iter().enumerate() {
            let (left, top) = (column * (size + GAP), row * (size + GAP));
            for (y, line) in image.pixels.chunks_exact(size * 3).enumerate() {
                let start = ((top + y) * width + left) * 3;
                pixels[start..start + line.len()].copy_from_slice(line);
            }
        }
    }
    write_png(path, u32::try_from(width)?, u32::try_from(height)?, &pixels, image::ExtendedColorType::Rgb8)
}
