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
/// Probes.
pub(crate) const PROBES: u64 = 4096;
/// The furthest that anything may be from the world's origin, metres.
pub(crate) const DISTANCE_M: f32 = 1e5;
