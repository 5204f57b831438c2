//! What play-out costs, beside the bitstream that feeds it.

use std::time::Instant;

use anyhow::{Context as _, Result};
use visavis_codec::playout::{Playout, PlayoutOptions};
use visavis_codec::{FaceFrame, Timestamp};

use super::stats::Samples;

/// Displays a second: a headset's.
const DISPLAYS: f64 = 90.0;
/// How long a frame is under way, and by how much more every other one is, seconds.
const UNDER_WAY: [f64; 2] = [0.04, 0.015];

/// Plays a performance out for a headset; the milliseconds that taking a frame and showing one take.
pub(super) fn play_out(frames: &[FaceFrame]) -> Result<[Samples; 2]> {
    let mut playout = Playout::new(PlayoutOptions::default()).context("play-out's defaults")?;
    let [mut taken, mut shown] = [Samples::default(), Samples::default()];
    let at = |seconds: f64| Timestamp((seconds * 1e9) as u64);
    let mut display = 0.0;
    for (number, frame) in frames.iter().enumerate() {
        let arrival = frame.time.as_seconds() + UNDER_WAY[0] + UNDER_WAY[1] * (number % 2) as f64;
        while display < arrival {
            let start = Instant::now();
            std::hint::black_box(playout.show(at(display)));
            shown.push(start.elapsed().as_secs_f64() * 1e3);
            display += 1.0 / DISPLAYS;
        }
        let start = Instant::now();
        playout.push(frame, at(arrival)).context("a frame of the performance")?;
        taken.push(start.elapsed().as_secs_f64() * 1e3);
    }
    Ok([taken, shown])
}
