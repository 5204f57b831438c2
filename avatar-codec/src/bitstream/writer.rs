//! Frames to packets.

use std::time::Duration;

use crate::latent::{FaceFrame, Timestamp};

use super::axes::Repeats;
use super::coder::Encoder;
use super::history::History;
use super::quantiser::{MAX_AXES, Quantiser, Rung, Values, nearest};
use super::reference::{Item, MAX_FRAMES, Reference, code_check, code_check_bits, code_frames};
use super::time::{MAX_INTERVAL, TICK, stated_interval, ticks, time_after};
use super::{Form, MAX_FRAMES_AFTER_INTRA, MAX_PACKET_BYTES, MAX_REPEATS, PacketHeader, PacketKind};

/// An intra frame is not longer, so that a packet of its own has room for what else is in it.
const MAX_INTRA_BYTES: usize = MAX_PACKET_BYTES - 16;

/// Codes one sender's frames, in the order of their times. An example is [above](crate::bitstream).
pub struct LatentWriter {
    quantiser: Quantiser,
    options: WriterOptions,
    /// The last frame's time, ns; `None` before the first packet.
    last: Option<u64>,
    /// The last intra frame.
    intra: Option<Intra>,
    is_intra_requested: bool,
    /// Stream form: the number of the last packet. Packet form: the place of the last intra frame.
    place: u8,
    /// Stream form.
    history: Option<Box<History>>,
    /// Packet form: the last frames, the newest first, and how many there are.
    items: [Item; MAX_FRAMES],
    known: u8,
    /// How many frames there were since the intra frame.
    number: u8,
    /// Packet form: nothing has moved since the intra frame.
    is_still: bool,
}

/// An intra frame as it was given and as it was coded.
struct Intra {
    values: Values,
    reference: Reference,
}

/// How a [`LatentWriter`] works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriterOptions {
    /// Which form of the bitstream.
    pub form: Form,
    /// How coarse the steps are. Default: the finest.
    pub rung: Rung,
    /// An intra frame comes at least this often. Default: 2 s in the stream form, where a reader can start there; 0.5 s in
    /// the packet form, which has one after 31 frames in any case. Zero makes every frame intra.
    pub intra_interval: Duration,
    /// How far apart frames are, as long as nothing better is known: at most a second. Default: 1/30 s.
    pub frame_interval: Duration,
    /// Packet form: how many frames each packet holds again, at most [`MAX_REPEATS`]; the intra frame comes again as often.
    /// Default: 3.
    pub repeats: u8,
    /// Packet form: how many rungs coarser the nearest of those is, each farther one being one rung coarser still: 0, 2, 4 or
    /// 6; an odd number counts as the even one below. Default: 4.
    pub repeats_coarser: u8,
}

impl WriterOptions {
    /// The stream form's defaults.
    pub const fn stream() -> Self {
        Self {
            form: Form::Stream,
            rung: Rung::ALL[0],
            intra_interval: Duration::from_secs(2),
            frame_interval: Duration::from_nanos(33_333_333),
            repeats: 3,
            repeats_coarser: 4,
        }
    }

    /// The packet form's defaults.
    pub const fn packet() -> Self {
        Self { form: Form::Packet, intra_interval: Duration::from_millis(500), ..Self::stream() }
    }
}

