//! What can be wrong with a recorded call.

use crate::bitstream::ReadPacketError;

use super::MAX_SENDERS;

/// Why a recorded call can't be read. Offsets are in bytes from the start of the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadCallError {
    /// Not an MCAP file.
    #[error("this is not an MCAP file: it does not begin with MCAP's magic bytes")]
    NotMcap,
    /// The file ends too soon. [`CallReader::recover`](super::CallReader::recover) reads what is whole.
    #[error("the file ends too soon: the {what} at byte {offset} is cut off")]
    Truncated {
        /// What is not whole.
        what: &'static str,
        /// Where it begins.
        offset: u64,
    },
    /// Something follows the end.
    #[error("{bytes} bytes follow the end of the MCAP file at byte {offset}")]
    TrailingBytes {
        /// Where the file should end.
        offset: u64,
        /// How much follows.
        bytes: u64,
    },
    /// An MCAP file, but not a recorded call.
    #[error("this MCAP file is not a recorded call: {0}")]
    NotACall(&'static str),
    /// Another version of the recorded call.
    #[error("the call is of version `{found}`; this reader knows version {known}", known = super::CALL_VERSION)]
    Version {
        /// Its version.
        found: String,
    },
    /// A record of the container is damaged.
    #[error("the {record} record at byte {offset}: {problem}")]
    Record {
        /// Which kind of record.
        record: &'static str,
        /// Where it begins.
        offset: u64,
        /// What is wrong.
        problem: RecordError,
    },
    /// A field of a sender's metadata.
    #[error("the sender described at byte {offset}: field `{field}`: {problem}")]
    Sender {
        /// Where its metadata record begins.
        offset: u64,
        /// Which field.
        field: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// More senders than a call can have.
    #[error("the call has more than {MAX_SENDERS} senders")]
    TooManySenders,
    /// Decompressed, the file would be out of all proportion to its size.
    #[error(
        "decompressed, the call would hold more than {limit} bytes, out of proportion to the file's {file}"
    )]
    OutOfProportion {
        /// The file's size.
        file: u64,
        /// The most that is read of a file of that size.
        limit: u64,
    },
    /// A message of a channel is not what the channel carries.
    #[error("channel `{topic}`, message {message}: {problem}")]
    Message {
        /// The channel.
        topic: String,
        /// Which of its messages, from 0.
        message: u64,
        /// What is wrong.
        problem: String,
    },
    /// A latent packet can't be read.
    #[error("channel `{topic}`, message {message}: {error}")]
    Packet {
        /// The channel.
        topic: String,
        /// Which of its messages, from 0.
        message: u64,
        /// What is wrong.
        #[source]
        error: ReadPacketError,
    },
    /// No such sender.
    #[error("the call has no sender number {0}")]
    NoSuchSender(usize),
}

/// What is wrong with a record of the container.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// A field reaches past the record's end.
    #[error("its field `{0}` reaches past its end")]
    Cut(&'static str),
    /// A text is not UTF-8.
    #[error("its field `{0}` is not UTF-8")]
    Utf8(&'static str),
    /// A key comes twice.
    #[error("its field `{0}` has the same key twice")]
    DuplicateKey(&'static str),
    /// A record stands where it can't.
    #[error("it can't stand here")]
    Misplaced,
    /// A compression that this reader doesn't know.
    #[error("its compression `{0}` is not known; only zstd and none are")]
    Compression(String),
    /// A chunk is larger than any is read.
    #[error("it claims {claimed} bytes uncompressed; at most {limit} are read", limit = super::MAX_CHUNK_BYTES)]
    TooLarge {
        /// What it claims.
        claimed: u64,
    },
    /// Decompression failed.
    #[error("it can't be decompressed: {0}")]
    Decompress(String),
    /// It decompresses to another size.
    #[error("it claims {claimed} bytes uncompressed and holds {found}")]
    Size {
        /// What it claims.
        claimed: u64,
        /// What it holds.
        found: u64,
    },
    /// A checksum doesn't match.
    #[error("its CRC-32 is {found:08x}, not {stated:08x} as stated")]
    Checksum {
        /// What the file says.
        stated: u32,
        /// What it is.
        found: u32,
    },
    /// A channel is defined twice, differently.
    #[error("channel {0} was something else before")]
    Redefined(u16),
    /// A message is on a channel that was not defined.
    #[error("its channel {0} was not defined")]
    UnknownChannel(u16),
    /// A sender's channel has an encoding that this reader doesn't know.
    #[error("channel `{topic}` is encoded as `{found}`, not as `{known}`")]
    Encoding {
        /// The channel.
        topic: String,
        /// Its encoding.
        found: String,
        /// What it should be.
        known: &'static str,
    },
}
