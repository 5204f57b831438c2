//! The triangles and edges of a person's mesh on the device.

use std::ops::Range;

use visavis_codec::avatar::{Material, Part, PartKind};

use crate::cpu::Form;
use crate::engine::Shared;
use crate::error::LoadError;
use crate::gpu;
use crate::pace::Pace;
use crate::upload::mapped_buffer;

/// The triangles and edges of a mesh.
#[derive(Debug)]
pub(crate) struct SurfaceMesh {
    pub(crate) vertices: usize,
    pub(crate) indices: wgpu::Buffer,
    /// On the GPU executor.
    pub(crate) edges: Option<wgpu::Buffer>,
    /// Of each opaque part, there.
    pub(crate) fringes: Vec<(Range<u32>, PartKind)>,
    pub(crate) runs: Vec<Run>,
    /// A run each part, for relighting, which tells them apart.
    pub(crate) parts: Vec<(Run, PartKind)>,
}

/// Triangles next to each other that are drawn alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// Indices, three a triangle.
    pub(crate) indices: Range<u32>,
    pub(crate) material: Material,
    pub(crate) two_sided: bool,
}

impl SurfaceMesh {
    pub(crate) async fn new(shared: &Shared, form: &Form<'_>, pace: &Pace) -> Result<Self, LoadError> {
        let Form { mesh, parts, .. } = form;
        let device = &shared.device;
        let mut fringes = Vec::new();
        let edges = match &shared.kernels {
            None => None,
            Some(_) => {
                // Finding edges costs some ten times what moving them does.
                pace.spend(mesh.triangles.len() * 60).await;
                let mut edges = Vec::new();
                for part in parts.iter().filter(|part| !part.kind.is_blended()) {
                    let start = edges.len() as u32;
                    edges.extend(gpu::edges(mesh, part));
                    fringes.push((start..edges.len() as u32, part.kind));
                }
                Some(edges)
            }
        };
        let edges = match edges {
            Some(edges) => Some(mapped_buffer(
                device,
                "visavis edges",
                bytemuck::cast_slice(&edges),
                wgpu::BufferUsages::STORAGE,
            )?),
            None => None,
        };
        Ok(Self {
            vertices: mesh.mean.len(),
            indices: mapped_buffer(
                device,
                "visavis triangles",
                bytemuck::cast_slice(&mesh.triangles),
                wgpu::BufferUsages::INDEX,
            )?,
            edges,
            fringes,
            runs: runs(parts),
            parts: parts.iter().map(|part| (Run::of(part), part.kind)).collect(),
        })
    }
}

impl Run {
    fn of(part: &Part) -> Self {
        Self {
            indices: part.triangles.start * 3..part.triangles.end * 3,
            material: part.kind.material(),
            two_sided: part.kind.is_two_sided(),
        }
    }
}

/// Parts as runs, neighbours that are drawn alike as one.
fn runs(parts: &[Part]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for part in parts {
        let next = Run::of(part);
        match runs.last_mut() {
            Some(run)
                if (run.material, run.two_sided) == (next.material, next.two_sided)
                    && run.indices.end == next.indices.start =>
            {
                run.indices.end = next.indices.end;
            }
            _ => runs.push(next),
        }
    }
    runs
}
