//! From a capture to what the networks train on: for each image a shard of pixels, with the fragments that the
//! reference rasteriser finds in them and what the camera saw.
//!
//! The folder that [`prepare`] fills:
//! - `scene.json`: frames (conditions, split), images (shard, frame, split), parts;
//! - `mesh.safetensors`: `uv [V, 2]` and `unit_deltas [52, V, 3]` (metres);
//! - `unexplained.safetensors`, if the units' straight lines don't say all of the tracked meshes: `frame [F]` (numbers in
//!   `scene.json`) and `millimetres [F, V, 3]`, the rest, before skinning;
//! - `light-<fingerprint>/`, if the capture says what lit it and its planes show each lamp alone: a safetensors file for some of
//!   the training images, with Q of the shard's pixels: `index` u32, `light` f16 `[Q, L + 1, 3]` (what each lamp alone, then
//!   the ambient light, shows of them: linear, premultiplied), and `camera` f32 `[2, 3]` (place, and unit vector along which it
//!   looks);
//! - `shards-<fingerprint>/`: one safetensors file an image. The fingerprint is of rig and calibration, so that shards
//!   of another rig are never mixed in.
//!
//! A shard has P pixels in rows, those with any fragment or in the matte: `pixel.index` u32 (`y · width + x`),
//! `pixel.color` f16×4 (linear, premultiplied), `pixel.albedo` f16×3, `pixel.normal` i8×3, `pixel.part` u8,
//! `pixel.fragments` u8; and their F fragments one after the other, in drawing order: `fragment.kind` u8 (0 opaque,
//! 1 blended, 2 fringe), `fragment.part` u8, `fragment.coverage` u8 (of the fringe), `fragment.depth` f32 (reversed),
//! `fragment.uv` u16×2, `fragment.normal` and `fragment.view` i16×3 (unit; view from the surface to the eye).

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use bytemuck::Pod;
use glam::{Quat, Vec3};
use half::f16;
use rayon::prelude::*;
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde_json::json;

use super::capture::{Camera, Capture, CaptureError, CaptureFrame, read};
use super::light::light_planes;
use super::planes::Planes;
use super::rig::Rig;
use crate::latent::{Gaze, HeadPose, UNITS};
use crate::reference::{Fragment, layers, skin};

/// Changes with the form of a shard.
const SHARD_VERSION: u32 = 1;
/// Meshes that units explain to this, metres, are explained: what is left is rounding.
const LEAST_UNEXPLAINED_M: f32 = 0.05e-3;
/// More fragments than this in one pixel are left out, furthest first in drawing order.
const MAX_FRAGMENTS: usize = 255;

/// Of how many training images each lamp's own light is kept, and of how many pixels of each: transport is smooth, and the
/// renderer's noise in them is large.
const LIGHT_IMAGES: usize = 96;
const LIGHT_PIXELS: usize = 8192;

/// What was prepared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// Images of the training split.
    pub train: usize,
    /// Images held out.
    pub test: usize,
    /// Images that `capture.json` plans and nobody has rendered yet.
    pub missing: usize,
    /// Of the images, those that were prepared now; the others were there already.
    pub made: usize,
}

/// One rendered image.
struct Job<'a> {
    frame_number: usize,
    frame: &'a CaptureFrame,
    camera_name: &'a str,
    camera: &'a Camera,
    planes: PathBuf,
    shard: PathBuf,
    shard_name: String,
    split: &'static str,
}

