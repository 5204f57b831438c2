//! The surroundings as mirrors of growing roughness see them.

use std::f32::consts::TAU;

use glam::{Quat, Vec3};
use half::f16;
use visavis::wgpu;

use super::pass::RendererShared;
use crate::scene::Scene;

/// Texels a side of the sharpest level.
const SIDE: u32 = 64;
/// Levels: roughness 0, ¼, ½, ¾, 1.
pub(crate) const LEVELS: u32 = 5;
/// Directions that a texel of a rough mirror gathers.
const SAMPLES: u32 = 48;

/// A cube of the surroundings, each level as a surface of its roughness mirrors it (the first sum of Karis 2013, "Real
/// Shading in Unreal Engine 4").
pub(crate) fn cube(shared: &RendererShared, scene: &Scene) -> wgpu::TextureView {
    let texture = shared.device.create_texture(&wgpu::TextureDescriptor {
        label: Some("visavis scene surroundings"),
        size: wgpu::Extent3d { width: SIDE, height: SIDE, depth_or_array_layers: 6 },
        mip_level_count: LEVELS,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: wgpu::TextureFormat::Rgba16Float,
        usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
        view_formats: &[],
    });
    for level in 0..LEVELS {
        let side = SIDE >> level;
        let lobe = lobe(level as f32 / (LEVELS - 1) as f32);
        let mut texels: Vec<[f16; 4]> = Vec::with_capacity((6 * side * side) as usize);
        for face in 0..6 {
            for (y, x) in (0..side).flat_map(|y| (0..side).map(move |x| (y, x))) {
                let place = |i: u32| (2.0 * i as f32 + 1.0) / side as f32 - 1.0;
                let normal = direction(face, place(x), place(y));
                let Vec3 { x, y, z } = gather(scene, normal, &lobe).min(Vec3::splat(6e4));
                texels.push([x, y, z, 1.0].map(f16::from_f32));
            }
        }
        shared.queue.write_texture(
            wgpu::TexelCopyTextureInfo { mip_level: level, ..texture.as_image_copy() },
            bytemuck::cast_slice(&texels),
            wgpu::TexelCopyBufferLayout {
                offset: 0,
                bytes_per_row: Some(8 * side),
                rows_per_image: Some(side),
            },
            wgpu::Extent3d { width: side, height: side, depth_or_array_layers: 6 },
        );
    }
    texture.create_view(&wgpu::TextureViewDescriptor {
        dimension: Some(wgpu::TextureViewDimension::Cube),
        ..Default::default()
    })
}

/// Directions round +Z that a mirror of this roughness sees +Z's light in, with their weights.
fn lobe(roughness: f32) -> Vec<(Vec3, f32)> {
    if roughness == 0.0 {
        return vec![(Vec3::Z, 1.0)];
    }
    let a2 = roughness.powi(4);
    (0..SAMPLES)
        .filter_map(|i| {
            let (u, v) = ((i as f32 + 0.5) / SAMPLES as f32, i.reverse_bits() as f32 / u32::MAX as f32);
            // GGX's half vectors.
            let cos2 = (1.0 - u) / (1.0 + (a2 - 1.0) * u);
            let (sin, cos) = ((1.0 - cos2).max(0.0).sqrt(), cos2.sqrt());
            let half = Vec3::new(sin * (TAU * v).cos(), sin * (TAU * v).sin(), cos);
            let light = 2.0 * half.z * half - Vec3::Z;
            (light.z > 0.0).then_some((light, light.z))
        })
        .collect()
}

fn gather(scene: &Scene, normal: Vec3, lobe: &[(Vec3, f32)]) -> Vec3 {
    let turn = Quat::from_rotation_arc(Vec3::Z, normal);
    let (mut sum, mut total) = (Vec3::ZERO, 0.0);
    for &(direction, weight) in lobe {
        sum += scene.radiance(turn * direction) * weight;
        total += weight;
    }
    sum / f32::max(total, 1e-6)
}

/// The way through a texel of a cube's face, −1..1 to the right and downwards.
fn direction(face: u32, right: f32, down: f32) -> Vec3 {
    let way = match face {
        0 => Vec3::new(1.0, -down, -right),
        1 => Vec3::new(-1.0, -down, right),
        2 => Vec3::new(right, 1.0, down),
        3 => Vec3::new(right, -1.0, -down),
        4 => Vec3::new(right, -down, 1.0),
        _ => Vec3::new(-right, -down, -1.0),
    };
    way.normalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn even_surroundings_stay_even_at_every_roughness() {
        let mut scene = Scene::default();
        scene.environment.sky = crate::scene::Sky::Gradient([Vec3::splat(0.7); 3]);
        for level in 0..LEVELS {
            let lobe = lobe(level as f32 / (LEVELS - 1) as f32);
            for face in 0..6 {
                let seen = gather(&scene, direction(face, 0.3, -0.6), &lobe);
                assert!((seen - 0.7).abs().max_element() < 1e-5, "{seen}");
            }
        }
    }

    #[test]
    fn rough_mirrors_see_the_sky_s_edge_softly() {
        let mut scene = Scene::default();
        scene.environment.sky = crate::scene::Sky::Gradient([Vec3::ONE, Vec3::ZERO, Vec3::ZERO]);
        let rough = gather(&scene, Vec3::X, &lobe(1.0));
        assert!(rough.x > 0.05 && gather(&scene, Vec3::X, &lobe(0.0)).x < 1e-6, "{rough}");
    }
}
