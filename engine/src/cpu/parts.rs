//! What a relit pixel's colour is made of, for the shader that lights it (`layer_relit.wgsl`): 16 bytes a pixel.
//!
//! A pixel blends several fragments, and is relit as one: its albedo is the mean of theirs by how much of each is seen, its
//! normal and the light sources' reach are their mean by how much of its colour each gives, so that light that changes linearly
//! with those is the very sum of what it makes of the fragments. The colour as captured stays what it is; divided by the albedo it is the
//! shading. Place, material and instance are those of the surface that the depth belongs to.

/// Of a fragment: albedo, normal, 1, how much of each captured light source arrives. Summed up over a pixel: the albedo times
/// what is seen of it, the others times luminance times what is seen of it.
pub(crate) type Parts = [f32; 16];

/// Where the light sources begin in [`Parts`].
pub(crate) const FIRST_REACH: usize = 7;
/// Albedo's channels.
const COLORS: usize = 3;

/// Whom a pixel belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Owner {
    /// The instance's number in the layer, counted from 1; 0 for nothing, and for instances as captured.
    pub(crate) number: u16,
    /// The number of the part that it is, as in captures; 0 for nothing.
    pub(crate) kind: u8,
    /// How many sources of light the instance was captured in.
    pub(crate) sources: u8,
}

/// What the pixels of a tile have become so far.
#[derive(Debug, Default)]
pub(crate) struct PixelParts {
    sums: Vec<Parts>,
    /// By depth.
    owners: Vec<Owner>,
    /// Of the nearest soft fragment.
    soft_owners: Vec<Owner>,
}

impl PixelParts {
    /// Begins a tile of so many pixels.
    pub(crate) fn clear(&mut self, pixels: usize) {
        let Self { sums, owners, soft_owners } = self;
        sums.clear();
        sums.resize(pixels, Parts::default());
        for owners in [owners, soft_owners] {
            owners.clear();
            owners.resize(pixels, Owner::default());
        }
    }

    /// Blends a fragment of this colour over what is there.
    #[inline(always)]
    pub(crate) fn lay(&mut self, pixel: usize, fragment: &Parts, rgb: [f32; 3], alpha: f32) {
        blend(&mut self.sums[pixel], fragment, rgb, alpha, 1.0 - alpha);
    }

    /// Puts one behind what is there, of which `share` is seen.
    #[inline(always)]
    pub(crate) fn lay_behind(&mut self, pixel: usize, fragment: &Parts, rgb: [f32; 3], share: f32) {
        blend(&mut self.sums[pixel], fragment, rgb, share, 1.0);
    }

    /// Its depth has been written by this owner.
    pub(crate) fn own(&mut self, pixel: usize, owner: Owner) {
        self.owners[pixel] = owner;
    }

    /// Its nearest soft fragment is this owner's.
    pub(crate) fn own_softly(&mut self, pixel: usize, owner: Owner) {
        self.soft_owners[pixel] = owner;
    }

    /// Behind everything that is there is this owner.
    pub(crate) fn own_behind(&mut self, pixel: usize, owner: Owner) {
        if self.owners[pixel].kind == 0 {
            self.owners[pixel] = owner;
        }
    }

    /// The words of a pixel of this alpha.
    pub(crate) fn pack(&self, pixel: usize, alpha: f32) -> [u32; 4] {
        let owner = if self.owners[pixel].kind > 0 { self.owners[pixel] } else { self.soft_owners[pixel] };
        if owner.number == 0 { [0; 4] } else { pack(&self.sums[pixel], alpha, owner) }
    }
}

/// Adds a fragment of which `share` is seen, of this colour: what was there counts `keep` times as much as before.
#[inline(always)]
fn blend(sum: &mut Parts, fragment: &Parts, rgb: [f32; 3], share: f32, keep: f32) {
    let bright = share * luminance(rgb);
    for i in 0..COLORS {
        sum[i] = fragment[i] * share + sum[i] * keep;
    }
    for i in COLORS..sum.len() {
        sum[i] = fragment[i] * bright + sum[i] * keep;
    }
}

/// Rec. 709; a little more than nothing for black, whose normal counts where there is nothing else.
fn luminance([r, g, b]: [f32; 3]) -> f32 {
    0.2126 * r + 0.7152 * g + 0.0722 * b + 1e-4
}

