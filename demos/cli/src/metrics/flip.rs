//! ꟻLIP (Andersson et al. 2020), by its authors' own implementation.

use nv_flip::FlipImageRgb8;

use super::Rgb8;

/// How large a pixel looks: the authors' default, a 0.7 m wide 4K monitor from 0.7 m.
const PIXELS_PER_DEGREE: f32 = 67.0;

/// The difference that a person would see, 0..=1 a pixel. Both images must be of the same size; else `None`.
pub(crate) fn flip_map(ours: &Rgb8, truth: &Rgb8) -> Option<Vec<f32>> {
    let whole =
        |image: &Rgb8| image.pixels.len() == image.width * image.height * 3 && !image.pixels.is_empty();
    if (ours.width, ours.height) != (truth.width, truth.height) || !whole(ours) || !whole(truth) {
        return None;
    }
    let (width, height) = (u32::try_from(truth.width).ok()?, u32::try_from(truth.height).ok()?);
    let truth = FlipImageRgb8::with_data(width, height, &truth.pixels);
    let ours = FlipImageRgb8::with_data(width, height, &ours.pixels);
    Some(nv_flip::flip(truth, ours, PIXELS_PER_DEGREE).to_vec())
}

/// The mean of a map inside a mask; `None` where the mask is empty.
pub(crate) fn mean_inside(map: &[f32], mask: &[u8]) -> Option<f64> {
    let inside = || map.iter().zip(mask).filter(|(_, m)| **m != 0).map(|(v, _)| f64::from(*v));
    let count = inside().count();
    (count > 0).then(|| inside().sum::<f64>() / count as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_difference_is_zero_and_black_to_white_is_large() {
        let black = Rgb8::filled(32, 32, [0; 3]);
        let white = Rgb8::filled(32, 32, [255; 3]);
        let mask = vec![1; 32 * 32];
        let mean = |a: &Rgb8, b: &Rgb8| {
            mean_inside(&flip_map(a, b).expect("same size"), &mask).expect("the mask is full")
        };
        assert_eq!(mean(&black, &black), 0.0);
        // The paper maps the largest colour difference, between green and blue, to 1; black and white are below it.
        assert!(mean(&white, &black) > 0.8, "{}", mean(&white, &black));
    }

    #[test]
    fn images_of_different_size_are_refused() {
        assert_eq!(flip_map(&Rgb8::filled(2, 2, [0; 3]), &Rgb8::filled(2, 3, [0; 3])), None);
    }

    #[test]
    fn the_mean_looks_inside_only() {
        assert_eq!(mean_inside(&[0.5, 1.0, 0.25], &[1, 0, 1]), Some(0.375));
        assert_eq!(mean_inside(&[0.5], &[0]), None);
    }
}
