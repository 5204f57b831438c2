//! A head at one moment.

use std::sync::Arc;

use glam::{Affine3A, Mat3A, Quat, Vec3};
use visavis_codec::{FaceFrame, HeadPose, Latent};

use super::expression::weigh;
use super::rig::turned_about;
use super::{Cartoon, CartoonPart};
use crate::scene::Vertex;

/// Why a head can't take on a face.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PoseCartoonError {
    /// A number of the latent is NaN or infinite.
    #[error("the latent has a number that is not finite; the frame before stays")]
    Latent,
    /// The head's pose is not finite, or its rotation no unit quaternion.
    #[error("the head's pose is not finite, or its rotation no unit quaternion; the frame before stays")]
    Head,
}

/// A head at one moment, on the processor. Nothing is allocated after it was made.
#[derive(Clone, Debug)]
pub struct CartoonPose {
    cartoon: Arc<Cartoon>,
    frame: FaceFrame,
    /// One an expression.
    values: Vec<f32>,
    /// One a target.
    weights: Vec<f32>,
    model_from_node: Vec<Affine3A>,
    /// Of the parts that move, one after the other, as the GPU reads them.
    vertices: Vec<Vertex>,
    /// Where each part's vertices begin; only of parts that move.
    starts: Vec<Option<usize>>,
    /// Of the skin that is being applied.
    joints: Vec<Affine3A>,
}

/// About which a head without bones turns: where the neck meets the skull, rest frame, metres.
const PIVOT: Vec3 = Vec3::new(0.0, -0.10, 0.09);

impl CartoonPose {
    /// The neutral face.
    pub fn new(cartoon: Arc<Cartoon>) -> Self {
        let mut vertices = Vec::new();
        let mut starts = Vec::with_capacity(cartoon.parts.len());
        for part in &cartoon.parts {
            starts.push(part.moves().then_some(vertices.len()));
            if part.moves() {
                vertices.extend_from_slice(&part.mesh.vertices);
            }
        }
        let joints = cartoon.skins.iter().map(|skin| skin.joints.len()).max().unwrap_or(0);
        let mut pose = Self {
            frame: FaceFrame::default(),
            values: vec![0.0; cartoon.expressions.len()],
            weights: cartoon.rest_weights.clone(),
            model_from_node: vec![Affine3A::IDENTITY; cartoon.nodes.len()],
            vertices,
            starts,
            joints: Vec::with_capacity(joints),
            cartoon,
        };
        pose.update();
        pose
    }

    /// The head that it is of.
    pub fn cartoon(&self) -> &Arc<Cartoon> {
        &self.cartoon
    }

    /// Takes on a face; the head's pose stays.
    ///
    /// # Errors
    /// If a number isn't finite; the face stays as it was.
    pub fn set_latent(&mut self, latent: &Latent) -> Result<(), PoseCartoonError> {
        self.set_frame(&FaceFrame { latent: *latent, ..self.frame })
    }

    /// Takes on a face and turns the head.
    ///
    /// # Errors
    /// If a number isn't finite, or the rotation none; both stay as they were.
    pub fn set_frame(&mut self, frame: &FaceFrame) -> Result<(), PoseCartoonError> {
        if !frame.latent.is_finite() {
            return Err(PoseCartoonError::Latent);
        }
        if !frame.head.is_valid() {
            return Err(PoseCartoonError::Head);
        }
        self.frame = *frame;
        self.update();
        Ok(())
    }

    /// What it shows.
    pub fn frame(&self) -> &FaceFrame {
        &self.frame
    }

    /// Number of its parts: triangles with one material each.
    pub fn parts(&self) -> usize {
        self.cartoon.parts.len()
    }

    /// A part's vertices as they are moved, in a frame of its own; [`rest_from_part`](Self::rest_from_part) tells where that
    /// is. Empty for a part that isn't there.
    pub fn vertices(&self, part: usize) -> &[Vertex] {
        let Some(of) = self.cartoon.parts.get(part) else { return &[] };
        match self.starts[part] {
            Some(start) => &self.vertices[start..start + of.mesh.vertices.len()],
            None => &of.mesh.vertices,
        }
    }

    /// A part's triangles, three vertices each.
    pub fn indices(&self, part: usize) -> &[u32] {
        self.cartoon.parts.get(part).map_or(&[], |part| &part.mesh.indices)
    }

    /// The name of a part's material; may be empty.
    pub fn material(&self, part: usize) -> &str {
        let material = self.cartoon.parts.get(part).map(|part| part.mesh.material);
        material
            .and_then(|material| self.cartoon.look.materials.get(material))
            .map_or("", |material| &material.name)
    }

    /// Where a part is in the rest frame ([`HeadPose`]), the person's own movement included.
    pub fn rest_from_part(&self, part: usize) -> Affine3A {
        let Some(of) = self.cartoon.parts.get(part) else { return Affine3A::IDENTITY };
        let model_from_part = match of.skin {
            Some(_) => Affine3A::IDENTITY,
            None => self.model_from_node[of.node],
        };
        self.rest_from_model() * model_from_part
    }

    /// How far an eye is turned from where it rests, in the head's frame; 0 is the left one. None where no node turns.
    pub fn eye_turn(&self, side: usize) -> Option<Quat> {
        self.cartoon.rig.eyes.get(side).copied().flatten()?;
        let gaze = self.frame.latent.gaze;
        let angles =
            if side == 0 { [gaze.left_yaw, gaze.left_pitch] } else { [gaze.right_yaw, gaze.right_pitch] };
        let [yaw, pitch] = self.cartoon.rig.eye_range.apply(side, angles);
        Some(Quat::from_rotation_y(yaw) * Quat::from_rotation_x(pitch))
    }

