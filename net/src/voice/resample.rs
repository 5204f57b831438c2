//! Samples between samples: windowed-sinc interpolation, for a device of another rate and for clocks that drift.

use std::f64::consts::PI;

/// Samples on each side that a sample between two is made of.
pub(super) const REACH: usize = 16;
const TAPS: usize = 2 * REACH;
/// Places between two samples that the kernel is kept for; between them it is interpolated.
const PHASES: usize = 256;
/// The share of the lower rate's band that is kept.
const PASS: f64 = 0.92;

/// A low-pass kernel at every place between two samples: a sinc under a Blackman window (Smith, "Digital audio resampling",
/// CCRMA 1984; Harris 1978 for the window).
#[derive(Clone, Debug)]
pub(super) struct Kernel {
    taps: Vec<[f32; TAPS]>,
}

impl Kernel {
    /// For reading samples of one rate at another.
    pub(super) fn new(from: u32, to: u32) -> Self {
        let cut = PASS * (f64::from(to) / f64::from(from)).min(1.0);
        let row = |phase: usize| {
            let part = phase as f64 / PHASES as f64;
            let mut taps: [f64; TAPS] = std::array::from_fn(|i| {
                let x = i as f64 - (REACH as f64 - 1.0) - part;
                let sinc = if x.abs() < 1e-9 { cut } else { (PI * cut * x).sin() / (PI * x) };
                let place = x / REACH as f64;
                let window = 0.42 + 0.5 * (PI * place).cos() + 0.08 * (2.0 * PI * place).cos();
                sinc * if place.abs() < 1.0 { window } else { 0.0 }
            });
            let sum: f64 = taps.iter().sum();
            taps.iter_mut().for_each(|tap| *tap /= sum);
            taps.map(|tap| tap as f32)
        };
        Self { taps: (0..=PHASES).map(row).collect() }
    }

    /// The signal at a place between `samples[REACH − 1]` (0) and the one after it (1); `samples` has `2 · REACH`, fewer count
    /// as silence.
    pub(super) fn at(&self, samples: &[f32], part: f64) -> f32 {
        let place = part.clamp(0.0, 1.0) * PHASES as f64;
        let row = (place as usize).min(PHASES - 1);
        let between = (place - row as f64) as f32;
        let (Some(low), Some(high)) = (self.taps.get(row), self.taps.get(row + 1)) else { return 0.0 };
        let mut sum = 0.0;
        for ((&sample, low), high) in samples.iter().zip(low).zip(high) {
            sum += sample * (low + (high - low) * between);
        }
        sum
    }
}

/// Brings a stream of samples from one rate to another.
#[derive(Clone, Debug)]
pub struct Resampler {
    kernel: Kernel,
    /// Input samples for an output one.
    step: f64,
    /// Those still needed, and where in them the next output sample lies.
    kept: Vec<f32>,
    place: f64,
}

impl Resampler {
    /// From one rate to another, samples a second, each 1 to 768,000 (others are brought into that range).
    pub fn new(from: u32, to: u32) -> Self {
        let [from, to] = [from, to].map(|rate| rate.clamp(1, 768_000));
        Self {
            kernel: Kernel::new(from, to),
            step: f64::from(from) / f64::from(to),
            kept: vec![0.0; REACH],
            place: REACH as f64,
        }
    }

    /// How many input samples later than it should the output comes.
    pub const fn delay() -> usize {
        REACH
    }

    /// Takes samples and appends what can be made of them.
    pub fn push(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        self.kept.extend_from_slice(samples);
        loop {
            let whole = self.place as usize;
            let window = (whole + 1).checked_sub(REACH).and_then(|from| self.kept.get(from..from + TAPS));
            let Some(window) = window else { break };
            out.push(self.kernel.at(window, self.place - whole as f64));
            self.place += self.step;
        }
        let spent = (self.place as usize).saturating_sub(REACH).min(self.kept.len());
        self.kept.drain(..spent);
        self.place -= spent as f64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_stays_that_tone_at_another_rate() {
        for (from, to) in [(44_100u32, 48_000u32), (48_000, 44_100), (16_000, 48_000), (48_000, 48_000)] {
            let tone = |rate: u32, n: usize| (n as f64 * 2.0 * PI * 1000.0 / f64::from(rate)).sin() as f32;
            let mut resampler = Resampler::new(from, to);
            let mut out = Vec::new();
            for block in 0..50 {
                let samples: Vec<f32> = (0..441).map(|n| tone(from, block * 441 + n)).collect();
                resampler.push(&samples, &mut out);
            }
            let expected = 50.0 * 441.0 * f64::from(to) / f64::from(from);
            assert!((out.len() as f64 - expected).abs() < 40.0 * f64::from(to) / f64::from(from));
            // The first output sample is the first input sample.
            let worst = (100..out.len() - 100).map(|n| (out[n] - tone(to, n)).abs()).fold(0.0, f32::max);
            assert!(worst < 2e-3, "{from} → {to}: {worst}");
        }
    }

    #[test]
    fn what_the_lower_rate_cannot_hold_is_taken_away() {
        let mut resampler = Resampler::new(48_000, 16_000);
        let samples: Vec<f32> = (0..9600).map(|n| (n as f32 * 0.25 * 6.283_185_5).sin()).collect(); // 12 kHz
        let mut out = Vec::new();
        resampler.push(&samples, &mut out);
        let worst = out[50..3000].iter().fold(0.0f32, |worst, sample| worst.max(sample.abs()));
        assert!(worst < 0.01, "{worst}");
    }
}
