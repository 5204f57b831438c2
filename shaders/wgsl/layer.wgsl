// A layer that the CPU executor rasterised, into the host's pass: colour over what is there, where it is nearer.
// As on the GPU, depth is written by what is at least half opaque: solid and soft pixels are two draws.

struct LayerPlacement {
    // Pixels from the target's left and top edge.
    origin: vec2<f32>,
    reserved: vec2<f32>,
}

@group(0) @binding(0) var<uniform> placement: LayerPlacement;

struct LayerFragment {
    // Premultiplied, linear.
    @location(0) color: vec4<f32>,
    @builtin(frag_depth) depth: f32,
}

fn texel(clip: vec4<f32>) -> vec2<i32> {
    return vec2<i32>(clip.xy - placement.origin);
}

// The layer's depth is reversed-Z; negative where only soft things are, 0 where nothing is.
fn solid(color: vec4<f32>, depth: f32) -> LayerFragment {
    if depth <= 0.0 {
        discard;
    }
    return LayerFragment(color, depth);
}

fn soft(color: vec4<f32>, depth: f32) -> LayerFragment {
    if depth >= 0.0 {
        discard;
    }
    return LayerFragment(color, -depth);
}
