//! The room of the game with the players in it.

use std::sync::Arc;

use glam::{Affine3A, Vec3};
use visavis::error::LightError;
use visavis::{Engine, Instance, View, wgpu};
use visavis_codec::Avatar;
use visavis_scene::{Cartoon, CartoonInstance, CartoonPose, Scene, Stage, StageFrame, StageOptions};

use super::arm::Arm;
use super::moment::{Moment, TRAIL};
use crate::error::GameError;
use crate::face::seat;
use crate::play::Side;

/// Who plays: photoreal or drawn, moved by the same latents.
#[derive(Clone, Debug)]
pub enum Player {
    /// A photoreal avatar.
    Photoreal(Arc<Avatar>),
    /// A drawn one.
    Cartoon(Arc<Cartoon>),
}

/// Seats hide busts that reach so far below the eyes, metres.
const BUST_M: f32 = 0.27;

impl Player {
    /// How much lower than others this player has to sit so that the seat hides where the bust ends, metres
    /// ([`Character::sinks_m`](super::Character::sinks_m)).
    pub fn sinks_m(&self) -> f32 {
        match self {
            Self::Photoreal(_) => 0.0,
            Self::Cartoon(cartoon) => {
                let pose = CartoonPose::new(cartoon.clone());
                let lowest = (0..pose.parts())
                    .flat_map(|part| {
                        let rest_from_part = pose.rest_from_part(part);
                        let vertices = pose.vertices(part).iter();
                        vertices.map(move |vertex| rest_from_part.transform_point3(vertex.position.into()).y)
                    })
                    .fold(0.0, f32::min);
                (BUST_M + lowest).clamp(0.0, 0.15)
            }
        }
    }
}

/// A player in their seat.
#[derive(Debug)]
enum Sitter {
    Photoreal(Box<Instance>),
    Cartoon(Box<CartoonInstance>),
}

/// Numbers of the room's nodes that move.
#[derive(Clone, Copy, Debug)]
struct Nodes {
    ball: usize,
    trail: [usize; TRAIL],
    pods: [usize; 2],
    uppers: [usize; 2],
    fores: [usize; 2],
    paddles: [usize; 2],
}

/// Draws moments of a game. It records into the caller's encoder.
#[derive(Debug)]
pub struct Theatre {
    stage: Stage,
    nodes: Nodes,
    sitters: [Sitter; 2],
}

impl Theatre {
    /// Puts a room and its players on the engine's device. The room has nodes `ball`, `trail_1` and so on, and for both sides
    /// `pod_1`, `upper_1`, `fore_1`, `paddle_1`.
    ///
    /// # Errors
    /// If the room lacks a node, an avatar can't be drawn, or the device refuses.
    pub fn new(
        engine: &Engine,
        scene: &Scene,
        players: &[Player; 2],
        options: StageOptions,
    ) -> Result<Self, GameError> {
        let nodes = Nodes::of(scene)?;
        let stage = Stage::new(engine, scene, options)?;
        let [left, right] = players;
        let sitters = [
            sitter(engine, &stage, scene, Side::Left, left)?,
            sitter(engine, &stage, scene, Side::Right, right)?,
        ];
        Ok(Self { stage, nodes, sitters })
    }

