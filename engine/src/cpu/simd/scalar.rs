//! Plain Rust on arrays: the meaning of each operation, and what runs where there is no other.

use half::f16;

use super::{LANES, Simd};

/// No instruction set in particular.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scalar;

type F = [f32; LANES];

#[inline(always)]
fn zip(a: F, b: F, f: impl Fn(f32, f32) -> f32) -> F {
    std::array::from_fn(|i| f(a[i], b[i]))
}

impl Simd for Scalar {
    type F = F;
    type M = [bool; LANES];

    #[inline(always)]
    fn splat(self, x: f32) -> F {
        [x; LANES]
    }
    #[inline(always)]
    fn load(self, from: &[f32; LANES]) -> F {
        *from
    }
    #[inline(always)]
    fn store(self, x: F, to: &mut [f32; LANES]) {
        *to = x;
    }
    #[inline(always)]
    fn load_f16(self, from: &[f16; LANES]) -> F {
        from.map(f16::to_f32)
    }
    #[inline(always)]
    fn store_f16(self, x: F, to: &mut [f16; LANES]) {
        *to = x.map(f16::from_f32);
    }
    #[inline(always)]
    fn load_u8(self, from: &[u8; LANES]) -> F {
        from.map(f32::from)
    }
    #[inline(always)]
    fn load_i8(self, from: &[i8; LANES]) -> F {
        from.map(f32::from)
    }
    #[inline(always)]
    fn add(self, a: F, b: F) -> F {
        zip(a, b, |a, b| a + b)
    }
    #[inline(always)]
    fn sub(self, a: F, b: F) -> F {
        zip(a, b, |a, b| a - b)
    }
    #[inline(always)]
    fn mul(self, a: F, b: F) -> F {
        zip(a, b, |a, b| a * b)
    }
    #[inline(always)]
    fn div(self, a: F, b: F) -> F {
        zip(a, b, |a, b| a / b)
    }
    // Two roundings: f32::mul_add is a slow library call where there is no such instruction.
    #[inline(always)]
    fn mul_add(self, a: F, b: F, c: F) -> F {
        self.add(self.mul(a, b), c)
    }
    #[inline(always)]
    fn neg_mul_add(self, a: F, b: F, c: F) -> F {
        self.sub(c, self.mul(a, b))
    }
    #[inline(always)]
    fn min(self, a: F, b: F) -> F {
        zip(a, b, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    fn max(self, a: F, b: F) -> F {
        zip(a, b, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    fn sqrt(self, x: F) -> F {
        x.map(f32::sqrt)
    }
    #[inline(always)]
    fn round(self, x: F) -> F {
        x.map(f32::round_ties_even)
    }
    #[inline(always)]
    fn floor(self, x: F) -> F {
        x.map(f32::floor)
    }
    #[inline(always)]
    fn whole(self, x: F) -> [u32; LANES] {
        x.map(|x| x as u32)
    }
    #[inline(always)]
    fn exp2_whole(self, n: F) -> F {
        n.map(|n| f32::from_bits(((n as i32 + 127) as u32) << 23))
    }
    #[inline(always)]
    fn gt(self, a: F, b: F) -> [bool; LANES] {
        std::array::from_fn(|i| a[i] > b[i])
    }
    #[inline(always)]
    fn and(self, a: [bool; LANES], b: [bool; LANES]) -> [bool; LANES] {
        std::array::from_fn(|i| a[i] & b[i])
    }
    #[inline(always)]
    fn bits(self, mask: [bool; LANES]) -> u32 {
        mask.iter().enumerate().fold(0, |bits, (i, &set)| bits | (u32::from(set) << i))
    }
    #[inline(always)]
    fn select(self, mask: [bool; LANES], a: F, b: F) -> F {
        std::array::from_fn(|i| if mask[i] { a[i] } else { b[i] })
    }
    #[inline(always)]
    fn store_u32_where(self, mask: [bool; LANES], value: u32, to: &mut [u32; LANES]) {
        for i in 0..LANES {
            to[i] = if mask[i] { value } else { to[i] };
        }
    }
    #[inline(always)]
    fn transpose(self, rows: [F; LANES]) -> [F; LANES] {
        std::array::from_fn(|i| std::array::from_fn(|j| rows[j][i]))
    }
}
