//! Reading a call.

use std::collections::{BTreeMap, HashMap};

use mcap::MAGIC;
use mcap::records::op;

use crate::bitstream::{LatentReader, ReadFrame, ReadPacketError};
use crate::latent::{FaceFrame, Timestamp};

use super::audio::shortened;
use super::chunk::check_crc;
use super::error::{ReadCallError, RecordError};
use super::messages::{CallBody, Messages};
use super::records::{Fields, RawRecord, record_at};
use super::sender::Sender;
use super::{CALL_METADATA, CALL_VERSION, MAX_SENDERS, PROFILE, SENDER_METADATA, SenderId, Track};

/// Of a footer record, what its checksum covers: operation code, length and two offsets.
const FOOTER_HEAD_BYTES: usize = 9 + 16;

/// A recorded call in memory.
///
/// Making one walks the file's records and reads what the senders say of themselves; chunks are decompressed when
/// messages are asked for, one at a time. Beside the file it takes memory for the senders (less than ten times their
/// metadata) and for one chunk ([`MAX_CHUNK_BYTES`](super::MAX_CHUNK_BYTES) at the most).
#[derive(Debug)]
pub struct CallReader<'a> {
    pub(super) bytes: &'a [u8],
    senders: Vec<Sender>,
    /// Where the first record after the header begins, and where the data end.
    data: std::ops::Range<usize>,
    is_whole: bool,
}

impl<'a> CallReader<'a> {
    /// Reads a call from a whole file.
    ///
    /// # Errors
    /// If the bytes are no recorded call of a version that this crate reads, or not a whole one.
    pub fn new(bytes: &'a [u8]) -> Result<Self, ReadCallError> {
        Self::open(bytes, true)
    }

    /// Reads a call from a file that may be cut off: up to the last whole chunk.
    ///
    /// # Errors
    /// If not even the beginning is a recorded call's.
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
        Messages::over(self, self.data.clone(), HashMap::new())
    }

    /// A sender's frames in the order of their times; of a frame that several packets hold, the finest. Packets that lean
    /// on one that was lost before the call was recorded are left out; other unreadable packets are errors.
    ///
    /// # Errors
    /// If there is no such sender, the recording is damaged, or a packet of the sender's can't be read.
    pub fn faces(&self, sender: SenderId) -> Result<Vec<FaceFrame>, ReadCallError> {
        let who = self.get(sender)?;
        let quantiser = who.quantiser().map_err(|error| ReadCallError::Sender {
            offset: 0,
            field: "latent_model",
            problem: error.to_string(),
        })?;
        let mut reader = LatentReader::new(quantiser);
        // By time: repeating one packet, which costs a file next to nothing, thus costs no memory either.
        let mut frames: BTreeMap<Timestamp, ReadFrame> = BTreeMap::new();
        let mut messages = self.messages();
        let mut count = 0;
        while let Some(message) = messages.next()? {
            if let (true, CallBody::Face(packet)) = (message.sender == sender, message.body) {
                match reader.read(packet) {
                    Ok(read) => {
                        for frame in read {
                            let known = frames.entry(frame.face.time).or_insert(*frame);
                            if frame.rung < known.rung {
                                *known = *frame;
                            }
                        }
                    }
                    Err(ReadPacketError::MissingReference { .. }) => {}
                    Err(error) => {
                        let topic = Track::Face.topic(&who.name);
                        return Err(ReadCallError::Packet { topic, message: count, error });
                    }
                }
                count += 1;
            }
        }
        Ok(frames.into_values().map(|frame| frame.face).collect())
    }

    pub(super) fn get(&self, sender: SenderId) -> Result<&Sender, ReadCallError> {
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
