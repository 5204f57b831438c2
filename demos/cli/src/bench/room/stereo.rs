//! What the second eye costs.

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};
use visavis::Viewport;
use visavis::headless::Headless;
use visavis::stereo::{Eyes, Fov};
use visavis_codec::Avatar;
use visavis_codec::glam::{Affine3A, Vec3};

use crate::bench::face;
use crate::bench::stats::Samples;
use crate::{interrupt, progress};

/// An eye's field of view, radians: asymmetric as headsets have it, narrow enough that the head fills the picture as in
/// a conversation.
const LEFT: Fov = Fov { left: -0.30, right: 0.22, up: 0.26, down: -0.28 };

/// Measures frames of one eye and of two by turns.
pub(super) fn measure(
    headless: &mut Headless,
    avatar: &Avatar,
    size: u32,
    frames: u32,
) -> Result<Map<String, Value>> {
    let person = headless.load(avatar).context("loading the avatar into the engine")?;
    let mut instance = person.instance();
    let world_from_head =
        visavis::View::look_at(Vec3::new(0.0, 0.0, -0.8), Vec3::new(0.0, -0.03, 0.08), 0.5, 1.0, 0.05)
            .view_from_world
            .inverse();
    let right = Fov { left: -LEFT.right, right: -LEFT.left, ..LEFT };
    let eyes = Eyes::beside(world_from_head, 0.063, [LEFT, right], 0.05);
    let views = eyes.views().map(|view| Viewport::new(view, [size; 2]));

    let mut times: [Samples; 2] = Default::default();
    let (mut own, mut second) = (Samples::default(), Samples::default());
    let mut decodes = 0;
    let bar = progress::bar(u64::from(frames), "pairs of frames, one eye and two");
    for n in 0..super::WARM_UP + frames {
        interrupt::check()?;
        instance.set_pose(Affine3A::IDENTITY)?;
        let mut frame_ms = [0.0; 2];
        let mut shade_ms = 0.0;
        // Each goes first every other time.
        for half in 0..2 {
            let both = (half + n as usize) % 2;
            instance.set_frame(&face(n))?;
            let (timings, statistics) = headless.time_views(&[&instance], &views[..=both])?;
            frame_ms[both] = timings.frame_ms;
            if both == 0 {
                shade_ms = timings.shade_ms;
            } else {
                decodes = statistics.decoded;
            }
        }
        if n < super::WARM_UP {
            continue;
        }
        times[0].push(frame_ms[0]);
        times[1].push(frame_ms[1]);
        own.push(shade_ms);
        second.push(frame_ms[1] - frame_ms[0]);
        bar.inc(1);
    }
    bar.finish_and_clear();
    let ratio = second.quantile(0.5).zip(own.quantile(0.5)).map(|(second, own)| second / own);
    if let Some(ratio) = ratio {
        eprintln!("the second eye costs {ratio:.2} of one eye's raster and shading");
    }
    let mut report = Map::new();
    report.insert("second_eye_ratio".to_owned(), json!(ratio));
    report.insert("second_eye_decodes".to_owned(), json!(decodes));
    report.insert("one_eye_ms".to_owned(), times[0].to_json());
    report.insert("two_eyes_ms".to_owned(), times[1].to_json());
    report.insert("raster_and_shade_ms".to_owned(), own.to_json());
    Ok(report)
}
