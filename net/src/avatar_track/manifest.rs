//! What an avatar's chunks must hash to.

use blake3::hazmat::{ChainingValue, HasherExt as _, Mode, merge_subtrees_non_root, merge_subtrees_root};
use visavis_codec::avatar::MAX_FILE_BYTES;

/// Bytes of every chunk but the last: a power of two of BLAKE3's own chunks, so that each is a subtree.
pub const CHUNK_BYTES: usize = 64 << 10;
const MAGIC: &[u8; 16] = b"visavis chunks 1";
const FIXED_BYTES: usize = 16 + 4 + 64;

/// The parts of a file by their hashes, checked against its root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    root: [u8; 32],
    file_bytes: usize,
    signature: [u8; 64],
    chunks: Vec<ChainingValue>,
}

/// Why bytes are no manifest of this avatar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// Not a manifest, or of another version.
    #[error("not an avatar's chunk list, or one of another version")]
    Form,
    /// The file would be larger than any avatar, or is empty.
    #[error("an avatar of {0} bytes: 1 to {MAX_FILE_BYTES} are allowed")]
    FileBytes(u64),
    /// There aren't as many hashes as the file has chunks.
    #[error("{found} bytes of hashes, {expected} are needed")]
    Hashes {
        /// How many.
        found: usize,
        /// How many there must be.
        expected: usize,
    },
    /// It is another avatar's, or damaged.
    #[error("the chunk list isn't that of the avatar whose root was stated")]
    Root,
}

impl Manifest {
    /// Of a file with its signature's digits as zeros, 1 to [`MAX_FILE_BYTES`] bytes.
    pub(super) fn of(unsigned_file: &[u8], signature: [u8; 64]) -> Self {
        let chunks = unsigned_file.chunks(CHUNK_BYTES).enumerate();
        let chunks = chunks.map(|(index, chunk)| chaining_value(index, chunk)).collect();
        let root = blake3::hash(unsigned_file).into();
        Self { root, file_bytes: unsigned_file.len(), signature, chunks }
    }

    /// The bytes of group 0.
    pub fn to_bytes(&self) -> Vec<u8> {
        let Self { root: _, file_bytes, signature, chunks } = self;
        let mut bytes = Vec::with_capacity(FIXED_BYTES + 32 * chunks.len());
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&(*file_bytes as u32).to_le_bytes());
        bytes.extend_from_slice(signature);
        // Of a single chunk the root is the hash.
        if chunks.len() > 1 {
            chunks.iter().for_each(|chunk| bytes.extend_from_slice(chunk));
        }
        bytes
    }

    /// Reads the manifest of the avatar with this root.
    ///
    /// # Errors
    /// If it isn't that.
    pub fn read(bytes: &[u8], root: &[u8; 32]) -> Result<Self, ManifestError> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(ManifestError::Form)?;
        let (length, rest) = rest.split_first_chunk::<4>().ok_or(ManifestError::Form)?;
        let (signature, hashes) = rest.split_first_chunk::<64>().ok_or(ManifestError::Form)?;
        let length = u32::from_le_bytes(*length);
        let file_bytes = length as usize;
        if file_bytes == 0 || file_bytes > MAX_FILE_BYTES {
            return Err(ManifestError::FileBytes(length.into()));
        }
        let count = file_bytes.div_ceil(CHUNK_BYTES);
        let expected = if count > 1 { 32 * count } else { 0 };
        if hashes.len() != expected {
            return Err(ManifestError::Hashes { found: hashes.len(), expected });
        }
        let chunks = if count > 1 { hashes.as_chunks::<32>().0.to_vec() } else { vec![*root] };
        if count > 1 && fold(&chunks) != Some(*root) {
            return Err(ManifestError::Root);
        }
        Ok(Self { root: *root, file_bytes, signature: *signature, chunks })
    }

    /// The file's root.
    pub fn root(&self) -> &[u8; 32] {
        &self.root
    }

    /// The file's size.
    pub fn file_bytes(&self) -> usize {
        self.file_bytes
    }

    /// The owner's signature over the root, as it was told: not checked here. Zeros if there is none.
    pub fn signature(&self) -> &[u8; 64] {
        &self.signature
    }

    /// How many chunks there are.
    pub fn chunks(&self) -> usize {
        self.chunks.len()
    }

    /// Where a chunk lies in the file; empty for one that there isn't.
    pub fn range(&self, chunk: usize) -> std::ops::Range<usize> {
        let at = |chunk: usize| chunk.saturating_mul(CHUNK_BYTES).min(self.file_bytes);
        at(chunk)..at(chunk.saturating_add(1))
    }

    /// Whether these are a chunk's bytes.
    pub fn verify(&self, chunk: usize, bytes: &[u8]) -> bool {
        let Some(expected) = self.chunks.get(chunk) else { return false };
        if bytes.len() != self.range(chunk).len() {
            return false;
        }
        match self.chunks.len() {
            1 => blake3::hash(bytes) == *expected,
            _ => chaining_value(chunk, bytes) == *expected,
        }
    }
}

/// A chunk's hash as a subtree of its file. There must be others, and some bytes.
fn chaining_value(chunk: usize, bytes: &[u8]) -> ChainingValue {
    let mut hasher = blake3::Hasher::new();
    hasher.set_input_offset((chunk * CHUNK_BYTES) as u64).update(bytes);
    hasher.finalize_non_root()
}

/// The root over two or more chunks: each left subtree is the largest full power of two (BLAKE3 paper, section 2.1).
fn fold(chunks: &[ChainingValue]) -> Option<[u8; 32]> {
    if chunks.len() < 2 {
        return None;
    }
    let (left, right) = chunks.split_at(chunks.len().next_power_of_two() / 2);
    Some(merge_subtrees_root(&subtree(left)?, &subtree(right)?, Mode::Hash).into())
}

fn subtree(chunks: &[ChainingValue]) -> Option<ChainingValue> {
    if let [chunk] = chunks {
        return Some(*chunk);
    }
    let (left, right) = chunks.split_at(chunks.len().next_power_of_two() / 2);
    if left.is_empty() || right.is_empty() {
        return None;
    }
    Some(merge_subtrees_non_root(&subtree(left)?, &subtree(right)?, Mode::Hash))
}
