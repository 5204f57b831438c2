//! A small chart: curves over a logarithmic axis of kbit/s, drawn into a PNG.

use std::path::Path;

use anyhow::{Context as _, Result};
use image::{Rgb, RgbImage};

/// A curve.
pub(super) struct Series {
    pub(super) name: String,
    /// (kbit/s, PSNR dB).
    pub(super) points: Vec<(f64, f64)>,
}

/// What is drawn.
pub(super) struct Chart<'a> {
    pub(super) title: &'a str,
    pub(super) series: &'a [Series],
}

const SIZE: [u32; 2] = [960, 600];
/// Room left of, above, right of and below the curves.
const MARGIN: [f64; 4] = [70.0, 50.0, 30.0, 50.0];
pub(super) const INK: Rgb<u8> = Rgb([40, 40, 40]);
pub(super) const GRID: Rgb<u8> = Rgb([222, 222, 222]);
/// Told apart by colour-blind readers, too (Okabe & Ito, "Color universal design", 2008).
pub(super) const COLOURS: [Rgb<u8>; 6] = [
    Rgb([0, 114, 178]),
    Rgb([213, 94, 0]),
    Rgb([0, 158, 115]),
    Rgb([204, 121, 167]),
    Rgb([86, 180, 233]),
    Rgb([230, 159, 0]),
];

impl Chart<'_> {
    /// Draws it and writes the file.
    pub(super) fn write(&self, path: &Path) -> Result<()> {
        self.draw().save(path).with_context(|| format!("{}: can't be written", path.display()))
    }

    fn draw(&self) -> RgbImage {
        let mut picture = RgbImage::from_pixel(SIZE[0], SIZE[1], Rgb([255; 3]));
        let points = || self.series.iter().flat_map(|series| &series.points);
        let bounds = |of: fn(&(f64, f64)) -> f64| {
            let least = points().map(of).fold(f64::INFINITY, f64::min);
            let most = points().map(of).fold(f64::NEG_INFINITY, f64::max);
            (least, most)
        };
        let ((left, right), (low, high)) =
            (bounds(|point| point.0.max(1e-3).log10()), bounds(|point| point.1));
        if !(left.is_finite() && low.is_finite()) {
            return picture;
        }
        let (left, right) = (left.floor(), right.ceil().max(left.floor() + 1.0));
        let (low, high) =
            ((low / 5.0).floor() * 5.0, ((high / 5.0).ceil() * 5.0).max((low / 5.0).floor() * 5.0 + 5.0));
        let width = f64::from(SIZE[0]) - MARGIN[0] - MARGIN[2];
        let height = f64::from(SIZE[1]) - MARGIN[1] - MARGIN[3];
        let x = |log: f64| MARGIN[0] + (log - left) / (right - left) * width;
        let y = |db: f64| MARGIN[1] + (high - db) / (high - low) * height;
        let (top, bottom) = (y(high), y(low));

        for decade in left as i32..=right as i32 {
            for part in 1..10 {
                let log = f64::from(decade) + f64::from(part).log10();
                if log <= right + 1e-9 {
                    line(&mut picture, [x(log), top], [x(log), bottom], GRID);
                }
            }
            let label = if decade < 0 {
                format!("{:.1}", 10f64.powi(decade))
            } else {
                format!("{}", 10u64.pow(decade as u32))
            };
            text(&mut picture, x(f64::from(decade)) - 6.0 * label.len() as f64, bottom + 8.0, &label, INK);
        }
        let mut db = low;
        while db <= high + 1e-9 {
            line(&mut picture, [x(left), y(db)], [x(right), y(db)], GRID);
            text(&mut picture, 24.0, y(db) - 7.0, &format!("{db}"), INK);
            db += 5.0;
        }
        line(&mut picture, [x(left), bottom], [x(right), bottom], INK);
        line(&mut picture, [x(left), top], [x(left), bottom], INK);
        text(&mut picture, MARGIN[0], 16.0, self.title, INK);
        for (n, series) in self.series.iter().enumerate() {
            let colour = COLOURS[n % COLOURS.len()];
            let place = |&(kbit, db): &(f64, f64)| [x(kbit.max(1e-3).log10()), y(db)];
            for pair in series.points.windows(2) {
                line(&mut picture, place(&pair[0]), place(&pair[1]), colour);
            }
            for point in &series.points {
                let [px, py] = place(point);
                for dy in -3..=3 {
                    line(
                        &mut picture,
                        [px - 3.0, py + f64::from(dy)],
                        [px + 3.0, py + f64::from(dy)],
                        colour,
                    );
                }
            }
            let row = bottom - 24.0 * (self.series.len() - n) as f64;
            text(&mut picture, x(right) - 170.0, row, &series.name, colour);
        }
        picture
    }
}

fn put(picture: &mut RgbImage, x: f64, y: f64, colour: Rgb<u8>) {
    let (x, y) = (x.round(), y.round());
    if x >= 0.0 && y >= 0.0 && x < f64::from(picture.width()) && y < f64::from(picture.height()) {
        picture.put_pixel(x as u32, y as u32, colour);
    }
}

