//! A capture folder: the Multiface layout with `capture.json` beside it (assets/capture/README.md), or the small
//! held-out extract that `visavis eval-pack` makes of one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use visavis_codec::glam::{Quat, Vec3};
use visavis_codec::latent::{GAZE, Gaze, HeadPose, Latent, UNITS};
use visavis_codec::reference::View;

use crate::metrics::Rgb8;

/// The schema of `capture.json` that we read.
const SCHEMA: &str = "visavis.capture/1";
/// Nearer than any camera of a dome comes to a face, metres.
const NEAR_M: f32 = 0.1;
/// A picture wider or higher than this is refused.
const MAX_SIZE: u32 = 4096;

/// `capture.json`, as far as judging an avatar needs it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Document {
    pub(crate) schema: String,
    pub(crate) name: String,
    pub(crate) frames: Vec<Frame>,
    pub(crate) cameras: BTreeMap<String, CameraEntry>,
    /// PSNR between two seeds of the renderer: what no avatar can exceed.
    #[serde(default)]
    pub(crate) noise_ceiling_db: Option<f64>,
}

/// A performed frame.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Frame {
    pub(crate) segment: String,
    pub(crate) frame: u32,
    pub(crate) split: String,
    pub(crate) cameras: Vec<String>,
    pub(crate) units: Vec<f32>,
    pub(crate) gaze: Vec<f32>,
    /// Rotation vector, radians.
    pub(crate) head_rotation: [f32; 3],
}

/// A camera's part of `capture.json`.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct CameraEntry {
    pub(crate) split: String,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// A calibrated camera.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Camera {
    /// Head space at rest (metres) to the picture.
    pub(crate) view: View,
    /// Pixels.
    pub(crate) size: [u32; 2],
}

/// What was captured of one frame by one camera.
#[derive(Clone, Debug)]
pub(crate) struct Truth {
    /// 8-bit sRGB over mid-grey.
    pub(crate) image: Rgb8,
    /// A part's identifier a pixel, 0 outside.
    pub(crate) parts: Vec<u8>,
    /// Coverage, 255ths.
    pub(crate) matte: Vec<u8>,
}

/// An opened capture folder.
#[derive(Debug)]
pub(crate) struct Capture {
    pub(crate) folder: PathBuf,
    pub(crate) document: Document,
    pub(crate) cameras: BTreeMap<String, Camera>,
}

impl Frame {
    /// What the frame performed, without a residual.
    pub(crate) fn latent(&self) -> Result<Latent> {
        let units: [f32; UNITS] = self.units.as_slice().try_into().with_context(|| {
            format!("capture.json: {} {}: {} units, not {UNITS}", self.segment, self.frame, self.units.len())
        })?;
        let gaze: [f32; GAZE] = self.gaze.as_slice().try_into().with_context(|| {
            format!(
                "capture.json: {} {}: {} gaze angles, not {GAZE}",
                self.segment,
                self.frame,
                self.gaze.len()
            )
        })?;
        Ok(Latent { units, gaze: Gaze::from_array(gaze), ..Latent::NEUTRAL })
    }

    /// How the head was turned.
    pub(crate) fn head(&self) -> HeadPose {
        let rotation = Quat::from_scaled_axis(Vec3::from_array(self.head_rotation));
        HeadPose { rotation, translation: Vec3::ZERO }
    }

    /// The file of this frame, without its extension.
    pub(crate) fn stem(&self) -> String {
        format!("{:06}", self.frame)
    }
}

