// What the avatars leave of the light on real surfaces, by the depth map's pixels.

@group(1) @binding(0) var filled: texture_2d<f32>;
// The avatars as the lamp sees them, reversed-Z.
@group(1) @binding(1) var shadow: texture_2d<f32>;

// Metres that a surface lies off its own shadow.
const BIAS_M: f32 = 0.006;
// A penumbra is looked for no further than this, metres.
const SEARCH_M: f32 = 0.12;
const BLOCKER_TAPS: u32 = 16u;
const FILTER_TAPS: u32 = 32u;

@vertex
fn mixed_vertex(@builtin(vertex_index) index: u32) -> @builtin(position) vec4<f32> {
    return screen_corner(index);
}

fn inverse_at(at: vec2<i32>) -> f32 {
    return textureLoad(filled, clamp(at, vec2<i32>(0), vec2<i32>(frame.depth_size) - 1), 0).x;
}

fn place_at(at: vec2<i32>) -> vec3<f32> {
    let inside = clamp(at, vec2<i32>(0), vec2<i32>(frame.depth_size) - 1);
    return depth_ray(vec2<f32>(inside) + 0.5) / max(inverse_at(inside), 1e-3);
}

// Along one axis, on the side where depth bends less: the other side is another surface.
fn tangent(at: vec2<i32>, stride: vec2<i32>) -> vec3<f32> {
    let here = inverse_at(at);
    let before = inverse_at(at - stride);
    let after = inverse_at(at + stride);
    let further_before = inverse_at(at - 2 * stride);
    let further_after = inverse_at(at + 2 * stride);
    let bend_before = abs(here - 2.0 * before + further_before);
    let bend_after = abs(here - 2.0 * after + further_after);
    if bend_before < bend_after {
        return place_at(at) - place_at(at - 2 * stride);
    }
    return place_at(at + 2 * stride) - place_at(at);
}

fn ambient(n: vec3<f32>) -> vec3<f32> {
    let a = frame.ambient;
    var sum = a[0] + n.y * a[1] + n.z * a[2] + n.x * a[3];
    sum += n.x * n.y * a[4] + n.y * n.z * a[5] + (3.0 * n.z * n.z - 1.0) * a[6] + n.x * n.z * a[7];
    sum += (n.x * n.x - n.y * n.y) * a[8];
    return max(sum.rgb, vec3<f32>(0.0));
}

// Vogel's spiral: even over the disc, whatever the number.
fn spiral(i: u32, count: u32, turn: f32) -> vec2<f32> {
    let angle = f32(i) * 2.399963 + turn;
    return sqrt((f32(i) + 0.5) / f32(count)) * vec2<f32>(cos(angle), sin(angle));
}

fn lamp_depth(at: vec2<f32>) -> f32 {
    if any(at < vec2<f32>(0.0)) || any(at >= vec2<f32>(1.0)) {
        return 0.0;
    }
    let size = vec2<f32>(textureDimensions(shadow));
    return textureLoad(shadow, vec2<i32>(at * size), 0).x;
}

// The share of the lamp that is seen from a place: percentage-closer soft shadows (Fernando 2005).
fn seen(place: vec3<f32>, sine: f32, turn: f32) -> f32 {
    let clip = frame.lamp_clip_from_view * vec4<f32>(place, 1.0);
    let at = vec2<f32>(0.5 + 0.5 * clip.x, 0.5 - 0.5 * clip.y);
    let metres = frame.shadow_scale.z;
    // What lies beyond the map's far end is behind all that is in it, and nothing in it is nothing.
    let depth = max(clip.z + BIAS_M / metres, 0.0);
    let tangent_of_radius = sine / sqrt(max(1.0 - sine * sine, 0.01));
    let texel_m = 1.0 / (frame.shadow_scale.x * frame.shadow_scale.w);
    let reach_m = clamp((1.0 - clip.z) * metres * tangent_of_radius, 2.0 * texel_m, SEARCH_M);
    var blockers = 0.0;
    var distance_m = 0.0;
    for (var i = 0u; i < BLOCKER_TAPS; i++) {
        let there = lamp_depth(at + spiral(i, BLOCKER_TAPS, turn) * reach_m * frame.shadow_scale.xy);
        if there > depth {
            blockers += 1.0;
            distance_m += (there - clip.z) * metres;
        }
    }
    if blockers == 0.0 {
        return 1.0;
    }
    let radius_m = clamp(distance_m / blockers * tangent_of_radius, 1.5 * texel_m, SEARCH_M);
    var open = 0.0;
    for (var i = 0u; i < FILTER_TAPS; i++) {
        let there = lamp_depth(at + spiral(i, FILTER_TAPS, turn) * radius_m * frame.shadow_scale.xy);
        open += f32(there <= depth);
    }
    return open / f32(FILTER_TAPS);
}

@fragment
fn shadow_fragment(@builtin(position) clip: vec4<f32>) -> @location(0) vec4<f32> {
    let at = vec2<i32>(clip.xy);
    if inverse_at(at) <= 0.0 {
        return vec4<f32>(1.0);
    }
    let place = place_at(at);
    let to_lamp_m = frame.lamp.xyz - frame.lamp.w * place;
    let distance_m = max(length(to_lamp_m), 0.05);
    let to_lamp = to_lamp_m / distance_m;
    let is_placed = frame.lamp.w != 0.0;
    let sine = min(select(frame.lamp_color.w, frame.lamp_color.w / distance_m, is_placed), 0.95);
    // Interleaved gradient noise (Jimenez 2014): the spiral's pattern is not seen, and stands still.
    let turn = 6.2831853 * fract(52.982918 * fract(dot(clip.xy, vec2<f32>(0.06711056, 0.00583715))));
    let open = seen(place, sine, turn);
    if open >= 1.0 {
        return vec4<f32>(1.0);
    }
    let stride = max(2, i32(frame.depth_size.x * 0.006));
    var normal = normalize(cross(tangent(at, vec2<i32>(stride, 0)), tangent(at, vec2<i32>(0, -stride))));
    normal = select(-normal, normal, dot(normal, place) < 0.0);
    // As `soft_cosine` of the codec.
    let width = max(sine, 1e-4);
    let cosine = dot(normal, to_lamp);
    let above = clamp(cosine + width, 0.0, 2.0 * width);
    let facing = above * above / (4.0 * width) + max(cosine - width, 0.0);
    let spot = clamp((-dot(frame.lamp_axis.xyz, to_lamp) - frame.lamp_axis.w)
        / max(frame.settings.x - frame.lamp_axis.w, 1e-3), 0.0, 1.0);
    let falls = select(1.0, spot * spot / (distance_m * distance_m), is_placed);
    let lamp = frame.lamp_color.rgb * facing * falls;
    let share = lamp / max(lamp + ambient(normal), vec3<f32>(1e-6));
    return vec4<f32>(1.0 - (1.0 - open) * share, 1.0);
}
