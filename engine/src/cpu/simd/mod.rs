//! Eight-lane f32 vectors on three instruction sets, behind one trait, so that each kernel is written once.
//!
//! A [`Simd`] value is a proof that the processor has its instructions: only [`Level::detect`] makes one. A [`Kernel`]
//! is run by [`Level::run`], which enters a function compiled for that instruction set; every generic function that
//! it calls must be `#[inline(always)]`, or it would be compiled for the base instruction set and run slowly. For the
//! same reason vectors stay out of closures.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "aarch64")]
mod neon;
mod scalar;

use half::f16;

/// `[e(0), e(1), …, e(n − 1)]`, for kernels: a closure, as `array::from_fn` takes, would be compiled for the base
/// instruction set unless it happened to be inlined.
macro_rules! each {
    ($i:ident < $n:expr => $e:expr) => {{
        let mut all = [{
            let $i = 0usize;
            $e
        }; $n];
        let mut next = 1usize;
        while next < $n {
            let $i = next;
            all[next] = $e;
            next += 1;
        }
        all
    }};
}
pub(crate) use each;

/// How many numbers a vector holds.
pub(crate) const LANES: usize = 8;

/// Operations on vectors of eight f32.
pub(crate) trait Simd: Copy + Send + Sync {
    /// Eight f32.
    type F: Copy;
    /// Eight truth values.
    type M: Copy;

    fn splat(self, x: f32) -> Self::F;
    fn load(self, from: &[f32; LANES]) -> Self::F;
    fn store(self, x: Self::F, to: &mut [f32; LANES]);
    fn load_f16(self, from: &[f16; LANES]) -> Self::F;
    fn store_f16(self, x: Self::F, to: &mut [f16; LANES]);
    fn load_u8(self, from: &[u8; LANES]) -> Self::F;
    fn load_i8(self, from: &[i8; LANES]) -> Self::F;

    fn add(self, a: Self::F, b: Self::F) -> Self::F;
    fn sub(self, a: Self::F, b: Self::F) -> Self::F;
    fn mul(self, a: Self::F, b: Self::F) -> Self::F;
    fn div(self, a: Self::F, b: Self::F) -> Self::F;
    /// `a · b + c`.
    fn mul_add(self, a: Self::F, b: Self::F, c: Self::F) -> Self::F;
    /// `c − a · b`.
    fn neg_mul_add(self, a: Self::F, b: Self::F, c: Self::F) -> Self::F;
    /// The smaller; `b` where `a` is NaN.
    fn min(self, a: Self::F, b: Self::F) -> Self::F;
    /// The larger; `b` where `a` is NaN.
    fn max(self, a: Self::F, b: Self::F) -> Self::F;
    fn sqrt(self, x: Self::F) -> Self::F;
    /// To the nearest whole number, halves to even.
    fn round(self, x: Self::F) -> Self::F;
    /// To the nearest whole number that isn't larger.
    fn floor(self, x: Self::F) -> Self::F;
    /// Whole numbers in 0..2³¹ as integers.
    fn whole(self, x: Self::F) -> [u32; LANES];
    /// `2ⁿ` for a whole number n in −126..=127.
    fn exp2_whole(self, n: Self::F) -> Self::F;

    fn gt(self, a: Self::F, b: Self::F) -> Self::M;
    fn and(self, a: Self::M, b: Self::M) -> Self::M;
    /// Lane i in bit i.
    fn bits(self, mask: Self::M) -> u32;
    /// `a` where the mask is set, else `b`.
    fn select(self, mask: Self::M, a: Self::F, b: Self::F) -> Self::F;
    /// Writes `value` where the mask is set.
    fn store_u32_where(self, mask: Self::M, value: u32, to: &mut [u32; LANES]);

    /// Row i, column j to row j, column i.
    fn transpose(self, rows: [Self::F; LANES]) -> [Self::F; LANES];

    /// The larger of x and −x.
    #[inline(always)]
    fn abs(self, x: Self::F) -> Self::F {
        self.max(x, self.sub(self.splat(0.0), x))
    }

    /// Eight rows of eight, by column.
    #[inline(always)]
    fn load_transposed(self, rows: [&[f32; LANES]; LANES]) -> [Self::F; LANES] {
        self.transpose(each!(i < LANES => self.load(rows[i])))
    }

    /// The activation of every hidden layer.
    #[inline(always)]
    fn leaky(self, x: Self::F) -> Self::F {
        self.max(x, self.mul(x, self.splat(visavis_codec::avatar::LEAKY_SLOPE)))
    }

    /// Eight numbers of a slice from `at`; zeros if it ends before.
    #[inline(always)]
    fn load_at(self, from: &[f32], at: usize) -> Self::F {
        match first_of(from, at) {
            Some(chunk) => self.load(chunk),
            None => self.splat(0.0),
        }
    }
}

/// Eight elements of a slice from `at`, if there are as many.
#[inline(always)]
pub(crate) fn first_of<T>(from: &[T], at: usize) -> Option<&[T; LANES]> {
    match from.get(at..) {
        Some(rest) => rest.first_chunk(),
        None => None,
    }
}

