//! AVX2 with FMA and F16C: x86-64 processors since about 2013 (Intel) and 2015 (AMD).

use std::arch::x86_64::*;

use half::f16;

use super::{Kernel, LANES, Simd};

/// Proof that the processor has AVX2, FMA and F16C: only [`Avx2::detect`] makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Avx2(());

impl Avx2 {
    pub(super) fn detect() -> Option<Self> {
        let found = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("f16c");
        found.then_some(Self(()))
    }

    #[inline]
    pub(super) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "avx2,fma,f16c")]
        fn compiled_for_avx2<K: Kernel>(simd: Avx2, kernel: K) -> K::Output {
            kernel.run(simd)
        }
        // SAFETY: `self` exists only where the processor has these features.
        unsafe { compiled_for_avx2(self, kernel) }
    }
}

/// Calls intrinsics that need nothing but the instruction set.
macro_rules! intrinsic {
    ($call:expr) => {
        // SAFETY: an `Avx2` exists only where the processor has AVX2, FMA and F16C, and the method that expands this
        // takes one as `self`; loads and stores go through references to arrays of just the size that they touch, and
        // none needs alignment.
        unsafe { $call }
    };
}

impl Simd for Avx2 {
    type F = __m256;
    type M = __m256;

    #[inline(always)]
    fn splat(self, x: f32) -> __m256 {
        intrinsic!(_mm256_set1_ps(x))
    }
    #[inline(always)]
    fn load(self, from: &[f32; LANES]) -> __m256 {
        intrinsic!(_mm256_loadu_ps(from.as_ptr()))
    }
    #[inline(always)]
    fn store(self, x: __m256, to: &mut [f32; LANES]) {
        intrinsic!(_mm256_storeu_ps(to.as_mut_ptr(), x))
    }
    #[inline(always)]
    fn load_f16(self, from: &[f16; LANES]) -> __m256 {
        intrinsic!(_mm256_cvtph_ps(_mm_loadu_si128(from.as_ptr().cast())))
    }
    #[inline(always)]
    fn store_f16(self, x: __m256, to: &mut [f16; LANES]) {
        intrinsic!(_mm_storeu_si128(to.as_mut_ptr().cast(), _mm256_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(x)))
    }
    #[inline(always)]
    fn load_u8(self, from: &[u8; LANES]) -> __m256 {
        intrinsic!(_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(from.as_ptr().cast()))))
    }
    #[inline(always)]
    fn load_i8(self, from: &[i8; LANES]) -> __m256 {
        intrinsic!(_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(from.as_ptr().cast()))))
    }
    #[inline(always)]
    fn add(self, a: __m256, b: __m256) -> __m256 {
        intrinsic!(_mm256_add_ps(a, b))
    }
    #[inline(always)]
    fn sub(self, a: __m256, b: __m256) -> __m256 {
        intrinsic!(_mm256_sub_ps(a, b))
    }
    #[inline(always)]
    fn mul(self, a: __m256, b: __m256) -> __m256 {
        intrinsic!(_mm256_mul_ps(a, b))
    }
    #[inline(always)]
    fn div(self, a: __m256, b: __m256) -> __m256 {
        intrinsic!(_mm256_div_ps(a, b))
    }
    #[inline(always)]
    fn mul_add(self, a: __m256, b: __m256, c: __m256) -> __m256 {
        intrinsic!(_mm256_fmadd_ps(a, b, c))
    }
    #[inline(always)]
    fn neg_mul_add(self, a: __m256, b: __m256, c: __m256) -> __m256 {
        intrinsic!(_mm256_fnmadd_ps(a, b, c))
    }
    #[inline(always)]
    fn min(self, a: __m256, b: __m256) -> __m256 {
        intrinsic!(_mm256_min_ps(a, b))
    }
    #[inline(always)]
    fn max(self, a: __m256, b: __m256) -> __m256 {
        intrinsic!(_mm256_max_ps(a, b))
    }
    #[inline(always)]
    fn sqrt(self, x: __m256) -> __m256 {
        intrinsic!(_mm256_sqrt_ps(x))
    }
    #[inline(always)]
    fn round(self, x: __m256) -> __m256 {
        intrinsic!(_mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(x))
    }
    #[inline(always)]
    fn floor(self, x: __m256) -> __m256 {
        intrinsic!(_mm256_floor_ps(x))
    }
    #[inline(always)]
    fn whole(self, x: __m256) -> [u32; LANES] {
        let mut lanes = [0; LANES];
        intrinsic!(_mm256_storeu_si256(lanes.as_mut_ptr().cast(), _mm256_cvttps_epi32(x)));
        lanes
    }
    #[inline(always)]
    fn exp2_whole(self, n: __m256) -> __m256 {
        intrinsic!({
            let exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
            _mm256_castsi256_ps(_mm256_slli_epi32::<23>(exponent))
        })
    }
    #[inline(always)]
    fn gt(self, a: __m256, b: __m256) -> __m256 {
        intrinsic!(_mm256_cmp_ps::<_CMP_GT_OQ>(a, b))
    }
    #[inline(always)]
    fn and(self, a: __m256, b: __m256) -> __m256 {
        intrinsic!(_mm256_and_ps(a, b))
    }
    #[inline(always)]
    fn bits(self, mask: __m256) -> u32 {
        intrinsic!(_mm256_movemask_ps(mask)) as u32
    }
    #[inline(always)]
    fn select(self, mask: __m256, a: __m256, b: __m256) -> __m256 {
        intrinsic!(_mm256_blendv_ps(b, a, mask))
    }
    #[inline(always)]
    fn store_u32_where(self, mask: __m256, value: u32, to: &mut [u32; LANES]) {
        intrinsic!({
            let old = _mm256_loadu_si256(to.as_ptr().cast());
            let new = _mm256_blendv_epi8(old, _mm256_set1_epi32(value as i32), _mm256_castps_si256(mask));
            _mm256_storeu_si256(to.as_mut_ptr().cast(), new)
        })
    }
    #[inline(always)]
    fn transpose(self, [a, b, c, d, e, f, g, h]: [__m256; LANES]) -> [__m256; LANES] {
        intrinsic!({
            let (ab0, ab1) = (_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
            let (cd0, cd1) = (_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d));
            let (ef0, ef1) = (_mm256_unpacklo_ps(e, f), _mm256_unpackhi_ps(e, f));
            let (gh0, gh1) = (_mm256_unpacklo_ps(g, h), _mm256_unpackhi_ps(g, h));
            let abcd0 = _mm256_shuffle_ps::<0x44>(ab0, cd0);
            let abcd1 = _mm256_shuffle_ps::<0xee>(ab0, cd0);
            let abcd2 = _mm256_shuffle_ps::<0x44>(ab1, cd1);
            let abcd3 = _mm256_shuffle_ps::<0xee>(ab1, cd1);
            let efgh0 = _mm256_shuffle_ps::<0x44>(ef0, gh0);
            let efgh1 = _mm256_shuffle_ps::<0xee>(ef0, gh0);
            let efgh2 = _mm256_shuffle_ps::<0x44>(ef1, gh1);
            let efgh3 = _mm256_shuffle_ps::<0xee>(ef1, gh1);
            [
                _mm256_permute2f128_ps::<0x20>(abcd0, efgh0),
                _mm256_permute2f128_ps::<0x20>(abcd1, efgh1),
                _mm256_permute2f128_ps::<0x20>(abcd2, efgh2),
                _mm256_permute2f128_ps::<0x20>(abcd3, efgh3),
                _mm256_permute2f128_ps::<0x31>(abcd0, efgh0),
                _mm256_permute2f128_ps::<0x31>(abcd1, efgh1),
                _mm256_permute2f128_ps::<0x31>(abcd2, efgh2),
                _mm256_permute2f128_ps::<0x31>(abcd3, efgh3),
            ]
        })
    }
}
