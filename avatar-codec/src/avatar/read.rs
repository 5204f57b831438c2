//! `.avatar` bytes → [`Avatar`]. Nothing is copied before its type, shape and place in the file are known to be right,
//! so that memory stays within a small multiple of the file's size whatever the file says.

use std::collections::HashSet;
use std::fmt;

use safetensors::tensor::Metadata;
use safetensors::{Dtype, SafeTensors};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::layout::MAX_BUFFER_BYTES;
use super::tensors::Tensors;
use super::validate::InvalidAvatar;
use super::{Avatar, AvatarForm, Likeness, Manifest, Owner};
use crate::quoted::quoted;

/// The most bytes of an `.avatar` file.
pub const MAX_FILE_BYTES: usize = MAX_BUFFER_BYTES;
/// The most bytes of its header, the manifest included.
pub const MAX_HEADER_BYTES: usize = 256 << 10;
/// The manifest's key in the file's metadata.
pub(super) const MANIFEST_KEY: &str = "visavis.avatar";
/// Bytes before the header: its length.
pub(super) const LENGTH_BYTES: usize = 8;

/// Why bytes aren't an avatar.
#[derive(Debug, thiserror::Error)]
pub enum ReadAvatarError {
    /// The file is larger than any avatar.
    #[error("the file has {found} bytes, at most {MAX_FILE_BYTES} are allowed")]
    FileSize {
        /// Its size.
        found: usize,
    },
    /// The header's length is missing, larger than allowed, or larger than the file.
    #[error(
        "the header's length is {found} in a file of {file} bytes, at most {MAX_HEADER_BYTES} are allowed"
    )]
    HeaderSize {
        /// What the first eight bytes say; 0 if there are fewer.
        found: u64,
        /// The file's size.
        file: usize,
    },
    /// The header isn't JSON of the expected form, or names something twice.
    #[error("the header isn't readable: {}", quoted(.0))]
    Header(serde_json::Error),
    /// The header is JSON, but not a list of tensors that fills the rest of the file.
    #[error("not a safetensors file: {}", quoted(.0))]
    Container(safetensors::SafeTensorError),
    /// The file's metadata has no manifest.
    #[error("no `{MANIFEST_KEY}` in the file's metadata: this safetensors file is no avatar")]
    NoManifest,
    /// The manifest isn't as this version has it.
    #[error("the manifest isn't readable: {}", quoted(.0))]
    Manifest(serde_json::Error),
    /// The file is of another version.
    #[error("the file is of version {found}, this program reads version {}", Manifest::VERSION)]
    Version {
        /// The file's version.
        found: u64,
    },
    /// The person is shown in another form than this reader's.
    #[error(
        "the file holds a {} person, which can't be shown here: use a file of the other form, or a program that shows both",
        .found.name()
    )]
    Form {
        /// The file's form.
        found: AvatarForm,
    },
    /// A tensor is missing.
    #[error("tensor `{tensor}` is missing")]
    Missing {
        /// Its name.
        tensor: String,
    },
    /// There is a tensor that an avatar of these dimensions doesn't have.
    #[error("tensor `{tensor}` doesn't belong into an avatar")]
    Unknown {
        /// Its name, shortened and escaped.
        tensor: String,
    },
    /// A tensor has another type.
    #[error("tensor `{tensor}` is of type {found:?}, allowed: {expected:?}")]
    Type {
        /// The tensor.
        tensor: String,
        /// Its type.
        found: Dtype,
        /// The type it must have.
        expected: Dtype,
    },
    /// A tensor has another shape than its fellows demand.
    #[error("tensor `{tensor}` has the shape {found:?}, allowed: {expected}")]
    Shape {
        /// The tensor.
        tensor: String,
        /// Its shape, at most eight dimensions of it.
        found: Vec<usize>,
        /// The shape it must have.
        expected: String,
    },
    /// The file has no preview, so that its first bytes can't be drawn.
    #[error(
        "the avatar has no preview: only the whole file can be drawn; train it again, or write it with one"
    )]
    NoPreview,
    /// There are too few bytes for what was asked for.
    #[error("{found} bytes of the file are there, {needed} are needed: fetch more of it")]
    TooShort {
        /// How many there are.
        found: usize,
        /// How many there must be.
        needed: usize,
    },
    /// Everything is there, but something in it is out of range.
    #[error(transparent)]
    Invalid(#[from] InvalidAvatar),
}

impl Avatar {
    /// Reads an `.avatar` file.
    ///
    /// # Errors
    /// If the bytes aren't a valid avatar of this version; the error names the tensor or field, what was found and what
    /// is allowed.
    pub fn read(bytes: &[u8]) -> Result<Self, ReadAvatarError> {
        let text = checked_header(bytes)?;
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(ReadAvatarError::Container)?;
        let tensors = Tensors { metadata, data: &bytes[LENGTH_BYTES + text.len()..] };
        let (manifest, dimensions) = tensors.open()?;
        let avatar = tensors.avatar(manifest, &dimensions)?;
        avatar.validate()?;
        Ok(avatar)
    }

