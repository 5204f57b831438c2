//! What reading a call allocates, whatever the file says. One test: the counter is the whole program's.

use peak_alloc::PeakAlloc;
use visavis_codec::Timestamp;
use visavis_codec::bitstream::plain_latent_model;
use visavis_codec::call::{CallReader, CallWriter, MAX_CHUNK_BYTES, MessageTimes, Sender, Voice};

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// The senders' metadata as maps of texts, taken apart: many short texts cost the most.
const TIMES_THE_FILE: usize = 10;
/// One chunk, and tables.
const BESIDE: usize = MAX_CHUNK_BYTES as usize + (1 << 20);

/// Bytes that going through a file's messages holds at its peak, beyond what was there before; and whether all was well.
fn peak_of_reading(file: &[u8]) -> (usize, bool) {
    let before = ALLOCATED.current_usage();
    ALLOCATED.reset_peak_usage();
    let is_read = CallReader::recover(file).is_ok_and(|call| {
        let mut messages = call.messages();
        loop {
            match messages.next() {
                Ok(Some(_)) => {}
                Ok(None) => return true,
                Err(_) => return false,
            }
        }
    });
    (ALLOCATED.peak_usage() - before, is_read)
}

#[test]
fn memory_is_bounded_by_the_files_size() {
    let hello = include_bytes!("../../assets/calls/hello.mcap");
    let (peak, is_read) = peak_of_reading(hello);
    assert!(is_read);
    assert!(peak > 50_000, "{peak} bytes: the counter doesn't count");
    assert!(peak < hello.len(), "{peak} bytes: a second of the call is much less than all of it");

    // The lengths of records and of what they hold, claimed to be anything.
    let mut state = 1u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    };
    // Without the end and its checksum, so that damage is met where it stands.
    let (starts, end) = record_starts(hello);
    let hello = &hello[..end];
    let mut files = Vec::new();
    // Every chunk claims the most that it may, and one byte more.
    for claim in [MAX_CHUNK_BYTES, MAX_CHUNK_BYTES + 1] {
        let mut damaged = hello.to_vec();
        for &start in starts.iter().filter(|&&start| hello[start] == 6) {
            damaged[start + 25..start + 33].copy_from_slice(&claim.to_le_bytes());
        }
        files.push(damaged);
    }
    for round in 0..200 {
        let mut damaged = hello.to_vec();
        for _ in 0..1 + round % 3 {
            let start = starts[random() % starts.len()];
            // A record's length, or one of the fields behind it (sizes of chunks and texts stand there).
            let at = start + 1 + random() % 56;
            let length = [4, 8][random() % 2].min(damaged.len() - at);
            let claim = [u64::MAX, 1 << 31, 1 << 40, MAX_CHUNK_BYTES, 1 << 20][random() % 5].to_le_bytes();
            damaged[at..at + length].copy_from_slice(&claim[..length]);
        }
        files.push(damaged);
    }
    let mut largest = 0;
    for file in &files {
        let (peak, _) = peak_of_reading(file);
        largest = largest.max(peak);
        let allowed = TIMES_THE_FILE * file.len() + BESIDE;
        assert!(peak <= allowed, "{peak} bytes for a file of {}, allowed: {allowed}", file.len());
    }
    assert!(largest >= MAX_CHUNK_BYTES as usize, "a chunk that claims the most it may must get far enough");
    check_sound();
}

/// Samples of a piece of sound.
const PIECE: usize = 1 << 16;
/// The sums of a piece, what was noted of the file, and tables.
const BESIDE_SOUND: usize = 8 * PIECE + (1 << 20);

/// Bytes that reading sound holds at its peak, and the sum of all samples' magnitudes.
fn peak_of_sound(file: &[u8], seconds: u64) -> (usize, u64) {
    let before = ALLOCATED.current_usage();
    ALLOCATED.reset_peak_usage();
    let call = CallReader::new(file).unwrap();
    let (sender, _) = call.senders().next().unwrap();
    let mut sound = call.sound(48_000, &[Voice { sender, shift: 0 }]).unwrap();
    let mut piece = vec![0; PIECE];
    let mut heard = 0;
    for first in (0..seconds as i64 * 48_000).step_by(PIECE) {
        sound.read(Timestamp(0), first, &mut piece).unwrap();
        heard += piece.iter().map(|sample| u64::from(sample.unsigned_abs())).sum::<u64>();
    }
    (ALLOCATED.peak_usage() - before, heard)
}

/// A call of many of the longest blocks, captured when `time` says (ms), in small chunks that compress very well.
fn blocks(count: u64, time: impl Fn(u64) -> u64) -> Vec<u8> {
    let mut call = CallWriter::new(std::io::Cursor::new(Vec::new())).unwrap();
    let id = call.add_sender(&Sender::new("x", "", plain_latent_model(0))).unwrap();
    for i in 0..count {
        let capture = Timestamp(time(i) * 1_000_000);
        // Ten to a chunk.
        let arrival = Timestamp(i * 100_000_000);
        call.write_audio(id, MessageTimes { capture, arrival }, &[1; 5760]).unwrap();
    }
    call.finish().unwrap().into_inner()
}

/// What reading sound holds, of blocks on top of one another, of calls of different lengths, and of blocks in no order.
fn check_sound() {
    // 58 MB of sound at one time: the file's size says little of it.
    let (peak, heard) = {
        let file = blocks(5000, |_| 40);
        assert!(file.len() < 2_000_000, "{} bytes", file.len());
        peak_of_sound(&file, 1)
    };
    assert_eq!(heard, 5000 * 5760, "every block is in the mix");
    let allowed = (1 << 20) + BESIDE_SOUND;
    assert!(peak < allowed, "{peak} bytes for overlapping blocks, allowed: {allowed}");

    // Ten minutes and forty, in order: the same memory.
    let (short, _) = peak_of_sound(&blocks(5000, |i| i * 120), 600);
    let (long, heard) = peak_of_sound(&blocks(20_000, |i| i * 120), 2400);
    assert_eq!(heard, 20_000 * 5760);
    assert!(long < allowed && long < short + (1 << 18), "{short} bytes for 10 minutes, {long} for 40");

    // Every chunk reaches over the whole call, and there are more of them than can be told apart.
    let scattered = blocks(45_000, |i| if i % 2 == 0 { 0 } else { 3000 });
    let (peak, heard) = peak_of_sound(&scattered, 4);
    assert_eq!(heard, 45_000 * 5760);
    assert!(peak < allowed, "{peak} bytes for scattered blocks, allowed: {allowed}");
}

/// Where the records of the data section begin, and where it ends.
fn record_starts(file: &[u8]) -> (Vec<usize>, usize) {
    let (mut starts, mut at) = (Vec::new(), 8);
    while file[at] != 0x0f {
        starts.push(at);
        at += 9 + u64::from_le_bytes(file[at + 1..at + 9].try_into().unwrap()) as usize;
    }
    (starts, at)
}
