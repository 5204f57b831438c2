//! The latent bitstream: [`FaceFrame`]s as packets of tens of bytes.
//!
//! A [`Quantiser`], made from the avatar's statistics, turns a frame into whole steps on 62 + k axes. The
//! [`LatentWriter`] predicts each axis from the frames before it and codes the error with a range coder; the
//! [`LatentReader`] undoes that. Prediction works on the quantised numbers alone, so nothing drifts. *Intra* packets
//! stand for themselves and come at a regular interval, so that a reader can start at any of them; a *predicted* packet
//! needs the packet before it, and a reader that missed that says so and waits.
//!
//! Nothing here reads a clock or does I/O. After the first packets neither side allocates. The format is written down
//! in `avatar-codec/BITSTREAM.md`.
//!
//! ```
//! use visavis_codec::bitstream::{LatentReader, LatentWriter, Quantiser, WriterOptions, plain_latent_model};
//! use visavis_codec::FaceFrame;
//!
//! let quantiser = Quantiser::new(&plain_latent_model(0))?;
//! let mut writer = LatentWriter::new(quantiser.clone(), WriterOptions::default());
//! let mut reader = LatentReader::new(quantiser);
//! let mut packet = Vec::new();
//! writer.write(&FaceFrame::default(), &mut packet)?;
//! let frame = reader.read(&packet)?;
//! assert_eq!(frame, FaceFrame::default());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`FaceFrame`]: crate::FaceFrame

mod coder;
mod magnitude;
mod predict;
mod quantiser;
mod reader;
mod writer;

pub use quantiser::{HEAD_AXES, MAX_AXES, Quantiser, QuantiserError, latent_step, plain_latent_model};
pub use reader::{LatentReader, ReadPacketError};
pub use writer::{LatentWriter, WritePacketError, WriterOptions};

/// The version of the bitstream that this crate writes and reads.
pub const BITSTREAM_VERSION: u8 = 1;
/// No packet is longer.
pub const MAX_PACKET_BYTES: usize = 1000;

/// Bytes before the entropy-coded part of a packet.
const HEADER_BYTES: usize = 2;
/// In the header's first byte.
const INTRA_BIT: u8 = 0x10;

/// What a packet needs to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketKind {
    /// Nothing: a reader can start here.
    Intra,
    /// The packet before it.
    Predicted,
}

/// A packet's place in its stream; 4095 is followed by 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sequence(u16);

impl Sequence {
    /// The first packet's.
    pub const ZERO: Self = Self(0);

    /// The next packet's.
    pub const fn next(self) -> Self {
        Self((self.0 + 1) & 0xfff)
    }

    /// The previous packet's.
    pub const fn previous(self) -> Self {
        Self(self.0.wrapping_sub(1) & 0xfff)
    }

    /// The number, 0..=4095.
    pub const fn number(self) -> u16 {
        self.0
    }
}

/// What a packet says of itself before it is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketHeader {
    /// What it needs.
    pub kind: PacketKind,
    /// Its place in the stream.
    pub sequence: Sequence,
}

impl PacketHeader {
    /// Reads a packet's header and no more.
    pub fn read(packet: &[u8]) -> Result<Self, ReadPacketError> {
        Ok(Self::split(packet)?.0)
    }

    fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let kind = match self.kind {
            PacketKind::Intra => INTRA_BIT,
            PacketKind::Predicted => 0,
        };
        let [high, low] = self.sequence.0.to_be_bytes();
        [BITSTREAM_VERSION << 5 | kind | high, low]
    }

    /// The header and what follows it.
    fn split(packet: &[u8]) -> Result<(Self, &[u8]), ReadPacketError> {
        if packet.len() > MAX_PACKET_BYTES {
            return Err(ReadPacketError::TooLong { bytes: packet.len() });
        }
        let &[first, low, ref body @ ..] = packet else {
            return Err(ReadPacketError::TooShort { bytes: packet.len() });
        };
        let version = first >> 5;
        if version != BITSTREAM_VERSION {
            return Err(ReadPacketError::Version { version });
        }
        let kind = if first & INTRA_BIT != 0 { PacketKind::Intra } else { PacketKind::Predicted };
        Ok((Self { kind, sequence: Sequence(u16::from_be_bytes([first & 0x0f, low])) }, body))
    }
}

/// Eight bits over a packet's header, its frame's time and its levels (the top byte of their 32-bit FNV-1a hash, a
/// 16-bit word at a time): tells a reader that what it decoded is what was coded, whether the packet was damaged or the
/// reader's past was another.
fn check_byte(header: PacketHeader, time: u64, levels: &[i32]) -> u8 {
    let header = u16::from_be_bytes(header.to_bytes());
    let time = [time as u16, (time >> 16) as u16, (time >> 32) as u16, (time >> 48) as u16];
    let words = std::iter::once(header).chain(time).chain(levels.iter().map(|&level| level as u16));
    let hash = words.fold(0x811c_9dc5u32, |hash, word| (hash ^ u32::from(word)).wrapping_mul(0x0100_0193));
    (hash >> 24) as u8
}
