//! A mesh on the GPU: what skins it, and what one posed copy needs to itself.

use std::sync::Arc;

use bytemuck::{bytes_of, cast_slice};
use visavis_shaders::mirror::{NormalsShape, SkinShape, SkinnedVertex};

use super::kernels::{Kernels, bind};
use super::pack::{self, groups};
use crate::cpu::Form;
use crate::engine::Shared;
use crate::error::{GpuError, LoadError, scoped};
use crate::pace::Pace;
use crate::pose::Pose;
use crate::upload::mapped_buffer;

/// A mesh at rest, its basis, and the faces round each of its vertices.
#[derive(Debug)]
pub(crate) struct Mesh {
    kernels: Arc<Kernels>,
    skin_shape: wgpu::Buffer,
    rest: wgpu::Buffer,
    basis: wgpu::Buffer,
    normals_shape: wgpu::Buffer,
    weld_faces: wgpu::Buffer,
    vertices: u32,
}

impl Mesh {
    pub(crate) async fn new(
        shared: &Shared,
        kernels: &Arc<Kernels>,
        form: &Form<'_>,
        pace: &Pace,
    ) -> Result<Self, LoadError> {
        let device = &shared.device;
        let Form { mesh, geometry, .. } = form;
        check_bounds(device, form)?;
        let vertices = mesh.mean.len() as u32;
        let uniform = |label, bytes: &[u8]| mapped_buffer(device, label, bytes, wgpu::BufferUsages::UNIFORM);
        let storage = |label, bytes: &[u8]| mapped_buffer(device, label, bytes, wgpu::BufferUsages::STORAGE);
        let skin_shape =
            SkinShape { vertices, rank_groups: groups(geometry.rank) as u32, reserved_0: 0, reserved_1: 0 };
        let normals_shape = NormalsShape { vertices, reserved_0: 0, reserved_1: 0, reserved_2: 0 };
        pace.spend(geometry.basis.len()).await;
        let basis = storage("visavis basis", cast_slice(&pack::basis(geometry, mesh.mean.len())))?;
        pace.spend(mesh.triangles.len() * 24).await;
        let weld_faces = storage("visavis weld faces", cast_slice(&pack::weld_faces(mesh)))?;
        Ok(Self {
            kernels: kernels.clone(),
            skin_shape: uniform("visavis skin", bytes_of(&skin_shape))?,
            rest: storage("visavis rest vertices", cast_slice(&pack::rest_vertices(mesh)))?,
            basis,
            normals_shape: uniform("visavis normals", bytes_of(&normals_shape))?,
            weld_faces,
            vertices,
        })
    }

    /// What it takes on the device.
    pub(crate) fn bytes(&self) -> u64 {
        let Self { kernels: _, skin_shape, rest, basis, normals_shape, weld_faces, vertices: _ } = self;
        [skin_shape, rest, basis, normals_shape, weld_faces].map(wgpu::Buffer::size).iter().sum()
    }

    /// Records the posing of one copy, whose pose is in its inputs by then.
    pub(crate) fn record(&self, skinning: &Skinning, pass: &mut wgpu::ComputePass<'_>) {
        pass.set_pipeline(&self.kernels.skin);
        pass.set_bind_group(0, &skinning.skin, &[]);
        pass.dispatch_workgroups(self.vertices.div_ceil(64), 1, 1);
        pass.set_pipeline(&self.kernels.normals);
        pass.set_bind_group(0, &skinning.normals, &[]);
        pass.dispatch_workgroups(self.vertices.div_ceil(64), 1, 1);
    }
}

/// What the posing of one copy needs to itself from its recording until it was drawn.
#[derive(Debug)]
pub(crate) struct Skinning {
    /// The condition, then the pose: see [`Pose`].
    pub(crate) inputs: wgpu::Buffer,
    skin: wgpu::BindGroup,
    normals: wgpu::BindGroup,
}

impl Skinning {
    /// `vertices` is the copy's buffer of [`SkinnedVertex`].
    pub(crate) fn new(
        shared: &Shared,
        mesh: &Mesh,
        vertices: &wgpu::Buffer,
        pose_bytes: usize,
    ) -> Result<Self, GpuError> {
        let device = &shared.device;
        scoped(device, || {
            let inputs = device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("visavis pose"),
                size: pose_bytes as u64,
                usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            });
            let pose = wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                buffer: &inputs,
                offset: Pose::OFFSET as u64,
                size: None,
            });
            let skin = bind(
                device,
                &mesh.kernels.skin,
                &[
                    mesh.skin_shape.as_entire_binding(),
                    mesh.rest.as_entire_binding(),
                    mesh.basis.as_entire_binding(),
                    pose,
                    vertices.as_entire_binding(),
                ],
            );
            let normals = bind(
                device,
                &mesh.kernels.normals,
                &[
                    mesh.normals_shape.as_entire_binding(),
                    mesh.weld_faces.as_entire_binding(),
                    vertices.as_entire_binding(),
                ],
            );
            Self { inputs, skin, normals }
        })
    }
}

/// Refuses what the device's limits can't hold.
fn check_bounds(device: &wgpu::Device, form: &Form<'_>) -> Result<(), LoadError> {
    let limit = super::largest_buffer(&device.limits());
    let vertices = form.mesh.mean.len();
    let bounds = [
        ("basis in bytes", groups(form.geometry.rank) * 12 * vertices),
        ("vertices in bytes", vertices * size_of::<SkinnedVertex>()),
    ];
    for (what, found) in bounds {
        if found as u64 > limit {
            return Err(LoadError::TooLarge { what, found: found as u64, limit });
        }
    }
    Ok(())
}
