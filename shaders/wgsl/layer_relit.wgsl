// A layer of the CPU executor in which some instances are relit. Beside colour and depth it has a plane of parts, four words
// a pixel: the albedo's square roots in 10, 9 and 9 bits and the kind of part in 4; the normal on an octahedron (Cigolle et
// al. 2014) in 11 bits an axis and in 10 bits the number of the instance that the pixel belongs to, 0 for those as
// captured; the last two how much of each captured lamp and of the captured ambient light arrives, as square roots of
// quarters in fields of one width (at most 16 bits), half of them a word. One draw shows what is as captured, one each relit instance.

struct RelitLayerVarying {
    @builtin(position) clip: vec4<f32>,
    // The place at a pixel in the instance's rest frame is homogeneous: here at depth 0, and what depth 1 adds.
    @location(0) far: vec4<f32>,
    @location(1) @interpolate(flat) per_depth: vec4<f32>,
    @location(2) @interpolate(flat) eye: vec3<f32>,
    @location(3) @interpolate(flat) view: u32,
}

// Two triangles over the viewport.
fn layer_corner(index: u32) -> vec4<f32> {
    let corner = array<u32, 6>(0u, 1u, 2u, 2u, 1u, 3u)[index];
    return vec4<f32>(f32(corner & 1u) * 2.0 - 1.0, f32(corner >> 1u) * 2.0 - 1.0, 0.0, 1.0);
}

// Two triangles over the rectangle that the instance is in.
fn relit_layer_from(camera: Camera, view: u32, index: u32) -> RelitLayerVarying {
    let share = layer_corner(index).xy * 0.5 + 0.5;
    let clip = vec4<f32>(mix(camera.bounds.xy, camera.bounds.zw, share), 0.0, 1.0);
    return RelitLayerVarying(
        clip,
        camera.rest_from_clip * clip,
        camera.rest_from_clip[2],
        camera.eye_in_rest,
        view,
    );
}

// Whether a pixel belongs to the instance that is drawn.
fn is_ours(words: vec4<u32>) -> bool {
    return words.y >> 22u == lighting.counts.w;
}

fn only_captured(words: vec4<u32>) {
    if words.y >> 22u != 0u {
        discard;
    }
}

fn unpack_normal(words: vec4<u32>) -> vec3<f32> {
    let octahedron = vec2<f32>(vec2<u32>(words.y & 0x7ffu, (words.y >> 11u) & 0x7ffu)) * (2.0 / 2046.0) - 1.0;
    let z = 1.0 - abs(octahedron.x) - abs(octahedron.y);
    let fold = max(-z, 0.0);
    let xy = octahedron - select(vec2<f32>(-fold), vec2<f32>(fold), octahedron >= vec2<f32>(0.0));
    return normalize(vec3<f32>(xy, z));
}

fn unpack_reach(words: vec4<u32>) -> array<f32, 9> {
    var reach = array<f32, 9>();
    let fields = (captured_lamps + 2u) / 2u; // of a word; one source more than lamps
    let bits = min(32u / fields, 16u);
    let most = f32((1u << bits) - 1u);
    for (var i = 0u; i <= captured_lamps; i++) {
        let word = select(words.z, words.w, i >= fields);
        let field = select(i, i - fields, i >= fields);
        let root = f32(extractBits(word, min(field * bits, 31u), bits)) / most;
        reach[i] = 4.0 * root * root;
    }
    return reach;
}

fn unpack_parts(words: vec4<u32>, color: vec4<f32>) -> Parts {
    let steps = vec3<u32>(words.x & 0x3ffu, (words.x >> 10u) & 0x1ffu, (words.x >> 19u) & 0x1ffu);
    let roots = vec3<f32>(steps) / vec3<f32>(1023.0, 511.0, 511.0);
    let albedo = max(roots * roots, vec3<f32>(1e-6));
    let shading = color.rgb / max(albedo * color.a, vec3<f32>(1e-9));
    return Parts(albedo, shading, unpack_normal(words), color.a, words.x >> 28u, unpack_reach(words));
}

// The colour of a pixel at this depth, premultiplied.
fn relit_layer(in: RelitLayerVarying, color: vec4<f32>, depth: f32, words: vec4<u32>) -> vec4<f32> {
    let place = in.far + depth * in.per_depth;
    let position = place.xyz / place.w;
    let parts = unpack_parts(words, color);
    return vec4<f32>(relight(parts, position, normalize(in.eye - position)) * color.a, color.a);
}
