//! Avatar files on disk: reading them, and finding the one that a call names.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use visavis_codec::Avatar;
use visavis_codec::avatar::{AnyAvatar, MAX_FILE_BYTES};

/// An avatar and where it came from.
#[derive(Clone, Debug)]
pub(crate) struct AvatarFile {
    pub(crate) path: PathBuf,
    pub(crate) bytes: usize,
    /// BLAKE3 of the file with the signature's bytes zeroed.
    pub(crate) root_hash: [u8; 32],
    pub(crate) avatar: Avatar,
}

/// An avatar of either form and where it came from.
#[derive(Clone, Debug)]
pub(crate) struct AnyFile {
    pub(crate) path: PathBuf,
    pub(crate) bytes: usize,
    /// BLAKE3 of the file with the signature's bytes zeroed.
    pub(crate) root_hash: [u8; 32],
    pub(crate) avatar: AnyAvatar,
}

/// Reads and checks a file of either form.
pub(crate) fn read_any(path: &Path) -> Result<AnyFile> {
    let bytes = read_bounded(path, MAX_FILE_BYTES)?;
    let avatar =
        AnyAvatar::read(&bytes).with_context(|| format!("{}: not a usable avatar", path.display()))?;
    let root_hash = Avatar::root_hash(&bytes).with_context(|| format!("{}: its hash", path.display()))?;
    Ok(AnyFile { path: path.to_owned(), bytes: bytes.len(), root_hash, avatar })
}

/// Reads and checks a file of a captured person.
pub(crate) fn read(path: &Path) -> Result<AvatarFile> {
    let bytes = read_bounded(path, MAX_FILE_BYTES)?;
    let avatar = Avatar::read(&bytes).with_context(|| format!("{}: not a usable avatar", path.display()))?;
    let root_hash = Avatar::root_hash(&bytes).with_context(|| format!("{}: its hash", path.display()))?;
    Ok(AvatarFile { path: path.to_owned(), bytes: bytes.len(), root_hash, avatar })
}

/// Reads a file that must not be larger than this.
pub(crate) fn read_bounded(path: &Path, limit: usize) -> Result<Vec<u8>> {
    let metadata = std::fs::metadata(path).with_context(|| format!("{}: can't be read", path.display()))?;
    if metadata.is_dir() {
        bail!("{}: is a folder, not a file", path.display());
    }
    // A pipe or a device says nothing of its length, so that the reading itself is bounded.
    let mut bytes = Vec::with_capacity(metadata.len().min(limit as u64) as usize);
    std::fs::File::open(path)
        .and_then(|file| file.take(limit as u64 + 1).read_to_end(&mut bytes))
        .with_context(|| format!("{}: can't be read", path.display()))?;
    if bytes.len() > limit {
        bail!("{}: more bytes than such a file has: {limit} at most", path.display());
    }
    Ok(bytes)
}

/// Where an avatar of this name may lie: beside the call, in the folder `avatars` beside the call's, and in
/// `assets/avatars` here.
pub(crate) fn candidates(name: &str, call: &Path) -> Vec<PathBuf> {
    let file = format!("{name}.avatar");
    let beside = call.parent().unwrap_or(Path::new(""));
    let mut found = vec![
        beside.join(&file),
        beside.join("../avatars").join(&file),
        Path::new("assets/avatars").join(&file),
    ];
    found.dedup();
    found
}

/// A hash as one writes it.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The inverse, of 64 digits.
pub(crate) fn root_of_hex(text: &str) -> Option<[u8; 32]> {
    let mut root = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (n, byte) in root.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * n..2 * n + 2)?, 16).ok()?;
    }
    Some(root)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_finds_its_avatar_beside_it_or_in_the_assets() {
        let found = candidates("wren", Path::new("assets/calls/hello.mcap"));
        assert_eq!(found[0], Path::new("assets/calls/wren.avatar"));
        assert_eq!(found[1], Path::new("assets/calls/../avatars/wren.avatar"));
        assert_eq!(found[2], Path::new("assets/avatars/wren.avatar"));
    }

    #[test]
    fn what_is_no_avatar_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.avatar");
        assert!(read(&path).unwrap_err().to_string().contains("x.avatar"));
        std::fs::write(&path, b"nonsense").unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("not a usable avatar"));
        assert!(read_bounded(&path, 3).unwrap_err().to_string().contains("3 at most"));
        assert!(read(folder.path()).unwrap_err().to_string().contains("folder"));
    }

    #[test]
    fn hashes_are_written_in_hexadecimal() {
        assert_eq!(hex(&[0, 15, 255]), "000fff");
    }
}
