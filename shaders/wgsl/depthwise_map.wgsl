// The depthwise half of the last up-block: no activation, and out to the dynamic feature map, four channels a layer.
// Halves keep the map filterable everywhere; their step is 2^-11 of a value.

@group(0) @binding(4) var dynamic_map: texture_storage_2d_array<rgba16float, write>;

@compute @workgroup_size(8, 8, 1)
fn depthwise_map(@builtin(global_invocation_id) id: vec3<u32>) {
    let size = 2u * shape.size;
    if id.x >= size || id.y >= size {
        return;
    }
    textureStore(dynamic_map, vec2<i32>(id.xy), i32(id.z), depthwise(id));
}
