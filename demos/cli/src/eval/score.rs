//! The numbers of one picture, and their means over many.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};
use serde_json::{Map, Value, json};

use super::truth::Truth;
use super::unwrap::Unwrapping;
use crate::metrics::{
    Rgb8, eyes_mask, face_mask, flip_map, head_mask, mean_inside, mouth_mask, psnr_db, silhouette_mask, ssim,
};

/// A mask smaller than this says nothing: an eye in profile, a mouth that is all but closed.
const SMALLEST_MASK_PX: usize = 24;

/// The metrics of one picture; `None` where its mask is (all but) empty.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Score {
    pub(crate) psnr_face_db: Option<f64>,
    pub(crate) psnr_head_db: Option<f64>,
    pub(crate) psnr_eyes_db: Option<f64>,
    pub(crate) psnr_mouth_db: Option<f64>,
    pub(crate) psnr_silhouette_db: Option<f64>,
    pub(crate) ssim: Option<f64>,
    pub(crate) flip_mean: Option<f64>,
    pub(crate) texture_mse_8bit2: Option<f64>,
}

impl Score {
    /// Judges one picture; `skin` is where its skin is seen.
    pub(crate) fn of(ours: &Rgb8, truth: &Truth, skin: &Unwrapping) -> Result<Self> {
        let image = &truth.image;
        ensure!(
            (ours.width, ours.height) == (image.width, image.height),
            "ours is {}x{}, the truth {}x{}",
            ours.width,
            ours.height,
            image.width,
            image.height
        );
        let psnr = |mask: &[u8]| {
            let large = mask.iter().filter(|&&m| m != 0).count() >= SMALLEST_MASK_PX;
            if large { psnr_db(ours, image, mask) } else { None }
        };
        let head = head_mask(&truth.parts);
        Ok(Self {
            psnr_face_db: psnr(&face_mask(&truth.parts)),
            psnr_head_db: psnr(&head),
            psnr_eyes_db: psnr(&eyes_mask(&truth.parts)),
            psnr_mouth_db: psnr(&mouth_mask(&truth.parts)),
            psnr_silhouette_db: psnr(&silhouette_mask(&truth.matte, image.width, image.height)),
            ssim: ssim(ours, image, &head),
            flip_mean: flip_map(ours, image).and_then(|map| mean_inside(&map, &head)),
            texture_mse_8bit2: skin.mse_8bit2(ours, image),
        })
    }

    fn fields(&self) -> [(&'static str, Option<f64>); 8] {
        let Self {
            psnr_face_db,
            psnr_head_db,
            psnr_eyes_db,
            psnr_mouth_db,
            psnr_silhouette_db,
            ssim,
            flip_mean,
            texture_mse_8bit2,
        } = *self;
        [
            ("psnr_face_db", psnr_face_db),
            ("psnr_head_db", psnr_head_db),
            ("psnr_eyes_db", psnr_eyes_db),
            ("psnr_mouth_db", psnr_mouth_db),
            ("psnr_silhouette_db", psnr_silhouette_db),
            ("ssim", ssim),
            ("flip_mean", flip_mean),
            ("texture_mse_8bit2", texture_mse_8bit2),
        ]
    }
}

/// A frame of a capture: segment and number.
pub(crate) type FrameName<'a> = (&'a str, u32);

/// Means over pictures, and over the vertices of frames.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mean {
    pictures: usize,
    sums: BTreeMap<&'static str, (f64, usize)>,
    frames: BTreeSet<(String, u32)>,
    vertex_mm: Vec<f32>,
}

impl Mean {
    /// Takes one picture of a frame, and the frame's vertex distances, millimetres. These don't depend on the camera:
    /// they count once, however many pictures of the frame there are.
    pub(crate) fn add(&mut self, (segment, number): FrameName<'_>, score: &Score, vertex_mm: &[f32]) {
        self.pictures += 1;
        for (name, value) in score.fields() {
            let (sum, count) = self.sums.entry(name).or_default();
            if let Some(value) = value {
                *sum += value;
                *count += 1;
            }
        }
        if self.frames.insert((segment.to_owned(), number)) {
            self.vertex_mm.extend_from_slice(vertex_mm);
        }
    }

    /// How many pictures it is of.
    pub(crate) fn pictures(&self) -> usize {
        self.pictures
    }

    /// The mean of one metric.
    pub(crate) fn get(&self, name: &str) -> Option<f64> {
        self.sums.get(name).filter(|(_, count)| *count > 0).map(|(sum, count)| sum / *count as f64)
    }

