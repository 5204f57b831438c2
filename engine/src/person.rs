//! People: avatars whose weights are on the device.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use visavis_codec::avatar::{Avatar, Likeness, Manifest};
use visavis_codec::light::Light;
use visavis_shaders::mirror::SkinnedVertex;

use crate::Engine;
use crate::cpu::Form;
use crate::crowd::Bounds;
use crate::detail::Level;
use crate::engine::Shared;
use crate::error::{GpuError, LoadError, scoped};
use crate::idle::Idle;
use crate::instance::Instance;
use crate::maps::MapBody;
use crate::pace::{Pace, at_once};
use crate::pose::Pose;
use crate::surface_mesh::SurfaceMesh;
use crate::{cpu, gpu};

/// An avatar whose weights are on the device, once for all of its instances. They are freed when the last handle to
/// it, its instances and their frames is dropped. Cheap to clone.
///
/// ```
/// use visavis::codec::Avatar;
/// use visavis::headless::{Headless, HeadlessOptions};
///
/// # let headless = Headless::new(&HeadlessOptions::default())?;
/// # let engine = headless.engine();
/// let avatar = Avatar::read(&std::fs::read("../assets/avatars/wren.avatar")?)?;
/// let person = engine.load(&avatar)?;
/// drop(avatar); // the device has what it needs
/// let (left, right) = (person.instance(), person.instance()); // of one set of weights
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Person {
    pub(crate) inner: Arc<PersonInner>,
}

/// Behind a person's handles.
#[derive(Debug)]
pub(crate) struct PersonInner {
    pub(crate) shared: Arc<Shared>,
    pub(crate) pose: Pose,
    pub(crate) bounds: Bounds,
    /// As its owner calls it.
    pub(crate) name: String,
    /// In the rest frame.
    pub(crate) capture_light: Option<Light>,
    /// The whole mesh, and the likeness's; one of them at least.
    figures: [Option<Figure>; 2],
    pub(crate) look: Look,
    /// Maps that no frame uses at present: of the decoder's size, and of half of it.
    maps: [Mutex<Idle<MapBody>>; 2],
    bytes: u64,
}

/// What gives a person their colour, where the engine's executor wants it.
#[derive(Debug)]
pub(crate) enum Look {
    /// The decoder is none of a likeness.
    Gpu {
        decoder: Option<Box<gpu::Decoder>>,
        flat: Box<gpu::Flat>,
    },
    Cpu(Arc<cpu::Shading>),
}

/// One of a person's meshes.
#[derive(Debug)]
pub(crate) struct Figure {
    pub(crate) surface: SurfaceMesh,
    pub(crate) weights: Weights,
    /// Bodies that no frame uses at present.
    idle: Mutex<Idle<Body>>,
}

/// What moves a mesh, where the engine's executor wants it.
#[derive(Debug)]
pub(crate) enum Weights {
    Gpu(Box<gpu::Mesh>),
    Cpu(Arc<cpu::Weights>),
}

/// Which of a person's meshes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Fine,
    Coarse,
}

/// What one posed instance occupies from the recording of its skinning until it was drawn.
#[derive(Debug)]
pub(crate) struct Body {
    /// [`SkinnedVertex`] each.
    pub(crate) vertices: wgpu::Buffer,
    pub(crate) state: BodyState,
}

/// What an executor keeps of a posed mesh.
#[derive(Debug)]
pub(crate) enum BodyState {
    Gpu { skinning: Box<gpu::Skinning>, fringe: wgpu::BindGroup },
    Cpu(Box<cpu::Instance>),
}

impl Engine {
    /// Uploads an avatar. Everything that it needs until it is drawn is made here, but for the pipelines of the
    /// targets that it will be drawn in ([`prepare`](Self::prepare) makes those once). May be called on another thread
    /// than the one that draws. An avatar whose file has a [likeness](Avatar::likeness) can be drawn at every [`Level`].
    ///
    /// # Errors
    /// If the avatar's arrays don't fit together (those of [`Avatar::read`] do), if it is beyond what the executor's
    /// shaders or the device hold, or if the device is lost or has no memory left.
    pub fn load(&self, avatar: &Avatar) -> Result<Person, LoadError> {
        avatar.validate()?;
        at_once(Person::of_avatar(&self.shared, avatar, &Pace::unbounded()))
    }

