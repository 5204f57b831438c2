//! The engine's own target: textures to draw in, and their way to the caller's memory.

use visavis::error::{GpuError, scoped};
use visavis::headless::{Canvas, ReadBack};
use visavis::wgpu;

use crate::engine::{COLOR, FORMAT};

/// Which of a canvas's two textures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Texture {
    /// `Rgba16Float`, 8 bytes a texel.
    Color,
    /// `Depth32Float`, 4 bytes a texel.
    Depth,
}

/// Colour and depth of one view, and their ways to memory once somebody asked for them.
pub(crate) struct Sheet {
    pub(crate) canvas: Canvas,
    /// Of each [`Texture`].
    ways: [Option<ReadBack>; 2],
}

impl Sheet {
    pub(crate) fn new(device: &wgpu::Device, size: [u32; 2]) -> Result<Self, GpuError> {
        let canvas = Canvas::new(device, size, [COLOR, FORMAT.depth], wgpu::TextureUsages::COPY_SRC)?;
        Ok(Self { canvas, ways: [None, None] })
    }

    /// Waits for what was drawn and calls `row` with each of its rows, from the top.
    pub(crate) fn read(
        &mut self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        texture: Texture,
        row: impl FnMut(usize, &[u8]),
    ) -> Result<(), GpuError> {
        let view = match texture {
            Texture::Color => self.canvas.color(),
            Texture::Depth => self.canvas.depth(),
        };
        let way = match &mut self.ways[texture as usize] {
            Some(way) => way,
            none => none.insert(ReadBack::new(device, self.canvas.size(), view.texture().format())?),
        };
        scoped(device, || {
            let mut encoder = device.create_command_encoder(&Default::default());
            way.record(&mut encoder, view.texture());
            queue.submit([encoder.finish()]);
        })?;
        way.read_rows(device, row)
    }
}

/// The 8-bit sRGB code of each half float, made when it is first asked for.
#[derive(Default)]
pub(crate) struct SrgbTable(Vec<u8>);

impl SrgbTable {
    /// Encodes a row of linear, premultiplied `Rgba16Float` texels; alpha stays linear.
    pub(crate) fn encode(&mut self, texels: &[u8], out: &mut [u8]) {
        if self.0.is_empty() {
            self.0 = (0..=u16::MAX).map(|bits| to_8_bit(srgb(half(bits)))).collect();
        }
        for (texel, out) in texels.as_chunks::<8>().0.iter().zip(out.as_chunks_mut::<4>().0) {
            let bits = |channel: usize| u16::from_le_bytes([texel[2 * channel], texel[2 * channel + 1]]);
            for channel in 0..3 {
                out[channel] = self.0[usize::from(bits(channel))];
            }
            out[3] = to_8_bit(half(bits(3)));
        }
    }
}

fn half(bits: u16) -> f32 {
    // IEEE 754 binary16.
    let (sign, exponent, fraction) = (bits >> 15, (bits >> 10) & 31, bits & 1023);
    let fraction = f32::from(fraction);
    let magnitude = match exponent {
        0 => fraction * 2f32.powi(-24),
        31 if fraction > 0.0 => f32::NAN,
        31 => f32::INFINITY,
        _ => (1.0 + fraction / 1024.0) * 2f32.powi(i32::from(exponent) - 15),
    };
    if sign == 1 { -magnitude } else { magnitude }
}

/// IEC 61966-2-1.
fn srgb(linear: f32) -> f32 {
    if linear <= 0.003_130_8 { linear * 12.92 } else { 1.055 * linear.powf(1.0 / 2.4) - 0.055 }
}

/// NaN becomes 0.
fn to_8_bit(value: f32) -> u8 {
    (value * 255.0 + 0.5) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_encodes_what_srgb_says() {
        let mut table = SrgbTable::default();
        let half_floats = [0x0000u16, 0x3c00, 0x3800, 0x3800]; // 0, 1, ½, ½
        let texel: Vec<u8> = half_floats.iter().flat_map(|bits| bits.to_le_bytes()).collect();
        let mut out = [0; 4];
        table.encode(&texel, &mut out);
        assert_eq!(out, [0, 255, 188, 128]);
        let beyond: Vec<u8> =
            [0x7e00u16, 0x7c00, 0xbc00, 0x4000].iter().flat_map(|b| b.to_le_bytes()).collect();
        table.encode(&beyond, &mut out);
        assert_eq!(out, [0, 255, 0, 255], "NaN, infinity, −1, 2");
    }

    #[test]
    fn every_finite_half_float_is_decoded_as_the_standard_says() {
        assert_eq!(half(0x0001), 2f32.powi(-24));
        assert_eq!(half(0x03ff), 1023.0 * 2f32.powi(-24));
        assert_eq!(half(0x0400), 2f32.powi(-14));
        assert_eq!(half(0x7bff), 65504.0);
        assert_eq!(half(0xc000), -2.0);
        let values: Vec<f32> = (0..0x7c00).map(half).collect();
        assert!(values.is_sorted_by(|a, b| a < b), "positive ones rise with their bits");
    }
}
