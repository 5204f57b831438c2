//! A box that a posed avatar is inside of, found without posing it.
//!
//! A vertex is moved by the basis and then by a convex mixture of its joints. So it is inside the box round what the joints
//! that hold it make of its box at rest, widened by the least and the most that each basis vector moves any of the joint's
//! vertices, times the coefficient: interval arithmetic, some thousand multiply-adds.

use glam::{Affine3A, Vec3, Vec3A};
use visavis_codec::FaceFrame;
use visavis_codec::avatar::Skeleton;

use crate::cpu::{Form, joint_transforms};
use crate::pose::Pose;

/// An axis-aligned box, metres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Box3 {
    pub(crate) min: Vec3,
    pub(crate) max: Vec3,
}

impl Box3 {
    const EMPTY: Self = Self { min: Vec3::INFINITY, max: Vec3::NEG_INFINITY };

    fn add(&mut self, point: Vec3) {
        self.min = self.min.min(point);
        self.max = self.max.max(point);
    }

    pub(crate) fn corners(&self) -> [Vec3; 8] {
        std::array::from_fn(|i| {
            let pick = |bit: usize, low: f32, high: f32| if i & bit == 0 { low } else { high };
            Vec3::new(
                pick(1, self.min.x, self.max.x),
                pick(2, self.min.y, self.max.y),
                pick(4, self.min.z, self.max.z),
            )
        })
    }
}

/// What the vertices of one joint can be.
#[derive(Clone, Debug)]
struct JointBounds {
    rest: Box3,
    /// For each basis vector what a coefficient of 1 adds, at least and at most, by axis; metres.
    offsets: Vec<Box3>,
}

/// An avatar's mesh as boxes, one a joint.
#[derive(Clone, Debug)]
pub(crate) struct Bounds {
    joints: Vec<Option<JointBounds>>,
    skeleton: Skeleton,
    /// The mesh at rest, metres from its lowest to its highest vertex.
    pub(crate) height_m: f32,
}

/// Buffers that are kept from one frame to the next.
#[derive(Clone, Debug, Default)]
pub(crate) struct BoundsScratch {
    floats: Vec<f32>,
    joints: Vec<Affine3A>,
}

impl Bounds {
    /// Of a mesh whose arrays have the lengths that their documentation says.
    pub(crate) fn new(form: &Form<'_>) -> Self {
        let (mesh, vertices) = (form.mesh, form.mesh.mean.len());
        let count = form.skeleton.joints.len();
        let mut rest = vec![Box3::EMPTY; count];
        let mut whole = Box3::EMPTY;
        // Each vertex's joints as bits; there are at most 32, the others are in the last one's box.
        let holders: Vec<u32> = (mesh.joints.iter().zip(&mesh.weights))
            .map(|(joints, weights)| {
                (joints.iter().zip(weights)).filter(|(_, weight)| **weight > 0).fold(
                    0,
                    |bits, (&joint, _)| {
                        bits | 1u32 << u32::from(joint).min(count.saturating_sub(1) as u32).min(31)
                    },
                )
            })
            .collect();
        for (&mean, &bits) in mesh.mean.iter().zip(&holders) {
            whole.add(mean.into());
            for (joint, rest) in rest.iter_mut().enumerate().take(32) {
                if bits >> joint & 1 == 1 {
                    rest.add(mean.into());
                }
            }
        }
        let mut offsets = vec![Vec::with_capacity(form.geometry.rank); count];
        for (basis, &step) in
            form.geometry.basis.chunks_exact((vertices * 3).max(1)).zip(&form.geometry.basis_step)
        {
            let mut least = [[i8::MAX; 3]; 32];
            let mut most = [[i8::MIN; 3]; 32];
            for (offset, &bits) in basis.as_chunks::<3>().0.iter().zip(&holders) {
                let mut rest = bits;
                while rest != 0 {
                    let joint = rest.trailing_zeros() as usize % 32;
                    rest &= rest - 1;
                    for axis in 0..3 {
                        least[joint][axis] = least[joint][axis].min(offset[axis]);
                        most[joint][axis] = most[joint][axis].max(offset[axis]);
                    }
                }
            }
            for (joint, offsets) in offsets.iter_mut().enumerate().take(32) {
                let metres = |steps: [i8; 3]| Vec3::from(steps.map(|steps| f32::from(steps) * step));
                offsets.push(Box3 { min: metres(least[joint]), max: metres(most[joint]) });
            }
        }
        let joints = rest
            .into_iter()
            .zip(offsets)
            .map(|(rest, offsets)| (rest.min.x <= rest.max.x).then_some(JointBounds { rest, offsets }));
        Self {
            joints: joints.collect(),
            skeleton: form.skeleton.clone(),
            height_m: (whole.max.y - whole.min.y).max(0.0),
        }
    }

    /// Where a face is, in the rest frame.
    pub(crate) fn of(&self, pose: &Pose, frame: &FaceFrame, scratch: &mut BoundsScratch) -> Box3 {
        let BoundsScratch { floats, joints } = scratch;
        joint_transforms(&self.skeleton, frame.latent.gaze, &frame.head, joints);
        let coefficients = pose.coefficients(frame, floats);
        let mut posed = Box3::EMPTY;
        for (bounds, transform) in self.joints.iter().zip(joints) {
            let Some(JointBounds { rest, offsets }) = bounds else { continue };
            let (mut min, mut max) = (Vec3A::from(rest.min), Vec3A::from(rest.max));
            for (offset, &coefficient) in offsets.iter().zip(coefficients) {
                let (a, b) = (Vec3A::from(offset.min) * coefficient, Vec3A::from(offset.max) * coefficient);
                min += a.min(b);
                max += a.max(b);
            }
            for corner in (Box3 { min: min.into(), max: max.into() }).corners() {
                posed.add(transform.transform_point3(corner));
            }
        }
        posed
    }
}

#[cfg(test)]
mod tests {
    use visavis_codec::latent::Timestamp;
    use visavis_codec::reference::{decode, skin};
    use visavis_codec::testing::{Preset, random_head, random_latent, synthetic_avatar};

    use super::*;

    #[test]
    fn every_vertex_of_every_face_is_inside() {
        for seed in 0..24 {
            let avatar = synthetic_avatar(seed % 3 + 1, Preset::Tiny);
            let bounds = Bounds::new(&Form::of_avatar(&avatar));
            let frame = FaceFrame {
                time: Timestamp::default(),
                latent: random_latent(seed),
                head: random_head(seed),
            };
            let found =
                bounds.of(&Pose::new(&Form::of_avatar(&avatar)), &frame, &mut BoundsScratch::default());
            let condition = decode::condition(&avatar, &frame.latent, &frame.head);
            let transforms =
                skin::joint_transforms(&avatar.manifest.skeleton, frame.latent.gaze, &frame.head);
            let positions = skin::skin(&avatar.mesh, &decode::geometry(&avatar, &condition), &transforms);
            let mut exact = Box3::EMPTY;
            positions.iter().for_each(|&position| exact.add(position));
            let slack = 1e-5;
            assert!(
                exact.min.cmpge(found.min - slack).all() && exact.max.cmple(found.max + slack).all(),
                "seed {seed}: {exact:?} in {found:?}"
            );
            // Not so wide that it is of no use.
            let (size, true_size) = (found.max - found.min, exact.max - exact.min);
            assert!(size.cmple(true_size * 3.0 + 0.1).all(), "seed {seed}: {size} for {true_size}");
        }
    }
}
