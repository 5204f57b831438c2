// The viewer's last pass: premultiplied linear colour before a studio wall, which is brightest behind the head. The image
// is scaled to the target.

struct Studio {
    // Linear light behind the head; how many pictures stand beside each other.
    centre: vec4<f32>,
    // Linear light in the corners; a picture's width over its height.
    edge: vec4<f32>,
    // x: 1 where the target wants encoded values.
    encode: vec4<f32>,
}

@group(0) @binding(0) var<uniform> studio: Studio;
@group(0) @binding(1) var image: texture_2d<f32>;
@group(0) @binding(2) var image_sampler: sampler;

struct StudioVarying {
    @builtin(position) clip: vec4<f32>,
    @location(0) place: vec2<f32>,
}

@vertex
fn studio_vertex(@builtin(vertex_index) index: u32) -> StudioVarying {
    let clip = screen_corner(index);
    return StudioVarying(clip, vec2<f32>(0.5 + 0.5 * clip.x, 0.5 - 0.5 * clip.y));
}

// The pool of light falls off as exp(−d²) from a point a little above the middle.
fn wall(place: vec2<f32>) -> vec3<f32> {
    let across = (2.0 * fract(place.x * studio.centre.w) - 1.0) * studio.edge.w;
    let down = 2.0 * (place.y - 0.42);
    let light = exp(-0.9 * (0.5625 * across * across + down * down));
    return mix(studio.edge.rgb, studio.centre.rgb, light);
}

// IEC 61966-2-1.
fn srgb_from_linear(linear: vec3<f32>) -> vec3<f32> {
    let x = clamp(linear, vec3<f32>(0.0), vec3<f32>(1.0));
    let high = 1.055 * pow(x, vec3<f32>(1.0 / 2.4)) - 0.055;
    return select(high, 12.92 * x, x <= vec3<f32>(0.0031308));
}

// Interleaved gradient noise (Jimenez 2014), −½..½: a smooth wall shows no bands.
fn dither(pixel: vec2<f32>) -> f32 {
    return fract(52.9829189 * fract(dot(pixel, vec2<f32>(0.06711056, 0.00583715)))) - 0.5;
}

@fragment
fn studio_fragment(in: StudioVarying) -> @location(0) vec4<f32> {
    let over = textureSample(image, image_sampler, in.place);
    let linear = over.rgb + (1.0 - over.a) * wall(in.place);
    if studio.encode.x < 0.5 {
        return vec4<f32>(linear, 1.0);
    }
    return vec4<f32>(srgb_from_linear(linear) + dither(in.clip.xy) / 255.0, 1.0);
}
