//! Chunks: runs of records, compressed.

use super::MAX_CHUNK_BYTES;
use super::audio::shortened;
use super::error::RecordError;
use super::records::Fields;

/// A chunk before decompression.
pub(super) struct Chunk<'a> {
    pub(super) uncompressed_bytes: u64,
    stated_crc: u32,
    compression: &'a str,
    records: &'a [u8],
}

impl<'a> Chunk<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, RecordError> {
        let mut fields = Fields(body);
        fields.u64("message_start_time")?;
        fields.u64("message_end_time")?;
        let uncompressed_bytes = fields.u64("uncompressed_size")?;
        let stated_crc = fields.u32("uncompressed_crc")?;
        let compression = fields.text("compression")?;
        let length = fields.u64("records")?;
        let records = fields.bytes("records", length)?;
        if uncompressed_bytes > MAX_CHUNK_BYTES {
            return Err(RecordError::TooLarge { claimed: uncompressed_bytes });
        }
        Ok(Self { uncompressed_bytes, stated_crc, compression, records })
    }

    /// Replaces `out` by the chunk's records. Takes no more memory than the chunk claims, which is at most
    /// [`MAX_CHUNK_BYTES`]: decompression in one go into a buffer of that size needs no window, whatever the compressed
    /// frame says of its own.
    pub(super) fn decompress_into(&self, out: &mut Vec<u8>) -> Result<(), RecordError> {
        out.clear();
        match self.compression {
            "" => out.extend_from_slice(self.records),
            "zstd" => {
                let size = usize::try_from(self.uncompressed_bytes)
                    .map_err(|_| RecordError::TooLarge { claimed: self.uncompressed_bytes })?;
                let fail = |error: std::io::Error| RecordError::Decompress(error.to_string());
                out.reserve_exact(size);
                let mut decompressor = zstd::bulk::Decompressor::new().map_err(fail)?;
                decompressor.decompress_to_buffer(self.records, out).map_err(fail)?;
            }
            other => return Err(RecordError::Compression(shortened(other))),
        }
        let found = out.len() as u64;
        if found != self.uncompressed_bytes {
            return Err(RecordError::Size { claimed: self.uncompressed_bytes, found });
        }
        check_crc(self.stated_crc, out)
    }
}

/// MCAP's checksums are CRC-32 (as in zlib); 0 stands for none.
pub(super) fn check_crc(stated: u32, bytes: &[u8]) -> Result<(), RecordError> {
    let found = if stated == 0 { 0 } else { crc32fast::hash(bytes) };
    if found == stated { Ok(()) } else { Err(RecordError::Checksum { stated, found }) }
}
