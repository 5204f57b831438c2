// The parts of a surface of which some is the likeness's: see `base_color.wgsl`. Its colour is taken for the albedo, in white
// light that arrives in full, on the bare mesh.

fn surface_parts(uv: vec2<f32>, normal: vec3<f32>, to_eye: vec3<f32>, kind: u32, likeness: f32) -> Parts {
    var parts = Parts(vec3<f32>(0.0), vec3<f32>(0.0), normal, 0.0, kind, array<f32, 9>());
    if likeness < 1.0 {
        parts = decode_parts(uv, normal, to_eye, kind);
    }
    if likeness > 0.0 {
        let base = textureSampleLevel(base_color, bilinear, uv, 0.0);
        let color = mix(parts.albedo * parts.shading, base.rgb, likeness);
        parts.albedo = max(mix(parts.albedo, base.rgb, likeness), vec3<f32>(1e-6));
        parts.shading = color / parts.albedo;
        parts.normal = renormalize(mix(parts.normal, normal, likeness));
        parts.alpha = mix(parts.alpha, base.a, likeness);
        var reach = parts.reach;
        for (var i = 0u; i < 9u; i++) {
            reach[i] = mix(reach[i], 1.0, likeness);
        }
        parts.reach = reach;
    }
    return parts;
}
