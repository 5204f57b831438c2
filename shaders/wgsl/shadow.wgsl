// Shadows that a surface receives from the host's shadow map, reversed-Z, in percentage-closer filtering (Reeves et al.
// 1987): 16 taps on a disc, each a bilinear comparison.

@group(3) @binding(1) var shadow_map: texture_depth_2d;
@group(3) @binding(2) var shadow_sampler: sampler_comparison;

const SHADOW_TAPS = 16u;
// The widest filter, texels: taps would come apart beyond.
const MAX_SHADOW_TEXELS = 5.0;
// From what throws a shadow on a face to where it falls, metres: a nose. The lamp's size over this distance is the
// shadow's blur.
const SHADOW_THROW_M = 0.03;
// How far beside itself a surface is looked up against acne, texels of the filter's radius.
const SHADOW_OFFSET_TEXELS = 1.0;
// How much nearer to the lamp a surface is looked up, metres: the mesh's relief and the edges of its triangles, and for hair
// the shells that it lies in, whose strands let light through.
const SHADOW_BIAS_M = 0.002;
const SHADOW_HAIR_BIAS_M = 0.03;
const HAIR = 9u;

// How much of the lamp reaches a place whose normal is this, 0..=1.
fn shadow(position: vec3<f32>, normal: vec3<f32>, lamp: LampHere, kind: u32) -> f32 {
    if lighting.counts.z == 0u {
        return 1.0;
    }
    let w = dot(
        vec4<f32>(
            lighting.shadow_from_rest[0].w,
            lighting.shadow_from_rest[1].w,
            lighting.shadow_from_rest[2].w,
            lighting.shadow_from_rest[3].w,
        ),
        vec4<f32>(position, 1.0),
    );
    if w <= 0.0 {
        return 1.0;
    }
    let texel_m = lighting.shadow_texel.zw * w;
    let blur = clamp(SHADOW_THROW_M * lamp.sin_radius / max(texel_m, vec2<f32>(1e-9)), vec2<f32>(1.0), vec2<f32>(MAX_SHADOW_TEXELS));
    // Beside the surface by as much as the filter's edge lies beneath it: the slope's own bias.
    let cosine = saturate(dot(normal, lamp.to_lamp));
    let slope = sqrt(1.0 - cosine * cosine);
    let radius_m = max(texel_m.x * (blur.x + SHADOW_OFFSET_TEXELS), texel_m.y * (blur.y + SHADOW_OFFSET_TEXELS));
    let bias_m = select(SHADOW_BIAS_M, SHADOW_HAIR_BIAS_M, kind == HAIR);
    let place = position + normal * (slope * radius_m) + lamp.to_lamp * bias_m;

    let clip = lighting.shadow_from_rest * vec4<f32>(place, 1.0);
    let at = clip.xyz / max(clip.w, 1e-9);
    let uv = at.xy * vec2<f32>(0.5, -0.5) + 0.5;
    if any(uv <= vec2<f32>(0.0)) || any(uv >= vec2<f32>(1.0)) || at.z <= 0.0 || at.z >= 1.0 {
        return 1.0;
    }
    var lit = 0.0;
    for (var i = 0u; i < SHADOW_TAPS; i++) {
        // A spiral by the golden angle, which spreads any number of taps evenly over the disc (Vogel 1979).
        let radius = sqrt((f32(i) + 0.5) / f32(SHADOW_TAPS));
        let angle = f32(i) * 2.399963;
        let tap = radius * vec2<f32>(cos(angle), sin(angle));
        lit += textureSampleCompareLevel(shadow_map, shadow_sampler, uv + tap * blur * lighting.shadow_texel.xy, at.z);
    }
    return lit / f32(SHADOW_TAPS);
}
