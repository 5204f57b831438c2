//! Packets to frames.

use crate::latent::FaceFrame;

use super::coder::{Decoder, NotACode, Signs};
use super::magnitude::MagnitudeModel;
use super::predict::{
    History, MAX_INTERVAL, NOMINAL_INTERVAL, Prediction, first_interval_model, predict_intra,
};
use super::quantiser::{AxisQuantiser, MAX_AXES, Quantiser};
use super::{BITSTREAM_VERSION, MAX_PACKET_BYTES, PacketHeader, PacketKind, Sequence, check_byte};

/// Decodes one sender's packets.
pub struct LatentReader {
    quantiser: Quantiser,
    /// The last packet that was read, and the past after it; `None` until an intra packet was.
    last: Option<(Sequence, History)>,
}

/// Why a packet can't be read. The reader stays as it was: a later packet may still be readable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadPacketError {
    /// Not even a header.
    #[error("a latent packet of {bytes} bytes has no room for its header")]
    TooShort {
        /// Its length.
        bytes: usize,
    },
    /// Longer than any writer's.
    #[error("a latent packet of {bytes} bytes is longer than the {MAX_PACKET_BYTES} that one can have")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// Another version of the bitstream.
    #[error(
        "the latent packet is of bitstream version {version}; this reader knows version {BITSTREAM_VERSION}"
    )]
    Version {
        /// Its version.
        version: u8,
    },
    /// A predicted packet, and the one before it wasn't read: wait for, or ask for, an intra packet.
    #[error("latent packet {} needs packet {}, which was not read; the next intra packet will do", .sequence.number(), .sequence.previous().number())]
    MissingReference {
        /// The packet's.
        sequence: Sequence,
        /// The last packet that was read.
        last: Option<Sequence>,
    },
    /// The entropy-coded part stands for no number where one of this axis (`[u | g | r | head]`) should be.
    #[error("latent packet {}: no valid level for axis {axis}", .sequence.number())]
    Axis {
        /// The packet's.
        sequence: Sequence,
        /// Which axis.
        axis: usize,
    },
    /// The entropy-coded part holds no valid time or interval.
    #[error("latent packet {}: no valid time", .sequence.number())]
    Time {
        /// The packet's.
        sequence: Sequence,
    },
    /// What was decoded isn't what was coded: the packet was damaged or cut, or it belongs to another stream or avatar.
    #[error("latent packet {}: its check byte does not match what it holds", .sequence.number())]
    Check {
        /// The packet's.
        sequence: Sequence,
    },
    /// There are bytes that decoding doesn't need.
    #[error("latent packet {}: bytes are left over at its end", .sequence.number())]
    TrailingBytes {
        /// The packet's.
        sequence: Sequence,
    },
}

impl LatentReader {
    /// A reader that waits for an intra packet.
    pub fn new(quantiser: Quantiser) -> Self {
        Self { quantiser, last: None }
    }

    /// The quantiser it was made with.
    pub fn quantiser(&self) -> &Quantiser {
        &self.quantiser
    }

    /// Decodes a packet. Every number of the frame is finite and within the avatar's range.
    pub fn read(&mut self, packet: &[u8]) -> Result<FaceFrame, ReadPacketError> {
        let (header, body) = PacketHeader::split(packet)?;
        let PacketHeader { kind, sequence } = header;
        let mut decoder = Decoder::new(body);
        let bad_time = |_| ReadPacketError::Time { sequence };
        let mut levels = [0; MAX_AXES];
        let history = match kind {
            PacketKind::Intra => {
                let time = decoder.time().map_err(bad_time)?;
                let interval = read_interval(&mut decoder, NOMINAL_INTERVAL, first_interval_model())
                    .map_err(bad_time)?;
                for (axis, limits) in self.quantiser.axis_quantisers().iter().enumerate() {
                    levels[axis] = read_axis(&mut decoder, limits, &predict_intra(limits, &levels))
                        .map_err(|_| ReadPacketError::Axis { sequence, axis })?;
                }
                History::after_intra(&self.quantiser, time, interval, &levels)
            }
            PacketKind::Predicted => {
                let mut history = match &self.last {
                    Some((last, history)) if last.next() == sequence => history.clone(),
                    last => {
                        let last = last.as_ref().map(|(last, _)| *last);
                        return Err(ReadPacketError::MissingReference { sequence, last });
                    }
                };
                let interval = read_interval(&mut decoder, history.interval, history.interval_model())
                    .map_err(bad_time)?;
                for (axis, limits) in self.quantiser.axis_quantisers().iter().enumerate() {
                    levels[axis] = read_axis(&mut decoder, limits, &history.predict(axis, limits, &levels))
                        .map_err(|_| ReadPacketError::Axis { sequence, axis })?;
                }
                history.push_interval(interval);
                history.push_levels(&self.quantiser, &levels);
                history
            }
        };
        let check = decoder.byte().map_err(|NotACode| ReadPacketError::Check { sequence })?;
        if check != check_byte(header, history.time, &levels[..self.quantiser.axes()]) {
            return Err(ReadPacketError::Check { sequence });
        }
        if !decoder.finish() {
            return Err(ReadPacketError::TrailingBytes { sequence });
        }
        let frame = self.quantiser.frame(history.time, &levels);
        self.last = Some((sequence, history));
        Ok(frame)
    }
}

fn read_interval(decoder: &mut Decoder<'_>, expected: u64, model: &MagnitudeModel) -> Result<u64, NotACode> {
    let error = decoder.signed(model, Signs::Both)?;
    let interval = expected.checked_add_signed(error.into()).ok_or(NotACode)?;
    if (1..=MAX_INTERVAL).contains(&interval) { Ok(interval) } else { Err(NotACode) }
}

fn read_axis(
    decoder: &mut Decoder<'_>,
    limits: &AxisQuantiser,
    prediction: &Prediction,
) -> Result<i32, NotACode> {
    let Some(signs) = limits.open_signs(prediction.level) else {
        return Ok(prediction.level);
    };
    let error = decoder.signed(prediction.model, signs)?;
    let level = prediction.level.checked_add(error).ok_or(NotACode)?;
    if (limits.lowest..=limits.highest).contains(&level) { Ok(level) } else { Err(NotACode) }
}
