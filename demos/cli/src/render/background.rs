//! What stands behind the person.

use std::str::FromStr;

use visavis::headless::linear_from_srgb;

use crate::srgb::SrgbTable;

/// A background, as `--background` names it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Background {
    /// A neutral studio wall, lit from above and a little brighter behind the head.
    Gradient,
    /// One colour, 8-bit sRGB.
    Colour([u8; 3]),
}

impl FromStr for Background {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "gradient" {
            return Ok(Self::Gradient);
        }
        let digits = text.strip_prefix('#').unwrap_or(text);
        let channel =
            |i: usize| digits.get(2 * i..2 * i + 2).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (digits.len(), channel(0), channel(1), channel(2)) {
            (6, Some(r), Some(g), Some(b)) => Ok(Self::Colour([r, g, b])),
            _ => Err(format!("`{text}` is neither `gradient` nor a colour as `#8a8d91`")),
        }
    }
}

impl Background {
    /// The whole picture in linear light, `[height, width, 3]`.
    pub(crate) fn linear(self, width: usize, height: usize) -> Vec<[f32; 3]> {
        let mut out = Vec::with_capacity(width * height);
        for y in 0..height {
            for x in 0..width {
                out.push(match self {
                    Self::Colour(rgb) => rgb.map(linear_from_srgb),
                    Self::Gradient => studio(x, y, width, height),
                });
            }
        }
        out
    }
}

/// A pool of light behind the head that falls off to a warm dark grey in the corners.
fn studio(x: usize, y: usize, width: usize, height: usize) -> [f32; 3] {
    let scale = 2.0 / height as f32;
    let across = (x as f32 + 0.5 - 0.5 * width as f32) * scale;
    let down = (y as f32 + 0.5 - 0.42 * height as f32) * scale;
    let distance2 = (0.75 * across).powi(2) + down.powi(2);
    let light = (-0.9 * distance2).exp();
    let (centre, edge) = ([0.335, 0.345, 0.355], [0.072, 0.071, 0.071]);
    std::array::from_fn(|c| edge[c] + (centre[c] - edge[c]) * light)
}

/// Puts pictures of a transparent background over a wall.
pub(crate) struct Compositor {
    wall: Vec<[f32; 3]>,
    width: usize,
    code_of: SrgbTable,
    linear_of: Vec<f32>,
    rgba: Vec<u8>,
}

impl Compositor {
    /// For pictures of this size.
    pub(crate) fn new(background: Background, width: usize, height: usize) -> Self {
        let linear_of = (0..=255).map(linear_from_srgb).collect();
        let wall = background.linear(width, height);
        Self { wall, width, code_of: SrgbTable::new(), linear_of, rgba: Vec::new() }
    }

    /// One picture (premultiplied in linear light, then encoded as 8-bit sRGB) over the wall; opaque, valid until the
    /// next. Where the wall shows, noise of one code value, the same in every frame, keeps it from showing bands.
    pub(crate) fn compose(&mut self, rgba: &[u8]) -> &[u8] {
        self.rgba.clear();
        for (i, (pixel, wall)) in rgba.chunks_exact(4).zip(&self.wall).enumerate() {
            let through = 1.0 - f32::from(pixel[3]) / 255.0;
            if through == 0.0 {
                self.rgba.extend_from_slice(pixel);
                continue;
            }
            // The last digit of an exact code value must not decide whether it survives.
            let noise = dither(i % self.width, i / self.width) + 1e-3;
            for c in 0..3 {
                let linear = self.linear_of[usize::from(pixel[c])] + through * wall[c];
                self.rgba.push((self.code_of.code(linear) + noise) as u8);
            }
            self.rgba.push(255);
        }
        &self.rgba
    }
}

/// Interleaved gradient noise (Jimenez 2014), 0..1.
fn dither(x: usize, y: usize) -> f32 {
    (52.982_918 * (0.067_110_56 * x as f32 + 0.005_837_15 * y as f32).fract()).fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read() {
        assert_eq!("gradient".parse(), Ok(Background::Gradient));
        assert_eq!("#0a80FF".parse(), Ok(Background::Colour([10, 128, 255])));
        for wrong in ["", "#12345", "#1234567", "#12345g", "blue", "#é1234"] {
            assert!(wrong.parse::<Background>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_colour_comes_out_as_it_went_in_within_the_noise() {
        let mut compositor = Compositor::new(Background::Colour([10, 128, 250]), 8, 8);
        for pixel in compositor.compose(&[0; 4 * 64]).chunks_exact(4) {
            for (value, wanted) in pixel.iter().zip([10u8, 128, 250, 255]) {
                assert!(value.abs_diff(wanted) <= 1, "{pixel:?}");
            }
        }
    }

    #[test]
    fn an_opaque_pixel_hides_the_background() {
        let mut compositor = Compositor::new(Background::Colour([255; 3]), 1, 1);
        assert_eq!(compositor.compose(&[200, 7, 0, 255]), [200, 7, 0, 255]);
    }

    #[test]
    fn the_wall_is_brightest_behind_the_head() {
        let wall = Background::Gradient.linear(64, 64);
        let (centre, corner) = (wall[27 * 64 + 32][1], wall[63 * 64 + 63][1]);
        assert!(centre > 2.0 * corner && corner > 0.0, "{centre} {corner}");
    }
}
