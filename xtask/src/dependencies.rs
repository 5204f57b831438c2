//! Licences, bans and sources of what we depend on: `deny.toml`, by cargo-deny.
//!
//! It is built from its sources on crates.io, once, without optimisation: some two minutes of one core, and it has
//! little to do. A check of our own over `cargo metadata` would cost nothing to build, and would be a second opinion on
//! what a licence expression means; everybody who packages Rust knows this one.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::packages::find_program;
use crate::process::{Failure, cargo, run};

/// The version that `deny.toml` is written for.
const VERSION: &str = "0.20.2";

/// Checks every dependency, and gets cargo-deny first where it is missing.
pub(crate) fn check(may_install: bool) -> Result<(), Failure> {
    let program = match find() {
        Some(program) => program,
        None => install(may_install)?,
    };
    run(
        "dependencies: licences that we may pass on, crates.io alone, none that we banned",
        Command::new(program).current_dir(crate::workspace()).args([
            "--workspace",
            "check",
            "--hide-inclusion-graph",
            "licenses",
            "bans",
            "sources",
        ]),
    )
}

/// Where our own one is.
fn own() -> PathBuf {
    crate::workspace().join("target/tools")
}

/// Ours, or the machine's, if it is of the right version.
fn find() -> Option<PathBuf> {
    let ours = own().join(format!("bin/cargo-deny{}", std::env::consts::EXE_SUFFIX));
    [Some(ours), find_program("cargo-deny")].into_iter().flatten().find(|program| {
        let output = Command::new(program).arg("--version").stderr(Stdio::null()).output();
        output.is_ok_and(|output| {
            String::from_utf8_lossy(&output.stdout).split_whitespace().any(|word| word == VERSION)
        })
    })
}

fn install(may_install: bool) -> Result<PathBuf, Failure> {
    let mut command = cargo();
    command.args(["install", "cargo-deny", "--version", VERSION, "--locked", "--debug", "--root"]).arg(own());
    // Elsewhere than our own crates: their artefacts have nothing in common.
    command.arg("--target-dir").arg(own().join("build"));
    if !may_install {
        let line = crate::process::command_line(&command);
        return Err(Failure(format!("missing: cargo-deny {VERSION}. To install:\n  {line}")));
    }
    run("build cargo-deny, which reads deny.toml", &mut command)?;
    find().ok_or_else(|| {
        Failure(format!("cargo-deny {VERSION} was built, and yet isn't in {}", own().display()))
    })
}
