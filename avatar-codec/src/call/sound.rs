//! The sound of a call: its senders mixed on one clock, piece by piece, in memory that depends on neither the length of
//! the call nor on what its file claims.
//!
//! Blocks may stand in the file in any order, and any number of them at one time. So the file is read twice or more:
//! once to note between which times the sound of each stretch of records lies (at most [`MAX_STRETCHES`], so a stretch
//! is one chunk in calls of an hour, and more in longer ones), and then for each piece those stretches whose times meet
//! it. Of a call in the order of its arrival, each chunk is decompressed once more, or twice on the border of two
//! pieces; of a call whose chunks all lie everywhere, every piece takes the whole file, in the same memory.

use std::collections::HashMap;
use std::ops::Range;

use crate::latent::Timestamp;

use super::error::ReadCallError;
use super::messages::{CallBody, Channel, Messages};
use super::reader::CallReader;
use super::{MessageTimes, SenderId};

/// How many stretches of records a [`Sound`] tells apart.
const MAX_STRETCHES: usize = 4096;
const NANOSECONDS: i128 = 1_000_000_000;

/// A sender whose sound is mixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Voice {
    /// Who.
    pub sender: SenderId,
    /// What brings the sender's clock onto the one that the sound is asked by: added to capture times, nanoseconds.
    pub shift: i128,
}

/// The sound of some senders of a call, mixed: [`CallReader::sound`].
#[derive(Debug)]
pub struct Sound<'c> {
    call: &'c CallReader<'c>,
    sample_rate: u32,
    /// By sender: its rate, and what brings it onto the one clock. `None` for those that aren't mixed.
    voices: Vec<Option<(u32, i128)>>,
    channels: HashMap<u16, Channel>,
    stretches: Vec<Stretch>,
    /// A whole stretch has this many records.
    records_a_stretch: usize,
    /// Sums, before they are clipped.
    sums: Vec<i64>,
}

/// Neighbouring records outside of chunks, and the sound in them.
#[derive(Clone, Debug)]
struct Stretch {
    records: Range<usize>,
    count: usize,
    times: Range<u64>,
}

/// A sound block in the file.
struct Block<'m> {
    times: Range<u64>,
    sample_rate: u32,
    bytes: &'m [u8],
}

impl CallReader<'_> {
    /// The sound of these senders, mixed at `sample_rate`. Goes through the whole file once.
    ///
    /// # Errors
    /// If a sender isn't in the call, or the recording is damaged.
    pub fn sound(&self, sample_rate: u32, voices: &[Voice]) -> Result<Sound<'_>, ReadCallError> {
        let mut by_sender = vec![None; self.senders().len()];
        for voice in voices {
            let rate = self.get(voice.sender)?.audio.sample_rate;
            if let Some(entry) = by_sender.get_mut(voice.sender.index()) {
                *entry = Some((rate, voice.shift));
            }
        }
        let mut sound = Sound {
            call: self,
            sample_rate,
            voices: by_sender,
            channels: HashMap::new(),
            stretches: Vec::new(),
            records_a_stretch: 1,
            sums: Vec::new(),
        };
        let mut messages = self.messages();
        while let Some(message) = messages.next()? {
            let block = block(&sound.voices, message.sender, message.times, message.body);
            if let Some(times) = block.map(|block| block.times) {
                sound.note(messages.record(), times);
            }
        }
        sound.channels = messages.into_channels();
        Ok(sound)
    }
}

