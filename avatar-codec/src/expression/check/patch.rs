//! Pieces of a mesh, decoded by themselves, and the faces they are looked at in.

use glam::Vec3;

use crate::avatar::{Avatar, GeometryHead, Mesh};
use crate::latent::{FaceUnit, HeadPose, Latent};
use crate::reference::decode;

use super::super::contact::SeamKind;
use super::super::range::FaceRange;

/// A few vertices with their rows of the basis.
#[derive(Debug)]
pub(super) struct Patch {
    pub(super) mesh: Mesh,
    geometry: GeometryHead,
}

/// Pairs of vertices of a patch that touch along a seam.
#[derive(Debug)]
pub(super) struct Edges {
    pub(super) kind: SeamKind,
    pub(super) patch: Patch,
    /// The first half of the patch moves along these against the second half.
    pub(super) directions: Vec<Vec3>,
    /// Metres between the two where the seam is closed: lids overlap there, which is no fault.
    pub(super) closed: Vec<f32>,
}

impl Patch {
    /// `vertices` count from `first`.
    pub(super) fn new(avatar: &Avatar, first: usize, vertices: &[usize]) -> Self {
        let (mesh, geometry) = (&avatar.mesh, &avatar.geometry);
        let vertices: Vec<usize> = vertices.iter().map(|v| first + v).collect();
        let total = mesh.mean.len();
        let mut basis = Vec::with_capacity(geometry.rank * vertices.len() * 3);
        for rank in 0..geometry.rank {
            for &v in &vertices {
                basis.extend_from_slice(&geometry.basis[(rank * total + v) * 3..][..3]);
            }
        }
        let mesh = Mesh {
            mean: vertices.iter().map(|&v| mesh.mean[v]).collect(),
            uv: Vec::new(),
            triangles: Vec::new(),
            weld: Vec::new(),
            joints: Vec::new(),
            weights: Vec::new(),
        };
        Self { mesh, geometry: GeometryHead { basis, ..geometry.clone() } }
    }

    /// Positions in head space, metres.
    pub(super) fn decode(&self, avatar: &Avatar, latent: &Latent) -> Vec<Vec3> {
        decode::vertices(&self.mesh, &self.geometry, &decode::condition(avatar, latent, &HeadPose::REST))
    }
}

impl Edges {
    /// How far the moving edge has gone past vertices that it touches where the seam is closed, metres.
    pub(super) fn depth(&self, avatar: &Avatar, latent: &Latent) -> f32 {
        let positions = self.patch.decode(avatar, latent);
        let (moving, still) = positions.split_at(positions.len() / 2);
        let mut deepest = 0.0f32;
        for (i, (direction, closed)) in self.directions.iter().zip(&self.closed).enumerate() {
            deepest = deepest.max(closed - (moving[i] - still[i]).dot(*direction));
        }
        deepest
    }
}

/// Full blinks over several faces.
pub(super) fn blinking_faces(range: &FaceRange) -> Vec<Latent> {
    use FaceUnit::*;
    let over: [&[(FaceUnit, f32)]; 5] = [
        &[],
        &[(MouthSmileLeft, 0.7), (MouthSmileRight, 0.7), (CheekSquintLeft, 0.5), (CheekSquintRight, 0.5)],
        &[
            (BrowInnerUp, 0.8),
            (BrowOuterUpLeft, 0.7),
            (BrowOuterUpRight, 0.7),
            (EyeWideLeft, 0.3),
            (EyeWideRight, 0.3),
        ],
        &[(BrowDownLeft, 0.7), (BrowDownRight, 0.7), (MouthFrownLeft, 0.5), (MouthFrownRight, 0.5)],
        &[(EyeSquintLeft, 0.6), (EyeSquintRight, 0.6), (NoseSneerLeft, 0.4), (NoseSneerRight, 0.4)],
    ];
    let face = |weights: &[(FaceUnit, f32)]| {
        let mut latent = Latent::NEUTRAL;
        for &(unit, weight) in weights.iter().chain(&[(EyeBlinkLeft, 1.0), (EyeBlinkRight, 1.0)]) {
            *latent.unit_mut(unit) = weight * range.unit(unit)[1];
        }
        latent
    };
    over.into_iter().map(face).collect()
}
