//! [`Avatar`] → `.avatar` bytes.

use std::collections::HashMap;

use safetensors::tensor::{Metadata, TensorInfo};

use super::layout::{Dimensions, PreviewDimensions, Spec, values};
use super::read::{LENGTH_BYTES, MANIFEST_KEY, MAX_FILE_BYTES, MAX_HEADER_BYTES};
use super::validate::InvalidAvatar;
use super::{Avatar, MAX_PREFIX_BYTES};

/// Why an avatar can't be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteAvatarError {
    /// No reader would accept it.
    #[error(transparent)]
    Invalid(#[from] InvalidAvatar),
    /// The manifest or the whole file would be larger than a reader accepts.
    #[error("the {what} would have {found} bytes, at most {allowed} are allowed")]
    TooLarge {
        /// Which of them.
        what: &'static str,
        /// Its size.
        found: usize,
        /// How large it may be.
        allowed: usize,
    },
    /// The manifest can't be put as JSON.
    #[error("the manifest can't be written: {0}")]
    Manifest(serde_json::Error),
    /// The tensors can't be put into a safetensors file.
    #[error("the tensors can't be written: {0}")]
    Container(safetensors::SafeTensorError),
}

impl Avatar {
    /// The bytes of the avatar's file: the same for equal avatars.
    ///
    /// # Errors
    /// If the avatar isn't [valid](Self::validate) or too large.
    pub fn write(&self) -> Result<Vec<u8>, WriteAvatarError> {
        self.validate()?;
        let manifest = serde_json::to_string(&self.manifest).map_err(WriteAvatarError::Manifest)?;
        let dimensions = Dimensions::of(self);
        let mut file = header_of(&manifest, &dimensions.tensors())?;
        let prefix: usize = dimensions.prefix_tensors().iter().map(Spec::bytes).sum();
        let payload: usize = dimensions.tensors().iter().map(Spec::bytes).sum();
        let (header, start) = (file.len() - LENGTH_BYTES, file.len());
        let first = if self.preview.is_some() { start + prefix } else { 0 };
        for (what, found, allowed) in [
            ("header", header, MAX_HEADER_BYTES),
            ("first part, which holds the preview,", first, MAX_PREFIX_BYTES),
            ("file", start + payload, MAX_FILE_BYTES),
        ] {
            if found > allowed {
                return Err(WriteAvatarError::TooLarge { what, found, allowed });
            }
        }
        file.reserve_exact(payload);
        for values in values(self) {
            file.extend(values.to_bytes());
        }
        Ok(file)
    }

    /// How many bytes come before the tensors of a preview's own: the header of a file with a preview of
    /// `vertices`, `triangles` and `color_size`², and the geometry head's matrices.
    pub(crate) fn bytes_before_preview(&self, vertices: usize, triangles: usize, color_size: usize) -> usize {
        let parts = self.manifest.parts.len();
        let preview = Some(PreviewDimensions { vertices, triangles, parts, color_size });
        let with = Dimensions { preview, ..Dimensions::of(self) };
        let without = Dimensions { preview: None, ..Dimensions::of(self) };
        let heads: usize = without.prefix_tensors().iter().map(Spec::bytes).sum();
        let manifest = serde_json::to_string(&self.manifest).unwrap_or_default();
        header_of(&manifest, &with.tensors()).map_or(MAX_HEADER_BYTES, |header| header.len()) + heads
    }
}

/// The header's length and text, padded with spaces, for tensors in this order. The order is why this doesn't come from
/// [`safetensors::serialize`], which has one of its own.
pub(super) fn header_of(manifest: &str, specs: &[Spec]) -> Result<Vec<u8>, WriteAvatarError> {
    let mut start = 0;
    let tensors = (specs.iter())
        .map(|spec| {
            let data_offsets = (start, start + spec.bytes());
            start = data_offsets.1;
            (spec.name.clone(), TensorInfo { dtype: spec.dtype, shape: spec.shape.clone(), data_offsets })
        })
        .collect();
    let metadata = HashMap::from([(MANIFEST_KEY.to_owned(), manifest.to_owned())]);
    let metadata = Metadata::new(Some(metadata), tensors).map_err(WriteAvatarError::Container)?;
    let mut text = serde_json::to_string(&metadata).map_err(WriteAvatarError::Manifest)?.into_bytes();
    text.resize(text.len().next_multiple_of(8), b' ');
    Ok([(text.len() as u64).to_le_bytes().as_slice(), &text].concat())
}
