//! Eyeballs of a tracked mesh, where it has any: two spheres by themselves. They say where a person looks.

use glam::{DQuat, DVec3, Vec3};

use super::fit::mean_rotation;
use super::linear::{Similarity, solve};
use super::surface::Shape;
use crate::FaceUnit;
use crate::latent::Gaze;

/// The units that follow from the gaze.
pub(super) const LOOKS: [FaceUnit; 8] = [
    FaceUnit::EyeLookOutLeft,
    FaceUnit::EyeLookInLeft,
    FaceUnit::EyeLookUpLeft,
    FaceUnit::EyeLookDownLeft,
    FaceUnit::EyeLookInRight,
    FaceUnit::EyeLookOutRight,
    FaceUnit::EyeLookUpRight,
    FaceUnit::EyeLookDownRight,
];
/// Their values.
pub(super) type Looks = [f32; 8];
/// Yaw and pitch at which they are 1, radians: 30° and 25°, as in the virtual capture dome.
const FULL_LOOK: [f32; 2] = [std::f32::consts::FRAC_PI_6, 25.0 * std::f32::consts::PI / 180.0];

/// Radius of an eyeball, and how far apart two are, metres.
const RADIUS: std::ops::RangeInclusive<f64> = 0.009..=0.017;
const APART: std::ops::RangeInclusive<f32> = 0.045..=0.085;
/// Root of the mean squared distance from the sphere, in radii; the cornea stands out.
const ROUNDNESS: f64 = 0.08;
const LEAST_VERTICES: usize = 24;

/// The tracked vertices of two eyeballs, or of none.
#[derive(Clone, Debug, Default)]
pub(super) struct Eyeballs {
    /// In head space the left one first, once [`sort`](Self::sort) has seen it.
    pair: Option<[Vec<usize>; 2]>,
}

impl Eyeballs {
    /// Looks for exactly two pieces of the mesh that are spheres of the right size, the right way apart.
    pub(super) fn find(shape: &Shape) -> Self {
        let piece_of = shape.pieces();
        let mut used = vec![false; piece_of.len()];
        shape.triangles.iter().flatten().for_each(|&v| used[v as usize] = true);
        let mut pieces = std::collections::BTreeMap::<u32, Vec<usize>>::new();
        for v in (0..piece_of.len()).filter(|&v| used[v]) {
            pieces.entry(piece_of[v]).or_default().push(v);
        }
        let mut balls: Vec<Vec<usize>> = pieces
            .into_values()
            .filter(|piece| piece.len() >= LEAST_VERTICES && piece.len() < piece_of.len() / 2)
            .filter(|piece| {
                let points: Vec<Vec3> = piece.iter().map(|&v| shape.positions[v]).collect();
                let (centre, radius) = sphere(&points);
                let off =
                    points.iter().map(|p| (p.as_dvec3().distance(centre) - radius).powi(2)).sum::<f64>();
                RADIUS.contains(&radius) && (off / points.len() as f64).sqrt() < ROUNDNESS * radius
            })
            .collect();
        let (Some(second), Some(first), None) = (balls.pop(), balls.pop(), balls.pop()) else {
            return Self::default();
        };
        let found = Self { pair: Some([first, second]) };
        let is_apart = found.centres(&shape.positions).is_some_and(|[a, b]| APART.contains(&a.distance(b)));
        if is_apart { found } else { Self::default() }
    }

    pub(super) fn are_known(&self) -> bool {
        self.pair.is_some()
    }

    /// All vertices of both.
    pub(super) fn vertices(&self) -> impl Iterator<Item = usize> {
        self.pair.iter().flatten().flatten().copied()
    }

    /// The left one and the right one.
    pub(super) fn pair(&self) -> Option<&[Vec<usize>; 2]> {
        self.pair.as_ref()
    }

    /// Puts the left one first, given positions in head space.
    pub(super) fn sort(&mut self, positions: &[Vec3]) {
        let is_swapped = self.centres(positions).is_some_and(|[a, b]| a.x > b.x);
        if let Some(pair) = self.pair.as_mut().filter(|_| is_swapped) {
            pair.swap(0, 1);
        }
    }

    /// Triangles that aren't theirs.
    pub(super) fn without(&self, triangles: &[[u32; 3]]) -> Vec<[u32; 3]> {
        let mine: std::collections::BTreeSet<usize> = self.vertices().collect();
        triangles.iter().copied().filter(|t| !mine.contains(&(t[0] as usize))).collect()
    }

