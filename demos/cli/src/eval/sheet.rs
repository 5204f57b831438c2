//! A contact sheet: truth, ours and their difference side by side, a row a picture.

use std::path::Path;

use anyhow::{Result, ensure};

use crate::metrics::Rgb8;
use crate::render::output::write_png;

/// Differences are shown this many times larger.
const ERROR_GAIN: u16 = 5;
/// Between pictures, pixels.
const GAP: usize = 4;

/// Rows of (truth, ours), all of one size.
#[derive(Debug, Default)]
pub(crate) struct Sheet {
    rows: Vec<(Rgb8, Rgb8)>,
}

impl Sheet {
    /// Adds a row.
    pub(crate) fn add(&mut self, truth: Rgb8, ours: Rgb8) {
        self.rows.push((truth, ours));
    }

    /// Writes truth | ours | 5 × |difference|.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let sheet = self.draw()?;
        let (width, height) = (u32::try_from(sheet.width)?, u32::try_from(sheet.height)?);
        write_png(path, width, height, &sheet.pixels, image::ExtendedColorType::Rgb8)
    }

    fn draw(&self) -> Result<Rgb8> {
        ensure!(!self.rows.is_empty(), "a contact sheet without a picture");
        let width = self.rows.iter().map(|(truth, _)| truth.width).max().unwrap_or(0);
        let full_width = 3 * width + 2 * GAP;
        let full_height = self.rows.iter().map(|(truth, _)| truth.height + GAP).sum::<usize>() - GAP;
        let mut pixels = vec![255u8; full_width * full_height * 3];
        let mut top = 0;
        for (truth, ours) in &self.rows {
            let error = Rgb8 {
                pixels: truth.pixels.iter().zip(&ours.pixels).map(|(&a, &b)| amplified(a, b)).collect(),
                ..*truth
            };
            for (column, image) in [truth, ours, &error].into_iter().enumerate() {
                let left = column * (width + GAP);
                for (y, row) in image.pixels.chunks_exact(image.width * 3).enumerate() {
                    let start = ((top + y) * full_width + left) * 3;
                    pixels[start..start + row.len()].copy_from_slice(row);
                }
            }
            top += truth.height + GAP;
        }
        Ok(Rgb8 { width: full_width, height: full_height, pixels })
    }
}

fn amplified(a: u8, b: u8) -> u8 {
    u8::try_from(u16::from(a.abs_diff(b)) * ERROR_GAIN).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_difference_stands_in_the_third_column() {
        let mut sheet = Sheet::default();
        sheet.add(Rgb8::filled(2, 2, [100; 3]), Rgb8::filled(2, 2, [103; 3]));
        sheet.add(Rgb8::filled(2, 2, [0; 3]), Rgb8::filled(2, 2, [255; 3]));
        let drawn = sheet.draw().unwrap();
        assert_eq!((drawn.width, drawn.height), (6 + 2 * GAP, 4 + GAP));
        let at = |x: usize, y: usize| drawn.pixels[(y * drawn.width + x) * 3];
        assert_eq!((at(0, 0), at(2 + GAP, 0), at(4 + 2 * GAP, 0)), (100, 103, 15));
        assert_eq!(at(4 + 2 * GAP, 2 + GAP), 255);
        assert!(Sheet::default().draw().is_err());
    }
}
