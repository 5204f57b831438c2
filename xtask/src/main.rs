//! Set-up, tests and continuous integration in one place.
//!
//! It is compiled before everything else, so it depends on nothing but the standard library.

mod dependencies;
mod packages;
mod process;
mod requirements;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use process::{Failure, cargo, run, succeeds};
use requirements::{Purpose, set_up};

const USAGE: &str = "\
Usage: cargo xtask COMMAND [--no-install]

Commands:
  demo   render a recorded call to out/hello.mp4, and people in a living room, at a real table and in a game to pictures
         beside it
  test   run every test of the workspace
  ci     formatting, licences, lints, documentation, then test: what .ci/run calls
  setup  only install what the others need

Each installs what it is missing (a Vulkan driver, ffmpeg, C and C++ compilers; for tests also the Vulkan validation layer)
with the system's package manager, and says so. With --no-install it stops instead and prints the command.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let may_install = !arguments.iter().any(|a| a == "--no-install");
    let mut words = arguments.iter().map(String::as_str).filter(|&a| a != "--no-install");
    let command = words.next();
    if let Some(extra) = words.next() {
        eprintln!("xtask: unexpected argument `{extra}`\n\n{USAGE}");
        return ExitCode::from(2);
    }
    let result = match command {
        Some("demo") => demo(may_install),
        Some("test") => test(may_install),
        Some("ci") => ci(may_install),
        Some("setup") => set_up(Purpose::Tests, may_install),
        Some("help" | "--help" | "-h") => {
            eprintln!("{USAGE}");
            Ok(())
        }
        other => {
            let said = other.map_or("no command".to_owned(), |o| format!("no command `{o}`"));
            eprintln!("xtask: {said}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\nxtask: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// The root of the workspace: where this crate's own folder lies.
fn workspace() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// What the demo makes: what it is, the file, and how `visavis` is told.
const PICTURES: [(&str, &str, &[&str]); 4] = [
    ("a recorded call", "out/hello.mp4", &["render", CALL, "-o"]),
    (
        "a moment of it in a living room with window light",
        "out/living_room.png",
        &[
            "render",
            CALL,
            "--scene",
            "assets/scenes/living_room.glb",
            "--size",
            "1280x720",
            "--frame",
            "75",
            "-o",
        ],
    ),
    (
        "two of them behind a real table, as in mixed reality",
        "out/meeting.png",
        &["render", CALL, "--room", "assets/mixed/meeting.json", "-o"],
    ),
    (
        "one of them at table tennis with a cartoon",
        "out/game_table.png",
        &["game", "--at", "4.5", "--picture"],
    ),
];
const CALL: &str = "assets/calls/hello.mcap";

fn demo(may_install: bool) -> Result<(), Failure> {
    set_up(Purpose::Demo, may_install)?;
    run("build the program `visavis`", cargo().args(["build", "--package", "visavis-cli"]))?;
    for (what, output, how) in PICTURES {
        run(
            &format!("render {what} to {output}"),
            cargo().args(["run", "--quiet", "--package", "visavis-cli", "--"]).args(how).arg(output),
        )?;
    }
    eprintln!("\nxtask: done; open");
    for (what, output, _) in PICTURES {
        eprintln!("  {}  {what}", workspace().join(output).display());
    }
    Ok(())
}

/// What tests, lints and documentation are built with: one set, so that every crate is compiled once.
const EVERYTHING: [&str; 3] = ["--workspace", "--all-targets", "--all-features"];

fn test(may_install: bool) -> Result<(), Failure> {
    set_up(Purpose::Tests, may_install)?;
    let nextest = succeeds(cargo().args(["nextest", "--version"]));
    if nextest {
        run("test (nextest: a process a test)", cargo().args(["nextest", "run"]).args(EVERYTHING))?;
    } else {
        run("test", cargo().arg("test").args(EVERYTHING))?;
    }
    run(
        "test the examples in the documentation",
        cargo().args(["test", "--doc", "--workspace", "--all-features"]),
    )
}

fn ci(may_install: bool) -> Result<(), Failure> {
    for component in ["fmt", "clippy"] {
        if !succeeds(cargo().args([component, "--version"])) {
            let name = if component == "fmt" { "rustfmt" } else { component };
            run(
                &format!("add {name}, which this toolchain lacks"),
                std::process::Command::new("rustup").args(["component", "add", name]),
            )?;
        }
    }
    run(
        "formatting: one style, so that diffs show only what changed",
        cargo().args(["fmt", "--all", "--check"]),
    )?;
    dependencies::check(may_install)?;
    set_up(Purpose::Tests, may_install)?;
    run(
        "lints: a warning today is a bug report tomorrow",
        cargo().arg("clippy").args(EVERYTHING).args(["--", "-D", "warnings"]),
    )?;
    run(
        "documentation: no broken link, no public item without a word",
        cargo()
            .args(["doc", "--workspace", "--no-deps", "--all-features"])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )?;
    test(may_install)
}
