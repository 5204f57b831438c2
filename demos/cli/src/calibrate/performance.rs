//! What is learned from: the faces of a recorded call, or of a table.

use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use visavis_codec::call::CallReader;
use visavis_codec::{Avatar, FaceFrame, FaceUnit, Timestamp};

use crate::avatar_file::{self, read_bounded};
use crate::render::{MAX_CALL_BYTES, Recording};

/// A table larger than this is refused: hours of faces.
const MAX_TABLE_BYTES: usize = 256 << 20;

/// Faces in order of time, and whose they are.
#[derive(Debug)]
pub(super) struct Performance {
    pub(super) frames: Vec<FaceFrame>,
    pub(super) avatar: Avatar,
}

/// Reads a call or, by its extension, a table.
pub(super) fn read(path: &Path, avatar: Option<&Path>, sender: Option<&str>) -> Result<Performance> {
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv")) {
        let Some(avatar) = avatar else {
            bail!("{}: a table names no avatar; say with --avatar FILE which one to draw", path.display());
        };
        let bytes = read_bounded(path, MAX_TABLE_BYTES)?;
        let text = std::str::from_utf8(&bytes).with_context(|| format!("{}: not UTF-8", path.display()))?;
        let frames = table(text).with_context(|| format!("{}: not a usable table", path.display()))?;
        return Ok(Performance { frames, avatar: avatar_file::read(avatar)?.avatar });
    }
    let bytes = read_bounded(path, MAX_CALL_BYTES)?;
    let reader = CallReader::new(&bytes).with_context(|| format!("{}: not a usable call", path.display()))?;
    let recording = Recording::open(&reader, path, sender, avatar)?;
    Ok(Performance { frames: recording.timeline.frames().to_vec(), avatar: recording.avatar })
}

/// The rows of a table with a header: `seconds`, and face units by their names. Other columns are left alone.
fn table(text: &str) -> Result<Vec<FaceFrame>> {
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap_or("").split(',').map(str::trim).collect();
    let seconds = header.iter().position(|&name| name == "seconds").context("line 1: no column `seconds`")?;
    let units: Vec<Option<FaceUnit>> = header.iter().map(|name| FaceUnit::from_name(name)).collect();
    ensure!(units.iter().any(Option::is_some), "line 1: no column is named after a face unit, as jawOpen");
    let mut frames = Vec::new();
    for (index, line) in lines.enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let at = |name: &str| format!("line {}: {name}", index + 2);
        let cells: Vec<&str> = line.split(',').map(str::trim).collect();
        ensure!(
            cells.len() == header.len(),
            "{}",
            at(&format!("{} cells, the header has {}", cells.len(), header.len()))
        );
        let mut frame = FaceFrame::default();
        for (column, cell) in cells.iter().enumerate() {
            if column != seconds && units[column].is_none() {
                continue;
            }
            let number = cell.parse::<f64>().ok().filter(|number| number.is_finite());
            let number = number.with_context(|| {
                at(&format!("{}: `{}` is no number", header[column], cell.escape_debug()))
            })?;
            match units[column] {
                Some(unit) => *frame.latent.unit_mut(unit) = number as f32,
                None => frame.time = Timestamp::from_seconds(number),
            }
        }
        frames.push(frame);
    }
    frames.sort_by_key(|frame| frame.time);
    Ok(frames)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_read_by_its_header() {
        let frames = table("jawOpen,note,seconds\n0.5,hello,1\n0.25,there,0.5\n").unwrap();
        assert_eq!(frames.len(), 2);
        assert_eq!(frames[0].time, Timestamp(500_000_000));
        assert_eq!(frames[0].latent.unit(FaceUnit::JawOpen), 0.25);
        for (text, wrong) in [
            ("jawOpen\n1", "seconds"),
            ("seconds,jaw\n1,2", "face unit"),
            ("seconds,jawOpen\n1", "line 2"),
            ("seconds,jawOpen\n1,0\n2,nan", "line 3: jawOpen"),
            ("", "seconds"),
        ] {
            let error = format!("{:#}", table(text).unwrap_err());
            assert!(error.contains(wrong), "{text:?}: {error}");
        }
    }
}
