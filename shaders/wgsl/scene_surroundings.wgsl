// What is far away: seen in mirrors and behind everything.

@group(0) @binding(4) var surroundings: texture_cube<f32>;
@group(0) @binding(5) var surroundings_sampler: sampler;
@group(0) @binding(6) var sky_map: texture_2d<f32>;

// Where the walls are that a ray meets, as seen from where they were looked at.
fn within_walls(position: vec3<f32>, direction: vec3<f32>) -> vec3<f32> {
    if light.room[0].w < 0.5 {
        return direction;
    }
    let inside = clamp(position, light.room[0].xyz + 0.01, light.room[1].xyz - 0.01);
    let steep = select(vec3<f32>(-1.0), vec3<f32>(1.0), direction >= vec3<f32>(0.0)) * max(abs(direction), vec3<f32>(1e-5));
    let wall = select(light.room[0].xyz, light.room[1].xyz, direction >= vec3<f32>(0.0));
    let distances = (wall - inside) / steep;
    let distance = min(distances.x, min(distances.y, distances.z));
    return inside + direction * distance - light.room[2].xyz;
}

fn mirrored(position: vec3<f32>, direction: vec3<f32>, roughness: f32) -> vec3<f32> {
    let level = roughness * f32(light.counts.w - 1u);
    return textureSampleLevel(surroundings, surroundings_sampler, within_walls(position, direction), level).xyz;
}

fn sky_color(direction: vec3<f32>) -> vec3<f32> {
    if light.sky[0].w > 0.0 {
        let uv = vec2<f32>(atan2(direction.x, -direction.z) / 6.2831853 + 0.5, 0.5 - asin(clamp(direction.y, -1.0, 1.0)) / 3.14159265);
        return textureSampleLevel(sky_map, surroundings_sampler, uv, 0.0).xyz * light.sky[0].w;
    }
    let end = select(light.sky[2].xyz, light.sky[0].xyz, direction.y > 0.0);
    return mix(light.sky[1].xyz, end, abs(direction.y));
}
