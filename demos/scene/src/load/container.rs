//! GLB's chunks, and the JSON that both kinds of file have.

use gltf::json;

use super::limits;
use crate::error::{LoadError, Reason};

/// What [`split`] gives.
type Parts<'a> = (json::Root, Option<&'a [u8]>, &'a [u8]);

/// JSON and the binary chunk of a GLB, and the JSON's text; a file that doesn't begin as one is JSON alone.
pub(super) fn split<'a>(bytes: &'a [u8], file: &str) -> Result<Parts<'a>, LoadError> {
    let refuse = |field: &str, reason| LoadError { file: file.to_owned(), field: field.to_owned(), reason };
    let (text, binary) = if bytes.starts_with(b"glTF") {
        chunks(bytes).map_err(|reason| refuse("GLB header", Reason::NotGltf(reason)))?
    } else {
        (bytes, None)
    };
    if text.len() as u64 > limits::JSON_BYTES {
        let (found, limit) = (text.len() as u64, limits::JSON_BYTES);
        return Err(refuse("JSON", Reason::TooMuch { what: "bytes of JSON", found, limit }));
    }
    let root: json::Root = json::deserialize::from_slice(text)
        .map_err(|error| refuse("JSON", Reason::NotGltf(error.to_string())))?;
    if !root.asset.version.starts_with("2.") {
        let version = Reason::NotGltf(format!("this is glTF {}", root.asset.version));
        return Err(refuse("asset.version", version));
    }
    for (i, name) in root.extensions_required.iter().enumerate() {
        if !SUPPORTED.contains(&name.as_str()) {
            return Err(refuse(&format!("extensionsRequired[{i}]"), Reason::Unsupported(name.clone())));
        }
    }
    Ok((root, binary, text))
}

/// The extensions that a file may require.
const SUPPORTED: [&str; 5] = [
    "KHR_lights_punctual",
    "KHR_materials_emissive_strength",
    "KHR_materials_unlit",
    "KHR_mesh_quantization",
    "KHR_texture_transform",
];

/// JSON and binary chunk.
fn chunks(bytes: &[u8]) -> Result<(&[u8], Option<&[u8]>), String> {
    let word = |at: usize| {
        let bytes = bytes.get(at..at.checked_add(4)?)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
    };
    let chunk = |at: usize, kind: &[u8; 4]| -> Option<&[u8]> {
        let length = word(at)? as usize;
        (bytes.get(at + 4..at + 8)? == kind).then_some(())?;
        bytes.get(at + 8..at.checked_add(8)?.checked_add(length)?)
    };
    if word(4) != Some(2) {
        return Err(format!("this is GLB version {}", word(4).unwrap_or(0)));
    }
    let json = chunk(12, b"JSON").ok_or("the JSON chunk is cut short")?;
    let after = 20 + json.len();
    if after >= bytes.len() {
        return Ok((json, None));
    }
    // What follows the JSON may be a chunk that we don't know; only a broken binary chunk is an error.
    match bytes.get(after + 4..after + 8) {
        Some(b"BIN\0") => Ok((json, Some(chunk(after, b"BIN\0").ok_or("the binary chunk is cut short")?))),
        _ => Ok((json, None)),
    }
}
