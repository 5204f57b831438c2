//! Frames to packets.

use std::time::Duration;

use crate::latent::{FaceFrame, Timestamp};

use super::coder::{Encoder, Signs};
use super::predict::{
    History, MAX_INTERVAL, NOMINAL_INTERVAL, Prediction, first_interval_model, predict_intra,
};
use super::quantiser::{AxisQuantiser, Levels, Quantiser, ticks};
use super::{PacketHeader, PacketKind, Sequence, check_byte};

/// Codes one sender's frames, in the order of their times.
pub struct LatentWriter {
    quantiser: Quantiser,
    options: WriterOptions,
    sequence: Sequence,
    /// `None` before the first packet.
    history: Option<History>,
    /// The last intra frame's time, in ticks.
    last_intra: u64,
    is_intra_requested: bool,
}

/// How a [`LatentWriter`] works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriterOptions {
    /// An intra packet comes at least this often, so that a reader which starts late or lost a packet waits no longer.
    /// Default 0.5 s; one costs some 40 bytes more than a predicted packet. Zero makes every packet intra.
    pub intra_interval: Duration,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self { intra_interval: Duration::from_millis(500) }
    }
}

/// Why a frame can't be coded. The writer stays as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WritePacketError {
    /// A number is NaN or infinite, or the head's rotation isn't a unit quaternion.
    #[error("the frame at {} s has a number that is not finite, or a rotation that is not a unit quaternion", .0.as_seconds())]
    Invalid(Timestamp),
    /// Times must grow, by a microsecond at least.
    #[error("the frame at {} s is not after the one before it, at {} s", .time.as_seconds(), .last.as_seconds())]
    NotAfter {
        /// This frame's.
        time: Timestamp,
        /// The one before's.
        last: Timestamp,
    },
}

impl LatentWriter {
    /// A writer whose first packet will be intra, number 0.
    pub fn new(quantiser: Quantiser, options: WriterOptions) -> Self {
        Self {
            quantiser,
            options,
            sequence: Sequence::ZERO,
            history: None,
            last_intra: 0,
            is_intra_requested: false,
        }
    }

    /// The quantiser it was made with.
    pub fn quantiser(&self) -> &Quantiser {
        &self.quantiser
    }

    /// Makes the next packet intra, as when a reader asks for one.
    pub fn request_intra(&mut self) {
        self.is_intra_requested = true;
    }

    /// Codes a frame into `packet`, replacing what it held.
    pub fn write(
        &mut self,
        frame: &FaceFrame,
        packet: &mut Vec<u8>,
    ) -> Result<PacketHeader, WritePacketError> {
        let levels = self.quantiser.levels(frame).ok_or(WritePacketError::Invalid(frame.time))?;
        let time = ticks(frame.time);
        let interval = match &self.history {
            None => NOMINAL_INTERVAL,
            Some(history) if time > history.time => time - history.time,
            Some(history) => {
                let last = Timestamp(history.time.saturating_mul(1000));
                return Err(WritePacketError::NotAfter { time: frame.time, last });
            }
        };
        let since_intra = Duration::from_micros(time.saturating_sub(self.last_intra));
        // A frame that comes half an interval before the next intra's time takes its place: intra packets keep their
        // rate whatever the frames'.
        let early = Duration::from_micros(interval.min(MAX_INTERVAL) / 2);
        let is_due = since_intra + early >= self.options.intra_interval;

        packet.clear();
        let predicted_from =
            self.history.as_mut().filter(|_| !is_due && !self.is_intra_requested && interval <= MAX_INTERVAL);
        let kind = if predicted_from.is_some() { PacketKind::Predicted } else { PacketKind::Intra };
        let header = PacketHeader { kind, sequence: self.sequence };
        packet.extend_from_slice(&header.to_bytes());
        match predicted_from {
            Some(history) => write_predicted(&self.quantiser, history, interval, &levels, header, packet),
            None => {
                let interval = interval.min(MAX_INTERVAL);
                self.history = Some(write_intra(&self.quantiser, time, interval, &levels, header, packet));
                self.last_intra = time;
                self.is_intra_requested = false;
            }
        }
        self.sequence = self.sequence.next();
        Ok(header)
    }
}

fn write_predicted(
    quantiser: &Quantiser,
    history: &mut History,
    interval: u64,
    levels: &Levels,
    header: PacketHeader,
    packet: &mut Vec<u8>,
) {
    let mut encoder = Encoder::new(packet);
    encoder.signed(interval_error(interval, history.interval), history.interval_model(), Signs::Both);
    for (axis, limits) in quantiser.axis_quantisers().iter().enumerate() {
        write_axis(&mut encoder, levels[axis], limits, &history.predict(axis, limits, levels));
    }
    history.push_interval(interval);
    history.push_levels(quantiser, levels);
    finish(encoder, quantiser, header, history.time, levels);
}

fn write_intra(
    quantiser: &Quantiser,
    time: u64,
    interval: u64,
    levels: &Levels,
    header: PacketHeader,
    packet: &mut Vec<u8>,
) -> History {
    let history = History::after_intra(quantiser, time, interval, levels);
    let mut encoder = Encoder::new(packet);
    encoder.time(time);
    encoder.signed(interval_error(interval, NOMINAL_INTERVAL), first_interval_model(), Signs::Both);
    for (axis, limits) in quantiser.axis_quantisers().iter().enumerate() {
        write_axis(&mut encoder, levels[axis], limits, &predict_intra(limits, levels));
    }
    finish(encoder, quantiser, header, time, levels);
    history
}

fn finish(mut encoder: Encoder<'_>, quantiser: &Quantiser, header: PacketHeader, time: u64, levels: &Levels) {
    encoder.byte(check_byte(header, time, &levels[..quantiser.axes()]));
    encoder.finish();
}

/// Both intervals are at most [`MAX_INTERVAL`], so their difference fits.
fn interval_error(interval: u64, expected: u64) -> i32 {
    interval as i32 - expected as i32
}

fn write_axis(encoder: &mut Encoder<'_>, level: i32, limits: &AxisQuantiser, prediction: &Prediction) {
    if let Some(signs) = limits.open_signs(prediction.level) {
        encoder.signed(level - prediction.level, prediction.model, signs);
    }
}

impl AxisQuantiser {
    /// Which signs the error of a prediction can have, or `None` if the axis has one level only.
    pub(super) fn open_signs(&self, predicted: i32) -> Option<Signs> {
        match (self.lowest < predicted, predicted < self.highest) {
            (true, true) => Some(Signs::Both),
            (true, false) => Some(Signs::NegativeOnly),
            (false, true) => Some(Signs::PositiveOnly),
            (false, false) => None,
        }
    }
}
