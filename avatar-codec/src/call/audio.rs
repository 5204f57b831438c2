//! How sound is stored in a recorded call: blocks of PCM.

use std::collections::BTreeMap;
use std::ops::Range;

const RATES: Range<u32> = 8_000..48_001;
const RATE_KEY: &str = "audio_sample_rate";
const CODEC_KEY: &str = "audio_codec";
const CHANNELS_KEY: &str = "audio_channels";

/// How a sender's sound is stored: signed 16-bit little-endian PCM, one channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioFormat {
    /// Samples a second, 8,000..=48,000; default 48,000.
    pub sample_rate: u32,
}

impl Default for AudioFormat {
    fn default() -> Self {
        Self { sample_rate: 48_000 }
    }
}

impl AudioFormat {
    /// The longest block, in seconds.
    pub const MAX_BLOCK_SECONDS: f64 = 0.12;

    /// The most samples of a block: 120 ms.
    pub const fn max_block(self) -> usize {
        (self.sample_rate as usize * 12) / 100
    }

    pub(super) fn is_valid(self) -> bool {
        RATES.contains(&self.sample_rate)
    }

    pub(super) fn to_metadata(self) -> BTreeMap<String, String> {
        BTreeMap::from([
            (CODEC_KEY.to_owned(), "pcm-s16le".to_owned()),
            (CHANNELS_KEY.to_owned(), "1".to_owned()),
            (RATE_KEY.to_owned(), self.sample_rate.to_string()),
        ])
    }

    pub(super) fn from_metadata(metadata: &BTreeMap<String, String>) -> Result<Self, (&'static str, String)> {
        let field = |key: &'static str| metadata.get(key).ok_or((key, "missing".to_owned()));
        for (key, known) in [(CODEC_KEY, "pcm-s16le"), (CHANNELS_KEY, "1")] {
            let found = field(key)?;
            if found != known {
                return Err((key, format!("`{}` is not known, only `{known}`", shortened(found))));
            }
        }
        let sample_rate = field(RATE_KEY)?.parse().ok().filter(|rate| RATES.contains(rate));
        let sample_rate = sample_rate.ok_or((RATE_KEY, "not a rate of 8000 to 48000".to_owned()))?;
        Ok(Self { sample_rate })
    }
}

/// The beginning of a text from a file, escaped, for messages.
pub(super) fn shortened(text: &str) -> String {
    text.chars().take(40).flat_map(char::escape_debug).collect()
}