impl Sound<'_> {
    /// Samples a second of what [`read`](Self::read) gives.
    pub fn sample_rate(&self) -> u32 {
        self.sample_rate
    }

    /// When the first block begins and the last one ends; `None` if there is none.
    pub fn span(&self) -> Option<(Timestamp, Timestamp)> {
        let start = self.stretches.iter().map(|stretch| stretch.times.start).min()?;
        let end = self.stretches.iter().map(|stretch| stretch.times.end).max()?;
        Some((Timestamp(start), Timestamp(end)))
    }

    /// Fills `out` with the mix from sample number `first` on, number 0 being at `origin`; clipped where it is too
    /// loud, 0 where nobody speaks. Senders of another rate are interpolated linearly within each block. Returns
    /// whether any block reaches into `out`.
    ///
    /// Takes eight bytes a sample of `out`, and one chunk of the file.
    ///
    /// # Errors
    /// If the recording is damaged.
    pub fn read(&mut self, origin: Timestamp, first: i64, out: &mut [i16]) -> Result<bool, ReadCallError> {
        out.fill(0);
        self.sums.clear();
        self.sums.resize(out.len(), 0);
        let clock = Clock { origin, sample_rate: self.sample_rate, first: i128::from(first) };
        let window = 0..out.len() as i128;
        let mut is_heard = false;
        for stretch in &self.stretches {
            let reach = clock.places(&stretch.times);
            // A block's last sample may lie one off its end in time, for rounding's sake.
            if reach.start > window.end || reach.end < window.start {
                continue;
            }
            // Sound that the first pass found nothing wrong with is read again as it was.
            let channels = std::mem::take(&mut self.channels);
            let mut messages = Messages::over(self.call, stretch.records.clone(), channels);
            while let Some(message) = messages.next()? {
                if let Some(block) = block(&self.voices, message.sender, message.times, message.body) {
                    is_heard |= clock.add(&block, &mut self.sums);
                }
            }
            self.channels = messages.into_channels();
        }
        for (out, &sum) in out.iter_mut().zip(&self.sums) {
            *out = sum.clamp(i16::MIN.into(), i16::MAX.into()) as i16;
        }
        Ok(is_heard)
    }

    /// Notes that sound of these times lies in a record.
    fn note(&mut self, record: Range<usize>, times: Range<u64>) {
        if let Some(last) = self.stretches.last_mut() {
            let is_same = last.records.end == record.end;
            if is_same || last.count < self.records_a_stretch {
                last.count += usize::from(!is_same);
                last.join(&record, &times);
                return;
            }
        }
        if self.stretches.len() == MAX_STRETCHES {
            for pair in 0..MAX_STRETCHES / 2 {
                let mut joined = self.stretches[2 * pair].clone();
                let second = &self.stretches[2 * pair + 1];
                joined.count += second.count;
                joined.join(&second.records, &second.times);
                self.stretches[pair] = joined;
            }
            self.stretches.truncate(MAX_STRETCHES / 2);
            self.records_a_stretch *= 2;
        }
        self.stretches.push(Stretch { records: record, count: 1, times });
    }
}

impl Stretch {
    fn join(&mut self, records: &Range<usize>, times: &Range<u64>) {
        self.records.end = records.end;
        self.times = self.times.start.min(times.start)..self.times.end.max(times.end);
    }
}

/// The sound block of a message, if it is one of a voice, with its times on the one clock.
fn block<'m>(
    voices: &[Option<(u32, i128)>],
    sender: SenderId,
    times: MessageTimes,
    body: CallBody<'m>,
) -> Option<Block<'m>> {
    let CallBody::Audio(bytes) = body else { return None };
    let (sample_rate, shift) = (*voices.get(sender.index())?)?;
    let start = i128::from(times.capture.0).saturating_add(shift);
    let samples = (bytes.len() / 2) as i128;
    let end = start.saturating_add(rounded(samples * NANOSECONDS, i128::from(sample_rate)));
    let [start, end] = [start, end].map(|time| time.clamp(0, u64::MAX.into()) as u64);
    Some(Block { times: start..end, sample_rate, bytes })
}

/// The nearest whole number to a quotient, halves upwards.
fn rounded(dividend: i128, divisor: i128) -> i128 {
    (2 * dividend + divisor).div_euclid(2 * divisor)
}

/// Where times lie among the samples that are asked for.
struct Clock {
    origin: Timestamp,
    sample_rate: u32,
    first: i128,
}

impl Clock {
    fn place(&self, time: u64) -> i128 {
        let since = i128::from(time) - i128::from(self.origin.0);
        rounded(since * i128::from(self.sample_rate), NANOSECONDS) - self.first
    }

    fn places(&self, times: &Range<u64>) -> Range<i128> {
        self.place(times.start)..self.place(times.end)
    }

    /// Adds a block to what it reaches of the sums; whether it reaches any.
    fn add(&self, block: &Block<'_>, sums: &mut [i64]) -> bool {
        let samples = block.bytes.as_chunks::<2>().0;
        let sample = |i: usize| samples.get(i).map_or(0, |&bytes| i64::from(i16::from_le_bytes(bytes)));
        let is_same_rate = block.sample_rate == self.sample_rate;
        let mut places = self.places(&block.times);
        if is_same_rate {
            places.end = places.start + samples.len() as i128;
        }
        let reached = places.start.max(0)..places.end.min(sums.len() as i128);
        if reached.is_empty() {
            return false;
        }
        for place in reached {
            let since = (place - places.start) as usize;
            let value = if is_same_rate {
                sample(since)
            } else {
                let (whole, part) = {
                    let scaled = since as u64 * u64::from(block.sample_rate);
                    let rate = u64::from(self.sample_rate);
                    ((scaled / rate) as usize, (scaled % rate) as i64)
                };
                let (a, b) = (sample(whole), sample((whole + 1).min(samples.len() - 1)));
                a + (b - a) * part / i64::from(self.sample_rate)
            };
            sums[place as usize] += value;
        }
        true
    }
}
