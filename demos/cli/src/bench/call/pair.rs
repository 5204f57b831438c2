//! A call of two over a bad network: the talker joins through the proxy, the host listens.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};
use tokio::time::{Instant, sleep, sleep_until};
use visavis_codec::bitstream::BITSTREAM_VERSION;
use visavis_impair::{Impairment, Loss, Proxy, ProxyStatistics};
use visavis_net::call::{Call, CallOptions, HostOptions, JoinOptions};
use visavis_net::catalogue::{AudioTrack, FaceTrack};
use visavis_net::link::JoinLink;

use super::material::Material;
use super::networks::{Network, Trouble};
use super::talker::{self, Face, Said, Talk};
use super::viewer::{Received, Shown, Viewer, quantile, show};

/// How long joining may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// A queue is looked at so often.
const LOOK: Duration = Duration::from_millis(20);
/// Bytes of a packet around what is sealed, as they are shared out between face and voice.
const PACKET_BYTES: f64 = 60.0;

/// What there is to say of one run.
pub(super) struct Outcome {
    pub(super) received: Received,
    pub(super) report: Map<String, Value>,
}

/// What a participant brings to a measured call.
pub(super) fn options(name: &str, talk: Option<Talk>, material: &Material, has_avatar: bool) -> CallOptions {
    let face = talk.is_some_and(|talk| talk.face != Face::None);
    let voice = talk.is_some_and(|talk| talk.voice);
    CallOptions {
        name: name.to_owned(),
        avatar: has_avatar.then(|| material.avatar_bytes.clone()),
        face: face.then_some(FaceTrack { bitstream: BITSTREAM_VERSION, hertz: 30.0 }),
        audio: voice.then(|| AudioTrack { codec: "opus".to_owned(), sample_rate: 48_000 }),
        fetch_avatars: false,
        allow_unsigned: true,
        clock: talker::clock(),
        ..CallOptions::default()
    }
}

/// Runs a network for so long.
pub(super) async fn run(
    network: &Network,
    material: &Arc<Material>,
    seconds: f64,
    seed: u64,
) -> Result<Outcome> {
    let clock = talker::clock();
    let mut listening = options("listener", None, material, false);
    (listening.clock, listening.fetch_avatars) = (clock, network.fetches_avatar);
    let host = Call::host(HostOptions {
        listen: ([127, 0, 0, 1], 0).into(),
        call: listening,
        ..HostOptions::default()
    })
    .await?;
    let address = host.local_addr()?;
    let proxy = Proxy::start(address, network.up, network.down, seed)?;
    let real = host.link();
    let link = JoinLink::to_peer("127.0.0.1", proxy.address().port(), real.pin(), real.secret().clone())?;

    let mut talking = options("talker", Some(network.talk), material, network.fetches_avatar);
    talking.clock = clock;
    let joining = clock.now().0;
    let guest = Call::join(link, JoinOptions { call: talking, ..JoinOptions::default() })
        .await
        .context("joining through the proxy")?;
    let mut viewer = Viewer::new(clock, &material.quantiser);
    // Whoever waits for company takes events all the while.
    tokio::select! {
        () = viewer.watch(&host) => anyhow::bail!("the call ended before it began"),
        came = async {
            talker::company(&host, 1, PATIENCE).await?;
            talker::company(&guest, 1, PATIENCE).await
        } => came?,
    }
    let speaker = guest.me();
    let (mut queues, begin) = (Vec::new(), clock.now().0);
    let before = proxy.statistics();
    let until = Instant::now() + Duration::from_secs_f64(seconds);
    let mut back = None;
    let talking = talker::talk(&guest, material, network.talk, until);
    let said = tokio::select! {
        () = viewer.watch(&host) => anyhow::bail!("the call ended in the middle"),
        () = drain(&guest) => anyhow::bail!("the talker's call ended in the middle"),
        () = look(&proxy, clock, &mut queues) => unreachable!("it looks for ever"),
        () = trouble(network, &proxy, &guest, seconds, clock, &mut back) => unreachable!("it waits for ever"),
        said = talking => said?,
    };
    let after = proxy.statistics();
    // What is on its way still comes.
    let _ = tokio::time::timeout(network.up.delay + Duration::from_millis(500), viewer.watch(&host)).await;
    let statistics = host.remote_statistics(speaker).unwrap_or_default();
    tokio::join!(guest.leave(), host.leave());

    let received = viewer.received.remove(&speaker).unwrap_or_default();
    let repeats = said.plans.iter().map(|(_, plan, _)| plan.redundancy).max().unwrap_or(3);
    let moving = network.talk.face == Face::Moving;
    let avatar = moving.then_some(&material.avatar);
    let drift = network.talk.drift_ppm;
    // Geometry of ten thousand pictures takes a while: not on the runtime's thread.
    let shown = tokio::task::block_in_place(|| show(&received, avatar, drift, repeats.into()))?;

    let counted = Counted::new(&before, &after, seconds);
    let mut report = summary(network.name, &shown);
    let (face_share, audio_share) = shares(&statistics, &said, &received);
    report.insert("face_kbit_per_s".into(), json!(counted.total_kbit * face_share));
    report.insert("audio_kbit_per_s".into(), json!(counted.total_kbit * audio_share));
    report.insert("up_kbit_per_s".into(), json!(counted.up_kbit));
    report.insert("down_kbit_per_s".into(), json!(counted.down_kbit));
    report.insert("up_packets_per_s".into(), json!(counted.up_packets));
    report.insert("down_packets_per_s".into(), json!(counted.down_packets));
    report.insert("proxy_lost_ratio".into(), json!(counted.lost));
    report.insert("frames_coded".into(), json!(said.captures.len()));
    report.insert("frames_decoded".into(), json!(received.faces.len()));
    report.insert("packets_unreadable".into(), json!(received.unreadable));
    report.insert("recovered_s".into(), json!(recovered(network, &received, &queues, begin, back)));
    report.insert("standing_queue_ms".into(), json!(standing(&queues, begin)));
    let since = |at: Option<u64>| at.map(|at| at.saturating_sub(joining) as f64 * 1e-9);
    report.insert("first_voice_s".into(), json!(since(received.voices.first().map(|voice| voice.0))));
    report.insert("first_face_s".into(), json!(since(received.faces.first().map(|face| face.0))));
    if network.fetches_avatar {
        report.insert("likeness_s".into(), json!(since(received.likeness)));
        report.insert("avatar_s".into(), json!(since(received.avatar)));
    }
    if let Some((_, plan, state)) = said.plans.last() {
        report.insert(
            "plan".into(),
            json!({ "redundancy": plan.redundancy, "rung": plan.rung.number(), "face_hz": plan.face_hz,
                    "faces_per_datagram": plan.faces_per_datagram, "audio_ms": plan.audio_ms,
                    "audio_bit_s": plan.audio_bit_s, "budget_bit_s": state.budget_bit_s, "loss": state.loss }),
        );
    }
    if network.up.rate.is_some() {
        report.insert("trace".into(), trace(&said, &queues, joining));
    }
    if !viewer.warnings.is_empty() {
        report.insert("warnings".into(), json!(viewer.warnings));
    }
    Ok(Outcome { received, report })
}

