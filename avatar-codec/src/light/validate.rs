//! Whether light can be.

use std::f32::consts::FRAC_PI_2;

use glam::Vec3;

use super::{Lamp, LampKind, Light, MAX_LAMPS};

/// The strongest lamp or harmonic: the sun, seen at the exposure of a room, is some hundred.
pub const MAX_STRENGTH: f32 = 1e4;
/// The furthest that a lamp may be from the origin, metres; the sun is [`LampKind::Directional`].
pub const MAX_DISTANCE_M: f32 = 1e5;

/// Why light isn't valid.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum InvalidLight {
    /// A field has a value that it must not have.
    #[error("light field `{field}` is {found}, allowed: {allowed}")]
    Field {
        /// The field, as `lamps[2].color`.
        field: String,
        /// Its value.
        found: String,
        /// What it may be.
        allowed: String,
    },
    /// More lamps than are told apart.
    #[error(
        "light has {found} lamps, allowed: at most {MAX_LAMPS}; add the weaker ones to `ambient` with `Ambient::add_lamp`"
    )]
    TooManyLamps {
        /// How many there are.
        found: usize,
    },
}

pub(super) fn validate(light: &Light) -> Result<(), InvalidLight> {
    if light.lamps.len() > MAX_LAMPS {
        return Err(InvalidLight::TooManyLamps { found: light.lamps.len() });
    }
    for (i, rgb) in light.ambient.coefficients.iter().enumerate() {
        let is_fine = rgb.iter().all(|c| c.is_finite() && c.abs() <= MAX_STRENGTH);
        require(is_fine, || format!("ambient.coefficients[{i}]"), rgb, "finite numbers up to ±10,000")?;
    }
    for (i, lamp) in light.lamps.iter().enumerate() {
        self::lamp(lamp, |field| format!("lamps[{i}].{field}"))?;
    }
    Ok(())
}

fn lamp(lamp: &Lamp, field: impl Fn(&str) -> String) -> Result<(), InvalidLight> {
    let Lamp { kind, color } = lamp;
    let is_fine = color.iter().all(|c| (0.0..=MAX_STRENGTH).contains(c));
    require(is_fine, || field("color"), color, "0 to 10,000 each")?;
    let unit = |name: &str, v: &Vec3| {
        require((v.length() - 1.0).abs() < 1e-3, || field(name), v, "a vector of length 1")
    };
    let place = |v: &Vec3| {
        let is_fine = v.abs().max_element() <= MAX_DISTANCE_M && v.is_finite();
        require(
            is_fine,
            || field("kind.position_m"),
            v,
            "within 100 km of the origin; use `directional` for what is further",
        )
    };
    let within = |name: &str, x: f32, least: f32, most: f32, allowed: &str| {
        require((least..=most).contains(&x), || field(name), &x, allowed)
    };
    let quarter = "0 to π/2 radians";
    match kind {
        LampKind::Directional { to_lamp, angular_radius_rad } => {
            unit("kind.to_lamp", to_lamp)?;
            within("kind.angular_radius_rad", *angular_radius_rad, 0.0, FRAC_PI_2, quarter)
        }
        LampKind::Point { position_m, radius_m } => {
            place(position_m)?;
            within("kind.radius_m", *radius_m, 0.0, MAX_DISTANCE_M, "0 to 100 km")
        }
        LampKind::Spot { position_m, radius_m, axis, inner_rad, outer_rad } => {
            place(position_m)?;
            within("kind.radius_m", *radius_m, 0.0, MAX_DISTANCE_M, "0 to 100 km")?;
            unit("kind.axis", axis)?;
            within("kind.outer_rad", *outer_rad, 0.0, FRAC_PI_2, quarter)?;
            within("kind.inner_rad", *inner_rad, 0.0, *outer_rad, "0 to `outer_rad`")
        }
    }
}

fn require(
    holds: bool,
    field: impl Fn() -> String,
    found: &impl std::fmt::Debug,
    allowed: &str,
) -> Result<(), InvalidLight> {
    if holds {
        return Ok(());
    }
    Err(InvalidLight::Field { field: field(), found: format!("{found:?}"), allowed: allowed.into() })
}