    /// The vertices of all parts that move, one after the other.
    pub(crate) fn moving(&self) -> &[Vertex] {
        &self.vertices
    }

    fn rest_from_model(&self) -> Affine3A {
        let HeadPose { rotation, translation } = self.frame.head;
        let moved = Affine3A::from_translation(translation);
        let rig = &self.cartoon.rig;
        let turned = match (rig.head, rig.neck) {
            (None, None) => turned_about(PIVOT, rotation),
            _ => Affine3A::IDENTITY,
        };
        moved * turned * self.cartoon.rest_from_model
    }

    fn update(&mut self) {
        let Self { cartoon, frame, values, weights, .. } = self;
        weigh(&cartoon.expressions, &frame.latent, &cartoon.rest_weights, values, weights);
        self.turn_nodes();
        let Self { cartoon, weights, model_from_node, vertices, starts, joints, .. } = self;
        for (part, start) in cartoon.parts.iter().zip(starts) {
            let Some(start) = *start else { continue };
            let vertices = &mut vertices[start..start + part.mesh.vertices.len()];
            morph(part, weights, vertices);
            if let Some(skin) = part.skin.map(|skin| &cartoon.skins[skin]) {
                joints.clear();
                let bound = skin.joints.iter().zip(&skin.joint_from_model);
                joints.extend(
                    bound.map(|(&joint, joint_from_model)| model_from_node[joint] * *joint_from_model),
                );
                bend(part, joints, vertices);
            }
        }
    }

    /// Where nodes are in the file's frame, with neck, head and eyes turned. As on other avatars, neck and head take a half
    /// of the head's rotation each.
    fn turn_nodes(&mut self) {
        let eye_turns = [self.eye_turn(0), self.eye_turn(1)];
        let Self { cartoon, frame, model_from_node, .. } = self;
        let rig = &cartoon.rig;
        // Turns are told in the rest frame's axes.
        let (_, rest_from_model, _) = cartoon.rest_from_model.to_scale_rotation_translation();
        let in_model = |turn: Quat| rest_from_model.inverse() * turn * rest_from_model;
        let all = in_model(frame.head.rotation);
        let half = in_model(Quat::from_scaled_axis(frame.head.rotation_vector() / 2.0));
        let share = |other: Option<usize>| if other.is_some() { half } else { all };
        for (number, node) in cartoon.nodes.iter().enumerate() {
            let parent = node.parent.map_or(Affine3A::IDENTITY, |parent| model_from_node[parent]);
            let mut place = parent * node.parent_from_node;
            let about = |turn: Quat, place: Affine3A| turned_about(place.translation.into(), turn) * place;
            if let Some((_, turn)) = rig.rest_turns.iter().find(|(turned, _)| *turned == number) {
                place = about(*turn, place);
            }
            if rig.neck == Some(number) {
                place = about(share(rig.head), place);
            }
            if rig.head == Some(number) {
                place = about(share(rig.neck), place);
            }
            for (eye, turn) in rig.eyes.into_iter().zip(eye_turns) {
                if let (true, Some(turn)) = (eye == Some(number), turn) {
                    // In the head's frame, which may be turned itself.
                    let head = if rig.head.is_some() || rig.neck.is_some() { all } else { Quat::IDENTITY };
                    place = about(head * in_model(turn) * head.inverse(), place);
                }
            }
            model_from_node[number] = place;
        }
    }
}

/// The part's own vertices, moved by its targets.
fn morph(part: &CartoonPart, weights: &[f32], vertices: &mut [Vertex]) {
    for (vertex, rest) in vertices.iter_mut().zip(&part.mesh.vertices) {
        (vertex.position, vertex.normal) = (rest.position, rest.normal);
        vertex.tangent = rest.tangent;
    }
    let mut is_moved = false;
    for target in &part.targets {
        let weight = weights[target.number];
        if weight == 0.0 {
            continue;
        }
        is_moved = true;
        for moved in &target.moves {
            let vertex = &mut vertices[moved.vertex as usize];
            for i in 0..3 {
                vertex.position[i] += weight * moved.position[i];
                vertex.normal[i] += weight * moved.normal[i];
            }
        }
    }
    if is_moved && part.skin.is_none() {
        for vertex in vertices {
            let normal = Vec3::from(vertex.normal);
            vertex.normal = normal.normalize_or(Vec3::Y).to_array();
        }
    }
}

/// Linear-blend skinning; `joints` takes from where a joint was bound to where it is.
fn bend(part: &CartoonPart, joints: &[Affine3A], vertices: &mut [Vertex]) {
    for (vertex, influence) in vertices.iter_mut().zip(&part.influences) {
        let mut matrix = Mat3A::ZERO;
        let mut shift = glam::Vec3A::ZERO;
        for (&joint, weight) in influence.joints.iter().zip(influence.weights) {
            if weight == 0.0 {
                continue;
            }
            let joint = &joints[usize::from(joint)];
            matrix += joint.matrix3 * weight;
            shift += joint.translation * weight;
        }
        let position = matrix * glam::Vec3A::from(vertex.position) + shift;
        vertex.position = position.into();
        // Joints turn and scale alike in all directions, or nearly so.
        vertex.normal =
            Vec3::from(matrix * glam::Vec3A::from(vertex.normal)).normalize_or(Vec3::Y).to_array();
        let [x, y, z, side] = vertex.tangent;
        let tangent = (matrix * glam::Vec3A::new(x, y, z)).normalize_or(glam::Vec3A::X);
        vertex.tangent = tangent.extend(side).to_array();
    }
}
