//! The light of a place, from the camera's picture of it.

use glam::{Affine3A, Mat3, Quat, Vec2, Vec3};
use visavis_codec::light::{Ambient, BANDS, Lamp, LampKind, Light};

use super::surfaces::surfaces;
use super::{Intrinsics, InvalidCamera, shading};

/// What a camera and, better, its depth sensor see at one time; bytes in memory.
#[derive(Clone, Copy, Debug)]
pub struct Observation<'a> {
    /// The camera's picture: red, green, blue and a fourth byte of no meaning, sRGB, row by row from the top left. A small one
    /// is enough: some 3,600 samples of it are looked at.
    pub rgba: &'a [u8],
    /// The camera, of the picture's size.
    pub camera: Intrinsics,
    /// The camera's pose: it looks along −Z.
    pub world_from_view: Affine3A,
    /// Metres along the camera's axis, and the depth sensor's camera, where it is, of its size. NaN, infinity and what isn't
    /// positive are holes.
    pub depth: Option<(&'a [f32], Intrinsics)>,
    /// Since the observation before, ≥ 0; of no meaning in the first.
    pub seconds: f32,
}

/// Why an observation says nothing; the estimate stays as it was.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum ObservationError {
    /// A camera's numbers can't be.
    #[error("the {what}'s camera: {reason}")]
    Camera {
        /// Picture or depth map.
        what: &'static str,
        /// Which number.
        reason: InvalidCamera,
    },
    /// A slice has not as many elements as its camera has pixels.
    #[error("the {what} has {found} elements, its camera's size asks for {expected}")]
    Length {
        /// Picture or depth map.
        what: &'static str,
        /// Elements.
        found: usize,
        /// Elements.
        expected: usize,
    },
    /// The time since the observation before.
    #[error("seconds is {0}, allowed: finite, 0 or more")]
    Seconds(f32),
}

/// Estimates the light of a place from a camera's pictures: ambient light as spherical harmonics of order 2, and the dominant
/// direction as a lamp. World space; the picture's own exposure.
///
/// It runs on the processor, from bytes: the result is wanted there ([`Instance::set_light`](crate::Instance::set_light)
/// takes a [`Light`]), a GPU would have to be read back for it, and a few thousand samples don't fill one.
///
/// # Method
/// 1. *The picture as what shines.* It covers its field of view; beyond, it is mirrored at its edges until it covers the sphere
///    (after Khan, Reinhard, Fleming & Bülthoff 2006, section 3.2, who mirror it to behind the camera), fading into its mean over
///    [`FADE_RAD`]: what is far outside isn't known. Clipped pixels count as brighter than they are.
/// 2. *The picture as what is shone on*, where there is depth: surfaces of known normals show the light that falls on them
///    (inverse lighting, Marschner & Greenberg 1997; from depth sensors, Gruber, Richter-Trummer & Schmalstieg 2012). Normals
///    come from planes fitted to inverse depth. Of [`DIRECTIONS`](super::DIRECTIONS) directions that one is the lamp's for which
///    `ambient + lamp × cosine` explains best how patches of one material are shaded, each of an albedo of its own, and, with less
///    weight, how bright they are beside each other; in absolute differences, so that what lies in a shadow is outvoted. The level
///    follows from an albedo of [`ALBEDO`](super::ALBEDO) in the mean (grey world). A lamp that explains little is told weaker.
///    Light from behind what is seen shades nothing of it and can't be found so.
/// 3. *The lamp* without depth: the dominant direction is the luminance's linear band, its colour the least-squares fit of a
///    directional lamp to orders 1 and 2 of the irradiance (Sloan 2008, “Stupid Spherical Harmonics Tricks”). The rest stays ambient.
/// 4. *Time*: harmonics are smoothed exponentially in world space, so that turning the head changes nothing by itself.
#[derive(Clone, Debug)]
pub struct LightEstimator {
    time_constant_s: f32,
    /// Whether `light` was ever seen.
    is_begun: bool,
    light: Light,
}

/// How far beyond the picture's edge its mirror image fades into its mean, radians.
pub const FADE_RAD: f32 = 1.0;
/// Columns that are looked at; rows by the picture's shape.
const COLUMNS: u32 = 80;
/// Half of the angle that the lamp fills, radians: windows and lamps in rooms are not points.
const LAMP_RADIUS_RAD: f32 = 0.12;
/// Of a clipped pixel: at least so many times what it says.
const CLIPPED: f32 = 4.0;

impl LightEstimator {
    /// An estimator that follows a change of light by 63 % within `time_constant_s` seconds; 0.5 is calm and quick enough
    /// for a lamp that is switched on. What isn't finite and positive counts as 0: no smoothing.
    pub fn new(time_constant_s: f32) -> Self {
        let time_constant_s = if time_constant_s.is_finite() { time_constant_s.max(0.0) } else { 0.0 };
        Self { time_constant_s, is_begun: false, light: Light::default() }
    }

    /// The estimate; dark before the first observation.
    pub fn light(&self) -> &Light {
        &self.light
    }

