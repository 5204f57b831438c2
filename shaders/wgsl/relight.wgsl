// A point in another light than that of its capture.

// The colour of one light on white, with the first lamp shadowed.
fn irradiance(light: u32, position: vec3<f32>, normal: vec3<f32>, material: u32) -> vec3<f32> {
    var sum = ambient_irradiance(light, normal);
    for (var i = 0u; i < lighting.counts[light]; i++) {
        let lamp = lamp_at(light * MAX_LAMPS + i, position);
        var color = lamp.color * soft_cosine(dot(normal, lamp.to_lamp), lamp.sin_radius);
        if light == LIGHT && i == 0u {
            color *= shadow(position, normal, lamp, material);
        }
        sum += color;
    }
    return sum;
}

fn relight(parts: Parts, position: vec3<f32>, to_eye: vec3<f32>) -> vec3<f32> {
    let new_light = irradiance(LIGHT, position, parts.normal, parts.material);
    let captured = irradiance(CAPTURED, position, parts.normal, parts.material);
    return parts.albedo * parts.shading * new_light / max(captured, vec3<f32>(0.02));
}
