//! `visavis eval-pack`: a small extract of a capture's held-out frames, to keep beside the code.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use image::ImageEncoder as _;
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde_json::{Value, json};
use visavis_codec::train::{Capture, CaptureFrame};

use super::truth::{self, image_path, parts_path, pictures, stem};
use super::vertices::{EXTRACT, STEP_MM, VertexTruth};
use crate::inspect::folder_bytes;

/// Makes a small extract of a capture's held-out pictures, for `visavis eval` on a fresh clone
#[derive(Debug, clap::Args)]
pub(crate) struct PackArguments {
    /// A capture folder with rendered pictures and tracked meshes
    capture: PathBuf,
    /// The folder to make; must not exist yet, or be empty
    out: PathBuf,
    /// Which pictures
    #[arg(long, default_value = "test")]
    split: String,
    /// The extract's limit; as many pictures as fit are taken, evenly spread
    #[arg(long, default_value_t = 7.9, value_name = "MEGABYTES")]
    max_mb: f64,
    /// Of the vertices that are judged, every how manieth is kept
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..))]
    vertex_stride: u32,
}

/// One picture, packed.
struct Packed<'a> {
    frame: &'a CaptureFrame,
    camera: &'a str,
    image: Vec<u8>,
    masks: Vec<u8>,
    vertices: Vec<u8>,
}

impl Packed<'_> {
    fn len(&self) -> usize {
        self.image.len() + self.masks.len() + self.vertices.len()
    }
}

/// Runs the command.
pub(crate) fn pack(arguments: &PackArguments) -> Result<Value> {
    let PackArguments { capture: folder, out, split, max_mb, vertex_stride } = arguments;
    if out.is_dir() {
        let mut entries =
            std::fs::read_dir(out).with_context(|| format!("{}: can't be read", out.display()))?;
        ensure!(entries.next().is_none(), "{}: is not empty; remove it first", out.display());
    }
    let capture = Capture::read(folder)?;
    let vertices = VertexTruth::open(&capture)?;
    let keep = |i: &usize| i.is_multiple_of(*vertex_stride as usize);
    let render: Vec<u8> = (0..vertices.render_vertices().len())
        .filter(keep)
        .flat_map(|i| vertices.render_vertices()[i].to_le_bytes())
        .collect();
    let all: Vec<_> = pictures(&capture, split).collect();
    ensure!(!all.is_empty(), "{}: no picture of the split `{split}` is there yet", folder.display());
    let limit = (max_mb * 1e6) as usize;
    let overhead = 64_000 + render.len();
    let mut packed = Vec::new();
    let mut bytes = overhead;
    for i in spread_order(all.len()) {
        let (frame, camera) = all[i];
        let one = pack_picture(&capture, &vertices, frame, camera, &keep)?;
        // The frame's entry in capture.json is about this long.
        if bytes + one.len() + 900 <= limit {
            bytes += one.len() + 900;
            packed.push((i, one));
        }
    }
    ensure!(!packed.is_empty(), "--max-mb {max_mb}: no picture fits");
    packed.sort_by_key(|(i, _)| *i);
    let packed: Vec<Packed<'_>> = packed.into_iter().map(|(_, one)| one).collect();
    write(&capture, out, &packed, &render)?;
    let total = usize::try_from(folder_bytes(out)?)?;
    ensure!(total <= limit, "{}: {total} bytes, over the limit of {limit}", out.display());
    eprintln!("{}: {} of {} pictures, {:.2} MB", out.display(), packed.len(), all.len(), total as f64 * 1e-6);
    Ok(json!({ "frames": packed.len(), "available": all.len(), "bytes": total, "outputs": [out] }))
}

/// 0..n in an order whose every beginning is spread evenly (van der Corput).
fn spread_order(n: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by_key(|&i| (i as u32).reverse_bits());
    order
}

fn pack_picture<'a>(
    capture: &Capture,
    vertices: &VertexTruth,
    frame: &'a CaptureFrame,
    camera: &'a str,
    keep: &dyn Fn(&usize) -> bool,
) -> Result<Packed<'a>> {
    let picture = truth::read(capture, frame, camera)?;
    let (width, height) = (u32::try_from(picture.image.width)?, u32::try_from(picture.image.height)?);
    let masks: Vec<u8> = picture.parts.iter().zip(&picture.matte).flat_map(|(&p, &a)| [p, a]).collect();
    let mut steps = Vec::new();
    for (_, position) in vertices.positions(capture, frame)?.iter().enumerate().filter(|(i, _)| keep(i)) {
        for metres in position.to_array() {
            let step = (metres * 1e3 / STEP_MM).round();
            ensure!(
                (f32::from(i16::MIN)..=f32::from(i16::MAX)).contains(&step),
                "a judged vertex of {} {} is {:.0} mm from the head's origin; an extract reaches {:.0} mm",
                frame.segment,
                frame.frame,
                metres.abs() * 1e3,
                f32::from(i16::MAX) * STEP_MM
            );
            steps.extend((step as i16).to_le_bytes());
        }
    }
    Ok(Packed {
        frame,
        camera,
        image: png(width, height, &picture.image.pixels, image::ExtendedColorType::Rgb8)?,
        masks: png(width, height, &masks, image::ExtendedColorType::La8)?,
        vertices: steps,
    })
}

