// The last pass of a stage: the tone curve, and noise of less than a step so that 8 bits show no bands.

struct ScenePresent {
    // Factor on everything; where the shoulder begins (1: no curve, what is brighter than white is clipped); how much colour
    // burnt-out light loses; 1 for noise, 0 where the target has more than 8 bits.
    tone: vec4<f32>,
    // Pixels from the image's left and top edge to the target's.
    origin: vec2<f32>,
    reserved: vec2<f32>,
}

@group(0) @binding(0) var<uniform> present: ScenePresent;
@group(0) @binding(1) var image: texture_2d<f32>;

@vertex
fn scene_present_vertex(@builtin(vertex_index) index: u32) -> @builtin(position) vec4<f32> {
    return screen_corner(index);
}

// Up to the shoulder nothing changes, so that a person's colours stay; beyond, the brightest channel nears white along an
// exponential that meets the line without a kink, the others keep their ratio to it and then fade towards white, as film does.
fn filmic(color: vec3<f32>) -> vec3<f32> {
    let start = present.tone.y;
    let peak = max(color.x, max(color.y, color.z));
    if peak <= start {
        return color;
    }
    let room = 1.0 - start;
    let shown = start + room * (1.0 - exp(-(peak - start) / room));
    let kept = color * (shown / peak);
    let fade = 1.0 - 1.0 / (1.0 + present.tone.z * (peak - shown));
    return mix(kept, vec3<f32>(shown), fade);
}

@fragment
fn scene_present_fragment(@builtin(position) clip: vec4<f32>) -> @location(0) vec4<f32> {
    let texel = textureLoad(image, vec2<i32>(clip.xy + present.origin), 0);
    var color = max(texel.xyz, vec3<f32>(0.0)) * present.tone.x;
    if present.tone.y < 1.0 {
        color = filmic(color);
    }
    // A step of 8-bit sRGB is about 1/255 of the encoded value; in linear light it is as wide as the curve is flat there.
    let noise = fract(52.982919 * fract(dot(clip.xy, vec2<f32>(0.06711056, 0.00583715)))) - 0.5;
    let width = (2.2 / 255.0) * pow(max(color, vec3<f32>(1e-4)), vec3<f32>(0.545));
    return vec4<f32>(max(color + noise * width * present.tone.w, vec3<f32>(0.0)), texel.a);
}
