//! The Rust side of every struct that a shader reads or writes. Field for field as in the `.wgsl` file named beside each;
//! padding that WGSL leaves unnamed is never needed, because every struct here fills its alignment.

use bytemuck::{Pod, Zeroable};

/// A Rust struct that mirrors a WGSL struct.
pub trait Mirror: Pod {
    /// The struct's name, in WGSL and Rust alike.
    const NAME: &'static str;
    /// Name and offset in bytes of each field.
    fn fields() -> Vec<(&'static str, usize)>;
}

macro_rules! mirrors {
    ($($(#[$doc:meta])* struct $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)+ })+) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
            #[repr(C)]
            pub struct $name { $($(#[$field_doc])* pub $field: $type,)+ }

            impl Mirror for $name {
                const NAME: &'static str = stringify!($name);

                fn fields() -> Vec<(&'static str, usize)> {
                    vec![$((stringify!($field), std::mem::offset_of!($name, $field))),+]
                }
            }
        )+
    };
}

mirrors! {
    /// `camera.wgsl`: one eye as one avatar sees it.
    struct Camera {
        /// Reversed-Z clip space from the avatar's rest frame, by columns.
        clip_from_rest: [[f32; 4]; 4],
        /// Where the eye is, metres.
        eye_in_rest: [f32; 3],
        /// How much of the colour is the likeness's, 0 to 1.
        likeness: f32,
        /// Width and height of the viewport, pixels.
        viewport: [f32; 2],
        /// Pixels from the target's left and top edge to the viewport's.
        viewport_origin: [f32; 2],
        /// The rest frame from clip space, by columns, where a layer is relit; else zero.
        rest_from_clip: [[f32; 4]; 4],
        /// Left, bottom, right, top of the avatar in clip space, −1..=1; there, too.
        bounds: [f32; 4],
        /// Zero; to 256 bytes.
        padding: [[f32; 4]; 5],
    }

    /// `skinned_vertex.wgsl`: a vertex after decoding and skinning, in the rest frame.
    struct SkinnedVertex {
        /// Metres.
        position: [f32; 3],
        /// Texture coordinate to the right.
        u: f32,
        /// Unit length.
        normal: [f32; 3],
        /// Texture coordinate downwards.
        v: f32,
    }

    /// `seed.wgsl`: the shape of the texture decoder's seed.
    struct SeedShape {
        /// Groups of four channels, times 64 texels.
        threads: u32,
        /// Groups of eight inputs.
        input_octets: u32,
        /// Zero.
        reserved_0: u32,
        /// Zero.
        reserved_1: u32,
    }

    /// `block_shape.wgsl`: the shape of one up-block.
    struct BlockShape {
        /// Width and height of the input.
        size: u32,
        /// Channels in, in fours.
        in_groups: u32,
        /// Channels out, in fours.
        out_groups: u32,
        /// Zero.
        reserved: u32,
    }

    /// `skin.wgsl`: how much there is to skin.
    struct SkinShape {
        /// Number of vertices.
        vertices: u32,
        /// Basis vectors, in fours.
        rank_groups: u32,
        /// Zero.
        reserved_0: u32,
        /// Zero.
        reserved_1: u32,
    }

    /// `skin.wgsl`: a vertex at rest.
    struct RestVertex {
        /// Metres, head space at rest.
        mean: [f32; 3],
        /// Four joint numbers, a byte each, the first lowest.
        joints: u32,
        /// Texture coordinates, v downwards.
        uv: [f32; 2],
        /// Four weights in 255ths, a byte each, the first lowest.
        weights: u32,
        /// Zero.
        reserved: u32,
    }

    /// `normals.wgsl`: how many vertices there are.
    struct NormalsShape {
        /// Number of vertices.
        vertices: u32,
        /// Zero.
        reserved_0: u32,
        /// Zero.
        reserved_1: u32,
        /// Zero.
        reserved_2: u32,
    }

    /// `pixel_decoder.wgsl`: the pixel decoder's weights in 4×4 blocks, each by columns, columns being inputs.
    struct PixelDecoder {
        /// `[input group][hidden group]`.
        first: [[[f32; 4]; 4]; 96],
        /// `[input group][hidden group]`.
        second: [[[f32; 4]; 4]; 36],
        /// `[input group][0: albedo and alpha, 1: shading]`.
        third: [[[f32; 4]; 4]; 12],
        /// By hidden group.
        first_bias: [[f32; 4]; 6],
        /// By hidden group.
        second_bias: [[f32; 4]; 6],
        /// Albedo and alpha, shading.
        third_bias: [[f32; 4]; 2],
        /// For relighting, `[input group][output group]`: the normal's offset, then the reach of each captured light source.
        parts: [[[f32; 4]; 4]; 18],
        /// By output group.
        parts_bias: [[f32; 4]; 3],
        /// Layers of the dynamic and the static map, hidden units in fours, 1 if it is for blended parts.
        counts: [u32; 4],
    }

    /// `light.wgsl`: a lamp in the rest frame.
    struct Lamp {
        /// Unit vector towards a far lamp and 0, or a near one's centre (metres) and 1.
        place: [f32; 4],
        /// Colour of white that faces it; sine of its angular radius, or its radius (metres).
        color: [f32; 4],
        /// A spot's axis and offset; (0, 0, 0, 1) for others.
        cone: [f32; 4],
    }

    /// `light.wgsl`: how a part meets light.
    struct Finish {
        /// How far beyond the terminator light comes, as a cosine.
        wrap: [f32; 3],
        /// Of the mirroring lobe.
        roughness: f32,
        /// How much of the mirroring lobe is seen.
        specular: f32,
        /// 1 if it mirrors as strands do.
        strands: u32,
        /// Zero.
        reserved_0: u32,
        /// Zero.
        reserved_1: u32,
    }

    /// `light.wgsl`: the light that an instance is seen in and the one that it was captured in, in the rest frame.
    struct Lighting {
        /// Harmonics times their constants: of the light, of the captured light.
        ambient: [[f32; 4]; 2 * LIGHT_BANDS],
        /// Of the light, of the captured light.
        lamps: [Lamp; 2 * LIGHT_LAMPS],
        /// Clip space of the shadow map, by columns.
        shadow_from_rest: [[f32; 4]; 4],
        /// A texel as a share of the shadow map, and in metres at w = 1.
        shadow_texel: [f32; 4],
        /// Of each kind of part, from 1.
        finishes: [Finish; PART_KINDS + 1],
        /// Lamps of the light and of the captured light, 1 if there is a shadow map, the instance's number in a layer.
        counts: [u32; 4],
    }

    /// `layer.wgsl`: where a layer of the CPU executor goes.
    struct LayerPlacement {
        /// Pixels from the target's left and top edge.
        origin: [f32; 2],
        /// Zero.
        reserved: [f32; 2],
    }

    /// `present.wgsl`: what stands behind the picture; linear, premultiplied.
    struct Background {
        /// At the top edge.
        top: [f32; 4],
        /// At the bottom edge.
        bottom: [f32; 4],
    }

    /// `studio.wgsl`: the wall behind people, linear light.
    struct Studio {
        /// Its colour behind the head, and how many pictures stand beside each other.
        centre: [f32; 4],
        /// Its colour in the corners, and the width of each picture over its height.
        edge: [f32; 4],
        /// 1 where the target wants values encoded as sRGB, else 0; then padding.
        encode: [f32; 4],
    }
}

/// Coefficients of real spherical harmonics of order 2.
pub const LIGHT_BANDS: usize = 9;
/// Kinds of parts, numbered from 1.
pub const PART_KINDS: usize = 9;
/// Lamps of one light, at most.
pub const LIGHT_LAMPS: usize = 8;
/// Hidden units of the pixel decoder in fours, at most.
pub const MAX_HIDDEN_GROUPS: usize = 6;
/// Inputs of the pixel decoder in fours, at most.
pub const MAX_INPUT_GROUPS: usize = 16;
/// Layers of four channels of the dynamic map, at most.
pub const MAX_DYNAMIC_LAYERS: usize = 4;
/// Vectors of four that the condition fills, with its constant 1 and its padding.
pub const CONDITION_VECTORS: usize = 24;
/// Views of one pass, at most.
pub const MAX_VIEWS: usize = 8;
