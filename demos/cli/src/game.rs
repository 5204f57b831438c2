//! `visavis game`: two avatars play table tennis.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use visavis::headless::{Headless, HeadlessOptions};
use visavis_codec::avatar::AnyAvatar;
use visavis_codec::expression::{FaceRange, PRESETS, Preset, Profile, Tuner};
use visavis_game::face::Features;
use visavis_game::play::{Options, Side, Skill};
use visavis_game::show::{Character, Player, Show};
use visavis_game::{Booth, Mixer, Setup};
use visavis_scene::{Cartoon, Scene};

use crate::avatar_file;
use crate::render::output::{Output, frame_count};
use crate::render::{parse_fps, parse_seconds, parse_size, wav};
use crate::{interrupt, progress};

/// Plays table tennis between two avatars, in a window or as a film
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  visavis game                                          play against the computer
  visavis game --watch                                  the computer plays both sides
  visavis game --skill sharp                            somebody who is hard to beat
  visavis game --watch --seconds 12 -o out/game.mp4     a film, with the sound of the ball; needs no display
  visavis game --picture out/game_table.png --at 6.5    one picture of a game

In the window: move the mouse, click to serve, H shows all keys. The same seed plays the same game. Works without a graphics
processor, and says so: the picture is then drawn smaller, as small as it takes to move well.")]
pub(crate) struct Arguments {
    /// Let the computer play both sides
    #[arg(long)]
    watch: bool,
    /// A film instead of a window: .mp4 (H.264, AAC), .webm (VP9, Opus), a pattern as frames/%04d.png, or a folder
    #[arg(short, long, value_name = "OUT", conflicts_with = "picture")]
    output: Option<PathBuf>,
    /// A picture (.png) instead of a window
    #[arg(long, value_name = "PNG")]
    picture: Option<PathBuf>,
    /// How long a film is
    #[arg(long, default_value_t = 12.0, value_parser = parse_seconds)]
    seconds: f64,
    /// When a film begins, or a picture is taken, seconds into the game
    #[arg(long, default_value_t = 0.0, value_name = "SECONDS", value_parser = parse_seconds)]
    at: f64,
    /// Pixels of a film or a picture: one number for a square, or WIDTHxHEIGHT
    #[arg(long, default_value = "1280x720", value_parser = parse_size)]
    size: [u32; 2],
    /// Pictures a second of a film
    #[arg(long, default_value_t = 30.0, value_parser = parse_fps)]
    fps: f64,
    /// Equal seeds play equal games
    #[arg(long, default_value_t = 4)]
    seed: u64,
    /// How well the computer plays
    #[arg(long, value_enum, default_value_t = SkillName::Keen)]
    skill: SkillName,
    /// Who sits on the left, where you play: an avatar (.avatar), or a cartoon head (.glb, .vrm); wren unless said
    #[arg(long, value_name = "FILE")]
    left: Option<PathBuf>,
    /// Who sits on the right; mia, a cartoon, unless said
    #[arg(long, value_name = "FILE")]
    right: Option<PathBuf>,
    /// How much faces show: as-i-am, warmer, lively or calm
    #[arg(long, default_value = "lively")]
    profile: String,
    /// The room: glTF with the nodes that the game moves
    #[arg(long, value_name = "FILE")]
    room: Option<PathBuf>,
    /// Leave the score away from films and pictures
    #[arg(long)]
    no_score: bool,
    /// What draws
    #[arg(long, value_enum, default_value_t = Executor::Auto)]
    executor: Executor,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum SkillName {
    /// For fun
    Casual,
    /// Every week
    Keen,
    /// Hard to beat
    Sharp,
}

/// What computes the avatars.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Executor {
    /// The GPU where there is one, else the CPU
    Auto,
    /// SIMD on this machine's cores
    Cpu,
    /// Compute and fragment shaders
    Gpu,
}

/// From one step of the show to the next while nothing is drawn, seconds.
const STEP_S: f64 = 1.0 / 60.0;
/// No game is followed for longer.
const MAX_SECONDS: f64 = 3600.0;
/// Samples a second.
const SOUND_RATE: u32 = 48_000;

