//! sRGB's transfer function (IEC 61966-2-1), exactly and by table; the engine has its inverse.

/// Linear light to code value, both 0..=1; what lies outside is clipped.
fn srgb_from_linear(linear: f32) -> f32 {
    let x = linear.clamp(0.0, 1.0);
    if x <= 0.003_130_8 { 12.92 * x } else { 1.055 * x.powf(1.0 / 2.4) - 0.055 }
}

/// [`srgb_from_linear`] without a power function a pixel: within 0.1 of a code value of 255.
pub(crate) struct SrgbTable(Vec<f32>);

impl SrgbTable {
    const STEPS: usize = 4096;

    /// Fills the table.
    pub(crate) fn new() -> Self {
        // One more than the last step, so that 1.0 has a right neighbour too.
        Self((0..=Self::STEPS + 1).map(|i| srgb_from_linear(i as f32 / Self::STEPS as f32) * 255.0).collect())
    }

    /// Linear light, 0..=1, to a code value, 0..=255.
    pub(crate) fn code(&self, linear: f32) -> f32 {
        let x = linear.clamp(0.0, 1.0) * Self::STEPS as f32;
        let i = x as usize;
        let (low, high) = (self.0[i], self.0[i + 1]);
        low + (high - low) * (x - i as f32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transfer_round_trips_every_code() {
        for code in 0..=255u8 {
            let back = srgb_from_linear(visavis::headless::linear_from_srgb(code)) * 255.0;
            assert!((back - f32::from(code)).abs() < 0.01, "{code} became {back}");
        }
    }

    #[test]
    fn the_table_follows_the_function() {
        let table = SrgbTable::new();
        for i in 0..=10_000 {
            let x = i as f32 / 10_000.0;
            assert!((table.code(x) - srgb_from_linear(x) * 255.0).abs() < 0.1, "{x}");
        }
        assert_eq!(table.code(f32::NAN) as u8, 0);
        assert_eq!(table.code(-1.0), 0.0);
        assert!((table.code(7.0) - 255.0).abs() < 1e-3);
    }
}
