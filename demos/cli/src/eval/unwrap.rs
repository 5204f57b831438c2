//! Pictures unwrapped to the texture atlas of the skin, and how they differ there.
//!
//! The atlas has 1024 × 1024 texels; texel `(i, j)` is centred at `u = (i + ½)/1024`, `v = (j + ½)/1024`, `v = 0` in the
//! first row. A texel is *skin* if its centre lies in a triangle of a skin part; where triangles overlap in the atlas,
//! the first counts. It lies at the same barycentric place of the posed triangle, and is *visible* in a picture if
//! 1. its triangle faces the camera: cosine of at least [`FACING`] between the triangle's normal and the way to the eye
//!    (below that, one pixel is smeared over many texels);
//! 2. no opaque part of the posed mesh is more than [`BEHIND`] nearer, at the pixel in which it lies;
//! 3. the four pixels round it are skin in the truth's own part identifiers, so that hair, lashes, clothes and the
//!    background of the truth never count.
//!
//! Its colour is the bilinear mean of those four pixels, 8-bit sRGB over mid-grey. The error of a picture is the mean
//! of the squared differences, over its visible texels and three channels, on the scale of 0–255.
//!
//! Truth and ours are unwrapped alike, with one mesh: the one that the avatar decodes for the frame. So hair of ours
//! over skin of the truth counts, and so does whatever the mesh misplaces.

use visavis_codec::Avatar;
use visavis_codec::avatar::PartKind;
use visavis_codec::glam::{Mat4, Vec2, Vec3};
use visavis_codec::reference::View;
use visavis_codec::reference::raster::{self, Cull, pixel_from_clip};

use crate::metrics::Rgb8;

/// Texels in a row of the atlas.
pub(crate) const ATLAS: u32 = 1024;
/// Cosine of the largest angle under which a surface is seen well enough.
const FACING: f32 = 0.2;
/// How far in front something must be to hide a texel, metres. At the largest angle a surface falls away by 2.5 mm in a
/// pixel of half a millimetre, so less would make it hide itself.
const BEHIND: f32 = 3e-3;

/// A texel of the skin.
#[derive(Clone, Copy, Debug)]
struct Texel {
    triangle: u32,
    weights: Vec3,
}

/// The skin's texels of an avatar's atlas.
#[derive(Clone, Debug)]
pub(crate) struct Atlas {
    texels: Vec<Texel>,
}

/// Where in a picture the visible texels are, pixels; the first pixel is centred at (½, ½).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Unwrapping {
    pub(crate) places: Vec<Vec2>,
}

impl Atlas {
    /// Finds the texels of the skin.
    pub(crate) fn new(avatar: &Avatar) -> Self {
        let mut texels: Vec<Option<Texel>> = vec![None; (ATLAS * ATLAS) as usize];
        for part in avatar.manifest.parts.iter().filter(|part| part.kind == PartKind::Skin) {
            for triangle in part.triangles.clone() {
                let corners = avatar.mesh.triangles[triangle as usize].map(|v| {
                    let [u, v] = avatar.mesh.uv[usize::from(v)];
                    Vec3::new(2.0 * u - 1.0, 1.0 - 2.0 * v, 0.5)
                });
                raster::triangle(&Mat4::IDENTITY, [ATLAS; 2], corners, Cull::None, |hit| {
                    let texel = &mut texels[(hit.y * ATLAS + hit.x) as usize];
                    texel.get_or_insert(Texel { triangle, weights: hit.weights });
                });
            }
        }
        Self { texels: texels.into_iter().flatten().collect() }
    }

