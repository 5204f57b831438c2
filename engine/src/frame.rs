//! A prepared frame: decoded and skinned once, drawn in any number of views.

use std::ops::Range;
use std::sync::Arc;

use visavis_codec::avatar::Material;
use visavis_codec::reference::View;
use visavis_shaders::mirror::Camera;

use crate::engine::Shared;
use crate::error::DrawError;
use crate::layer::{LayerPipelines, LayerTextures};
use crate::lists::List;
use crate::maps::{Lent, MapBody};
use crate::person::{Body, BodyState, Kind, Look, PersonInner};
use crate::raster::SurfacePass;
use crate::target::Target;

/// A camera, and the rectangle of the target that its picture fills.
///
/// ```
/// use visavis::codec::glam::vec3;
/// use visavis::{View, Viewport};
///
/// // The right half of a window of 1280 × 720 pixels, seen from 1 m in front of a face at the origin.
/// let view = View::look_at(vec3(0.0, 0.0, -1.0), vec3(0.0, 0.0, 0.0), 0.5, 640.0 / 720.0, 0.05);
/// let right = Viewport { origin: [640, 0], ..Viewport::new(view, [640, 720]) };
/// assert!(!right.depth_only);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Viewport {
    /// The camera, in the world that [`Instance::set_pose`](crate::Instance::set_pose) speaks of.
    pub view: View,
    /// Left and top edge, pixels; the host sets its pass's viewport to the same rectangle.
    pub origin: [u32; 2],
    /// Width and height, pixels.
    pub size: [u32; 2],
    /// Whether only [`Frame::draw_depth`] or [`Frame::draw_shadow`] will draw it, as for shadow maps.
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

    /// Whether one pass can draw both, as far as rectangles go.
    pub(crate) fn is_beside(&self, other: &Self) -> bool {
        (self.origin, self.size) == (other.origin, other.size)
    }
}

/// Instances ready to be drawn, with everything that takes. It owns its buffers until it is dropped; they go back to
/// their people then. Drop it after submitting what was recorded.
///
/// ```
/// use visavis::codec::{Avatar, glam::vec3};
/// use visavis::headless::{Headless, HeadlessOptions};
/// use visavis::{TargetFormat, View, Viewport, wgpu};
///
/// # let headless = Headless::new(&HeadlessOptions::default())?;
/// # let (engine, device) = (headless.engine(), headless.engine().device());
/// # let size = wgpu::Extent3d { width: 64, height: 64, depth_or_array_layers: 1 };
/// # let texture = |format| device.create_texture(&wgpu::TextureDescriptor {
/// #     label: None, size, mip_level_count: 1, sample_count: 1, dimension: wgpu::TextureDimension::D2, format,
/// #     usage: wgpu::TextureUsages::RENDER_ATTACHMENT, view_formats: &[],
/// # });
/// # let color = texture(wgpu::TextureFormat::Rgba16Float).create_view(&Default::default());
/// # let depth = texture(wgpu::TextureFormat::Depth32Float).create_view(&Default::default());
/// let target = engine.target(&TargetFormat {
///     color: Some(wgpu::TextureFormat::Rgba16Float),
///     depth: wgpu::TextureFormat::Depth32Float,
///     samples: 1,
///     view_mask: None,
/// })?;
/// let avatar = Avatar::read(&std::fs::read("../assets/avatars/wren.avatar")?)?;
/// let speaker = engine.load(&avatar)?.instance();
///
/// // Once for all views, outside of passes.
/// let mut encoder = device.create_command_encoder(&Default::default());
/// let view = View::look_at(vec3(0.0, 0.0, -1.0), vec3(0.0, -0.03, 0.0), 0.4, 1.0, 0.05);
/// let frame = engine.prepare(&mut encoder, &target, &[&speaker], &[Viewport::new(view, [64, 64])])?;
///
/// // In the host's pass, between its opaque and its transparent things.
/// let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
///     color_attachments: &[Some(wgpu::RenderPassColorAttachment {
///         view: &color,
///         depth_slice: None,
///         resolve_target: None,
///         ops: Default::default(),
///     })],
///     depth_stencil_attachment: Some(wgpu::RenderPassDepthStencilAttachment {
///         view: &depth,
///         depth_ops: Some(wgpu::Operations { load: wgpu::LoadOp::Clear(0.0), store: wgpu::StoreOp::Store }),
///         stencil_ops: None,
///     }),
///     ..Default::default()
/// });
/// frame.draw(&mut pass, 0)?;
/// drop(pass);
/// engine.queue().submit([encoder.finish()]);
/// drop(frame); // its buffers serve the next one
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Frame {
    pub(crate) shared: Arc<Shared>,
    pub(crate) views: List<PreparedView>,
    /// How many views [`draw`](Self::draw) draws in one pass.
    pub(crate) views_a_pass: usize,
    /// Whether its passes have a view mask, be it of one view.
    pub(crate) is_multiview: bool,
    pub(crate) cameras: Cameras,
    /// Each relit subject's light at a dynamic offset, and the shadow map.
    pub(crate) lighting: Option<wgpu::BindGroup>,
    pub(crate) subjects: List<Subject>,
    /// Of the CPU executor's layers.
    pub(crate) layer_pipelines: Option<LayerPipelines>,
    pub(crate) statistics: FrameStatistics,
}

