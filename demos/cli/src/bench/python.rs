//! The virtual environments of peers that are Python programs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

/// A virtual environment in the cache folder.
pub(super) struct Environment {
    /// Its folder's name.
    pub(super) name: &'static str,
    /// Lines `package==version`; others are left out.
    pub(super) requirements: &'static str,
    /// What its Python must be able to import, as `numpy, onnx`.
    pub(super) imports: &'static str,
    /// About what is downloaded, MB.
    pub(super) megabytes: u32,
}

impl Environment {
    /// Its Python; the environment is made if need be.
    pub(super) fn python(&self) -> Result<PathBuf> {
        let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let cache = cache.or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache")));
        let folder = cache.context("neither XDG_CACHE_HOME nor HOME is set")?.join("visavis").join(self.name);
        let python = folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
        if self.is_ready(&python) {
            return Ok(python);
        }
        let packages: Vec<&str> = self.requirements.lines().filter(|line| line.contains("==")).collect();
        let listed = packages.join(", ");
        eprintln!("visavis: setting up {} with {listed} (some {} MB)", folder.display(), self.megabytes);
        let host = if cfg!(windows) { "python" } else { "python3" };
        let made = Command::new(host).args(["-m", "venv"]).arg(&folder).status();
        ensure!(
            made.is_ok_and(|status| status.success()),
            "{host} can't make a virtual environment; install Python 3.10 or later with its venv module"
        );
        let installed =
            Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(&packages).status();
        ensure!(
            installed.is_ok_and(|status| status.success()) && self.is_ready(&python),
            "pip can't install {listed}: is there a network, and a wheel for this Python?"
        );
        Ok(python)
    }

    fn is_ready(&self, python: &Path) -> bool {
        let mut command = Command::new(python);
        command.args(["-c", &format!("import {}", self.imports)]).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }
}