    /// Forgets what was seen, as after a change of place.
    pub fn reset(&mut self) {
        *self = Self::new(self.time_constant_s);
    }

    /// Looks at a picture, and returns the estimate. With depth that takes one core some 50 ms (`cargo test -p visavis --test
    /// mixed_light -- --nocapture` prints it): for a thread beside the one that draws, a few times a second.
    ///
    /// # Errors
    /// [`ObservationError`] where sizes or numbers can't be.
    pub fn observe(&mut self, observation: &Observation<'_>) -> Result<&Light, ObservationError> {
        check(observation)?;
        let samples = Samples::new(observation);
        let world_from_view = Quat::from_mat3(&Mat3::from(observation.world_from_view.matrix3)).normalize();
        let shines = samples.as_what_shines();
        let shone_on = observation
            .depth
            .and_then(|(metres, camera)| samples.as_what_is_shone_on(metres, &camera, &shines));
        let found = shone_on.unwrap_or_else(|| with_lamp(&shines)).rotated(world_from_view);
        self.light = match &self.light {
            before if self.is_begun && self.time_constant_s > 0.0 => {
                between(before, &found, 1.0 - (-observation.seconds / self.time_constant_s).exp())
            }
            _ => found,
        };
        self.is_begun = true;
        Ok(&self.light)
    }
}

/// The light a share of the way from one to another. Lamps go by direction times strength, so that one that is switched off doesn't
/// swing about.
fn between(from: &Light, to: &Light, share: f32) -> Light {
    let mix = |a: Vec3, b: Vec3| a * (1.0 - share) + b * share;
    let lamp = |light: &Light| {
        let lamp = light.lamps.first();
        lamp.map_or((Vec3::Y, Vec3::ZERO), |lamp| (lamp.at(Vec3::ZERO).0, Vec3::from(lamp.color)))
    };
    let ((from_lamp, from_color), (to_lamp, to_color)) = (lamp(from), lamp(to));
    let towards = mix(from_lamp * (luminance(from_color) + 1e-6), to_lamp * (luminance(to_color) + 1e-6));
    let ambient = from.ambient.scaled(Vec3::splat(1.0 - share)) + to.ambient.scaled(Vec3::splat(share));
    let mut light = Light::new(ambient);
    light.lamps.push(lamp_of(towards.normalize_or(to_lamp), mix(from_color, to_color)));
    light
}

fn lamp_of(to_lamp: Vec3, color: Vec3) -> Lamp {
    let kind = LampKind::Directional { to_lamp, angular_radius_rad: LAMP_RADIUS_RAD };
    Lamp { kind, color: color.max(Vec3::ZERO).to_array() }
}

fn check(observation: &Observation<'_>) -> Result<(), ObservationError> {
    let Observation { rgba, camera, depth, seconds, world_from_view } = *observation;
    let length = |what, found: usize, size: [u32; 2], each: usize| {
        let expected = (size[0] as usize).saturating_mul(size[1] as usize).saturating_mul(each);
        match found == expected {
            true => Ok(()),
            false => Err(ObservationError::Length { what, found, expected }),
        }
    };
    camera.validate().map_err(|reason| ObservationError::Camera { what: "picture", reason })?;
    if !world_from_view.is_finite() {
        return Err(ObservationError::Camera { what: "picture", reason: InvalidCamera::Pose });
    }
    length("picture", rgba.len(), camera.size, 4)?;
    if let Some((metres, camera)) = depth {
        camera.validate().map_err(|reason| ObservationError::Camera { what: "depth map", reason })?;
        length("depth map", metres.len(), camera.size, 1)?;
    }
    match seconds.is_finite() && seconds >= 0.0 {
        true => Ok(()),
        false => Err(ObservationError::Seconds(seconds)),
    }
}

/// A small linear picture, and how it was seen.
pub(super) struct Samples {
    pub(super) size: [usize; 2],
    pub(super) colors: Vec<Vec3>,
    /// Whether any of a sample's pixels was clipped.
    pub(super) clipped: Vec<bool>,
    mean: Vec3,
    pub(super) camera: Intrinsics,
}

