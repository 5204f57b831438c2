//! Profiles and faces that nobody would make, so that nobody has to find out what they do.

use std::f32::consts::TAU;

use crate::latent::{FaceUnit, Gaze, Latent, UNITS};

use super::super::profile::{Profile, Scope, Setting};
use super::super::range::FaceRange;
use super::super::region::Region;

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn uniform(&mut self, [low, high]: [f32; 2]) -> f32 {
        low + (high - low) * ((self.next() >> 40) as f32 / (1u32 << 24) as f32)
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.next().is_multiple_of(n)
    }
}

/// A profile with a third of all settings set, anywhere in their ranges; the same for the same seed.
pub fn random_profile(seed: u64) -> Profile {
    let mut random = Random(seed ^ 0x7072_6f66_696c_6531);
    let mut profile = Profile::default();
    let scopes = Region::ALL.into_iter().map(Scope::Region).chain(FaceUnit::ALL.into_iter().map(Scope::Unit));
    for scope in scopes {
        for setting in Setting::ALL {
            if random.one_in(3) {
                // Regions refuse what only units have; that is no setting then.
                let _ = profile.set(scope, setting, Some(random.uniform(setting.range())));
            }
        }
    }
    let _ = profile.set_intensity(random.uniform([0.0, 2.0]));
    profile
}

/// `count` faces at 30 a second in which every unit that takes part swings through its whole range; some with both
/// ends held, some with lips that close over an open jaw, some that blink. The same for the same seed.
pub fn random_faces(range: &FaceRange, seed: u64, count: usize) -> Vec<Latent> {
    let mut random = Random(seed ^ 0x6661_6365_7365_6564);
    let extreme = random.one_in(4);
    let speaks = random.one_in(2);
    let mut waves = [[0.0f32; 3]; UNITS];
    for wave in &mut waves {
        let takes_part = random.one_in(3);
        let size = if extreme { 2.0 } else { random.uniform([0.2, 1.0]) };
        *wave = [if takes_part { size } else { 0.0 }, random.uniform([0.3, 3.0]), random.uniform([0.0, TAU])];
    }
    let look = [random.uniform([-0.4, 0.4]), random.uniform([-0.3, 0.3])];
    let mut residual = Latent::NEUTRAL.residual;
    residual.iter_mut().for_each(|component| *component = random.uniform([-1.0, 1.0]));
    (0..count)
        .map(|i| {
            let seconds = i as f32 / 30.0;
            let mut latent = Latent { residual, ..Latent::NEUTRAL };
            for (u, [size, hertz, phase]) in waves.into_iter().enumerate() {
                let [min, max] = range.units[u];
                let wave = 0.5 + 0.5 * (TAU * hertz * seconds + phase).sin();
                latent.units[u] = min + (max - min) * (size * wave).min(1.0);
            }
            if speaks {
                // Every few frames the lips are brought together over the jaw.
                let closed = (TAU * 4.0 * seconds).sin().max(0.0);
                *latent.unit_mut(FaceUnit::MouthClose) = closed * latent.unit(FaceUnit::JawOpen);
            }
            latent.gaze = Gaze::from_array([look[0], look[1], look[0], look[1]]);
            latent
        })
        .collect()
}