impl Capture {
    /// Opens a folder and checks what the rest relies on.
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        let path = folder.join("capture.json");
        let text = read_text(&path)?;
        let document: Document = serde_json::from_str(&text).with_context(|| {
            format!("{}: not the description of a capture that this version reads", path.display())
        })?;
        ensure!(
            document.schema == SCHEMA,
            "{}: schema `{}`; this version reads `{SCHEMA}`",
            path.display(),
            document.schema
        );
        let path = folder.join("KRT");
        let cameras = parse_krt(&read_text(&path)?, &document.cameras)
            .with_context(|| format!("{}: camera calibration", path.display()))?;
        for frame in &document.frames {
            ensure!(
                is_plain_name(&frame.segment) && frame.cameras.iter().all(|c| is_plain_name(c)),
                "{}: `{}` or a camera of it is no plain name",
                folder.join("capture.json").display(),
                frame.segment
            );
        }
        Ok(Self { folder: folder.to_owned(), document, cameras })
    }

    /// The pictures of a split that are there, frame by frame: (frame, camera).
    pub(crate) fn pictures<'a>(&'a self, split: &'a str) -> impl Iterator<Item = (&'a Frame, &'a str)> + 'a {
        self.document
            .frames
            .iter()
            .filter(move |frame| frame.split == split)
            .flat_map(|frame| frame.cameras.iter().map(move |camera| (frame, camera.as_str())))
            .filter(|(frame, camera)| self.image_path(frame, camera).is_file())
    }

    /// Where a picture lies.
    pub(crate) fn image_path(&self, frame: &Frame, camera: &str) -> PathBuf {
        self.folder.join("images").join(&frame.segment).join(camera).join(frame.stem() + ".png")
    }

    /// Where an extract keeps a picture's part identifiers (grey) and matte (alpha).
    pub(crate) fn parts_path(&self, frame: &Frame, camera: &str) -> PathBuf {
        self.folder.join("parts").join(&frame.segment).join(camera).join(frame.stem() + ".png")
    }

    /// Reads a picture with its parts and matte.
    pub(crate) fn truth(&self, frame: &Frame, camera: &str) -> Result<Truth> {
        let path = self.image_path(frame, camera);
        let image = read_png(&path)?.into_rgb8();
        let (width, height) = (image.width() as usize, image.height() as usize);
        let image = Rgb8 { width, height, pixels: image.into_raw() };
        let path = self.parts_path(frame, camera);
        let Masks { parts, matte, size } = if path.is_file() {
            let masks = read_png(&path)?.into_luma_alpha8();
            let size = (masks.width() as usize, masks.height() as usize);
            let [parts, matte] = [0, 1].map(|channel| masks.pixels().map(|p| p.0[channel]).collect());
            Masks { parts, matte, size }
        } else {
            let stem = frame.stem() + ".exr";
            read_planes(&self.folder.join("planes").join(&frame.segment).join(camera).join(stem))?
        };
        ensure!(
            size == (width, height),
            "{}: masks of {}x{}, picture of {width}x{height}",
            path.display(),
            size.0,
            size.1
        );
        Ok(Truth { image, parts, matte })
    }

    /// The camera of this name.
    pub(crate) fn camera(&self, name: &str) -> Result<&Camera> {
        self.cameras
            .get(name)
            .with_context(|| format!("{}: no camera `{name}` in KRT", self.folder.display()))
    }
}

fn is_plain_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

pub(crate) fn read_text(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("{}: can't be read", path.display()))
}

fn read_png(path: &Path) -> Result<image::DynamicImage> {
    let mut reader =
        image::ImageReader::open(path).with_context(|| format!("{}: can't be read", path.display()))?;
    let mut limits = image::Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(MAX_SIZE), Some(MAX_SIZE));
    reader.limits(limits);
    reader.set_format(image::ImageFormat::Png);
    reader.decode().with_context(|| format!("{}: no picture that can be read", path.display()))
}

/// Part identifiers and matte (0..=255), row by row.
struct Masks {
    parts: Vec<u8>,
    matte: Vec<u8>,
    /// Width and height.
    size: (usize, usize),
}

/// The masks in a frame's half-float planes.
fn read_planes(path: &Path) -> Result<Masks> {
    use exr::prelude::*;
    let image = read()
        .no_deep_data()
        .largest_resolution_level()
        .all_channels()
        .first_valid_layer()
        .all_attributes()
        .from_file(path)
        .map_err(|error| anyhow::anyhow!("{}: planes can't be read: {error}", path.display()))?;
    let layer = &image.layer_data;
    let plane = |name: &str, scale: f32| {
        let channel = layer.channel_data.list.iter().find(|channel| channel.name == *name);
        let channel = channel.with_context(|| format!("{}: no channel `{name}`", path.display()))?;
        let values = channel.sample_data.values_as_f32();
        anyhow::Ok(values.map(|v| (v * scale).round().clamp(0.0, 255.0) as u8).collect::<Vec<u8>>())
    };
    Ok(Masks {
        parts: plane("part.V", 1.0)?,
        matte: plane("A", 255.0)?,
        size: (layer.size.width(), layer.size.height()),
    })
}

