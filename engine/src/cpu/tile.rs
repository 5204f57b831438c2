//! One tile of the picture: visibility first, then each visible point is shaded once, then blending.

use half::f16;

use visavis_codec::avatar::{Material, PartKind};

use super::bands::TILE;
use super::fringe::FringePoint;
use super::geometry::Vertex;
use super::layer::LayerRows;
use super::parts::{FIRST_REACH, Owner, Parts, PixelParts};
use super::pixel::{BATCH, BatchParts, PixelScratch, Surface, shade};
use super::scene::{Draw, Name};
use super::simd::{Kernel, LANES, Level, Simd, each};
use super::triangle::Cover;

/// Pixels of a tile.
const PIXELS: usize = TILE * TILE;
/// Fragments of blended parts that are kept before they are shaded; more than this many make a second sweep.
const MAX_FRAGMENTS: usize = 8 * PIXELS;
/// An opaque point that less than this share of is seen through blended parts isn't shaded: it could not change an
/// 8-bit colour.
const LEAST_SHARE: f32 = 1.0 / 4096.0;

/// A picture's avatars in drawing order, farthest first.
pub(crate) struct Scene<'a> {
    pub(crate) draws: &'a [Draw],
    pub(crate) level: Level,
    /// One for each draw, and its vertices.
    pub(crate) surfaces: &'a dyn SurfaceOf,
    /// Rows of the picture.
    pub(crate) height: usize,
    /// Whether points are shaded; if not, all are opaque black.
    pub(crate) is_shaded: bool,
    /// Whether some avatar is relit.
    pub(crate) has_parts: bool,
}

impl Scene<'_> {
    /// Whose pixel it is where this part of a draw is the nearest.
    fn owner(&self, draw: usize, kind: PartKind) -> Owner {
        let (number, sources) = (self.surfaces.number(draw), self.surfaces.sources(draw));
        Owner { number, kind: kind as u8, sources }
    }
}

/// Looks up a draw's surface and vertices.
pub(crate) trait SurfaceOf: Sync {
    fn surface(&self, draw: usize) -> (Surface<'_>, &[Vertex]);
    /// The avatar's number in the layer if it is relit, else 0.
    fn number(&self, draw: usize) -> u16;
    /// How many sources of light the avatar was captured in.
    fn sources(&self, draw: usize) -> u8;
}

/// A point of a triangle at a pixel of the tile.
#[derive(Clone, Copy, Debug)]
struct Fragment {
    name: Name,
    pixel: u16,
    material: Material,
    depth: f32,
}

/// Everything that a tile needs, kept from one to the next.
#[derive(Debug, Default)]
pub(crate) struct TileScratch {
    depth: Vec<[f32; LANES]>,
    names: Vec<[u32; LANES]>,
    /// Premultiplied colour, and the share of what lies behind that is seen.
    color: Vec<[f32; 4]>,
    /// Depth of the nearest soft fragment.
    soft_depth: Vec<f32>,
    fragments: Vec<Fragment>,
    shaded: Shaded,
    fringe: Vec<FringePoint>,
    fringe_shaded: Shaded,
    /// Of use where some avatar is relit.
    relit: PixelParts,
    pixel: PixelScratch,
    /// How many were shaded.
    points: u64,
}

/// What became of points, in their order.
#[derive(Debug, Default)]
struct Shaded {
    /// Not premultiplied.
    rgba: Vec<[f32; 4]>,
    /// Where some avatar is relit, else empty; zeros for the other avatars.
    parts: Vec<Parts>,
}

/// Draws one band of tiles.
pub(crate) struct BandKernel<'a> {
    pub(crate) scene: &'a Scene<'a>,
    pub(crate) band: usize,
    pub(crate) rows: LayerRows<'a>,
    pub(crate) scratch: &'a mut TileScratch,
}

impl Kernel for BandKernel<'_> {
    /// How many points were shaded.
    type Output = u64;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> u64 {
        let Self { scene, band, mut rows, scratch } = self;
        scratch.points = 0;
        for column in (0..rows.width).step_by(TILE) {
            let rows_left = (scene.height - band * TILE).min(TILE);
            let size = [(rows.width - column).min(TILE), rows_left];
            let mut tile = Tile { scene, band, origin: [column, band * TILE], size, scratch };
            if tile.is_empty() {
                tile.write_nothing(&mut rows);
            } else {
                tile.draw(s);
                tile.write(s, &mut rows);
            }
        }
        scratch.points
    }
}

