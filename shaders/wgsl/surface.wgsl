// The avatar's triangles, with the pixel decoder in the fragment stage: opaque parts, then the solid fragments of the
// blended ones (depth written), then their soft fragments (depth only tested). Solid and soft run the decoder twice on
// blended parts: alpha is known only after it, and order-independent depth is what lets hair stand in a host's scene.

struct SurfaceVarying {
    @builtin(position) clip: vec4<f32>,
    // From the surface to the eye, metres: linear over the triangle, so that fragments needn't know the view.
    @location(0) to_eye: vec3<f32>,
    @location(1) normal: vec3<f32>,
    @location(2) uv: vec2<f32>,
    @location(3) @interpolate(flat) likeness: f32,
}

fn surface_from(camera: Camera, position_u: vec4<f32>, normal_v: vec4<f32>) -> SurfaceVarying {
    var out: SurfaceVarying;
    out.clip = camera.clip_from_rest * vec4<f32>(position_u.xyz, 1.0);
    out.to_eye = camera.eye_in_rest - position_u.xyz;
    out.normal = normal_v.xyz;
    out.uv = vec2<f32>(position_u.w, normal_v.w);
    out.likeness = camera.likeness;
    return out;
}

fn decode_surface(in: SurfaceVarying, side: f32) -> Surface {
    return surface_color(in.uv, side * renormalize(in.normal), renormalize(in.to_eye), in.likeness);
}

@fragment
fn opaque_fragment(in: SurfaceVarying) -> @location(0) vec4<f32> {
    return vec4<f32>(decode_surface(in, 1.0).color, 1.0);
}

@fragment
fn solid_fragment(in: SurfaceVarying, @builtin(front_facing) front: bool) -> @location(0) vec4<f32> {
    let s = decode_surface(in, select(-1.0, 1.0, front));
    if s.alpha < 0.5 {
        discard;
    }
    return vec4<f32>(s.color * s.alpha, s.alpha);
}

@fragment
fn soft_fragment(in: SurfaceVarying, @builtin(front_facing) front: bool) -> @location(0) vec4<f32> {
    let s = decode_surface(in, select(-1.0, 1.0, front));
    if s.alpha >= 0.5 {
        discard;
    }
    return vec4<f32>(s.color * s.alpha, s.alpha);
}
