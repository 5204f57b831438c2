//! What reading tracking allocates, whatever the file says. One test: the counter is the whole program's.

mod tracking;

use peak_alloc::PeakAlloc;
use visavis_codec::bitstream::plain_latent_model;
use visavis_codec::drive::live_link::{LiveLinkStream, read_csv};
use visavis_codec::drive::{Driver, DriverOptions};
use visavis_codec::testing::Random;

use tracking::{Performance, datagram, header, row};

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// A face takes some 550 bytes while a table is read; its row may have as few as 10.
const TIMES_THE_FILE: usize = 64;
const BESIDE: usize = 1 << 16;

fn peak_of(work: impl FnOnce()) -> usize {
    let before = ALLOCATED.current_usage();
    ALLOCATED.reset_peak_usage();
    work();
    ALLOCATED.peak_usage() - before
}

#[test]
fn memory_is_bounded_by_what_came_in() {
    let performance = Performance::hello();
    let mut random = Random::new(2);
    let whole =
        (0..600).map(|n| row(f64::from(n) / 30.0, &performance.values(f64::from(n) / 30.0, &mut random)));
    let whole = header() + &whole.collect::<String>();
    let peak = peak_of(|| assert!(read_csv(whole.as_bytes()).is_ok()));
    assert!(peak > 100_000, "{peak} bytes: the counter doesn't count");
    assert!(peak < 2 * whole.len(), "{peak} bytes for a recording of {}", whole.len());

    let lines = 50_000;
    let times = |n: usize| format!("{}:{}:{}:{}", n / 3600 % 24, n / 60 % 60, n % 60, n % 30);
    let dropouts: String = (0..lines).map(|n| times(n) + "\n").collect();
    let values: String = (0..lines).map(|n| times(n) + ",1\n").collect();
    let nonsense = "\n,".repeat(lines);
    let columns = "x,".repeat(8000);
    for table in [
        format!("Timecode,JawOpen\n{dropouts}"),
        format!("Timecode,JawOpen\n{values}"),
        format!("Timecode,JawOpen\n{nonsense}"),
        format!("Timecode,JawOpen,{columns}\n{values}"),
        format!("{columns}\n{values}"),
    ] {
        let peak = peak_of(|| drop(read_csv(table.as_bytes())));
        assert!(peak < TIMES_THE_FILE * table.len() + BESIDE, "{peak} bytes for {}", table.len());
    }

    // Frames that fill gaps are taken away as they come: a sample costs a second and a half of them at most.
    let mut driver = Driver::new(&plain_latent_model(0), DriverOptions::default()).unwrap();
    driver.set_clock(1.0 / 240.0, None);
    let (mut stream, mut frames) = (LiveLinkStream::default(), Vec::new());
    let peak = peak_of(|| {
        for n in 0..20_000 {
            let came = stream.receive(&datagram(f64::from(n) * 59.0, Some(&[0.5; 61]))).unwrap();
            driver.push(f64::from(n) * 59.0, None, came.signals.as_ref(), &mut frames);
            assert!(frames.len() < 100, "{}", frames.len());
            frames.clear();
            stream.receive(&[n as u8; 900]);
        }
    });
    assert!(peak < 1 << 17, "{peak} bytes for a live stream");
}
