//! Rooms that avatars stand in: glTF scenes, their light and their shadows.
//!
//! - [`Scene`]: a room as pure data, read from glTF or GLB ([`Scene::read`], [`Scene::from_glb`]): meshes, materials,
//!   pictures, nodes, cameras, lamps, and the light of its surroundings. No GPU. [`Scene::light_at`] gives the light that
//!   falls on a person there, as the engine wants it.
//! - [`Renderer`]: the pipelines for passes of one kind ([`visavis::TargetFormat`]) on the host's device.
//! - [`Room`]: a scene on the GPU, with the shadow map of its key lamp.
//! - [`Shot`]: a room seen by cameras, drawn in the host's passes: [`Shot::draw_shadow`], [`Shot::draw_opaque`] before the
//!   avatars, [`Shot::draw_blended`] after them.
//! - [`Cartoon`]: a drawn head that the same latents move (glTF, VRM); [`CartoonModel`] and [`CartoonInstance`] are it in rooms,
//!   beside photoreal people.
//! - [`Stage`]: all of that in one, for who wants finished pictures: shadow both ways, ink or a lens, avatars, tone curve.
//!
//! Conventions are the engine's: metres, right-handed, +Y up, linear light with 1 = diffuse white, premultiplied alpha,
//! reversed-Z depth cleared to 0. It records into the host's encoders; it never submits, waits or reads back.
//!
//! What a file may say beyond glTF stands in `SCENE.md` beside this crate: light maps, probes, the surroundings, the look;
//! what of a face moves which morph target in `CARTOON.md`.

mod cartoon;
pub mod error;
mod gpu;
mod light;
mod load;
mod scene;

pub use cartoon::{Cartoon, CartoonPose, PoseCartoonError, UnitReport, UnitState};
pub use error::{LoadError, Reason, RoomError, StageError, Warning};
pub use gpu::{
    CartoonError, CartoonInstance, CartoonModel, Occluder, Renderer, Room, SHADOW_FORMAT, ScenePass, Shot,
    Snapshot, Stage, StageFrame, StageOptions, ToneCurve,
};
pub use scene::{
    AlphaMode, Camera, Environment, Image, Look, Material, Mesh, Node, Probe, Projection, Scene, SceneLamp,
    Sky, Slot, Texture, TextureUse, Vertex, Wrap,
};
