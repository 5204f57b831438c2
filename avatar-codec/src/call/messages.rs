//! Going through a call's messages.

use std::collections::HashMap;
use std::ops::Range;

use mcap::records::op;

use crate::latent::Timestamp;
use crate::quoted::quoted;

use super::audio::shortened;
use super::chunk::Chunk;
use super::error::{ReadCallError, RecordError};
use super::reader::CallReader;
use super::records::{Fields, RawRecord, record_at};
use super::sender::JoinStatement;
use super::{MessageTimes, SenderId, Track};

/// A file may hold this many times its size, decompressed, and [`PROPORTION_SLACK`] beside: silence compresses well.
const PROPORTION: u64 = 256;
const PROPORTION_SLACK: u64 = 64 << 20;

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
    /// What proves who spoke, in bytes that the network's crate understands (`net/CRYPTO.md`).
    Proof(&'m [u8]),
}

impl CallBody<'_> {
    /// The join statement, where this is one that can be read.
    pub fn join(&self) -> Option<JoinStatement> {
        match self {
            Self::Join(text) => serde_json::from_slice(text).ok(),
            Self::Face(_) | Self::Audio(_) | Self::Proof(_) => None,
        }
    }
}

/// Goes through a call's messages. After an error it goes on behind the damage, if asked again.
pub struct Messages<'c> {
    call: &'c CallReader<'c>,
    /// The record outside of chunks that was read last: the one that the last message is or lies in.
    record: Range<usize>,
    /// Where the records end.
    end: usize,
    chunk: Vec<u8>,
    /// The next record of the chunk, while in one.
    chunk_offset: Option<usize>,
    channels: HashMap<u16, Channel>,
    decompressed: u64,
    limit: u64,
}

/// A channel: whose it is and what it carries, or `None` for one that isn't a sender's.
#[derive(Debug)]
pub(super) struct Channel {
    track: Option<(SenderId, Track)>,
    messages: u64,
}

impl<'c> Messages<'c> {
    /// The messages of a range of records outside of chunks, with what was said of channels before it.
    pub(super) fn over(
        call: &'c CallReader<'c>,
        records: Range<usize>,
        channels: HashMap<u16, Channel>,
    ) -> Self {
        Messages {
            call,
            record: records.start..records.start,
            end: records.end,
            chunk: Vec::new(),
            chunk_offset: None,
            channels,
            decompressed: 0,
            limit: PROPORTION.saturating_mul(call.bytes.len() as u64).saturating_add(PROPORTION_SLACK),
        }
    }

    /// Where the record outside of chunks stands that the last message is or lies in.
    pub(super) fn record(&self) -> Range<usize> {
        self.record.clone()
    }

    /// What is known of channels so far.
    pub(super) fn into_channels(self) -> HashMap<u16, Channel> {
        self.channels
    }

    /// The next message, or `None` after the last.
    ///
    /// # Errors
    /// If the recording is damaged here.
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
            Track::Proof => CallBody::Proof(data),
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
                None if self.record.end >= self.end => return Ok(None),
                None => {
                    let Some((record, next)) = record_at(self.call.bytes, self.record.end) else {
                        return Ok(None);
                    };
                    self.record = self.record.end..next;
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
            self.record.end = self.end;
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
            Track::Join => serde_json::from_slice::<JoinStatement>(data).err().map(|error| quoted(&error)),
            Track::Face | Track::Proof => None,
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
    body: Range<usize>,
}