/// Prepares every image whose planes are there and whose shard isn't, into `folder`. `progress` is told how many of
/// how many are done, from any thread.
pub fn prepare(
    capture: &Capture,
    rig: &Rig,
    folder: &Path,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Prepared, CaptureError> {
    let shards = format!("shards-{}", fingerprint(capture)?);
    create(&folder.join(&shards))?;
    let (jobs, missing) = jobs(capture, folder, &shards);
    let todo: Vec<&Job<'_>> = jobs.iter().filter(|job| !is_fresh(&job.shard, &job.planes)).collect();
    let done = AtomicUsize::new(0);
    progress(0, todo.len());
    todo.par_iter().try_for_each(|job| {
        prepare_image(capture, rig, job)?;
        progress(done.fetch_add(1, Ordering::Relaxed) + 1, todo.len());
        Ok::<(), CaptureError>(())
    })?;

    let light = prepare_light(capture, &jobs, folder, &shards.replacen("shards", "light", 1))?;

    write_mesh(rig, &folder.join("mesh.safetensors"))?;
    write_unexplained(capture, rig, &folder.join("unexplained.safetensors"))?;
    write_scene(capture, rig, &jobs, light, &folder.join("scene.json"))?;
    let train = jobs.iter().filter(|job| job.split == "train").count();
    Ok(Prepared { train, test: jobs.len() - train, missing, made: todo.len() })
}

/// Writes what each lamp alone shows of some training images; the JSON of the light and the files by image number.
fn prepare_light(
    capture: &Capture,
    jobs: &[Job<'_>],
    folder: &Path,
    into: &str,
) -> Result<serde_json::Value, CaptureError> {
    let Some((light, names)) = capture.light().filter(|_| capture.photographs.is_none()) else {
        return Ok(serde_json::Value::Null);
    };
    create(&folder.join(into))?;
    let train: Vec<(usize, &Job<'_>)> =
        jobs.iter().enumerate().filter(|(_, job)| job.split == "train").collect();
    let count = train.len().min(LIGHT_IMAGES);
    let chosen: Vec<(usize, &Job<'_>)> = (0..count).map(|i| train[i * train.len() / count]).collect();
    let made: Result<Vec<bool>, CaptureError> = (chosen.par_iter())
        .map(|(_, job)| {
            let path = folder.join(job.shard_name.replacen("shards", "light", 1));
            if is_fresh(&path, &job.planes) {
                return Ok(true);
            }
            let Some(planes) = light_planes(&job.planes, &names)? else { return Ok(false) };
            write_light(&path, &planes, job.camera)?;
            Ok(true)
        })
        .collect();
    let files: Vec<_> = (chosen.iter().zip(made?).filter(|(_, made)| *made))
        .map(|((number, job), _)| json!({"image": number, "file": job.shard_name.replacen("shards", "light", 1)}))
        .collect();
    Ok(json!({"light": light, "files": files}))
}

/// Pixels that some lamp reaches, evenly spread.
fn write_light(path: &Path, planes: &[Vec<[f16; 3]>], camera: &Camera) -> Result<(), CaptureError> {
    let pixels = planes.first().map_or(0, Vec::len);
    let is_lit = |i: &usize| planes.iter().any(|plane| plane[*i].iter().any(|x| *x > f16::ZERO));
    let lit: Vec<usize> = (0..pixels).filter(is_lit).collect();
    let count = lit.len().min(LIGHT_PIXELS);
    let chosen: Vec<usize> = (0..count).map(|i| lit[i * lit.len() / count]).collect();
    let index: Vec<u32> = chosen.iter().map(|&i| i as u32).collect();
    let light: Vec<[f16; 3]> =
        chosen.iter().flat_map(|&i| planes.iter().map(move |plane| plane[i])).collect();
    let forward = camera.view.view_from_world.inverse().transform_vector3(Vec3::NEG_Z);
    let place = [camera.view.eye(), forward].map(|v| v.to_array());
    let mut groups = column("light", Dtype::F16, 3, &light);
    groups.shape = vec![index.len(), planes.len(), 3];
    write_tensors(
        path,
        [column("index", Dtype::U32, 1, &index), groups, column("camera", Dtype::F32, 3, &place)],
    )
}

fn fingerprint(capture: &Capture) -> Result<String, CaptureError> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&SHARD_VERSION.to_le_bytes());
    if let Some(photographs) = &capture.photographs {
        hasher.update(&photographs.fingerprint);
    } else {
        hasher.update(&read(&capture.folder.join("rig.safetensors"))?);
        hasher.update(&read(&capture.folder.join("KRT"))?);
    }
    Ok(hasher.finalize().to_hex().as_str()[..12].to_owned())
}

fn jobs<'a>(capture: &'a Capture, folder: &Path, shards: &str) -> (Vec<Job<'a>>, usize) {
    let (mut jobs, mut missing) = (Vec::new(), 0);
    for (frame_number, frame) in capture.description.frames.iter().enumerate() {
        for name in &frame.cameras {
            let (Some((camera_name, camera)), Some(description)) =
                (capture.cameras.get_key_value(name), capture.description.cameras.get(name))
            else {
                continue;
            };
            let planes = capture.picture_path(frame, name);
            if !planes.is_file() {
                missing += 1;
                continue;
            }
            let shard_name = format!("{shards}/{}-{name}-{:06}.safetensors", frame.segment, frame.frame);
            let is_train = frame.split == "train" && description.split == "train";
            let split = if is_train { "train" } else { "test" };
            let shard = folder.join(&shard_name);
            jobs.push(Job { frame_number, frame, camera_name, camera, planes, shard, shard_name, split });
        }
    }
    (jobs, missing)
}

/// Whether the shard is there and no older than the planes.
fn is_fresh(shard: &Path, planes: &Path) -> bool {
    let time = |path: &Path| fs::metadata(path).and_then(|m| m.modified()).ok();
    time(shard).is_some_and(|shard| time(planes).is_some_and(|planes| shard >= planes))
}

fn prepare_image(capture: &Capture, rig: &Rig, job: &Job<'_>) -> Result<(), CaptureError> {
    let mut planes = capture.planes(job.frame, job.camera_name)?;
    let size = job.camera.size;
    let positions = rig.posed(&capture.tracked_mesh(job.frame)?, &job.planes)?;
    let normals = skin::normals(&rig.mesh, &positions);
    let seen = layers(&rig.mesh, &rig.parts, &positions, &normals, &job.camera.view, size);

    let mut shard = Shard::default();
    for y in 0..size[1] {
        for x in 0..size[0] {
            let pixel = seen.pixel(x, y);
            let index = y * size[0] + x;
            if capture.photographs.is_some() {
                // A photograph has no matte: of what is seen only the pixels that the mesh fills are the person's.
                let Some(opaque) = pixel.opaque else { continue };
                planes.part[index as usize] = opaque.kind as u8;
            }
            shard.pixel(
                &planes,
                index,
                |out| {
                    out.extend(pixel.opaque.map(|f| (0, f, 1.0)));
                    out.extend(pixel.blended.iter().map(|f| (1, f, 1.0)));
                    out.extend(pixel.fringe.iter().map(|f| (2, &f.fragment, f.coverage)));
                },
                job.camera.view.eye(),
            );
        }
    }
    shard.write(&job.shard)
}

/// The columns of a shard.
#[derive(Default)]
struct Shard {
    index: Vec<u32>,
    color: Vec<[f16; 4]>,
    albedo: Vec<[f16; 3]>,
    normal: Vec<[i8; 3]>,
    part: Vec<u8>,
    fragments: Vec<u8>,
    fragment_kind: Vec<u8>,
    fragment_part: Vec<u8>,
    fragment_coverage: Vec<u8>,
    fragment_depth: Vec<f32>,
    fragment_uv: Vec<[u16; 2]>,
    fragment_normal: Vec<[i16; 3]>,
    fragment_view: Vec<[i16; 3]>,
}

impl Shard {
    /// Adds a pixel, unless there is nothing in it.
    fn pixel<'a>(
        &mut self,
        planes: &Planes,
        index: u32,
        list: impl FnOnce(&mut Vec<(u8, &'a Fragment, f32)>),
        eye: Vec3,
    ) {
        let mut found = Vec::new();
        list(&mut found);
        found.truncate(MAX_FRAGMENTS);
        let at = index as usize;
        if found.is_empty() && planes.color[at][3] <= f16::ZERO {
            return;
        }
        self.index.push(index);
        self.color.push(planes.color[at]);
        self.albedo.push(planes.albedo[at]);
        let normal = Vec3::from(planes.normal[at].map(f16::to_f32)).normalize_or_zero();
        self.normal.push((normal * 127.0).round().to_array().map(|x| x as i8));
        self.part.push(planes.part[at]);
        self.fragments.push(found.len() as u8);
        for (kind, fragment, coverage) in found {
            let to_eye = (eye - fragment.position).normalize_or(fragment.normal);
            self.fragment_kind.push(kind);
            self.fragment_part.push(fragment.kind as u8);
            self.fragment_coverage.push((coverage.clamp(0.0, 1.0) * 255.0).round() as u8);
            self.fragment_depth.push(fragment.depth);
            self.fragment_uv
                .push(fragment.uv.to_array().map(|x| (x.clamp(0.0, 1.0) * 65535.0).round() as u16));
            self.fragment_normal.push(direction(fragment.normal));
            self.fragment_view.push(direction(to_eye));
        }
    }

    fn write(&self, path: &Path) -> Result<(), CaptureError> {
        let Self {
            index,
            color,
            albedo,
            normal,
            part,
            fragments,
            fragment_kind,
            fragment_part,
            fragment_coverage,
            fragment_depth,
            fragment_uv,
            fragment_normal,
            fragment_view,
        } = self;
        let tensors = [
            column("pixel.index", Dtype::U32, 1, index),
            column("pixel.color", Dtype::F16, 4, color),
            column("pixel.albedo", Dtype::F16, 3, albedo),
            column("pixel.normal", Dtype::I8, 3, normal),
            column("pixel.part", Dtype::U8, 1, part),
            column("pixel.fragments", Dtype::U8, 1, fragments),
            column("fragment.kind", Dtype::U8, 1, fragment_kind),
            column("fragment.part", Dtype::U8, 1, fragment_part),
            column("fragment.coverage", Dtype::U8, 1, fragment_coverage),
            column("fragment.depth", Dtype::F32, 1, fragment_depth),
            column("fragment.uv", Dtype::U16, 2, fragment_uv),
            column("fragment.normal", Dtype::I16, 3, fragment_normal),
            column("fragment.view", Dtype::I16, 3, fragment_view),
        ];
        write_tensors(path, tensors)
    }
}

fn direction(unit: Vec3) -> [i16; 3] {
    (unit * 32767.0).round().to_array().map(|x| x as i16)
}

/// A named tensor: rows × `width`, or just rows if `width` is 1.
struct Column<'a> {
    name: &'static str,
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: &'a [u8],
}

fn column<'a, T: Pod>(name: &'static str, dtype: Dtype, width: usize, rows: &'a [T]) -> Column<'a> {
    let shape = if width == 1 { vec![rows.len()] } else { vec![rows.len(), width] };
    Column { name, dtype, shape, bytes: bytemuck::cast_slice(rows) }
}

fn write_tensors<'a>(path: &Path, columns: impl IntoIterator<Item = Column<'a>>) -> Result<(), CaptureError> {
    let views: Result<Vec<_>, _> = columns
        .into_iter()
        .map(|c| TensorView::new(c.dtype, c.shape, c.bytes).map(|view| (c.name, view)))
        .collect();
    let bytes = views
        .and_then(|views| safetensors::serialize(views, None))
        .map_err(|e| CaptureError::invalid(path, "tensors", e))?;
    write_whole(path, &bytes)
}