/// [`first_of`], to change.
#[inline(always)]
pub(crate) fn first_of_mut<T>(from: &mut [T], at: usize) -> Option<&mut [T; LANES]> {
    match from.get_mut(at..) {
        Some(rest) => rest.first_chunk_mut(),
        None => None,
    }
}

/// Work that can be compiled for any [`Simd`]. Implement `run` as `#[inline(always)]`.
pub(crate) trait Kernel {
    type Output;
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// An instruction set that this processor has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Scalar(scalar::Scalar),
    #[cfg(target_arch = "x86_64")]
    Avx2(avx2::Avx2),
    #[cfg(target_arch = "aarch64")]
    Neon(neon::Neon),
}

impl Level {
    /// The best that this processor has.
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(simd) = avx2::Avx2::detect() {
            return Self(Kind::Avx2(simd));
        }
        #[cfg(target_arch = "aarch64")]
        if let Some(simd) = neon::Neon::detect() {
            return Self(Kind::Neon(simd));
        }
        Self::portable()
    }

    /// Plain Rust, which runs anywhere, slowly.
    pub const fn portable() -> Self {
        Self(Kind::Scalar(scalar::Scalar))
    }

    /// The instruction set's name, as `avx2`.
    pub const fn name(self) -> &'static str {
        match self.0 {
            Kind::Scalar(_) => "portable",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2(_) => "avx2",
            #[cfg(target_arch = "aarch64")]
            Kind::Neon(_) => "neon",
        }
    }

    /// Runs a kernel, compiled for this instruction set.
    #[inline]
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        match self.0 {
            Kind::Scalar(simd) => kernel.run(simd),
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2(simd) => simd.run(kernel),
            #[cfg(target_arch = "aarch64")]
            Kind::Neon(simd) => simd.run(kernel),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every operation on fixed inputs, as plain numbers.
    struct Everything;

    impl Kernel for Everything {
        type Output = Vec<f32>;

        #[inline(always)]
        fn run<S: Simd>(self, s: S) -> Vec<f32> {
            let mut all = Vec::new();
            let mut keep = |x: S::F| {
                let mut lanes = [0.0; LANES];
                s.store(x, &mut lanes);
                all.extend(lanes);
            };
            let a = s.load(&[1.0, -2.0, 0.5, 3.25, -0.0, 7.5, -8.5, 1e-3]);
            let b = s.load(&[2.0, -2.0, 4.0, -1.5, 1.0, 2.5, 0.25, 9.0]);
            let nan = s.splat(f32::NAN);
            keep(a);
            keep(s.load_f16(&[0.5f32, -1.0, 65504.0, 6e-8, 0.0, 1.0, 2.0, 3.0].map(f16::from_f32)));
            keep(s.load_u8(&[0, 1, 2, 127, 128, 200, 254, 255]));
            keep(s.load_i8(&[0, 1, 2, 127, -128, -1, -100, 55]));
            keep(s.add(a, b));
            keep(s.sub(a, b));
            keep(s.mul(a, b));
            keep(s.div(a, b));
            keep(s.mul_add(a, b, a));
            keep(s.neg_mul_add(a, b, a));
            keep(s.min(a, b));
            keep(s.max(a, b));
            keep(s.min(nan, b));
            keep(s.max(nan, b));
            keep(s.sqrt(s.mul(a, a)));
            keep(s.round(a));
            keep(s.floor(a));
            keep(s.load(&s.whole(s.mul(s.max(a, s.splat(0.0)), s.splat(4e4))).map(|n| n as f32)));
            keep(s.exp2_whole(s.load(&[-126.0, -1.0, 0.0, 1.0, 2.0, 10.0, 100.0, 127.0])));
            keep(s.leaky(a));
            let larger = s.gt(a, b);
            keep(s.select(larger, a, b));
            let both = s.and(larger, s.gt(a, s.splat(3.5)));
            let mut ids = [7u32; LANES];
            s.store_u32_where(larger, 0x7f80_0001, &mut ids);
            let rows: [S::F; LANES] =
                std::array::from_fn(|i| s.load(&std::array::from_fn(|j| (i * 8 + j) as f32)));
            for row in s.transpose(rows) {
                keep(row);
            }
            let mut halves = [f16::ZERO; LANES];
            s.store_f16(s.mul(a, s.splat(1.0 / 3.0)), &mut halves);
            all.extend(halves.map(f16::to_f32));
            all.extend([s.bits(larger) as f32, s.bits(both) as f32]);
            all.extend(ids.map(|id| (id == 0x7f80_0001) as u8 as f32));
            all
        }
    }

    #[test]
    fn every_instruction_set_means_the_same() {
        let plain = Level::portable().run(Everything);
        assert_eq!(&plain[16..24], &[0.0, 1.0, 2.0, 127.0, 128.0, 200.0, 254.0, 255.0]);
        assert_eq!(plain, Level::detect().run(Everything));
    }
}
