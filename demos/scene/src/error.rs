//! Why a scene can't be read or drawn, and what was done without.

use std::fmt;

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
