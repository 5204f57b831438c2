//! How long frames of several views take.

use std::time::Instant;

use super::{Headless, RenderError, StageClock, Timings, milliseconds};
use crate::error::GpuError;
use crate::headless::offscreen::Offscreen;
use crate::{Executor, FrameStatistics, Instance, Viewport};

impl Headless {
    /// Prepares a frame, draws each of its views over nothing, and waits; nothing is presented or read back. For
    /// benchmarks: views must be of colour, and are drawn one after the other.
    pub fn time_views(
        &mut self,
        instances: &[&Instance],
        views: &[Viewport],
    ) -> Result<(Timings, FrameStatistics), RenderError> {
        let start = Instant::now();
        let mut encoder = self.encoder();
        let mut stages = StageClock { last: start, timings: Timings::default() };
        let frame = self.engine.prepare_observed(
            &mut encoder,
            &self.target,
            instances,
            views,
            &Default::default(),
            &mut |stage| {
                stages.mark(stage);
            },
        )?;
        let is_cpu = self.engine.executor() == Executor::Cpu;
        // On a GPU the decode is waited for by itself, so that it can be told from the draw.
        if !is_cpu {
            self.finish(encoder)?;
            encoder = self.encoder();
        }
        let decoded = Instant::now();
        for (number, viewport) in views.iter().enumerate() {
            let offscreen = match self.offscreen.take() {
                Some(offscreen) if offscreen.size() == viewport.size => offscreen,
                _ => Offscreen::new(&self.device, viewport.size)?,
            };
            let offscreen = self.offscreen.insert(offscreen);
            let mut pass = offscreen.begin_pass(&mut encoder);
            frame.draw(&mut pass, number).map_err(|error| GpuError::Rejected(error.to_string()))?;
        }
        self.finish(encoder)?;
        let drawn = Instant::now();
        let statistics = frame.statistics();
        drop(frame);
        let mut timings = stages.timings;
        if is_cpu {
            timings.composite_ms = milliseconds(stages.last, drawn);
        } else {
            timings.decode_ms = milliseconds(start, decoded);
            timings.shade_ms = milliseconds(decoded, drawn);
        }
        timings.frame_ms = milliseconds(start, drawn);
        self.timings = timings;
        Ok((timings, statistics))
    }
}
