//! Where rendered frames go: by the name of the output, a video, a numbered sequence of PNG or a single PNG.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

use super::ffmpeg::{Container, VideoWriter};

/// What an output's name asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// H.264 + AAC in `.mp4`, VP9 + Opus in `.webm`.
    Video(PathBuf, Container),
    /// A PNG a frame; the number goes between the two parts of the name, with at least this many digits.
    Sequence { folder: PathBuf, before: String, digits: usize, after: String },
    /// The first frame alone.
    Still(PathBuf),
}

impl Output {
    /// Reads `out.mp4`, `out.webm`, `frames/%04d.png`, `frame.png`, or a folder (no extension, or an existing one).
    pub(crate) fn parse(path: &Path) -> Result<Self> {
        let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase());
        if path.is_dir() || extension.is_none() {
            let (before, after) = ("frame_".to_owned(), ".png".to_owned());
            return Ok(Self::Sequence { folder: path.to_owned(), before, digits: 5, after });
        }
        match extension.as_deref() {
            Some("mp4") => Ok(Self::Video(path.to_owned(), Container::Mp4)),
            Some("webm") => Ok(Self::Video(path.to_owned(), Container::WebM)),
            Some("png") => {
                let folder = path.parent().unwrap_or(Path::new("")).to_owned();
                let name =
                    path.file_name().context("the output has no file name")?.to_string_lossy().into_owned();
                let Some((before, rest)) = name.split_once('%') else {
                    return Ok(Self::Still(path.to_owned()));
                };
                let (number, after) = rest.split_once('d').with_context(|| {
                    format!("{name}: `%` must begin a pattern as `%04d`, the frame's number")
                })?;
                let digits = if number.is_empty() { 1 } else { number.parse().unwrap_or(0) };
                ensure!((1..=9).contains(&digits), "{name}: the pattern must be `%d` or `%01d` to `%09d`");
                Ok(Self::Sequence { folder, before: before.to_owned(), digits, after: after.to_owned() })
            }
            other => bail!(
                "{}: `.{}` is none of the outputs: .mp4, .webm, .png, a pattern as frames/%04d.png, or a folder",
                path.display(),
                other.unwrap_or_default()
            ),
        }
    }

    /// How many frames it takes: a still one, the others all.
    pub(crate) fn frame_limit(&self) -> Option<usize> {
        matches!(self, Self::Still(_)).then_some(1)
    }

    /// Whether it can carry sound.
    pub(crate) const fn has_sound(&self) -> bool {
        matches!(self, Self::Video(..))
    }

    /// A temporary file where the output will lie, gone when dropped: it may be large, and the system's own folder for
    /// such files is often in memory.
    pub(crate) fn temporary(&self, suffix: &str) -> Result<tempfile::NamedTempFile> {
        match self {
            Self::Video(path, _) | Self::Still(path) => {
                create_folder_of(path)?;
                temporary_beside(path, suffix)
            }
            Self::Sequence { folder, .. } => {
                create_folder(folder)?;
                temporary_beside(&folder.join("x"), suffix)
            }
        }
    }

    /// Opens it for frames of this size. `sound` is a WAV file exactly as long as the frames.
    pub(crate) fn open(self, width: u32, height: u32, fps: f64, sound: Option<&Path>) -> Result<Sink> {
        match self {
            Self::Video(path, container) => {
                create_folder_of(&path)?;
                Ok(Sink::Video(VideoWriter::start(&path, container, width, height, fps, sound)?))
            }
            Self::Sequence { folder, before, digits, after } => {
                create_folder(&folder)?;
                let name = Box::new(move |n: usize| folder.join(format!("{before}{n:0digits$}{after}")));
                Ok(Sink::Pngs { name, width, height, written: Vec::new() })
            }
            Self::Still(path) => {
                create_folder_of(&path)?;
                Ok(Sink::Pngs { name: Box::new(move |_| path.clone()), width, height, written: Vec::new() })
            }
        }
    }
}

/// An open output. Dropped before [`finish`](Self::finish), it leaves no half-written file.
pub(crate) enum Sink {
    /// Through ffmpeg.
    Video(VideoWriter),
    /// A file a frame.
    Pngs { name: Box<dyn Fn(usize) -> PathBuf>, width: u32, height: u32, written: Vec<PathBuf> },
}

