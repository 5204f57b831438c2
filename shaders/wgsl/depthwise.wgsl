// Second half of an up-block: depthwise 3×3 with zero padding, plus the untied bias. Four channels of one texel.
//
// 36 multiply-adds a thread against 9 loads of 16 bytes that neighbours share through the cache, 8 bytes of bias and 16
// bytes out: bound by bandwidth, 40 bytes a texel and group.

@group(0) @binding(0) var<uniform> shape: BlockShape;
// [out group][texel].
@group(0) @binding(1) var<storage, read> expanded: array<vec4<f32>>;
// [out group][3][3].
@group(0) @binding(2) var<storage, read> weights: array<vec4<f32>>;
// [out group][texel] × 4 halves.
@group(0) @binding(3) var<storage, read> bias: array<vec2<u32>>;

fn depthwise(at: vec3<u32>) -> vec4<f32> {
    let size = i32(2u * shape.size);
    let plane = i32(at.z) * size * size;
    let center = vec2<i32>(at.xy);
    var sum = unpack_half4(bias[plane + center.y * size + center.x]);
    for (var dy = -1; dy <= 1; dy++) {
        for (var dx = -1; dx <= 1; dx++) {
            let p = center + vec2<i32>(dx, dy);
            if all(p >= vec2<i32>(0)) && all(p < vec2<i32>(size)) {
                sum += weights[i32(at.z) * 9 + (dy + 1) * 3 + dx + 1] * expanded[plane + p.y * size + p.x];
            }
        }
    }
    return sum;
}