/// Keeps the nearest triangle of each pixel.
struct Nearest<'a> {
    depth: &'a mut [[f32; LANES]],
    names: &'a mut [[u32; LANES]],
    name: Name,
}

impl<S: Simd> Cover<S> for Nearest<'_> {
    #[inline(always)]
    fn cover(&mut self, s: S, block: usize, mask: S::M, depth: S::F) {
        let (Some(nearest), Some(names)) = (self.depth.get_mut(block), self.names.get_mut(block)) else {
            return;
        };
        let present = s.load(nearest);
        let mask = s.and(mask, s.gt(depth, present));
        s.store(s.select(mask, depth, present), nearest);
        s.store_u32_where(mask, self.name.0, names);
    }
}

/// Lists what is nearer than the opaque parts.
struct Visible<'a> {
    depth: &'a [[f32; LANES]],
    fragments: &'a mut Vec<Fragment>,
    name: Name,
    material: Material,
    /// Columns and rows of the tile inside the picture.
    size: [usize; 2],
}

impl<S: Simd> Cover<S> for Visible<'_> {
    #[inline(always)]
    fn cover(&mut self, s: S, block: usize, mask: S::M, depth: S::F) {
        let Some(nearest) = self.depth.get(block) else { return };
        let mut bits = s.bits(s.and(mask, s.gt(depth, s.load(nearest))));
        let mut lanes = [0.0; LANES];
        s.store(depth, &mut lanes);
        while bits != 0 {
            let lane = bits.trailing_zeros() as usize % LANES;
            bits &= bits - 1;
            let pixel = block * LANES + lane;
            if pixel % TILE < self.size[0] && pixel / TILE < self.size[1] {
                let Self { name, material, .. } = *self;
                self.fragments.push(Fragment { name, pixel: pixel as u16, material, depth: lanes[lane] });
            }
        }
    }
}

/// Which of the two sweeps over blended fragments, and over the fringe.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sweep {
    /// Alpha ≥ ½: writes depth.
    Solid,
    /// Alpha < ½: doesn't.
    Soft,
}

impl Sweep {
    fn takes(self, alpha: f32) -> bool {
        (alpha >= 0.5) == (self == Self::Solid)
    }
}

struct Tile<'a> {
    scene: &'a Scene<'a>,
    band: usize,
    /// First column and row.
    origin: [usize; 2],
    /// Columns and rows inside the picture.
    size: [usize; 2],
    scratch: &'a mut TileScratch,
}

