//! `visavis bench call`: live calls over bad networks, through the real writer, call, reader and play-out.

mod attackers;
mod crowd;
mod hostile;
mod material;
mod networks;
mod pair;
mod raw;
mod relay;
mod soak;
mod talker;
mod viewer;
mod webrtc;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Map, Value, json};

use self::material::Material;
use self::networks::{NETWORKS, Network, Trouble};
use crate::{interrupt, progress};

/// Measures live calls over bad networks
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  visavis bench call                                  every network
  visavis bench call --only narrow_64k --seconds 60   64 kbit/s, for a minute
  visavis --json bench call | jq '.scenarios[] | {name, arrival_p50_ms, display_p50_ms, concealed_ratio}'

Talker and listener are in this process and share its clock; between them is a seeded UDP proxy on 127.0.0.1 that delays, loses,
copies, queues and cuts. Arrival: from taking the signals until the latent is decoded. Display: until the display time that it
is shown for, on a display of 90 Hz that is played afterwards from what arrived, and when. Bytes are counted at the proxy, with
IPv4 and UDP headers, acknowledgements and signatures; face_kbit_per_s and audio_kbit_per_s are both ways together, shared out by
sealed bytes and packets. The first 5 s don't count for display, concealment and skew.")]
pub(crate) struct Arguments {
    /// The avatar
    #[arg(long, default_value = "assets/avatars/wren.avatar")]
    avatar: PathBuf,
    /// A table of face signals at 30 Hz, with its voice beside it as a .wav
    #[arg(long, value_name = "CSV", default_value = "assets/performance/hello.csv")]
    performance: PathBuf,
    /// Only these (can be given several times): a scenario's name or its beginning
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Measure others beside ours: WebRTC data channels (aiortc from PyPI, in a virtual environment that this makes)
    #[arg(long)]
    peers: bool,
    /// Instead of all else, two people for so many minutes, with 5 % loss and a clock 100 ppm too fast: does anything grow?
    #[arg(long, value_name = "MINUTES", value_parser = minutes)]
    soak: Option<f64>,
    /// How long each network is measured
    #[arg(long, default_value_t = 20.0, value_parser = seconds)]
    seconds: f64,
    /// Decides what is lost, and when
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (8.0..=86_400.0).contains(&seconds) => Ok(seconds),
        _ => Err("a number of seconds, at least 8".to_owned()),
    }
}

