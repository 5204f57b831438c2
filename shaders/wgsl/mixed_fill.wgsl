// Depth over its neighbours: noise is smoothed along surfaces, holes are filled from those that look alike.

@group(1) @binding(0) var state: texture_2d<f32>;
@group(1) @binding(1) var guide: texture_2d<f32>;

@vertex
fn mixed_vertex(@builtin(vertex_index) index: u32) -> @builtin(position) vec4<f32> {
    return screen_corner(index);
}

// Within two pixels, 25 of them.
const TAPS: i32 = 25;

fn tap(i: i32) -> vec2<i32> {
    return vec2<i32>(i % 5, i / 5) - 2;
}

fn nearness(offset: vec2<i32>) -> f32 {
    let d = vec2<f32>(offset);
    return exp(-0.22 * dot(d, d));
}

@fragment
fn fill_fragment(@builtin(position) clip: vec4<f32>) -> @location(0) vec4<f32> {
    let at = vec2<i32>(clip.xy);
    let own = textureLoad(state, at, 0);
    let colour = textureLoad(guide, at, 0).rgb;
    if own.x > 0.0 {
        return vec4<f32>(smoothed(at, own, colour), 0.0, 0.0, 1.0);
    }
    // Further and further away, until enough is known.
    for (var step = 1; step <= 32; step *= 2) {
        let filled = fill(at, colour, step);
        if filled > 0.0 {
            return vec4<f32>(filled, 0.0, 0.0, 1.0);
        }
    }
    return vec4<f32>(0.0, 0.0, 0.0, 1.0);
}

fn is_inside(at: vec2<i32>) -> bool {
    return all(at >= vec2<i32>(0)) && all(at < vec2<i32>(frame.depth_size));
}

fn smoothed(at: vec2<i32>, own: vec4<f32>, colour: vec3<f32>) -> f32 {
    // What was averaged over time has less noise left.
    let deviation = frame.settings.y * own.x * max(inverseSqrt(max(own.y, 1.0)), 0.35) * 1.5;
    var sum = 0.0;
    var weight = 0.0;
    for (var i = 0; i < TAPS; i++) {
        let other = at + tap(i);
        if !is_inside(other) {
            continue;
        }
        let there = textureLoad(state, other, 0);
        if there.x <= 0.0 {
            continue;
        }
        let apart = (there.x - own.x) / deviation;
        let alike = likeness(textureLoad(guide, other, 0).rgb, colour);
        let share = nearness(tap(i)) * alike * exp(-0.5 * apart * apart) * there.y;
        sum += share * there.x;
        weight += share;
    }
    return select(own.x, sum / weight, weight > 0.0);
}

// The neighbours are of one surface, or of one in front of another: then the answer is one of the two, never between.
fn fill(at: vec2<i32>, colour: vec3<f32>, step: i32) -> f32 {
    var nearest = 0.0;
    var furthest = 1e9;
    var known = 0;
    for (var i = 0; i < TAPS; i++) {
        let other = at + tap(i) * step;
        if !is_inside(other) {
            continue;
        }
        let inverse = textureLoad(state, other, 0).x;
        if inverse > 0.0 {
            nearest = max(nearest, inverse);
            furthest = min(furthest, inverse);
            known++;
        }
    }
    if known < 3 {
        return 0.0;
    }
    let middle = 0.5 * (nearest + furthest);
    var sum = vec2<f32>(0.0);
    var weight = vec2<f32>(0.0);
    for (var i = 0; i < TAPS; i++) {
        let other = at + tap(i) * step;
        if !is_inside(other) {
            continue;
        }
        let inverse = textureLoad(state, other, 0).x;
        if inverse > 0.0 {
            let share = nearness(tap(i)) * likeness(textureLoad(guide, other, 0).rgb, colour);
            let side = select(vec2<f32>(1.0, 0.0), vec2<f32>(0.0, 1.0), inverse > middle);
            sum += side * share * inverse;
            weight += side * share;
        }
    }
    if nearest - furthest <= 6.0 * frame.settings.y * middle {
        return (sum.x + sum.y) / (weight.x + weight.y);
    }
    // A sensor that looks past an edge with two eyes leaves its hole on what is behind: nothing is put in front without
    // the picture's word for it.
    let is_near = weight.y > 1.5 * weight.x;
    return select(sum.x / max(weight.x, 1e-9), sum.y / max(weight.y, 1e-9), is_near);
}
