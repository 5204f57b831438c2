//! The program `visavis`: render calls, drive, train, judge and look into avatars.

mod avatar_file;
mod bench;
mod calibrate;
mod call;
mod cartoon;
mod drive;
mod eval;
mod game;
mod inspect;
mod interrupt;
mod key;
mod metrics;
mod painter;
mod plain;
mod portrait;
mod progress;
mod quantise;
mod render;
mod srgb;
mod train;
mod tune_check;
#[cfg(feature = "view")]
mod view;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Photorealistic avatars: a person's face crosses the network as a few bytes a frame and comes out as a person.
#[derive(Debug, Parser)]
#[command(
    name = "visavis",
    version,
    after_help = "Examples:
  visavis view                                             a window to look at avatars and calls
  visavis render assets/calls/hello.mcap -o hello.mp4      a recorded call as a video
  visavis drive take.csv --avatar wren.avatar -o take.mp4  face tracking moves an avatar
  visavis call host --avatar wren.avatar                   a live call; prints a link to join by
  visavis inspect assets/avatars/wren.avatar               what is in a file
  visavis eval assets/avatars/wren.avatar assets/eval/wren how close it comes to held-out pictures

Exit status: 0 done, 1 the work failed, 2 wrong usage."
)]
struct Cli {
    /// One JSON object on stdout; everything else goes to stderr
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[cfg(feature = "view")]
    View(view::Arguments),
    Render(render::Arguments),
    Call(call::Arguments),
    Drive(drive::Arguments),
    Game(game::Arguments),
    Inspect(inspect::Arguments),
    Eval(eval::Arguments),
    EvalPack(eval::PackArguments),
    Train(train::Arguments),
    Quantise(quantise::Arguments),
    Bench(bench::Arguments),
    Calibrate(calibrate::Arguments),
    TuneCheck(tune_check::Arguments),
    Cartoon(cartoon::Arguments),
    Key(key::Arguments),
}

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_env_filter(tracing_subscriber::EnvFilter::try_from_env("VISAVIS_LOG").unwrap_or_else(|_| {
            tracing_subscriber::EnvFilter::new("warn,wgpu_hal=error,egui_wgpu=error,moq_net=error")
        }))
        .init();
    let cli = Cli::parse();
    let result = interrupt::watch().and_then(|()| match &cli.command {
        #[cfg(feature = "view")]
        Command::View(arguments) => view::run(arguments),
        Command::Render(arguments) => render::run(arguments),
        Command::Call(arguments) => call::run(arguments),
        Command::Drive(arguments) => drive::run(arguments),
        Command::Game(arguments) => game::run(arguments),
        Command::Inspect(arguments) => inspect::run(arguments),
        Command::Eval(arguments) => eval::run(arguments),
        Command::EvalPack(arguments) => eval::pack(arguments),
        Command::Train(arguments) => train::run(arguments),
        Command::Quantise(arguments) => quantise::run(arguments),
        Command::Bench(arguments) => bench::run(arguments),
        Command::Calibrate(arguments) => calibrate::run(arguments),
        Command::TuneCheck(arguments) => tune_check::run(arguments),
        Command::Cartoon(arguments) => cartoon::run(arguments),
        Command::Key(arguments) => key::run(arguments),
    });
    match result {
        Ok(report) => {
            if cli.json {
                #[allow(clippy::print_stdout)] // what --json is for
                {
                    println!("{report}");
                }
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("visavis: {error:#}");
            ExitCode::FAILURE
        }
    }
}
