//! A person in a room: `--scene`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use visavis::error::LightError;
use visavis::headless::{Headless, HeadlessOptions};
use visavis_codec::FaceFrame;
use visavis_codec::avatar::AnyAvatar;
use visavis_codec::glam::Affine3A;
use visavis_codec::reference::View;
use visavis_scene::{CartoonInstance, CartoonModel, Look, Scene, Snapshot, Stage, StageOptions};

use super::Camera;
use crate::painter::Executor;
use crate::portrait;

/// Where the person is.
#[derive(Debug, clap::Args)]
pub(crate) struct SceneArguments {
    /// A room to stand in: glTF (.glb, .gltf)
    #[arg(long, value_name = "FILE")]
    scene: Option<PathBuf>,
    /// The node of the scene where the person is; its −Z is where they look. Given again, another one with the same face
    /// is there, at another moment of the call
    #[arg(long, value_name = "NODE", default_value = "person", requires = "scene")]
    place: Vec<String>,
    /// A camera of the scene, by name; its first one unless said
    #[arg(long, value_name = "NAME", requires = "scene", conflicts_with = "camera")]
    scene_camera: Option<String>,
    /// How the room is drawn, as it says itself unless said; without a room how a cartoon is, photoreal unless said
    #[arg(long, value_enum)]
    look: Option<SceneLook>,
    /// Show the person as captured, not in the room's light
    #[arg(long, requires = "scene")]
    as_captured: bool,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum SceneLook {
    Photoreal,
    /// Banded light and ink
    Toon,
}

/// Draws one avatar in a room.
pub(crate) struct ScenePainter {
    headless: Headless,
    people: Vec<Figure>,
    stage: Stage,
    snapshot: Snapshot,
    seen_from: SeenFrom,
    /// Of the first of them.
    world_from_rest: Affine3A,
}

/// Somebody, in their owner's form.
enum Figure {
    Photoreal(Box<visavis::Instance>),
    Cartoon(Box<CartoonInstance>),
}

/// Which camera.
enum SeenFrom {
    /// The scene's.
    Fixed(View),
    /// About the person.
    Orbit(Camera),
}

impl SceneArguments {
    /// How many will be in the picture.
    pub(super) fn seats(&self) -> usize {
        if self.scene.is_some() { self.place.len() } else { 1 }
    }

    /// Whether there is a scene.
    pub(super) fn is_given(&self) -> bool {
        self.scene.is_some()
    }

    /// How everything is drawn, if that was said.
    pub(super) fn look(&self) -> Option<Look> {
        self.look.map(|look| match look {
            SceneLook::Photoreal => Look::Photoreal,
            SceneLook::Toon => Look::Toon { bands: 3, ink_px: 1.5, ink_color: [0.02, 0.015, 0.03] },
        })
    }

    /// Gets ready to draw, if there is a scene. The places are the avatars' in turn, those that are left the last one's.
    pub(super) fn open(
        &self,
        avatars: &[(AnyAvatar, PathBuf)],
        executor: Executor,
        threads: Option<usize>,
        camera: Option<Camera>,
        size: [u32; 2],
    ) -> Result<Option<ScenePainter>> {
        let Some(path) = &self.scene else { return Ok(None) };
        let scene = Scene::read(path)?;
        for warning in &scene.warnings {
            eprintln!("visavis: {}: {warning}", path.display());
        }
        let places: Result<Vec<_>> = self.place.iter().map(|place| place_of(&scene, place, path)).collect();
        let places = places?;
        let world_from_rest = *places.first().context("--place: nobody is in the scene")?;

        let aspect = size[0] as f32 / size[1] as f32;
        let mut lens = None;
        let seen_from = match camera {
            Some(camera) => SeenFrom::Orbit(camera),
            None => {
                let names: Vec<_> = scene.cameras.iter().map(|camera| camera.name.as_str()).collect();
                let number = match &self.scene_camera {
                    Some(name) => Some(names.iter().position(|other| other == name).with_context(|| {
                        format!(
                            "{}: it has no camera `{name}`; there is {}",
                            path.display(),
                            names.join(", ")
                        )
                    })?),
                    None => (!names.is_empty()).then_some(0),
                };
                match number {
                    Some(number) => {
                        lens = scene.cameras[number].lens;
                        SeenFrom::Fixed(scene.view(&scene.cameras[number], aspect))
                    }
                    None => SeenFrom::Orbit(Camera::default()),
                }
            }
        };
        let chosen = match executor {
            Executor::Auto => visavis::Executor::Auto,
            Executor::Cpu => visavis::Executor::Cpu,
            Executor::Gpu => visavis::Executor::Gpu,
            Executor::Reference => bail!("--executor reference draws people alone; leave it or --scene away"),
        };
        ensure!(size.iter().all(|&side| side <= 8192), "--size: at most 8192 a side");
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads.unwrap_or(0)) // 0: as many as there are cores
            .build()
            .context("threads for the CPU executor")?;
        let options =
            HeadlessOptions { executor: chosen, pool: Some(Arc::new(pool)), ..HeadlessOptions::default() };
        let headless = Headless::new(&options).context("setting up the engine")?;
        let options = StageOptions { lens, look: self.look(), ..StageOptions::default() };
        let stage = Stage::new(headless.engine(), &scene, options)
            .with_context(|| format!("{}: putting the scene on the device", path.display()))?;
        let loaded: Result<Vec<_>> = avatars
            .iter()
            .take(places.len())
            .map(|(avatar, of)| Loaded::new(&headless, &stage, avatar, of))
            .collect();
        let loaded = loaded?;
        let mut people = Vec::with_capacity(places.len());
        for (n, (place, world_from_rest)) in self.place.iter().zip(places).enumerate() {
            let person = loaded.get(n).or(loaded.last()).context("--avatar: nobody is in the scene")?;
            let mut instance = match person {
                Loaded::Photoreal(person) => person.instance(),
                Loaded::Cartoon(model) => {
                    let mut instance = model.instance().context("the cartoon on the device")?;
                    instance
                        .set_pose(world_from_rest)
                        .with_context(|| format!("{}: its node `{place}`", path.display()))?;
                    people.push(Figure::Cartoon(Box::new(instance)));
                    continue;
                }
            };
            instance
                .set_pose(world_from_rest)
                .with_context(|| format!("{}: its node `{place}`", path.display()))?;
            if !self.as_captured {
                match instance.set_light(Some(&scene.light_at(world_from_rest.translation.into()))) {
                    Err(error @ LightError::NoCaptureLight { .. }) => {
                        eprintln!("visavis: {error}; it is shown as it was captured");
                    }
                    other => {
                        other.with_context(|| format!("{}: its light at `{place}`", path.display()))?;
                    }
                }
            }
            people.push(Figure::Photoreal(Box::new(instance)));
        }
        let snapshot = Snapshot::new(headless.engine().device(), size).context("a picture of that size")?;
        Ok(Some(ScenePainter { headless, people, stage, snapshot, seen_from, world_from_rest }))
    }
}

