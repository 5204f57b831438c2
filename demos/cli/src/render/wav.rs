//! Sound as a WAV file, exactly as long as the picture.

use std::io::Write;

use anyhow::{Context as _, Result};

/// 16-bit sound.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pcm {
    /// Samples a second.
    pub(crate) rate: u32,
    /// Interleaved channels.
    pub(crate) channels: u16,
    /// `[time, channel]`.
    pub(crate) samples: Vec<i16>,
}

impl Pcm {
    /// The stretch from `from` seconds (before the sound's start if negative) and so long, with silence where there
    /// is none.
    pub(crate) fn stretch(&self, from: f64, seconds: f64) -> Self {
        let rate = f64::from(self.rate);
        let (start, count) = ((from * rate).round() as i64, (seconds * rate).round().max(0.0) as i64);
        let channels = i64::from(self.channels);
        let samples = (start * channels..(start + count) * channels)
            .map(|i| usize::try_from(i).ok().and_then(|i| self.samples.get(i)).copied().unwrap_or(0))
            .collect();
        Self { samples, ..*self }
    }

    /// Writes RIFF/WAVE.
    pub(crate) fn write(&self, out: &mut impl Write) -> Result<()> {
        let data = u32::try_from(self.samples.len() * 2).context("sound longer than a WAV file can hold")?;
        let frame = u32::from(self.channels) * 2;
        let mut bytes = Vec::with_capacity(44 + self.samples.len() * 2);
        bytes.extend_from_slice(b"RIFF");
        bytes.extend_from_slice(&data.saturating_add(36).to_le_bytes());
        bytes.extend_from_slice(b"WAVEfmt ");
        bytes.extend_from_slice(&16u32.to_le_bytes());
        bytes.extend_from_slice(&1u16.to_le_bytes()); // integer samples
        bytes.extend_from_slice(&self.channels.to_le_bytes());
        bytes.extend_from_slice(&self.rate.to_le_bytes());
        bytes.extend_from_slice(&(self.rate * frame).to_le_bytes());
        bytes.extend_from_slice(&(frame as u16).to_le_bytes());
        bytes.extend_from_slice(&16u16.to_le_bytes());
        bytes.extend_from_slice(b"data");
        bytes.extend_from_slice(&data.to_le_bytes());
        bytes.extend(self.samples.iter().flat_map(|s| s.to_le_bytes()));
        out.write_all(&bytes).context("writing the sound")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_is_padded_with_silence_on_both_sides() {
        let pcm = Pcm { rate: 10, channels: 2, samples: vec![1, 2, 3, 4, 5, 6] };
        assert_eq!(pcm.stretch(-0.1, 0.5).samples, [0, 0, 1, 2, 3, 4, 5, 6, 0, 0]);
        assert_eq!(pcm.stretch(0.1, 0.1).samples, [3, 4]);
        assert!(pcm.stretch(9.0, 0.0).samples.is_empty());
    }

    #[test]
    fn the_header_says_what_follows() {
        let pcm = Pcm { rate: 48_000, channels: 1, samples: vec![7; 100] };
        let mut bytes = Vec::new();
        pcm.write(&mut bytes).unwrap();
        assert_eq!(bytes.len(), 244);
        assert_eq!(&bytes[..4], b"RIFF");
        assert_eq!(bytes[4..8], 236u32.to_le_bytes());
        assert_eq!(bytes[24..28], 48_000u32.to_le_bytes());
        assert_eq!(bytes[28..32], 96_000u32.to_le_bytes());
        assert_eq!(bytes[40..44], 200u32.to_le_bytes());
    }
}
