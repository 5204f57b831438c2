//! Where the face's vertices really were, and how far ours are from there.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use safetensors::{Dtype, SafeTensors};

use super::capture::{Capture, Frame};

/// A vertex counts if some unit moves it further than this, millimetres.
pub(crate) const MOVED_MM: f32 = 1.0;
/// An extract's positions are multiples of this, millimetres: an error of 0.004 mm at most, a range of ±256 mm.
pub(crate) const STEP_MM: f32 = 1.0 / 128.0;
/// The extract's file.
pub(crate) const EXTRACT: &str = "vertices.safetensors";

/// The tracked positions of the vertices that are judged.
#[derive(Debug)]
pub(crate) enum VertexTruth {
    /// A whole capture: a file of float32 per frame, all tracked vertices.
    Tracked {
        folder: PathBuf,
        /// Vertices of the render mesh.
        render: Vec<u32>,
        /// The tracked vertex of each.
        tracked: Vec<u32>,
    },
    /// An extract: one file.
    Extract { path: PathBuf, bytes: Vec<u8>, render: Vec<u32> },
}

impl VertexTruth {
    /// Opens what the folder has: the extract's file, else the rig and the tracked meshes.
    pub(crate) fn open(capture: &Capture) -> Result<Self> {
        let path = capture.folder.join(EXTRACT);
        if path.is_file() {
            let bytes = read_bytes(&path)?;
            let file = parse(&path, &bytes)?;
            let render = u32s(&path, &file, "render_index")?;
            return Ok(Self::Extract { path, bytes, render });
        }
        let path = capture.folder.join("rig.safetensors");
        let bytes = read_bytes(&path)?;
        let file = parse(&path, &bytes)?;
        let index = u32s(&path, &file, "tracked_index")?;
        let deltas = tensor(&path, &file, "unit_deltas", Dtype::F32)?;
        let shape = deltas.shape();
        ensure!(
            shape.len() == 3 && shape[1] == index.len() && shape[2] == 3,
            "{}: unit_deltas: shape {shape:?} does not fit {} vertices",
            path.display(),
            index.len()
        );
        let values: Vec<f32> = deltas.data().chunks_exact(4).map(f32_of).collect();
        let mut moved = vec![false; index.len()];
        for unit in values.chunks_exact(index.len() * 3) {
            for (moved, d) in moved.iter_mut().zip(unit.chunks_exact(3)) {
                *moved |= d.iter().map(|x| x * x).sum::<f32>() > MOVED_MM * MOVED_MM;
            }
        }
        // A vertex that is split along a seam is one vertex of the face: it counts once.
        let mut seen = std::collections::HashSet::new();
        let (render, tracked) =
            (0u32..).zip(index).filter(|&(v, t)| moved[v as usize] && seen.insert(t)).unzip();
        Ok(Self::Tracked { folder: capture.folder.join("tracked_mesh"), render, tracked })
    }

    /// The vertices of the render mesh that are judged.
    pub(crate) fn render_vertices(&self) -> &[u32] {
        match self {
            Self::Tracked { render, .. } | Self::Extract { render, .. } => render,
        }
    }

    /// Their positions in this frame, millimetres, posed.
    pub(crate) fn positions_mm(&self, frame: &Frame) -> Result<Vec<[f32; 3]>> {
        match self {
            Self::Tracked { folder, tracked, .. } => {
                let path = folder.join(&frame.segment).join(frame.stem() + ".bin");
                let bytes = read_bytes(&path)?;
                let at = |t: u32| {
                    let start = t as usize * 12;
                    let bytes = bytes.get(start..start + 12).with_context(|| {
                        format!("{}: {} bytes, too short for vertex {t}", path.display(), bytes.len())
                    })?;
                    Ok([f32_of(&bytes[0..4]), f32_of(&bytes[4..8]), f32_of(&bytes[8..12])])
                };
                tracked.iter().map(|&t| at(t)).collect()
            }
            Self::Extract { path, bytes, render } => {
                let file = parse(path, bytes)?;
                let name = format!("{}/{}", frame.segment, frame.stem());
                let positions = tensor(path, &file, &name, Dtype::I16)?;
                ensure!(
                    positions.shape() == [render.len(), 3],
                    "{}: {name}: shape {:?}, not [{}, 3]",
                    path.display(),
                    positions.shape(),
                    render.len()
                );
                let value = |b: &[u8]| f32::from(i16::from_le_bytes([b[0], b[1]])) * STEP_MM;
                Ok(positions
                    .data()
                    .chunks_exact(6)
                    .map(|b| [value(&b[0..2]), value(&b[2..4]), value(&b[4..6])])
                    .collect())
            }
        }
    }
}

/// Distances between posed vertices, millimetres. `ours` is the whole render mesh, metres. The pose is the same on
/// both sides and rigid, so the distance is the one in head space.
pub(crate) fn distances_mm(ours: &[[f32; 3]], vertices: &[u32], truth_mm: &[[f32; 3]]) -> Result<Vec<f32>> {
    let one = |(&v, t): (&u32, &[f32; 3])| {
        let p = ours.get(v as usize).with_context(|| {
            format!(
                "the capture's vertex {v} is not in the avatar's mesh of {}: another topology",
                ours.len()
            )
        })?;
        Ok((0..3).map(|i| (p[i] * 1e3 - t[i]).powi(2)).sum::<f32>().sqrt())
    };
    vertices.iter().zip(truth_mm).map(one).collect()
}

fn read_bytes(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("{}: can't be read", path.display()))
}

fn parse<'a>(path: &Path, bytes: &'a [u8]) -> Result<SafeTensors<'a>> {
    SafeTensors::deserialize(bytes).with_context(|| format!("{}: no safetensors file", path.display()))
}

fn tensor<'a>(
    path: &Path,
    file: &SafeTensors<'a>,
    name: &str,
    dtype: Dtype,
) -> Result<safetensors::tensor::TensorView<'a>> {
    let tensor = file.tensor(name).with_context(|| format!("{}: no tensor `{name}`", path.display()))?;
    ensure!(tensor.dtype() == dtype, "{}: {name}: {:?}, not {dtype:?}", path.display(), tensor.dtype());
    Ok(tensor)
}

fn u32s(path: &Path, file: &SafeTensors<'_>, name: &str) -> Result<Vec<u32>> {
    let tensor = tensor(path, file, name, Dtype::U32)?;
    Ok(tensor.data().chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect())
}

fn f32_of(bytes: &[u8]) -> f32 {
    f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_in_millimetres() {
        let ours = [[0.0, 0.0, 0.0], [0.001, 0.0, 0.0], [0.0, 0.003, 0.004]];
        let d = distances_mm(&ours, &[1, 2], &[[0.0; 3], [0.0; 3]]).unwrap();
        assert!((d[0] - 1.0).abs() < 1e-5 && (d[1] - 5.0).abs() < 1e-5, "{d:?}");
    }

    #[test]
    fn another_topology_is_an_error() {
        let error = distances_mm(&[[0.0; 3]], &[7], &[[0.0; 3]]).unwrap_err();
        assert!(error.to_string().contains("vertex 7"), "{error}");
    }
}