impl ScenePainter {
    /// How many are in it.
    pub(super) fn people(&self) -> usize {
        self.people.len()
    }

    /// One picture of everybody, each with a face, at a time of the call, `[height, width, 4]`, valid until the next.
    pub(super) fn paint(&mut self, faces: &[FaceFrame], time: f64) -> Result<&[u8]> {
        for (figure, face) in self.people.iter_mut().zip(faces) {
            match figure {
                Figure::Photoreal(instance) => instance.set_frame(face).context("the face")?,
                Figure::Cartoon(instance) => instance.set_frame(face).context("the face")?,
            }
        }
        let (mut people, mut cartoons) = (Vec::new(), Vec::new());
        for figure in &self.people {
            match figure {
                Figure::Photoreal(instance) => people.push(&**instance),
                Figure::Cartoon(instance) => cartoons.push(&**instance),
            }
        }
        let size = self.snapshot.size();
        let view = match &self.seen_from {
            SeenFrom::Fixed(view) => *view,
            SeenFrom::Orbit(camera) => {
                let view = camera.view(time, size[0] as f32 / size[1] as f32);
                View { view_from_world: view.view_from_world * self.world_from_rest.inverse(), ..view }
            }
        };
        let (device, queue) = (self.headless.engine().device(), self.headless.engine().queue());
        let mut encoder = device.create_command_encoder(&Default::default());
        let drawn =
            self.stage.record_with(&mut encoder, &people, &cartoons, &view, size, self.snapshot.view());
        let drawn = drawn.context("drawing the room")?;
        let picture = self.snapshot.read(device, queue, encoder).context("drawing the room")?;
        drop(drawn);
        Ok(picture)
    }

    /// The executor's name in reports.
    pub(super) fn executor(&self) -> &'static str {
        match self.headless.engine().executor() {
            visavis::Executor::Gpu => "gpu",
            _ => "cpu",
        }
    }

    /// The adapter's name in reports.
    pub(super) fn adapter(&self) -> &str {
        &self.headless.adapter().name
    }
}

/// An avatar on the device.
enum Loaded {
    Photoreal(visavis::Person),
    Cartoon(CartoonModel),
}

impl Loaded {
    fn new(headless: &Headless, stage: &Stage, avatar: &AnyAvatar, path: &Path) -> Result<Self> {
        Ok(match avatar {
            AnyAvatar::Photoreal(avatar) => {
                Self::Photoreal(headless.load(avatar).context("loading the avatar into the engine")?)
            }
            AnyAvatar::Cartoon(cartoon) => {
                let model = portrait::model(cartoon, path)?;
                Self::Cartoon(stage.load_cartoon(&model).context("the cartoon on the device")?)
            }
        })
    }
}

/// Where a node of a scene is; people aren't scaled with the furniture.
fn place_of(scene: &Scene, place: &str, path: &Path) -> Result<Affine3A> {
    let Some(node) = scene.node(place) else {
        let mut names: Vec<_> = scene.nodes.iter().map(|node| node.name.as_str()).collect();
        names.retain(|name| !name.is_empty());
        names.truncate(40);
        bail!("{}: it has no node `{place}` (--place); there is {}", path.display(), names.join(", "));
    };
    let (_, rotation, translation) = scene.nodes[node].world_from_node.to_scale_rotation_translation();
    Ok(Affine3A::from_rotation_translation(rotation, translation))
}