/// Why a frame can't be coded. The writer stays as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WritePacketError {
    /// A number is NaN or infinite, or the head's rotation isn't a unit quaternion.
    #[error("the frame at {} s has a number that is not finite, or a rotation that is not a unit quaternion", .0.as_seconds())]
    Invalid(Timestamp),
    /// Times must grow, by half a millisecond at least.
    #[error("the frame at {} s is not 0.5 ms after the one before it, at {} s", .time.as_seconds(), .last.as_seconds())]
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
            last: None,
            intra: None,
            is_intra_requested: false,
            place: u8::MAX, // the first is 0
            history: None,
            items: [Item::EMPTY; MAX_FRAMES],
            known: 0,
            number: 0,
            is_still: true,
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

    /// Codes from the next frame on with other steps.
    pub fn set_rung(&mut self, rung: Rung) {
        self.options.rung = rung;
    }

    /// Holds from the next packet on so many frames again, each so many rungs coarser: see [`WriterOptions`].
    pub fn set_repeats(&mut self, repeats: u8, coarser: u8) {
        (self.options.repeats, self.options.repeats_coarser) = (repeats, coarser);
    }

    /// Codes a frame into `packet`, replacing what it held: at most [`MAX_PACKET_BYTES`].
    ///
    /// # Errors
    /// If the frame holds a number that isn't finite, or doesn't come 0.5 ms after the one before; the writer stays as it was.
    pub fn write(
        &mut self,
        frame: &FaceFrame,
        packet: &mut Vec<u8>,
    ) -> Result<PacketHeader, WritePacketError> {
        let values = self.quantiser.values(frame).ok_or(WritePacketError::Invalid(frame.time))?;
        let time = frame.time.0;
        let interval = match self.last {
            None => u64::try_from(self.options.frame_interval.as_nanos()).unwrap_or(MAX_INTERVAL),
            Some(last) if time >= last.saturating_add(5 * TICK) => time - last,
            Some(last) => {
                return Err(WritePacketError::NotAfter { time: frame.time, last: Timestamp(last) });
            }
        };
        self.last = Some(time);
        let header = match self.options.form {
            _ if self.is_intra_due(time, interval) => None,
            Form::Stream => self.stream(time, &values, packet),
            Form::Packet => self.packet(time, &values, packet),
        };
        Ok(header.unwrap_or_else(|| self.intra(time, interval, &values, packet)))
    }

    fn is_intra_due(&self, time: u64, interval: u64) -> bool {
        let Some(intra) = &self.intra else { return true };
        // A frame that comes half an interval before the next intra's time takes its place: intra frames keep their rate
        // whatever the others'.
        let since =
            Duration::from_nanos(time.saturating_sub(intra.reference.time).saturating_add(interval / 2));
        let is_full = self.options.form == Form::Packet && self.number >= MAX_FRAMES_AFTER_INTRA;
        self.is_intra_requested || is_full || interval > MAX_INTERVAL || since >= self.options.intra_interval
    }

    /// An intra frame alone.
    fn intra(&mut self, time: u64, interval: u64, values: &Values, packet: &mut Vec<u8>) -> PacketHeader {
        let form = self.options.form;
        // The mean interval since the last intra frame, if there were enough.
        let interval = match &self.intra {
            Some(intra) if self.number >= 2 && interval <= MAX_INTERVAL => {
                time.saturating_sub(intra.reference.time) / (u64::from(self.number) + 1)
            }
            _ => interval,
        };
        // Where it is expected, if that is nearly when it is: the frames before it then have the times that they had.
        let expected =
            self.intra.as_ref().map_or(0, |intra| intra.reference.time_of(i64::from(self.number) + 1) / TICK);
        let own = ticks(time);
        let own = if form == Form::Packet && own.abs_diff(expected) <= 1 { expected } else { own };
        let times = (own, stated_interval(interval));
        self.place = self.place.wrapping_add(1) & if form == Form::Stream { 0x7f } else { 3 };
        self.number = 0;
        self.is_still = true;
        self.is_intra_requested = false;
        let mut rung = self.options.rung;
        loop {
            let is_coarsest = rung == rung.coarser(1);
            let kind = PacketKind::Intra { form, rung };
            let header = PacketHeader { kind, number: self.place };
            start(header, packet);
            let mut encoder = Encoder::new(packet);
            if let Ok(reference) = Reference::code(&mut encoder, &self.quantiser, rung, times, values)
                && code_check(&mut encoder, &self.quantiser, header, &reference, &[]).is_ok()
            {
                encoder.finish();
                // Most axes far from where they were ever seen: coarser steps are shorter numbers.
                if packet.len() <= MAX_INTRA_BYTES || is_coarsest {
                    let Reference { time, interval, grains, .. } = reference;
                    self.intra = Some(Intra { values: *values, reference });
                    if form == Form::Packet {
                        self.remember(Item { time, values: *values, rung, grains });
                        return self.write_packet(packet).unwrap_or(header);
                    }
                    let history = History::after_intra(&grains, rung, time, interval);
                    match &mut self.history {
                        Some(past) => **past = history,
                        none => *none = Some(Box::new(history)),
                    }
                    return header;
                }
            }
            rung = rung.coarser(1);
        }
    }

    /// A frame of the stream form that is predicted, or `None` if that is no use.
    fn stream(&mut self, time: u64, values: &Values, packet: &mut Vec<u8>) -> Option<PacketHeader> {
        let history = self.history.as_mut()?;
        let rung = self.options.rung;
        let header = PacketHeader { kind: PacketKind::Predicted, number: (self.place + 1) & 0x7f };
        let late = history.ticks_late(time);
        start(header, packet);
        let is_still =
            late == 0 && rung == history.rung && is_as(&self.quantiser, rung, values, &history.grains);
        if is_still {
            history.repeat();
        } else {
            let mut encoder = Encoder::new(packet);
            history.code(&mut encoder, &self.quantiser, rung, i32::try_from(late).ok()?, values).ok()?;
            code_check_bits(&mut encoder, history.check(header, &self.quantiser), header).ok()?;
            encoder.finish();
            pad(packet);
            if packet.len() > MAX_PACKET_BYTES {
                return None;
            }
        }
        self.place = header.number;
        self.number = self.number.saturating_add(1);
        Some(header)
    }

    /// A frame of the packet form that leans on the intra frame, or `None` if that is no use.
    fn packet(&mut self, time: u64, values: &Values, packet: &mut Vec<u8>) -> Option<PacketHeader> {
        let Intra { reference, .. } = self.intra.as_ref()?;
        let (number, rung) = (self.number + 1, self.options.rung);
        let expected = reference.time_of(number.into());
        let late = nearest(time.wrapping_sub(expected) as i64, TICK as i64);
        // A tick more or less is not worth its bits.
        let late = if late.abs() <= 1 { 0 } else { late };
        if late.unsigned_abs() >= 1 << 24 {
            return None;
        }
        self.is_still &=
            late == 0 && rung == reference.rung && is_as(&self.quantiser, rung, values, &reference.grains);
        self.remember(Item {
            time: time_after(expected, late * TICK as i64),
            values: *values,
            rung,
            ..Item::EMPTY
        });
        self.number = number;
        let header = self.write_packet(packet);
        if header.is_none() {
            self.items.rotate_left(1);
            self.known -= 1;
        }
        header
    }

    /// Puts a frame of the packet form before those that came before it.
    fn remember(&mut self, item: Item) {
        self.items.rotate_right(1);
        self.items[0] = item;
        self.known = (self.known + 1).min(MAX_FRAMES as u8);
    }

    /// The packet whose newest frame is the first of the items; `None` if that is no use.
    fn write_packet(&mut self, packet: &mut Vec<u8>) -> Option<PacketHeader> {
        let Intra { values: intra_values, reference } = self.intra.as_ref()?;
        let number = self.number;
        let wanted = self.options.repeats.min(MAX_REPEATS);
        let coarser = self.options.repeats_coarser.min(6);
        // The intra frame is the first to be left out of a packet that would be too long, then repeat by repeat.
        let with_intra =
            (0..=wanted).rev().map(|repeats| (true, repeats)).take(if number == 0 { 8 } else { 1 });
        let with_intra = with_intra.filter(|_| number <= wanted);
        let without = (0..=wanted).rev().map(|repeats| (false, repeats)).filter(|_| number > 0);
        for (has_intra, repeats) in with_intra.chain(without) {
            let kind = match has_intra {
                true => PacketKind::Intra { form: Form::Packet, rung: reference.rung },
                false => PacketKind::Predicted,
            };
            let header = PacketHeader::of_place(kind, self.place, number);
            start(header, packet);
            if self.is_still && !has_intra {
                return Some(header);
            }
            let mut encoder = Encoder::new(packet);
            let repeats = if has_intra {
                let times = (reference.time / TICK, reference.interval);
                Reference::code(&mut encoder, &self.quantiser, reference.rung, times, intra_values).ok()?;
                // Where it is no newest frame, the intra frame is one of those that come again.
                repeats.saturating_sub(u8::from(number > 0))
            } else {
                repeats.min(number - 1)
            };
            // Frames before the intra frame: as many as there were, and not those from before a long silence.
            let repeats = (1..=repeats)
                .take_while(|&back| {
                    let own = Repeats::number_of(number.into(), back.into());
                    let at = usize::from(back) + usize::from(own < 0 && number > 0);
                    at < usize::from(self.known)
                        && reference.time.abs_diff(self.items[at].time) < 2 * MAX_INTERVAL
                })
                .count() as u8;
            // The intra frame itself is among those remembered, but is no item of packets after it.
            let mut items = [Item::EMPTY; MAX_FRAMES - 1];
            let others =
                self.items.iter().enumerate().filter(|&(at, _)| number == 0 || at != usize::from(number));
            for (item, (_, remembered)) in items.iter_mut().zip(others) {
                *item = *remembered;
            }
            let lean = (reference, has_intra);
            let frames = (repeats, coarser);
            code_frames(&mut encoder, &self.quantiser, lean, number, frames, &mut items).ok()?;
            let items = &items[..usize::from(repeats) + 1];
            code_check(&mut encoder, &self.quantiser, header, reference, items).ok()?;
            encoder.finish();
            pad(packet);
            if packet.len() <= MAX_PACKET_BYTES {
                return Some(header);
            }
        }
        None
    }
}

fn start(header: PacketHeader, packet: &mut Vec<u8>) {
    packet.clear();
    header.write(packet);
}

/// A predicted packet without a byte of code means something else, so that each code has one.
fn pad(packet: &mut Vec<u8>) {
    if packet.len() == 1 {
        packet.push(0);
    }
}

/// Whether a frame on this rung is what these grains say.
fn is_as(quantiser: &Quantiser, rung: Rung, values: &Values, grains: &[i32; MAX_AXES]) -> bool {
    let axes = quantiser.axis_quantisers().iter().zip(values).zip(grains);
    axes.into_iter().all(|((axis, &value), &grain)| axis.level(value, rung) * rung.grains() == grain)
}
