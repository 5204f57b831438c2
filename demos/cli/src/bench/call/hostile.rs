//! Hostile peers: what an honest pair notices of them.

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};
use tokio::time::{Instant, interval, sleep};
use visavis_net::call::{Call, CallOptions, Event, HostOptions, JoinOptions};
use visavis_net::identity::{OwnerKey, ProofStatus};
use visavis_net::link::JoinLink;
use visavis_net::seal::{CallSecret, ParticipantId};

use super::attackers::{self, Done};
use super::material::Material;
use super::pair::{drain, options, summary};
use super::soak::resident_bytes;
use super::talker::{self, Talk, company};
use super::viewer::{Received, Viewer, quantile, show};

pub(super) const NAME: &str = "hostile";
pub(super) const ASKED: &str = "no panic, memory bounded, honest peers unaffected";
const PATIENCE: Duration = Duration::from_secs(20);
/// Packets of noise a second, strangers that knock at once, and objects a second of a member who floods.
const NOISE_PER_S: u64 = 2000;
const STRANGERS: usize = 8;
const FLOOD_PER_S: u64 = 500;

/// A quiet half, and one under attack: noise on the host's port, strangers with the wrong secret who knock without end, a member
/// whose faces and voices are random bytes, more of them than anybody may send; connections that say nothing and objects that
/// never end; what an honest guest sends recorded and sent again; its name, its avatar under another key; and guests who crash
/// and join anew.
pub(super) async fn run(material: &Arc<Material>, seconds: f64) -> Result<Map<String, Value>> {
    let clock = talker::clock();
    let talk = Talk { controlled: false, ..Talk::default() };
    let host = Call::host(HostOptions {
        listen: ([127, 0, 0, 1], 0).into(),
        // Who is whom is to be judged: with the avatars, and strictly.
        call: CallOptions {
            clock,
            fetch_avatars: true,
            allow_unsigned: false,
            ..options("listener", None, material, false)
        },
        ..HostOptions::default()
    })
    .await?;
    let address = host.local_addr()?;
    let link = host.link().clone();
    let person = |name: &str| CallOptions { clock, ..options(name, Some(talk), material, false) };
    let join = JoinOptions { call: person("talker"), ..JoinOptions::default() };
    let guest = Call::join(link.clone(), join).await.context("the honest guest")?;
    let mut viewer = Viewer::new(clock, &material.quantiser);
    tokio::select! {
        () = viewer.watch(&host) => anyhow::bail!("the call ended before it began"),
        came = company(&host, 1, PATIENCE) => came?,
    }
    let (speaker, replayer) = (guest.me(), ParticipantId::random());
    let mut seen = Seen::default();
    let mut rejoined = Vec::new();
    let done = Arc::new(Done::default());
    let half = Duration::from_secs_f64(seconds / 2.0);
    let until = Instant::now() + 2 * half;
    let counts = Arc::new(Counts::default());
    let mut attack_at = 0;
    let mut memory = [None; 2];
    let attack = async {
        sleep(half).await;
        attack_at = clock.now().0;
        memory[0] = resident_bytes();
        let wrong = JoinLink::to_peer("127.0.0.1", address.port(), link.pin(), CallSecret::random())
            .context("a link")?;
        noise(address, Arc::clone(&counts));
        let strangers = (0..STRANGERS).map(|_| knock(wrong.clone(), Arc::clone(&counts)));
        let strangers: tokio::task::JoinSet<()> = strangers.collect();
        let mut tasks = tokio::task::JoinSet::new();
        let secret = || link.secret().clone();
        tasks.spawn(note(attackers::stall(address, secret(), Arc::clone(&done))));
        tasks.spawn(note(attackers::replay(address, secret(), speaker, replayer, Arc::clone(&done))));
        tasks.spawn(attackers::take_name(address, secret(), speaker, Arc::clone(&done)));
        // The honest guest's face and name, under a key that isn't its owner's.
        let mut forging = CallOptions { clock, ..options("talker", Some(talk), material, true) };
        forging.owner = Some(OwnerKey::generate());
        let forger = JoinOptions { call: forging, ..JoinOptions::default() };
        let forger = Call::join(link.clone(), forger).await.context("the forger")?;
        let join = JoinOptions { call: person("flooder"), ..JoinOptions::default() };
        let member = Call::join(link.clone(), join).await.context("the hostile member")?;
        let flooding = async {
            tokio::select! {
                () = drain(&member) => Ok(()),
                ended = flood(&member, &counts) => ended,
            }?;
            // It may be cut off; the others go on.
            std::future::pending::<Result<()>>().await
        };
        let forging = async {
            tokio::select! {
                () = drain(&forger) => anyhow::bail!("the forger was thrown out"),
                said = talker::talk(&forger, material, talk, until) => said.map(drop),
            }
        };
        let crashing = attackers::crash(&link, address, clock, material, &person, &mut rejoined);
        let _strangers = (strangers, tasks);
        tokio::try_join!(flooding, forging, crashing).map(drop)
    };
    let result = tokio::select! {
        () = seen.watch(&host, &mut viewer) => Err(anyhow::anyhow!("the call ended under attack")),
        () = drain(&guest) => Err(anyhow::anyhow!("the honest guest was thrown out")),
        said = talker::talk(&guest, material, talk, until) => said,
        ended = attack => ended.and(Err(anyhow::anyhow!("the attack ended"))),
    };
    counts.is_over.store(true, Ordering::Relaxed);
    done.is_over.store(true, Ordering::Relaxed);
    let said = result?;
    memory[1] = resident_bytes();
    let others: Vec<u64> = viewer
        .received
        .keys()
        .filter(|from| **from != speaker)
        .filter_map(|from| host.remote_statistics(*from))
        .map(|statistics| statistics.refused)
        .collect();
    tokio::join!(guest.leave(), host.leave());

    let received = viewer.received.remove(&speaker).unwrap_or_default();
    let shown = tokio::task::block_in_place(|| show(&received, None, 0.0, 3))?;
    let mut report = summary(NAME, &shown);
    for (field, attacked) in [("calm", false), ("attacked", true)] {
        let part = arrivals(&received, attack_at, attacked);
        report.insert(format!("{field}_arrival_p50_ms"), json!(quantile(&part, 0.5)));
        report.insert(format!("{field}_arrival_p99_ms"), json!(quantile(&part, 0.99)));
    }
    report.insert("frames_coded".into(), json!(said.captures.len()));
    report.insert("frames_decoded".into(), json!(received.faces.len()));
    report.insert("noise_packets".into(), json!(counts.noise.load(Ordering::Relaxed)));
    report.insert("joins_refused".into(), json!(counts.refused.load(Ordering::Relaxed)));
    report.insert("joins_let_in".into(), json!(counts.let_in.load(Ordering::Relaxed)));
    report.insert("flood_objects".into(), json!(counts.flood.load(Ordering::Relaxed)));
    report.insert("flood_refused".into(), json!(others.iter().sum::<u64>()));
    let heard_of = |who: &ParticipantId| {
        viewer.received.get(who).map_or(0, |received| received.faces.len() + received.voices.len())
    };
    report.insert("silent_connections".into(), json!(done.silent.load(Ordering::Relaxed)));
    report.insert("silent_connections_ended".into(), json!(done.silent_ended.load(Ordering::Relaxed)));
    report.insert("replayed_objects".into(), json!(done.replayed.load(Ordering::Relaxed)));
    report.insert("replayed_taken".into(), json!(heard_of(&replayer)));
    report.insert("names_tried".into(), json!(done.names.load(Ordering::Relaxed)));
    report.insert("names_taken".into(), json!(done.names_let_in.load(Ordering::Relaxed)));
    report.insert("anybody_proven".into(), json!(seen.proven));
    report.insert("verdicts".into(), json!(seen.verdicts));
    let again: Vec<f64> = rejoined
        .iter()
        .filter_map(|(who, begun)| {
            let first = viewer.received.get(who)?.faces.first()?.0;
            Some(first.saturating_sub(*begun) as f64 * 1e-9)
        })
        .collect();
    report.insert("rejoins".into(), json!(rejoined.len()));
    report.insert("rejoined_seen".into(), json!(again.len()));
    report.insert("rejoin_to_first_face_s".into(), json!(quantile(&again, 0.5)));
    let grown = memory[0].zip(memory[1]).map(|(before, after)| (after as f64 - before as f64) / 1e6);
    report.insert("memory_grown_mb".into(), json!(grown));
    Ok(report)
}

