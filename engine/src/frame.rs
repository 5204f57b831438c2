//! A prepared frame: decoded and skinned once, drawn in any number of views.

use std::ops::Range;
use std::sync::Arc;

use glam::{Affine3A, Mat4};
use visavis_codec::reference::View;
use visavis_shaders::mirror::Camera;

use crate::cpu;
use crate::engine::{Engine, Executor, Shared};
use crate::error::{DrawError, GpuError, PrepareError, scoped};
use crate::layer::LayerTextures;
use crate::person::{Body, BodyState, Instance, PersonInner, Run, SurfaceMesh, Weights};
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
    views: Vec<PreparedView>,
    cameras: wgpu::BindGroup,
    subjects: Vec<Subject>,
    /// Solid and soft, of the CPU executor's layers.
    layer_pipelines: Option<[wgpu::RenderPipeline; 2]>,
}

/// One view of a frame.
#[derive(Debug)]
struct PreparedView {
    viewport: Viewport,
    /// Subjects, far to near.
    order: Vec<usize>,
    /// On the CPU executor, unless only depth is drawn; some until the frame is dropped.
    layer: Option<LayerTextures>,
}

/// One instance of a frame.
#[derive(Debug)]
struct Subject {
    person: Arc<PersonInner>,
    /// Some until the frame is dropped.
    body: Option<Body>,
    /// On the GPU executor.
    draws: Vec<Draw>,
}

/// A draw call of every view.
#[derive(Debug)]
struct Draw {
    pass: SurfacePass,
    /// Vertices of the fringe, indices of the other passes.
    range: Range<u32>,
    pipeline: wgpu::RenderPipeline,
}

/// What the CPU executor has just done; on the GPU executor all of it comes later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The dynamic map of an instance.
    Decoded,
    /// The vertices of an instance.
    Skinned,
    /// The layer of a view.
    Shaded,
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
        self.prepare_observed(encoder, target, instances, views, &mut |_| {})
    }

    /// [`prepare`](Self::prepare), telling after each stage.
    pub(crate) fn prepare_observed(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        target: &Target,
        instances: &[&Instance],
        views: &[Viewport],
        observe: &mut dyn FnMut(Stage),
    ) -> Result<Frame, PrepareError> {
        let shared = &self.shared;
        self.check(target, instances, views)?;

        let mut upload = Upload::default();
        for viewport in views {
            for instance in instances {
                upload.push(bytemuck::bytes_of(&camera(viewport, instance.world_from_rest)));
            }
        }
        let mut subjects = Vec::with_capacity(instances.len());
        let mut copies = Vec::with_capacity(instances.len());
        for instance in instances {
            let person = instance.person.clone();
            let mut body = person.body()?;
            copies.push(match &mut body.state {
                BodyState::Gpu { workspace, .. } => {
                    let pose = person.pose.write(&instance.frame);
                    (upload.push(&pose), pose.len() as u64, workspace.inputs.clone())
                }
                BodyState::Cpu(face) => {
                    let pool = shared.pool.as_deref();
                    face.decode_texture(&instance.frame, pool)?;
                    observe(Stage::Decoded);
                    face.pose(&instance.frame, pool)?;
                    let vertices = bytemuck::cast_slice(face.vertices());
                    let copy = (upload.push(vertices), vertices.len() as u64, body.vertices.clone());
                    observe(Stage::Skinned);
                    copy
                }
            });
            let draws = self.draws(target, &person)?;
            subjects.push(Subject { person, body: Some(body), draws });
        }
        let buffer =
            upload.finish(&shared.device, wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_SRC)?;
        let cameras = scoped(&shared.device, || {
            for (offset, size, into) in &copies {
                encoder.copy_buffer_to_buffer(&buffer, *offset, into, 0, *size);
            }
            record_decodes(encoder, &subjects);
            cameras(shared, &buffer)
        })?;

        let mut prepared = Vec::with_capacity(views.len());
        for viewport in views {
            let layer = if self.executor() == Executor::Gpu || viewport.depth_only {
                None
            } else {
                let placed = placed(&subjects, instances);
                let layer = shared.rasterize(encoder, viewport, &placed)?;
                observe(Stage::Shaded);
                Some(layer)
            };
            prepared.push(PreparedView {
                viewport: *viewport,
                order: far_to_near(viewport, instances),
                layer,
            });
        }
        let layer_pipelines = match prepared.iter().any(|view| view.layer.is_some()) {
            true => Some([
                shared.raster_pipeline(RasterKey::Layer(target.format, true))?,
                shared.raster_pipeline(RasterKey::Layer(target.format, false))?,
            ]),
            false => None,
        };
        Ok(Frame { shared: shared.clone(), views: prepared, cameras, subjects, layer_pipelines })
    }

    fn check(
        &self,
        target: &Target,
        instances: &[&Instance],
        views: &[Viewport],
    ) -> Result<(), PrepareError> {
        if !Arc::ptr_eq(&target.shared, &self.shared) {
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

    /// A person's draw calls in their order.
    fn draws(&self, target: &Target, person: &PersonInner) -> Result<Vec<Draw>, GpuError> {
        let (Some(_), Weights::Gpu(decoder)) = (target.format.color, &person.weights) else {
            return Ok(Vec::new());
        };
        passes(&person.surface)
            .into_iter()
            .map(|(pass, range)| {
                let key = RasterKey::Surface(target.format, decoder.shape, pass);
                Ok(Draw { pass, range, pipeline: self.shared.raster_pipeline(key)? })
            })
            .collect()
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

fn record_decodes(encoder: &mut wgpu::CommandEncoder, subjects: &[Subject]) {
    let decodes: Vec<_> = (subjects.iter())
        .filter_map(|subject| match (&subject.person.weights, &subject.body) {
            (Weights::Gpu(decoder), Some(Body { state: BodyState::Gpu { workspace, .. }, .. })) => {
                Some((decoder, workspace))
            }
            _ => None,
        })
        .collect();
    if decodes.is_empty() {
        return;
    }
    let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
        label: Some("visavis decode"),
        timestamp_writes: None,
    });
    for (decoder, workspace) in decodes {
        decoder.record(workspace, &mut pass);
    }
}

/// One camera at a dynamic offset.
fn cameras(shared: &Shared, buffer: &wgpu::Buffer) -> wgpu::BindGroup {
    shared.device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: Some("visavis cameras"),
        layout: &shared.layouts.camera,
        entries: &[wgpu::BindGroupEntry {
            binding: 0,
            resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                buffer,
                offset: 0,
                size: wgpu::BufferSize::new(size_of::<Camera>() as u64),
            }),
        }],
    })
}

