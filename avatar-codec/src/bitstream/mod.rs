//! The latent bitstream: [`FaceFrame`]s as packets of a few bytes.
//!
//! A [`Quantiser`], made from the avatar's statistics, turns a frame into whole steps on 62 + k axes; how coarse they are is
//! said by a [`Rung`], which may change at any frame. A [`LatentWriter`] codes the frames, a [`LatentReader`] undoes that.
//! There are two [`Form`]s of one bitstream:
//! - **stream**, for recordings: each frame is predicted from all since the last *intra* frame, and the probabilities adapt.
//!   A packet needs the one before it; a reader can start at any intra packet.
//! - **packet**, for calls: a packet leans on nothing but the last intra frame, which is half a second old at most, and holds
//!   the last few frames again, so that losses cost no round trip. Right after an intra frame the packets hold it, too.
//!
//! Nothing here reads a clock or does I/O. After the first packets neither side allocates. The format is written down
//! in `avatar-codec/BITSTREAM.md`.
//!
//! ```
//! use visavis_codec::bitstream::{LatentReader, LatentWriter, Quantiser, WriterOptions, plain_latent_model};
//! use visavis_codec::FaceFrame;
//!
//! let quantiser = Quantiser::new(&plain_latent_model(0))?;
//! let mut writer = LatentWriter::new(quantiser.clone(), WriterOptions::packet());
//! let mut reader = LatentReader::new(quantiser);
//! let mut packet = Vec::new();
//! writer.write(&FaceFrame::default(), &mut packet)?;
//! let frames = reader.read(&packet)?;
//! assert_eq!(frames[0].face, FaceFrame::default());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`FaceFrame`]: crate::FaceFrame

mod axes;
mod coder;
mod contexts;
mod history;
mod quantiser;
mod reader;
mod reference;
mod sensitivity;
mod time;
mod writer;

pub use quantiser::{HEAD_AXES, MAX_AXES, Quantiser, QuantiserError, Rung, latent_step, plain_latent_model};
pub use reader::{LatentReader, ReadFrame, ReadPacketError};
pub use sensitivity::{PICTURE_STEP, SENSITIVITY_FACES, fit_steps};
pub use writer::{LatentWriter, WritePacketError, WriterOptions};

/// The version of the bitstream that this crate writes and reads.
pub const BITSTREAM_VERSION: u8 = 2;
/// No packet is longer.
pub const MAX_PACKET_BYTES: usize = 1000;
/// The most frames that a packet holds again, beside its newest and the intra frame.
pub const MAX_REPEATS: u8 = 7;

/// In the first byte: the packet holds an intra frame.
const INTRA_BIT: u8 = 0x80;
/// In the first byte of such a packet: it is of the packet form.
const PACKET_FORM_BIT: u8 = 0x40;
/// The frames of the packet form after an intra frame have the numbers 1 to 31.
const MAX_FRAMES_AFTER_INTRA: u8 = 31;
/// How many frames a packet of one byte stands for, at the most.
const STILL_FRAMES: u8 = 4;

/// Which of the bitstream's two forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// For recordings.
    Stream,
    /// For calls.
    Packet,
}

/// What a packet needs to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketKind {
    /// Nothing: it holds an intra frame, and a reader can start here.
    Intra {
        /// Of which form it and those that follow it are.
        form: Form,
        /// The intra frame's rung.
        rung: Rung,
    },
    /// The packet before it (stream form) or the last intra frame (packet form).
    Predicted,
}

/// What a packet says of itself before it is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketHeader {
    /// What it needs.
    pub kind: PacketKind,
    /// Seven bits. Stream form: the packet's place in the stream, 127 is followed by 0. Packet form: the intra frame's
    /// place (two bits), and how many frames after it the newest frame of this packet comes (five bits).
    pub number: u8,
}

impl PacketHeader {
    /// Reads a packet's header and no more.
    ///
    /// # Errors
    /// If the packet has no room for a header, is too long, or is of another version.
    pub fn read(packet: &[u8]) -> Result<Self, ReadPacketError> {
        Ok(Self::split(packet)?.0)
    }

    /// Whether a reader can start here.
    pub const fn is_intra(&self) -> bool {
        matches!(self.kind, PacketKind::Intra { .. })
    }

    /// Packet form: the intra frame's place, and the newest frame's number after it.
    const fn place(self) -> (u8, u8) {
        (self.number >> 5, self.number & MAX_FRAMES_AFTER_INTRA)
    }

    const fn of_place(kind: PacketKind, intra: u8, number: u8) -> Self {
        Self { kind, number: (intra & 3) << 5 | number }
    }

    fn write(self, packet: &mut Vec<u8>) {
        if let PacketKind::Intra { form, rung } = self.kind {
            let form = if form == Form::Packet { PACKET_FORM_BIT } else { 0 };
            packet.push(INTRA_BIT | form | BITSTREAM_VERSION << 3 | rung.number());
        }
        packet.push(self.number);
    }

    /// The header and what follows it.
    fn split(packet: &[u8]) -> Result<(Self, &[u8]), ReadPacketError> {
        let too_short = ReadPacketError::TooShort { bytes: packet.len() };
        if packet.len() > MAX_PACKET_BYTES {
            return Err(ReadPacketError::TooLong { bytes: packet.len() });
        }
        let (&first, rest) = packet.split_first().ok_or(too_short)?;
        if first & INTRA_BIT == 0 {
            return Ok((Self { kind: PacketKind::Predicted, number: first }, rest));
        }
        let version = first >> 3 & 7;
        if version != BITSTREAM_VERSION {
            return Err(ReadPacketError::Version { version });
        }
        let (&number, code) = rest.split_first().ok_or(too_short)?;
        let rung = Rung::new(first & 7).ok_or(ReadPacketError::Header { byte: first })?;
        if number & INTRA_BIT != 0 {
            return Err(ReadPacketError::Header { byte: number });
        }
        let form = if first & PACKET_FORM_BIT != 0 { Form::Packet } else { Form::Stream };
        Ok((Self { kind: PacketKind::Intra { form, rung }, number }, code))
    }
}

/// A hash over what a packet means, of which it carries some bits: tells a reader that what it decoded is what was coded,
/// whether the packet was damaged or the reader's intra frame was another. FNV-1a over 32-bit words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Check(u32);

impl Check {
    const EMPTY: Self = Self(0x811c_9dc5);

    fn with(self, words: impl IntoIterator<Item = u32>) -> Self {
        Self(words.into_iter().fold(self.0, |hash, word| (hash ^ word).wrapping_mul(0x0100_0193)))
    }

    /// With a frame: its time in nanoseconds, and its axes.
    fn with_frame(self, time: u64, grains: &[i32]) -> Self {
        self.with([time as u32, (time >> 32) as u32]).with(grains.iter().map(|&grain| grain as u32))
    }

    /// What is coded of it.
    fn bits(self, count: u32) -> u32 {
        self.0 >> (32 - count)
    }
}

/// Bits of the check in packets with an intra frame, and in others.
const INTRA_CHECK_BITS: u32 = 8;
const CHECK_BITS: u32 = 4;
