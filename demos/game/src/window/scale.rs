//! How many pixels the game gets where the machine is slow: as many as leave it moving well.

/// Scales of the picture's sides to choose from: few, so that textures aren't made anew all the time.
const SCALES: [f32; 7] = [1.0, 0.85, 0.71, 0.59, 0.5, 0.42, 0.35];
/// Pictures that take longer are too slow, shorter ones leave room, milliseconds.
const SLOW_MS: f32 = 42.0;
const QUICK_MS: f32 = 24.0;
/// So many slow pictures in a row, and it becomes coarser; so many quick ones at first, and a finer one is tried.
const SLOW_FRAMES: u32 = 6;
const QUICK_FRAMES: u32 = 60;
/// Each finer scale that proves too slow makes the next trial wait longer, at the most so many times.
const MAX_PATIENCE: u32 = 16;

/// Chooses the scale from the time that each picture took. Time between pictures is bounded by the screen's rate, so that it
/// says when a machine is too slow, but not how quick it is: finer scales are tried, and given up if they are too slow.
#[derive(Clone, Debug)]
pub(super) struct Scale {
    step: usize,
    slow: u32,
    quick: u32,
    patience: u32,
    tried: bool,
}

impl Scale {
    pub(super) const fn new() -> Self {
        Self { step: 0, slow: 0, quick: 0, patience: 1, tried: false }
    }

    /// The scale of the next picture's sides, 0.35 to 1.
    pub(super) fn sides(&self) -> f32 {
        SCALES[self.step]
    }

    /// A picture took so long.
    pub(super) fn measured(&mut self, milliseconds: f32) {
        if milliseconds > SLOW_MS {
            (self.slow, self.quick) = (self.slow + 1, 0);
        } else if milliseconds < QUICK_MS {
            (self.slow, self.quick) = (0, self.quick + 1);
        } else {
            (self.slow, self.quick) = (0, 0);
        }
        if self.slow >= SLOW_FRAMES && self.step + 1 < SCALES.len() {
            if self.tried {
                self.patience = (2 * self.patience).min(MAX_PATIENCE);
            }
            // Far too slow: two steps at once.
            let steps = if milliseconds > 2.0 * SLOW_MS { 2 } else { 1 };
            self.step = (self.step + steps).min(SCALES.len() - 1);
            (self.slow, self.quick, self.tried) = (0, 0, false);
        } else if self.quick >= QUICK_FRAMES * self.patience && self.step > 0 {
            self.step -= 1;
            (self.slow, self.quick, self.tried) = (0, 0, true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine that takes so long for a full picture beside what pixels don't change, on a screen of 60 pictures a second.
    fn play(scale: &mut Scale, fixed_ms: f32, full_ms: f32, frames: usize) -> Vec<f32> {
        (0..frames)
            .map(|_| {
                let sides = scale.sides();
                scale.measured((fixed_ms + full_ms * sides * sides).max(16.7));
                sides
            })
            .collect()
    }

    #[test]
    fn a_quick_machine_keeps_every_pixel() {
        assert!(play(&mut Scale::new(), 3.0, 8.0, 500).iter().all(|&sides| sides == 1.0));
    }

    #[test]
    fn a_slow_one_draws_fewer_and_does_not_swing() {
        let mut scale = Scale::new();
        let sides = play(&mut scale, 10.0, 150.0, 3000);
        let last = &sides[1500..];
        assert!(last.iter().all(|&sides| sides < 0.6), "{:?}", &last[..20]);
        let changes = last.windows(2).filter(|pair| pair[0] != pair[1]).count();
        assert!(changes <= 8, "{changes} changes in 1,500 pictures");
    }

    #[test]
    fn it_recovers_when_the_load_goes() {
        let mut scale = Scale::new();
        play(&mut scale, 10.0, 300.0, 100);
        assert!(scale.sides() < 0.5);
        play(&mut scale, 2.0, 6.0, 8000);
        assert_eq!(scale.sides(), 1.0);
    }
}
