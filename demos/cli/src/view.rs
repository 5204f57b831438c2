//! `visavis view`: a window in which people look at avatars.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use visavis_view::{Call, Film, Host, Opened, Options};

use crate::avatar_file::{self, read_bounded};
use crate::render::ffmpeg::{Container, VideoWriter};
use crate::render::{MAX_CALL_BYTES, Recording, recording};

/// Opens a window to look at an avatar or a recorded call
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  visavis view                                    what was open last, or the avatar that comes with the program
  visavis view assets/avatars/wren.avatar         move its face by sliders; E: its eyes follow the pointer
  visavis view assets/calls/hello.mcap            a recorded call: play, scrub, loop, tune how much the face shows
  visavis view hello.mcap --avatar other.avatar   the same words from another face

In the window: ? shows keys and mouse. Files can be dropped into it. Trackers (Live Link Face, VMC) drive the face live.
Works without a graphics processor, and says so. A call's voice isn't played here; `visavis render` keeps it.")]
pub(crate) struct Arguments {
    /// An avatar (.avatar) or a recorded call (.mcap)
    #[arg(value_name = "AVATAR|CALL")]
    file: Option<PathBuf>,
    /// An avatar to use instead of the one that a call names
    #[arg(long, value_name = "FILE")]
    avatar: Option<PathBuf>,
    /// What draws
    #[arg(long, value_enum, default_value_t = Executor::Auto)]
    executor: Executor,
    /// A folder for the window's settings instead of the platform's own
    #[arg(long, value_name = "FOLDER")]
    settings: Option<PathBuf>,
}

/// What computes the pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Executor {
    /// The GPU where there is one, else the CPU
    Auto,
    /// SIMD on this machine's cores
    Cpu,
    /// Compute and fragment shaders
    Gpu,
}

/// Files that come with the program: what they are called, and where they lie in the assets.
const SAMPLES: [(&str, &str); 2] = [("Wren", "avatars/wren.avatar"), ("Wren says hello", "calls/hello.mcap")];

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<Value> {
    let Arguments { file, avatar, executor, settings } = arguments;
    if let Some(file) = file {
        // A name that was mistyped is said where it was typed.
        std::fs::metadata(file).with_context(|| format!("{}: can't be read", file.display()))?;
    }
    let options = Options {
        open: file.clone(),
        samples: samples(),
        settings: settings.clone(),
        executor: match executor {
            Executor::Auto => visavis::Executor::Auto,
            Executor::Cpu => visavis::Executor::Cpu,
            Executor::Gpu => visavis::Executor::Gpu,
        },
    };
    let report = visavis_view::run(options, Arc::new(Files { avatar: avatar.clone() }))?;
    Ok(json!({ "frames": report.frames, "adapter": report.adapter, "written": report.written }))
}

/// The samples that are there: in `assets` here, or beside the program.
fn samples() -> Vec<(String, PathBuf)> {
    let beside = std::env::current_exe().ok().and_then(|program| Some(program.parent()?.join("assets")));
    let folders: Vec<PathBuf> = [Some(PathBuf::from("assets")), beside].into_iter().flatten().collect();
    let found = |file: &str| folders.iter().map(|folder| folder.join(file)).find(|path| path.is_file());
    SAMPLES.iter().filter_map(|(name, file)| Some(((*name).to_owned(), found(file)?))).collect()
}

/// Files, as the other commands read and write them.
struct Files {
    avatar: Option<PathBuf>,
}

impl Host for Files {
    fn open(&self, path: &Path) -> Result<Opened> {
        let mut start = [0; 5];
        let is_call = std::fs::File::open(path)
            .and_then(|mut file| std::io::Read::read_exact(&mut file, &mut start))
            .is_ok_and(|()| start == *b"\x89MCAP");
        if is_call { self.open_call(path) } else { open_avatar(path) }
    }

    fn film(&self, path: &Path, size: [u32; 2], fps: f64) -> Result<Box<dyn Film>> {
        if let Some(folder) = path.parent().filter(|folder| *folder != Path::new("")) {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("{}: can't be made", folder.display()))?;
        }
        Ok(Box::new(Video(VideoWriter::start(path, Container::Mp4, size[0], size[1], fps, None)?)))
    }
}

impl Files {
    fn open_call(&self, path: &Path) -> Result<Opened> {
        let bytes = read_bounded(path, MAX_CALL_BYTES)?;
        let reader = recording::open_call(&bytes, path)?;
        let recording = Recording::open(&reader, path, None, self.avatar.as_deref())?;
        let Recording { sender, start, seconds, timeline, avatar, avatar_path, sound: _ } = recording;
        let avatar = crate::cartoon::captured(avatar, &avatar_path)?;
        Ok(Opened { avatar, avatar_path, call: Some(Call { sender, timeline, start, seconds }) })
    }
}

fn open_avatar(path: &Path) -> Result<Opened> {
    let file = avatar_file::read(path)?;
    Ok(Opened { avatar: file.avatar, avatar_path: file.path, call: None })
}

struct Video(VideoWriter);

impl Film for Video {
    fn frame(&mut self, rgba: &[u8]) -> Result<()> {
        self.0.frame(rgba)
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.0.finish().map(drop)
    }
}

#[cfg(test)]
mod tests {
    use visavis_codec::testing::{Preset, synthetic_avatar};

    use super::*;

    #[test]
    fn files_are_told_by_what_is_in_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("somebody.dat");
        std::fs::write(&path, synthetic_avatar(1, Preset::Tiny).write().unwrap()).unwrap();
        let files = Files { avatar: None };
        let opened = files.open(&path).unwrap();
        assert!(opened.call.is_none() && opened.avatar_path == path);
        for (bytes, says) in [(&b"\x89MCAP0\r\n"[..], "call"), (b"nonsense", "avatar"), (b"", "avatar")] {
            std::fs::write(&path, bytes).unwrap();
            let error = format!("{:#}", files.open(&path).unwrap_err());
            assert!(error.contains("somebody.dat") && error.contains(says), "{error}");
        }
        assert!(files.open(&folder.path().join("nobody")).is_err());
    }

    #[test]
    fn a_film_is_written_by_the_same_means_as_renders() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("films/one.mp4");
        let mut film = Files { avatar: None }.film(&path, [64, 48], 30.0).unwrap();
        film.frame(&[90; 64 * 48 * 4]).unwrap();
        film.finish().unwrap();
        assert!(std::fs::metadata(&path).unwrap().len() > 500);
    }
}
