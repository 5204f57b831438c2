// Light in the rest frame of what it falls on: the light that an instance is seen in, and the one that it was captured
// in, so that the two can be compared. Strengths are the colour that diffuse white takes on (irradiance over π).

struct Lamp {
    // Far lamps: unit vector towards it, w = 0. Others: its centre, metres, w = 1.
    place: vec4<f32>,
    // Of white that faces it (w = 1: from one metre); w: sine of the angular radius, or the radius in metres.
    color: vec4<f32>,
    // A spot's share towards l is clamp(dot(cone.xyz, l) + cone.w, 0, 1)²; other lamps have (0, 0, 0, 1).
    cone: vec4<f32>,
}

// How a part meets light.
struct Finish {
    // How far beyond the terminator light comes, as a cosine, of each channel.
    wrap: vec3<f32>,
    // Of the mirroring lobe, 0..=1.
    roughness: f32,
    // How much of the mirroring lobe is seen.
    specular: f32,
    // 1 if it mirrors as strands do.
    strands: u32,
    reserved_0: u32,
    reserved_1: u32,
}

struct Lighting {
    // Radiance as real spherical harmonics of order 2, times the basis functions' constants: 9 of the light, then 9 of the
    // captured light.
    ambient: array<vec4<f32>, 18>,
    // 8 of the light, then 8 of the captured light.
    lamps: array<Lamp, 16>,
    // Clip space of the shadow map from the rest frame.
    shadow_from_rest: mat4x4<f32>,
    // Width and height of a texel of the shadow map: as a share of the map, then in metres at w = 1.
    shadow_texel: vec4<f32>,
    // Of each kind of part, from 1.
    finishes: array<Finish, 10>,
    // How many lamps the light has, and the captured light; 1 if there is a shadow map; the instance's number in a layer.
    counts: vec4<u32>,
}

@group(3) @binding(0) var<uniform> lighting: Lighting;

// Where in `lighting` a light's lamps and harmonics begin.
const LIGHT = 0u;
const CAPTURED = 1u;
const BANDS = 9u;
const MAX_LAMPS = 8u;
// Nearer than this, a lamp's light grows no more, metres.
const LEAST_DISTANCE_M = 0.05;

// A lamp as a point of the surface has it.
struct LampHere {
    // Unit vector towards it.
    to_lamp: vec3<f32>,
    // Of white that faces it.
    color: vec3<f32>,
    // Sine of half of the angle that it fills, 0..=1.
    sin_radius: f32,
}

fn lamp_at(index: u32, position: vec3<f32>) -> LampHere {
    let lamp = lighting.lamps[index];
    let offset = lamp.place.xyz - lamp.place.w * position;
    let distance = length(offset);
    let to_lamp = offset / max(distance, 1e-9);
    let reach = max(distance, LEAST_DISTANCE_M);
    let is_near = lamp.place.w > 0.0;
    let fall = select(1.0, 1.0 / (reach * reach), is_near);
    let cone = saturate(dot(lamp.cone.xyz, to_lamp) + lamp.cone.w);
    let sin_radius = select(lamp.color.w, min(lamp.color.w / reach, 1.0), is_near);
    return LampHere(to_lamp, lamp.color.rgb * (fall * cone * cone), sin_radius);
}

// The positive part of a cosine, softened over ±width by a parabola: a disc of that sine of its radius at the horizon.
fn soft_cosine(cosine: f32, width: f32) -> f32 {
    let w = max(width, 1e-4);
    let above = clamp(cosine + w, 0.0, 2.0 * w);
    return above * above / (4.0 * w) + max(cosine - w, 0.0);
}

// Radiance from a direction, of the light that begins at harmonic `first`; `vector` and `tensor` are what is kept of
// orders 1 and 2.
fn ambient_filtered(first: u32, d: vec3<f32>, vector: f32, tensor: f32) -> vec3<f32> {
    let linear = lighting.ambient[first + 1u] * d.y + lighting.ambient[first + 2u] * d.z + lighting.ambient[first + 3u] * d.x;
    let quadratic = lighting.ambient[first + 4u] * (d.x * d.y) + lighting.ambient[first + 5u] * (d.y * d.z)
        + lighting.ambient[first + 6u] * (3.0 * d.z * d.z - 1.0) + lighting.ambient[first + 7u] * (d.x * d.z)
        + lighting.ambient[first + 8u] * (d.x * d.x - d.y * d.y);
    let sum = lighting.ambient[first] + vector * linear + tensor * quadratic;
    return max(sum.rgb, vec3<f32>(0.0));
}

// From a direction; never less than 0.
fn ambient_radiance(light: u32, direction: vec3<f32>) -> vec3<f32> {
    return ambient_filtered(light * BANDS, direction, 1.0, 1.0);
}

// The colour of white that faces this way: irradiance over π (Ramamoorthi & Hanrahan 2001).
fn ambient_irradiance(light: u32, normal: vec3<f32>) -> vec3<f32> {
    return ambient_filtered(light * BANDS, normal, 2.0 / 3.0, 0.25);
}
