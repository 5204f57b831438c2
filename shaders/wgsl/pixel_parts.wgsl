// The pixel decoder's outputs one by one, with those that colour as captured has no use for: 12 · 24 multiply-adds more than
// `decode_pixel`.

// Two unit vectors at right angles to n and to each other (Duff et al. 2017).
fn tangents(n: vec3<f32>) -> mat2x3<f32> {
    let s = select(-1.0, 1.0, n.z >= 0.0);
    let a = -1.0 / (s + n.z);
    let b = n.x * n.y * a;
    return mat2x3<f32>(
        vec3<f32>(1.0 + s * n.x * n.x * a, s * b, -s * n.x),
        vec3<f32>(b, s + n.y * n.y * a, -n.y),
    );
}

// As `decode_pixel`; `kind` is the part's.
fn decode_parts(uv: vec2<f32>, normal: vec3<f32>, to_eye: vec3<f32>, kind: u32) -> Parts {
    var hidden = hidden_groups;
    if !unrolled {
        hidden = decoder.counts.z;
    }
    var g = decode_hidden(uv, normal, to_eye);
    var albedo_alpha = decoder.third_bias[0];
    var shading = decoder.third_bias[1];
    var offset_reach = decoder.parts_bias[0];
    var reach_2 = decoder.parts_bias[1];
    var reach_6 = decoder.parts_bias[2];
    for (var i = 0u; i < hidden; i++) {
        let x = leaky(g[0]);
        albedo_alpha += decoder.third[i * 2u] * x;
        shading += decoder.third[i * 2u + 1u] * x;
        offset_reach += decoder.parts[i * 3u] * x;
        reach_2 += decoder.parts[i * 3u + 1u] * x;
        reach_6 += decoder.parts[i * 3u + 2u] * x;
        for (var j = 1u; j < hidden_groups; j++) {
            g[j - 1u] = g[j];
        }
    }
    let s = 1.0 / (1.0 + exp(-albedo_alpha));
    let tilted = renormalize(normal + tangents(normal) * offset_reach.xy);
    let a = softplus(vec3<f32>(offset_reach.zw, reach_2.x));
    let b = softplus(reach_2.yzw);
    let c = softplus(reach_6.xyz);
    let reach = array<f32, 9>(a.x, a.y, a.z, b.x, b.y, b.z, c.x, c.y, c.z);
    return Parts(s.rgb, softplus(shading.rgb), tilted, s.a, kind, reach);
}
