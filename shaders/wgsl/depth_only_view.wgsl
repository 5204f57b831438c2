// Depth alone in a pass of one view.

@group(0) @binding(0) var<uniform> camera: Camera;

@vertex
fn depth_vertex(@location(0) position_u: vec4<f32>) -> @builtin(position) vec4<f32> {
    return depth_from(camera, position_u);
}

@vertex
fn shadow_vertex(
    @builtin(instance_index) is_hair: u32,
    @location(0) position_u: vec4<f32>,
    @location(1) normal_v: vec4<f32>,
) -> @builtin(position) vec4<f32> {
    return shadow_from(camera, position_u, normal_v, is_hair);
}
