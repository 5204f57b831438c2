// The sky, behind everything that a scene has drawn.

struct SkyVarying {
    @builtin(position) clip: vec4<f32>,
    @location(0) far: vec4<f32>,
}

@vertex
fn sky_vertex(@builtin(vertex_index) index: u32) -> SkyVarying {
    let corner = screen_corner(index);
    // On the way to the far plane: infinitely far points have no place.
    return SkyVarying(corner, view.world_from_clip * vec4<f32>(corner.xy, 0.5, 1.0));
}

@fragment
fn sky_fragment(in: SkyVarying) -> @location(0) vec4<f32> {
    return vec4<f32>(sky_color(normalize(in.far.xyz / in.far.w - view.eye)), 1.0);
}
