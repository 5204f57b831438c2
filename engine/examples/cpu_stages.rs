//! How long each stage of the CPU executor takes, on an avatar of the design's full size made of random numbers.
//!
//! `cargo run -p visavis --example cpu_stages [SIZE] [SECONDS]`: for one thread and for all, the minimum, median and
//! 90th percentile over interleaved runs, in milliseconds, on stderr.

use std::sync::Arc;
use std::time::{Duration, Instant};

use visavis::codec::glam::{Affine3A, vec3};
use visavis::codec::reference::View;
use visavis::codec::testing::{Preset, random_head, random_latent, synthetic_avatar};
use visavis::codec::{FaceFrame, Timestamp};
use visavis::cpu::{Instance, Layer, Placed, Renderer, Weights};

const WARM_UP: usize = 5;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1).filter_map(|argument| argument.parse::<u32>().ok());
    let size = arguments.next().unwrap_or(512);
    let seconds = arguments.next().unwrap_or(4);

    let avatar = synthetic_avatar(1, Preset::Full);
    let weights = Arc::new(Weights::new(&avatar));
    let mut instance = Instance::new(weights);
    let (mut renderer, mut layer) = (Renderer::new(), Layer::new());
    let view = View::look_at(vec3(0.15, 0.03, -0.9), vec3(0.0, -0.08, 0.07), 0.42, 1.0, 0.05);
    let all = rayon::ThreadPoolBuilder::new().build()?;

    for pool in [None, Some(&all)] {
        let mut stages = [const { Vec::new() }; 5];
        let mut covered = 0;
        let mut shaded = 0;
        let deadline = Instant::now() + Duration::from_secs(u64::from(seconds));
        for run in 0.. {
            if run > WARM_UP + 3 && Instant::now() > deadline {
                break;
            }
            let seed = run as u64 % 8;
            let face = FaceFrame { time: Timestamp(0), latent: random_latent(seed), head: random_head(seed) };
            let mut times = [0.0; 5];
            let mut last = Instant::now();
            let mut lap = |stage: usize| {
                let now = Instant::now();
                times[stage] = (now - last).as_secs_f64() * 1e3;
                last = now;
            };
            instance.decode_texture(&face, pool)?;
            lap(0);
            instance.pose(&face, pool)?;
            lap(1);
            let placed = [Placed { instance: &instance, world_from_rest: Affine3A::IDENTITY }];
            renderer.rasterize(&placed, &view, [size, size], &mut layer, pool)?;
            lap(2);
            shaded = renderer.render(&placed, &view, [size, size], &mut layer, pool)?.shaded_points;
            lap(3);
            times[4] = times[0] + times[1] + times[3];
            times[3] -= times[2];
            covered = layer.depth().iter().filter(|&&depth| depth > 0.0).count();
            if run >= WARM_UP {
                for (stage, time) in stages.iter_mut().zip(times) {
                    stage.push(time);
                }
            }
        }
        let threads = pool.map_or(1, rayon::ThreadPool::current_num_threads);
        eprintln!(
            "{threads} thread(s), {size}²: {} runs, {:.0} % covered, {shaded} points shaded, {:.1} MMAC decoded, {} MAC a point",
            stages[0].len(),
            100.0 * covered as f64 / f64::from(size * size),
            avatar.decode_macs() as f64 * 1e-6,
            avatar.pixel_macs(),
        );
        for (name, mut times) in ["decode", "skin", "raster", "shade", "frame"].into_iter().zip(stages) {
            times.sort_by(f64::total_cmp);
            let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
            eprintln!("  {name:>6}_ms  min {:6.2}  median {:6.2}  p90 {:6.2}", at(0.0), at(0.5), at(0.9));
        }
    }
    Ok(())
}
