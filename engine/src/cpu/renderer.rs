//! Decoded avatars to a layer.

use std::sync::atomic::{AtomicU64, Ordering};

use glam::{Mat4, Vec3};
use visavis_codec::reference::View;

use super::bands::TILE;
use super::geometry::Vertex;
use super::layer::Layer;
use super::pixel::Surface;
use super::scene::{Draw, Name, Placed, surface};
use super::simd::Level;
use super::threads::{Scratch, for_each_piece, with_threads};
use super::tile::{BandKernel, Scene, SurfaceOf, TileScratch};
use super::triangle::Camera;

/// Why a picture could not be drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RenderError {
    /// A width or height of 0, or above [`Layer::MAX_SIZE`].
    #[error("a picture of {width} × {height} pixels; each side must be 1 to {}", Layer::MAX_SIZE)]
    Size {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// The view or an avatar's place holds a number that isn't finite.
    #[error("the view or an avatar's place holds a number that isn't finite")]
    NotFinite,
    /// More avatars than a picture can hold.
    #[error("{0} avatars in one picture; at most {max}", max = Name::MAX_DRAWS)]
    TooMany(usize),
}

/// What a picture took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// How many points went through the pixel decoder.
    pub shaded_points: u64,
}

/// Draws pictures; keeps its buffers from one to the next.
#[derive(Debug, Default)]
pub struct Renderer {
    draws: Vec<Draw>,
    order: Vec<Ordered>,
    tiles: Scratch<TileScratch>,
}

/// Which avatar is drawn when, and how it is seen.
#[derive(Clone, Copy, Debug)]
struct Ordered {
    index: usize,
    distance: f32,
    /// The eye in the avatar's rest frame.
    eye: Vec3,
    clip_from_rest: Mat4,
}

/// The avatars in drawing order.
struct Surfaces<'a> {
    placed: &'a [Placed<'a>],
    order: &'a [Ordered],
    /// Of the avatars; those beyond its end are as captured.
    numbers: &'a [u16],
}

impl SurfaceOf for Surfaces<'_> {
    fn surface(&self, draw: usize) -> (Surface<'_>, &[Vertex]) {
        let Ordered { index, eye, .. } = self.order[draw];
        let instance = self.placed[index].instance;
        (surface(instance, eye), instance.records())
    }

    fn number(&self, draw: usize) -> u16 {
        self.numbers.get(self.order[draw].index).copied().unwrap_or(0)
    }

    fn sources(&self, draw: usize) -> u8 {
        self.placed[self.order[draw].index].instance.weights().shading.sources
    }
}

impl Renderer {
    /// A renderer with empty buffers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Draws decoded avatars as `view` sees them into a `width` × `height` layer on transparent black, on the pool's
    /// threads or, without one, on this. Allocates nothing of its own once it has drawn as much before.
    ///
    /// Opaque parts of all avatars hide one another; blended ones are drawn avatar by avatar, farthest first.
    ///
    /// # Errors
    /// If the size, the number of avatars or a transform can't be drawn; the layer stays as it is.
    pub fn render(
        &mut self,
        placed: &[Placed<'_>],
        view: &View,
        [width, height]: [u32; 2],
        layer: &mut Layer,
        pool: Option<&rayon::ThreadPool>,
    ) -> Result<Statistics, RenderError> {
        self.run(placed, &[], view, [width, height], layer, pool, true)
    }

    /// [`render`](Self::render) with [what relighting needs](Layer::parts) of the avatars whose place in `numbers` isn't
    /// 0: that is their number there, at most 1023. Without any, it is `render`.
    ///
    /// # Errors
    /// As there.
    pub fn render_relit(
        &mut self,
        placed: &[Placed<'_>],
        numbers: &[u16],
        view: &View,
        size: [u32; 2],
        layer: &mut Layer,
        pool: Option<&rayon::ThreadPool>,
    ) -> Result<Statistics, RenderError> {
        self.run(placed, numbers, view, size, layer, pool, true)
    }

    /// [`render`](Self::render) without the pixel decoder, so that a benchmark can tell what each costs: every point
    /// counts as opaque and black.
    ///
    /// # Errors
    /// As there.
    pub fn rasterize(
        &mut self,
        placed: &[Placed<'_>],
        view: &View,
        size: [u32; 2],
        layer: &mut Layer,
        pool: Option<&rayon::ThreadPool>,
    ) -> Result<Statistics, RenderError> {
        self.run(placed, &[], view, size, layer, pool, false)
    }

    #[allow(clippy::too_many_arguments, reason = "of three functions that have fewer")]
    fn run(
        &mut self,
        placed: &[Placed<'_>],
        numbers: &[u16],
        view: &View,
        [width, height]: [u32; 2],
        layer: &mut Layer,
        pool: Option<&rayon::ThreadPool>,
        is_shaded: bool,
    ) -> Result<Statistics, RenderError> {
        let sizes = 1..=Layer::MAX_SIZE;
        if !sizes.contains(&width) || !sizes.contains(&height) {
            return Err(RenderError::Size { width, height });
        }
        if placed.len() > Name::MAX_DRAWS {
            return Err(RenderError::TooMany(placed.len()));
        }
        self.set_order(placed, view)?;
        let size = [width as usize, height as usize];
        let has_parts = numbers.iter().take(placed.len()).any(|&number| number > 0);
        layer.resize(size[0], size[1], has_parts);
        let Self { draws, order, tiles } = self;
        if draws.len() < order.len() {
            draws.resize_with(order.len(), Draw::default);
        }
        let draws = &mut draws[..order.len()];
        let level = placed.first().map_or(Level::portable(), |placed| placed.instance.weights().level);
        let shaded_points = AtomicU64::new(0);
        with_threads(pool, |threads| {
            for (draw, ordered) in draws.iter_mut().zip(order.iter()) {
                let camera = Camera { clip_from_rest: ordered.clip_from_rest, size };
                draw.set_up(threads, placed[ordered.index].instance, camera, ordered.eye);
            }
            let surfaces = Surfaces { placed, order, numbers };
            let scene = Scene { draws, level, surfaces: &surfaces, height: size[1], is_shaded, has_parts };
            let first_row = |band: usize| (band * TILE).min(size[1]);
            let bands = size[1].div_ceil(TILE);
            for_each_piece(threads, layer.rows_mut(), 0..bands, &first_row, &|band, rows| {
                let points =
                    tiles.with(|scratch| level.run(BandKernel { scene: &scene, band, rows, scratch }));
                shaded_points.fetch_add(points, Ordering::Relaxed);
            });
        });
        Ok(Statistics { shaded_points: shaded_points.into_inner() })
    }

    /// Sorts the avatars from far to near.
    fn set_order(&mut self, placed: &[Placed<'_>], view: &View) -> Result<(), RenderError> {
        let (clip_from_world, eye) = (view.clip_from_world(), view.eye());
        self.order.clear();
        for (index, placed) in placed.iter().enumerate() {
            let world_from_rest = placed.world_from_rest;
            let ordered = Ordered {
                index,
                distance: eye.distance(world_from_rest.translation.into()),
                eye: world_from_rest.inverse().transform_point3(eye),
                clip_from_rest: clip_from_world * Mat4::from(world_from_rest),
            };
            if !ordered.clip_from_rest.is_finite() || !ordered.eye.is_finite() {
                return Err(RenderError::NotFinite);
            }
            self.order.push(ordered);
        }
        self.order.sort_unstable_by(|a, b| b.distance.total_cmp(&a.distance));
        Ok(())
    }
}
