//! What was seen and heard, as a video: drawn when the call is over, so that drawing takes nothing from the call.

use std::io::{BufReader, BufWriter, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use visavis_codec::FaceFrame;
use visavis_codec::avatar::AnyAvatar;
use visavis_net::seal::ParticipantId;
use visavis_net::voice::VOICE_RATE;

use crate::painter::Executor;
use crate::portrait::Portrait;
use crate::render::Camera;
use crate::render::background::{Background, Compositor};
use crate::render::output::{Output, frame_count};
use crate::render::wav;
use crate::{interrupt, progress};

/// The most people beside each other.
const MAX_SHOWN: usize = 8;
/// The longest that is kept, pictures: six hours of 30 a second.
const MAX_PICTURES: usize = 648_000;
/// What a face that isn't proven is drawn in, 8-bit sRGB.
const SILHOUETTE: u8 = 92;

/// How the video looks.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Of a video (--headless OUT)")]
pub(crate) struct FilmArguments {
    /// Pixels of each person: one number for a square, or WIDTHxHEIGHT
    #[arg(long, default_value = "512", value_parser = crate::render::parse_size)]
    size: [u32; 2],
    /// Pictures a second
    #[arg(long, default_value_t = 30.0, value_parser = crate::render::parse_fps)]
    pub(crate) fps: f64,
    #[arg(long, default_value = "front", help = format!("Where they are seen from: {}", crate::render::camera::CAMERA_HELP))]
    camera: Camera,
    /// What stands behind: gradient (a studio wall) or a colour as #8a8d91
    #[arg(long, default_value = "gradient")]
    background: Background,
    /// What draws
    #[arg(long, value_enum, default_value_t = Executor::Auto)]
    executor: Executor,
}

/// Pictures to be drawn, and the sound that goes with them.
pub(crate) struct Film {
    output: Output,
    path: PathBuf,
    arguments: FilmArguments,
    people: Vec<Person>,
    pictures: usize,
    sound: BufWriter<std::fs::File>,
    samples: u64,
}

struct Person {
    id: ParticipantId,
    /// The first picture that it is in.
    from: usize,
    /// A face for each picture from there, and whether it is shown as it is.
    faces: Vec<(FaceFrame, bool)>,
}

impl Film {
    pub(crate) fn start(path: &Path, arguments: &FilmArguments) -> Result<Self> {
        let output = Output::parse(path)?;
        let sound = output.temporary(".pcm")?.into_file();
        Ok(Self {
            output,
            path: path.to_owned(),
            arguments: arguments.clone(),
            people: Vec::new(),
            pictures: 0,
            sound: BufWriter::new(sound),
            samples: 0,
        })
    }

    /// The next picture: everybody's face, and whether it is proven.
    pub(crate) fn picture(&mut self, faces: impl IntoIterator<Item = (ParticipantId, FaceFrame, bool)>) {
        if self.pictures >= MAX_PICTURES {
            return;
        }
        for (id, face, is_proven) in faces {
            let known = self.people.iter().position(|person| person.id == id);
            let at = known.unwrap_or_else(|| {
                self.people.push(Person { id, from: self.pictures, faces: Vec::new() });
                self.people.len() - 1
            });
            let Some(person) = self.people.get_mut(at) else { continue };
            // Whoever was away keeps the face from before.
            let missing = (self.pictures - person.from).saturating_sub(person.faces.len());
            let last = person.faces.last().copied().unwrap_or((face, false));
            person.faces.extend(std::iter::repeat_n((last.0, false), missing));
            person.faces.push((face, is_proven));
        }
        self.pictures += 1;
    }

    /// The sound that follows, at 48 kHz.
    pub(crate) fn sound(&mut self, samples: impl Iterator<Item = f32>) -> Result<()> {
        for sample in samples {
            let sample = (sample.clamp(-1.0, 1.0) * 32_767.0).round() as i16;
            self.sound.write_all(&sample.to_le_bytes()).context("keeping the sound for the video")?;
            self.samples += 1;
        }
        Ok(())
    }

    /// Draws. `avatar_of` gives everybody's avatar; whoever has none is left out.
    pub(crate) fn render(
        mut self,
        avatar_of: &dyn Fn(ParticipantId) -> Option<AnyAvatar>,
    ) -> Result<Vec<PathBuf>> {
        let FilmArguments { size, fps, camera, background, executor } = self.arguments;
        let shown: Vec<(Person, AnyAvatar)> = self
            .people
            .drain(..)
            .filter_map(|person| avatar_of(person.id).map(|avatar| (person, avatar)))
            .take(MAX_SHOWN)
            .collect();
        ensure!(
            !shown.is_empty(),
            "{}: nobody's avatar came, so there is nothing to draw",
            self.path.display()
        );
        let seconds = self.pictures as f64 / fps;
        let pictures =
            frame_count(seconds, fps).min(self.output.frame_limit().unwrap_or(usize::MAX)).min(self.pictures);
        let mut painters = shown
            .into_iter()
            .map(|(person, avatar)| {
                let shown = PathBuf::from(format!("the avatar of {}", person.id));
                Ok((person, Portrait::new(avatar, &shown, executor, None, None)?))
            })
            .collect::<Result<Vec<_>>>()?;

        let wav = self.output.has_sound().then(|| self.wav(seconds)).transpose()?;
        let [width, height] = [size[0] as usize, size[1] as usize];
        let across = painters.len();
        let mut sink = self.output.open(
            size[0] * across as u32,
            size[1],
            fps,
            wav.as_ref().map(tempfile::NamedTempFile::path),
        )?;
        let mut compositor = Compositor::new(background, width, height);
        let mut tile = vec![0u8; 4 * width * height];
        let mut picture = vec![0u8; 4 * width * across * height];
        let aspect = size[0] as f32 / size[1] as f32;
        let bar = progress::bar(pictures as u64, "pictures of the call");
        for n in 0..pictures {
            interrupt::check()?;
            let view = camera.view(n as f64 / fps, aspect);
            for (place, (person, painter)) in painters.iter_mut().enumerate() {
                let seen =
                    n.checked_sub(person.from).and_then(|n| person.faces.get(n).or(person.faces.last()));
                let (face, is_proven) = seen.copied().unwrap_or_default();
                let face =
                    if is_proven { face } else { FaceFrame { head: face.head, ..FaceFrame::default() } };
                tile.copy_from_slice(painter.paint(&face, &view, size)?);
                if !is_proven {
                    silhouette(&mut tile);
                }
                let drawn = compositor.compose(&tile);
                for (y, row) in drawn.chunks_exact(4 * width).enumerate() {
                    let at = 4 * width * (y * across + place);
                    picture[at..at + row.len()].copy_from_slice(row);
                }
            }
            sink.frame(&picture)?;
            bar.inc(1);
        }
        let outputs = sink.finish()?;
        bar.finish_and_clear();
        Ok(outputs)
    }

    /// The sound as a WAV file, exactly as long as the pictures.
    fn wav(&mut self, seconds: f64) -> Result<tempfile::NamedTempFile> {
        let keeping = "the sound kept for the video";
        self.sound.flush().context(keeping)?;
        let file = self.sound.get_mut();
        file.rewind().context(keeping)?;
        let mut reader = BufReader::new(&*file);
        let mut out = self.output.temporary(".wav")?;
        let mut left = self.samples;
        let count = (seconds * f64::from(VOICE_RATE)).round() as u64;
        wav::write(out.as_file_mut(), VOICE_RATE, count, &mut |_, samples| {
            for sample in &mut *samples {
                let mut bytes = [0; 2];
                if left > 0 {
                    reader.read_exact(&mut bytes).context(keeping)?;
                    left -= 1;
                }
                *sample = i16::from_le_bytes(bytes);
            }
            Ok(true)
        })?;
        Ok(out)
    }
}

/// Takes everything out of a picture but its outline: premultiplied, 8-bit sRGB.
fn silhouette(rgba: &mut [u8]) {
    for pixel in rgba.chunks_exact_mut(4) {
        let linear = visavis::headless::linear_from_srgb(SILHOUETTE) * f32::from(pixel[3]) / 255.0;
        let coded =
            if linear <= 0.003_130_8 { 12.92 * linear } else { 1.055 * linear.powf(1.0 / 2.4) - 0.055 };
        let coded = (coded * 255.0 + 0.5) as u8;
        pixel[..3].fill(coded);
    }
}
