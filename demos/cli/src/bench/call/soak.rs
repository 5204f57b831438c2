//! A long call of two: does anything grow?

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};
use tokio::time::{Instant, sleep};
use visavis_impair::{Impairment, Loss, Proxy};
use visavis_net::call::{Call, CallOptions, HostOptions, JoinOptions};
use visavis_net::link::JoinLink;

use super::material::Material;
use super::pair::{drain, options, summary};
use super::talker::{self, Talk, company};
use super::viewer::{Player, Viewer};
use crate::{interrupt, progress};

pub(super) const NAME: &str = "soak";
pub(super) const ASKED: &str = "no growth in memory, delay or skew";
const PATIENCE: Duration = Duration::from_secs(20);
/// What came is played, and forgotten, so often.
const STEP: Duration = Duration::from_secs(1);
/// One picture in so many is remembered, so that remembering doesn't grow into what is measured.
const THINNED: u64 = 30;
const DRIFT_PPM: f64 = 100.0;
/// Steps of which each tells how it goes.
const MINUTE: usize = 60;

/// Two people, 5 % loss, one clock 100 ppm too fast.
pub(super) async fn run(material: &Arc<Material>, seconds: f64, seed: u64) -> Result<Map<String, Value>> {
    let bad = Impairment {
        delay: Duration::from_millis(30),
        jitter: Duration::from_millis(5),
        loss: Loss::Random(0.05),
        ..Impairment::default()
    };
    let clock = talker::clock();
    let talk = Talk { drift_ppm: DRIFT_PPM, ..Talk::default() };
    let host = Call::host(HostOptions {
        listen: ([127, 0, 0, 1], 0).into(),
        call: CallOptions { clock, ..options("listener", Some(Talk::default()), material, false) },
        ..HostOptions::default()
    })
    .await?;
    let proxy = Proxy::start(host.local_addr()?, bad, bad, seed)?;
    let real = host.link();
    let link = JoinLink::to_peer("127.0.0.1", proxy.address().port(), real.pin(), real.secret().clone())?;
    let call = CallOptions { clock, ..options("talker", Some(talk), material, false) };
    let guest = Call::join(link, JoinOptions { call, ..JoinOptions::default() }).await.context("joining")?;
    let mut viewer = Viewer::new(clock, &material.quantiser);
    tokio::select! {
        () = viewer.watch(&host) => anyhow::bail!("the call ended before it began"),
        came = company(&host, 1, PATIENCE) => came?,
    }
    let until = Instant::now() + Duration::from_secs_f64(seconds);
    let mut player = Player::new(None, DRIFT_PPM, 7, THINNED)?;
    let mut memory = Vec::new();
    let bar = progress::bar(seconds as u64, "s of a long call");
    let speaking = talker::talk(&guest, material, talk, until);
    let answering = talker::talk(&host, material, Talk::default(), until);
    let watching = async {
        let begin = Instant::now();
        loop {
            tokio::select! {
                () = viewer.watch(&host) => anyhow::bail!("the call ended in the middle"),
                () = sleep(STEP) => {}
            }
            interrupt::check()?;
            // Half a second behind, so that nothing comes for a time that was played already.
            if let Some(received) = viewer.received.get_mut(&guest.me()) {
                player.play(received, clock.now().0.saturating_sub(500_000_000));
                player.forget(received);
            }
            memory.push((begin.elapsed().as_secs_f64(), resident_bytes()));
            if memory.len().is_multiple_of(MINUTE) {
                // So that a soak that is looked at before its end, or never ends, says something.
                let mut line = player.so_far();
                line.insert("minute".into(), json!(memory.len() / MINUTE));
                line.insert("resident_mb".into(), json!(resident_bytes().map(|bytes| bytes as f64 / 1e6)));
                bar.suspend(|| eprintln!("soak: {}", Value::Object(line)));
            }
            bar.set_position(begin.elapsed().as_secs());
        }
    };
    let result: Result<()> = tokio::select! {
        said = async { tokio::try_join!(speaking, answering) } => said.map(drop),
        () = drain(&guest) => Err(anyhow::anyhow!("the talker's call ended in the middle")),
        ended = watching => ended,
    };
    bar.finish_and_clear();
    result?;
    tokio::join!(guest.leave(), host.leave());
    let shown = player.finish();
    let mut report = summary(NAME, &shown);
    report.insert("drift_ppm".into(), json!(DRIFT_PPM));
    report.insert("display_ms_by_tenth".into(), json!(shown.display_by_tenth));
    report.insert("skew_ms_by_tenth".into(), json!(shown.skew_by_tenth));
    let megabytes: Vec<Option<f64>> = (0..10)
        .map(|tenth| {
            let at = (memory.len() * (tenth + 1) / 10).checked_sub(1)?;
            Some(memory.get(at)?.1? as f64 / 1e6)
        })
        .collect();
    report.insert("resident_mb_by_tenth".into(), json!(megabytes));
    Ok(report)
}

/// What this process has in memory, by Linux's /proc; `None` where the system doesn't say.
pub(super) fn resident_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    Some(text.split_whitespace().nth(1)?.parse::<u64>().ok()? * 4096)
}
