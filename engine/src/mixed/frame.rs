//! The uniform of a frame.

use glam::{Affine3A, Mat4, Quat, Vec3, Vec4};
use visavis_codec::light::{BANDS, LampKind, Light};
use visavis_shaders::mirror::MixedFrame;

use super::{DepthMap, DepthUnit, Encoding, Intrinsics, MixedError, MixerOptions, PicturePixels};
use crate::mixed::Inputs;
use crate::{ShadowMap, View};

/// Where the depth map was taken that a view remembers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Before {
    pub(super) view_from_world: Affine3A,
    pub(super) camera: Intrinsics,
}

/// Constants of the basis functions of [`Ambient`](visavis_codec::light::Ambient), times what the cosine lobe leaves of each.
const IRRADIANCE: [f32; BANDS] = [
    0.282_094_8,
    0.325_735,
    0.325_735,
    0.325_735,
    0.273_137_1,
    0.273_137_1,
    0.078_847_89,
    0.273_137_1,
    0.136_568_55,
];

/// The polynomials of the basis functions, for a unit vector.
#[cfg(test)]
fn polynomials(d: Vec3) -> [f32; BANDS] {
    let Vec3 { x, y, z } = d;
    [1.0, y, z, x, x * y, y * z, 3.0 * z * z - 1.0, x * z, x * x - y * y]
}

/// What the cosine lobe leaves of a coefficient (Ramamoorthi & Hanrahan 2001, equation 8), over π.
pub(super) fn cosine_lobe(index: usize) -> f32 {
    match index {
        0 => 1.0,
        1..=3 => 2.0 / 3.0,
        _ => 0.25,
    }
}

/// Everything that the shaders know. `output` is the size of the output.
pub(super) fn frame(
    inputs: &Inputs<'_>,
    output: [u32; 2],
    shadow_texels: u32,
    before: Option<Before>,
    options: &MixerOptions,
) -> Result<MixedFrame, MixedError> {
    let view = inputs.view;
    let seen = Intrinsics::of_view(view, output);
    let avatar_inverse = inverse_of_depth(view)?;
    let mut frame = MixedFrame {
        avatar_inverse,
        settings: [0.0, options.depth_noise, options.memory_frames as f32, options.hold_frames as f32],
        ..bytemuck::Zeroable::zeroed()
    };
    let mut has = [0.0; 4];
    if let Some(DepthMap { unit, camera, .. }) = inputs.depth {
        (frame.depth_focal, frame.depth_centre) = (camera.focal_px, camera.centre_px);
        frame.depth_size = camera.size.map(|pixels| pixels as f32);
        frame.depth_from_output = seen.other_from_self(&camera);
        (frame.map_inverse, has[0]) = map_inverse(unit)?;
        let before_from_view = match before {
            Some(before) => {
                has[3] = 1.0;
                (frame.before_focal, frame.before_centre) = (before.camera.focal_px, before.camera.centre_px);
                before.view_from_world * view.view_from_world.inverse()
            }
            None => Affine3A::IDENTITY,
        };
        frame.before_from_view = Mat4::from(before_from_view).to_cols_array_2d();
    }
    if let Some(picture) = inputs.picture {
        has[1] = 1.0;
        let is_encoded = match picture.pixels {
            PicturePixels::Texture(_, encoding) => encoding == Encoding::Srgb,
            PicturePixels::Rgba8(_) => false, // uploaded as an sRGB texture
        };
        has[2] = f32::from(u8::from(is_encoded));
        frame.picture_size = picture.camera.size.map(|pixels| pixels as f32);
        frame.picture_from_output = seen.other_from_self(&picture.camera);
        if let Some(DepthMap { camera, .. }) = inputs.depth {
            frame.picture_from_depth = camera.other_from_self(&picture.camera);
        }
    }
    frame.has = has;
    if let Some(light) = inputs.light {
        set_light(&mut frame, light, view.view_from_world);
    }
    if let Some(shadow) = inputs.shadow {
        set_shadow(&mut frame, &shadow, view, shadow_texels)?;
    }
    Ok(frame)
}

/// Gain and offset from reversed depth to inverse distance: `depth = (a z + b) / −z` along −z.
fn inverse_of_depth(view: &View) -> Result<[f32; 2], MixedError> {
    let [x, y, z, w] = view.clip_from_view.to_cols_array_2d();
    let is_camera = view.clip_from_view.is_finite()
        && view.view_from_world.is_finite()
        && x[0] > 0.0
        && y[1] > 0.0
        && (z[3] + 1.0).abs() < 1e-6
        && w[3] == 0.0
        && w[2] > 0.0;
    if !is_camera {
        return Err(MixedError::View);
    }
    Ok([1.0 / w[2], z[2] / w[2]])
}

