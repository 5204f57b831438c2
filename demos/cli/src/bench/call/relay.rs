//! Calls through stock `moq-relay`s.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use rustls::pki_types::CertificateDer;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use tokio::time::{Instant, sleep};
use visavis_net::call::{Call, CallOptions, Clock, JoinOptions};
use visavis_net::link::JoinLink;
use visavis_net::seal::CallSecret;

use super::material::Material;
use super::pair::{drain, options, summary};
use super::raw::{Dialler, Receiver};
use super::talker::{self, Talk, company};
use super::viewer::{Viewer, show};

/// Names the relay's program, where it isn't on the path.
const VARIABLE: &str = "VISAVIS_MOQ_RELAY";
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// What joins before the measurement begins, settles for so long.
const SETTLE: Duration = Duration::from_secs(2);

/// What can be measured with relays.
pub(super) const SCENARIOS: [(&str, Kind); 6] = [
    ("relay_25", Kind::FanOut(25)),
    ("relay_50", Kind::FanOut(50)),
    ("relay_100", Kind::FanOut(100)),
    ("relay_200", Kind::FanOut(200)),
    ("relay_cluster", Kind::Cluster),
    ("relay_restart", Kind::Restart),
];

#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// One speaker, so many receivers.
    FanOut(usize),
    /// A speaker at one relay, a listener at another.
    Cluster,
    /// The relay is killed in the middle, and started again a second later.
    Restart,
}

impl Kind {
    pub(super) fn asked(self) -> &'static str {
        match self {
            Self::FanOut(_) => "no loss at the receivers, relay CPU per receiver",
            Self::Cluster => "routes a speaker on A to receivers on B",
            Self::Restart => "recovered <= 1 s after the relay is back, without a new join",
        }
    }
}

/// The relay's program; the error says how to get it.
pub(super) fn program() -> Result<PathBuf> {
    if let Some(named) = std::env::var_os(VARIABLE) {
        let path = PathBuf::from(named);
        ensure!(path.is_file(), "{VARIABLE}={}: there is no such file", path.display());
        return Ok(path);
    }
    let name = format!("moq-relay{}", std::env::consts::EXE_SUFFIX);
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders).map(|folder| folder.join(&name)).find(|path| path.is_file()).with_context(
        || {
            format!(
                "moq-relay is not installed: `cargo install moq-relay --version 0.17.10`, or name it with {VARIABLE}"
            )
        },
    )
}

/// A certificate of our own in a folder that goes with it, and what knows it.
pub(super) struct Certificate {
    folder: tempfile::TempDir,
    der: CertificateDer<'static>,
    pin: [u8; 32],
}

impl Certificate {
    pub(super) fn new() -> Result<Self> {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).context("making a certificate")?;
        let folder = tempfile::tempdir().context("a folder for the relay's certificate")?;
        std::fs::write(folder.path().join("cert.pem"), made.cert.pem())?;
        std::fs::write(folder.path().join("key.pem"), made.signing_key.serialize_pem())?;
        let der = made.cert.der().clone();
        let pin = Sha256::digest(&der).into();
        Ok(Self { folder, der, pin })
    }
}

/// A running relay; killed when it is dropped.
pub(super) struct Relay {
    child: Child,
    pub(super) address: SocketAddr,
}

