//! The rig of a capture: the render mesh, how units move it, how it is skinned, and which tracked vertex each of its own is.

use std::collections::HashMap;
use std::path::Path;

use glam::Vec3;
use safetensors::{Dtype, SafeTensors};

use super::capture::{Capture, CaptureError, Description, read};
use crate::avatar::{Joint, JointRole, Mesh, Part, PartKind, Skeleton};
use crate::latent::UNITS;

const METRES_PER_MM: f32 = 1e-3;

/// A capture's rig.
#[derive(Clone, Debug)]
pub struct Rig {
    /// The render mesh at neutral.
    pub mesh: Mesh,
    /// Its parts.
    pub parts: Vec<Part>,
    /// Its joints.
    pub skeleton: Skeleton,
    /// V tracked vertices, one per render vertex.
    pub tracked_index: Vec<u32>,
    /// `[52, V]`: how each face unit at 1 moves each vertex, metres, before skinning.
    pub unit_deltas: Vec<Vec3>,
}

impl Rig {
    /// Reads `rig.safetensors` of a capture, and leaves out what is always hidden.
    pub fn read(capture: &Capture) -> Result<Self, CaptureError> {
        let path = capture.folder.join("rig.safetensors");
        let bytes = read(&path)?;
        let file = SafeTensors::deserialize(&bytes).map_err(|e| CaptureError::invalid(&path, "file", e))?;
        let tensors = Tensors { path: &path, file };
        let (shape, neutral) = tensors.floats("neutral")?;
        let [vertices, 3] = shape[..] else { return Err(tensors.wrong("neutral", "must be [V, 3]")) };
        let uv = tensors.floats_of("uv", &[vertices, 2])?;
        let deltas = tensors.floats_of("unit_deltas", &[UNITS, vertices, 3])?;
        let weights = tensors.floats_of("skin_weight", &[vertices, 4])?;
        let joints = tensors.bytes_of("skin_joint", &[vertices, 4])?;
        let tracked_index = tensors.indices("tracked_index", u32::MAX as usize)?;
        let corners = tensors.indices("triangles", vertices)?;
        if tracked_index.len() != vertices {
            return Err(tensors.wrong("tracked_index", "must have one entry a vertex"));
        }
        if vertices > usize::from(u16::MAX) {
            return Err(tensors.wrong("neutral", "has more vertices than 65,535"));
        }
        if let Some(joint) = joints.iter().find(|&&j| usize::from(j) >= capture.description.joints.len()) {
            return Err(tensors.wrong("skin_joint", format!("names joint {joint}, which isn't there")));
        }
        let triples = |values: &[f32]| -> Vec<Vec3> {
            values.as_chunks::<3>().0.iter().map(|&v| Vec3::from(v) * METRES_PER_MM).collect()
        };
        let parts = parts(&capture.description, vertices, corners.len() / 3, &path)?;
        let mean: Vec<[f32; 3]> = triples(&neutral).into_iter().map(|v| v.to_array()).collect();
        let mesh = Mesh {
            uv: uv.as_chunks::<2>().0.to_vec(),
            triangles: corners.as_chunks::<3>().0.iter().map(|t| t.map(|v| v as u16)).collect(),
            weld: welds(&tracked_index, &parts),
            joints: joints.as_chunks::<4>().0.to_vec(),
            weights: weights.as_chunks::<4>().0.iter().map(|&w| quantise_weights(w)).collect(),
            mean,
        };
        let skeleton = skeleton(&capture.description, &path)?;
        let mut rig = Self { mesh, parts, skeleton, tracked_index, unit_deltas: triples(&deltas) };
        rig.trim();
        Ok(rig)
    }

    /// The render mesh of a frame, from its tracked mesh.
    pub fn posed(&self, tracked: &[Vec3], path: &Path) -> Result<Vec<Vec3>, CaptureError> {
        let at = |&i: &u32| tracked.get(i as usize).copied();
        let posed: Option<Vec<Vec3>> = self.tracked_index.iter().map(at).collect();
        posed.ok_or_else(|| CaptureError::invalid(path, "vertices", "fewer than rig.safetensors refers to"))
    }
}

/// Vertices split along a seam of the atlas share a tracked vertex: the first of each is the weld.
pub(super) fn welds(tracked_index: &[u32], parts: &[Part]) -> Vec<u16> {
    let mut weld = Vec::with_capacity(tracked_index.len());
    for part in parts {
        let mut first = HashMap::new();
        for vertex in part.vertices.clone() {
            weld.push(*first.entry(tracked_index[vertex as usize]).or_insert(vertex as u16));
        }
    }
    weld
}

