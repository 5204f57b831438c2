//! Packets to frames.

use crate::latent::{FaceFrame, Timestamp};

use super::axes::Repeats;
use super::coder::Decoder;
use super::history::History;
use super::quantiser::{MAX_AXES, Quantiser, Rung};
use super::reference::{Item, MAX_FRAMES, Reference, code_check, code_check_bits, code_frames};
use super::{BITSTREAM_VERSION, Check, Form, MAX_PACKET_BYTES, PacketHeader, PacketKind, STILL_FRAMES};

/// Decodes one sender's packets, of either form. An example is [above](crate::bitstream).
pub struct LatentReader {
    quantiser: Quantiser,
    state: State,
    frames: [ReadFrame; MAX_FRAMES],
    items: [Item; MAX_FRAMES - 1],
}

enum State {
    /// No intra packet yet.
    Waiting,
    /// The number of the last packet, and the past after it.
    Stream(u8, Box<History>),
    /// The last two intra frames by their places, modulo four.
    Packet(Box<[Option<Reference>; 4]>),
}

/// A frame of a packet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReadFrame {
    /// The face. Every number is finite and within the avatar's range.
    pub face: FaceFrame,
    /// How finely it was coded: a repeat may be coarser than the frame was in its own packet.
    pub rung: Rung,
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
    /// A byte of the header that no writer writes.
    #[error("the latent packet's header has the byte {byte:02x}, which means nothing")]
    Header {
        /// The byte.
        byte: u8,
    },
    /// It leans on a packet or an intra frame that wasn't read: the next packet with an intra frame will do.
    #[error("latent packet {number:#04x} leans on one that was not read; the next intra packet will do")]
    MissingReference {
        /// The packet's number: see [`PacketHeader::number`].
        number: u8,
    },
    /// The entropy-coded part stands for no number where one of this axis (`[u | g | r | head]`) should be.
    #[error("the latent packet has no valid level for axis {axis}")]
    Axis {
        /// Which axis.
        axis: usize,
    },
    /// The entropy-coded part holds no valid time or interval.
    #[error("the latent packet has no valid time")]
    Time,
    /// The entropy-coded part names a rung that there isn't.
    #[error("the latent packet names a rung that there is not")]
    Rung,
    /// More frames again than such a packet can hold.
    #[error("the latent packet repeats {repeats} frames; of its kind it can {most}")]
    Repeats {
        /// How many.
        repeats: u8,
        /// How many there can be.
        most: u8,
    },
    /// What was decoded isn't what was coded: the packet was damaged or cut, or it belongs to another stream or avatar.
    #[error("the latent packet's check bits do not match what it holds")]
    Check,
    /// There are bytes that decoding doesn't need.
    #[error("bytes are left over at the latent packet's end")]
    TrailingBytes,
}

impl LatentReader {
    /// A reader that waits for an intra packet.
    pub fn new(quantiser: Quantiser) -> Self {
        let nothing = ReadFrame { face: FaceFrame::default(), rung: Rung::default() };
        let (frames, items) = ([nothing; MAX_FRAMES], [Item::EMPTY; MAX_FRAMES - 1]);
        Self { quantiser, state: State::Waiting, frames, items }
    }

    /// The quantiser it was made with.
    pub fn quantiser(&self) -> &Quantiser {
        &self.quantiser
    }

    /// Decodes a packet: its frames in the order of capture, the newest last; at least one. In the packet form, frames that
    /// other packets held come again, with the same times.
    ///
    /// # Errors
    /// If the packet leans on one that wasn't read, or isn't a packet of this stream; the reader stays as it was.
    pub fn read(&mut self, packet: &[u8]) -> Result<&[ReadFrame], ReadPacketError> {
        let (header, code) = PacketHeader::split(packet)?;
        let count = match (header.kind, &self.state) {
            (PacketKind::Intra { form: Form::Stream, rung }, _) => self.stream_intra(header, rung, code)?,
            (PacketKind::Intra { form: Form::Packet, rung }, _) => self.packet(header, Some(rung), code)?,
            (PacketKind::Predicted, State::Packet(_)) => self.packet(header, None, code)?,
            (PacketKind::Predicted, State::Stream(..)) => self.stream(header, code)?,
            (PacketKind::Predicted, State::Waiting) => {
                return Err(ReadPacketError::MissingReference { number: header.number });
            }
        };
        Ok(&self.frames[..count])
    }

    fn put(&mut self, at: usize, rung: Rung, time: u64, grains: &[i32; MAX_AXES]) {
        self.frames[at] = ReadFrame { face: self.quantiser.frame(Timestamp(time), grains), rung };
    }

