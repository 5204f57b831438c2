//! A critically damped spring: the quickest way to a goal that neither pops nor swings.

/// A number on its way to a goal.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Spring {
    pub(crate) at: f32,
    pub(crate) speed: f32,
}

impl Spring {
    /// Goes on for some time; `stiffness` in radians per second. The exact solution, so that any step will do.
    pub(crate) fn step(&mut self, goal: f32, stiffness: f32, seconds: f32) -> f32 {
        let off = self.at - goal;
        let pull = self.speed + stiffness * off;
        let left = (-stiffness * seconds).exp();
        self.at = goal + (off + pull * seconds) * left;
        self.speed = (self.speed - stiffness * pull * seconds) * left;
        self.at
    }
}

/// From 0 to 1 without a kink at either end.
pub(crate) fn ease(share: f32) -> f32 {
    let x = share.clamp(0.0, 1.0);
    x * x * (3.0 - 2.0 * x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_of_any_length_lead_to_the_same_place() {
        let (mut fine, mut coarse) = (Spring::default(), Spring::default());
        for _ in 0..100 {
            fine.step(1.0, 12.0, 0.002);
        }
        coarse.step(1.0, 12.0, 0.2);
        assert!((fine.at - coarse.at).abs() < 1e-4 && (fine.speed - coarse.speed).abs() < 1e-3);
        assert!(fine.at < 1.0, "it never goes beyond");
    }
}
