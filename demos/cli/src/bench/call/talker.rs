//! Who speaks in a measured call: a performance through the real writer, voice encoder and rate control.

use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use visavis_codec::Timestamp;
use visavis_codec::bitstream::{LatentWriter, WriterOptions};
use visavis_net::call::{Call, Clock};
use visavis_net::rate::{FacePacer, Plan, RateController, RateOptions, RateState};
use visavis_net::voice::{VOICE_RATE, VoiceEncoder, VoiceFrame, VoiceOptions};

use super::material::Material;

/// What a talker does.
#[derive(Clone, Copy, Debug)]
pub(super) struct Talk {
    /// Whether the face moves, stands still, or isn't there.
    pub(super) face: Face,
    /// Whether there is a voice.
    pub(super) voice: bool,
    /// Whether rate control decides; if not, everything is sent at its best, with three repeats.
    pub(super) controlled: bool,
    /// How much faster its clock runs than real time, parts per million.
    pub(super) drift_ppm: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Face {
    Moving,
    Still,
    None,
}

impl Default for Talk {
    fn default() -> Self {
        Self { face: Face::Moving, voice: true, controlled: true, drift_ppm: 0.0 }
    }
}

/// What a talker has done.
#[derive(Clone, Debug, Default)]
pub(super) struct Said {
    /// Times of the frames that were coded, on the call's clock (without the drift), ns.
    pub(super) captures: Vec<u64>,
    /// The plans, and what the controller believed, four times a second.
    pub(super) plans: Vec<(u64, Plan, RateState)>,
}

/// The interval between rate control's decisions.
const CONTROL: Duration = Duration::from_millis(100);
/// Plans are remembered so often, ns.
const PLANS: u64 = 240_000_000;
/// Sound comes from a device in blocks of this length.
const BLOCK: Duration = Duration::from_millis(10);
const BLOCK_SAMPLES: usize = (VOICE_RATE / 100) as usize;

/// Performs until told to stop, and gives back what was done so far when the future is dropped by its caller's `select`.
pub(super) async fn talk(call: &Call, material: &Material, talk: Talk, until: Instant) -> Result<Said> {
    let mut said = Said::default();
    let mut writer = LatentWriter::new(material.quantiser.clone(), WriterOptions::packet());
    let mut encoder = VoiceEncoder::new(VoiceOptions::default())?;
    let start_rate = if talk.controlled { RateOptions::default().start } else { 1_000_000 };
    let mut rate = RateController::new(RateOptions {
        has_voice: talk.voice,
        start: start_rate,
        ..RateOptions::default()
    });
    let mut plan = rate.plan();
    let mut pacer = FacePacer::new();
    let (mut packet, mut coded, mut block) = (Vec::new(), Vec::new(), vec![0.0; BLOCK_SAMPLES]);
    let mut last = None;
    let clock = call.clock();
    let begin = Instant::now();
    let ticker = |period: Duration| {
        let mut ticker = interval_at(begin, period);
        ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticker
    };
    let (mut faces, mut blocks, mut control) =
        (ticker(Duration::from_nanos(33_333_333)), interval_at(begin, BLOCK), ticker(CONTROL));
    let mut block_number = 0usize;
    let end = tokio::time::sleep_until(until);
    tokio::pin!(end);
    loop {
        tokio::select! {
            biased;
            () = &mut end => return Ok(said),
            _ = control.tick() => {
                if talk.controlled {
                    plan = rate.follow(call);
                    let now = clock.now().0;
                    if said.plans.last().is_none_or(|(at, ..)| now - at >= PLANS) {
                        said.plans.push((now, plan, rate.state()));
                    }
                    writer.set_rung(plan.rung);
                    writer.set_repeats(plan.redundancy, plan.coarser);
                    encoder.set_bitrate(plan.audio_bit_s)?;
                    encoder.set_frame(VoiceFrame::of_milliseconds(plan.audio_ms.into()));
                    encoder.set_expected_loss(rate.expected_loss())?;
                }
            }
            _ = blocks.tick(), if talk.voice => {
                for (i, sample) in block.iter_mut().enumerate() {
                    *sample = material.voice[(block_number * BLOCK_SAMPLES + i) % material.voice.len()];
                }
                block_number += 1;
                // The block's first sample was captured when the block before it was complete.
                let first = clock.now().0.saturating_sub(BLOCK.as_nanos() as u64);
                encoder.push(&block, drifted(first, talk.drift_ppm), &mut coded)?;
                for voice in coded.drain(..) {
                    call.send_audio(&voice.payload, voice.capture).context("sending a sound")?;
                }
            }
            _ = faces.tick(), if talk.face != Face::None => {
                let now = clock.now();
                if !pacer.wants(now, &plan) {
                    continue;
                }
                let seconds = if talk.face == Face::Still { 0.0 } else { begin.elapsed().as_secs_f64() };
                let mut frame = material.frame(seconds);
                frame.time = drifted(now.0, talk.drift_ppm);
                writer.write(&frame, &mut packet).context("coding a face")?;
                said.captures.push(now.0);
                let coded = material.quantiser.snap(&frame, plan.rung);
                let shown = coded.map(|frame| (frame.latent, frame.head));
                let is_still = shown.is_some() && shown == last;
                last = shown;
                if pacer.sends(is_still, &plan) {
                    call.send_face(&packet).context("sending a face")?;
                }
            }
        }
    }
}

/// A time as a clock that runs too fast says it.
fn drifted(nanoseconds: u64, ppm: f64) -> Timestamp {
    Timestamp(nanoseconds + (nanoseconds as f64 * ppm * 1e-6) as u64)
}

/// Waits until a participant besides us is in the call.
pub(super) async fn company(call: &Call, others: usize, patience: Duration) -> Result<()> {
    let start = Instant::now();
    while call.participants().len() < others {
        anyhow::ensure!(
            start.elapsed() < patience,
            "after {} s only {} of {others} others are in the call",
            patience.as_secs(),
            call.participants().len()
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

/// The clock that all participants of a measured call share.
pub(super) fn clock() -> Clock {
    Clock::start()
}