/// Reads `KRT`: per camera its name, K (3 rows), distortion (1 row), R|t (3 rows, millimetres).
fn parse_krt(text: &str, entries: &BTreeMap<String, CameraEntry>) -> Result<BTreeMap<String, Camera>> {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let mut cameras = BTreeMap::new();
    while let Some(name) = lines.next() {
        let name = name.trim();
        let (k, distortion) = (rows::<3, 3>(&mut lines, name)?, rows::<1, 5>(&mut lines, name)?);
        let rt = rows::<3, 4>(&mut lines, name)?;
        if distortion[0].iter().any(|&d| d != 0.0) {
            bail!("camera `{name}`: lens distortion is not supported; undistort the pictures first");
        }
        let CameraEntry { width, height, .. } =
            *entries.get(name).with_context(|| format!("camera `{name}` is not in capture.json"))?;
        ensure!(
            (1..=MAX_SIZE).contains(&width) && (1..=MAX_SIZE).contains(&height),
            "camera `{name}`: {width}x{height}, not within 1..={MAX_SIZE}"
        );
        let rotation = rt.map(|[a, b, c, _]| [a, b, c]);
        let view = View::from_opencv(k, rotation, rt.map(|row| row[3]), [width, height], NEAR_M);
        cameras.insert(name.to_owned(), Camera { view, size: [width, height] });
    }
    Ok(cameras)
}

/// The next `ROWS` lines of `COLUMNS` numbers.
fn rows<'a, const ROWS: usize, const COLUMNS: usize>(
    lines: &mut impl Iterator<Item = &'a str>,
    name: &str,
) -> Result<[[f64; COLUMNS]; ROWS]> {
    let mut out = [[0.0; COLUMNS]; ROWS];
    for row in &mut out {
        let line = lines.next().with_context(|| format!("camera `{name}` ends early"))?;
        let numbers: Vec<f64> = line
            .split_whitespace()
            .map(|word| word.parse().with_context(|| format!("camera `{name}`: `{word}` is no number")))
            .collect::<Result<_>>()?;
        ensure!(numbers.iter().all(|x: &f64| x.is_finite()), "camera `{name}`: a number that is not finite");
        *row = numbers
            .as_slice()
            .try_into()
            .with_context(|| format!("camera `{name}`: {} numbers in a row, not {COLUMNS}", numbers.len()))?;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KRT: &str = "c00
1800.0 0.0 256.0
0.0 1800.0 250.0
0.0 0.0 1.0
0 0 0 0 0
-1.0 0.0 0.0 0.0
0.0 -1.0 0.0 -27.0
0.0 0.0 1.0 1138.0
";

    fn entries() -> BTreeMap<String, CameraEntry> {
        [("c00".to_owned(), CameraEntry { split: "train".to_owned(), width: 512, height: 500 })].into()
    }

    #[test]
    fn calibration_is_read_in_metres() {
        let camera = parse_krt(KRT, &entries()).unwrap()["c00"];
        assert_eq!(camera.size, [512, 500]);
        assert!(
            (camera.view.eye() - Vec3::new(0.0, -0.027, -1.138)).length() < 1e-6,
            "{}",
            camera.view.eye()
        );
    }

    #[test]
    fn calibration_that_we_would_get_wrong_is_refused() {
        let refused =
            |from: &str, to: &str| parse_krt(&KRT.replacen(from, to, 1), &entries()).unwrap_err().to_string();
        assert!(refused("0 0 0 0 0", "0.1 0 0 0 0").contains("distortion"));
        assert!(refused("1800.0", "nan").contains("finite"));
        assert!(refused("1800.0 0.0 256.0", "1800.0 0.0").contains("2 numbers"));
        assert!(refused("c00", "c01").contains("not in capture.json"));
        assert!(parse_krt(&KRT[..60], &entries()).is_err());
    }

    #[test]
    fn names_that_leave_the_folder_are_no_names() {
        for wrong in ["", "..", "a/b", "a\\b", "."] {
            assert!(!is_plain_name(wrong), "{wrong}");
        }
        assert!(is_plain_name("talk_06"));
    }
}
