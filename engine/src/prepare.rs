//! From instances and views to a [`Frame`]: decode, skin, and on the CPU executor rasterise.

use std::ops::Range;
use std::sync::Arc;

use glam::Mat4;
use visavis_codec::avatar::Material;
use visavis_shaders::mirror::{Camera, MAX_VIEWS};

use crate::cpu;
use crate::crowd::{self, Member};
use crate::detail::Level;
use crate::engine::{Engine, Executor, Shared};
use crate::error::{GpuError, PrepareError, scoped};
use crate::frame::{Cameras, Draw, Frame, FrameStatistics, PreparedView, Subject, SubjectLight, Viewport};
use crate::instance::Instance;
use crate::layer::LayerPipelines;
use crate::light::{self, ShadowMap, Surroundings};
use crate::lists::{List, Lists, forget_lifetime};
use crate::maps::{Lent, Map, MapBody};
use crate::person::{Body, BodyState, Figure, Look, PersonInner, Weights};
use crate::pose::Pose;
use crate::raster::{Lamps, LayerPart, Lit, RasterKey, RasterLayouts, SurfacePass};
use crate::surface_mesh::{Run, SurfaceMesh};
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
    /// Instances that no view sees cost nothing. Of the others as much is drawn as [`set_detail`](Self::set_detail) and
    /// [`Instance::set_detail`] say: all of it, unless told otherwise.
    ///
    /// The first call for a kind of target and shape of avatar compiles pipelines. Later ones allocate nothing of their
    /// own as long as as many instances are drawn in as many views.
    ///
    /// # Errors
    /// If a view is empty or larger than a texture may be, if views don't fit the target's passes, if target or instances
    /// come from another engine, or if the device is lost or has no memory left. `encoder` may hold some of the frame's
    /// commands then, which do nothing that is seen.
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

        let lists = &shared.lists;
        let mut members: Vec<Member<'_>> = lists.take::<Member<'static>>();
        crowd::cast(self.detail(), instances, views, &mut members);
        let mut statistics = FrameStatistics {
            culled: instances.len() - members.len(),
            skinned: members.len(),
            ..FrameStatistics::default()
        };
        let mut upload = Upload::new(lists);
        let mut subjects = lists.list::<Subject>();
        let mut copies = lists.list::<(u64, u64, wgpu::Buffer)>();
        for member in &members {
            let Member { instance, level, likeness, .. } = *member;
            let person = instance.person.clone();
            let kind = person.kind(level);
            // A person has the meshes of the levels that they are drawn at.
            let missing = || GpuError::Rejected("a mesh that isn't there".to_owned());
            let mut body = person.body(kind)?.ok_or_else(missing)?;
            let figure = person.figure(kind).ok_or_else(missing)?;
            let (map, decodes) = self.map(member, figure, observe)?;
            statistics.decoded += usize::from(decodes);
            statistics.held += usize::from(map.is_some() && !decodes);
            statistics.vertices += figure.surface.vertices;
            statistics.levels[level as usize] += 1;
            match &mut body.state {
                BodyState::Gpu { skinning, .. } => {
                    let pose = person.pose.write(&instance.frame, lists);
                    let pose: &[u8] = bytemuck::cast_slice(&pose);
                    let at = upload.push(pose);
                    copies.push((at, pose.len() as u64, skinning.inputs.clone()));
                    if let (true, Some(MapBody::Gpu(map))) =
                        (decodes, map.as_ref().and_then(|map| map.body()))
                    {
                        copies.push((
                            at,
                            map.condition.size().min(Pose::OFFSET as u64),
                            map.condition.clone(),
                        ));
                    }
                }
                BodyState::Cpu(face) => {
                    let texture = match map.as_ref().and_then(|map| map.body()) {
                        Some(MapBody::Cpu(texture)) => Some(texture.clone()),
                        _ => None,
                    };
                    face.lend(texture, likeness);
                    face.pose(&instance.frame, shared.pool.as_deref())?;
                    let vertices = bytemuck::cast_slice(face.vertices());
                    copies.push((upload.push(vertices), vertices.len() as u64, body.vertices.clone()));
                    observe(Stage::Skinned);
                }
            }
            let light = instance.light.as_ref().zip(person.capture_light.as_ref());
            let (lit, lighting) = match light {
                None => (Lit::Captured, None),
                Some((light, captured)) => {
                    let number = number_in_layer(subjects.len());
                    let lamps = Lamps::new(light.lamps.len(), captured.lamps.len());
                    let place = instance.world_from_rest;
                    let lighting = light::lighting(light, captured, place, shadow, number);
                    let offset = upload.push(bytemuck::bytes_of(&lighting)) as u32;
                    let is_layer = target.format.color.is_some() && self.executor() == Executor::Cpu;
                    let layer = match is_layer {
                        true => Some(LayerPipelines::pair(shared, target, LayerPart::Relit(lamps))?),
                        false => None,
                    };
                    (Lit::Relit(lamps), Some(SubjectLight { offset, layer }))
                }
            };
            let draws = self.draws(target, &person, figure, lit)?;
            subjects.push(Subject { person, kind, body: Some(body), map, decodes, draws, lighting });
        }
        let mut is_relit = lists.list::<bool>();
        is_relit.extend(subjects.iter().map(|subject| subject.lighting.is_some()));
        let mut cameras_start = None;
        for (member, subject) in members.iter().zip(subjects.iter()) {
            for viewport in views {
                let mut camera = camera(viewport, member);
                subject.find_in_layer(viewport, &mut camera);
                let offset = upload.push(bytemuck::bytes_of(&camera));
                cameras_start.get_or_insert(offset as u32);
            }
        }
        let usage = wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_SRC;
        let buffer = upload.finish(&shared.device, usage, size_of::<[Camera; MAX_VIEWS]>())?;
        let (cameras, lighting) = scoped(&shared.device, || {
            for (offset, size, into) in copies.iter() {
                encoder.copy_buffer_to_buffer(&buffer, *offset, into, 0, *size);
            }
            record_decodes(encoder, &subjects);
            let lighting = is_relit.contains(&true).then(|| light::group(shared, &buffer, shadow));
            (cameras(shared, &buffer, cameras_start.unwrap_or(0)), lighting)
        })?;

        let is_multiview = target.format.view_mask.is_some();
        let mut prepared = lists.list::<PreparedView>();
        for pass in passes_of(views, target.format.views()) {
            let layer = if self.executor() == Executor::Gpu || pass[0].depth_only {
                None
            } else {
                let mut placed: Vec<cpu::Placed<'_>> = lists.take::<cpu::Placed<'static>>();
                let mut numbers = lists.list::<u16>();
                place(&subjects, &members, pass, &mut placed, &mut numbers);
                let observe = &mut || observe(Stage::Shaded);
                let has_parts = is_relit.contains(&true);
                let layer =
                    shared.rasterize(encoder, pass, is_multiview, &placed, &numbers, has_parts, observe);
                lists.put::<cpu::Placed<'static>>(forget_lifetime(placed));
                Some(layer?)
            };
            let order = Some(far_to_near(pass, &members, lists));
            prepared.push(PreparedView { viewport: pass[0], is_first: true, order, layer });
            prepared.extend(pass[1..].iter().map(|&viewport| PreparedView {
                viewport,
                is_first: false,
                order: None,
                layer: None,
            }));
        }
        lists.put::<Member<'static>>(forget_lifetime(members));
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
            statistics,
        })
    }

    /// The dynamic map that an instance is shaded with, and whether it is decoded in this frame.
    fn map(
        &self,
        member: &Member<'_>,
        figure: &Figure,
        observe: &mut dyn FnMut(Stage),
    ) -> Result<(Option<Lent>, bool), PrepareError> {
        let Member { instance, level, likeness, has_color, decodes } = *member;
        if !has_color || likeness >= 1.0 || level == Level::Likeness {
            return Ok((None, false));
        }
        if !decodes && let Some(held) = instance.detail_state().reuse() {
            return Ok((Some(Lent::Held(held)), false));
        }
        let mut map = Map::new(&instance.person, level)?;
        if let (Weights::Cpu(weights), Some(MapBody::Cpu(texture))) = (&figure.weights, map.body_mut()) {
            weights.decode_map(&instance.frame, self.shared.pool.as_deref(), texture)?;
            observe(Stage::Decoded);
        }
        if level.decode_period() == Some(1) {
            return Ok((Some(Lent::Own(map)), true));
        }
        let map = Arc::new(map);
        instance.detail_state().hold(map.clone());
        Ok((Some(Lent::Held(map)), true))
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
    fn draws(
        &self,
        target: &Target,
        person: &PersonInner,
        figure: &Figure,
        lit: Lit,
    ) -> Result<List<Draw>, GpuError> {
        let lists = &self.shared.lists;
        let mut draws = lists.list::<Draw>();
        if let (Some(_), Look::Gpu { flat, .. }) = (target.format.color, &person.look) {
            for (pass, material, range, part) in passes(&figure.surface, lit, lists).iter().cloned() {
                let key = RasterKey::Surface(target.format, flat.shape, pass, lit);
                draws.push(Draw { pass, material, range, part, pipeline: self.shared.raster_pipeline(key)? });
            }
        }
        Ok(draws)
    }
}

