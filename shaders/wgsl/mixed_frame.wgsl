// What all passes of mixed reality know of a frame. The depth map, the camera's picture and the output look the same way
// from the same place; each has pixels of its own. Depth is kept as its inverse (1/m): it is linear on planes, a sensor's
// noise is even in it, and 0 is a hole.
struct MixedFrame {
    // To the shadow map's clip space (a parallel projection) from the view's frame.
    lamp_clip_from_view: mat4x4<f32>,
    // To the frame that the view had before, from the one it has.
    before_from_view: mat4x4<f32>,
    // Of the depth map, pixels.
    depth_focal: vec2<f32>,
    depth_centre: vec2<f32>,
    // Of the depth map before.
    before_focal: vec2<f32>,
    before_centre: vec2<f32>,
    // Scale and offset of pixels.
    depth_from_output: vec4<f32>,
    picture_from_output: vec4<f32>,
    picture_from_depth: vec4<f32>,
    // Columns and rows.
    depth_size: vec2<f32>,
    picture_size: vec2<f32>,
    // Gain and offset: inverse depth of the avatars from their depth buffer.
    avatar_inverse: vec2<f32>,
    // Gain and offset of a normalised depth map, (metres of 1, 0) of one in metres.
    map_inverse: vec2<f32>,
    // The first lamp in the view's frame: towards it (w = 0), or where it is (w = 1).
    lamp: vec4<f32>,
    // Its colour; the sine of half of its angle (w = 0), or its radius in metres.
    lamp_color: vec4<f32>,
    // A spot's axis and the cosine of its outer angle.
    lamp_axis: vec4<f32>,
    // Irradiance over π by the polynomials of spherical harmonics, in the view's frame.
    ambient: array<vec4<f32>, 9>,
    // Of the shadow map: texture coordinates a metre to the right and down, metres of its whole depth, texels across.
    shadow_scale: vec4<f32>,
    // Cosine of a spot's inner angle; standard deviation of the depth map's noise, a share of the distance; frames that
    // depth is averaged over, and that a hole remembers.
    settings: vec4<f32>,
    // 1 if there is: a normalised depth map, a picture, sRGB's curve in it, depth from before.
    has: vec4<f32>,
}

@group(0) @binding(0) var<uniform> frame: MixedFrame;

// Through a pixel of the depth map, 1 m deep.
fn depth_ray(pixel: vec2<f32>) -> vec3<f32> {
    let xy = (pixel - frame.depth_centre) / frame.depth_focal;
    return vec3<f32>(xy.x, -xy.y, -1.0);
}

// Colours are compared by their square roots: about as different as they look.
fn perceived(linear: vec3<f32>) -> vec3<f32> {
    return sqrt(clamp(linear, vec3<f32>(0.0), vec3<f32>(1.0)));
}

// How alike two colours are: 1 the same, 0.02 nothing in common. Sixteen steps of 8 bits are a standard deviation: more
// than a camera's noise, less than most edges.
fn likeness(a: vec3<f32>, b: vec3<f32>) -> f32 {
    let apart = (a - b) / 0.063;
    return 0.02 + 0.98 * exp(-0.5 * dot(apart, apart));
}
