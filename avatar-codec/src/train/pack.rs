//! From trained tensors to an [`Avatar`], and the proof that both sides compute the same.

use std::path::Path;

use glam::{Quat, Vec3};
use safetensors::SafeTensors;
use serde::Deserialize;

use super::capture::{Capture, CaptureError, CaptureFrame, read};
use super::rig::{Rig, Tensors};
use crate::avatar::{
    Avatar, AvatarForm, GeometryHead, LatentAxis, LatentModel, Licence, LightTransport, Manifest, Material,
    Owner, PIXEL_OUTPUTS, PixelDecoder, Semantic, StaticMap, TextureDecoder, UpBlock,
};
use crate::latent::{GAZE, Gaze, HeadPose, Latent, NECK, UNITS};
use crate::reference::{PREVIEW_COLOR_SIZE, decode, layers, pixel_color, preview, skin};

/// What a trained avatar may take, 12 MB and room for signatures: the preview gets what the rest leaves of it.
const FILE_BUDGET_BYTES: usize = 12_000_000 - 16_384;
/// Quantiser steps until the decoder was asked (`bitstream::fit_steps`): of a face unit: of a mouth that opens by 40 mm, a
/// third of a millimetre.
const UNIT_STEP: f32 = 1.0 / 128.0;
/// Quantiser step of a gaze angle, radians: a quarter of a degree.
const GAZE_STEP: f32 = 0.004;
/// Quantiser step of a residual component: it is trained with noise of 0.03.
const RESIDUAL_STEP: f32 = 1.0 / 32.0;

/// What keeps trained tensors from becoming an avatar.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// The export or the capture can't be read, or isn't what it should be.
    #[error(transparent)]
    Read(#[from] CaptureError),
    /// The reference doesn't compute what the trainer computed.
    #[error(
        "frame {frame} from {camera}: {share:.4} of the covered pixels differ from the trainer's by more than 1/255 \
         (allowed: 0.001), the worst by {worst:.4}"
    )]
    Differs {
        /// The frame that was compared.
        frame: String,
        /// From which camera.
        camera: String,
        /// Share of the covered pixels that differ.
        share: f64,
        /// Largest difference, sRGB 0..=1.
        worst: f32,
    },
    /// The encoder doesn't compute what it computed in the trainer.
    #[error(
        "frame {frame}: a component of r differs from the trainer's by {difference:.4} (allowed: {allowed})"
    )]
    EncoderDiffers {
        /// The frame that was compared.
        frame: String,
        /// The largest difference.
        difference: f32,
        /// How large it may be.
        allowed: f32,
    },
}

/// What the trainer says of its result.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct TrainingFacts {
    /// Steps taken.
    pub steps: u64,
    /// Seconds of training.
    pub seconds: u64,
    /// Images there were, held-out ones included.
    pub images: u64,
    /// Mean over the held-out images, face pixels, on the tracked mesh.
    pub psnr_face_db: Option<f64>,
    /// Mean over the held-out images, all pixels that the mesh or the person covers.
    pub psnr_head_db: Option<f64>,
    /// Distance between the decoded and the rig's vertices, over those that some unit moves by more than 1 mm.
    pub geometry_error_mm: GeometryError,
    /// What the residual adds; nothing without one.
    pub residual: Option<ResidualFacts>,
}

/// What the residual r adds to the avatar. The figures of [`TrainingFacts`] are with r = 0.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ResidualFacts {
    /// As `TrainingFacts::psnr_face_db`, with r of the frame's other pictures (of the picture itself if it is alone).
    pub psnr_face_db: Option<f64>,
    /// As `TrainingFacts::psnr_head_db`, likewise.
    pub psnr_head_db: Option<f64>,
    /// Mean over the components of the share of their variance that is linear in u, g and the head's rotation, corrected
    /// for the number of those; nothing if there are too few frames to tell.
    pub linear_share: Option<f64>,
}

/// Millimetres.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct GeometryError {
    /// Mean over vertices and training frames.
    pub mean: f64,
    /// Mean over vertices of the worst frame.
    pub worst_frame: f64,
    /// 99 % of vertices and frames are nearer.
    pub p99: f64,
}

