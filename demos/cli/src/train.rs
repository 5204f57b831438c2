//! `visavis train`: a capture becomes an avatar. Prepares the data, sets up PyTorch, trains, packs, proves.

use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Deserialize;
use serde_json::{Value, json};
use visavis_codec::Avatar;
use visavis_codec::avatar::Licence;
use visavis_codec::train::{self, PYTHON_PACKAGE, PYTHON_REQUIREMENTS};

use crate::{interrupt, plain, progress, quantise};

/// Trains an avatar from a capture
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  visavis train ~/captures/wren -o wren.avatar --minutes 60
  visavis train ~/captures/wren -o wren.avatar --minutes 90 --resume    30 minutes more, with the frames added since
  visavis train ~/multiface/6795937 -o she.avatar --minutes 120         a plain Multiface entity: units are fitted first

A plain Multiface entity has no capture.json, but KRT, frame_list.txt, images/SEGMENT/CAMERA/FRAME.png (undistorted) and
tracked_mesh/SEGMENT/FRAME.bin with FRAME_transform.txt, and one FRAME.obj with triangles and texture coordinates. Face
units are then fitted to the tracked meshes; how well is said, and stands in --json as units_fit.

Everything in between is kept in CAPTURE/training: data, checkpoint.pt, and sheet.png (truth | ours | 5 × error).
Beside NAME.avatar goes NAME.driver, which finds the residual: the owner's private half, not to be given away.")]
pub(crate) struct Arguments {
    /// The capture: a folder in the Multiface layout, with capture.json or without; it may still be growing
    capture: PathBuf,
    /// Where the avatar goes
    #[arg(short, long, value_name = "AVATAR")]
    output: PathBuf,
    /// How long the networks train, resumed time included
    #[arg(long, default_value_t = 60.0)]
    minutes: f64,
    /// Go on from the last checkpoint
    #[arg(long)]
    resume: bool,
    /// Same seed, same data, same machine load: nearly the same avatar (the clock ends the training)
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Components of the residual, what units and gaze can't say about this person: 0 to 32, 0 for none
    #[arg(long, value_name = "K", default_value_t = 8, value_parser = clap::value_parser!(u32).range(0..=32))]
    residual: u32,
    /// Terms of use that the avatar states, an SPDX expression
    #[arg(long, default_value = "LicenseRef-unstated")]
    spdx: String,
    /// What the person consented to, in words
    #[arg(long, default_value = "none stated when it was trained")]
    consent: String,
    #[command(flatten)]
    plain: plain::PlainArguments,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Value> {
    ensure!(arguments.minutes > 0.0 && arguments.minutes.is_finite(), "--minutes must be greater than 0");
    let (capture, rig, units_fit) = train::open(&arguments.capture, &arguments.plain.options())?;
    if let Some(fit) = &units_fit {
        plain::tell(fit);
    }
    let folder = arguments.capture.join("training");
    let (data, run) = (folder.join("data"), folder.join("run"));

    let bar = progress::bar(0, "images prepared");
    let prepared = train::prepare(&capture, &rig, &data, &|done, of| {
        bar.set_length(of as u64);
        bar.set_position(done as u64);
    })?;
    bar.finish_and_clear();
    interrupt::check()?;
    eprintln!(
        "{} images to train on, {} held out, {} not rendered yet",
        prepared.train, prepared.test, prepared.missing
    );
    ensure!(
        prepared.train > 0,
        "{} has no rendered image of its training split: render some frames first",
        arguments.capture.display()
    );

    let cache = cache_folder()?;
    let python = python(&cache.join("trainer"))?;
    fit(&python, &extract_package(&cache)?, &data, &run, arguments)?;

    let licence = Licence { spdx: arguments.spdx.clone(), consent: arguments.consent.clone() };
    let (mut avatar, facts) = train::pack(&capture, &rig, &run.join("export.safetensors"), licence)?;
    let compared = train::check(&capture, &rig, &avatar, &run.join("check.safetensors"))?;
    eprintln!("the reference agrees with the trainer on {compared} pixels of a held-out image");
    quantise::set_steps(&mut avatar)?;
    let bytes = avatar.write().context("the trained avatar isn't valid")?;
    let draft = arguments.output.with_extension("part");
    fs::write(&draft, &bytes).with_context(|| format!("can't write {}", draft.display()))?;
    fs::rename(&draft, &arguments.output)
        .with_context(|| format!("can't write {}", arguments.output.display()))?;
    eprintln!("{}: {} bytes", arguments.output.display(), bytes.len());
    let driver = if avatar.residual() > 0 {
        let root = Avatar::root_hash(&bytes).context("the trained avatar's hash")?;
        let driver = train::pack_driver(&capture, &rig, &avatar, root, &run.join("encoder.safetensors"))?;
        let path = arguments.output.with_extension("driver");
        write_private(&path, &driver.write().context("the trained driver isn't valid")?)?;
        eprintln!("{}: the avatar's private half, for its owner alone", path.display());
        Some(path)
    } else {
        None
    };
    let residual = facts.residual.as_ref().map(|residual| {
        json!({
            "components": avatar.residual(), "psnr_face_db": residual.psnr_face_db,
            "psnr_head_db": residual.psnr_head_db, "linear_share": residual.linear_share,
        })
    });
    Ok(json!({
        "output": arguments.output, "driver": driver, "residual": residual, "bytes": bytes.len(), "steps": facts.steps, "seconds": facts.seconds,
        "images_train": prepared.train, "images_test": prepared.test,
        "psnr_face_db": facts.psnr_face_db, "psnr_head_db": facts.psnr_head_db,
        "geometry_error_mm": facts.geometry_error_mm.mean, "geometry_error_p99_mm": facts.geometry_error_mm.p99,
        "units_fit": plain::report(units_fit.as_ref()),
    }))
}

/// Writes a file that nobody but its owner may read, where the system knows such a thing.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    let draft = path.with_extension("driver-part");
    let written = || -> std::io::Result<()> {
        // One that is left over may be readable by others.
        match fs::remove_file(&draft) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&draft)?.write_all(bytes)?;
        fs::rename(&draft, path)
    };
    written().with_context(|| format!("can't write {}", path.display()))
}

