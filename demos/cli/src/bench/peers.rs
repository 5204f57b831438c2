//! Peers in ONNX Runtime: a Python process that runs one network a line. Kept apart from this process, so that neither's
//! threads wait in the other's.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use visavis_codec::Avatar;
use visavis_codec::avatar::SEED_SIZE;

const SCRIPT: &str = include_str!("../../../../benches/peers/peers.py");
const REQUIREMENTS: &str = include_str!("../../../../benches/peers/requirements.txt");

/// The peers, as the script names them.
pub(super) const NAMES: [&str; 2] = ["ort_same_network", "ort_multiface_base"];

/// A running peer process.
pub(super) struct Peers {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
    /// The script's first answer: ONNX Runtime's version and each network's multiply-accumulates.
    pub(super) facts: Value,
}

impl Peers {
    /// Sets up Python if need be, and starts the peers with so many threads.
    pub(super) fn start(avatar: &Avatar, threads: usize) -> Result<Self> {
        let python = python()?;
        let mut child = Command::new(&python)
            .args(["-c", SCRIPT])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{}: doesn't start", python.display()))?;
        let mut questions = child.stdin.take().context("no pipe to the peers")?;
        let answers = BufReader::new(child.stdout.take().context("no pipe from the peers")?);
        writeln!(questions, "{}", json!({ "threads": threads, "network": sizes(avatar) }))
            .context("asking the peers")?;
        let mut peers = Self { child, questions, answers, facts: Value::Null };
        peers.facts = serde_json::from_str(&peers.answer()?).context("the peers' first answer")?;
        Ok(peers)
    }

    /// Runs one peer once; milliseconds.
    pub(super) fn run(&mut self, name: &str) -> Result<f64> {
        writeln!(self.questions, "{name}").context("asking the peers")?;
        let answer = self.answer()?;
        answer.trim().parse().with_context(|| format!("the peer {name} answered `{}`", answer.trim()))
    }

    fn answer(&mut self) -> Result<String> {
        let mut line = String::new();
        let bytes = self.answers.read_line(&mut line).context("reading from the peers")?;
        ensure!(bytes > 0, "the peers ended early; their messages are above");
        Ok(line)
    }
}

impl Drop for Peers {
    fn drop(&mut self) {
        // Fails only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the script makes the same network of.
fn sizes(avatar: &Avatar) -> Value {
    let (geometry, texture) = (&avatar.geometry, &avatar.texture);
    let blocks: Vec<Value> = texture
        .blocks
        .iter()
        .map(|block| json!({ "in": block.in_channels, "out": block.out_channels }))
        .collect();
    json!({
        "condition": avatar.condition_size(), "hidden": geometry.hidden, "rank": geometry.rank,
        "vertices": avatar.mesh.mean.len(), "seed_channels": texture.seed_channels, "seed_size": SEED_SIZE,
        "blocks": blocks,
    })
}

/// The Python of the peers' virtual environment, which is made if need be.
fn python() -> Result<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache")));
    let folder = cache.context("neither XDG_CACHE_HOME nor HOME is set")?.join("visavis/peers");
    let python = folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    let imports = |python: &Path| {
        let mut command = Command::new(python);
        command.args(["-c", "import numpy, onnx, onnxruntime"]).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    if imports(&python) {
        return Ok(python);
    }
    let packages: Vec<&str> = REQUIREMENTS.lines().filter(|line| line.contains("==")).collect();
    eprintln!("visavis: setting up {} with {} (some 60 MB)", folder.display(), packages.join(", "));
    let host = if cfg!(windows) { "python" } else { "python3" };
    let made = Command::new(host).args(["-m", "venv"]).arg(&folder).status();
    ensure!(
        made.is_ok_and(|status| status.success()),
        "{host} can't make a virtual environment; install Python 3.10 or later with its venv module"
    );
    let installed = Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(&packages).status();
    ensure!(
        installed.is_ok_and(|status| status.success()) && imports(&python),
        "pip can't install {}: is there a network, and a wheel for this Python?",
        packages.join(", ")
    );
    Ok(python)
}
