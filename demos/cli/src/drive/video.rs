//! From the call to a video: what `visavis render` does, with its own options.

use std::ffi::OsString;
use std::path::Path;

use anyhow::{Result, anyhow};
use clap::Parser as _;
use serde_json::Value;

use crate::render;

/// Options that are handed on to `visavis render`.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Of a video (as `visavis render` takes them)")]
pub(crate) struct VideoArguments {
    /// Pixels: one number for a square, or WIDTHxHEIGHT
    #[arg(long, value_name = "SIZE")]
    size: Option<String>,
    /// Pictures a second
    #[arg(long, value_name = "FPS")]
    fps: Option<String>,
    /// Where it is seen from
    #[arg(long, value_name = "CAMERA")]
    camera: Option<String>,
    /// What stands behind
    #[arg(long, value_name = "BACKGROUND")]
    background: Option<String>,
    /// What draws: auto, cpu, gpu, reference
    #[arg(long, value_name = "EXECUTOR")]
    executor: Option<String>,
    /// Threads of the CPU executor
    #[arg(long, value_name = "THREADS")]
    threads: Option<String>,
}

/// A command line of `visavis render`, read by its own rules.
#[derive(Debug, clap::Parser)]
struct RenderLine {
    #[command(flatten)]
    arguments: render::Arguments,
}

/// A video that is to be rendered once the call is whole.
pub(crate) struct Video(render::Arguments);

impl VideoArguments {
    /// Checks the options; `None` if the output is the call itself.
    pub(crate) fn prepare(&self, call: &Path, output: &Path, avatar: &Path) -> Result<Option<Video>> {
        let Self { size, fps, camera, background, executor, threads } = self;
        let options = [
            ("--size", size),
            ("--fps", fps),
            ("--camera", camera),
            ("--background", background),
            ("--executor", executor),
            ("--threads", threads),
        ];
        let is_call = output.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("mcap"));
        if is_call {
            if let Some((option, _)) = options.iter().find(|(_, value)| value.is_some()) {
                return Err(anyhow!("{option} is for videos; {} is a call", output.display()));
            }
            return Ok(None);
        }
        render::output::Output::parse(output)?;
        let mut line: Vec<OsString> = vec!["render".into(), "--avatar".into(), avatar.into(), "-o".into()];
        line.extend([OsString::from(output), OsString::from(call)]);
        for (option, value) in options {
            if let Some(value) = value {
                line.push(format!("{option}={value}").into());
            }
        }
        let line = RenderLine::try_parse_from(line).map_err(|error| {
            let message = error.to_string();
            anyhow!("{}", message.lines().next().unwrap_or_default().trim_start_matches("error: "))
        })?;
        Ok(Some(Video(line.arguments)))
    }
}

impl Video {
    /// Renders; the report of `visavis render`.
    pub(crate) fn render(&self) -> Result<Value> {
        render::run(&self.0)
    }
}
