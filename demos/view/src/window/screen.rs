//! A window with everything that draws in it: one picture at a time.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result};
use egui::ViewportId;
use visavis::wgpu::{self, TextureFormat};
use visavis::{Executor, Person, Target};
use visavis_window::Gpu;
use winit::window::Window;

use super::picture::Picture;
use super::stage::{Cast, Cost, STAGE_FORMAT, Sight, Stage};
use super::studio::{Studio, Wall};
use crate::model::statistics::Sample;
use crate::model::{Device, Faces, Viewer};
use crate::ui::{self, StageArea};

/// Pictures from one to the next that took longer than this were not meant to follow each other, milliseconds.
const PAUSE_MS: f64 = 1000.0;
/// A screenshot has at least so many rows.
const SCREENSHOT_ROWS: u32 = 1080;

/// A window, its device, its widgets.
pub(super) struct Screen {
    pub(super) window: Arc<Window>,
    pub(super) gpu: Gpu,
    /// What people are drawn in.
    target: Target,
    context: egui::Context,
    input: egui_winit::State,
    painter: egui_wgpu::Renderer,
    studio: Studio,
    stage: Stage,
    cast: Option<Cast>,
    /// What was shown last: where, and with which faces.
    shown: Option<Shown>,
    last: Instant,
}

/// What a picture showed, for those that are kept.
#[derive(Clone, Copy)]
struct Shown {
    faces: Faces,
    /// Pixels.
    size: [u32; 2],
}

impl Screen {
    /// Gets ready to draw in a window. `memory` is that of widgets that were there before.
    pub(super) fn new(
        window: Arc<Window>,
        executor: Executor,
        pool: &Arc<rayon::ThreadPool>,
        memory: Option<egui::Memory>,
    ) -> Result<Self> {
        // Values are encoded by us, so that egui blends as it likes to.
        let prefers =
            |format: &TextureFormat| matches!(format, TextureFormat::Bgra8Unorm | TextureFormat::Rgba8Unorm);
        let gpu = Gpu::new(&window, "visavis view", prefers, executor, pool)?;
        let target = gpu.engine.target(&STAGE_FORMAT).context("setting up the engine")?;
        let context = egui::Context::default();
        if let Some(memory) = memory {
            context.memory_mut(|place| *place = memory);
        }
        ui::theme::apply(&context);
        let input = egui_winit::State::new(
            context.clone(),
            ViewportId::ROOT,
            &window,
            Some(window.scale_factor() as f32),
            None,
            Some(gpu.max_side() as usize),
        );
        let painter = egui_wgpu::Renderer::new(&gpu.device, gpu.format(), Default::default());
        let studio = Studio::new(&gpu.device, gpu.format());
        Ok(Self {
            window,
            gpu,
            target,
            context,
            input,
            painter,
            studio,
            stage: Stage::new(),
            cast: None,
            shown: None,
            last: Instant::now(),
        })
    }

    /// What draws.
    pub(super) fn device(&self) -> Device {
        Device {
            adapter: self.gpu.adapter.clone(),
            is_software: self.gpu.is_software,
            on_cpu: self.gpu.engine.executor() == Executor::Cpu,
        }
    }

    /// What widgets remember.
    pub(super) fn memory(&self) -> egui::Memory {
        self.context.memory(Clone::clone)
    }

    /// Somebody else is shown from now on.
    pub(super) fn meet(&mut self, person: Option<&Person>) {
        self.cast = person.map(Cast::new);
        self.stage.clear();
    }

    /// Takes an event; whether something has to be drawn for it.
    pub(super) fn event(&mut self, event: &winit::event::WindowEvent) -> bool {
        self.input.on_window_event(&self.window, event).repaint
    }

    /// Draws the next picture; after how long widgets want another one.
    pub(super) fn draw(&mut self, viewer: &mut Viewer) -> Result<std::time::Duration> {
        let input = self.input.take_egui_input(&self.window);
        let mut area = StageArea { rect: egui::Rect::ZERO, pointer: None };
        let mut output = self.context.run_ui(input, |ui| area = ui::show(ui, viewer));
        self.input.handle_platform_output(&self.window, std::mem::take(&mut output.platform_output));
        for (id, deltas) in &output.textures_delta.set {
            for delta in deltas {
                self.painter.update_texture(&self.gpu.device, &self.gpu.queue, *id, delta);
            }
        }
        let freed = std::mem::take(&mut output.textures_delta.free);
        output.textures_delta.clear();
        let delay = output.viewport_output.get(&ViewportId::ROOT).map(|viewport| viewport.repaint_delay);

        let drawn = self.draw_stage(viewer, area, output.pixels_per_point);
        let shown = self.show(viewer, area, output);
        for id in &freed {
            self.painter.free_texture(id);
        }
        drawn.and(shown)?;
        Ok(delay.unwrap_or(std::time::Duration::MAX))
    }

