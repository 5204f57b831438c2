// Layers with relit instances in a pass of several views, one for each layer of the attachments. Needs the feature
// multiview.

@group(0) @binding(1) var color: texture_2d_array<f32>;
@group(0) @binding(2) var depth: texture_2d_array<f32>;
@group(0) @binding(3) var parts: texture_2d_array<u32>;
@group(1) @binding(0) var<uniform> cameras: array<Camera, 8>;

struct CapturedLayerVarying {
    @builtin(position) clip: vec4<f32>,
    @location(0) @interpolate(flat) view: u32,
}

@vertex
fn captured_layer_vertex(@builtin(view_index) view: u32, @builtin(vertex_index) index: u32) -> CapturedLayerVarying {
    return CapturedLayerVarying(layer_corner(index), view);
}

@vertex
fn relit_layer_vertex(@builtin(view_index) view: u32, @builtin(vertex_index) index: u32) -> RelitLayerVarying {
    return relit_layer_from(cameras[view], view, index);
}

@fragment
fn captured_solid(in: CapturedLayerVarying) -> LayerFragment {
    let at = texel(in.clip);
    only_captured(textureLoad(parts, at, in.view, 0));
    return solid(textureLoad(color, at, in.view, 0), textureLoad(depth, at, in.view, 0).x);
}

@fragment
fn captured_soft(in: CapturedLayerVarying) -> LayerFragment {
    let at = texel(in.clip);
    only_captured(textureLoad(parts, at, in.view, 0));
    return soft(textureLoad(color, at, in.view, 0), textureLoad(depth, at, in.view, 0).x);
}

@fragment
fn relit_solid(in: RelitLayerVarying) -> LayerFragment {
    let at = texel(in.clip);
    let near = textureLoad(depth, at, in.view, 0).x;
    let words = textureLoad(parts, at, in.view, 0);
    if near <= 0.0 || !is_ours(words) {
        discard;
    }
    return LayerFragment(relit_layer(in, textureLoad(color, at, in.view, 0), near, words), near);
}

@fragment
fn relit_soft(in: RelitLayerVarying) -> LayerFragment {
    let at = texel(in.clip);
    let near = -textureLoad(depth, at, in.view, 0).x;
    let words = textureLoad(parts, at, in.view, 0);
    if near <= 0.0 || !is_ours(words) {
        discard;
    }
    return LayerFragment(relit_layer(in, textureLoad(color, at, in.view, 0), near, words), near);
}
