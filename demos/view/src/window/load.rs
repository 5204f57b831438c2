//! Reading files on a thread of their own, so that the window never waits.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use visavis::{Engine, Person};

use crate::host::Host;
use crate::model::Arrival;

/// A file that was read, its person loaded into the engine.
pub(super) struct Loaded {
    pub(super) arrival: Arrival,
    pub(super) person: Person,
}

/// Reads a file and loads its person; `done` is told on the thread.
pub(super) fn load(
    host: Arc<dyn Host>,
    engine: Engine,
    path: PathBuf,
    done: impl FnOnce(PathBuf, Result<Loaded>) + Send + 'static,
) {
    std::thread::spawn(move || {
        let read = || {
            let opened = host.open(&path)?;
            let person = engine
                .load(&opened.avatar)
                .with_context(|| format!("{}: can't be drawn here", opened.avatar_path.display()))?;
            Ok(Loaded { arrival: Arrival::new(path.clone(), opened), person })
        };
        let result = read();
        done(path, result);
    });
}
