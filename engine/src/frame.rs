//! A prepared frame: decoded and skinned once, drawn in any number of views.

use std::ops::Range;
use std::sync::Arc;

use glam::{Affine3A, Mat4};
use visavis_codec::reference::View;
use visavis_shaders::mirror::Camera;

use crate::Engine;
use crate::engine::Shared;
use crate::error::{DrawError, GpuError, PrepareError, scoped};
use crate::person::{Body, Instance, PersonInner, Run, SurfaceMesh};
use crate::raster::{RasterKey, SurfacePass};
use crate::target::Target;
use crate::upload::{ALIGNMENT, Upload};

/// A camera, and the rectangle of the target that its picture fills.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Viewport {
    /// The camera, in the world that [`Instance::set_pose`] speaks of.
    pub view: View,
    /// Left and top edge, pixels; the host sets its pass's viewport to the same rectangle.
    pub origin: [u32; 2],
    /// Width and height, pixels.
    pub size: [u32; 2],
    /// Whether only [`Frame::draw_depth`] will draw it, as for shadow maps.
    pub depth_only: bool,
}

impl Viewport {
    /// A view that fills a target of this size.
    pub fn new(view: View, size: [u32; 2]) -> Self {
        Self { view, origin: [0; 2], size, depth_only: false }
    }

    /// A view that only depth is drawn of.
    pub fn depth_only(view: View, size: [u32; 2]) -> Self {
        Self { depth_only: true, ..Self::new(view, size) }
    }
}

/// Instances ready to be drawn, with everything that takes. It owns its buffers until it is dropped; they go back to
/// their people then. Drop it after submitting what was recorded.
#[derive(Debug)]
pub struct Frame {
    shared: Arc<Shared>,
    views: Vec<Viewport>,
    cameras: wgpu::BindGroup,
    subjects: Vec<Subject>,
    draws: Vec<Draw>,
}

/// A draw call of every view.
#[derive(Debug)]
struct Draw {
    pass: SurfacePass,
    subject: usize,
    /// Vertices of the fringe, indices of the other passes.
    range: Range<u32>,
    pipeline: wgpu::RenderPipeline,
}

/// One instance of a frame.
#[derive(Debug)]
struct Subject {
    person: Arc<PersonInner>,
    /// Some until the frame is dropped.
    body: Option<Body>,
}

impl Engine {
    /// Records the decode of each instance into `encoder`, once for all views, and returns what draws them in passes
    /// of `target`'s kind that come later in the same encoder, or in one submitted later. On the GPU executor this
    /// records compute passes; on the CPU executor it decodes and rasterises before it returns.
    ///
    /// The first call for a kind of target and shape of avatar compiles pipelines.
    pub fn prepare(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        target: &Target,
        instances: &[&Instance],
        views: &[Viewport],
    ) -> Result<Frame, PrepareError> {
        let shared = &self.shared;
        self.check(target, instances, views)?;

        let mut upload = Upload::default();
        for viewport in views {
            for instance in instances {
                upload.push(bytemuck::bytes_of(&camera(viewport, instance.world_from_rest)));
            }
        }
        let poses: Vec<_> = (instances.iter())
            .map(|instance| {
                let bytes = instance.person.pose.write(&instance.frame);
                (upload.push(&bytes), bytes.len() as u64)
            })
            .collect();
        let buffer =
            upload.finish(&shared.device, wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_SRC)?;

        let mut subjects = Vec::with_capacity(instances.len());
        for instance in instances {
            let body = instance.person.body()?;
            subjects.push(Subject { person: instance.person.clone(), body: Some(body) });
        }
        let draws = self.draws(target, &subjects)?;
        let cameras = scoped(&shared.device, || {
            shared.device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some("visavis cameras"),
                layout: &shared.layouts.camera,
                entries: &[wgpu::BindGroupEntry {
                    binding: 0,
                    resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                        buffer: &buffer,
                        offset: 0,
                        size: wgpu::BufferSize::new(size_of::<Camera>() as u64),
                    }),
                }],
            })
        })?;
        scoped(&shared.device, || record_decodes(shared, encoder, &subjects, &buffer, &poses))?;
        Ok(Frame { shared: shared.clone(), views: views.to_vec(), cameras, subjects, draws })
    }

    fn check(
        &self,
        target: &Target,
        instances: &[&Instance],
        views: &[Viewport],
    ) -> Result<(), PrepareError> {
        if target.device != self.shared.device {
            return Err(PrepareError::Foreign("target"));
        }
        if instances.iter().any(|instance| !Arc::ptr_eq(&instance.person.shared, &self.shared)) {
            return Err(PrepareError::Foreign("instance"));
        }
        let limit = self.shared.device.limits().max_texture_dimension_2d;
        for (view, viewport) in views.iter().enumerate() {
            let [width, height] = viewport.size;
            if !(1..=limit).contains(&width) || !(1..=limit).contains(&height) {
                return Err(PrepareError::ViewSize { view, width, height, limit });
            }
            if !viewport.depth_only && target.format.color.is_none() {
                return Err(PrepareError::NoColor);
            }
        }
        Ok(())
    }

    /// The draw calls in their order, pass by pass over all subjects, so that every soft fragment meets every solid
    /// one's depth.
    fn draws(&self, target: &Target, subjects: &[Subject]) -> Result<Vec<Draw>, GpuError> {
        let mut draws = Vec::new();
        if target.format.color.is_none() {
            return Ok(draws);
        }
        for (index, subject) in subjects.iter().enumerate() {
            let Some(decoder) = &subject.person.decoder else { continue };
            for (pass, range) in passes(&subject.person.surface) {
                let key = RasterKey::Surface(target.format, decoder.shape, pass);
                draws.push(Draw { pass, subject: index, range, pipeline: self.shared.raster_pipeline(key)? });
            }
        }
        draws.sort_by_key(|draw| draw.pass.order()); // stable: subjects and triangles stay in order
        Ok(draws)
    }
}