impl Samples {
    fn new(observation: &Observation<'_>) -> Self {
        let [width, height] = observation.camera.size;
        let columns = COLUMNS.min(width);
        let rows =
            (u64::from(columns) * u64::from(height) / u64::from(width)).clamp(1, u64::from(4 * COLUMNS));
        let rows = (rows as u32).min(height);
        let (mut colors, mut clipped) = (Vec::new(), Vec::new());
        for row in 0..rows {
            for column in 0..columns {
                let (mut sum, mut is_clipped) = (Vec3::ZERO, false);
                // Sixteen pixels of each cell, or as many times the same where it has fewer.
                for i in 0..16u32 {
                    let part = |index: u32, sub: u32, count: u32, side: u32| {
                        let place = (f64::from(index) + (f64::from(sub) + 0.5) / 4.0) / f64::from(count);
                        ((place * f64::from(side)) as u32).min(side - 1) as usize
                    };
                    let (x, y) = (part(column, i % 4, columns, width), part(row, i / 4, rows, height));
                    let texel = observation.rgba.get((y * width as usize + x) * 4..).unwrap_or_default();
                    let channel = |c: usize| texel.get(c).copied().unwrap_or(0);
                    is_clipped |= (0..3).any(|c| channel(c) >= 252);
                    sum += Vec3::from_array([0, 1, 2].map(|c| linear(channel(c))));
                }
                colors.push(sum / 16.0);
                clipped.push(is_clipped);
            }
        }
        let mean = colors.iter().sum::<Vec3>() / colors.len() as f32;
        let size = [columns as usize, rows as usize];
        Self { size, colors, clipped, mean, camera: observation.camera.scaled_to([columns, rows]) }
    }

    /// Radiance all round in the view's frame, by the picture and its mirror images.
    fn as_what_shines(&self) -> Ambient {
        let edge =
            |i: usize, place: f32| ((place - self.camera.centre_px[i]) / self.camera.focal_px[i]).atan();
        let [left, top] = [0, 1].map(|i| edge(i, 0.0));
        let [right, bottom] = [0, 1].map(|i| edge(i, self.size[i] as f32));
        Ambient::project(1024, |direction| {
            let across = direction.x.atan2(-direction.z);
            let down = -direction.y.clamp(-1.0, 1.0).asin();
            let (x, past_x) = mirrored(across, left, right);
            let (y, past_y) = mirrored(down, top, bottom);
            let place = [x, y].map(f32::tan);
            let index = |i: usize| {
                let at = self.camera.centre_px[i] + self.camera.focal_px[i] * place[i];
                (at.max(0.0) as usize).min(self.size[i] - 1)
            };
            let at = index(1) * self.size[0] + index(0);
            let color = self.colors[at] * if self.clipped[at] { CLIPPED } else { 1.0 };
            color.lerp(self.mean, (Vec2::new(past_x, past_y).length() / FADE_RAD).min(1.0))
        })
    }

    /// Light in the view's frame by how surfaces are shaded; none if too few of them are seen.
    fn as_what_is_shone_on(&self, metres: &[f32], depth: &Intrinsics, shines: &Ambient) -> Option<Light> {
        let found = shading::explain(&surfaces(self, metres, depth), self.size[0])?;
        // The level is what surfaces say; how it differs by direction, what the picture itself says, as far as it is seen.
        let mut all_round = Ambient::uniform(found.ambient.max(Vec3::splat(1e-3)).to_array());
        let scale =
            Vec3::from(all_round.coefficients[0]) / Vec3::from(shines.coefficients[0]).max(Vec3::splat(1e-6));
        for (out, seen) in all_round.coefficients.iter_mut().zip(shines.coefficients).skip(1) {
            *out = (0.5 * scale * Vec3::from(seen)).to_array();
        }
        let mut light = Light::new(all_round);
        light.lamps.push(lamp_of(found.to_lamp, found.lamp));
        Some(light)
    }
}

/// An angle, mirrored at both ends of a range until it lies within; and how far outside it was.
fn mirrored(angle: f32, low: f32, high: f32) -> (f32, f32) {
    let width = (high - low).max(1e-3);
    let turns = (angle - low).rem_euclid(2.0 * width);
    let inside = if turns > width { 2.0 * width - turns } else { turns };
    (low + inside, (low - angle).max(angle - high).max(0.0))
}

/// Splits the strongest direction from the rest.
fn with_lamp(radiance: &Ambient) -> Light {
    let c = radiance.coefficients.map(Vec3::from);
    let towards = Vec3::new(luminance(c[3]), luminance(c[1]), luminance(c[2]));
    let to_lamp = towards.normalize_or_zero();
    if to_lamp == Vec3::ZERO {
        return Light::new(*radiance);
    }
    let lamp = lamp_of(to_lamp, Vec3::ONE);
    let mut one = Ambient::default();
    one.add_lamp(&lamp, Vec3::ZERO);
    let (mut product, mut square) = (Vec3::ZERO, 0.0);
    for k in 1..BANDS {
        let weight = super::frame::cosine_lobe(k).powi(2);
        product += weight * one.coefficients[k][0] * c[k];
        square += weight * one.coefficients[k][0].powi(2);
    }
    // Some of the light always comes from all round.
    let most = 0.9 / one.coefficients[0][0] * c[0];
    let color = (product / square).min(most).max(Vec3::ZERO);
    let rest = *radiance + one.scaled(-color);
    let mut light = Light::new(rest);
    light.lamps.push(Lamp { color: color.to_array(), ..lamp });
    light
}

pub(super) fn luminance(rgb: Vec3) -> f32 {
    rgb.dot(Vec3::new(0.2126, 0.7152, 0.0722))
}

/// IEC 61966-2-1.
fn linear(code: u8) -> f32 {
    let value = f32::from(code) / 255.0;
    if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
}
