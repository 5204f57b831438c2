//! What `visavis train` must be told of a plain Multiface entity, and what it says of one.

use serde_json::{Value, json};
use visavis_codec::train::{Distance, PlainOptions, Transfer, UnitFit};

/// Options for a capture without capture.json.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Of a plain Multiface entity")]
pub(crate) struct PlainArguments {
    /// Pictures with more columns or rows are scaled down to so many
    #[arg(long, value_name = "PIXELS", default_value_t = 768, value_parser = clap::value_parser!(u32).range(16..=8192))]
    max_size: u32,
    /// About how many pictures are used, evenly over frames and cameras
    #[arg(long, value_name = "N", default_value_t = 600, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    max_images: u32,
    /// How the pictures are coded
    #[arg(long, value_enum, default_value = "srgb")]
    transfer: Coding,
    /// What shows the neutral face [default: segments with "neutral" in their names; else it is estimated]
    #[arg(long, value_name = "SEGMENT[/FRAME]")]
    neutral: Option<String>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Coding {
    Srgb,
    Linear,
}

impl PlainArguments {
    pub(crate) fn options(&self) -> PlainOptions {
        PlainOptions {
            max_size: self.max_size,
            max_images: self.max_images as usize,
            transfer: match self.transfer {
                Coding::Srgb => Transfer::Srgb,
                Coding::Linear => Transfer::Linear,
            },
            neutral: self.neutral.clone(),
        }
    }
}

/// Says how well the units explain the tracked meshes.
pub(crate) fn tell(fit: &UnitFit) {
    let line = |what: &str, units: &Distance, neutral: &Distance| {
        eprintln!(
            "{what}: units leave {:.2} mm on average ({:.2} mm at 99 %) of the tracked face; the neutral face {:.2} ({:.2})",
            units.mean, units.p99, neutral.mean, neutral.p99
        );
    };
    eprintln!(
        "a plain Multiface entity: 52 units fitted to {} frames, the head {:.2} times the generic one{}{}{}",
        fit.frames,
        fit.scale,
        if fit.neutral_frames > 0 { "" } else { "; neutral face estimated" },
        if fit.has_gaze { "" } else { "; no eyeballs in the mesh, so gaze is 0" },
        match fit.without_mesh {
            0 => String::new(),
            n => format!("; {n} listed frames have no mesh"),
        }
    );
    line("trained on", &fit.error_mm, &fit.neutral_error_mm);
    if let (Some(units), Some(neutral)) = (&fit.test_error_mm, &fit.test_neutral_error_mm) {
        line("held out", units, neutral);
    }
}

/// For `--json`; `null` for a capture that says its units itself.
pub(crate) fn report(fit: Option<&UnitFit>) -> Value {
    json!(fit)
}
