//! From instances and views to a [`Frame`]: decode, skin, and on the CPU executor rasterise.

use std::ops::Range;
use std::sync::Arc;

use glam::{Affine3A, Mat4};
use visavis_codec::avatar::Material;
use visavis_shaders::mirror::{Camera, MAX_VIEWS};

use crate::cpu;
use crate::engine::{Engine, Executor, Shared};
use crate::error::{GpuError, PrepareError, scoped};
use crate::frame::{Cameras, Draw, Frame, PreparedView, Subject, Viewport};
use crate::layer::LayerPipelines;
use crate::light::{self, ShadowMap, Surroundings};
use crate::person::{Body, BodyState, Instance, PersonInner, Run, SurfaceMesh, Weights};
use crate::raster::{Look, RasterKey, RasterLayouts, SurfacePass};
use crate::target::Target;
use crate::upload::Upload;

/// What the CPU executor has just done; on the GPU executor all of it comes later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
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
    /// Where the target's passes draw n views at once, views follow each other n by n, those of a pass in the order of
    /// the attachments' layers, with one rectangle; views of depth alone stand for themselves.
    ///
    /// The first call for a kind of target and shape of avatar compiles pipelines.
    pub fn prepare(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        target: &Target,
        instances: &[&Instance],
        views: &[Viewport],
    ) -> Result<Frame, PrepareError> {
        self.prepare_in(encoder, target, instances, views, &Surroundings::default())
    }

    /// [`prepare`](Self::prepare) for instances that something is round: see [`Surroundings`].
    pub fn prepare_in(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        target: &Target,
        instances: &[&Instance],
        views: &[Viewport],
        surroundings: &Surroundings<'_>,
    ) -> Result<Frame, PrepareError> {
        self.prepare_observed(encoder, target, instances, views, surroundings, &mut |_| {})
    }

    /// [`prepare_in`](Self::prepare_in), telling after each stage, for hosts that show what frames cost: the engine reads
    /// no clock. Only the CPU executor has stages here.
    pub fn prepare_observed(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        target: &Target,
        instances: &[&Instance],
        views: &[Viewport],
        surroundings: &Surroundings<'_>,
        observe: &mut dyn FnMut(Stage),
    ) -> Result<Frame, PrepareError> {
        let shared = &self.shared;
        self.check(target, instances, views)?;
        let shadow = surroundings.shadow.as_ref();
        shadow.map_or(Ok(()), ShadowMap::check)?;

        let mut upload = Upload::default();
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
            let light = instance.light.as_ref().zip(person.capture_light.as_ref());
            let lighting = light.map(|(light, captured)| {
                // As the layer counts them.
                let number = subjects.len() + 1;
                let lighting = light::lighting(light, captured, instance.world_from_rest, shadow, number);
                upload.push(bytemuck::bytes_of(&lighting)) as u32
            });
            let look = if lighting.is_some() { Look::Relit } else { Look::Captured };
            let draws = self.draws(target, &person, look)?;
            subjects.push(Subject { person, body: Some(body), draws, lighting });
        }
        let is_relit: Vec<bool> = subjects.iter().map(|subject| subject.lighting.is_some()).collect();
        let mut cameras_start = None;
        for (instance, subject) in instances.iter().zip(&subjects) {
            for viewport in views {
                let mut camera = camera(viewport, instance.world_from_rest);
                subject.find_in_layer(viewport, &mut camera);
                let offset = upload.push(bytemuck::bytes_of(&camera));
                cameras_start.get_or_insert(offset as u32);
            }
        }
        let usage = wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_SRC;
        let buffer = upload.finish(&shared.device, usage, size_of::<[Camera; MAX_VIEWS]>())?;
        let (cameras, lighting) = scoped(&shared.device, || {
            for (offset, size, into) in &copies {
                encoder.copy_buffer_to_buffer(&buffer, *offset, into, 0, *size);
            }
            record_decodes(encoder, &subjects);
            let lighting = is_relit.contains(&true).then(|| light::group(shared, &buffer, shadow));
            (cameras(shared, &buffer, cameras_start.unwrap_or(0)), lighting)
        })?;

        let is_multiview = target.format.view_mask.is_some();
        let mut prepared = Vec::with_capacity(views.len());
        for pass in passes_of(views, target.format.views()) {
            let layer = if self.executor() == Executor::Gpu || pass[0].depth_only {
                None
            } else {
                let placed = placed(&subjects, instances);
                let observe = &mut || observe(Stage::Shaded);
                Some(shared.rasterize(encoder, pass, is_multiview, &placed, &is_relit, observe)?)
            };
            let order = far_to_near(&pass[0], instances);
            prepared.push(PreparedView { viewport: pass[0], is_first: true, order, layer });
            prepared.extend(pass[1..].iter().map(|&viewport| PreparedView {
                viewport,
                is_first: false,
                order: Vec::new(),
                layer: None,
            }));
        }
        let layer_pipelines = match prepared.iter().any(|view| view.layer.is_some()) {
            true => Some(LayerPipelines::new(shared, target, &is_relit)?),
            false => None,
        };
        Ok(Frame {
            shared: shared.clone(),
            views: prepared,
            views_a_pass: target.format.views(),
            is_multiview,
            cameras,
            lighting,
            subjects,
            layer_pipelines,
        })
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
        let views_a_pass = target.format.views();
        let mut view = 0;
        for pass in passes_of(views, views_a_pass) {
            let expected = if pass[0].depth_only { 1 } else { views_a_pass };
            let is_alike =
                |other: &Viewport| other.is_beside(&pass[0]) && other.depth_only == pass[0].depth_only;
            if pass.len() != expected || !pass.iter().all(is_alike) {
                return Err(PrepareError::Views { view, views: views_a_pass });
            }
            view += pass.len();
        }
        Ok(())
    }

    /// A person's draw calls in their order.
    fn draws(&self, target: &Target, person: &PersonInner, look: Look) -> Result<Vec<Draw>, GpuError> {
        let (Some(_), Weights::Gpu(decoder)) = (target.format.color, &person.weights) else {
            return Ok(Vec::new());
        };
        passes(&person.surface, look)
            .into_iter()
            .map(|(pass, material, range, kind)| {
                let key = RasterKey::Surface(target.format, decoder.shape, pass, look);
                Ok(Draw { pass, material, range, kind, pipeline: self.shared.raster_pipeline(key)? })
            })
            .collect()
    }
}

