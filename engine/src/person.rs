//! People and their instances.

use std::ops::Range;
use std::sync::{Arc, Mutex};

use glam::Affine3A;
use visavis_codec::FaceFrame;
use visavis_codec::avatar::{Avatar, Material, Part, PartKind};
use visavis_codec::light::Light;
use visavis_shaders::mirror::SkinnedVertex;

use crate::Engine;
use crate::engine::Shared;
use crate::error::{GpuError, LoadError, PoseError, scoped};
use crate::idle::Idle;
use crate::pose::Pose;
use crate::upload::mapped_buffer;
use crate::{cpu, gpu};

/// An avatar whose weights are on the device, once for all of its instances. They are freed when the last handle to
/// it, its instances and their frames is dropped. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Person {
    pub(crate) inner: Arc<PersonInner>,
}

/// Behind a person's handles.
#[derive(Debug)]
pub(crate) struct PersonInner {
    pub(crate) shared: Arc<Shared>,
    pub(crate) pose: Pose,
    pub(crate) surface: SurfaceMesh,
    pub(crate) weights: Weights,
    /// As its owner calls it.
    pub(crate) name: String,
    /// In the rest frame.
    pub(crate) capture_light: Option<Light>,
    /// Bodies that no frame uses at present.
    idle: Mutex<Idle<Body>>,
}

/// A person's networks, where the engine's executor wants them.
#[derive(Debug)]
pub(crate) enum Weights {
    Gpu(Box<gpu::Decoder>),
    Cpu(Arc<cpu::Weights>),
}

/// The triangles and edges of a person.
#[derive(Debug)]
pub(crate) struct SurfaceMesh {
    pub(crate) vertices: usize,
    pub(crate) indices: wgpu::Buffer,
    pub(crate) edges: wgpu::Buffer,
    /// Of each opaque part.
    pub(crate) fringes: Vec<(Range<u32>, PartKind)>,
    pub(crate) runs: Vec<Run>,
    /// A run each part, for relighting, which tells them apart.
    pub(crate) parts: Vec<(Run, PartKind)>,
}

/// Triangles next to each other that are drawn alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// Indices, three a triangle.
    pub(crate) indices: Range<u32>,
    pub(crate) material: Material,
    pub(crate) two_sided: bool,
}

/// What one posed instance occupies from the recording of its decode until it was drawn.
#[derive(Debug)]
pub(crate) struct Body {
    /// [`SkinnedVertex`] each.
    pub(crate) vertices: wgpu::Buffer,
    pub(crate) state: BodyState,
}

/// What an executor keeps of a decode.
#[derive(Debug)]
pub(crate) enum BodyState {
    Gpu { workspace: Box<gpu::Workspace>, fringe: wgpu::BindGroup },
    Cpu(Box<cpu::Instance>),
}

impl Engine {
    /// Uploads an avatar. Everything that it needs until it is drawn is made here, but for the pipelines of the
    /// targets that it will be drawn in ([`prepare`](Self::prepare) makes those once).
    pub fn load(&self, avatar: &Avatar) -> Result<Person, LoadError> {
        avatar.validate()?;
        let shared = &self.shared;
        let weights = match &shared.kernels {
            Some(kernels) => Weights::Gpu(Box::new(gpu::Decoder::new(shared, kernels, avatar)?)),
            None => Weights::Cpu(Arc::new(cpu::Weights::new(avatar))),
        };
        let inner = PersonInner {
            shared: shared.clone(),
            pose: Pose::new(avatar),
            surface: SurfaceMesh::new(shared, avatar)?,
            weights,
            name: avatar.manifest.name.clone(),
            capture_light: avatar.manifest.capture_light.clone(),
            idle: Mutex::default(),
        };
        Ok(Person { inner: Arc::new(inner) })
    }
}

impl Person {
    /// One more of this person, neutral and at rest.
    pub fn instance(&self) -> Instance {
        Instance {
            person: self.inner.clone(),
            frame: FaceFrame::default(),
            world_from_rest: Affine3A::IDENTITY,
            light: None,
        }
    }
}

/// A person at a place, with a face. Weights are the [`Person`]'s.
#[derive(Clone, Debug)]
pub struct Instance {
    pub(crate) person: Arc<PersonInner>,
    pub(crate) frame: FaceFrame,
    pub(crate) world_from_rest: Affine3A,
    /// In the world; none: as captured.
    pub(crate) light: Option<Light>,
}

