//! Other light than the captured one: the captured colour times a ratio.
//!
//! ```text
//! relit = captured · min(R(light) / max(R(captured light), 1e-4), 16)          per channel
//! R(L)  = reachₐ · (albedo · A(n) + F(n·v) · L_ambient(r)) + Σ lamps  reach(l) · C · (albedo · soft(n·l, s + wrap) + S(n, v, l))
//! reach(l) = (Σᵢ kᵢ reachᵢ + kₐ reachₐ) / (Σᵢ kᵢ + kₐ),   kᵢ = max((1 + l·lᵢ) / 2, 0)⁸,   kₐ = AMBIENT_WEIGHT
//! ```
//! `R` is what a simple model of the [material](Finish) gives back: the ratio of two such images is independent of all that
//! the model doesn't know of the person (Shashua & Riklin-Raviv, "The Quotient Image", 2001), and 1 where both lights are
//! one, so that the captured light gives the captured colour bit for bit.
//!
//! The model has nothing in the way of light. What there is, was learnt from the captured light one lamp after the other:
//! `reachᵢ` says how much of captured lamp `i` arrives (of direction `lᵢ` at the place), `reachₐ` how much of the ambient light
//! ([`LightTransport`](crate::avatar::LightTransport); all 1 where an avatar has none). A lamp elsewhere reaches as far as the
//! captured ones round it: precomputed transport (Sloan et al. 2002) in a basis of lobes towards the lamps of the capture.
//!
//! `n` is the normal with the fine relief, `v` the unit vector to the eye, `r = 2(n·v)n − v`; `A` the ambient light's
//! [irradiance](crate::light::Ambient::irradiance), `L_ambient` its radiance; `l` and `C` direction and colour of a lamp
//! [at the place](crate::light::Lamp::at), `s` its [sine of radius](crate::light::Lamp::sin_radius), `soft` the
//! [softened cosine](crate::light::soft_cosine). Light that went through skin comes out beyond the terminator, red further
//! than blue: its width `wrap` is a channel's own.
//!
//! `S` is a microfacet lobe (GGX: Walter et al. 2007; visibility after Karis 2013), widened by the lamp's size as in
//! Karis's "representative point", `F` Schlick's Fresnel term of 4 %. On hair it is Kajiya & Kay's (1989) lobe round strands
//! that lie as far downwards as the surface lets them.

use glam::Vec3;

use super::shade::Shaded;
use crate::avatar::{Material, PartKind};
use crate::light::{Lamp, Light, soft_cosine};

/// The ratio is no larger: what the captured light hardly reached has no more than noise to brighten.
pub const MAX_RATIO: f32 = 16.0;
/// The least response to the captured light that something is divided by.
pub const LEAST_RESPONSE: f32 = 1e-4;
/// Weight of the ambient light's reach beside those of the captured lamps' that are near a lamp's direction.
pub const AMBIENT_WEIGHT: f32 = 0.1;
/// What is mirrored of light that comes from straight ahead: skin, enamel, tears, cloth.
const FACING_FRESNEL: f32 = 0.04;

/// How a part meets light.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Finish {
    /// How far beyond the terminator light comes, as a cosine, of each channel.
    pub wrap: Vec3,
    /// Of the mirroring lobe, 0..=1.
    pub roughness: f32,
    /// How much of the mirroring lobe is seen.
    pub specular: f32,
}

impl Finish {
    /// That of a part.
    pub fn of(kind: PartKind) -> Self {
        let (wrap, roughness, specular) = match kind {
            PartKind::EyeLeft | PartKind::EyeRight => ([0.2, 0.15, 0.15], 0.12, 1.0),
            PartKind::TeethUpper | PartKind::TeethLower | PartKind::Tongue => ([0.3, 0.25, 0.2], 0.25, 1.0),
            PartKind::Skin => ([0.3, 0.15, 0.1], 0.45, 1.0),
            PartKind::Clothes => ([0.1, 0.1, 0.1], 0.7, 0.5),
            PartKind::Lashes => ([0.3, 0.3, 0.3], 0.5, 0.5),
            PartKind::Hair => ([0.5, 0.4, 0.3], 0.35, 1.0),
        };
        Self { wrap: Vec3::from(wrap), roughness, specular }
    }
}

/// A place of the person's surface, in the frame of the lights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// The part that it belongs to.
    pub kind: PartKind,
    /// Metres.
    pub position: Vec3,
    /// Unit vector to the eye.
    pub to_eye: Vec3,
}