/// What the host was told of who is whom.
#[derive(Default)]
struct Seen {
    proven: u64,
    verdicts: BTreeMap<String, u64>,
}

impl Seen {
    async fn watch(&mut self, call: &Call, viewer: &mut Viewer) {
        while let Some(event) = call.next_event().await {
            if let Event::Proof { status, .. } = &event {
                self.proven += u64::from(*status == ProofStatus::Proven);
                *self.verdicts.entry(status.to_string()).or_default() += 1;
            }
            viewer.take(event);
        }
    }
}

/// An attacker who gives up is no failure of the call.
async fn note(attack: impl Future<Output = Result<()>>) {
    if let Err(error) = attack.await {
        tracing::debug!(%error, "an attacker gave up");
    }
}

#[derive(Default)]
struct Counts {
    is_over: AtomicBool,
    noise: AtomicU64,
    refused: AtomicU64,
    let_in: AtomicU64,
    flood: AtomicU64,
}

/// How late the frames were that were taken before the attack, or during it, ms.
fn arrivals(received: &Received, attack_at: u64, attacked: bool) -> Vec<f64> {
    let faces = received.faces.iter().filter(|(_, frame)| (frame.time.0 >= attack_at) == attacked);
    faces.map(|(arrival, frame)| (*arrival as f64 - frame.time.0 as f64) * 1e-6).collect()
}

