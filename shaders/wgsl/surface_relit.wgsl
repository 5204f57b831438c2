// The avatar's triangles in another light than that of their capture: passes as in `surface.wgsl`, each fragment's parts
// relit.

struct SurfaceRelitVarying {
    @builtin(position) clip: vec4<f32>,
    @location(0) to_eye: vec3<f32>,
    @location(1) normal: vec3<f32>,
    @location(2) uv: vec2<f32>,
    // Rest frame, metres.
    @location(3) position: vec3<f32>,
    // What it is a part of: the draw's instance.
    @location(4) @interpolate(flat) kind: u32,
    @location(5) @interpolate(flat) likeness: f32,
}

fn surface_relit_from(camera: Camera, position_u: vec4<f32>, normal_v: vec4<f32>, kind: u32) -> SurfaceRelitVarying {
    let s = surface_from(camera, position_u, normal_v);
    return SurfaceRelitVarying(s.clip, s.to_eye, s.normal, s.uv, position_u.xyz, kind, s.likeness);
}

fn relit_surface(in: SurfaceRelitVarying, parts: Parts) -> vec4<f32> {
    return vec4<f32>(relight(parts, in.position, renormalize(in.to_eye)) * parts.alpha, parts.alpha);
}

fn parts_of(in: SurfaceRelitVarying, side: f32) -> Parts {
    return surface_parts(in.uv, side * renormalize(in.normal), renormalize(in.to_eye), in.kind, in.likeness);
}

@fragment
fn opaque_relit(in: SurfaceRelitVarying) -> @location(0) vec4<f32> {
    var parts = parts_of(in, 1.0);
    parts.alpha = 1.0;
    return relit_surface(in, parts);
}

@fragment
fn solid_relit(in: SurfaceRelitVarying, @builtin(front_facing) front: bool) -> @location(0) vec4<f32> {
    let parts = parts_of(in, select(-1.0, 1.0, front));
    if parts.alpha < 0.5 {
        discard;
    }
    return relit_surface(in, parts);
}

@fragment
fn soft_relit(in: SurfaceRelitVarying, @builtin(front_facing) front: bool) -> @location(0) vec4<f32> {
    let parts = parts_of(in, select(-1.0, 1.0, front));
    if parts.alpha >= 0.5 {
        discard;
    }
    return relit_surface(in, parts);
}
