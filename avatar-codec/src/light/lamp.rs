//! Lamps.

use std::f32::consts::FRAC_PI_2;

use glam::{Quat, Vec3};
use serde::{Deserialize, Serialize};

/// The least distance from which a point lamp's light is reckoned, metres: nearer, it grows no more.
const LEAST_DISTANCE_M: f32 = 0.05;

/// One lamp.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lamp {
    /// Where it is, and how large.
    pub kind: LampKind,
    /// The colour of white that faces it (irradiance over π), linear RGB, ≥ 0; of point and spot lamps from 1 m.
    pub color: [f32; 3],
}

/// Where a lamp is, and how large. Size softens terminators and widens highlights; 0 is a point.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum LampKind {
    /// So far away that it is in the same direction from everywhere.
    Directional {
        /// Unit vector towards it.
        to_lamp: Vec3,
        /// Half of the angle that it fills, radians, 0..=π/2; the sun's is 0.0047.
        angular_radius_rad: f32,
    },
    /// Shines the same everywhere round it, falling with the square of the distance.
    Point {
        /// Its centre.
        position_m: Vec3,
        /// Its radius, ≥ 0.
        radius_m: f32,
    },
    /// A point lamp that shines into a cone.
    Spot {
        /// Its centre.
        position_m: Vec3,
        /// Its radius, ≥ 0.
        radius_m: f32,
        /// Unit vector along which it shines.
        axis: Vec3,
        /// Within this angle from the axis it is as strong as on it, radians; 0..=outer.
        inner_rad: f32,
        /// Beyond this one it is dark, radians; inner..=π/2.
        outer_rad: f32,
    },
}

impl Lamp {
    /// A lamp that is far away and small. `to_lamp` needs no particular length.
    pub fn directional(to_lamp: Vec3, color: [f32; 3]) -> Self {
        let to_lamp = to_lamp.normalize_or(Vec3::Y);
        Self { kind: LampKind::Directional { to_lamp, angular_radius_rad: 0.0 }, color }
    }

    /// A small lamp at a place.
    pub fn point(position_m: Vec3, color: [f32; 3]) -> Self {
        Self { kind: LampKind::Point { position_m, radius_m: 0.0 }, color }
    }

    /// Unit vector to the lamp from a place, and the colour that white there takes on if it faces the lamp.
    pub fn at(&self, position_m: Vec3) -> (Vec3, Vec3) {
        let color = Vec3::from(self.color);
        match self.kind {
            LampKind::Directional { to_lamp, .. } => (to_lamp, color),
            LampKind::Point { position_m: place, .. } => {
                let (to_lamp, fall) = towards(place - position_m);
                (to_lamp, color * fall)
            }
            LampKind::Spot { position_m: place, axis, inner_rad, outer_rad, .. } => {
                let (to_lamp, fall) = towards(place - position_m);
                // As in KHR_lights_punctual: linear in the cosine, squared.
                let (inner, outer) = (inner_rad.cos(), outer_rad.cos());
                let share = ((-axis.dot(to_lamp) - outer) / (inner - outer).max(1e-3)).clamp(0.0, 1.0);
                (to_lamp, color * (fall * share * share))
            }
        }
    }

    /// Sine of half of the angle that it fills, seen from a place: 0 (a point) ..= 1.
    pub fn sin_radius(&self, position_m: Vec3) -> f32 {
        match self.kind {
            LampKind::Directional { angular_radius_rad, .. } => {
                angular_radius_rad.clamp(0.0, FRAC_PI_2).sin()
            }
            LampKind::Point { position_m: place, radius_m }
            | LampKind::Spot { position_m: place, radius_m, .. } => {
                (radius_m / (place - position_m).length().max(LEAST_DISTANCE_M)).min(1.0)
            }
        }
    }

    /// The colour of white at a place that faces `normal` (unit length); nothing is in the way.
    pub fn irradiance(&self, position_m: Vec3, normal: Vec3) -> Vec3 {
        let (to_lamp, facing) = self.at(position_m);
        facing * soft_cosine(normal.dot(to_lamp), self.sin_radius(position_m))
    }

    /// The same lamp in another frame: `x ↦ rotation · x + translation_m`.
    #[must_use]
    pub fn in_frame(&self, rotation: Quat, translation_m: Vec3) -> Self {
        let place = |p: Vec3| rotation * p + translation_m;
        let kind = match self.kind {
            LampKind::Directional { to_lamp, angular_radius_rad } => {
                LampKind::Directional { to_lamp: rotation * to_lamp, angular_radius_rad }
            }
            LampKind::Point { position_m, radius_m } => {
                LampKind::Point { position_m: place(position_m), radius_m }
            }
            LampKind::Spot { position_m, radius_m, axis, inner_rad, outer_rad } => LampKind::Spot {
                position_m: place(position_m),
                radius_m,
                axis: rotation * axis,
                inner_rad,
                outer_rad,
            },
        };
        Self { kind, ..*self }
    }
}

/// Unit vector and the square law, 1 at one metre.
fn towards(to_lamp_m: Vec3) -> (Vec3, f32) {
    let distance = to_lamp_m.length().max(LEAST_DISTANCE_M);
    (to_lamp_m.normalize_or(Vec3::Y), 1.0 / (distance * distance))
}

/// The positive part of a cosine, softened over ±`width` (0..=1): a parabola that meets 0 and `cosine` without a kink. Near to
/// what a small disc of that sine of its radius gives across the horizon (on it a quarter of the sine, where a disc gives
/// 0.21 of it).
pub fn soft_cosine(cosine: f32, width: f32) -> f32 {
    let width = width.max(1e-4);
    let above = (cosine + width).clamp(0.0, 2.0 * width);
    // Beyond +width the parabola goes on as the line that it ends in.
    above * above / (4.0 * width) + (cosine - width).max(0.0)
}