fn map_inverse(unit: DepthUnit) -> Result<([f32; 2], f32), MixedError> {
    let wrong = |field, found, allowed| Err(MixedError::Unit { field, found, allowed });
    match unit {
        DepthUnit::Metres { scale } if !(scale.is_finite() && scale > 0.0) => {
            wrong("scale", scale, "finite, more than 0")
        }
        DepthUnit::Metres { scale } => Ok(([scale, 0.0], 0.0)),
        DepthUnit::Normalised { near_m, .. } if !(near_m.is_finite() && near_m > 0.0) => {
            wrong("near_m", near_m, "finite, more than 0")
        }
        DepthUnit::Normalised { near_m, far_m } if far_m.is_nan() || far_m <= near_m => {
            wrong("far_m", far_m, "more than near_m, or infinity")
        }
        DepthUnit::Normalised { near_m, far_m } => Ok(([1.0 / far_m - 1.0 / near_m, 1.0 / near_m], 1.0)),
    }
}

fn set_light(frame: &mut MixedFrame, light: &Light, view_from_world: Affine3A) {
    let rotation = Quat::from_affine3(&view_from_world.into());
    let light = light.in_frame(rotation, view_from_world.translation.into());
    for ((out, rgb), factor) in frame.ambient.iter_mut().zip(light.ambient.coefficients).zip(IRRADIANCE) {
        *out = (Vec3::from(rgb) * factor).extend(0.0).to_array();
    }
    let Some(lamp) = light.lamps.first() else { return };
    // Everything is inside the cone of a lamp that has none.
    (frame.lamp_axis, frame.settings[0]) = ([0.0, 0.0, 0.0, -2.0], -1.0);
    let color = Vec3::from(lamp.color);
    let (place, size) = match lamp.kind {
        LampKind::Directional { to_lamp, .. } => (to_lamp.extend(0.0), lamp.sin_radius(Vec3::ZERO)),
        LampKind::Point { position_m, radius_m } => (position_m.extend(1.0), radius_m),
        LampKind::Spot { position_m, radius_m, axis, inner_rad, outer_rad } => {
            frame.lamp_axis = axis.extend(outer_rad.cos()).to_array();
            frame.settings[0] = inner_rad.cos();
            (position_m.extend(1.0), radius_m)
        }
    };
    (frame.lamp, frame.lamp_color) = (place.to_array(), color.extend(size).to_array());
}

fn set_shadow(
    frame: &mut MixedFrame,
    shadow: &ShadowMap<'_>,
    view: &View,
    texels: u32,
) -> Result<(), MixedError> {
    let clip_from_world = shadow.clip_from_world;
    let [x, y, z] = [0, 1, 2].map(|row| clip_from_world.row(row).truncate().length());
    let is_parallel = clip_from_world.is_finite() && clip_from_world.row(3).abs_diff_eq(Vec4::W, 1e-5);
    if !is_parallel || x.min(y).min(z) <= 1e-6 {
        return Err(MixedError::ShadowProjection);
    }
    frame.lamp_clip_from_view =
        (clip_from_world * Mat4::from(view.view_from_world.inverse())).to_cols_array_2d();
    frame.shadow_scale = [0.5 * x, 0.5 * y, 1.0 / z, texels as f32];
    Ok(())
}

#[cfg(test)]
mod tests {
    use visavis_codec::light::Ambient;

    use super::*;

    #[test]
    fn depth_of_a_view_is_turned_into_inverse_metres() {
        let mut view = View::perspective(Affine3A::IDENTITY, 0.8, 1.5, 0.05);
        for far in [f32::INFINITY, 20.0] {
            // With a far plane: depth is near (far − m) / (m (far − near)).
            let (a, b) =
                if far.is_finite() { (0.05 / (far - 0.05), far * 0.05 / (far - 0.05)) } else { (0.0, 0.05) };
            view.clip_from_view.z_axis.z = a;
            view.clip_from_view.w_axis.z = b;
            let [gain, offset] = inverse_of_depth(&view).expect("a camera");
            for metres in [0.06f32, 0.7, 12.0] {
                let depth = view.clip_from_view.project_point3(Vec3::new(0.1, 0.2, -metres)).z;
                assert!(((depth * gain + offset) * metres - 1.0).abs() < 1e-3, "{far} {metres}");
            }
        }
        view.clip_from_view.x_axis.x = f32::NAN;
        assert_eq!(inverse_of_depth(&view), Err(MixedError::View));
    }

    #[test]
    fn irradiance_is_the_codecs() {
        let ambient =
            Ambient::project(500, |d| (d * Vec3::new(0.4, 0.2, 0.7) + Vec3::splat(1.0)).max(Vec3::ZERO));
        let light = Light::new(ambient);
        let mut frame: MixedFrame = bytemuck::Zeroable::zeroed();
        set_light(&mut frame, &light, Affine3A::IDENTITY);
        let n = Vec3::new(0.6, -0.48, 0.64);
        let found: Vec3 =
            frame.ambient.iter().zip(polynomials(n)).map(|(a, p)| Vec3::new(a[0], a[1], a[2]) * p).sum();
        assert!((found - ambient.irradiance(n)).abs().max_element() < 1e-4, "{found}");
    }
}
