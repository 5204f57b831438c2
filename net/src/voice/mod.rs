//! Voices: Opus packets out of a microphone's samples, and back into sound that comes evenly, in step with the face, from
//! where the head is.
//!
//! ```text
//! microphone ─▶ VoiceEncoder ─▶ payload ─ ─ network ─ ─▶ VoiceBuffer ─▶ Placement ─▶ Mixer ─▶ speakers
//!                                                          ▲   │ heard at
//!                                                 aims at  │   ▼
//!                                                         Lipsync ◀─▶ Playout (the face)
//! ```
//!
//! But for `devices` (feature `audio`) nothing here reads a clock, opens a device or waits: samples, packets and times are
//! passed in. The payload's format and how all of it works are written down in `net/VOICE.md`.
//!
//! ```
//! use visavis_codec::Timestamp;
//! use visavis_net::voice::{VoiceBuffer, VoiceBufferOptions, VoiceEncoder, VoiceOptions};
//!
//! let mut encoder = VoiceEncoder::new(VoiceOptions::default())?;
//! let mut buffer = VoiceBuffer::new(VoiceBufferOptions::default())?;
//! let (mut coded, mut heard, mut loudest) = (Vec::new(), [0.0f32; 480], 0.0f32);
//! for i in 0..100u64 {
//!     let capture = Timestamp(1_000_000_000 + i * 10_000_000);
//!     let tone: Vec<f32> = (0..480).map(|n| 0.3 * ((i * 480 + n) as f32 * 0.03).sin()).collect();
//!     encoder.push(&tone, capture, &mut coded)?;
//!     // 50 ms later there; 10 ms are played at a time, and are heard 5 ms after they are asked for.
//!     let now = Timestamp(capture.0 + 50_000_000);
//!     for voice in coded.drain(..) {
//!         buffer.push(&voice.payload, voice.capture, now)?;
//!     }
//!     buffer.pull(now, Timestamp(now.0 + 5_000_000), &mut heard);
//!     loudest = heard.iter().fold(loudest, |loudest, sample| loudest.max(sample.abs()));
//! }
//! assert!(loudest > 0.2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod arrivals;
mod buffer;
mod decoder;
#[cfg(feature = "audio")]
pub mod devices;
mod encoder;
mod level;
mod lipsync;
mod mixer;
mod options;
mod packet;
mod placement;
mod play;
mod queue;
mod resample;
mod ring;
mod stretch;
mod timeline;

pub use buffer::{Heard, VoiceBuffer, VoiceBufferError, VoicePushed, VoiceStatistics};
pub use decoder::VoiceDecoder;
pub use encoder::{EncodedVoice, VoiceEncoder, VoiceEncoderStatistics, VoiceFrame, VoiceOptions};
pub use level::{Gate, Level, LevelMeter};
pub use lipsync::{Lipsync, SkewStatistics};
pub use mixer::Mixer;
pub use options::{VoiceBufferOptions, VoiceOptionsError};
pub use packet::{MAX_VOICE_BYTES, VoicePacket, VoicePacketError};
pub use placement::{Ears, Listener, Placement};
pub use resample::Resampler;
pub use ring::SampleRing;

/// Samples a second of all voices inside: what Opus decodes to.
pub const VOICE_RATE: u32 = 48_000;

/// Opus failed at something that it should be able to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("opus: {doing}: {problem}")]
pub struct VoiceError {
    /// What was being done.
    pub doing: &'static str,
    /// What the library said.
    pub problem: String,
}

impl VoiceError {
    fn of(doing: &'static str) -> impl FnOnce(opus::Error) -> Self {
        move |error| Self { doing, problem: error.to_string() }
    }
}