/// What the CPU executor draws.
fn placed<'a>(subjects: &'a [Subject], instances: &[&Instance]) -> Vec<cpu::Placed<'a>> {
    (subjects.iter().zip(instances))
        .filter_map(|(subject, instance)| match &subject.body {
            Some(Body { state: BodyState::Cpu(face), .. }) => {
                Some(cpu::Placed { instance: face, world_from_rest: instance.world_from_rest })
            }
            _ => None,
        })
        .collect()
}

/// The instances' numbers by falling distance from the eye to their rest frames.
fn far_to_near(viewport: &Viewport, instances: &[&Instance]) -> Vec<usize> {
    let eye = viewport.view.eye();
    let distance = |&index: &usize| eye.distance(instances[index].world_from_rest.translation.into());
    let mut order: Vec<usize> = (0..instances.len()).collect();
    order.sort_by(|a, b| distance(b).total_cmp(&distance(a)));
    order
}

impl Frame {
    /// Draws colour and depth of view number `view` into a pass of the target's kind: after the host's opaque things,
    /// before its transparent ones. Colours are linear, premultiplied; depth is written where alpha ≥ ½. The pass's
    /// viewport must be the [`Viewport`]'s rectangle.
    pub fn draw(&self, pass: &mut wgpu::RenderPass<'_>, view: usize) -> Result<(), DrawError> {
        let PreparedView { viewport, order, layer } = self.view(view)?;
        if viewport.depth_only {
            return Err(DrawError::DepthOnly(view));
        }
        if let (Some(layer), Some(pipelines)) = (layer, &self.layer_pipelines) {
            for pipeline in pipelines {
                pass.set_pipeline(pipeline);
                pass.set_bind_group(0, layer.group(), &[]);
                pass.draw(0..3, 0..1);
            }
        }
        // Pass by pass over all subjects, so that every soft fragment meets every solid one's depth.
        for stage in SurfacePass::STAGES {
            for &index in order {
                self.draw_subject(pass, view, index, stage);
            }
        }
        Ok(())
    }

    fn draw_subject(&self, pass: &mut wgpu::RenderPass<'_>, view: usize, index: usize, stage: u8) {
        let Some(Subject { person, body: Some(body), draws }) = self.subjects.get(index) else { return };
        let Body { vertices, state: BodyState::Gpu { workspace, fringe } } = body else { return };
        for Draw { pass: kind, range, pipeline } in draws.iter().filter(|draw| draw.pass.stage() == stage) {
            pass.set_pipeline(pipeline);
            pass.set_bind_group(0, &self.cameras, &[self.camera_offset(view, index)]);
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
    }

    /// Draws the depth of view number `view`, of any kind, into a pass of `target`'s kind: the skinned mesh, as if
    /// every part but the lashes were opaque. For shadow maps and depth maps of their own: not into the depth that
    /// [`draw`](Self::draw) tests against, which would hide what it draws.
    pub fn draw_depth(
        &self,
        pass: &mut wgpu::RenderPass<'_>,
        target: &Target,
        view: usize,
    ) -> Result<(), DrawError> {
        self.view(view)?;
        if !Arc::ptr_eq(&target.shared, &self.shared) {
            return Err(DrawError::ForeignTarget);
        }
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
    pub fn views(&self) -> impl ExactSizeIterator<Item = &Viewport> {
        self.views.iter().map(|view| &view.viewport)
    }

    /// What the instances were decoded to, for tests.
    #[cfg(all(test, feature = "headless"))]
    pub(crate) fn bodies(&self) -> impl Iterator<Item = &Body> {
        self.subjects.iter().filter_map(|subject| subject.body.as_ref())
    }

    fn view(&self, view: usize) -> Result<&PreparedView, DrawError> {
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
        for view in &mut self.views {
            if let Some(layer) = view.layer.take() {
                self.shared.retire_layer(layer);
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
