//! Histograms before and after, and the face before and after.

use anyhow::{Context as _, Result};
use visavis_codec::expression::Usage;
use visavis_codec::{FaceFrame, FaceUnit, Latent};

use super::canvas::{Canvas, LETTER, LINE};
use crate::painter::{Behind, Painter};
use crate::render::Camera;
use crate::{interrupt, progress};

const PAPER: [u8; 3] = [250, 250, 248];
const INK: [u8; 3] = [40, 40, 44];
const BEFORE: [u8; 3] = [168, 172, 178];
const AFTER: [u8; 3] = [224, 122, 40];
const NEUTRAL: [u8; 3] = [60, 110, 200];
const WALL: [u8; 3] = [138, 141, 145];
/// Bars of a histogram, of 0..=1.
const BINS: usize = 40;
const BAR: usize = 5;
const HEIGHT: usize = 60;
const GAP: usize = 14;
const COLUMNS: usize = 6;

/// One histogram a unit: in each bin the share of frames before (grey) and after (orange, narrower), as its square root,
/// so that rare wide expressions are seen beside rest; a blue line at the person's neutral.
pub(super) fn histograms(before: &[FaceFrame], after: &[FaceFrame], usage: &Usage) -> Canvas {
    let (cell, row) = (BINS * BAR + GAP, LINE + HEIGHT + GAP);
    let rows = FaceUnit::ALL.len().div_ceil(COLUMNS);
    let mut canvas = Canvas::new(COLUMNS * cell + GAP, rows * row + GAP + LINE, PAPER);
    canvas.text([GAP, GAP / 2], "share of frames by weight 0 - 1  before", BEFORE);
    canvas.text([GAP + 41 * LETTER, GAP / 2], "after", AFTER);
    for unit in FaceUnit::ALL {
        let (left, top) = (GAP + unit as usize % COLUMNS * cell, GAP + LINE + unit as usize / COLUMNS * row);
        canvas.text([left, top], unit.name(), INK);
        let bottom = top + LINE + HEIGHT;
        for (frames, colour, width) in [(before, BEFORE, BAR), (after, AFTER, 2)] {
            for (bin, share) in shares(frames, unit).into_iter().enumerate() {
                let high = ((share.sqrt() * HEIGHT as f32).ceil() as usize).min(HEIGHT);
                canvas.fill([left + bin * BAR + (BAR - width) / 2, bottom - high], [width, high], colour);
            }
        }
        let neutral = (usage.unit(unit).neutral * (BINS * BAR) as f32) as usize;
        canvas.fill([left + neutral, bottom - 8], [1, 12], NEUTRAL);
        canvas.fill([left, bottom], [BINS * BAR, 1], INK);
    }
    canvas
}

/// The share of frames in each bin.
fn shares(frames: &[FaceFrame], unit: FaceUnit) -> [f32; BINS] {
    let mut shares = [0.0; BINS];
    for frame in frames {
        let bin = (frame.latent.unit(unit).clamp(0.0, 1.0) * BINS as f32) as usize;
        shares[bin.min(BINS - 1)] += 1.0 / frames.len() as f32;
    }
    shares
}

/// Four moments of the recording, as they were and tuned.
pub(super) fn sheet(
    painter: &mut Painter,
    before: &[FaceFrame],
    after: &[FaceFrame],
    size: u32,
) -> Result<Canvas> {
    use FaceUnit::*;
    let sum = |latent: &Latent, units: &[FaceUnit]| units.iter().map(|&unit| latent.unit(unit)).sum::<f32>();
    let blinks = |latent: &Latent| sum(latent, &[EyeBlinkLeft, EyeBlinkRight]);
    let rest = |latent: &Latent| {
        let looks = FaceUnit::ALL.into_iter().filter(|unit| unit.name().starts_with("eyeLook"));
        let looks: Vec<FaceUnit> = looks.collect();
        sum(latent, &looks) - sum(latent, &FaceUnit::ALL) - blinks(latent)
    };
    let smile = |latent: &Latent| {
        sum(latent, &[MouthSmileLeft, MouthSmileRight])
            - blinks(latent)
            - sum(latent, &[JawOpen, MouthFunnel])
    };
    let surprise = |latent: &Latent| {
        sum(latent, &[BrowInnerUp, BrowOuterUpLeft, BrowOuterUpRight, EyeWideLeft, EyeWideRight])
            - 2.0 * blinks(latent)
    };
    let talk = |latent: &Latent| sum(latent, &[JawOpen, JawOpen, MouthFunnel]) - blinks(latent);
    type Moment<'a> = (&'a str, &'a dyn Fn(&Latent) -> f32);
    let moments: [Moment<'_>; 4] =
        [("at rest", &rest), ("smile", &smile), ("surprise", &surprise), ("talk", &talk)];

    let side = size as usize;
    let mut canvas = Canvas::new(4 * side + 5 * GAP, 2 * (side + LINE + GAP) + GAP, PAPER);
    let bar = progress::bar(8, "pictures");
    let view = Camera { distance_m: 0.9, ..Camera::default() }.view(0.0, 1.0);
    for (column, (name, score)) in moments.into_iter().enumerate() {
        let best = (0..before.len())
            .max_by(|&a, &b| score(&before[a].latent).total_cmp(&score(&before[b].latent)))
            .context("no frame")?;
        for (row, (frames, state)) in [(before, "as is"), (after, "tuned")].into_iter().enumerate() {
            interrupt::check()?;
            let (left, top) = (GAP + column * (side + GAP), GAP + row * (side + LINE + GAP));
            canvas.text([left, top], &format!("{name} - {state}"), INK);
            let picture = painter.paint(&frames[best], &view, [size; 2], Behind::Colour(WALL))?;
            canvas.paste([left, top + LINE], side, picture);
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    Ok(canvas)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histograms_share_out_all_frames() {
        let mut frames = vec![FaceFrame::default(); 3];
        *frames[0].latent.unit_mut(FaceUnit::JawOpen) = 1.0;
        *frames[1].latent.unit_mut(FaceUnit::JawOpen) = 1.7;
        let shares = shares(&frames, FaceUnit::JawOpen);
        assert!((shares[BINS - 1] - 2.0 / 3.0).abs() < 1e-6 && (shares[0] - 1.0 / 3.0).abs() < 1e-6);
    }
}
