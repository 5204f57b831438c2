//! From the warped generic face to the foreign one: how each unit moves each vertex.

use glam::{DMat3, Quat, Vec3};
use rayon::prelude::*;

use super::face::GenericFace;
use super::linear::{nearest_rotation, outer};
use super::surface::{Shape, Surface};
use crate::latent::UNITS;

/// Further from the template than this, a vertex knows nothing of its own; at half of it, it knows 78 %.
const KNOWN_WITHIN: f32 = 0.006;
/// Weight of a vertex's neighbours against what it knows itself.
const SPREAD: f32 = 0.02;
const SPREAD_ROUNDS: usize = 150;
/// Rings over which rotation and scale of the warp are averaged.
const FRAME_RINGS: usize = 3;

/// What a foreign mesh gets from the generic face.
pub(super) struct Transferred {
    /// `[52, V]`: how a unit at 1 moves a vertex, metres, in the foreign mesh's axes.
    pub(super) deltas: Vec<Vec<Vec3>>,
    /// How well each vertex is known, 0 to 1.
    pub(super) known: Vec<f32>,
    /// The place of each vertex on the generic face, where one is near.
    pub(super) generic: Vec<Option<Vec3>>,
}

/// Turns and scales the displacements of each template vertex as the warp turned and scaled its surroundings (the frames
/// of Noh & Neumann's expression cloning, 2001), then reads them off at the point nearest to each vertex of the target.
/// Vertices with no such point (inside the mouth, say) take the displacements of those around them.
pub(super) fn transfer(face: &GenericFace, warped: &[Vec3], target: &Shape) -> Transferred {
    let frames = local_frames(&face.shape, warped);
    let shape = Shape { positions: warped.to_vec(), triangles: face.shape.triangles.clone() };
    let surface = Surface::new(&shape);
    let normals = target.normals();
    let hits: Vec<_> = (0..target.positions.len())
        .into_par_iter()
        .map(|v| surface.closest(target.positions[v], 2.0 * KNOWN_WITHIN, |n| n.dot(normals[v]) > 0.2))
        .collect();
    let known: Vec<f32> = hits
        .iter()
        .map(|hit| {
            hit.filter(|h| !h.at_boundary || h.distance < 1e-4)
                .map_or(0.0, |h| (-(h.distance / KNOWN_WITHIN).powi(2)).exp())
        })
        .collect();
    let neighbours = target.neighbours();
    let deltas = (0..UNITS)
        .into_par_iter()
        .map(|unit| {
            let mut own = vec![Vec3::ZERO; warped.len()];
            for &(v, delta) in &face.deltas[unit] {
                let (turn, scale) = frames[v as usize];
                own[v as usize] = turn * delta * scale;
            }
            let read: Vec<Vec3> = hits
                .iter()
                .map(|hit| {
                    let Some(hit) = hit else { return Vec3::ZERO };
                    let corners = shape.triangles[hit.triangle];
                    corners.iter().zip(hit.weights).map(|(&v, w)| own[v as usize] * w).sum()
                })
                .collect();
            spread(&read, &known, &neighbours)
        })
        .collect();
    let generic = hits
        .iter()
        .map(|hit| {
            hit.map(|hit| face.shape.corners(hit.triangle).iter().zip(hit.weights).map(|(p, w)| *p * w).sum())
        })
        .collect();
    Transferred { deltas, known, generic }
}

/// Minimises Σ known · (x − value)² + spread · Σ over edges (x − x')² by sweeps over the vertices.
fn spread(values: &[Vec3], known: &[f32], neighbours: &[Vec<u32>]) -> Vec<Vec3> {
    let mut x: Vec<Vec3> =
        values.iter().zip(known).map(|(v, k)| *v * f32::from(u8::from(*k > 0.0))).collect();
    for _ in 0..SPREAD_ROUNDS {
        let mut moved = 0.0f32;
        for v in 0..x.len() {
            let weight = known[v] + SPREAD * neighbours[v].len() as f32;
            if weight > 0.0 {
                let around: Vec3 = neighbours[v].iter().map(|&n| x[n as usize]).sum();
                let next = (values[v] * known[v] + around * SPREAD) / weight;
                moved = moved.max(next.distance_squared(x[v]));
                x[v] = next;
            }
        }
        if moved < 1e-14 {
            break;
        }
    }
    x
}

/// Rotation and scale that the warp has round each vertex.
fn local_frames(template: &Shape, warped: &[Vec3]) -> Vec<(Quat, f32)> {
    let neighbours = template.neighbours();
    let mut correlation: Vec<(DMat3, f64, f64)> = (0..warped.len())
        .map(|v| {
            let (mut m, mut before, mut after) = (DMat3::ZERO, 0.0, 0.0);
            for &n in &neighbours[v] {
                let a = (template.positions[n as usize] - template.positions[v]).as_dvec3();
                let b = (warped[n as usize] - warped[v]).as_dvec3();
                m += outer(b, a);
                before += a.length_squared();
                after += b.length_squared();
            }
            (m, before, after)
        })
        .collect();
    for _ in 0..FRAME_RINGS {
        correlation = (0..warped.len())
            .map(|v| {
                let around = neighbours[v].iter().map(|&n| correlation[n as usize]);
                around.fold(correlation[v], |sum, x| (sum.0 + x.0, sum.1 + x.1, sum.2 + x.2))
            })
            .collect();
    }
    correlation
        .into_iter()
        .map(|(m, before, after)| {
            let scale = if before > 0.0 { (after / before).sqrt() } else { 1.0 };
            (nearest_rotation(m).as_quat(), scale.clamp(0.3, 3.0) as f32)
        })
        .collect()
}