fn write_mesh(rig: &Rig, path: &Path) -> Result<(), CaptureError> {
    let deltas: Vec<[f32; 3]> = rig.unit_deltas.iter().map(|d| d.to_array()).collect();
    let mut units = column("unit_deltas", Dtype::F32, 3, &deltas);
    units.shape = vec![UNITS, rig.mesh.mean.len(), 3];
    write_tensors(path, [column("uv", Dtype::F32, 2, &rig.mesh.uv), units])
}

/// Writes what units don't explain, or removes what an earlier preparation left.
fn write_unexplained(capture: &Capture, rig: &Rig, path: &Path) -> Result<(), CaptureError> {
    let (frames, offsets) = match &capture.photographs {
        Some(photographs) => {
            let of_rig = |offsets: &Vec<Vec3>| -> Vec<Vec3> {
                rig.tracked_index.iter().map(|&v| offsets[v as usize]).collect()
            };
            let frames = (0..photographs.unexplained.len() as u32).collect();
            (frames, photographs.unexplained.iter().map(of_rig).collect())
        }
        None => beyond_units(capture, rig)?,
    };
    if !offsets.iter().flatten().any(|offset| offset.length() > LEAST_UNEXPLAINED_M) {
        return match fs::remove_file(path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                Err(CaptureError::Io { path: path.to_owned(), source })
            }
            _ => Ok(()),
        };
    }
    let millimetres: Vec<[f16; 3]> =
        offsets.iter().flatten().map(|offset| (*offset * 1e3).to_array().map(f16::from_f32)).collect();
    let mut rows = column("millimetres", Dtype::F16, 3, &millimetres);
    rows.shape = vec![frames.len(), rig.tracked_index.len(), 3];
    write_tensors(path, [column("frame", Dtype::U32, 1, &frames), rows])
}