/// What a frame took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FrameStatistics {
    /// Instances that no view sees: nothing was decoded, skinned or kept for them.
    pub culled: usize,
    /// Instances whose mesh was skinned: all others.
    pub skinned: usize,
    /// Dynamic maps that were decoded.
    pub decoded: usize,
    /// Dynamic maps of earlier frames that served once more.
    pub held: usize,
    /// Skinned vertices.
    pub vertices: usize,
    /// Instances at each [`Level`](crate::Level), the finest first.
    pub levels: [usize; 4],
}

/// The camera of each view in the rest frame of each subject: `[subject][view]`, bound at a dynamic offset.
#[derive(Debug)]
pub(crate) struct Cameras {
    /// One of them.
    pub(crate) one: wgpu::BindGroup,
    /// A pass's views, as an array.
    pub(crate) several: wgpu::BindGroup,
    /// Where the first one begins, bytes.
    pub(crate) start: u32,
}

/// One view of a frame.
#[derive(Debug)]
pub(crate) struct PreparedView {
    pub(crate) viewport: Viewport,
    /// Whether a pass begins with it.
    pub(crate) is_first: bool,
    /// Subjects, far to near, if a pass begins with it.
    pub(crate) order: Option<List<usize>>,
    /// On the CPU executor that of the whole pass, unless only depth is drawn; some until the frame is dropped.
    pub(crate) layer: Option<LayerTextures>,
}

/// One instance of a frame.
#[derive(Debug)]
pub(crate) struct Subject {
    pub(crate) person: Arc<PersonInner>,
    /// Which of their meshes it is.
    pub(crate) kind: Kind,
    /// Some until the frame is dropped.
    pub(crate) body: Option<Body>,
    /// The dynamic map, where it is shaded with one.
    pub(crate) map: Option<Lent>,
    /// Whether the map is decoded in this frame.
    pub(crate) decodes: bool,
    /// On the GPU executor.
    pub(crate) draws: List<Draw>,
    /// None if it is shown as captured.
    pub(crate) lighting: Option<SubjectLight>,
}

/// The light that an instance is seen in.
#[derive(Debug)]
pub(crate) struct SubjectLight {
    /// Where it begins, bytes.
    pub(crate) offset: u32,
    /// What draws the instance's part of a layer, solid and soft; on the CPU executor.
    pub(crate) layer: Option<[wgpu::RenderPipeline; 2]>,
}

/// A draw call of every view.
#[derive(Debug)]
pub(crate) struct Draw {
    pub(crate) pass: SurfacePass,
    pub(crate) material: Material,
    /// Vertices of the fringe, indices of the other passes.
    pub(crate) range: Range<u32>,
    /// The number of the kind of part, if it is relit; as relit shaders' instance.
    pub(crate) part: u32,
    pub(crate) pipeline: wgpu::RenderPipeline,
}