    /// Uploads what a file's first bytes hold ([`Avatar::read_prefix`]), to be drawn until the whole avatar is there, always
    /// at [`Level::Likeness`].
    pub fn load_likeness(&self, likeness: &Likeness) -> Result<Person, LoadError> {
        crate::likeness::check(likeness)?;
        at_once(Person::of_likeness(&self.shared, likeness, &Pace::unbounded()))
    }
}

impl Person {
    /// An avatar that is valid.
    pub(crate) async fn of_avatar(
        shared: &Arc<Shared>,
        avatar: &Avatar,
        pace: &Pace,
    ) -> Result<Self, LoadError> {
        let form = Form::of_avatar(avatar);
        let likeness = avatar.likeness();
        let look = Look::of_avatar(shared, avatar, pace).await?;
        let fine = Figure::new(shared, &form, &look, pace).await?;
        let coarse = match &likeness {
            Some(likeness) => Some(Figure::new(shared, &Form::of_likeness(likeness), &look, pace).await?),
            None => None,
        };
        Ok(Self::new(shared, &form, &avatar.manifest, [Some(fine), coarse], look, pace).await)
    }

    /// A likeness that is valid.
    pub(crate) async fn of_likeness(
        shared: &Arc<Shared>,
        likeness: &Likeness,
        pace: &Pace,
    ) -> Result<Self, LoadError> {
        let form = Form::of_likeness(likeness);
        let look = match shared.kernels {
            Some(_) => {
                let color = gpu::base_color(shared, Some(&likeness.color))?;
                Look::Gpu { decoder: None, flat: Box::new(gpu::Flat::new(shared, &color, None)?) }
            }
            None => Look::Cpu(Arc::new(cpu::Shading::of_likeness(likeness))),
        };
        let coarse = Figure::new(shared, &form, &look, pace).await?;
        Ok(Self::new(shared, &form, &likeness.manifest, [None, Some(coarse)], look, pace).await)
    }

    async fn new(
        shared: &Arc<Shared>,
        form: &Form<'_>,
        manifest: &Manifest,
        figures: [Option<Figure>; 2],
        look: Look,
        pace: &Pace,
    ) -> Self {
        pace.spend(form.geometry.basis.len()).await;
        let of_figures = figures.iter().flatten().map(Figure::bytes).sum::<u64>();
        let of_look = match &look {
            Look::Gpu { decoder, .. } => decoder.as_ref().map_or(0, |decoder| decoder.bytes()),
            Look::Cpu(shading) => shading.bytes() as u64,
        };
        let inner = PersonInner {
            shared: shared.clone(),
            pose: Pose::new(form),
            bounds: Bounds::new(form),
            name: manifest.name.clone(),
            capture_light: manifest.capture_light.clone(),
            figures,
            look,
            maps: Default::default(),
            bytes: of_figures + of_look,
        };
        Self { inner: Arc::new(inner) }
    }

    /// One more of this person, neutral and at rest.
    pub fn instance(&self) -> Instance {
        Instance::new(self.inner.clone())
    }

    /// What the weights take, bytes: buffers and textures on the device, and on the CPU executor packed weights in memory.
    /// What each drawn instance takes beside that is not in it.
    pub fn bytes(&self) -> u64 {
        self.inner.bytes
    }

    /// Whether it is only a likeness.
    pub fn is_likeness(&self) -> bool {
        self.inner.figures[Kind::Fine as usize].is_none()
    }
}

impl PersonInner {
    /// The level that can be drawn of what is there.
    pub(crate) fn nearest(&self, level: Level) -> Level {
        match &self.figures {
            [None, _] => Level::Likeness,
            [Some(_), None] => level.min(Level::Coarse),
            [Some(_), Some(_)] => level,
        }
    }

    /// Whether there is a likeness, on its own or in a whole avatar.
    pub(crate) fn has_likeness(&self) -> bool {
        self.figures[Kind::Coarse as usize].is_some()
    }

    /// The mesh that a level draws.
    pub(crate) fn kind(&self, level: Level) -> Kind {
        match (&self.figures, level.has_coarse_mesh()) {
            ([Some(_), _], false) | ([Some(_), None], true) => Kind::Fine,
            _ => Kind::Coarse,
        }
    }

    /// One of its meshes.
    pub(crate) fn figure(&self, kind: Kind) -> Option<&Figure> {
        self.figures[kind as usize].as_ref()
    }