/// The frames whose mesh was tracked, and where it is not where the units' straight lines put it: metres before skinning.
fn beyond_units(capture: &Capture, rig: &Rig) -> Result<(Vec<u32>, Vec<Vec<Vec3>>), CaptureError> {
    let frames: Vec<(u32, &CaptureFrame)> = (0..).zip(&capture.description.frames).collect();
    let of_frame = |&(number, frame): &(u32, &CaptureFrame)| {
        if !capture.mesh_path(frame).is_file() {
            return Ok(None);
        }
        let gaze = Gaze::from_array(frame.gaze);
        let head =
            HeadPose { rotation: Quat::from_scaled_axis(frame.head_rotation.into()), ..HeadPose::REST };
        let transforms = skin::joint_transforms(&rig.skeleton, gaze, &head);
        let posed = rig.posed(&capture.tracked_mesh(frame)?, &capture.mesh_path(frame))?;
        let mut offsets: Vec<Vec3> = skin::unskin(&rig.mesh, posed.into_iter().map(Some), &transforms)
            .zip(&rig.mesh.mean)
            .map(|(at_rest, &mean)| at_rest.map_or(Vec3::ZERO, |at_rest| at_rest - Vec3::from(mean)))
            .collect();
        for (deltas, &weight) in rig.unit_deltas.chunks_exact(offsets.len().max(1)).zip(&frame.units) {
            if weight != 0.0 {
                offsets.iter_mut().zip(deltas).for_each(|(offset, &delta)| *offset -= weight * delta);
            }
        }
        Ok(Some((number, offsets)))
    };
    let found: Result<Vec<_>, CaptureError> = frames.par_iter().map(of_frame).collect();
    Ok(found?.into_iter().flatten().unzip())
}

