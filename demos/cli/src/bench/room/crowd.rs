//! What crowds cost.

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};
use visavis::headless::{Background, Headless};
use visavis::{Detail, Thresholds};
use visavis_codec::Avatar;
use visavis_codec::glam::{Affine3A, Vec3};

use super::chart::{Curve, Panel};
use super::stage::Stage;
use super::{Arguments, WARM_UP};
use crate::bench::stats::Samples;
use crate::{interrupt, progress};

/// What a crowd of one size took.
struct Cost {
    avatars: u32,
    frame: Samples,
    gpu_bytes: Option<u64>,
    host_bytes: Option<u64>,
    report: Value,
}

/// Measures every size, with level of detail and without.
pub(super) fn measure(
    new_headless: &dyn Fn() -> Result<Headless>,
    avatar: &Avatar,
    arguments: &Arguments,
) -> Result<Map<String, Value>> {
    let by_pixels = Detail::ByPixels(Thresholds::default());
    let mut costs: [Vec<Cost>; 2] = Default::default();
    for &avatars in &arguments.avatars {
        for (detail, costs) in [by_pixels, Detail::Full].into_iter().zip(&mut costs) {
            let mut headless = new_headless()?;
            headless.engine().set_detail(detail);
            // The full level is there to compare with, and 64 of them take a second.
            let frames = match detail {
                Detail::Full => (arguments.frames / avatars.max(1).ilog2().max(1)).max(3),
                _ => arguments.frames,
            };
            let picture = arguments
                .picture
                .as_deref()
                .filter(|_| detail != Detail::Full && arguments.avatars.iter().max() == Some(&avatars));
            costs.push(one(&mut headless, avatar, arguments, avatars, frames, picture)?);
        }
    }
    let [crowd, full] = &costs;
    eprintln!("avatars  by pixels: ms    MB     full level: ms    MB");
    for (ours, full) in crowd.iter().zip(full) {
        let [a, b] = [ours, full].map(|cost| cost.frame.quantile(0.5).unwrap_or(f64::NAN));
        let [c, d] = [ours, full].map(|cost| cost.gpu_bytes.map_or(f64::NAN, |bytes| bytes as f64 / 1e6));
        eprintln!("{:>7}  {a:>13.1} {c:>5.0} {b:>18.1} {d:>5.0}", ours.avatars);
    }
    let mut report = Map::new();
    report.insert("crowd".to_owned(), crowd.iter().map(|cost| cost.report.clone()).collect());
    report.insert("crowd_full".to_owned(), full.iter().map(|cost| cost.report.clone()).collect());
    for (name, of) in [
        ("gpu_bytes_per_extra_avatar", (|cost: &Cost| cost.gpu_bytes) as fn(&Cost) -> Option<u64>),
        ("host_bytes_per_extra_avatar", |cost: &Cost| cost.host_bytes),
    ] {
        report.insert(name.to_owned(), json!(per_extra(crowd, of)));
        report.insert(format!("{name}_full"), json!(per_extra(full, of)));
    }
    let (seen, culled) = culling(&mut new_headless()?, avatar, arguments)?;
    report.insert("one_seen_ms".to_owned(), seen.to_json());
    report.insert("one_seen_63_culled_ms".to_owned(), culled.to_json());
    if let Some(path) = &arguments.chart {
        let curve = |name, costs: &[Cost], of: &dyn Fn(&Cost) -> Option<f64>| Curve {
            name,
            points: costs.iter().filter_map(|cost| Some((cost.avatars, of(cost)?))).collect(),
        };
        let frame = |cost: &Cost| cost.frame.quantile(0.5);
        let bytes = |cost: &Cost| cost.gpu_bytes.map(|bytes| bytes as f64 / 1e6);
        let panels = [
            Panel {
                title: "ms a frame over avatars (log)",
                curves: vec![curve("detail by pixels", crowd, &frame), curve("full level", full, &frame)],
            },
            Panel {
                title: "MB on the GPU over avatars (log)",
                curves: vec![curve("detail by pixels", crowd, &bytes), curve("full level", full, &bytes)],
            },
        ];
        super::chart::write(&panels, path)?;
        report.insert("chart".to_owned(), json!(path));
    }
    Ok(report)
}

