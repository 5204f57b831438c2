// Area-weighted vertex normals over the welded mesh. Each vertex gathers the faces of its weld: no atomics, and the
// same order, so the same bits, every time.
//
// About six faces a vertex, 3 positions of 16 bytes each: 300 bytes a vertex, nearly all from cache.

struct NormalsShape {
    vertices: u32,
    reserved_0: u32,
    reserved_1: u32,
    reserved_2: u32,
}

@group(0) @binding(0) var<uniform> shape: NormalsShape;
// vertices + 1 offsets into this same array, then the corners of each vertex's faces: two words a face, (first corner |
// second corner << 16, third corner).
@group(0) @binding(1) var<storage, read> faces: array<u32>;
// Positions are read, normals written.
@group(0) @binding(2) var<storage, read_write> vertices: array<SkinnedVertex>;

@compute @workgroup_size(64)
fn gather_normals(@builtin(global_invocation_id) id: vec3<u32>) {
    let vertex = id.x;
    if vertex >= shape.vertices {
        return;
    }
    var sum = vec3<f32>(0.0);
    let end = faces[vertex + 1u];
    for (var word = faces[vertex]; word < end; word += 2u) {
        let pair = faces[word];
        let a = vertices[pair & 0xffffu].position;
        let b = vertices[pair >> 16u].position;
        let c = vertices[faces[word + 1u]].position;
        sum += cross(b - a, c - a);
    }
    let length_squared = dot(sum, sum);
    vertices[vertex].normal = select(vec3<f32>(0.0, 0.0, 1.0), sum * inverseSqrt(length_squared), length_squared > 0.0);
}