/// Somebody who plays, from a file.
struct Seat {
    player: Player,
    character: Character,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<Value> {
    let is_film = arguments.output.is_some() || arguments.picture.is_some();
    ensure!(arguments.at + arguments.seconds <= MAX_SECONDS, "--at and --seconds: an hour at most");
    let room = found("scenes/game_room.glb", arguments.room.as_deref(), "--room")?;
    let scene = Scene::read(&room)?;
    for warning in &scene.warnings {
        eprintln!("visavis: {}: {warning}", room.display());
    }
    let profile = profile(&arguments.profile)?;
    let left = found("avatars/wren.avatar", arguments.left.as_deref(), "--left")?;
    let right = found("cartoons/mia.glb", arguments.right.as_deref(), "--right")?;
    let seats = [seat(&left, &profile)?, seat(&right, &profile)?];
    let skill = match arguments.skill {
        SkillName::Casual => Skill::CASUAL,
        SkillName::Keen => Skill::KEEN,
        SkillName::Sharp => Skill::SHARP,
    };
    let person = (!arguments.watch && !is_film).then_some(Side::Left);
    let options = Options { seed: arguments.seed, skills: [skill; 2], person, first: Side::Left };
    let cast = seats.each_ref().map(|seat| seat.character.clone());
    let show = Show::new(options, cast);
    let players = seats.map(|seat| seat.player);
    if is_film {
        return film(arguments, &scene, &players, show);
    }
    let setup = Setup { show, scene, players, executor: arguments.executor.of_engine() };
    let report = visavis_game::run(setup)?;
    Ok(json!({ "frames": report.frames, "adapter": report.adapter, "points": report.points }))
}

/// A film or a picture.
fn film(arguments: &Arguments, scene: &Scene, players: &[Player; 2], mut show: Show) -> Result<Value> {
    let Arguments { output, picture, seconds, at, size, fps, no_score, executor, .. } = arguments;
    let path = output.as_ref().or(picture.as_ref()).context("no output")?;
    let to = Output::parse(path)?;
    ensure!(
        picture.is_none() || matches!(to, Output::Still(_)),
        "--picture {}: a picture is a .png; a film is written with -o",
        path.display()
    );
    let frames = frame_count(*seconds, *fps).min(to.frame_limit().unwrap_or(usize::MAX));
    let start = Instant::now();
    // A film's sound is that of the whole game: it is played once before it is drawn.
    let sound_file = match (to.has_sound()).then(|| sound(show.clone(), *at, frames, *fps)) {
        None => None,
        Some(mixer) => {
            let mut file = to.temporary(".wav")?;
            wav::write(file.as_file_mut(), SOUND_RATE, mixer.len() as u64, &mut |first, out| {
                mixer.read(first, out);
                Ok(true)
            })?;
            Some(file)
        }
    };
    let mut sink = to.open(size[0], size[1], *fps, sound_file.as_ref().map(tempfile::NamedTempFile::path))?;

    let pool = rayon::ThreadPoolBuilder::new().build().context("threads to draw with")?;
    let options = HeadlessOptions {
        executor: executor.of_engine(),
        pool: Some(Arc::new(pool)),
        ..HeadlessOptions::default()
    };
    let headless = Headless::new(&options).context("setting up the engine")?;
    let mut booth = Booth::new(headless.engine(), scene, players, *size, !no_score)?;
    skip(&mut show, *at);
    let bar = progress::bar(frames as u64, "frames");
    for n in 0..frames {
        interrupt::check()?;
        sink.frame(booth.paint(&show).with_context(|| format!("frame {n}"))?)?;
        skip(&mut show, 1.0 / fps);
        bar.inc(1);
    }
    let outputs = sink.finish()?;
    bar.finish_and_clear();
    let took = start.elapsed().as_secs_f64();
    let adapter = headless.adapter().name.clone();
    let executor = match headless.engine().executor() {
        visavis::Executor::Gpu => "gpu",
        _ => "cpu",
    };
    let [width, height] = *size;
    eprintln!(
        "{}: {frames} frames of {width}x{height}; took {took:.1} s ({executor} executor, {adapter})",
        path.display()
    );
    Ok(json!({
        "frames": frames, "fps": fps, "width": width, "height": height, "seconds": frames as f64 / fps, "at": at,
        "seed": arguments.seed, "points": show.game().score().points, "adapter": adapter, "executor": executor,
        "audio": sound_file.is_some(), "outputs": outputs, "render_seconds": took,
    }))
}

/// Lets a show go on for some time, in small steps.
fn skip(show: &mut Show, seconds: f64) {
    let steps = (seconds / STEP_S).ceil().max(1.0);
    if seconds > 0.0 {
        for _ in 0..steps as usize {
            show.advance((seconds / steps) as f32);
        }
    }
}

/// What is heard of a show from a time on. Points that are shown again are silent.
fn sound(mut show: Show, at: f64, frames: usize, fps: f64) -> Mixer {
    let mut mixer = Mixer::new(SOUND_RATE, frames as f64 / fps);
    skip(&mut show, at);
    show.take_sounds();
    // In the very steps that the film takes, so that both play the same game.
    for _ in 0..frames {
        skip(&mut show, 1.0 / fps);
        for mut sound in show.take_sounds() {
            sound.time_s -= at as f32;
            mixer.add(&sound);
        }
    }
    mixer
}

/// Somebody from a file: captured, a cartoon's avatar, or a cartoon's own model.
fn seat(path: &Path, profile: &Profile) -> Result<Seat> {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    if let Some("glb" | "gltf" | "vrm") = extension.as_deref() {
        let cartoon = Cartoon::read(path)?;
        let name = path.file_stem().map_or(String::new(), |stem| stem.to_string_lossy().into_owned());
        return Ok(drawn(cartoon, name));
    }
    match avatar_file::read_any(path)?.avatar {
        AnyAvatar::Cartoon(avatar) => {
            let cartoon = Cartoon::from_glb(&avatar.model, &format!("the cartoon in {}", path.display()))?;
            Ok(drawn(cartoon, avatar.manifest.name.clone()))
        }
        AnyAvatar::Photoreal(avatar) => {
            // An avatar whose latent can't be read by name plays with a still face.
            let range = FaceRange::of_avatar(&avatar).ok();
            let tuner = range.as_ref().map(|range| Tuner::new(profile, range));
            let name = avatar.manifest.name.clone();
            let character = Character { name, features: Features::of(&avatar), sinks_m: 0.0, range, tuner };
            Ok(Seat { player: Player::Photoreal(Arc::from(avatar)), character })
        }
    }
}

fn drawn(cartoon: Cartoon, name: String) -> Seat {
    for warning in cartoon.warnings() {
        eprintln!("visavis: {name}: {warning}");
    }
    let player = Player::Cartoon(Arc::new(cartoon));
    Seat { character: Character { name, sinks_m: player.sinks_m(), ..Character::default() }, player }
}

fn profile(name: &str) -> Result<Profile> {
    let names: Vec<_> = PRESETS.iter().map(|preset| preset.name()).collect();
    let preset = Preset::from_name(name);
    let preset = preset.with_context(|| format!("--profile {name}: it is none of {}", names.join(", ")))?;
    Ok(preset.profile())
}

/// A file that was named, or one that comes with the program: in `assets` here, or beside the program.
fn found(asset: &str, named: Option<&Path>, field: &str) -> Result<PathBuf> {
    if let Some(path) = named {
        return Ok(path.to_owned());
    }
    let beside = std::env::current_exe().ok().and_then(|program| Some(program.parent()?.join("assets")));
    let folders = [Some(PathBuf::from("assets")), beside];
    let mut places = folders.into_iter().flatten().map(|folder| folder.join(asset));
    places.find(|path| path.is_file()).with_context(|| {
        format!("assets/{asset}: it is neither here nor beside the program; name one with {field}")
    })
}

impl Executor {
    fn of_engine(self) -> visavis::Executor {
        match self {
            Self::Auto => visavis::Executor::Auto,
            Self::Cpu => visavis::Executor::Cpu,
            Self::Gpu => visavis::Executor::Gpu,
        }
    }
}
