//! Ctrl-C: noted, and answered between two frames, so that nothing half-written is left behind.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result, bail};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// From now on Ctrl-C is noted; a second one ends the program at once.
pub(crate) fn watch() -> Result<()> {
    ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Ordering::Relaxed) {
            std::process::exit(1);
        }
    })
    .context("Ctrl-C can't be watched")
}

/// Fails once Ctrl-C was pressed.
pub(crate) fn check() -> Result<()> {
    if INTERRUPTED.load(Ordering::Relaxed) {
        bail!("interrupted; nothing half-written is left");
    }
    Ok(())
}

/// Whether Ctrl-C was pressed, which is forgotten: for what Ctrl-C is the usual end of, and work comes after.
pub(crate) fn take() -> bool {
    INTERRUPTED.swap(false, Ordering::Relaxed)
}
