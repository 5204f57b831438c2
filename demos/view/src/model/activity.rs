//! How lively a recorded face is over time, for the picture in the time line.

use visavis_codec::Timestamp;
use visavis_codec::latent::UNITS;

use crate::host::Call;

/// Bars in the time line.
const BARS: usize = 220;
/// Faces that are looked at for each bar.
const LOOKS: usize = 6;

/// A number a bar, 0..=1: how far the face is from rest and how fast it moves, against the liveliest moment.
pub(super) fn of(call: &Call) -> Vec<f32> {
    let count = (BARS * LOOKS) as f64;
    let face = |n: usize| {
        let seconds = call.seconds * n as f64 / count;
        let time = Timestamp(call.start.0.saturating_add((seconds * 1e9) as u64));
        call.timeline.at(time).latent.units
    };
    let mut before = face(0);
    let mut bars = Vec::with_capacity(BARS);
    for bar in 0..BARS {
        let mut level = 0.0f32;
        for look in 0..LOOKS {
            let now = face(bar * LOOKS + look);
            let shown: f32 = now.iter().map(|unit| unit * unit).sum();
            let moved: f32 = (0..UNITS).map(|u| (now[u] - before[u]).powi(2)).sum();
            level += shown.sqrt() + 4.0 * moved.sqrt();
            before = now;
        }
        bars.push(if level.is_finite() { level } else { 0.0 });
    }
    let (least, most) = bars.iter().fold((f32::MAX, 0.0f32), |(a, b), &bar| (a.min(bar), b.max(bar)));
    let span = (most - least).max(1e-6);
    bars.iter_mut().for_each(|bar| *bar = (*bar - least) / span);
    bars
}