impl Tile<'_> {
    #[inline(always)]
    fn draw<S: Simd>(&mut self, s: S) {
        self.clear();
        self.see_opaque(s);
        let at_once = self.sweep_blended(s, Sweep::Solid);
        self.draw_fringe(Sweep::Solid);
        self.draw_fringe(Sweep::Soft);
        if at_once {
            self.blend(Sweep::Soft);
        } else {
            self.sweep_blended(s, Sweep::Soft);
        }
        self.shade_opaque();
    }

    /// Whether nothing touches the tile.
    fn is_empty(&self) -> bool {
        let mut lists = self
            .scene
            .draws
            .iter()
            .flat_map(|draw| &draw.pieces)
            .flat_map(|piece| [&piece.opaque, &piece.blended, &piece.fringe]);
        lists.all(|list| list.of_tile(self.band, self.origin[0]).next().is_none())
    }

    fn clear(&mut self) {
        let TileScratch { depth, names, color, soft_depth, fragments, relit, .. } = &mut *self.scratch;
        relit.clear(if self.scene.has_parts { PIXELS } else { 0 });
        depth.clear();
        depth.resize(PIXELS / LANES, [0.0; LANES]);
        names.clear();
        names.resize(PIXELS / LANES, [Name::NONE.0; LANES]);
        color.clear();
        color.resize(PIXELS, [0.0, 0.0, 0.0, 1.0]);
        soft_depth.clear();
        soft_depth.resize(PIXELS, 0.0);
        fragments.clear();
    }

    /// Finds the nearest opaque triangle of each pixel.
    #[inline(always)]
    fn see_opaque<S: Simd>(&mut self, s: S) {
        let TileScratch { depth, names, .. } = &mut *self.scratch;
        for (draw_index, draw) in self.scene.draws.iter().enumerate() {
            for (piece_index, piece) in draw.pieces.iter().enumerate() {
                for index in piece.opaque.of_tile(self.band, self.origin[0]) {
                    let name = Name::new(draw_index, piece_index, index);
                    let mut nearest = Nearest { depth, names, name };
                    piece.triangles[index as usize].scan(s, self.origin, &mut nearest);
                }
            }
        }
    }

    /// Shades blended fragments and blends those of the sweep; if all fitted at once, keeps them and says so.
    #[inline(always)]
    fn sweep_blended<S: Simd>(&mut self, s: S, sweep: Sweep) -> bool {
        self.scratch.fragments.clear();
        let mut at_once = true;
        let scene = self.scene;
        for (draw_index, draw) in scene.draws.iter().enumerate() {
            for (piece_index, piece) in draw.pieces.iter().enumerate() {
                for index in piece.blended.of_tile(self.band, self.origin[0]) {
                    let name = Name::new(draw_index, piece_index, index);
                    let TileScratch { depth, fragments, .. } = &mut *self.scratch;
                    let triangle = &piece.triangles[index as usize];
                    let mut visible = Visible {
                        depth,
                        fragments,
                        name,
                        material: triangle.kind.material(),
                        size: self.size,
                    };
                    triangle.scan(s, self.origin, &mut visible);
                    if self.scratch.fragments.len() >= MAX_FRAGMENTS {
                        at_once = false;
                        self.shade_fragments();
                        self.blend(sweep);
                        self.scratch.fragments.clear();
                    }
                }
            }
        }
        if !self.scratch.fragments.is_empty() {
            self.shade_fragments();
            self.blend(sweep);
        }
        at_once
    }

    /// Blends shaded fragments over what is there.
    fn blend(&mut self, sweep: Sweep) {
        let scene = self.scene;
        let TileScratch { depth, color, soft_depth, fragments, shaded, relit, .. } = &mut *self.scratch;
        let depth = depth.as_flattened_mut();
        for (index, (fragment, &[r, g, b, alpha])) in fragments.iter().zip(&shaded.rgba).enumerate() {
            let pixel = usize::from(fragment.pixel);
            if !sweep.takes(alpha) || fragment.depth <= depth[pixel] {
                continue;
            }
            blend_over(&mut color[pixel], [r, g, b], alpha);
            if let Some(parts) = shaded.parts.get(index) {
                relit.lay(pixel, parts, [r, g, b], alpha);
                let kind = fragment.name.triangle(scene.draws).kind;
                let owner = scene.owner(fragment.name.draw(), kind);
                match sweep {
                    Sweep::Solid => relit.own(pixel, owner),
                    Sweep::Soft if fragment.depth > soft_depth[pixel] => relit.own_softly(pixel, owner),
                    Sweep::Soft => {}
                }
            }
            match sweep {
                Sweep::Solid => depth[pixel] = fragment.depth,
                Sweep::Soft => soft_depth[pixel] = soft_depth[pixel].max(fragment.depth),
            }
        }
    }

    /// Shades the opaque points that are still seen, and puts them behind what is there.
    fn shade_opaque(&mut self) {
        let TileScratch { names, color, fragments, .. } = &mut *self.scratch;
        fragments.clear();
        let [columns, rows] = self.size;
        for (block, names) in names.iter().enumerate() {
            if names.iter().all(|&name| Name(name) == Name::NONE) {
                continue;
            }
            for (lane, &name) in names.iter().enumerate() {
                let pixel = block * LANES + lane;
                if Name(name) == Name::NONE || pixel % TILE >= columns || pixel / TILE >= rows {
                    continue;
                }
                if color[pixel][3] > LEAST_SHARE {
                    let (pixel, material) = (pixel as u16, Material::Opaque);
                    fragments.push(Fragment { name: Name(name), pixel, material, depth: 0.0 });
                } else {
                    color[pixel][3] = 0.0;
                }
            }
        }
        self.shade_fragments();
        let scene = self.scene;
        let TileScratch { color, fragments, shaded, relit, .. } = &mut *self.scratch;
        for (index, (fragment, rgb)) in fragments.iter().zip(&shaded.rgba).enumerate() {
            let pixel = usize::from(fragment.pixel);
            let color = &mut color[pixel];
            if let Some(parts) = shaded.parts.get(index) {
                let &[r, g, b, _] = rgb;
                relit.lay_behind(pixel, parts, [r, g, b], color[3]);
                let kind = fragment.name.triangle(scene.draws).kind;
                relit.own_behind(pixel, scene.owner(fragment.name.draw(), kind));
            }
            for channel in 0..3 {
                color[channel] += color[3] * rgb[channel];
            }
            color[3] = 0.0;
        }
    }

    /// Colours of `fragments` into `shaded`.
    fn shade_fragments(&mut self) {
        let TileScratch { fragments, shaded, pixel, points, .. } = &mut *self.scratch;
        *points += fragments.len() as u64;
        let points = Points::Triangles(fragments);
        shade_points(ShadeKernel { scene: self.scene, origin: self.origin, points, shaded, scratch: pixel });
    }

    /// Blends the sweep's part of the rim of silhouettes over what is there.
    fn draw_fringe(&mut self, sweep: Sweep) {
        let scene = self.scene;
        for (draw_index, draw) in scene.draws.iter().enumerate() {
            let (_, vertices) = scene.surfaces.surface(draw_index);
            self.scratch.fringe.clear();
            for piece in &draw.pieces {
                for index in piece.fringe.of_tile(self.band, self.origin[0]) {
                    let TileScratch { depth, fringe, .. } = &mut *self.scratch;
                    let [columns, rows] = self.size;
                    piece.edges[index as usize].scan(vertices, self.origin, |point| {
                        let pixel = usize::from(point.pixel);
                        let is_inside = pixel % TILE < columns && pixel / TILE < rows;
                        let is_seen = is_inside && point.depth > depth.as_flattened()[pixel];
                        if is_seen && sweep.takes(point.coverage) {
                            fringe.push(point);
                        }
                    });
                    if self.scratch.fringe.len() >= MAX_FRAGMENTS {
                        self.shade_fringe(draw_index, sweep);
                    }
                }
            }
            self.shade_fringe(draw_index, sweep);
        }
    }

    fn shade_fringe(&mut self, draw: usize, sweep: Sweep) {
        let TileScratch {
            depth, color, soft_depth, fringe, fringe_shaded: shaded, relit, pixel, points, ..
        } = &mut *self.scratch;
        *points += fringe.len() as u64;
        let source = Points::Fringe { fringe, draw };
        shade_points(ShadeKernel {
            scene: self.scene,
            origin: self.origin,
            points: source,
            shaded,
            scratch: pixel,
        });
        if self.scene.is_shaded {
            let depth = depth.as_flattened_mut();
            let scene = self.scene;
            for (index, (point, &[r, g, b, _])) in fringe.iter().zip(&shaded.rgba).enumerate() {
                let pixel = usize::from(point.pixel);
                if point.depth <= depth[pixel] {
                    continue;
                }
                blend_over(&mut color[pixel], [r, g, b], point.coverage);
                if let Some(parts) = shaded.parts.get(index) {
                    relit.lay(pixel, parts, [r, g, b], point.coverage);
                    let owner = scene.owner(draw, point.kind);
                    match sweep {
                        Sweep::Solid => relit.own(pixel, owner),
                        Sweep::Soft if point.depth > soft_depth[pixel] => relit.own_softly(pixel, owner),
                        Sweep::Soft => {}
                    }
                }
                match sweep {
                    Sweep::Solid => depth[pixel] = point.depth,
                    Sweep::Soft => soft_depth[pixel] = soft_depth[pixel].max(point.depth),
                }
            }
        }
        fringe.clear();
    }

    /// Clears the tile's part of the layer.
    fn write_nothing(&self, rows: &mut LayerRows<'_>) {
        let [columns, height] = self.size;
        for row in 0..height {
            let at = row * rows.width + self.origin[0];
            rows.color[at..at + columns].fill([f16::ZERO; 4]);
            rows.depth[at..at + columns].fill(0.0);
            if let Some(parts) = rows.parts.get_mut(at..at + columns) {
                parts.fill([0; 4]);
            }
        }
    }

    /// Copies the tile into the layer.
    #[inline(always)]
    fn write<S: Simd>(&self, s: S, rows: &mut LayerRows<'_>) {
        let TileScratch { depth, color, soft_depth, relit, .. } = &*self.scratch;
        let [columns, height] = self.size;
        let depth = depth.as_flattened();
        for row in 0..height {
            let (from, to) = (row * TILE, row * rows.width + self.origin[0]);
            let solid = depth[from..from + columns].iter().zip(&soft_depth[from..]);
            for (to, (&solid, &soft)) in rows.depth[to..to + columns].iter_mut().zip(solid) {
                *to = if solid > 0.0 { solid } else { 0.0 - soft };
            }
            if let Some(parts) = rows.parts.get_mut(to..to + columns) {
                for (pixel, (parts, color)) in (from..).zip(parts.iter_mut().zip(&color[from..])) {
                    *parts = relit.pack(pixel, 1.0 - color[3]);
                }
            }
            let (pairs, odd) = rows.color[to..to + columns].as_chunks_mut::<2>();
            for (i, pair) in pairs.iter_mut().enumerate() {
                write_colors(s, color[from + 2 * i], color[from + 2 * i + 1], pair);
            }
            if let [last] = odd {
                let (mut pair, color) = ([[f16::ZERO; 4]; 2], color[from + columns - 1]);
                write_colors(s, color, color, &mut pair);
                *last = pair[0];
            }
        }
    }
}

