//! Where a metric looks: masks from the truth's part identifiers and matte.

use visavis_codec::avatar::PartKind;

/// How far either side of the matte's edge the silhouette reaches, pixels.
const SILHOUETTE_PX: f32 = 8.0;

fn of_parts(parts: &[u8], kinds: &[PartKind]) -> Vec<u8> {
    parts.iter().map(|&id| u8::from(kinds.iter().any(|&kind| kind as u8 == id))).collect()
}

/// Both eyeballs.
pub(crate) fn eyes_mask(parts: &[u8]) -> Vec<u8> {
    of_parts(parts, &[PartKind::EyeLeft, PartKind::EyeRight])
}

/// Teeth and tongue.
pub(crate) fn mouth_mask(parts: &[u8]) -> Vec<u8> {
    of_parts(parts, &[PartKind::TeethUpper, PartKind::TeethLower, PartKind::Tongue])
}

/// Skin, eyes and mouth.
pub(crate) fn face_mask(parts: &[u8]) -> Vec<u8> {
    use PartKind::{EyeLeft, EyeRight, Skin, TeethLower, TeethUpper, Tongue};
    of_parts(parts, &[Skin, EyeLeft, EyeRight, TeethUpper, TeethLower, Tongue])
}

/// The face with hair and lashes.
pub(crate) fn head_mask(parts: &[u8]) -> Vec<u8> {
    use PartKind::{EyeLeft, EyeRight, Hair, Lashes, Skin, TeethLower, TeethUpper, Tongue};
    of_parts(parts, &[Skin, EyeLeft, EyeRight, TeethUpper, TeethLower, Tongue, Hair, Lashes])
}

/// 8 px either side of the edge of the matte (alpha ½), by a chamfer distance. The border of the image is no edge.
pub(crate) fn silhouette_mask(matte: &[u8], width: usize, height: usize) -> Vec<u8> {
    let inside = |i: usize| matte[i] >= 128;
    let mut distance = vec![f32::INFINITY; width * height];
    for y in 0..height {
        for x in 0..width {
            let i = y * width + x;
            let right = x + 1 < width && inside(i) != inside(i + 1);
            let left = x > 0 && inside(i) != inside(i - 1);
            let down = y + 1 < height && inside(i) != inside(i + width);
            let up = y > 0 && inside(i) != inside(i - width);
            if right || left || down || up {
                distance[i] = 0.5;
            }
        }
    }
    spread(&mut distance, width, height);
    distance.into_iter().map(|d| u8::from(d <= SILHOUETTE_PX)).collect()
}

/// Two passes of the 1–√2 chamfer transform: each pixel takes the smallest of its neighbours' distances plus a step.
fn spread(distance: &mut [f32], width: usize, height: usize) {
    let mut relax = |x: usize, y: usize, forward: bool| {
        let side: isize = if forward { -1 } else { 1 };
        let steps = [
            (side, 0, 1.0),
            (0, side, 1.0),
            (side, side, std::f32::consts::SQRT_2),
            (-side, side, std::f32::consts::SQRT_2),
        ];
        for (dx, dy, step) in steps {
            let (Some(nx), Some(ny)) = (x.checked_add_signed(dx), y.checked_add_signed(dy)) else { continue };
            if nx < width && ny < height {
                let i = y * width + x;
                distance[i] = distance[i].min(distance[ny * width + nx] + step);
            }
        }
    };
    for y in 0..height {
        for x in 0..width {
            relax(x, y, true);
        }
    }
    for y in (0..height).rev() {
        for x in (0..width).rev() {
            relax(x, y, false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_take_the_parts_that_the_design_names() {
        let every_identifier: Vec<u8> = (0..=9).collect();
        assert_eq!(face_mask(&every_identifier), [0, 1, 1, 1, 1, 1, 1, 0, 0, 0]);
        assert_eq!(head_mask(&every_identifier), [0, 1, 1, 1, 1, 1, 1, 0, 1, 1]);
        assert_eq!(eyes_mask(&every_identifier), [0, 0, 1, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(mouth_mask(&every_identifier), [0, 0, 0, 0, 1, 1, 1, 0, 0, 0]);
    }

    #[test]
    fn the_silhouette_reaches_eight_pixels_either_way() {
        let (width, height) = (40, 3);
        let matte: Vec<u8> = (0..width * height).map(|i| if i % width < 20 { 255 } else { 0 }).collect();
        let mask = silhouette_mask(&matte, width, height);
        let row: Vec<usize> = (0..width).filter(|&x| mask[width + x] != 0).collect();
        assert_eq!(row, (12..28).collect::<Vec<_>>());
    }

    #[test]
    fn an_image_without_an_edge_has_no_silhouette() {
        assert!(silhouette_mask(&[255; 64], 8, 8).iter().all(|&m| m == 0));
    }
}
