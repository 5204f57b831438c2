//! Records a performance (a CSV of face signals and a WAV voice, as `assets/performance/perform.py` makes them) as a call,
//! through the same writers that a live sender uses.
//!
//! ```sh
//! cargo run -p visavis-codec --example record_performance -- \
//!     assets/performance/hello assets/calls/hello.mcap [--avatar wren.avatar] [--name wren]
//! ```

use std::error::Error;
use std::fs;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::time::Duration;

use visavis_codec::avatar::Avatar;
use visavis_codec::bitstream::{LatentWriter, Quantiser, WriterOptions, plain_latent_model};
use visavis_codec::call::{AudioFormat, CallReader, CallWriter, JoinStatement, MessageTimes, Sender};
use visavis_codec::drive::performance::read_csv;
use visavis_codec::{FaceFrame, Timestamp};

/// A block of sound lasts 20 ms.
const BLOCKS_PER_SECOND: u32 = 50;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse()?;
    let table = arguments.performance.with_extension("csv");
    let text = fs::read(&table).map_err(|error| format!("{}: {error}", table.display()))?;
    let read = read_csv(&text).map_err(|error| format!("{}: {error}", table.display()))?;
    if read.notes.malformed > 0 {
        return Err(format!("{}: {}", table.display(), read.notes.first.join("; ")).into());
    }
    let frames: Vec<FaceFrame> = read.frames().collect();
    let voice = Voice::read(&arguments.performance.with_extension("wav"))?;

    let mut sender = Sender::new(&arguments.name, &arguments.name, plain_latent_model(0));
    if let Some(path) = &arguments.avatar {
        let bytes = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let avatar = Avatar::read(&bytes).map_err(|error| format!("{}: {error}", path.display()))?;
        sender.avatar_root = Some(Avatar::root_hash(&bytes)?);
        sender.avatar_name = avatar.manifest.name;
        sender.latent = avatar.manifest.latent;
    }
    sender.audio = AudioFormat { sample_rate: voice.sample_rate };
    let summary = record(&arguments.out, &sender, &frames, &voice)?;

    let file = fs::read(&arguments.out)?;
    let call = CallReader::new(&file)?;
    let (id, _) = call.sender(&sender.name).ok_or("the call lacks its sender")?;
    let mut heard = vec![0; voice.samples.len()];
    let mut sound = call.sound(voice.sample_rate, &[visavis_codec::call::Voice { sender: id, shift: 0 }])?;
    sound.read(Timestamp(0), 0, &mut heard)?;
    if call.faces(id)?.len() != frames.len() || heard != voice.samples {
        return Err("what was recorded doesn't come back".into());
    }
    eprintln!(
        "{}: {} frames, {:.2} s, {} bytes; face {:.1} bytes a frame, {:.2} kbit/s",
        arguments.out.display(),
        frames.len(),
        voice.seconds(),
        file.len(),
        summary.face_bytes as f64 / frames.len() as f64,
        summary.face_bytes as f64 * 8e-3 / voice.seconds(),
    );
    Ok(())
}

struct Summary {
    face_bytes: usize,
}

/// Writes frames and sound as they would arrive: a block once its last sample is there.
fn record(
    out: &Path,
    sender: &Sender,
    frames: &[FaceFrame],
    voice: &Voice,
) -> Result<Summary, Box<dyn Error>> {
    if let Some(folder) = out.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut call = CallWriter::new(BufWriter::new(fs::File::create(out)?))?;
    let id = call.add_sender(sender)?;
    call.write_join(id, MessageTimes::at_once(Timestamp(0)), &JoinStatement::default())?;

    let mut latents = LatentWriter::new(Quantiser::new(&sender.latent)?, WriterOptions::stream());
    let (mut packet, mut face_bytes) = (Vec::new(), 0);
    let block = (voice.sample_rate / BLOCKS_PER_SECOND) as usize;
    let mut blocks = voice.samples.chunks(block).enumerate().peekable();
    for frame in frames {
        while let Some((i, samples)) = blocks.next_if(|&(i, _)| voice.time((i + 1) * block) <= frame.time) {
            call.write_audio(id, voice.times(i * block, samples.len()), samples)?;
        }
        latents.write(frame, &mut packet)?;
        face_bytes += packet.len();
        call.write_face(id, MessageTimes::at_once(frame.time), &packet)?;
    }
    for (i, samples) in blocks {
        call.write_audio(id, voice.times(i * block, samples.len()), samples)?;
    }
    call.finish()?.into_inner().map_err(|error| error.into_error())?;
    Ok(Summary { face_bytes })
}

/// A mono 16-bit WAV.
struct Voice {
    sample_rate: u32,
    samples: Vec<i16>,
}

impl Voice {
    fn read(path: &Path) -> Result<Self, Box<dyn Error>> {
        let bytes = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let bad = |what: &str| format!("{}: {what}", path.display());
        let (Some(b"RIFF"), Some(b"WAVE")) = (bytes.get(..4), bytes.get(8..12)) else {
            return Err(bad("not a WAV file").into());
        };
        let (mut rest, mut sample_rate) = (&bytes[12..], None);
        while let Some((head, body)) = rest.split_first_chunk::<8>() {
            let size = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
            let chunk = body.get(..size).ok_or_else(|| bad("a chunk is cut off"))?;
            match (&head[..4], chunk) {
                (b"fmt ", &[1, 0, 1, 0, a, b, c, d, _, _, _, _, 2, 0, 16, 0, ..]) => {
                    sample_rate = Some(u32::from_le_bytes([a, b, c, d]));
                }
                (b"fmt ", _) => return Err(bad("not 16-bit mono PCM").into()),
                (b"data", data) => {
                    let sample_rate = sample_rate.ok_or_else(|| bad("no format before the data"))?;
                    let samples = data.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]]));
                    return Ok(Self { sample_rate, samples: samples.collect() });
                }
                _ => {}
            }
            rest = body.get(size + size % 2..).unwrap_or_default();
        }
        Err(bad("no data").into())
    }

    fn time(&self, sample: usize) -> Timestamp {
        let time = Duration::from_secs(sample as u64) / self.sample_rate;
        Timestamp(time.as_nanos() as u64)
    }

    fn times(&self, first: usize, count: usize) -> MessageTimes {
        MessageTimes { capture: self.time(first), arrival: self.time(first + count) }
    }

    fn seconds(&self) -> f64 {
        self.samples.len() as f64 / f64::from(self.sample_rate)
    }
}

struct Arguments {
    performance: PathBuf,
    out: PathBuf,
    avatar: Option<PathBuf>,
    name: String,
}

impl Arguments {
    fn parse() -> Result<Self, String> {
        const USAGE: &str = "usage: record_performance PERFORMANCE OUT.mcap [--avatar FILE] [--name NAME]";
        let (mut paths, mut avatar, mut name) = (Vec::new(), None, "wren".to_owned());
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--avatar" => avatar = Some(PathBuf::from(arguments.next().ok_or(USAGE)?)),
                "--name" => name = arguments.next().ok_or(USAGE)?,
                _ => paths.push(PathBuf::from(argument)),
            }
        }
        let [performance, out] = paths.try_into().map_err(|_| USAGE)?;
        Ok(Self { performance, out, avatar, name })
    }
}
