// A node of a scene: where it is, and the light from all around there.
struct SceneNode {
    world_from_node: mat4x4<f32>,
    // By columns: takes normals to the world, but for their length.
    normal_from_node: array<vec4<f32>, 3>,
    // Radiance in real spherical harmonics of order 2, already times the cosine lobe's and the basis's constants.
    ambient: array<vec4<f32>, 9>,
}

@group(2) @binding(0) var<uniform> node: SceneNode;

// What white that faces this way takes on from all around.
fn node_ambient(n: vec3<f32>) -> vec3<f32> {
    let a = node.ambient;
    let sum = a[0].xyz + a[1].xyz * n.y + a[2].xyz * n.z + a[3].xyz * n.x
        + a[4].xyz * (n.x * n.y) + a[5].xyz * (n.y * n.z) + a[6].xyz * (3.0 * n.z * n.z - 1.0)
        + a[7].xyz * (n.x * n.z) + a[8].xyz * (n.x * n.x - n.y * n.y);
    return max(sum, vec3<f32>(0.0));
}
