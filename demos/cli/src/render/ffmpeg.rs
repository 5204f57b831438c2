//! Video files, by ffmpeg in a process of its own: frames go in through a pipe, sound from a file.

use std::ffi::OsString;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use anyhow::{Context as _, Result, bail, ensure};

use super::output::{keep, temporary_beside};

/// A kind of video file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Container {
    /// H.264 and AAC.
    Mp4,
    /// VP9 and Opus.
    WebM,
}

/// Frames that may wait for the encoder: enough to keep it busy, few enough to bound memory.
const QUEUE: usize = 3;

/// A running ffmpeg that writes to a temporary file.
pub(crate) struct VideoWriter {
    child: Child,
    frames: Option<SyncSender<Vec<u8>>>,
    spent: Receiver<Vec<u8>>,
    pump: Option<JoinHandle<std::io::Result<()>>>,
    messages: Option<JoinHandle<String>>,
    file: Option<tempfile::NamedTempFile>,
    path: PathBuf,
    frame_bytes: usize,
}

impl VideoWriter {
    /// Starts ffmpeg for frames of this size; the file gets its name when everything is written.
    pub(crate) fn start(
        path: &Path,
        container: Container,
        width: u32,
        height: u32,
        fps: f64,
        sound: Option<&Path>,
    ) -> Result<Self> {
        ensure!(
            width.is_multiple_of(2) && height.is_multiple_of(2),
            "--size {width}x{height}: a video's width and height must be even; use {}x{}",
            width.next_multiple_of(2),
            height.next_multiple_of(2)
        );
        let encoder = pick_encoder(container)?;
        let suffix = match container {
            Container::Mp4 => ".mp4",
            Container::WebM => ".webm",
        };
        let file = temporary_beside(path, suffix)?;
        let mut command = Command::new(program());
        command.args(arguments(encoder, container, width, height, fps, sound)).arg(file.path());
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        // A process group of its own, so that Ctrl-C reaches us alone and we can clean up.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn().map_err(missing)?;
        let mut pipe = child.stdin.take().context("ffmpeg: no pipe to its input")?;
        let errors = child.stderr.take().context("ffmpeg: no pipe from its messages")?;
        let (frames, queue) = sync_channel::<Vec<u8>>(QUEUE);
        let (give_back, spent) = sync_channel(QUEUE + 2);
        let pump = std::thread::spawn(move || {
            for frame in queue {
                pipe.write_all(&frame)?;
                let _ = give_back.try_send(frame);
            }
            Ok(())
        });
        Ok(Self {
            child,
            frames: Some(frames),
            spent,
            pump: Some(pump),
            messages: Some(std::thread::spawn(move || read_messages(errors))),
            file: Some(file),
            path: path.to_owned(),
            frame_bytes: width as usize * height as usize * 4,
        })
    }

    /// Hands over one frame; waits while the encoder is behind.
    pub(crate) fn frame(&mut self, rgba: &[u8]) -> Result<()> {
        ensure!(rgba.len() == self.frame_bytes, "a frame of {} bytes, not {}", rgba.len(), self.frame_bytes);
        let mut buffer = self.spent.try_recv().unwrap_or_default();
        buffer.clear();
        buffer.extend_from_slice(rgba);
        let sent = self.frames.as_ref().is_some_and(|frames| frames.send(buffer).is_ok());
        if !sent {
            let messages = self.end_messages();
            bail!("{}: ffmpeg stopped early: {messages}", self.path.display());
        }
        Ok(())
    }

    /// Waits until ffmpeg has written everything, then gives the file its name.
    pub(crate) fn finish(mut self) -> Result<PathBuf> {
        drop(self.frames.take());
        let pumped = self.pump.take().map(JoinHandle::join);
        let status = self.child.wait().context("waiting for ffmpeg")?;
        let messages = self.end_messages();
        ensure!(status.success(), "{}: ffmpeg failed ({status}): {messages}", self.path.display());
        if !matches!(pumped, Some(Ok(Ok(())))) {
            bail!("{}: ffmpeg did not take every frame: {messages}", self.path.display());
        }
        if let Some(file) = self.file.take() {
            keep(file, &self.path)?;
        }
        Ok(self.path.clone())
    }

    fn end_messages(&mut self) -> String {
        let text = self.messages.take().and_then(|reader| reader.join().ok()).unwrap_or_default();
        let text = text.trim();
        if text.is_empty() { "it said nothing".to_owned() } else { text.to_owned() }
    }
}

