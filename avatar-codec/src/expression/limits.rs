//! How far a viewer may tune somebody else's face.

use crate::latent::FaceUnit;

use super::profile::{Profile, Scope, Setting};
use super::region::{REGIONS, Region};

/// What a viewer may do to one region.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RegionLimit {
    /// Smallest and largest factor of a unit, all gains and the balance together; contains 1. 0..=4.
    pub gain: [f32; 2],
    /// How far floors and offsets may go, 0..=0.5.
    pub offset: f32,
    /// Whether curves, ceilings, dead-bands, attack and release may be set.
    pub shape: bool,
}

impl RegionLimit {
    /// Nothing.
    pub const NONE: Self = Self { gain: [1.0; 2], offset: 0.0, shape: false };
}

/// What the owner of an avatar lets viewers do. The default is nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OwnerLimits {
    regions: [RegionLimit; REGIONS],
}

/// Why numbers or bytes are no limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLimits {
    /// A number outside its range, or NaN.
    #[error("{region}: a gain range must be within 0..=4 and contain 1, an offset within 0..=0.5")]
    Range {
        /// The region's name.
        region: &'static str,
    },
    /// Not the bytes of [`OwnerLimits::to_bytes`].
    #[error("not an owner's limits, or of another version")]
    Bytes,
}

/// What the canonical bytes begin with.
const MAGIC: &[u8; 16] = b"visavis limits 1";
/// Two gains, an offset, a flag.
const BYTES_A_REGION: usize = 13;

impl OwnerLimits {
    /// How long [`to_bytes`](Self::to_bytes) is.
    pub const BYTES: usize = MAGIC.len() + REGIONS * BYTES_A_REGION;

    /// What a viewer may do to a region.
    pub fn get(&self, region: Region) -> RegionLimit {
        self.regions[region as usize]
    }

    /// Sets what a viewer may do to a region.
    ///
    /// # Errors
    /// If a number is NaN or outside its range; nothing changes then.
    pub fn set(&mut self, region: Region, limit: RegionLimit) -> Result<(), InvalidLimits> {
        let [low, high] = limit.gain;
        let offset = Setting::Offset.range()[1];
        let [least, most] = Setting::Gain.range();
        if !((least..=1.0).contains(&low)
            && (1.0..=most).contains(&high)
            && (0.0..=offset).contains(&limit.offset))
        {
            return Err(InvalidLimits::Range { region: region.name() });
        }
        // +0.0 turns −0 into 0: equal limits have equal bytes.
        let limit = RegionLimit { gain: [low + 0.0, high], offset: limit.offset + 0.0, ..limit };
        self.regions[region as usize] = limit;
        Ok(())
    }

    /// The bytes that an owner signs: one sequence for each value, the same on every machine.
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut out = [0; Self::BYTES];
        out[..MAGIC.len()].copy_from_slice(MAGIC);
        for (bytes, limit) in
            out[MAGIC.len()..].as_chunks_mut::<BYTES_A_REGION>().0.iter_mut().zip(&self.regions)
        {
            let RegionLimit { gain: [low, high], offset, shape } = limit;
            bytes[..4].copy_from_slice(&low.to_le_bytes());
            bytes[4..8].copy_from_slice(&high.to_le_bytes());
            bytes[8..12].copy_from_slice(&offset.to_le_bytes());
            bytes[12] = u8::from(*shape);
        }
        out
    }

    /// The inverse of [`to_bytes`](Self::to_bytes); refuses everything that it wouldn't write.
    ///
    /// # Errors
    /// If the bytes aren't those of [`to_bytes`](Self::to_bytes).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidLimits> {
        let body =
            bytes.strip_prefix(MAGIC).filter(|_| bytes.len() == Self::BYTES).ok_or(InvalidLimits::Bytes)?;
        let mut limits = Self::default();
        for (region, bytes) in Region::ALL.into_iter().zip(body.as_chunks::<BYTES_A_REGION>().0) {
            let number = |i: usize| f32::from_le_bytes([bytes[i], bytes[i + 1], bytes[i + 2], bytes[i + 3]]);
            let shape = match bytes[12] {
                0 => false,
                1 => true,
                _ => return Err(InvalidLimits::Bytes),
            };
            limits.set(region, RegionLimit { gain: [number(0), number(4)], offset: number(8), shape })?;
        }
        if limits.to_bytes() == bytes { Ok(limits) } else { Err(InvalidLimits::Bytes) }
    }

    /// A viewer's profile as far as the owner lets it go. What is inside the limits does what it did; with no limits
    /// set, every face comes out as it went in.
    ///
    /// Gains and balances become one gain a unit; a viewer's idea of the neutral face is left out, since gains would
    /// count from there.
    pub fn clamp(&self, profile: &Profile) -> Profile {
        let mut clamped = Profile::default();
        clamped.set_name(profile.name());
        let mut set = |scope, setting, value: Option<f32>| {
            let set = clamped.set(scope, setting, value);
            debug_assert!(set.is_ok(), "{set:?}");
        };
        for unit in FaceUnit::ALL {
            let region = Region::of(unit);
            let RegionLimit { gain: [low, high], offset: most, shape } = self.get(region);
            let scope = Scope::Unit(unit);
            // A gaze's gain is set of the region below, since its angles have no unit.
            let of_region = if region == Region::Gaze { self.gaze_gain(profile) } else { 1.0 };
            let gain = profile.gain(unit).clamp(low, high) / if of_region > 0.0 { of_region } else { 1.0 };
            if gain != 1.0 {
                set(scope, Setting::Gain, Some(gain.clamp(0.0, Setting::Gain.range()[1])));
            }
            for setting in Setting::ALL {
                let value = profile.effective(unit, setting).filter(|&value| value != 0.0);
                match setting {
                    Setting::Gain | Setting::Balance | Setting::Neutral => {}
                    Setting::Offset | Setting::Floor if most > 0.0 => {
                        set(scope, setting, value.map(|value| value.clamp(-most, most)));
                    }
                    Setting::Curve
                    | Setting::Ceiling
                    | Setting::DeadBand
                    | Setting::Attack
                    | Setting::Release
                        if shape =>
                    {
                        set(scope, setting, value);
                    }
                    _ => {}
                }
            }
        }
        let gaze = self.gaze_gain(profile);
        if gaze != 1.0 {
            set(Scope::Region(Region::Gaze), Setting::Gain, Some(gaze));
        }
        clamped
    }

    fn gaze_gain(&self, profile: &Profile) -> f32 {
        let [low, high] = self.get(Region::Gaze).gain;
        profile.gaze_gain().clamp(low, high)
    }
}

impl Default for OwnerLimits {
    fn default() -> Self {
        Self { regions: [RegionLimit::NONE; REGIONS] }
    }
}
