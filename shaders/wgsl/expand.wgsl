// First half of an up-block: 1×1 convolution to 4·C_out channels with depth-to-space, as a matrix product.
//
// A register tile is 16 rows (four output channels × the four texels each input texel becomes) by 2 texels: per four
// input channels 128 multiply-adds for 2 loads of activations (neighbouring threads, neighbouring 16 bytes) and 16 of
// weights, which are the same for a whole workgroup and so come through the scalar or broadcast path. A block of
// 48 -> 12 channels at 128² costs 38 M multiply-adds, reads 3 MB of activations once per output group and writes 3 MB.

@group(0) @binding(0) var<uniform> shape: BlockShape;
// [channel group][texel].
@group(0) @binding(1) var<storage, read> source: array<vec4<f32>>;
// [out group][in group][channel of the out group]: columns are input channels, rows the texels (0,0) (1,0) (0,1) (1,1).
@group(0) @binding(2) var<storage, read> weights: array<mat4x4<f32>>;
// [out group][texel of the doubled map].
@group(0) @binding(3) var<storage, read_write> expanded: array<vec4<f32>>;

fn store(group: u32, texel: u32, t: mat4x4<f32>) {
    let x = 2u * (texel % shape.size);
    let y = 2u * (texel / shape.size);
    let stride = 2u * shape.size;
    let base = (group * stride + y) * stride + x;
    // t[channel][texel]: the transpose collects the channels of one texel.
    let by_texel = transpose(t);
    expanded[base] = by_texel[0];
    expanded[base + 1u] = by_texel[1];
    expanded[base + stride] = by_texel[2];
    expanded[base + stride + 1u] = by_texel[3];
}

@compute @workgroup_size(64)
fn expand(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) tile: vec3<u32>) {
    let texels = shape.size * shape.size;
    let first = tile.x * 128u + lane;
    let second = first + 64u;
    // Past the end the last texel is computed again, and not stored.
    let source_first = min(first, texels - 1u);
    let source_second = min(second, texels - 1u);
    let group = tile.y;

    var a0 = vec4<f32>(0.0);
    var a1 = vec4<f32>(0.0);
    var a2 = vec4<f32>(0.0);
    var a3 = vec4<f32>(0.0);
    var b0 = vec4<f32>(0.0);
    var b1 = vec4<f32>(0.0);
    var b2 = vec4<f32>(0.0);
    var b3 = vec4<f32>(0.0);
    for (var k = 0u; k < shape.in_groups; k++) {
        let x = source[k * texels + source_first];
        let y = source[k * texels + source_second];
        let w = (group * shape.in_groups + k) * 4u;
        let w0 = weights[w];
        let w1 = weights[w + 1u];
        let w2 = weights[w + 2u];
        let w3 = weights[w + 3u];
        a0 += w0 * x;
        b0 += w0 * y;
        a1 += w1 * x;
        b1 += w1 * y;
        a2 += w2 * x;
        b2 += w2 * y;
        a3 += w3 * x;
        b3 += w3 * y;
    }
    if first < texels {
        store(group, first, mat4x4<f32>(a0, a1, a2, a3));
    }
    if second < texels {
        store(group, second, mat4x4<f32>(b0, b1, b2, b3));
    }
}
