//! Pictures of one person alone, in whichever form their owner chose.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use visavis::headless::{Headless, HeadlessOptions};
use visavis_codec::FaceFrame;
use visavis_codec::avatar::{AnyAvatar, CartoonAvatar};
use visavis_codec::reference::View;
use visavis_scene::{Cartoon, CartoonInstance, Look, Scene, Snapshot, Stage, StageOptions};

use crate::painter::{Behind, Executor, Painter};

/// Draws one person, alone in its rest frame, as 8-bit sRGB that is see-through where nothing is.
pub(crate) enum Portrait {
    Photoreal(Box<Painter>),
    Cartoon(Box<CartoonPainter>),
}

impl Portrait {
    /// Gets ready to draw. `threads` are for the CPU executor, all cores unless said; `look` is how a cartoon is drawn.
    pub(crate) fn new(
        avatar: AnyAvatar,
        path: &Path,
        executor: Executor,
        threads: Option<usize>,
        look: Option<Look>,
    ) -> Result<Self> {
        Ok(match avatar {
            AnyAvatar::Photoreal(avatar) => {
                ensure!(look.is_none(), "--look: without a scene it is for cartoons; say which with --scene");
                Self::Photoreal(Box::new(Painter::new(*avatar, executor, threads)?))
            }
            AnyAvatar::Cartoon(cartoon) => {
                ensure!(
                    executor != Executor::Reference,
                    "--executor reference draws photoreal people alone: use auto, cpu or gpu"
                );
                Self::Cartoon(Box::new(CartoonPainter::new(&cartoon, path, look)?))
            }
        })
    }

    /// One picture, `[height, width, 4]`, premultiplied in linear light and then encoded, valid until the next.
    pub(crate) fn paint(&mut self, frame: &FaceFrame, view: &View, size: [u32; 2]) -> Result<&[u8]> {
        match self {
            Self::Photoreal(painter) => painter.paint(frame, view, size, Behind::Nothing),
            Self::Cartoon(painter) => painter.paint(frame, view, size),
        }
    }

    /// The executor's name in reports.
    pub(crate) fn executor(&self) -> &'static str {
        match self {
            Self::Photoreal(painter) => painter.executor(),
            // Its triangles are the adapter's, whatever that is.
            Self::Cartoon(_) => "gpu",
        }
    }

    /// The adapter's name in reports.
    pub(crate) fn adapter(&self) -> &str {
        match self {
            Self::Photoreal(painter) => painter.adapter(),
            Self::Cartoon(painter) => &painter.headless.adapter().name,
        }
    }
}

/// Reads the model of a cartoon's file.
pub(crate) fn model(cartoon: &CartoonAvatar, path: &Path) -> Result<Arc<Cartoon>> {
    let name = format!("the cartoon in {}", path.display());
    let model = Cartoon::from_glb(&cartoon.model, &name)?;
    for warning in model.warnings() {
        eprintln!("visavis: {}: {warning}", path.display());
    }
    Ok(Arc::new(model))
}

/// Draws one cartoon in a studio's light.
pub(crate) struct CartoonPainter {
    headless: Headless,
    stage: Stage,
    instance: CartoonInstance,
    snapshot: Option<Snapshot>,
}

impl CartoonPainter {
    fn new(cartoon: &CartoonAvatar, path: &Path, look: Option<Look>) -> Result<Self> {
        let model = model(cartoon, path)?;
        let headless = Headless::new(&HeadlessOptions::default()).context("setting up the engine")?;
        let options = StageOptions { transparent: true, look, ..StageOptions::default() };
        let stage = Stage::new(headless.engine(), &Scene::studio(), options).context("the studio")?;
        let instance = stage
            .load_cartoon(&model)
            .and_then(|model| model.instance())
            .context("the cartoon on the device")?;
        Ok(Self { headless, stage, instance, snapshot: None })
    }

    fn paint(&mut self, frame: &FaceFrame, view: &View, size: [u32; 2]) -> Result<&[u8]> {
        let Self { headless, stage, instance, snapshot } = self;
        instance.set_frame(frame).context("the face")?;
        let (device, queue) = (headless.engine().device(), headless.engine().queue());
        let snapshot = match snapshot.take().filter(|snapshot| snapshot.size() == size) {
            Some(known) => snapshot.insert(known),
            None => snapshot.insert(Snapshot::new(device, size).context("a picture of that size")?),
        };
        let mut encoder = device.create_command_encoder(&Default::default());
        let drawn = stage
            .record_with(&mut encoder, &[], &[instance], view, size, snapshot.view())
            .context("drawing the cartoon")?;
        let picture = snapshot.read(device, queue, encoder).context("drawing the cartoon")?;
        drop(drawn);
        Ok(picture)
    }
}