/// What is drawn of a person.
fn passes(surface: &SurfaceMesh) -> Vec<(SurfacePass, Range<u32>)> {
    let mut passes = Vec::new();
    for Run { indices, blended, two_sided } in surface.runs.iter().cloned() {
        if blended {
            passes.push((SurfacePass::Solid { two_sided }, indices.clone()));
            passes.push((SurfacePass::Soft { two_sided }, indices));
        } else {
            passes.push((SurfacePass::Opaque, indices));
        }
    }
    if surface.edge_count > 0 {
        passes.push((SurfacePass::Fringe, 0..surface.edge_count * 6));
    }
    passes
}

fn record_decodes(
    shared: &Shared,
    encoder: &mut wgpu::CommandEncoder,
    subjects: &[Subject],
    buffer: &wgpu::Buffer,
    poses: &[(u64, u64)],
) {
    let Some(kernels) = &shared.kernels else { return };
    let workspaces: Vec<_> = (subjects.iter())
        .filter_map(|subject| {
            let workspace = subject.body.as_ref()?.workspace.as_ref()?;
            Some((subject.person.decoder.as_ref()?, workspace))
        })
        .collect();
    for ((_, workspace), &(offset, size)) in workspaces.iter().zip(poses) {
        encoder.copy_buffer_to_buffer(buffer, offset, &workspace.inputs, 0, size);
    }
    let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
        label: Some("visavis decode"),
        timestamp_writes: None,
    });
    for (decoder, workspace) in workspaces {
        decoder.record(kernels, workspace, &mut pass);
    }
}

impl Frame {
    /// Draws colour and depth of view number `view` into a pass of the target's kind: after the host's opaque things,
    /// before its transparent ones. Colours are linear, premultiplied; depth is written where alpha ≥ ½. The pass's
    /// viewport must be the [`Viewport`]'s rectangle.
    pub fn draw(&self, pass: &mut wgpu::RenderPass<'_>, view: usize) -> Result<(), DrawError> {
        if self.viewport(view)?.depth_only {
            return Err(DrawError::DepthOnly(view));
        }
        for Draw { pass: kind, subject, range, pipeline } in &self.draws {
            let Some(Subject { person, body: Some(body) }) = self.subjects.get(*subject) else { continue };
            let Body { vertices, workspace: Some(workspace), fringe: Some(fringe) } = body else { continue };
            pass.set_pipeline(pipeline);
            pass.set_bind_group(0, &self.cameras, &[self.camera_offset(view, *subject)]);
            pass.set_bind_group(1, &workspace.pixel, &[]);
            if *kind == SurfacePass::Fringe {
                pass.set_bind_group(2, fringe, &[]);
                pass.draw(range.clone(), 0..1);
            } else {
                pass.set_vertex_buffer(0, vertices.slice(..));
                pass.set_index_buffer(person.surface.indices.slice(..), wgpu::IndexFormat::Uint16);
                pass.draw_indexed(range.clone(), 0, 0..1);
            }
        }
        Ok(())
    }

    /// Draws the depth of view number `view`, of any kind, into a pass of `target`'s kind: the skinned mesh, as if
    /// every part but the lashes were opaque. For shadow maps and depth pre-passes.
    pub fn draw_depth(
        &self,
        pass: &mut wgpu::RenderPass<'_>,
        target: &Target,
        view: usize,
    ) -> Result<(), DrawError> {
        self.viewport(view)?;
        pass.set_pipeline(&target.depth_only);
        for (index, subject) in self.subjects.iter().enumerate() {
            let Some(body) = &subject.body else { continue };
            let surface = &subject.person.surface;
            pass.set_bind_group(0, &self.cameras, &[self.camera_offset(view, index)]);
            pass.set_vertex_buffer(0, body.vertices.slice(..));
            pass.set_index_buffer(surface.indices.slice(..), wgpu::IndexFormat::Uint16);
            for run in surface.runs.iter().filter(|run| !run.two_sided) {
                pass.draw_indexed(run.indices.clone(), 0, 0..1);
            }
        }
        Ok(())
    }

    /// The views that it was prepared for.
    pub fn views(&self) -> &[Viewport] {
        &self.views
    }

    fn viewport(&self, view: usize) -> Result<&Viewport, DrawError> {
        self.views.get(view).ok_or(DrawError::NoSuchView(view, self.views.len()))
    }

    fn camera_offset(&self, view: usize, subject: usize) -> u32 {
        (view * self.subjects.len() + subject) as u32 * ALIGNMENT as u32
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        for subject in &mut self.subjects {
            if let Some(body) = subject.body.take() {
                subject.person.retire(body);
            }
        }
    }
}

fn camera(viewport: &Viewport, world_from_rest: Affine3A) -> Camera {
    let view_from_rest = viewport.view.view_from_world * world_from_rest;
    Camera {
        clip_from_rest: (viewport.view.clip_from_view * Mat4::from(view_from_rest)).to_cols_array_2d(),
        eye_in_rest: view_from_rest.inverse().translation.to_array(),
        reserved: 0.0,
        viewport: viewport.size.map(|pixels| pixels as f32),
        viewport_origin: viewport.origin.map(|pixels| pixels as f32),
    }
}
