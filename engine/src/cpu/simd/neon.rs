//! NEON: every aarch64 processor that runs a common operating system. A vector is two registers.

use std::arch::aarch64::*;

use half::f16;

use super::{Kernel, LANES, Simd};

/// Proof that the processor has NEON: only [`Neon::detect`] makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Neon(());

impl Neon {
    pub(super) fn detect() -> Option<Self> {
        std::arch::is_aarch64_feature_detected!("neon").then_some(Self(()))
    }

    #[inline]
    pub(super) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "neon")]
        fn compiled_for_neon<K: Kernel>(simd: Neon, kernel: K) -> K::Output {
            kernel.run(simd)
        }
        // SAFETY: `self` exists only where the processor has this feature.
        unsafe { compiled_for_neon(self, kernel) }
    }
}

/// Calls intrinsics that need nothing but the instruction set.
macro_rules! intrinsic {
    ($call:expr) => {
        // SAFETY: a `Neon` exists only where the processor has NEON, and the method that expands this takes one as
        // `self`; loads and stores go through references to arrays that hold all that they touch, and none needs
        // more alignment than the array's element.
        unsafe { $call }
    };
}

type F = [float32x4_t; 2];
type M = [uint32x4_t; 2];

macro_rules! both {
    ($f:ident, $a:expr) => {
        intrinsic!([$f($a[0]), $f($a[1])])
    };
    ($f:ident, $a:expr, $b:expr) => {
        intrinsic!([$f($a[0], $b[0]), $f($a[1], $b[1])])
    };
    ($f:ident, $a:expr, $b:expr, $c:expr) => {
        intrinsic!([$f($a[0], $b[0], $c[0]), $f($a[1], $b[1], $c[1])])
    };
}

impl Simd for Neon {
    type F = F;
    type M = M;

