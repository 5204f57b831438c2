//! The resting face: it breathes, sways, looks about and blinks, as a function of the display time.

use glam::{Quat, Vec3, vec3};

use crate::latent::{Timestamp, UNITS};

use super::face::{Face, smooth_step};
use super::options::RestingFace;

/// A blink's parts, seconds: the lids close, stay closed, open.
const CLOSING: f64 = 0.1;
const CLOSED: f64 = 0.04;
const OPENING: f64 = 0.2;
const BLINK: f64 = CLOSING + CLOSED + OPENING;
/// One breath, nanoseconds: 14 a minute.
const BREATH: u64 = 4_285_714_285;
/// Periods of the head's sway, nanoseconds: they come together again after hours.
const SWAY: [u64; 3] = [7_310_000_000, 11_170_000_000, 13_790_000_000];
/// How far it moves at idle motion 1: radians, metres.
const BREATH_PITCH: f32 = 0.004;
const BREATH_RISE: f32 = 0.0012;
const SWAY_ANGLES: [f32; 3] = [0.005, 0.007, 0.003];
/// The eyes look somewhere else this often, nanoseconds, this fast, seconds, this far, radians.
const GLANCE: u64 = 1_700_000_000;
const GLANCE_TIME: f64 = 0.06;
const GLANCE_ANGLES: [f32; 2] = [0.03, 0.015];

/// What makes a [`RestingFace`] alive.
#[derive(Clone, Debug)]
pub(super) struct Rest {
    face: Face,
    has_head: bool,
    idle_motion: f32,
    blink_interval: u64,
    seed: u64,
    /// The slot of the blink that is going on.
    blink: Option<u64>,
}

impl Rest {
    pub(super) fn new(options: &RestingFace, face: Face) -> Self {
        let RestingFace { latent: _, head, idle_motion, blink_interval, seed } = options;
        Self {
            face,
            has_head: head.is_some(),
            idle_motion: *idle_motion,
            blink_interval: blink_interval.as_nanos() as u64,
            seed: *seed,
            blink: None,
        }
    }

    /// The resting face at this display time, its lids open; `head` is the last head pose that came.
    pub(super) fn face(&self, display: Timestamp, head: &Face) -> Face {
        let mut face = self.face;
        if !self.has_head {
            (face.rotation, face.translation) = (head.rotation, head.translation);
        }
        let wave = |period: u64, salt: u64| {
            let phase = (display.0 % period) as f64 / period as f64 + unit(self.seed, salt);
            (std::f64::consts::TAU * phase).sin() as f32
        };
        let breath = wave(BREATH, 1);
        let [x, y, z] = [0, 1, 2].map(|i| SWAY_ANGLES[i] * wave(SWAY[i], 2 + i as u64));
        let sway = vec3(x + BREATH_PITCH * breath, y, z) * self.idle_motion;
        face.rotation = (Quat::from_scaled_axis(sway) * face.rotation).normalize();
        face.translation += Vec3::Y * (BREATH_RISE * breath * self.idle_motion);

        let slot = display.0 / GLANCE;
        let into = (display.0 % GLANCE) as f64 * 1e-9;
        let part = smooth_step((into / GLANCE_TIME) as f32);
        for (i, angle) in GLANCE_ANGLES.into_iter().enumerate() {
            let target = |slot: u64| (2.0 * unit(self.seed ^ slot, 8 + i as u64) - 1.0) as f32;
            let glance = target(slot.wrapping_sub(1)) * (1.0 - part) + target(slot) * part;
            for eye in 0..2 {
                face.values[UNITS + 2 * eye + i] += angle * glance * self.idle_motion;
            }
        }
        face
    }

    /// Starts a blink that is due after `last` and not after `display`, if the face is wholly at rest; ends one that is
    /// over.
    pub(super) fn tick(&mut self, last: Timestamp, display: Timestamp, is_at_rest: bool) {
        let slot = display.0 / self.blink_interval;
        let start = self.blink_start(slot);
        if self.blink != Some(slot) {
            self.blink = None;
        }
        if is_at_rest && (last.0..=display.0).contains(&start) {
            self.blink = Some(slot);
        }
    }

    /// How far the lids are closed at this time by a blink that [`tick`](Self::tick) started: 0..=1.
    pub(super) fn lids(&self, display: Timestamp) -> f32 {
        let Some(slot) = self.blink else { return 0.0 };
        let into = display.0.saturating_sub(self.blink_start(slot)) as f64 * 1e-9;
        match into {
            _ if into < CLOSING => smooth_step((into / CLOSING) as f32),
            _ if into < BLINK => 1.0 - smooth_step(((into - CLOSING - CLOSED) / OPENING) as f32),
            _ => 0.0,
        }
    }

    /// Time is divided into slots of the mean interval; each has one blink, somewhere within it.
    fn blink_start(&self, slot: u64) -> u64 {
        let room = self.blink_interval.saturating_sub((BLINK * 1e9) as u64);
        let within = unit(self.seed ^ slot, 16) * room as f64;
        slot.saturating_mul(self.blink_interval).saturating_add(within as u64)
    }
}

/// A number in 0..1 of a seed (SplitMix64's mixing; Steele, Lea, Flood 2014).
fn unit(seed: u64, salt: u64) -> f64 {
    let z = seed.wrapping_add(salt.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}
