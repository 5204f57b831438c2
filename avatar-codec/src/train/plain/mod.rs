//! A plain Multiface entity as a capture: a tracked mesh a frame, its topology, cameras and photographs, and nothing that
//! says what the face does. Rig, units and gaze are found here.
//!
//! ```text
//! Entity ─▶ align ─▶ warp ─▶ transfer ─▶ Basis ─▶ fit ─▶ Capture, Rig, UnitFit
//!           (the generic face on the person's) (52 units)  (u of each frame)
//! ```
//! The layout is that of Wuu et al., *Multiface: A Dataset for Neural Face Rendering* (2022): `.bin` vertices are in head
//! space, `_transform.txt` carries them into the world of `KRT`.

mod align;
mod assemble;
mod entity;
mod eyes;
mod face;
mod fit;
mod linear;
mod obj;
mod photograph;
mod surface;
#[cfg(test)]
mod tests;
mod transfer;
mod warp;

use std::collections::BTreeMap;
use std::path::Path;

use glam::{DAffine3, Vec3};
use serde::Serialize;

use self::assemble::Person;
use self::entity::Entity;
use self::eyes::Eyeballs;
use self::face::GenericFace;
use self::fit::{Basis, FaceFit, Sample};
use self::linear::Similarity;
use self::surface::{Shape, Surface};
use self::transfer::transfer;
use super::capture::{Capture, CaptureError};
use super::planes::Planes;
use super::rig::Rig;

pub use self::fit::Distance;

const METRES_PER_MM: f32 = 1e-3;
/// Largest and smallest extent of a mesh with a head in it, metres.
const HEAD_EXTENT: std::ops::RangeInclusive<f32> = 0.10..=2.0;
/// Mean distance from the aligned generic face beyond which the mesh isn't a head, metres.
const UNLIKE_A_HEAD: f64 = 0.015;
/// The warped generic face lies on the mesh where it is as near as this, metres.
const MET_WITHIN: f32 = 0.003;
/// Heights on the generic face between which a vertex begins to count: above the neck.
const NECK: [f32; 2] = [-0.115, -0.085];
/// How much a vertex counts that no unit moves; it holds the head still.
const STILL_WEIGHT: f32 = 0.3;

/// How the pictures are coded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transfer {
    /// IEC 61966-2-1.
    #[default]
    Srgb,
    /// Values are proportional to light.
    Linear,
}

/// What the folder of a plain entity doesn't say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlainOptions {
    /// Pictures with more columns or rows are scaled down to so many.
    pub max_size: u32,
    /// About how many pictures are used, evenly over frames and cameras.
    pub max_images: usize,
    /// How the pictures are coded.
    pub transfer: Transfer,
    /// `SEGMENT` or `SEGMENT/FRAME` that shows the neutral face; if `None`, segments with "neutral" (and not
    /// "close") in their names, and if there is none, it is estimated.
    pub neutral: Option<String>,
}

impl Default for PlainOptions {
    fn default() -> Self {
        Self { max_size: 768, max_images: 600, transfer: Transfer::Srgb, neutral: None }
    }
}

/// How well units explain the tracked meshes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UnitFit {
    /// Frames that units were fitted to, held-out ones included.
    pub frames: usize,
    /// Of these, frames that show the neutral face by name; 0: it was estimated.
    pub neutral_frames: usize,
    /// Frames of the list without a mesh, which were passed over.
    pub without_mesh: usize,
    /// Over the training frames, vertices that some unit moves by more than a millimetre; millimetres.
    pub error_mm: Distance,
    /// Likewise, of the neutral face that never moves.
    pub neutral_error_mm: Distance,
    /// Over the held-out frames.
    pub test_error_mm: Option<Distance>,
    /// Likewise, of the neutral face that never moves.
    pub test_neutral_error_mm: Option<Distance>,
    /// Mean distance of the generic face before it was warped, millimetres.
    pub alignment_mm: f64,
    /// Size of the person's head against the generic one's.
    pub scale: f64,
    /// Whether the mesh has eyeballs of its own, so that gaze is known; else it is 0 in every frame.
    pub has_gaze: bool,
}

/// Where the pictures of a plain entity come from, and what units don't explain of its meshes.
#[derive(Clone, Debug)]
pub(super) struct Photographs {
    /// Size on disk and size as used of each camera's pictures.
    sizes: BTreeMap<String, [[u32; 2]; 2]>,
    transfer: Transfer,
    /// Of all that pixels and their fragments depend on.
    pub(super) fingerprint: [u8; 32],
    /// For each frame and tracked vertex: metres, head space before skinning.
    pub(super) unexplained: Vec<Vec<Vec3>>,
}

impl Photographs {
    pub(super) fn read(&self, path: &Path, camera: &str) -> Result<Planes, CaptureError> {
        let Some(&[size, scaled]) = self.sizes.get(camera) else {
            return Err(CaptureError::invalid(path, "camera", "has no pictures"));
        };
        photograph::read(path, size, scaled, self.transfer)
    }
}

