//! The profile at work: latents in, tuned latents out.

use crate::latent::{FaceFrame, FaceUnit, Gaze, Latent, Timestamp, UNITS};

use super::guard::Guard;
use super::profile::{Profile, Setting};
use super::range::FaceRange;
use super::region::{REGIONS, Region, regions, weight};

/// A gap in time longer than this, seconds, or a step back: attack and release start afresh.
const RESTART_S: f64 = 1.0;
/// From this share of a blink's range on a profile takes less away, and nothing from the other on.
const BLINK_FROM: f32 = 0.55;
const BLINK_WHOLE: f32 = 0.9;

/// Applies a profile to an avatar's faces, one frame after the other. Makes no allocation.
///
/// ```
/// use visavis_codec::expression::{FaceRange, Profile, Tuner};
/// use visavis_codec::{Avatar, FaceFrame, FaceUnit};
///
/// let avatar = Avatar::read(&std::fs::read("../assets/avatars/wren.avatar")?)?;
/// let profile = Profile::parse(b"version = 1\n[unit.mouthSmile]\ngain = 1.5\n")?;
/// let mut tuner = Tuner::new(&profile, &FaceRange::of_avatar(&avatar)?);
///
/// let mut face = FaceFrame::default();
/// *face.latent.unit_mut(FaceUnit::MouthSmileLeft) = 0.2;
/// let shown = tuner.apply_frame(&face);
/// assert!(shown.latent.unit(FaceUnit::MouthSmileLeft) > 0.25);
/// assert_eq!(shown.head, face.head);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Tuner {
    channels: [Channel; UNITS],
    gaze_gain: f32,
    gaze_range: [[f32; 2]; 4],
    regions: [Region; UNITS],
    /// Weight of each unit in its region's load.
    load: [f32; UNITS],
    load_limits: [f32; REGIONS],
    guards: Vec<Guard>,
    is_identity: bool,
    smoothed: [f32; UNITS],
    last: Option<Timestamp>,
}

/// What happens to one unit.
#[derive(Clone, Copy, Debug)]
struct Channel {
    is_identity: bool,
    is_blink: bool,
    gain: f32,
    curve: f32,
    floor: f32,
    ceiling: f32,
    dead_band: f32,
    neutral: f32,
    offset: f32,
    min: f32,
    max: f32,
    attack: f32,
    release: f32,
}

impl Tuner {
    /// A profile for an avatar.
    pub fn new(profile: &Profile, range: &FaceRange) -> Self {
        let channels = FaceUnit::ALL.map(|unit| Channel::new(profile, range, unit));
        let gaze_gain = profile.gaze_gain();
        let is_identity = gaze_gain == 1.0 && channels.iter().all(|channel| channel.is_identity);
        let load = FaceUnit::ALL.map(|unit| {
            let max = range.unit(unit)[1];
            if max > 0.0 { weight(unit) / max } else { 0.0 }
        });
        Self {
            channels,
            gaze_gain,
            gaze_range: range.gaze,
            regions: regions(),
            load,
            load_limits: range.loads,
            guards: range.seams().iter().map(|seam| Guard::new(seam, range)).collect(),
            is_identity,
            smoothed: [0.0; UNITS],
            last: None,
        }
    }

    /// Whether every face comes out as it went in, bit for bit.
    pub fn is_identity(&self) -> bool {
        self.is_identity
    }

    /// Forgets the frames before: attack and release start at the next one.
    pub fn reset(&mut self) {
        self.last = None;
    }

    /// [`apply`](Self::apply) to a frame; the head stays.
    pub fn apply_frame(&mut self, frame: &FaceFrame) -> FaceFrame {
        FaceFrame { latent: self.apply(&frame.latent, frame.time), ..*frame }
    }