/// Weights in 255ths that sum to 255: rounded down, and what is missing goes to those that lost most.
fn quantise_weights(weights: [f32; 4]) -> [u8; 4] {
    let sum: f32 = weights.iter().map(|w| w.max(0.0)).sum();
    if sum.partial_cmp(&0.0) != Some(std::cmp::Ordering::Greater) {
        return [255, 0, 0, 0];
    }
    let exact = weights.map(|w| w.max(0.0) / sum * 255.0);
    let mut out = exact.map(|w| w as u8);
    let mut order = [0usize, 1, 2, 3];
    order.sort_by(|&a, &b| exact[b].fract().total_cmp(&exact[a].fract()).then(a.cmp(&b)));
    let missing = 255 - out.iter().map(|&w| i32::from(w)).sum::<i32>();
    for &i in order.iter().take(missing.clamp(0, 4) as usize) {
        out[i] += 1;
    }
    out
}

fn parts(
    description: &Description,
    vertices: usize,
    triangles: usize,
    path: &Path,
) -> Result<Vec<Part>, CaptureError> {
    let mut out = Vec::new();
    let (mut vertex, mut triangle) = (0, 0);
    for part in &description.parts {
        let field = format!("capture.json parts {:?}", part.name);
        let kind = PartKind::ALL.into_iter().find(|&kind| kind as u8 == part.id);
        let Some(kind) =
            kind.filter(|kind| serde_json::to_value(kind).is_ok_and(|v| v == part.name.as_str()))
        else {
            return Err(CaptureError::invalid(
                path,
                field,
                format!("no part has this name and identifier {}", part.id),
            ));
        };
        if part.vertices[0] != vertex
            || part.triangles[0] != triangle
            || part.vertices[1] < vertex
            || part.triangles[1] < triangle
        {
            return Err(CaptureError::invalid(path, field, "ranges must ascend without gaps"));
        }
        (vertex, triangle) = (part.vertices[1], part.triangles[1]);
        out.push(Part { kind, vertices: part.vertices[0]..vertex, triangles: part.triangles[0]..triangle });
    }
    if vertex as usize == vertices && triangle as usize == triangles {
        Ok(out)
    } else {
        Err(CaptureError::invalid(
            path,
            "capture.json parts",
            "must cover all vertices and triangles of the rig",
        ))
    }
}

fn skeleton(description: &Description, path: &Path) -> Result<Skeleton, CaptureError> {
    let joints = &description.joints;
    let role = |name: &str| match name {
        "torso" => Some(JointRole::Torso),
        "neck" => Some(JointRole::Neck),
        "head" => Some(JointRole::Head),
        "jaw" => Some(JointRole::Jaw),
        "eye_left" => Some(JointRole::EyeLeft),
        "eye_right" => Some(JointRole::EyeRight),
        _ => None,
    };
    let mut out = Vec::new();
    for (number, joint) in joints.iter().enumerate() {
        let field = format!("capture.json joints {:?}", joint.name);
        let role =
            role(&joint.name).ok_or_else(|| CaptureError::invalid(path, &*field, "has no known role"))?;
        let parent = match &joint.parent {
            None => None,
            Some(parent) => {
                let found = joints.iter().take(number).position(|j| j.name == *parent);
                Some(
                    found.ok_or_else(|| CaptureError::invalid(path, &*field, "must come after its parent"))?
                        as u8,
                )
            }
        };
        out.push(Joint { role, parent, position: Vec3::from(joint.position_mm) * METRES_PER_MM });
    }
    Ok(Skeleton { joints: out })
}

/// The tensors of one file, with errors that name it.
pub(super) struct Tensors<'a> {
    pub(super) path: &'a Path,
    pub(super) file: SafeTensors<'a>,
}

