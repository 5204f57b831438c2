//! What can go wrong.

use visavis::error::{GpuError, LightError, LoadError, PoseError};
use visavis_scene::{CartoonError, RoomError, StageError};

/// Why a game can't be drawn.
#[derive(Debug, thiserror::Error)]
pub enum GameError {
    /// The room isn't one for this game.
    #[error(
        "the room {room} has no node `{node}`: it was made for something else; use assets/scenes/game_room.glb"
    )]
    NoNode {
        /// What the room is called.
        room: String,
        /// What it lacks.
        node: String,
    },
    /// The room can't be drawn.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// A node of the room can't be moved.
    #[error(transparent)]
    Room(#[from] RoomError),
    /// A player's face or place isn't one.
    #[error(transparent)]
    Pose(#[from] PoseError),
    /// An avatar can't be drawn.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A cartoon can't be drawn, or its face isn't one.
    #[error(transparent)]
    Cartoon(#[from] CartoonError),
    /// The room's light can't fall on a player.
    #[error(transparent)]
    Light(#[from] LightError),
    /// The device refused, or is gone.
    #[error(transparent)]
    Gpu(#[from] GpuError),
}
