//! The modules and the files that each is made of: what this crate offers, and what its build script validates.

/// The modules that need the feature multiview: their vertex stage asks which view it is for.
pub const MULTIVIEW: &[Shader] = &[
    SURFACE_VIEWS,
    SURFACE_RELIT_VIEWS,
    FRINGE_VIEWS,
    FRINGE_RELIT_VIEWS,
    DEPTH_ONLY_VIEWS,
    LAYER_VIEWS,
    LAYER_RELIT_VIEWS,
];

/// A WGSL module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shader {
    /// The stem of its own file, as a label.
    pub name: &'static str,
    /// The stems of its files in the order of the text; its own is the last.
    pub files: &'static [&'static str],
    /// The text: shared topics, then the pass, an empty line after each file.
    pub source: &'static str,
}

macro_rules! shaders {
    ($($(#[$doc:meta])* $constant:ident = $($file:literal)+;)+) => {
        $(
            $(#[$doc])*
            pub const $constant: Shader = Shader {
                name: last(&[$($file),+]),
                files: &[$($file),+],
                source: concat!($(include_str!(concat!("../wgsl/", $file, ".wgsl")), "\n"),+),
            };
        )+

        /// Every module.
        pub const ALL: &[Shader] = &[$($constant),+];
    };
}

const fn last(files: &[&'static str]) -> &'static str {
    files[files.len() - 1]
}

shaders! {
    /// Compute, `decode_seed`: condition → the texture decoder's seed map.
    SEED = "leaky" "half" "seed";
    /// Compute, `expand`: 1×1 convolution with depth-to-space.
    EXPAND = "block_shape" "expand";
    /// Compute, `depthwise_hidden`: depthwise 3×3, untied bias, activation.
    DEPTHWISE_HIDDEN = "leaky" "half" "block_shape" "depthwise" "depthwise_hidden";
    /// Compute, `depthwise_map`: the last depthwise 3×3, into the dynamic feature map.
    DEPTHWISE_MAP = "half" "block_shape" "depthwise" "depthwise_map";
    /// Compute, `head`: the dynamic feature map at half its size, in the last up-block's place.
    HEAD = "half" "block_shape" "head";
    /// Compute, `skin`: basis and linear-blend skinning.
    SKIN = "skinned_vertex" "skin";
    /// Compute, `gather_normals`: vertex normals over the welded mesh.
    NORMALS = "skinned_vertex" "normals";
    /// Raster, `surface_vertex` with `opaque_fragment`, `solid_fragment`, `soft_fragment`.
    SURFACE = "camera" "leaky" "pixel_decoder" "base_color" "surface" "surface_view";
    /// [`SURFACE`] in a pass of several views.
    SURFACE_VIEWS = "camera" "leaky" "pixel_decoder" "base_color" "surface" "surface_views";
    /// Raster, `surface_relit_vertex` with `opaque_relit`, `solid_relit`, `soft_relit`: [`SURFACE`] in other light.
    SURFACE_RELIT = "camera" "leaky" "pixel_decoder" "base_color" "parts" "pixel_parts" "base_parts" "light" "shadow" "relight"
        "surface" "surface_relit" "surface_relit_view";
    /// [`SURFACE_RELIT`] in a pass of several views.
    SURFACE_RELIT_VIEWS = "camera" "leaky" "pixel_decoder" "base_color" "parts" "pixel_parts" "base_parts" "light" "shadow"
        "relight" "surface" "surface_relit" "surface_relit_views";
    /// Raster, `fringe_vertex` with `fringe_solid`, `fringe_soft`: analytic edge coverage.
    FRINGE = "camera" "skinned_vertex" "leaky" "pixel_decoder" "base_color" "fringe" "fringe_view";
    /// [`FRINGE`] in a pass of several views.
    FRINGE_VIEWS = "camera" "skinned_vertex" "leaky" "pixel_decoder" "base_color" "fringe" "fringe_views";
    /// Raster, `fringe_relit_vertex` with `fringe_solid_relit`, `fringe_soft_relit`: [`FRINGE`] in other light.
    FRINGE_RELIT = "camera" "skinned_vertex" "leaky" "pixel_decoder" "base_color" "parts" "pixel_parts" "base_parts" "light"
        "shadow" "relight" "fringe" "fringe_relit" "fringe_relit_view";
    /// [`FRINGE_RELIT`] in a pass of several views.
    FRINGE_RELIT_VIEWS = "camera" "skinned_vertex" "leaky" "pixel_decoder" "base_color" "parts" "pixel_parts" "base_parts"
        "light" "shadow" "relight" "fringe" "fringe_relit" "fringe_relit_views";
    /// Raster, `depth_vertex`, `shadow_vertex`: depth only.
    DEPTH_ONLY = "camera" "depth_only" "depth_only_view";
    /// [`DEPTH_ONLY`] in a pass of several views.
    DEPTH_ONLY_VIEWS = "camera" "depth_only" "depth_only_views";
    /// Raster, `layer_vertex` with `layer_solid`, `layer_soft`: a layer of the CPU executor.
    LAYER = "screen" "layer" "layer_view";
    /// [`LAYER`] in a pass of several views; six vertices instead of three.
    LAYER_VIEWS = "layer" "layer_views";
    /// Raster, `captured_layer_vertex` with `captured_solid`, `captured_soft`, and `relit_layer_vertex` with `relit_solid`,
    /// `relit_soft`: a layer in which some instances are relit.
    LAYER_RELIT = "camera" "parts" "light" "shadow" "relight" "layer" "layer_relit" "layer_relit_view";
    /// [`LAYER_RELIT`] in a pass of several views.
    LAYER_RELIT_VIEWS = "camera" "parts" "light" "shadow" "relight" "layer" "layer_relit" "layer_relit_views";
    /// Raster, `present_vertex`, `present_fragment`: a linear image over a background.
    PRESENT = "screen" "present";
    /// Raster, `studio_vertex`, `studio_fragment`: the viewer's picture, a linear image before a studio wall.
    STUDIO = "screen" "studio";
}
