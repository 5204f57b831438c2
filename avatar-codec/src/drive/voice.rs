//! Lips from the voice alone, for when the tracker has lost the face, or there is none.
//!
//! What is looked at, every 10 ms: how loud the voice is against the room, how much of it hisses, and its first two formants,
//! found as the peaks of an all-pole envelope (linear prediction by the autocorrelation method; Markel and Gray, "Linear Prediction
//! of Speech", 1976). The first formant rises as the jaw opens, the second falls as the lips round and rises as they spread
//! (Peterson and Barney, "Control methods used in a study of the vowels", JASA 1952). Nothing is learnt and nothing is looked
//! up, so it doesn't know a p from a pause; it opens, rounds, spreads and closes the lips when the voice does.

use crate::latent::{FaceUnit, Latent};

/// Formants are looked for below half of this, samples a second.
const RATE: f32 = 8_000.0;
/// Hop and window, samples at that rate: 10 ms and 25 ms.
const HOP: usize = 80;
const WINDOW: usize = 200;
/// Poles: four formants and two for the voice's slope.
const ORDER: usize = 10;
/// Frequencies at which the envelope is looked at, up to 3,200 Hz.
const POINTS: usize = 128;
const HIGHEST: f32 = 3_200.0;
/// The voice counts from so much above the room, decibels, and fully from there.
const HEARD_DB: (f32, f32) = (8.0, 26.0);
/// How fast the room's level is forgotten, decibels a hop: up slowly, down at once.
const ROOM_RISE_DB: f32 = 0.03;
/// First formants of closed and open vowels, second formants of round and spread ones, Hz.
const JAW: (f32, f32) = (280.0, 750.0);
const ROUND: (f32, f32) = (1_350.0, 800.0);
const SPREAD: (f32, f32) = (1_650.0, 2_300.0);
/// The second formant is so far above the first, and below the other, Hz.
const APART: f32 = 200.0;
const SECOND_BELOW: f32 = 2_600.0;
/// Sounds of which more than this share hisses are made at the teeth.
const HISS: (f32, f32) = (0.35, 0.7);
/// How fast lips follow, seconds: opening, and closing.
const ATTACK: f32 = 0.025;
const RELEASE: f32 = 0.07;

/// The units that a voice moves.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Lips {
    /// `jawOpen`, 0..=1.
    pub jaw_open: f32,
    /// `mouthFunnel`, 0..=1.
    pub funnel: f32,
    /// `mouthPucker`, 0..=1.
    pub pucker: f32,
    /// `mouthStretch` of both sides, 0..=1.
    pub stretch: f32,
    /// `mouthLowerDown` and half as much `mouthUpperUp` of both sides, 0..=1.
    pub part: f32,
}

/// The units of a face that the mouth is made of: what a voice replaces.
const MOUTH: [FaceUnit; 27] = {
    use FaceUnit as U;
    [
        U::JawForward,
        U::JawLeft,
        U::JawRight,
        U::JawOpen,
        U::MouthClose,
        U::MouthFunnel,
        U::MouthPucker,
        U::MouthLeft,
        U::MouthRight,
        U::MouthFrownLeft,
        U::MouthFrownRight,
        U::MouthStretchLeft,
        U::MouthStretchRight,
        U::MouthRollLower,
        U::MouthRollUpper,
        U::MouthShrugLower,
        U::MouthShrugUpper,
        U::MouthPressLeft,
        U::MouthPressRight,
        U::MouthLowerDownLeft,
        U::MouthLowerDownRight,
        U::MouthUpperUpLeft,
        U::MouthUpperUpRight,
        U::MouthDimpleLeft,
        U::MouthDimpleRight,
        U::CheekPuff,
        U::TongueOut,
    ]
};

