// A layer that the CPU executor rasterised, into the host's pass: colour over what is there, where it is nearer.
// As on the GPU, depth is written where alpha is at least ½: solid and soft pixels are two draws.

struct LayerPlacement {
    // Pixels from the target's left and top edge.
    origin: vec2<f32>,
    reserved: vec2<f32>,
}

@group(0) @binding(0) var<uniform> placement: LayerPlacement;
// Premultiplied, linear.
@group(0) @binding(1) var color: texture_2d<f32>;
// Reversed-Z, 0 where nothing is.
@group(0) @binding(2) var depth: texture_2d<f32>;

struct LayerFragment {
    @location(0) color: vec4<f32>,
    @builtin(frag_depth) depth: f32,
}

@vertex
fn layer_vertex(@builtin(vertex_index) index: u32) -> @builtin(position) vec4<f32> {
    return screen_corner(index);
}

fn texel(clip: vec4<f32>) -> vec2<i32> {
    return vec2<i32>(clip.xy - placement.origin);
}

@fragment
fn layer_solid(@builtin(position) clip: vec4<f32>) -> LayerFragment {
    let at = texel(clip);
    let c = textureLoad(color, at, 0);
    if c.a < 0.5 {
        discard;
    }
    return LayerFragment(c, textureLoad(depth, at, 0).x);
}

@fragment
fn layer_soft(@builtin(position) clip: vec4<f32>) -> LayerFragment {
    let at = texel(clip);
    let c = textureLoad(color, at, 0);
    if c.a >= 0.5 || c.a <= 0.0 {
        discard;
    }
    return LayerFragment(c, textureLoad(depth, at, 0).x);
}
