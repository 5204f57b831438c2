// A drawn scene made ready for people to stand in it: one sample a pixel, out of focus where it is far from the focus, or
// outlined in ink. People are drawn over it sharp, and hair lies over what is blurred already.

struct SceneFinish {
    // Pixels from the target's left and top edge, then width and height.
    viewport: vec4<f32>,
    ink_color: vec3<f32>,
    // Width of outlines, pixels; 0 for none.
    ink_px: f32,
    // Depth is `depth.x / distance + depth.y`, metres; of a projection without perspective depth.z is 1 and there is no ink.
    depth: vec4<f32>,
    // Metres to what is sharp; radius of blur infinitely far away, pixels (0 for none); the largest, pixels; reserved.
    lens: vec4<f32>,
}

@group(0) @binding(0) var<uniform> finish: SceneFinish;
@group(0) @binding(1) var drawn: texture_2d<f32>;

@vertex
fn finish_vertex(@builtin(vertex_index) index: u32) -> @builtin(position) vec4<f32> {
    return screen_corner(index);
}

struct FinishOut {
    @location(0) color: vec4<f32>,
    @builtin(frag_depth) depth: f32,
}

fn inside(pixel: vec2<i32>) -> vec2<i32> {
    let low = vec2<i32>(finish.viewport.xy);
    return clamp(pixel, low, low + vec2<i32>(finish.viewport.zw) - 1);
}

// Signed radius of a pixel's blur: behind the focus above 0.
fn blur_of(depth: f32) -> f32 {
    // 1 / distance, from reversed depth.
    let near = max(depth - finish.depth.y, 0.0) / finish.depth.x;
    return clamp(finish.lens.y * (1.0 - near * finish.lens.x), -finish.lens.z, finish.lens.z);
}

const LENS_TAPS = 56u;

// What a lens gathers at a pixel: taps on a disc count where their own blur reaches it; what is nearer and sharp doesn't
// bleed into what lies behind.
fn through_lens(pixel: vec2<i32>, here: vec4<f32>, depth: f32) -> vec4<f32> {
    let mine = blur_of(depth);
    let radius = max(abs(mine), 0.0);
    if radius < 0.6 {
        return here;
    }
    let noise = fract(52.982919 * fract(dot(vec2<f32>(pixel), vec2<f32>(0.06711056, 0.00583715))));
    var sum = here;
    var total = 1.0;
    for (var i = 0u; i < LENS_TAPS; i++) {
        let r = sqrt((f32(i) + 0.5) / f32(LENS_TAPS));
        let angle = f32(i) * 2.399963 + noise * 6.2831853;
        let at = inside(pixel + vec2<i32>(round(vec2<f32>(cos(angle), sin(angle)) * (r * radius))));
        let theirs = blur_of(depth_at(at));
        // Behind the focus, only what is behind it too; the lesser blur of both says how far it spreads.
        let reaches = saturate(min(abs(theirs), radius) - r * radius + 1.0) * select(0.0, 1.0, theirs * mine > 0.0);
        // Bright texels are held back: one that is burnt out shouldn't become a disc of its own.
        let color = min(textureLoad(drawn, at, 0), vec4<f32>(8.0));
        sum += color * reaches;
        total += reaches;
    }
    return sum / total;
}

// On a plane reversed depth is affine in pixels, so that its second difference tells edges and creases, whatever the slope.
fn edge(pixel: vec2<i32>, depth: f32, step: vec2<i32>) -> f32 {
    let one = depth_at(inside(pixel - step));
    let other = depth_at(inside(pixel + step));
    let bend = abs(one + other - 2.0 * depth);
    // Against the least of the three: outlines lie on the nearer side and the farther alike.
    return bend / max(min(one, min(other, depth)), 1e-6);
}

fn inked(pixel: vec2<i32>, depth: f32) -> f32 {
    if finish.ink_px <= 0.0 || depth <= 0.0 && depth_at(inside(pixel + vec2<i32>(1, 0))) <= 0.0 && depth_at(inside(pixel - vec2<i32>(1, 0))) <= 0.0 {
        return 0.0;
    }
    var line = 0.0;
    let reach = max(i32(ceil(finish.ink_px * 0.5)), 1);
    for (var i = 1; i <= reach; i++) {
        let weight = saturate(finish.ink_px * 0.5 - f32(i) + 1.0);
        let bend = max(max(edge(pixel, depth, vec2<i32>(i, 0)), edge(pixel, depth, vec2<i32>(0, i))),
            max(edge(pixel, depth, vec2<i32>(i, i)), edge(pixel, depth, vec2<i32>(i, -i))));
        line = max(line, weight * smoothstep(0.010, 0.022, bend / f32(i)));
    }
    return line;
}

@fragment
fn finish_fragment(@builtin(position) clip: vec4<f32>) -> FinishOut {
    let pixel = vec2<i32>(clip.xy);
    let depth = depth_at(pixel);
    var color = textureLoad(drawn, pixel, 0);
    if finish.lens.y > 0.0 {
        color = through_lens(pixel, color, depth);
    }
    if finish.ink_px > 0.0 {
        color = mix(color, vec4<f32>(finish.ink_color, 1.0), inked(pixel, depth));
    }
    return FinishOut(color, depth);
}