    /// The face that is shown instead of `latent`. Times rise from call to call; a step back, or one of more than a
    /// second, starts attack and release afresh. A latent that isn't finite comes back as it is: whoever takes it
    /// says so.
    pub fn apply(&mut self, latent: &Latent, time: Timestamp) -> Latent {
        if self.is_identity || !latent.is_finite() {
            return *latent;
        }
        let x = &latent.units;
        let mut y: [f32; UNITS] = std::array::from_fn(|u| self.channels[u].shape(x[u]));
        self.limit_loads(x, &mut y);
        self.smooth(&mut y, time);
        for (u, channel) in self.channels.iter().enumerate() {
            if channel.is_blink {
                y[u] = channel.full_blink(x[u], y[u]);
            }
        }
        if y != *x {
            let gaze = latent.gaze.to_array();
            for guard in &self.guards {
                guard.hold(x, &mut y, gaze);
            }
        }
        Latent { units: y, gaze: self.gaze(latent.gaze), residual: latent.residual }
    }

    /// Raises that take a region beyond what the capture shows are scaled down together.
    fn limit_loads(&self, x: &[f32; UNITS], y: &mut [f32; UNITS]) {
        let (mut before, mut raise) = ([0.0f32; REGIONS], [0.0f32; REGIONS]);
        for u in 0..UNITS {
            let region = self.regions[u] as usize;
            before[region] += self.load[u] * x[u].max(0.0);
            raise[region] += self.load[u] * (y[u] - x[u]).max(0.0);
        }
        let mut factor = [1.0f32; REGIONS];
        for region in 0..REGIONS {
            if raise[region] > 0.0 {
                let room = self.load_limits[region] - before[region];
                factor[region] = soft(raise[region], room) / raise[region];
            }
        }
        for u in 0..UNITS {
            if y[u] > x[u] {
                y[u] = x[u] + factor[self.regions[u] as usize] * (y[u] - x[u]);
            }
        }
    }

    /// Attack and release: a first-order lag each.
    fn smooth(&mut self, y: &mut [f32; UNITS], time: Timestamp) {
        let step = self.last.and_then(|last| time.0.checked_sub(last.0)).map(|step| step as f64 * 1e-9);
        self.last = Some(time);
        let Some(step) = step.filter(|&step| step <= RESTART_S) else {
            self.smoothed = *y;
            return;
        };
        let step = step as f32;
        for (u, channel) in self.channels.iter().enumerate() {
            let seconds = if y[u] > self.smoothed[u] { channel.attack } else { channel.release };
            if seconds > 0.0 {
                y[u] = self.smoothed[u] + (y[u] - self.smoothed[u]) * -(-step / seconds).exp_m1();
            }
        }
        self.smoothed = *y;
    }

    fn gaze(&self, gaze: Gaze) -> Gaze {
        if self.gaze_gain == 1.0 {
            return gaze;
        }
        let mut angles = gaze.to_array();
        for (angle, [min, max]) in angles.iter_mut().zip(self.gaze_range) {
            let wanted = *angle * self.gaze_gain;
            *angle = if wanted.abs() <= angle.abs() {
                wanted
            } else if *angle > 0.0 {
                *angle + soft(wanted - *angle, max - *angle)
            } else {
                *angle - soft(*angle - wanted, *angle - min)
            };
        }
        Gaze::from_array(angles)
    }
}

impl Channel {
    fn new(profile: &Profile, range: &FaceRange, unit: FaceUnit) -> Self {
        let [min, max] = range.unit(unit);
        let of = |setting| profile.effective(unit, setting);
        let or_zero = |setting| of(setting).unwrap_or(0.0);
        let mut channel = Self {
            is_identity: false,
            is_blink: matches!(unit, FaceUnit::EyeBlinkLeft | FaceUnit::EyeBlinkRight),
            gain: profile.gain(unit),
            curve: or_zero(Setting::Curve),
            floor: or_zero(Setting::Floor).min(max),
            ceiling: of(Setting::Ceiling).unwrap_or(f32::INFINITY),
            dead_band: or_zero(Setting::DeadBand),
            neutral: or_zero(Setting::Neutral).min(0.5 * max),
            offset: or_zero(Setting::Offset),
            min,
            max,
            attack: or_zero(Setting::Attack),
            release: or_zero(Setting::Release),
        };
        channel.is_identity = channel.gain == 1.0
            && channel.curve == 0.0
            && channel.floor == 0.0
            && channel.ceiling == f32::INFINITY
            && channel.dead_band == 0.0
            && channel.offset == 0.0
            && channel.attack == 0.0
            && channel.release == 0.0;
        channel
    }

