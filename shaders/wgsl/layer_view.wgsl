// A layer in a pass of one view.

@group(0) @binding(1) var color: texture_2d<f32>;
@group(0) @binding(2) var depth: texture_2d<f32>;

@vertex
fn layer_vertex(@builtin(vertex_index) index: u32) -> @builtin(position) vec4<f32> {
    return screen_corner(index);
}

@fragment
fn layer_solid(@builtin(position) clip: vec4<f32>) -> LayerFragment {
    let at = texel(clip);
    return solid(textureLoad(color, at, 0), textureLoad(depth, at, 0).x);
}

@fragment
fn layer_soft(@builtin(position) clip: vec4<f32>) -> LayerFragment {
    let at = texel(clip);
    return soft(textureLoad(color, at, 0), textureLoad(depth, at, 0).x);
}
