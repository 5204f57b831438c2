//! Light that falls on a person: pure data, the same for hosts, scenes and the avatar's own captured light.
//!
//! # Units
//! Linear light, Rec. 709 primaries. Every strength is stated as *the colour that diffuse white takes*: 1 is a white
//! Lambertian surface (albedo 1) at the exposure at which the avatar's colours are 1 for diffuse white. In radiometric
//! terms all irradiances are divided by π. So ambient light of the same radiance `L` everywhere makes white `L`; a
//! directional lamp of colour `C` makes white that faces it `C`; a point lamp of colour `C` does so from one metre.
//! A host whose lamps are in lux or candela divides by π and by its exposure's white, once.
//!
//! # Frames
//! Directions and positions are in the frame that the user says (world space for an engine's instance, an avatar's rest
//! frame for its captured light): metres, +Y up, right-handed. [`Light::in_frame`] goes from one to another.
//!
//! ```
//! use visavis_codec::glam::Vec3;
//! use visavis_codec::light::{Ambient, Lamp, Light};
//!
//! let mut light = Light::new(Ambient::uniform([0.1, 0.12, 0.15]));
//! light.lamps.push(Lamp::directional(Vec3::new(-1.0, 1.0, 1.0), [1.2, 1.1, 0.9]));
//! light.validate()?;
//! let white_that_looks_up = light.irradiance(Vec3::ZERO, Vec3::Y);
//! assert!(white_that_looks_up.x > light.irradiance(Vec3::ZERO, -Vec3::Y).x);
//! # Ok::<(), visavis_codec::light::InvalidLight>(())
//! ```

mod ambient;
mod lamp;
mod validate;

pub use ambient::{Ambient, BANDS, BASIS};
pub use lamp::{Lamp, LampKind, soft_cosine};
pub use validate::{InvalidLight, MAX_DISTANCE_M, MAX_STRENGTH};

use glam::{Quat, Vec3};
use serde::{Deserialize, Serialize};

/// The most lamps of one [`Light`]: what a uniform buffer holds beside other things, and as many as are told apart on a
/// face. Hosts with more add the weaker ones to the ambient light ([`Ambient::add_lamp`]).
pub const MAX_LAMPS: usize = 8;

/// All light on a person: lamps, and all that comes from further round them. The default is darkness.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Light {
    /// Light from all around: the sky, walls, what isn't a lamp.
    pub ambient: Ambient,
    /// At most [`MAX_LAMPS`]. The first is the one that a host's shadow map belongs to.
    pub lamps: Vec<Lamp>,
}

impl Light {
    /// Ambient light without lamps.
    pub fn new(ambient: Ambient) -> Self {
        Self { ambient, lamps: Vec::new() }
    }

    /// What diffuse white at `position_m` that faces `normal` (unit length) takes on, with nothing in the way.
    pub fn irradiance(&self, position_m: Vec3, normal: Vec3) -> Vec3 {
        let lamps: Vec3 = self.lamps.iter().map(|lamp| lamp.irradiance(position_m, normal)).sum();
        self.ambient.irradiance(normal) + lamps
    }

    /// The same light in another frame: `x ↦ rotation · x + translation_m`, as `target_from_source`.
    #[must_use]
    pub fn in_frame(&self, rotation: Quat, translation_m: Vec3) -> Self {
        Self {
            ambient: self.ambient.rotated(rotation),
            lamps: self.lamps.iter().map(|lamp| lamp.in_frame(rotation, translation_m)).collect(),
        }
    }

    /// The same light, turned round the origin.
    #[must_use]
    pub fn rotated(&self, rotation: Quat) -> Self {
        self.in_frame(rotation, Vec3::ZERO)
    }

    /// All of it `factor` times as strong: another exposure.
    #[must_use]
    pub fn scaled(&self, factor: f32) -> Self {
        Self {
            ambient: self.ambient.scaled(Vec3::splat(factor)),
            lamps: (self.lamps.iter())
                .map(|lamp| Lamp { color: lamp.color.map(|c| c * factor), ..*lamp })
                .collect(),
        }
    }

    /// Whether every number is one that light can have.
    ///
    /// # Errors
    /// [`InvalidLight`] names the field, its value and what it may be.
    pub fn validate(&self) -> Result<(), InvalidLight> {
        validate::validate(self)
    }
}

#[cfg(test)]
mod tests;
