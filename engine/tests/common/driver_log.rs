//! Fails a test for what the Vulkan validation layer says, and for its absence.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once, PoisonError};

use visavis::wgpu;

/// Keeps what wgpu's Vulkan back end complains of: its own warnings, and the validation layer's.
struct DriverLog {
    said: Mutex<Vec<String>>,
    /// The back end looked for the validation layer, and there is none.
    lacks_layer: AtomicBool,
}

static LOG: DriverLog = DriverLog { said: Mutex::new(Vec::new()), lacks_layer: AtomicBool::new(false) };

impl log::Log for DriverLog {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.target().starts_with("wgpu_hal")
    }

    fn log(&self, record: &log::Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let message = record.args().to_string();
        if message.contains("unable to find layer") {
            self.lacks_layer.store(true, Ordering::Relaxed);
        }
        if record.level() > log::Level::Warn {
            return;
        }
        // That the layer is older than the name of the language we write shaders in is no complaint about us. It reads
        // no further in such a module: the test `validation_layer` gives it every module without that name.
        let is_about_itself = message.contains("Invalid source language operand");
        // The objects of a complaint come in a record of their own.
        let is_about_itself = is_about_itself || message.trim_start().starts_with("objects:");
        if !is_about_itself {
            self.said.lock().unwrap_or_else(PoisonError::into_inner).push(message);
        }
    }

    fn flush(&self) {}
}

/// Begins to listen, and finds out whether the validation layer is there.
pub(crate) fn listen() {
    // Other tests of this binary may have begun before.
    static BEGIN: Once = Once::new();
    BEGIN.call_once(|| {
        log::set_logger(&LOG).expect("tests have no other logger");
        // That it found no layer wgpu says only to those who hear everything.
        log::set_max_level(log::LevelFilter::Debug);
        drop(wgpu::Instance::new(wgpu::InstanceDescriptor {
            backends: wgpu::Backends::VULKAN,
            flags: wgpu::InstanceFlags::debugging(),
            ..wgpu::InstanceDescriptor::new_without_display_handle()
        }));
        log::set_max_level(log::LevelFilter::Warn);
    });
}

/// What was said since [`listen`].
pub(crate) fn said() -> Vec<String> {
    LOG.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Fails if anything was said since [`listen`], or if nothing could be said: on Linux, where tests run on Vulkan, the
/// layer has to be there.
#[track_caller]
pub(crate) fn assert_silent() {
    assert!(
        !(cfg!(target_os = "linux") && LOG.lacks_layer.load(Ordering::Relaxed)),
        "the Vulkan validation layer isn't installed, and its silence is what is tested: `cargo xtask setup` installs \
         it (Debian and Ubuntu: `apt-get install vulkan-validationlayers`)"
    );
    let said = said();
    assert!(said.is_empty(), "the driver complains:\n{}", said.join("\n"));
}
