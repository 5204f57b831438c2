// A scene's surfaces: the light map or the light from all around, the lamps, the first one's shadow, mirrors; or the bands
// of a drawing.

// What ambient light spheres leave: each takes its share of the hemisphere, weighted by the cosine.
fn openness(position: vec3<f32>, normal: vec3<f32>) -> f32 {
    var open = 1.0;
    for (var i = 0u; i < light.counts.y; i++) {
        let sphere = light.occluders[i];
        let way = sphere.xyz - position;
        let distance2 = max(dot(way, way), sphere.w * sphere.w * 1.05);
        let cosine = dot(normal, way) * inverseSqrt(distance2);
        // Half sunk below the horizon, a sphere counts half.
        let above = saturate(0.5 + 0.5 * cosine * sqrt(distance2) / sphere.w);
        open *= 1.0 - max(cosine, 0.0) * above * sphere.w * sphere.w / distance2;
    }
    return open;
}

fn brightness(color: vec3<f32>) -> f32 {
    return dot(color, vec3<f32>(0.2126, 0.7152, 0.0722));
}

fn photoreal(in: SceneVarying, albedo: vec3<f32>, normal: vec3<f32>) -> vec3<f32> {
    let rough_metal = material_roughness(in);
    let roughness = clamp(rough_metal.x, 0.045, 1.0);
    let to_eye = normalize(view.eye - in.position);
    let n_v = max(dot(normal, to_eye), 1e-3);
    let f0 = mix(vec3<f32>(0.04), albedo, rough_metal.y);
    let diffuse = albedo * (1.0 - rough_metal.y) * (1.0 - 0.04);

    // From all around.
    let open = material_occlusion(in) * openness(in.position, normal);
    var ambient = node_ambient(normal);
    var mirror_open = open;
    if has_texture(5u) {
        let baked = textureSample(light_map, light_map_sampler, texture_place(5u, in.uv)).xyz * material.light_map_scale;
        // Where little light comes in, little is mirrored: corners would glow otherwise.
        mirror_open *= saturate(brightness(baked) / max(brightness(ambient), 1e-3));
        // The map knows where light comes from no more; a normal map's relief is told by how the light there would change.
        let relief = (brightness(ambient) + 0.05) / (brightness(node_ambient(normalize(in.normal) * sign(dot(normal, in.normal)))) + 0.05);
        ambient = baked * clamp(relief, 0.5, 1.5);
    }
    var color = diffuse * ambient * open;
    let mirror = mirrored(in.position, reflect(-to_eye, normal), roughness);
    color += mirror * mirrored_share(f0, roughness, n_v) * mirror_open;

    for (var i = 0u; i < light.counts.x; i++) {
        let lamp = lamp_at(light.lamps[i], in.position);
        let n_l = dot(normal, lamp.to_lamp);
        if n_l <= 0.0 || dot(lamp.color, vec3<f32>(1.0)) <= 0.0 {
            continue;
        }
        var reaches = 1.0;
        if i == 0u {
            reaches = shadow_at(in.position, normalize(in.normal) * sign(dot(normal, in.normal)), lamp, in.clip.xy);
        }
        let half_way = normalize(lamp.to_lamp + to_eye);
        // A lamp of some size has no sharper highlight than itself.
        let alpha = saturate(roughness * roughness + 0.5 * lamp.sin_radius);
        let shine = highlight(f0, alpha, n_l, n_v, saturate(dot(normal, half_way)), saturate(dot(to_eye, half_way)));
        color += (diffuse + shine) * lamp.color * (n_l * reaches);
    }
    return color;
}

// Light in steps, each edge as wide as a pixel or two.
fn banded(x: f32, bands: f32) -> f32 {
    let steps = saturate(x) * bands;
    let soft = clamp(fwidth(steps), 1e-3, 0.5);
    let base = floor(steps);
    return min((base + smoothstep(1.0 - soft, 1.0, steps - base)) / bands, 1.0);
}

fn toon(in: SceneVarying, albedo: vec3<f32>, normal: vec3<f32>) -> vec3<f32> {
    let bands = f32(light.counts.z);
    let to_eye = normalize(view.eye - in.position);
    let rough_metal = material_roughness(in);
    // Flat light from all around, a little more from above; contact is a band of its own.
    let open = material_occlusion(in) * openness(in.position, normal);
    var ambient = mix(node_ambient(normal), node_ambient(vec3<f32>(0.0, 1.0, 0.0)), 0.6);
    if has_texture(5u) {
        ambient = textureSample(light_map, light_map_sampler, texture_place(5u, in.uv)).xyz * material.light_map_scale;
    }
    var color = albedo * ambient * (0.55 + 0.45 * banded(open * 1.15, bands));
    for (var i = 0u; i < light.counts.x; i++) {
        let lamp = lamp_at(light.lamps[i], in.position);
        let strength = brightness(lamp.color);
        if strength <= 0.0 {
            continue;
        }
        var lit = saturate(dot(normal, lamp.to_lamp));
        if i == 0u {
            lit *= shadow_at(in.position, normalize(in.normal) * sign(dot(normal, in.normal)), lamp, in.clip.xy);
        }
        // Half a lamp's reach counts as all of it: drawings aren't dim.
        color += albedo * lamp.color * banded(lit * 1.25, bands);
        let n_h = saturate(dot(normal, normalize(lamp.to_lamp + to_eye)));
        let gloss = 1.0 - rough_metal.x;
        let spot = smoothstep(0.0, 0.02, n_h - mix(1.0, 0.965, gloss)) * step(0.3, gloss) * step(0.01, lit);
        color += lamp.color * (0.35 * spot * gloss);
    }
    return color;
}

fn shaded(in: SceneVarying, color: vec4<f32>, front: bool) -> vec3<f32> {
    let glow = material_glow(in);
    if material.unlit > 0.5 {
        return color.xyz + glow;
    }
    let normal = material_normal(in, front);
    if light.counts.z > 0u {
        return toon(in, color.xyz, normal) + glow;
    }
    return photoreal(in, color.xyz, normal) + glow;
}

@fragment
fn scene_solid(in: SceneVarying, @builtin(front_facing) front: bool) -> @location(0) vec4<f32> {
    let color = material_color(in);
    if color.a < material.cutoff {
        discard;
    }
    return vec4<f32>(shaded(in, color, front), 1.0);
}

@fragment
fn scene_blended(in: SceneVarying, @builtin(front_facing) front: bool) -> @location(0) vec4<f32> {
    let color = material_color(in);
    return vec4<f32>(shaded(in, color, front) * color.a, color.a);
}
