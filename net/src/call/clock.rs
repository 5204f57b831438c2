//! The one clock of a call.

use std::time::Instant;

use visavis_codec::Timestamp;

/// Nanoseconds since it was made; copies agree. Captures are stamped with it on the way out and arrivals on the way in, so a
/// program that gives its own to [`CallOptions`](super::CallOptions) can use it for its display too.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    epoch: Instant,
}

impl Clock {
    /// A clock that begins now.
    pub fn start() -> Self {
        Self { epoch: Instant::now() }
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        // 584 years fit.
        Timestamp(self.epoch.elapsed().as_nanos() as u64)
    }
}
