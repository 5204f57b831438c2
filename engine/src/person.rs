//! People and their instances.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use glam::Affine3A;
use visavis_codec::FaceFrame;
use visavis_codec::avatar::{Avatar, Likeness, Manifest, Material, Part, PartKind};
use visavis_codec::light::Light;
use visavis_shaders::mirror::SkinnedVertex;

use crate::Engine;
use crate::cpu::Form;
use crate::crowd::{Bounds, BoundsScratch, Box3};
use crate::detail::{Detail, DetailState, Level};
use crate::engine::Shared;
use crate::error::{GpuError, LoadError, PoseError, scoped};
use crate::idle::Idle;
use crate::maps::MapBody;
use crate::pace::{Pace, at_once};
use crate::pose::Pose;
use crate::upload::mapped_buffer;
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

/// The triangles and edges of a mesh.
#[derive(Debug)]
pub(crate) struct SurfaceMesh {
    pub(crate) vertices: usize,
    pub(crate) indices: wgpu::Buffer,
    /// On the GPU executor.
    pub(crate) edges: Option<wgpu::Buffer>,
    /// Of each opaque part, there.
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
        let mut scratch = BoundsScratch::default();
        let frame = FaceFrame::default();
        Instance {
            bounds: self.inner.bounds.of(&self.inner.pose, &frame, &mut scratch),
            person: self.inner.clone(),
            frame,
            world_from_rest: Affine3A::IDENTITY,
            light: None,
            detail: None,
            likeness: 0.0,
            state: Mutex::default(),
            scratch,
        }
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

/// A person at a place, with a face. Weights are the [`Person`]'s.
///
/// A frame takes an instance as it is when the frame is prepared; what is set afterwards shows in the next one.
///
/// ```
/// use visavis::codec::glam::{Affine3A, vec3};
/// use visavis::codec::{FaceFrame, FaceUnit};
/// use visavis::error::PoseError;
///
/// # use visavis::headless::{Headless, HeadlessOptions};
/// # let headless = Headless::new(&HeadlessOptions::default())?;
/// # let avatar = visavis::codec::Avatar::read(&std::fs::read("../assets/avatars/wren.avatar")?)?;
/// # let person = headless.load(&avatar)?;
/// let mut speaker = person.instance(); // neutral, at the world's origin
/// let mut face = FaceFrame::default();
/// *face.latent.unit_mut(FaceUnit::JawOpen) = 0.4;
/// speaker.set_frame(&face)?;
/// // Seated: eyes 1.2 m above the floor, 2 m in front of a camera that stands at the origin.
/// speaker.set_pose(Affine3A::from_translation(vec3(0.0, 1.2, -2.0)))?;
///
/// *face.latent.unit_mut(FaceUnit::JawOpen) = f32::NAN;
/// assert_eq!(speaker.set_frame(&face), Err(PoseError::NotFinite("latent")));
/// assert_eq!(speaker.frame().latent.unit(FaceUnit::JawOpen), 0.4); // as it was
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Instance {
    pub(crate) person: Arc<PersonInner>,
    pub(crate) frame: FaceFrame,
    pub(crate) world_from_rest: Affine3A,
    /// In the world; none: as captured.
    pub(crate) light: Option<Light>,
    /// Where its face is, in the rest frame.
    pub(crate) bounds: Box3,
    /// Instead of the engine's.
    pub(crate) detail: Option<Detail>,
    /// How much of its colour is the likeness's at least, 0 to 1.
    pub(crate) likeness: f32,
    state: Mutex<DetailState>,
    scratch: BoundsScratch,
}

impl Clone for Instance {
    /// Another one with the same face at the same place; it holds nothing of what this one has decoded.
    fn clone(&self) -> Self {
        let Self { person, frame, world_from_rest, bounds, light, detail, likeness, state: _, scratch: _ } =
            self;
        Self {
            person: person.clone(),
            frame: *frame,
            world_from_rest: *world_from_rest,
            bounds: *bounds,
            light: light.clone(),
            detail: *detail,
            likeness: *likeness,
            state: Mutex::default(),
            scratch: BoundsScratch::default(),
        }
    }
}

impl Instance {
    /// Face and head from now on; neutral until then. Its time isn't looked at: when a face is shown is for play-out to say.
    ///
    /// # Errors
    /// If a number of it is NaN or infinite, or the head's rotation is no unit quaternion; the instance keeps what it had.
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
        self.bounds = self.person.bounds.of(&self.person.pose, frame, &mut self.scratch);
        Ok(())
    }