    /// Mean and 99th percentile of the vertex distances, millimetres.
    pub(crate) fn vertex_error_mm(&self) -> Option<(f64, f64)> {
        if self.vertex_mm.is_empty() {
            return None;
        }
        let mean = self.vertex_mm.iter().map(|&d| f64::from(d)).sum::<f64>() / self.vertex_mm.len() as f64;
        let mut sorted = self.vertex_mm.clone();
        let at = (sorted.len() * 99 / 100).min(sorted.len() - 1);
        let (_, p99, _) = sorted.select_nth_unstable_by(at, f32::total_cmp);
        Some((mean, f64::from(*p99)))
    }

    /// As the report's fields; the ceiling is the capture's.
    pub(crate) fn to_json(&self, ceiling_db: Option<f64>) -> Map<String, Value> {
        let mut out = Map::new();
        out.insert("frames".to_owned(), json!(self.frames.len()));
        out.insert("pictures".to_owned(), json!(self.pictures));
        for (name, _) in Score::default().fields() {
            out.insert(name.to_owned(), json!(self.get(name)));
        }
        let vertex = self.vertex_error_mm();
        out.insert("vertex_error_mm".to_owned(), json!(vertex.map(|v| v.0)));
        out.insert("vertex_error_p99_mm".to_owned(), json!(vertex.map(|v| v.1)));
        out.insert("psnr_ceiling_db".to_owned(), json!(ceiling_db));
        out
    }
}

#[cfg(test)]
mod tests {
    use visavis_codec::glam::Vec2;

    use super::*;

    fn truth() -> Truth {
        let parts: Vec<u8> = (0..64 * 64).map(|i| if i % 64 < 32 { 1 } else { 0 }).collect();
        let matte = parts.iter().map(|&p| p * 255).collect();
        Truth { image: Rgb8::filled(64, 64, [100; 3]), parts, matte }
    }

    fn skin() -> Unwrapping {
        Unwrapping { places: (0..20).map(|i| Vec2::new(4.0 + i as f32, 30.0)).collect() }
    }

    #[test]
    fn a_perfect_picture_has_perfect_scores_and_no_eyes_have_none() {
        let truth = truth();
        let score = Score::of(&truth.image, &truth, &skin()).unwrap();
        assert_eq!(score.psnr_face_db, Some(99.0));
        assert_eq!(score.psnr_silhouette_db, Some(99.0));
        assert!((score.ssim.unwrap() - 1.0).abs() < 1e-9);
        assert_eq!(score.flip_mean, Some(0.0));
        assert_eq!(score.texture_mse_8bit2, Some(0.0));
        assert_eq!(score.psnr_eyes_db, None);
        assert_eq!(score.psnr_mouth_db, None);
    }

    #[test]
    fn an_error_outside_the_head_does_not_count() {
        let truth = truth();
        let mut ours = truth.image.clone();
        for (i, p) in ours.pixels.chunks_exact_mut(3).enumerate() {
            if i % 64 >= 44 {
                p.fill(0);
            }
        }
        let score = Score::of(&ours, &truth, &skin()).unwrap();
        assert_eq!(score.psnr_head_db, Some(99.0));
        assert_eq!(score.psnr_silhouette_db, Some(99.0));
    }

    #[test]
    fn means_leave_out_what_was_not_measured() {
        let mut mean = Mean::default();
        mean.add(("talk", 1), &Score { psnr_eyes_db: Some(30.0), ..Score::default() }, &[0.1, 0.3]);
        mean.add(("talk", 2), &Score { psnr_eyes_db: Some(34.0), ..Score::default() }, &[0.2]);
        mean.add(("emotion", 1), &Score::default(), &[]);
        assert_eq!(mean.get("psnr_eyes_db"), Some(32.0));
        assert_eq!(mean.get("psnr_face_db"), None);
        let json = mean.to_json(Some(40.0));
        assert_eq!((&json["frames"], &json["pictures"]), (&json!(3), &json!(3)));
        assert!(json["ssim"].is_null());
        assert_eq!(json["psnr_ceiling_db"], 40.0);
        assert!((json["vertex_error_mm"].as_f64().unwrap() - 0.2).abs() < 1e-6);
        assert!((json["vertex_error_p99_mm"].as_f64().unwrap() - 0.3).abs() < 1e-6);
    }

    #[test]
    fn a_frame_from_several_cameras_has_its_vertices_counted_once() {
        let mut mean = Mean::default();
        for _ in 0..3 {
            mean.add(("talk", 1), &Score { ssim: Some(0.5), ..Score::default() }, &[0.4]);
        }
        mean.add(("talk", 2), &Score { ssim: Some(0.9), ..Score::default() }, &[0.8]);
        let json = mean.to_json(None);
        assert_eq!((&json["frames"], &json["pictures"]), (&json!(2), &json!(4)));
        assert!((json["vertex_error_mm"].as_f64().unwrap() - 0.6).abs() < 1e-6);
        assert!((json["ssim"].as_f64().unwrap() - 0.6).abs() < 1e-9);
        assert!(json["psnr_ceiling_db"].is_null());
    }
}
