//! `visavis eval`: how close an avatar comes to pictures it was not trained on.
//!
//! Both sides are 8-bit sRGB over mid-grey, composited in linear light. Masks come from the truth's part identifiers
//! ([`crate::metrics`]). The baseline is the neutral mesh with the neutral texture, at the frame's head pose.

pub(crate) mod drive;
#[cfg(test)]
mod made_up;
mod pack;
pub(crate) mod residual;
mod score;
mod sheet;
#[cfg(test)]
mod tests;
pub(crate) mod truth;
mod unwrap;
pub(crate) mod vertices;

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use indicatif::ProgressBar;
use serde_json::{Map, Value, json};
use visavis_codec::glam::Vec3;
use visavis_codec::reference::{decode, skin};
use visavis_codec::train::{Camera, Capture, CaptureFrame};
use visavis_codec::{Avatar, FaceFrame};

use self::drive::{Drives, drives};
use self::residual::Residual;
use self::score::{Mean, Score};
use self::sheet::Sheet;
use self::truth::{Truth, pictures};
use self::unwrap::{Atlas, Unwrapping};
use self::vertices::{VertexTruth, distances_mm};
use crate::metrics::Rgb8;
use crate::painter::{Behind, Executor, Painter};
use crate::{avatar_file, interrupt, progress};

pub(crate) use self::pack::{PackArguments, pack};

/// What stands behind truth and ours alike, 8-bit sRGB.
const MID_GREY: [u8; 3] = [128; 3];
/// Rows of a contact sheet.
const SHEET_ROWS: usize = 8;

/// Judges an avatar against held-out pictures
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  visavis eval assets/avatars/wren.avatar assets/eval/wren
  visavis eval wren.avatar ~/captures/wren --split test --sheet sheet.png
  visavis --json eval wren.avatar ~/captures/wren | jq .psnr_face_db")]
pub(crate) struct Arguments {
    /// The avatar
    avatar: PathBuf,
    /// A capture folder, or an extract of one (assets/eval/...)
    capture: PathBuf,
    /// The avatar's driver, which fills the residual [default: the avatar's name with .driver, if it is there]
    #[arg(long, value_name = "DRIVER")]
    driver: Option<PathBuf>,
    /// An ONNX Runtime (libonnxruntime.so, .dylib, .dll) to run the driver in, instead of the one that is built in
    #[arg(long, value_name = "LIBRARY", env = "VISAVIS_ONNXRUNTIME")]
    onnxruntime: Option<PathBuf>,
    /// Which pictures
    #[arg(long, default_value = "test")]
    split: String,
    /// Write a contact sheet: truth | ours | 5 × difference
    #[arg(long, value_name = "PNG")]
    sheet: Option<PathBuf>,
    /// Judge this many pictures, evenly spread
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// What draws
    #[arg(long, value_enum, default_value_t = Executor::Auto)]
    executor: Executor,
}

/// One way of driving the avatar, and its scores.
#[derive(Default)]
struct Variant {
    all: Mean,
    per_camera: BTreeMap<String, Mean>,
    per_segment: BTreeMap<String, Mean>,
}

impl Variant {
    fn add(&mut self, frame: &CaptureFrame, camera: &str, score: &Score, vertex_mm: &[f32]) {
        let name = (frame.segment.as_str(), frame.frame);
        self.all.add(name, score, vertex_mm);
        self.per_camera.entry(camera.to_owned()).or_default().add(name, score, vertex_mm);
        self.per_segment.entry(frame.segment.clone()).or_default().add(name, score, vertex_mm);
    }
}

/// Every way that is judged. `residual` stays empty where nothing fills the residual.
#[derive(Default)]
struct Variants {
    residual: Variant,
    units: Variant,
    neutral: Variant,
}

