// The pixel decoder: features, normal and view direction -> colour as captured and alpha.
//
// Weights stand in a uniform buffer as 4×4 blocks (columns are inputs). With 24 channels of features, 7 geometric
// inputs and hidden layers of 24: 32·24 + 24·24 + 24·8 = 1,536 multiply-adds a pixel, of which the zero columns of the
// last input group cost 24; 6 texture samples of 8 + 4 bytes a texel.

// Layers of four channels of each map, and hidden units in fours (at most 6).
override dynamic_layers: u32 = 3u;
override static_layers: u32 = 3u;
override hidden_groups: u32 = 6u;
// Whether loops have the constants above as bounds, so that compilers unroll them and keep every array in registers. If
// not, the bounds are the uniform's: the compilers of software adapters take minutes over one large block.
override unrolled: bool = true;

struct PixelDecoder {
    // [input group][hidden group]; input groups are the dynamic map's, the static map's, then two of geometry.
    first: array<mat4x4<f32>, 96>,
    // [input group][hidden group].
    second: array<mat4x4<f32>, 36>,
    // [input group][0: albedo and alpha, 1: shading].
    third: array<mat4x4<f32>, 12>,
    first_bias: array<vec4<f32>, 6>,
    second_bias: array<vec4<f32>, 6>,
    third_bias: array<vec4<f32>, 2>,
    // For relighting, [input group][output group]: the normal's offset along its two tangents, then how much of each captured
    // lamp and of the captured ambient light arrives.
    parts: array<mat4x4<f32>, 18>,
    parts_bias: array<vec4<f32>, 3>,
    // dynamic_layers, static_layers, hidden_groups once more; 1 if what it decodes is blended.
    counts: vec4<u32>,
}

@group(1) @binding(0) var<uniform> decoder: PixelDecoder;
@group(1) @binding(1) var dynamic_map: texture_2d_array<f32>;
@group(1) @binding(2) var static_map: texture_2d_array<f32>;
@group(1) @binding(3) var bilinear: sampler;

struct Surface {
    // Linear light, as captured.
    color: vec3<f32>,
    alpha: f32,
}

// uv in 0..=1, v down; normal and to_eye of unit length, in the rest frame. Opaque parts see by normal and reflection,
// blended ones by reflection and the direction to the eye. The second hidden layer, before its activation.
fn decode_hidden(uv: vec2<f32>, normal: vec3<f32>, to_eye: vec3<f32>) -> array<vec4<f32>, 6> {
    var counts = vec3<u32>(dynamic_layers, static_layers, hidden_groups);
    if !unrolled {
        counts = decoder.counts.xyz;
    }
    var h = decoder.first_bias;
    for (var layer = 0u; layer < counts.x; layer++) {
        let x = textureSampleLevel(dynamic_map, bilinear, uv, i32(layer), 0.0);
        for (var j = 0u; j < hidden_groups; j++) {
            h[j] += decoder.first[layer * hidden_groups + j] * x;
        }
    }
    for (var layer = 0u; layer < counts.y; layer++) {
        let x = textureSampleLevel(static_map, bilinear, uv, i32(layer), 0.0);
        for (var j = 0u; j < hidden_groups; j++) {
            h[j] += decoder.first[(counts.x + layer) * hidden_groups + j] * x;
        }
    }
    let group = counts.x + counts.y;
    let facing = dot(normal, to_eye);
    let reflection = 2.0 * facing * normal - to_eye;
    let blended = decoder.counts.w != 0u;
    let b = select(reflection, to_eye, blended);
    let x0 = vec4<f32>(select(normal, reflection, blended), b.x);
    let x1 = vec4<f32>(b.yz, facing, 0.0);
    for (var j = 0u; j < hidden_groups; j++) {
        h[j] = leaky(
            h[j] + decoder.first[group * hidden_groups + j] * x0 + decoder.first[(group + 1u) * hidden_groups + j] * x1,
        );
    }

    // Inputs are taken from the front of a queue, so that no register is addressed by a loop that isn't unrolled.
    var g = decoder.second_bias;
    for (var i = 0u; i < counts.z; i++) {
        for (var j = 0u; j < hidden_groups; j++) {
            g[j] += decoder.second[i * hidden_groups + j] * h[0];
        }
        for (var j = 1u; j < hidden_groups; j++) {
            h[j - 1u] = h[j];
        }
    }
    return g;
}

// As `decode_hidden`.
fn decode_pixel(uv: vec2<f32>, normal: vec3<f32>, to_eye: vec3<f32>) -> Surface {
    var hidden = hidden_groups;
    if !unrolled {
        hidden = decoder.counts.z;
    }
    var g = decode_hidden(uv, normal, to_eye);
    var albedo_alpha = decoder.third_bias[0];
    var shading = decoder.third_bias[1];
    for (var i = 0u; i < hidden; i++) {
        let x = leaky(g[0]);
        albedo_alpha += decoder.third[i * 2u] * x;
        shading += decoder.third[i * 2u + 1u] * x;
        for (var j = 1u; j < hidden_groups; j++) {
            g[j - 1u] = g[j];
        }
    }
    let s = 1.0 / (1.0 + exp(-albedo_alpha));
    return Surface(s.rgb * softplus(shading.rgb), s.a);
}

fn softplus(x: vec3<f32>) -> vec3<f32> {
    return max(x, vec3<f32>(0.0)) + log(1.0 + exp(-abs(x)));
}

// A unit vector that interpolation shortened, at unit length again; zero stays zero.
fn renormalize(v: vec3<f32>) -> vec3<f32> {
    return v * inverseSqrt(max(dot(v, v), 1e-30));
}
