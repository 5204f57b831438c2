// Analytic edge coverage: every silhouette edge of an opaque part gets a quad reaching one pixel outwards, whose alpha
// falls from 1 at the edge to 0. It never darkens the inside. Where alpha is at least ½ it writes depth, as everything
// does: two passes, and which of them a fragment belongs to is known before it is shaded.
//
// Six invocations an edge pull two or four vertices of 32 bytes; all but some two per cent of the edges end in a
// degenerate triangle.

@group(2) @binding(0) var<storage, read> vertices: array<SkinnedVertex>;
// An edge of the welded mesh: for the face on either side, its two corners along the edge in its own winding (first |
// second << 16) and its third corner: (x, y) one face, (z, w) the other, or w = 0xffffffff on a boundary.
@group(2) @binding(1) var<storage, read> edges: array<vec4<u32>>;

struct FringeVarying {
    @builtin(position) clip: vec4<f32>,
    @location(0) to_eye: vec3<f32>,
    @location(1) normal: vec3<f32>,
    @location(2) uv: vec2<f32>,
    // dot(outwards, vec3(pixel, 1)): pixels from the edge.
    @location(3) @interpolate(flat) outwards: vec3<f32>,
    @location(4) @interpolate(flat) likeness: f32,
}

fn faces_eye(eye: vec3<f32>, a: vec3<f32>, b: vec3<f32>, c: vec3<f32>) -> bool {
    return dot(cross(b - a, c - a), eye - a) > 0.0;
}

fn pixel_from_clip(camera: Camera, clip: vec4<f32>) -> vec2<f32> {
    return camera.viewport_origin + (clip.xy / clip.w * vec2<f32>(0.5, -0.5) + 0.5) * camera.viewport;
}

fn fringe_from(camera: Camera, index: u32) -> FringeVarying {
    var out: FringeVarying;
    // Nothing is drawn unless the edge turns out to be a silhouette: all six corners at one place.
    out.clip = vec4<f32>(0.0, 0.0, 0.0, 1.0);

    let edge = edges[index / 6u];
    var pair = edge.x;
    let one = faces_eye(
        camera.eye_in_rest,
        vertices[edge.x & 0xffffu].position,
        vertices[edge.x >> 16u].position,
        vertices[edge.y].position,
    );
    var other = false;
    if edge.w != 0xffffffffu {
        other = faces_eye(
            camera.eye_in_rest,
            vertices[edge.z & 0xffffu].position,
            vertices[edge.z >> 16u].position,
            vertices[edge.w].position,
        );
        if other {
            pair = edge.z;
        }
    }
    if one == other {
        return out;
    }

    let from_vertex = vertices[pair & 0xffffu];
    let to_vertex = vertices[pair >> 16u];
    let from_whole = camera.clip_from_rest * vec4<f32>(from_vertex.position, 1.0);
    let to_whole = camera.clip_from_rest * vec4<f32>(to_vertex.position, 1.0);
    // The part beyond the near plane: where along the edge it begins and ends.
    let inside = vec2<f32>(from_whole.w - from_whole.z, to_whole.w - to_whole.z);
    if max(inside.x, inside.y) < 0.0 {
        return out;
    }
    let cut = inside.x / (inside.x - inside.y);
    let ends = vec2<f32>(select(0.0, cut, inside.x < 0.0), select(1.0, cut, inside.y < 0.0));
    let from_clip = mix(from_whole, to_whole, ends.x);
    let to_clip = mix(from_whole, to_whole, ends.y);
    if from_clip.w <= 0.0 || to_clip.w <= 0.0 {
        return out;
    }
    let from_pixel = pixel_from_clip(camera, from_clip);
    let along = pixel_from_clip(camera, to_clip) - from_pixel;
    let pixels = length(along);
    if pixels < 1e-6 {
        return out;
    }
    // A front face is counter-clockwise to the eye; pixels count downwards, so its outside is on the right of its
    // edge as seen with y up, which is this way:
    let outside = vec2<f32>(-along.y, along.x) / pixels;

    // Corners 0 1 2 and 2 1 3 of: edge start, edge end, outer start, outer end.
    let corner = array<u32, 6>(0u, 1u, 2u, 2u, 1u, 3u)[index % 6u];
    let is_end = (corner & 1u) == 1u;
    var clip = select(from_clip, to_clip, is_end);
    let t = select(ends.x, ends.y, is_end);
    if corner >= 2u {
        // One pixel outwards, at the same depth.
        let ndc = outside * vec2<f32>(2.0, -2.0) / camera.viewport;
        clip += vec4<f32>(ndc * clip.w, 0.0, 0.0);
    }
    out.clip = clip;
    out.to_eye = camera.eye_in_rest - mix(from_vertex.position, to_vertex.position, t);
    out.normal = mix(from_vertex.normal, to_vertex.normal, t);
    out.uv = mix(vec2<f32>(from_vertex.u, from_vertex.v), vec2<f32>(to_vertex.u, to_vertex.v), t);
    out.outwards = vec3<f32>(outside, -dot(outside, from_pixel));
    out.likeness = camera.likeness;
    return out;
}

fn coverage(in: FringeVarying) -> f32 {
    return 1.0 - saturate(dot(in.outwards, vec3<f32>(in.clip.xy, 1.0)));
}

fn decode_fringe(in: FringeVarying, alpha: f32) -> vec4<f32> {
    let s = surface_color(in.uv, renormalize(in.normal), renormalize(in.to_eye), in.likeness);
    return vec4<f32>(s.color * alpha, alpha);
}

@fragment
fn fringe_solid(in: FringeVarying) -> @location(0) vec4<f32> {
    let alpha = coverage(in);
    if alpha < 0.5 {
        discard;
    }
    return decode_fringe(in, alpha);
}

@fragment
fn fringe_soft(in: FringeVarying) -> @location(0) vec4<f32> {
    let alpha = coverage(in);
    if alpha >= 0.5 {
        discard;
    }
    return decode_fringe(in, alpha);
}