impl Frame {
    /// Draws colour and depth of view number `view` into a pass of the target's kind: after the host's opaque things,
    /// before its transparent ones. Colours are linear, premultiplied; depth is written by what is at least half opaque.
    /// The pass's viewport must be the [`Viewport`]'s rectangle.
    ///
    /// Where the target's passes draw n views at once, this draws `view` into the first layer of the attachments and the
    /// n − 1 views after it into the next; people are sorted as the first of them sees them.
    ///
    /// A pass of another size than the [`Viewport`]'s, as in the frame in which a window is resized, is drawn as well: it
    /// shows the picture of the old size.
    ///
    /// # Errors
    /// If the frame has no such view, if the view is one of depth alone, or if a pass doesn't begin with it; nothing is drawn
    /// then.
    pub fn draw(&self, pass: &mut wgpu::RenderPass<'_>, view: usize) -> Result<(), DrawError> {
        let PreparedView { viewport, is_first, order, layer } = self.view(view)?;
        if viewport.depth_only {
            return Err(DrawError::DepthOnly(view));
        }
        if !is_first {
            return Err(DrawError::NotFirst { view, views: self.views_a_pass });
        }
        if let (Some(layer), Some(pipelines)) = (layer, &self.layer_pipelines) {
            self.draw_layer(pass, view, layer, pipelines);
        }
        // Pass by pass over all subjects, so that every soft fragment meets every solid one's depth.
        for stage in SurfacePass::STAGES {
            for &index in order.iter().flat_map(|order| order.iter()) {
                self.draw_subject(pass, view, index, stage);
            }
        }
        Ok(())
    }

    fn draw_layer(
        &self,
        pass: &mut wgpu::RenderPass<'_>,
        view: usize,
        layer: &LayerTextures,
        LayerPipelines { captured, is_relit }: &LayerPipelines,
    ) {
        for sweep in 0..2 {
            if let Some(captured) = captured {
                pass.set_pipeline(&captured[sweep]);
                pass.set_bind_group(0, layer.group(), &[]);
                pass.draw(0..if self.is_multiview || *is_relit { 6 } else { 3 }, 0..1);
            }
            let Some(lighting) = &self.lighting else { continue };
            for (index, subject) in self.subjects.iter().enumerate() {
                let Some(SubjectLight { offset, layer: Some(pipelines) }) = &subject.lighting else {
                    continue;
                };
                pass.set_pipeline(&pipelines[sweep]);
                pass.set_bind_group(0, layer.group(), &[]);
                pass.set_bind_group(1, self.cameras_of_a_pass(), &[self.camera_offset(view, index)]);
                pass.set_bind_group(3, lighting, &[*offset]);
                pass.draw(0..6, 0..1);
            }
        }
    }

    fn draw_subject(&self, pass: &mut wgpu::RenderPass<'_>, view: usize, index: usize, stage: u8) {
        let Some(Subject { person, kind, body: Some(body), map, draws, lighting, .. }) =
            self.subjects.get(index)
        else {
            return;
        };
        let Body { vertices, state: BodyState::Gpu { fringe, .. } } = body else { return };
        let Some(figure) = person.figure(*kind) else { return };
        let pixel = match (map.as_ref().and_then(|map| map.body()), &person.look) {
            (Some(MapBody::Gpu(map)), _) => &map.pixel,
            (_, Look::Gpu { flat, .. }) => &flat.pixel,
            _ => return,
        };
        let light = self.lighting.as_ref().zip(lighting.as_ref().map(|light| light.offset));
        for Draw { pass: surface_pass, material, range, part, pipeline } in
            draws.iter().filter(|draw| draw.pass.stage() == stage)
        {
            pass.set_pipeline(pipeline);
            pass.set_bind_group(0, self.cameras_of_a_pass(), &[self.camera_offset(view, index)]);
            pass.set_bind_group(1, &pixel[*material as usize], &[]);
            if let Some((group, light)) = light {
                pass.set_bind_group(3, group, &[light]);
            }
            if surface_pass.is_fringe() {
                pass.set_bind_group(2, fringe, &[]);
                pass.draw(range.clone(), *part..part + 1);
            } else {
                pass.set_vertex_buffer(0, vertices.slice(..));
                pass.set_index_buffer(figure.surface.indices.slice(..), wgpu::IndexFormat::Uint16);
                pass.draw_indexed(range.clone(), 0, *part..part + 1);
            }
        }
    }

