//! A peer: WebRTC data channels, which carry the packets that ours would, over the same networks.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use visavis_codec::Timestamp;
use visavis_codec::bitstream::{LatentReader, LatentWriter, WriterOptions};
use visavis_impair::Proxy;

use super::super::python::Environment;
use super::material::Material;
use super::networks::Network;
use super::pair::summary;
use super::viewer::{Received, show};

const SCRIPT: &str = include_str!("../../../../../benches/peers/webrtc.py");
const ENVIRONMENT: Environment = Environment {
    name: "peers-webrtc",
    requirements: include_str!("../../../../../benches/peers/webrtc.txt"),
    imports: "aiortc",
    megabytes: 160,
};
/// The interval of the frames, s.
const INTERVAL: f64 = 1.0 / 30.0;
/// How long late messages are waited for, s.
const DRAIN: f64 = 1.0;

/// Runs the peer over one network.
pub(super) fn run(
    network: &Network,
    material: &Material,
    seconds: f64,
    seed: u64,
) -> Result<Map<String, Value>> {
    let packets = packets(material, seconds)?;
    let mut peer = Peer::start()?;
    let coded: Vec<String> = packets.iter().map(|packet| STANDARD.encode(packet)).collect();
    peer.tell(&json!({ "packets": coded, "interval_s": INTERVAL, "drain_s": DRAIN }))?;
    let hello = peer.answer()?;
    let port =
        hello["port"].as_u64().and_then(|port| u16::try_from(port).ok()).context("the peer has no port")?;
    let proxy = Proxy::start(([127, 0, 0, 1], port).into(), network.up, network.down, seed)?;
    peer.tell(&json!({ "port": proxy.address().port() }))?;
    peer.answer().context("WebRTC doesn't connect through the proxy")?;
    let before = proxy.statistics();
    peer.answer()?;
    let after = proxy.statistics();
    let came = peer.answer()?;
    let took = packets.len() as f64 * INTERVAL;
    let bytes = after.up.sent_bytes + after.down.sent_bytes - before.up.sent_bytes - before.down.sent_bytes;

    // The peer replaced twelve bytes of each packet by the index and a time; the reader gets the packets as they were.
    let mut reader = LatentReader::new(material.quantiser.clone());
    let mut received = Received::default();
    for message in came["came"].as_array().context("the peer says nothing of what came")? {
        let field = |at: usize| message[at].as_f64().context("the peer's numbers");
        let (index, late) = (field(0)? as usize, field(2)? - field(1)?);
        let packet = packets.get(index).context("the peer has a packet that was not sent")?;
        // On the clock of captures: when it was taken, and so much later.
        let arrival = ((index as f64 * INTERVAL + late) * 1e9) as u64;
        received.read(&mut reader, packet, || arrival);
    }
    let shown = show(&received, Some(&material.avatar), 0.0, 3)?;
    let mut report = summary(network.name, &shown);
    report.insert("face_kbit_per_s".into(), json!(bytes as f64 * 8e-3 / took));
    report.insert("frames_coded".into(), json!(packets.len()));
    report.insert("frames_decoded".into(), json!(received.faces.len()));
    report.insert("version".into(), json!(format!("aiortc {}", hello["version"].as_str().unwrap_or("?"))));
    Ok(report)
}

/// Our packets at their best, with the times at which they would be taken.
fn packets(material: &Material, seconds: f64) -> Result<Vec<Vec<u8>>> {
    let mut writer = LatentWriter::new(material.quantiser.clone(), WriterOptions::packet());
    (0..(seconds / INTERVAL) as u32)
        .map(|i| {
            let at = f64::from(i) * INTERVAL;
            let mut frame = material.frame(at);
            frame.time = Timestamp::from_seconds(at);
            let mut packet = Vec::new();
            writer.write(&frame, &mut packet).context("coding a face")?;
            Ok(packet)
        })
        .collect()
}

/// The Python process.
struct Peer {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Peer {
    fn start() -> Result<Self> {
        let python = ENVIRONMENT.python()?;
        let mut child = Command::new(&python)
            .args(["-c", SCRIPT])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{}: doesn't start", python.display()))?;
        let questions = child.stdin.take().context("no pipe to the WebRTC peer")?;
        let answers = BufReader::new(child.stdout.take().context("no pipe from the WebRTC peer")?);
        Ok(Self { child, questions, answers })
    }

    fn tell(&mut self, value: &Value) -> Result<()> {
        writeln!(self.questions, "{value}").context("telling the WebRTC peer")
    }

    fn answer(&mut self) -> Result<Value> {
        let mut line = String::new();
        let bytes = self.answers.read_line(&mut line).context("reading from the WebRTC peer")?;
        ensure!(bytes > 0, "the WebRTC peer ended early; its messages are above");
        serde_json::from_str(&line).with_context(|| format!("the WebRTC peer answered `{}`", line.trim()))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Fails only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