/// Points to shade.
enum Points<'a> {
    Triangles(&'a [Fragment]),
    Fringe { fringe: &'a [FringePoint], draw: usize },
}

/// Shades points in batches, in order.
struct ShadeKernel<'a> {
    scene: &'a Scene<'a>,
    origin: [usize; 2],
    points: Points<'a>,
    shaded: &'a mut Shaded,
    scratch: &'a mut PixelScratch,
}

/// Runs the kernel: not inlined, so that there is one copy of so much code.
#[inline(never)]
fn shade_points(kernel: ShadeKernel<'_>) {
    kernel.scene.level.run(kernel);
}

impl Kernel for ShadeKernel<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { scene, origin, points, shaded: Shaded { rgba: shaded, parts: shaded_parts }, scratch } =
            self;
        shaded.clear();
        shaded_parts.clear();
        let total = match &points {
            Points::Triangles(fragments) => fragments.len(),
            Points::Fringe { fringe, .. } => fringe.len(),
        };
        if !scene.is_shaded {
            shaded.resize(total, [0.0, 0.0, 0.0, 1.0]);
            return;
        }
        while shaded.len() < total {
            let mut batch = [[0.0; LANES]; BATCH];
            let (draw, surface, material, count) = match &points {
                Points::Triangles(fragments) => {
                    let rest = &fragments[shaded.len()..];
                    let first = &rest[0];
                    let draw = first.name.draw();
                    let is_alike = |f: &Fragment| f.name.draw() == draw && f.material == first.material;
                    let mut count = 1;
                    while count < BATCH.min(rest.len()) && is_alike(&rest[count]) {
                        count += 1;
                    }
                    let (surface, vertices) = scene.surfaces.surface(draw);
                    for (half, points) in batch.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
                        // What is missing from the batch's end is the first fragment again.
                        let fragments = each!(lane < LANES => {
                            let at = half * LANES + lane;
                            if at < count { &rest[at] } else { first }
                        });
                        interpolate(s, scene.draws, origin, vertices, fragments, points);
                    }
                    (draw, surface, first.material, count)
                }
                Points::Fringe { fringe, draw } => {
                    let rest = &fringe[shaded.len()..];
                    let count = BATCH.min(rest.len());
                    for i in 0..BATCH {
                        batch[i] = rest[if i < count { i } else { 0 }].surface;
                    }
                    (*draw, scene.surfaces.surface(*draw).0, Material::Opaque, count)
                }
            };
            let mut parts = BatchParts::default();
            let is_relit = scene.has_parts && scene.surfaces.number(draw) > 0;
            let rgba =
                shade(s, &surface, &batch, material, scratch, if is_relit { Some(&mut parts) } else { None });
            let [r, g, b, a] = rgba.each_ref().map(|channel| channel.as_flattened());
            for i in 0..count {
                shaded.push([r[i], g[i], b[i], a[i]]);
            }
            if scene.has_parts {
                let BatchParts { albedo, normal, reach } = &parts;
                let reach = reach.each_ref().map(|source| source.as_flattened());
                let [r, g, b] = albedo.each_ref().map(|channel| channel.as_flattened());
                let [x, y, z] = normal.each_ref().map(|axis| axis.as_flattened());
                for i in 0..count {
                    let mut parts =
                        [r[i], g[i], b[i], x[i], y[i], z[i], 1.0, 0., 0., 0., 0., 0., 0., 0., 0., 0.];
                    parts[FIRST_REACH..].iter_mut().zip(&reach).for_each(|(to, source)| *to = source[i]);
                    shaded_parts.push(parts);
                }
            }
        }
    }
}

