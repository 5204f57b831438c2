//! Reading a call.

use std::collections::HashMap;

use mcap::MAGIC;
use mcap::records::op;

use crate::bitstream::{LatentReader, ReadPacketError};
use crate::latent::{FaceFrame, Timestamp};

use super::audio::{AudioTrack, shortened};
use super::chunk::{Chunk, check_crc};
use super::error::{ReadCallError, RecordError};
use super::records::{Fields, RawRecord, record_at};
use super::sender::{JoinStatement, Sender};
use super::{
    CALL_METADATA, CALL_VERSION, MAX_SENDERS, MessageTimes, PROFILE, SENDER_METADATA, SenderId, Track,
};

/// A file may hold this many times its size, decompressed, and [`PROPORTION_SLACK`] beside: silence compresses well.
const PROPORTION: u64 = 256;
const PROPORTION_SLACK: u64 = 64 << 20;
/// Of a footer record, what its checksum covers: operation code, length and two offsets.
const FOOTER_HEAD_BYTES: usize = 9 + 16;

/// A recorded call in memory.
///
/// Making one walks the file's records and reads what the senders say of themselves; chunks are decompressed when
/// messages are asked for, one at a time. Beside the file it takes memory for the senders (less than ten times their
/// metadata) and for one chunk ([`MAX_CHUNK_BYTES`](super::MAX_CHUNK_BYTES) at the most).
#[derive(Debug)]
pub struct CallReader<'a> {
    bytes: &'a [u8],
    senders: Vec<Sender>,
    /// Where the first record after the header begins, and where the data end.
    data: std::ops::Range<usize>,
    is_whole: bool,
}

impl<'a> CallReader<'a> {
    /// Reads a call from a whole file.
    pub fn new(bytes: &'a [u8]) -> Result<Self, ReadCallError> {
        Self::open(bytes, true)
    }

    /// Reads a call from a file that may be cut off: up to the last whole chunk.
    pub fn recover(bytes: &'a [u8]) -> Result<Self, ReadCallError> {
        Self::open(bytes, false)
    }

    /// Whether the file goes on to its proper end.
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Who is in the call.
    pub fn senders(&self) -> impl ExactSizeIterator<Item = (SenderId, &Sender)> {
        self.senders.iter().enumerate().map(|(index, sender)| (SenderId(index as u16), sender))
    }

    /// A sender by its name.
    pub fn sender(&self, name: &str) -> Option<(SenderId, &Sender)> {
        self.senders().find(|(_, sender)| sender.name == name)
    }