    /// Where they turn.
    pub(super) fn centres(&self, positions: &[Vec3]) -> Option<[Vec3; 2]> {
        let centre =
            |ball: &Vec<usize>| sphere(&ball.iter().map(|&v| positions[v]).collect::<Vec<_>>()).0.as_vec3();
        self.pair.as_ref().map(|[a, b]| [centre(a), centre(b)])
    }

    /// Turns the eyeballs of `neutral` to their mean direction over the meshes that `rest` marks (steady, in head
    /// space), and returns the gaze of every mesh against that.
    pub(super) fn gaze(&self, meshes: &[Vec<Vec3>], rest: &[bool], neutral: &mut [Vec3]) -> Vec<Gaze> {
        let mut angles = vec![[0.0f32; 4]; meshes.len()];
        for (side, ball) in self.pair.iter().flatten().enumerate() {
            let Some(first) = meshes.first() else { break };
            let turns: Vec<(DQuat, DVec3)> = meshes
                .iter()
                .map(|mesh| {
                    let pairs: Vec<_> = ball.iter().map(|&v| (first[v], mesh[v], 1.0)).collect();
                    let found = Similarity::fit(&pairs, 1.0..=1.0);
                    let points: Vec<Vec3> = ball.iter().map(|&v| mesh[v]).collect();
                    (found.rotation, sphere(&points).0)
                })
                .collect();
            let resting = || turns.iter().zip(rest).filter(|(_, rest)| **rest).map(|(turn, _)| *turn);
            let mean = mean_rotation(resting().map(|turn| turn.0));
            let centre = resting().map(|turn| turn.1).sum::<DVec3>() / resting().count().max(1) as f64;
            let from = turns[0].1;
            for &v in ball {
                neutral[v] = (mean * (first[v].as_dvec3() - from) + centre).as_vec3();
            }
            for (angles, (turn, _)) in angles.iter_mut().zip(&turns) {
                let forward = (*turn * mean.inverse()) * DVec3::NEG_Z;
                angles[2 * side] = (-forward.x).atan2(-forward.z) as f32;
                angles[2 * side + 1] = forward.y.clamp(-1.0, 1.0).asin() as f32;
            }
        }
        angles.into_iter().map(Gaze::from_array).collect()
    }
}

/// What the eyeLook units are for a gaze: lids and skin round the eyes go with it, but so little that they can't be told
/// from squints and wide eyes by themselves.
pub(super) fn looks(gaze: Gaze) -> Looks {
    let of = |yaw: f32, pitch: f32| {
        [yaw / FULL_LOOK[0], -yaw / FULL_LOOK[0], pitch / FULL_LOOK[1], -pitch / FULL_LOOK[1]]
            .map(|x| x.clamp(0.0, 1.0))
    };
    let [a, b, c, d] = of(gaze.left_yaw, gaze.left_pitch);
    let [e, f, g, h] = of(gaze.right_yaw, gaze.right_pitch);
    [a, b, c, d, e, f, g, h]
}

/// Where a point near the template goes with its surroundings.
pub(super) fn carried(point: Vec3, template: &[Vec3], warped: &[Vec3]) -> Vec3 {
    const AROUND: usize = 40;
    let mut order: Vec<usize> = (0..template.len()).collect();
    order.sort_by(|&a, &b| {
        template[a].distance_squared(point).total_cmp(&template[b].distance_squared(point))
    });
    order.truncate(AROUND);
    point + order.iter().map(|&v| warped[v] - template[v]).sum::<Vec3>() / order.len().max(1) as f32
}

/// Centre and radius of the sphere nearest to `points`, by linear least squares (Coope 1993).
fn sphere(points: &[Vec3]) -> (DVec3, f64) {
    let middle = points.iter().map(|p| p.as_dvec3()).sum::<DVec3>() / points.len().max(1) as f64;
    let (mut normal, mut right) = (vec![0.0; 16], vec![0.0; 4]);
    for p in points {
        let p = (p.as_dvec3() - middle) * 1e3;
        let row = [2.0 * p.x, 2.0 * p.y, 2.0 * p.z, 1.0];
        for i in 0..4 {
            (0..4).for_each(|j| normal[4 * i + j] += row[i] * row[j]);
            right[i] += row[i] * p.length_squared();
        }
    }
    (0..4).for_each(|i| normal[5 * i] += 1e-9);
    solve(normal, 4, &mut right);
    let centre = DVec3::new(right[0], right[1], right[2]);
    (centre * 1e-3 + middle, (right[3] + centre.length_squared()).max(0.0).sqrt() * 1e-3)
}
