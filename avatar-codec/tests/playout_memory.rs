//! What play-out allocates: what it needs when it is made, and nothing after, whatever comes. One test: the counter is the
//! whole program's.

use peak_alloc::PeakAlloc;
use visavis_codec::playout::{Playout, PlayoutOptions};
use visavis_codec::testing::{Random, random_head, random_latent};
use visavis_codec::{FaceFrame, Timestamp};

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

const MOST: usize = 200_000;

#[test]
fn playing_allocates_nothing() {
    let nothing = ALLOCATED.current_usage();
    let mut playout = Playout::new(PlayoutOptions::default()).unwrap();
    let before = ALLOCATED.current_usage();
    let size = before - nothing + size_of::<Playout>();
    assert!((10_000..MOST).contains(&size), "{size} bytes: not bounded, or the counter doesn't count");
    let mut held = None;
    let mut random = Random::new(1);
    let mut moved = 0.0;
    for i in 0..20_000u64 {
        let frame = FaceFrame {
            time: Timestamp(i * 11_111_111),
            latent: random_latent(i % 7),
            head: random_head(i % 11),
        };
        let late = random.below(200_000_000) as u64;
        if i == 2000 {
            // By now the thread that started this one has allocated all that it will.
            held = Some(ALLOCATED.current_usage());
            ALLOCATED.reset_peak_usage();
        }
        // In order, with repeats, with bursts of loss, …
        if random.below(10) > 0 && i % 900 > 100 {
            playout.push(&frame, Timestamp(i * 11_111_111 + late)).unwrap();
            playout.push(&frame, Timestamp(i * 11_111_111 + late)).unwrap();
        }
        // … and now and then at any time at all.
        if i % 50 == 20 {
            let time = Timestamp(random.next_u64());
            playout.push(&FaceFrame { time, ..frame }, Timestamp(random.next_u64())).unwrap();
        }
        // A flood that nobody looks at.
        if i == 10_000 {
            for j in 0..100_000 {
                let time = Timestamp(i * 11_111_111 + j * 1000);
                playout.push(&FaceFrame { time, ..frame }, time).unwrap();
            }
        }
        if i == 15_000 {
            playout.restart();
        }
        moved += playout.show(Timestamp(i * 11_111_111 + 5_000_000)).frame.latent.units[7];
    }
    let peak = ALLOCATED.peak_usage();
    assert!(moved > 10.0);
    assert_eq!(Some(peak), held, "playing allocated");
    assert!(ALLOCATED.current_usage().abs_diff(before) < 4096, "playing allocated at first");
    eprintln!("{size} bytes a sender");
}