fn minutes(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(minutes) if (0.3..=10_000.0).contains(&minutes) => Ok(minutes),
        _ => Err("a number of minutes, at least 0.3".to_owned()),
    }
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<Value> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("tokio's runtime doesn't start")?;
    let material = Arc::new(Material::read(&arguments.avatar, &arguments.performance)?);
    if let Some(minutes) = arguments.soak {
        let mut report = runtime.block_on(soak::run(&material, 60.0 * minutes, arguments.seed))?;
        report.insert("network".into(), json!("5 % loss, 30 +- 5 ms, a clock 100 ppm too fast"));
        report.insert("asked".into(), json!(soak::ASKED));
        tell(&report);
        return Ok(json!({ "scenarios": [report], "peers": {} }));
    }
    let is_wanted = |name: &str| {
        arguments.only.is_empty() || arguments.only.iter().any(|only| name.starts_with(only.as_str()))
    };
    let networks: Vec<&Network> = NETWORKS.iter().filter(|network| is_wanted(network.name)).collect();
    let relays: Vec<(&str, relay::Kind)> =
        relay::SCENARIOS.into_iter().filter(|(name, _)| is_wanted(name)).collect();
    let (has_crowd, has_hostile) = (is_wanted(crowd::NAME), is_wanted(hostile::NAME));
    let count = networks.len() + relays.len() + usize::from(has_crowd) + usize::from(has_hostile);
    if count == 0 {
        let names = NETWORKS.iter().map(|network| network.name).chain(relay::SCENARIOS.map(|(name, _)| name));
        let names = names.chain([crowd::NAME, hostile::NAME]);
        let names: Vec<&str> = names.collect();
        bail!(
            "--only {}: there is no such scenario; there are {}",
            arguments.only.join(", "),
            names.join(", ")
        );
    }
    let (mut scenarios, mut peers) = (Vec::new(), Vec::new());
    let bar = progress::bar(count as u64, "scenarios");
    for network in networks {
        interrupt::check()?;
        bar.set_message(network.name);
        // A cut takes its own time, and there must be some before and after it.
        let seconds = match network.trouble {
            Trouble::Cut(length) => arguments.seconds.max(length.as_secs_f64() + 10.0),
            _ => arguments.seconds,
        };
        let outcome = runtime
            .block_on(pair::run(network, &material, seconds, arguments.seed))
            .with_context(|| format!("{} ({})", network.name, network.what))?;
        let mut report = outcome.report;
        report.insert("network".into(), json!(network.what));
        report.insert("asked".into(), json!(network.asked));
        report.insert("seconds".into(), json!(seconds));
        bar.suspend(|| tell(&report));
        ensure!(
            network.talk.face == talker::Face::None || !outcome.received.faces.is_empty(),
            "{}: no frame came through; {}",
            network.name,
            report.get("warnings").unwrap_or(&Value::Null)
        );
        scenarios.push(Value::Object(report));
        if arguments.peers && network.has_peer {
            let mut report = webrtc::run(network, &material, seconds, arguments.seed)
                .with_context(|| format!("WebRTC over {}", network.name))?;
            report.insert("network".into(), json!("WebRTC data channel, the same network"));
            bar.suspend(|| tell(&report));
            peers.push(Value::Object(report));
        }
        bar.inc(1);
    }
    for (name, kind) in relays {
        interrupt::check()?;
        bar.set_message(name);
        let mut report = match relay::program() {
            Ok(_) => runtime
                .block_on(relay::run(name, kind, &material, arguments.seconds))
                .with_context(|| name.to_owned())?,
            Err(why) => {
                let mut report = Map::new();
                report.insert("name".into(), json!(name));
                report.insert("skipped".into(), json!(why.to_string()));
                report
            }
        };
        report.insert("network".into(), json!("moq-relay on loopback"));
        report.insert("asked".into(), json!(kind.asked()));
        bar.suspend(|| tell(&report));
        scenarios.push(Value::Object(report));
        bar.inc(1);
    }
    if has_crowd {
        interrupt::check()?;
        let mut report = crowd::run(&material, arguments.seconds, &runtime).context(crowd::NAME)?;
        report.insert("network".into(), json!("twenty people at one host, on loopback"));
        report.insert("asked".into(), json!(crowd::ASKED));
        bar.suspend(|| tell(&report));
        scenarios.push(Value::Object(report));
    }
    if has_hostile {
        interrupt::check()?;
        let mut report =
            runtime.block_on(hostile::run(&material, arguments.seconds)).context(hostile::NAME)?;
        report.insert("network".into(), json!("a host on loopback, attacked in the second half"));
        report.insert("asked".into(), json!(hostile::ASKED));
        bar.suspend(|| tell(&report));
        scenarios.push(Value::Object(report));
    }
    bar.finish_and_clear();
    Ok(json!({ "scenarios": scenarios, "peers": { "webrtc_data_channel": peers } }))
}

/// A scenario for a person to read.
fn tell(report: &Map<String, Value>) {
    let text = |field: &str| report.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    eprintln!("{}: {}", text("name"), text("network"));
    if let Some(why) = report.get("skipped").and_then(Value::as_str) {
        eprintln!("  skipped: {why}");
        return;
    }
    let fields = [
        ("arrival_p50_ms", "arrival p50", "ms"),
        ("arrival_p99_ms", "arrival p99", "ms"),
        ("display_p50_ms", "display p50", "ms"),
        ("concealed_ratio", "concealed", ""),
        ("audio_concealed_ratio", "voice concealed", ""),
        ("max_vertex_speed_m_per_s", "fastest vertex", "m/s"),
        ("face_kbit_per_s", "face", "kbit/s"),
        ("audio_kbit_per_s", "voice", "kbit/s"),
        ("standing_queue_ms", "standing queue", "ms"),
        ("recovered_s", "recovered", "s"),
        ("likeness_s", "likeness", "s"),
        ("av_skew_ms", "skew", "ms"),
        ("receivers", "receivers", ""),
        ("calm_arrival_p99_ms", "calm p99", "ms"),
        ("attacked_arrival_p99_ms", "attacked p99", "ms"),
        ("memory_grown_mb", "memory grown", "MB"),
        ("streams", "streams", ""),
        ("receiver_cpu_percent", "the receiver's CPU", "%"),
        ("datagrams_missing", "missing", ""),
        ("relay_cpu_percent_per_receiver", "relay's CPU a receiver", "%"),
    ];
    let mut line = String::new();
    for (field, name, unit) in fields {
        if let Some(value) = report.get(field).and_then(Value::as_f64) {
            let digits = if unit.is_empty() { 5 } else { 2 };
            line.push_str(&format!("  {name} {value:.digits$} {unit}"));
        }
    }
    eprintln!("{line}");
    if report.contains_key("asked") {
        eprintln!("  asked: {}", text("asked"));
    }
}
