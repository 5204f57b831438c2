//! Pictures of one avatar, by whichever executor was asked for.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use visavis::headless::{self, Headless, HeadlessOptions, Timings};
use visavis_codec::reference::{self, View};
use visavis_codec::{Avatar, FaceFrame};

use crate::srgb::SrgbTable;

/// What computes the pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Executor {
    /// The GPU where there is one, else the CPU
    Auto,
    /// SIMD on this machine's cores
    Cpu,
    /// Compute and fragment shaders
    Gpu,
    /// The readable one that judges the others: slow
    Reference,
}

impl Executor {
    /// As the engine calls it; the reference isn't one of its own.
    pub(crate) fn of_engine(self) -> Result<visavis::Executor> {
        match self {
            Self::Auto => Ok(visavis::Executor::Auto),
            Self::Cpu => Ok(visavis::Executor::Cpu),
            Self::Gpu => Ok(visavis::Executor::Gpu),
            Self::Reference => anyhow::bail!("--executor reference draws a face alone: use cpu or gpu"),
        }
    }
}

/// What stands behind a painted picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behind {
    /// Nothing: premultiplied in linear light, then encoded.
    Nothing,
    /// One colour, 8-bit sRGB.
    Colour([u8; 3]),
}

/// Draws one avatar, alone in its rest frame, as 8-bit sRGB.
pub(crate) struct Painter {
    avatar: Avatar,
    means: Means,
    adapter: String,
    executor: &'static str,
}

enum Means {
    Engine(Box<(Headless, visavis::Instance)>),
    Reference { table: SrgbTable, rgba: Vec<u8> },
}

impl Painter {
    /// Gets ready to draw; `threads` are for the CPU executor, all cores unless said.
    pub(crate) fn new(avatar: Avatar, executor: Executor, threads: Option<usize>) -> Result<Self> {
        if executor == Executor::Reference {
            let means = Means::Reference { table: SrgbTable::new(), rgba: Vec::new() };
            return Ok(Self { avatar, means, adapter: "none".to_owned(), executor: "reference" });
        }
        let chosen = executor.of_engine()?;
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads.unwrap_or(0)) // 0: as many as there are cores
            .build()
            .context("threads for the CPU executor")?;
        let options =
            HeadlessOptions { executor: chosen, pool: Some(Arc::new(pool)), ..HeadlessOptions::default() };
        let headless = Headless::new(&options).context("setting up the engine")?;
        let instance = headless.load(&avatar).context("loading the avatar into the engine")?.instance();
        let executor = match headless.engine().executor() {
            visavis::Executor::Gpu => "gpu",
            _ => "cpu",
        };
        let adapter = headless.adapter().name.clone();
        tracing::info!(adapter, executor, "renders");
        Ok(Self { avatar, means: Means::Engine(Box::new((headless, instance))), adapter, executor })
    }

    /// One picture, `[height, width, 4]`, valid until the next.
    pub(crate) fn paint(
        &mut self,
        frame: &FaceFrame,
        view: &View,
        size: [u32; 2],
        behind: Behind,
    ) -> Result<&[u8]> {
        match &mut self.means {
            Means::Engine(engine) => {
                let (headless, instance) = &mut **engine;
                instance.set_frame(frame).context("the face")?;
                let background = match behind {
                    Behind::Nothing => headless::Background::Transparent,
                    Behind::Colour(rgb) => headless::Background::srgb(rgb),
                };
                Ok(headless.render(&[instance], view, size, background).context("rendering")?.rgba)
            }
            Means::Reference { table, rgba } => {
                let wall = match behind {
                    Behind::Nothing => [0.0; 4],
                    Behind::Colour([r, g, b]) => {
                        let [r, g, b] = [r, g, b].map(headless::linear_from_srgb);
                        [r, g, b, 1.0]
                    }
                };
                rgba.clear();
                for pixel in reference::render(&self.avatar, frame, view, size).rgba {
                    let over: [f32; 4] = std::array::from_fn(|c| pixel[c] + (1.0 - pixel[3]) * wall[c]);
                    rgba.extend((0..3).map(|c| (table.code(over[c]) + 0.5) as u8));
                    rgba.push((over[3] * 255.0 + 0.5) as u8);
                }
                Ok(rgba)
            }
        }
    }

    /// How long the stages of the last picture took; the reference is not timed.
    pub(crate) fn timings(&self) -> Option<Timings> {
        match &self.means {
            Means::Engine(engine) => Some(engine.0.timings()),
            Means::Reference { .. } => None,
        }
    }

    /// What is allocated on the device for buffers and textures, as far as its back end says.
    pub(crate) fn gpu_bytes(&self) -> Option<u64> {
        match &self.means {
            Means::Engine(engine) => engine.0.gpu_bytes(),
            Means::Reference { .. } => None,
        }
    }

    /// The executor's name in reports.
    pub(crate) fn executor(&self) -> &'static str {
        self.executor
    }

    /// The adapter's name in reports.
    pub(crate) fn adapter(&self) -> &str {
        &self.adapter
    }

    /// The avatar that is drawn.
    pub(crate) fn avatar(&self) -> &Avatar {
        &self.avatar
    }
}
