//! How a seam's curve changes its gaps on the way from an untuned face to a tuned one.

use crate::latent::{GAZE, UNITS};

use super::contact::Row;
use super::curve::{Curve, Hidden, MAX_HIDDEN};

/// The step by which a slope is found where it isn't the same everywhere, a weight.
const STEP: f32 = 0.1;

/// A seam's curve between an untuned face and a tuned one.
pub(super) struct Curved<'a> {
    curve: &'a Curve,
    /// What goes into the hidden units untuned, and what the two kinds of units add.
    sums: Hidden,
    near: Hidden,
    far: Hidden,
}

impl<'a> Curved<'a> {
    pub(super) fn new(
        curve: &'a Curve,
        x: &[f32; UNITS],
        y: &[f32; UNITS],
        owned: &[bool; UNITS],
        gaze: [f32; GAZE],
    ) -> Self {
        let (mut near, mut far) = ([0.0; MAX_HIDDEN], [0.0; MAX_HIDDEN]);
        for u in 0..UNITS {
            if y[u] != x[u] {
                curve.step(if owned[u] { &mut near } else { &mut far }, u, y[u] - x[u]);
            }
        }
        Self { curve, sums: curve.sums(x, gaze), near, far }
    }

    /// What the untuned face bends them by.
    pub(super) fn beyond_neutral(&self) -> Row {
        self.curve.beyond_neutral(&self.sums)
    }

    /// What shares of the two kinds of change bend the gaps by beyond the untuned face.
    pub(super) fn at(&self, near_share: f32, far_share: f32) -> Row {
        let sums = self.sums_at(near_share, far_share);
        self.curve.between(&self.sums, &sums)
    }

    fn sums_at(&self, near_share: f32, far_share: f32) -> Hidden {
        std::array::from_fn(|h| self.sums[h] + near_share * self.near[h] + far_share * self.far[h])
    }

    /// What a unit's change bends the gaps of the tuned face by, a weight of 1, from a small step in its direction.
    pub(super) fn slope_of(&self, unit: usize, sign: f32) -> Row {
        let tuned = self.sums_at(1.0, 1.0);
        let mut moved = tuned;
        self.curve.step(&mut moved, unit, sign * STEP);
        self.curve.between(&tuned, &moved).map(|metres| metres * sign / STEP)
    }
}
