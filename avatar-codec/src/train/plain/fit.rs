//! Which units a tracked mesh shows: bounded least squares against a unit basis, and a basis that learns from the person.

use glam::{DMat3, DQuat, DVec3, Vec3};
use rayon::prelude::*;

use super::eyes::{LOOKS, Looks};
use super::linear::{bounded_minimum, solve};
use crate::latent::UNITS;

/// Units, then the rotation vector and the translation of what the tracker left of the head's motion.
const UNKNOWNS: usize = UNITS + 6;
const MM: f32 = 1e3;
/// Weight of u² and of u, as shares of what the unit by itself explains, and absolute (mm²): of two explanations the
/// one with fewer and weaker units is taken, and noise isn't explained at all.
const RIDGE: [f64; 2] = [2e-3, 1e-5];
const SPARSE: [f64; 2] = [4e-3, 1e-5];
/// Weight of the head's left-over motion squared (mm²; rotations count at 100 mm from the head's middle).
const STEADY: f64 = 0.01;
const LEVER: f32 = 0.1;
/// Faces of full strength that the transferred basis counts for, against those of the capture.
const TRUST: f64 = 3.0;
/// Rounds of fitting units to the basis and the basis to units, at most.
const ROUNDS: usize = 6;
/// A unit rests where its values crowd most: in the shortest interval that holds this share of the frames.
const REST_SHARE: f64 = 0.3;
/// What no unit moves by so much isn't face, metres.
pub(super) const MOVING: f32 = 1e-3;

/// A person's neutral face and units, metres, head space at rest.
#[derive(Clone, Debug)]
pub(super) struct Basis {
    pub(super) neutral: Vec<Vec3>,
    /// `[52, V]`.
    pub(super) deltas: Vec<Vec<Vec3>>,
}

/// A mesh to fit, head space at rest, metres, and the units that follow from where its eyes look.
pub(super) type Sample<'a> = (&'a [Vec3], Looks);

/// What was found in one frame.
#[derive(Clone, Debug)]
pub(super) struct FaceFit {
    pub(super) units: Vec<f32>,
    /// From the steady head to the frame's mesh.
    pub(super) rotation: DQuat,
    pub(super) translation: DVec3,
}

impl FaceFit {
    fn steady() -> Self {
        Self { units: vec![0.0; UNITS], rotation: DQuat::IDENTITY, translation: DVec3::ZERO }
    }

    /// A point of the frame's mesh with the left-over motion taken out.
    fn steadied(&self, p: Vec3) -> Vec3 {
        (self.rotation.inverse() * (p.as_dvec3() - self.translation)).as_vec3()
    }

    /// The whole mesh, likewise.
    pub(super) fn steady_mesh(&self, mesh: &[Vec3]) -> Vec<Vec3> {
        mesh.iter().map(|p| self.steadied(*p)).collect()
    }
}

/// Distances between meshes, millimetres.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Distance {
    /// Mean over vertices and frames.
    pub mean: f64,
    /// 99 % of vertices and frames are nearer.
    pub p99: f64,
}

impl Basis {
    /// The mesh of these units.
    pub(super) fn mesh(&self, units: &[f32]) -> Vec<Vec3> {
        let mut out = self.neutral.clone();
        for (deltas, &weight) in self.deltas.iter().zip(units).filter(|(_, weight)| **weight != 0.0) {
            out.iter_mut().zip(deltas).for_each(|(p, d)| *p += *d * weight);
        }
        out
    }

    /// Vertices that some unit moves by more than a millimetre.
    pub(super) fn moving(&self) -> Vec<bool> {
        (0..self.neutral.len()).map(|v| self.deltas.iter().any(|d| d[v].length() > MOVING)).collect()
    }

