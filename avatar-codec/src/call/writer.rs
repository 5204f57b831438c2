//! Writing a call.

use std::collections::BTreeMap;
use std::io::{Seek, Write};

use mcap::records::{MessageHeader, Metadata};
use mcap::{Compression, McapError, WriteOptions, Writer};

use crate::bitstream::{MAX_PACKET_BYTES, PacketHeader, QuantiserError, ReadPacketError};
use crate::latent::Timestamp;

use super::sender::{JoinStatement, Sender};
use super::{
    CALL_METADATA, CALL_VERSION, MAX_SENDERS, MessageTimes, PROFILE, SENDER_METADATA, SenderId, Track,
};

/// A chunk holds messages that arrived within this time: what a cut loses at the most.
const CHUNK_NANOSECONDS: u64 = 1_000_000_000;
/// zstd's level: sound compresses little, at any level.
const COMPRESSION_LEVEL: u32 = 9;

/// Writes a recorded call. Messages are to come in the order in which they arrived.
pub struct CallWriter<W: Write + Seek> {
    mcap: Writer<W>,
    senders: Vec<SenderChannels>,
    chunk_start: Option<Timestamp>,
    block: Vec<u8>,
}

/// A sender's channel numbers and message counts, by [`Track`].
struct SenderChannels {
    name: String,
    max_block: usize,
    tracks: [Option<(u16, u32)>; Track::ALL.len()],
}

