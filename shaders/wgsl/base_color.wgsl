// What a surface looks like from afar, or before the whole avatar is there: the likeness's colour in the place of the
// pixel decoder's, or a mixture of the two.

@group(1) @binding(4) var base_color: texture_2d<f32>;

// `likeness` is how much of the likeness there is, the same for all fragments of a draw: at 0 what the pixel decoder says,
// bit for bit; at 1 the decoder isn't run.
fn surface_color(uv: vec2<f32>, normal: vec3<f32>, to_eye: vec3<f32>, likeness: f32) -> Surface {
    if likeness <= 0.0 {
        return decode_pixel(uv, normal, to_eye);
    }
    let base = textureSampleLevel(base_color, bilinear, uv, 0.0);
    if likeness >= 1.0 {
        return Surface(base.rgb, base.a);
    }
    let decoded = decode_pixel(uv, normal, to_eye);
    return Surface(mix(decoded.color, base.rgb, likeness), mix(decoded.alpha, base.a, likeness));
}