fn png(width: u32, height: u32, pixels: &[u8], colour: image::ExtendedColorType) -> Result<Vec<u8>> {
    use image::codecs::png::{CompressionType, FilterType, PngEncoder};
    let mut out = Vec::new();
    PngEncoder::new_with_quality(&mut out, CompressionType::Best, FilterType::Adaptive)
        .write_image(pixels, width, height, colour)
        .context("encoding a picture")?;
    Ok(out)
}

fn write(capture: &Capture, out: &Path, packed: &[Packed<'_>], render: &[u8]) -> Result<()> {
    let put = |path: PathBuf, bytes: &[u8]| -> Result<()> {
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)
                .with_context(|| format!("{}: can't be made", parent.display()))?;
        }
        std::fs::write(&path, bytes).with_context(|| format!("{}: can't be written", path.display()))
    };
    let mut description = capture.description.clone();
    description.frames.clear();
    let mut tensors: Vec<(String, TensorView<'_>)> =
        vec![("render_index".to_owned(), TensorView::new(Dtype::U32, vec![render.len() / 4], render)?)];
    for Packed { frame, camera, image, masks, vertices } in packed {
        put(image_path(out, frame, camera), image)?;
        put(parts_path(out, frame, camera), masks)?;
        let name = format!("{}/{}", frame.segment, stem(frame));
        if let Some(listed) =
            description.frames.last_mut().filter(|f| f.segment == frame.segment && f.frame == frame.frame)
        {
            listed.cameras.push((*camera).to_owned());
            continue;
        }
        let mut listed = (*frame).clone();
        listed.cameras = vec![(*camera).to_owned()];
        description.frames.push(listed);
        tensors.push((name, TensorView::new(Dtype::I16, vec![render.len() / 4, 3], vertices)?));
    }
    put(out.join(EXTRACT), &safetensors::serialize(tensors, None)?)?;
    let krt = capture.folder.join("KRT");
    put(out.join("KRT"), &std::fs::read(&krt).with_context(|| format!("{}: can't be read", krt.display()))?)?;
    put(out.join("capture.json"), serde_json::to_string(&description)?.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::made_up::MadeUp;

    #[test]
    fn every_beginning_of_the_order_is_spread() {
        let order = spread_order(60);
        let mut all = order.clone();
        all.sort_unstable();
        assert_eq!(all, (0..60).collect::<Vec<_>>());
        let mut first: Vec<usize> = order[..8].to_vec();
        first.sort_unstable();
        let widest = first.windows(2).map(|w| w[1] - w[0]).max().unwrap();
        assert!(widest <= 16, "{first:?}");
    }

    #[test]
    fn an_extract_is_a_capture_that_is_judged_alike() {
        let made_up = MadeUp::new();
        let out = made_up.folder.path().join("extract");
        let arguments = PackArguments {
            capture: made_up.folder.path().to_owned(),
            out: out.clone(),
            split: "test".to_owned(),
            max_mb: 1.0,
            vertex_stride: 1,
        };
        assert_eq!(pack(&arguments).unwrap()["frames"], 3);
        let (whole, extract) = (made_up.capture(), Capture::read(&out).unwrap());
        assert_eq!(extract.description.frames.len(), 2);
        let (of_whole, of_extract) =
            (VertexTruth::open(&whole).unwrap(), VertexTruth::open(&extract).unwrap());
        assert_eq!(of_whole.render_vertices(), of_extract.render_vertices());
        for ((frame, camera), (again, of)) in pictures(&whole, "test").zip(pictures(&extract, "test")) {
            assert_eq!((frame.frame, camera), (again.frame, of));
            let (a, b) =
                (truth::read(&whole, frame, camera).unwrap(), truth::read(&extract, again, of).unwrap());
            assert_eq!((a.image, a.parts, a.matte), (b.image, b.parts, b.matte));
            let (a, b) =
                (of_whole.positions(&whole, frame).unwrap(), of_extract.positions(&extract, again).unwrap());
            let worst = a.iter().zip(&b).map(|(a, b)| a.distance(*b)).fold(0.0, f32::max);
            assert!(worst < 1e-5, "{worst} m");
        }
        // What is there already is not overwritten.
        assert!(pack(&arguments).unwrap_err().to_string().contains("not empty"));
    }
}
