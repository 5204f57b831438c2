//! Voices together, without clipping.

/// Where the limiter sets in, of full scale.
const THRESHOLD: f32 = 0.89;
/// How fast it recovers, per second.
const RECOVERY: f32 = 4.0;
/// How fast it gives way, seconds: what is beyond even so is clipped.
const ATTACK: f32 = 0.001;

/// Adds up voices for two channels and keeps the sum within full scale: a limiter whose gain both channels share, so that nobody
/// moves when somebody shouts.
#[derive(Clone, Debug)]
pub struct Mixer {
    left: Vec<f32>,
    right: Vec<f32>,
    gain: f32,
    rate: f32,
}

impl Mixer {
    /// A mixer for this rate, samples a second.
    pub fn new(rate: u32) -> Self {
        Self { left: Vec::new(), right: Vec::new(), gain: 1.0, rate: rate.max(1) as f32 }
    }

    /// Begins a block of so many samples.
    pub fn begin(&mut self, samples: usize) {
        for channel in [&mut self.left, &mut self.right] {
            channel.clear();
            channel.resize(samples, 0.0);
        }
    }

    /// Left and right, to add to.
    pub fn channels(&mut self) -> (&mut [f32], &mut [f32]) {
        (&mut self.left, &mut self.right)
    }

    /// The block's sum, left and right in turn, appended.
    pub fn finish(&mut self, out: &mut Vec<f32>) {
        let (attack, recovery) = (1.0 / (ATTACK * self.rate), RECOVERY / self.rate);
        for (&left, &right) in self.left.iter().zip(&self.right) {
            let peak = left.abs().max(right.abs());
            let wanted = if peak > THRESHOLD { THRESHOLD / peak } else { 1.0 };
            self.gain += (wanted - self.gain).clamp(-attack, recovery);
            out.extend([left, right].map(|sample| (sample * self.gain).clamp(-1.0, 1.0)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loud_sum_is_turned_down_and_a_soft_one_left_alone() {
        let mut mixer = Mixer::new(48_000);
        let run = |mixer: &mut Mixer, loudness: f32| {
            let mut out = Vec::new();
            mixer.begin(4800);
            let (left, right) = mixer.channels();
            for (n, (left, right)) in left.iter_mut().zip(right).enumerate() {
                *left += loudness * (n as f32 * 0.02).sin();
                *right += 0.5 * loudness * (n as f32 * 0.02).sin();
            }
            mixer.finish(&mut out);
            out
        };
        let soft = run(&mut mixer, 0.3);
        assert!((soft[2 * 1000] - 0.3 * 20.0f32.sin()).abs() < 1e-6);
        let loud = run(&mut mixer, 3.0);
        assert!(loud.iter().all(|sample| sample.abs() <= 1.0));
        let clipped = loud.iter().filter(|sample| sample.abs() >= 1.0).count();
        assert!(clipped < 50, "{clipped}");
        // The balance between the channels stays.
        assert!((loud[6001] / loud[6000] - 0.5).abs() < 1e-3);
    }
}
