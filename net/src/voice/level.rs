//! How loud it is, and whether it goes out: meter, mute and push-to-talk.

/// Nothing is said to be softer, decibels.
const FLOOR_DB: f32 = -90.0;
/// A meter falls by so many decibels a second.
const FALL_DB: f32 = 24.0;

/// How loud some samples are, in decibels below full scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// The root mean square: −90 (silence) to 0.
    pub rms_db: f32,
    /// The largest sample: −90 to 0.
    pub peak_db: f32,
}

impl Level {
    /// No sound.
    pub const SILENCE: Self = Self { rms_db: FLOOR_DB, peak_db: FLOOR_DB };

    /// Of samples, −1..=1.
    pub fn of(samples: &[f32]) -> Self {
        let (mut sum, mut peak) = (0.0f32, 0.0f32);
        for &sample in samples {
            sum += sample * sample;
            peak = peak.max(sample.abs());
        }
        let db = |value: f32| (20.0 * value.max(1e-9).log10()).clamp(FLOOR_DB, 0.0);
        Self { rms_db: db((sum / samples.len().max(1) as f32).sqrt()), peak_db: db(peak) }
    }
}

/// A level as a meter shows it: up at once, down slowly.
#[derive(Clone, Copy, Debug)]
pub struct LevelMeter {
    shown: Level,
}

impl Default for LevelMeter {
    fn default() -> Self {
        Self { shown: Level::SILENCE }
    }
}

impl LevelMeter {
    /// Takes the samples of so many seconds.
    pub fn take(&mut self, samples: &[f32], seconds: f32) {
        let now = Level::of(samples);
        let fall = FALL_DB * seconds.max(0.0);
        let meter = |shown: f32, now: f32| now.max(shown - fall);
        self.shown = Level {
            rms_db: meter(self.shown.rms_db, now.rms_db),
            peak_db: meter(self.shown.peak_db, now.peak_db),
        };
    }

    /// What it shows.
    pub const fn level(&self) -> Level {
        self.shown
    }

    /// As a bar of so many characters, for a terminal: full at 0 dB, empty at −60.
    pub fn bar(&self, width: usize) -> String {
        let part = ((self.shown.rms_db + 60.0) / 60.0).clamp(0.0, 1.0);
        let full = (part * width as f32).round() as usize;
        "█".repeat(full) + &"·".repeat(width - full)
    }
}

/// Whether a microphone goes out: mute and push-to-talk, faded so that neither clicks.
#[derive(Clone, Copy, Debug)]
pub struct Gate {
    is_muted: bool,
    /// With push-to-talk, whether the key is held; `None`: always open.
    held: Option<bool>,
    gain: f32,
}

impl Default for Gate {
    fn default() -> Self {
        Self { is_muted: false, held: None, gain: 1.0 }
    }
}

impl Gate {
    /// Mutes, or no more.
    pub const fn set_muted(&mut self, is_muted: bool) {
        self.is_muted = is_muted;
    }

    /// Switches push-to-talk on (nothing goes out until the key is held) or off.
    pub const fn set_push_to_talk(&mut self, is_on: bool) {
        self.held = if is_on { Some(false) } else { None };
    }

    /// The key of push-to-talk is held, or no more; without push-to-talk it means nothing.
    pub const fn hold(&mut self, is_held: bool) {
        if self.held.is_some() {
            self.held = Some(is_held);
        }
    }

    /// Whether sound goes out.
    pub const fn is_open(&self) -> bool {
        !self.is_muted && !matches!(self.held, Some(false))
    }

    /// Silences what doesn't go out; opening and closing take 5 ms.
    pub fn pass(&mut self, samples: &mut [f32], rate: u32) {
        let target = if self.is_open() { 1.0 } else { 0.0 };
        let step = 1.0 / (0.005 * rate.max(1) as f32);
        for sample in samples {
            self.gain += (target - self.gain).clamp(-step, step);
            *sample *= self.gain;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_decibels_of_full_scale() {
        let tone: Vec<f32> = (0..4800).map(|n| (n as f32 * 0.1).sin()).collect();
        let level = Level::of(&tone);
        assert!((level.rms_db + 3.01).abs() < 0.05 && level.peak_db > -0.01, "{level:?}");
        assert_eq!(Level::of(&[]), Level::SILENCE);
        let mut meter = LevelMeter::default();
        meter.take(&tone, 0.1);
        meter.take(&[0.0; 10], 0.5);
        assert!((meter.level().rms_db + 3.01 + 12.0).abs() < 0.1);
        assert_eq!(meter.bar(10).chars().filter(|&c| c == '█').count(), 7);
    }

    #[test]
    fn a_gate_opens_and_closes_without_a_click() {
        let mut gate = Gate::default();
        let pass = |gate: &mut Gate, wanted: f32| {
            let mut samples = [1.0f32; 480];
            gate.pass(&mut samples, 48_000);
            let worst = samples.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
            assert!(worst < 0.005, "{worst}");
            assert_eq!(samples[479], wanted);
        };
        pass(&mut gate, 1.0);
        gate.set_muted(true);
        pass(&mut gate, 0.0);
        gate.set_muted(false);
        gate.set_push_to_talk(true);
        pass(&mut gate, 0.0);
        gate.hold(true);
        pass(&mut gate, 1.0);
        gate.hold(false);
        pass(&mut gate, 0.0);
        gate.set_push_to_talk(false);
        gate.hold(false);
        pass(&mut gate, 1.0);
    }
}
