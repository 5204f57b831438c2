//! What avatars that come and go cost the frames that go on.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};
use visavis::headless::Headless;
use visavis::{Instance, Residency, ResidencyOptions, Tier, View, Viewport};
use visavis_codec::Avatar;
use visavis_codec::avatar::Likeness;
use visavis_codec::glam::{Affine3A, Vec3};

use crate::avatar_file::AvatarFile;
use crate::bench::face;
use crate::bench::stats::Samples;
use crate::{interrupt, progress};

/// Seats on screen, and people who take turns on them.
const SEATS: usize = 2;
const PEOPLE: u32 = 6;
/// Frames a second that the host shows.
const FPS: f32 = 60.0;
/// A seat changes hands this often, frames: enough for an avatar to become whole.
const EVERY: u32 = 90;

/// The room: seats, who sits on each, and the avatars.
struct Room {
    residency: Residency<u32>,
    /// Who sits there, and their instance once there is something to draw.
    seats: [Option<(u32, Option<Instance>)>; SEATS],
    likeness: Arc<Likeness>,
    avatar: Arc<Avatar>,
    next: u32,
    frame: u32,
    arrived: [u32; 2],
    /// What packing and uploading took in each frame, milliseconds.
    advance: Samples,
    /// Who is whole at present, to see when one goes.
    whole: [bool; PEOPLE as usize],
    evicted: u32,
}

