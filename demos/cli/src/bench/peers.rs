//! Peers in ONNX Runtime: a Python process that runs one network a line. Kept apart from this process, so that neither's
//! threads wait in the other's.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use visavis_codec::Avatar;
use visavis_codec::avatar::SEED_SIZE;

use super::python::Environment;

const SCRIPT: &str = include_str!("../../../../benches/peers/peers.py");
const ENVIRONMENT: Environment = Environment {
    name: "peers",
    requirements: include_str!("../../../../benches/peers/requirements.txt"),
    imports: "numpy, onnx, onnxruntime",
    megabytes: 60,
};

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
        let python = ENVIRONMENT.python()?;
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