/// A pass over some triangles or edges, and what they are a part of, as relighting asks.
type Pass = (SurfacePass, Material, Range<u32>, u32);

/// What is drawn of a person.
fn passes(surface: &SurfaceMesh, lit: Lit, lists: &Arc<Lists>) -> List<Pass> {
    let mut passes = lists.list::<Pass>();
    let mut push = |Run { indices, material, two_sided }: Run, kind| {
        if material.is_blended() {
            passes.push((SurfacePass::Solid { two_sided }, material, indices.clone(), kind));
            passes.push((SurfacePass::Soft { two_sided }, material, indices, kind));
        } else {
            passes.push((SurfacePass::Opaque, material, indices, kind));
        }
    };
    let mut fringes = lists.list::<(Range<u32>, u32)>();
    match lit {
        Lit::Captured => {
            surface.runs.iter().cloned().for_each(|run| push(run, 0));
            fringes.push((0..surface.fringes.last().map_or(0, |(edges, _)| edges.end), 0));
        }
        Lit::Relit(_) => {
            surface.parts.iter().cloned().for_each(|(run, kind)| push(run, kind as u32));
            fringes.extend(surface.fringes.iter().map(|(edges, kind)| (edges.clone(), *kind as u32)));
        }
    }
    for pass in [SurfacePass::SolidFringe, SurfacePass::SoftFringe] {
        for (edges, kind) in fringes.iter().filter(|(edges, _)| !edges.is_empty()) {
            passes.push((pass, Material::Opaque, edges.start * 6..edges.end * 6, *kind));
        }
    }
    passes
}

