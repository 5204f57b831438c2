// A layer with relit instances in a pass of one view.

@group(0) @binding(1) var color: texture_2d<f32>;
@group(0) @binding(2) var depth: texture_2d<f32>;
@group(0) @binding(3) var parts: texture_2d<u32>;
@group(1) @binding(0) var<uniform> camera: Camera;

@vertex
fn captured_layer_vertex(@builtin(vertex_index) index: u32) -> @builtin(position) vec4<f32> {
    return layer_corner(index);
}

@vertex
fn relit_layer_vertex(@builtin(vertex_index) index: u32) -> RelitLayerVarying {
    return relit_layer_from(camera, 0u, index);
}

@fragment
fn captured_solid(@builtin(position) clip: vec4<f32>) -> LayerFragment {
    let at = texel(clip);
    only_captured(textureLoad(parts, at, 0));
    return solid(textureLoad(color, at, 0), textureLoad(depth, at, 0).x);
}

@fragment
fn captured_soft(@builtin(position) clip: vec4<f32>) -> LayerFragment {
    let at = texel(clip);
    only_captured(textureLoad(parts, at, 0));
    return soft(textureLoad(color, at, 0), textureLoad(depth, at, 0).x);
}

@fragment
fn relit_solid(in: RelitLayerVarying) -> LayerFragment {
    let at = texel(in.clip);
    let near = textureLoad(depth, at, 0).x;
    let words = textureLoad(parts, at, 0);
    if near <= 0.0 || !is_ours(words) {
        discard;
    }
    return LayerFragment(relit_layer(in, textureLoad(color, at, 0), near, words), near);
}

@fragment
fn relit_soft(in: RelitLayerVarying) -> LayerFragment {
    let at = texel(in.clip);
    let near = -textureLoad(depth, at, 0).x;
    let words = textureLoad(parts, at, 0);
    if near <= 0.0 || !is_ours(words) {
        discard;
    }
    return LayerFragment(relit_layer(in, textureLoad(color, at, 0), near, words), near);
}
