// One eye as one avatar sees it: everything is in the avatar's rest frame (metres), where the lamps of its capture
// stand still, so that the neural texture never learns where in the world the person sits.
struct Camera {
    // Reversed-Z clip space from the rest frame.
    clip_from_rest: mat4x4<f32>,
    // Where the eye is, metres.
    eye_in_rest: vec3<f32>,
    // How much of the avatar's colour is its likeness's, 0 to 1.
    likeness: f32,
    // Width and height of the viewport, pixels.
    viewport: vec2<f32>,
    // Pixels from the target's left and top edge to the viewport's.
    viewport_origin: vec2<f32>,
    // The rest frame from clip space. Where a layer of the CPU executor is relit; else zero.
    rest_from_clip: mat4x4<f32>,
    // The rectangle that the avatar is in, clip space at w = 1: left, bottom, right, top. There, too.
    bounds: vec4<f32>,
    // To 256 bytes, at which a binding may begin anywhere: any view's camera can be bound alone, or as the first of an
    // array.
    padding: array<vec4<f32>, 5>,
}
