// A scene as one camera sees it, and the light in it. World space, metres; strengths as the colour of diffuse white.
struct SceneView {
    // Reversed-Z clip space from the world, and back.
    clip_from_world: mat4x4<f32>,
    world_from_clip: mat4x4<f32>,
    eye: vec3<f32>,
    reserved: f32,
    // Pixels from the target's left and top edge, then width and height.
    viewport: vec4<f32>,
    // To 256 bytes, at which a binding may begin anywhere.
    padding: array<vec4<f32>, 6>,
}

struct SceneLamp {
    // Its place; of a directional lamp (kind 0) the unit vector towards it.
    place: vec3<f32>,
    // 0 directional, 1 point, 2 spot.
    kind: f32,
    color: vec3<f32>,
    // Beyond this distance it is dark, metres; 0 for no such limit.
    range: f32,
    // Along which a spot shines.
    axis: vec3<f32>,
    cos_outer: f32,
    cos_inner: f32,
    // Of a directional lamp, radians; of the others its radius, metres.
    radius: f32,
    reserved: vec2<f32>,
}

struct SceneLight {
    lamps: array<SceneLamp, 8>,
    // The first lamp's map.
    shadow_from_world: mat4x4<f32>,
    // Texels a side, metres a texel, metres from near to far, 1 if there is a map.
    shadow: vec4<f32>,
    // The sky's colour above, at the horizon, below; w of the first: 1 if it is a picture, times its scale.
    sky: array<vec4<f32>, 3>,
    // Least and greatest corner of the walls that the surroundings show, and where they were seen from; w of the first: 1
    // if there are such walls.
    room: array<vec4<f32>, 3>,
    // What else takes ambient light away: centre, radius, metres.
    occluders: array<vec4<f32>, 16>,
    // Lamps, occluders, bands of a toon's light (0: photoreal), levels of the prefiltered surroundings.
    counts: vec4<u32>,
}

@group(0) @binding(0) var<uniform> view: SceneView;
@group(0) @binding(1) var<uniform> light: SceneLight;
