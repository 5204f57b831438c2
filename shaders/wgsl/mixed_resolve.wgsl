// Per pixel of the output: how much of the avatar there is in front of what is real, and what its shadow leaves of the light.
// Joint bilateral upsampling of the comparison, not of depth.

@group(1) @binding(0) var avatars: texture_2d<f32>;
@group(1) @binding(1) var avatar_depth: texture_2d<f32>;
@group(1) @binding(2) var filled: texture_2d<f32>;
@group(1) @binding(3) var guide: texture_2d<f32>;
@group(1) @binding(4) var shade: texture_2d<f32>;
@group(1) @binding(5) var picture: texture_2d<f32>;
@group(1) @binding(6) var bilinear: sampler;

// Share of the distance within which real and virtual pass into each other.
const BAND: f32 = 0.008;

@vertex
fn mixed_vertex(@builtin(vertex_index) index: u32) -> @builtin(position) vec4<f32> {
    return screen_corner(index);
}

// A stand-in for it has one texel.
fn shade_at(at: vec2<i32>) -> vec3<f32> {
    return textureLoad(shade, min(at, vec2<i32>(textureDimensions(shade)) - 1), 0).rgb;
}

fn avatar_at(at: vec2<i32>) -> f32 {
    let inside = clamp(at, vec2<i32>(0), vec2<i32>(textureDimensions(avatar_depth)) - 1);
    return textureLoad(avatar_depth, inside, 0).x;
}

// Depth of the avatars as they write it; soft fragments write none, and are as far away as the solid ones beside them.
fn avatar_inverse(at: vec2<i32>) -> f32 {
    var depth = avatar_at(at);
    for (var ring = 1; ring <= 32 && depth <= 0.0; ring *= 2) {
        for (var i = 0; i < 8; i++) {
            let step = vec2<i32>((i + i / 4) % 3, (i + i / 4) / 3) - 1;
            depth = max(depth, avatar_at(at + step * ring));
        }
    }
    return select(0.0, depth * frame.avatar_inverse.x + frame.avatar_inverse.y, depth > 0.0);
}

@fragment
fn resolve_fragment(@builtin(position) clip: vec4<f32>) -> @location(0) vec4<f32> {
    let at = vec2<i32>(clip.xy);
    let place = clip.xy * frame.depth_from_output.xy + frame.depth_from_output.zw;
    let size = vec2<i32>(frame.depth_size);
    if any(place < vec2<f32>(0.0)) || any(place >= frame.depth_size) {
        return vec4<f32>(1.0);
    }
    let own_texel = vec2<i32>(place);
    var inverse = 0.0;
    if textureLoad(avatars, at, 0).a > 0.0 {
        inverse = avatar_inverse(at);
    }
    var is_shaded = false;
    for (var i = 0; i < 4; i++) {
        let near = clamp(vec2<i32>(floor(place - 0.5)) + vec2<i32>(i & 1, i >> 1u), vec2<i32>(0), size - 1);
        is_shaded = is_shaded || shade_at(near).g < 0.998;
    }
    if inverse <= 0.0 && !is_shaded {
        return vec4<f32>(1.0);
    }
    var colour = vec3<f32>(0.5);
    if frame.has.y != 0.0 {
        let there = clip.xy * frame.picture_from_output.xy + frame.picture_from_output.zw;
        colour = perceived(picture_at(picture, bilinear, there));
    }
    // In texels of the depth map; never less than a pixel of the output.
    let spread = max(vec2<f32>(0.6), 0.9 * frame.depth_from_output.xy);
    let stride = max(vec2<i32>(1), vec2<i32>(frame.depth_from_output.xy));
    var light = vec3<f32>(0.0);
    var visible = 0.0;
    var weight = 0.0;
    for (var i = 0; i < 25; i++) {
        let texel = clamp(own_texel + stride * (vec2<i32>(i % 5, i / 5) - 2), vec2<i32>(0), size - 1);
        let apart = (vec2<f32>(texel) + 0.5 - place) / spread;
        let share = exp(-0.5 * dot(apart, apart)) * likeness(textureLoad(guide, texel, 0).rgb, colour);
        let real = textureLoad(filled, texel, 0).x;
        let before = (inverse - real) / max(max(inverse, real), 1e-6);
        visible += share * smoothstep(-BAND, BAND, before);
        light += share * shade_at(texel);
        weight += share;
    }
    return vec4<f32>(light, visible) / weight;
}