/// Puts the trainer's export and the capture's rig together. `consent` and `spdx` are the person's terms.
pub fn pack(
    capture: &Capture,
    rig: &Rig,
    export: &Path,
    licence: Licence,
) -> Result<(Avatar, TrainingFacts), PackError> {
    let bytes = read(export)?;
    let file = SafeTensors::deserialize(&bytes).map_err(|e| CaptureError::invalid(export, "file", e))?;
    let facts = facts(&bytes, export)?;
    let tensors = Tensors { path: export, file };
    let vertices = rig.mesh.mean.len();

    let (shape, w1) = tensors.floats("geometry.w1")?;
    let [hidden, condition] = shape[..] else {
        return Err(tensors.wrong("geometry.w1", "must be [H, C]").into());
    };
    let Some(residual) = condition.checked_sub(UNITS + GAZE + NECK) else {
        return Err(tensors.wrong("geometry.w1", format!("has {condition} inputs, fewer than 59")).into());
    };
    let (shape, basis) = tensors.signed("geometry.basis")?;
    let [rank, v, 3] = shape[..] else {
        return Err(tensors.wrong("geometry.basis", "must be [R, V, 3]").into());
    };
    if v != vertices {
        let reason = format!("is for {v} vertices, the rig has {vertices}: train again on this capture");
        return Err(tensors.wrong("geometry.basis", reason).into());
    }
    let geometry = GeometryHead {
        hidden,
        rank,
        w1,
        b1: tensors.floats_of("geometry.b1", &[hidden])?,
        w2: tensors.floats_of("geometry.w2", &[rank, hidden])?,
        w3: tensors.floats_of("geometry.w3", &[rank, condition])?,
        basis,
        basis_step: tensors.floats_of("geometry.basis_step", &[rank])?,
    };
    let (static_map, pixel) = (static_map(&tensors)?, pixel_decoder(&tensors)?);
    let codes = codes(&tensors, residual)?;
    let mut avatar = Avatar {
        manifest: Manifest {
            version: Manifest::VERSION,
            name: capture.description.name.clone(),
            form: AvatarForm::Photoreal,
            licence,
            owner: Owner { public_key: String::new(), signature: "0".repeat(128) },
            parts: rig.parts.clone(),
            skeleton: rig.skeleton.clone(),
            latent: latent_model(capture, residual, &codes),
            capture_light: capture.light().map(|(light, _)| light),
        },
        mesh: rig.mesh.clone(),
        geometry,
        texture: texture_decoder(&tensors, condition)?,
        static_map,
        transport: light_transport(&tensors, pixel.hidden)?,
        pixel,
        preview: None,
    };
    // Not of an export that can't be drawn: whoever writes it is told why.
    if let Ok(bytes) = avatar.write() {
        avatar.preview = preview(&avatar, PREVIEW_COLOR_SIZE, FILE_BUDGET_BYTES.saturating_sub(bytes.len()));
    }
    Ok((avatar, facts))
}

fn facts(bytes: &[u8], path: &Path) -> Result<TrainingFacts, CaptureError> {
    let invalid = |reason: String| CaptureError::invalid(path, "metadata.facts", reason);
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|e| invalid(e.to_string()))?;
    let entries = metadata.metadata().as_ref();
    let text = entries.and_then(|m| m.get("facts")).ok_or_else(|| invalid("is missing".into()))?;
    serde_json::from_str(text).map_err(|e| invalid(e.to_string()))
}

fn texture_decoder(tensors: &Tensors<'_>, condition: usize) -> Result<TextureDecoder, CaptureError> {
    let (shape, seed_weight) = tensors.halves("texture.seed_weight")?;
    let (_, seed_bias) = tensors.halves("texture.seed_bias")?;
    if shape != [seed_bias.len(), condition] || !seed_bias.len().is_multiple_of(64) {
        return Err(tensors
            .wrong("texture.seed_weight", format!("is {shape:?}, must be [64 · channels, {condition}]")));
    }
    let seed_channels = seed_bias.len() / 64;
    let (mut blocks, mut size, mut in_channels) = (Vec::new(), 8, seed_channels);
    while tensors.file.tensor(&format!("texture.{}.expand", blocks.len())).is_ok() {
        let name = |what: &str| format!("texture.{}.{what}", blocks.len());
        let (shape, expand) = tensors.halves(&name("expand"))?;
        let (depthwise_shape, depthwise) = tensors.halves(&name("depthwise"))?;
        let (bias_shape, bias) = tensors.signed(&name("bias"))?;
        let (_, bias_step) = tensors.floats(&name("bias_step"))?;
        let out_channels = depthwise_shape.first().copied().unwrap_or(0);
        size *= 2;
        let fits = shape == [4 * out_channels, in_channels]
            && depthwise_shape == [out_channels, 3, 3]
            && bias_shape == [out_channels, size, size]
            && bias_step.len() == out_channels;
        if !fits {
            let reason = format!(
                "{shape:?}, {depthwise_shape:?}, {bias_shape:?} don't fit {in_channels} channels of {}²",
                size / 2
            );
            return Err(tensors.wrong(&name("expand"), reason));
        }
        blocks.push(UpBlock { in_channels, out_channels, expand, depthwise, bias, bias_step });
        in_channels = out_channels;
    }
    Ok(TextureDecoder { seed_channels, seed_weight, seed_bias, blocks })
}

