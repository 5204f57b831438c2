// The host's room: quads in the world, coloured by what they are. Linear light, premultiplied.

@group(0) @binding(0) var<uniform> clip_from_world: mat4x4f;

struct Quad {
    corner: vec3f,
    right: vec3f,
    up: vec3f,
}

const WALL = 0u;
const DESK_TOP = 1u;
const DESK_FRONT = 2u;
const POST_FRONT = 3u;
const POST_SIDE = 4u;
const SHADE = 5u;
const GLASS = 6u;

// The camera looks along +Z, so that +X is on the left.
fn quad(kind: u32) -> Quad {
    switch kind {
        case WALL: { return Quad(vec3f(2.0, -1.5, 0.75), vec3f(-4.0, 0.0, 0.0), vec3f(0.0, 3.0, 0.0)); }
        case DESK_TOP: { return Quad(vec3f(0.9, -0.172, -0.45), vec3f(-1.8, 0.0, 0.0), vec3f(0.0, 0.0, 0.35)); }
        case DESK_FRONT: { return Quad(vec3f(0.9, -0.5, -0.45), vec3f(-1.8, 0.0, 0.0), vec3f(0.0, 0.328, 0.0)); }
        case POST_FRONT: { return Quad(vec3f(0.182, -0.172, -0.199), vec3f(-0.009, 0.0, 0.0), vec3f(0.0, 0.2, 0.0)); }
        case SHADE: { return Quad(vec3f(0.24, 0.0, -0.2), vec3f(-0.124, 0.0, 0.0), vec3f(0.0, 0.09, 0.0)); }
        case GLASS: { return Quad(vec3f(-0.01, -0.172, -0.2), vec3f(-0.22, 0.0, 0.0), vec3f(0.0, 0.26, 0.0)); }
        default: { return Quad(vec3f(0.173, -0.172, -0.199), vec3f(0.0, 0.0, 0.009), vec3f(0.0, 0.2, 0.0)); }
    }
}

struct Fragment {
    @builtin(position) position: vec4f,
    @location(0) @interpolate(flat) kind: u32,
    @location(1) world: vec3f,
    /// 0..1 along the quad's edges.
    @location(2) uv: vec2f,
}

@vertex
fn room_vertex(@builtin(vertex_index) index: u32) -> Fragment {
    // Six opaque quads, then the glass.
    let kind = index / 6u;
    let corner = index % 6u;
    let uv = vec2f(
        select(0.0, 1.0, corner == 1u || corner == 2u || corner == 4u),
        select(0.0, 1.0, corner == 2u || corner == 4u || corner == 5u),
    );
    let q = quad(kind);
    let world = q.corner + uv.x * q.right + uv.y * q.up;
    return Fragment(clip_from_world * vec4f(world, 1.0), kind, world, uv);
}

fn band(x: f32, low: f32, high: f32, soft: f32) -> f32 {
    return smoothstep(low - soft, low + soft, x) - smoothstep(high - soft, high + soft, x);
}

// Late light through a window of four panes, on plaster.
fn wall(world: vec3f) -> vec3f {
    let at = vec2f(world.x - 0.25 * world.y, world.y + 0.12 * world.x);
    let panes = max(band(at.x, -0.62, -0.36, 0.025), band(at.x, -0.32, -0.06, 0.025))
        * max(band(at.y, -0.1, 0.16, 0.025), band(at.y, 0.2, 0.5, 0.025));
    let lamp = exp(-8.0 * dot(world.xy - vec2f(0.45, 0.0), world.xy - vec2f(0.45, 0.0)));
    let plaster = vec3f(0.115, 0.125, 0.135) * (1.0 + 0.25 * world.y);
    return plaster + panes * vec3f(0.30, 0.20, 0.11) + lamp * vec3f(0.16, 0.095, 0.045);
}

fn wood(world: vec3f) -> vec3f {
    let along = world.x * 3.0 + 0.6 * sin(world.z * 40.0 + world.y * 31.0);
    let grain = 0.5 + 0.25 * sin((world.z + world.y) * 210.0 + 2.0 * sin(along)) + 0.15 * sin((world.z + world.y) * 97.0);
    return mix(vec3f(0.085, 0.038, 0.016), vec3f(0.15, 0.074, 0.034), grain);
}

@fragment
fn room_fragment(in: Fragment) -> @location(0) vec4f {
    switch in.kind {
        case WALL: { return vec4f(wall(in.world), 1.0); }
        case DESK_TOP: {
            let lamp = exp(-45.0 * dot(in.world.xz - vec2f(0.178, -0.2), in.world.xz - vec2f(0.178, -0.2)));
            return vec4f(wood(in.world) * (0.7 + 3.2 * lamp), 1.0);
        }
        case DESK_FRONT: { return vec4f(wood(in.world) * mix(0.25, 0.6, in.uv.y), 1.0); }
        case POST_FRONT: { return vec4f(vec3f(0.22, 0.15, 0.075) * (0.25 + band(in.uv.x, 0.2, 0.5, 0.15)), 1.0); }
        case SHADE: {
            // A lampshade, lit from inside.
            let across = (in.uv.x - 0.5) / (0.5 - 0.16 * in.uv.y);
            let inside = (1.0 - 0.45 * across * across) * (0.75 + 0.35 * exp(-9.0 * (in.uv.y - 0.4) * (in.uv.y - 0.4)));
            if abs(across) > 1.0 { discard; }
            return vec4f(vec3f(0.9, 0.6, 0.31) * inside, 1.0);
        }
        case GLASS: {
            let sheen = band(in.uv.x + 0.35 * in.uv.y, 0.35, 0.55, 0.02) + 0.6 * band(in.uv.x + 0.35 * in.uv.y, 0.62, 0.68, 0.02);
            let rim = 1.0 - band(in.uv.x, 0.008, 0.992, 0.004) * band(in.uv.y, 0.006, 0.994, 0.004);
            let light = vec3f(0.012, 0.02, 0.022) + 0.035 * sheen * vec3f(0.8, 0.95, 1.0) + 0.25 * rim;
            return vec4f(light, 0.1 + 0.4 * rim);
        }
        default: { return vec4f(vec3f(0.09, 0.06, 0.03), 1.0); }
    }
}
