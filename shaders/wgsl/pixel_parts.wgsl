// The pixel decoder's outputs one by one, with the normal offset that colour as captured has no use for: 2 · 24
// multiply-adds more than `decode_pixel`.

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

// As `decode_pixel`.
fn decode_parts(uv: vec2<f32>, normal: vec3<f32>, to_eye: vec3<f32>) -> Parts {
    var hidden = hidden_groups;
    if !unrolled {
        hidden = decoder.counts.z;
    }
    var g = decode_hidden(uv, normal, to_eye);
    var albedo_alpha = decoder.third_bias[0];
    var shading = decoder.third_bias[1];
    var offset = decoder.offset_bias.xy;
    for (var i = 0u; i < hidden; i++) {
        let x = leaky(g[0]);
        albedo_alpha += decoder.third[i * 2u] * x;
        shading += decoder.third[i * 2u + 1u] * x;
        offset += vec2<f32>(dot(decoder.offset[i * 2u], x), dot(decoder.offset[i * 2u + 1u], x));
        for (var j = 1u; j < hidden_groups; j++) {
            g[j - 1u] = g[j];
        }
    }
    let s = 1.0 / (1.0 + exp(-albedo_alpha));
    let tilted = renormalize(normal + tangents(normal) * offset);
    return Parts(s.rgb, softplus(shading.rgb), tilted, s.a, decoder.counts.w);
}
