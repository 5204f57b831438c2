//! How long the CPU executor takes to rasterise a frame without shading it.

use std::time::Instant;

use anyhow::{Context as _, Result};
use visavis::cpu::{Instance, Layer, Placed, Renderer, Weights};
use visavis_codec::glam::Affine3A;
use visavis_codec::reference::View;
use visavis_codec::{Avatar, FaceFrame};

/// The executor's own rasteriser, beside the engine. Tiles are shaded while they are rasterised, so the two can't be told
/// apart inside a frame: the frame is rasterised once more, by itself, with every point taken for opaque.
pub(super) struct Raster {
    instance: Instance,
    renderer: Renderer,
    layer: Layer,
    pool: rayon::ThreadPool,
}

impl Raster {
    /// On as many threads as the engine has.
    pub(super) fn new(avatar: &Avatar, threads: usize) -> Result<Self> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        Ok(Self {
            instance: Instance::new(Weights::new(avatar).into()),
            renderer: Renderer::new(),
            layer: Layer::new(),
            pool: pool.context("threads for the rasteriser")?,
        })
    }

    /// Milliseconds for one frame.
    pub(super) fn run(&mut self, face: &FaceFrame, view: &View, size: [u32; 2]) -> Result<f64> {
        self.instance.pose(face, Some(&self.pool)).context("posing for the rasteriser")?;
        let placed = [Placed { instance: &self.instance, world_from_rest: Affine3A::IDENTITY }];
        let start = Instant::now();
        self.renderer
            .rasterize(&placed, view, size, &mut self.layer, Some(&self.pool))
            .context("the rasteriser")?;
        Ok(start.elapsed().as_secs_f64() * 1e3)
    }
}
