//! How alike two images are. Images are 8-bit sRGB, `[height, width, 3]`; masks have a byte a pixel, 0 or 1.

mod flip;
mod mask;
mod psnr;
mod ssim;

pub(crate) use flip::{flip_map, mean_inside};
pub(crate) use mask::{eyes_mask, face_mask, head_mask, mouth_mask, silhouette_mask};
pub(crate) use psnr::psnr_db;
pub(crate) use ssim::ssim;

/// An 8-bit sRGB image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rgb8 {
    /// Pixels in a row.
    pub(crate) width: usize,
    /// Rows.
    pub(crate) height: usize,
    /// `[height, width, 3]`.
    pub(crate) pixels: Vec<u8>,
}

impl Rgb8 {
    /// One colour everywhere.
    #[cfg(test)]
    pub(crate) fn filled(width: usize, height: usize, colour: [u8; 3]) -> Self {
        Self { width, height, pixels: colour.repeat(width * height) }
    }
}