impl Sink {
    /// Takes one frame, `[height, width, 4]` sRGB (the fourth is ignored).
    pub(crate) fn frame(&mut self, rgba: &[u8]) -> Result<()> {
        match self {
            Self::Video(writer) => writer.frame(rgba),
            Self::Pngs { name, width, height, written } => {
                let path = name(written.len());
                let opaque: Vec<u8> = rgba.chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect();
                write_png(&path, *width, *height, &opaque, image::ExtendedColorType::Rgb8)?;
                written.push(path);
                Ok(())
            }
        }
    }

    /// Completes the output; the files that are there now.
    pub(crate) fn finish(self) -> Result<Vec<PathBuf>> {
        match self {
            Self::Video(writer) => Ok(vec![writer.finish()?]),
            Self::Pngs { written, .. } => Ok(written),
        }
    }
}

/// Writes a PNG under a temporary name first, so that its own name never stands for half a file.
pub(crate) fn write_png(
    path: &Path,
    width: u32,
    height: u32,
    pixels: &[u8],
    colour: image::ExtendedColorType,
) -> Result<()> {
    use image::ImageEncoder as _;
    let mut file = temporary_beside(path, ".png")?;
    image::codecs::png::PngEncoder::new(std::io::BufWriter::new(&mut file))
        .write_image(pixels, width, height, colour)
        .with_context(|| format!("{}: writing the image failed", path.display()))?;
    keep(file, path)
}

/// A temporary file in the same folder, gone when dropped.
pub(crate) fn temporary_beside(path: &Path, suffix: &str) -> Result<tempfile::NamedTempFile> {
    let folder = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    tempfile::Builder::new()
        .prefix(".visavis-")
        .suffix(suffix)
        .tempfile_in(folder)
        .with_context(|| format!("{}: can't write there; is the folder writable?", folder.display()))
}

/// Gives a temporary file its name.
pub(crate) fn keep(file: tempfile::NamedTempFile, path: &Path) -> Result<()> {
    let file = file.persist(path).with_context(|| format!("{}: can't be replaced", path.display()))?;
    // Temporary files are private; what a user asked for should be readable like anything else they make.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        file.set_permissions(std::fs::Permissions::from_mode(0o644))
            .with_context(|| format!("{}: can't set its permissions", path.display()))?;
    }
    drop(file);
    Ok(())
}

/// Makes the folder that a file will lie in.
pub(crate) fn create_folder_of(path: &Path) -> Result<()> {
    path.parent().map_or(Ok(()), create_folder)
}

fn create_folder(folder: &Path) -> Result<()> {
    if folder == Path::new("") {
        return Ok(());
    }
    std::fs::create_dir_all(folder).with_context(|| format!("{}: can't make this folder", folder.display()))
}

/// How many frames a stretch of a call has: every time `from + n / fps` before its end (but for rounding), one at least.
pub(crate) fn frame_count(seconds: f64, fps: f64) -> usize {
    ((seconds * fps - 1e-3).ceil() as usize).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(name: &str) -> Result<Output> {
        Output::parse(Path::new(name))
    }

    #[test]
    fn the_extension_decides() {
        assert_eq!(parse("a.mp4").unwrap(), Output::Video("a.mp4".into(), Container::Mp4));
        assert_eq!(parse("b/a.WEBM").unwrap(), Output::Video("b/a.WEBM".into(), Container::WebM));
        assert_eq!(parse("a.png").unwrap(), Output::Still("a.png".into()));
        let Output::Sequence { folder, before, digits, after } = parse("x/f%03d_a.png").unwrap() else {
            panic!()
        };
        assert_eq!((folder.as_path(), &*before, digits, &*after), (Path::new("x"), "f", 3, "_a.png"));
        assert!(matches!(parse("frames").unwrap(), Output::Sequence { digits: 5, .. }));
    }

    #[test]
    fn other_names_are_refused_with_the_list() {
        for name in ["a.avi", "a%xd.png", "a%0.png", "a%00d.png"] {
            assert!(parse(name).is_err(), "{name}");
        }
        assert!(parse("a.avi").unwrap_err().to_string().contains(".mp4, .webm, .png"));
    }

    #[test]
    fn ten_seconds_at_thirty_are_three_hundred_frames() {
        assert_eq!(frame_count(10.0, 30.0), 300);
        assert_eq!(frame_count(10.001, 30.0), 301);
        assert_eq!(frame_count(0.0, 30.0), 1);
    }
}
