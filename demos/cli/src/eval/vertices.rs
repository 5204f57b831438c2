//! Where the face's vertices really were, and how far ours are from there.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use safetensors::{Dtype, SafeTensors};
use visavis_codec::Avatar;
use visavis_codec::glam::Vec3;
use visavis_codec::train::{Capture, CaptureFrame, Rig};

use super::truth::stem;

/// A vertex counts if some unit moves it further than this, metres.
pub(crate) const MOVED: f32 = 1e-3;
/// An extract's positions are multiples of this, millimetres: an error of 0.004 mm at most, a range of ±256 mm.
pub(crate) const STEP_MM: f32 = 1.0 / 128.0;
/// The extract's file: `render_index` as u32, and for each frame `SEGMENT/FRAME` as i16 steps, `[vertices, 3]`.
pub(crate) const EXTRACT: &str = "vertices.safetensors";
/// Further from where the rig has it, a vertex of the neutral mesh is another one, metres.
const SAME_VERTEX: f32 = 0.02;

/// The tracked positions of the vertices that are judged, and which vertices of the avatar's mesh they are. Those
/// number the rig *after* what is always hidden was left out of it ([`Rig::read`]), as avatars do.
#[derive(Debug)]
pub(crate) enum VertexTruth {
    /// A whole capture.
    Tracked {
        render: Vec<u32>,
        /// The tracked vertex of each.
        tracked: Vec<u32>,
        /// Where each is at neutral, metres.
        neutral: Vec<Vec3>,
    },
    /// An extract: one file.
    Extract { path: PathBuf, bytes: Vec<u8>, render: Vec<u32> },
}

impl VertexTruth {
    /// Opens what the folder has: the extract's file, else the rig and the tracked meshes.
    pub(crate) fn open(capture: &Capture) -> Result<Self> {
        let path = capture.folder.join(EXTRACT);
        if !path.is_file() {
            return Ok(Self::of_rig(&Rig::read(capture)?));
        }
        let bytes = std::fs::read(&path).with_context(|| format!("{}: can't be read", path.display()))?;
        let file = parse(&path, &bytes)?;
        let render = tensor(&path, &file, "render_index", Dtype::U32)?;
        let render =
            render.data().as_chunks::<4>().0.iter().map(|&number| u32::from_le_bytes(number)).collect();
        Ok(Self::Extract { path, bytes, render })
    }

    fn of_rig(rig: &Rig) -> Self {
        let vertices = rig.mesh.mean.len();
        let mut moved = vec![false; vertices];
        for unit in rig.unit_deltas.chunks_exact(vertices.max(1)) {
            for (moved, delta) in moved.iter_mut().zip(unit) {
                *moved |= delta.length_squared() > MOVED * MOVED;
            }
        }
        // A vertex that is split along a seam is one vertex of the face: it counts once.
        let mut seen = HashSet::new();
        let (render, tracked): (Vec<u32>, Vec<u32>) = (0u32..)
            .zip(rig.tracked_index.iter().copied())
            .filter(|&(vertex, tracked)| moved[vertex as usize] && seen.insert(tracked))
            .unzip();
        let neutral = render.iter().map(|&vertex| Vec3::from(rig.mesh.mean[vertex as usize])).collect();
        Self::Tracked { render, tracked, neutral }
    }

    /// The vertices of the avatar's mesh that are judged.
    pub(crate) fn render_vertices(&self) -> &[u32] {
        match self {
            Self::Tracked { render, .. } | Self::Extract { render, .. } => render,
        }
    }

    /// Makes sure that the avatar has the mesh that the vertices were numbered in, as far as that can be told.
    pub(crate) fn check(&self, avatar: &Avatar) -> Result<()> {
        let mean = &avatar.mesh.mean;
        for (i, &vertex) in self.render_vertices().iter().enumerate() {
            let ours = mean.get(vertex as usize).with_context(|| {
                format!(
                    "the capture's vertex {vertex} is not in the avatar's mesh of {}: another topology",
                    mean.len()
                )
            })?;
            let Self::Tracked { neutral, .. } = self else { continue };
            let apart = Vec3::from(*ours).distance(neutral[i]);
            ensure!(
                apart <= SAME_VERTEX,
                "vertex {vertex} of the avatar is {:.0} mm from where the capture's rig has it: another topology",
                apart * 1e3
            );
        }
        Ok(())
    }