    /// How far meshes are from what the fits say, and from the neutral face, over the moving vertices.
    pub(super) fn distances(&self, samples: &[Sample<'_>], fits: &[FaceFit]) -> Option<[Distance; 2]> {
        let moving = self.moving();
        let per_frame: Vec<Vec<[f32; 2]>> = (samples.par_iter().zip(fits))
            .map(|((mesh, _), fit)| {
                let expected = self.mesh(&fit.units);
                let chosen = (0..mesh.len()).filter(|&v| moving[v]);
                chosen
                    .map(|v| {
                        let p = fit.steadied(mesh[v]);
                        [p.distance(expected[v]) * MM, p.distance(self.neutral[v]) * MM]
                    })
                    .collect()
            })
            .collect();
        let distance = |which: usize| {
            let mut all: Vec<f32> = per_frame.iter().flatten().map(|d| d[which]).collect();
            let mean = all.iter().map(|&d| f64::from(d)).sum::<f64>() / all.len().max(1) as f64;
            let rank = (all.len() * 99 / 100).min(all.len().checked_sub(1)?);
            let (_, p99, _) = all.select_nth_unstable_by(rank, f32::total_cmp);
            Some(Distance { mean, p99: f64::from(*p99) })
        };
        Some([distance(0)?, distance(1)?])
    }

    /// Fits every mesh: `low` is the smallest value of a unit, the largest is 1. `weights` say how much each vertex counts.
    pub(super) fn fit(&self, samples: &[Sample<'_>], weights: &[f32], low: f64) -> Vec<FaceFit> {
        let problem = Problem::new(self, weights);
        samples.par_iter().map(|sample| problem.solve(sample, low)).collect()
    }

    /// A first guess of the neutral face, from meshes with this basis but the mean for a neutral.
    pub(super) fn with_rest(self, samples: &[Sample<'_>], weights: &[f32]) -> Self {
        let fits = self.fit(samples, weights, -1.0);
        self.rested(&fits)
    }

    /// Makes the face neutral that units show at rest; where the eyes look is no matter of rest.
    fn rested(mut self, fits: &[FaceFit]) -> Self {
        let mut rest: Vec<f32> =
            (0..UNITS).map(|unit| crowded(fits.iter().map(|fit| fit.units[unit]).collect())).collect();
        LOOKS.iter().for_each(|unit| rest[*unit as usize] = 0.0);
        self.neutral = self.mesh(&rest);
        self
    }

    /// Neutral face and units as the person makes them: units are fitted with the basis fixed, then the basis with the
    /// units fixed, by least squares with the transferred basis as the prior (as in Li, Weise & Pauly's example-based
    /// facial rigging, 2010), as long as that brings the meshes nearer that it doesn't learn from, one in five.
    pub(super) fn personal(self, samples: &[Sample<'_>], weights: &[f32], neutral_is_known: bool) -> Self {
        let pick = |held_back: bool| -> Vec<Sample<'_>> {
            samples.iter().enumerate().filter(|(i, _)| (i % 5 == 4) == held_back).map(|(_, s)| *s).collect()
        };
        let (learn, judge) = (pick(false), pick(true));
        if judge.is_empty() {
            return self;
        }
        let error = |basis: &Self| {
            let fits = basis.fit(&judge, weights, 0.0);
            basis.mean_square(&judge, &fits, weights)
        };
        let prior = self.clone();
        let (mut best, mut now) = (self.clone(), self);
        let mut least = error(&best);
        for _ in 0..ROUNDS {
            let mut fits = now.fit(&learn, weights, 0.0);
            if !neutral_is_known {
                now = now.rested(&fits);
                fits = now.fit(&learn, weights, 0.0);
            }
            now = prior.learn(&learn, &fits, weights, neutral_is_known);
            let found = error(&now);
            if found >= least * 0.995 {
                if found < least {
                    best = now;
                }
                break;
            }
            least = found;
            best = now.clone();
        }
        best
    }

    /// Weighted mean square distance, mm².
    fn mean_square(&self, samples: &[Sample<'_>], fits: &[FaceFit], weights: &[f32]) -> f64 {
        let per_frame: Vec<f64> = (samples.par_iter().zip(fits))
            .map(|((mesh, _), fit)| {
                let expected = self.mesh(&fit.units);
                let square =
                    |v: usize| weights[v] * (fit.steadied(mesh[v]) - expected[v]).length_squared() * MM * MM;
                (0..mesh.len()).map(|v| f64::from(square(v))).sum()
            })
            .collect();
        per_frame.iter().sum::<f64>() / per_frame.len().max(1) as f64
    }

    /// The basis nearest to meshes and to `self`, units given.
    fn learn(
        &self,
        samples: &[Sample<'_>],
        fits: &[FaceFit],
        weights: &[f32],
        neutral_is_known: bool,
    ) -> Self {
        const COLUMNS: usize = UNITS + 1;
        let frames = samples.len();
        let trust: Vec<f64> = (0..COLUMNS)
            .map(|i| {
                if i < UNITS {
                    TRUST
                } else if neutral_is_known {
                    frames as f64
                } else {
                    1e-3
                }
            })
            .collect();
        let unit = |frame: usize, i: usize| if i < UNITS { f64::from(fits[frame].units[i]) } else { 1.0 };
        let mut normal = vec![0.0; COLUMNS * COLUMNS];
        for (i, j) in (0..COLUMNS).flat_map(|i| (0..COLUMNS).map(move |j| (i, j))) {
            let sum: f64 = (0..frames).map(|f| unit(f, i) * unit(f, j)).sum();
            normal[i * COLUMNS + j] = sum + if i == j { trust[i] } else { 0.0 };
        }
        // What the prior leaves of the meshes is explained by changes of the basis: change = normal⁻¹ Uᵀ left.
        let mut gain: Vec<f64> = (0..COLUMNS * frames).map(|e| unit(e % frames, e / frames)).collect();
        solve(normal, COLUMNS, &mut gain);
        let left: Vec<Vec<Vec3>> = (samples.par_iter().zip(fits))
            .map(|((mesh, _), fit)| {
                let expected = self.mesh(&fit.units);
                (0..mesh.len()).map(|v| fit.steadied(mesh[v]) - expected[v]).collect()
            })
            .collect();
        let change = |i: usize| -> Vec<Vec3> {
            let mut out = vec![Vec3::ZERO; self.neutral.len()];
            for (frame, left) in left.iter().enumerate() {
                let gain = gain[i * frames + frame] as f32;
                out.iter_mut().zip(left).for_each(|(sum, x)| *sum += *x * gain);
            }
            out
        };
        let add = |old: &[Vec3], i: usize, everywhere: bool| -> Vec<Vec3> {
            let change = change(i);
            // What doesn't count in the fit (the neck, what is inside) mustn't become a matter of expression.
            let counts = |v: usize| everywhere || weights[v] > 0.0;
            (0..old.len()).map(|v| if counts(v) { old[v] + change[v] } else { old[v] }).collect()
        };
        let deltas = (0..UNITS).into_par_iter().map(|i| add(&self.deltas[i], i, false)).collect();
        Self { neutral: add(&self.neutral, UNITS, true), deltas }
    }
}

/// The normal equations of a basis, shared by all frames.
struct Problem<'a> {
    basis: &'a Basis,
    /// `[58][V]`, mm, times the root of the weight.
    columns: Vec<Vec<Vec3>>,
    roots: Vec<f32>,
    middle: Vec3,
    hessian: Vec<f64>,
    pull: Vec<f64>,
}

impl<'a> Problem<'a> {
    fn new(basis: &'a Basis, weights: &[f32]) -> Self {
        let roots: Vec<f32> = weights.iter().map(|w| w.sqrt()).collect();
        let total: f32 = weights.iter().sum::<f32>().max(f32::MIN_POSITIVE);
        let middle = basis.neutral.iter().zip(weights).map(|(p, w)| *p * *w).sum::<Vec3>() / total;
        let axes = [Vec3::X, Vec3::Y, Vec3::Z];
        let columns: Vec<Vec<Vec3>> = (0..UNKNOWNS)
            .into_par_iter()
            .map(|i| {
                let column = |v: usize| match i {
                    0..UNITS => basis.deltas[i][v] * MM,
                    _ if i < UNITS + 3 => axes[i - UNITS].cross(basis.neutral[v] - middle) / LEVER,
                    _ => axes[i - UNITS - 3],
                };
                (0..roots.len()).map(|v| column(v) * roots[v]).collect()
            })
            .collect();
        let dots: Vec<Vec<f64>> = (0..UNKNOWNS)
            .into_par_iter()
            .map(|i| (0..=i).map(|j| dot(&columns[i], &columns[j])).collect())
            .collect();
        let mut hessian = vec![0.0; UNKNOWNS * UNKNOWNS];
        let mut pull = vec![0.0; UNKNOWNS];
        for i in 0..UNKNOWNS {
            for j in 0..=i {
                hessian[i * UNKNOWNS + j] = dots[i][j];
                hessian[j * UNKNOWNS + i] = dots[i][j];
            }
        }
        for i in 0..UNKNOWNS {
            let own = dots[i][i];
            // A unit that moves nothing here stays at 0.
            let (ridge, sparse) = if i < UNITS {
                (RIDGE[0] * own + RIDGE[1], SPARSE[0] * own + SPARSE[1])
            } else {
                (STEADY, 0.0)
            };
            hessian[i * UNKNOWNS + i] += ridge;
            pull[i] = sparse / 2.0;
        }
        Self { basis, columns, roots, middle, hessian, pull }
    }

    fn solve(&self, (mesh, looks): &Sample<'_>, low: f64) -> FaceFit {
        let bounds = |unit: f64, free: f64| -> Vec<f64> {
            (0..UNKNOWNS).map(|i| if i < UNITS { unit } else { free }).collect()
        };
        let (mut low, mut high) = (bounds(low, f64::NEG_INFINITY), bounds(1.0, f64::INFINITY));
        for (unit, &value) in LOOKS.iter().zip(looks) {
            let at = *unit as usize;
            (low[at], high[at]) = (f64::from(value), f64::from(value));
        }
        let mut fit = FaceFit::steady();
        // The rotation is taken as small; a second round starts from the first one's.
        for _ in 0..2 {
            let left: Vec<Vec3> = (0..mesh.len())
                .map(|v| (fit.steadied(mesh[v]) - self.basis.neutral[v]) * (MM * self.roots[v]))
                .collect();
            let b: Vec<f64> =
                self.columns.iter().zip(&self.pull).map(|(column, pull)| dot(column, &left) - pull).collect();
            let x = bounded_minimum(&self.hessian, &b, &low, &high);
            fit.units = x[..UNITS].iter().map(|&u| u as f32).collect();
            let turn = DVec3::from_slice(&x[UNITS..]) * 1e-3 / f64::from(LEVER);
            let turn = DQuat::from_scaled_axis(turn);
            let shift = DVec3::from_slice(&x[UNITS + 3..]) * 1e-3;
            let middle = self.middle.as_dvec3();
            // steady ─(turn about the middle, shift)▶ what was fitted ─(what was known before)▶ the mesh
            let moved = middle - turn * middle + shift;
            fit.translation += fit.rotation * moved;
            fit.rotation = (fit.rotation * turn).normalize();
        }
        fit
    }
}

/// The middle of the shortest interval that holds [`REST_SHARE`] of the values (after the shorth; Andrews et al. 1972).
fn crowded(mut values: Vec<f32>) -> f32 {
    values.sort_by(f32::total_cmp);
    let count = ((values.len() as f64 * REST_SHARE).ceil() as usize).clamp(1, values.len().max(1));
    let shortest =
        values.windows(count).min_by(|a, b| (a[count - 1] - a[0]).total_cmp(&(b[count - 1] - b[0])));
    shortest.map_or(0.0, |window| window[count / 2])
}

fn dot(a: &[Vec3], b: &[Vec3]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(a.dot(*b))).sum()
}

/// The rotation nearest to all of these.
pub(super) fn mean_rotation(rotations: impl Iterator<Item = DQuat>) -> DQuat {
    super::linear::nearest_rotation(rotations.map(DMat3::from_quat).sum())
}
