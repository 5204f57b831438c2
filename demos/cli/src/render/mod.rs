//! `visavis render`: a recorded call becomes a video.

pub(crate) mod background;
pub(crate) mod camera;
pub(crate) mod ffmpeg;
pub(crate) mod output;
pub(crate) mod recording;
mod room;
mod scene;
pub(crate) mod wav;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use visavis_codec::Timestamp;

use self::background::{Background, Compositor};
use self::camera::CAMERA_HELP;
pub(crate) use self::camera::Camera;
use self::output::{Output, frame_count};
pub(crate) use self::recording::{MAX_CALL_BYTES, Recording};
use self::room::{Room, RoomPainter};
use crate::avatar_file::{self, read_bounded};
use crate::calibrate::tuner_of_any;
use crate::painter::Executor;
use crate::portrait::Portrait;
use crate::{interrupt, progress};

/// Renders a recorded call as a video, a sequence of pictures or a still
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  visavis render assets/calls/hello.mcap -o hello.mp4
  visavis render hello.mcap -o hello.webm --size 1280x720 --background '#1b1f24'
  visavis render hello.mcap -o frames/%04d.png --fps 60 --camera three-quarter
  visavis render hello.mcap -o still.png --from 2.5 --size 1024
  visavis render hello.mcap -o warmer.mp4 --profile warmer
  visavis render hello.mcap -o other.mp4 --avatar other.avatar    the same words from another face
  visavis render hello.mcap -o mia.mp4 --avatar mia.avatar --look toon    as a cartoon (`visavis cartoon`)
  visavis render hello.mcap -o both.png --scene assets/scenes/cartoon_table.glb --place person --place person_2 \
      --avatar wren.avatar --avatar mia.avatar                    a captured and a drawn person at one table
  visavis render assets/calls/hello.mcap -o meeting.png --room assets/mixed/meeting.json
  visavis render hello.mcap -o room.mp4 --size 1280x720 --scene assets/scenes/living_room.glb

Videos are written by ffmpeg. The avatar is looked for by its name beside the call, in ../avatars from there and in
assets/avatars, and must be the very file that the call was recorded with; one named with --avatar need not.")]
pub(crate) struct Arguments {
    /// A recorded call (.mcap)
    call: PathBuf,
    /// .mp4 (H.264, AAC), .webm (VP9, Opus), .png (a still), a pattern as frames/%04d.png, or a folder
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// An avatar to use instead of the one that the call names, photoreal or cartoon. Given again, with --scene: who is at the
    /// second place, and so on
    #[arg(long, value_name = "FILE")]
    avatar: Vec<PathBuf>,
    /// Who is shown, by the name in the call; the first one unless said
    #[arg(long, value_name = "NAME")]
    sender: Option<String>,
    /// Pixels: one number for a square, or WIDTHxHEIGHT
    #[arg(long, default_value = "512", value_parser = parse_size)]
    size: [u32; 2],
    /// Pictures a second
    #[arg(long, default_value_t = 30.0, value_parser = parse_fps)]
    fps: f64,
    #[arg(long, help = format!("Where it is seen from: {CAMERA_HELP}; front, or the scene's first camera, unless said"))]
    camera: Option<Camera>,
    /// What stands behind: gradient (a studio wall) or a colour as #8a8d91
    #[arg(long, default_value = "gradient")]
    background: Background,
    /// A real room (.json) to sit in, as in mixed reality: a camera's picture, its depth, its light. Somebody sits on
    /// each of its seats, at a moment of the call of their own; videos have no sound
    #[arg(long, value_name = "ROOM", conflicts_with_all = ["size", "camera", "background", "scene"])]
    room: Option<PathBuf>,
    #[command(flatten)]
    scene: scene::SceneArguments,
    /// What draws
    #[arg(long, value_enum, default_value_t = Executor::Auto)]
    executor: Executor,
    /// Threads of the CPU executor; all cores unless said
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// An expression profile: a file (.toml), or warmer, lively, calm; the face as it is unless said
    #[arg(long, value_name = "FILE")]
    profile: Option<PathBuf>,
    /// Where to begin, seconds into the call
    #[arg(long, default_value_t = 0.0, value_name = "SECONDS", value_parser = parse_seconds)]
    from: f64,
    /// Begin with this picture of the call, counted from 0 at --fps, instead of --from
    #[arg(long, value_name = "N", conflicts_with = "from")]
    frame: Option<u32>,
    /// Where to end, seconds into the call
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    to: Option<f64>,
}

