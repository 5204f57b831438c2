//! Where a generic head lies on a foreign one: rotation, scale and translation from any starting pose.

use glam::{DMat3, DQuat, DVec3, Vec3};
use rayon::prelude::*;

use super::linear::Similarity;
use super::surface::{Shape, Surface};

/// A human head is this many times the generic one.
pub(super) const SCALES: std::ops::RangeInclusive<f64> = 0.75..=1.35;
/// Points of either side in the search, and in what follows.
const COARSE: usize = 220;
const FINE: usize = 1200;
/// Of the pairs, the share of nearest ones that counts: the template has no shoulders, the target may be only a mask.
const KEPT: f64 = 0.6;
/// Cosine of the largest angle between normals of a pair.
const FACING: f32 = 0.3;
/// What a point that finds no pair counts for, metres.
const UNPAIRED: f64 = 0.05;
const SEARCH_ROUNDS: usize = 14;
const REFINED: usize = 8;
const FINE_ROUNDS: usize = 40;

/// The similarity that lays the template on the target, and the mean distance of the pairs that count, metres.
///
/// Trimmed iterative closest points (Besl & McKay 1992; Chetverikov et al. 2002) in both directions, from 24 rotations
/// by quarter turns and a few places each; the best few are carried on with the scale free.
pub(super) fn align(template: &Shape, target: &Shape) -> (Similarity, f64) {
    let starts = starts(&template.positions, &target.positions);
    let template = Side::new(template);
    let target = Side::new(target);
    let mut found: Vec<(Similarity, f64)> = starts
        .par_iter()
        .map(|start| refine(&template, &target, *start, COARSE, SEARCH_ROUNDS, 1.0..=1.0))
        .collect();
    found.sort_by(|a, b| a.1.total_cmp(&b.1));
    found.truncate(REFINED);
    let mut finest: Vec<(Similarity, f64)> = found
        .par_iter()
        .map(|(start, _)| refine(&template, &target, *start, FINE, FINE_ROUNDS, SCALES))
        .collect();
    finest.sort_by(|a, b| a.1.total_cmp(&b.1));
    finest[0]
}

/// A mesh to look things up in.
struct Side<'a> {
    surface: Surface<'a>,
    normals: Vec<Vec3>,
}

impl<'a> Side<'a> {
    fn new(shape: &'a Shape) -> Self {
        Self { surface: Surface::new(shape), normals: shape.normals() }
    }

    /// About `count` of the vertices, evenly by number.
    fn sample(&self, count: usize) -> impl Iterator<Item = (Vec3, Vec3)> {
        let positions = &self.surface.shape.positions;
        let used = (0..positions.len()).filter(|&v| self.normals[v] != Vec3::ZERO);
        used.step_by((positions.len() / count).max(1)).map(|v| (positions[v], self.normals[v]))
    }
}

fn starts(template: &[Vec3], target: &[Vec3]) -> Vec<Similarity> {
    let middle =
        |points: &[Vec3]| points.iter().map(|p| p.as_dvec3()).sum::<DVec3>() / points.len().max(1) as f64;
    let (from, to) = (middle(template), middle(target));
    let mut out = Vec::new();
    for rotation in quarter_turns() {
        // In the template's axes: a target with shoulders has its middle lower, one without the back of the head further
        // in front, than the template.
        for offset in [DVec3::ZERO, DVec3::Y * 0.06, DVec3::Y * 0.13, DVec3::Z * 0.05] {
            let translation = to + rotation * (offset - from);
            out.push(Similarity { rotation, scale: 1.0, translation });
        }
    }
    out
}

/// The 24 rotations that carry the axes onto the axes.
fn quarter_turns() -> Vec<DQuat> {
    let axes = [DVec3::X, DVec3::Y, DVec3::Z];
    let mut out = Vec::new();
    for (i, sign_x) in (0..3).flat_map(|i| [(i, 1.0), (i, -1.0)]) {
        for (j, sign_y) in (0..3).filter(|&j| j != i).flat_map(|j| [(j, 1.0), (j, -1.0)]) {
            let (x, y) = (axes[i] * sign_x, axes[j] * sign_y);
            out.push(DQuat::from_mat3(&DMat3::from_cols(x, y, x.cross(y))));
        }
    }
    out
}

fn refine(
    template: &Side<'_>,
    target: &Side<'_>,
    start: Similarity,
    points: usize,
    rounds: usize,
    scales: std::ops::RangeInclusive<f64>,
) -> (Similarity, f64) {
    let mut now = start;
    let mut error = f64::INFINITY;
    for _ in 0..rounds {
        let (mut pairs, wanted) = forth(template, target, &now, points);
        let (others, others_wanted) = back(template, target, &now, points);
        pairs.extend(others);
        let apart: f64 = pairs.iter().map(|(a, b, _)| f64::from(now.apply(*a).distance(*b))).sum();
        let wanted = wanted + others_wanted;
        error = (apart + wanted.saturating_sub(pairs.len()) as f64 * UNPAIRED) / wanted.max(1) as f64;
        if pairs.len() < 6 {
            return (now, f64::INFINITY);
        }
        now = Similarity::fit(&pairs, scales.clone());
    }
    (now, error)
}

/// Pairs of a template point, a target point and a weight, and how many pairs there should be.
type Pairs = (Vec<(Vec3, Vec3, f64)>, usize);

/// Template points with the nearest points of the target.
fn forth(template: &Side<'_>, target: &Side<'_>, now: &Similarity, points: usize) -> Pairs {
    trim(template.sample(points).map(|(p, n)| {
        let (place, facing) = (now.apply(p), (now.rotation * n.as_dvec3()).as_vec3());
        let hit = target.surface.closest(place, f32::INFINITY, |normal| normal.dot(facing) > FACING)?;
        (!hit.at_boundary).then_some((p, hit.point, hit.distance))
    }))
}

/// Target points with the nearest points of the template, looked for in the template's space.
fn back(template: &Side<'_>, target: &Side<'_>, now: &Similarity, points: usize) -> Pairs {
    let inverse = now.rotation.inverse();
    trim(target.sample(points).map(|(p, n)| {
        let place = (inverse * (p.as_dvec3() - now.translation) / now.scale).as_vec3();
        let facing = (inverse * n.as_dvec3()).as_vec3();
        let hit = template.surface.closest(place, f32::INFINITY, |normal| normal.dot(facing) > FACING)?;
        (!hit.at_boundary).then_some((hit.point, p, hit.distance * now.scale as f32))
    }))
}

/// The nearest of the pairs, as many as are a share of all the points that looked for one.
fn trim(found: impl Iterator<Item = Option<(Vec3, Vec3, f32)>>) -> Pairs {
    let all: Vec<_> = found.collect();
    let wanted = (all.len() as f64 * KEPT).ceil() as usize;
    let mut pairs: Vec<_> = all.into_iter().flatten().collect();
    pairs.sort_by(|a, b| a.2.total_cmp(&b.2));
    pairs.truncate(wanted);
    (pairs.into_iter().map(|(a, b, _)| (a, b, 1.0)).collect(), wanted)
}
