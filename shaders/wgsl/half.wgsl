// Two packed halves a word, the first in the low bits: works without the f16 feature.
fn unpack_half4(packed: vec2<u32>) -> vec4<f32> {
    return vec4<f32>(unpack2x16float(packed.x), unpack2x16float(packed.y));
}
