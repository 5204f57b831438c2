//! `visavis calibrate`: a person's own profile, learned from a recorded performance.

mod canvas;
mod draw;
mod performance;

use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context as _, Result, bail};
use serde_json::{Map, Value, json};
use visavis_codec::avatar::AnyAvatar;
use visavis_codec::drive::Shown;
use visavis_codec::expression::{
    FaceRange, MAX_PROFILE_BYTES, PRESETS, Preset, Profile, Scope, Setting, Target, Tuner, Usage,
};
use visavis_codec::{Avatar, FaceFrame, FaceUnit};

use self::performance::Performance;
use crate::avatar_file::read_bounded;
use crate::painter::{Executor, Painter};

/// Learns how a person uses their face from a recording, and proposes an expression profile
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  visavis calibrate assets/calls/hello.mcap -o mine.toml --towards lively
  visavis calibrate assets/performance/hello.csv --avatar assets/avatars/wren.avatar -o mine.toml
  visavis render assets/calls/hello.mcap -o tuned.mp4 --profile mine.toml
  visavis calibrate take.csv --avatar wren.avatar -o mine.toml --mapping phone.json
  visavis drive take.csv --avatar wren.avatar -o take.mp4 --mapping phone.json --profile mine.toml

Beside the profile it draws mine.histograms.png (how often each unit has which weight, before in grey and after in orange) and
mine.sheet.png (at rest, smiling, surprised, talking: as is above, tuned below). The profile is a text to be edited; its
format stands in avatar-codec/EXPRESSION.md. A mapping says where this tracker has your neutral face and how far it moves; it is for
`visavis drive`, and its format stands in avatar-codec/DRIVE.md.")]
pub(crate) struct Arguments {
    /// A recorded call (.mcap), or a tracker's recording (.csv: Live Link Face, or seconds and face units by name)
    recording: PathBuf,
    /// Where the profile goes (.toml)
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Where it should lead: as-i-am, warmer, lively, calm, or typical (as widely as people use their face in talk)
    #[arg(long, default_value = "typical")]
    towards: Towards,
    /// The avatar to draw; a table needs one, a call names its own
    #[arg(long, value_name = "FILE")]
    avatar: Option<PathBuf>,
    /// Whose face of a call, by name; the first one unless said
    #[arg(long, value_name = "NAME")]
    sender: Option<String>,
    /// Also learn from a table how this tracker's units are to move this avatar, and write that here (.json)
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    /// The table shows every unit to its end, one after the other: the mapping stretches all of them, not the lids alone
    #[arg(long, requires = "mapping")]
    range_of_motion: bool,
    /// What draws the sheet
    #[arg(long, value_enum, default_value_t = Executor::Auto)]
    executor: Executor,
    /// Pixels of each picture of the sheet
    #[arg(long, default_value_t = 320, value_parser = clap::value_parser!(u32).range(64..=1024))]
    size: u32,
}

#[derive(Clone, Copy, Debug)]
struct Towards(Target);

impl FromStr for Towards {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        if name == "typical" {
            return Ok(Self(Target::Typical));
        }
        let presets = PRESETS.map(Preset::name).join(", ");
        let preset = Preset::from_name(name);
        preset
            .map(|preset| Self(Target::Preset(preset)))
            .ok_or(format!("`{name}` is none of {presets}, typical"))
    }
}

/// What `--profile` asks for, for the avatar of this path.
pub(crate) fn tuner(profile: &Path, avatar: &Avatar, path: &Path) -> Result<Tuner> {
    let profile = read_profile(profile)?;
    let range = FaceRange::of_avatar(avatar).with_context(|| format!("{}: --profile", path.display()))?;
    Ok(Tuner::new(&profile, &range))
}

/// As [`tuner`], of either form; a cartoon's lips and lids are its own.
pub(crate) fn tuner_of_any(profile: &Path, avatar: &AnyAvatar, path: &Path) -> Result<Tuner> {
    let range = range_of_any(avatar).with_context(|| format!("{}: --profile", path.display()))?;
    Ok(Tuner::new(&read_profile(profile)?, &range))
}

/// What a face of either form can do.
pub(crate) fn range_of_any(avatar: &AnyAvatar) -> Result<FaceRange> {
    Ok(match avatar {
        AnyAvatar::Photoreal(avatar) => FaceRange::of_avatar(avatar)?,
        AnyAvatar::Cartoon(cartoon) => FaceRange::of_model(&cartoon.manifest.latent)?,
    })
}

