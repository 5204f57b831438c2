//! What the executor draws into.

use half::f16;

use super::threads::Split;

/// A picture of avatars alone: colour and depth, row by row from the top left.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layer {
    width: usize,
    height: usize,
    color: Vec<[f16; 4]>,
    depth: Vec<f32>,
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

    /// Changes the size; allocates only where it grows. The contents are of no meaning then.
    pub(crate) fn resize(&mut self, width: usize, height: usize) {
        (self.width, self.height) = (width, height);
        self.color.resize(width * height, [f16::ZERO; 4]);
        self.depth.resize(width * height, 0.0);
    }

    pub(crate) fn rows_mut(&mut self) -> LayerRows<'_> {
        LayerRows { width: self.width, color: &mut self.color, depth: &mut self.depth }
    }
}

/// Whole rows of a layer.
pub(crate) struct LayerRows<'a> {
    pub(crate) width: usize,
    pub(crate) color: &'a mut [[f16; 4]],
    pub(crate) depth: &'a mut [f32],
}

impl Split for LayerRows<'_> {
    fn split(self, rows: usize) -> (Self, Self) {
        let Self { width, color, depth } = self;
        let (color_above, color_below) = color.split(rows * width);
        let (depth_above, depth_below) = depth.split(rows * width);
        (
            Self { width, color: color_above, depth: depth_above },
            Self { width, color: color_below, depth: depth_below },
        )
    }
}
