//! A store of things that are used for a while and come back, as large as its use.

/// How many things come back before the store asks whether it keeps too many: two seconds of one instance at 60 Hz, so
/// that a person who leaves the room for a moment finds everything as it was.
const WINDOW: u32 = 120;

/// Things that nobody uses at present. Of those it keeps as many as were in use at once, at most, during the last two
/// windows of [`WINDOW`] returns: what a crowd left behind goes some seconds after the crowd, and a store that shrinks
/// and grows within that time keeps what it has.
#[derive(Debug)]
pub(crate) struct Idle<T> {
    things: Vec<T>,
    in_use: usize,
    /// The most in use at once, in the last window and in this one.
    most: [usize; 2],
    returns: u32,
}

impl<T> Default for Idle<T> {
    fn default() -> Self {
        Self { things: Vec::new(), in_use: 0, most: [0; 2], returns: 0 }
    }
}

impl<T> Idle<T> {
    /// One of the idle things, or none: then the caller makes a new one. Either way one more is in use.
    pub(crate) fn take(&mut self) -> Option<T> {
        self.in_use += 1;
        self.most[1] = self.most[1].max(self.in_use);
        self.things.pop()
    }

    /// A thing could not be made after [`take`](Self::take) gave none.
    pub(crate) fn forget(&mut self) {
        self.in_use = self.in_use.saturating_sub(1);
    }

    /// Takes a thing back, and gives those that were not needed for long.
    pub(crate) fn put(&mut self, thing: T) -> Vec<T> {
        self.in_use = self.in_use.saturating_sub(1);
        self.things.push(thing);
        self.returns += 1;
        if self.returns < WINDOW {
            return Vec::new();
        }
        let keep = self.most[0].max(self.most[1]).saturating_sub(self.in_use);
        (self.returns, self.most) = (0, [self.most[1], self.in_use]);
        self.things.split_off(keep.min(self.things.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Uses `count` at once for so many frames; what is made, and what goes.
    fn frames(idle: &mut Idle<()>, count: usize, frames: usize) -> (usize, usize) {
        let (mut made, mut gone) = (0, 0);
        for _ in 0..frames {
            made += (0..count).filter(|_| idle.take().is_none()).count();
            gone += (0..count).map(|_| idle.put(()).len()).sum::<usize>();
        }
        (made, gone)
    }

    #[test]
    fn what_a_crowd_left_behind_goes() {
        let mut idle = Idle::default();
        assert_eq!(frames(&mut idle, 50, 100), (50, 0), "each is made once");
        let window = WINDOW as usize;
        let (made, gone) = frames(&mut idle, 1, 3 * window);
        assert_eq!((made, gone), (0, 49));
        assert_eq!(frames(&mut idle, 1, 10 * window), (0, 0), "one is kept for good");
        assert_eq!(frames(&mut idle, 3, 1).0, 2);
    }

    #[test]
    fn a_use_that_comes_and_goes_keeps_what_it_has() {
        let mut idle = Idle::default();
        frames(&mut idle, 8, 100);
        for _ in 0..50 {
            assert_eq!(frames(&mut idle, 1, WINDOW as usize / 2), (0, 0));
            assert_eq!(frames(&mut idle, 8, 2), (0, 0));
        }
    }

    #[test]
    fn a_frame_that_is_kept_counts_as_use() {
        let mut idle = Idle::<()>::default();
        // Two frames in flight, one thing each.
        assert!(idle.take().is_none());
        for _ in 0..4 * WINDOW {
            idle.take();
            assert!(idle.put(()).is_empty());
        }
        assert_eq!(idle.things.len(), 1);
        idle.forget();
        assert_eq!(idle.in_use, 0);
    }
}
