//! The one matrix micro-kernel: `M` rows by 16 columns, kept in registers over the whole depth.

use super::simd::{LANES, Simd, each};

/// Columns of a tile.
pub(crate) const COLUMNS: usize = 16;
/// Rows of the largest tile: 12 accumulators, 2 columns and a broadcast fill AVX2's 16 registers.
pub(crate) const ROWS: usize = 6;

/// One row of a matrix, 16 columns wide, aligned so that no load crosses a cache line.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(crate) struct Columns(pub(crate) [[f32; LANES]; 2]);

impl Columns {
    pub(crate) const ZERO: Self = Self([[0.0; LANES]; 2]);
}

/// `start + a · b`: `a` is `M` rows of `b.len()` numbers, one after the other, `b` is depth × 16.
#[inline(always)]
pub(crate) fn tile<S: Simd, const M: usize>(
    s: S,
    a: &[f32],
    b: &[Columns],
    start: [[S::F; 2]; M],
) -> [[S::F; 2]; M] {
    let depth = b.len();
    let mut sums = start;
    let Some(a) = a.get(..M * depth) else { return sums };
    let rows: [&[f32]; M] = each!(row < M => &a[row * depth..(row + 1) * depth]);
    for (k, Columns([low, high])) in b.iter().enumerate() {
        let (low, high) = (s.load(low), s.load(high));
        for row in 0..M {
            let x = s.splat(rows[row][k]);
            sums[row] = [s.mul_add(x, low, sums[row][0]), s.mul_add(x, high, sums[row][1])];
        }
    }
    sums
}