    /// Their positions in this frame, metres, posed.
    pub(crate) fn positions(&self, capture: &Capture, frame: &CaptureFrame) -> Result<Vec<Vec3>> {
        match self {
            Self::Tracked { tracked, .. } => {
                let mesh = capture.tracked_mesh(frame)?;
                let at = |&number: &u32| {
                    mesh.get(number as usize).copied().with_context(|| {
                        format!(
                            "{}: tracked_mesh of {} {}: {} vertices, too few for number {number} of the rig",
                            capture.folder.display(),
                            frame.segment,
                            frame.frame,
                            mesh.len()
                        )
                    })
                };
                tracked.iter().map(at).collect()
            }
            Self::Extract { path, bytes, render } => {
                let file = parse(path, bytes)?;
                let name = format!("{}/{}", frame.segment, stem(frame));
                let positions = tensor(path, &file, &name, Dtype::I16)?;
                ensure!(
                    positions.shape() == [render.len(), 3],
                    "{}: {name}: shape {:?}, not [{}, 3]",
                    path.display(),
                    positions.shape(),
                    render.len()
                );
                let steps = positions.data().as_chunks::<2>().0;
                let value = |step: &[u8; 2]| f32::from(i16::from_le_bytes(*step)) * (STEP_MM * 1e-3);
                Ok(steps
                    .as_chunks::<3>()
                    .0
                    .iter()
                    .map(|p| Vec3::from_array(p.each_ref().map(value)))
                    .collect())
            }
        }
    }
}

/// Distances between posed vertices, millimetres. `ours` is the whole render mesh, `truth` the `vertices` of it, both
/// in metres. The pose is the same on both sides and rigid, so the distance is the one in head space.
pub(crate) fn distances_mm(ours: &[Vec3], vertices: &[u32], truth: &[Vec3]) -> Vec<f32> {
    let ours = vertices.iter().map(|&v| ours.get(v as usize).copied().unwrap_or(Vec3::NAN));
    ours.zip(truth).map(|(ours, truth)| ours.distance(*truth) * 1e3).collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::made_up::{MadeUp, posed};

    #[test]
    fn distances_are_in_millimetres() {
        let ours = [Vec3::ZERO, Vec3::new(0.001, 0.0, 0.0), Vec3::new(0.0, 0.003, 0.004)];
        let d = distances_mm(&ours, &[1, 2], &[Vec3::ZERO; 2]);
        assert!((d[0] - 1.0).abs() < 1e-5 && (d[1] - 5.0).abs() < 1e-5, "{d:?}");
    }

    #[test]
    fn vertices_are_numbered_as_the_avatars_without_the_backs_of_the_eyes() {
        let made_up = MadeUp::new();
        let capture = made_up.capture();
        let (raw, trimmed) = (made_up.raw.mesh.mean.len(), made_up.avatar.mesh.mean.len());
        assert!(trimmed < raw, "{trimmed} of {raw} vertices are left: nothing was cut");
        let truth = VertexTruth::open(&capture).unwrap();
        truth.check(&made_up.avatar).unwrap();
        let VertexTruth::Tracked { render, tracked, .. } = &truth else { panic!("not an extract") };
        let moved_on = render.iter().zip(tracked).filter(|(render, tracked)| render < tracked).count();
        assert!(moved_on > 20, "{moved_on} judged vertices come after a cut");
        for frame in &capture.description.frames {
            let truth_positions = truth.positions(&capture, frame).unwrap();
            let ours = posed(&made_up.avatar, &super::super::drive::drives(frame).units);
            let worst = distances_mm(&ours, truth.render_vertices(), &truth_positions).into_iter();
            let worst = worst.fold(0.0, f32::max);
            assert!(worst < 0.01, "{worst} mm in frame {}", frame.frame);
        }
    }

    #[test]
    fn another_topology_is_an_error() {
        let made_up = MadeUp::new();
        let truth = VertexTruth::open(&made_up.capture()).unwrap();
        // The uncut mesh is another one, though it has every number.
        let error = truth.check(&made_up.raw).unwrap_err();
        assert!(error.to_string().contains("another topology"), "{error}");
        let mut short = made_up.avatar.clone();
        short.mesh.mean.truncate(3);
        let error = truth.check(&short).unwrap_err();
        assert!(error.to_string().contains("mesh of 3"), "{error}");
    }
}
