//! What reading damaged copies of the shipped files allocates. One test: the counter is the whole program's.
#![cfg(feature = "encoder")]

#[path = "real_files/damage.rs"]
mod damage;

use std::cell::{Cell, RefCell};

use damage::{File, asset, damage, for_all};
use peak_alloc::PeakAlloc;
use visavis_codec::Avatar;
use visavis_codec::call::{CallReader, MAX_CHUNK_BYTES};
use visavis_codec::encoder::Driver;

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

const MIB: usize = 1 << 20;

/// Reads damaged copies of a file; none may take more than `times` its size and `beside` beyond what there was before.
fn reading_is_bounded(file: File, cases: u32, times: usize, beside: usize, read: impl Fn(&[u8])) {
    let size = file.bytes().len();
    let (file, largest) = (RefCell::new(file), Cell::new(0));
    for_all(cases, damage(), |damage| {
        file.borrow_mut().damaged(&damage, |bytes| {
            let before = ALLOCATED.current_usage();
            ALLOCATED.reset_peak_usage();
            read(bytes);
            let peak = ALLOCATED.peak_usage() - before;
            largest.set(largest.get().max(peak));
            let allowed = times * bytes.len() + beside;
            assert!(peak <= allowed, "{peak} bytes for a file of {}, allowed: {allowed}", bytes.len());
        });
    });
    assert!(largest.get() > size / 20, "{} bytes at most: no file got far enough", largest.get());
}

#[test]
fn memory_is_bounded_by_the_files_size() {
    // An avatar is held once and one more tensor beside it; its header of at most 256 KiB is taken apart as JSON.
    reading_is_bounded(File::safetensors(asset("avatars/wren.avatar")), 150, 2, 8 * MIB, |bytes| {
        let _ = Avatar::read(bytes);
        let _ = Avatar::read_prefix(bytes);
    });
    // A driver's graph is taken apart beside it, and its header of at most 64 KiB.
    reading_is_bounded(File::safetensors(asset("avatars/wren.driver")), 600, 2, 2 * MIB, |bytes| {
        let _ = Driver::read(bytes);
    });
    // Of a call, the senders' metadata as maps of texts, one chunk, and tables.
    let beside = MAX_CHUNK_BYTES as usize + MIB;
    reading_is_bounded(File::mcap(asset("calls/hello.mcap")), 200, 10, beside, |bytes| {
        for call in [CallReader::new(bytes), CallReader::recover(bytes)].into_iter().flatten() {
            let mut messages = call.messages();
            while !matches!(messages.next(), Ok(None)) {}
            for (sender, _) in call.senders() {
                let _ = call.faces(sender);
            }
        }
    });
}
