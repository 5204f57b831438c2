//! The recorded call: who sent what and when, in an [MCAP](https://mcap.dev) file that any MCAP tool opens.
//!
//! Each sender has a channel of latent packets, one of sound, one of join statements and, if it was a live call, one of
//! what proves that the sender is who it says, and states which avatar its latents are for. A [`CallWriter`] writes to anything that seeks; a [`CallReader`] reads bytes in memory, one chunk
//! at a time, and trusts none of them. The format is written down in `avatar-codec/CALL.md`.
//!
//! ```
//! use visavis_codec::bitstream::{LatentWriter, Quantiser, WriterOptions, plain_latent_model};
//! use visavis_codec::call::{CallReader, CallWriter, MessageTimes, Sender};
//! use visavis_codec::{FaceFrame, Timestamp};
//!
//! let sender = Sender::new("wren", "wren", plain_latent_model(0));
//! let mut writer = LatentWriter::new(Quantiser::new(&sender.latent)?, WriterOptions::stream());
//! let mut call = CallWriter::new(std::io::Cursor::new(Vec::new()))?;
//! let wren = call.add_sender(&sender)?;
//! let mut packet = Vec::new();
//! for i in 0..30 {
//!     let frame = FaceFrame { time: Timestamp(i * 33_333_333), ..FaceFrame::default() };
//!     writer.write(&frame, &mut packet)?;
//!     call.write_face(wren, MessageTimes::at_once(frame.time), &packet)?;
//! }
//! let file = call.finish()?.into_inner();
//!
//! let call = CallReader::new(&file)?;
//! let (wren, sender) = call.senders().next().ok_or("no sender")?;
//! assert_eq!(sender.name, "wren");
//! assert_eq!(call.faces(wren)?.len(), 30);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod audio;
mod chunk;
mod error;
mod messages;
mod reader;
mod records;
mod sender;
mod sound;
mod timeline;
mod writer;

pub use audio::AudioFormat;
pub use error::{ReadCallError, RecordError};
pub use messages::{CallBody, CallMessage, Messages};
pub use reader::CallReader;
pub use sender::{AvatarMismatch, JoinStatement, Sender};
pub use sound::{Sound, Voice};
pub use timeline::Timeline;
pub use writer::{CallWriter, WriteCallError};

use crate::latent::Timestamp;

/// The version of the recorded call that this crate writes and reads.
pub const CALL_VERSION: u32 = 2;
/// The most senders of a call.
pub const MAX_SENDERS: usize = 256;
/// The largest chunk that is read, uncompressed; ours hold a second.
pub const MAX_CHUNK_BYTES: u64 = 16 << 20;

/// The MCAP profile, in the file's header.
const PROFILE: &str = "visavis-call";
/// Names of the metadata records.
const CALL_METADATA: &str = "visavis.call";
const SENDER_METADATA: &str = "visavis.sender";

/// A sender of a call: its place in [`CallReader::senders`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SenderId(u16);

impl SenderId {
    /// The place, from 0.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// When a message was captured and when it arrived where the call was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageTimes {
    /// On the sender's clock: of the frame, or of a sound block's first sample. MCAP's publish time.
    pub capture: Timestamp,
    /// On the recorder's clock. MCAP's log time.
    pub arrival: Timestamp,
}

impl MessageTimes {
    /// Of a message that is recorded where and when it is made.
    pub const fn at_once(time: Timestamp) -> Self {
        Self { capture: time, arrival: time }
    }
}

/// What a channel of a sender carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Track {
    Face,
    Audio,
    Join,
    Proof,
}

impl Track {
    const ALL: [Self; 4] = [Self::Face, Self::Audio, Self::Join, Self::Proof];
    /// Those that every sender has; the others begin with their first message.
    const ALWAYS: [Self; 3] = [Self::Face, Self::Audio, Self::Join];

    /// The topic's last part.
    const fn name(self) -> &'static str {
        match self {
            Self::Face => "face",
            Self::Audio => "audio",
            Self::Join => "join",
            Self::Proof => "proof",
        }
    }

    /// MCAP's message encoding.
    const fn encoding(self) -> &'static str {
        match self {
            Self::Face => "visavis-latent",
            Self::Audio => "pcm-s16le",
            Self::Join => "json",
            Self::Proof => "visavis-proof",
        }
    }

    /// MCAP's schema: name, encoding, text.
    const fn schema(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Face => (
                "visavis.LatentPacket",
                "text",
                "One packet of the vis-à-vis latent bitstream; packets with an intra frame state its version.",
            ),
            Self::Audio => (
                "visavis.Pcm",
                "text",
                "Signed 16-bit little-endian PCM samples; rate and channels are in the channel's metadata.",
            ),
            Self::Join => ("visavis.JoinStatement", "jsonschema", sender::JOIN_SCHEMA),
            Self::Proof => (
                "visavis.Proof",
                "text",
                "Join statements, checkpoints and the objects they sign for, as they were opened: they prove who spoke.",
            ),
        }
    }

    fn topic(self, sender: &str) -> String {
        format!("/{sender}/{}", self.name())
    }
}