    /// Draws the depth of view number `view`, of any kind, into a pass of `target`'s kind: the skinned mesh, as if
    /// every part but the lashes were opaque. For depth maps of their own (shadow maps: [`draw_shadow`](Self::draw_shadow)): not into the depth that
    /// [`draw`](Self::draw) tests against, which would hide what it draws. Where `target`'s passes draw n views at once,
    /// this draws n views from `view` on, all of one rectangle.
    ///
    /// # Errors
    /// If the frame has no such view, if `target`'s passes draw more views at once than follow of one rectangle, or if
    /// `target` is another engine's; nothing is drawn then.
    pub fn draw_depth(
        &self,
        pass: &mut wgpu::RenderPass<'_>,
        target: &Target,
        view: usize,
    ) -> Result<(), DrawError> {
        self.draw_mesh(pass, target, view, false)
    }

    /// [`draw_depth`](Self::draw_depth) of what throws shadows, for shadow maps: hair, whose mesh lies round its outermost
    /// strands, is drawn further inside, where it is dense.
    pub fn draw_shadow(
        &self,
        pass: &mut wgpu::RenderPass<'_>,
        target: &Target,
        view: usize,
    ) -> Result<(), DrawError> {
        self.draw_mesh(pass, target, view, true)
    }

    fn draw_mesh(
        &self,
        pass: &mut wgpu::RenderPass<'_>,
        target: &Target,
        view: usize,
        casts_shadow: bool,
    ) -> Result<(), DrawError> {
        let first = self.view(view)?.viewport;
        let views = target.format.views();
        let is_a_pass = |views: &[PreparedView]| views.iter().all(|other| other.viewport.is_beside(&first));
        if !self.views.get(view..view + views).is_some_and(is_a_pass) {
            return Err(DrawError::NotFirst { view, views });
        }
        if !Arc::ptr_eq(&target.shared, &self.shared) {
            return Err(DrawError::ForeignTarget);
        }
        let cameras =
            if target.format.view_mask.is_some() { &self.cameras.several } else { &self.cameras.one };
        pass.set_pipeline(if casts_shadow { &target.shadow } else { &target.depth_only });
        for (index, subject) in self.subjects.iter().enumerate() {
            let Some(body) = &subject.body else { continue };
            let Some(figure) = subject.person.figure(subject.kind) else { continue };
            let surface = &figure.surface;
            pass.set_bind_group(0, cameras, &[self.camera_offset(view, index)]);
            pass.set_vertex_buffer(0, body.vertices.slice(..));
            pass.set_index_buffer(surface.indices.slice(..), wgpu::IndexFormat::Uint16);
            for run in surface.runs.iter().filter(|run| !run.two_sided) {
                let is_hair = u32::from(casts_shadow && run.material == Material::Hair);
                pass.draw_indexed(run.indices.clone(), 0, is_hair..is_hair + 1);
            }
        }
        Ok(())
    }

    /// The views that it was prepared for.
    pub fn views(&self) -> impl ExactSizeIterator<Item = &Viewport> {
        self.views.iter().map(|view| &view.viewport)
    }

    /// What it took to prepare it.
    pub fn statistics(&self) -> FrameStatistics {
        self.statistics
    }

    /// What the instances were decoded to, for tests.
    #[cfg(all(test, feature = "headless"))]
    pub(crate) fn bodies(&self) -> impl Iterator<Item = (&Body, Option<&MapBody>)> {
        self.subjects.iter().filter_map(|subject| {
            Some((subject.body.as_ref()?, subject.map.as_ref().and_then(|map| map.body())))
        })
    }

    fn view(&self, view: usize) -> Result<&PreparedView, DrawError> {
        self.views.get(view).ok_or(DrawError::NoSuchView(view, self.views.len()))
    }

    /// As the target that it was prepared for wants them.
    fn cameras_of_a_pass(&self) -> &wgpu::BindGroup {
        if self.is_multiview { &self.cameras.several } else { &self.cameras.one }
    }

    fn camera_offset(&self, view: usize, subject: usize) -> u32 {
        self.cameras.start + ((subject * self.views.len() + view) * size_of::<Camera>()) as u32
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        for subject in self.subjects.iter_mut() {
            if let Some(body) = subject.body.take() {
                subject.person.retire(subject.kind, body);
            }
        }
        for view in self.views.iter_mut() {
            if let Some(layer) = view.layer.take() {
                self.shared.retire_layer(layer);
            }
        }
    }
}
