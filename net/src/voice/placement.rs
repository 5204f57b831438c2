//! A voice where its head is: how loud, how late and how dull it reaches each ear.

use std::f32::consts::PI;

use visavis_codec::glam::{Quat, Vec3};

use super::VOICE_RATE;

/// Radius of a listener's head, metres, and the speed of sound, metres a second.
const HEAD_RADIUS: f32 = 0.0875;
const SPEED_OF_SOUND: f32 = 343.0;
/// A voice at this distance, metres, is as loud as it was spoken; nearer ones aren't louder, farther ones fall with distance.
const NEAR: f32 = 1.0;
/// How fast gains, delays and filters follow a moving head: seconds.
const FOLLOW: f32 = 0.03;
/// Room for the longest way around the head, samples.
const DELAY: usize = 64;

/// Where the listener is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Listener {
    /// Midway between the ears, metres.
    pub position: Vec3,
    /// From the listener's axes (+X right, +Y up, −Z where they look) to the room's. Unit quaternion.
    pub rotation: Quat,
}

impl Default for Listener {
    /// At the origin, looking along −Z.
    fn default() -> Self {
        Self { position: Vec3::ZERO, rotation: Quat::IDENTITY }
    }
}

/// What the two channels go to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ears {
    /// Headphones: time and shadow of the head between the ears.
    #[default]
    Headphones,
    /// Two loudspeakers: levels alone, at constant power; the room and the listener's head do the rest.
    Speakers,
}

/// Places one voice.
///
/// For headphones a spherical head: the ears differ in time by Woodworth's (a/c)(θ + sin θ) and in sound by a head shadow of one
/// pole and one zero (Brown and Duda, "A structural model for binaural sound synthesis", IEEE Trans. Speech Audio Proc. 1998,
/// equations 4 to 7); for loudspeakers constant-power panning. Loudness falls with distance beyond a metre. There is no room and
/// no elevation: what is above sounds as what is level.
#[derive(Clone, Debug)]
pub struct Placement {
    ears: Ears,
    /// What each ear gets now, and what it is on its way to.
    now: [Ear; 2],
    wanted: [Ear; 2],
    /// The last samples, for delays; and each ear's filter: last input and output.
    past: [f32; DELAY],
    at: usize,
    filters: [(f32, f32); 2],
    is_new: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Ear {
    gain: f32,
    /// Samples.
    delay: f32,
    /// The shadow: high frequencies are so many times as loud as low ones.
    brightness: f32,
}

impl Placement {
    /// A voice right before the listener.
    pub fn new(ears: Ears) -> Self {
        let mut placement = Self {
            ears,
            now: [Ear::default(); 2],
            wanted: [Ear::default(); 2],
            past: [0.0; DELAY],
            at: 0,
            filters: [(0.0, 0.0); 2],
            is_new: true,
        };
        placement.set(&Listener::default(), Vec3::NEG_Z);
        placement
    }

    /// The head is here now, in the room's axes, metres; numbers that are not finite change nothing.
    pub fn set(&mut self, listener: &Listener, head: Vec3) {
        let to_head = listener.rotation.conjugate() * (head - listener.position);
        if !to_head.is_finite() {
            return;
        }
        let distance = to_head.length();
        let loudness = NEAR / distance.max(NEAR);
        // The angle of the head's direction from straight ahead, to the right; behind counts as before, as a sphere has it.
        let side = if distance > 1e-3 { (to_head.x / distance).clamp(-1.0, 1.0) } else { 0.0 };
        self.wanted = match self.ears {
            Ears::Speakers => {
                // tan-law would need the speakers' angle; constant power between them does without.
                let pan = (side + 1.0) * PI / 4.0;
                [pan.cos(), pan.sin()].map(|gain| Ear { gain: gain * loudness, delay: 0.0, brightness: 1.0 })
            }
            Ears::Headphones => [-1.0, 1.0].map(|ear: f32| {
                // The angle between the head's direction and the ear's.
                let incidence = (side * ear).clamp(-1.0, 1.0).acos();
                let way = if incidence < PI / 2.0 { -incidence.cos() } else { incidence - PI / 2.0 };
                let delay = (way + 1.0) * HEAD_RADIUS / SPEED_OF_SOUND * VOICE_RATE as f32;
                Ear { gain: loudness, delay, brightness: shadow(incidence) }
            }),
        };
        if self.is_new {
            self.now = self.wanted;
        }
    }

