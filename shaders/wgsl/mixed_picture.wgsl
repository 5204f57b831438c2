// The camera's picture, as linear light.
fn linear_from_picture(texel: vec3<f32>) -> vec3<f32> {
    if frame.has.z == 0.0 {
        return texel;
    }
    let low = texel / 12.92;
    let high = pow((max(texel, vec3<f32>(0.0)) + 0.055) / 1.055, vec3<f32>(2.4));
    return select(high, low, texel <= vec3<f32>(0.04045));
}

// At a place of the picture, in its pixels.
fn picture_at(picture: texture_2d<f32>, bilinear: sampler, pixel: vec2<f32>) -> vec3<f32> {
    return linear_from_picture(textureSampleLevel(picture, bilinear, pixel / frame.picture_size, 0.0).rgb);
}