    #[inline(always)]
    fn splat(self, x: f32) -> F {
        intrinsic!([vdupq_n_f32(x); 2])
    }
    #[inline(always)]
    fn load(self, from: &[f32; LANES]) -> F {
        let [a, b, c, d, e, f, g, h] = from;
        intrinsic!([vld1q_f32([*a, *b, *c, *d].as_ptr()), vld1q_f32([*e, *f, *g, *h].as_ptr())])
    }
    #[inline(always)]
    fn store(self, x: F, to: &mut [f32; LANES]) {
        let (low, high) = to.split_at_mut(4);
        intrinsic!({
            vst1q_f32(low.as_mut_ptr(), x[0]);
            vst1q_f32(high.as_mut_ptr(), x[1]);
        })
    }
    // The half crate converts by instruction where there is one; f16 vectors aren't stable in Rust yet.
    #[inline(always)]
    fn load_f16(self, from: &[f16; LANES]) -> F {
        self.load(&from.map(f16::to_f32))
    }
    #[inline(always)]
    fn store_f16(self, x: F, to: &mut [f16; LANES]) {
        let mut lanes = [0.0; LANES];
        self.store(x, &mut lanes);
        *to = lanes.map(f16::from_f32);
    }
    #[inline(always)]
    fn load_u8(self, from: &[u8; LANES]) -> F {
        intrinsic!({
            let wide = vmovl_u8(vld1_u8(from.as_ptr()));
            [vcvtq_f32_u32(vmovl_u16(vget_low_u16(wide))), vcvtq_f32_u32(vmovl_u16(vget_high_u16(wide)))]
        })
    }
    #[inline(always)]
    fn load_i8(self, from: &[i8; LANES]) -> F {
        intrinsic!({
            let wide = vmovl_s8(vld1_s8(from.as_ptr()));
            [vcvtq_f32_s32(vmovl_s16(vget_low_s16(wide))), vcvtq_f32_s32(vmovl_s16(vget_high_s16(wide)))]
        })
    }
    #[inline(always)]
    fn add(self, a: F, b: F) -> F {
        both!(vaddq_f32, a, b)
    }
    #[inline(always)]
    fn sub(self, a: F, b: F) -> F {
        both!(vsubq_f32, a, b)
    }
    #[inline(always)]
    fn mul(self, a: F, b: F) -> F {
        both!(vmulq_f32, a, b)
    }
    #[inline(always)]
    fn div(self, a: F, b: F) -> F {
        both!(vdivq_f32, a, b)
    }
    #[inline(always)]
    fn mul_add(self, a: F, b: F, c: F) -> F {
        both!(vfmaq_f32, c, a, b)
    }
    #[inline(always)]
    fn neg_mul_add(self, a: F, b: F, c: F) -> F {
        both!(vfmsq_f32, c, a, b)
    }
    #[inline(always)]
    fn min(self, a: F, b: F) -> F {
        both!(vminnmq_f32, a, b)
    }
    #[inline(always)]
    fn max(self, a: F, b: F) -> F {
        both!(vmaxnmq_f32, a, b)
    }
    #[inline(always)]
    fn sqrt(self, x: F) -> F {
        both!(vsqrtq_f32, x)
    }
    #[inline(always)]
    fn round(self, x: F) -> F {
        both!(vrndnq_f32, x)
    }
    #[inline(always)]
    fn floor(self, x: F) -> F {
        both!(vrndmq_f32, x)
    }
    #[inline(always)]
    fn whole(self, x: F) -> [u32; LANES] {
        let mut lanes = [0; LANES];
        let (low, high) = lanes.split_at_mut(4);
        intrinsic!({
            vst1q_u32(low.as_mut_ptr(), vcvtq_u32_f32(x[0]));
            vst1q_u32(high.as_mut_ptr(), vcvtq_u32_f32(x[1]));
        });
        lanes
    }
    #[inline(always)]
    fn exp2_whole(self, n: F) -> F {
        intrinsic!({
            let power = |n: float32x4_t| {
                vreinterpretq_f32_s32(vshlq_n_s32::<23>(vaddq_s32(vcvtnq_s32_f32(n), vdupq_n_s32(127))))
            };
            [power(n[0]), power(n[1])]
        })
    }
    #[inline(always)]
    fn gt(self, a: F, b: F) -> M {
        both!(vcgtq_f32, a, b)
    }
    #[inline(always)]
    fn and(self, a: M, b: M) -> M {
        both!(vandq_u32, a, b)
    }
    #[inline(always)]
    fn bits(self, mask: M) -> u32 {
        const WEIGHTS: [u32; 4] = [1, 2, 4, 8];
        intrinsic!({
            let weights = vld1q_u32(WEIGHTS.as_ptr());
            vaddvq_u32(vandq_u32(mask[0], weights)) | (vaddvq_u32(vandq_u32(mask[1], weights)) << 4)
        })
    }
    #[inline(always)]
    fn select(self, mask: M, a: F, b: F) -> F {
        both!(vbslq_f32, mask, a, b)
    }
    #[inline(always)]
    fn store_u32_where(self, mask: M, value: u32, to: &mut [u32; LANES]) {
        let (low, high) = to.split_at_mut(4);
        intrinsic!({
            let value = vdupq_n_u32(value);
            vst1q_u32(low.as_mut_ptr(), vbslq_u32(mask[0], value, vld1q_u32(low.as_ptr())));
            vst1q_u32(high.as_mut_ptr(), vbslq_u32(mask[1], value, vld1q_u32(high.as_ptr())));
        })
    }
    #[inline(always)]
    fn transpose(self, rows: [F; LANES]) -> [F; LANES] {
        let four = |a: float32x4_t, b: float32x4_t, c: float32x4_t, d: float32x4_t| -> [float32x4_t; 4] {
            intrinsic!({
                let double = |x| vreinterpretq_f64_f32(x);
                let single = |x| vreinterpretq_f32_f64(x);
                let (ab0, ab1) = (double(vtrn1q_f32(a, b)), double(vtrn2q_f32(a, b)));
                let (cd0, cd1) = (double(vtrn1q_f32(c, d)), double(vtrn2q_f32(c, d)));
                [
                    single(vtrn1q_f64(ab0, cd0)),
                    single(vtrn1q_f64(ab1, cd1)),
                    single(vtrn2q_f64(ab0, cd0)),
                    single(vtrn2q_f64(ab1, cd1)),
                ]
            })
        };
        let [a, b, c, d, e, f, g, h] = rows;
        let (top_left, bottom_left) = (four(a[0], b[0], c[0], d[0]), four(e[0], f[0], g[0], h[0]));
        let (top_right, bottom_right) = (four(a[1], b[1], c[1], d[1]), four(e[1], f[1], g[1], h[1]));
        std::array::from_fn(|i| {
            if i < 4 { [top_left[i], bottom_left[i]] } else { [top_right[i - 4], bottom_right[i - 4]] }
        })
    }
}
