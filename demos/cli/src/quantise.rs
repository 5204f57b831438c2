//! `visavis quantise`: asks an avatar's decoder how fine the steps of its latent must be.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use visavis_codec::Avatar;
use visavis_codec::bitstream::{SENSITIVITY_FACES, fit_steps};
use visavis_codec::encoder::Driver;

use crate::avatar_file::hex;
use crate::painter::{Behind, Executor, Painter};
use crate::render::Camera;
use crate::{avatar_file, interrupt, progress};

/// Finds the quantiser steps of an avatar from how much each axis of its latent changes the picture
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  visavis quantise wren.avatar                              in place, with wren.driver beside it
  visavis quantise wren.avatar -o fine.avatar --driver wren.driver

Each axis is moved a little on some typical faces, and the pictures compared; a step then is what changes the picture by
almost a quarter of an 8-bit code (root mean square over the person, 512 x 512, from the front). Training does this of itself; only an
avatar that was packed otherwise needs it. A file's root changes with its steps: calls recorded with the old file name the
old root, and the driver, which names it too, is written anew.")]
pub(crate) struct Arguments {
    /// The avatar
    avatar: PathBuf,
    /// Where the result goes [default: in place]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The avatar's driver [default: the avatar's name with .driver, if it is there]
    #[arg(long, value_name = "DRIVER")]
    driver: Option<PathBuf>,
}

/// Pixels a side of the pictures that are compared.
const SIZE: u32 = 512;

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<Value> {
    let file = avatar_file::read(&arguments.avatar)?;
    let output = arguments.output.as_ref().unwrap_or(&arguments.avatar);
    let beside = arguments.avatar.with_extension("driver");
    let driver = arguments.driver.clone().or_else(|| beside.is_file().then_some(beside));
    let driver = driver.map(|path| read_driver(&path, &file.root_hash)).transpose()?;

    let mut avatar = file.avatar;
    let before = avatar.manifest.latent.clone();
    let renders = set_steps(&mut avatar)?;
    let bytes = avatar.write().with_context(|| format!("{}: can't be written", output.display()))?;
    let root = Avatar::root_hash(&bytes).context("the new file's hash")?;
    replace(output, &bytes)?;
    let driver =
        driver.map(|driver| write_driver(driver, root, &output.with_extension("driver"))).transpose()?;

    let latent = &avatar.manifest.latent;
    let steps: Vec<f32> = latent.axes.iter().map(|axis| axis.step).chain(latent.head_steps).collect();
    let old: Vec<f32> = before.axes.iter().map(|axis| axis.step).chain(before.head_steps).collect();
    for (axis, (old, new)) in old.iter().zip(&steps).enumerate() {
        eprintln!("  {:<20} {old:>10} -> {new}", axis_name(axis, latent.axes.len()));
    }
    eprintln!("{}: {} steps from {renders} pictures", output.display(), steps.len());
    Ok(json!({
        "output": output, "driver": driver, "root_blake3": hex(&root), "pictures": renders, "steps": steps,
    }))
}

/// Sets the avatar's steps; how many pictures that took.
pub(crate) fn set_steps(avatar: &mut Avatar) -> Result<u64> {
    let mut painter = Painter::new(avatar.clone(), Executor::Cpu, None)?;
    let view = Camera::default().view(0.0, 1.0);
    let axes = avatar.manifest.latent.axes.len() as u64 + 7;
    let bar = progress::bar(2 * SENSITIVITY_FACES * axes, "pictures (at least)");
    let mut renders = 0;
    avatar.manifest.latent = fit_steps(&avatar.manifest.latent, |face| {
        interrupt::check()?;
        renders += 1;
        bar.inc(1);
        painter.paint(face, &view, [SIZE; 2], Behind::Nothing).map(<[u8]>::to_vec)
    })?;
    bar.finish_and_clear();
    Ok(renders)
}

/// What an axis is called.
fn axis_name(axis: usize, latent_axes: usize) -> String {
    use visavis_codec::FaceUnit;
    const GAZE: [&str; 4] = ["gaze left yaw", "gaze left pitch", "gaze right yaw", "gaze right pitch"];
    const HEAD: [&str; 6] =
        ["head rotation x", "head rotation y", "head rotation z", "head x", "head y", "head z"];
    match (FaceUnit::ALL.get(axis), axis.checked_sub(latent_axes)) {
        (Some(unit), _) => unit.name().to_owned(),
        (None, Some(head)) => HEAD.get(head).copied().unwrap_or("?").to_owned(),
        (None, None) if axis < 56 => GAZE[axis - 52].to_owned(),
        (None, None) => format!("residual {}", axis - 56),
    }
}

/// A driver and its file, if it is the avatar's.
fn read_driver(path: &Path, root: &[u8; 32]) -> Result<Driver> {
    let bytes = avatar_file::read_bounded(path, visavis_codec::encoder::MAX_DRIVER_BYTES)?;
    let driver = Driver::read(&bytes).with_context(|| format!("{}: not a usable driver", path.display()))?;
    ensure!(
        driver.manifest().avatar.root_blake3 == hex(root),
        "{}: is another avatar's driver (root {}); name the right one with --driver",
        path.display(),
        driver.manifest().avatar.root_blake3
    );
    Ok(driver)
}

fn write_driver(driver: Driver, root: [u8; 32], path: &Path) -> Result<PathBuf> {
    let bytes = driver.for_root(root).write().context("the driver can't be written")?;
    crate::train::write_private(path, &bytes)?;
    Ok(path.to_owned())
}

/// Writes a file whole or not at all.
fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let draft = path.with_extension("part");
    std::fs::write(&draft, bytes).with_context(|| format!("can't write {}", draft.display()))?;
    std::fs::rename(&draft, path).with_context(|| format!("can't write {}", path.display()))
}