impl Tensors<'_> {
    pub(super) fn wrong(&self, name: &str, reason: impl ToString) -> CaptureError {
        CaptureError::invalid(self.path, name, reason)
    }

    fn raw(&self, name: &str, dtype: Dtype) -> Result<(Vec<usize>, &[u8]), CaptureError> {
        let view = self.file.tensor(name).map_err(|e| self.wrong(name, e))?;
        if view.dtype() != dtype {
            return Err(self.wrong(name, format!("is {:?} instead of {dtype:?}", view.dtype())));
        }
        Ok((view.shape().to_vec(), view.data()))
    }

    /// A tensor of finite f32, of any shape.
    pub(super) fn floats(&self, name: &str) -> Result<(Vec<usize>, Vec<f32>), CaptureError> {
        let (shape, bytes) = self.raw(name, Dtype::F32)?;
        let values: Vec<f32> = bytes.as_chunks::<4>().0.iter().map(|&b| f32::from_le_bytes(b)).collect();
        if values.iter().all(|x| x.is_finite()) {
            Ok((shape, values))
        } else {
            Err(self.wrong(name, "isn't finite"))
        }
    }

    /// A tensor of finite f32 of this shape.
    pub(super) fn floats_of(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, CaptureError> {
        let (found, values) = self.floats(name)?;
        if found == shape {
            Ok(values)
        } else {
            Err(self.wrong(name, format!("is {found:?} instead of {shape:?}")))
        }
    }

    /// A tensor of bytes of this shape.
    pub(super) fn bytes_of(&self, name: &str, shape: &[usize]) -> Result<Vec<u8>, CaptureError> {
        let (found, bytes) = self.raw(name, Dtype::U8)?;
        if found == shape {
            Ok(bytes.to_vec())
        } else {
            Err(self.wrong(name, format!("is {found:?} instead of {shape:?}")))
        }
    }

    /// A tensor of bytes of any shape.
    pub(super) fn bytes(&self, name: &str) -> Result<Vec<u8>, CaptureError> {
        Ok(self.raw(name, Dtype::U8)?.1.to_vec())
    }

    /// A tensor of u32 of any shape.
    pub(super) fn integers(&self, name: &str) -> Result<Vec<u32>, CaptureError> {
        let (_, bytes) = self.raw(name, Dtype::U32)?;
        Ok(bytes.as_chunks::<4>().0.iter().map(|&b| u32::from_le_bytes(b)).collect())
    }

    /// A tensor of u16 of any shape.
    pub(super) fn shorts(&self, name: &str) -> Result<Vec<u16>, CaptureError> {
        let (_, bytes) = self.raw(name, Dtype::U16)?;
        Ok(bytes.as_chunks::<2>().0.iter().map(|&b| u16::from_le_bytes(b)).collect())
    }

    /// A tensor of signed bytes of any shape.
    pub(super) fn signed(&self, name: &str) -> Result<(Vec<usize>, Vec<i8>), CaptureError> {
        let (shape, bytes) = self.raw(name, Dtype::I8)?;
        Ok((shape, bytes.iter().map(|&b| b as i8).collect()))
    }

    /// A tensor of finite f16, of any shape.
    pub(super) fn halves(&self, name: &str) -> Result<(Vec<usize>, Vec<half::f16>), CaptureError> {
        let (shape, bytes) = self.raw(name, Dtype::F16)?;
        let values: Vec<half::f16> =
            bytes.as_chunks::<2>().0.iter().map(|&b| half::f16::from_le_bytes(b)).collect();
        if values.iter().all(|x| x.is_finite()) {
            Ok((shape, values))
        } else {
            Err(self.wrong(name, "isn't finite"))
        }
    }

    /// u32 entries below `bound`.
    fn indices(&self, name: &str, bound: usize) -> Result<Vec<u32>, CaptureError> {
        let values = self.integers(name)?;
        if values.iter().all(|&i| (i as usize) < bound) {
            Ok(values)
        } else {
            Err(self.wrong(name, format!("has an index of {bound} or more")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_sum_to_255_whatever_they_were() {
        for weights in
            [[1.0, 0.0, 0.0, 0.0], [0.25; 4], [0.333, 0.333, 0.334, 0.0], [0.7, 0.2, 0.06, 0.04], [0.0; 4]]
        {
            let quantised = quantise_weights(weights);
            assert_eq!(quantised.iter().map(|&w| u32::from(w)).sum::<u32>(), 255, "{weights:?}");
            for (q, w) in quantised.iter().zip(weights).skip(1) {
                assert!((f32::from(*q) / 255.0 - w).abs() < 1.0 / 255.0, "{weights:?} became {quantised:?}");
            }
        }
    }

    #[test]
    fn welds_name_the_first_vertex_of_the_same_part() {
        let part = |kind, vertices| Part { kind, vertices, triangles: 0..0 };
        let parts = [part(PartKind::Skin, 0..4), part(PartKind::Hair, 4..6)];
        assert_eq!(welds(&[7, 8, 7, 9, 7, 7], &parts), [0, 1, 0, 3, 4, 4]);
    }
}
