// The skinned mesh into a depth buffer: shadow maps and depth pre-passes.

// How far beneath its shells hair throws a shadow, metres: there it is dense, and towards the hairline, where only strands
// are, there is none.
const HAIR_INSET_M = 0.012;

// As `depth_from` for what throws a shadow; the draw's instance is 1 for hair.
fn shadow_from(camera: Camera, position_u: vec4<f32>, normal_v: vec4<f32>, is_hair: u32) -> vec4<f32> {
    let inset = f32(is_hair) * HAIR_INSET_M * normal_v.xyz;
    return camera.clip_from_rest * vec4<f32>(position_u.xyz - inset, 1.0);
}

fn depth_from(camera: Camera, position_u: vec4<f32>) -> vec4<f32> {
    return camera.clip_from_rest * vec4<f32>(position_u.xyz, 1.0);
}

// Only for passes that have a colour attachment, which it leaves alone.
@fragment
fn depth_fragment() {
}