    /// Finds what is visible. `positions` is the avatar's posed mesh, `parts` the truth's part identifiers.
    pub(crate) fn unwrap(
        &self,
        avatar: &Avatar,
        positions: &[Vec3],
        view: &View,
        size: [u32; 2],
        parts: &[u8],
    ) -> Unwrapping {
        let nearest = distances(avatar, positions, view, size);
        let (clip_from_world, eye) = (view.clip_from_world(), view.eye());
        let is_skin =
            |x: usize, y: usize| parts.get(y * size[0] as usize + x) == Some(&(PartKind::Skin as u8));
        let place = |texel: &Texel| {
            let [a, b, c] = avatar.mesh.triangles[texel.triangle as usize].map(|v| positions[usize::from(v)]);
            let position = texel.weights.x * a + texel.weights.y * b + texel.weights.z * c;
            let facing = (b - a).cross(c - a).normalize_or_zero().dot((eye - position).normalize_or_zero());
            if facing < FACING {
                return None;
            }
            let clip = clip_from_world * position.extend(1.0);
            let place = pixel_from_clip(clip, size)?;
            let (x, y) = first_tap(place, size)?;
            let pixel = place.y as usize * size[0] as usize + place.x as usize;
            let is_seen = nearest.get(pixel).is_some_and(|&nearest| clip.w <= nearest + BEHIND);
            let all_skin = is_skin(x, y) && is_skin(x + 1, y) && is_skin(x, y + 1) && is_skin(x + 1, y + 1);
            (is_seen && all_skin).then_some(place)
        };
        Unwrapping { places: self.texels.iter().filter_map(place).collect() }
    }
}

/// The upper left of the four pixels round a place, if all four are in the picture.
fn first_tap(place: Vec2, size: [u32; 2]) -> Option<(usize, usize)> {
    let corner = place - 0.5;
    let inside = corner.min_element() >= 0.0
        && corner.x < size[0].saturating_sub(1) as f32
        && corner.y < size[1].saturating_sub(1) as f32;
    inside.then_some((corner.x as usize, corner.y as usize))
}

/// The distance of the nearest opaque surface from the camera's plane, a pixel, metres; infinite where there is none.
fn distances(avatar: &Avatar, positions: &[Vec3], view: &View, size: [u32; 2]) -> Vec<f32> {
    let clip_from_world = view.clip_from_world();
    let mut nearest = vec![f32::INFINITY; size[0] as usize * size[1] as usize];
    for part in avatar.manifest.parts.iter().filter(|part| !part.kind.is_blended()) {
        for triangle in part.triangles.clone() {
            let corners = avatar.mesh.triangles[triangle as usize].map(|v| positions[usize::from(v)]);
            let away = Vec3::from(corners.map(|p| (clip_from_world * p.extend(1.0)).w));
            raster::triangle(&clip_from_world, size, corners, Cull::Back, |hit| {
                let pixel = &mut nearest[hit.y as usize * size[0] as usize + hit.x as usize];
                *pixel = pixel.min(hit.weights.dot(away));
            });
        }
    }
    nearest
}

impl Unwrapping {
    /// The mean squared difference of two pictures over the visible texels; `None` where none is visible.
    pub(crate) fn mse_8bit2(&self, ours: &Rgb8, truth: &Rgb8) -> Option<f64> {
        let mut sum = 0.0;
        for &place in &self.places {
            let difference = sample(ours, place) - sample(truth, place);
            sum += f64::from(difference.length_squared());
        }
        (!self.places.is_empty()).then(|| sum / (3 * self.places.len()) as f64)
    }
}

