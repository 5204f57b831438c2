//! Twenty people in one call: what one of them has to do.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use visavis_net::call::{Call, CallOptions, Clock, Event, HostOptions, JoinOptions};
use visavis_net::catalogue::{Needs, View};
use visavis_net::link::JoinLink;

use super::material::Material;
use super::pair::options;
use super::talker::{self, Talk, company};
use super::viewer::{Viewer, quantile};

pub(super) const NAME: &str = "twenty_people";
pub(super) const ASKED: &str =
    "each receives 19 streams; receiver's CPU for network and codec <= 10 % of a core";
/// People in the call.
const PEOPLE: usize = 20;
/// How long it may take until all are there.
const PATIENCE: Duration = Duration::from_secs(60);
/// What isn't counted at the beginning.
const SETTLE: Duration = Duration::from_secs(3);

/// A call of twenty at a host. Nineteen are simulated: they speak and look at nobody. One has a thread of its own, on which
/// all of its network and codec runs, and is measured.
pub(super) fn run(
    material: &Arc<Material>,
    seconds: f64,
    runtime: &tokio::runtime::Runtime,
) -> Result<Map<String, Value>> {
    let clock = talker::clock();
    let talk = Talk { controlled: false, ..Talk::default() };
    let person = |name: String| CallOptions { clock, ..options(&name, Some(talk), material, false) };
    let host = runtime.block_on(Call::host(HostOptions {
        listen: ([127, 0, 0, 1], 0).into(),
        call: person("host".into()),
        ..HostOptions::default()
    }))?;
    let link = host.link().clone();
    let until = Instant::now() + PATIENCE + Duration::from_secs_f64(seconds);
    let mut others = JoinSet::new();
    let mut calls = vec![Arc::new(host)];
    for i in 2..PEOPLE {
        let options = JoinOptions { call: person(format!("person {i}")), ..JoinOptions::default() };
        calls.push(Arc::new(runtime.block_on(Call::join(link.clone(), options))?));
    }
    for call in &calls {
        let (call, material) = (Arc::clone(call), Arc::clone(material));
        others.spawn_on(
            async move {
                tokio::select! {
                    () = look_away(&call) => Ok(()),
                    said = talker::talk(&call, &material, talk, until) => said.map(drop),
                }
            },
            runtime.handle(),
        );
    }
    let material = Arc::clone(material);
    let measured = std::thread::Builder::new()
        .name("measured".into())
        .spawn(move || measure(link, &material, clock, seconds))?;
    let report = measured.join().map_err(|_| anyhow::anyhow!("the measured person panicked"))?;
    others.abort_all();
    drop(calls);
    report
}

/// Takes events and says of everybody that it isn't seen.
async fn look_away(call: &Call) {
    while let Some(event) = call.next_event().await {
        if let Event::Joined { from, catalogue, .. } = event
            && catalogue.name != "measured"
        {
            call.set_needs(from, Needs { face: View::Hidden, ..Needs::default() });
        }
    }
}

/// The person whose thread's time is measured. It only listens: what it would send is one stream more.
fn measure(link: JoinLink, material: &Material, clock: Clock, seconds: f64) -> Result<Map<String, Value>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let call = CallOptions { clock, ..options("measured", None, material, false) };
        let call = Call::join(link, JoinOptions { call, ..JoinOptions::default() }).await?;
        let mut viewer = Viewer::new(clock, &material.quantiser);
        tokio::select! {
            () = viewer.watch(&call) => anyhow::bail!("the call ended before it began"),
            came = company(&call, PEOPLE - 1, PATIENCE) => came.context("waiting for nineteen others")?,
        }
        let _ = timeout(SETTLE, viewer.watch(&call)).await;
        let count = |viewer: &Viewer| -> (usize, usize) {
            let received = viewer.received.values();
            received.fold((0, 0), |(f, v), received| (f + received.faces.len(), v + received.voices.len()))
        };
        let (before, cpu_before, begin) = (count(&viewer), thread_seconds(), clock.now().0);
        let _ = timeout(Duration::from_secs_f64(seconds), viewer.watch(&call)).await;
        let (after, cpu_after) = (count(&viewer), thread_seconds());
        let streams = viewer
            .received
            .values()
            .filter(|received| received.faces.iter().any(|face| face.0 > begin + (seconds * 5e8) as u64))
            .count();
        let arrivals: Vec<f64> = viewer
            .received
            .values()
            .flat_map(|received| &received.faces)
            .filter(|face| face.0 > begin)
            .map(|(arrival, frame)| (*arrival as f64 - frame.time.0 as f64) * 1e-6)
            .collect();
        let loss: Vec<f64> = viewer
            .received
            .keys()
            .filter_map(|from| call.remote_statistics(*from))
            .map(|statistics| statistics.loss.into())
            .collect();
        sleep(Duration::ZERO).await;
        let mut report = Map::new();
        report.insert("name".into(), json!(NAME));
        report.insert("streams".into(), json!(streams));
        report.insert("arrival_p50_ms".into(), json!(quantile(&arrivals, 0.5)));
        report.insert("arrival_p99_ms".into(), json!(quantile(&arrivals, 0.99)));
        report.insert("frames_per_s".into(), json!((after.0 - before.0) as f64 / seconds));
        report.insert("voice_packets_per_s".into(), json!((after.1 - before.1) as f64 / seconds));
        report.insert("worst_loss".into(), json!(quantile(&loss, 1.0)));
        let used = cpu_before.zip(cpu_after).map(|(before, after)| 100.0 * (after - before) / seconds);
        report.insert("receiver_cpu_percent".into(), json!(used));
        Ok(report)
    })
}

/// Seconds that this thread has run, by Linux's /proc; `None` where the system doesn't say.
fn thread_seconds() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(text.split_whitespace().next()?.parse::<f64>().ok()? * 1e-9)
}