fn static_map(tensors: &Tensors<'_>) -> Result<StaticMap, CaptureError> {
    let (_, scale) = tensors.floats("static.scale")?;
    let channels = scale.len();
    let offset = tensors.floats_of("static.offset", &[channels])?;
    let shape = tensors.file.tensor("static.texels").map(|view| view.shape().to_vec()).unwrap_or_default();
    let size = shape.first().copied().unwrap_or(0);
    let texels = tensors.bytes_of("static.texels", &[size, size, channels])?;
    Ok(StaticMap { size, channels, texels, scale, offset })
}

fn pixel_decoder(tensors: &Tensors<'_>) -> Result<PixelDecoder, CaptureError> {
    let (_, b1) = tensors.floats("pixel.b1")?;
    let materials = Material::ALL.len();
    let hidden = b1.len() / materials;
    let (_, w1) = tensors.floats("pixel.w1")?;
    Ok(PixelDecoder {
        hidden,
        w1,
        b1,
        w2: tensors.floats_of("pixel.w2", &[materials, hidden, hidden])?,
        b2: tensors.floats_of("pixel.b2", &[materials, hidden])?,
        w3: tensors.floats_of("pixel.w3", &[materials, PIXEL_OUTPUTS, hidden])?,
        b3: tensors.floats_of("pixel.b3", &[materials, PIXEL_OUTPUTS])?,
    })
}

/// What was learnt of the captured lamps' ways; captures without planes of each lamp teach nothing.
fn light_transport(tensors: &Tensors<'_>, hidden: usize) -> Result<Option<LightTransport>, CaptureError> {
    if tensors.file.tensor("transport.b").is_err() {
        return Ok(None);
    }
    let (_, b) = tensors.floats("transport.b")?;
    let w =
        tensors.floats_of("transport.w", &[Material::ALL.len(), b.len() / Material::ALL.len(), hidden])?;
    Ok(Some(LightTransport { w, b }))
}

/// r of the training frames, `[frames, k]`.
fn codes(tensors: &Tensors<'_>, residual: usize) -> Result<Vec<f32>, CaptureError> {
    const NAME: &str = "residual.codes";
    if residual == 0 {
        return Ok(Vec::new());
    }
    let (shape, codes) = tensors.floats(NAME)?;
    if shape.len() != 2 || shape[1] != residual || codes.is_empty() {
        return Err(tensors.wrong(NAME, format!("is {shape:?}, must be [frames, {residual}]")));
    }
    if codes.iter().any(|r| r.abs() > 1.0) {
        return Err(tensors.wrong(NAME, "has a component outside −1 to 1"));
    }
    Ok(codes)
}

/// Range, deviation and step of each axis, over the frames of the training split.
fn latent_model(capture: &Capture, residual: usize, codes: &[f32]) -> LatentModel {
    let train: Vec<&CaptureFrame> =
        capture.description.frames.iter().filter(|f| f.split == "train").collect();
    let axis = |values: Vec<f32>, (low, high): (f32, f32), step: f32| {
        let count = values.len().max(1) as f32;
        let mean = values.iter().sum::<f32>() / count;
        let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / count;
        LatentAxis {
            min: values.iter().copied().fold(low, f32::min),
            max: values.iter().copied().fold(high, f32::max),
            deviation: variance.sqrt().max(step),
            step,
        }
    };
    let units = (0..UNITS).map(|i| axis(train.iter().map(|f| f.units[i]).collect(), (0.0, 1.0), UNIT_STEP));
    let gaze = (0..GAZE).map(|i| axis(train.iter().map(|f| f.gaze[i]).collect(), (0.0, 0.0), GAZE_STEP));
    let components = (0..residual).map(|i| {
        // Frames that weren't captured may need more room, and the encoder knows no more than −1 to 1.
        axis(codes.iter().skip(i).step_by(residual).copied().collect(), (-1.0, 1.0), RESIDUAL_STEP)
    });
    let axes = units.chain(gaze).chain(components).collect();
    LatentModel {
        semantic: Semantic::FaceUnits,
        residual: residual as u32,
        axes,
        head_steps: LatentModel::HEAD_STEPS,
    }
}

