//! A picture to draw on: filled boxes, small letters, other pictures.

use std::path::Path;

use anyhow::Result;

use crate::metrics::Rgb8;
use crate::render::output::write_png;

/// Rows of the letters, three bits each from the top.
const LETTERS: &[(char, [u8; 5])] = &[
    ('A', [2, 5, 7, 5, 5]),
    ('B', [6, 5, 6, 5, 6]),
    ('C', [3, 4, 4, 4, 3]),
    ('D', [6, 5, 5, 5, 6]),
    ('E', [7, 4, 6, 4, 7]),
    ('F', [7, 4, 6, 4, 4]),
    ('G', [3, 4, 5, 5, 3]),
    ('H', [5, 5, 7, 5, 5]),
    ('I', [7, 2, 2, 2, 7]),
    ('J', [1, 1, 1, 5, 2]),
    ('K', [5, 5, 6, 5, 5]),
    ('L', [4, 4, 4, 4, 7]),
    ('M', [5, 7, 7, 5, 5]),
    ('N', [6, 5, 5, 5, 5]),
    ('O', [2, 5, 5, 5, 2]),
    ('P', [6, 5, 6, 4, 4]),
    ('Q', [2, 5, 5, 6, 3]),
    ('R', [6, 5, 6, 5, 5]),
    ('S', [3, 4, 2, 1, 6]),
    ('T', [7, 2, 2, 2, 2]),
    ('U', [5, 5, 5, 5, 7]),
    ('V', [5, 5, 5, 5, 2]),
    ('W', [5, 5, 7, 7, 5]),
    ('X', [5, 5, 2, 5, 5]),
    ('Y', [5, 5, 2, 2, 2]),
    ('Z', [7, 1, 2, 4, 7]),
    ('0', [7, 5, 5, 5, 7]),
    ('1', [2, 6, 2, 2, 7]),
    ('2', [6, 1, 2, 4, 7]),
    ('3', [6, 1, 2, 1, 6]),
    ('4', [5, 5, 7, 1, 1]),
    ('5', [7, 4, 6, 1, 6]),
    ('6', [3, 4, 7, 5, 7]),
    ('7', [7, 1, 2, 2, 2]),
    ('8', [7, 5, 7, 5, 7]),
    ('9', [7, 5, 7, 1, 6]),
    ('.', [0, 0, 0, 0, 2]),
    ('-', [0, 0, 7, 0, 0]),
    ('>', [4, 2, 1, 2, 4]),
];

/// Pixels of a letter's dot.
const DOT: usize = 2;
/// Pixels that a line of text is high, and a letter is wide with its gap.
pub(super) const LINE: usize = 5 * DOT + 4;
pub(super) const LETTER: usize = 4 * DOT;

#[derive(Debug)]
pub(super) struct Canvas {
    picture: Rgb8,
}

impl Canvas {
    /// All of one colour.
    pub(super) fn new(width: usize, height: usize, colour: [u8; 3]) -> Self {
        Self { picture: Rgb8 { width, height, pixels: colour.repeat(width * height) } }
    }

    /// A box; what lies outside of the picture is left out.
    pub(super) fn fill(&mut self, [left, top]: [usize; 2], [width, height]: [usize; 2], colour: [u8; 3]) {
        for y in top..(top + height).min(self.picture.height) {
            for x in left..(left + width).min(self.picture.width) {
                let i = (y * self.picture.width + x) * 3;
                self.picture.pixels[i..i + 3].copy_from_slice(&colour);
            }
        }
    }

    /// Text in capitals; characters without a shape are blank.
    pub(super) fn text(&mut self, [left, top]: [usize; 2], text: &str, colour: [u8; 3]) {
        for (n, c) in text.chars().enumerate() {
            let shape = LETTERS.iter().find(|(letter, _)| *letter == c.to_ascii_uppercase());
            let Some((_, rows)) = shape else { continue };
            for (y, row) in rows.iter().enumerate() {
                for x in (0..3).filter(|x| row >> (2 - x) & 1 == 1) {
                    self.fill([left + n * LETTER + x * DOT, top + y * DOT], [DOT; 2], colour);
                }
            }
        }
    }

    /// Another picture, `[height, width, 4]`, whose alpha is left out.
    pub(super) fn paste(&mut self, [left, top]: [usize; 2], width: usize, rgba: &[u8]) {
        for (n, pixel) in rgba.chunks_exact(4).enumerate() {
            self.fill([left + n % width, top + n / width], [1; 2], [pixel[0], pixel[1], pixel[2]]);
        }
    }

    /// As a PNG.
    pub(super) fn write(&self, path: &Path) -> Result<()> {
        let (width, height) = (u32::try_from(self.picture.width)?, u32::try_from(self.picture.height)?);
        write_png(path, width, height, &self.picture.pixels, image::ExtendedColorType::Rgb8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_stand_where_they_are_put_and_nothing_leaves_the_picture() {
        let mut canvas = Canvas::new(12, 12, [0; 3]);
        canvas.text([1, 1], "i~I", [255; 3]);
        let at = |x: usize, y: usize| canvas.picture.pixels[(y * 12 + x) * 3];
        assert_eq!((at(1, 1), at(3, 5), at(1, 5), at(9, 1)), (255, 255, 0, 0));
        canvas.fill([10, 10], [50, 50], [9; 3]);
        assert_eq!(canvas.picture.pixels[canvas.picture.pixels.len() - 1], 9);
    }
}
