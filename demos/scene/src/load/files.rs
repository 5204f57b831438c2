//! Buffers and pictures: inside the file, as data URIs, or beside it, never outside its folder.

use std::borrow::Cow;
use std::path::{Component, Path, PathBuf};

use super::limits;
use crate::error::{LoadError, Reason};

/// Where a scene's other files are.
#[derive(Clone, Debug)]
pub(crate) enum Folder {
    /// Nowhere: the scene came as bytes.
    None,
    /// In this one.
    At(PathBuf),
}

/// A file's bytes, what messages call it, and its folder.
pub(super) fn open(path: &Path) -> Result<(Vec<u8>, String, Folder), LoadError> {
    let file = path.display().to_string();
    let folder = match path.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => ".".into(),
    };
    match read_bounded(path) {
        Ok(bytes) => Ok((bytes, file, Folder::At(folder))),
        Err(reason) => Err(LoadError { file, field: "file".to_owned(), reason }),
    }
}

impl Folder {
    /// The bytes that a URI stands for.
    pub(super) fn resolve(&self, uri: &str) -> Result<Cow<'static, [u8]>, Reason> {
        if let Some(data) = uri.strip_prefix("data:") {
            let (_, text) = data
                .split_once(";base64,")
                .ok_or_else(|| Reason::Unsupported("a data URI without base64".to_owned()))?;
            let bytes = base64(text).ok_or_else(|| Reason::Broken("its base64 is broken".to_owned()))?;
            return Ok(Cow::Owned(bytes));
        }
        let Self::At(folder) = self else {
            return Err(Reason::Unsupported(format!(
                "`{}`, a file beside a scene that came as bytes",
                shown(uri)
            )));
        };
        let name =
            percent_decoded(uri).ok_or_else(|| Reason::Broken(format!("`{}` is no path", shown(uri))))?;
        let path = Path::new(&name);
        let is_inside = !name.contains(':')
            && !name.contains('\\')
            && !name.contains('\0')
            && path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if !is_inside || name.is_empty() {
            return Err(Reason::Outside(shown(uri)));
        }
        let io = |error: std::io::Error| Reason::Io(format!("{}: {error}", folder.join(path).display()));
        // Links inside the folder may lead out of it.
        let folder_itself = folder.canonicalize().map_err(io)?;
        let whole = folder_itself.join(path).canonicalize().map_err(io)?;
        if !whole.starts_with(&folder_itself) {
            return Err(Reason::Outside(shown(uri)));
        }
        read_bounded(&whole).map(Cow::Owned)
    }
}

/// A whole file, unless it is too large.
pub(super) fn read_bounded(path: &Path) -> Result<Vec<u8>, Reason> {
    use std::io::Read as _;
    let io = |error: std::io::Error| Reason::Io(error.to_string());
    let file = std::fs::File::open(path).map_err(io)?;
    let meta = file.metadata().map_err(io)?;
    if !meta.is_file() {
        return Err(Reason::Io("it is no file".to_owned()));
    }
    let limit = limits::FILE_BYTES;
    let too_much = |found| Reason::TooMuch { what: "bytes", found, limit };
    if meta.len() > limit {
        return Err(too_much(meta.len()));
    }
    let mut bytes = Vec::with_capacity(meta.len() as usize);
    file.take(limit + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > limit { Err(too_much(bytes.len() as u64)) } else { Ok(bytes) }
}

/// As much of a URI as fits into a message.
fn shown(uri: &str) -> String {
    uri.chars().take(120).flat_map(char::escape_default).collect()
}

fn percent_decoded(uri: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(uri.len());
    let mut rest = uri.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        if first == b'%' {
            let digits = std::str::from_utf8(after.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &after[2..];
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

/// Base64 of RFC 4648, padded or not.
fn base64(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=').as_bytes();
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 3);
    for group in text.chunks(4) {
        let mut word = 0u32;
        for &letter in group {
            let value = match letter {
                b'A'..=b'Z' => letter - b'A',
                b'a'..=b'z' => letter - b'a' + 26,
                b'0'..=b'9' => letter - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                _ => return None,
            };
            word = word << 6 | u32::from(value);
        }
        match group.len() {
            4 => bytes.extend_from_slice(&word.to_be_bytes()[1..]),
            3 => bytes.extend_from_slice(&(word << 6).to_be_bytes()[1..3]),
            2 => bytes.extend_from_slice(&(word << 12).to_be_bytes()[1..2]),
            _ => return None,
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_read() {
        for (text, bytes) in
            [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYmFy", "foobar")]
        {
            assert_eq!(base64(text).as_deref(), Some(bytes.as_bytes()));
        }
        assert!(base64("Z").is_none() && base64("Zm9*").is_none());
    }

    #[test]
    fn nothing_outside_the_folder_is_opened() {
        let folder = Folder::At(std::env::temp_dir());
        for uri in
            ["../x", "/etc/passwd", "a/../../x", "%2e%2e/x", "file:///etc/passwd", "c:\\x", "http://x/y", ""]
        {
            assert!(matches!(folder.resolve(uri), Err(Reason::Outside(_))), "{uri}");
        }
        assert!(matches!(folder.resolve("not-there.bin"), Err(Reason::Io(_))));
        assert!(matches!(Folder::None.resolve("x.bin"), Err(Reason::Unsupported(_))));
    }
}