/// Where programs keep what they can make again.
fn cache_folder() -> Result<PathBuf> {
    let base = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("LOCALAPPDATA").map(PathBuf::from))
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")))
        .context("neither XDG_CACHE_HOME nor HOME is set: there is no place for the trainer")?;
    Ok(base.join("visavis"))
}

/// A Python with what the trainer needs: the one in the virtual environment `folder`, which is made if need be.
fn python(folder: &Path) -> Result<PathBuf> {
    let python = if cfg!(windows) { folder.join("Scripts/python.exe") } else { folder.join("bin/python") };
    if has_requirements(&python) {
        return Ok(python);
    }
    let requirements: Vec<&str> =
        PYTHON_REQUIREMENTS.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    eprintln!(
        "setting up {} with {} (some 200 MB; on Linux several GB, since torch brings CUDA along)",
        folder.display(),
        requirements.join(", ")
    );
    let host = if cfg!(windows) { "python" } else { "python3" };
    succeed(Command::new(host).args(["-m", "venv"]).arg(folder)).with_context(|| {
        format!("{host} can't make a virtual environment: install Python 3.11 or later with its venv module")
    })?;
    succeed(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(&requirements)).context(
        "pip can't install what the trainer needs: is there a network, and a wheel for this Python?",
    )?;
    ensure!(
        has_requirements(&python),
        "the packages in {} don't import: delete the folder and try again",
        folder.display()
    );
    Ok(python)
}

fn has_requirements(python: &Path) -> bool {
    let test = "import sys, importlib.metadata as m, numpy, PIL, safetensors, torch\n\
                sys.exit(any(m.version(n) != v for n, v in (r.split('==') for r in sys.argv[1:])))";
    let pins = PYTHON_REQUIREMENTS.lines().filter(|line| line.contains("==") && !line.starts_with('#'));
    let mut command = Command::new(python);
    command.args(["-c", test]).args(pins).stdout(Stdio::null()).stderr(Stdio::null());
    python.exists() && command.status().is_ok_and(|status| status.success())
}

fn succeed(command: &mut Command) -> Result<()> {
    let status =
        command.status().with_context(|| format!("{} doesn't start", command.get_program().display()))?;
    ensure!(status.success(), "{} ended with {status}", command.get_program().display());
    Ok(())
}

/// Puts the embedded Python package into the cache; returns the folder to import from.
fn extract_package(cache: &Path) -> Result<PathBuf> {
    let folder = cache.join("trainer-package");
    let package = folder.join("visavis_train");
    fs::create_dir_all(&package).with_context(|| format!("can't make {}", package.display()))?;
    for (name, text) in PYTHON_PACKAGE {
        let path = package.join(name);
        fs::write(&path, text).with_context(|| format!("can't write {}", path.display()))?;
    }
    Ok(folder)
}

