//! `visavis eval`: how close an avatar comes to pictures it was not trained on.
//!
//! Both sides are 8-bit sRGB over mid-grey, composited in linear light. Masks come from the truth's part identifiers
//! ([`crate::metrics`]). The baseline is the neutral mesh with the neutral texture, at the frame's head pose.

mod capture;
mod pack;
mod score;
mod sheet;
mod vertices;

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use indicatif::ProgressBar;
use serde_json::{Map, Value, json};
use visavis_codec::reference::{View, decode, skin};
use visavis_codec::{Avatar, FaceFrame, Latent, Timestamp};

use self::capture::{Frame, Truth};
use self::score::{Mean, Score};
use self::sheet::Sheet;
use self::vertices::{VertexTruth, distances_mm};
use crate::metrics::Rgb8;
use crate::painter::{Behind, Executor, Painter};
use crate::{avatar_file, interrupt, progress};

pub(crate) use self::capture::Capture;
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
    /// Which pictures
    #[arg(long, default_value = "test")]
    split: String,
    /// Write a contact sheet: truth | ours | 6 × difference
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
    fn add(&mut self, frame: &Frame, camera: &str, score: &Score, vertex_mm: &[f32]) {
        self.all.add(score, vertex_mm);
        self.per_camera.entry(camera.to_owned()).or_default().add(score, vertex_mm);
        self.per_segment.entry(frame.segment.clone()).or_default().add(score, vertex_mm);
    }
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<Value> {
    let avatar = avatar_file::read(&arguments.avatar)?.avatar;
    let capture = Capture::open(&arguments.capture)?;
    let pictures: Vec<_> = capture.pictures(&arguments.split).collect();
    ensure!(
        !pictures.is_empty(),
        "{}: no picture of the split `{}`; is the capture rendered that far?",
        arguments.capture.display(),
        arguments.split
    );
    let chosen = spread(pictures.len(), arguments.limit.unwrap_or(usize::MAX));
    let truth_vertices = VertexTruth::open(&capture)?;
    let mut painter = Painter::new(avatar, arguments.executor, None)?;
    let (mut units_only, mut neutral) = (Variant::default(), Variant::default());
    let in_sheet = spread(chosen.len(), SHEET_ROWS);
    let mut sheet = Sheet::default();
    let bar = progress::bar(chosen.len() as u64, "pictures");
    for (n, &i) in chosen.iter().enumerate() {
        interrupt::check()?;
        let (frame, camera) = pictures[i];
        let name = || format!("{} {} {camera}", frame.segment, frame.frame);
        let truth = capture.truth(frame, camera).with_context(name)?;
        let positions = truth_vertices.positions_mm(frame).with_context(name)?;
        let judge = |painter: &mut Painter, latent: Latent| {
            judge(painter, &capture, frame, camera, latent, &truth, &truth_vertices, &positions)
                .with_context(name)
        };
        let (ours, score, distances) = judge(&mut painter, frame.latent()?)?;
        units_only.add(frame, camera, &score, &distances);
        let (_, score, distances) = judge(&mut painter, Latent::NEUTRAL)?;
        neutral.add(frame, camera, &score, &distances);
        if in_sheet.contains(&n) {
            sheet.add(truth.image, ours);
        }
        bar.inc(1);
    }
    ProgressBar::finish_and_clear(&bar);
    let mut outputs = Vec::new();
    if let Some(path) = &arguments.sheet {
        sheet.write(path)?;
        outputs.push(path.clone());
    }
    let report = report(&painter, &capture, &units_only, &neutral, outputs);
    tell(&units_only.all, &neutral.all);
    Ok(report)
}

/// `0..n` thinned out evenly to at most `limit`.
fn spread(n: usize, limit: usize) -> Vec<usize> {
    let count = n.min(limit);
    (0..count).map(|i| i * n / count).collect()
}

fn judge(
    painter: &mut Painter,
    capture: &Capture,
    frame: &Frame,
    camera: &str,
    latent: Latent,
    truth: &Truth,
    truth_vertices: &VertexTruth,
    positions_mm: &[[f32; 3]],
) -> Result<(Rgb8, Score, Vec<f32>)> {
    let camera = capture.camera(camera)?;
    let face = FaceFrame { time: Timestamp::default(), latent, head: frame.head() };
    let ours = picture(painter, &face, &camera.view, camera.size)?;
    let score = Score::of(&ours, truth)?;
    let vertices = posed_vertices(painter.avatar(), &face);
    let distances = distances_mm(&vertices, truth_vertices.render_vertices(), positions_mm)?;
    Ok((ours, score, distances))
}

/// Our picture over mid-grey.
fn picture(painter: &mut Painter, face: &FaceFrame, view: &View, size: [u32; 2]) -> Result<Rgb8> {
    let rgba = painter.paint(face, view, size, Behind::Colour(MID_GREY))?;
    let pixels = rgba.chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect();
    Ok(Rgb8 { width: size[0] as usize, height: size[1] as usize, pixels })
}

fn posed_vertices(avatar: &Avatar, face: &FaceFrame) -> Vec<[f32; 3]> {
    let condition = decode::condition(avatar, &face.latent, &face.head);
    let unskinned = decode::geometry(avatar, &condition);
    let transforms = skin::joint_transforms(&avatar.manifest.skeleton, face.latent.gaze, &face.head);
    skin::skin(&avatar.mesh, &unskinned, &transforms).into_iter().map(|p| p.to_array()).collect()
}

fn report(
    painter: &Painter,
    capture: &Capture,
    units_only: &Variant,
    neutral: &Variant,
    outputs: Vec<PathBuf>,
) -> Value {
    let groups = |means: &BTreeMap<String, Mean>| {
        Value::Object(
            means.iter().map(|(name, mean)| (name.clone(), Value::Object(mean.to_json()))).collect(),
        )
    };
    let mut out: Map<String, Value> = units_only.all.to_json();
    out.insert("texture_mse_8bit2".to_owned(), Value::Null);
    out.insert(
        "texture_mse_reason".to_owned(),
        json!("not measured: truth and ours would have to be unwrapped to a 1024² texture first"),
    );
    out.insert("psnr_ceiling_db".to_owned(), json!(capture.document.noise_ceiling_db));
    out.insert("residual".to_owned(), json!("0: driven by units, gaze and head rotation alone"));
    out.insert("units_only".to_owned(), Value::Object(units_only.all.to_json()));
    out.insert("baseline_neutral".to_owned(), Value::Object(neutral.all.to_json()));
    out.insert("per_camera".to_owned(), groups(&units_only.per_camera));
    out.insert("per_segment".to_owned(), groups(&units_only.per_segment));
    out.insert("executor".to_owned(), json!(painter.executor()));
    out.insert("adapter".to_owned(), json!(painter.adapter()));
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
    if let (Some((mean, p99)), Some((still, _))) = (ours.vertex_error_mm(), neutral.vertex_error_mm()) {
        eprintln!("  {:<18} {mean:>7.3} mm  (99 %: {p99:.3} mm; neutral: {still:.3} mm)", "vertices");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_keeps_an_even_spread() {
        assert_eq!(spread(4, 100), [0, 1, 2, 3]);
        assert_eq!(spread(10, 4), [0, 2, 5, 7]);
        assert!(spread(0, 4).is_empty());
    }
}