impl Drop for VideoWriter {
    /// Ends ffmpeg if it still runs; the temporary file goes with the struct.
    fn drop(&mut self) {
        drop(self.frames.take());
        if self.file.is_some() {
            // Not finished: what ffmpeg would still write is unwanted, and both calls fail only if it has ended already.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// The last few kilobytes of what ffmpeg said.
fn read_messages(mut pipe: ChildStderr) -> String {
    let mut kept = Vec::new();
    let mut chunk = [0u8; 1024];
    while let Ok(n @ 1..) = pipe.read(&mut chunk) {
        kept.extend_from_slice(&chunk[..n]);
        let excess = kept.len().saturating_sub(4096);
        kept.drain(..excess);
    }
    String::from_utf8_lossy(&kept).into_owned()
}

/// What is run as ffmpeg.
pub(crate) fn program() -> OsString {
    std::env::var_os("VISAVIS_FFMPEG").unwrap_or_else(|| "ffmpeg".into())
}

fn missing(error: std::io::Error) -> anyhow::Error {
    if error.kind() != std::io::ErrorKind::NotFound {
        return anyhow::Error::new(error).context("ffmpeg could not be started");
    }
    let command = if cfg!(target_os = "macos") {
        "brew install ffmpeg"
    } else if cfg!(windows) {
        "winget install ffmpeg"
    } else {
        "sudo apt-get install ffmpeg (or dnf install ffmpeg-free, pacman -S ffmpeg, zypper install ffmpeg, apk add ffmpeg)"
    };
    anyhow::anyhow!(
        "ffmpeg, which writes videos, is not installed. To install: {command}. PNG output works without it"
    )
}

/// The best encoder that this ffmpeg was built with: distributions differ in which H.264 they may ship.
fn pick_encoder(container: Container) -> Result<&'static str> {
    let candidates: &[&'static str] = match container {
        Container::Mp4 => &["libx264", "libopenh264", "h264_videotoolbox", "h264_mf"],
        Container::WebM => &["libvpx-vp9"],
    };
    let listing = encoders()?;
    let has = |name: &str| is_listed(&listing, name);
    candidates.iter().copied().find(|name| has(name)).with_context(|| {
        format!("this ffmpeg has none of the encoders {}; install a complete build", candidates.join(", "))
    })
}

/// Whether this ffmpeg was built with an encoder.
pub(crate) fn has_encoder(name: &str) -> Result<bool> {
    Ok(is_listed(&encoders()?, name))
}

/// What ffmpeg says of its encoders.
fn encoders() -> Result<String> {
    let mut command = Command::new(program());
    let output =
        command.args(["-hide_banner", "-encoders"]).stdin(Stdio::null()).output().map_err(missing)?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn is_listed(listing: &str, name: &str) -> bool {
    listing.lines().any(|line| line.split_whitespace().nth(1) == Some(name))
}

fn arguments(
    encoder: &str,
    container: Container,
    width: u32,
    height: u32,
    fps: f64,
    sound: Option<&Path>,
) -> Vec<OsString> {
    let mut out: Vec<OsString> = Vec::new();
    let mut add = |words: &[&str]| out.extend(words.iter().map(OsString::from));
    add(&["-hide_banner", "-loglevel", "error", "-nostats", "-y"]);
    add(&["-f", "rawvideo", "-pixel_format", "rgba", "-video_size", &format!("{width}x{height}")]);
    add(&["-framerate", &fps.to_string(), "-i", "pipe:0"]);
    if let Some(sound) = sound {
        add(&["-i"]);
        out.push(sound.into());
    }
    let mut add = |words: &[&str]| out.extend(words.iter().map(OsString::from));
    add(&["-map", "0:v"]);
    if sound.is_some() {
        add(&["-map", "1:a"]);
    }
    // The matrix has to be asked for: without it ffmpeg converts by BT.601 whatever the tags say.
    add(&[
        "-vf",
        "scale=out_color_matrix=bt709:out_range=tv:flags=accurate_rnd+full_chroma_int,format=yuv420p",
    ]);
    add(&["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv"]);
    add(&["-c:v", encoder]);
    match encoder {
        "libx264" => add(&["-preset", "medium", "-crf", "16"]),
        "libvpx-vp9" => {
            add(&["-crf", "22", "-b:v", "0", "-deadline", "good", "-cpu-used", "3", "-row-mt", "1"]);
        }
        // These know no constant quality; some 0.25 bit a pixel looks the same on a face.
        _ => add(&["-b:v", &format!("{}", (f64::from(width * height) * fps * 0.25) as u64)]),
    }
    if sound.is_some() {
        match container {
            Container::Mp4 => add(&["-c:a", "aac", "-b:a", "160k"]),
            Container::WebM => add(&["-c:a", "libopus", "-b:a", "96k"]),
        }
    }
    match container {
        Container::Mp4 => add(&["-movflags", "+faststart", "-f", "mp4"]),
        Container::WebM => add(&["-f", "webm"]),
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::wav;

    /// A video of one flat colour with a hum of the same length, and what ffprobe says of it.
    fn video(
        folder: &Path,
        name: &str,
        container: Container,
        colour: [u8; 3],
    ) -> (PathBuf, serde_json::Value) {
        let sound = folder.join("hum.wav");
        let mut hum = |first: u64, piece: &mut [i16]| {
            for (i, sample) in (first..).zip(piece) {
                *sample = ((i as f64 * 0.06).sin() * 8000.0) as i16;
            }
            Ok(true)
        };
        wav::write(&mut std::fs::File::create(&sound).unwrap(), 48_000, 24_000, &mut hum).unwrap();
        let path = folder.join(name);
        let mut writer = VideoWriter::start(&path, container, 64, 48, 30.0, Some(&sound)).unwrap();
        let [r, g, b] = colour;
        for _ in 0..15 {
            writer.frame(&[r, g, b, 255].repeat(64 * 48)).unwrap();
        }
        assert!(!path.exists(), "the file has its name before it is complete");
        assert_eq!(writer.finish().unwrap(), path);
        let probe = Command::new("ffprobe")
            .args(["-v", "error", "-count_frames", "-show_streams", "-show_format", "-of", "json"])
            .arg(&path)
            .output()
            .unwrap();
        (path, serde_json::from_slice(&probe.stdout).unwrap())
    }

    fn first_pixel(path: &Path) -> Vec<u8> {
        let args = ["-v", "error", "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"];
        let output = Command::new("ffmpeg").arg("-i").arg(path).args(args).output().unwrap();
        output.stdout[..3].to_vec()
    }

    #[test]
    fn an_mp4_has_every_frame_its_sound_and_its_colours() {
        let folder = tempfile::tempdir().unwrap();
        let skin = [205, 150, 120];
        let (path, probe) = video(folder.path(), "a.mp4", Container::Mp4, skin);
        let (picture, sound) = (&probe["streams"][0], &probe["streams"][1]);
        assert_eq!(picture["codec_name"], "h264");
        assert_eq!(picture["nb_read_frames"], "15");
        assert_eq!(picture["pix_fmt"], "yuv420p");
        for tag in ["color_space", "color_transfer", "color_primaries"] {
            assert_eq!(picture[tag], "bt709", "{tag}");
        }
        assert_eq!(sound["codec_name"], "aac");
        let seconds: f64 = probe["format"]["duration"].as_str().unwrap().parse().unwrap();
        assert!((seconds - 0.5).abs() < 0.03, "{seconds}");
        for (value, wanted) in first_pixel(&path).iter().zip(skin) {
            assert!(value.abs_diff(wanted) <= 3, "{:?} came back for {skin:?}", first_pixel(&path));
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "something temporary is left");
    }

    #[test]
    fn a_webm_has_vp9_and_opus() {
        let folder = tempfile::tempdir().unwrap();
        let (_, probe) = video(folder.path(), "a.webm", Container::WebM, [90; 3]);
        assert_eq!(probe["streams"][0]["codec_name"], "vp9");
        assert_eq!(probe["streams"][0]["nb_read_frames"], "15");
        assert_eq!(probe["streams"][1]["codec_name"], "opus");
    }

    #[test]
    fn an_unfinished_video_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.mp4");
        let mut writer = VideoWriter::start(&path, Container::Mp4, 64, 48, 30.0, None).unwrap();
        writer.frame(&[0; 64 * 48 * 4]).unwrap();
        assert!(writer.frame(&[0; 3]).is_err());
        drop(writer);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn an_odd_size_is_refused_with_an_even_one() {
        let error = VideoWriter::start(Path::new("a.mp4"), Container::Mp4, 63, 48, 30.0, None).err().unwrap();
        assert!(error.to_string().contains("64x48"), "{error}");
    }

    #[test]
    fn what_ffmpeg_says_reaches_the_user() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.mp4");
        let missing = folder.path().join("no.wav");
        let mut writer = VideoWriter::start(&path, Container::Mp4, 64, 48, 30.0, Some(&missing)).unwrap();
        let frame = vec![0; 64 * 48 * 4];
        let error = (0..100_000)
            .find_map(|_| writer.frame(&frame).err())
            .expect("ffmpeg can't go on without the sound");
        assert!(error.to_string().contains("no.wav"), "{error}");
    }
}
