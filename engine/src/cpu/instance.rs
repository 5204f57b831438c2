//! An avatar's weights, shared, and its instances: a face each.

use std::sync::Arc;

use glam::Vec3;
use visavis_codec::FaceFrame;
use visavis_codec::avatar::{Avatar, Edge, Part, PartKind};
use visavis_codec::latent::MAX_CONDITION;
use visavis_shaders::mirror::SkinnedVertex;

use super::fringe;
use super::geometry::{GeometryState, GeometryWeights, Vertex};
use super::pixel::PixelWeights;
use super::simd::Level;
use super::texture::{TextureState, TextureWeights};
use super::threads::with_threads;

/// Why a face could not be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The frame holds a number that isn't finite, or a head rotation that isn't a unit quaternion.
    #[error(
        "the face frame holds a number that isn't finite, or a head rotation that isn't a unit quaternion"
    )]
    InvalidFrame,
}

/// An avatar, packed for this processor. Instances share it.
#[derive(Debug)]
pub struct Weights {
    pub(crate) level: Level,
    residual: usize,
    pub(crate) geometry: GeometryWeights,
    texture: TextureWeights,
    pub(crate) pixel: PixelWeights,
    pub(crate) parts: Vec<Part>,
    /// Of the opaque parts.
    pub(crate) edges: Vec<(Edge, PartKind)>,
    /// Of the light that it was captured in: lamps, and the ambient light.
    pub(crate) sources: usize,
}

impl Weights {
    /// Packs an avatar that was [read](Avatar::read) or validated.
    pub fn new(avatar: &Avatar) -> Self {
        Self::for_level(avatar, Level::detect())
    }

    /// Packs an avatar for one of the processor's instruction sets.
    pub fn for_level(avatar: &Avatar, level: Level) -> Self {
        let texture = TextureWeights::new(&avatar.texture);
        Self {
            level,
            residual: avatar.residual(),
            geometry: GeometryWeights::new(avatar),
            pixel: PixelWeights::new(avatar, texture.channels()),
            texture,
            parts: avatar.manifest.parts.clone(),
            edges: fringe::edges(avatar),
            sources: avatar.manifest.capture_light.as_ref().map_or(0, |light| light.lamps.len()) + 1,
        }
    }
}

/// One face of an avatar: the posed mesh and the dynamic texture of its last decoded frame.
#[derive(Debug)]
pub struct Instance {
    weights: Arc<Weights>,
    geometry: GeometryState,
    texture: TextureState,
}

impl Instance {
    /// A face that hasn't been decoded yet: nothing of it is seen.
    pub fn new(weights: Arc<Weights>) -> Self {
        Self { geometry: weights.geometry.state(), texture: weights.texture.state(), weights }
    }

    /// Decodes and poses a face, on the pool's threads or, without one, on this. Allocates nothing of its own after
    /// the first time.
    ///
    /// # Errors
    /// If the frame isn't [finite](visavis_codec::Latent::is_finite) or its head isn't
    /// [valid](visavis_codec::HeadPose::is_valid); the instance stays as it is.
    pub fn decode(&mut self, frame: &FaceFrame, pool: Option<&rayon::ThreadPool>) -> Result<(), DecodeError> {
        self.decode_texture(frame, pool)?;
        self.pose(frame, pool)
    }

    /// The first half of [`decode`](Self::decode): the dynamic texture.
    ///
    /// # Errors
    /// As there.
    pub fn decode_texture(
        &mut self,
        frame: &FaceFrame,
        pool: Option<&rayon::ThreadPool>,
    ) -> Result<(), DecodeError> {
        let (condition, length) = self.condition(frame)?;
        let Self { weights, texture, .. } = self;
        with_threads(pool, |threads| {
            weights.texture.run(weights.level, threads, &condition[..length], texture)
        });
        Ok(())
    }

    /// The other half of [`decode`](Self::decode): the posed mesh.
    ///
    /// # Errors
    /// As there.
    pub fn pose(&mut self, frame: &FaceFrame, pool: Option<&rayon::ThreadPool>) -> Result<(), DecodeError> {
        let (condition, length) = self.condition(frame)?;
        let Self { weights, geometry, .. } = self;
        with_threads(pool, |threads| {
            let (condition, gaze) = (&condition[..length], frame.latent.gaze);
            weights.geometry.run(weights.level, threads, condition, gaze, &frame.head, geometry);
        });
        Ok(())
    }

    fn condition(&self, frame: &FaceFrame) -> Result<([f32; MAX_CONDITION], usize), DecodeError> {
        if !frame.latent.is_finite() || !frame.head.is_valid() {
            return Err(DecodeError::InvalidFrame);
        }
        let mut condition = [0.0; MAX_CONDITION];
        let length = frame.latent.condition(&frame.head, self.weights.residual, &mut condition);
        Ok((condition, length))
    }

    /// What it is a face of.
    pub fn weights(&self) -> &Arc<Weights> {
        &self.weights
    }

    /// The posed vertices, in the rest frame, as the GPU takes them.
    pub fn vertices(&self) -> &[SkinnedVertex] {
        bytemuck::cast_slice(&self.geometry.vertices[..self.weights.geometry.vertices()])
    }

    /// The dynamic feature map: its texels, channels innermost, with how many of those there are in memory (padding
    /// included), and its width and height.
    pub fn dynamic_texels(&self) -> (&[f32], usize, usize) {
        let (size, channels) = (self.weights.texture.size(), self.weights.texture.channels());
        (&self.texture.map[..size * size * channels], channels, size)
    }

    /// The dynamic map with its padding.
    pub(crate) fn dynamic_map(&self) -> &[f32] {
        &self.texture.map
    }

    /// Vertices, padded to whole blocks.
    pub(crate) fn records(&self) -> &[Vertex] {
        &self.geometry.vertices
    }

    pub(crate) fn face_normals(&self) -> &[Vec3] {
        &self.geometry.face_normals
    }
}
