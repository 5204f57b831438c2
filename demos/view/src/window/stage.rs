//! People, drawn off screen by the engine.

use std::time::Instant;

use anyhow::{Context as _, Result};
use visavis::headless::Canvas;
use visavis::wgpu;
use visavis::{Instance, Person, Stage as Done, Surroundings, Target, TargetFormat};
use visavis_codec::FaceFrame;
use visavis_codec::light::Light;
use visavis_window::Gpu;

use crate::model::Faces;
use crate::model::stage::{Pane, Side};

/// Linear, wide enough for many blended layers, premultiplied.
const STAGE_COLOR: wgpu::TextureFormat = wgpu::TextureFormat::Rgba16Float;
/// What people are drawn in.
pub(super) const STAGE_FORMAT: TargetFormat = TargetFormat {
    color: Some(STAGE_COLOR),
    depth: wgpu::TextureFormat::Depth32Float,
    samples: 1,
    view_mask: None,
};

/// What a picture took, milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Cost {
    pub(super) decode_ms: f64,
    pub(super) raster_ms: f64,
}

/// Textures of one size, and what was last drawn in them.
pub(super) struct Stage {
    canvas: Option<Canvas>,
    drawn: Option<Sight>,
}

/// Everything that a picture depends on.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sight {
    pub(super) panes: Vec<Pane>,
    pub(super) faces: Faces,
    /// `None`: as captured.
    pub(super) light: Option<Light>,
}

/// A person twice: as they are, and tuned.
pub(super) struct Cast {
    as_i_am: Instance,
    tuned: Instance,
}

impl Cast {
    pub(super) fn new(person: &Person) -> Self {
        Self { as_i_am: person.instance(), tuned: person.instance() }
    }
}

impl Stage {
    pub(super) fn new() -> Self {
        Self { canvas: None, drawn: None }
    }

    /// What was drawn last, linear and premultiplied.
    pub(super) fn color(&self) -> Option<&wgpu::TextureView> {
        self.canvas.as_ref().map(Canvas::color)
    }

    /// Draws faces in their views and light. Nothing is done, and nothing said, where the same has been drawn already.
    pub(super) fn draw(
        &mut self,
        gpu: &Gpu,
        target: &Target,
        cast: &mut Cast,
        sight: &Sight,
        size: [u32; 2],
    ) -> Result<Option<Cost>> {
        let is_same = self.drawn.as_ref().is_some_and(|drawn| drawn.shows_as(sight));
        let canvas = self.canvas.take().filter(|canvas| canvas.size() == size);
        if is_same && canvas.is_some() {
            self.canvas = canvas;
            return Ok(None);
        }
        self.drawn = None;
        let canvas = match canvas {
            Some(canvas) => canvas,
            None => Canvas::new(
                &gpu.device,
                size,
                [STAGE_COLOR, STAGE_FORMAT.depth],
                wgpu::TextureUsages::TEXTURE_BINDING,
            )
            .context("a picture of that size")?,
        };
        let canvas = self.canvas.insert(canvas);

        let Sight { panes, faces, light } = sight;
        cast.as_i_am.set_frame(&faces.as_i_am).context("the face")?;
        cast.tuned.set_frame(&faces.tuned).context("the tuned face")?;
        for instance in [&mut cast.as_i_am, &mut cast.tuned] {
            instance.set_light(light.as_ref()).context("the light")?;
        }
        let mut encoder = gpu.device.create_command_encoder(&Default::default());
        let mut cost = Cost::default();
        let mut last = Instant::now();
        let mut frames = Vec::with_capacity(panes.len());
        for pane in panes {
            let instance = match pane.side {
                Side::AsIAm => &cast.as_i_am,
                Side::Tuned => &cast.tuned,
            };
            let mut observe = |done| {
                let now = Instant::now();
                let milliseconds = (now - last).as_secs_f64() * 1e3;
                last = now;
                match done {
                    Done::Decoded | Done::Skinned => cost.decode_ms += milliseconds,
                    Done::Shaded => cost.raster_ms += milliseconds,
                }
            };
            let frame = gpu
                .engine
                .prepare_observed(
                    &mut encoder,
                    target,
                    &[instance],
                    &pane.viewports,
                    &Surroundings::default(),
                    &mut observe,
                )
                .context("drawing")?;
            frames.push(frame);
        }
        {
            let mut pass = canvas.begin(&mut encoder, wgpu::Color::TRANSPARENT);
            for (frame, pane) in frames.iter().zip(panes) {
                for (view, viewport) in pane.viewports.iter().enumerate() {
                    let [x, y, width, height] =
                        [viewport.origin[0], viewport.origin[1], viewport.size[0], viewport.size[1]]
                            .map(|pixels| pixels as f32);
                    pass.set_viewport(x, y, width, height, 0.0, 1.0);
                    frame.draw(&mut pass, view).context("drawing")?;
                }
            }
        }
        gpu.queue.submit([encoder.finish()]);
        cost.raster_ms += last.elapsed().as_secs_f64() * 1e3;
        drop(frames);
        self.drawn = Some(sight.clone());
        Ok(Some(cost))
    }

    /// Nobody is there.
    pub(super) fn clear(&mut self) {
        (self.canvas, self.drawn) = (None, None);
    }
}

impl Sight {
    /// Whether another picture shows the same; times don't count.
    fn shows_as(&self, other: &Self) -> bool {
        let Self { panes, faces, light } = self;
        let same = |a: &FaceFrame, b: &FaceFrame| (a.latent, a.head) == (b.latent, b.head);
        *panes == other.panes
            && *light == other.light
            && same(&faces.as_i_am, &other.faces.as_i_am)
            && same(&faces.tuned, &other.faces.tuned)
    }
}
