// The headless helper's last pass: premultiplied linear colour over a background, into an sRGB target.

struct Background {
    // Linear, at the top and bottom edge.
    top: vec4<f32>,
    bottom: vec4<f32>,
}

@group(0) @binding(0) var<uniform> background: Background;
@group(0) @binding(1) var image: texture_2d<f32>;

struct PresentVarying {
    @builtin(position) clip: vec4<f32>,
    @location(0) down: f32,
}

@vertex
fn present_vertex(@builtin(vertex_index) index: u32) -> PresentVarying {
    let clip = screen_corner(index);
    return PresentVarying(clip, 0.5 - 0.5 * clip.y);
}

@fragment
fn present_fragment(in: PresentVarying) -> @location(0) vec4<f32> {
    let over = textureLoad(image, vec2<i32>(in.clip.xy), 0);
    let under = mix(background.top, background.bottom, in.down);
    return over + (1.0 - over.a) * under;
}
