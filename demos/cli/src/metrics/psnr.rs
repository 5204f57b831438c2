//! Peak signal-to-noise ratio inside a mask.

use super::Rgb8;

/// Sum of squared differences over the masked pixels' channels, and how many channel values that is.
fn squared_error(ours: &Rgb8, truth: &Rgb8, mask: &[u8]) -> (u64, u64) {
    let mut sum = 0u64;
    let mut count = 0u64;
    for ((a, b), &inside) in ours.pixels.chunks_exact(3).zip(truth.pixels.chunks_exact(3)).zip(mask) {
        if inside != 0 {
            sum += a.iter().zip(b).map(|(&a, &b)| u64::from(a.abs_diff(b)).pow(2)).sum::<u64>();
            count += 3;
        }
    }
    (sum, count)
}

/// PSNR over the masked pixels, dB, peak 255; `None` where the mask is empty. Identical images give 99 dB, so that a
/// mean over frames stays finite.
pub(crate) fn psnr_db(ours: &Rgb8, truth: &Rgb8, mask: &[u8]) -> Option<f64> {
    let (sum, count) = squared_error(ours, truth, mask);
    (count > 0).then(|| {
        if sum == 0 {
            return 99.0;
        }
        (10.0 * (255.0f64.powi(2) * count as f64 / sum as f64).log10()).min(99.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_of_five_has_its_known_ratio() {
        let truth = Rgb8::filled(8, 4, [100, 120, 140]);
        let ours = Rgb8::filled(8, 4, [105, 115, 145]);
        let expected = 20.0 * (255.0f64 / 5.0).log10();
        let measured = psnr_db(&ours, &truth, &[1; 32]).expect("the mask is full");
        assert!((measured - expected).abs() < 1e-9, "{measured} against {expected}");
    }

    #[test]
    fn only_masked_pixels_count() {
        let truth = Rgb8::filled(4, 1, [0; 3]);
        let mut ours = truth.clone();
        ours.pixels[9..].fill(255);
        assert_eq!(psnr_db(&ours, &truth, &[1, 1, 1, 0]), Some(99.0));
        assert_eq!(psnr_db(&ours, &truth, &[0, 0, 0, 1]), Some(0.0));
        assert_eq!(psnr_db(&ours, &truth, &[0; 4]), None);
    }
}
