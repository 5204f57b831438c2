//! The live stream of Live Link Face: a datagram for each frame, to UDP port 11111 unless the app is told otherwise.
//!
//! All numbers are big-endian. Version (u8, 6), device and subject (each a length as u32, then that many bytes), frame
//! number (u32, of the day), fraction of a frame (f32), rate as numerator and denominator (u32 each); then, if there is a
//! face, a count (u8, 61) and as many f32.

use crate::drive::Notes;
use crate::drive::signals::Received;
use crate::latent::UNITS;

use super::{EyeSigns, Raw, VALUES, signals_of};

/// Longer datagrams are not the app's.
pub const MAX_PACKET_BYTES: usize = 1024;
/// The version of the format.
const VERSION: u8 = 6;
/// Names are at most so long.
const MAX_NAME_BYTES: usize = 256;
/// Frames a second that are believed.
const RATES: std::ops::RangeInclusive<f64> = 1.0..=240.0;

/// One datagram.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveLinkPacket<'a> {
    /// Which device sent it.
    pub device: &'a [u8],
    /// Whom it shows.
    pub subject: &'a [u8],
    /// Seconds of the day on the sender's clock.
    pub seconds: f64,
    /// Frames a second.
    pub rate: f64,
    /// The face; `None` if none is seen.
    pub values: Option<[f32; VALUES]>,
}

/// Why a datagram can't be read.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum PacketError {
    /// Longer than any.
    #[error("{0} bytes; Live Link Face sends at most {MAX_PACKET_BYTES}")]
    TooLong(usize),
    /// It ends too soon.
    #[error("it ends within its field `{0}`")]
    Cut(&'static str),
    /// Of another version, or of another program.
    #[error("field `version` is {0}; Live Link Face's is {VERSION}")]
    Version(u8),
    /// A name is too long.
    #[error("field `{field}` claims {bytes} bytes; at most {MAX_NAME_BYTES} are read")]
    Name {
        /// Which.
        field: &'static str,
        /// What it claims.
        bytes: u32,
    },
    /// The rate or the time means nothing.
    #[error("field `{0}` is not a usable number")]
    Number(&'static str),
    /// Another number of values.
    #[error("field `count` is {0}; a face has {VALUES} values, or {UNITS} without angles")]
    Count(u8),
}

impl<'a> LiveLinkPacket<'a> {
    /// Reads a datagram.
    ///
    /// # Errors
    /// If the datagram isn't Live Link Face's.
    pub fn read(datagram: &'a [u8]) -> Result<Self, PacketError> {
        if datagram.len() > MAX_PACKET_BYTES {
            return Err(PacketError::TooLong(datagram.len()));
        }
        let mut rest = datagram;
        let version = take(&mut rest, 1, "version")?[0];
        if version != VERSION {
            return Err(PacketError::Version(version));
        }
        let device = name(&mut rest, "device")?;
        let subject = name(&mut rest, "subject")?;
        let frame = word(&mut rest, "frame")?;
        let fraction = f64::from(f32::from_bits(word(&mut rest, "sub-frame")?));
        let (numerator, denominator) = (word(&mut rest, "rate")?, word(&mut rest, "rate")?);
        let rate = f64::from(numerator) / f64::from(denominator.max(1));
        if !RATES.contains(&rate) {
            return Err(PacketError::Number("rate"));
        }
        if !(0.0..=1.0).contains(&fraction) {
            return Err(PacketError::Number("sub-frame"));
        }
        let seconds = (f64::from(frame) + fraction) / rate;
        let values = match rest.split_first() {
            None | Some((0, _)) => None,
            Some((&count, mut rest)) => {
                if usize::from(count) != VALUES && usize::from(count) != UNITS {
                    return Err(PacketError::Count(count));
                }
                let mut values = [0.0; VALUES];
                for value in &mut values[..usize::from(count)] {
                    *value = f32::from_bits(word(&mut rest, "values")?);
                    if !value.is_finite() {
                        return Err(PacketError::Number("values"));
                    }
                }
                Some(values)
            }
        };
        Ok(Self { device, subject, seconds, rate, values })
    }
}

fn take<'a>(rest: &mut &'a [u8], count: usize, field: &'static str) -> Result<&'a [u8], PacketError> {
    let (taken, left) = rest.split_at_checked(count).ok_or(PacketError::Cut(field))?;
    *rest = left;
    Ok(taken)
}

fn word(rest: &mut &[u8], field: &'static str) -> Result<u32, PacketError> {
    let bytes = take(rest, 4, field)?;
    Ok(bytes.iter().fold(0, |word, &byte| word << 8 | u32::from(byte)))
}

fn name<'a>(rest: &mut &'a [u8], field: &'static str) -> Result<&'a [u8], PacketError> {
    let bytes = word(rest, field)?;
    match usize::try_from(bytes) {
        Ok(count) if count <= MAX_NAME_BYTES => take(rest, count, field),
        _ => Err(PacketError::Name { field, bytes }),
    }
}

/// A stream of datagrams. The first sender that can be read is the one that counts.
#[derive(Clone, Debug, Default)]
pub struct LiveLinkStream {
    sender: Option<(Vec<u8>, Vec<u8>)>,
    signs: EyeSigns,
    notes: Notes,
}

impl LiveLinkStream {
    /// Reads a datagram; `None` if it is malformed or of another sender, which is noted.
    pub fn receive(&mut self, datagram: &[u8]) -> Option<Received> {
        let packet = match LiveLinkPacket::read(datagram) {
            Ok(packet) => packet,
            Err(error) => {
                self.notes.malformed(format!("a datagram: {error}"));
                return None;
            }
        };
        let LiveLinkPacket { device, subject, seconds, rate, values } = packet;
        let sender = self.sender.get_or_insert_with(|| (device.to_vec(), subject.to_vec()));
        if (sender.0.as_slice(), sender.1.as_slice()) != (device, subject) {
            let who = String::from_utf8_lossy(subject).into_owned();
            self.notes.ignored(format!("another sender, `{who}`: ignored"));
            return None;
        }
        self.notes.dropouts += u64::from(values.is_none());
        let signals = values.map(|raw: Raw| {
            self.signs.take(&raw);
            signals_of(&raw, &self.signs)
        });
        Some(Received { seconds, interval: Some(1.0 / rate), signals })
    }

    /// What was wrong so far.
    pub fn notes(&self) -> &Notes {
        &self.notes
    }
}