    /// The person, off screen.
    fn draw_stage(&mut self, viewer: &mut Viewer, area: StageArea, points: f32) -> Result<()> {
        let size = pixels(area.rect.size(), points);
        let aspect = viewer.arrangement.aspect(size);
        let faces = viewer.advance(area.pointer, aspect);
        let frame_ms = self.last.elapsed().as_secs_f64() * 1e3;
        self.last = Instant::now();
        let Some(cast) = self.cast.as_mut().filter(|_| size[0] > 1 && size[1] > 1) else {
            self.shown = None;
            return Ok(());
        };
        self.shown = Some(Shown { faces, size });
        let scale = viewer.detail.scale();
        let limit = self.gpu.max_side();
        let inner = size.map(|side| ((side as f32 * scale).round() as u32).clamp(2, limit));
        let sight = Sight { panes: viewer.panes(inner), faces, light: viewer.light() };
        let cost = self.stage.draw(&self.gpu, &self.target, cast, &sight, inner)?;
        if let Some(Cost { decode_ms, raster_ms }) = cost {
            let pixels_ms = if viewer.device.on_cpu { raster_ms } else { frame_ms };
            if viewer.device.on_cpu || frame_ms < PAUSE_MS {
                viewer.detail.measured(scale, pixels_ms as f32);
            }
            let delay_ms = viewer.playout().map_or(0.0, |p| p.statistics().delay.as_secs_f64() * 1e3);
            if frame_ms < PAUSE_MS {
                viewer.statistics.push(Sample { decode_ms, raster_ms, frame_ms, delay_ms });
            }
        }
        Ok(())
    }

    /// The window's own picture: wall, person, widgets.
    fn show(&mut self, viewer: &Viewer, area: StageArea, output: egui::FullOutput) -> Result<()> {
        let Some(texture) = self.gpu.next(&self.window)? else { return Ok(()) };
        let view = texture.texture.create_view(&Default::default());
        let points = output.pixels_per_point;
        let jobs = self.context.tessellate(output.shapes, points);
        let screen =
            egui_wgpu::ScreenDescriptor { size_in_pixels: self.gpu.size(), pixels_per_point: points };
        let mut encoder = self.gpu.device.create_command_encoder(&Default::default());
        let mut buffers =
            self.painter.update_buffers(&self.gpu.device, &self.gpu.queue, &mut encoder, &jobs, &screen);
        let wall = self.wall(viewer, pixels(area.rect.size(), points));
        let people = self.stage.color().filter(|_| self.shown.is_some());
        let group = self.studio.group(&self.gpu.device, &self.gpu.queue, people, wall);
        {
            let mut pass = encoder
                .begin_render_pass(&wgpu::RenderPassDescriptor {
                    label: Some("window"),
                    color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                        view: &view,
                        depth_slice: None,
                        resolve_target: None,
                        ops: wgpu::Operations {
                            load: wgpu::LoadOp::Clear(wgpu::Color::BLACK),
                            store: wgpu::StoreOp::Store,
                        },
                    })],
                    ..Default::default()
                })
                .forget_lifetime();
            let [width, height] = self.gpu.size().map(|side| side as f32);
            let rect = area.rect * points;
            let (left, top) = (rect.left().clamp(0.0, width), rect.top().clamp(0.0, height));
            let (right, bottom) = (rect.right().clamp(left, width), rect.bottom().clamp(top, height));
            if right - left >= 1.0 && bottom - top >= 1.0 {
                pass.set_viewport(left, top, right - left, bottom - top, 0.0, 1.0);
                self.studio.draw(&mut pass, &group);
            }
            pass.set_viewport(0.0, 0.0, width, height, 0.0, 1.0);
            self.painter.render(&mut pass, &jobs, &screen);
        }
        buffers.push(encoder.finish());
        self.gpu.queue.submit(buffers);
        self.window.pre_present_notify();
        self.gpu.show(texture);
        Ok(())
    }

    fn wall(&self, viewer: &Viewer, size: [u32; 2]) -> Wall {
        let arrangement = viewer.arrangement;
        Wall {
            backdrop: viewer.settings.backdrop,
            columns: arrangement.columns(),
            aspect: arrangement.aspect(size),
        }
    }

    /// Pixels of the picture's area, where somebody is shown.
    pub(super) fn stage_size(&self) -> Option<[u32; 2]> {
        self.shown.map(|shown| shown.size)
    }

    /// What is shown, in full, at least as large as a screenshot should be: pixels, and the size.
    pub(super) fn screenshot(&mut self, viewer: &Viewer) -> Result<(Vec<u8>, [u32; 2])> {
        let size = self.stage_size().unwrap_or([1, 1]);
        let larger = SCREENSHOT_ROWS.div_ceil(size[1].max(1)).max(1);
        let fits = self.gpu.max_side() / size[0].max(size[1]).max(1);
        let size = size.map(|side| (side * larger.min(fits.max(1))).max(1));
        let picture = Picture::new(&self.gpu.device, size)?;
        Ok((self.redraw(viewer, &picture)?, size))
    }

    /// What is shown, for a film. Drawn anew only where the film has another shape than the window.
    pub(super) fn film_picture(&mut self, viewer: &Viewer, picture: &Picture) -> Result<Vec<u8>> {
        let shape = |[width, height]: [u32; 2]| width as f32 / height.max(1) as f32;
        let Some(shown) = self.shown else { return self.redraw(viewer, picture) };
        if (shape(shown.size) / shape(picture.size()) - 1.0).abs() > 0.02 {
            return self.redraw(viewer, picture);
        }
        picture.take(&self.gpu, self.stage.color(), self.wall(viewer, picture.size()))
    }

    fn redraw(&mut self, viewer: &Viewer, picture: &Picture) -> Result<Vec<u8>> {
        let mut stage = Stage::new();
        if let (Some(cast), Some(shown)) = (&mut self.cast, self.shown) {
            let panes = viewer.panes(picture.size());
            let sight = Sight { panes, faces: shown.faces, light: viewer.light() };
            stage.draw(&self.gpu, &self.target, cast, &sight, picture.size())?;
        }
        picture.take(&self.gpu, stage.color(), self.wall(viewer, picture.size()))
    }
}

/// A size in pixels.
fn pixels(size: egui::Vec2, points: f32) -> [u32; 2] {
    [size.x, size.y].map(|side| (side * points).round().max(0.0) as u32)
}
