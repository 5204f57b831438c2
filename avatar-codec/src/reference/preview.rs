//! From a whole avatar to its [`Preview`]: a coarse mesh, and the neutral face unwrapped.

use std::collections::VecDeque;

use glam::{Mat4, Vec3};

use super::layers::Surface;
use super::raster::{self, Cull};
use super::shade::shade;
use super::view::View;
use super::{decode, skin};
use crate::avatar::{Avatar, BaseColor, MAX_PREFIX_BYTES, Mesh, Preview, Simplified, simplify};
use crate::latent::{FaceUnit, HeadPose, Latent};

/// Width and height of the base colour of a person.
pub const PREVIEW_COLOR_SIZE: usize = 256;
/// Points along each side of a texel that its colour is the mean of.
const POINTS: usize = 3;
/// What a header may still grow by, as by another name or consent, before the preview doesn't fit any more.
const SPARE_BYTES: usize = 2_048;

/// A preview of an avatar that passed [`Avatar::validate`], with a base colour of `color_size`² (1 to 256): as fine as
/// fits into a file's first [`MAX_PREFIX_BYTES`] and takes no more than `most_bytes` itself. None if nothing does, as
/// with a geometry head of megabytes.
///
/// The base colour is what the pixel decoder gives for the neutral face, each point seen from straight above.
pub fn preview(avatar: &Avatar, color_size: usize, most_bytes: usize) -> Option<Preview> {
    let (mesh, rank) = (&avatar.mesh, avatar.geometry.rank);
    let before = avatar.bytes_before_preview(mesh.mean.len(), mesh.triangles.len(), color_size);
    let color = color_size * color_size * 4 + avatar.manifest.parts.len() * 4;
    let room = MAX_PREFIX_BYTES.saturating_sub(before + SPARE_BYTES).min(most_bytes);
    let is_enough = |vertices: usize, triangles: usize| {
        let bytes = vertices * (12 + 8 + 2 + 4 + 4 + 3 * rank) + triangles * 6;
        // Whole words, so that what comes after them in the file is aligned.
        color + bytes <= room && bytes.is_multiple_of(4)
    };
    let Simplified { vertices, triangles, ends } =
        simplify(mesh, &avatar.manifest.parts, &poses(avatar), is_enough)?;

    let all = mesh.mean.len();
    let basis = (0..rank * vertices.len())
        .flat_map(|i| {
            let row = (i / vertices.len() * all + usize::from(vertices[i % vertices.len()])) * 3;
            avatar.geometry.basis[row..row + 3].iter().copied()
        })
        .collect();
    let color = unwrap_neutral(avatar, color_size);
    Some(Preview { ends, mesh: pick(mesh, &vertices, &triangles), basis, color })
}

/// Faces that a coarse mesh must be able to make, and the neutral one first.
fn poses(avatar: &Avatar) -> Vec<Vec<Vec3>> {
    use FaceUnit::{BrowInnerUp, EyeBlinkLeft, EyeBlinkRight, JawOpen, MouthSmileLeft, MouthSmileRight};
    let faces: [&[FaceUnit]; 4] =
        [&[], &[EyeBlinkLeft, EyeBlinkRight], &[JawOpen], &[MouthSmileLeft, MouthSmileRight, BrowInnerUp]];
    faces
        .into_iter()
        .map(|units| {
            let mut latent = Latent::NEUTRAL;
            for &unit in units {
                latent.units[unit as usize] = 1.0;
            }
            decode::geometry(avatar, &decode::condition(avatar, &latent, &HeadPose::REST))
        })
        .collect()
}

/// The mesh of some of its vertices.
fn pick(mesh: &Mesh, vertices: &[u16], triangles: &[[u16; 3]]) -> Mesh {
    let mut number = vec![0u16; mesh.mean.len()];
    let mut first_at = vec![None; mesh.mean.len()];
    let mut weld = Vec::with_capacity(vertices.len());
    for (new, &old) in (0u16..).zip(vertices) {
        number[usize::from(old)] = new;
        weld.push(*first_at[usize::from(mesh.weld[usize::from(old)])].get_or_insert(new));
    }
    let old = || vertices.iter().map(|&v| usize::from(v));
    Mesh {
        mean: old().map(|v| mesh.mean[v]).collect(),
        uv: old().map(|v| mesh.uv[v]).collect(),
        triangles: triangles.iter().map(|corners| corners.map(|v| number[usize::from(v)])).collect(),
        weld,
        joints: old().map(|v| mesh.joints[v]).collect(),
        weights: old().map(|v| mesh.weights[v]).collect(),
    }
}

