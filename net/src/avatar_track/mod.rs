//! An avatar's file over the network: by the BLAKE3 root that its owner signed, in chunks that are verified one by one.
//!
//! The file travels with the 128 digits of its signature as zeros, which is what its root is the hash of; the signature
//! travels beside it. Group 0 of the track `avatar` is the [`Manifest`]: lengths, signature, and each chunk's chaining value
//! in BLAKE3's tree, which together hash to the root. Group i + 1 is chunk i. So any chunk can be checked on its own, in
//! any order, from anybody.
//!
//! [`AvatarFile`] does the sender's side, [`AvatarDownload`] the receiver's: it says which chunks it wants next, the
//! likeness at the file's beginning first, and can be kept and resumed. [`AvatarCache`] keeps whole files and halves of
//! them on disk, below a limit. The formats are in `net/CRYPTO.md`.

mod cache;
mod download;
mod file;
mod manifest;
#[cfg(test)]
mod tests;

pub use cache::{AvatarCache, CacheError};
pub use download::{AvatarDownload, ChunkError, Finished, Progress};
pub use file::{AvatarFile, AvatarFileError};
pub use manifest::{CHUNK_BYTES, Manifest, ManifestError};
