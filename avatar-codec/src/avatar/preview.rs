//! What the first bytes of a file hold: a coarse mesh with its share of the basis, and its colour.

use glam::Vec2;

use super::{Avatar, GeometryHead, Manifest, Mesh, Part};

/// The most bytes of a file's beginning that hold a preview with everything it needs.
pub const MAX_PREFIX_BYTES: usize = 800_000;

/// A coarse copy of the avatar. Its vertices are some of the avatar's own, in the same order, v of them (≤ 20,000).
/// [`reference::preview`](crate::reference::preview()) makes one.
#[derive(Clone, Debug, PartialEq)]
pub struct Preview {
    /// For each part of the manifest where its vertices and triangles end; it begins where the one before ends.
    pub ends: Vec<[u16; 2]>,
    /// The coarse mesh.
    pub mesh: Mesh,
    /// `[R, v, 3]`: the rows of the geometry head's basis that belong to the coarse mesh's vertices.
    pub basis: Vec<i8>,
    /// What the neutral person looks like, unwrapped.
    pub color: BaseColor,
}

impl Preview {
    /// The coarse mesh's runs of vertices and triangles, kinds as in the manifest.
    pub fn parts(&self, manifest: &Manifest) -> Vec<Part> {
        let mut start = [0, 0];
        (manifest.parts.iter().zip(&self.ends))
            .map(|(part, end)| {
                let end = end.map(u32::from);
                let part = Part { kind: part.kind, vertices: start[0]..end[0], triangles: start[1]..end[1] };
                start = end;
                part
            })
            .collect()
    }
}

/// Colour and alpha in UV, the same from everywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseColor {
    /// Width and height, 1 to 256.
    pub size: usize,
    /// `[size, size]`: sRGB red, green, blue, not premultiplied; alpha in 255ths.
    pub texels: Vec<[u8; 4]>,
}

impl BaseColor {
    /// Linear red, green, blue and alpha at a place, bilinear between texels whose centres lie at (i + ½)/size, clamped
    /// at the border.
    pub fn sample(&self, uv: Vec2) -> [f32; 4] {
        let place = uv * self.size as f32 - 0.5;
        let base = place.floor();
        let share = place - base;
        let clamp = |x: f32| (x.max(0.0) as usize).min(self.size - 1);
        let mut sum = [0.0; 4];
        for (y, row) in [(base.y, 1.0 - share.y), (base.y + 1.0, share.y)] {
            for (x, column) in [(base.x, 1.0 - share.x), (base.x + 1.0, share.x)] {
                let [r, g, b, a] = self.texels[clamp(y) * self.size + clamp(x)].map(|x| f32::from(x) / 255.0);
                for (sum, value) in sum.iter_mut().zip([linear(r), linear(g), linear(b), a]) {
                    *sum += row * column * value;
                }
            }
        }
        sum
    }
}

/// The linear value of an sRGB one (IEC 61966-2-1), both 0..=1.
fn linear(srgb: f32) -> f32 {
    if srgb <= 0.040_45 { srgb / 12.92 } else { ((srgb + 0.055) / 1.055).powf(2.4) }
}

/// What can be drawn of a person before the whole file is there: [`Avatar::read_prefix`] reads it,
/// [`reference::render_likeness`](crate::reference::render_likeness) draws it.
#[derive(Clone, Debug, PartialEq)]
pub struct Likeness {
    /// As in the whole avatar; its `parts` are those of the whole mesh.
    pub manifest: Manifest,
    /// The coarse mesh's parts.
    pub parts: Vec<Part>,
    /// The coarse mesh.
    pub mesh: Mesh,
    /// c → offsets from the coarse mesh.
    pub geometry: GeometryHead,
    /// Its colour.
    pub color: BaseColor,
}

impl Likeness {
    /// `geometry`'s basis is the preview's.
    pub(super) fn new(manifest: Manifest, geometry: GeometryHead, preview: Preview) -> Self {
        let parts = preview.parts(&manifest);
        let Preview { ends: _, mesh, basis: _, color } = preview;
        Self { manifest, parts, mesh, geometry, color }
    }
}

impl Avatar {
    /// What [`read_prefix`](Self::read_prefix) gives of this avatar's file; none without a preview.
    pub fn likeness(&self) -> Option<Likeness> {
        let preview = self.preview.clone()?;
        let geometry = GeometryHead { basis: preview.basis.clone(), ..self.geometry.clone() };
        Some(Likeness::new(self.manifest.clone(), geometry, preview))
    }
}
