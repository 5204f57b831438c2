//! Avatars on disk, by their root.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use visavis_codec::Avatar;
use visavis_codec::avatar::MAX_FILE_BYTES;

use super::download::AvatarDownload;
use crate::hex::{Hex, bytes_of_hex};

/// More than a partial download has: its chunks, their numbers and their hashes.
const MAX_PARTIAL_BYTES: usize = MAX_FILE_BYTES + (128 << 10);

/// Why the cache can't be used. A call goes on without it.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// A file or the folder can't be read or written.
    #[error("{}: {error}", .path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        error: std::io::Error,
    },
    /// The file isn't the avatar with this root.
    #[error("the file isn't the avatar with the root {0}")]
    OtherRoot(String),
}

/// A folder of avatars: `ROOT.avatar` whole, `ROOT.part` in part. What was used longest ago goes first when there is too
/// much. Other files in the folder are left alone. Several programs may share it: files appear whole or not at all, and are
/// checked whenever they are read.
#[derive(Clone, Debug)]
pub struct AvatarCache {
    folder: PathBuf,
    limit: u64,
}

/// A file of the cache.
struct Entry {
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
}

impl AvatarCache {
    /// In this folder, which is made if it isn't there, with at most so many bytes.
    ///
    /// # Errors
    /// If the folder can't be made.
    pub fn open(folder: &Path, limit: u64) -> Result<Self, CacheError> {
        std::fs::create_dir_all(folder).map_err(|error| CacheError::Io { path: folder.to_owned(), error })?;
        let cache = Self { folder: folder.to_owned(), limit };
        cache.evict(None);
        Ok(cache)
    }

    /// The `.avatar` file with this root, if it is there and whole. A damaged one is removed.
    pub fn get(&self, root: &[u8; 32]) -> Option<Vec<u8>> {
        let path = self.path(root, "avatar");
        let file = read_bounded(&path, MAX_FILE_BYTES)?;
        if Avatar::root_hash(&file).ok() != Some(*root) {
            let _ = std::fs::remove_file(&path);
            return None;
        }
        touch(&path);
        Some(file)
    }

    /// Keeps an `.avatar` file, and forgets what was there of it in part. One that is larger than the whole cache isn't kept.
    ///
    /// # Errors
    /// If it isn't the avatar with this root, or can't be written.
    pub fn put(&self, root: &[u8; 32], file: &[u8]) -> Result<(), CacheError> {
        if Avatar::root_hash(file).ok() != Some(*root) {
            return Err(CacheError::OtherRoot(Hex(root).to_string()));
        }
        let _ = std::fs::remove_file(self.path(root, "part"));
        self.write(&self.path(root, "avatar"), file)
    }

    /// Goes on with a download of which something is there, or begins one.
    pub fn resume(&self, root: &[u8; 32]) -> AvatarDownload {
        let path = self.path(root, "part");
        match read_bounded(&path, MAX_PARTIAL_BYTES) {
            None => AvatarDownload::new(*root),
            Some(state) => {
                touch(&path);
                AvatarDownload::resume(*root, &state)
            }
        }
    }

    /// Keeps what is there of a download.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn keep(&self, download: &AvatarDownload) -> Result<(), CacheError> {
        match download.save() {
            None => Ok(()),
            Some(state) => self.write(&self.path(download.root(), "part"), &state),
        }
    }

    /// How many bytes are kept.
    pub fn bytes(&self) -> u64 {
        self.entries().iter().map(|entry| entry.bytes).sum()
    }

    fn path(&self, root: &[u8; 32], extension: &str) -> PathBuf {
        self.folder.join(format!("{}.{extension}", Hex(root)))
    }

    /// Writes beside, then renames: whoever reads sees the old file or the new one.
    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), CacheError> {
        if bytes.len() as u64 > self.limit {
            return Ok(());
        }
        let temporary =
            path.with_extension(format!("{}.{}", std::process::id(), Hex(&crate::seal::random::<8>())));
        let written = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&temporary)
            .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
            .and_then(|()| std::fs::rename(&temporary, path));
        if let Err(error) = written {
            let _ = std::fs::remove_file(&temporary);
            return Err(CacheError::Io { path: path.to_owned(), error });
        }
        self.evict(Some(path));
        Ok(())
    }

    /// Removes what was used longest ago until the rest is below the limit.
    fn evict(&self, newest: Option<&Path>) {
        let mut entries = self.entries();
        entries.sort_by_key(|entry| (Some(entry.path.as_path()) == newest, entry.used));
        let mut total: u64 = entries.iter().map(|entry| entry.bytes).sum();
        for entry in entries {
            if total <= self.limit {
                return;
            }
            if std::fs::remove_file(&entry.path).is_ok() {
                total -= entry.bytes;
            }
        }
    }

    /// What is ours in the folder; none if it can't be read.
    fn entries(&self) -> Vec<Entry> {
        let Ok(files) = std::fs::read_dir(&self.folder) else { return Vec::new() };
        let entry = |file: std::io::Result<std::fs::DirEntry>| {
            let file = file.ok()?;
            let path = file.path();
            let (stem, _) = path.file_name()?.to_str()?.split_once('.')?;
            bytes_of_hex::<32>(stem)?;
            let metadata = file.metadata().ok()?;
            let used = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            metadata.is_file().then_some(Entry { bytes: metadata.len(), used, path: path.clone() })
        };
        files.filter_map(entry).collect()
    }
}

fn read_bounded(path: &Path, limit: usize) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path).ok()?.take(limit as u64 + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() <= limit).then_some(bytes)
}

/// Notes that a file was used now.
fn touch(path: &Path) {
    if let Ok(file) = std::fs::OpenOptions::new().append(true).open(path) {
        let _ = file.set_modified(SystemTime::now());
    }
}