pub(super) fn line(picture: &mut RgbImage, a: [f64; 2], b: [f64; 2], colour: Rgb<u8>) {
    let steps = (b[0] - a[0]).abs().max((b[1] - a[1]).abs()).ceil().max(1.0);
    for step in 0..=steps as u32 {
        let part = f64::from(step) / steps;
        put(picture, a[0] + (b[0] - a[0]) * part, a[1] + (b[1] - a[1]) * part, colour);
    }
}

/// Writes in capitals, each letter 5 × 7 dots of 2 × 2 pixels; what has no letter is a space.
pub(super) fn text(picture: &mut RgbImage, x: f64, y: f64, words: &str, colour: Rgb<u8>) {
    for (n, letter) in words.chars().enumerate() {
        let letter = letter.to_ascii_uppercase();
        let Some((_, rows)) = FONT.iter().find(|(known, _)| *known == letter) else { continue };
        for (row, dots) in rows.iter().enumerate() {
            for column in (0..5).filter(|column| dots >> (4 - column) & 1 == 1) {
                for (dx, dy) in [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)] {
                    let place = [x + f64::from(12 * n as u32 + 2 * column) + dx, y + 2.0 * row as f64 + dy];
                    put(picture, place[0], place[1], colour);
                }
            }
        }
    }
}

/// Letters as rows of five dots.
#[rustfmt::skip]
const FONT: [(char, [u8; 7]); 43] = [
    ('0', [14, 17, 19, 21, 25, 17, 14]), ('1', [4, 12, 4, 4, 4, 4, 14]), ('2', [14, 17, 1, 2, 4, 8, 31]),
    ('3', [31, 2, 4, 2, 1, 17, 14]), ('4', [2, 6, 10, 18, 31, 2, 2]), ('5', [31, 16, 30, 1, 1, 17, 14]),
    ('6', [6, 8, 16, 30, 17, 17, 14]), ('7', [31, 1, 2, 4, 8, 8, 8]), ('8', [14, 17, 17, 14, 17, 17, 14]),
    ('9', [14, 17, 17, 15, 1, 2, 12]), ('A', [14, 17, 17, 31, 17, 17, 17]), ('B', [30, 17, 17, 30, 17, 17, 30]),
    ('C', [14, 17, 16, 16, 16, 17, 14]), ('D', [28, 18, 17, 17, 17, 18, 28]), ('E', [31, 16, 16, 30, 16, 16, 31]),
    ('F', [31, 16, 16, 30, 16, 16, 16]), ('G', [14, 17, 16, 23, 17, 17, 15]), ('H', [17, 17, 17, 31, 17, 17, 17]),
    ('I', [14, 4, 4, 4, 4, 4, 14]), ('J', [7, 2, 2, 2, 2, 18, 12]), ('K', [17, 18, 20, 24, 20, 18, 17]),
    ('L', [16, 16, 16, 16, 16, 16, 31]), ('M', [17, 27, 21, 21, 17, 17, 17]), ('N', [17, 17, 25, 21, 19, 17, 17]),
    ('O', [14, 17, 17, 17, 17, 17, 14]), ('P', [30, 17, 17, 30, 16, 16, 16]), ('Q', [14, 17, 17, 17, 21, 18, 13]),
    ('R', [30, 17, 17, 30, 20, 18, 17]), ('S', [15, 16, 16, 14, 1, 1, 30]), ('T', [31, 4, 4, 4, 4, 4, 4]),
    ('U', [17, 17, 17, 17, 17, 17, 14]), ('V', [17, 17, 17, 17, 17, 10, 4]), ('W', [17, 17, 17, 21, 21, 21, 10]),
    ('X', [17, 17, 10, 4, 10, 17, 17]), ('Y', [17, 17, 17, 10, 4, 4, 4]), ('Z', [31, 1, 2, 4, 8, 16, 31]),
    ('.', [0, 0, 0, 0, 0, 12, 12]), (',', [0, 0, 0, 0, 12, 4, 8]), ('/', [0, 1, 2, 4, 8, 16, 0]),
    ('-', [0, 0, 0, 31, 0, 0, 0]), ('_', [0, 0, 0, 0, 0, 0, 31]), ('(', [2, 4, 8, 8, 8, 4, 2]),
    (')', [8, 4, 2, 2, 2, 4, 8]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_curve_is_there_in_its_colour() {
        let series: Vec<Series> = (0..4)
            .map(|n| {
                let points = (1..5).map(|i| (f64::from(i * (n + 1)), 30.0 + f64::from(4 * i + n)));
                Series { name: format!("SERIES {n}"), points: points.collect() }
            })
            .collect();
        let picture = Chart { title: "kbit/s against dB", series: &series }.draw();
        for colour in &COLOURS[..4] {
            assert!(picture.pixels().filter(|pixel| *pixel == colour).count() > 300, "{colour:?}");
        }
        assert!(picture.pixels().all(|pixel| *pixel != COLOURS[5]));
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        let picture = Chart { title: "", series: &[] }.draw();
        assert!(picture.pixels().all(|pixel| *pixel == Rgb([255; 3])));
    }
}
