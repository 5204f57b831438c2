//! What tests share.

use std::ops::Deref;
use std::path::Path;

/// A folder that goes when it is dropped.
pub(crate) struct Folder(tempfile::TempDir);

impl Deref for Folder {
    type Target = Path;

    fn deref(&self) -> &Path {
        self.0.path()
    }
}

pub(crate) fn folder() -> Folder {
    Folder(tempfile::tempdir().expect("a folder for temporary files"))
}
