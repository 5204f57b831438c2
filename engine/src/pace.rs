//! Work that is spread over frames.
//!
//! Packing and uploading an avatar is one long function. So that it can stop half-way until the next frame, it is an
//! `async` one that now and then says what it is about to move; whoever polls it has said before how much may be moved.
//! No executor, thread or clock takes part: [`Task::advance`] polls once a frame.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::{Context, Poll, Waker};

/// How many bytes may still be moved in this frame.
#[derive(Debug, Default)]
pub(crate) struct Pace(AtomicI64);

impl Pace {
    /// So much that nothing ever waits.
    pub(crate) const fn unbounded() -> Self {
        Self(AtomicI64::new(i64::MAX))
    }

    /// Waits for a later frame if this one's bytes are used up. What is moved beyond them is taken from the next frame's.
    pub(crate) async fn spend(&self, bytes: usize) {
        std::future::poll_fn(|_| match self.0.load(Ordering::Relaxed) > 0 {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
        .await;
        self.0.fetch_sub(i64::try_from(bytes).unwrap_or(i64::MAX), Ordering::Relaxed);
    }

    /// The next frame's bytes; what the frames before left over is lost, what they overdrew isn't.
    pub(crate) fn refill(&self, bytes: u64) {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        let left = self.0.load(Ordering::Relaxed);
        self.0.store(left.min(0).saturating_add(bytes), Ordering::Relaxed);
    }
}

/// Work of which each frame does a part.
pub(crate) struct Task<T>(Pin<Box<dyn Future<Output = T> + Send>>);

impl<T> Task<T> {
    pub(crate) fn new(work: impl Future<Output = T> + Send + 'static) -> Self {
        Self(Box::pin(work))
    }

    /// Goes on until the pace that it was made with says to wait; its result once it is done. Not to be called again then.
    pub(crate) fn advance(&mut self) -> Option<T> {
        match self.0.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => Some(result),
            Poll::Pending => None,
        }
    }
}

impl<T> std::fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Task")
    }
}

/// All of it now: work whose pace is [unbounded](Pace::unbounded).
pub(crate) fn at_once<T>(work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    loop {
        if let Poll::Ready(result) = work.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return result;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn work_goes_on_frame_by_frame() {
        let pace = Arc::new(Pace::default());
        let mut task = Task::new({
            let pace = pace.clone();
            async move {
                for _ in 0..10 {
                    pace.spend(100).await;
                }
                7
            }
        });
        let mut frames = 0;
        let result = loop {
            pace.refill(250);
            frames += 1;
            if let Some(result) = task.advance() {
                break result;
            }
        };
        // Three pieces overdraw a frame by 50: 3, 2, 3, 2.
        assert_eq!((result, frames), (7, 4));
        assert_eq!(at_once(async { Pace::unbounded().spend(usize::MAX / 2).await }), ());
    }
}
