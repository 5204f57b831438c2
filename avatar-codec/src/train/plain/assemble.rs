//! From what was found of a person to a [`Capture`] and a [`Rig`], as if a `capture.json` had said so.

use std::collections::{BTreeMap, HashMap};

use glam::{Affine3A, DAffine3, DQuat, DVec3, Vec3};

use super::super::capture::{
    Camera, Capture, CaptureCamera, CaptureError, CaptureFrame, CaptureJoint, CapturePart, Description,
    NEAR_METRES, SCHEMA, read,
};
use super::super::rig::{Rig, welds};
use super::entity::Entity;
use super::eyes::Eyeballs;
use super::face::GenericFace;
use super::fit::{Basis, FaceFit, mean_rotation};
use super::linear::Similarity;
use super::photograph::scaled_size;
use super::{Photographs, PlainOptions};
use crate::avatar::{Joint, JointRole, MAX_TRIANGLES, MAX_VERTICES, Mesh, Part, PartKind, Skeleton};
use crate::latent::{Gaze, UNITS};
use crate::reference::View;

/// Number of the joint that carries all skin.
const HEAD: u8 = 2;

/// All that is known of a person.
pub(super) struct Person<'a> {
    pub(super) entity: Entity,
    pub(super) options: &'a PlainOptions,
    pub(super) basis: Basis,
    pub(super) fits: Vec<FaceFit>,
    /// Every frame's mesh in head space, metres.
    pub(super) heads: Vec<Vec<Vec3>>,
    pub(super) eyeballs: Eyeballs,
    pub(super) head_from_tracked: DAffine3,
    /// The topology's, facing outwards.
    pub(super) triangles: Vec<[u32; 3]>,
}

