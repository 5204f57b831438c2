//! Driving from what cameras saw: a segment of a capture, its residual from the pictures through the owner's driver.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use visavis_codec::latent::{MAX_RESIDUAL, UNITS};
use visavis_codec::train::{Capture, CaptureFrame};
use visavis_codec::{FaceFrame, Timestamp};

use super::recorder::Recorder;
use crate::avatar_file::AvatarFile;
use crate::eval::drive::drives;
use crate::eval::residual::Residual;
use crate::eval::vertices::VertexTruth;
use crate::{interrupt, progress};

/// Captures in this layout have so many frames a second.
pub(super) const FRAMES_A_SECOND: f64 = 30.0;
/// A frame that is missing for longer than this many is a gap that the face is held over.
const HELD: u32 = 10;

/// What was driven from a capture.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Driven {
    pub(crate) frames: u64,
    /// How many of them have a residual of their own pictures; the others lie between.
    pub(crate) encoded: u64,
}

/// Writes the frames of a segment. Units and gaze are the capture's; r is what the driver says of all of a frame's pictures,
/// and between frames that have any on a straight line.
pub(crate) fn drive(
    folder: &Path,
    segment: Option<&str>,
    driver: Option<&Path>,
    avatar: &AvatarFile,
    recorder: &mut Recorder,
) -> Result<Driven> {
    let capture = Capture::read(folder)?;
    let frames = frames_of(&capture, folder, segment)?;
    let mut residual = Residual::open(driver, avatar, None)?;
    if residual.is_none() {
        eprintln!("visavis: no driver of this avatar is at hand (--driver): r stays 0");
    }
    let vertices = residual.is_some().then(|| VertexTruth::open(&capture)).transpose()?;
    if let Some(vertices) = &vertices {
        vertices.check(&avatar.avatar).with_context(|| folder.display().to_string())?;
    }

    let bar = progress::bar(frames.len() as u64, "frames");
    let mut faces = Vec::with_capacity(frames.len());
    let mut known = Vec::new();
    let mut time = 0.0;
    for (index, frame) in frames.iter().enumerate() {
        interrupt::check()?;
        if let Some(before) = index.checked_sub(1).map(|before| frames[before].frame) {
            time += f64::from((frame.frame - before).min(HELD)) / FRAMES_A_SECOND;
        }
        let mut face = FaceFrame { time: Timestamp((time * 1e9).round() as u64), ..drives(frame).units };
        if let (Some(source), Some(vertices)) = (&mut residual, &vertices) {
            let positions = vertices.positions(&capture, frame)?;
            let before = source.encoded();
            let tracked = (vertices.render_vertices(), &positions[..]);
            face = source.drive(&avatar.avatar, &capture, frame, None, &face, tracked)?;
            if source.encoded() > before {
                known.push(index);
            }
        }
        faces.push(face);
        bar.inc(1);
    }
    bar.finish_and_clear();
    fill(&mut faces, &known);
    let driven = Driven { frames: faces.len() as u64, encoded: known.len() as u64 };
    recorder.write(&mut faces)?;
    Ok(driven)
}

/// A segment's frames in order.
fn frames_of<'c>(
    capture: &'c Capture,
    folder: &Path,
    segment: Option<&str>,
) -> Result<Vec<&'c CaptureFrame>> {
    let all = &capture.description.frames;
    let segments: BTreeSet<&str> = all.iter().map(|frame| frame.segment.as_str()).collect();
    let list = || segments.iter().copied().collect::<Vec<_>>().join(", ");
    let segment = match segment {
        Some(segment) => segment,
        None if segments.len() == 1 => segments.first().copied().unwrap_or_default(),
        None => bail!("{}: say which of its segments with --segment: {}", folder.display(), list()),
    };
    let mut frames: Vec<&CaptureFrame> = all.iter().filter(|frame| frame.segment == segment).collect();
    ensure!(!frames.is_empty(), "{}: no segment `{segment}`; it has {}", folder.display(), list());
    ensure!(
        frames.iter().all(|frame| frame.units.len() == UNITS),
        "{}: capture.json has no `units` for segment `{segment}`: a capture without them is driven once it is trained",
        folder.display()
    );
    frames.sort_by_key(|frame| frame.frame);
    frames.dedup_by_key(|frame| frame.frame);
    Ok(frames)
}

/// r between the frames that have one on a straight line, before the first and after the last as there.
fn fill(faces: &mut [FaceFrame], known: &[usize]) {
    let (Some(&first), Some(&last)) = (known.first(), known.last()) else { return };
    let residual = |faces: &[FaceFrame], at: usize| faces[at].latent.residual;
    for at in 0..faces.len() {
        if known.binary_search(&at).is_ok() {
            continue;
        }
        let next = known.partition_point(|&index| index < at);
        let [before, after] =
            [next.checked_sub(1).map_or(first, |i| known[i]), known.get(next).map_or(last, |i| *i)];
        let [from, to] = [residual(faces, before), residual(faces, after)];
        let seconds = |at: usize| faces[at].time.as_seconds();
        let span = (seconds(after) - seconds(before)).max(1e-9);
        let share = ((seconds(at) - seconds(before)) / span).clamp(0.0, 1.0) as f32;
        let mixed: [f32; MAX_RESIDUAL] = std::array::from_fn(|i| from[i] + (to[i] - from[i]) * share);
        faces[at].latent.residual = mixed;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_picture_shows_lies_between() {
        let mut faces = vec![FaceFrame::default(); 6];
        for (number, face) in faces.iter_mut().enumerate() {
            face.time = Timestamp(number as u64 * 100);
        }
        (faces[1].latent.residual[0], faces[4].latent.residual[0]) = (0.3, -0.6);
        fill(&mut faces, &[1, 4]);
        let found: Vec<f32> = faces.iter().map(|face| face.latent.residual[0]).collect();
        for (found, expected) in found.iter().zip([0.3, 0.3, 0.0, -0.3, -0.6, -0.6]) {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
        let mut none = vec![FaceFrame::default(); 3];
        fill(&mut none, &[]);
        assert_eq!(none, vec![FaceFrame::default(); 3]);
    }
}
