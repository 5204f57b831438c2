//! Cartoons on the GPU: what all instances share, and each instance's moved vertices.

use std::ops::Range;
use std::sync::Arc;

use glam::Affine3A;
use visavis::error::scoped;
use visavis::wgpu;
use visavis_codec::{FaceFrame, Latent};

use super::pass::Renderer;
use super::{filled_buffer, room};
use crate::cartoon::{Cartoon, CartoonPose, PoseCartoonError};
use crate::error::RoomError;
use crate::scene::{AlphaMode, Vertex};

/// A cartoon on the GPU, shared by its instances. Cheap to clone. Made by [`Renderer::load_cartoon`].
#[derive(Clone, Debug)]
pub struct CartoonModel {
    pub(crate) shared: Arc<ModelShared>,
}

#[derive(Debug)]
pub(crate) struct ModelShared {
    renderer: Renderer,
    cartoon: Arc<Cartoon>,
    /// Of the parts that don't move.
    vertices: wgpu::Buffer,
    pub(crate) indices: wgpu::Buffer,
    pub(crate) materials: Vec<wgpu::BindGroup>,
    pub(crate) parts: Vec<ModelPart>,
}

/// Triangles with one material.
#[derive(Debug)]
pub(crate) struct ModelPart {
    pub(crate) indices: Range<u32>,
    /// In the instance's buffer if it moves, else in the model's.
    pub(crate) base_vertex: i32,
    pub(crate) moves: bool,
    pub(crate) material: usize,
    pub(crate) is_blended: bool,
    pub(crate) is_cut_out: bool,
    pub(crate) double_sided: bool,
    pub(crate) casts_shadow: bool,
}

/// One cartoon in a room: a face and a place. What the avatars' [`visavis::Instance`] is for photoreal ones.
///
/// Its face is computed when it is set; nothing is allocated for it. Frames of it may overlap: two can be recorded before the
/// first is submitted.
#[derive(Debug)]
pub struct CartoonInstance {
    pub(crate) model: CartoonModel,
    pose: CartoonPose,
    world_from_rest: Affine3A,
    /// Written in turn, so that what was recorded last still finds its own.
    buffers: [wgpu::Buffer; 2],
    current: usize,
}

impl Renderer {
    /// Puts a cartoon on the GPU.
    ///
    /// # Errors
    /// If it is too large for the device, or the device refuses.
    pub fn load_cartoon(&self, cartoon: &Arc<Cartoon>) -> Result<CartoonModel, RoomError> {
        let shared = &*self.shared;
        let limit = shared.device.limits().max_buffer_size;
        let (mut still, mut indices) = (Vec::<Vertex>::new(), Vec::<u32>::new());
        let mut parts = Vec::with_capacity(cartoon.parts.len());
        let mut moving = 0usize;
        for part in &cartoon.parts {
            let material = &cartoon.look.materials[part.mesh.material];
            let base_vertex = if part.moves() { moving } else { still.len() };
            if part.moves() {
                moving += part.mesh.vertices.len();
            } else {
                still.extend_from_slice(&part.mesh.vertices);
            }
            let first = indices.len() as u32;
            indices.extend_from_slice(&part.mesh.indices);
            parts.push(ModelPart {
                indices: first..indices.len() as u32,
                base_vertex: base_vertex as i32,
                moves: part.moves(),
                material: part.mesh.material,
                is_blended: material.alpha == AlphaMode::Blend,
                is_cut_out: matches!(material.alpha, AlphaMode::Mask(_)),
                double_sided: material.double_sided,
                casts_shadow: material.is_opaque_to_lamps(),
            });
        }
        let bytes = |size: usize, count: usize| (size * count) as u64;
        for (what, found) in [
            ("the cartoon's vertices", bytes(size_of::<Vertex>(), moving.max(still.len()))),
            ("the cartoon's indices", bytes(4, indices.len())),
        ] {
            if found > limit {
                return Err(RoomError::TooLarge { what, found, limit });
            }
        }
        let buffer = |label, contents: &[u8], usage| filled_buffer(&shared.device, label, contents, usage);
        let model = ModelShared {
            vertices: buffer("visavis cartoon", bytemuck::cast_slice(&still), wgpu::BufferUsages::VERTEX)?,
            indices: buffer(
                "visavis cartoon indices",
                bytemuck::cast_slice(&indices),
                wgpu::BufferUsages::INDEX,
            )?,
            materials: room::materials(shared, &cartoon.look)?,
            parts,
            renderer: self.clone(),
            cartoon: cartoon.clone(),
        };
        Ok(CartoonModel { shared: Arc::new(model) })
    }
}

