// Other light than the captured one: the captured colour times the ratio of what a simple model of the material gives back
// under either. The codec's `reference::relight` says why; this is its twin, with shadows on the light's first lamp.
//
// Each lamp of the two lights costs some 45 multiply-adds and 9 for each captured lamp that it may reach through, the rest
// some 160: with the five lamps of a capture and one of a room about 700, beside the pixel decoder's 1,500.

// How many lamps the light has, with dark ones up to a power of two, and the captured light. Constants, so that every lamp stands
// at a place that compilers know: software adapters fetch from any other eight times, a lane each.
override light_lamps: u32 = 8u;
override captured_lamps: u32 = 8u;

// The ratio is no larger: what the captured light hardly reached has no more than noise to brighten.
const MAX_RATIO = 16.0;
// The least response to the captured light that something is divided by.
const LEAST_RESPONSE = 1e-4;
// Weight of the ambient light's reach beside those of captured lamps near a lamp's direction.
const AMBIENT_WEIGHT = 0.1;
// What is mirrored of light that comes from straight ahead.
const FACING_FRESNEL = 0.04;

// A place of the surface, as both lights find it.
struct Place {
    position: vec3<f32>,
    to_eye: vec3<f32>,
    reflection: vec3<f32>,
    // Of normal and direction to the eye.
    facing: f32,
    // How much of the captured ambient light arrives.
    ambient_reach: f32,
    // Unit vectors to the captured lamps, and how much of each arrives.
    captured: array<vec4<f32>, 8>,
}

// Linear, not premultiplied; position in metres and to_eye of unit length, in the rest frame.
fn relight(parts: Parts, position: vec3<f32>, to_eye: vec3<f32>) -> vec3<f32> {
    let facing = dot(parts.normal, to_eye);
    let reflection = 2.0 * facing * parts.normal - to_eye;
    var place = Place(position, to_eye, reflection, clamp(facing, 0.05, 1.0), 1.0, array<vec4<f32>, 8>());
    var reach = parts.reach;
    for (var i = 0u; i < captured_lamps; i++) {
        place.captured[i] = vec4<f32>(lamp_at(CAPTURED * MAX_LAMPS + i, position).to_lamp, reach[i]);
    }
    place.ambient_reach = reach[captured_lamps];
    let before = max(response(CAPTURED, parts, place), vec3<f32>(LEAST_RESPONSE));
    let ratio = min(response(LIGHT, parts, place) / before, vec3<f32>(MAX_RATIO));
    return parts.albedo * parts.shading * ratio;
}

// What the model gives back of a light towards the eye.
fn response(light: u32, parts: Parts, place: Place) -> vec3<f32> {
    let finish = lighting.finishes[parts.kind];
    let mirrored = finish.specular * fresnel(place.facing);
    let ambient = parts.albedo * ambient_irradiance(light, parts.normal) + mirrored * ambient_radiance(light, place.reflection);
    var sum = place.ambient_reach * ambient;
    let lamps = select(light_lamps, captured_lamps, light == CAPTURED);
    if lamps > 0u {
        let lamp = lamp_at(light * MAX_LAMPS, place.position);
        var share = 1.0;
        if light == LIGHT {
            share = shadow(place.position, parts.normal, lamp, parts.kind);
        }
        sum += share * reached(parts, place, finish, lamp);
    }
    if lamps > 1u {
        sum += reached(parts, place, finish, lamp_at(light * MAX_LAMPS + 1u, place.position));
    }
    if lamps > 2u {
        sum += reached(parts, place, finish, lamp_at(light * MAX_LAMPS + 2u, place.position));
    }
    if lamps > 3u {
        sum += reached(parts, place, finish, lamp_at(light * MAX_LAMPS + 3u, place.position));
    }
    if lamps > 4u {
        sum += reached(parts, place, finish, lamp_at(light * MAX_LAMPS + 4u, place.position));
    }
    if lamps > 5u {
        sum += reached(parts, place, finish, lamp_at(light * MAX_LAMPS + 5u, place.position));
    }
    if lamps > 6u {
        sum += reached(parts, place, finish, lamp_at(light * MAX_LAMPS + 6u, place.position));
    }
    if lamps > 7u {
        sum += reached(parts, place, finish, lamp_at(light * MAX_LAMPS + 7u, place.position));
    }
    return sum;
}

