//! Samples to Opus packets.

use opus::{Application, Bitrate, Channels, Signal};
use visavis_codec::Timestamp;

use super::packet::{MAX_VOICE_BYTES, VoicePacket};
use super::{VOICE_RATE, VoiceError};

/// The part by which the capture clock follows each block of samples: what a sound card says of its blocks' times wavers by
/// milliseconds, what it does with the samples doesn't.
const CLOCK_GAIN: f64 = 0.02;
/// Samples that are so far from where they should be, nanoseconds, begin anew: some were lost, or the clock was set.
const CLOCK_JUMP: f64 = 60e6;
/// Ranges of what may be set.
const BITRATES: std::ops::RangeInclusive<u32> = 6_000..=64_000;
/// Effort of the encoder, 0..=10: at 5 a voice takes about a hundredth of a core, and more is hardly to be heard.
const COMPLEXITY: i32 = 5;

/// How much sound a packet holds. Longer ones cost fewer headers, and come later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum VoiceFrame {
    /// 20 ms.
    #[default]
    Ms20,
    /// 40 ms.
    Ms40,
    /// 60 ms.
    Ms60,
}

impl VoiceFrame {
    /// Its length, milliseconds.
    pub const fn milliseconds(self) -> u32 {
        match self {
            Self::Ms20 => 20,
            Self::Ms40 => 40,
            Self::Ms60 => 60,
        }
    }

    /// The longest frame that isn't longer than this; 20 ms at least.
    pub const fn of_milliseconds(milliseconds: u32) -> Self {
        match milliseconds {
            0..40 => Self::Ms20,
            40..60 => Self::Ms40,
            _ => Self::Ms60,
        }
    }

    const fn samples(self) -> usize {
        (self.milliseconds() * VOICE_RATE / 1000) as usize
    }
}

/// How a voice is coded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VoiceOptions {
    /// Bits a second, without headers; kept within 6,000..=64,000. Default: 24,000, the whole range of a voice.
    pub bitrate: u32,
    /// Sound in a packet. Default: 20 ms.
    pub frame: VoiceFrame,
    /// The share of packets that get lost, 0..=1, which says how much is spent on repeating each frame coarsely in the next
    /// packet (in-band FEC). Default: 0.05.
    pub expected_loss: f32,
    /// Whether silence costs nothing: a packet in 400 ms instead of one a frame. Default: true.
    pub dtx: bool,
}

impl Default for VoiceOptions {
    fn default() -> Self {
        Self { bitrate: 24_000, frame: VoiceFrame::Ms20, expected_loss: 0.05, dtx: true }
    }
}

/// What an encoder has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VoiceEncoderStatistics {
    /// Packets that were sent, and their bytes with our header.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Frames that were not sent, since nobody spoke.
    pub silent: u64,
    /// How often samples were missing, or the clock jumped.
    pub restarts: u64,
}

/// A payload of a voice and when its first sample was captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedVoice {
    /// What is sent.
    pub payload: Vec<u8>,
    /// On the sender's clock.
    pub capture: Timestamp,
}

/// Codes one voice: mono, 48 kHz.
///
/// In-band FEC is always on: how much it takes is decided by the expected loss.
#[derive(Debug)]
pub struct VoiceEncoder {
    opus: opus::Encoder,
    options: VoiceOptions,
    /// What the coder holds back, nanoseconds: decoded samples are so much older than those that went in.
    lookahead: u64,
    pending: Vec<f32>,
    /// When the first pending sample was captured, nanoseconds.
    capture: Option<f64>,
    sequence: u8,
    is_silent: bool,
    code: Vec<u8>,
    statistics: VoiceEncoderStatistics,
}

impl VoiceEncoder {
    /// An encoder that has heard nothing yet.
    pub fn new(options: VoiceOptions) -> Result<Self, VoiceError> {
        let mut opus = opus::Encoder::new(VOICE_RATE, Channels::Mono, Application::Voip)
            .map_err(VoiceError::of("making an encoder"))?;
        let doing = "setting up an encoder";
        opus.set_inband_fec(true).map_err(VoiceError::of(doing))?;
        opus.set_signal(Signal::Voice).map_err(VoiceError::of(doing))?;
        opus.set_complexity(COMPLEXITY).map_err(VoiceError::of(doing))?;
        let lookahead = opus.get_lookahead().map_err(VoiceError::of(doing))?.max(0).unsigned_abs();
        let mut encoder = Self {
            opus,
            options,
            lookahead: u64::from(lookahead) * 1_000_000_000 / u64::from(VOICE_RATE),
            pending: Vec::with_capacity(2 * VoiceFrame::Ms60.samples()),
            capture: None,
            sequence: 0,
            is_silent: false,
            code: vec![0; MAX_VOICE_BYTES - 1],
            statistics: VoiceEncoderStatistics::default(),
        };
        encoder.set_bitrate(options.bitrate)?;
        encoder.set_expected_loss(options.expected_loss)?;
        encoder.set_dtx(options.dtx)?;
        Ok(encoder)
    }

