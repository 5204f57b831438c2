// The depthwise half of every up-block but the last: activation, and out to the next block's input.

// [out group][texel].
@group(0) @binding(4) var<storage, read_write> activated: array<vec4<f32>>;

@compute @workgroup_size(8, 8, 1)
fn depthwise_hidden(@builtin(global_invocation_id) id: vec3<u32>) {
    let size = 2u * shape.size;
    if id.x >= size || id.y >= size {
        return;
    }
    activated[(id.z * size + id.y) * size + id.x] = leaky(depthwise(id));
}
