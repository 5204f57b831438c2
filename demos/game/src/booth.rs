//! A game without a window: pictures in memory, one after the other.

use visavis::{Engine, wgpu};
use visavis_scene::{Scene, Snapshot, StageOptions};

use crate::error::GameError;
use crate::hud::{Hud, Words};
use crate::show::{Player, Show, Theatre};

/// Shows a game on an engine's device, and reads its pictures back.
#[derive(Debug)]
pub struct Booth {
    engine: Engine,
    theatre: Theatre,
    hud: Option<Hud>,
    snapshot: Snapshot,
}

impl Booth {
    /// Gets ready for pictures of so many columns and rows, with the score over them or without.
    ///
    /// # Errors
    /// If the room isn't one for this game, or the device refuses.
    pub fn new(
        engine: &Engine,
        scene: &Scene,
        players: &[Player; 2],
        size: [u32; 2],
        with_score: bool,
    ) -> Result<Self, GameError> {
        // Drawn light has hard edges; fine maps keep them straight.
        let options = StageOptions { shadow_size: 4096, ..StageOptions::default() };
        let format = options.output;
        Ok(Self {
            engine: engine.clone(),
            theatre: Theatre::new(engine, scene, players, options)?,
            hud: with_score.then(|| Hud::new(engine.device(), format)),
            snapshot: Snapshot::new(engine.device(), size)?,
        })
    }

    /// The show's present picture: red, green, blue, alpha, row by row from the top left, until the next.
    ///
    /// # Errors
    /// If the device refuses, or is gone.
    pub fn paint(&mut self, show: &Show) -> Result<&[u8], GameError> {
        let (device, queue) = (self.engine.device(), self.engine.queue());
        let size = self.snapshot.size();
        let hidden = show.camera().hides();
        self.theatre.set(show.moment(), hidden)?;
        let view = show.view(size[0] as f32 / size[1] as f32);
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let frame = self.theatre.record(&mut encoder, &view, hidden, size, self.snapshot.view())?;
        if let Some(hud) = &mut self.hud {
            let words = Words::default();
            let first = hud.record(device, queue, &mut encoder, size, self.snapshot.view(), show, &words);
            queue.submit(first);
        }
        let picture = self.snapshot.read(device, queue, encoder)?;
        drop(frame);
        Ok(picture)
    }
}