impl Variants {
    /// The avatar at its best, which the report's own numbers are.
    fn best(&self) -> &Variant {
        if self.residual.all.pictures() > 0 { &self.residual } else { &self.units }
    }
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<Value> {
    let file = avatar_file::read(&arguments.avatar)?;
    let residual = Residual::open(arguments.driver.as_deref(), &file, arguments.onnxruntime.as_deref())?;
    let avatar = file.avatar;
    let capture = Capture::read(&arguments.capture)?;
    let pictures: Vec<_> = pictures(&capture, &arguments.split).collect();
    ensure!(
        !pictures.is_empty(),
        "{}: no picture of the split `{}`; is the capture rendered that far?",
        arguments.capture.display(),
        arguments.split
    );
    let chosen = spread(pictures.len(), arguments.limit.unwrap_or(usize::MAX));
    let vertices = VertexTruth::open(&capture)?;
    vertices.check(&avatar)?;
    let mut judge = Judge {
        atlas: Atlas::new(&avatar),
        painter: Painter::new(avatar, arguments.executor, None)?,
        capture: &capture,
        vertices,
        residual,
    };
    let mut variants = Variants::default();
    let in_sheet = spread(chosen.len(), SHEET_ROWS);
    let mut sheet = Sheet::default();
    let bar = progress::bar(chosen.len() as u64, "pictures");
    for (n, &i) in chosen.iter().enumerate() {
        interrupt::check()?;
        let (frame, camera) = pictures[i];
        let judged = judge.picture(frame, camera, &mut variants);
        let (truth, ours) = judged.with_context(|| format!("{} {} {camera}", frame.segment, frame.frame))?;
        if in_sheet.contains(&n) {
            sheet.add(truth, ours);
        }
        bar.inc(1);
    }
    ProgressBar::finish_and_clear(&bar);
    let mut outputs = Vec::new();
    if let Some(path) = &arguments.sheet {
        sheet.write(path)?;
        outputs.push(path.clone());
    }
    let report = report(&judge, &variants, outputs);
    tell(&variants.best().all, &variants.neutral.all);
    Ok(report)
}

/// `0..n` thinned out evenly to at most `limit`.
fn spread(n: usize, limit: usize) -> Vec<usize> {
    let count = n.min(limit);
    (0..count).map(|i| i * n / count).collect()
}

/// What judging takes.
struct Judge<'a> {
    painter: Painter,
    atlas: Atlas,
    capture: &'a Capture,
    vertices: VertexTruth,
    /// What fills r; nothing without a driver.
    residual: Option<Residual>,
}

impl Judge<'_> {
    /// Judges one picture in every way of driving; the truth and the best of ours.
    fn picture(
        &mut self,
        frame: &CaptureFrame,
        camera: &str,
        variants: &mut Variants,
    ) -> Result<(Rgb8, Rgb8)> {
        let truth = truth::read(self.capture, frame, camera)?;
        let truth_vertices = self.vertices.positions(self.capture, frame)?;
        let Drives { units, neutral } = drives(frame);
        let known = (self.vertices.render_vertices(), &truth_vertices[..]);
        let avatar = self.painter.avatar();
        let residual = (self.residual.as_mut())
            .map(|source| source.drive(avatar, self.capture, frame, Some(camera), &units, known))
            .transpose()?;
        let seen = &self.capture.cameras[camera]; // it was there when the picture was read
        let best = posed_vertices(self.painter.avatar(), residual.as_ref().unwrap_or(&units));
        let skin = self.atlas.unwrap(self.painter.avatar(), &best, &seen.view, seen.size, &truth.parts);
        let mut one = |face: &FaceFrame, into: &mut Variant| -> Result<Rgb8> {
            let (ours, score, vertex_mm) = self.face(face, seen, &truth, &truth_vertices, &skin)?;
            into.add(frame, camera, &score, &vertex_mm);
            Ok(ours)
        };
        let with_residual = residual.map(|face| one(&face, &mut variants.residual)).transpose()?;
        let with_units = one(&units, &mut variants.units)?;
        one(&neutral, &mut variants.neutral)?;
        Ok((truth.image, with_residual.unwrap_or(with_units)))
    }

    fn face(
        &mut self,
        face: &FaceFrame,
        camera: &Camera,
        truth: &Truth,
        truth_vertices: &[Vec3],
        skin: &Unwrapping,
    ) -> Result<(Rgb8, Score, Vec<f32>)> {
        let rgba = self.painter.paint(face, &camera.view, camera.size, Behind::Colour(MID_GREY))?;
        let pixels = rgba.chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect();
        let [width, height] = camera.size.map(|n| n as usize);
        let ours = Rgb8 { width, height, pixels };
        let score = Score::of(&ours, truth, skin)?;
        let vertices = posed_vertices(self.painter.avatar(), face);
        let distances = distances_mm(&vertices, self.vertices.render_vertices(), truth_vertices);
        Ok((ours, score, distances))
    }
}

