//! `visavis cartoon`: a drawn head becomes somebody's avatar.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use visavis_codec::FaceUnit;
use visavis_codec::avatar::{AnyAvatar, CartoonAvatar, Licence, MAX_CARTOON_BYTES};
use visavis_codec::bitstream::plain_latent_model;
use visavis_scene::{Cartoon, UnitState};

use crate::avatar_file::{self, hex, read_bounded};

/// Makes an avatar of a cartoon head: any .glb or .vrm that ARKit's 52 blend shapes or VRM's expressions move
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  visavis cartoon assets/cartoons/mia.glb --like assets/avatars/wren.avatar -o mia.avatar
  visavis cartoon head.vrm --licence CC-BY-4.0 -o me.avatar    a VRM model as yourself
  visavis key sign me.avatar                                   from then on it is yours, as any avatar
  visavis render assets/calls/hello.mcap --avatar mia.avatar -o hello.mp4
  visavis call host --avatar me.avatar                         be it in a call

Morph targets are found by their names, in any style (jawOpen, JAW_OPEN, eyeBlink_L); of VRM also expressions called so, and
its presets where the head has nothing better. What moves what stands in demos/scene/CARTOON.md. Your other avatar
(--like) says how finely faces are coded: give the one that your driver is of, and both cost the same.")]
pub(crate) struct Arguments {
    /// The head (.glb, .vrm), with buffers and pictures inside it
    head: PathBuf,
    /// Where the avatar goes (.avatar)
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// An avatar whose faces are coded alike; without, as any tracker's are
    #[arg(long, value_name = "AVATAR")]
    like: Option<PathBuf>,
    /// The name that is shown [default: the head's file name]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Terms of the model, an SPDX expression [default: those of --like, else LicenseRef-unknown]
    #[arg(long, value_name = "SPDX")]
    licence: Option<String>,
    /// What its maker and owner consented to, in words
    #[arg(long, value_name = "TEXT")]
    consent: Option<String>,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<Value> {
    let Arguments { head, output, like, name, licence, consent } = arguments;
    ensure!(
        output.extension().is_some_and(|extension| extension == "avatar"),
        "--output {}: an avatar's name ends in .avatar",
        output.display()
    );
    let like = like.as_deref().map(avatar_file::read_any).transpose()?;
    let model = read_bounded(head, MAX_CARTOON_BYTES)?;
    let cartoon = Cartoon::from_glb(&model, &head.display().to_string())?;
    for warning in cartoon.warnings() {
        eprintln!("visavis: {}: {warning}", head.display());
    }
    let stem = head.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let of_like = like.as_ref().map(|file| file.avatar.manifest());
    let licence = Licence {
        spdx: licence
            .clone()
            .or(of_like.map(|manifest| manifest.licence.spdx.clone()))
            .unwrap_or_else(|| "LicenseRef-unknown".to_owned()),
        consent: consent.clone().unwrap_or_default(),
    };
    let latent = of_like.map_or_else(|| plain_latent_model(0), |manifest| manifest.latent.clone());
    let made = CartoonAvatar::new(name.clone().unwrap_or(stem), licence, &latent, model);
    let file = made.write().with_context(|| format!("{}: can't be made", output.display()))?;
    std::fs::write(output, &file).with_context(|| format!("{}: can't be written", output.display()))?;
    let root = visavis_codec::Avatar::root_hash(&file)?;
    eprintln!("{}: {} as a cartoon, {} bytes", output.display(), made.manifest.name, file.len());
    tell(&cartoon);
    eprintln!("  nobody's yet: `visavis key sign {}` makes it yours", output.display());
    let mut report = report(&cartoon);
    let more = json!({
        "path": output, "bytes": file.len(), "name": made.manifest.name, "root_hash_blake3": hex(&root),
    });
    if let (Some(report), Some(more)) = (report.as_object_mut(), more.as_object()) {
        report.extend(more.clone());
    }
    Ok(report)
}

/// What of a cartoon's file `visavis inspect` tells.
pub(crate) fn inspect(cartoon: &CartoonAvatar, path: &Path) -> Result<Value> {
    let model = Cartoon::from_glb(&cartoon.model, &format!("the cartoon in {}", path.display()))?;
    tell(&model);
    Ok(report(&model))
}

/// In words, to stderr.
fn tell(cartoon: &Cartoon) {
    let units = cartoon.units();
    let names = |state| units.units(state).map(FaceUnit::name).collect::<Vec<_>>();
    eprintln!(
        "  model: {} vertices, {} triangles, {} morph targets",
        cartoon.vertex_count(),
        cartoon.triangle_count(),
        cartoon.target_count()
    );
    let found = names(UnitState::Target);
    eprintln!("  {} of the {} face units have a target of their own", found.len(), FaceUnit::ALL.len());
    for (state, what) in [(UnitState::Mapped, "mapped"), (UnitState::Missing, "missing")] {
        let names = names(state);
        if !names.is_empty() {
            eprintln!("    {what}: {}", names.join(", "));
        }
    }
    eprintln!("  gaze: {}; pose: {}", units.gaze().unwrap_or("nothing follows it"), units.head());
}

/// For `--json`.
fn report(cartoon: &Cartoon) -> Value {
    let units = cartoon.units();
    let names = |state| units.units(state).map(FaceUnit::name).collect::<Vec<_>>();
    json!({
        "vertices": cartoon.vertex_count(), "triangles": cartoon.triangle_count(),
        "morph_targets": cartoon.target_count(), "delta_bytes": cartoon.delta_bytes(),
        "units_found": names(UnitState::Target), "units_mapped": names(UnitState::Mapped),
        "units_missing": names(UnitState::Missing), "gaze": units.gaze(), "head": units.head(),
        "warnings": cartoon.warnings().iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

/// A captured person's avatar, for what can't show others.
pub(crate) fn captured(avatar: AnyAvatar, path: &Path) -> Result<visavis_codec::Avatar> {
    match avatar {
        AnyAvatar::Photoreal(avatar) => Ok(*avatar),
        AnyAvatar::Cartoon(_) => anyhow::bail!(
            "{}: `form` is cartoon, which can't be shown here: name a photoreal avatar with --avatar; `visavis render` and \
             calls show both",
            path.display()
        ),
    }
}