    /// How it is set.
    pub const fn options(&self) -> &VoiceOptions {
        &self.options
    }

    /// What it has done.
    pub const fn statistics(&self) -> VoiceEncoderStatistics {
        self.statistics
    }

    /// Bits a second from the next packet on, without headers; kept within 6,000..=64,000.
    pub fn set_bitrate(&mut self, bitrate: u32) -> Result<(), VoiceError> {
        self.options.bitrate = bitrate.clamp(*BITRATES.start(), *BITRATES.end());
        let bits = Bitrate::Bits(self.options.bitrate.cast_signed());
        self.opus.set_bitrate(bits).map_err(VoiceError::of("setting the bit rate"))
    }

    /// Sound in a packet from the next one on.
    pub const fn set_frame(&mut self, frame: VoiceFrame) {
        self.options.frame = frame;
    }

    /// The share of packets that get lost, 0..=1.
    pub fn set_expected_loss(&mut self, share: f32) -> Result<(), VoiceError> {
        self.options.expected_loss = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
        let percent = (100.0 * self.options.expected_loss).ceil() as i32;
        self.opus.set_packet_loss_perc(percent).map_err(VoiceError::of("setting the expected loss"))
    }

    /// Whether silence costs nothing.
    pub fn set_dtx(&mut self, dtx: bool) -> Result<(), VoiceError> {
        self.options.dtx = dtx;
        self.opus.set_dtx(dtx).map_err(VoiceError::of("setting DTX"))
    }

    /// Takes samples, −1..=1, at 48 kHz, the first captured at this time on the sender's clock, and appends each payload that
    /// is complete.
    ///
    /// Blocks may have any length. Samples go on from those before; their own number is the clock, and what is said of the
    /// blocks' times corrects it slowly, so that a wavering of some milliseconds isn't heard.
    pub fn push(
        &mut self,
        samples: &[f32],
        capture: Timestamp,
        out: &mut Vec<EncodedVoice>,
    ) -> Result<(), VoiceError> {
        let nanoseconds = 1e9 / f64::from(VOICE_RATE);
        let said = capture.0 as f64 - self.pending.len() as f64 * nanoseconds;
        self.capture = Some(match self.capture {
            Some(own) if (said - own).abs() <= CLOCK_JUMP => own + CLOCK_GAIN * (said - own),
            known => {
                self.statistics.restarts += u64::from(known.is_some());
                self.pending.clear();
                capture.0 as f64
            }
        });
        let finite = |&sample: &f32| if sample.is_finite() { sample.clamp(-1.0, 1.0) } else { 0.0 };
        self.pending.extend(samples.iter().map(finite));
        loop {
            let count = self.options.frame.samples();
            let Some(frame) = self.pending.get(..count) else { return Ok(()) };
            let bytes =
                self.opus.encode_float(frame, &mut self.code).map_err(VoiceError::of("coding a frame"))?;
            self.pending.drain(..count);
            let own = self.capture.unwrap_or_default();
            self.capture = Some(own + count as f64 * nanoseconds);
            let capture = Timestamp((own as u64).saturating_sub(self.lookahead));
            let was_silent = std::mem::replace(&mut self.is_silent, bytes <= 2);
            if self.is_silent && was_silent {
                self.statistics.silent += 1;
                continue;
            }
            let opus = self.code.get(..bytes).unwrap_or_default();
            let mut payload = Vec::with_capacity(bytes + 1);
            VoicePacket { sequence: self.sequence, opus }.write(&mut payload);
            self.sequence = (self.sequence + 1) % 64;
            self.statistics.packets += 1;
            self.statistics.bytes += payload.len() as u64;
            out.push(EncodedVoice { payload, capture });
        }
    }
}
