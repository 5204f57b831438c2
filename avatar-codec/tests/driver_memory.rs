//! What reading a `.driver` file allocates, whatever the file says. One test: the counter is the whole program's.
#![cfg(feature = "encoder")]

use peak_alloc::PeakAlloc;
use visavis_codec::Avatar;
use visavis_codec::encoder::{Driver, synthetic_driver};
use visavis_codec::testing::{Preset, Random, synthetic_avatar};

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// Reading holds the driver and takes its graph apart beside it: no more than twice the file.
const TIMES_THE_FILE: usize = 2;
/// The header is at most 64 KiB; taken apart as JSON it takes up to 25 times as much. A graph of at most 64 operators and
/// 128 constants has names and lists beside its numbers.
const FOR_THE_HEADER: usize = 2 << 20;

fn peak_of_reading(file: &[u8]) -> (usize, bool) {
    let before = ALLOCATED.current_usage();
    ALLOCATED.reset_peak_usage();
    let is_read = Driver::read(file).is_ok();
    (ALLOCATED.peak_usage() - before, is_read)
}

#[test]
fn reading_is_bounded_by_the_size_of_the_file() {
    let avatar = synthetic_avatar(1, Preset::Tiny);
    let root = Avatar::root_hash(&avatar.write().unwrap()).unwrap();
    let file = synthetic_driver(2, &avatar, root).write().unwrap();
    assert!(peak_of_reading(&file).1);
    let header = 8 + u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    let mut random = Random::new(17);
    let mut files = vec![file.clone()];
    for round in 0..1500 {
        let mut damaged = file.clone();
        for _ in 0..1 + round % 4 {
            let at = random.below(header);
            match damaged[at] {
                // Digits become nines: shapes, offsets and counts of every size that the header has room for.
                digit if digit.is_ascii_digit() => damaged[at] = b'9',
                _ if round % 3 == 0 => damaged[at] ^= 1 << random.below(8),
                _ => {}
            }
        }
        // Lengths and dimensions inside the graph become large.
        if round % 2 == 0 {
            let at = header + random.below(file.len() - header);
            damaged[at] |= 0x80;
        }
        files.push(damaged);
    }
    // A graph that is nothing but the shortest of fields: operators, constants, names.
    for field in [&[0x0a, 0x00][..], &[0x2a, 0x00], &[0x5a, 0x00]] {
        let body = field.repeat(1 << 16);
        let mut length = Vec::new();
        let mut rest = body.len();
        while rest > 0x7f {
            length.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        length.push(rest as u8);
        let graph = [&[0x3a][..], &length, &body].concat();
        let before = ALLOCATED.current_usage();
        ALLOCATED.reset_peak_usage();
        assert!(visavis_codec::encoder::Graph::read(&graph).is_err());
        let peak = ALLOCATED.peak_usage() - before;
        assert!(peak <= TIMES_THE_FILE * graph.len() + FOR_THE_HEADER, "{peak} bytes");
    }
    for file in &files {
        let (peak, _) = peak_of_reading(file);
        let allowed = TIMES_THE_FILE * file.len() + FOR_THE_HEADER;
        assert!(peak <= allowed, "{peak} bytes for a file of {}, allowed: {allowed}", file.len());
    }
}