impl Relay {
    /// Starts one at a port, or at a free one, connected to others.
    pub(super) async fn start(
        certificate: &Certificate,
        port: Option<u16>,
        others: &[&Self],
    ) -> Result<Self> {
        let program = program()?;
        let port = match port {
            Some(port) => port,
            None => UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port(),
        };
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut command = Command::new(&program);
        command
            .arg("--listen")
            .arg(address.to_string())
            .arg("--listen-tls-cert")
            .arg(certificate.folder.path().join("cert.pem"))
            .arg("--listen-tls-key")
            .arg(certificate.folder.path().join("key.pem"))
            .args(["--auth-public", "**", "--log-level", "error"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        for other in others {
            let url = format!("https://localhost:{}/", other.address.port());
            command.arg("--cluster-connect").arg(url);
            command.arg("--connect-tls-root").arg(certificate.folder.path().join("cert.pem"));
        }
        let child = command.spawn().with_context(|| format!("{}: doesn't start", program.display()))?;
        let relay = Self { child, address };
        let dialler = Dialler::new(&certificate.der)?;
        dialler.connection(address).await.with_context(|| format!("{} at {address}", program.display()))?;
        Ok(relay)
    }

    fn link(&self, certificate: &Certificate, secret: &CallSecret) -> Result<JoinLink> {
        let port = self.address.port();
        Ok(JoinLink::to_relay("127.0.0.1", port, Some(certificate.pin), "", "", secret.clone())?)
    }

    /// Seconds of CPU time that it has used; `None` where the system doesn't say.
    fn cpu_seconds(&self) -> Option<f64> {
        process_seconds(self.child.id())
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // Fails only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Seconds of CPU time that a process has used, by Linux's /proc.
fn process_seconds(id: u32) -> Option<f64> {
    let text = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name in brackets may hold anything; user and system time are the 14th and 15th field.
    let after: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = after.get(11)?.parse::<f64>().ok()? + after.get(12)?.parse::<f64>().ok()?;
    Some(ticks / 100.0)
}

async fn join(link: JoinLink, mut call: CallOptions, clock: Clock) -> Result<Call> {
    call.clock = clock;
    Ok(Call::join(link, JoinOptions { call, ..JoinOptions::default() }).await?)
}

/// Runs one scenario.
pub(super) async fn run(
    name: &str,
    kind: Kind,
    material: &Arc<Material>,
    seconds: f64,
) -> Result<Map<String, Value>> {
    let certificate = Certificate::new()?;
    let (clock, secret) = (talker::clock(), CallSecret::random());
    let first = Relay::start(&certificate, None, &[]).await?;
    let second = match kind {
        Kind::Cluster => Some(Relay::start(&certificate, None, &[&first]).await?),
        Kind::FanOut(_) | Kind::Restart => None,
    };
    let far = second.as_ref().unwrap_or(&first);
    let talk = Talk::default();
    let speaker =
        join(first.link(&certificate, &secret)?, options("speaker", Some(talk), material, false), clock)
            .await
            .context("the speaker joins through the relay")?;
    let listener = join(far.link(&certificate, &secret)?, options("listener", None, material, false), clock)
        .await
        .context("the listener joins through the relay")?;
    let mut viewer = Viewer::new(clock, &material.quantiser);
    tokio::select! {
        () = viewer.watch(&listener) => anyhow::bail!("the call ended before it began"),
        came = async {
            company(&listener, 1, PATIENCE).await?;
            company(&speaker, 1, PATIENCE).await
        } => came?,
    }
    let me = speaker.me();
    let broadcast = format!("{}/{me}", secret.call_id());
    let mut receivers = Vec::new();
    if let Kind::FanOut(count) = kind {
        // A socket for every 32 of them, as they would come from different hosts.
        let mut dialler = Dialler::new(&certificate.der)?;
        for i in 0..count {
            if i % 32 == 31 {
                dialler = Dialler::new(&certificate.der)?;
            }
            receivers.push(
                dialler
                    .receive(first.address, &broadcast)
                    .await
                    .with_context(|| format!("receiver {} of {count} at the relay", i + 1))?,
            );
        }
    }
    let mut relay = Some(first);
    let mut back = None;
    let cpu = |relay: &Option<Relay>| relay.as_ref().and_then(Relay::cpu_seconds);
    let until = Instant::now() + SETTLE + Duration::from_secs_f64(seconds);
    let mut cpu_before = None;
    let mut counts = Vec::new();
    let said = tokio::select! {
        () = viewer.watch(&listener) => anyhow::bail!("the call ended in the middle"),
        () = drain(&speaker) => anyhow::bail!("the speaker's call ended in the middle"),
        problem = async {
            sleep(SETTLE).await;
            cpu_before = cpu(&relay);
            counts = receivers.iter().map(datagrams).collect();
            if matches!(kind, Kind::Restart) {
                sleep(Duration::from_secs_f64(seconds / 2.0)).await;
                let port = relay.as_ref().map(|relay| relay.address.port());
                relay = None;
                sleep(Duration::from_secs(1)).await;
                match Relay::start(&certificate, port, &[]).await {
                    Ok(again) => relay = Some(again),
                    Err(error) => return error,
                }
                back = Some(clock.now().0);
            }
            std::future::pending().await
        } => return Err(problem),
        said = talker::talk(&speaker, material, talk, until) => said?,
    };
    let cpu_after = cpu(&relay);
    let (_, plan, _) = said.plans.last().copied().context("nothing was said")?;
    let taken: Vec<u64> =
        receivers.iter().zip(&counts).map(|(receiver, before)| datagrams(receiver) - before).collect();
    sleep(Duration::from_millis(300)).await;
    let missing: u64 =
        receivers.iter().map(|receiver| receiver.face.missing() + receiver.audio.missing()).sum();
    let _ = tokio::time::timeout(Duration::from_millis(300), viewer.watch(&listener)).await;
    tokio::join!(speaker.leave(), listener.leave());

    let received = viewer.received.remove(&me).unwrap_or_default();
    let shown = tokio::task::block_in_place(|| show(&received, None, 0.0, 3))?;
    let mut report = summary(name, &shown);
    report.insert("frames_coded".into(), json!(said.captures.len()));
    report.insert("frames_decoded".into(), json!(received.faces.len()));
    report.insert("plan_redundancy".into(), json!(plan.redundancy));
    let recovered = back.and_then(|back| {
        let first = received.faces.iter().find(|(_, frame)| frame.time.0 > back)?;
        Some((first.0 - back) as f64 * 1e-9)
    });
    report.insert("recovered_s".into(), json!(recovered));
    if let Kind::FanOut(count) = kind {
        let used = cpu_before.zip(cpu_after).map(|(before, after)| after - before);
        report.insert("receivers".into(), json!(count));
        report.insert("datagrams_missing".into(), json!(missing));
        report.insert(
            "datagrams_per_receiver_s".into(),
            json!(taken.iter().sum::<u64>() as f64 / count as f64 / seconds),
        );
        report.insert("fewest_datagrams".into(), json!(taken.iter().min()));
        report.insert("most_datagrams".into(), json!(taken.iter().max()));
        report.insert("relay_cpu_cores".into(), json!(used.map(|used| used / seconds)));
        // The listener is one more.
        report.insert(
            "relay_cpu_percent_per_receiver".into(),
            json!(used.map(|used| 100.0 * used / seconds / (count + 1) as f64)),
        );
    }
    Ok(report)
}

fn datagrams(receiver: &Receiver) -> u64 {
    receiver.face.datagrams.load(Ordering::Relaxed) + receiver.audio.datagrams.load(Ordering::Relaxed)
}