    /// Every message, in the file's order.
    pub fn messages(&self) -> Messages<'_> {
        let limit = PROPORTION.saturating_mul(self.bytes.len() as u64).saturating_add(PROPORTION_SLACK);
        Messages {
            call: self,
            offset: self.data.start,
            chunk: Vec::new(),
            chunk_offset: None,
            channels: HashMap::new(),
            decompressed: 0,
            limit,
        }
    }

    /// A sender's frames, each later than the one before. Packets whose reference was lost before the call was recorded
    /// are left out, and so are those that arrived behind a later one; other unreadable packets are errors.
    pub fn faces(&self, sender: SenderId) -> Result<Vec<FaceFrame>, ReadCallError> {
        let who = self.get(sender)?;
        let quantiser = who.quantiser().map_err(|error| ReadCallError::Sender {
            offset: 0,
            field: "latent_model",
            problem: error.to_string(),
        })?;
        let mut reader = LatentReader::new(quantiser);
        let mut frames = Vec::new();
        let mut messages = self.messages();
        let mut count = 0;
        while let Some(message) = messages.next()? {
            if let (true, CallBody::Face(packet)) = (message.sender == sender, message.body) {
                match reader.read(packet) {
                    // Repeating one packet, which costs a file next to nothing, thus costs no memory either.
                    Ok(frame) if frames.last().is_some_and(|last: &FaceFrame| frame.time <= last.time) => {}
                    Ok(frame) => frames.push(frame),
                    Err(ReadPacketError::MissingReference { .. }) => {}
                    Err(error) => {
                        let topic = Track::Face.topic(&who.name);
                        return Err(ReadCallError::Packet { topic, message: count, error });
                    }
                }
                count += 1;
            }
        }
        Ok(frames)
    }

    /// A sender's sound.
    pub fn audio(&self, sender: SenderId) -> Result<AudioTrack, ReadCallError> {
        let format = self.get(sender)?.audio;
        let mut track = AudioTrack { format, blocks: Vec::new(), samples: Vec::new() };
        let mut messages = self.messages();
        while let Some(message) = messages.next()? {
            if let (true, CallBody::Audio(block)) = (message.sender == sender, message.body) {
                let start = track.samples.len();
                track.samples.extend(block.as_chunks().0.iter().map(|&bytes| i16::from_le_bytes(bytes)));
                track.blocks.push((message.times.capture, start..track.samples.len()));
            }
        }
        Ok(track)
    }

    fn get(&self, sender: SenderId) -> Result<&Sender, ReadCallError> {
        self.senders.get(sender.index()).ok_or(ReadCallError::NoSuchSender(sender.index()))
    }

    fn open(bytes: &'a [u8], must_be_whole: bool) -> Result<Self, ReadCallError> {
        if !bytes.starts_with(MAGIC) {
            return Err(ReadCallError::NotMcap);
        }
        let cut = |what, offset: usize| ReadCallError::Truncated { what, offset: offset as u64 };
        let (header, start) = record_at(bytes, MAGIC.len()).ok_or(cut("header record", MAGIC.len()))?;
        check_header(&header)?;

        let mut call = Self { bytes, senders: Vec::new(), data: start..start, is_whole: false };
        let mut version = None;
        let mut offset = start;
        let mut is_summary = false;
        loop {
            let Some((record, next)) = record_at(bytes, offset) else {
                if must_be_whole {
                    return Err(cut("record", offset));
                }
                break;
            };
            match record.code {
                op::FOOTER => {
                    let end = bytes.get(next..).unwrap_or_default();
                    call.is_whole = is_summary && end == MAGIC;
                    if must_be_whole && !call.is_whole {
                        return Err(match end.strip_prefix(MAGIC) {
                            Some(rest) if is_summary => ReadCallError::TrailingBytes {
                                offset: (next + MAGIC.len()) as u64,
                                bytes: rest.len() as u64,
                            },
                            _ => cut("end", next),
                        });
                    }
                    if must_be_whole {
                        check_summary(bytes, &record).map_err(|problem| record.error(problem))?;
                    }
                    break;
                }
                op::DATA_END => {
                    if is_summary {
                        return Err(record.error(RecordError::Misplaced));
                    }
                    let stated = Fields(record.body).u32("data_section_crc");
                    let stated = stated.map_err(|problem| record.error(problem))?;
                    let data = bytes.get(..offset).unwrap_or_default();
                    check_crc(stated, data).map_err(|problem| record.error(problem))?;
                    is_summary = true;
                }
                op::METADATA if !is_summary => call.read_metadata(&record, &mut version)?,
                op::HEADER => return Err(record.error(RecordError::Misplaced)),
                _ => {}
            }
            offset = next;
            if !is_summary {
                call.data.end = next;
            }
        }
        match version {
            None => Err(ReadCallError::NotACall("it has no metadata record `visavis.call`")),
            Some(()) => Ok(call),
        }
    }

    fn read_metadata(
        &mut self,
        record: &RawRecord<'_>,
        version: &mut Option<()>,
    ) -> Result<(), ReadCallError> {
        let parse = || {
            let mut fields = Fields(record.body);
            Ok((fields.text("name")?, fields.map("metadata")?))
        };
        let (name, metadata) = parse().map_err(|problem| record.error(problem))?;
        match name {
            CALL_METADATA => {
                let found = metadata.get("version").map_or("", String::as_str);
                if found != CALL_VERSION.to_string() {
                    return Err(ReadCallError::Version { found: shortened(found) });
                }
                *version = Some(());
            }
            SENDER_METADATA => {
                let at = |(field, problem)| ReadCallError::Sender { offset: record.offset, field, problem };
                let sender = Sender::from_metadata(&metadata).map_err(at)?;
                if self.senders.iter().any(|other| other.name == sender.name) {
                    return Err(at(("name", "another sender has it".to_owned())));
                }
                if self.senders.len() >= MAX_SENDERS {
                    return Err(ReadCallError::TooManySenders);
                }
                self.senders.push(sender);
            }
            _ => {}
        }
        Ok(())
    }
}

/// One message of a call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CallMessage<'m> {
    /// Whose it is.
    pub sender: SenderId,
    /// When it was captured and when it arrived.
    pub times: MessageTimes,
    /// What it carries.
    pub body: CallBody<'m>,
}

