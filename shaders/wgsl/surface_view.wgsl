// The surface in a pass of one view.

@group(0) @binding(0) var<uniform> camera: Camera;

@vertex
fn surface_vertex(@location(0) position_u: vec4<f32>, @location(1) normal_v: vec4<f32>) -> SurfaceVarying {
    return surface_from(camera, position_u, normal_v);
}
