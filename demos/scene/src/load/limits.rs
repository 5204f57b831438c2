//! How much a scene may have: bounds that are checked before anything is allocated.

/// Bytes of the file itself, and of each file beside it.
pub(crate) const FILE_BYTES: u64 = 256 << 20;
/// Bytes of JSON, which takes several times as much when it is read.
pub(crate) const JSON_BYTES: u64 = 32 << 20;
/// Bytes of all buffers.
pub(crate) const BUFFER_BYTES: u64 = 512 << 20;
/// Nodes, and meshes on nodes.
pub(crate) const NODES: u64 = 16_384;
/// Vertices of all meshes.
pub(crate) const VERTICES: u64 = 4 << 20;
/// Indices of all meshes.
pub(crate) const INDICES: u64 = 16 << 20;
/// Columns or rows of a picture.
pub(crate) const IMAGE_SIDE: u32 = 8192;
/// Bytes of all decoded pictures.
pub(crate) const IMAGE_BYTES: u64 = 512 << 20;
/// Materials, and lamps and cameras of either.
pub(crate) const MATERIALS: u64 = 4096;
/// Vertices of a cartoon; nodes and joints have the scene's and the format's own bounds.
pub(crate) const CARTOON_VERTICES: u64 = 256 << 10;
/// Indices of a cartoon.
pub(crate) const CARTOON_INDICES: u64 = 3 << 20;
/// Morph targets of a cartoon, counted once a mesh.
pub(crate) const TARGETS: u64 = 8192;
/// Vertices of all morph targets of a cartoon, moved or not.
pub(crate) const TARGET_VERTICES: u64 = 16 << 20;
/// Vertices that morph targets of a cartoon move.
pub(crate) const MOVES: u64 = 2 << 20;
/// Joints of all skins of a cartoon.
pub(crate) const JOINTS: u64 = 4096;
/// Expressions of a VRM file, and targets of all of them.
pub(crate) const EXPRESSIONS: u64 = 16_384;
/// Probes.
pub(crate) const PROBES: u64 = 4096;
/// The furthest that anything may be from the world's origin, metres.
pub(crate) const DISTANCE_M: f32 = 1e5;