/// What a message carries.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum CallBody<'m> {
    /// A latent packet.
    Face(&'m [u8]),
    /// Samples, two bytes each, low byte first, in the sender's [`AudioFormat`](super::AudioFormat).
    Audio(&'m [u8]),
    /// A join statement: see [`CallBody::join`].
    Join(&'m [u8]),
}

impl CallBody<'_> {
    /// The join statement, where this is one that can be read.
    pub fn join(&self) -> Option<JoinStatement> {
        match self {
            Self::Join(text) => serde_json::from_slice(text).ok(),
            Self::Face(_) | Self::Audio(_) => None,
        }
    }
}

/// Goes through a call's messages. After an error it goes on behind the damage, if asked again.
pub struct Messages<'c> {
    call: &'c CallReader<'c>,
    /// The next record outside of chunks.
    offset: usize,
    chunk: Vec<u8>,
    /// The next record of the chunk, while in one.
    chunk_offset: Option<usize>,
    channels: HashMap<u16, Channel>,
    decompressed: u64,
    limit: u64,
}

/// A channel: whose it is and what it carries, or `None` for one that isn't a sender's.
struct Channel {
    track: Option<(SenderId, Track)>,
    messages: u64,
}

impl Messages<'_> {
    /// The next message, or `None` after the last.
    #[allow(clippy::should_implement_trait)] // a message borrows the chunk, which an Iterator's items can't
    pub fn next(&mut self) -> Result<Option<CallMessage<'_>>, ReadCallError> {
        // Found by position first: a message is borrowed from the chunk only when it is given away.
        let Some(found) = self.find_message()? else { return Ok(None) };
        let Found { sender, track, times, in_chunk, body } = found;
        let bytes = if in_chunk { &self.chunk } else { self.call.bytes };
        let data = bytes.get(body).unwrap_or_default();
        let body = match track {
            Track::Face => CallBody::Face(data),
            Track::Audio => CallBody::Audio(data),
            Track::Join => CallBody::Join(data),
        };
        Ok(Some(CallMessage { sender, times, body }))
    }

    fn find_message(&mut self) -> Result<Option<Found>, ReadCallError> {
        loop {
            let found = match self.chunk_offset {
                Some(offset) if offset >= self.chunk.len() => {
                    self.chunk_offset = None;
                    continue;
                }
                Some(offset) => {
                    let chunk = std::mem::take(&mut self.chunk);
                    let result = self.step_in_chunk(&chunk, offset);
                    self.chunk = chunk;
                    result?
                }
                None if self.offset >= self.call.data.end => return Ok(None),
                None => {
                    let Some((record, next)) = record_at(self.call.bytes, self.offset) else {
                        return Ok(None);
                    };
                    self.offset = next;
                    if record.code == op::CHUNK {
                        self.enter_chunk(&record)?;
                        None
                    } else {
                        self.step(&record, next, false)?
                    }
                }
            };
            if found.is_some() {
                return Ok(found);
            }
        }
    }

    fn enter_chunk(&mut self, record: &RawRecord<'_>) -> Result<(), ReadCallError> {
        let chunk = Chunk::parse(record.body).map_err(|problem| record.error(problem))?;
        self.decompressed = self.decompressed.saturating_add(chunk.uncompressed_bytes);
        if self.decompressed > self.limit {
            self.offset = self.call.data.end;
            let file = self.call.bytes.len() as u64;
            return Err(ReadCallError::OutOfProportion { file, limit: self.limit });
        }
        chunk.decompress_into(&mut self.chunk).map_err(|problem| record.error(problem))?;
        self.chunk_offset = Some(0);
        Ok(())
    }

    fn step_in_chunk(&mut self, chunk: &[u8], offset: usize) -> Result<Option<Found>, ReadCallError> {
        let Some((record, next)) = record_at(chunk, offset) else {
            self.chunk_offset = None;
            let what = "record in a chunk's contents";
            return Err(ReadCallError::Truncated { what, offset: offset as u64 });
        };
        self.chunk_offset = Some(next);
        if record.code == op::CHUNK {
            return Err(record.error(RecordError::Misplaced));
        }
        self.step(&record, next, true)
    }

    fn step(
        &mut self,
        record: &RawRecord<'_>,
        end: usize,
        in_chunk: bool,
    ) -> Result<Option<Found>, ReadCallError> {
        match record.code {
            op::CHANNEL => self.add_channel(record).map(|()| None),
            op::MESSAGE => self.message(record, end, in_chunk),
            _ => Ok(None),
        }
    }

    fn add_channel(&mut self, record: &RawRecord<'_>) -> Result<(), ReadCallError> {
        let parse = || {
            let mut fields = Fields(record.body);
            let (id, _schema) = (fields.u16("id")?, fields.u16("schema_id")?);
            Ok((id, fields.text("topic")?, fields.text("message_encoding")?))
        };
        let (id, topic, encoding) = parse().map_err(|problem| record.error(problem))?;
        let track = self.track_of(topic);
        if let Some(known) = self.channels.get(&id) {
            let is_same = known.track == track;
            return if is_same { Ok(()) } else { Err(record.error(RecordError::Redefined(id))) };
        }
        if let Some((_, track)) = track
            && encoding != track.encoding()
        {
            let (topic, found) = (shortened(topic), shortened(encoding));
            return Err(record.error(RecordError::Encoding { topic, found, known: track.encoding() }));
        }
        self.channels.insert(id, Channel { track, messages: 0 });
        Ok(())
    }

    fn track_of(&self, topic: &str) -> Option<(SenderId, Track)> {
        let (name, track) = topic.strip_prefix('/')?.split_once('/')?;
        let track = Track::ALL.into_iter().find(|known| known.name() == track)?;
        Some((self.call.sender(name)?.0, track))
    }

    fn message(
        &mut self,
        record: &RawRecord<'_>,
        end: usize,
        in_chunk: bool,
    ) -> Result<Option<Found>, ReadCallError> {
        let parse = || {
            let mut fields = Fields(record.body);
            let (id, _sequence) = (fields.u16("channel_id")?, fields.u32("sequence")?);
            let (log, publish) = (fields.u64("log_time")?, fields.u64("publish_time")?);
            Ok((id, log, publish, fields.0))
        };
        let (id, log, publish, data) = parse().map_err(|problem| record.error(problem))?;
        let Some(channel) = self.channels.get_mut(&id) else {
            return Err(record.error(RecordError::UnknownChannel(id)));
        };
        let message = channel.messages;
        channel.messages += 1;
        let Some((sender, track)) = channel.track else { return Ok(None) };
        let problem = match track {
            Track::Audio => {
                let limit = self.call.get(sender)?.audio.max_block();
                let is_block = data.len() % 2 == 0 && (2..=2 * limit).contains(&data.len());
                (!is_block).then(|| format!("{} bytes are no block of up to {limit} samples", data.len()))
            }
            Track::Join => serde_json::from_slice::<JoinStatement>(data).err().map(|error| error.to_string()),
            Track::Face => None,
        };
        if let Some(problem) = problem {
            let topic = track.topic(&self.call.get(sender)?.name);
            return Err(ReadCallError::Message { topic, message, problem });
        }
        let times = MessageTimes { capture: Timestamp(publish), arrival: Timestamp(log) };
        Ok(Some(Found { sender, track, times, in_chunk, body: end - data.len()..end }))
    }
}

