// What a surface of a scene is made of: glTF's metallic-roughness model, with a light map.
struct SceneMaterial {
    base_color: vec4<f32>,
    emissive: vec3<f32>,
    light_map_scale: f32,
    metallic: f32,
    roughness: f32,
    normal_scale: f32,
    occlusion_strength: f32,
    // Alpha from which on it is there; 0 where alpha means nothing, below 0 where it is blended.
    cutoff: f32,
    unlit: f32,
    // A bit for each texture that there is.
    textures: u32,
    reserved: u32,
    // Of each texture two rows: texture coordinates from the mesh's; w of the first: which of its two sets.
    places: array<vec4<f32>, 12>,
}

@group(1) @binding(0) var<uniform> material: SceneMaterial;
@group(1) @binding(1) var base_color_map: texture_2d<f32>;
@group(1) @binding(2) var normal_map: texture_2d<f32>;
@group(1) @binding(3) var metallic_roughness_map: texture_2d<f32>;
@group(1) @binding(4) var occlusion_map: texture_2d<f32>;
@group(1) @binding(5) var emissive_map: texture_2d<f32>;
@group(1) @binding(6) var light_map: texture_2d<f32>;
@group(1) @binding(7) var base_color_sampler: sampler;
@group(1) @binding(8) var normal_sampler: sampler;
@group(1) @binding(9) var metallic_roughness_sampler: sampler;
@group(1) @binding(10) var occlusion_sampler: sampler;
@group(1) @binding(11) var emissive_sampler: sampler;
@group(1) @binding(12) var light_map_sampler: sampler;

struct SceneVarying {
    @builtin(position) clip: vec4<f32>,
    @location(0) position: vec3<f32>,
    @location(1) normal: vec3<f32>,
    @location(2) tangent: vec4<f32>,
    // Both sets.
    @location(3) uv: vec4<f32>,
    @location(4) color: vec4<f32>,
}

fn has_texture(index: u32) -> bool {
    return (material.textures & (1u << index)) != 0u;
}

fn texture_place(index: u32, uv: vec4<f32>) -> vec2<f32> {
    let rows = array<vec4<f32>, 2>(material.places[2u * index], material.places[2u * index + 1u]);
    let at = vec3<f32>(select(uv.xy, uv.zw, rows[0].w > 0.5), 1.0);
    return vec2<f32>(dot(rows[0].xyz, at), dot(rows[1].xyz, at));
}

fn material_color(in: SceneVarying) -> vec4<f32> {
    var color = material.base_color * in.color;
    if has_texture(0u) {
        color *= textureSample(base_color_map, base_color_sampler, texture_place(0u, in.uv));
    }
    return color;
}

// Towards the viewer's side, unit length.
fn material_normal(in: SceneVarying, front: bool) -> vec3<f32> {
    let side = select(-1.0, 1.0, front);
    let normal = normalize(in.normal) * side;
    if !has_texture(1u) {
        return normal;
    }
    let texel = textureSample(normal_map, normal_sampler, texture_place(1u, in.uv)).xyz * 2.0 - 1.0;
    let tangent = in.tangent.xyz - normal * dot(normal, in.tangent.xyz);
    if dot(tangent, tangent) < 1e-12 {
        return normal;
    }
    let along = normalize(tangent);
    let across = cross(normal, along) * (in.tangent.w * side);
    let flat = texel.xy * material.normal_scale;
    return normalize(along * flat.x + across * flat.y + normal * max(texel.z, 1e-3));
}

// Roughness and metal.
fn material_roughness(in: SceneVarying) -> vec2<f32> {
    var out = vec2<f32>(material.roughness, material.metallic);
    if has_texture(2u) {
        out *= textureSample(metallic_roughness_map, metallic_roughness_sampler, texture_place(2u, in.uv)).yz;
    }
    return out;
}

fn material_occlusion(in: SceneVarying) -> f32 {
    if !has_texture(3u) {
        return 1.0;
    }
    let open = textureSample(occlusion_map, occlusion_sampler, texture_place(3u, in.uv)).x;
    return 1.0 + material.occlusion_strength * (open - 1.0);
}

fn material_glow(in: SceneVarying) -> vec3<f32> {
    if !has_texture(4u) {
        return material.emissive;
    }
    return material.emissive * textureSample(emissive_map, emissive_sampler, texture_place(4u, in.uv)).xyz;
}
