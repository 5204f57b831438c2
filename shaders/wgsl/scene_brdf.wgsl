// Cook and Torrance's surface: GGX, Smith's masking with correlated heights (Heitz 2014), Schlick's Fresnel.

const PI = 3.14159265;

// What a lamp of colour 1 adds, for the cosines between the normal, the light, the eye and the half vector; strengths are
// irradiances over π, so that the π of the diffuse part is gone.
fn highlight(f0: vec3<f32>, alpha: f32, n_l: f32, n_v: f32, n_h: f32, v_h: f32) -> vec3<f32> {
    let a2 = alpha * alpha;
    let d = n_h * n_h * (a2 - 1.0) + 1.0;
    let distribution = a2 / max(d * d, 1e-7);
    let masking = 0.5 / max(n_l * sqrt(n_v * n_v * (1.0 - a2) + a2) + n_v * sqrt(n_l * n_l * (1.0 - a2) + a2), 1e-4);
    let fresnel = f0 + (1.0 - f0) * pow(1.0 - v_h, 5.0);
    return fresnel * (distribution * masking);
}

// How much of light from everywhere is mirrored: a fit to the integral over the hemisphere (Karis 2014, "Physically Based
// Shading on Mobile").
fn mirrored_share(f0: vec3<f32>, roughness: f32, n_v: f32) -> vec3<f32> {
    let r = roughness * vec4<f32>(-1.0, -0.0275, -0.572, 0.022) + vec4<f32>(1.0, 0.0425, 1.04, -0.04);
    let a = min(r.x * r.x, exp2(-9.28 * n_v)) * r.x + r.y;
    let scale_bias = vec2<f32>(-1.04, 1.04) * a + r.zw;
    return max(f0 * scale_bias.x + scale_bias.y, vec3<f32>(0.0));
}

// The unit vector to a lamp, and the colour of white there that faces it.
struct LampAt {
    to_lamp: vec3<f32>,
    color: vec3<f32>,
    // Sine of half of the angle that it fills.
    sin_radius: f32,
}

fn lamp_at(lamp: SceneLamp, position: vec3<f32>) -> LampAt {
    if lamp.kind < 0.5 {
        return LampAt(lamp.place, lamp.color, sin(lamp.radius));
    }
    let way = lamp.place - position;
    let distance = max(length(way), 0.05);
    let to_lamp = way / distance;
    var fall = 1.0 / (distance * distance);
    if lamp.range > 0.0 {
        // KHR_lights_punctual's window.
        let share = distance / lamp.range;
        fall *= saturate(1.0 - share * share * share * share);
    }
    if lamp.kind > 1.5 {
        let cone = saturate((dot(-to_lamp, lamp.axis) - lamp.cos_outer) / max(lamp.cos_inner - lamp.cos_outer, 1e-3));
        fall *= cone * cone;
    }
    return LampAt(to_lamp, lamp.color * fall, saturate(lamp.radius / distance));
}
