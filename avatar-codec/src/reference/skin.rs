//! From the decoded mesh to the posed one: joints, linear-blend skinning, vertex normals.

use glam::{Affine3A, Mat3A, Quat, Vec3, Vec3A};

use crate::avatar::{JointRole, Mesh, Skeleton};
use crate::latent::{Gaze, HeadPose};

/// The rest-frame transform of each joint, in the skeleton's order: how the joint moves what is bound to it.
///
/// Each joint turns about its own place, in its parent's frame, by what its [`JointRole`] says: neck and head by half
/// of the head's rotation vector each, the eyes by the gaze (so relative to the head that carries them), others not at
/// all. Joints without a parent take the translation.
pub fn joint_transforms(skeleton: &Skeleton, gaze: Gaze, head: &HeadPose) -> Vec<Affine3A> {
    let half = Quat::from_scaled_axis(head.rotation_vector() * 0.5);
    let mut transforms: Vec<Affine3A> = Vec::with_capacity(skeleton.joints.len());
    for joint in &skeleton.joints {
        let rotation = match joint.role {
            JointRole::Neck | JointRole::Head => half,
            JointRole::EyeLeft => gaze.left_rotation(),
            JointRole::EyeRight => gaze.right_rotation(),
            JointRole::Torso | JointRole::Jaw => Quat::IDENTITY,
        };
        let turn = Affine3A::from_rotation_translation(rotation, joint.position - rotation * joint.position);
        let parent = match joint.parent.and_then(|parent| transforms.get(usize::from(parent))) {
            Some(&parent) => parent,
            None => Affine3A::from_translation(head.translation),
        };
        transforms.push(parent * turn);
    }
    transforms
}

/// Linear-blend skinning: each vertex goes where its joints carry it, weighted.
pub fn skin(mesh: &Mesh, positions: &[Vec3], transforms: &[Affine3A]) -> Vec<Vec3> {
    (positions.iter().zip(&mesh.joints).zip(&mesh.weights))
        .map(|((&position, joints), weights)| {
            (joints.iter().zip(weights))
                .map(|(&joint, &weight)| {
                    f32::from(weight) / 255.0 * transforms[usize::from(joint)].transform_point3(position)
                })
                .sum()
        })
        .collect()
}

/// The inverse of [`skin`]: where posed vertices were before it, `None` for those that aren't given or that their joints
/// squeeze flat.
pub fn unskin<'a>(
    mesh: &'a Mesh,
    posed: impl IntoIterator<Item = Option<Vec3>> + 'a,
    transforms: &'a [Affine3A],
) -> impl Iterator<Item = Option<Vec3>> + 'a {
    posed.into_iter().zip(&mesh.joints).zip(&mesh.weights).map(|((posed, joints), weights)| {
        let mut blend = Affine3A { matrix3: Mat3A::ZERO, translation: Vec3A::ZERO };
        for (&joint, &weight) in joints.iter().zip(weights) {
            let (weight, transform) = (f32::from(weight) / 255.0, &transforms[usize::from(joint)]);
            blend.matrix3 += transform.matrix3 * weight;
            blend.translation += transform.translation * weight;
        }
        // A blend of rotations of less than half a turn keeps a good part of the volume.
        (blend.matrix3.determinant() > 1e-3).then(|| posed.map(|p| blend.inverse().transform_point3(p)))?
    })
}

/// A unit normal for each vertex: the mean over its triangles, weighted by their areas, shared by all vertices of a
/// weld. +Z where there is none (no triangle, or none with an area).
pub fn normals(mesh: &Mesh, positions: &[Vec3]) -> Vec<Vec3> {
    let mut sums = vec![Vec3::ZERO; positions.len()];
    for triangle in &mesh.triangles {
        let [a, b, c] = triangle.map(|v| positions[usize::from(v)]);
        let double_area = (b - a).cross(c - a);
        for &v in triangle {
            sums[usize::from(mesh.weld[usize::from(v)])] += double_area;
        }
    }
    mesh.weld.iter().map(|&weld| sums[usize::from(weld)].normalize_or(Vec3::Z)).collect()
}