/// The colour under `light`, linear, not premultiplied. Both lights are in the frame of `place` and of the normal, the
/// captured one as the manifest has it if that is the rest frame.
pub fn relit(shaded: &Shaded, place: &Place, captured: &Light, light: &Light) -> Vec3 {
    let before = response(shaded, place, captured, captured).max(Vec3::splat(LEAST_RESPONSE));
    let ratio = (response(shaded, place, captured, light) / before).min(Vec3::splat(MAX_RATIO));
    shaded.color() * ratio
}

/// `R`: what the model gives back of `light` towards the eye.
pub fn response(shaded: &Shaded, place: &Place, captured: &Light, light: &Light) -> Vec3 {
    let finish = Finish::of(place.kind);
    let (n, v) = (shaded.normal, place.to_eye);
    let facing = n.dot(v).clamp(0.05, 1.0);
    let reflection = 2.0 * n.dot(v) * n - v;
    let mirrored = finish.specular * fresnel(facing);
    let ambient = shaded.albedo * light.ambient.irradiance(n) + mirrored * light.ambient.radiance(reflection);
    let lamps = (light.lamps.iter()).map(|lamp| {
        let to_lamp = lamp.at(place.position).0;
        reach(shaded, place, captured, to_lamp) * lamp_response(shaded, place, &finish, facing, lamp)
    });
    shaded.reach[captured.lamps.len()] * ambient + lamps.sum::<Vec3>()
}

/// How much of a lamp in this direction arrives.
pub fn reach(shaded: &Shaded, place: &Place, captured: &Light, to_lamp: Vec3) -> f32 {
    let (mut sum, mut weights) = (AMBIENT_WEIGHT * shaded.reach[captured.lamps.len()], AMBIENT_WEIGHT);
    for (lamp, reach) in captured.lamps.iter().zip(shaded.reach) {
        let near = (0.5 + 0.5 * to_lamp.dot(lamp.at(place.position).0)).max(0.0);
        let squared = near * near;
        let fourth = squared * squared;
        let weight = fourth * fourth;
        sum += weight * reach;
        weights += weight;
    }
    sum / weights
}

fn lamp_response(shaded: &Shaded, place: &Place, finish: &Finish, facing: f32, lamp: &Lamp) -> Vec3 {
    let (to_lamp, color) = lamp.at(place.position);
    let size = lamp.sin_radius(place.position);
    let cosine = shaded.normal.dot(to_lamp);
    let diffuse = (size + finish.wrap).min(Vec3::ONE).map(|width| soft_cosine(cosine, width));
    let specular = finish.specular
        * match place.kind.material() {
            Material::Hair => strands(shaded.normal, place.to_eye, to_lamp, size, finish.roughness),
            _ => microfacets(shaded.normal, place.to_eye, to_lamp, size, finish.roughness, facing),
        };
    color * (shaded.albedo * diffuse + specular)
}

/// GGX, times the cosine; the lamp's colour is irradiance over π, so nothing is divided by π.
fn microfacets(n: Vec3, v: Vec3, to_lamp: Vec3, size: f32, roughness: f32, facing: f32) -> f32 {
    let half = (to_lamp + v).normalize_or(n);
    let (nh, vh) = (n.dot(half).clamp(0.0, 1.0), v.dot(half).clamp(0.0, 1.0));
    let nl = soft_cosine(n.dot(to_lamp), size.max(0.05));
    let alpha = (roughness * roughness + 0.5 * size).min(1.0);
    let squared = alpha * alpha;
    let spread = nh * nh * (squared - 1.0) + 1.0;
    let distribution = squared / (spread * spread);
    let k = (roughness + 1.0) * (roughness + 1.0) / 8.0;
    let visibility = 0.25 / ((facing * (1.0 - k) + k) * (nl * (1.0 - k) + k));
    nl * distribution * visibility * fresnel(vh)
}

/// Kajiya & Kay's lobe, on the side that the lamp is on.
fn strands(n: Vec3, v: Vec3, to_lamp: Vec3, size: f32, roughness: f32) -> f32 {
    let strand = (n * n.y - Vec3::Y).normalize_or(Vec3::X);
    let half = (to_lamp + v).normalize_or(n);
    let along = strand.dot(half);
    let across = (1.0 - along * along).max(0.0).sqrt();
    let alpha = (roughness * roughness + 0.5 * size).min(1.0);
    let exponent = 2.0 / (alpha * alpha);
    FACING_FRESNEL * (exponent + 2.0).sqrt() * across.powf(exponent) * soft_cosine(n.dot(to_lamp), 0.5)
}

/// Schlick's approximation.
fn fresnel(cosine: f32) -> f32 {
    let away = 1.0 - cosine;
    let squared = away * away;
    FACING_FRESNEL + (1.0 - FACING_FRESNEL) * squared * squared * away
}
