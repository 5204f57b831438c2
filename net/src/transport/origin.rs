//! MoQ origins: where broadcasts of a call meet.

use std::time::Duration;

use moq_net::origin::{Config, Consumer, Producer};
use moq_net::{Hop, Pattern, Patterns, cache};
use tokio::task::AbortHandle;

/// Bytes of groups that an origin keeps, all its broadcasts together: a host forwards avatars, it doesn't keep them.
const CACHE_BYTES: u64 = 48 << 20;

/// After how long nobody's groups are dropped.
const CACHE_EXPIRY: Duration = Duration::from_secs(20);

/// An origin and the task that runs it, which ends with this.
pub(crate) struct Origin {
    pub(crate) producer: Producer,
    task: AbortHandle,
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A new origin, run by a task.
pub(crate) fn spawn_origin() -> Origin {
    let mut config = Config::new(Hop::random());
    config.pool =
        cache::Pool::new(cache::Config::default().with_capacity(CACHE_BYTES).with_expiry(CACHE_EXPIRY));
    // A participant who reconnects is found by the new route at once.
    config.update_hold = Duration::ZERO;
    let (producer, driver) = Producer::new(config);
    let task = tokio::spawn(moq_net::time::run(driver)).abort_handle();
    Origin { producer, task }
}

/// What of an origin is below `prefix`, to read.
pub(crate) fn below(origin: &Producer, prefix: &str) -> Option<Consumer> {
    let patterns = Patterns::from(Pattern::subtree(prefix).ok()?);
    origin.consume().scope("", &patterns).ok()
}

/// An origin's handle that can announce `path` and nothing else.
pub(crate) fn only(origin: &Producer, path: &str) -> Option<Producer> {
    let patterns = Patterns::from(Pattern::literal(path).ok()?);
    origin.scope("", &patterns).ok()
}