impl Instance {
    /// Face and head from now on; neutral until then.
    pub fn set_frame(&mut self, frame: &FaceFrame) -> Result<(), PoseError> {
        if !frame.latent.is_finite() {
            return Err(PoseError::NotFinite("latent"));
        }
        if !(frame.head.rotation.is_finite() && frame.head.translation.is_finite()) {
            return Err(PoseError::NotFinite("head"));
        }
        if !frame.head.is_valid() {
            return Err(PoseError::NotUnit);
        }
        self.frame = *frame;
        Ok(())
    }

    /// Where the person's rest frame (see [`HeadPose`](visavis_codec::HeadPose)) is in the world, metres; a rigid
    /// transform. The world's origin until then.
    pub fn set_pose(&mut self, world_from_rest: Affine3A) -> Result<(), PoseError> {
        if !world_from_rest.is_finite() {
            return Err(PoseError::NotFinite("pose"));
        }
        self.world_from_rest = world_from_rest;
        Ok(())
    }

    /// The face and head it has.
    pub fn frame(&self) -> &FaceFrame {
        &self.frame
    }
}

impl PersonInner {
    /// A body that nobody else writes.
    pub(crate) fn body(&self) -> Result<Body, GpuError> {
        if let Some(body) = self.idle().take() {
            return Ok(body);
        }
        Body::new(self).inspect_err(|_| self.idle().forget())
    }

    /// Takes a body back.
    pub(crate) fn retire(&self, body: Body) {
        let surplus = self.idle().put(body);
        drop(surplus); // after the lock
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Idle<Body>> {
        self.idle.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Body {
    fn new(person: &PersonInner) -> Result<Self, GpuError> {
        let shared = &*person.shared;
        let vertices = scoped(&shared.device, || {
            shared.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("visavis skinned vertices"),
                size: (person.surface.vertices.max(1) * size_of::<SkinnedVertex>()) as u64,
                usage: wgpu::BufferUsages::VERTEX
                    | wgpu::BufferUsages::STORAGE
                    | wgpu::BufferUsages::COPY_DST
                    | wgpu::BufferUsages::COPY_SRC,
                mapped_at_creation: false,
            })
        })?;
        let state = match &person.weights {
            Weights::Gpu(decoder) => {
                let workspace = gpu::Workspace::new(shared, decoder, &vertices, person.pose.bytes())?;
                let fringe = scoped(&shared.device, || {
                    shared.device.create_bind_group(&wgpu::BindGroupDescriptor {
                        label: Some("visavis fringe"),
                        layout: &shared.layouts.fringe,
                        entries: &[
                            wgpu::BindGroupEntry { binding: 0, resource: vertices.as_entire_binding() },
                            wgpu::BindGroupEntry {
                                binding: 1,
                                resource: person.surface.edges.as_entire_binding(),
                            },
                        ],
                    })
                })?;
                BodyState::Gpu { workspace: Box::new(workspace), fringe }
            }
            Weights::Cpu(weights) => BodyState::Cpu(Box::new(cpu::Instance::new(weights.clone()))),
        };
        Ok(Self { vertices, state })
    }
}

impl SurfaceMesh {
    fn new(shared: &Shared, avatar: &Avatar) -> Result<Self, LoadError> {
        let (mut edges, mut fringes) = (Vec::new(), Vec::new());
        for part in avatar.manifest.parts.iter().filter(|part| !part.kind.is_blended()) {
            let start = edges.len() as u32;
            edges.extend(gpu::edges(&avatar.mesh, part));
            fringes.push((start..edges.len() as u32, part.kind));
        }
        let device = &shared.device;
        Ok(Self {
            vertices: avatar.mesh.mean.len(),
            indices: mapped_buffer(
                device,
                "visavis triangles",
                bytemuck::cast_slice(&avatar.mesh.triangles),
                wgpu::BufferUsages::INDEX,
            )?,
            edges: mapped_buffer(
                device,
                "visavis edges",
                bytemuck::cast_slice(&edges),
                wgpu::BufferUsages::STORAGE,
            )?,
            fringes,
            runs: runs(&avatar.manifest.parts),
            parts: avatar.manifest.parts.iter().map(|part| (Run::of(part), part.kind)).collect(),
        })
    }
}

impl Run {
    fn of(part: &Part) -> Self {
        Self {
            indices: part.triangles.start * 3..part.triangles.end * 3,
            material: part.kind.material(),
            two_sided: part.kind.is_two_sided(),
        }
    }
}

/// Parts as runs, neighbours that are drawn alike as one.
fn runs(parts: &[Part]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for part in parts {
        let next = Run::of(part);
        match runs.last_mut() {
            Some(run)
                if (run.material, run.two_sided) == (next.material, next.two_sided)
                    && run.indices.end == next.indices.start =>
            {
                run.indices.end = next.indices.end;
            }
            _ => runs.push(next),
        }
    }
    runs
}