/// Why a call can't be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteCallError {
    /// A sender's or avatar's name can't stand in the file.
    #[error("sender `{name}`: {problem}")]
    Name {
        /// The sender's name.
        name: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// A sender of this name is there already.
    #[error("the call has a sender `{0}` already")]
    DuplicateSender(String),
    /// The call is full.
    #[error("a call has at most {MAX_SENDERS} senders")]
    TooManySenders,
    /// The sender's latent model is not one that latents could be read with.
    #[error("sender `{name}`: {error}")]
    LatentModel {
        /// The sender's name.
        name: String,
        /// What is wrong.
        #[source]
        error: QuantiserError,
    },
    /// The sample rate is not one of 8,000..=48,000.
    #[error("sender `{name}`: {sample_rate} samples a second; a call takes 8000 to 48000")]
    SampleRate {
        /// The sender's name.
        name: String,
        /// The rate.
        sample_rate: u32,
    },
    /// No such sender: it is another call's.
    #[error("the call has no sender number {0}")]
    NoSuchSender(usize),
    /// Not a latent packet.
    #[error("channel `{topic}`: {error}")]
    Packet {
        /// The channel.
        topic: String,
        /// What is wrong.
        #[source]
        error: ReadPacketError,
    },
    /// A sound block is empty or too long.
    #[error("channel `{topic}`: a block of {samples} samples; 1 to {limit} are allowed")]
    AudioBlock {
        /// The channel.
        topic: String,
        /// Its length.
        samples: usize,
        /// The greatest length.
        limit: usize,
    },
    /// Writing failed.
    #[error("the call can't be written")]
    Io(#[from] std::io::Error),
}

impl<W: Write + Seek> CallWriter<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// If the beginning can't be written.
    pub fn new(writer: W) -> Result<Self, WriteCallError> {
        let mut mcap = WriteOptions::new()
            .profile(PROFILE)
            .library(concat!("visavis-codec ", env!("CARGO_PKG_VERSION")))
            .compression(Some(Compression::Zstd))
            .compression_level(COMPRESSION_LEVEL)
            // The same bytes on every machine, whatever its number of cores.
            .compression_threads(0)
            .create(writer)
            .map_err(io_error)?;
        let version = BTreeMap::from([("version".to_owned(), CALL_VERSION.to_string())]);
        mcap.write_metadata(&Metadata { name: CALL_METADATA.to_owned(), metadata: version })
            .map_err(io_error)?;
        Ok(Self { mcap, senders: Vec::new(), chunk_start: None, block: Vec::new() })
    }

    /// Adds a sender, with its channels.
    ///
    /// # Errors
    /// If the name can't stand in a file or is there already, if the latent model or the sample rate can't be, if the
    /// call has as many senders as it can, or if it can't be written.
    pub fn add_sender(&mut self, sender: &Sender) -> Result<SenderId, WriteCallError> {
        let name = || sender.name.clone();
        if let Some(problem) = sender.name_problem() {
            return Err(WriteCallError::Name { name: name(), problem });
        }
        if self.senders.iter().any(|other| other.name == sender.name) {
            return Err(WriteCallError::DuplicateSender(name()));
        }
        let id = match u16::try_from(self.senders.len()) {
            Ok(id) if self.senders.len() < MAX_SENDERS => SenderId(id),
            _ => return Err(WriteCallError::TooManySenders),
        };
        sender.quantiser().map_err(|error| WriteCallError::LatentModel { name: name(), error })?;
        if !sender.audio.is_valid() {
            let sample_rate = sender.audio.sample_rate;
            return Err(WriteCallError::SampleRate { name: name(), sample_rate });
        }
        let metadata = sender.to_metadata().map_err(std::io::Error::from)?;
        self.mcap
            .write_metadata(&Metadata { name: SENDER_METADATA.to_owned(), metadata })
            .map_err(io_error)?;
        self.chunk_start = None;

        let mut tracks = [None; Track::ALL.len()];
        for track in Track::ALWAYS {
            let metadata = match track {
                Track::Audio => sender.audio.to_metadata(),
                Track::Face | Track::Join | Track::Proof => BTreeMap::new(),
            };
            let channel = add_channel(&mut self.mcap, track, &sender.name, &metadata)?;
            tracks[track as usize] = Some((channel, 0));
        }
        self.senders.push(SenderChannels { name: name(), max_block: sender.audio.max_block(), tracks });
        Ok(id)
    }

    /// Records a latent packet.
    ///
    /// # Errors
    /// If there is no such sender, if the packet is none, or if it can't be written.
    pub fn write_face(
        &mut self,
        sender: SenderId,
        times: MessageTimes,
        packet: &[u8],
    ) -> Result<(), WriteCallError> {
        let topic = self.topic(sender, Track::Face)?;
        debug_assert!(packet.len() <= MAX_PACKET_BYTES);
        PacketHeader::read(packet).map_err(|error| WriteCallError::Packet { topic, error })?;
        self.write(sender, Track::Face, times, packet)
    }

    /// Records a block of sound, at most 120 ms; `times.capture` is its first sample's.
    ///
    /// # Errors
    /// If there is no such sender, if the block is empty or too long, or if it can't be written.
    pub fn write_audio(
        &mut self,
        sender: SenderId,
        times: MessageTimes,
        samples: &[i16],
    ) -> Result<(), WriteCallError> {
        let limit = self.senders.get(sender.index()).map_or(0, |sender| sender.max_block);
        let topic = self.topic(sender, Track::Audio)?;
        if samples.is_empty() || samples.len() > limit {
            return Err(WriteCallError::AudioBlock { topic, samples: samples.len(), limit });
        }
        let mut block = std::mem::take(&mut self.block);
        block.clear();
        block.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
        let result = self.write(sender, Track::Audio, times, &block);
        self.block = block;
        result
    }

    /// Records a join statement.
    ///
    /// # Errors
    /// If there is no such sender, or it can't be written.
    pub fn write_join(
        &mut self,
        sender: SenderId,
        times: MessageTimes,
        join: &JoinStatement,
    ) -> Result<(), WriteCallError> {
        let text = serde_json::to_vec(join).map_err(std::io::Error::from)?;
        self.write(sender, Track::Join, times, &text)
    }

    /// Records what proves who spoke: the network crate's `RecordedProof`, in bytes.
    ///
    /// # Errors
    /// If there is no such sender, or it can't be written.
    pub fn write_proof(
        &mut self,
        sender: SenderId,
        times: MessageTimes,
        proof: &[u8],
    ) -> Result<(), WriteCallError> {
        self.write(sender, Track::Proof, times, proof)
    }

    /// Ends the file and gives it back.
    ///
    /// # Errors
    /// If the end can't be written.
    pub fn finish(mut self) -> Result<W, WriteCallError> {
        self.mcap.finish().map_err(io_error)?;
        Ok(self.mcap.into_inner())
    }

    fn topic(&self, sender: SenderId, track: Track) -> Result<String, WriteCallError> {
        let channels = self.senders.get(sender.index());
        let channels = channels.ok_or(WriteCallError::NoSuchSender(sender.index()))?;
        Ok(track.topic(&channels.name))
    }

    fn write(
        &mut self,
        sender: SenderId,
        track: Track,
        times: MessageTimes,
        data: &[u8],
    ) -> Result<(), WriteCallError> {
        let MessageTimes { capture, arrival } = times;
        let start = *self.chunk_start.get_or_insert(arrival);
        if arrival.0.abs_diff(start.0) >= CHUNK_NANOSECONDS {
            self.mcap.flush().map_err(io_error)?;
            self.chunk_start = Some(arrival);
        }
        let channels = self.senders.get_mut(sender.index());
        let channels = channels.ok_or(WriteCallError::NoSuchSender(sender.index()))?;
        let place = &mut channels.tracks[track as usize];
        let (channel_id, count) = match place {
            Some(channel) => channel,
            None => {
                let channel = add_channel(&mut self.mcap, track, &channels.name, &BTreeMap::new())?;
                place.insert((channel, 0))
            }
        };
        let header = MessageHeader {
            channel_id: *channel_id,
            sequence: *count,
            log_time: arrival.0,
            publish_time: capture.0,
        };
        self.mcap.write_to_known_channel(&header, data).map_err(io_error)?;
        *count = count.wrapping_add(1);
        Ok(())
    }
}

fn add_channel<W: Write + Seek>(
    mcap: &mut Writer<W>,
    track: Track,
    sender: &str,
    metadata: &BTreeMap<String, String>,
) -> std::io::Result<u16> {
    let (schema, encoding, text) = track.schema();
    let schema = mcap.add_schema(schema, encoding, text.as_bytes()).map_err(io_error)?;
    mcap.add_channel(schema, &track.topic(sender), track.encoding(), metadata).map_err(io_error)
}

/// The errors that the MCAP writer has for what it is asked here are its stream's.
fn io_error(error: McapError) -> std::io::Error {
    match error {
        McapError::Io(error) => error,
        other => std::io::Error::other(other),
    }
}
