//! What is said and shown in the measured calls: a recorded performance with its voice.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use visavis_codec::bitstream::Quantiser;
use visavis_codec::drive::performance::read_csv;
use visavis_codec::{Avatar, FaceFrame};
use visavis_net::voice::{Resampler, VOICE_RATE};

use crate::avatar_file;

/// A performance for an avatar. Shared by all talkers.
pub(super) struct Material {
    pub(super) avatar: Avatar,
    /// The file, as it is sent.
    pub(super) avatar_bytes: Arc<[u8]>,
    pub(super) quantiser: Quantiser,
    /// Frames, at 30 a second, the first at 0 s.
    pub(super) frames: Vec<FaceFrame>,
    /// Samples at [`VOICE_RATE`], mono.
    pub(super) voice: Vec<f32>,
}

impl Material {
    /// Reads an avatar, a table of signals, and the WAV file beside it.
    pub(super) fn read(avatar: &Path, performance: &Path) -> Result<Self> {
        let bytes = avatar_file::read_bounded(avatar, visavis_codec::avatar::MAX_FILE_BYTES)?;
        let file = avatar_file::read(avatar)?;
        let quantiser = Quantiser::new(&file.avatar.manifest.latent)
            .with_context(|| format!("{}: its latent model", avatar.display()))?;
        let text = avatar_file::read_bounded(performance, 64 << 20)?;
        let table = read_csv(&text)
            .with_context(|| format!("{}: not a table of face signals", performance.display()))?;
        let frames: Vec<FaceFrame> = table.frames().collect();
        ensure!(frames.len() > 1, "{}: has no two frames", performance.display());
        let sound = performance.with_extension("wav");
        let voice = wav(&avatar_file::read_bounded(&sound, 256 << 20)?)
            .with_context(|| format!("{}: its voice", sound.display()))?;
        Ok(Self { avatar: file.avatar, avatar_bytes: bytes.into(), quantiser, frames, voice })
    }

    /// The frame that is performed at this time, seconds; the performance goes on and on.
    pub(super) fn frame(&self, seconds: f64) -> FaceFrame {
        let at = (seconds * 30.0).round() as usize % self.frames.len();
        self.frames[at]
    }
}

/// Samples of a PCM file of 16 bits, one channel, at [`VOICE_RATE`].
fn wav(bytes: &[u8]) -> Result<Vec<f32>> {
    ensure!(bytes.len() > 12 && bytes.starts_with(b"RIFF") && &bytes[8..12] == b"WAVE", "not a WAV file");
    let (mut rest, mut rate) = (&bytes[12..], None);
    while let Some((header, after)) = rest.split_at_checked(8) {
        let length = u32::from_le_bytes([header[4], header[5], header[6], header[7]]) as usize;
        let chunk = &after[..length.min(after.len())];
        match &header[..4] {
            b"fmt " => {
                ensure!(chunk.len() >= 16, "its format is cut off");
                let word = |at: usize| u16::from_le_bytes([chunk[at], chunk[at + 1]]);
                ensure!(
                    (word(0), word(2), word(14)) == (1, 1, 16),
                    "only PCM of 16 bits and one channel is read here"
                );
                rate = Some(u32::from(word(4)) | u32::from(word(6)) << 16);
            }
            b"data" => {
                let rate = rate.context("there are samples before their format")?;
                let samples: Vec<f32> = chunk
                    .chunks_exact(2)
                    .map(|pair| f32::from(i16::from_le_bytes([pair[0], pair[1]])) / 32768.0)
                    .collect();
                let mut out = Vec::new();
                Resampler::new(rate, VOICE_RATE).push(&samples, &mut out);
                return Ok(out);
            }
            _ => {}
        }
        rest = after.get(length + length % 2..).unwrap_or_default();
    }
    anyhow::bail!("it has no samples")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_voice_is_read_at_the_rate_of_calls() {
        let mut file = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
        file.extend(16_000u32.to_le_bytes());
        file.extend(32_000u32.to_le_bytes());
        file.extend(*b"\x02\0\x10\0LIST\x03\0\0\0abc\0data");
        file.extend(32_000u32.to_le_bytes());
        file.extend((0..16_000i32).flat_map(|i| ((i % 100 * 300) as i16).to_le_bytes()));
        let voice = wav(&file).unwrap();
        assert!(voice.len().abs_diff(48_000) < 200, "{}", voice.len());
        // From here on only samples are missing.
        for length in 0..56 {
            assert!(wav(&file[..length]).is_err(), "cut off after {length} bytes");
        }
    }
}
