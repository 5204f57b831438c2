//! How many pixels a moving picture gets where the machine is slow, so that moving stays pleasant.

/// Scales of the picture's sides to choose from: few, so that textures are not made anew each frame.
const SCALES: [f32; 7] = [1.0, 0.85, 0.71, 0.59, 0.5, 0.42, 0.35];
/// A finer scale must fit with this much to spare.
const MARGIN: f32 = 0.8;
/// So long without a change, and the picture is drawn in full, seconds.
const STILL_S: f32 = 0.18;
/// Of each new measurement.
const WEIGHT: f32 = 0.35;

/// How much happens in the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Motion {
    /// Nothing.
    Still,
    /// The face breathes and blinks, nothing else: sharpness goes before smoothness.
    Gentle,
    /// The camera, a recording or a hand moves it.
    Lively,
}

impl Motion {
    /// What a picture may cost, milliseconds.
    const fn budget_ms(self) -> f32 {
        match self {
            Self::Still => f32::INFINITY,
            Self::Gentle => 70.0,
            Self::Lively => 36.0,
        }
    }
}

/// Chooses the scale.
#[derive(Clone, Debug)]
pub(crate) struct Detail {
    /// What a picture of full size costs, milliseconds; 0 until one was drawn.
    full_ms: f32,
    /// In gentle and in lively motion.
    steps: [usize; 2],
    /// Since there was more than this, seconds: anything, lively motion.
    since: [f32; 2],
}

impl Default for Detail {
    fn default() -> Self {
        Self { full_ms: 0.0, steps: [0; 2], since: [STILL_S; 2] }
    }
}

impl Detail {
    /// Lets time pass, with this much going on.
    pub(crate) fn advance(&mut self, seconds: f32, motion: Motion) {
        for (since, least) in self.since.iter_mut().zip([Motion::Gentle, Motion::Lively]) {
            *since = if motion >= least { 0.0 } else { *since + seconds.max(0.0) };
        }
    }

    /// A picture of this scale took this long.
    pub(crate) fn measured(&mut self, scale: f32, milliseconds: f32) {
        if !(milliseconds.is_finite() && milliseconds > 0.0 && scale > 0.0) {
            return;
        }
        // Costs that don't depend on pixels are small beside those that do.
        let full = milliseconds / scale.powi(2);
        self.full_ms = if self.full_ms == 0.0 { full } else { self.full_ms + WEIGHT * (full - self.full_ms) };
        for (step, motion) in self.steps.iter_mut().zip([Motion::Gentle, Motion::Lively]) {
            let cost = |step: usize| self.full_ms * SCALES[step].powi(2);
            while *step + 1 < SCALES.len() && cost(*step) > motion.budget_ms() {
                *step += 1;
            }
            while *step > 0 && cost(*step - 1) < MARGIN * motion.budget_ms() {
                *step -= 1;
            }
        }
    }

    /// Forgets what was measured: another person, another size.
    pub(crate) fn reset(&mut self) {
        self.full_ms = 0.0;
    }

    /// Whether there was motion a moment ago: then soon one more picture is drawn in full.
    pub(crate) fn is_settling(&self) -> bool {
        self.since[0] < STILL_S
    }

    /// The scale of the next picture's sides, 0.35..=1.
    pub(crate) fn scale(&self) -> f32 {
        match self.since {
            [any, _] if any >= STILL_S => 1.0,
            [_, lively] if lively >= STILL_S => SCALES[self.steps[0]],
            _ => SCALES[self.steps[1]],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn play(detail: &mut Detail, full_ms: f32, frames: usize, motion: Motion) -> Vec<f32> {
        (0..frames)
            .map(|_| {
                detail.advance(0.03, motion);
                let scale = detail.scale();
                detail.measured(scale, full_ms * scale * scale);
                scale
            })
            .collect()
    }

    #[test]
    fn a_fast_machine_never_loses_a_pixel() {
        let scales = play(&mut Detail::default(), 8.0, 50, Motion::Lively);
        assert!(scales.iter().all(|&scale| scale == 1.0));
    }

    #[test]
    fn a_slow_one_moves_coarser_and_rests_in_full() {
        let mut detail = Detail::default();
        let scales = play(&mut detail, 120.0, 30, Motion::Lively);
        assert!(scales[29] < 0.6 && 120.0 * scales[29].powi(2) <= 36.0, "{scales:?}");
        assert!(scales[10..].windows(2).all(|pair| pair[0] == pair[1]), "it swings: {scales:?}");
        let gentle = play(&mut detail, 120.0, 30, Motion::Gentle);
        assert!(gentle[29] > scales[29] && gentle[29] < 1.0, "{gentle:?}");
        detail.advance(0.1, Motion::Still);
        assert!(detail.scale() < 1.0 && detail.is_settling());
        detail.advance(0.1, Motion::Still);
        assert!(detail.scale() == 1.0 && !detail.is_settling());
        // It knows at the next move.
        detail.advance(0.01, Motion::Lively);
        assert!(detail.scale() < 0.6);
    }

    #[test]
    fn it_recovers_when_the_load_goes() {
        let mut detail = Detail::default();
        play(&mut detail, 200.0, 30, Motion::Lively);
        assert_eq!(*play(&mut detail, 10.0, 40, Motion::Lively).last().unwrap(), 1.0);
    }
}
