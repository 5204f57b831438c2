//! Opus packets to samples, and what stands for those that don't come.

use opus::Channels;

use super::{VOICE_RATE, VoiceError};

/// The longest packet: 120 ms.
const MAX_SAMPLES: usize = 5760;
/// Opus conceals and recovers in steps of 2.5 ms.
const STEP: usize = 120;

/// Decodes one voice: mono, 48 kHz.
#[derive(Debug)]
pub struct VoiceDecoder {
    opus: opus::Decoder,
    samples: Vec<f32>,
}

impl VoiceDecoder {
    /// A decoder that has heard nothing yet.
    pub fn new() -> Result<Self, VoiceError> {
        let opus =
            opus::Decoder::new(VOICE_RATE, Channels::Mono).map_err(VoiceError::of("making a decoder"))?;
        Ok(Self { opus, samples: vec![0.0; MAX_SAMPLES] })
    }

    /// The sound of a packet; valid until the next call.
    pub fn decode(&mut self, packet: &[u8]) -> Result<&[f32], VoiceError> {
        self.run(packet, MAX_SAMPLES, false, "decoding a packet")
    }

    /// The last so many samples before a packet that holds them again (in-band FEC); where it doesn't, they are concealed.
    /// Rounded to 2.5 ms, at least those.
    pub fn recover(&mut self, next: &[u8], samples: usize) -> Result<&[f32], VoiceError> {
        self.run(next, whole_steps(samples), true, "recovering a lost packet")
    }

    /// Samples that stand for a packet that is lost, or for silence that wasn't sent. Rounded to 2.5 ms, at least those.
    pub fn conceal(&mut self, samples: usize) -> Result<&[f32], VoiceError> {
        self.run(&[], whole_steps(samples), false, "concealing a lost packet")
    }

    fn run(
        &mut self,
        packet: &[u8],
        samples: usize,
        fec: bool,
        doing: &'static str,
    ) -> Result<&[f32], VoiceError> {
        let room = self.samples.get_mut(..samples).unwrap_or_default();
        let count = self.opus.decode_float(packet, room, fec).map_err(VoiceError::of(doing))?;
        let decoded = self.samples.get_mut(..count).unwrap_or_default();
        for sample in &mut *decoded {
            // A hostile packet may decode to anything.
            *sample = if sample.is_finite() { sample.clamp(-1.0, 1.0) } else { 0.0 };
        }
        Ok(decoded)
    }
}

fn whole_steps(samples: usize) -> usize {
    ((samples + STEP / 2) / STEP * STEP).clamp(STEP, MAX_SAMPLES)
}