/// Reads a plain entity and fits units to it.
pub(super) fn read(folder: &Path, options: &PlainOptions) -> Result<(Capture, Rig, UnitFit), CaptureError> {
    let entity = Entity::read(folder, options)?;
    let tracked: Vec<Vec<Vec3>> =
        entity.frames.iter().map(|frame| entity.mesh(frame)).collect::<Result<_, _>>()?;
    let face = GenericFace::embedded()?;
    let neutral_frames = entity.frames.iter().filter(|frame| frame.is_neutral).count();
    let is_start = |at: usize| {
        if neutral_frames > 0 { entity.frames[at].is_neutral } else { entity.frames[at].is_train }
    };
    let start = mean((0..tracked.len()).filter(|&at| is_start(at)).map(|at| &tracked[at]));
    let mut shape = Shape { positions: start, triangles: entity.topology.triangles.clone() };
    check_extent(&shape, &entity)?;
    turn_outwards(&mut shape);

    let mut eyeballs = Eyeballs::find(&shape);
    let mut skin =
        Shape { positions: shape.positions.clone(), triangles: eyeballs.without(&shape.triangles) };
    let (rough, distance) = align::align(&face.shape, &skin);
    if distance > UNLIKE_A_HEAD {
        let reason = format!(
            "don't look like a head: after the best alignment the generic face is {:.0} mm away. Vertices must be in \
             millimetres, and the face not mirrored",
            distance * 1e3
        );
        return Err(CaptureError::invalid(&entity.topology_path, "vertices", reason));
    }
    let similarity = by_correspondence(&face, &rough, &skin, &eyeballs);
    let (head_from_tracked, mut warped) = into_head_space(&face, &similarity, &mut skin, &eyeballs);
    eyeballs.sort(&skin.positions);
    let heads: Vec<Vec<Vec3>> = tracked.iter().map(|mesh| carry(&head_from_tracked, mesh)).collect();
    let rest: Vec<bool> = (0..heads.len()).map(is_start).collect();
    let gaze = eyeballs.gaze(&heads, &rest, &mut skin.positions);
    let samples: Vec<Sample<'_>> =
        heads.iter().zip(gaze).map(|(mesh, gaze)| (&mesh[..], eyes::looks(gaze))).collect();
    let learn: Vec<Sample<'_>> =
        (entity.frames.iter().zip(&samples)).filter(|(frame, _)| frame.is_train).map(|(_, s)| *s).collect();

    let (mut basis, mut weights) = transferred(&face, &warped, &skin, &eyeballs);
    if neutral_frames == 0 {
        // The mean face isn't at rest: once its rest is known, the generic face is fitted to that instead.
        skin.positions = basis.with_rest(&learn, &weights).neutral;
        warped = warp::warp(&scaled(&face, similarity.scale), &skin);
        (basis, weights) = transferred(&face, &warped, &skin, &eyeballs);
    }
    let basis = basis.personal(&learn, &weights, neutral_frames > 0);
    let fits = basis.fit(&samples, &weights, 0.0);

    let distances = |is_train: bool| {
        let chosen = (0..samples.len()).filter(|&at| entity.frames[at].is_train == is_train);
        let (samples, fits): (Vec<Sample<'_>>, Vec<FaceFit>) =
            chosen.map(|at| (samples[at], fits[at].clone())).unzip();
        basis.distances(&samples, &fits)
    };
    let Some([error_mm, neutral_error_mm]) = distances(true) else {
        let reason = "no unit moves any vertex of this mesh: it seems to have no face";
        return Err(CaptureError::invalid(&entity.topology_path, "vertices", reason));
    };
    let test = distances(false);
    let fit = UnitFit {
        frames: samples.len(),
        neutral_frames,
        without_mesh: entity.without_mesh,
        error_mm,
        neutral_error_mm,
        test_error_mm: test.map(|[units, _]| units),
        test_neutral_error_mm: test.map(|[_, neutral]| neutral),
        alignment_mm: distance * 1e3,
        scale: similarity.scale,
        has_gaze: eyeballs.are_known(),
    };
    let triangles = shape.triangles;
    let (capture, rig) =
        Person { entity, options, basis, fits, heads, eyeballs, head_from_tracked, triangles }
            .assemble(&similarity, &face)?;
    Ok((capture, rig, fit))
}

fn check_extent(shape: &Shape, entity: &Entity) -> Result<(), CaptureError> {
    let used = shape.triangles.iter().flatten().map(|&v| shape.positions[v as usize]);
    let (low, high) =
        used.fold((Vec3::INFINITY, Vec3::NEG_INFINITY), |(low, high), p| (low.min(p), high.max(p)));
    let extent = (high - low).max_element();
    if HEAD_EXTENT.contains(&extent) {
        return Ok(());
    }
    let path = entity.folder.join("tracked_mesh");
    let reason =
        format!("the mesh is {:.1} mm large, a head has 150 to 400: write millimetres", extent * 1e3);
    Err(CaptureError::invalid(&path, "vertices", reason))
}

/// Turns the triangles over if most of them face the middle of the mesh.
fn turn_outwards(shape: &mut Shape) {
    let used: Vec<Vec3> =
        (0..shape.triangles.len()).map(|t| shape.corners(t).iter().sum::<Vec3>() / 3.0).collect();
    let middle = used.iter().sum::<Vec3>() / used.len().max(1) as f32;
    let outwards = |(t, centre): (usize, &Vec3)| {
        let [a, b, c] = shape.corners(t);
        (b - a).cross(c - a).dot(*centre - middle)
    };
    if used.iter().enumerate().map(outwards).sum::<f32>() < 0.0 {
        shape.triangles.iter_mut().for_each(|t| t.swap(1, 2));
    }
}

/// The generic face at a person's size.
fn scaled(face: &GenericFace, scale: f64) -> Shape {
    let positions = face.shape.positions.iter().map(|p| *p * scale as f32).collect();
    Shape { positions, triangles: face.shape.triangles.clone() }
}

/// The similarity again, now from what the warp says is the same place on both heads: two heads of different shape are
/// nearest to each other when one of them nods a little.
fn by_correspondence(
    face: &GenericFace,
    rough: &Similarity,
    skin: &Shape,
    eyeballs: &Eyeballs,
) -> Similarity {
    let mut moved = skin.clone();
    let (head_from_tracked, warped) = into_head_space(face, rough, &mut moved, eyeballs);
    let surface = Surface::new(&moved);
    let met = |p: Vec3| surface.closest(p, MET_WITHIN, |_| true).is_some_and(|hit| !hit.at_boundary);
    let tracked = carry(&head_from_tracked.inverse(), &warped);
    let pairs: Vec<(Vec3, Vec3, f64)> = (0..warped.len())
        .filter(|&v| met(warped[v]))
        .map(|v| (face.shape.positions[v], tracked[v], 1.0))
        .collect();
    if pairs.len() < warped.len() / 10 { *rough } else { Similarity::fit(&pairs, align::SCALES) }
}

/// Moves `skin` into head space at rest, whose axes are the generic face's and whose origin lies midway between the
/// eyes; returns how, and the generic face warped onto it there.
fn into_head_space(
    face: &GenericFace,
    similarity: &Similarity,
    skin: &mut Shape,
    eyeballs: &Eyeballs,
) -> (DAffine3, Vec<Vec3>) {
    let turn = similarity.rotation.inverse();
    let mut head_from_tracked = DAffine3::from_rotation_translation(turn, -(turn * similarity.translation));
    let at_first = carry(&head_from_tracked, &skin.positions);
    skin.positions = at_first;
    let template = scaled(face, similarity.scale);
    let mut warped = warp::warp(&template, skin);
    let centres = eyeballs.centres(&skin.positions).unwrap_or_else(|| {
        face.eyes.map(|eye| eyes::carried(eye * similarity.scale as f32, &template.positions, &warped))
    });
    let origin = (centres[0] + centres[1]) / 2.0;
    skin.positions.iter_mut().chain(&mut warped).for_each(|p| *p -= origin);
    head_from_tracked.translation -= origin.as_dvec3();
    (head_from_tracked, warped)
}

/// The generic face's units on the person's mesh, and how much each vertex counts (all together 1).
fn transferred(face: &GenericFace, warped: &[Vec3], skin: &Shape, eyeballs: &Eyeballs) -> (Basis, Vec<f32>) {
    let mut found = transfer(face, warped, skin);
    let areas = skin.areas();
    for v in eyeballs.vertices() {
        found.deltas.iter_mut().for_each(|deltas| deltas[v] = Vec3::ZERO);
        found.known[v] = 0.0;
    }
    let basis = Basis { neutral: skin.positions.clone(), deltas: found.deltas };
    let moving = basis.moving();
    let mut weights: Vec<f32> = (0..areas.len())
        .map(|v| {
            let Some(generic) = found.generic[v] else { return 0.0 };
            let above_neck = ((generic.y - NECK[0]) / (NECK[1] - NECK[0])).clamp(0.0, 1.0);
            areas[v] * found.known[v] * above_neck * if moving[v] { 1.0 } else { STILL_WEIGHT }
        })
        .collect();
    let total: f32 = weights.iter().sum::<f32>().max(f32::MIN_POSITIVE);
    weights.iter_mut().for_each(|w| *w /= total);
    (basis, weights)
}

fn carry(transform: &DAffine3, mesh: &[Vec3]) -> Vec<Vec3> {
    mesh.iter().map(|p| transform.transform_point3(p.as_dvec3()).as_vec3()).collect()
}

/// The mean of meshes with as many vertices each.
fn mean<'a>(meshes: impl Iterator<Item = &'a Vec<Vec3>>) -> Vec<Vec3> {
    let (mut sum, mut count) = (Vec::new(), 0);
    for mesh in meshes {
        sum.resize(mesh.len(), Vec3::ZERO);
        sum.iter_mut().zip(mesh).for_each(|(sum, p)| *sum += *p);
        count += 1;
    }
    sum.iter_mut().for_each(|p| *p /= count.max(1) as f32);
    sum
}
