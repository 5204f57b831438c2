//! [`Avatar`] → `.avatar` bytes, and the hash that its owner signs.

use std::collections::HashMap;

use safetensors::tensor::TensorView;

use super::Avatar;
use super::layout::{Dimensions, values};
use super::read::{LENGTH_BYTES, MANIFEST_KEY, MAX_FILE_BYTES, MAX_HEADER_BYTES, ReadAvatarError, header};
use super::validate::InvalidAvatar;

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
        let specs = Dimensions::of(self).tensors();
        let data: Vec<Vec<u8>> = values(self).into_iter().map(|values| values.to_bytes()).collect();
        let mut views = Vec::with_capacity(specs.len());
        for (spec, data) in specs.into_iter().zip(&data) {
            let view = TensorView::new(spec.dtype, spec.shape, data).map_err(WriteAvatarError::Container)?;
            views.push((spec.name, view));
        }
        let metadata = HashMap::from([(MANIFEST_KEY.to_owned(), manifest)]);
        let file = safetensors::serialize(views, Some(metadata)).map_err(WriteAvatarError::Container)?;

        let payload: usize = data.iter().map(Vec::len).sum();
        let header = file.len() - payload - LENGTH_BYTES;
        for (what, found, allowed) in
            [("header", header, MAX_HEADER_BYTES), ("file", file.len(), MAX_FILE_BYTES)]
        {
            if found > allowed {
                return Err(WriteAvatarError::TooLarge { what, found, allowed });
            }
        }
        Ok(file)
    }

    /// What the owner signs: the BLAKE3 hash of the file with the 128 digits of `owner.signature` as zeros.
    ///
    /// # Errors
    /// If the header isn't readable, or doesn't hold exactly one signature written as `"signature":"…"`.
    pub fn root_hash(file: &[u8]) -> Result<[u8; 32], ReadAvatarError> {
        let text = header(file)?;
        // The manifest is JSON in a JSON string, so its own quotes are escaped once. In a string inside the manifest
        // they would be escaped twice, so nothing but the field itself looks like this.
        let mut places = text.match_indices(r#"\"signature\":\""#).map(|(at, key)| at + key.len());
        let (Some(start), None) = (places.next(), places.next()) else {
            return Err(signature_error("not exactly one `signature` field"));
        };
        let digits = text.get(start..start + SIGNATURE_DIGITS).unwrap_or_default();
        if digits.len() != SIGNATURE_DIGITS || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(signature_error("the signature isn't 128 hexadecimal digits"));
        }
        let start = LENGTH_BYTES + start;
        let mut hasher = blake3::Hasher::new();
        hasher.update(&file[..start]);
        hasher.update(&[b'0'; SIGNATURE_DIGITS]);
        hasher.update(&file[start + SIGNATURE_DIGITS..]);
        Ok(hasher.finalize().into())
    }
}

/// Hexadecimal digits of an ed25519 signature.
const SIGNATURE_DIGITS: usize = 128;

fn signature_error(reason: &str) -> ReadAvatarError {
    ReadAvatarError::Header(serde::de::Error::custom(reason))
}
