// A scene's vertices, on their way to the screen.

struct SceneVertexIn {
    @location(0) position: vec3<f32>,
    @location(1) normal: vec3<f32>,
    @location(2) tangent: vec4<f32>,
    @location(3) uv: vec2<f32>,
    @location(4) uv_1: vec2<f32>,
    @location(5) color: vec4<f32>,
}

@vertex
fn scene_vertex(in: SceneVertexIn) -> SceneVarying {
    let world = node.world_from_node * vec4<f32>(in.position, 1.0);
    let n = node.normal_from_node;
    var out: SceneVarying;
    out.clip = view.clip_from_world * world;
    out.position = world.xyz;
    out.normal = n[0].xyz * in.normal.x + n[1].xyz * in.normal.y + n[2].xyz * in.normal.z;
    out.tangent = vec4<f32>((node.world_from_node * vec4<f32>(in.tangent.xyz, 0.0)).xyz, in.tangent.w);
    out.uv = vec4<f32>(in.uv, in.uv_1);
    out.color = in.color;
    return out;
}