impl Person<'_> {
    pub(super) fn assemble(
        mut self,
        similarity: &Similarity,
        face: &GenericFace,
    ) -> Result<(Capture, Rig), CaptureError> {
        let steady: Vec<Vec<Vec3>> =
            self.fits.iter().zip(&self.heads).map(|(fit, mesh)| fit.steady_mesh(mesh)).collect();
        let frames = &self.entity.frames;
        let knows_neutral = frames.iter().any(|frame| frame.is_neutral);
        let rest: Vec<bool> = frames
            .iter()
            .map(|frame| if knows_neutral { frame.is_neutral } else { frame.is_train })
            .collect();
        let gaze = self.eyeballs.gaze(&steady, &rest, &mut self.basis.neutral);

        let skeleton = self.skeleton(similarity, face);
        let unexplained = self.unexplained(&steady);
        let (mesh, parts, tracked_index) = self.mesh()?;
        let per_unit = |unit: usize| tracked_index.iter().map(move |&v| (unit, v as usize));
        let unit_deltas = (0..UNITS).flat_map(per_unit).map(|(unit, v)| self.basis.deltas[unit][v]).collect();
        let mut rig = Rig { mesh, parts, skeleton, tracked_index, unit_deltas };
        rig.trim();
        let capture = self.capture(&rig, &gaze, unexplained)?;
        Ok((capture, rig))
    }

    /// A neck and a head that a mesh of a head alone can't tell: where the generic face has them. Nothing hangs on
    /// torso, neck and jaw.
    fn skeleton(&self, similarity: &Similarity, face: &GenericFace) -> Skeleton {
        let generic = |x: f32, y: f32, z: f32| Vec3::new(x, y, z) * similarity.scale as f32;
        let eyes = self.eyeballs.centres(&self.basis.neutral).unwrap_or_else(|| {
            // Nothing turns about these.
            let middle = (face.eyes[0] + face.eyes[1]) / 2.0;
            face.eyes.map(|eye| (eye - middle) * similarity.scale as f32)
        });
        let joint = |role, parent, position| Joint { role, parent, position };
        Skeleton {
            joints: vec![
                joint(JointRole::Torso, None, generic(0.0, -0.218, 0.107)),
                joint(JointRole::Neck, Some(0), generic(0.0, -0.150, 0.099)),
                joint(JointRole::Head, Some(1), generic(0.0, -0.042, 0.089)),
                joint(JointRole::Jaw, Some(HEAD), generic(0.0, -0.030, 0.059)),
                joint(JointRole::EyeLeft, Some(HEAD), eyes[0]),
                joint(JointRole::EyeRight, Some(HEAD), eyes[1]),
            ],
        }
    }

    /// What neither units nor gaze say of every frame's mesh, before skinning.
    fn unexplained(&self, steady: &[Vec<Vec3>]) -> Vec<Vec<Vec3>> {
        let mut out: Vec<Vec<Vec3>> = (steady.iter().zip(&self.fits))
            .map(|(mesh, fit)| mesh.iter().zip(self.basis.mesh(&fit.units)).map(|(p, e)| *p - e).collect())
            .collect();
        for offsets in &mut out {
            self.eyeballs.vertices().for_each(|v| offsets[v] = Vec3::ZERO);
        }
        out
    }

    /// The render mesh: a vertex for each pair of tracked vertex and texture coordinates, part by part.
    fn mesh(&self) -> Result<(Mesh, Vec<Part>, Vec<u32>), CaptureError> {
        let topology = &self.entity.topology;
        let mut kind_of = vec![PartKind::Skin; topology.vertices];
        let mut kinds = vec![(PartKind::Skin, HEAD)];
        if let Some([left, right]) = self.eyeballs.pair() {
            left.iter().for_each(|&v| kind_of[v] = PartKind::EyeLeft);
            right.iter().for_each(|&v| kind_of[v] = PartKind::EyeRight);
            kinds.extend([(PartKind::EyeLeft, 4), (PartKind::EyeRight, 5)]);
        }
        let mut parts = Vec::new();
        let (mut tracked_index, mut uv, mut triangles, mut joints) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (kind, joint) in kinds {
            let (first_vertex, first_triangle) = (tracked_index.len(), triangles.len());
            let mut numbers = HashMap::new();
            for (original, corner_uv) in topology.triangles.iter().zip(&topology.corner_uv) {
                if kind_of[original[0] as usize] != kind {
                    continue;
                }
                let mut corners = [0; 3];
                for i in 0..3 {
                    let key = (original[i], corner_uv[i]);
                    corners[i] = *numbers.entry(key).or_insert_with(|| {
                        tracked_index.push(key.0);
                        uv.push(topology.uv[key.1 as usize]);
                        joints.push([joint, 0, 0, 0]);
                        tracked_index.len() - 1
                    });
                }
                triangles.push(corners);
            }
            parts.push(Part {
                kind,
                vertices: first_vertex as u32..tracked_index.len() as u32,
                triangles: first_triangle as u32..triangles.len() as u32,
            });
        }
        if tracked_index.len() > MAX_VERTICES || triangles.len() > MAX_TRIANGLES {
            let reason = format!(
                "{} vertices (those on seams of the atlas count twice) and {} triangles, an avatar has at most \
                 {MAX_VERTICES} and {MAX_TRIANGLES}: decimate the tracked meshes",
                tracked_index.len(),
                triangles.len()
            );
            return Err(CaptureError::invalid(&self.entity.topology_path, "size", reason));
        }
        // The topology may have been turned over; corners keep their texture coordinates.
        let is_turned = self.triangles.first() != topology.triangles.first();
        let turned = |[a, b, c]: [usize; 3]| if is_turned { [a, c, b] } else { [a, b, c] };
        let mesh = Mesh {
            mean: tracked_index.iter().map(|&v| self.basis.neutral[v as usize].to_array()).collect(),
            triangles: triangles.into_iter().map(|t| turned(t).map(|v| v as u16)).collect(),
            weld: welds(&tracked_index, &parts),
            weights: vec![[255, 0, 0, 0]; tracked_index.len()],
            uv,
            joints,
        };
        Ok((mesh, parts, tracked_index))
    }

    /// Where the steady head is in every frame, in the world.
    fn world_from_head(&self) -> Vec<DAffine3> {
        let tracked_from_head = self.head_from_tracked.inverse();
        (self.entity.frames.iter().zip(&self.fits))
            .map(|(frame, fit)| {
                let left_over = DAffine3::from_rotation_translation(fit.rotation, fit.translation);
                frame.world_from_tracked * tracked_from_head * left_over
            })
            .collect()
    }

    fn capture(self, rig: &Rig, gaze: &[Gaze], unexplained: Vec<Vec<Vec3>>) -> Result<Capture, CaptureError> {
        let heads = self.world_from_head();
        let trained = || {
            heads.iter().zip(&self.entity.frames).filter(|(_, frame)| frame.is_train).map(|(head, _)| head)
        };
        let rotation = |head: &DAffine3| DQuat::from_mat3(&head.matrix3).normalize();
        let world_from_rest = DAffine3::from_rotation_translation(
            mean_rotation(trained().map(rotation)),
            trained().map(|head| head.translation).sum::<DVec3>() / trained().count().max(1) as f64,
        );
        let rest_from_world = world_from_rest.inverse();

        let (mut cameras, mut seen, mut sizes) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for (name, camera) in &self.entity.cameras {
            let size = scaled_size(camera.size, self.options.max_size);
            let krt = &camera.krt;
            let mut k = krt.k;
            for axis in 0..2 {
                let factor = f64::from(size[axis]) / f64::from(camera.size[axis]);
                k[axis].iter_mut().for_each(|x| *x *= factor);
            }
            let rotation = krt.rotation() * world_from_rest.matrix3;
            let shift = krt.rotation() * world_from_rest.translation * 1e3 + DVec3::from(krt.translation);
            let rows = rotation.transpose().to_cols_array_2d();
            let view = View::from_opencv(k, rows, shift.to_array(), size, NEAR_METRES);
            let split = if camera.is_train { "train" } else { "test" }.to_owned();
            seen.insert(name.clone(), CaptureCamera { split, width: size[0], height: size[1] });
            cameras.insert(name.clone(), Camera { size, view });
            sizes.insert(name.clone(), [camera.size, size]);
        }

        let frames: Vec<CaptureFrame> = (0..heads.len())
            .map(|at| {
                let frame = &self.entity.frames[at];
                let from_rest = rest_from_world * heads[at];
                let rest_from_tracked = rest_from_world * frame.world_from_tracked;
                CaptureFrame {
                    segment: frame.segment.clone(),
                    frame: frame.number,
                    split: if frame.is_train { "train" } else { "test" }.to_owned(),
                    cameras: frame.cameras.clone(),
                    units: self.fits[at].units.clone(),
                    gaze: gaze[at].to_array(),
                    head_rotation: rotation_vector(rotation(&from_rest)),
                    rest_from_tracked: Affine3A::from_mat3_translation(
                        rest_from_tracked.matrix3.as_mat3(),
                        rest_from_tracked.translation.as_vec3(),
                    ),
                }
            })
            .collect();

        let fingerprint = self.fingerprint(&world_from_rest)?;
        let photographs = Photographs { sizes, transfer: self.options.transfer, fingerprint, unexplained };
        let name = self.entity.folder.canonicalize().unwrap_or_else(|_| self.entity.folder.clone());
        let name = name.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let name: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
        let description = Description {
            schema: SCHEMA.to_owned(),
            name: if name.is_empty() { "nobody".to_owned() } else { name },
            unit_names: crate::FaceUnit::ALL.iter().map(|unit| unit.name().to_owned()).collect(),
            joints: joints(&rig.skeleton),
            parts: parts(&rig.parts),
            cameras: seen,
            frames,
            lamps: Vec::new(),
            licence: serde_json::Value::Null,
            noise_ceiling_db: None,
        };
        Ok(Capture { folder: self.entity.folder, description, cameras, photographs: Some(photographs) })
    }

    /// Of all that decides what a pixel of a picture sees.
    fn fingerprint(&self, world_from_rest: &DAffine3) -> Result<[u8; 32], CaptureError> {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&read(&self.entity.folder.join("KRT"))?);
        hasher.update(&read(&self.entity.topology_path)?);
        hasher.update(bytemuck::cast_slice(&world_from_rest.to_cols_array()));
        hasher.update(&self.options.max_size.to_le_bytes());
        hasher.update(&[self.options.transfer as u8, u8::from(self.eyeballs.are_known())]);
        Ok(*hasher.finalize().as_bytes())
    }
}

