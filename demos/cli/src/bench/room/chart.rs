//! The crowd's cost as a picture: milliseconds and megabytes over the number of avatars, all axes logarithmic.

use std::path::Path;

use anyhow::{Context as _, Result};
use image::{Rgb, RgbImage};

use crate::bench::codec_chart::{COLOURS, GRID, INK, line, text};

/// One curve: (avatars, value).
pub(super) struct Curve {
    pub(super) name: &'static str,
    pub(super) points: Vec<(u32, f64)>,
}

/// One pair of axes.
pub(super) struct Panel {
    pub(super) title: &'static str,
    pub(super) curves: Vec<Curve>,
}

/// Pixels of a panel, and the room left of, above, right of and below its curves.
const SIZE: [u32; 2] = [640, 520];
const MARGIN: [f64; 4] = [80.0, 60.0, 30.0, 50.0];

/// Draws panels side by side and writes the file.
pub(super) fn write(panels: &[Panel], path: &Path) -> Result<()> {
    draw(panels).save(path).with_context(|| format!("{}: can't be written", path.display()))
}

fn draw(panels: &[Panel]) -> RgbImage {
    let width = SIZE[0] * panels.len().max(1) as u32;
    let mut picture = RgbImage::from_pixel(width, SIZE[1], Rgb([255; 3]));
    for (n, panel) in (0u32..).zip(panels) {
        panel.draw(&mut picture, f64::from(n * SIZE[0]));
    }
    picture
}

impl Panel {
    fn draw(&self, picture: &mut RgbImage, left_edge: f64) {
        let points = || self.curves.iter().flat_map(|curve| &curve.points);
        let most = points().map(|point| point.0).max().unwrap_or(1).max(2);
        let bounds = points().fold((f64::INFINITY, 0.0f64), |(low, high), point| {
            (low.min(point.1.max(1e-3)), high.max(point.1))
        });
        if bounds.1 <= 0.0 {
            return;
        }
        let (low, high) = (bounds.0.log10().floor(), bounds.1.log10().ceil());
        let high = if high > low { high } else { low + 1.0 };
        let (width, height) =
            (f64::from(SIZE[0]) - MARGIN[0] - MARGIN[2], f64::from(SIZE[1]) - MARGIN[1] - MARGIN[3]);
        let right_log = f64::from(most).log2();
        let x = |avatars: u32| left_edge + MARGIN[0] + f64::from(avatars.max(1)).log2() / right_log * width;
        let y = |value: f64| MARGIN[1] + (high - value.max(1e-3).log10()) / (high - low) * height;
        let (left, right) = (x(1), x(most));
        let (top, bottom) = (y(10f64.powf(high)), y(10f64.powf(low)));

        for decade in low as i32..=high as i32 {
            for part in 1..10 {
                let value = f64::from(part) * 10f64.powi(decade);
                if value.log10() <= high + 1e-9 {
                    line(picture, [left, y(value)], [right, y(value)], GRID);
                }
            }
            let label = if decade < 0 {
                format!("{:.1}", 10f64.powi(decade))
            } else {
                format!("{}", 10f64.powi(decade))
            };
            text(picture, left - 10.0 - 12.0 * label.len() as f64, y(10f64.powi(decade)) - 7.0, &label, INK);
        }
        let mut counts: Vec<u32> = points().map(|point| point.0).collect();
        counts.sort_unstable();
        counts.dedup();
        for avatars in counts {
            line(picture, [x(avatars), top], [x(avatars), bottom], GRID);
            let label = avatars.to_string();
            text(picture, x(avatars) - 6.0 * label.len() as f64, bottom + 10.0, &label, INK);
        }
        line(picture, [left, bottom], [right, bottom], INK);
        line(picture, [left, top], [left, bottom], INK);
        text(picture, left, 14.0, self.title, INK);
        for (n, curve) in self.curves.iter().enumerate() {
            let colour = COLOURS[n % COLOURS.len()];
            let place = |&(avatars, value): &(u32, f64)| [x(avatars), y(value)];
            for pair in curve.points.windows(2) {
                // Three pixels wide.
                for offset in [-1.0, 0.0, 1.0] {
                    let [from, to] = [place(&pair[0]), place(&pair[1])].map(|[x, y]| [x, y + offset]);
                    line(picture, from, to, colour);
                }
            }
            for point in &curve.points {
                let [px, py] = place(point);
                for dy in -4..=4 {
                    line(picture, [px - 4.0, py + f64::from(dy)], [px + 4.0, py + f64::from(dy)], colour);
                }
            }
            text(picture, left + 14.0, 36.0 + 18.0 * n as f64 + 6.0, curve.name, colour);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_curve_is_in_its_panel() {
        let curve = |name, scale: f64| Curve {
            name,
            points: [1, 4, 16, 64].map(|n| (n, scale * f64::from(n).sqrt())).to_vec(),
        };
        let panels = [
            Panel { title: "ms a frame", curves: vec![curve("by pixels", 3.0), curve("full", 12.0)] },
            Panel { title: "MB", curves: vec![curve("by pixels", 40.0)] },
        ];
        let picture = draw(&panels);
        assert_eq!(picture.dimensions(), (2 * SIZE[0], SIZE[1]));
        let count = |colour: Rgb<u8>, panel: u32| {
            let columns = panel * SIZE[0]..(panel + 1) * SIZE[0];
            picture
                .enumerate_pixels()
                .filter(|(x, _, found)| columns.contains(x) && **found == colour)
                .count()
        };
        assert!(count(COLOURS[0], 0) > 500 && count(COLOURS[1], 0) > 500 && count(COLOURS[0], 1) > 500);
        assert_eq!(count(COLOURS[1], 1), 0);
        assert!(draw(&[]).pixels().all(|pixel| *pixel == Rgb([255; 3])));
    }
}
