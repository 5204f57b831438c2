//! The receiver's side: a state machine that says which chunks it wants and checks each that comes.

use std::collections::VecDeque;

use visavis_codec::Avatar;
use visavis_codec::avatar::{FileSignature, MAX_PREFIX_BYTES, SignatureError};

use super::manifest::{CHUNK_BYTES, Manifest, ManifestError};
use crate::identity::PublicKey;

const STATE_MAGIC: &[u8; 16] = b"visavis partial1";

/// How far a download is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes that are there and verified.
    pub bytes: usize,
    /// The file's bytes; 0 while the manifest isn't there.
    pub of: usize,
    /// Whether the first bytes are there that a likeness is drawn from.
    pub has_likeness: bool,
    /// Whether all of it is there.
    pub is_whole: bool,
}

/// Why a chunk isn't taken. Ask for it again, from somebody else if there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    /// The manifest isn't there yet.
    #[error("a chunk before the chunk list")]
    NoManifest,
    /// There is no such chunk.
    #[error("chunk {0}: the avatar has no such chunk")]
    Number(usize),
    /// Its bytes aren't those that the root stands for.
    #[error("chunk {0}: its bytes aren't those of the avatar whose root was stated")]
    Hash(usize),
}

/// A whole file whose hash, and signature if it names an owner, are right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// The `.avatar` file as its owner has it, signature included.
    pub file: Vec<u8>,
    /// The owner's key; none if the file names no owner.
    pub owner: Option<PublicKey>,
}

/// Fetches one avatar by its root. Memory: the file as it grows, at most 64 MiB, and two bytes a chunk.
#[derive(Clone, Debug)]
pub struct AvatarDownload {
    root: [u8; 32],
    manifest: Option<Manifest>,
    bytes: Vec<u8>,
    has: Vec<bool>,
    /// Chunks still to be asked for, in the order in which they are wanted.
    wanted: VecDeque<usize>,
    verified: usize,
    /// Bytes from the file's beginning that are there without a gap.
    contiguous: usize,
}

impl AvatarDownload {
    /// Begins, with nothing.
    pub fn new(root: [u8; 32]) -> Self {
        Self {
            root,
            manifest: None,
            bytes: Vec::new(),
            has: Vec::new(),
            wanted: VecDeque::new(),
            verified: 0,
            contiguous: 0,
        }
    }

    /// The root of the avatar that is fetched.
    pub fn root(&self) -> &[u8; 32] {
        &self.root
    }

    /// Takes group 0. A second one changes nothing.
    ///
    /// # Errors
    /// If it isn't the manifest of this avatar.
    pub fn accept_manifest(&mut self, bytes: &[u8]) -> Result<(), ManifestError> {
        if self.manifest.is_some() {
            return Ok(());
        }
        let manifest = Manifest::read(bytes, &self.root)?;
        self.has = vec![false; manifest.chunks()];
        self.wanted = (0..manifest.chunks()).collect();
        self.manifest = Some(manifest);
        Ok(())
    }

    /// The file's parts, once they are known.
    pub fn manifest(&self) -> Option<&Manifest> {
        self.manifest.as_ref()
    }

    /// The next chunk to ask for (group number − 1): from the file's beginning on. Each is named once, unless
    /// [`lost`](Self::lost) says so.
    pub fn want(&mut self) -> Option<usize> {
        while let Some(chunk) = self.wanted.pop_front() {
            if self.has.get(chunk) == Some(&false) {
                return Some(chunk);
            }
        }
        None
    }

    /// Which chunks aren't there, whether they were asked for or not.
    pub fn missing(&self) -> impl Iterator<Item = usize> {
        self.has.iter().enumerate().filter(|(_, has)| !**has).map(|(chunk, _)| chunk)
    }

    /// Notes that a chunk that was asked for won't come: it is wanted again, before all others.
    pub fn lost(&mut self, chunk: usize) {
        if self.has.get(chunk) == Some(&false) && !self.wanted.contains(&chunk) {
            self.wanted.push_front(chunk);
        }
    }

    /// Notes that the connection was lost: all that isn't there is wanted again.
    pub fn restart(&mut self) {
        self.wanted = self.missing().collect();
    }

