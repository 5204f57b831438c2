//! The sender's side.

use visavis_codec::Avatar;
use visavis_codec::avatar::ReadAvatarError;

use super::manifest::Manifest;

/// An avatar's file, ready to be sent.
#[derive(Clone, Debug)]
pub struct AvatarFile {
    /// With its signature's digits as zeros.
    unsigned: Vec<u8>,
    manifest: Manifest,
}

/// Why a file can't be sent.
#[derive(Debug, thiserror::Error)]
pub enum AvatarFileError {
    /// It isn't an avatar, or can't be hashed.
    #[error(transparent)]
    Avatar(#[from] ReadAvatarError),
}

impl AvatarFile {
    /// From an `.avatar` file. Only its header is looked at: whoever draws it has read all of it.
    ///
    /// # Errors
    /// If its signature isn't found where it must be.
    pub fn new(mut file: Vec<u8>) -> Result<Self, AvatarFileError> {
        let signature = Avatar::take_signature(&mut file)?;
        let manifest = Manifest::of(&file, signature);
        Ok(Self { unsigned: file, manifest })
    }

    /// The file's root, which join statements name.
    pub fn root(&self) -> &[u8; 32] {
        self.manifest.root()
    }

    /// What group 0 holds.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// How many groups the track has: the manifest and the chunks.
    pub fn groups(&self) -> usize {
        1 + self.manifest.chunks()
    }

    /// What a group holds, plain; none beyond the last.
    pub fn group(&self, group: usize) -> Option<std::borrow::Cow<'_, [u8]>> {
        match group.checked_sub(1) {
            None => Some(self.manifest.to_bytes().into()),
            Some(chunk) if chunk < self.manifest.chunks() => {
                self.unsigned.get(self.manifest.range(chunk)).map(Into::into)
            }
            Some(_) => None,
        }
    }
}