/// Two pixels, from colour and share seen through to colour and alpha.
#[inline(always)]
fn write_colors<S: Simd>(
    s: S,
    [r, g, b, share]: [f32; 4],
    [r2, g2, b2, share2]: [f32; 4],
    to: &mut [[f16; 4]; 2],
) {
    let mut halves = [f16::ZERO; LANES];
    s.store_f16(s.load(&[r, g, b, 1.0 - share, r2, g2, b2, 1.0 - share2]), &mut halves);
    let [r, g, b, a, r2, g2, b2, a2] = halves;
    *to = [[r, g, b, a], [r2, g2, b2, a2]];
}

#[inline(always)]
fn blend_over(color: &mut [f32; 4], rgb: [f32; 3], alpha: f32) {
    let keep = 1.0 - alpha;
    for channel in 0..3 {
        color[channel] = rgb[channel] * alpha + color[channel] * keep;
    }
    color[3] *= keep;
}

/// The surface under eight fragments: perspective-correct mixtures of their triangles' vertices.
#[inline(always)]
fn interpolate<S: Simd>(
    s: S,
    draws: &[Draw],
    origin: [usize; 2],
    vertices: &[Vertex],
    fragments: [&Fragment; LANES],
    points: &mut [Vertex; LANES],
) {
    let triangles = each!(lane < LANES => fragments[lane].name.triangle(draws));
    let [x0, y0, n1x, n1y, n2x, n2y, sx, sy] =
        s.load_transposed(each!(lane < LANES => &triangles[lane].weights));
    let x = each!(lane < LANES => (origin[0] + usize::from(fragments[lane].pixel) % TILE) as f32 + 0.5);
    let y = each!(lane < LANES => (origin[1] + usize::from(fragments[lane].pixel) / TILE) as f32 + 0.5);
    let (dx, dy) = (s.sub(s.load(&x), x0), s.sub(s.load(&y), y0));
    let whole = s.mul_add(sx, dx, s.mul_add(sy, dy, s.splat(1.0)));
    let mut shares = [[0.0; LANES]; 2];
    s.store(s.div(s.mul_add(n1x, dx, s.mul(n1y, dy)), whole), &mut shares[0]);
    s.store(s.div(s.mul_add(n2x, dx, s.mul(n2y, dy)), whole), &mut shares[1]);
    for lane in 0..LANES {
        let corners = triangles[lane].vertices;
        let [a, b, c] = each!(i < 3 => s.load(&vertices[usize::from(corners[i])]));
        let mut point = s.mul_add(s.splat(shares[0][lane]), s.sub(b, a), a);
        point = s.mul_add(s.splat(shares[1][lane]), s.sub(c, a), point);
        if triangles[lane].is_back {
            point = s.mul(point, s.load(&[1.0, 1.0, 1.0, 1.0, -1.0, -1.0, -1.0, 1.0]));
        }
        s.store(point, &mut points[lane]);
    }
}