/// Random packets, some of which begin as QUIC's do, from another thread.
fn noise(host: SocketAddr, counts: Arc<Counts>) {
    std::thread::spawn(move || {
        let Ok(socket) = UdpSocket::bind("127.0.0.1:0") else { return };
        let (mut state, mut packet) = (1u64, [0u8; 1200]);
        while !counts.is_over.load(Ordering::Relaxed) {
            for _ in 0..NOISE_PER_S / 100 {
                for byte in &mut packet {
                    state =
                        state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    *byte = (state >> 56) as u8;
                }
                // A long header of version 1, or a short one, or neither.
                match state % 3 {
                    0 => packet[..5].copy_from_slice(&[0xc3, 0, 0, 0, 1]),
                    1 => packet[0] = 0x40 | packet[0] & 0x3f,
                    _ => {}
                }
                let length = if state.is_multiple_of(2) { 1200 } else { (state >> 32) as usize % 1200 };
                let _ = socket.send_to(&packet[..length], host);
                counts.noise.fetch_add(1, Ordering::Relaxed);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    });
}

/// Joins with the wrong secret, again and again.
async fn knock(link: JoinLink, counts: Arc<Counts>) {
    loop {
        let options = JoinOptions { give_up: Duration::from_secs(2), ..JoinOptions::default() };
        match Call::join(link.clone(), options).await {
            Ok(_) => counts.let_in.fetch_add(1, Ordering::Relaxed),
            Err(_) => counts.refused.fetch_add(1, Ordering::Relaxed),
        };
        // Whoever is refused at once doesn't keep this process's own cores from the honest ones.
        sleep(Duration::from_millis(100)).await;
    }
}

/// Faces and sounds of random bytes, more than anybody may send.
async fn flood(call: &Call, counts: &Counts) -> Result<()> {
    let mut ticker = interval(Duration::from_millis(10));
    let mut state = 7u64;
    loop {
        ticker.tick().await;
        for _ in 0..FLOOD_PER_S / 100 {
            let payload: Vec<u8> = (0..state % 960)
                .map(|_| {
                    state =
                        state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    (state >> 56) as u8
                })
                .collect();
            state = state.wrapping_add(payload.len() as u64 + 1).rotate_left(7);
            // What can't even be sent counts as sent: it isn't the honest ones' trouble.
            let _ = call.send_face(&payload);
            let _ = call.send_audio(&payload, call.clock().now());
            counts.flood.fetch_add(2, Ordering::Relaxed);
        }
    }
}
