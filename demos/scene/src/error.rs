//! Why a scene can't be read or drawn, and what was done without.

use std::fmt;

use visavis::error::GpuError;

/// Why a scene couldn't be read: which file, which field of it, why, and what helps.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {field}: {reason}")]
pub struct LoadError {
    /// The file, or what the caller calls it.
    pub file: String,
    /// Where in it, as `meshes[3].primitives[0].indices`.
    pub field: String,
    /// Why, and what helps.
    pub reason: Reason,
}

/// Why a field of a scene is refused. Every message ends with what helps.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The file can't be read.
    #[error("{0}; is the path right, and may you read it?")]
    Io(String),
    /// It is neither JSON glTF 2.0 nor a GLB of version 2.
    #[error("{0}; export it again as glTF 2.0 (.glb or .gltf)")]
    NotGltf(String),
    /// A rule of the format is broken.
    #[error("{0}; export it again, or look at it with the Khronos glTF validator")]
    Broken(String),
    /// A number that isn't one, or is out of its range.
    #[error("{found} is not allowed: {allowed}; repair the value in the program that wrote it")]
    Value {
        /// The value.
        found: String,
        /// What it may be.
        allowed: &'static str,
    },
    /// More than is loaded.
    #[error("{found} is more than the {limit} allowed; reduce the scene (fewer {what})")]
    TooMuch {
        /// What there is too much of, as `vertices`.
        what: &'static str,
        /// How much.
        found: u64,
        /// How much is allowed.
        limit: u64,
    },
    /// What the file needs is not supported.
    #[error("{0} is not supported; export without it")]
    Unsupported(String),
    /// A path that leads out of the scene's folder.
    #[error(
        "`{0}` leads out of the scene's folder; put the file beside the scene, or pack everything into a .glb"
    )]
    Outside(String),
}

/// What a scene was loaded without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Where, as `images[2]`.
    pub field: String,
    /// Why, and what is shown instead.
    pub text: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.text)
    }
}

/// Why a scene can't be put on the GPU or drawn.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RoomError {
    /// Scenes are drawn in passes with colour, one view at a time.
    #[error("a scene can't be drawn in passes of {0:?}: give a colour format and `view_mask: None`")]
    Format(visavis::TargetFormat),
    /// A buffer would be beyond what the device has.
    #[error(
        "{what} take {found} bytes, the device has buffers of {limit}; reduce the scene or raise `Limits::max_buffer_size`"
    )]
    TooLarge {
        /// What, in words.
        what: &'static str,
        /// Bytes.
        found: u64,
        /// Bytes.
        limit: u64,
    },
    /// A node that isn't there was asked for.
    #[error("there is no node {0}")]
    NoSuchNode(usize),
    /// A place that isn't one.
    #[error("a node's transform is not finite")]
    NotFinite,
    /// The device refused, or is gone.
    #[error(transparent)]
    Gpu(#[from] GpuError),
}

/// Why a stage couldn't draw.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StageError {
    /// The room.
    #[error(transparent)]
    Room(#[from] RoomError),
    /// The engine's passes.
    #[error(transparent)]
    Target(#[from] visavis::error::TargetError),
    /// The people.
    #[error(transparent)]
    Prepare(#[from] visavis::error::PrepareError),
    /// The people, on their way to the screen.
    #[error(transparent)]
    Draw(#[from] visavis::error::DrawError),
    /// A picture that is empty or larger than a texture may be.
    #[error("a picture of {width} × {height} pixels; 1 to {limit} each way")]
    Size {
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
        /// The device's largest texture.
        limit: u32,
    },
    /// The device refused, or is gone.
    #[error(transparent)]
    Gpu(#[from] GpuError),
}
