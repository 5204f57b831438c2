//! Light on instances: what a host says of it, and what shaders read.

use glam::Mat4;
use visavis_codec::light::Light;

use crate::error::LightError;
use crate::person::Instance;

/// What is round the instances of a frame ([`Engine::prepare_in`](crate::Engine::prepare_in)). The default: nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Surroundings<'a> {
    /// What keeps the first lamp of each instance's [`Light`] from shining on it. Instances without light of their own
    /// ([`Instance::set_light`]) receive no shadow.
    pub shadow: Option<ShadowMap<'a>>,
}

/// Depth as the first lamp sees it: the host's own map, with everything in it that casts a shadow, avatars too
/// ([`Frame::draw_depth`](crate::Frame::draw_depth)), whose shadows then fall on themselves as well. What lies outside the map
/// is lit.
#[derive(Clone, Copy, Debug)]
pub struct ShadowMap<'a> {
    /// A single-sampled two-dimensional view of a depth texture with [`wgpu::TextureUsages::TEXTURE_BINDING`]; reversed-Z, 1
    /// nearest to the lamp, cleared to 0. It may be drawn after the frame was prepared, and before the pass that draws the
    /// frame.
    pub view: &'a wgpu::TextureView,
    /// World (metres) to the map: `x, y` in −w..w with y up, as a camera that stands where the lamp is and looks where
    /// it shines; perspective for lamps near by, parallel for far ones.
    pub clip_from_world: Mat4,
}

impl Instance {
    /// The light that it is seen in from now on, in the world that [`set_pose`](Self::set_pose) speaks of; strengths are
    /// those of [`visavis_codec::light`]. None, as at first, shows it as it was captured, whatever is round it, bit for
    /// bit as if there were no other light.
    ///
    /// # Errors
    /// If the light can't be ([`Light::validate`]), or if the avatar doesn't say which light it was captured in; the instance
    /// keeps what it had.
    pub fn set_light(&mut self, light: Option<&Light>) -> Result<(), LightError> {
        let Some(light) = light else {
            self.light = None;
            return Ok(());
        };
        light.validate()?;
        if self.person.capture_light.is_none() {
            return Err(LightError::NoCaptureLight { name: self.person.name.clone() });
        }
        match &mut self.light {
            Some(mine) => {
                // In the room that the last one had: light may change every frame.
                let Light { ambient, lamps } = light;
                mine.ambient = *ambient;
                mine.lamps.clone_from(lamps);
            }
            none => *none = Some(light.clone()),
        }
        Ok(())
    }

    /// The light that it is seen in; none: as it was captured.
    pub fn light(&self) -> Option<&Light> {
        self.light.as_ref()
    }
}