/// The bilinear mean of the four pixels round a place that has them.
fn sample(image: &Rgb8, place: Vec2) -> Vec3 {
    let corner = place - 0.5;
    let (x, y, share) = (corner.x as usize, corner.y as usize, corner.fract());
    let pixel = |x: usize, y: usize| {
        let at = (y * image.width + x) * 3;
        Vec3::new(image.pixels[at].into(), image.pixels[at + 1].into(), image.pixels[at + 2].into())
    };
    let row = |y: usize| pixel(x, y).lerp(pixel(x + 1, y), share.x);
    row(y).lerp(row(y + 1), share.y)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::made_up::{MadeUp, posed};
    use crate::eval::{drive, truth};

    /// Every texel's unwrapping in the made-up capture's first picture, and that picture.
    fn first() -> (MadeUp, Atlas, Unwrapping, Rgb8) {
        let made_up = MadeUp::new();
        let capture = made_up.capture();
        let (frame, camera) = truth::pictures(&capture, "test").next().unwrap();
        let seen = truth::read(&capture, frame, camera).unwrap();
        let atlas = Atlas::new(&made_up.avatar);
        let camera = capture.cameras[camera];
        let positions = posed(&made_up.avatar, &drive::drives(frame).units);
        let unwrapping = atlas.unwrap(&made_up.avatar, &positions, &camera.view, camera.size, &seen.parts);
        (made_up, atlas, unwrapping, seen.image)
    }

    #[test]
    fn a_known_shift_of_colour_is_its_square() {
        let (_, atlas, unwrapping, picture) = first();
        let (seen, all) = (unwrapping.places.len(), atlas.texels.len());
        assert!(seen > 1000 && seen < all, "{seen} of {all} texels are seen");
        assert_eq!(unwrapping.mse_8bit2(&picture, &picture), Some(0.0));
        let mut shifted = picture.clone();
        for pixel in shifted.pixels.chunks_exact_mut(3) {
            // Away from the end of the scale, by 3, 0 and 6 in the three channels.
            for (value, by) in pixel.iter_mut().zip([3, 0, 6]) {
                *value = if *value > 127 { *value - by } else { *value + by };
            }
        }
        // Between a pixel that went up and one that went down, a texel lies in between: at most the square.
        let expected = (9.0 + 0.0 + 36.0) / 3.0;
        let found = unwrapping.mse_8bit2(&shifted, &picture).unwrap();
        assert!(found <= expected + 1e-3 && found > 0.7 * expected, "{found} against {expected}");
        let flat = |colour| Rgb8::filled(picture.width, picture.height, colour);
        let exact = unwrapping.mse_8bit2(&flat([103, 100, 106]), &flat([100; 3])).unwrap();
        assert!((exact - expected).abs() < 1e-3, "{exact} against {expected}");
    }

    #[test]
    fn what_is_hidden_or_not_skin_does_not_count() {
        let (made_up, atlas, unwrapping, picture) = first();
        let capture = made_up.capture();
        let (frame, camera) = truth::pictures(&capture, "test").next().unwrap();
        let seen = truth::read(&capture, frame, camera).unwrap();
        let camera = capture.cameras[camera];
        let is_skin = |place: Vec2| {
            let (x, y) = first_tap(place, camera.size).unwrap();
            (0..4).all(|i| seen.parts[(y + i / 2) * picture.width + x + i % 2] == PartKind::Skin as u8)
        };
        assert!(unwrapping.places.iter().all(|&place| is_skin(place)));
        // Nothing is skin: nothing is seen. Everything is: still only what faces the camera with nothing in front.
        let positions = posed(&made_up.avatar, &drive::drives(frame).units);
        let unwrap = |parts: &[u8]| {
            atlas.unwrap(&made_up.avatar, &positions, &camera.view, camera.size, parts).places.len()
        };
        assert_eq!(unwrap(&vec![0; seen.parts.len()]), 0);
        let facing = unwrap(&vec![PartKind::Skin as u8; seen.parts.len()]);
        assert!(facing >= unwrapping.places.len() && facing < atlas.texels.len(), "{facing}");
        let none = Unwrapping { places: Vec::new() };
        assert_eq!(none.mse_8bit2(&picture, &picture), None);
    }

    #[test]
    fn a_place_between_pixels_is_between_their_colours() {
        let image = Rgb8 { width: 2, height: 2, pixels: vec![0, 0, 0, 100, 0, 0, 0, 200, 0, 100, 200, 40] };
        assert_eq!(sample(&image, Vec2::new(0.5, 0.5)), Vec3::ZERO);
        assert_eq!(sample(&image, Vec2::new(1.0, 1.0)), Vec3::new(50.0, 100.0, 10.0));
        assert_eq!(first_tap(Vec2::new(0.4, 1.0), [2, 2]), None);
        assert_eq!(first_tap(Vec2::new(1.5, 1.0), [2, 2]), None);
    }
}