    /// Adds the voice's samples, at 48 kHz, to both ears.
    pub fn add(&mut self, voice: &[f32], left: &mut [f32], right: &mut [f32]) {
        self.is_new = false;
        let follow = 1.0 - (-1.0 / (FOLLOW * VOICE_RATE as f32)).exp();
        // The shadow's pole: ω₀ = c/a, by the bilinear transform.
        let pole = 2.0 * SPEED_OF_SOUND / HEAD_RADIUS;
        let k = 2.0 * VOICE_RATE as f32;
        for ((&sample, left), right) in voice.iter().zip(left).zip(right) {
            if let Some(place) = self.past.get_mut(self.at % DELAY) {
                *place = sample;
            }
            for (ear, out) in [left, right].into_iter().enumerate() {
                let (now, wanted) = (&mut self.now[ear], self.wanted[ear]);
                now.gain += (wanted.gain - now.gain) * follow;
                now.delay += (wanted.delay - now.delay) * follow;
                now.brightness += (wanted.brightness - now.brightness) * follow;
                let heard = delayed(&self.past, self.at, now.delay);
                let (before_in, before_out) = self.filters[ear];
                // (ω₀ + αs) / (ω₀ + s)
                let bright = now.brightness * k;
                let filtered = ((pole + bright) * heard + (pole - bright) * before_in
                    - (pole - k) * before_out)
                    / (pole + k);
                self.filters[ear] = (heard, filtered);
                *out += filtered * now.gain;
            }
            self.at = self.at.wrapping_add(1);
        }
    }
}

/// A sample between two of the past.
fn delayed(past: &[f32; DELAY], at: usize, delay: f32) -> f32 {
    let delay = delay.clamp(0.0, (DELAY - 2) as f32);
    let (whole, part) = (delay as usize, delay.fract());
    let sample = |back: usize| past[at.wrapping_sub(back) % DELAY];
    sample(whole) * (1.0 - part) + sample(whole + 1) * part
}

/// How loud high frequencies are at an angle from the ear, against low ones: 2 before it, 0.1 at 150°.
fn shadow(incidence: f32) -> f32 {
    const LEAST: f32 = 0.1;
    const DARKEST: f32 = 150.0;
    (1.0 + LEAST / 2.0) + (1.0 - LEAST / 2.0) * (incidence.to_degrees() / DARKEST * PI).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ears(ears: Ears, head: Vec3, tone_hz: f32) -> (Vec<f32>, Vec<f32>) {
        let mut placement = Placement::new(ears);
        placement.set(&Listener::default(), head);
        let voice: Vec<f32> =
            (0..4800).map(|n| 0.2 * (n as f32 * tone_hz * std::f32::consts::TAU / 48_000.0).sin()).collect();
        let (mut left, mut right) = (vec![0.0; 4800], vec![0.0; 4800]);
        placement.add(&voice, &mut left, &mut right);
        (left, right)
    }

    fn power(samples: &[f32]) -> f32 {
        samples[480..].iter().map(|s| s * s).sum::<f32>() / (samples.len() - 480) as f32
    }

    #[test]
    fn the_nearer_ear_hears_it_earlier_and_brighter() {
        let (left, right) = ears(Ears::Headphones, Vec3::X, 500.0);
        // Cross-correlation: how much later the left ear is, samples.
        let lag = (-50i32..=50)
            .max_by(|&a, &b| {
                let product = |lag: i32| -> f32 {
                    (1000..3000).map(|n| right[n] * left[(n as i32 + lag) as usize]).sum()
                };
                product(a).total_cmp(&product(b))
            })
            .unwrap();
        // (a/c)(π/2 + 1) = 0.66 ms, and what the shadow's phase adds.
        assert!((28..=45).contains(&lag), "{lag} samples");
        let (left, right) = ears(Ears::Headphones, Vec3::X, 6000.0);
        let difference = 10.0 * (power(&right) / power(&left)).log10();
        assert!((10.0..26.0).contains(&difference), "{difference} dB");
        let (left, right) = ears(Ears::Headphones, Vec3::NEG_Z, 1000.0);
        assert!((power(&left) - power(&right)).abs() < 1e-6);
    }

    #[test]
    fn loudspeakers_share_constant_power_which_falls_with_distance() {
        let total = |head: Vec3| {
            let (left, right) = ears(Ears::Speakers, head, 400.0);
            power(&left) + power(&right)
        };
        let near = total(Vec3::NEG_Z);
        for head in [Vec3::X, Vec3::NEG_X, Vec3::new(0.5, 0.0, -0.8)] {
            assert!((total(head) / near - 1.0).abs() < 0.02);
        }
        assert!((total(2.0 * Vec3::NEG_Z) / near - 0.25).abs() < 0.01);
        let (left, right) = ears(Ears::Speakers, Vec3::X, 400.0);
        assert!(power(&right) > 1e3 * power(&left));
    }

    #[test]
    fn a_head_that_moves_makes_no_click() {
        let mut placement = Placement::new(Ears::Headphones);
        let (mut left, mut right) = (vec![0.0; 48_000], vec![0.0; 48_000]);
        let voice: Vec<f32> =
            (0..480).map(|n| 0.5 * (n as f32 * std::f32::consts::TAU / 480.0).sin()).collect();
        for block in 0..100 {
            // From one side to the other at once, every tenth of a second.
            placement.set(&Listener::default(), if block / 10 % 2 == 0 { Vec3::X } else { Vec3::NEG_X });
            let range = block * 480..(block + 1) * 480;
            placement.add(&voice, &mut left[range.clone()], &mut right[range]);
        }
        let worst = left.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
        assert!(worst < 0.03, "{worst}"); // the tone's own steps: 0.0065
        placement.set(&Listener::default(), Vec3::NAN);
        assert!(placement.wanted.iter().all(|ear| ear.gain.is_finite()));
    }
}