    /// A body that nobody else writes; none of a mesh that isn't there.
    pub(crate) fn body(&self, kind: Kind) -> Result<Option<Body>, GpuError> {
        let Some(figure) = self.figure(kind) else { return Ok(None) };
        if let Some(body) = figure.idle().take() {
            return Ok(Some(body));
        }
        Body::new(self, figure).inspect_err(|_| figure.idle().forget()).map(Some)
    }

    /// Takes a body back.
    pub(crate) fn retire(&self, kind: Kind, mut body: Body) {
        if let BodyState::Cpu(face) = &mut body.state {
            face.lend(None, 0.0);
        }
        if let Some(figure) = self.figure(kind) {
            let surplus = figure.idle().put(body);
            drop(surplus); // after the lock
        }
    }

    /// Maps of either size that no frame uses.
    pub(crate) fn idle_maps(&self, is_half: bool) -> MutexGuard<'_, Idle<MapBody>> {
        self.maps[usize::from(is_half)].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Look {
    async fn of_avatar(shared: &Arc<Shared>, avatar: &Avatar, pace: &Pace) -> Result<Self, LoadError> {
        let Some(kernels) = &shared.kernels else {
            return Ok(Self::Cpu(Arc::new(cpu::Shading::new_paced(avatar, pace).await)));
        };
        let color = gpu::base_color(shared, avatar.preview.as_ref().map(|preview| &preview.color))?;
        let decoder = gpu::Decoder::new(shared, kernels, avatar, color.clone(), pace).await?;
        let flat = gpu::Flat::new(shared, &color, Some(decoder.shape))?;
        Ok(Self::Gpu { decoder: Some(Box::new(decoder)), flat: Box::new(flat) })
    }
}

impl Figure {
    async fn new(shared: &Arc<Shared>, form: &Form<'_>, look: &Look, pace: &Pace) -> Result<Self, LoadError> {
        let surface = SurfaceMesh::new(shared, form, pace).await?;
        let weights = match (&shared.kernels, look) {
            (Some(kernels), _) => Weights::Gpu(Box::new(gpu::Mesh::new(shared, kernels, form, pace).await?)),
            (None, Look::Cpu(shading)) => {
                Weights::Cpu(Arc::new(cpu::Weights::new_paced(form, shading.clone(), pace).await))
            }
            (None, Look::Gpu { .. }) => return Err(GpuError::Rejected("no kernels".to_owned()).into()),
        };
        Ok(Self { surface, weights, idle: Mutex::default() })
    }

    fn bytes(&self) -> u64 {
        let weights = match &self.weights {
            Weights::Gpu(mesh) => mesh.bytes(),
            Weights::Cpu(weights) => weights.mesh_bytes() as u64,
        };
        weights + self.surface.indices.size() + self.surface.edges.as_ref().map_or(0, wgpu::Buffer::size)
    }

    fn idle(&self) -> MutexGuard<'_, Idle<Body>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Body {
    fn new(person: &PersonInner, figure: &Figure) -> Result<Self, GpuError> {
        let shared = &*person.shared;
        let vertices = scoped(&shared.device, || {
            shared.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("visavis skinned vertices"),
                size: (figure.surface.vertices.max(1) * size_of::<SkinnedVertex>()) as u64,
                usage: wgpu::BufferUsages::VERTEX
                    | wgpu::BufferUsages::STORAGE
                    | wgpu::BufferUsages::COPY_DST
                    | wgpu::BufferUsages::COPY_SRC,
                mapped_at_creation: false,
            })
        })?;
        let state = match &figure.weights {
            Weights::Gpu(mesh) => {
                let skinning = gpu::Skinning::new(shared, mesh, &vertices, person.pose.bytes())?;
                let Some(edges) = &figure.surface.edges else {
                    return Err(GpuError::Rejected("no edges".to_owned()));
                };
                let fringe = scoped(&shared.device, || {
                    shared.device.create_bind_group(&wgpu::BindGroupDescriptor {
                        label: Some("visavis fringe"),
                        layout: &shared.layouts.fringe,
                        entries: &[
                            wgpu::BindGroupEntry { binding: 0, resource: vertices.as_entire_binding() },
                            wgpu::BindGroupEntry { binding: 1, resource: edges.as_entire_binding() },
                        ],
                    })
                })?;
                BodyState::Gpu { skinning: Box::new(skinning), fringe }
            }
            Weights::Cpu(weights) => BodyState::Cpu(Box::new(cpu::Instance::new(weights.clone()))),
        };
        Ok(Self { vertices, state })
    }
}