fn record_decodes(encoder: &mut wgpu::CommandEncoder, subjects: &[Subject]) {
    if !subjects.iter().any(|subject| matches!(subject.person.look, Look::Gpu { .. })) {
        return;
    }
    let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
        label: Some("visavis decode"),
        timestamp_writes: None,
    });
    for Subject { person, kind, body, map, decodes, .. } in subjects {
        let Look::Gpu { decoder, .. } = &person.look else { continue };
        if let (true, Some(decoder), Some(MapBody::Gpu(map))) =
            (*decodes, decoder, map.as_ref().and_then(|map| map.body()))
        {
            decoder.record(map, &mut pass);
        }
        if let (Some(Weights::Gpu(mesh)), Some(Body { state: BodyState::Gpu { skinning, .. }, .. })) =
            (person.figure(*kind).map(|figure| &figure.weights), body)
        {
            mesh.record(skinning, &mut pass);
        }
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

/// How the parts of a layer number a subject, if it is relit.
fn number_in_layer(subject: usize) -> u16 {
    u16::try_from(subject + 1).unwrap_or(0)
}

/// What the CPU executor draws in a pass, and the number that each has in the layer's parts: 0 as captured.
fn place<'a>(
    subjects: &'a [Subject],
    members: &[Member<'_>],
    pass: &[Viewport],
    placed: &mut Vec<cpu::Placed<'a>>,
    numbers: &mut Vec<u16>,
) {
    for (index, (subject, member)) in subjects.iter().zip(members).enumerate() {
        if let (true, Some(Body { state: BodyState::Cpu(face), .. })) = (is_seen(member, pass), &subject.body)
        {
            placed.push(cpu::Placed { instance: face, world_from_rest: member.instance.world_from_rest });
            numbers.push(subject.lighting.as_ref().map_or(0, |_| number_in_layer(index)));
        }
    }
}

/// Whether any view of a pass sees an instance.
fn is_seen(member: &Member<'_>, pass: &[Viewport]) -> bool {
    let Instance { bounds, world_from_rest, .. } = member.instance;
    pass.iter().any(|viewport| crowd::is_seen(bounds, *world_from_rest, viewport))
}

/// The numbers of those that a pass sees, by falling distance from its first eye to their rest frames.
fn far_to_near(pass: &[Viewport], members: &[Member<'_>], lists: &Arc<Lists>) -> List<usize> {
    let eye = pass.first().map(|viewport| viewport.view.eye()).unwrap_or_default();
    let distance = |&index: &usize| eye.distance(members[index].instance.world_from_rest.translation.into());
    let mut order = lists.list::<usize>();
    order.extend((0..members.len()).filter(|&index| is_seen(&members[index], pass)));
    // A stable sort would need memory of its own.
    order.sort_unstable_by(|a, b| distance(b).total_cmp(&distance(a)).then(a.cmp(b)));
    order
}

fn camera(viewport: &Viewport, member: &Member<'_>) -> Camera {
    let view_from_rest = viewport.view.view_from_world * member.instance.world_from_rest;
    Camera {
        clip_from_rest: (viewport.view.clip_from_view * Mat4::from(view_from_rest)).to_cols_array_2d(),
        eye_in_rest: view_from_rest.inverse().translation.to_array(),
        likeness: member.likeness,
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
        let (Some(_), Some(Body { state: BodyState::Cpu(face), .. })) = (&self.lighting, &self.body) else {
            return;
        };
        let clip_from_rest = Mat4::from_cols_array_2d(&camera.clip_from_rest);
        // In f64: what it gives back are places, and a near plane of millimetres takes five digits.
        camera.rest_from_clip = clip_from_rest.as_dmat4().inverse().as_mat4().to_cols_array_2d();
        camera.bounds = light::bounds(face.vertices(), clip_from_rest, viewport.size);
    }
}
