//! Structural similarity (Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity",
//! 2004): luma, Gaussian window of 11 px with σ = 1.5, K₁ = 0.01, K₂ = 0.03, L = 255.

use super::Rgb8;

const RADIUS: usize = 5;
const SIGMA: f64 = 1.5;
const C1: f64 = (0.01 * 255.0) * (0.01 * 255.0);
const C2: f64 = (0.03 * 255.0) * (0.03 * 255.0);

/// Mean SSIM over the masked pixels; `None` where the mask is empty. At the border the window is cut off and its
/// weights scaled to a sum of 1 again.
pub(crate) fn ssim(ours: &Rgb8, truth: &Rgb8, mask: &[u8]) -> Option<f64> {
    let (width, height) = (truth.width, truth.height);
    let x = luma(ours);
    let y = luma(truth);
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).collect::<Vec<_>>();
    let blurred = |plane: &[f64]| blur(plane, width, height);
    let (mean_x, mean_y) = (blurred(&x), blurred(&y));
    let (xx, yy, xy) = (blurred(&product(&x, &x)), blurred(&product(&y, &y)), blurred(&product(&x, &y)));
    let mut sum = 0.0;
    let mut count = 0usize;
    for i in (0..mask.len().min(width * height)).filter(|&i| mask[i] != 0) {
        let (mx, my) = (mean_x[i], mean_y[i]);
        let (vx, vy, cov) = (xx[i] - mx * mx, yy[i] - my * my, xy[i] - mx * my);
        sum += ((2.0 * mx * my + C1) * (2.0 * cov + C2)) / ((mx * mx + my * my + C1) * (vx + vy + C2));
        count += 1;
    }
    (count > 0).then(|| sum / count as f64)
}

/// BT.601 luma of the code values, as in the paper's own implementation.
fn luma(image: &Rgb8) -> Vec<f64> {
    let weigh = |p: &[u8]| 0.299 * f64::from(p[0]) + 0.587 * f64::from(p[1]) + 0.114 * f64::from(p[2]);
    image.pixels.chunks_exact(3).map(weigh).collect()
}

/// A separable Gaussian blur.
fn blur(plane: &[f64], width: usize, height: usize) -> Vec<f64> {
    let kernel: Vec<f64> = (0..=2 * RADIUS)
        .map(|i| (-(i as f64 - RADIUS as f64).powi(2) / (2.0 * SIGMA * SIGMA)).exp())
        .collect();
    let line = |length: usize, at: usize, value: &dyn Fn(usize) -> f64| {
        let (mut sum, mut weight) = (0.0, 0.0);
        for i in at.saturating_sub(RADIUS)..=(at + RADIUS).min(length - 1) {
            let k = kernel[i + RADIUS - at];
            sum += k * value(i);
            weight += k;
        }
        sum / weight
    };
    let mut across = vec![0.0; plane.len()];
    for row in 0..height {
        for column in 0..width {
            across[row * width + column] = line(width, column, &|i| plane[row * width + i]);
        }
    }
    let mut out = vec![0.0; plane.len()];
    for row in 0..height {
        for column in 0..width {
            out[row * width + column] = line(height, row, &|i| across[i * width + column]);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(seed: u32) -> Rgb8 {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        let pixels = (0..24 * 24).flat_map(|_| [next(); 3]).collect();
        Rgb8 { width: 24, height: 24, pixels }
    }

    #[test]
    fn identical_images_have_one() {
        let image = pattern(1);
        let s = ssim(&image, &image, &[1; 576]).expect("the mask is full");
        assert!((s - 1.0).abs() < 1e-12, "{s}");
    }

    #[test]
    fn flat_images_differ_by_luminance_alone() {
        let (a, b) = (Rgb8::filled(24, 24, [100; 3]), Rgb8::filled(24, 24, [150; 3]));
        let expected = (2.0 * 100.0 * 150.0 + C1) / (100.0f64.powi(2) + 150.0f64.powi(2) + C1);
        let s = ssim(&a, &b, &[1; 576]).expect("the mask is full");
        assert!((s - expected).abs() < 1e-9, "{s} against {expected}");
    }

    #[test]
    fn unrelated_noise_is_unlike() {
        let s = ssim(&pattern(1), &pattern(2), &[1; 576]).expect("the mask is full");
        assert!(s < 0.1, "{s}");
    }

    #[test]
    fn an_empty_mask_says_nothing() {
        assert_eq!(ssim(&pattern(1), &pattern(1), &[0; 576]), None);
    }
}
