//! Light in a scene: what comes in at a place, and what a direction shows.

use glam::{Vec2, Vec3};
use visavis_codec::light::{Ambient, LampKind, Light, MAX_LAMPS};

use crate::scene::{Image, Scene, SceneLamp, Sky};

impl SceneLamp {
    /// How light white is that faces it at a place, the mean of red, green and blue; 0 beyond its range.
    pub fn strength(&self, position_m: Vec3) -> f32 {
        if self.distance(position_m) > self.range_m {
            return 0.0;
        }
        let (_, color) = self.lamp.at(position_m);
        color.element_sum() / 3.0
    }

    fn distance(&self, position_m: Vec3) -> f32 {
        match self.lamp.kind {
            LampKind::Directional { .. } => 0.0,
            LampKind::Point { position_m: place, .. } | LampKind::Spot { position_m: place, .. } => {
                place.distance(position_m)
            }
        }
    }
}

impl Scene {
    /// The light that falls on a person whose head is there (world, metres), for
    /// [`Instance::set_light`](visavis::Instance::set_light): the probes round the place, or the surroundings where there
    /// are none, and the lamps. The scene's first lamp is the first one, whatever is in its way: it has a shadow map
    /// ([`Room::shadow_map`](crate::Room::shadow_map)). Other lamps are left out where something stands before them.
    pub fn light_at(&self, position_m: Vec3) -> Light {
        let mut light = Light::new(self.ambient_at(position_m));
        let mut lamps = self.lamps.iter();
        light.lamps.extend(lamps.next().map(|key| key.lamp));
        let mut others: Vec<_> = lamps
            .filter(|lamp| lamp.strength(position_m) > 0.0 && self.is_lit_by(lamp, position_m))
            .collect();
        others.sort_by(|a, b| b.strength(position_m).total_cmp(&a.strength(position_m)));
        for (i, lamp) in others.into_iter().enumerate() {
            if i + 1 < MAX_LAMPS {
                light.lamps.push(lamp.lamp);
            } else {
                light.ambient.add_lamp(&lamp.lamp, position_m);
            }
        }
        light
    }

    /// Probes weighted by the fourth power of their nearness, so that at a probe it is that probe's.
    fn ambient_at(&self, position_m: Vec3) -> Ambient {
        let (mut sum, mut total) = (Ambient::default(), 0.0);
        for probe in &self.probes {
            let weight = 1.0 / (probe.position_m.distance_squared(position_m) + 1e-4).powi(2);
            sum = sum + probe.ambient.scaled(Vec3::splat(weight));
            total += weight;
        }
        if total > 0.0 { sum.scaled(Vec3::splat(1.0 / total)) } else { self.environment.ambient }
    }

    /// Whether no opaque triangle stands between a place and a lamp.
    fn is_lit_by(&self, lamp: &SceneLamp, position_m: Vec3) -> bool {
        let (to_lamp, _) = lamp.lamp.at(position_m);
        let reach = match lamp.lamp.kind {
            LampKind::Directional { .. } => f32::INFINITY,
            _ => lamp.distance(position_m) - LAMP_SKIN_M,
        };
        !self.nodes.iter().any(|node| {
            let place = |p: [f32; 3]| node.world_from_node.transform_point3(p.into());
            self.meshes[node.meshes.clone()].iter().any(|mesh| {
                self.materials[mesh.material].is_opaque_to_lamps()
                    && mesh.indices.chunks_exact(3).any(|corners| {
                        let corner = |i: usize| place(mesh.vertices[corners[i] as usize].position);
                        hit(position_m, to_lamp, [corner(0), corner(1), corner(2)])
                            .is_some_and(|distance| distance < reach)
                    })
            })
        })
    }

    /// Radiance of the surroundings in a direction (unit length), in units of diffuse white.
    pub fn radiance(&self, direction: Vec3) -> Vec3 {
        match self.environment.sky {
            Sky::Gradient([above, horizon, below]) => {
                horizon.lerp(if direction.y > 0.0 { above } else { below }, direction.y.abs())
            }
            Sky::Picture { image, scale } => {
                self.images.get(image).map_or(Vec3::ZERO, |image| image.equirectangular(direction)) * scale
            }
        }
    }
}

/// Lamps shine through their own bulbs and shades, metres.
const LAMP_SKIN_M: f32 = 0.15;

impl Image {
    /// Linear colour in a direction: the picture's middle is −Z, its right edge goes on at the left.
    fn equirectangular(&self, direction: Vec3) -> Vec3 {
        let u = direction.x.atan2(-direction.z) / std::f32::consts::TAU + 0.5;
        let v = 0.5 - direction.y.clamp(-1.0, 1.0).asin() / std::f32::consts::PI;
        let at = Vec2::new(u, v) * Vec2::new(self.size[0] as f32, self.size[1] as f32) - 0.5;
        let (low, share) = (at.floor(), at - at.floor());
        let texel = |dx: f32, dy: f32| {
            let x = (low.x + dx).rem_euclid(self.size[0] as f32) as usize;
            let y = (low.y + dy).clamp(0.0, self.size[1] as f32 - 1.0) as usize;
            let start = 4 * (y * self.size[0] as usize + x);
            self.rgba.get(start..start + 3).map_or(Vec3::ZERO, |rgb| {
                Vec3::from([rgb[0], rgb[1], rgb[2]].map(|code| linear_from_srgb(f32::from(code) / 255.0)))
            })
        };
        texel(0.0, 0.0)
            .lerp(texel(1.0, 0.0), share.x)
            .lerp(texel(0.0, 1.0).lerp(texel(1.0, 1.0), share.x), share.y)
    }
}

/// IEC 61966-2-1.
pub(crate) fn linear_from_srgb(code: f32) -> f32 {
    if code <= 0.04045 { code / 12.92 } else { ((code + 0.055) / 1.055).powf(2.4) }
}

/// Distance along a ray to a triangle (Möller & Trumbore 1997), from either side.
fn hit(origin: Vec3, direction: Vec3, [a, b, c]: [Vec3; 3]) -> Option<f32> {
    let (ab, ac) = (b - a, c - a);
    let p = direction.cross(ac);
    let determinant = ab.dot(p);
    if determinant.abs() < 1e-12 {
        return None;
    }
    let from_a = origin - a;
    let u = from_a.dot(p) / determinant;
    let q = from_a.cross(ab);
    let v = direction.dot(q) / determinant;
    let distance = ac.dot(q) / determinant;
    (u >= 0.0 && v >= 0.0 && u + v <= 1.0 && distance > 1e-3).then_some(distance)
}
