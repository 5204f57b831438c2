//! An avatar's weights, shared, and its instances: a face each.

use std::sync::Arc;

use glam::Vec3;
use visavis_codec::FaceFrame;
use visavis_codec::avatar::{Avatar, Edge, GeometryHead, Likeness, Manifest, Mesh, Part, PartKind, Skeleton};
use visavis_codec::latent::MAX_CONDITION;
use visavis_codec::light::MAX_LAMPS;
use visavis_shaders::mirror::SkinnedVertex;

use super::base_color::BaseMap;
use super::fringe;
use super::geometry::{GeometryState, GeometryWeights, Vertex};
use super::pixel::PixelWeights;
use super::simd::Level;
use super::texture::{TextureState, TextureWeights};
use super::threads::with_threads;
use crate::pace::{Pace, at_once};

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
    pub(crate) shading: Arc<Shading>,
    pub(crate) parts: Vec<Part>,
    /// Of the opaque parts.
    pub(crate) edges: Vec<(Edge, PartKind)>,
}

/// What gives an avatar its colour; its fine and its coarse mesh share it.
#[derive(Debug)]
pub(crate) struct Shading {
    /// None of a likeness.
    pub(crate) texture: Option<TextureWeights>,
    pub(crate) pixel: PixelWeights,
    /// Sources of the light that it was captured in: lamps, and the ambient light.
    pub(crate) sources: u8,
}

impl Shading {
    pub(crate) fn new(avatar: &Avatar) -> Self {
        at_once(Self::new_paced(avatar, &Pace::unbounded()))
    }

    /// [`new`](Self::new), over several frames.
    pub(crate) async fn new_paced(avatar: &Avatar, pace: &Pace) -> Self {
        let texture = TextureWeights::new_paced(&avatar.texture, pace).await;
        pace.spend(avatar.static_map.texels.len()).await;
        let pixel = PixelWeights::new(avatar, texture.channels());
        Self { texture: Some(texture), pixel, sources: sources(&avatar.manifest) }
    }

    /// The likeness's colour alone.
    pub(crate) fn of_likeness(likeness: &Likeness) -> Self {
        let pixel = PixelWeights::of_likeness(BaseMap::new(&likeness.color));
        Self { texture: None, pixel, sources: sources(&likeness.manifest) }
    }

    /// Room for a dynamic map, of the decoder's size or half of it; none of a likeness.
    pub(crate) fn map(&self, is_half: bool) -> TextureState {
        match &self.texture {
            Some(texture) => texture.state(is_half),
            None => TextureState { size: 0, map: Vec::new() },
        }
    }

    /// What it takes in memory, but for the small networks.
    pub(crate) fn bytes(&self) -> usize {
        self.pixel.bytes() + self.texture.as_ref().map_or(0, TextureWeights::bytes)
    }
}

/// Of the captured light.
fn sources(manifest: &Manifest) -> u8 {
    manifest.capture_light.as_ref().map_or(0, |light| light.lamps.len().min(MAX_LAMPS) as u8) + 1
}

impl Weights {
    /// Packs an avatar that was [read](Avatar::read) or validated.
    pub fn new(avatar: &Avatar) -> Self {
        Self::for_level(avatar, Level::detect())
    }

    /// Packs an avatar for one of the processor's instruction sets.
    pub fn for_level(avatar: &Avatar, level: Level) -> Self {
        let form = Form::of_avatar(avatar);
        Self::of_form(
            &form,
            GeometryWeights::new(&form),
            fringe::edges(&form),
            Shading::new(avatar).into(),
            level,
        )
    }

    /// Packs a mesh, over several frames.
    pub(crate) async fn new_paced(form: &Form<'_>, shading: Arc<Shading>, pace: &Pace) -> Self {
        pace.spend(form.geometry.basis.len() * 2).await;
        let geometry = GeometryWeights::new(form);
        // Finding edges costs some ten times what moving them does.
        pace.spend(form.mesh.triangles.len() * 60).await;
        let edges = fringe::edges(form);
        Self::of_form(form, geometry, edges, shading, Level::detect())
    }

    /// Puts together what was packed.
    pub(crate) fn of_form(
        form: &Form<'_>,
        geometry: GeometryWeights,
        edges: Vec<(Edge, PartKind)>,
        shading: Arc<Shading>,
        level: Level,
    ) -> Self {
        Self { level, residual: form.residual, geometry, shading, parts: form.parts.to_vec(), edges }
    }

    fn condition(&self, frame: &FaceFrame) -> Result<([f32; MAX_CONDITION], usize), DecodeError> {
        if !frame.latent.is_finite() || !frame.head.is_valid() {
            return Err(DecodeError::InvalidFrame);
        }
        let mut condition = [0.0; MAX_CONDITION];
        let length = frame.latent.condition(&frame.head, self.residual, &mut condition);
        Ok((condition, length))
    }