/// The neutral person's colour in UV.
fn unwrap_neutral(avatar: &Avatar, size: usize) -> BaseColor {
    let condition = decode::condition(avatar, &Latent::NEUTRAL, &HeadPose::REST);
    let dynamic = decode::texture(avatar, &condition);
    let positions: Vec<Vec3> = avatar.mesh.mean.iter().map(|&p| Vec3::from(p)).collect();
    let normals = skin::normals(&avatar.mesh, &positions);
    // The atlas as a picture: u to the right, v down, everything at one depth.
    let clip_from_uv =
        Mat4::from_translation(Vec3::new(-1.0, 1.0, 0.0)) * Mat4::from_scale(Vec3::new(2.0, -2.0, 1.0));
    let view = View { view_from_world: glam::Affine3A::IDENTITY, clip_from_view: clip_from_uv };
    let points = [(size * POINTS) as u32; 2];
    let surface =
        Surface { mesh: &avatar.mesh, positions: &positions, normals: &normals, view: &view, size: points };

    // Premultiplied sums, and how many points they are of.
    let mut sums = vec![([0.0f32; 4], 0u32); size * size];
    for part in &avatar.manifest.parts {
        for triangle in part.triangles.clone() {
            let corners = avatar.mesh.triangles[triangle as usize].map(usize::from);
            let atlas = corners.map(|v| Vec3::new(avatar.mesh.uv[v][0], avatar.mesh.uv[v][1], 0.5));
            raster::triangle(&clip_from_uv, points, atlas, Cull::None, |hit| {
                let weights = hit.weights.to_array();
                let fragment = surface.interpolate(part.kind, triangle, &corners, &weights, hit.depth);
                let eye = fragment.position + fragment.normal;
                let shaded = shade(avatar, &dynamic, &fragment, eye);
                let color = (shaded.color() * shaded.alpha).extend(shaded.alpha);
                let (sum, count) = &mut sums[hit.y as usize / POINTS * size + hit.x as usize / POINTS];
                for (sum, value) in sum.iter_mut().zip(color.to_array()) {
                    *sum += value;
                }
                *count += 1;
            });
        }
    }
    let texels = sums.into_iter().map(|(sum, count)| (count > 0).then(|| encode(sum, count))).collect();
    BaseColor { size, texels: filled(texels, size) }
}

/// The mean of premultiplied linear colours as a texel.
fn encode([r, g, b, a]: [f32; 4], count: u32) -> [u8; 4] {
    let byte = |x: f32| (x.clamp(0.0, 1.0) * 255.0).round() as u8;
    let color = |x: f32| {
        let linear = (x / a.max(1e-6)).clamp(0.0, 1.0);
        byte(if linear <= 0.003_130_8 { linear * 12.92 } else { 1.055 * linear.powf(1.0 / 2.4) - 0.055 })
    };
    [color(r), color(g), color(b), byte(a / count as f32)]
}

/// Texels between the charts get the colour of the nearest texel of one, so that sampling at a chart's edge stays in it.
fn filled(mut texels: Vec<Option<[u8; 4]>>, size: usize) -> Vec<[u8; 4]> {
    let mut front: VecDeque<usize> = (0..texels.len()).filter(|&i| texels[i].is_some()).collect();
    while let Some(at) = front.pop_front() {
        let (x, y) = (at % size, at / size);
        for (x, y) in [(x.wrapping_sub(1), y), (x + 1, y), (x, y.wrapping_sub(1)), (x, y + 1)] {
            if x < size && y < size && texels[y * size + x].is_none() {
                texels[y * size + x] = texels[at];
                front.push_back(y * size + x);
            }
        }
    }
    texels.into_iter().map(Option::unwrap_or_default).collect()
}
