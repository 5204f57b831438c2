//! What reading an `.avatar` file allocates, whatever the file says. One test: the counter is the whole program's.

use peak_alloc::PeakAlloc;
use visavis_codec::Avatar;
use visavis_codec::testing::{Preset, Random, synthetic_avatar};

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// Reading may hold the avatar and one more tensor beside it: twice the file.
const TIMES_THE_FILE: usize = 2;
/// The header is at most 256 KiB; taken apart as JSON it takes up to 25 times as much.
const FOR_THE_HEADER: usize = 8 << 20;

/// Bytes that reading holds at its peak, beyond what was there before, the file's own bytes not counted.
fn peak_of_reading(file: &[u8]) -> (usize, bool) {
    let before = ALLOCATED.current_usage();
    ALLOCATED.reset_peak_usage();
    let is_read = Avatar::read(file).is_ok();
    (ALLOCATED.peak_usage() - before, is_read)
}

#[test]
fn memory_is_bounded_by_the_files_size() {
    let full = synthetic_avatar(1, Preset::Full).write().unwrap();
    let (peak, is_read) = peak_of_reading(&full);
    assert!(is_read);
    assert!(peak > full.len() / 2, "{peak} bytes: the counter doesn't count");
    assert!(peak <= TIMES_THE_FILE * full.len(), "{peak} bytes for a file of {}", full.len());

    let tiny = synthetic_avatar(1, Preset::Tiny).write().unwrap();
    let header = 8 + u64::from_le_bytes(tiny[..8].try_into().unwrap()) as usize;
    let mut random = Random::new(17);
    let mut files = Vec::new();
    for round in 0..1500 {
        // Digits become nines: shapes, offsets and counts of every size that the header has room for.
        let mut damaged = tiny.clone();
        for _ in 0..1 + round % 4 {
            let at = random.below(header);
            match damaged[at] {
                digit if digit.is_ascii_digit() => damaged[at] = b'9',
                _ if round % 3 == 0 => damaged[at] ^= 1 << random.below(8),
                _ => {}
            }
        }
        files.push(damaged);
    }
    let headers = [
        format!("{{\"a\":{}", "[".repeat(250_000)),
        format!("{{\"a\":[{}0]}}", "0,".repeat(125_000)),
        format!(
            "{{\"__metadata__\":{{{}\"z\":\"\"}}}}",
            (0..20_000).map(|i| format!("\"{i}\":\"\",")).collect::<String>()
        ),
        format!("{{{}\"z\":0}}", (0..25_000).map(|i| format!("\"{i}\":0,")).collect::<String>()),
        format!(
            "{{{}\"z\":0}}",
            (0..3_800)
                .map(|i| format!("\"{i}\":{{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}},"))
                .collect::<String>()
        ),
    ];
    for header in headers {
        assert!(header.len() <= 256 << 10, "{} bytes would be refused for their number", header.len());
        files.push([&(header.len() as u64).to_le_bytes(), header.as_bytes()].concat());
    }
    let mut largest = 0;
    for file in &files {
        let (peak, _) = peak_of_reading(file);
        largest = largest.max(peak);
        let allowed = TIMES_THE_FILE * file.len() + FOR_THE_HEADER;
        assert!(peak <= allowed, "{peak} bytes for a file of {}, allowed: {allowed}", file.len());
    }
    assert!(largest > tiny.len(), "some of the files must get far enough to be worth the test");
}
