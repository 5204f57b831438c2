// Layers in a pass of several views, one for each layer of the attachments. Needs the feature multiview.

@group(0) @binding(1) var color: texture_2d_array<f32>;
@group(0) @binding(2) var depth: texture_2d_array<f32>;

struct LayerVarying {
    @builtin(position) clip: vec4<f32>,
    @location(0) @interpolate(flat) view: u32,
}

// Two triangles that end where the viewport does: llvmpipe (Mesa 22.3) draws what the frustum cuts into the first layer,
// whichever view it is for.
@vertex
fn layer_vertex(@builtin(view_index) view: u32, @builtin(vertex_index) index: u32) -> LayerVarying {
    let corner = array<u32, 6>(0u, 1u, 2u, 2u, 1u, 3u)[index];
    let clip = vec4<f32>(f32(corner & 1u) * 2.0 - 1.0, f32(corner >> 1u) * 2.0 - 1.0, 0.0, 1.0);
    return LayerVarying(clip, view);
}

@fragment
fn layer_solid(in: LayerVarying) -> LayerFragment {
    let at = texel(in.clip);
    return solid(textureLoad(color, at, in.view, 0), textureLoad(depth, at, in.view, 0).x);
}

@fragment
fn layer_soft(in: LayerVarying) -> LayerFragment {
    let at = texel(in.clip);
    return soft(textureLoad(color, at, in.view, 0), textureLoad(depth, at, in.view, 0).x);
}