/// A profile by a preset's name, or from a file.
pub(crate) fn read_profile(name: &Path) -> Result<Profile> {
    if let Some(preset) = name.to_str().and_then(Preset::from_name) {
        return Ok(preset.profile());
    }
    let bytes = read_bounded(name, MAX_PROFILE_BYTES).with_context(|| {
        format!("--profile: neither a file nor one of {}", PRESETS.map(Preset::name).join(", "))
    })?;
    Profile::parse(&bytes).with_context(|| format!("{}: not a usable profile", name.display()))
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<Value> {
    let Arguments { recording, output, towards, avatar, sender, mapping, range_of_motion, executor, size } =
        arguments;
    if output.extension().is_none_or(|extension| extension != "toml") {
        bail!("--output {}: a profile's name ends in .toml", output.display());
    }
    let shown = if *range_of_motion { Shown::RangeOfMotion } else { Shown::Anything };
    let learn = mapping.is_some().then_some(shown);
    let Performance { frames, avatar, mapping: learned } =
        performance::read(recording, avatar.as_deref(), sender.as_deref(), learn)?;
    let usage = Usage::learn(frames.iter().map(|frame| &frame.latent))
        .with_context(|| format!("{}: nothing to learn from", recording.display()))?;
    let profile = usage.suggest(towards.0);
    let range =
        FaceRange::of_avatar(&avatar).with_context(|| format!("{}: its avatar", recording.display()))?;
    let mut tuner = Tuner::new(&profile, &range);
    let tuned: Vec<FaceFrame> = frames.iter().map(|frame| tuner.apply_frame(frame)).collect();

    if let Some(folder) = output.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).with_context(|| format!("{}: can't be made", folder.display()))?;
    }
    let histograms = output.with_extension("histograms.png");
    let sheet = output.with_extension("sheet.png");
    draw::histograms(&frames, &tuned, &usage).write(&histograms)?;
    let mut painter = Painter::new(avatar, *executor, None)?;
    draw::sheet(&mut painter, &frames, &tuned, *size)?.write(&sheet)?;
    std::fs::write(output, profile.to_toml())
        .with_context(|| format!("{}: can't be written", output.display()))?;

    if let (Some(path), Some(learned)) = (mapping, &learned) {
        std::fs::write(path, learned.to_json() + "\n")
            .with_context(|| format!("{}: can't be written", path.display()))?;
        eprintln!("{}: this tracker's units on this avatar", path.display());
    }

    let mut units = Map::new();
    for unit in FaceUnit::ALL {
        let learned = usage.unit(unit);
        units.insert(
            unit.name().to_owned(),
            json!({
                "neutral": learned.neutral, "median": learned.median, "p95": learned.p95, "end": learned.end,
                "gain": profile.gain(unit), "offset": profile.get(Scope::Unit(unit), Setting::Offset).unwrap_or(0.0),
            }),
        );
    }
    let seconds = match (frames.first(), frames.last()) {
        (Some(first), Some(last)) => last.time.as_seconds() - first.time.as_seconds(),
        _ => 0.0,
    };
    eprintln!(
        "{}: towards {}, from {} frames ({seconds:.1} s)",
        output.display(),
        profile.name(),
        usage.frames
    );
    eprintln!("drawn: {} and {}", histograms.display(), sheet.display());
    Ok(json!({
        "frames": usage.frames, "seconds": seconds, "towards": profile.name(), "profile": output,
        "mapping": mapping, "histograms": histograms, "sheet": sheet, "executor": painter.executor(), "units": units,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_a_presets_name_or_a_file() {
        assert_eq!(read_profile(Path::new("calm")).unwrap(), Preset::Calm.profile());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.toml");
        assert!(format!("{:#}", read_profile(&path).unwrap_err()).contains("as-i-am"));
        std::fs::write(&path, "version = 1\n[unit.jawOpen]\ngain = 9\n").unwrap();
        let error = format!("{:#}", read_profile(&path).unwrap_err());
        assert!(
            error.contains("p.toml") && error.contains("line 3") && error.contains("unit.jawOpen.gain"),
            "{error}"
        );
        std::fs::write(&path, Preset::Warmer.profile().to_toml()).unwrap();
        assert_eq!(read_profile(&path).unwrap(), Preset::Warmer.profile());
    }

    #[test]
    fn targets_go_by_their_names() {
        assert!(matches!("typical".parse(), Ok(Towards(Target::Typical))));
        assert!(matches!("warmer".parse(), Ok(Towards(Target::Preset(Preset::Warmer)))));
        assert!("happier".parse::<Towards>().unwrap_err().contains("lively"));
    }
}