/// What the trainer says while it works, a JSON object a line.
#[derive(Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Event {
    Start { images: u64, held_out: u64, step: u64 },
    Geometry { mean_mm: f64, p99_mm: f64 },
    Residual { asked: u32, used: u32 },
    Step { step: u64, seconds: f64, loss: f64 },
    Checkpoint { psnr_face_db: Option<f64>, psnr_head_db: Option<f64> },
    Done { psnr_face_db: Option<f64>, psnr_head_db: Option<f64>, residual: Option<Decibels> },
}

/// The same figures with the residual.
#[derive(Deserialize)]
struct Decibels {
    psnr_face_db: Option<f64>,
    psnr_head_db: Option<f64>,
}

/// Runs the trainer to its end.
fn fit(python: &Path, package: &Path, data: &Path, run: &Path, arguments: &Arguments) -> Result<()> {
    let mut command = Command::new(python);
    command.args(["-m", "visavis_train"]).arg(data).arg(run);
    command.args(["--minutes", &arguments.minutes.to_string(), "--seed", &arguments.seed.to_string()]);
    command.args(["--residual", &arguments.residual.to_string()]);
    if arguments.resume {
        command.arg("--resume");
    }
    command
        .env("PYTHONPATH", package)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        // Threads that spin while they wait starve each other on a machine that does other work, too.
        .env("OMP_WAIT_POLICY", "PASSIVE")
        .stdout(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("{} doesn't start", python.display()))?;
    let bar = training_bar((arguments.minutes * 60.0) as u64);
    let mut seen = String::new();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines() {
            let line = line.context("the trainer's output can't be read")?;
            match serde_json::from_str(&line) {
                Ok(event) => show(&bar, event, &mut seen),
                Err(_) => bar.suspend(|| eprintln!("{line}")),
            }
        }
    }
    let status = child.wait().context("the trainer can't be waited for")?;
    bar.finish_and_clear();
    interrupt::check()?;
    if !status.success() {
        bail!(
            "the trainer ended with {status}; --resume goes on from {}",
            run.join("checkpoint.pt").display()
        );
    }
    Ok(())
}

fn training_bar(seconds: u64) -> ProgressBar {
    let bar = ProgressBar::new(seconds);
    if let Ok(style) = ProgressStyle::with_template("{bar:32} {msg}  {eta} left") {
        bar.set_style(style);
    }
    bar
}

fn decibels(value: Option<f64>) -> String {
    value.map_or_else(|| "–".into(), |value| format!("{value:.2} dB"))
}

fn show(bar: &ProgressBar, event: Event, seen: &mut String) {
    match event {
        Event::Start { images, held_out, step } => bar.suspend(|| {
            eprintln!("training on {images} images from step {step}, {held_out} held out");
        }),
        Event::Residual { asked, used } => bar.suspend(|| {
            eprintln!(
                "residual: {used} components instead of {asked}; {}",
                if used == 0 {
                    "no frame has two pictures, one to encode and one to draw"
                } else {
                    "as in the checkpoint"
                }
            );
        }),
        Event::Geometry { mean_mm, p99_mm } => bar.suspend(|| {
            eprintln!(
                "geometry: {mean_mm:.3} mm from the tracked meshes on average, 99 % within {p99_mm:.3} mm"
            );
        }),
        Event::Step { step, seconds, loss } => {
            bar.set_position(seconds as u64);
            bar.set_message(format!("step {step}  loss {loss:.4}{seen}"));
        }
        Event::Checkpoint { psnr_face_db, psnr_head_db } => {
            *seen = format!("  held-out face {}, head {}", decibels(psnr_face_db), decibels(psnr_head_db));
            bar.suspend(|| eprintln!("checkpoint:{seen}"));
        }
        Event::Done { psnr_face_db, psnr_head_db, residual } => bar.suspend(|| {
            let (face, head) = (decibels(psnr_face_db), decibels(psnr_head_db));
            eprintln!("trained: face {face}, head {head} over all held-out images");
            if let Some(with) = residual {
                let (face, head) = (decibels(with.psnr_face_db), decibels(with.psnr_head_db));
                eprintln!("with the residual: face {face}, head {head}");
            }
        }),
    }
}