    /// What is wanted of a weight, within the limits of the axis. Rises with `x` and with the gain.
    fn shape(&self, x: f32) -> f32 {
        if self.is_identity {
            return x;
        }
        let span = self.max - self.neutral;
        if span <= 0.0 {
            return x;
        }
        let from_neutral = (x - self.neutral) / span;
        let bent = self.bend(from_neutral.abs()).copysign(from_neutral);
        // Written as a change of `x`, so that a gain near 1 leaves `x` near itself to the last bit.
        let mut wanted = x + self.offset + span * (self.gain * bent - from_neutral);
        if self.floor > 0.0 {
            let (a, b) = (wanted.max(0.0), self.floor);
            wanted = (a.powi(4) + b.powi(4)).sqrt().sqrt();
        }
        if wanted > 0.0 && self.ceiling < f32::INFINITY {
            wanted /= (1.0 + (wanted / self.ceiling).powi(8)).sqrt().sqrt().sqrt();
        }
        if wanted > x { x + soft(wanted - x, self.max - x) } else { wanted.max(self.min.min(x)) }
    }

    /// Dead-band and response curve of a distance from neutral, 0..=1 of the range; both ends stay.
    fn bend(&self, mut e: f32) -> f32 {
        if self.dead_band > 0.0 {
            let (square, band) = (e * e, self.dead_band * self.dead_band);
            e *= square * (1.0 + band) / (square + band);
        }
        if self.curve != 0.0 && e < 1.0 {
            // Schlick, "Fast alternatives to Perlin's bias and gain functions", Graphics Gems IV, 1994.
            let bias = 0.5 * (1.0 + self.curve);
            e /= (1.0 / bias - 2.0) * (1.0 - e) + 1.0;
        }
        e
    }

    /// A profile that takes from blinks takes nothing from a whole one.
    fn full_blink(&self, x: f32, y: f32) -> f32 {
        if y >= x || self.max <= 0.0 {
            return y;
        }
        let t = ((x / self.max - BLINK_FROM) / (BLINK_WHOLE - BLINK_FROM)).clamp(0.0, 1.0);
        if t < 1.0 { y + (x - y) * t * t * (3.0 - 2.0 * t) } else { x }
    }
}

/// A raise by `d` ≥ 0 where there is `room` for less: `d` while it is small, never more than the room, smooth between.
fn soft(d: f32, room: f32) -> f32 {
    if room <= 0.0 {
        return 0.0;
    }
    let root = |x: f32| (1.0 + x.powi(8)).sqrt().sqrt().sqrt();
    // The same twice: near the limit, where it hardly rises, rounding must not make it fall.
    if d < room { d / root(d / room) } else { room / root(room / d) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_is_exact_when_small_rises_and_stays_below() {
        assert_eq!(soft(0.0, 1.0), 0.0);
        assert!((soft(0.1, 1.0) - 0.1).abs() < 1e-7);
        // At the ceiling itself, a raise by half has still come to within 3 % of where it was to go.
        let (x, wanted) = (1.0 / 1.5, 1.0);
        assert!(x + soft(wanted - x, 1.0 - x) > 0.97 * wanted);
        let mut last = -1.0;
        for i in 0..2000 {
            let limited = soft(i as f32 * 0.01, 0.5);
            assert!(limited >= last && limited <= 0.5, "{i}: {limited}");
            last = limited;
        }
        assert_eq!(soft(0.3, 0.0), 0.0);
        assert_eq!(soft(0.3, -1.0), 0.0);
    }
}
