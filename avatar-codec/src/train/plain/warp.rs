//! A smooth warp that brings the aligned generic face onto a foreign one.

use glam::{Mat3, Vec3};
use rayon::prelude::*;

use super::surface::{Shape, Surface};

/// Weight of the warp's bending against one vertex of data, coarse to fine: what is wider than 18, 10, … 3 rings of
/// vertices follows the data.
const STIFFNESS: [f32; 9] = [1000.0, 400.0, 150.0, 60.0, 25.0, 10.0, 4.0, 1.5, 0.7];
const ROUNDS: usize = 4;
/// Weight of stretching; it keeps what the target doesn't have in place.
const STRETCH: f32 = 0.02;
/// How far apart points may be that are taken for the same, metres, at first and at last.
const REACH: [f32; 2] = [0.030, 0.006];
/// Cosine of the largest angle between their normals.
const FACING: f32 = 0.6;
/// Of a distance within the surface, this share counts: the rest may slide.
const SLIDE: f32 = 0.15;
/// Target vertices that look for a point of the template.
const BACK_POINTS: usize = 5000;
const CONJUGATE_STEPS: usize = 60;

/// Positions of the template's vertices on the target. Non-rigid iterative closest points with falling stiffness (after
/// Amberg, Romdhani & Vetter 2007), the displacement itself being what is held smooth, by its Laplacian; points of the
/// target look for the template as well, so that no part of it is passed over.
pub(super) fn warp(template: &Shape, target: &Shape) -> Vec<Vec3> {
    let surface = Surface::new(target);
    let target_normals = target.normals();
    let smooth = Smoothness::new(template);
    let template_boundary = template.boundary();
    let step = (target.positions.len() / BACK_POINTS).max(1);
    let mut now = template.clone();
    let mut displacement = vec![Vec3::ZERO; template.positions.len()];
    for (level, stiffness) in STIFFNESS.into_iter().enumerate() {
        let share = level as f32 / (STIFFNESS.len() - 1) as f32;
        let reach = REACH[0] * (REACH[1] / REACH[0]).powf(share);
        for _ in 0..ROUNDS {
            let normals = now.normals();
            let mut data = vec![(Mat3::ZERO, Vec3::ZERO); template.positions.len()];
            let forth: Vec<_> = (0..template.positions.len())
                .into_par_iter()
                .map(|v| {
                    let facing = normals[v];
                    let hit = surface.closest(now.positions[v], reach, |n| n.dot(facing) > FACING)?;
                    // Beyond the target's edge there is nothing to be like.
                    (!hit.at_boundary || template_boundary[v])
                        .then(|| (v, hit.point, surface.normal(hit.triangle), 1.0))
                })
                .collect();
            let looking = Surface::new(&now);
            let back: Vec<_> = (0..target.positions.len())
                .into_par_iter()
                .step_by(step)
                .map(|v| {
                    let (p, facing) = (target.positions[v], target_normals[v]);
                    let hit = looking.closest(p, reach, |n| n.dot(facing) > FACING)?;
                    let corner =
                        (0..3).max_by(|&a, &b| hit.weights[a].total_cmp(&hit.weights[b])).unwrap_or(0);
                    let vertex = now.triangles[hit.triangle][corner] as usize;
                    let wanted = now.positions[vertex] + (p - hit.point);
                    (!hit.at_boundary).then_some((vertex, wanted, facing, 0.5))
                })
                .collect();
            for (v, wanted, normal, weight) in forth.into_iter().chain(back).flatten() {
                let metric = (outer(normal) * (1.0 - SLIDE) + Mat3::IDENTITY * SLIDE) * weight;
                data[v].0 += metric;
                data[v].1 += metric * (wanted - template.positions[v]);
            }
            smooth.solve(&data, stiffness, &mut displacement);
            now.positions = template.positions.iter().zip(&displacement).map(|(p, d)| *p + *d).collect();
        }
    }
    now.positions
}

fn outer(n: Vec3) -> Mat3 {
    Mat3::from_cols(n * n.x, n * n.y, n * n.z)
}

/// Bending and stretching of a displacement over a mesh.
struct Smoothness {
    neighbours: Vec<Vec<u32>>,
}

impl Smoothness {
    fn new(shape: &Shape) -> Self {
        Self { neighbours: shape.neighbours() }
    }

    /// Each value less the mean of its neighbours.
    fn laplacian(&self, d: &[Vec3]) -> Vec<Vec3> {
        (d.iter().zip(&self.neighbours))
            .map(|(own, list)| {
                let sum: Vec3 = list.iter().map(|&n| d[n as usize]).sum();
                *own - sum / (list.len().max(1) as f32)
            })
            .collect()
    }

    /// (data + stiffness · LᵀL + stretch · graph Laplacian) d.
    fn apply(&self, data: &[(Mat3, Vec3)], stiffness: f32, d: &[Vec3]) -> Vec<Vec3> {
        let bend = self.laplacian(d);
        let scaled: Vec<Vec3> =
            bend.iter().zip(&self.neighbours).map(|(b, list)| *b / (list.len().max(1) as f32)).collect();
        (0..d.len())
            .map(|v| {
                let list = &self.neighbours[v];
                let back: Vec3 = bend[v] - list.iter().map(|&n| scaled[n as usize]).sum::<Vec3>();
                data[v].0 * d[v] + back * stiffness + bend[v] * (list.len() as f32 * STRETCH)
            })
            .collect()
    }

    /// Moves `d` towards the minimum by conjugate gradients, preconditioned by the diagonal.
    fn solve(&self, data: &[(Mat3, Vec3)], stiffness: f32, d: &mut [Vec3]) {
        let scale: Vec<Vec3> = (data.iter().zip(&self.neighbours))
            .map(|((m, _), list)| {
                let n = list.len().max(1) as f32;
                let own = stiffness * (1.0 + 1.0 / n) + n * STRETCH;
                Vec3::new(m.x_axis.x + own, m.y_axis.y + own, m.z_axis.z + own).recip()
            })
            .collect();
        let dot = |a: &[Vec3], b: &[Vec3]| a.iter().zip(b).map(|(a, b)| f64::from(a.dot(*b))).sum::<f64>();
        let applied = self.apply(data, stiffness, d);
        let mut residual: Vec<Vec3> = data.iter().zip(&applied).map(|((_, b), a)| *b - *a).collect();
        let mut direction: Vec<Vec3> = residual.iter().zip(&scale).map(|(r, s)| *r * *s).collect();
        let mut rho = dot(&residual, &direction);
        let small = rho * 1e-8;
        for _ in 0..CONJUGATE_STEPS {
            if rho <= small || rho <= 0.0 {
                break;
            }
            let moved = self.apply(data, stiffness, &direction);
            let step = (rho / dot(&direction, &moved).max(f64::MIN_POSITIVE)) as f32;
            for v in 0..d.len() {
                d[v] += direction[v] * step;
                residual[v] -= moved[v] * step;
            }
            let conditioned: Vec<Vec3> = residual.iter().zip(&scale).map(|(r, s)| *r * *s).collect();
            let next = dot(&residual, &conditioned);
            let keep = (next / rho) as f32;
            rho = next;
            for v in 0..d.len() {
                direction[v] = conditioned[v] + direction[v] * keep;
            }
        }
    }
}
