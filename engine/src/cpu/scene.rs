//! All avatars of one picture as lists of triangles and silhouette edges by bands of rows.

use glam::{Affine3A, Vec3};

use super::bands::Bands;
use super::fringe::{self, FringeEdge};
use super::instance::{Instance, Weights};
use super::pixel::Surface;
use super::simd::{Kernel, Simd};
use super::threads::{Split, Threads, for_each_piece};
use super::triangle::{Camera, ProjectKernel, ScreenVertex, Triangle, pieces};

/// An avatar and where it is.
#[derive(Clone, Copy, Debug)]
pub struct Placed<'a> {
    /// The avatar, decoded.
    pub instance: &'a Instance,
    /// Its rest frame to the world (metres); rigid.
    pub world_from_rest: Affine3A,
}

/// What is on screen of one avatar.
#[derive(Debug, Default)]
pub(crate) struct Draw {
    screen: Vec<ScreenVertex>,
    facing: Vec<bool>,
    pub(crate) pieces: Vec<Piece>,
}

/// What is on screen of a run of an avatar's triangles and edges.
#[derive(Debug, Default)]
pub(crate) struct Piece {
    pub(crate) triangles: Vec<Triangle>,
    pub(crate) opaque: Bands,
    pub(crate) blended: Bands,
    pub(crate) edges: Vec<FringeEdge>,
    pub(crate) fringe: Bands,
}

/// A triangle's name in a picture: the draw, the piece in it, the triangle in that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Name(pub(crate) u32);

impl Name {
    const TRIANGLE_BITS: u32 = 17;
    const PIECE_BITS: u32 = 5;
    /// No triangle has it.
    pub(crate) const NONE: Self = Self(u32::MAX);
    /// The most pieces that a draw can have.
    pub(crate) const MAX_PIECES: usize = 1 << Self::PIECE_BITS;
    /// The most draws that a picture can have.
    pub(crate) const MAX_DRAWS: usize = (1 << (32 - Self::PIECE_BITS - Self::TRIANGLE_BITS)) - 1;
    /// The most triangles that a piece can have.
    const MAX_TRIANGLES: usize = 1 << Self::TRIANGLE_BITS;

    #[inline(always)]
    pub(crate) fn new(draw: usize, piece: usize, triangle: u32) -> Self {
        Self((((draw << Self::PIECE_BITS) | piece) as u32) << Self::TRIANGLE_BITS | triangle)
    }

    #[inline(always)]
    pub(crate) fn draw(self) -> usize {
        (self.0 >> (Self::TRIANGLE_BITS + Self::PIECE_BITS)) as usize
    }

    #[inline(always)]
    pub(crate) fn triangle(self, draws: &[Draw]) -> &Triangle {
        let piece = (self.0 >> Self::TRIANGLE_BITS) as usize % Self::MAX_PIECES;
        let triangle = self.0 as usize % Self::MAX_TRIANGLES;
        &draws[self.draw()].pieces[piece].triangles[triangle]
    }
}

impl Draw {
    /// Projects one avatar, sorts its triangles and silhouette edges into bands.
    pub(crate) fn set_up(&mut self, threads: Threads, instance: &Instance, camera: Camera, eye: Vec3) {
        let weights: &Weights = instance.weights();
        let Weights { level, geometry, edges, .. } = weights;
        let Self { screen, facing, pieces } = self;
        let (vertices, face_normals) = (instance.records(), instance.face_normals());
        screen.resize(vertices.len(), Default::default());
        facing.resize(geometry.triangles.len(), false);
        let count = threads.pieces(geometry.triangles.len() / 256).min(Name::MAX_PIECES);
        pieces.resize_with(count, Piece::default);

        let first_vertex = |piece: usize| (piece * (vertices.len() / 8) / count) * 8;
        for_each_piece(threads, &mut screen[..], 0..count, &first_vertex, &|piece, screen| {
            level.run(ProjectKernel { camera, vertices: &vertices[first_vertex(piece)..], screen });
        });

        let screen = &*screen;
        let total = geometry.triangles.len();
        let first_triangle = |piece: usize| piece * total / count;
        let sorted =
            SetUp { facing: &mut facing[..], pieces: &mut pieces[..], start: 0, first: &first_triangle };
        for_each_piece(threads, sorted, 0..count, &|piece| piece, &|index, sorted: SetUp<'_, _>| {
            let SetUp { facing, pieces: [piece, ..], .. } = sorted else { return };
            let range = first_triangle(index)..first_triangle(index + 1);
            level.run(TrianglesKernel { piece, weights, screen, camera, range: range.clone() });
            fringe::face(facing, range.start, &geometry.triangles, face_normals, vertices, eye);
        });

