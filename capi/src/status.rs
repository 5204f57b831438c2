//! What calls return, and why they failed.

use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};

use visavis::error::{EngineError, GpuError, LoadError, PrepareError, TargetError};
use visavis::headless::HeadlessError;

/// The version of this interface. It rises when a function or a structure changes in a way that old programs notice.
pub const VISAVIS_ABI_VERSION: u32 = 1;

/// VISAVIS_OK, or the negative number of what went wrong; visavis_last_error() has the words.
pub type VisavisStatus = i32;

/// Done.
pub const VISAVIS_OK: i32 = 0;
/// A pointer is null or not aligned, a number is out of range, or something belongs to another engine.
pub const VISAVIS_ERROR_ARGUMENT: i32 = -1;
/// The struct_size of a structure is not one that this library knows.
pub const VISAVIS_ERROR_STRUCT_SIZE: i32 = -2;
/// There is no adapter of the wanted kind, or it gave no device.
pub const VISAVIS_ERROR_NO_DEVICE: i32 = -3;
/// The bytes are no avatar that this library reads, or it is beyond what the device holds.
pub const VISAVIS_ERROR_AVATAR: i32 = -4;
/// The text is no profile, or the avatar can't be tuned.
pub const VISAVIS_ERROR_PROFILE: i32 = -5;
/// A number is NaN or infinite, or a rotation is no unit quaternion.
pub const VISAVIS_ERROR_POSE: i32 = -6;
/// The caller's memory is too small for the picture.
pub const VISAVIS_ERROR_TOO_SMALL: i32 = -7;
/// The GPU has no memory left; free something and try again.
pub const VISAVIS_ERROR_OUT_OF_MEMORY: i32 = -8;
/// The GPU device is gone: destroy the handles and make a new engine.
pub const VISAVIS_ERROR_DEVICE_LOST: i32 = -9;
/// The GPU or its driver refused something else.
pub const VISAVIS_ERROR_GPU: i32 = -10;
/// There is no such picture: nothing was drawn yet, or fewer views.
pub const VISAVIS_ERROR_NOTHING_DRAWN: i32 = -11;
/// A bug in this library was caught; the handle may be destroyed, nothing else is promised of it.
pub const VISAVIS_ERROR_INTERNAL: i32 = -12;
/// A number of a light is one that light can't have, or the avatar can't be shown in other light.
pub const VISAVIS_ERROR_LIGHT: i32 = -13;

/// A failure on its way to the caller.
#[derive(Debug)]
pub(crate) struct Failure {
    status: VisavisStatus,
    text: String,
}

impl Failure {
    pub(crate) fn new(status: VisavisStatus, text: impl ToString) -> Self {
        Self { status, text: text.to_string() }
    }

    pub(crate) fn argument(text: impl ToString) -> Self {
        Self::new(VISAVIS_ERROR_ARGUMENT, text)
    }
}

impl From<GpuError> for Failure {
    fn from(error: GpuError) -> Self {
        let status = match error {
            GpuError::OutOfMemory(_) => VISAVIS_ERROR_OUT_OF_MEMORY,
            GpuError::DeviceLost => VISAVIS_ERROR_DEVICE_LOST,
            GpuError::Rejected(_) => VISAVIS_ERROR_GPU,
        };
        Self::new(status, error)
    }
}

impl From<HeadlessError> for Failure {
    fn from(error: HeadlessError) -> Self {
        match error {
            HeadlessError::Engine(EngineError::Gpu(error))
            | HeadlessError::Target(TargetError::Gpu(error))
            | HeadlessError::Gpu(error) => error.into(),
            error => Self::new(VISAVIS_ERROR_NO_DEVICE, error),
        }
    }
}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Gpu(error) => error.into(),
            error => Self::new(VISAVIS_ERROR_AVATAR, error),
        }
    }
}

impl From<PrepareError> for Failure {
    fn from(error: PrepareError) -> Self {
        match error {
            PrepareError::Gpu(error) => error.into(),
            error => Self::argument(error),
        }
    }
}

thread_local! {
    /// Why the last call on this thread failed.
    static LAST: RefCell<CString> = RefCell::new(CString::default());
}

/// Runs a call's body: whatever goes wrong in it becomes a status and a text.
pub(crate) fn call(body: impl FnOnce() -> Result<(), Failure>) -> VisavisStatus {
    // A handle that a panic went through is whole: its state is behind a lock and only replaced.
    let failure = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => return VISAVIS_OK,
        Ok(Err(failure)) => failure,
        Err(panic) => {
            let words = panic
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_default();
            // What a panic carries may panic when it is dropped.
            std::mem::forget(panic);
            Failure::new(VISAVIS_ERROR_INTERNAL, format!("a bug in visavis: {words}"))
        }
    };
    let text = CString::new(failure.text.replace('\0', "?")).unwrap_or_default();
    // While a thread ends there may be no place left for its error.
    let _ = LAST.try_with(|last| last.replace(text));
    failure.status
}

/// Why the last call on this thread that failed did so: one line of UTF-8, empty if none has failed. It says what was
/// found, where, and what would be right.
///
/// Threads: each has its own. The text is valid until the next call on this thread fails.
#[unsafe(no_mangle)]
pub extern "C" fn visavis_last_error() -> *const c_char {
    LAST.try_with(|last| last.borrow().as_ptr()).unwrap_or(c"".as_ptr())
}

/// The version of the interface that the library has: compare it with VISAVIS_ABI_VERSION, which the program was
/// compiled with.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn visavis_abi_version() -> u32 {
    VISAVIS_ABI_VERSION
}

/// The library's own version, as "0.1.0"; a constant.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn visavis_version() -> *const c_char {
    const VERSION: &CStr =
        match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
            Ok(version) => version,
            Err(_) => c"",
        };
    VERSION.as_ptr()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_status_with_its_words() {
        let status = call(|| panic!("on purpose, {}", 7));
        assert_eq!(status, VISAVIS_ERROR_INTERNAL);
        // SAFETY: the text is a C string, and no call fails on this thread meanwhile.
        let text = unsafe { CStr::from_ptr(visavis_last_error()) };
        assert_eq!(text.to_str(), Ok("a bug in visavis: on purpose, 7"));
        assert_eq!(call(|| Ok(())), VISAVIS_OK);
    }
}
