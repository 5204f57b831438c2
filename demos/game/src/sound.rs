//! What a game sounds like: a ball on wood, on rubber, on a floor; made from nothing.

use crate::play::Random;
use crate::play::ball::Touch;
use crate::show::Sound;

/// Adds sounds up to samples.
#[derive(Clone, Debug)]
pub struct Mixer {
    rate: u32,
    samples: Vec<f32>,
    random: Random,
}

/// Pitches (hertz) with their decay (seconds) and strength, and how much of it is noise.
struct Timbre {
    tones: [(f32, f32, f32); 3],
    noise: f32,
}

impl Mixer {
    /// Silence of so many samples a second.
    pub fn new(rate: u32, seconds: f64) -> Self {
        let count = (f64::from(rate) * seconds.max(0.0)).ceil() as usize;
        Self { rate, samples: vec![0.0; count], random: Random::new(7) }
    }

    /// Adds a sound where it belongs; what lies outside is left out.
    pub fn add(&mut self, sound: &Sound) {
        let Timbre { tones, noise } = timbre(sound.on);
        let rate = self.rate as f32;
        let first = (f64::from(sound.time_s.max(0.0)) * f64::from(self.rate)) as usize;
        // No two touches are quite alike.
        let pitch = self.random.within(0.96, 1.04);
        let count = (0.16 * rate) as usize;
        for n in 0..count {
            let Some(sample) = self.samples.get_mut(first + n) else { return };
            let t = n as f32 / rate;
            let attack = (t / 0.0008).min(1.0);
            let mut value = 0.0;
            for (hertz, decay, strength) in tones {
                value += strength * (-t / decay).exp() * (std::f32::consts::TAU * hertz * pitch * t).sin();
            }
            value += noise * (-t / 0.004).exp() * self.random.within(-1.0, 1.0);
            *sample += 0.5 * sound.loudness * attack * value;
        }
    }

    /// How many samples there are.
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// Copies samples from `first` on; beyond the end there is silence. Loud ones are bent, not clipped.
    pub fn read(&self, first: u64, out: &mut [i16]) {
        for (n, to) in out.iter_mut().enumerate() {
            let value = self.samples.get(first as usize + n).copied().unwrap_or(0.0);
            *to = (f32::tanh(value) * 30_000.0) as i16;
        }
    }
}

fn timbre(on: Option<Touch>) -> Timbre {
    match on {
        None => {
            Timbre { tones: [(1050.0, 0.012, 0.7), (1730.0, 0.008, 0.4), (520.0, 0.016, 0.3)], noise: 0.35 }
        }
        Some(Touch::Table(_) | Touch::Edge) => {
            Timbre { tones: [(1420.0, 0.014, 0.6), (2480.0, 0.007, 0.3), (690.0, 0.020, 0.3)], noise: 0.25 }
        }
        Some(Touch::Net | Touch::Cord) => {
            Timbre { tones: [(240.0, 0.03, 0.3), (380.0, 0.02, 0.2), (610.0, 0.01, 0.1)], noise: 0.30 }
        }
        Some(Touch::Floor | Touch::Wall) => {
            Timbre { tones: [(880.0, 0.012, 0.5), (310.0, 0.025, 0.4), (1900.0, 0.005, 0.2)], noise: 0.25 }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_touch_is_heard_where_it_was_and_fades() {
        let mut mixer = Mixer::new(48_000, 1.0);
        mixer.add(&Sound { time_s: 0.5, on: None, loudness: 1.0 });
        mixer.add(&Sound { time_s: 30.0, on: None, loudness: 1.0 });
        let mut samples = vec![0; 48_010];
        mixer.read(0, &mut samples);
        let loud = |range: std::ops::Range<usize>| samples[range].iter().map(|s| i32::from(s.abs())).max();
        assert_eq!(loud(0..24_000), Some(0));
        assert!(loud(24_000..24_500) > Some(5_000));
        assert!(loud(30_000..31_000) < Some(1_500));
        assert_eq!(loud(48_000..48_010), Some(0));
    }
}
