//! A face whose performance is over: it comes to rest, breathes and blinks, so that others see a person who waits, not one
//! who froze.

use visavis_codec::playout::{Playout, PlayoutOptions};
use visavis_codec::{FaceFrame, Timestamp};

/// Frames a second.
const HZ: f64 = 30.0;
/// So many of the performance's last frames say how the face was moving.
const LAST: usize = 15;

/// Goes on after a performance, by what a receiver does when nothing more comes: eases to the resting face and keeps that
/// alive.
#[derive(Debug)]
pub(crate) struct Rest {
    playout: Option<Playout>,
    /// When the next frame is due, seconds since the performance began.
    due: Option<f64>,
    /// How much later than in the performance's own time it is; it may have been played several times.
    shift: Option<f64>,
    last: FaceFrame,
}

impl Rest {
    /// After these frames.
    pub(crate) fn after(frames: &[FaceFrame]) -> Self {
        let options = PlayoutOptions {
            initial_delay: std::time::Duration::ZERO,
            margin: std::time::Duration::ZERO,
            ..PlayoutOptions::default()
        };
        let mut playout = Playout::new(options).ok();
        for frame in &frames[frames.len().saturating_sub(LAST)..] {
            if let Some(playout) = &mut playout {
                // What was performed until now are faces.
                let _ = playout.push(frame, frame.time);
            }
        }
        let last = frames.last().copied().unwrap_or_default();
        Self { playout, due: None, shift: None, last }
    }

    /// Appends the frames that are due by now, seconds.
    pub(crate) fn advance(&mut self, now: f64, frames: &mut Vec<FaceFrame>) {
        let end = self.last.time.as_seconds() + 1.0 / HZ;
        let shift = *self.shift.get_or_insert(now - end);
        let mut due = self.due.unwrap_or(now);
        // After a pause of the program's own, only what is due now.
        due = due.max(now - 0.5);
        while due <= now {
            let display = Timestamp::from_seconds((due - shift).max(0.0));
            let frame = self.playout.as_mut().map_or(self.last, |playout| playout.show(display).frame);
            frames.push(FaceFrame { time: Timestamp::from_seconds(due), ..frame });
            due += 1.0 / HZ;
        }
        self.due = Some(due);
    }
}

#[cfg(test)]
mod tests {
    use visavis_codec::FaceUnit;

    use super::*;

    #[test]
    fn a_face_comes_to_rest_without_a_jump_and_goes_on_living() {
        let performed: Vec<FaceFrame> = (0..60)
            .map(|n| {
                let mut frame =
                    FaceFrame { time: Timestamp::from_seconds(f64::from(n) / HZ), ..FaceFrame::default() };
                *frame.latent.unit_mut(FaceUnit::JawOpen) = 0.5 + 0.2 * (f64::from(n) * 0.2).sin() as f32;
                frame
            })
            .collect();
        let mut rest = Rest::after(&performed);
        let mut frames = vec![*performed.last().unwrap()];
        // It had been played once before: the clock is 5 s ahead.
        for tick in 0..2000 {
            rest.advance(7.0 + f64::from(tick) * 0.01, &mut frames);
        }
        let jaw = |frame: &FaceFrame| frame.latent.unit(FaceUnit::JawOpen);
        let fastest = frames.windows(2).map(|pair| (jaw(&pair[1]) - jaw(&pair[0])).abs()).fold(0.0, f32::max);
        assert!(fastest < 0.1, "{fastest} in a frame");
        assert!(frames.len().abs_diff(601) <= 2, "{} frames in 20 s", frames.len());
        let late = &frames[90..];
        assert!(late.iter().all(|frame| jaw(frame) < 0.05), "at rest after 3 s");
        let most = |unit| late.iter().map(|frame| frame.latent.unit(unit)).fold(0.0, f32::max);
        assert!(most(FaceUnit::EyeBlinkLeft) > 0.7, "it blinks");
        let heads: Vec<f32> = late.iter().map(|frame| frame.head.translation.length()).collect();
        assert!(heads.iter().fold(0.0, |a: f32, b| a.max(*b)) > 1e-4, "it breathes");
        assert!(frames.windows(2).skip(1).all(|pair| pair[0].time < pair[1].time));
    }
}
