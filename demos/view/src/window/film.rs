//! A film of what is shown: pictures come when they come, the video has one every thirtieth of a second.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Instant;

use anyhow::{Context as _, Result};

use crate::host::{Film, Host};

/// Pictures a second of the video.
const FPS: f64 = 30.0;
/// The longest side of the video, pixels.
const MAX_SIDE: f32 = 1920.0;
/// Pictures that may wait.
const QUEUE: usize = 3;

/// A film in the making.
pub(super) struct Recorder {
    pub(super) path: PathBuf,
    pub(super) size: [u32; 2],
    start: Instant,
    pictures: Option<SyncSender<(f64, Vec<u8>)>>,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Recorder {
    /// Begins a film of a stage of this size.
    pub(super) fn start(host: Arc<dyn Host>, path: PathBuf, stage: [u32; 2]) -> Self {
        let size = film_size(stage);
        let (pictures, queue) = sync_channel(QUEUE);
        let thread = std::thread::spawn({
            let path = path.clone();
            move || write(host.film(&path, size, FPS)?, &queue)
        });
        Self { path, size, start: Instant::now(), pictures: Some(pictures), thread: Some(thread) }
    }

    /// Whether a picture is wanted now: none where the next one of the video is not due yet.
    pub(super) fn takes(&self, pictures: u64) -> bool {
        self.start.elapsed().as_secs_f64() * FPS >= pictures as f64
    }

    /// How many pictures the video has had time for.
    pub(super) fn due(&self) -> u64 {
        (self.start.elapsed().as_secs_f64() * FPS) as u64 + 1
    }

    /// Takes a picture of now. Where the encoder is behind it goes without; whether the film goes on.
    pub(super) fn picture(&self, rgba: Vec<u8>) -> bool {
        let seconds = self.start.elapsed().as_secs_f64();
        let sent = self.pictures.as_ref().map(|pictures| pictures.try_send((seconds, rgba)));
        !matches!(sent, None | Some(Err(TrySendError::Disconnected(_))))
    }

    /// Ends the film; `done` is told on another thread what came of it.
    pub(super) fn finish(mut self, done: impl FnOnce(PathBuf, Result<()>) + Send + 'static) {
        self.pictures = None;
        let Some(thread) = self.thread.take() else { return };
        std::thread::spawn(move || {
            let result = thread.join().unwrap_or_else(|_| Err(anyhow::anyhow!("the film's thread ended")));
            done(self.path, result);
        });
    }

    /// Ends the film and waits for it.
    pub(super) fn finish_now(mut self) -> (PathBuf, Result<()>) {
        self.pictures = None;
        let result = self.thread.take().and_then(|thread| thread.join().ok());
        (self.path, result.unwrap_or_else(|| Err(anyhow::anyhow!("the film's thread ended"))))
    }
}

/// As large as the stage, both sides even, and not larger than videos usually are.
fn film_size(stage: [u32; 2]) -> [u32; 2] {
    let largest = stage[0].max(stage[1]).max(1) as f32;
    let scale = (MAX_SIDE / largest).min(1.0);
    stage.map(|side| ((side as f32 * scale) as u32).next_multiple_of(2).max(16))
}

/// Each picture stands until the next one came.
fn write(mut film: Box<dyn Film>, queue: &Receiver<(f64, Vec<u8>)>) -> Result<()> {
    let mut written = 0u64;
    let mut last: Option<Vec<u8>> = None;
    for (seconds, picture) in queue {
        let due = (seconds * FPS) as u64;
        if let Some(last) = &last {
            while written < due {
                film.frame(last)?;
                written += 1;
            }
        }
        last = Some(picture);
    }
    film.frame(&last.context("nothing was shown while it was recorded")?)?;
    film.finish()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Counts pictures by their first byte.
    #[derive(Default)]
    struct Counter(Arc<Mutex<Vec<u8>>>);

    impl Film for Counter {
        fn frame(&mut self, rgba: &[u8]) -> Result<()> {
            self.0.lock().unwrap().push(rgba[0]);
            Ok(())
        }

        fn finish(self: Box<Self>) -> Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_late_picture_lets_the_one_before_stand() {
        let counted = Arc::new(Mutex::new(Vec::new()));
        let (sender, receiver) = sync_channel(10);
        for (seconds, picture) in [(0.0, 1), (0.1, 2), (0.11, 3), (0.2, 4)] {
            sender.send((seconds, vec![picture])).unwrap();
        }
        drop(sender);
        write(Box::new(Counter(counted.clone())), &receiver).unwrap();
        assert_eq!(*counted.lock().unwrap(), [1, 1, 1, 3, 3, 3, 4]);
    }

    #[test]
    fn nothing_is_no_film() {
        let (sender, receiver) = sync_channel(1);
        drop(sender);
        assert!(write(Box::new(Counter::default()), &receiver).is_err());
    }

    #[test]
    fn sizes_are_even_and_bounded() {
        assert_eq!(film_size([801, 600]), [802, 600]);
        assert_eq!(film_size([3840, 2160]), [1920, 1080]);
        assert_eq!(film_size([1, 0]), [16, 16]);
    }
}