/// The longest that is rendered in one: no call takes longer, but a broken clock may say so.
const MAX_SECONDS: f64 = 86_400.0;
/// The largest side of a picture.
const MAX_SIDE: u32 = 8192;

pub(crate) fn parse_size(text: &str) -> Result<[u32; 2], String> {
    let side = |word: &str| word.parse::<u32>().ok().filter(|side| (16..=MAX_SIDE).contains(side));
    let (width, height) = text.split_once('x').unwrap_or((text, text));
    match (side(width), side(height)) {
        (Some(width), Some(height)) => Ok([width, height]),
        _ => Err(format!("`{text}` is no size as 512 or 1280x720, each side 16..={MAX_SIDE}")),
    }
}

pub(crate) fn parse_fps(text: &str) -> Result<f64, String> {
    let fps = text.parse::<f64>().ok().filter(|fps| (1.0..=240.0).contains(fps));
    fps.ok_or_else(|| format!("`{text}` is no number of pictures a second within 1..=240"))
}

pub(crate) fn parse_seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| (0.0..=1e7).contains(seconds));
    seconds.ok_or_else(|| format!("`{text}` is no time in seconds"))
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<Value> {
    let Arguments {
        call,
        output,
        avatar,
        sender,
        size,
        fps,
        camera,
        background,
        room,
        scene,
        executor,
        threads,
        profile,
        from,
        frame,
        to,
    } = arguments;
    let room = room.as_deref().map(Room::read).transpose()?;
    let room_path = room.as_ref().map(|room| room.path.clone());
    let size = room.as_ref().map_or(*size, Room::size);
    let fps = *fps;
    let from = frame.map_or(*from, |frame| f64::from(frame) / fps);
    let output = Output::parse(output)?;
    let bytes = read_bounded(call, MAX_CALL_BYTES)?;
    let reader = recording::open_call(&bytes, call)?;
    let mut recording =
        Recording::open(&reader, call, sender.as_deref(), avatar.first().map(PathBuf::as_path))?;
    let end = to.unwrap_or(recording.seconds).min(recording.seconds);
    ensure!(
        from < end,
        "--from {from} --to {end}: nothing lies between; the call is {:.2} s long",
        recording.seconds
    );
    ensure!(
        end - from <= MAX_SECONDS || output.frame_limit().is_some(),
        "{}: its times span {:.0} s, more than a day; say with --from and --to which part is wanted",
        call.display(),
        end - from
    );
    ensure!(
        avatar.len() <= scene.seats(),
        "--avatar: {} of them for {} places; give a --scene and a --place for each",
        avatar.len(),
        scene.seats()
    );
    let tuner = |profile: &PathBuf| tuner_of_any(profile, &recording.avatar, &recording.avatar_path);
    // One for each face: they remember what was before.
    let seats = room.as_ref().map_or(scene.seats(), |room| room.seats.len());
    let tuners: Result<Vec<_>> = (0..seats).map(|_| profile.as_ref().map(tuner).transpose()).collect();
    let mut tuners = tuners?;
    let frames = frame_count(end - from, fps).min(output.frame_limit().unwrap_or(usize::MAX));
    let seconds = frames as f64 / fps;

    let sound_file = match recording.sound.take().filter(|_| output.has_sound() && room.is_none()) {
        None => None,
        Some(mut sound) => {
            let rate = sound.sample_rate();
            let count = |seconds: f64| (seconds * f64::from(rate)).round() as i64;
            let mut file = output.temporary(".wav")?;
            wav::write(file.as_file_mut(), rate, count(seconds).unsigned_abs(), &mut |first, out| {
                interrupt::check()?;
                sound
                    .read(recording.start, count(from).saturating_add_unsigned(first), out)
                    .with_context(|| format!("{}: its sound", call.display()))
            })?;
            Some(file)
        }
    };

    // First what fails fast: a size that no video has, ffmpeg that isn't there.
    let mut sink =
        output.open(size[0], size[1], fps, sound_file.as_ref().map(tempfile::NamedTempFile::path))?;

    let start = Instant::now();
    let avatar_path = recording.avatar_path.clone();
    let threads = threads.map(usize::from);
    let look = scene.look().filter(|_| !scene.is_given());
    let mut people = vec![(recording.avatar, avatar_path.clone())];
    for path in avatar.iter().skip(1) {
        people.push((avatar_file::read_any(path)?.avatar, path.clone()));
    }
    let scene = scene.open(&people, *executor, threads, *camera, size)?;
    let avatars = people.len();
    let (avatar, _) = people.swap_remove(0);
    let mut studio = match (room, scene) {
        (Some(room), _) => {
            let avatar = crate::cartoon::captured(avatar, &avatar_path)?;
            Studio::Room(Box::new(RoomPainter::new(&avatar, room, executor.of_engine()?, threads)?))
        }
        (None, Some(scene)) => Studio::Scene(Box::new(scene)),
        (None, None) => Studio::Wall(
            Box::new(Portrait::new(avatar, &avatar_path, *executor, threads, look)?),
            Compositor::new(*background, size[0] as usize, size[1] as usize),
        ),
    };
    let camera = camera.unwrap_or_default();
    let aspect = size[0] as f32 / size[1] as f32;
    let bar = progress::bar(frames as u64, "frames");
    for n in 0..frames {
        interrupt::check()?;
        let time = from + n as f64 / fps;
        let mut face = |seat: usize, time: f64| {
            let time = Timestamp(recording.start.0.saturating_add((time * 1e9).round() as u64));
            let face = recording.timeline.at(time);
            tuners.get_mut(seat).and_then(Option::as_mut).map_or(face, |tuner| tuner.apply_frame(&face))
        };
        let picture = match &mut studio {
            Studio::Wall(painter, compositor) => {
                let picture = painter.paint(&face(0, time), &camera.view(time, aspect), size);
                picture.map(|picture| compositor.compose(picture))
            }
            Studio::Scene(painter) => {
                // Each at a moment of their own.
                let apart = recording.seconds / painter.people() as f64;
                let faces: Vec<_> = (0..painter.people())
                    .map(|n| {
                        let mut face = face(n, (time + n as f64 * apart) % recording.seconds);
                        if n > 0 && avatars > 1 {
                            recording::without_residual(std::slice::from_mut(&mut face));
                        }
                        face
                    })
                    .collect();
                painter.paint(&faces, time)
            }
            Studio::Room(painter) => {
                let faces: Vec<_> = (painter.seats().iter().enumerate())
                    .map(|(n, seat)| face(n, (time + seat.call_s) % recording.seconds))
                    .collect();
                painter.paint(&faces)
            }
        };
        sink.frame(picture.with_context(|| format!("frame {n}, {time:.3} s into the call"))?)?;
        bar.inc(1);
    }
    let (adapter, executor) = match &studio {
        Studio::Wall(painter, _) => (painter.adapter(), painter.executor()),
        Studio::Room(painter) => (painter.adapter(), painter.executor()),
        Studio::Scene(painter) => (painter.adapter(), painter.executor()),
    };
    let outputs = sink.finish()?;
    bar.finish_and_clear();
    let took = start.elapsed().as_secs_f64();
    eprintln!(
        "{}: {frames} frames of {}x{}, {seconds:.2} s at {fps} fps; took {took:.1} s ({} executor, {})",
        arguments.output.display(),
        size[0],
        size[1],
        executor,
        adapter
    );
    Ok(json!({
        "frames": frames, "fps": fps, "width": size[0], "height": size[1], "seconds": seconds,
        "adapter": adapter, "executor": executor, "audio": sound_file.is_some(), "outputs": outputs,
        "avatar": avatar_path, "sender": recording.sender, "render_seconds": took, "room": room_path,
    }))
}

/// What the people are drawn in.
enum Studio {
    /// One of them, before a wall.
    Wall(Box<Portrait>, Compositor),
    /// All of them, in a real room.
    Room(Box<RoomPainter>),
    /// One of them, in a scene.
    Scene(Box<scene::ScenePainter>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_bounded() {
        assert_eq!(parse_size("512"), Ok([512, 512]));
        assert_eq!(parse_size("1280x720"), Ok([1280, 720]));
        for wrong in ["", "x", "0", "512x", "15", "9000", "512X512", "-1"] {
            assert!(parse_size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn rates_and_times_are_bounded() {
        assert_eq!(parse_fps("29.97"), Ok(29.97));
        assert!(parse_fps("0").is_err() && parse_fps("nan").is_err() && parse_fps("1000").is_err());
        assert_eq!(parse_seconds("2.5"), Ok(2.5));
        assert!(parse_seconds("-1").is_err() && parse_seconds("inf").is_err());
    }
}
