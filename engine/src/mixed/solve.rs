//! A small system of linear equations.

/// Solves `matrix · x = right` for three right-hand sides by Cholesky's decomposition. `None` if the matrix, symmetric by its
/// lower half, isn't positive definite.
pub(super) fn solve<const N: usize>(matrix: [[f64; N]; N], right: [[f64; 3]; N]) -> Option<[[f64; 3]; N]> {
    let mut lower = [[0.0; N]; N];
    for i in 0..N {
        for j in 0..=i {
            let sum: f64 = (0..j).map(|k| lower[i][k] * lower[j][k]).sum();
            let rest = matrix[i][j] - sum;
            lower[i][j] = if i == j {
                if rest.is_nan() || rest <= 1e-12 {
                    return None;
                }
                rest.sqrt()
            } else {
                rest / lower[j][j]
            };
        }
    }
    let mut x = right;
    for c in 0..3 {
        for i in 0..N {
            let sum: f64 = (0..i).map(|k| lower[i][k] * x[k][c]).sum();
            x[i][c] = (x[i][c] - sum) / lower[i][i];
        }
        for i in (0..N).rev() {
            let sum: f64 = (i + 1..N).map(|k| lower[k][i] * x[k][c]).sum();
            x[i][c] = (x[i][c] - sum) / lower[i][i];
        }
    }
    Some(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_solution_solves() {
        let matrix = [[4.0, 1.0, 0.5], [1.0, 3.0, -0.2], [0.5, -0.2, 2.0]];
        let right = [[1.0, 0.0, 2.0], [2.0, 1.0, -1.0], [0.5, 3.0, 0.0]];
        let x = solve(matrix, right).expect("positive definite");
        for c in 0..3 {
            for i in 0..3 {
                let sum: f64 = (0..3).map(|k| matrix[i][k] * x[k][c]).sum();
                assert!((sum - right[i][c]).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn what_has_no_solution_has_none() {
        assert_eq!(solve([[1.0, 2.0], [2.0, 4.0]], [[1.0; 3]; 2]), None);
        assert_eq!(solve([[f64::NAN, 0.0], [0.0, 1.0]], [[1.0; 3]; 2]), None);
    }
}