/// Measures frames in stretches with and without arrivals, by turns.
pub(super) fn measure(
    headless: &mut Headless,
    file: &AvatarFile,
    size: u32,
    frames: u32,
) -> Result<Map<String, Value>> {
    let Some(likeness) = file.avatar.likeness() else {
        let mut report = Map::new();
        report.insert("hot_swap_p99_ratio".to_owned(), Value::Null);
        report.insert("hot_swap_reason".to_owned(), json!("the avatar has no likeness"));
        return Ok(report);
    };
    let avatar = Arc::new(file.avatar.clone());
    let bytes = headless.load(&avatar).context("loading the avatar into the engine")?.bytes();
    // Room for those on the seats, one that is on its way, and half of another: somebody must go each time.
    let options = ResidencyOptions { budget_bytes: bytes * (2 * SEATS as u64 + 3) / 2, ..Default::default() };
    let mut room = Room {
        residency: Residency::new(headless.engine(), options),
        seats: Default::default(),
        likeness: Arc::new(likeness),
        avatar,
        next: 0,
        frame: 0,
        arrived: [0; 2],
        advance: Samples::default(),
        whole: Default::default(),
        evicted: 0,
    };
    let view = View::look_at(Vec3::new(0.0, 0.0, -1.1), Vec3::new(0.0, -0.03, 0.08), 0.5, 2.0, 0.05);
    let viewport = Viewport::new(view, [size, size / 2]);

    // Everybody sits down and becomes whole.
    for seat in 0..SEATS {
        room.sit(seat);
        for _ in 0..600 {
            room.step(headless, &viewport)?;
            if room.is_settled() {
                break;
            }
        }
    }
    anyhow::ensure!(room.is_settled(), "the avatars haven't arrived in {} frames", room.frame);
    let stretch = 2 * EVERY;
    let rounds = (frames * 8).div_ceil(stretch).max(2);
    let mut times: [Samples; 2] = Default::default();
    let bar = progress::bar(u64::from(rounds), "rounds of frames with and without arrivals");
    for round in 0..rounds {
        for half in 0..2 {
            let with = (half + round as usize) % 2;
            for n in 0..stretch {
                interrupt::check()?;
                if with == 1 && n % EVERY == 0 {
                    room.sit((n / EVERY) as usize % SEATS);
                }
                let time = room.step(headless, &viewport)?;
                times[with].push(time);
            }
            // What is still under way belongs to neither.
            for _ in 0..600 {
                if room.is_settled() {
                    break;
                }
                room.step(headless, &viewport)?;
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    let [steady, swapping] = &times;
    let quantile = |samples: &Samples, share| samples.quantile(share).unwrap_or(f64::NAN);
    let ratio = quantile(swapping, 0.99) / quantile(steady, 0.99);
    eprintln!(
        "while avatars come and go the 99th percentile of frame times is {ratio:.2} of that while none does ({} whole \
         avatars arrived)",
        room.arrived[1]
    );
    let stretch = |samples: &Samples| {
        json!({
            "median": samples.quantile(0.5), "p90": samples.quantile(0.9),
            "p99": samples.quantile(0.99), "max": samples.quantile(1.0),
        })
    };
    let mut report = Map::new();
    report.insert("hot_swap_p99_ratio".to_owned(), json!(ratio));
    report.insert("hot_swap_median_ratio".to_owned(), json!(quantile(swapping, 0.5) / quantile(steady, 0.5)));
    report.insert("steady_ms".to_owned(), stretch(steady));
    report.insert("swapping_ms".to_owned(), stretch(swapping));
    report.insert("hot_swap_packing_ms".to_owned(), stretch(&room.advance));
    report.insert("hot_swap_likenesses".to_owned(), json!(room.arrived[0]));
    report.insert("hot_swap_avatars".to_owned(), json!(room.arrived[1]));
    report.insert("hot_swap_evictions".to_owned(), json!(room.evicted));
    report.insert("hot_swap_bytes_a_frame".to_owned(), json!(options.bytes_a_frame));
    report.insert("person_bytes".to_owned(), json!(bytes));
    Ok(report)
}

impl Room {
    /// The next person sits down: their likeness has come in, and their avatar behind it.
    fn sit(&mut self, seat: usize) {
        let key = self.next % PEOPLE;
        self.next += 1;
        self.residency.feed_likeness(key, self.likeness.clone());
        self.residency.feed(key, self.avatar.clone());
        self.seats[seat] = Some((key, None));
    }

    /// Whether everybody who sits is whole and has faded in.
    fn is_settled(&self) -> bool {
        self.seats.iter().flatten().all(|(key, instance)| {
            let is_faded = instance.as_ref().is_some_and(|instance| instance.likeness() == 0.0);
            is_faded && self.residency.tier(key) == Some(Tier::Full) && !self.residency.is_arriving(key)
        })
    }

    /// One frame, as a host makes it; milliseconds.
    fn step(&mut self, headless: &mut Headless, viewport: &Viewport) -> Result<f64> {
        let start = Instant::now();
        let arrival = self.residency.advance(1.0 / FPS);
        self.advance.push(start.elapsed().as_secs_f64() * 1e3);
        if let Some(arrival) = arrival {
            match arrival.result.context("an avatar that arrives")? {
                Tier::Likeness => self.arrived[0] += 1,
                Tier::Full => self.arrived[1] += 1,
            }
        }
        self.frame += 1;
        for (seat, occupied) in self.seats.iter_mut().enumerate() {
            let Some((key, instance)) = occupied else { continue };
            if instance.is_none() {
                *instance = self.residency.instance(key);
            }
            let Some(instance) = instance else { continue };
            self.residency.attend(key, instance);
            let across = (seat as f32 - (SEATS as f32 - 1.0) / 2.0) * 0.5;
            instance.set_pose(Affine3A::from_translation(Vec3::X * across))?;
            instance.set_frame(&face(self.frame.wrapping_add(*key * 37)))?;
        }
        for (key, whole) in (0..PEOPLE).zip(&mut self.whole) {
            let is_whole = self.residency.tier(&key) == Some(Tier::Full);
            self.evicted += u32::from(*whole && !is_whole);
            *whole = is_whole;
        }
        let cast: Vec<&Instance> =
            self.seats.iter().flatten().filter_map(|(_, instance)| instance.as_ref()).collect();
        headless.time_views(&cast, &[*viewport])?;
        Ok(start.elapsed().as_secs_f64() * 1e3)
    }
}