    /// At which level of detail it is drawn; none for what [`Engine::set_detail`](crate::Engine::set_detail) says, as from
    /// the beginning.
    pub fn set_detail(&mut self, detail: Option<Detail>) {
        self.detail = detail;
    }

    /// How much of its colour is its likeness's, from 0 (none, as from the beginning) to 1: for fading from a likeness that
    /// was shown until the whole avatar was there. At 1 nothing is decoded. Of no effect on an avatar without a likeness.
    pub fn set_likeness(&mut self, share: f32) {
        self.likeness = if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) };
    }

    /// How much of its colour is its likeness's, 0 to 1.
    pub fn likeness(&self) -> f32 {
        self.likeness
    }

    /// The level that it was drawn at in the last frame that saw it.
    pub fn level(&self) -> Option<Level> {
        self.detail_state().level()
    }

    pub(crate) fn detail_state(&self) -> MutexGuard<'_, DetailState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Becomes an instance of another person, with the same face at the same place.
    pub(crate) fn move_to(&mut self, person: &Person) {
        self.person = person.inner.clone();
        self.bounds = self.person.bounds.of(&self.person.pose, &self.frame, &mut self.scratch);
        self.detail_state().forget();
    }

    /// Where the person's rest frame (see [`HeadPose`](visavis_codec::HeadPose)) is in the world, metres; a rigid
    /// transform. The world's origin until then.
    ///
    /// # Errors
    /// If a number of it is NaN or infinite; the instance keeps what it had.
    pub fn set_pose(&mut self, world_from_rest: Affine3A) -> Result<(), PoseError> {
        if !world_from_rest.is_finite() {
            return Err(PoseError::NotFinite("pose"));
        }
        self.world_from_rest = world_from_rest;
        Ok(())
    }

    /// Where it is in the world: what [`set_pose`](Self::set_pose) was given.
    pub fn pose(&self) -> Affine3A {
        self.world_from_rest
    }

    /// The face and head it has.
    pub fn frame(&self) -> &FaceFrame {
        &self.frame
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

impl SurfaceMesh {
    async fn new(shared: &Shared, form: &Form<'_>, pace: &Pace) -> Result<Self, LoadError> {
        let Form { mesh, parts, .. } = form;
        let device = &shared.device;
        let mut fringes = Vec::new();
        let edges = match &shared.kernels {
            None => None,
            Some(_) => {
                // Finding edges costs some ten times what moving them does.
                pace.spend(mesh.triangles.len() * 60).await;
                let mut edges = Vec::new();
                for part in parts.iter().filter(|part| !part.kind.is_blended()) {
                    let start = edges.len() as u32;
                    edges.extend(gpu::edges(mesh, part));
                    fringes.push((start..edges.len() as u32, part.kind));
                }
                Some(edges)
            }
        };
        let edges = match edges {
            Some(edges) => Some(mapped_buffer(
                device,
                "visavis edges",
                bytemuck::cast_slice(&edges),
                wgpu::BufferUsages::STORAGE,
            )?),
            None => None,
        };
        Ok(Self {
            vertices: mesh.mean.len(),
            indices: mapped_buffer(
                device,
                "visavis triangles",
                bytemuck::cast_slice(&mesh.triangles),
                wgpu::BufferUsages::INDEX,
            )?,
            edges,
            fringes,
            runs: runs(parts),
            parts: parts.iter().map(|part| (Run::of(part), part.kind)).collect(),
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