/// The posed mesh, metres.
fn posed_vertices(avatar: &Avatar, face: &FaceFrame) -> Vec<Vec3> {
    let condition = decode::condition(avatar, &face.latent, &face.head);
    let unskinned = decode::geometry(avatar, &condition);
    let transforms = skin::joint_transforms(&avatar.manifest.skeleton, face.latent.gaze, &face.head);
    skin::skin(&avatar.mesh, &unskinned, &transforms)
}

fn report(judge: &Judge<'_>, variants: &Variants, outputs: Vec<PathBuf>) -> Value {
    let ceiling = judge.capture.description.noise_ceiling_db;
    let one = |mean: &Mean| Value::Object(mean.to_json(ceiling));
    let groups = |means: &BTreeMap<String, Mean>| {
        Value::Object(means.iter().map(|(name, mean)| (name.clone(), one(mean))).collect())
    };
    let best = variants.best();
    let mut out: Map<String, Value> = best.all.to_json(ceiling);
    if ceiling.is_none() {
        let reason = "capture.json has no noise_ceiling_db: the capture's two seeds were not compared";
        out.insert("psnr_ceiling_reason".to_owned(), json!(reason));
    }
    let residual = judge
        .residual
        .as_ref()
        .map_or_else(|| "0: driven by units, gaze and head rotation alone".to_owned(), Residual::tell);
    out.insert("residual".to_owned(), json!(residual));
    out.insert("units_only".to_owned(), one(&variants.units.all));
    out.insert("baseline_neutral".to_owned(), one(&variants.neutral.all));
    out.insert("per_camera".to_owned(), groups(&best.per_camera));
    out.insert("per_segment".to_owned(), groups(&best.per_segment));
    out.insert("executor".to_owned(), json!(judge.painter.executor()));
    out.insert("adapter".to_owned(), json!(judge.painter.adapter()));
    out.insert("outputs".to_owned(), json!(outputs));
    Value::Object(out)
}

/// The same for a person to read.
fn tell(ours: &Mean, neutral: &Mean) {
    let row = |name: &str, key: &str, unit: &str| {
        let text = |mean: &Mean| mean.get(key).map_or("–".to_owned(), |v| format!("{v:.2}"));
        eprintln!("  {name:<18} {:>7} {unit:<3} (neutral: {})", text(ours), text(neutral));
    };
    eprintln!("held-out pictures");
    row("PSNR, face", "psnr_face_db", "dB");
    row("PSNR, head", "psnr_head_db", "dB");
    row("PSNR, eyes", "psnr_eyes_db", "dB");
    row("PSNR, mouth", "psnr_mouth_db", "dB");
    row("PSNR, silhouette", "psnr_silhouette_db", "dB");
    row("SSIM", "ssim", "");
    row("FLIP", "flip_mean", "");
    row("texture MSE, skin", "texture_mse_8bit2", "");
    if let (Some((mean, p99)), Some((still, _))) = (ours.vertex_error_mm(), neutral.vertex_error_mm()) {
        eprintln!("  {:<18} {mean:>7.3} mm  (99 %: {p99:.3} mm; neutral: {still:.3} mm)", "vertices");
    }
}
