//! The encoder that was trained with an avatar becomes its [`Driver`], once this side computes what the trainer did.

use std::path::Path;

use safetensors::SafeTensors;

use super::capture::{Capture, CaptureError, CaptureFrame, read};
use super::pack::PackError;
use super::rig::{Rig, Tensors};
use crate::Avatar;
use crate::encoder::{
    AverageTexture, DRIVER_SCHEMA, Driver, DriverManifest, Encoder, EncoderError, Graph, MeshInput,
    TextureInput, Unwrapping, WhoseDriver,
};
use crate::latent::MAX_RESIDUAL;
use crate::reference::{layers, skin};

/// How far r may be from the trainer's on the trainer's own texture.
const SAME_INPUT: f32 = 1e-3;
/// The same on the texture as it is unwrapped here: pixels on the border of two texels fall into either.
const OWN_INPUT: f32 = 0.02;

/// Puts the driver of an avatar together from the trainer's `encoder.safetensors`. `avatar_root` is the
/// [`Avatar::root_hash`] of the avatar's file.
///
/// # Errors
/// If the file can't be read or doesn't hold an encoder for this avatar, or if the encoder gives other numbers here than
/// it gave the trainer.
pub fn pack_driver(
    capture: &Capture,
    rig: &Rig,
    avatar: &Avatar,
    avatar_root: [u8; 32],
    export: &Path,
) -> Result<Driver, PackError> {
    let bytes = read(export)?;
    let file = SafeTensors::deserialize(&bytes).map_err(|e| CaptureError::invalid(export, "file", e))?;
    let tensors = Tensors { path: export, file };
    let graph = Graph::read(&tensors.bytes("graph")?).map_err(|e| tensors.wrong("graph", e))?;
    let (shape, mean) = tensors.floats("texture.mean")?;
    let [size, _, 3] = shape[..] else {
        return Err(tensors.wrong("texture.mean", format!("is {shape:?}, must be [S, S, 3]")).into());
    };
    let seen = tensors.bytes_of("texture.seen", &[size, size])?;
    let deviation = tensors.floats_of("texture.deviation", &[1])?[0];
    let (shape, basis) = tensors.floats("mesh.basis")?;
    let [inputs, vertices, 3] = shape[..] else {
        return Err(tensors.wrong("mesh.basis", format!("is {shape:?}, must be [q, V, 3]")).into());
    };
    let manifest = DriverManifest {
        schema: DRIVER_SCHEMA.into(),
        avatar: WhoseDriver {
            name: avatar.manifest.name.clone(),
            root_blake3: avatar_root.iter().map(|byte| format!("{byte:02x}")).collect(),
        },
        residual: avatar.residual(),
        texture: TextureInput { size, deviation },
        mesh: MeshInput { vertices, inputs },
    };
    let driver = Driver::new(manifest, graph, mean.as_chunks().0.to_vec(), seen, basis)
        .map_err(|e| tensors.wrong("encoder", e))?;
    let mut encoder = Encoder::open(&driver, avatar, avatar_root).map_err(|e| tensors.wrong("encoder", e))?;
    check(capture, rig, &mut encoder, &tensors, size)?;
    Ok(driver)
}

/// Repeats the trainer's sample: with its own texture, and with that of the same pictures unwrapped here.
fn check(
    capture: &Capture,
    rig: &Rig,
    encoder: &mut Encoder,
    tensors: &Tensors<'_>,
    size: usize,
) -> Result<(), PackError> {
    let theirs = AverageTexture {
        size,
        color: tensors.floats_of("sample.color", &[size, size, 3])?.as_chunks().0.to_vec(),
        coverage: tensors.floats_of("sample.coverage", &[size, size])?,
    };
    let mesh = tensors.floats("sample.mesh")?.1;
    let residual = tensors.floats("sample.residual")?.1;
    let [number, ..] = tensors.integers("sample.frame")?[..] else {
        return Err(tensors.wrong("sample.frame", "is empty").into());
    };
    let frame = capture.description.frames.get(number as usize);
    let frame = frame.ok_or_else(|| tensors.wrong("sample.frame", "isn't in the capture"))?;
    let cameras = String::from_utf8(tensors.bytes("sample.cameras")?).unwrap_or_default();
    let ours = average_texture(capture, rig, frame, cameras.split(','), size)?;
    for (texture, allowed) in [(&theirs, SAME_INPUT), (&ours, OWN_INPUT)] {
        let found = encoder.encode_coordinates(&mesh, texture);
        let found = found.map_err(|e: EncoderError| tensors.wrong("graph", e))?;
        let difference = largest_difference(&found, &residual);
        if difference > allowed {
            return Err(PackError::EncoderDiffers {
                frame: format!("{}/{:06}", frame.segment, frame.frame),
                difference,
                allowed,
            });
        }
    }
    Ok(())
}

fn largest_difference(found: &[f32; MAX_RESIDUAL], expected: &[f32]) -> f32 {
    found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// The average texture of a frame from these of its cameras, on the tracked mesh.
///
/// # Errors
/// If a picture can't be read, or a camera isn't in the capture.
pub fn average_texture<'a>(
    capture: &Capture,
    rig: &Rig,
    frame: &CaptureFrame,
    cameras: impl IntoIterator<Item = &'a str>,
    size: usize,
) -> Result<AverageTexture, CaptureError> {
    let positions = rig.posed(&capture.tracked_mesh(frame)?, &capture.folder)?;
    let normals = skin::normals(&rig.mesh, &positions);
    let mut unwrapping = Unwrapping::new(size);
    for name in cameras {
        let camera = capture.cameras.get(name).ok_or_else(|| {
            CaptureError::invalid(&capture.folder, "cameras", format!("{name:?} isn't one of them"))
        })?;
        let planes = capture.planes(frame, name)?;
        let seen = layers(&rig.mesh, &rig.parts, &positions, &normals, &camera.view, camera.size);
        unwrapping.add(&seen, camera.size, camera.view.eye(), |x, y| {
            let at = (y * camera.size[0] + x) as usize;
            let [r, g, b, alpha] = planes.color[at].map(f32::from);
            // A photograph says nothing of parts: what the mesh fills is taken for the person's.
            let part = match &capture.photographs {
                Some(_) => seen.pixel(x, y).opaque?.kind as u8,
                None => planes.part[at],
            };
            (alpha > 0.998).then(|| (part, [r, g, b].map(srgb)))
        });
    }
    Ok(unwrapping.finish())
}

/// The sRGB curve, clipped to 0..=1.
fn srgb(linear: f32) -> f32 {
    let x = linear.clamp(0.0, 1.0);
    if x <= 0.003_130_8 { x * 12.92 } else { 1.055 * x.powf(1.0 / 2.4) - 0.055 }
}
