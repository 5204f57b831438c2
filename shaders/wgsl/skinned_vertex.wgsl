// A vertex after decoding and skinning. It is both the raster passes' vertex buffer and the fringe pass's storage.
struct SkinnedVertex {
    // Rest frame, metres.
    position: vec3<f32>,
    u: f32,
    // Unit length, rest frame, the same for all vertices of one weld.
    normal: vec3<f32>,
    v: f32,
}
