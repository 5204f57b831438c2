// The skinned mesh into a depth buffer: shadow maps and depth pre-passes.

fn depth_from(camera: Camera, position_u: vec4<f32>) -> vec4<f32> {
    return camera.clip_from_rest * vec4<f32>(position_u.xyz, 1.0);
}

// Only for passes that have a colour attachment, which it leaves alone.
@fragment
fn depth_fragment() {
}
