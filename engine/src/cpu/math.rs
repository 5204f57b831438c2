//! Exponentials and what is made of them, eight at a time, within 1e-6 of the exact functions (relative for [`exp`],
//! absolute for the others).

use std::f32::consts::{LN_2, LOG2_E};

use super::simd::Simd;

/// `eˣ`; x is clamped to ±87, NaN becomes e⁻⁸⁷.
#[inline(always)]
pub(crate) fn exp<S: Simd>(s: S, x: S::F) -> S::F {
    let x = s.min(s.max(x, s.splat(-87.0)), s.splat(87.0));
    // eˣ = 2ⁿ · eʳ with |r| ≤ ½ ln 2. ln 2 in two parts, so that n · ln 2 loses nothing: the first has 9 bits.
    const LN_2_HIGH: f32 = 355.0 / 512.0;
    const LN_2_LOW: f32 = LN_2_LOW_F64 as f32;
    const LN_2_LOW_F64: f64 = std::f64::consts::LN_2 - 355.0 / 512.0;
    let n = s.round(s.mul(x, s.splat(LOG2_E)));
    let r = s.neg_mul_add(n, s.splat(LN_2_LOW), s.neg_mul_add(n, s.splat(LN_2_HIGH), x));
    // Taylor: the first term left out is r⁷/5040 < 1.3e-7.
    let mut p = s.splat(1.0 / 720.0);
    for coefficient in [1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        p = s.mul_add(p, r, s.splat(coefficient));
    }
    s.mul(p, s.exp2_whole(n))
}

/// `1 / (1 + e⁻ˣ)`.
#[inline(always)]
pub(crate) fn sigmoid<S: Simd>(s: S, x: S::F) -> S::F {
    let one = s.splat(1.0);
    s.div(one, s.add(one, exp(s, s.sub(s.splat(0.0), x))))
}

/// `ln(1 + eˣ)`.
#[inline(always)]
pub(crate) fn softplus<S: Simd>(s: S, x: S::F) -> S::F {
    let zero = s.splat(0.0);
    let magnitude = s.max(x, s.sub(zero, x));
    // max(x, 0) + ln(1 + t), t = e^−|x| in 0..=1; ln(1 + t) = 2 artanh(y), y = t / (2 + t) ≤ ⅓.
    let t = exp(s, s.sub(zero, magnitude));
    let y = s.div(t, s.add(t, s.splat(2.0)));
    let y2 = s.mul(y, y);
    let mut p = s.splat(2.0 / 11.0);
    for coefficient in [2.0 / 9.0, 2.0 / 7.0, 2.0 / 5.0, 2.0 / 3.0, 2.0] {
        p = s.mul_add(p, y2, s.splat(coefficient));
    }
    // Without an infinity where x is one: colour must stay finite.
    s.mul_add(p, y, s.min(s.max(x, zero), s.splat(f32::MAX)))
}

const _: () = assert!((355.0 / 512.0 - LN_2).abs() < 3e-4);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::simd::{Kernel, LANES, Level};

    struct Apply([f32; LANES]);

    impl Kernel for Apply {
        type Output = [[f32; LANES]; 3];

        #[inline(always)]
        fn run<S: Simd>(self, s: S) -> Self::Output {
            let x = s.load(&self.0);
            let mut out = [[0.0; LANES]; 3];
            s.store(exp(s, x), &mut out[0]);
            s.store(sigmoid(s, x), &mut out[1]);
            s.store(softplus(s, x), &mut out[2]);
            out
        }
    }

    #[test]
    fn errors_are_below_1e_6() {
        for level in [Level::portable(), Level::detect()] {
            for i in -2200i32..2200 {
                let x = i as f32 * 0.0391;
                let exact = f64::from(x);
                let [e, sigmoid, softplus] = level.run(Apply([x; LANES])).map(|lanes| f64::from(lanes[3]));
                assert!((e / exact.exp() - 1.0).abs() < 1e-6, "exp {x}: {e}");
                assert!((sigmoid - 1.0 / (1.0 + (-exact).exp())).abs() < 1e-6, "sigmoid {x}: {sigmoid}");
                let truth = exact.exp().ln_1p();
                assert!((softplus - truth).abs() < 1e-6 * truth.max(1.0), "softplus {x}: {softplus}");
            }
        }
    }

    #[test]
    fn nothing_finite_or_not_gives_a_non_finite_number() {
        for x in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN] {
            for level in [Level::portable(), Level::detect()] {
                for lanes in level.run(Apply([x; LANES])) {
                    assert!(lanes.iter().all(|y| y.is_finite()), "{x} {lanes:?}");
                }
            }
        }
    }
}
