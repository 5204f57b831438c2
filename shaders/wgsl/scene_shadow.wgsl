// The first lamp's shadow, as wide as the lamp makes it: what is in the way is looked for first, and its distance says how
// far the edge spreads (percentage-closer soft shadows, Fernando 2005).

@group(0) @binding(2) var shadow_map: texture_depth_2d;
// The same map, to look into: GLSL can't load from what it compares with.
@group(0) @binding(7) var shadow_depths: texture_2d<f32>;
@group(0) @binding(3) var shadow_sampler: sampler_comparison;

const BLOCKER_TAPS = 10u;
const FILTER_TAPS = 20u;
// The widest edge, texels.
const MAX_SPREAD_TEXELS = 14.0;

// A spiral by the golden angle, which spreads any number of taps evenly over the disc (Vogel 1979).
fn disc(index: u32, count: u32, turn: f32) -> vec2<f32> {
    let radius = sqrt((f32(index) + 0.5) / f32(count));
    let angle = f32(index) * 2.399963 + turn;
    return radius * vec2<f32>(cos(angle), sin(angle));
}

// How much of the lamp reaches a place, 0..=1.
fn shadow_at(position: vec3<f32>, normal: vec3<f32>, lamp: LampAt, pixel: vec2<f32>) -> f32 {
    if light.shadow.w < 0.5 {
        return 1.0;
    }
    let texel = 1.0 / light.shadow.x;
    let cosine = saturate(dot(normal, lamp.to_lamp));
    let slope = sqrt(1.0 - cosine * cosine);
    let place = position + normal * (slope * 2.0 * light.shadow.y) + lamp.to_lamp * (0.003 + light.shadow.y);
    let clip = light.shadow_from_world * vec4<f32>(place, 1.0);
    if clip.w <= 0.0 {
        return 1.0;
    }
    let at = clip.xyz / clip.w;
    let uv = at.xy * vec2<f32>(0.5, -0.5) + 0.5;
    if any(uv <= vec2<f32>(0.0)) || any(uv >= vec2<f32>(1.0)) || at.z <= 0.0 || at.z >= 1.0 {
        return 1.0;
    }
    // Interleaved gradient noise (Jimenez 2014) turns the taps pixel by pixel, so that few of them leave no rings.
    let turn = 6.2831853 * fract(52.982919 * fract(dot(pixel, vec2<f32>(0.06711056, 0.00583715))));

    var spread = 1.5;
    if light.shadow.z > 0.0 {
        var blockers = 0.0;
        var above = 0.0;
        for (var i = 0u; i < BLOCKER_TAPS; i++) {
            let tap = vec2<i32>((uv + disc(i, BLOCKER_TAPS, turn) * (texel * 0.7 * MAX_SPREAD_TEXELS)) * light.shadow.x);
            let depth = textureLoad(shadow_depths, clamp(tap, vec2<i32>(0), vec2<i32>(i32(light.shadow.x) - 1)), 0).x;
            if depth > at.z {
                blockers += 1.0;
                above += depth - at.z;
            }
        }
        if blockers < 0.5 {
            return 1.0;
        }
        let throw_m = above / blockers * light.shadow.z;
        spread = clamp(throw_m * lamp.sin_radius / light.shadow.y, 1.0, MAX_SPREAD_TEXELS);
    }
    var lit = 0.0;
    for (var i = 0u; i < FILTER_TAPS; i++) {
        let tap = uv + disc(i, FILTER_TAPS, turn) * (spread * texel);
        lit += textureSampleCompareLevel(shadow_map, shadow_sampler, tap, at.z);
    }
    return lit / f32(FILTER_TAPS);
}
