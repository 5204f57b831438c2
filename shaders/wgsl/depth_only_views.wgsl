// Depth alone in a pass of several views, each a layer of the attachment. Needs the feature multiview.

@group(0) @binding(0) var<uniform> cameras: array<Camera, 8>;

@vertex
fn depth_vertex(
    @builtin(view_index) view: u32,
    @location(0) position_u: vec4<f32>,
) -> @builtin(position) vec4<f32> {
    return depth_from(cameras[view], position_u);
}

@vertex
fn shadow_vertex(
    @builtin(view_index) view: u32,
    @builtin(instance_index) is_hair: u32,
    @location(0) position_u: vec4<f32>,
    @location(1) normal_v: vec4<f32>,
) -> @builtin(position) vec4<f32> {
    return shadow_from(cameras[view], position_u, normal_v, is_hair);
}