    /// Takes a chunk, asked for or not, in any order. One that is there already changes nothing.
    ///
    /// # Errors
    /// If it isn't this avatar's.
    pub fn accept(&mut self, chunk: usize, bytes: &[u8]) -> Result<Progress, ChunkError> {
        let manifest = self.manifest.as_ref().ok_or(ChunkError::NoManifest)?;
        let has = self.has.get_mut(chunk).ok_or(ChunkError::Number(chunk))?;
        if !*has {
            if !manifest.verify(chunk, bytes) {
                return Err(ChunkError::Hash(chunk));
            }
            *has = true;
            let range = manifest.range(chunk);
            if self.bytes.len() < range.end {
                self.bytes.resize(range.end, 0);
            }
            self.bytes[range].copy_from_slice(bytes);
            self.verified += bytes.len();
            while self.has.get(self.contiguous / CHUNK_BYTES) == Some(&true)
                && self.contiguous < manifest.file_bytes()
            {
                self.contiguous = manifest.range(self.contiguous / CHUNK_BYTES).end;
            }
        }
        Ok(self.progress())
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        let of = self.manifest.as_ref().map_or(0, Manifest::file_bytes);
        let is_whole = of > 0 && self.verified == of;
        Progress { bytes: self.verified, of, has_likeness: self.likeness_bytes().is_some(), is_whole }
    }

    /// The first bytes, once they are enough for [`Avatar::read_prefix`].
    pub fn prefix(&self) -> Option<&[u8]> {
        self.likeness_bytes().and_then(|_| self.bytes.get(..self.contiguous))
    }

    fn likeness_bytes(&self) -> Option<usize> {
        let there = self.bytes.get(..self.contiguous)?;
        if there.is_empty() {
            return None;
        }
        Avatar::prefix_bytes(there).ok().filter(|needed| *needed <= there.len().min(MAX_PREFIX_BYTES))
    }

    /// The whole file with its signature back in its place, once all of it is there.
    ///
    /// # Errors
    /// If its signature isn't that of the owner it names.
    pub fn finish(&self) -> Option<Result<Finished, SignatureError>> {
        let manifest = self.manifest.as_ref().filter(|_| self.progress().is_whole)?;
        let mut file = self.bytes.clone();
        if let Err(error) = Avatar::put_signature(&mut file, manifest.signature()) {
            return Some(Err(error.into()));
        }
        let owner = match Avatar::verify_signature(&file) {
            Ok(FileSignature::Valid(owner)) => Some(PublicKey(owner)),
            Ok(FileSignature::None) => None,
            Err(error) => return Some(Err(error)),
        };
        Some(Ok(Finished { file, owner }))
    }

    /// What is there, to be kept and [resumed](Self::resume).
    pub fn save(&self) -> Option<Vec<u8>> {
        let manifest = self.manifest.as_ref()?.to_bytes();
        let mut state = STATE_MAGIC.to_vec();
        state.extend_from_slice(&(manifest.len() as u32).to_le_bytes());
        state.extend_from_slice(&manifest);
        for (chunk, _) in self.has.iter().enumerate().filter(|(_, has)| **has) {
            let bytes = self.manifest.as_ref().and_then(|manifest| self.bytes.get(manifest.range(chunk)))?;
            state.extend_from_slice(&(chunk as u32).to_le_bytes());
            state.extend_from_slice(bytes);
        }
        Some(state)
    }

    /// Goes on from what [`save`](Self::save) gave. Every chunk is checked again; what is damaged is fetched anew, so there is
    /// no error.
    pub fn resume(root: [u8; 32], state: &[u8]) -> Self {
        let mut download = Self::new(root);
        download.take_state(state);
        download.restart();
        download
    }

    fn take_state(&mut self, state: &[u8]) -> Option<()> {
        let rest = state.strip_prefix(STATE_MAGIC)?;
        let (length, rest) = rest.split_first_chunk()?;
        let (manifest, mut rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        self.accept_manifest(manifest).ok()?;
        while let Some((chunk, after)) = rest.split_first_chunk() {
            let chunk = u32::from_le_bytes(*chunk) as usize;
            let length = self.manifest.as_ref()?.range(chunk).len();
            let (bytes, after) = after.split_at_checked(length)?;
            self.accept(chunk, bytes).ok()?;
            rest = after;
        }
        Some(())
    }
}