fn write_scene(
    capture: &Capture,
    rig: &Rig,
    jobs: &[Job<'_>],
    light: serde_json::Value,
    path: &Path,
) -> Result<(), CaptureError> {
    let description = &capture.description;
    let frames: Vec<_> = (description.frames.iter())
        .map(
            |f| json!({"units": f.units, "gaze": f.gaze, "head_rotation": f.head_rotation, "split": f.split}),
        )
        .collect();
    let parts: Vec<_> = (rig.parts.iter())
        .map(|p| json!({"name": p.kind, "id": p.kind as u8, "vertices": [p.vertices.start, p.vertices.end]}))
        .collect();
    let images: Vec<_> = (jobs.iter())
        .map(|job| {
            json!({
                "segment": job.frame.segment, "frame": job.frame.frame, "camera": job.camera_name, "split": job.split,
                "frame_number": job.frame_number, "shard": job.shard_name,
                "width": job.camera.size[0], "height": job.camera.size[1],
            })
        })
        .collect();
    let scene = json!({
        "schema": "visavis.prepared/1", "name": description.name, "unit_names": description.unit_names,
        "parts": parts, "frames": frames, "images": images, "capture_light": light,
    });
    write_whole(path, scene.to_string().as_bytes())
}

fn create(folder: &Path) -> Result<(), CaptureError> {
    fs::create_dir_all(folder).map_err(|source| CaptureError::Io { path: folder.to_owned(), source })
}

/// Writes beside and renames, so that whoever looks sees the old file or the new one.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), CaptureError> {
    let draft = path.with_extension("part");
    let io = |source| CaptureError::Io { path: path.to_owned(), source };
    fs::write(&draft, bytes).map_err(io)?;
    fs::rename(&draft, path).map_err(io)
}