impl Lips {
    /// Moves a face's mouth to these lips: `weight` 0 leaves it as it is, 1 replaces it. Smiles, brows, eyes and head stay.
    pub fn apply(&self, latent: &mut Latent, weight: f32) {
        let weight = if weight.is_finite() { weight.clamp(0.0, 1.0) } else { 0.0 };
        for unit in MOUTH {
            let own = match unit {
                FaceUnit::JawOpen => self.jaw_open,
                FaceUnit::MouthFunnel => self.funnel,
                FaceUnit::MouthPucker => self.pucker,
                FaceUnit::MouthStretchLeft | FaceUnit::MouthStretchRight => self.stretch,
                FaceUnit::MouthLowerDownLeft | FaceUnit::MouthLowerDownRight => self.part,
                FaceUnit::MouthUpperUpLeft | FaceUnit::MouthUpperUpRight => 0.5 * self.part,
                _ => 0.0,
            };
            let value = latent.unit_mut(unit);
            *value += (own - *value) * weight;
        }
    }
}

/// Listens to one voice and says how its lips are.
#[derive(Clone, Debug)]
pub struct VoiceLips {
    /// Input samples for one at 8 kHz, and how many are missing to the next.
    step: f32,
    phase: f32,
    /// Two one-pole low-passes before samples are left out, and a difference that finds hiss.
    low: [f32; 2],
    smoothing: f32,
    before: f32,
    /// Energies of all, and of what hisses, since the last hop.
    energy: f32,
    hiss: f32,
    count: u32,
    window: [f32; WINDOW],
    filled: usize,
    room_db: Option<f32>,
    lips: Lips,
    level_db: f32,
}

impl VoiceLips {
    /// For a voice at this rate, 8,000 samples a second or more.
    pub fn new(sample_rate: u32) -> Self {
        let rate = (sample_rate as f32).max(RATE);
        Self {
            step: rate / RATE,
            phase: 0.0,
            low: [0.0; 2],
            smoothing: 1.0 - (-std::f32::consts::TAU * 3_400.0 / rate).exp(),
            before: 0.0,
            energy: 0.0,
            hiss: 0.0,
            count: 0,
            window: [0.0; WINDOW],
            filled: 0,
            room_db: None,
            lips: Lips::default(),
            level_db: -90.0,
        }
    }

    /// How the lips are now, 10 to 25 ms after the samples that were pushed last.
    pub const fn lips(&self) -> Lips {
        self.lips
    }

    /// Takes samples, −1..=1; others count as silence.
    pub fn push(&mut self, samples: &[f32]) {
        for &sample in samples {
            let sample = if sample.is_finite() { sample.clamp(-1.0, 1.0) } else { 0.0 };
            let difference = 0.5 * (sample - self.before);
            self.before = sample;
            self.energy += sample * sample;
            self.hiss += difference * difference;
            self.count += 1;
            self.low[0] += (sample - self.low[0]) * self.smoothing;
            self.low[1] += (self.low[0] - self.low[1]) * self.smoothing;
            self.phase += 1.0;
            if self.phase >= self.step {
                self.phase -= self.step;
                if self.filled == 0 {
                    self.window.copy_within(HOP.., 0);
                }
                self.window[WINDOW - HOP + self.filled] = self.low[1];
                self.filled += 1;
                if self.filled == HOP {
                    self.filled = 0;
                    self.hop();
                }
            }
        }
    }

