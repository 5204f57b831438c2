//! Sharing work between the host's threads, or doing all of it on the caller's.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// How many threads the present call may use; more than one only inside [`with_threads`]'s closure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Threads(usize);

impl Threads {
    /// How many pieces to cut work into, so that a thread that is held up delays the others little.
    pub(crate) fn pieces(self, most: usize) -> usize {
        let wanted = if self.0 == 1 { 1 } else { self.0 * 3 };
        wanted.clamp(1, most.max(1))
    }
}

/// Runs `f` on the pool's threads, or right here.
pub(crate) fn with_threads<R: Send>(
    pool: Option<&rayon::ThreadPool>,
    f: impl FnOnce(Threads) -> R + Send,
) -> R {
    match pool {
        Some(pool) if pool.current_num_threads() > 1 => {
            let threads = Threads(pool.current_num_threads());
            pool.install(|| f(threads))
        }
        _ => f(Threads(1)),
    }
}

/// Something that can be cut in two.
pub(crate) trait Split: Send + Sized {
    /// The first `at` elements (all, if there are fewer), and the others.
    fn split(self, at: usize) -> (Self, Self);
}

impl<T: Send> Split for &mut [T] {
    fn split(self, at: usize) -> (Self, Self) {
        self.split_at_mut(at.min(self.len()))
    }
}

/// Cuts `data` into the pieces `pieces`, piece i starting at element `start_of(i)` (ascending; the first piece's is the
/// first element of `data`), and calls `f(i, piece)` for each.
pub(crate) fn for_each_piece<D: Split>(
    threads: Threads,
    data: D,
    pieces: Range<usize>,
    start_of: &(impl Fn(usize) -> usize + Sync),
    f: &(impl Fn(usize, D) + Sync),
) {
    match pieces.len() {
        0 => {}
        1 => f(pieces.start, data),
        count => {
            let middle = pieces.start + count / 2;
            let (low, high) = data.split(start_of(middle) - start_of(pieces.start));
            let (first, second) = (pieces.start..middle, middle..pieces.end);
            if threads.0 == 1 {
                for_each_piece(threads, low, first, start_of, f);
                for_each_piece(threads, high, second, start_of, f);
            } else {
                rayon::join(
                    || for_each_piece(threads, low, first, start_of, f),
                    || for_each_piece(threads, high, second, start_of, f),
                );
            }
        }
    }
}

/// Buffers that tasks borrow for as long as they run: as many as run at once are ever made.
#[derive(Debug, Default)]
pub(crate) struct Scratch<T>(Mutex<Vec<T>>);

impl<T: Default> Scratch<T> {
    /// Calls `f` with a buffer that nobody else is using; it holds whatever its last user left.
    pub(crate) fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        // A poisoned lock only means that a panic passed by: the list is whole.
        let free = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut buffer = free.unwrap_or_default();
        let result = f(&mut buffer);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(buffer);
        result
    }
}