/// The fields that every scenario has.
pub(super) fn summary(name: &str, shown: &Shown) -> Map<String, Value> {
    let mut report = Map::new();
    report.insert("name".into(), json!(name));
    for (field, values, share) in [
        ("arrival_p50_ms", &shown.arrival_ms, 0.5),
        ("arrival_p95_ms", &shown.arrival_ms, 0.95),
        ("arrival_p99_ms", &shown.arrival_ms, 0.99),
        ("display_p50_ms", &shown.display_ms, 0.5),
    ] {
        report.insert(field.into(), json!(quantile(values, share)));
    }
    let is_shown = !shown.display_ms.is_empty();
    report.insert("concealed_ratio".into(), json!(is_shown.then_some(shown.concealed_ratio)));
    let is_heard = shown.skew_rms_ms.is_some();
    report.insert("audio_concealed_ratio".into(), json!(is_heard.then_some(shown.voice_concealed_ratio)));
    report.insert("max_vertex_speed_m_per_s".into(), json!(shown.max_vertex_speed));
    report.insert("av_skew_ms".into(), json!(shown.skew_worst_ms));
    report.insert("av_skew_rms_ms".into(), json!(shown.skew_rms_ms));
    report
}

/// Takes what the talker is told, so that nothing piles up.
pub(super) async fn drain(call: &Call) {
    while call.next_event().await.is_some() {}
}

async fn look(proxy: &Proxy, clock: visavis_net::call::Clock, queues: &mut Vec<(u64, Duration)>) {
    loop {
        queues.push((clock.now().0, proxy.statistics().queues[0]));
        sleep(LOOK).await;
    }
}

