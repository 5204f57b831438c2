//! What the cameras of a capture saw, and which part fills each pixel. An extract (`visavis eval-pack`) keeps parts and
//! matte as a grey-and-alpha picture, a whole capture has them in its half-float planes.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use visavis_codec::train::{Capture, CaptureFrame};

use crate::metrics::Rgb8;

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

/// The pictures of a split that are there, frame by frame: (frame, camera).
pub(crate) fn pictures<'a>(
    capture: &'a Capture,
    split: &'a str,
) -> impl Iterator<Item = (&'a CaptureFrame, &'a str)> + 'a {
    let frames = capture.description.frames.iter().filter(move |frame| frame.split == split);
    frames
        .flat_map(|frame| frame.cameras.iter().map(move |camera| (frame, camera.as_str())))
        .filter(|(frame, camera)| image_path(&capture.folder, frame, camera).is_file())
}

/// The file of a frame, without its extension.
pub(crate) fn stem(frame: &CaptureFrame) -> String {
    format!("{:06}", frame.frame)
}

/// Where a picture lies.
pub(crate) fn image_path(folder: &Path, frame: &CaptureFrame, camera: &str) -> PathBuf {
    folder.join("images").join(&frame.segment).join(camera).join(stem(frame) + ".png")
}

/// Where an extract keeps a picture's part identifiers (grey) and matte (alpha).
pub(crate) fn parts_path(folder: &Path, frame: &CaptureFrame, camera: &str) -> PathBuf {
    folder.join("parts").join(&frame.segment).join(camera).join(stem(frame) + ".png")
}

/// Reads a picture with its parts and matte; each must be of the camera's size.
pub(crate) fn read(capture: &Capture, frame: &CaptureFrame, camera: &str) -> Result<Truth> {
    let size = capture
        .cameras
        .get(camera)
        .with_context(|| format!("{}: no camera `{camera}` in KRT", capture.folder.display()))?
        .size;
    let image = read_png(&image_path(&capture.folder, frame, camera), size)?.into_rgb8();
    let [width, height] = size.map(|n| n as usize);
    let image = Rgb8 { width, height, pixels: image.into_raw() };
    let path = parts_path(&capture.folder, frame, camera);
    let (parts, matte) = if path.is_file() {
        let masks = read_png(&path, size)?.into_luma_alpha8();
        (masks.pixels().map(|p| p.0[0]).collect(), masks.pixels().map(|p| p.0[1]).collect())
    } else {
        let planes = capture.planes(frame, camera)?;
        let coverage = |rgba: &[_; 4]| (f32::from(rgba[3]) * 255.0).round().clamp(0.0, 255.0) as u8;
        (planes.part, planes.color.iter().map(coverage).collect())
    };
    Ok(Truth { image, parts, matte })
}

/// Reads a picture of this size; a larger one is refused before it takes memory.
fn read_png(path: &Path, [width, height]: [u32; 2]) -> Result<image::DynamicImage> {
    let mut reader =
        image::ImageReader::open(path).with_context(|| format!("{}: can't be read", path.display()))?;
    let mut limits = image::Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(width), Some(height));
    reader.limits(limits);
    reader.set_format(image::ImageFormat::Png);
    let image = reader.decode().with_context(|| {
        format!("{}: no picture that can be read as {width}x{height}, its camera's size", path.display())
    })?;
    ensure!(
        (image.width(), image.height()) == (width, height),
        "{}: {}x{} pixels, its camera in capture.json has {width}x{height}",
        path.display(),
        image.width(),
        image.height()
    );
    Ok(image)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::made_up::MadeUp;

    #[test]
    fn an_extracts_masks_are_those_of_the_planes() {
        let made_up = MadeUp::new();
        let capture = made_up.capture();
        let (frame, camera) = pictures(&capture, "test").next().unwrap();
        let from_planes = read(&capture, frame, camera).unwrap();
        assert!(from_planes.parts.contains(&1) && from_planes.matte.contains(&255));
        let masks: Vec<u8> =
            from_planes.parts.iter().zip(&from_planes.matte).flat_map(|(&p, &m)| [p, m]).collect();
        let path = parts_path(&capture.folder, frame, camera);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let [width, height] = capture.cameras[camera].size;
        image::save_buffer(&path, &masks, width, height, image::ColorType::La8).unwrap();
        let from_extract = read(&capture, frame, camera).unwrap();
        assert_eq!((from_extract.parts, from_extract.matte), (from_planes.parts, from_planes.matte));
    }

    #[test]
    fn a_picture_of_another_size_is_refused_by_name() {
        let made_up = MadeUp::new();
        let capture = made_up.capture();
        let (frame, camera) = pictures(&capture, "test").next().unwrap();
        let path = image_path(&capture.folder, frame, camera);
        for side in [4, 4096] {
            image::RgbImage::new(side, 4).save(&path).unwrap();
            let error = format!("{:#}", read(&capture, frame, camera).unwrap_err());
            assert!(error.contains(&path.display().to_string()) && error.contains("camera"), "{error}");
        }
    }
}