fn pack(sum: &Parts, alpha: f32, Owner { number, kind, sources }: Owner) -> [u32; 4] {
    let &[r, g, b, x, y, z, bright, ..] = sum;
    let whole = alpha.max(1e-6).recip();
    let root =
        |premultiplied: f32, most: f32| ((premultiplied * whole).clamp(0.0, 1.0).sqrt() * most + 0.5) as u32;
    let [u, v] = octahedron([x, y, z]);
    let sources = usize::from(sources);
    let fields = sources.div_ceil(2).max(1);
    let bits = (32 / fields.min(32) as u32).min(16);
    let (whole, most) = (0.25 / bright.max(1e-12), ((1u32 << bits) - 1) as f32);
    let mut reach = [0; 2];
    for (source, arrives) in sum[FIRST_REACH..].iter().take(sources).enumerate() {
        // The cast keeps it within its field where f32 rounds up.
        let root = ((arrives * whole).clamp(0.0, 1.0).sqrt() * most + 0.5).min(most) as u32;
        reach[source / fields] |= root << (source % fields * bits as usize);
    }
    let place = |x: f32| ((x.clamp(-1.0, 1.0) + 1.0) * 1023.0 + 0.5) as u32;
    [
        root(r, 1023.0) | root(g, 511.0) << 10 | root(b, 511.0) << 19 | u32::from(kind) << 28,
        place(u) | place(v) << 11 | u32::from(number) << 22,
        reach[0],
        reach[1],
    ]
}

/// A direction of any length unfolded from an octahedron, −1..=1 each (Cigolle et al. 2014).
fn octahedron([x, y, z]: [f32; 3]) -> [f32; 2] {
    let sum = x.abs() + y.abs() + z.abs();
    if sum.is_nan() || sum <= 0.0 {
        return [0.0; 2];
    }
    let [u, v] = [x / sum, y / sum];
    if z >= 0.0 { [u, v] } else { [(1.0 - v.abs()).copysign(u), (1.0 - u.abs()).copysign(v)] }
}

#[cfg(test)]
mod tests {
    use visavis_codec::glam::Vec3;

    use super::*;

    /// As the shader does.
    fn unpack_normal(word: u32) -> Vec3 {
        let [u, v] = [word & 0x7ff, (word >> 11) & 0x7ff].map(|bits| bits as f32 * (2.0 / 2046.0) - 1.0);
        let z = 1.0 - u.abs() - v.abs();
        let fold = (-z).max(0.0);
        let unfold = |x: f32| x - if x >= 0.0 { fold } else { -fold };
        Vec3::new(unfold(u), unfold(v), z).normalize()
    }

    #[test]
    fn words_hold_what_was_packed() {
        let owner = Owner { number: 777, kind: 9, sources: 6 };
        for i in 0..500 {
            let at = i as f32;
            let normal =
                Vec3::new((at * 0.7).sin(), (at * 1.3).sin(), (at * 0.37).sin()).normalize_or(Vec3::X);
            let albedo = [(at * 0.9).sin().abs(), 0.02, 1.0];
            let mut sum = Parts::default();
            let mut fragment = Parts::default();
            fragment[..3].copy_from_slice(&albedo);
            fragment[3..6].copy_from_slice(&normal.to_array());
            fragment[6] = 1.0;
            fragment[FIRST_REACH..].fill(0.7);
            fragment[FIRST_REACH + 5] = 1.3;
            blend(&mut sum, &fragment, [0.3, 0.2, 0.1], 0.6, 0.4);
            let [colors, rest, low, high] = pack(&sum, 0.6, owner);
            for (albedo, (shift, most)) in albedo.into_iter().zip([(0, 1023), (10, 511), (19, 511)]) {
                let root = ((colors >> shift) & most) as f32 / most as f32;
                assert!((root - albedo.sqrt()).abs() <= 0.6 / most as f32, "{root} for {albedo}");
            }
            assert_eq!(colors >> 28, 9);
            assert_eq!(rest >> 22, 777);
            let reach =
                |word: u32, field: u32| 4.0 * (((word >> (10 * field)) & 0x3ff) as f32 / 1023.0).powi(2);
            assert!((reach(low, 0) - 0.7).abs() < 4e-3 && (reach(high, 2) - 1.3).abs() < 5e-3);
            assert!(unpack_normal(rest).angle_between(normal) < 2e-3, "{normal}");
        }
        assert_eq!(pack(&Parts::default(), 0.0, Owner::default())[0], 0);
        let mut all = Parts::default();
        all[6..].fill(1.0);
        assert!(pack(&all, 1.0, Owner { sources: 9, ..owner })[2..].iter().all(|&word| word > 0));
    }
}
