// The dynamic map at half its size: in the last up-block's place a 1×1 convolution with an untied bias, no activation.
//
// 32 inputs and 12 outputs at 128²: 6.3 M multiply-adds, where the block takes 32 M; 2 MB of activations are read once an
// output group, 0.4 MB of halves written.

@group(0) @binding(0) var<uniform> shape: BlockShape;
// [channel group][texel].
@group(0) @binding(1) var<storage, read> source: array<vec4<f32>>;
// [out group][in group]: columns are inputs, rows outputs.
@group(0) @binding(2) var<storage, read> weights: array<mat4x4<f32>>;
// [out group][texel] × 4 halves.
@group(0) @binding(3) var<storage, read> bias: array<vec2<u32>>;
@group(0) @binding(4) var half_map: texture_storage_2d_array<rgba16float, write>;

@compute @workgroup_size(8, 8, 1)
fn head(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= shape.size || id.y >= shape.size {
        return;
    }
    let texels = shape.size * shape.size;
    let texel = id.y * shape.size + id.x;
    var sum = unpack_half4(bias[id.z * texels + texel]);
    for (var k = 0u; k < shape.in_groups; k++) {
        sum += weights[id.z * shape.in_groups + k] * source[k * texels + texel];
    }
    textureStore(half_map, vec2<i32>(id.xy), i32(id.z), sum);
}
