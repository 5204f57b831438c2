//! The little linear algebra that fitting needs: rotations from correlations, similarities, bounded least squares.

use glam::{DMat3, DQuat, DVec3, Vec3};

/// Rotation, scale and translation: `apply(x) = scale · rotation · x + translation`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Similarity {
    pub(super) rotation: DQuat,
    pub(super) scale: f64,
    pub(super) translation: DVec3,
}

impl Similarity {
    pub(super) fn apply(&self, x: Vec3) -> Vec3 {
        (self.rotation * (self.scale * x.as_dvec3()) + self.translation).as_vec3()
    }

    /// The similarity that carries the first of each pair nearest to the second, in the weighted least-squares sense
    /// (Umeyama 1991); rigid if `scales` names one scale only.
    pub(super) fn fit(pairs: &[(Vec3, Vec3, f64)], scales: std::ops::RangeInclusive<f64>) -> Self {
        let total: f64 = pairs.iter().map(|p| p.2).sum::<f64>().max(f64::MIN_POSITIVE);
        let mean = |get: &dyn Fn(&(Vec3, Vec3, f64)) -> Vec3| {
            pairs.iter().map(|p| get(p).as_dvec3() * p.2).sum::<DVec3>() / total
        };
        let (from, to) = (mean(&|p| p.0), mean(&|p| p.1));
        let (mut correlation, mut spread) = (DMat3::ZERO, 0.0);
        for (a, b, weight) in pairs {
            let (a, b) = (a.as_dvec3() - from, b.as_dvec3() - to);
            correlation += outer(b * *weight, a);
            spread += weight * a.length_squared();
        }
        let rotation = nearest_rotation(correlation);
        let along: f64 =
            pairs.iter().map(|(a, b, w)| w * (rotation * (a.as_dvec3() - from)).dot(b.as_dvec3() - to)).sum();
        let scale = (along / spread.max(f64::MIN_POSITIVE)).clamp(*scales.start(), *scales.end());
        Self { rotation, scale, translation: to - rotation * (scale * from) }
    }
}

/// a bᵀ.
pub(super) fn outer(a: DVec3, b: DVec3) -> DMat3 {
    DMat3::from_cols(a * b.x, a * b.y, a * b.z)
}

/// The rotation R with the greatest trace(Rᵀ m): for m = Σ b aᵀ the one that turns every a nearest to its b. Horn (1987):
/// the quaternion is the first eigenvector of a symmetric 4×4 matrix.
pub(super) fn nearest_rotation(m: DMat3) -> DQuat {
    let at = |row: usize, column: usize| m.col(column)[row];
    let (x, y, z) = (at(2, 1) - at(1, 2), at(0, 2) - at(2, 0), at(1, 0) - at(0, 1));
    let (xy, xz, yz) = (at(0, 1) + at(1, 0), at(0, 2) + at(2, 0), at(1, 2) + at(2, 1));
    let (a, b, c) = (at(0, 0), at(1, 1), at(2, 2));
    let symmetric =
        [[a + b + c, x, y, z], [x, a - b - c, xy, xz], [y, xy, b - a - c, yz], [z, xz, yz, c - a - b]];
    let [w, x, y, z] = first_eigenvector(symmetric);
    let q = DQuat::from_xyzw(x, y, z, w);
    if q.is_finite() && q.length_squared() > 0.0 { q.normalize() } else { DQuat::IDENTITY }
}

/// Eigenvector of the greatest eigenvalue, by Jacobi's rotations.
fn first_eigenvector(mut m: [[f64; 4]; 4]) -> [f64; 4] {
    let mut vectors = [[0.0; 4]; 4];
    (0..4).for_each(|i| vectors[i][i] = 1.0);
    for _ in 0..16 {
        for p in 0..4 {
            for q in p + 1..4 {
                if m[p][q].abs() <= 1e-300 {
                    continue;
                }
                let theta = (m[q][q] - m[p][p]) / (2.0 * m[p][q]);
                let t = theta.signum() / (theta.abs() + theta.hypot(1.0));
                let c = t.hypot(1.0).recip();
                let s = t * c;
                for k in 0..4 {
                    (m[k][p], m[k][q]) = (c * m[k][p] - s * m[k][q], s * m[k][p] + c * m[k][q]);
                }
                for k in 0..4 {
                    (m[p][k], m[q][k]) = (c * m[p][k] - s * m[q][k], s * m[p][k] + c * m[q][k]);
                    let v = &mut vectors[k];
                    (v[p], v[q]) = (c * v[p] - s * v[q], s * v[p] + c * v[q]);
                }
            }
        }
    }
    let best = (0..4).max_by(|&i, &j| m[i][i].total_cmp(&m[j][j])).unwrap_or(0);
    vectors.map(|row| row[best])
}