/// A message by its place.
struct Found {
    sender: SenderId,
    track: Track,
    times: MessageTimes,
    in_chunk: bool,
    body: std::ops::Range<usize>,
}

/// Checks the checksum over everything between the data's end and the footer's own checksum, as the footer states it.
fn check_summary(bytes: &[u8], footer: &RawRecord<'_>) -> Result<(), RecordError> {
    let mut fields = Fields(footer.body);
    let (start, _) = (fields.u64("summary_start")?, fields.u64("summary_offset_start")?);
    let end = footer.offset + (FOOTER_HEAD_BYTES as u64);
    let stated = fields.u32("summary_crc")?;
    // A file without a summary has 0 here, and a checksum that begins at the footer.
    let start = if start == 0 { footer.offset } else { start };
    let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
    let summary = range.and_then(|(start, end)| bytes.get(start..end));
    check_crc(stated, summary.ok_or(RecordError::Cut("summary_start"))?)
}

fn check_header(record: &RawRecord<'_>) -> Result<(), ReadCallError> {
    if record.code != op::HEADER {
        return Err(record.error(RecordError::Misplaced));
    }
    let profile = Fields(record.body).text("profile").map_err(|problem| record.error(problem))?;
    if profile == PROFILE {
        Ok(())
    } else {
        Err(ReadCallError::NotACall("its profile is not `visavis-call`"))
    }
}