fn one(
    headless: &mut Headless,
    avatar: &Avatar,
    arguments: &Arguments,
    avatars: u32,
    frames: u32,
    picture: Option<&std::path::Path>,
) -> Result<Cost> {
    let person = headless.load(avatar).context("loading the avatar into the engine")?;
    let mut stage = Stage::new(&person, avatars as usize);
    let viewport = stage.viewport([arguments.width, (arguments.width * 9 / 16).max(16)]);
    let mut stages: [Samples; 5] = Default::default();
    let mut sums = [0usize; 3];
    let mut levels = [0; 4];
    let bar = progress::bar(u64::from(frames), &format!("frames of {avatars}"));
    for n in 0..WARM_UP + frames {
        interrupt::check()?;
        stage.play(n)?;
        let (timings, statistics) = headless.time_views(&stage.cast(), &[viewport])?;
        if n < WARM_UP {
            continue;
        }
        let times = [
            timings.frame_ms,
            timings.decode_ms,
            timings.skin_ms.unwrap_or(0.0),
            timings.shade_ms,
            timings.composite_ms,
        ];
        stages.iter_mut().zip(times).for_each(|(samples, time)| samples.push(time));
        for (sum, count) in sums.iter_mut().zip([statistics.decoded, statistics.held, statistics.vertices]) {
            *sum += count;
        }
        levels = statistics.levels;
        bar.inc(1);
    }
    bar.finish_and_clear();
    if let Some(path) = picture {
        let light = [0.55, 0.58, 0.62];
        let [width, height] = viewport.size;
        let rgba = headless
            .render(
                &stage.cast(),
                &viewport.view,
                viewport.size,
                Background::Gradient(light, [0.25, 0.26, 0.28]),
            )
            .context("rendering")?
            .rgba
            .to_vec();
        image::save_buffer(path, &rgba, width, height, image::ExtendedColorType::Rgba8)
            .with_context(|| format!("{}: can't be written", path.display()))?;
    }
    let (gpu_bytes, host_bytes) = (headless.gpu_bytes(), host_bytes());
    let [frame, decode, skin, shade, composite] = stages;
    let mean = |sum: usize| sum as f64 / f64::from(frames);
    let report = json!({
        "avatars": avatars,
        "frame_ms": frame.quantile(0.5),
        "frame_ms_p10": frame.quantile(0.1),
        "frame_ms_p90": frame.quantile(0.9),
        "gpu_bytes": gpu_bytes,
        "host_bytes": host_bytes,
        "decode_ms": decode.quantile(0.5),
        "skin_ms": skin.quantile(0.5),
        "raster_and_shade_ms": shade.quantile(0.5),
        "composite_ms": composite.quantile(0.5),
        "decodes": mean(sums[0]),
        "held": mean(sums[1]),
        "vertices": mean(sums[2]),
        "levels": levels,
        "width": viewport.size[0],
        "height": viewport.size[1],
        "frames": frames,
    });
    Ok(Cost { avatars, frame, gpu_bytes, host_bytes, report })
}

/// Frames of one avatar, and of one with 63 others behind the camera, by turns.
fn culling(headless: &mut Headless, avatar: &Avatar, arguments: &Arguments) -> Result<(Samples, Samples)> {
    let person = headless.load(avatar).context("loading the avatar into the engine")?;
    let mut stage = Stage::new(&person, 64);
    let viewport = Stage::new(&person, 1).viewport([arguments.width, (arguments.width * 9 / 16).max(16)]);
    for (n, instance) in stage.cast.iter_mut().enumerate() {
        let at = if n == 0 { Vec3::ZERO } else { Vec3::new(n as f32 * 0.1, 0.0, -6.0) };
        instance.set_pose(Affine3A::from_translation(at))?;
    }
    let mut times: [Samples; 2] = Default::default();
    for n in 0..WARM_UP + arguments.frames {
        interrupt::check()?;
        stage.play(n)?;
        let cast = stage.cast();
        for half in 0..2 {
            let all = (half + n as usize) % 2;
            let (timings, _) = headless.time_views(&cast[..if all == 1 { 64 } else { 1 }], &[viewport])?;
            if n >= WARM_UP {
                times[all].push(timings.frame_ms);
            }
        }
    }
    let [one, all] = times;
    Ok((one, all))
}

/// What each avatar beyond the smallest crowd takes.
fn per_extra(costs: &[Cost], of: fn(&Cost) -> Option<u64>) -> Option<f64> {
    let (first, last) = (costs.first()?, costs.last()?);
    let extra = last.avatars.checked_sub(first.avatars).filter(|&extra| extra > 0)?;
    Some((of(last)? as f64 - of(first)? as f64) / f64::from(extra))
}

/// This process's memory, where the system tells.
fn host_bytes() -> Option<u64> {
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
    Some(pages.split(' ').nth(1)?.parse::<u64>().ok()? * 4096)
}