/// Does to the path what the network's trouble is, in the middle of the time, and notes when it is good again.
async fn trouble(
    network: &Network,
    proxy: &Proxy,
    guest: &Call,
    seconds: f64,
    clock: visavis_net::call::Clock,
    back: &mut Option<u64>,
) {
    let begin = Instant::now();
    match network.trouble {
        Trouble::None => {}
        Trouble::AddressChange => {
            sleep_until(begin + Duration::from_secs_f64(seconds / 2.0)).await;
            proxy.change_addresses();
            *back = Some(clock.now().0);
        }
        Trouble::Rebind => {
            sleep_until(begin + Duration::from_secs_f64(seconds / 2.0)).await;
            // If there is no other socket, the old one goes on, and recovery takes no time.
            let _ = guest.rebind(([127, 0, 0, 1], 0).into());
            *back = Some(clock.now().0);
        }
        Trouble::Cut(length) => {
            let before = ((seconds - length.as_secs_f64()) / 2.0).max(1.0);
            sleep_until(begin + Duration::from_secs_f64(before)).await;
            let nothing = Impairment { loss: Loss::Everything, ..Impairment::default() };
            proxy.set(nothing, nothing);
            sleep(length).await;
            proxy.set(network.up, network.down);
            *back = Some(clock.now().0);
        }
    }
    std::future::pending().await
}

/// Seconds from when the path was good again to the first frame captured after that (trouble), or until the queue stayed below
/// 100 ms (a narrow path); `None` where there was nothing to recover from, or it didn't.
fn recovered(
    network: &Network,
    received: &Received,
    queues: &[(u64, Duration)],
    begin: u64,
    back: Option<u64>,
) -> Option<f64> {
    if let Some(back) = back {
        let first = received.faces.iter().find(|(_, frame)| frame.time.0 > back)?;
        return Some((first.0 - back) as f64 * 1e-9);
    }
    network.up.rate?;
    let last = queues.iter().rposition(|(_, queue)| *queue >= Duration::from_millis(100));
    let at = last.map_or(begin, |at| queues[at].0);
    Some(at.saturating_sub(begin) as f64 * 1e-9)
}

/// The longest queue that stood for a second, after 5 s, ms.
fn standing(queues: &[(u64, Duration)], begin: u64) -> Option<f64> {
    let late: Vec<(u64, Duration)> =
        queues.iter().copied().filter(|(at, _)| at.saturating_sub(begin) > 5_000_000_000).collect();
    let second = |from: usize| {
        let until = late[from].0 + 1_000_000_000;
        let within = late[from..].iter().take_while(|(at, _)| *at <= until);
        within.map(|(_, queue)| *queue).min()
    };
    let last = late.last()?.0;
    (0..late.len())
        .take_while(|&from| late[from].0 + 1_000_000_000 <= last)
        .filter_map(second)
        .max()
        .map(|queue| queue.as_secs_f64() * 1e3)
}

/// What rate control did, four times a second, beside the queue that there really was.
fn trace(said: &Said, queues: &[(u64, Duration)], joining: u64) -> Value {
    let rows = said.plans.iter().map(|(at, plan, state)| {
        let real = queues.iter().take_while(|(when, _)| when <= at).last().map_or(0.0, |(_, q)| q.as_secs_f64());
        json!({ "s": at.saturating_sub(joining) as f64 * 1e-9, "queue_ms": real * 1e3,
                "believed_queue_ms": state.queue.as_secs_f64() * 1e3, "budget_kbit_s": state.budget_bit_s * 1e-3,
                "step": state.step, "redundancy": plan.redundancy, "face_hz": plan.face_hz,
                "audio_ms": plan.audio_ms })
    });
    rows.collect()
}

/// What went through the proxy.
struct Counted {
    up_kbit: f64,
    down_kbit: f64,
    total_kbit: f64,
    up_packets: f64,
    down_packets: f64,
    lost: f64,
}

impl Counted {
    fn new(before: &ProxyStatistics, after: &ProxyStatistics, seconds: f64) -> Self {
        let kbit = |bytes: u64| bytes as f64 * 8e-3 / seconds;
        let up = kbit(after.up.sent_bytes - before.up.sent_bytes);
        let down = kbit(after.down.sent_bytes - before.down.sent_bytes);
        let sent = after.up.sent - before.up.sent;
        let lost = after.up.lost + after.up.dropped - before.up.lost - before.up.dropped;
        Self {
            up_kbit: up,
            down_kbit: down,
            total_kbit: up + down,
            up_packets: sent as f64 / seconds,
            down_packets: (after.down.sent - before.down.sent) as f64 / seconds,
            lost: lost as f64 / (sent as f64).max(1.0),
        }
    }
}

/// How all bytes are shared out: by sealed bytes and packets of face and voice.
fn shares(statistics: &visavis_net::call::RemoteStatistics, said: &Said, received: &Received) -> (f64, f64) {
    let face = statistics.face_bytes as f64 + PACKET_BYTES * said.captures.len() as f64;
    let audio = statistics.audio_bytes as f64 + PACKET_BYTES * received.voices.len() as f64;
    let face = if said.captures.is_empty() { 0.0 } else { face };
    let whole = (face + audio).max(1.0);
    (face / whole, audio / whole)
}
