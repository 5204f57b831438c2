//! The generic face: a neutral head and how the 52 face units move it, as a template for captures without units.
//! `assets/capture/generic_face.py` makes it of MakeHuman's CC0 data and says what the tensors are.

use std::path::Path;

use glam::Vec3;
use safetensors::SafeTensors;

use super::super::capture::CaptureError;
use super::super::rig::Tensors;
use super::surface::Shape;
use crate::latent::UNITS;

const FILE: &[u8] = include_bytes!("../../../../assets/face/generic.safetensors");
const METRES_PER_MM: f32 = 1e-3;

/// Metres in head space at rest.
#[derive(Clone, Debug)]
pub(super) struct GenericFace {
    pub(super) shape: Shape,
    /// Centres of the left and the right eyeball.
    pub(super) eyes: [Vec3; 2],
    /// For each unit the vertices that it moves, and how far at 1.
    pub(super) deltas: Vec<Vec<(u32, Vec3)>>,
}

impl GenericFace {
    pub(super) fn embedded() -> Result<Self, CaptureError> {
        let path = Path::new("(embedded) assets/face/generic.safetensors");
        let file = SafeTensors::deserialize(FILE).map_err(|e| CaptureError::invalid(path, "file", e))?;
        let tensors = Tensors { path, file };
        let (shape, positions) = tensors.floats("positions")?;
        let vertices = shape.first().copied().unwrap_or(0);
        let steps = tensors.floats_of("delta_step", &[UNITS])?;
        let eyes = tensors.floats_of("eye_centres", &[2, 3])?;
        let starts = tensors.integers("delta_start")?;
        let (moved, triangles) = (tensors.shorts("delta_vertex")?, tensors.shorts("triangles")?);
        let (_, values) = tensors.signed("delta_value")?;
        let values = values.as_chunks::<3>().0;
        let fits = starts.len() == UNITS + 1
            && starts.is_sorted()
            && starts[UNITS] as usize == moved.len()
            && moved.len() == values.len()
            && moved.iter().chain(&triangles).all(|&v| usize::from(v) < vertices);
        if !fits {
            return Err(tensors.wrong("delta_start", "doesn't fit the other tensors: make the file again"));
        }
        let metres = |v: &[f32; 3]| Vec3::from(*v) * METRES_PER_MM;
        let deltas = (0..UNITS)
            .map(|unit| {
                let range = starts[unit] as usize..starts[unit + 1] as usize;
                let delta = |at: usize| Vec3::from(values[at].map(f32::from)) * steps[unit] * METRES_PER_MM;
                range.map(|at| (u32::from(moved[at]), delta(at))).collect()
            })
            .collect();
        Ok(Self {
            shape: Shape {
                positions: positions.as_chunks::<3>().0.iter().map(metres).collect(),
                triangles: triangles.as_chunks::<3>().0.iter().map(|t| t.map(u32::from)).collect(),
            },
            eyes: [metres(&[eyes[0], eyes[1], eyes[2]]), metres(&[eyes[3], eyes[4], eyes[5]])],
            deltas,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FaceUnit;

    #[test]
    fn the_generic_face_is_a_face() {
        let face = GenericFace::embedded().unwrap();
        assert!(face.eyes[0].x < -0.025 && face.eyes[1].x > 0.025, "+X is the person's right");
        let normals = face.shape.normals();
        let nose = (0..normals.len())
            .min_by(|&a, &b| face.shape.positions[a].z.total_cmp(&face.shape.positions[b].z));
        assert!(normals[nose.unwrap()].z < -0.7, "the nose points outwards along -Z");
        let lowest = |unit: FaceUnit| {
            face.deltas[unit as usize].iter().map(|(_, d)| d.y).fold(f32::INFINITY, f32::min)
        };
        assert!(lowest(FaceUnit::JawOpen) < -0.015, "an open jaw goes down");
        assert!(
            (-0.015..-0.005).contains(&lowest(FaceUnit::EyeBlinkLeft)),
            "{}",
            lowest(FaceUnit::EyeBlinkLeft)
        );
        let left = face.deltas[FaceUnit::MouthSmileLeft as usize]
            .iter()
            .max_by(|a, b| a.1.length().total_cmp(&b.1.length()));
        assert!(face.shape.positions[left.unwrap().0 as usize].x < -0.01);
    }
}
