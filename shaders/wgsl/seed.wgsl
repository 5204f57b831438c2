// The seed map of the texture decoder: x = leaky(W c + b) as [C, 8, 8], four channels of one texel a thread.
//
// Per thread 4 C multiply-adds and 8 C bytes of weights, read once: bound by bandwidth (about 1.1 MB for C = 91 and
// 96 channels), so the weights stay halves, and neighbouring threads read neighbouring 16 bytes.
// The bias is one more column, against a condition of 1.

struct SeedShape {
    // Groups of four channels, times 64 texels.
    threads: u32,
    // Groups of eight inputs.
    input_octets: u32,
    reserved_0: u32,
    reserved_1: u32,
}

@group(0) @binding(0) var<uniform> shape: SeedShape;
// [u | g | r | n | 1], zero padded.
@group(0) @binding(1) var<uniform> condition: array<vec4<f32>, 24>;
// [input octet][channel of the group][thread] × 8 halves.
@group(0) @binding(2) var<storage, read> weights: array<vec4<u32>>;
// [channel group][texel].
@group(0) @binding(3) var<storage, read_write> seed: array<vec4<f32>>;

fn row(octet: u32, channel: u32, thread: u32) -> f32 {
    let w = weights[(octet * 4u + channel) * shape.threads + thread];
    return dot(unpack_half4(w.xy), condition[octet * 2u]) + dot(unpack_half4(w.zw), condition[octet * 2u + 1u]);
}

@compute @workgroup_size(64)
fn decode_seed(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= shape.threads {
        return;
    }
    var sum = vec4<f32>(0.0);
    for (var octet = 0u; octet < shape.input_octets; octet++) {
        sum += vec4<f32>(
            row(octet, 0u, id.x), row(octet, 1u, id.x), row(octet, 2u, id.x), row(octet, 3u, id.x),
        );
    }
    seed[id.x] = leaky(sum);
}
