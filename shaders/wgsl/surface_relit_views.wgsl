// The relit surface in a pass of several views, each a layer of the attachments. Needs the feature multiview.

@group(0) @binding(0) var<uniform> cameras: array<Camera, 8>;

@vertex
fn surface_relit_vertex(
    @builtin(view_index) view: u32,
    @builtin(instance_index) kind: u32,
    @location(0) position_u: vec4<f32>,
    @location(1) normal_v: vec4<f32>,
) -> SurfaceRelitVarying {
    return surface_relit_from(cameras[view], position_u, normal_v, kind);
}
