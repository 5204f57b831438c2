// The relit surface in a pass of one view.

@group(0) @binding(0) var<uniform> camera: Camera;

@vertex
fn surface_relit_vertex(
    @builtin(instance_index) kind: u32,
    @location(0) position_u: vec4<f32>,
    @location(1) normal_v: vec4<f32>,
) -> SurfaceRelitVarying {
    return surface_relit_from(camera, position_u, normal_v, kind);
}
