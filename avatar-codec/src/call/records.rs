//! MCAP's records in bytes that nobody vouches for: nothing is copied or reserved before its length was checked
//! against what is there.
//!
//! Written against the MCAP specification, version 0, instead of using the `mcap` crate's reader: that one panics on some
//! damaged attachments and reserves whatever length a record in a chunk claims.

use std::collections::BTreeMap;

use mcap::records::op;

use super::error::{ReadCallError, RecordError};

/// Operation code and length.
const HEAD_BYTES: usize = 9;

/// A record as it stands in the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct RawRecord<'a> {
    /// Where it begins, from the start of the file (inside a chunk: of the chunk's contents).
    pub(super) offset: u64,
    pub(super) code: u8,
    pub(super) body: &'a [u8],
}

impl RawRecord<'_> {
    pub(super) fn name(&self) -> &'static str {
        match self.code {
            op::HEADER => "header",
            op::FOOTER => "footer",
            op::SCHEMA => "schema",
            op::CHANNEL => "channel",
            op::MESSAGE => "message",
            op::CHUNK => "chunk",
            op::MESSAGE_INDEX => "message index",
            op::CHUNK_INDEX => "chunk index",
            op::ATTACHMENT => "attachment",
            op::ATTACHMENT_INDEX => "attachment index",
            op::STATISTICS => "statistics",
            op::METADATA => "metadata",
            op::METADATA_INDEX => "metadata index",
            op::SUMMARY_OFFSET => "summary offset",
            op::DATA_END => "data end",
            _ => "unknown",
        }
    }

    pub(super) fn error(&self, problem: RecordError) -> ReadCallError {
        ReadCallError::Record { record: self.name(), offset: self.offset, problem }
    }
}

/// Splits the record at `offset` from `bytes`: it and where the next one begins. `None` if it isn't whole.
pub(super) fn record_at(bytes: &[u8], offset: usize) -> Option<(RawRecord<'_>, usize)> {
    let start = offset.checked_add(HEAD_BYTES)?;
    let head = bytes.get(offset..start)?;
    let (&code, length) = head.split_first()?;
    let length = usize::try_from(u64::from_le_bytes(length.try_into().ok()?)).ok()?;
    let end = start.checked_add(length)?;
    let body = bytes.get(start..end)?;
    Some((RawRecord { offset: offset as u64, code, body }, end))
}

/// The fields of a record, from the front.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn bytes(&mut self, name: &'static str, length: u64) -> Result<&'a [u8], RecordError> {
        let length = usize::try_from(length).map_err(|_| RecordError::Cut(name))?;
        let (field, rest) = self.0.split_at_checked(length).ok_or(RecordError::Cut(name))?;
        self.0 = rest;
        Ok(field)
    }

    fn array<const N: usize>(&mut self, name: &'static str) -> Result<[u8; N], RecordError> {
        let (field, rest) = self.0.split_first_chunk().ok_or(RecordError::Cut(name))?;
        self.0 = rest;
        Ok(*field)
    }

    pub(super) fn u16(&mut self, name: &'static str) -> Result<u16, RecordError> {
        Ok(u16::from_le_bytes(self.array(name)?))
    }

    pub(super) fn u32(&mut self, name: &'static str) -> Result<u32, RecordError> {
        Ok(u32::from_le_bytes(self.array(name)?))
    }

    pub(super) fn u64(&mut self, name: &'static str) -> Result<u64, RecordError> {
        Ok(u64::from_le_bytes(self.array(name)?))
    }

    pub(super) fn text(&mut self, name: &'static str) -> Result<&'a str, RecordError> {
        let length = self.u32(name)?;
        let bytes = self.bytes(name, length.into())?;
        std::str::from_utf8(bytes).map_err(|_| RecordError::Utf8(name))
    }

    pub(super) fn map(&mut self, name: &'static str) -> Result<BTreeMap<String, String>, RecordError> {
        let length = self.u32(name)?;
        let mut entries = Fields(self.bytes(name, length.into())?);
        let mut map = BTreeMap::new();
        while !entries.0.is_empty() {
            let (key, value) = (entries.text(name)?, entries.text(name)?);
            if map.insert(key.to_owned(), value.to_owned()).is_some() {
                return Err(RecordError::DuplicateKey(name));
            }
        }
        Ok(map)
    }
}
