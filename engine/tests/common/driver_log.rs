//! Fails a test for what the Vulkan validation layer says.

use std::sync::{Mutex, PoisonError};

/// Keeps what wgpu's Vulkan back end complains of: its own warnings, and the validation layer's, where that is
/// installed (`vulkan-validationlayers` on Debian).
struct DriverLog(Mutex<Vec<String>>);

static LOG: DriverLog = DriverLog(Mutex::new(Vec::new()));

impl log::Log for DriverLog {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::Level::Warn && metadata.target().starts_with("wgpu_hal")
    }

    fn log(&self, record: &log::Record<'_>) {
        let message = record.args().to_string();
        // That the layer isn't installed, or is older than the name of the language we write shaders in, is no
        // complaint about us.
        let is_about_itself =
            message.contains("unable to find layer") || message.contains("Invalid source language operand");
        // The objects of a complaint come in a record of their own.
        let is_about_itself = is_about_itself || message.trim_start().starts_with("objects:");
        if self.enabled(record.metadata()) && !is_about_itself {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(message);
        }
    }

    fn flush(&self) {}
}

/// Begins to listen.
pub(crate) fn listen() {
    // Other tests of this binary may have begun before.
    if log::set_logger(&LOG).is_ok() {
        log::set_max_level(log::LevelFilter::Warn);
    }
}

/// Fails if anything was said since [`listen`].
#[track_caller]
pub(crate) fn assert_silent() {
    let said = LOG.0.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(said.is_empty(), "the driver complains:\n{}", said.join("\n"));
}
