// V = mean + Σ aᵢ basisᵢ, then linear-blend skinning with up to four joints a vertex. One vertex a thread.
//
// Per vertex 3 R multiply-adds and 3 R bytes of basis (R = 64, 20,000 vertices: 3.8 M and 3.8 MB): bound by the basis,
// which is therefore laid out so that neighbouring threads read neighbouring words.

struct SkinShape {
    vertices: u32,
    // Basis vectors, in fours.
    rank_groups: u32,
    reserved_0: u32,
    reserved_1: u32,
}

struct RestVertex {
    // Head space at rest, metres.
    mean: vec3<f32>,
    // Four joint numbers, a byte each, the first lowest.
    joints: u32,
    uv: vec2<f32>,
    // Four weights in 255ths, a byte each.
    weights: u32,
    reserved: u32,
}

@group(0) @binding(0) var<uniform> shape: SkinShape;
@group(0) @binding(1) var<storage, read> rest: array<RestVertex>;
// [rank group][axis][vertex]: four signed bytes, one of each basis vector.
@group(0) @binding(2) var<storage, read> basis: array<u32>;
// First the coefficients, four a vector, in metres a step; then three rows of each joint's rest_from_rest matrix.
@group(0) @binding(3) var<storage, read> pose: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> vertices: array<SkinnedVertex>;

fn signed_bytes(word: u32) -> vec4<f32> {
    return vec4<f32>(vec4<i32>(
        extractBits(bitcast<i32>(word), 0u, 8u),
        extractBits(bitcast<i32>(word), 8u, 8u),
        extractBits(bitcast<i32>(word), 16u, 8u),
        extractBits(bitcast<i32>(word), 24u, 8u),
    ));
}

@compute @workgroup_size(64)
fn skin(@builtin(global_invocation_id) id: vec3<u32>) {
    let vertex = id.x;
    if vertex >= shape.vertices {
        return;
    }
    let mine = rest[vertex];
    var position = mine.mean;
    for (var r = 0u; r < shape.rank_groups; r++) {
        let word = r * 3u * shape.vertices + vertex;
        let a = pose[r];
        position += vec3<f32>(
            dot(signed_bytes(basis[word]), a),
            dot(signed_bytes(basis[word + shape.vertices]), a),
            dot(signed_bytes(basis[word + 2u * shape.vertices]), a),
        );
    }
    let p = vec4<f32>(position, 1.0);
    var skinned = vec3<f32>(0.0);
    for (var i = 0u; i < 4u; i++) {
        let weight = f32(extractBits(mine.weights, i * 8u, 8u)) / 255.0;
        let row = shape.rank_groups + 3u * extractBits(mine.joints, i * 8u, 8u);
        skinned += weight * vec3<f32>(dot(pose[row], p), dot(pose[row + 1u], p), dot(pose[row + 2u], p));
    }
    vertices[vertex].position = skinned;
    vertices[vertex].u = mine.uv.x;
    vertices[vertex].v = mine.uv.y;
}