    /// Moves everything to where it is at a moment.
    ///
    /// # Errors
    /// If something isn't finite.
    pub fn set(&mut self, moment: &Moment, hidden: Option<Side>) -> Result<(), GameError> {
        let room = self.stage.room_mut();
        room.set_node(self.nodes.ball, Affine3A::from_translation(moment.ball_m))?;
        for (i, (node, at)) in self.nodes.trail.into_iter().zip(moment.trail_m).enumerate() {
            // A ball that rests has no tail.
            let apart = at.distance(moment.ball_m);
            let size = (1.0 - (i as f32 + 1.0) / (TRAIL as f32 + 1.0)) * (apart / 0.03).min(1.0);
            let place = Affine3A::from_scale_rotation_translation(
                Vec3::splat(size.max(1e-3)),
                glam::Quat::IDENTITY,
                at,
            );
            room.set_node(node, place)?;
        }
        for side in Side::BOTH {
            let i = side.index();
            let pose = moment.seats[i];
            let arm = Arm::reaching(side, pose, &moment.paddles[i]);
            // A hidden player's seat is behind the camera's back: it shrinks to nothing. The paddle stays.
            let pod =
                if hidden == Some(side) { pose * Affine3A::from_scale(Vec3::splat(1e-3)) } else { pose };
            room.set_node(self.nodes.pods[i], pod)?;
            room.set_node(self.nodes.uppers[i], arm.upper)?;
            room.set_node(self.nodes.fores[i], arm.fore)?;
            room.set_node(self.nodes.paddles[i], arm.paddle)?;
            match &mut self.sitters[i] {
                Sitter::Photoreal(person) => {
                    person.set_pose(moment.people[i])?;
                    person.set_frame(&moment.faces[i])?;
                }
                Sitter::Cartoon(person) => {
                    person.set_pose(moment.people[i])?;
                    person.set_frame(&moment.faces[i])?;
                }
            }
        }
        Ok(())
    }

    /// Records a picture of what was [`set`](Self::set); `output` is a view of `size` pixels in the format of the options.
    ///
    /// # Errors
    /// If the picture has no size or too much, or the device refuses.
    pub fn record(
        &mut self,
        encoder: &mut wgpu::CommandEncoder,
        view: &View,
        hidden: Option<Side>,
        size: [u32; 2],
        output: &wgpu::TextureView,
    ) -> Result<StageFrame, GameError> {
        let mut people: Vec<&Instance> = Vec::with_capacity(2);
        let mut cartoons: Vec<&CartoonInstance> = Vec::with_capacity(2);
        for side in Side::BOTH.into_iter().filter(|&side| hidden != Some(side)) {
            match &self.sitters[side.index()] {
                Sitter::Photoreal(person) => people.push(person),
                Sitter::Cartoon(person) => cartoons.push(person),
            }
        }
        Ok(self.stage.record_with(encoder, &people, &cartoons, view, size, output)?)
    }
}

/// A player in their seat, in the light that falls there.
fn sitter(
    engine: &Engine,
    stage: &Stage,
    scene: &Scene,
    side: Side,
    player: &Player,
) -> Result<Sitter, GameError> {
    let pose = seat(side);
    match player {
        Player::Photoreal(avatar) => {
            let mut instance = engine.load(avatar)?.instance();
            instance.set_pose(pose)?;
            match instance.set_light(Some(&scene.light_at(pose.translation.into()))) {
                Err(error @ LightError::NoCaptureLight { .. }) => {
                    tracing::warn!("{error}; it is shown as it was captured");
                }
                other => other?,
            }
            Ok(Sitter::Photoreal(Box::new(instance)))
        }
        Player::Cartoon(cartoon) => {
            // A cartoon stands in the room's light as the furniture does.
            let mut instance = stage.load_cartoon(cartoon)?.instance()?;
            instance.set_pose(pose)?;
            Ok(Sitter::Cartoon(Box::new(instance)))
        }
    }
}

impl Nodes {
    fn of(scene: &Scene) -> Result<Self, GameError> {
        let node = |name: String| {
            scene.node(&name).ok_or_else(|| GameError::NoNode { room: scene.name.clone(), node: name })
        };
        let both = |name: &str| -> Result<[usize; 2], GameError> {
            Ok([node(format!("{name}_1"))?, node(format!("{name}_2"))?])
        };
        let ball = node("ball".to_owned())?;
        let mut trail = [0; TRAIL];
        for (i, place) in trail.iter_mut().enumerate() {
            *place = node(format!("trail_{}", i + 1))?;
        }
        Ok(Self {
            ball,
            trail,
            pods: both("pod")?,
            uppers: both("upper")?,
            fores: both("fore")?,
            paddles: both("paddle")?,
        })
    }
}