/// Renders the image that the trainer rendered last, on the same tracked mesh, by the reference, and compares: at most
/// one covered pixel in a thousand may differ by more than 1/255 (sRGB over mid-grey). Returns how many were compared.
pub fn check(capture: &Capture, rig: &Rig, avatar: &Avatar, trainers: &Path) -> Result<usize, PackError> {
    let bytes = read(trainers)?;
    let file = SafeTensors::deserialize(&bytes).map_err(|e| CaptureError::invalid(trainers, "file", e))?;
    let tensors = Tensors { path: trainers, file };
    let condition = tensors.floats_of("condition", &[avatar.condition_size()])?;
    let [frame_number, ..] = tensors.integers("frame")?[..] else {
        return Err(tensors.wrong("frame", "is empty").into());
    };
    let frame = capture.description.frames.get(frame_number as usize);
    let frame = frame.ok_or_else(|| tensors.wrong("frame", "isn't in capture.json"))?;
    let camera_name = String::from_utf8(tensors.bytes("camera")?).unwrap_or_default();
    let camera = capture.cameras.get(&camera_name);
    let camera =
        camera.ok_or_else(|| tensors.wrong("camera", format!("{camera_name:?} isn't in the capture")))?;
    let index = tensors.integers("index")?;
    let color = tensors.floats_of("color", &[index.len(), 3])?;
    let alpha = tensors.floats_of("alpha", &[index.len()])?;

    let mut latent = Latent::NEUTRAL;
    latent.units.copy_from_slice(&frame.units);
    latent.gaze = Gaze::from_array(frame.gaze);
    let residual = &condition[UNITS + GAZE..condition.len() - NECK];
    latent.residual[..residual.len()].copy_from_slice(residual);
    let head =
        HeadPose { rotation: Quat::from_scaled_axis(Vec3::from(frame.head_rotation)), ..HeadPose::REST };
    let dynamic = decode::texture(avatar, &decode::condition(avatar, &latent, &head));
    let positions = rig.posed(&capture.tracked_mesh(frame)?, trainers)?;
    let normals = skin::normals(&rig.mesh, &positions);
    let seen = layers(&rig.mesh, &rig.parts, &positions, &normals, &camera.view, camera.size);

    let (mut beyond, mut worst) = (0usize, 0f32);
    for (row, &index) in index.iter().enumerate() {
        let (x, y) = (index % camera.size[0], index / camera.size[0]);
        if y >= camera.size[1] {
            return Err(tensors.wrong("index", format!("{index} is outside the picture")).into());
        }
        let ours = pixel_color(avatar, &dynamic, seen.pixel(x, y), camera.view.eye());
        let ours = over_grey([ours[0], ours[1], ours[2]], ours[3]);
        let theirs = over_grey([color[3 * row], color[3 * row + 1], color[3 * row + 2]], alpha[row]);
        let difference = (0..3).map(|c| (ours[c] - theirs[c]).abs()).fold(0.0, f32::max);
        worst = worst.max(difference);
        beyond += usize::from(difference > 1.0 / 255.0);
    }
    let share = beyond as f64 / index.len().max(1) as f64;
    if share <= 1e-3 {
        return Ok(index.len());
    }
    let frame = format!("{}/{:06}", frame.segment, frame.frame);
    Err(PackError::Differs { frame, camera: camera_name, share, worst })
}

/// sRGB over mid-grey (sRGB 128), clipped to 0..=1.
fn over_grey(rgb: [f32; 3], alpha: f32) -> [f32; 3] {
    const GREY: f32 = 0.215_860_5;
    rgb.map(|x| {
        let linear = (x + (1.0 - alpha) * GREY).clamp(0.0, 1.0);
        if linear <= 0.003_130_8 { linear * 12.92 } else { 1.055 * linear.powf(1.0 / 2.4) - 0.055 }
    })
}