impl CartoonModel {
    /// Somebody who looks like this, neutral, at the world's origin.
    ///
    /// # Errors
    /// If the device refuses, or is gone.
    pub fn instance(&self) -> Result<CartoonInstance, RoomError> {
        let pose = CartoonPose::new(self.shared.cartoon.clone());
        let device = &self.shared.renderer.shared.device;
        let contents: &[u8] = bytemuck::cast_slice(pose.moving());
        let usage = wgpu::BufferUsages::VERTEX | wgpu::BufferUsages::COPY_DST;
        let buffer = || filled_buffer(device, "visavis cartoon, moved", contents, usage);
        Ok(CartoonInstance {
            buffers: [buffer()?, buffer()?],
            current: 0,
            pose,
            world_from_rest: Affine3A::IDENTITY,
            model: self.clone(),
        })
    }

    /// The cartoon that it is.
    pub fn cartoon(&self) -> &Arc<Cartoon> {
        &self.shared.cartoon
    }
}

impl CartoonInstance {
    /// Takes on a face, from the next shot on; the head's pose stays.
    ///
    /// # Errors
    /// If a number isn't finite (the face stays as it was), or the device is gone.
    pub fn set_latent(&mut self, latent: &Latent) -> Result<(), CartoonError> {
        self.set_frame(&FaceFrame { latent: *latent, ..*self.pose.frame() })
    }

    /// Takes on a face and turns the head, from the next shot on.
    ///
    /// # Errors
    /// If a number isn't finite or the rotation none (both stay as they were), or the device is gone.
    pub fn set_frame(&mut self, frame: &FaceFrame) -> Result<(), CartoonError> {
        self.pose.set_frame(frame)?;
        let moving: &[u8] = bytemuck::cast_slice(self.pose.moving());
        if !moving.is_empty() {
            let shared = &self.model.shared.renderer.shared;
            self.current = 1 - self.current;
            let buffer = &self.buffers[self.current];
            scoped(&shared.device, || shared.queue.write_buffer(buffer, 0, moving))
                .map_err(RoomError::from)?;
        }
        Ok(())
    }

    /// What it shows.
    pub fn frame(&self) -> &FaceFrame {
        self.pose.frame()
    }

    /// Puts the person there: `world_from_rest` takes the rest frame, whose origin lies between the eyes and whose −Z is
    /// where the face looks, to the world. Metres.
    ///
    /// # Errors
    /// If it isn't finite; the person stays.
    pub fn set_pose(&mut self, world_from_rest: Affine3A) -> Result<(), CartoonError> {
        if !world_from_rest.is_finite() {
            return Err(RoomError::NotFinite.into());
        }
        self.world_from_rest = world_from_rest;
        Ok(())
    }

    /// Where the person is.
    pub fn pose(&self) -> Affine3A {
        self.world_from_rest
    }

    /// The head as it is posed, on the processor.
    pub fn posed(&self) -> &CartoonPose {
        &self.pose
    }

    /// The buffer that a part's vertices are in.
    pub(crate) fn vertices(&self, part: &ModelPart) -> &wgpu::Buffer {
        if part.moves { &self.buffers[self.current] } else { &self.model.shared.vertices }
    }

    /// Where a part is.
    pub(crate) fn world_from_part(&self, part: usize) -> Affine3A {
        self.world_from_rest * self.pose.rest_from_part(part)
    }
}

/// Why a cartoon can't be shown as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CartoonError {
    /// The face.
    #[error(transparent)]
    Pose(#[from] PoseCartoonError),
    /// The place, or the device.
    #[error(transparent)]
    Room(#[from] RoomError),
}