/// Solves `m x = b` for every column b, m symmetric and positive definite of `n` rows; b is `[n, columns]`, replaced by
/// x. Cholesky's way; a pivot that isn't positive is taken as tiny.
pub(super) fn solve(mut m: Vec<f64>, n: usize, b: &mut [f64]) {
    let columns = b.len() / n.max(1);
    for j in 0..n {
        for k in 0..j {
            let f = m[j * n + k];
            for i in j..n {
                m[i * n + j] -= m[i * n + k] * f;
            }
        }
        let pivot = m[j * n + j].max(1e-30).sqrt();
        for i in j..n {
            m[i * n + j] /= pivot;
        }
    }
    for c in 0..columns {
        for i in 0..n {
            let known: f64 = (0..i).map(|k| m[i * n + k] * b[k * columns + c]).sum();
            b[i * columns + c] = (b[i * columns + c] - known) / m[i * n + i];
        }
        for i in (0..n).rev() {
            let known: f64 = (i + 1..n).map(|k| m[k * n + i] * b[k * columns + c]).sum();
            b[i * columns + c] = (b[i * columns + c] - known) / m[i * n + i];
        }
    }
}

/// Minimises ½ xᵀ h x − bᵀ x with `low ≤ x ≤ high`, by cyclic coordinate descent, which ends at the minimum of such a
/// convex problem (Bertsekas, Nonlinear Programming, §3.7).
pub(super) fn bounded_minimum(h: &[f64], b: &[f64], low: &[f64], high: &[f64]) -> Vec<f64> {
    const SWEEPS: usize = 2000;
    const DONE: f64 = 1e-7;
    let n = b.len();
    let mut x: Vec<f64> = (0..n).map(|i| 0.0f64.clamp(low[i], high[i])).collect();
    // The gradient h x − b, kept up to date.
    let mut gradient: Vec<f64> =
        (0..n).map(|i| (0..n).map(|j| h[i * n + j] * x[j]).sum::<f64>() - b[i]).collect();
    for _ in 0..SWEEPS {
        let mut moved = 0.0f64;
        for i in 0..n {
            let curvature = h[i * n + i];
            if curvature <= 0.0 {
                continue;
            }
            let step = (x[i] - gradient[i] / curvature).clamp(low[i], high[i]) - x[i];
            if step != 0.0 {
                x[i] += step;
                (0..n).for_each(|j| gradient[j] += h[j * n + i] * step);
                moved = moved.max(step.abs());
            }
        }
        if moved < DONE {
            break;
        }
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_similarity_is_found_again() {
        let truth = Similarity {
            rotation: DQuat::from_scaled_axis(DVec3::new(0.4, -2.6, 0.9)),
            scale: 1.13,
            translation: DVec3::new(0.2, -3.0, 0.7),
        };
        let points: Vec<Vec3> = (0..20)
            .map(|i| Vec3::new((i as f32).sin(), (i as f32 * 1.7).cos(), (i as f32 * 0.3).sin() * 0.5))
            .collect();
        let pairs: Vec<_> = points.iter().map(|&p| (p, truth.apply(p), 1.0)).collect();
        let found = Similarity::fit(&pairs, 0.5..=2.0);
        assert!(found.rotation.dot(truth.rotation).abs() > 1.0 - 1e-9);
        assert!((found.scale - truth.scale).abs() < 1e-5);
        assert!((found.translation - truth.translation).length() < 1e-5);
        assert_eq!(Similarity::fit(&pairs, 1.0..=1.0).scale, 1.0);
    }

    #[test]
    fn a_system_is_solved() {
        let (m, x) = (vec![4.0, 1.0, 0.5, 1.0, 3.0, -0.2, 0.5, -0.2, 2.0], [1.0, -2.0, 0.3]);
        let mut b: Vec<f64> = (0..3).map(|i| (0..3).map(|j| m[3 * i + j] * x[j]).sum()).collect();
        solve(m, 3, &mut b);
        assert!(b.iter().zip(x).all(|(b, x)| (b - x).abs() < 1e-12), "{b:?}");
    }

    /// At a bounded minimum the gradient vanishes inside and points outwards at a bound.
    #[test]
    fn a_bounded_minimum_meets_its_conditions() {
        let n = 6;
        let value = |i: usize| ((i * 7919 + 13) % 101) as f64 / 101.0 - 0.5;
        let a: Vec<f64> = (0..n * n).map(value).collect();
        let h: Vec<f64> = (0..n * n)
            .map(|e| {
                (0..n).map(|k| a[k * n + e / n] * a[k * n + e % n]).sum::<f64>()
                    + f64::from(u8::from(e / n == e % n)) * 0.01
            })
            .collect();
        let b: Vec<f64> = (0..n).map(|i| value(i + 50) * 0.8).collect();
        let x = bounded_minimum(&h, &b, &[0.0; 6], &[1.0; 6]);
        let mut at_a_bound = 0;
        for i in 0..n {
            let gradient = (0..n).map(|j| h[i * n + j] * x[j]).sum::<f64>() - b[i];
            match x[i] {
                0.0 => assert!(gradient > -1e-6),
                1.0 => assert!(gradient < 1e-6),
                _ => assert!(gradient.abs() < 1e-4, "{gradient}"),
            }
            at_a_bound += usize::from(x[i] == 0.0 || x[i] == 1.0);
        }
        assert!((1..n).contains(&at_a_bound), "{x:?}");
    }
}