        let facing = &*facing;
        let is_facing = |triangle: u32| facing.get(triangle as usize).copied().unwrap_or(false);
        let first_edge = |piece: usize| piece * edges.len() / count;
        for_each_piece(threads, &mut pieces[..], 0..count, &|piece| piece, &|index, pieces| {
            let [piece, ..] = pieces else { return };
            let Piece { edges: list, fringe, .. } = piece;
            list.clear();
            fringe.clear();
            for (edge, kind) in &edges[first_edge(index)..first_edge(index + 1)] {
                let side = fringe::silhouette(edge, is_facing);
                if let Some((edge, bounds)) =
                    side.and_then(|side| FringeEdge::new(&camera, screen, side.vertices, *kind))
                {
                    fringe.note(list.len(), bounds);
                    list.push(edge);
                }
            }
            fringe.sort(camera.size[1]);
        });
    }
}

/// Pieces, with what of `facing` belongs to each: `first(i)` is where piece i's triangles start.
struct SetUp<'a, F> {
    facing: &'a mut [bool],
    pieces: &'a mut [Piece],
    /// The first piece.
    start: usize,
    first: &'a F,
}

impl<F: Fn(usize) -> usize + Sync> Split for SetUp<'_, F> {
    fn split(self, at: usize) -> (Self, Self) {
        let Self { facing, pieces, start, first } = self;
        let (facing_low, facing_high) = facing.split(first(start + at) - first(start));
        let (pieces_low, pieces_high) = pieces.split(at);
        (
            Self { facing: facing_low, pieces: pieces_low, start, first },
            Self { facing: facing_high, pieces: pieces_high, start: start + at, first },
        )
    }
}

/// Sorts a run of triangles into bands: scalar, but rounding is an instruction here and a call elsewhere.
struct TrianglesKernel<'a> {
    piece: &'a mut Piece,
    weights: &'a Weights,
    screen: &'a [ScreenVertex],
    camera: Camera,
    range: std::ops::Range<usize>,
}

impl Kernel for TrianglesKernel<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Self { piece: Piece { triangles, opaque, blended, .. }, weights, screen, camera, range } = self;
        triangles.clear();
        opaque.clear();
        blended.clear();
        for part in &weights.parts {
            let start = range.start.max(part.triangles.start as usize);
            let end = range.end.min(part.triangles.end as usize);
            let bands = if part.kind.is_blended() { &mut *blended } else { &mut *opaque };
            for &vertices in weights.geometry.triangles.get(start..end).unwrap_or(&[]) {
                pieces(&camera, screen, vertices, part.kind.is_two_sided(), &mut |mut triangle, bounds| {
                    if triangles.len() < Name::MAX_TRIANGLES {
                        bands.note(triangles.len(), bounds);
                        triangle.kind = part.kind;
                        triangles.push(triangle);
                    }
                });
            }
        }
        opaque.sort(camera.size[1]);
        blended.sort(camera.size[1]);
    }
}

/// What an avatar's surface looks like from an eye in its rest frame.
pub(crate) fn surface(instance: &Instance, eye: Vec3) -> Surface<'_> {
    let (dynamic, dynamic_size) = instance.dynamic_map();
    Surface {
        weights: &instance.weights().shading.pixel,
        dynamic,
        dynamic_size,
        likeness: instance.likeness(),
        eye: eye.to_array(),
    }
}
