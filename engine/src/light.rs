//! Light on instances: what a host says of it, and what shaders read.

use std::f32::consts::FRAC_PI_2;

use bytemuck::Zeroable;
use glam::{Affine3A, Mat4, Quat, Vec2, Vec3, Vec4};
use visavis_codec::avatar::{Material, PartKind};
use visavis_codec::light::{BASIS, Lamp, LampKind, Light};
use visavis_codec::reference::relight::Finish;
use visavis_shaders::mirror::{self, LIGHT_BANDS, LIGHT_LAMPS, Lighting, SkinnedVertex};

use crate::engine::Shared;
use crate::error::{LightError, PrepareError};
use crate::instance::Instance;

/// What is round the instances of a frame ([`Engine::prepare_in`](crate::Engine::prepare_in)). The default: nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Surroundings<'a> {
    /// What keeps the first lamp of each instance's [`Light`] from shining on it. Instances without light of their own
    /// ([`Instance::set_light`]) receive no shadow.
    pub shadow: Option<ShadowMap<'a>>,
}

/// Depth as the first lamp sees it: the host's own map, with everything in it that casts a shadow, avatars too
/// ([`Frame::draw_shadow`](crate::Frame::draw_shadow)), whose shadows then fall on themselves as well. What lies outside the map
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

/// What shaders read of an instance's light.
///
/// `light` is in the world, `captured` in the instance's rest frame; `number` is the instance's in a layer.
pub(crate) fn lighting(
    light: &Light,
    captured: &Light,
    world_from_rest: Affine3A,
    shadow: Option<&ShadowMap<'_>>,
    number: u16,
) -> Lighting {
    let rest_from_world = world_from_rest.inverse();
    let rotation = Quat::from_mat3a(&rest_from_world.matrix3).normalize();
    let translation_m = Vec3::from(rest_from_world.translation);
    let mut lighting = Lighting::zeroed();
    let ambients = [light.ambient.rotated(rotation), captured.ambient];
    for (bands, ambient) in lighting.ambient.as_chunks_mut::<LIGHT_BANDS>().0.iter_mut().zip(ambients) {
        for ((band, [r, g, b]), basis) in bands.iter_mut().zip(ambient.coefficients).zip(BASIS) {
            *band = [r * basis, g * basis, b * basis, 0.0];
        }
    }
    let [own, theirs] = lighting.lamps.as_chunks_mut::<LIGHT_LAMPS>().0 else { return lighting };
    let lamps = light.lamps.iter().map(|lamp| lamp.in_frame(rotation, translation_m));
    for (to, lamp) in own.iter_mut().zip(lamps) {
        *to = mirrored(&lamp);
    }
    for (to, lamp) in theirs.iter_mut().zip(&captured.lamps) {
        *to = mirrored(lamp);
    }
    for kind in PartKind::ALL {
        let Finish { wrap, roughness, specular } = Finish::of(kind);
        lighting.finishes[kind as usize] = mirror::Finish {
            wrap: wrap.to_array(),
            roughness,
            specular,
            strands: u32::from(kind.material() == Material::Hair),
            reserved_0: 0,
            reserved_1: 0,
        };
    }
    let count = |light: &Light| light.lamps.len().min(LIGHT_LAMPS) as u32;
    lighting.counts = [count(light), count(captured), u32::from(shadow.is_some()), u32::from(number)];
    if let Some(ShadowMap { view, clip_from_world }) = shadow {
        let clip_from_rest = *clip_from_world * Mat4::from(world_from_rest);
        let size = [view.texture().width(), view.texture().height()].map(|texels| texels as f32);
        // A texel is so many metres wide where w is 1.
        let across = [0, 1].map(|axis| clip_from_rest.row(axis).truncate().length().max(1e-9));
        lighting.shadow_from_rest = clip_from_rest.to_cols_array_2d();
        lighting.shadow_texel =
            [1.0 / size[0], 1.0 / size[1], 2.0 / (size[0] * across[0]), 2.0 / (size[1] * across[1])];
    }
    lighting
}

