//! A picture as a camera made it: sRGB or linear, without a matte, scaled down while it is read.

use std::path::Path;
use std::sync::OnceLock;

use half::f16;
use image::{ImageReader, Limits};

use super::super::capture::CaptureError;
use super::super::planes::Planes;
use super::Transfer;

/// Columns or rows of a picture.
pub(super) const LARGEST: u32 = 8192;

fn open(path: &Path) -> Result<ImageReader<std::io::BufReader<std::fs::File>>, CaptureError> {
    let io = |source| CaptureError::Io { path: path.to_owned(), source };
    let mut reader = ImageReader::open(path).map_err(io)?.with_guessed_format().map_err(io)?;
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(LARGEST), Some(LARGEST));
    limits.max_alloc = Some(u64::from(LARGEST * LARGEST) * 8);
    reader.limits(limits);
    Ok(reader)
}

/// Columns and rows, from the file's header.
pub(super) fn size(path: &Path) -> Result<[u32; 2], CaptureError> {
    let (width, height) =
        open(path)?.into_dimensions().map_err(|e| CaptureError::invalid(path, "picture", e))?;
    if (1..=LARGEST).contains(&width) && (1..=LARGEST).contains(&height) {
        Ok([width, height])
    } else {
        Err(CaptureError::invalid(
            path,
            "size",
            format!("{width}×{height}: must be 1..={LARGEST} either way"),
        ))
    }
}

/// The size that fits into `most` columns and rows, never larger than it was.
pub(super) fn scaled_size(size: [u32; 2], most: u32) -> [u32; 2] {
    let factor = (f64::from(most) / f64::from(size[0].max(size[1]))).min(1.0);
    size.map(|n| ((f64::from(n) * factor).round() as u32).max(1))
}

/// Reads a picture of `size` and scales it to `scaled` by averaging linear light over areas. What is person and what is
/// background isn't known: alpha is 1 throughout, albedo and normal are zero.
pub(super) fn read(
    path: &Path,
    size: [u32; 2],
    scaled: [u32; 2],
    transfer: Transfer,
) -> Result<Planes, CaptureError> {
    let picture = open(path)?.decode().map_err(|e| CaptureError::invalid(path, "picture", e))?;
    if [picture.width(), picture.height()] != size {
        let reason = format!(
            "{}×{}, while the camera's first picture has {}×{}",
            picture.width(),
            picture.height(),
            size[0],
            size[1]
        );
        return Err(CaptureError::invalid(path, "size", reason));
    }
    let levels = levels(transfer);
    let linear: Vec<[f32; 3]> =
        picture.into_rgb16().pixels().map(|p| p.0.map(|level| levels[usize::from(level)])).collect();
    let rows = average_rows(&linear, size[0] as usize, size[1] as usize, scaled[1] as usize);
    let turned = transpose(&rows, size[0] as usize, scaled[1] as usize);
    let both = average_rows(&turned, scaled[1] as usize, size[0] as usize, scaled[0] as usize);
    let color = transpose(&both, scaled[1] as usize, scaled[0] as usize);
    let pixels = color.len();
    Ok(Planes {
        width: scaled[0] as usize,
        height: scaled[1] as usize,
        color: color
            .iter()
            .map(|&[r, g, b]| [f16::from_f32(r), f16::from_f32(g), f16::from_f32(b), f16::ONE])
            .collect(),
        albedo: vec![[f16::ZERO; 3]; pixels],
        normal: vec![[f16::ZERO; 3]; pixels],
        part: vec![0; pixels],
    })
}

/// Linear light of each 16-bit level.
fn levels(transfer: Transfer) -> &'static [f32] {
    static SRGB: OnceLock<Vec<f32>> = OnceLock::new();
    static LINEAR: OnceLock<Vec<f32>> = OnceLock::new();
    let share = |level: u32| level as f32 / 65535.0;
    match transfer {
        Transfer::Linear => LINEAR.get_or_init(|| (0..65536).map(share).collect()),
        Transfer::Srgb => SRGB.get_or_init(|| {
            let curve = |x: f32| if x <= 0.04045 { x / 12.92 } else { ((x + 0.055) / 1.055).powf(2.4) };
            (0..65536).map(|level| curve(share(level))).collect()
        }),
    }
}

/// `from` rows of `width` to `to` ≤ `from` rows, each the mean of the span it covers.
fn average_rows(pixels: &[[f32; 3]], width: usize, from: usize, to: usize) -> Vec<[f32; 3]> {
    if from == to {
        return pixels.to_vec();
    }
    let span = from as f32 / to as f32;
    let mut out = vec![[0.0; 3]; width * to];
    for y in 0..to {
        let (first, last) = (y as f32 * span, (y + 1) as f32 * span);
        for source in first as usize..(last.ceil() as usize).min(from) {
            let weight = (last.min((source + 1) as f32) - first.max(source as f32)).max(0.0) / span;
            for x in 0..width {
                let (sum, value) = (&mut out[y * width + x], pixels[source * width + x]);
                (0..3).for_each(|c| sum[c] += weight * value[c]);
            }
        }
    }
    out
}

fn transpose(pixels: &[[f32; 3]], width: usize, height: usize) -> Vec<[f32; 3]> {
    (0..width).flat_map(|x| (0..height).map(move |y| pixels[y * width + x])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scaling_keeps_the_light() {
        let (width, height) = (7usize, 10usize);
        let pixels: Vec<[f32; 3]> = (0..width * height).map(|i| [i as f32, (i % 7) as f32, 1.0]).collect();
        let rows = average_rows(&pixels, width, height, 4);
        assert_eq!(rows.len(), width * 4);
        for c in 0..3 {
            let mean = |p: &[[f32; 3]]| p.iter().map(|p| p[c]).sum::<f32>() / p.len() as f32;
            assert!((mean(&rows) - mean(&pixels)).abs() < 1e-3 * mean(&pixels));
        }
        assert!(rows.iter().all(|p| (p[2] - 1.0).abs() < 1e-5));
        assert_eq!(transpose(&transpose(&pixels, width, height), height, width), pixels);
        assert_eq!(scaled_size([1334, 2048], 512), [334, 512]);
        assert_eq!(scaled_size([300, 200], 512), [300, 200]);
    }

    #[test]
    fn a_picture_is_read_in_linear_light_and_its_size_is_checked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        image::RgbImage::from_fn(4, 2, |x, _| image::Rgb([if x < 2 { 255 } else { 0 }, 188, 0]))
            .save(&path)
            .unwrap();
        assert_eq!(size(&path).unwrap(), [4, 2]);
        let planes = read(&path, [4, 2], [1, 1], Transfer::Srgb).unwrap();
        // Half of white light is sRGB 188.
        let [r, g, b, a] = planes.color[0].map(f16::to_f32);
        assert!((r - 0.5).abs() < 1e-3 && (g - 0.503).abs() < 2e-3 && b == 0.0 && a == 1.0, "{r} {g}");
        let message = read(&path, [5, 2], [1, 1], Transfer::Srgb).unwrap_err().to_string();
        assert!(message.contains("a.png") && message.contains("4×2"), "{message}");
        std::fs::write(&path, b"\x89PNG\r\n\x1a\nnonsense").unwrap();
        assert!(read(&path, [4, 2], [1, 1], Transfer::Srgb).is_err());
        assert!(size(&folder.path().join("none.png")).unwrap_err().to_string().contains("none.png"));
    }
}
