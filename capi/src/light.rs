//! The light that an instance is seen in.

use visavis::codec::glam::Vec3;
use visavis::codec::light::{Ambient, BANDS, Lamp, LampKind, Light, MAX_LAMPS};

use crate::instance::VisavisInstance;
use crate::pointer::{self, Sized32, check_size};
use crate::status::{Failure, VISAVIS_ERROR_LIGHT, VisavisStatus, call};

/// The most lamps of a light; hosts with more add the weaker ones to the ambient light.
pub const VISAVIS_MAX_LAMPS: u32 = 8;
/// Coefficients of spherical harmonics up to order 2.
pub const VISAVIS_LIGHT_BANDS: usize = 9;

// The header's numbers are the codec's.
const _: () = assert!(VISAVIS_MAX_LAMPS as usize == MAX_LAMPS && VISAVIS_LIGHT_BANDS == BANDS);

/// So far away that it is in the same direction from everywhere: `place` is the unit vector towards it.
pub const VISAVIS_LAMP_DIRECTIONAL: u32 = 0;
/// Shines the same everywhere round it: `place` is its centre, metres.
pub const VISAVIS_LAMP_POINT: u32 = 1;
/// Shines into a cone: `place` is its centre, metres.
pub const VISAVIS_LAMP_SPOT: u32 = 2;

/// One lamp.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct VisavisLamp {
    /// sizeof(VisavisLamp).
    pub struct_size: u32,
    /// VISAVIS_LAMP_…
    pub kind: u32,
    /// The colour of white that faces it, linear red, green and blue; of point and spot lamps from 1 m.
    pub color: [f32; 3],
    /// Where it is, or where it comes from, in the world.
    pub place: [f32; 3],
    /// Half of the angle that a directional lamp fills, radians, 0 to π/2; the radius of the others, metres. 0 is a point.
    pub radius: f32,
    /// Of spot lamps: the unit vector along which they shine.
    pub axis: [f32; 3],
    /// Of spot lamps: within this angle from the axis they are as strong as on it, radians.
    pub inner_angle: f32,
    /// Of spot lamps: beyond this angle they are dark, radians, up to π/2.
    pub outer_angle: f32,
}

/// All light on a person, in the world. Strengths are the colour that diffuse white takes on: 1 is white.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct VisavisLight {
    /// sizeof(VisavisLight).
    pub struct_size: u32,
    /// How many lamps there are, at most VISAVIS_MAX_LAMPS.
    pub lamp_count: u32,
    /// Radiance from all around: red, green and blue of real spherical harmonics, of direction (x, y, z) towards the
    /// light: 0.282095, 0.488603 y, 0.488603 z, 0.488603 x, 1.092548 xy, 1.092548 yz, 0.315392 (3z² − 1), 1.092548 xz,
    /// 0.546274 (x² − y²), as ARCore and WebXR give them.
    pub ambient: [[f32; 3]; VISAVIS_LIGHT_BANDS],
    /// The lamps; null if there are none.
    pub lamps: *const VisavisLamp,
}

// SAFETY: plain numbers, the size first.
unsafe impl Sized32 for VisavisLamp {
    const NAME: &'static str = "VisavisLamp";
}

// SAFETY: plain numbers and a pointer, the size first.
unsafe impl Sized32 for VisavisLight {
    const NAME: &'static str = "VisavisLight";
}

impl VisavisLamp {
    fn lamp(&self, number: usize) -> Result<Lamp, Failure> {
        let Self { struct_size: _, kind, color, place, radius, axis, inner_angle, outer_angle } = *self;
        let place = Vec3::from_array(place);
        let kind = match kind {
            VISAVIS_LAMP_DIRECTIONAL => LampKind::Directional { to_lamp: place, angular_radius_rad: radius },
            VISAVIS_LAMP_POINT => LampKind::Point { position_m: place, radius_m: radius },
            VISAVIS_LAMP_SPOT => LampKind::Spot {
                position_m: place,
                radius_m: radius,
                axis: Vec3::from_array(axis),
                inner_rad: inner_angle,
                outer_rad: outer_angle,
            },
            other => {
                let text = format!("`light.lamps[{number}].kind`: no VISAVIS_LAMP_ is {other}");
                return Err(Failure::argument(text));
            }
        };
        Ok(Lamp { kind, color })
    }
}

/// The light that an instance is seen in from now on. Null, as at first, shows it as it was captured. Refused if the avatar
/// doesn't say which light it was captured in.
///
/// Threads: as visavis_instance_set_latent.
///
/// # Safety
/// `instance` is null or a live handle; `light` is null or points to a structure of the size that it says, whose lamps are
/// null or as many as it says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn visavis_instance_set_light(
    instance: *const VisavisInstance,
    light: *const VisavisLight,
) -> VisavisStatus {
    call(|| {
        // SAFETY: the caller's promise.
        let instance = unsafe { pointer::get(instance, "instance")? };
        if light.is_null() {
            return instance.set_light(None);
        }
        // SAFETY: the caller's promise.
        let VisavisLight { struct_size: _, lamp_count, ambient, lamps } =
            unsafe { pointer::read(light, "light")? };
        if lamp_count > VISAVIS_MAX_LAMPS {
            let text = format!("`light.lamp_count` is {lamp_count}, at most {VISAVIS_MAX_LAMPS}");
            return Err(Failure::argument(text));
        }
        if lamp_count > 0 {
            // Before all of them are taken to be there: the first says how large the caller thinks that they are.
            // SAFETY: the caller's promise.
            unsafe { check_size(lamps, "light.lamps")? };
        }
        // SAFETY: the caller's promise.
        let lamps = unsafe { pointer::slice(lamps, lamp_count as usize, "light.lamps")? };
        let mut light = Light::new(Ambient { coefficients: ambient });
        for (number, lamp) in lamps.iter().enumerate() {
            // SAFETY: a reference is a good pointer.
            unsafe { check_size(lamp, "light.lamps")? };
            light.lamps.push(lamp.lamp(number)?);
        }
        instance.set_light(Some(&light))
    })
}

impl VisavisInstance {
    fn set_light(&self, light: Option<&Light>) -> Result<(), Failure> {
        let set = self.with(|instance| instance.set_light(light));
        set.map_err(|error| Failure::new(VISAVIS_ERROR_LIGHT, error))
    }
}