    /// Reads a likeness from the first bytes of an `.avatar` file: [`prefix_bytes`](Self::prefix_bytes) or more.
    ///
    /// # Errors
    /// If they aren't the beginning of a valid avatar of this version, if it has no preview, or if they are too few. What
    /// comes after the likeness's own tensors isn't looked at, but for its names, types and shapes.
    pub fn read_prefix(bytes: &[u8]) -> Result<Likeness, ReadAvatarError> {
        let (tensors, needed) = Self::open_prefix(bytes)?;
        let (manifest, dimensions) = tensors.open()?;
        if dimensions.preview.is_none() {
            return Err(ReadAvatarError::NoPreview);
        }
        if bytes.len() < needed {
            return Err(ReadAvatarError::TooShort { found: bytes.len(), needed });
        }
        tensors.likeness(manifest, &dimensions)
    }

    /// How many of a file's first bytes [`read_prefix`](Self::read_prefix) needs: at most
    /// [`MAX_PREFIX_BYTES`](super::MAX_PREFIX_BYTES) of those that this crate writes. The header is enough to tell.
    ///
    /// # Errors
    /// If the header isn't there or isn't an avatar's, or if the avatar has no preview.
    pub fn prefix_bytes(bytes: &[u8]) -> Result<usize, ReadAvatarError> {
        let (tensors, needed) = Self::open_prefix(bytes)?;
        let (_, dimensions) = tensors.open()?;
        if dimensions.preview.is_some() { Ok(needed) } else { Err(ReadAvatarError::NoPreview) }
    }

    /// What a file's manifest says of its owner. Tensors aren't looked at; the header is enough.
    pub(super) fn read_owner(bytes: &[u8]) -> Result<Owner, ReadAvatarError> {
        let (tensors, _) = Self::open_prefix(bytes)?;
        match tensors.open() {
            Err(ReadAvatarError::Form { found: AvatarForm::Cartoon }) => Ok(tensors.open_cartoon()?.0.owner),
            opened => Ok(opened?.0.owner),
        }
    }

    /// The tensors as far as they are there, and where the last one that a likeness needs ends.
    fn open_prefix(bytes: &[u8]) -> Result<(Tensors<'_>, usize), ReadAvatarError> {
        let text = checked_header(bytes)?;
        let metadata: Metadata = serde_json::from_str(text).map_err(ReadAvatarError::Header)?;
        let start = LENGTH_BYTES + text.len();
        let whole = start.saturating_add(metadata.data_len());
        if whole > MAX_FILE_BYTES {
            return Err(ReadAvatarError::FileSize { found: whole });
        }
        let ends = (metadata.tensors().into_iter())
            .filter(|(name, _)| is_of_a_likeness(name))
            .map(|(_, info)| info.data_offsets.1);
        let needed = start + ends.max().unwrap_or(0);
        Ok((Tensors { metadata, data: &bytes[start..] }, needed))
    }
}

/// Whether a [`Likeness`] is made of a tensor of this name.
fn is_of_a_likeness(name: &str) -> bool {
    name.starts_with("preview.") || (name.starts_with("geometry.") && name != "geometry.basis")
}

/// The header's text; nothing in it is named twice.
pub(super) fn checked_header(bytes: &[u8]) -> Result<&str, ReadAvatarError> {
    let text = header(bytes)?;
    serde_json::from_str::<UniqueKeys>(text).map_err(ReadAvatarError::Header)?;
    Ok(text)
}

/// The header's text, its length checked.
pub(super) fn header(bytes: &[u8]) -> Result<&str, ReadAvatarError> {
    let file = bytes.len();
    if file > MAX_FILE_BYTES {
        return Err(ReadAvatarError::FileSize { found: file });
    }
    let (length, rest) =
        bytes.split_first_chunk::<LENGTH_BYTES>().ok_or(ReadAvatarError::HeaderSize { found: 0, file })?;
    let found = u64::from_le_bytes(*length);
    let header = usize::try_from(found)
        .ok()
        .filter(|&length| length <= MAX_HEADER_BYTES)
        .and_then(|length| rest.get(..length))
        .ok_or(ReadAvatarError::HeaderSize { found, file })?;
    std::str::from_utf8(header).map_err(|error| ReadAvatarError::Header(serde::de::Error::custom(error)))
}

/// A JSON object that names nothing twice, nor does the metadata inside it: of two entries of one name, readers would
/// differ in which one they believe.
pub(crate) struct UniqueKeys;

impl<'de> Deserialize<'de> for UniqueKeys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = UniqueKeys;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<UniqueKeys, A::Error> {
                let mut seen = HashSet::new();
                while let Some(key) = map.next_key::<String>()? {
                    if key == "__metadata__" {
                        map.next_value::<UniqueKeys>()?;
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                    if let Some(twice) = seen.replace(key) {
                        return Err(serde::de::Error::custom(format_args!(
                            "`{}` stands in it twice",
                            shown(&twice)
                        )));
                    }
                }
                Ok(UniqueKeys)
            }
        }
        deserializer.deserialize_map(Keys)
    }
}

/// A name from the file, fit to be shown.
pub(crate) fn shown(name: &str) -> String {
    name.chars().take(64).flat_map(char::escape_debug).collect()
}