/// The short way round.
fn rotation_vector(q: DQuat) -> [f32; 3] {
    let q = if q.w < 0.0 { -q } else { q };
    q.to_scaled_axis().as_vec3().to_array()
}

fn joints(skeleton: &Skeleton) -> Vec<CaptureJoint> {
    let name = |joint: &Joint| match joint.role {
        JointRole::Torso => "torso",
        JointRole::Neck => "neck",
        JointRole::Head => "head",
        JointRole::Jaw => "jaw",
        JointRole::EyeLeft => "eye_left",
        JointRole::EyeRight => "eye_right",
    };
    (skeleton.joints.iter())
        .map(|joint| CaptureJoint {
            name: name(joint).to_owned(),
            parent: joint.parent.map(|parent| name(&skeleton.joints[usize::from(parent)]).to_owned()),
            position_mm: (joint.position * 1e3).to_array(),
        })
        .collect()
}

fn parts(parts: &[Part]) -> Vec<CapturePart> {
    let name = |kind: PartKind| match kind {
        PartKind::EyeLeft => "eye_left",
        PartKind::EyeRight => "eye_right",
        _ => "skin",
    };
    (parts.iter())
        .map(|part| CapturePart {
            name: name(part.kind).to_owned(),
            id: part.kind as u8,
            vertices: [part.vertices.start, part.vertices.end],
            triangles: [part.triangles.start, part.triangles.end],
        })
        .collect()
}
