//! `visavis tune-check`: what expression profiles do to an avatar's mesh, measured.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use visavis_codec::Timestamp;
use visavis_codec::expression::check::{Checker, Penetration, random_faces, random_profile};
use visavis_codec::expression::{FaceRange, PRESETS, Tuner};

use crate::{avatar_file, interrupt, progress};

/// Measures what expression profiles do to an avatar's mesh
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  visavis tune-check assets/avatars/wren.avatar
  visavis --json tune-check wren.avatar --faces 2000 | jq .worst_penetration_mm

What each number means and how it is found on the mesh stands in avatar-codec/EXPRESSION.md. Exit status 0 says that it was
measured, not that it is good.")]
pub(crate) struct Arguments {
    /// The avatar
    avatar: PathBuf,
    /// How many random faces lips and lids are watched over, 20 to a random profile
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(20..=10_000_000))]
    faces: u32,
    /// Where the random numbers begin
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Profiles whose time is taken, and faces for each.
const TIMED_PROFILES: u64 = 60;
const TIMED_FACES: usize = 200;

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<Value> {
    let Arguments { avatar: path, faces, seed } = arguments;
    let avatar = avatar_file::read(path)?.avatar;
    let checker = Checker::new(&avatar).with_context(|| format!("{}: can't be checked", path.display()))?;
    let smile_gain_error = checker.smile_gain_error();
    let spill_ratio = checker.spill_ratio();
    let identity_bit_exact = checker.is_identity_exact(1000);
    let is_monotonic = checker.is_monotonic();
    let [mut gap, mut resting, mut untuned] = [0.0f32; 3];
    for preset in PRESETS {
        interrupt::check()?;
        let profile = preset.profile();
        gap = gap.max(checker.blink_gap_mm(&profile));
        resting = resting.max(checker.resting_blink_gap_mm(&profile));
        if profile == visavis_codec::expression::Preset::AsIAm.profile() {
            untuned = checker.blink_gap_mm(&profile);
        }
    }
    let bar = progress::bar(u64::from(*faces), "faces");
    let found = checker.penetration(*faces as usize, *seed, &mut |faces| {
        bar.inc(faces as u64);
        interrupt::check().is_ok()
    });
    bar.finish_and_clear();
    interrupt::check()?;
    let tune_us = tune_us(checker.range());

    let worst = found.lips.worst_mm.max(found.lids.worst_mm).max(found.eyes.worst_mm);
    eprintln!("smile with gain 1.5     {:.2} % off at the mouth corners", smile_gain_error * 100.0);
    eprintln!("spill                   {:.2} % of the corner's motion", spill_ratio * 100.0);
    eprintln!(
        "closed lids             {gap:.2} mm apart at worst ({resting:.2} with the face at rest, untuned {untuned:.2})"
    );
    eprintln!("as-i-am                 {}", if identity_bit_exact { "bit for bit" } else { "changes bits" });
    eprintln!("gains                   {}", if is_monotonic { "monotonic" } else { "not monotonic" });
    let kinds = [
        ("lips", found.lips),
        ("lids", found.lids),
        ("eyes", found.eyes),
        ("eyes, beyond a blink", found.eyes_beyond_blink),
    ];
    for (name, kind) in kinds {
        let Penetration { faces, p999_mm, worst_mm, untuned_worst_mm: _ } = kind;
        eprintln!(
            "{name:<24}{p999_mm:+.2} mm deeper than untuned at 99.9 %, {worst_mm:+.2} at worst of {faces} faces"
        );
    }
    eprintln!("a frame                 {:.2} µs ({:.2} to {:.2})", tune_us[1], tune_us[0], tune_us[2]);
    Ok(json!({
        "smile_gain_error": smile_gain_error,
        "spill_ratio": spill_ratio,
        "blink_gap_mm": gap,
        "blink_gap_resting_mm": resting,
        "blink_gap_untuned_mm": untuned,
        "identity_bit_exact": identity_bit_exact,
        "is_monotonic": is_monotonic,
        "is_finite": found.is_finite,
        "worst_penetration_mm": worst,
        "penetration": {
            "lips": penetration(&found.lips),
            "lids": penetration(&found.lids),
            "eyes": penetration(&found.eyes),
            "eyes_beyond_blink": penetration(&found.eyes_beyond_blink),
        },
        "tune_us": { "median": tune_us[1], "p10": tune_us[0], "p90": tune_us[2] },
    }))
}

fn penetration(found: &Penetration) -> Value {
    let Penetration { faces, p999_mm, worst_mm, untuned_worst_mm } = found;
    json!({ "faces": faces, "p999_mm": p999_mm, "worst_mm": worst_mm, "untuned_worst_mm": untuned_worst_mm })
}

/// Microseconds a frame under random profiles: 10 %, median, 90 %.
fn tune_us(range: &FaceRange) -> [f64; 3] {
    let mut times: Vec<f64> = (0..TIMED_PROFILES)
        .map(|seed| {
            let faces = random_faces(range, seed, TIMED_FACES);
            let mut tuner = Tuner::new(&random_profile(seed), range);
            let start = Instant::now();
            for (i, face) in faces.iter().enumerate() {
                std::hint::black_box(tuner.apply(face, Timestamp(i as u64 * 33_333_333)));
            }
            start.elapsed().as_secs_f64() * 1e6 / TIMED_FACES as f64
        })
        .collect();
    times.sort_by(f64::total_cmp);
    [0.1, 0.5, 0.9].map(|share| times[(times.len() as f64 * share) as usize])
}