    /// Decodes a dynamic map of either size; one that somebody else still reads is left to them.
    pub(crate) fn decode_map(
        &self,
        frame: &FaceFrame,
        pool: Option<&rayon::ThreadPool>,
        map: &mut Arc<TextureState>,
    ) -> Result<(), DecodeError> {
        let (condition, length) = self.condition(frame)?;
        let Some(texture) = &self.shading.texture else { return Ok(()) };
        if Arc::get_mut(map).is_none() {
            *map = Arc::new(self.shading.map(map.size < texture.size()));
        }
        if let Some(map) = Arc::get_mut(map) {
            with_threads(pool, |threads| texture.run(self.level, threads, &condition[..length], map));
        }
        Ok(())
    }

    /// What it takes in memory, without the shading that it shares.
    pub(crate) fn mesh_bytes(&self) -> usize {
        self.geometry.bytes() + size_of_val(self.edges.as_slice())
    }

    /// For tests: the map of half the size, without padding.
    #[cfg(test)]
    pub(crate) fn half_map_of(
        &self,
        latent: &visavis_codec::Latent,
        head: &visavis_codec::HeadPose,
    ) -> Vec<f32> {
        let mut map = Arc::new(self.shading.map(true));
        let frame = FaceFrame { time: Default::default(), latent: *latent, head: *head };
        self.decode_map(&frame, None, &mut map).expect("finite");
        map.map.clone()
    }
}

/// A mesh with what moves it: an avatar's own, or its likeness's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Form<'a> {
    pub(crate) mesh: &'a Mesh,
    pub(crate) parts: &'a [Part],
    pub(crate) geometry: &'a GeometryHead,
    pub(crate) skeleton: &'a Skeleton,
    pub(crate) residual: usize,
}

impl<'a> Form<'a> {
    pub(crate) fn of_avatar(avatar: &'a Avatar) -> Self {
        Self {
            mesh: &avatar.mesh,
            parts: &avatar.manifest.parts,
            geometry: &avatar.geometry,
            skeleton: &avatar.manifest.skeleton,
            residual: avatar.residual(),
        }
    }

    pub(crate) fn of_likeness(likeness: &'a Likeness) -> Self {
        Self {
            mesh: &likeness.mesh,
            parts: &likeness.parts,
            geometry: &likeness.geometry,
            skeleton: &likeness.manifest.skeleton,
            residual: (likeness.manifest.latent.residual as usize).min(visavis_codec::latent::MAX_RESIDUAL),
        }
    }

    /// Length of the condition.
    pub(crate) fn condition(&self) -> usize {
        use visavis_codec::latent::{GAZE, NECK, UNITS};
        UNITS + GAZE + self.residual + NECK
    }
}

/// One face of an avatar: the posed mesh and the dynamic texture of its last decoded frame.
#[derive(Debug)]
pub struct Instance {
    weights: Arc<Weights>,
    geometry: GeometryState,
    /// None until it is decoded, or lent by an engine.
    texture: Option<Arc<TextureState>>,
    /// How much of the colour is the likeness's, 0 to 1.
    likeness: f32,
}

impl Instance {
    /// A face that hasn't been decoded yet: nothing of it is seen.
    pub fn new(weights: Arc<Weights>) -> Self {
        Self { geometry: weights.geometry.state(), texture: None, likeness: 0.0, weights }
    }

    /// Shades with somebody's map from now on, so much of the colour being the likeness's.
    pub(crate) fn lend(&mut self, map: Option<Arc<TextureState>>, likeness: f32) {
        (self.texture, self.likeness) = (map, likeness);
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
        let mut map = self.texture.take().unwrap_or_else(|| Arc::new(self.weights.shading.map(false)));
        let decoded = self.weights.decode_map(frame, pool, &mut map);
        self.texture = Some(map);
        decoded
    }

    /// The other half of [`decode`](Self::decode): the posed mesh.
    ///
    /// # Errors
    /// As there.
    pub fn pose(&mut self, frame: &FaceFrame, pool: Option<&rayon::ThreadPool>) -> Result<(), DecodeError> {
        let (condition, length) = self.weights.condition(frame)?;
        let Self { weights, geometry, .. } = self;
        with_threads(pool, |threads| {
            let (condition, gaze) = (&condition[..length], frame.latent.gaze);
            weights.geometry.run(weights.level, threads, condition, gaze, &frame.head, geometry);
        });
        Ok(())
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
        let (map, size) = self.dynamic_map();
        let channels = self.weights.shading.texture.as_ref().map_or(0, TextureWeights::channels);
        (map.get(..size * size * channels).unwrap_or_default(), channels, size)
    }

    /// The dynamic map with its padding, and its width and height.
    pub(crate) fn dynamic_map(&self) -> (&[f32], usize) {
        self.texture.as_ref().map_or((&[], 0), |texture| (&texture.map, texture.size))
    }

    /// How much of the colour is the likeness's, 0 to 1.
    pub(crate) fn likeness(&self) -> f32 {
        self.likeness
    }

    /// Vertices, padded to whole blocks.
    pub(crate) fn records(&self) -> &[Vertex] {
        &self.geometry.vertices
    }

    pub(crate) fn face_normals(&self) -> &[Vec3] {
        &self.geometry.face_normals
    }
}
