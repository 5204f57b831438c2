// Avatars, what hides them and their shadow, as one picture.

@group(1) @binding(0) var avatars: texture_2d<f32>;
// What is left of the light; how much of the avatar is seen.
@group(1) @binding(1) var resolved: texture_2d<f32>;
@group(1) @binding(2) var picture: texture_2d<f32>;
@group(1) @binding(3) var bilinear: sampler;

@vertex
fn mixed_vertex(@builtin(vertex_index) index: u32) -> @builtin(position) vec4<f32> {
    return screen_corner(index);
}

// A stand-in for it has one texel.
fn resolved_at(at: vec2<i32>) -> vec4<f32> {
    return textureLoad(resolved, min(at, vec2<i32>(textureDimensions(resolved)) - 1), 0);
}

// The avatar where it is seen: an edge of the real world crosses it over two pixels, as it would a camera's sensor.
fn seen(at: vec2<i32>) -> vec4<f32> {
    let last = vec2<i32>(textureDimensions(avatars)) - 1;
    var sum = 0.0;
    var weight = 0.0;
    for (var i = 0; i < 9; i++) {
        let step = vec2<i32>(i % 3, i / 3) - 1;
        let other = clamp(at + step, vec2<i32>(0), last);
        if textureLoad(avatars, other, 0).a > 0.0 {
            let share = f32((2 - abs(step.x)) * (2 - abs(step.y)));
            sum += share * resolved_at(other).a;
            weight += share;
        }
    }
    return textureLoad(avatars, at, 0) * (sum / max(weight, 1e-6));
}

// Premultiplied, for a compositor that blends it over what is real: its shadow is black.
@fragment
fn overlay_fragment(@builtin(position) clip: vec4<f32>) -> @location(0) vec4<f32> {
    let at = vec2<i32>(clip.xy);
    let over = seen(at);
    let light = dot(resolved_at(at).rgb, vec3<f32>(0.2126, 0.7152, 0.0722));
    return vec4<f32>(over.rgb, 1.0 - (1.0 - over.a) * light);
}

@fragment
fn picture_fragment(@builtin(position) clip: vec4<f32>) -> @location(0) vec4<f32> {
    let at = vec2<i32>(clip.xy);
    let over = seen(at);
    let there = clip.xy * frame.picture_from_output.xy + frame.picture_from_output.zw;
    let under = picture_at(picture, bilinear, there) * resolved_at(at).rgb;
    return vec4<f32>(over.rgb + (1.0 - over.a) * under, 1.0);
}