    fn stream_intra(
        &mut self,
        header: PacketHeader,
        rung: Rung,
        code: &[u8],
    ) -> Result<usize, ReadPacketError> {
        let mut decoder = Decoder::new(code);
        let intra = Reference::code(&mut decoder, &self.quantiser, rung, (0, 0), &[0.0; MAX_AXES])?;
        code_check(&mut decoder, &self.quantiser, header, &intra, &[])?;
        at_end(&decoder)?;
        let history = History::after_intra(&intra.grains, rung, intra.time, intra.interval);
        match &mut self.state {
            State::Stream(number, past) => {
                *number = header.number;
                **past = history;
            }
            state => *state = State::Stream(header.number, Box::new(history)),
        }
        self.put(0, rung, intra.time, &intra.grains);
        Ok(1)
    }

    fn stream(&mut self, header: PacketHeader, code: &[u8]) -> Result<usize, ReadPacketError> {
        let missing = ReadPacketError::MissingReference { number: header.number };
        let State::Stream(last, past) = &mut self.state else { return Err(missing) };
        if (*last + 1) & 0x7f != header.number {
            return Err(missing);
        }
        if code.is_empty() {
            past.repeat();
        } else {
            let mut next = History::clone(past);
            let mut decoder = Decoder::new(code);
            next.code(&mut decoder, &self.quantiser, Rung::default(), 0, &[0.0; MAX_AXES])
                .map_err(|axis| axis.map_or(ReadPacketError::Time, |axis| ReadPacketError::Axis { axis }))?;
            code_check_bits(&mut decoder, next.check(header, &self.quantiser), header)?;
            at_end(&decoder)?;
            **past = next;
        }
        *last = header.number;
        let (rung, time, grains) = (past.rung, past.time, past.grains);
        self.put(0, rung, time, &grains);
        Ok(1)
    }

    /// Reads a packet of the packet form; with `rung`, one that holds an intra frame of that rung.
    fn packet(
        &mut self,
        header: PacketHeader,
        rung: Option<Rung>,
        code: &[u8],
    ) -> Result<usize, ReadPacketError> {
        let (place, number) = header.place();
        let mut decoder = Decoder::new(code);
        let own = match rung {
            Some(rung) => {
                Some(Reference::code(&mut decoder, &self.quantiser, rung, (0, 0), &[0.0; MAX_AXES])?)
            }
            None => None,
        };
        let known = match &self.state {
            State::Packet(references) => references[usize::from(place)].as_ref(),
            State::Waiting | State::Stream(..) => None,
        };
        let missing = ReadPacketError::MissingReference { number: header.number };
        let reference = own.as_ref().or(known).ok_or(missing)?;
        let mut count = 0;
        if own.is_none() && code.is_empty() {
            // Nothing has moved since the intra frame.
            let Reference { rung, grains, .. } = *reference;
            let frames = number.min(STILL_FRAMES);
            if frames == 0 {
                return Err(ReadPacketError::Header { byte: header.number });
            }
            for back in 0..frames {
                self.items[usize::from(back)] =
                    Item { rung, grains, time: reference.time_of((number - back).into()), ..Item::EMPTY };
            }
            count += usize::from(frames);
        } else if own.is_none() && number == 0 {
            return Err(ReadPacketError::Header { byte: header.number });
        } else {
            let lean = (reference, own.is_some());
            let repeats = code_frames(&mut decoder, &self.quantiser, lean, number, (0, 0), &mut self.items)?;
            count += usize::from(repeats) + 1;
            code_check(&mut decoder, &self.quantiser, header, reference, &self.items[..count])?;
            at_end(&decoder)?;
        }
        let (mut frames, mut intra) =
            (0, own.as_ref().filter(|_| number > 0).map(|own| (own.rung, own.time, own.grains)));
        for back in (0..count).rev() {
            // The intra frame stands between those before and those after it.
            if Repeats::number_of(number.into(), back as i64) > 0
                && let Some((rung, time, grains)) = intra.take()
            {
                self.put(frames, rung, time, &grains);
                frames += 1;
            }
            let Item { rung, time, grains, .. } = self.items[back];
            self.put(frames, rung, time, &grains);
            frames += 1;
        }
        if let Some(own) = own {
            self.keep(usize::from(place), own);
        }
        Ok(frames)
    }

    /// Keeps an intra frame and, of the others, the one before it: one that is late takes nothing's place.
    fn keep(&mut self, place: usize, reference: Reference) {
        match &mut self.state {
            State::Packet(references) => {
                if references.iter().flatten().all(|known| known.time <= reference.time) {
                    references[(place + 1) % 4] = None;
                    references[(place + 2) % 4] = None;
                }
                references[place] = Some(reference);
            }
            state => {
                let mut references = Box::new([const { None }; 4]);
                references[place] = Some(reference);
                *state = State::Packet(references);
            }
        }
    }
}

fn at_end(decoder: &Decoder<'_>) -> Result<(), ReadPacketError> {
    if decoder.is_at_end() { Ok(()) } else { Err(ReadPacketError::TrailingBytes) }
}

impl History {
    /// The check over the last frame.
    pub(super) fn check(&self, header: PacketHeader, quantiser: &Quantiser) -> Check {
        Check::EMPTY
            .with([header.number.into(), self.rung.number().into()])
            .with_frame(self.time, &self.grains[..quantiser.axes()])
    }
}
