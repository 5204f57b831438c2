// Analytic edge coverage: every silhouette edge of an opaque part gets a quad reaching one pixel outwards, whose alpha
// falls from 1 at the edge to 0. It never darkens the inside.
//
// Six invocations an edge pull two or four vertices of 32 bytes; all but some two per cent of the edges end in a
// degenerate triangle.

@group(0) @binding(0) var<uniform> camera: Camera;
@group(2) @binding(0) var<storage, read> vertices: array<SkinnedVertex>;
// An edge of the welded mesh: for the face on either side, its two corners along the edge in its own winding (first |
// second << 16) and its third corner: (x, y) one face, (z, w) the other, or w = 0xffffffff on a boundary.
@group(2) @binding(1) var<storage, read> edges: array<vec4<u32>>;

struct FringeVarying {
    @builtin(position) clip: vec4<f32>,
    @location(0) position: vec3<f32>,
    @location(1) normal: vec3<f32>,
    @location(2) uv: vec2<f32>,
    // dot(outwards, vec3(pixel, 1)): pixels from the edge.
    @location(3) @interpolate(flat) outwards: vec3<f32>,
}

fn faces_eye(a: vec3<f32>, b: vec3<f32>, c: vec3<f32>) -> bool {
    return dot(cross(b - a, c - a), camera.eye_in_rest - a) > 0.0;
}

fn pixel_from_clip(clip: vec4<f32>) -> vec2<f32> {
    return camera.viewport_origin + (clip.xy / clip.w * vec2<f32>(0.5, -0.5) + 0.5) * camera.viewport;
}

@vertex
fn fringe_vertex(@builtin(vertex_index) index: u32) -> FringeVarying {
    var out: FringeVarying;
    // Nothing is drawn unless the edge turns out to be a silhouette: all six corners at one place.
    out.clip = vec4<f32>(0.0, 0.0, 0.0, 1.0);

    let edge = edges[index / 6u];
    var pair = edge.x;
    var third = edge.y;
    let one = faces_eye(
        vertices[edge.x & 0xffffu].position,
        vertices[edge.x >> 16u].position,
        vertices[edge.y].position,
    );
    var other = false;
    if edge.w != 0xffffffffu {
        other = faces_eye(
            vertices[edge.z & 0xffffu].position,
            vertices[edge.z >> 16u].position,
            vertices[edge.w].position,
        );
        if other {
            pair = edge.z;
            third = edge.w;
        }
    }
    if one == other {
        return out;
    }

    let from_vertex = vertices[pair & 0xffffu];
    let to_vertex = vertices[pair >> 16u];
    let from_clip = camera.clip_from_rest * vec4<f32>(from_vertex.position, 1.0);
    let to_clip = camera.clip_from_rest * vec4<f32>(to_vertex.position, 1.0);
    // An edge that reaches behind the eye has no line on the screen.
    if from_clip.w <= 0.0 || to_clip.w <= 0.0 {
        return out;
    }
    let from_pixel = pixel_from_clip(from_clip);
    let along = pixel_from_clip(to_clip) - from_pixel;
    let pixels = length(along);
    if pixels < 1e-6 {
        return out;
    }
    // A front face is counter-clockwise to the eye; pixels count downwards, so its outside is on the right of its
    // edge as seen with y up, which is this way:
    let outside = vec2<f32>(-along.y, along.x) / pixels;

    // Corners 0 1 2 and 2 1 3 of: edge start, edge end, outer start, outer end.
    let corner = array<u32, 6>(0u, 1u, 2u, 2u, 1u, 3u)[index % 6u];
    var v = from_vertex;
    var clip = from_clip;
    if (corner & 1u) == 1u {
        v = to_vertex;
        clip = to_clip;
    }
    if corner >= 2u {
        // One pixel outwards, at the same depth.
        let ndc = outside * vec2<f32>(2.0, -2.0) / camera.viewport;
        clip += vec4<f32>(ndc * clip.w, 0.0, 0.0);
    }
    out.clip = clip;
    out.position = v.position;
    out.normal = v.normal;
    out.uv = vec2<f32>(v.u, v.v);
    out.outwards = vec3<f32>(outside, -dot(outside, from_pixel));
    return out;
}

@fragment
fn fringe_fragment(in: FringeVarying) -> @location(0) vec4<f32> {
    let s = decode_pixel(in.uv, renormalize(in.normal), renormalize(camera.eye_in_rest - in.position));
    let alpha = 1.0 - saturate(dot(in.outwards, vec3<f32>(in.clip.xy, 1.0)));
    return vec4<f32>(s.color * alpha, alpha);
}