// What is given back of as much of a lamp's light as arrives.
fn reached(parts: Parts, place: Place, finish: Finish, lamp: LampHere) -> vec3<f32> {
    return reach_of(place, lamp.to_lamp) * lamp_response(parts, place, finish, lamp);
}

// How much of a lamp in this direction arrives: as much as of the captured lamps round it.
fn reach_of(place: Place, to_lamp: vec3<f32>) -> f32 {
    var captured = place.captured;
    var sum = AMBIENT_WEIGHT * place.ambient_reach;
    var weights = AMBIENT_WEIGHT;
    for (var i = 0u; i < captured_lamps; i++) {
        let near = max(0.5 + 0.5 * dot(to_lamp, captured[i].xyz), 0.0);
        let squared = near * near;
        let fourth = squared * squared;
        let weight = fourth * fourth;
        sum += weight * captured[i].w;
        weights += weight;
    }
    return sum / weights;
}

fn lamp_response(parts: Parts, place: Place, finish: Finish, lamp: LampHere) -> vec3<f32> {
    let cosine = dot(parts.normal, lamp.to_lamp);
    let width = min(lamp.sin_radius + finish.wrap, vec3<f32>(1.0));
    let diffuse = vec3<f32>(
        soft_cosine(cosine, width.r),
        soft_cosine(cosine, width.g),
        soft_cosine(cosine, width.b),
    );
    let half = direction_or(lamp.to_lamp + place.to_eye, parts.normal);
    let alpha = min(finish.roughness * finish.roughness + 0.5 * lamp.sin_radius, 1.0);
    var specular = 0.0;
    if finish.strands != 0u {
        specular = strands(parts.normal, half, cosine, alpha);
    } else {
        specular = microfacets(parts.normal, half, place, cosine, lamp.sin_radius, finish.roughness, alpha);
    }
    return lamp.color * (parts.albedo * diffuse + finish.specular * specular);
}

// GGX (Walter et al. 2007; visibility after Karis 2013), times the cosine.
fn microfacets(
    normal: vec3<f32>,
    half: vec3<f32>,
    place: Place,
    cosine: f32,
    sin_radius: f32,
    roughness: f32,
    alpha: f32,
) -> f32 {
    let nh = saturate(dot(normal, half));
    let vh = saturate(dot(place.to_eye, half));
    let nl = soft_cosine(cosine, max(sin_radius, 0.05));
    let squared = alpha * alpha;
    let spread = nh * nh * (squared - 1.0) + 1.0;
    let distribution = squared / (spread * spread);
    let k = (roughness + 1.0) * (roughness + 1.0) / 8.0;
    let visibility = 0.25 / ((place.facing * (1.0 - k) + k) * (nl * (1.0 - k) + k));
    return nl * distribution * visibility * fresnel(vh);
}

// Kajiya & Kay's lobe (1989) round strands that lie as far downwards as the surface lets them.
fn strands(normal: vec3<f32>, half: vec3<f32>, cosine: f32, alpha: f32) -> f32 {
    let strand = direction_or(normal * normal.y - vec3<f32>(0.0, 1.0, 0.0), vec3<f32>(1.0, 0.0, 0.0));
    let along = dot(strand, half);
    let across = sqrt(max(1.0 - along * along, 0.0));
    let exponent = 2.0 / (alpha * alpha);
    return FACING_FRESNEL * sqrt(exponent + 2.0) * pow(max(across, 1e-6), exponent) * soft_cosine(cosine, 0.5);
}

// Schlick's approximation.
fn fresnel(cosine: f32) -> f32 {
    let away = 1.0 - cosine;
    let squared = away * away;
    return FACING_FRESNEL + (1.0 - FACING_FRESNEL) * squared * squared * away;
}

// At unit length, or another direction if it has none.
fn direction_or(v: vec3<f32>, other: vec3<f32>) -> vec3<f32> {
    let squared = dot(v, v);
    return select(other, v * inverseSqrt(max(squared, 1e-30)), squared > 1e-20);
}
