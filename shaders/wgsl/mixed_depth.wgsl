// Depth over time: what the sensor says now, and what it said before about the same place.

@group(1) @binding(0) var map: texture_2d<f32>;
// Inverse depth, how many frames are in it, how bright the picture is there, frames since it was measured.
@group(1) @binding(1) var before: texture_2d<f32>;
@group(1) @binding(2) var picture: texture_2d<f32>;
@group(1) @binding(3) var bilinear: sampler;

struct DepthFragment {
    // As `before`.
    @location(0) state: vec4<f32>,
    // The picture as the depth map's pixels see it, square roots.
    @location(1) guide: vec4<f32>,
}

// Standard deviations of noise within which two distances are the same.
const SAME: f32 = 3.0;
// The same for brightness, square roots.
const SAME_LIGHT: f32 = 0.08;

@vertex
fn mixed_vertex(@builtin(vertex_index) index: u32) -> @builtin(position) vec4<f32> {
    return screen_corner(index);
}

// Inverse depth, 0 for a hole.
fn measured(at: vec2<i32>) -> f32 {
    let value = textureLoad(map, clamp(at, vec2<i32>(0), vec2<i32>(frame.depth_size) - 1), 0).x;
    // Positive and finite, asked of the bits: a compiler may take it for granted that numbers are.
    let bits = bitcast<u32>(value);
    if bits == 0u || bits >= 0x7f800000u {
        return 0.0;
    }
    if frame.has.x != 0.0 {
        let inverse = value * frame.map_inverse.x + frame.map_inverse.y;
        return select(inverse, 0.0, value >= 1.0 || inverse < 1e-3);
    }
    let metres = value * frame.map_inverse.x;
    return select(1.0 / metres, 0.0, metres < 1e-3 || metres > 1e3);
}

fn remembered(at: vec2<i32>) -> vec4<f32> {
    let size = vec2<i32>(frame.depth_size);
    let is_inside = all(at >= vec2<i32>(0)) && all(at < size);
    return select(vec4<f32>(0.0), textureLoad(before, clamp(at, vec2<i32>(0), size - 1), 0), is_inside);
}

@fragment
fn depth_fragment(@builtin(position) clip: vec4<f32>) -> DepthFragment {
    let at = vec2<i32>(clip.xy);
    var guide = vec3<f32>(0.5);
    if frame.has.y != 0.0 {
        // Four places of the pixel, so that a fine picture is averaged.
        guide = vec3<f32>(0.0);
        for (var i = 0u; i < 4u; i++) {
            let place = clip.xy + vec2<f32>(f32(i & 1u), f32(i >> 1u)) * 0.5 - 0.25;
            guide += 0.25 * picture_at(picture, bilinear, place * frame.picture_from_depth.xy + frame.picture_from_depth.zw);
        }
        guide = perceived(guide);
    }
    let light = dot(guide, vec3<f32>(1.0 / 3.0));
    return DepthFragment(over_time(at, clip.xy, light), vec4<f32>(guide, 1.0));
}

fn over_time(at: vec2<i32>, pixel: vec2<f32>, light: f32) -> vec4<f32> {
    let now = measured(at);
    let fresh = vec4<f32>(now, f32(now > 0.0), light, 0.0);
    if frame.has.w == 0.0 {
        return fresh;
    }
    // A hole is taken to be where it was.
    let guess = select(remembered(at).x, now, now > 0.0);
    if guess <= 0.0 {
        return fresh;
    }
    let place = frame.before_from_view * vec4<f32>(depth_ray(pixel) / guess, 1.0);
    if place.z > -1e-3 {
        return fresh;
    }
    let expected = -1.0 / place.z;
    let was = frame.before_centre + frame.before_focal * vec2<f32>(place.x, -place.y) * expected - 0.5;
    let corner = vec2<i32>(floor(was));
    let part = fract(was);
    let tolerance = SAME * frame.settings.y;

    // Bilinear among those that agree.
    var sum = vec4<f32>(0.0);
    var weight = 0.0;
    for (var i = 0; i < 4; i++) {
        let tap = vec2<i32>(i & 1, i >> 1u);
        let state = remembered(corner + tap);
        let agrees = state.x > 0.0 && abs(state.x - expected) <= tolerance * expected
            && (now > 0.0 || abs(state.z - light) <= SAME_LIGHT);
        if agrees {
            let share = select(1.0 - part, part, tap == vec2<i32>(1));
            sum += share.x * share.y * state;
            weight += share.x * share.y;
        }
    }
    let moved = guess / expected;
    if weight > 0.05 {
        let state = sum / weight;
        if now > 0.0 {
            let frames = min(state.y + 1.0, frame.settings.z);
            return vec4<f32>(mix(state.x * moved, now, 1.0 / frames), frames, mix(state.z, light, 0.5), 0.0);
        }
        // A hole remembers for a while, then it is one.
        let held = vec4<f32>(state.x * moved, state.y, state.z, state.w + 1.0);
        return select(fresh, held, held.w <= frame.settings.w);
    }
    if now <= 0.0 {
        return fresh;
    }
    // It disagrees: either something moved, or this one number is wrong. The neighbours know.
    let nearest = remembered(vec2<i32>(floor(was + 0.5)));
    if nearest.x > 0.0 {
        var for_now = 0;
        var for_before = 0;
        for (var i = 0; i < 9; i++) {
            let neighbour = measured(at + vec2<i32>(i % 3, i / 3) - 1);
            if neighbour > 0.0 {
                for_now += i32(abs(neighbour - now) <= tolerance * now);
                for_before += i32(abs(neighbour - nearest.x * moved) <= tolerance * now);
            }
        }
        if for_now <= 2 && for_before >= 4 {
            return vec4<f32>(nearest.x * moved, nearest.y, nearest.z, nearest.w + 1.0);
        }
    }
    return fresh;
}
