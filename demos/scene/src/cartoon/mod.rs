//! A drawn head that the same latents move: glTF or VRM with morph targets.
//!
//! - [`Cartoon`]: the head as pure data, read once: parts with their morph targets, nodes, skins, materials, and what moves
//!   which target ([`UnitReport`] tells it).
//! - [`CartoonPose`]: the head at one moment, computed on the processor: weights, nodes, vertices.
//!
//! The mapping from latents to targets, and from VRM's expressions, stands in `CARTOON.md` beside this crate.

pub(crate) mod expression;
pub(crate) mod names;
mod pose;
mod report;
pub(crate) mod rig;
pub(crate) mod vrm;

pub(crate) use expression::Expression;
pub use pose::{CartoonPose, PoseCartoonError};
pub use report::{UnitReport, UnitState};
pub(crate) use rig::Rig;

use glam::{Affine3A, Vec3};

use crate::error::Warning;
use crate::scene::{Mesh, Scene};

/// A cartoon head: what [`Cartoon::read`] and [`Cartoon::from_glb`] give. Everything in it is finite, and every index is
/// valid.
///
/// ```
/// use visavis_scene::{Cartoon, CartoonPose, UnitState};
/// use visavis_codec::{FaceFrame, FaceUnit};
///
/// let head = Cartoon::read("../../assets/cartoons/mia.glb".as_ref())?;
/// assert_eq!(head.units().state(FaceUnit::JawOpen), UnitState::Target);
/// let mut pose = CartoonPose::new(head.into());
/// let mut face = FaceFrame::default();
/// *face.latent.unit_mut(FaceUnit::JawOpen) = 0.7;
/// pose.set_frame(&face)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Cartoon {
    /// Materials, textures, pictures and warnings; no nodes and meshes of its own.
    pub(crate) look: Scene,
    /// Parents before their children.
    pub(crate) nodes: Vec<CartoonNode>,
    pub(crate) parts: Vec<CartoonPart>,
    pub(crate) skins: Vec<Skin>,
    /// Weights of the morph targets at rest, in the numbers that parts and expressions name.
    pub(crate) rest_weights: Vec<f32>,
    pub(crate) expressions: Vec<Expression>,
    pub(crate) rig: Rig,
    /// From the file's frame to the rest frame of [`visavis_codec::HeadPose`]: turned, shifted and scaled alike.
    pub(crate) rest_from_model: Affine3A,
    pub(crate) report: UnitReport,
}

/// A place in the tree of places.
#[derive(Clone, Debug)]
pub(crate) struct CartoonNode {
    pub(crate) parent: Option<usize>,
    pub(crate) parent_from_node: Affine3A,
}

/// Triangles with one material, on a node.
#[derive(Clone, Debug)]
pub(crate) struct CartoonPart {
    pub(crate) node: usize,
    /// Of a skinned part; its vertices are then in the file's frame, whatever its node.
    pub(crate) skin: Option<usize>,
    pub(crate) mesh: Mesh,
    /// One a vertex of a skinned part.
    pub(crate) influences: Vec<Influence>,
    /// Those that move something.
    pub(crate) targets: Vec<Target>,
}

impl CartoonPart {
    /// Whether its vertices change with the face.
    pub(crate) fn moves(&self) -> bool {
        self.skin.is_some() || !self.targets.is_empty()
    }
}

/// A morph target's displacements of one part: those that aren't zero.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// Its weight.
    pub(crate) number: usize,
    pub(crate) moves: Vec<Move>,
}

/// How a target moves a vertex at weight 1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Move {
    pub(crate) vertex: u32,
    /// In the part's frame.
    pub(crate) position: Vec3,
    /// What is added to the normal, which is made unit length afterwards.
    pub(crate) normal: Vec3,
}

/// The four joints that carry a vertex, by their numbers in the skin; weights sum to 1.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Influence {
    pub(crate) joints: [u16; 4],
    pub(crate) weights: [f32; 4],
}

/// Joints, and where they stood when the mesh was bound to them.
#[derive(Clone, Debug)]
pub(crate) struct Skin {
    /// Numbers of nodes.
    pub(crate) joints: Vec<usize>,
    /// One a joint.
    pub(crate) joint_from_model: Vec<Affine3A>,
}

impl Cartoon {
    /// Which of the 52 units move it, and how.
    pub fn units(&self) -> &UnitReport {
        &self.report
    }

    /// What it is called in messages.
    pub fn name(&self) -> &str {
        &self.look.name
    }

    /// What it is drawn without.
    pub fn warnings(&self) -> &[Warning] {
        &self.look.warnings
    }

    /// Number of vertices of all parts.
    pub fn vertex_count(&self) -> usize {
        self.parts.iter().map(|part| part.mesh.vertices.len()).sum()
    }

    /// Number of triangles of all parts.
    pub fn triangle_count(&self) -> usize {
        self.parts.iter().map(|part| part.mesh.indices.len() / 3).sum()
    }

    /// Number of morph targets that something moves, counted once a mesh.
    pub fn target_count(&self) -> usize {
        self.rest_weights.len()
    }

    /// Bytes of its displacements in memory.
    pub fn delta_bytes(&self) -> usize {
        let moves = self.parts.iter().flat_map(|part| &part.targets).map(|target| target.moves.len());
        moves.sum::<usize>() * size_of::<Move>()
    }
}
