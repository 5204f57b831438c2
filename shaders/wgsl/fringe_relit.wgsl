// The fringe in another light than that of the capture: see `fringe.wgsl`.

struct FringeRelitVarying {
    @builtin(position) clip: vec4<f32>,
    @location(0) to_eye: vec3<f32>,
    @location(1) normal: vec3<f32>,
    @location(2) uv: vec2<f32>,
    @location(3) @interpolate(flat) outwards: vec3<f32>,
    // Rest frame, metres.
    @location(4) position: vec3<f32>,
    // What it is a part of: the draw's instance.
    @location(5) @interpolate(flat) kind: u32,
    @location(6) @interpolate(flat) likeness: f32,
}

fn fringe_relit_from(camera: Camera, index: u32, kind: u32) -> FringeRelitVarying {
    let s = fringe_from(camera, index);
    let position = camera.eye_in_rest - s.to_eye;
    return FringeRelitVarying(s.clip, s.to_eye, s.normal, s.uv, s.outwards, position, kind, s.likeness);
}

fn relit_coverage(in: FringeRelitVarying) -> f32 {
    return 1.0 - saturate(dot(in.outwards, vec3<f32>(in.clip.xy, 1.0)));
}

fn relit_fringe(in: FringeRelitVarying, alpha: f32) -> vec4<f32> {
    let to_eye = renormalize(in.to_eye);
    var parts = surface_parts(in.uv, renormalize(in.normal), to_eye, in.kind, in.likeness);
    parts.alpha = 1.0;
    return vec4<f32>(relight(parts, in.position, to_eye) * alpha, alpha);
}

@fragment
fn fringe_solid_relit(in: FringeRelitVarying) -> @location(0) vec4<f32> {
    let alpha = relit_coverage(in);
    if alpha < 0.5 {
        discard;
    }
    return relit_fringe(in, alpha);
}

@fragment
fn fringe_soft_relit(in: FringeRelitVarying) -> @location(0) vec4<f32> {
    let alpha = relit_coverage(in);
    if alpha >= 0.5 {
        discard;
    }
    return relit_fringe(in, alpha);
}