    fn hop(&mut self) {
        let count = self.count.max(1) as f32;
        let (energy, hiss) = (self.energy / count, self.hiss / count);
        // A difference of neighbours keeps all of the highest frequency and none of the lowest: at 48 kHz it needs lifting.
        let hiss_share = (hiss * (self.step * 0.6).powi(2) / energy.max(1e-10)).sqrt();
        (self.energy, self.hiss, self.count) = (0.0, 0.0, 0);
        self.level_db = 10.0 * energy.max(1e-9).log10();
        let room =
            self.room_db.map_or(self.level_db.min(-50.0), |room| (room + ROOM_RISE_DB).min(self.level_db));
        let room = room.max(-75.0);
        self.room_db = Some(room);
        let heard = ramp(self.level_db - room, HEARD_DB);
        let wanted = if heard <= 0.0 { Lips::default() } else { self.shape(heard, ramp(hiss_share, HISS)) };
        let follow = |now: f32, wanted: f32| {
            let seconds = if wanted > now { ATTACK } else { RELEASE };
            now + (wanted - now) * (1.0 - (-(HOP as f32) / RATE / seconds).exp())
        };
        let Lips { jaw_open, funnel, pucker, stretch, part } = self.lips;
        self.lips = Lips {
            jaw_open: follow(jaw_open, wanted.jaw_open),
            funnel: follow(funnel, wanted.funnel),
            pucker: follow(pucker, wanted.pucker),
            stretch: follow(stretch, wanted.stretch),
            part: follow(part, wanted.part),
        };
    }

    /// The lips of what sounds now.
    fn shape(&self, heard: f32, hiss: f32) -> Lips {
        let voiced = heard * (1.0 - hiss);
        let (first, second) = self.formants().unwrap_or((JAW.0, 0.5 * (ROUND.0 + SPREAD.0)));
        let open = ramp(first, JAW);
        let round = ramp(second, ROUND) * voiced;
        let spread = ramp(second, SPREAD) * voiced;
        Lips {
            jaw_open: voiced * (0.08 + 0.5 * open) + 0.06 * hiss * heard,
            funnel: 0.45 * round * (0.4 + 0.6 * open),
            pucker: 0.55 * round * (1.0 - 0.6 * open),
            stretch: 0.3 * spread + 0.2 * hiss * heard,
            part: 0.25 * voiced * (1.0 - round) + 0.3 * hiss * heard,
        }
    }

    /// The first two formants, Hz: the envelope's lowest peak, and the highest one where the second may be.
    fn formants(&self) -> Option<(f32, f32)> {
        let mut emphasised = [0.0f32; WINDOW];
        for n in 1..WINDOW {
            let hamming = 0.54 - 0.46 * (std::f32::consts::TAU * n as f32 / (WINDOW - 1) as f32).cos();
            emphasised[n] = (self.window[n] - 0.94 * self.window[n - 1]) * hamming;
        }
        let correlation: [f32; ORDER + 1] =
            std::array::from_fn(|lag| (lag..WINDOW).map(|n| emphasised[n] * emphasised[n - lag]).sum());
        let poles = predictor(&correlation)?;
        let frequency = |i: usize| HIGHEST * i as f32 / POINTS as f32;
        let envelope: [f32; POINTS] = std::array::from_fn(|i| {
            let (mut real, mut imaginary) = (1.0f32, 0.0f32);
            for (k, &pole) in poles.iter().enumerate() {
                let phase = std::f32::consts::TAU * frequency(i) / RATE * (k + 1) as f32;
                real -= pole * phase.cos();
                imaginary += pole * phase.sin();
            }
            1.0 / (real * real + imaginary * imaginary).max(1e-9)
        });
        let peaks = || {
            (1..POINTS - 1)
                .filter(|&i| envelope[i] > envelope[i - 1] && envelope[i] >= envelope[i + 1])
                .map(|i| (frequency(i), envelope[i]))
        };
        let first =
            peaks().map(|peak| peak.0).find(|&hertz| hertz > 200.0).filter(|&hertz| hertz < 1_000.0)?;
        // Poles that no formant needs make a ripple between two of them: the highest peak is the formant.
        let second = peaks()
            .filter(|&(hertz, _)| hertz > first + APART && hertz < SECOND_BELOW)
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .map_or(1_500.0, |peak| peak.0);
        Some((first, second))
    }
}

