//! What the executor draws into.

use half::f16;

use super::threads::Split;

/// A picture of avatars alone: colour and depth, row by row from the top left, and where some are relit what they are made
/// of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layer {
    width: usize,
    height: usize,
    color: Vec<[f16; 4]>,
    depth: Vec<f32>,
    parts: Vec<[u32; 4]>,
}

impl Layer {
    /// The largest width and height.
    pub const MAX_SIZE: u32 = 16_384;

    /// An empty picture; [`Renderer::render`](super::Renderer::render) gives it its size.
    pub fn new() -> Self {
        Self::default()
    }

    /// Columns and rows.
    pub fn size(&self) -> [u32; 2] {
        [self.width as u32, self.height as u32]
    }

    /// Colour as captured, linear, premultiplied by alpha; `Rgba16Float` as the GPU has it.
    pub fn color(&self) -> &[[f16; 4]] {
        &self.color
    }

    /// Reversed depth: of the nearest surface with alpha ≥ ½; where there is none, that of the nearest softer one with
    /// its sign turned, so that a host can test it and leaves it at that; 0 where nothing is.
    pub fn depth(&self) -> &[f32] {
        &self.depth
    }

    /// For relighting, if it was drawn with [`Renderer::render_relit`](super::Renderer::render_relit), else empty: four words a
    /// pixel. From the lowest bit, the first holds the square roots of the albedo's red in 10 bits, of green
    /// and blue in 9, and the number of the [`PartKind`](visavis_codec::avatar::PartKind) in 4; the second the normal in the instance's rest frame, unfolded from
    /// an octahedron, in 11 bits an axis (1023 is 0), and in 10 bits the number of the instance, counted from 1 in the
    /// order in which they were given, 0 for nothing and for those that aren't relit;
    /// the others how much of each captured lamp's light arrives, then of the captured ambient light, as square roots of quarters
    /// in fields of one width, at most 16 bits, half of them (rounded up) a word.
    pub fn parts(&self) -> &[[u32; 4]] {
        &self.parts
    }

    /// Changes the size; allocates only where it grows. The contents are of no meaning then.
    pub(crate) fn resize(&mut self, width: usize, height: usize, has_parts: bool) {
        (self.width, self.height) = (width, height);
        self.color.resize(width * height, [f16::ZERO; 4]);
        self.depth.resize(width * height, 0.0);
        self.parts.resize(if has_parts { width * height } else { 0 }, [0; 4]);
    }

    pub(crate) fn rows_mut(&mut self) -> LayerRows<'_> {
        LayerRows {
            width: self.width,
            color: &mut self.color,
            depth: &mut self.depth,
            parts: &mut self.parts,
        }
    }
}

/// Whole rows of a layer.
pub(crate) struct LayerRows<'a> {
    pub(crate) width: usize,
    pub(crate) color: &'a mut [[f16; 4]],
    pub(crate) depth: &'a mut [f32],
    /// Empty unless some instance is relit.
    pub(crate) parts: &'a mut [[u32; 4]],
}

impl Split for LayerRows<'_> {
    fn split(self, rows: usize) -> (Self, Self) {
        let Self { width, color, depth, parts } = self;
        let (color_above, color_below) = color.split(rows * width);
        let (depth_above, depth_below) = depth.split(rows * width);
        let (parts_above, parts_below) = parts.split(rows * width);
        (
            Self { width, color: color_above, depth: depth_above, parts: parts_above },
            Self { width, color: color_below, depth: depth_below, parts: parts_below },
        )
    }
}