fn mirrored(lamp: &Lamp) -> mirror::Lamp {
    let [r, g, b] = lamp.color;
    let (place, size, cone) = match lamp.kind {
        LampKind::Directional { to_lamp, angular_radius_rad } => {
            (to_lamp.extend(0.0), angular_radius_rad.clamp(0.0, FRAC_PI_2).sin(), Vec4::W)
        }
        LampKind::Point { position_m, radius_m } => (position_m.extend(1.0), radius_m, Vec4::W),
        LampKind::Spot { position_m, radius_m, axis, inner_rad, outer_rad } => {
            let (inner, outer) = (inner_rad.cos(), outer_rad.cos());
            let steep = (inner - outer).max(1e-3).recip();
            (position_m.extend(1.0), radius_m, (-axis * steep).extend(-outer * steep))
        }
    };
    mirror::Lamp { place: place.to_array(), color: [r, g, b, size], cone: cone.to_array() }
}

impl ShadowMap<'_> {
    /// Whether it can be read as a shadow map.
    pub(crate) fn check(&self) -> Result<(), PrepareError> {
        let refused = |what, found: String, allowed| Err(PrepareError::ShadowMap { what, found, allowed });
        let texture = self.view.texture();
        if !texture.format().has_depth_aspect() {
            return refused("format", format!("{:?}", texture.format()), "one with depth");
        }
        if texture.sample_count() != 1 {
            return refused("number of samples", texture.sample_count().to_string(), "1");
        }
        if texture.dimension() != wgpu::TextureDimension::D2 {
            return refused("dimension", format!("{:?}", texture.dimension()), "D2");
        }
        if !texture.usage().contains(wgpu::TextureUsages::TEXTURE_BINDING) {
            return refused("usage", format!("{:?}", texture.usage()), "one with TEXTURE_BINDING");
        }
        if !self.clip_from_world.is_finite() {
            return refused("clip_from_world", self.clip_from_world.to_string(), "finite numbers");
        }
        Ok(())
    }
}

/// What the shaders of a frame's relit instances bind beside each instance's own things.
pub(crate) fn group(
    shared: &Shared,
    buffer: &wgpu::Buffer,
    shadow: Option<&ShadowMap<'_>>,
) -> wgpu::BindGroup {
    let layouts = &shared.layouts;
    let map = shadow.map_or(&layouts.no_shadow, |shadow| shadow.view);
    let lighting =
        wgpu::BufferBinding { buffer, offset: 0, size: wgpu::BufferSize::new(size_of::<Lighting>() as u64) };
    shared.device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: Some("visavis lighting"),
        layout: &layouts.lighting,
        entries: &[
            wgpu::BindGroupEntry { binding: 0, resource: wgpu::BindingResource::Buffer(lighting) },
            wgpu::BindGroupEntry { binding: 1, resource: wgpu::BindingResource::TextureView(map) },
            wgpu::BindGroupEntry {
                binding: 2,
                resource: wgpu::BindingResource::Sampler(&layouts.comparison),
            },
        ],
    })
}

/// The rectangle of clip space (left, bottom, right, top) that holds what these vertices show of themselves in a picture of
/// this size, the rim of a pixel included.
pub(crate) fn bounds(vertices: &[SkinnedVertex], clip_from_rest: Mat4, size: [u32; 2]) -> [f32; 4] {
    let everything = [-1.0, -1.0, 1.0, 1.0];
    let (mut low, mut high) = (Vec3::INFINITY, Vec3::NEG_INFINITY);
    for vertex in vertices {
        let position = Vec3::from(vertex.position);
        (low, high) = (low.min(position), high.max(position));
    }
    let (mut least, mut most) = (Vec2::INFINITY, Vec2::NEG_INFINITY);
    for corner in 0..8 {
        let choose = |axis: usize| if (corner >> axis) & 1 == 0 { low[axis] } else { high[axis] };
        let clip = clip_from_rest * Vec4::new(choose(0), choose(1), choose(2), 1.0);
        // Behind the eye, or no vertices at all.
        if clip.w.is_nan() || clip.w <= 1e-6 {
            return everything;
        }
        let place = Vec2::new(clip.x, clip.y) / clip.w;
        (least, most) = (least.min(place), most.max(place));
    }
    let rim = Vec2::new(4.0 / size[0].max(1) as f32, 4.0 / size[1].max(1) as f32);
    let (least, most) = ((least - rim).max(Vec2::NEG_ONE), (most + rim).min(Vec2::ONE));
    if least.is_finite() && most.is_finite() { [least.x, least.y, most.x, most.y] } else { everything }
}
