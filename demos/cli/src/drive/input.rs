//! What a driver is fed from: a file, told by what is in it, or an address to listen at.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context as _, Result, bail};
use visavis_codec::drive::{Recording, live_link, performance};

use crate::avatar_file::read_bounded;

/// Hours of a phone's recording; a larger file is something else.
const MAX_BYTES: usize = 512 << 20;

/// Where signals come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    File(PathBuf),
    Live { kind: Kind, address: String },
}

/// Who made them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    LiveLink,
    Vmc,
    Signals,
    Capture,
}

impl Kind {
    /// Its name in reports.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::LiveLink => "live_link_face",
            Self::Vmc => "vmc",
            Self::Signals => "signals",
            Self::Capture => "capture",
        }
    }
}

impl FromStr for Input {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((scheme, address)) = text.split_once("://") else { return Ok(Self::File(text.into())) };
        let kind = match scheme {
            "udp" => Kind::LiveLink,
            "osc" => Kind::Vmc,
            _ => return Err(format!("`{scheme}://` is none of udp:// (Live Link Face) and osc:// (VMC)")),
        };
        let port = address.rsplit_once(':').map_or(address, |(_, port)| port);
        let host = address.rsplit_once(':').map_or("", |(host, _)| host);
        if port.parse::<u16>().is_err() {
            return Err(format!(
                "`{text}`: no port, as {scheme}://:{}",
                if kind == Kind::Vmc { 39539 } else { 11111 }
            ));
        }
        let host = if host.is_empty() { "0.0.0.0" } else { host };
        Ok(Self::Live { kind, address: format!("{host}:{port}") })
    }
}

/// Reads a file of signals.
pub(crate) fn read(path: &Path) -> Result<(Kind, Recording)> {
    let bytes = read_bounded(path, MAX_BYTES)?;
    if bytes.starts_with(b"\x89MCAP") {
        bail!("{}: is a recorded call already; `visavis render` shows it", path.display());
    }
    let header = bytes.split(|&byte| byte == b'\n').next().unwrap_or_default().to_ascii_lowercase();
    let has = |word: &str| header.windows(word.len()).any(|part| part == word.as_bytes());
    let (kind, what, recording) = if has("seconds") && !has("timecode") {
        (Kind::Signals, "table of signals", performance::read_csv(&bytes))
    } else {
        (Kind::LiveLink, "recording of Live Link Face", live_link::read_csv(&bytes))
    };
    let recording = recording.with_context(|| format!("{}: not a usable {what}", path.display()))?;
    Ok((kind, recording))
}