/// What is drawn of a person; its last part says what it is a part of, as relighting asks.
fn passes(surface: &SurfaceMesh, look: Look) -> Vec<(SurfacePass, Material, Range<u32>, u32)> {
    let mut passes = Vec::new();
    let mut push = |Run { indices, material, two_sided }: Run, kind| {
        if material.is_blended() {
            passes.push((SurfacePass::Solid { two_sided }, material, indices.clone(), kind));
            passes.push((SurfacePass::Soft { two_sided }, material, indices, kind));
        } else {
            passes.push((SurfacePass::Opaque, material, indices, kind));
        }
    };
    let fringes: Vec<_> = match look {
        Look::Captured => {
            surface.runs.iter().cloned().for_each(|run| push(run, 0));
            let end = surface.fringes.last().map_or(0, |(edges, _)| edges.end);
            vec![(0..end, 0)]
        }
        Look::Relit => {
            surface.parts.iter().cloned().for_each(|(run, kind)| push(run, kind as u32));
            surface.fringes.iter().map(|(edges, kind)| (edges.clone(), *kind as u32)).collect()
        }
    };
    for pass in [SurfacePass::SolidFringe, SurfacePass::SoftFringe] {
        for (edges, kind) in fringes.iter().filter(|(edges, _)| !edges.is_empty()) {
            passes.push((pass, Material::Opaque, edges.start * 6..edges.end * 6, *kind));
        }
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

fn cameras(shared: &Shared, buffer: &wgpu::Buffer, start: u32) -> Cameras {
    let group = |label, layout: &wgpu::BindGroupLayout, size: usize| {
        shared.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(label),
            layout,
            entries: &[wgpu::BindGroupEntry {
                binding: 0,
                resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                    buffer,
                    offset: 0,
                    size: wgpu::BufferSize::new(size as u64),
                }),
            }],
        })
    };
    let RasterLayouts { camera, cameras, .. } = &shared.layouts;
    Cameras {
        one: group("visavis camera", camera, size_of::<Camera>()),
        several: group("visavis cameras", cameras, size_of::<[Camera; MAX_VIEWS]>()),
        start,
    }
}

/// The views of each pass: n of colour, or one of depth alone. None is empty; the last may be too short.
fn passes_of(views: &[Viewport], views_a_pass: usize) -> impl Iterator<Item = &[Viewport]> {
    let mut rest = views;
    std::iter::from_fn(move || {
        let count = if rest.first()?.depth_only { 1 } else { views_a_pass.min(rest.len()) };
        let (pass, after) = rest.split_at(count);
        rest = after;
        Some(pass)
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

fn camera(viewport: &Viewport, world_from_rest: Affine3A) -> Camera {
    let view_from_rest = viewport.view.view_from_world * world_from_rest;
    Camera {
        clip_from_rest: (viewport.view.clip_from_view * Mat4::from(view_from_rest)).to_cols_array_2d(),
        eye_in_rest: view_from_rest.inverse().translation.to_array(),
        reserved: 0.0,
        viewport: viewport.size.map(|pixels| pixels as f32),
        viewport_origin: viewport.origin.map(|pixels| pixels as f32),
        rest_from_clip: [[0.0; 4]; 4],
        bounds: [0.0; 4],
        padding: [[0.0; 4]; 5],
    }
}

impl Subject {
    /// Tells a camera where this instance is in a layer, if a layer of it is relit.
    fn find_in_layer(&self, viewport: &Viewport, camera: &mut Camera) {
        let (Some(_), Some(Body { state: BodyState::Cpu(face), .. })) = (self.lighting, &self.body) else {
            return;
        };
        let clip_from_rest = Mat4::from_cols_array_2d(&camera.clip_from_rest);
        // In f64: what it gives back are places, and a near plane of millimetres takes five digits.
        camera.rest_from_clip = clip_from_rest.as_dmat4().inverse().as_mat4().to_cols_array_2d();
        camera.bounds = light::bounds(face.vertices(), clip_from_rest, viewport.size);
    }
}