/// The coefficients that predict a signal of this autocorrelation (Levinson–Durbin); `None` for silence.
fn predictor(correlation: &[f32; ORDER + 1]) -> Option<[f32; ORDER]> {
    let mut error = correlation[0] * 1.0001;
    if error <= 1e-9 {
        return None;
    }
    let mut poles = [0.0f32; ORDER];
    for i in 0..ORDER {
        let known: f32 = (0..i).map(|j| poles[j] * correlation[i - j]).sum();
        let reflection = (correlation[i + 1] - known) / error;
        let before = poles;
        poles[i] = reflection;
        for j in 0..i {
            poles[j] = before[j] - reflection * before[i - 1 - j];
        }
        error *= (1.0 - reflection * reflection).max(1e-6);
    }
    Some(poles)
}

/// 0 at the first of two values, 1 at the second, and a line between.
fn ramp(value: f32, (from, to): (f32, f32)) -> f32 {
    ((value - from) / (to - from)).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A vowel: pulses at 120 Hz through two resonances.
    fn vowel(first: f32, second: f32, rate: f32) -> Vec<f32> {
        let mut samples: Vec<f32> = (0..(0.5 * rate) as usize)
            .map(|n| if n % (rate / 120.0) as usize == 0 { 1.0 } else { 0.0 })
            .collect();
        for hertz in [first, second, 2_800.0] {
            let radius = (-std::f32::consts::PI * 80.0 / rate).exp();
            let a1 = 2.0 * radius * (std::f32::consts::TAU * hertz / rate).cos();
            let (mut y1, mut y2) = (0.0, 0.0);
            for sample in &mut samples {
                let y = *sample * (1.0 - a1 + radius * radius) + a1 * y1 - radius * radius * y2;
                (y2, y1) = (y1, y);
                *sample = y;
            }
        }
        let peak = samples.iter().fold(0.0f32, |peak, s| peak.max(s.abs()));
        samples.iter().map(|s| 0.4 * s / peak).collect()
    }

    fn lips(samples: &[f32], rate: u32) -> Lips {
        let mut voice = VoiceLips::new(rate);
        voice.push(&vec![0.0; rate as usize / 2]);
        voice.push(samples);
        voice.lips()
    }

    #[test]
    fn vowels_shape_the_lips() {
        for rate in [16_000u32, 48_000] {
            let [a, i, u] = [(730.0, 1_090.0), (270.0, 2_290.0), (300.0, 870.0)]
                .map(|(first, second)| lips(&vowel(first, second, rate as f32), rate));
            assert!(
                a.jaw_open > 0.35 && a.jaw_open > 2.0 * i.jaw_open && a.jaw_open > 2.0 * u.jaw_open,
                "{a:?} {i:?} {u:?}"
            );
            assert!(i.stretch > 0.15 && i.pucker < 0.05, "{i:?}");
            assert!(u.pucker > 0.2 && u.stretch < 0.05, "{u:?}");
        }
    }

    #[test]
    fn silence_and_nonsense_close_the_lips() {
        let mut voice = VoiceLips::new(48_000);
        voice.push(&vowel(730.0, 1_090.0, 48_000.0));
        assert!(voice.lips().jaw_open > 0.2);
        voice.push(&vec![f32::NAN; 48_000]);
        assert!(voice.lips().jaw_open < 0.01, "{:?}", voice.lips());
    }

    #[test]
    fn a_voice_moves_the_mouth_alone() {
        let mut latent = Latent::NEUTRAL;
        *latent.unit_mut(FaceUnit::BrowInnerUp) = 0.7;
        *latent.unit_mut(FaceUnit::JawOpen) = 1.0;
        let lips = Lips { jaw_open: 0.2, pucker: 0.4, ..Lips::default() };
        lips.apply(&mut latent, 0.5);
        assert!((latent.unit(FaceUnit::JawOpen) - 0.6).abs() < 1e-6);
        lips.apply(&mut latent, 1.0);
        assert_eq!(latent.unit(FaceUnit::MouthPucker), 0.4);
        assert_eq!(latent.unit(FaceUnit::BrowInnerUp), 0.7);
    }
}
