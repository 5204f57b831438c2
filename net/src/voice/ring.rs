//! A queue of samples between a sound device's callback and the rest: one side writes, the other reads, nobody waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

/// A bounded queue of samples for one writer and one reader, without locks: both sides only load and store numbers.
///
/// What doesn't fit is dropped and counted, and so is what isn't there when it is read.
#[derive(Clone, Debug)]
pub struct SampleRing {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// Samples by their bits.
    samples: Box<[AtomicU32]>,
    /// How many were ever written and read, modulo 2^64 (2^32 on small machines).
    written: AtomicUsize,
    read: AtomicUsize,
    overruns: AtomicUsize,
    underruns: AtomicUsize,
}

impl SampleRing {
    /// A queue of at least so many samples (the next power of two, at most 2²⁴).
    pub fn new(capacity: usize) -> Self {
        let capacity = capacity.clamp(1, 1 << 24).next_power_of_two();
        let samples = (0..capacity).map(|_| AtomicU32::new(0)).collect();
        let shared = Shared {
            samples,
            written: AtomicUsize::new(0),
            read: AtomicUsize::new(0),
            overruns: AtomicUsize::new(0),
            underruns: AtomicUsize::new(0),
        };
        Self { shared: Arc::new(shared) }
    }

    /// How many samples wait.
    pub fn len(&self) -> usize {
        let written = self.shared.written.load(Ordering::Acquire);
        written.wrapping_sub(self.shared.read.load(Ordering::Acquire))
    }

    /// Whether none does.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many more fit.
    pub fn room(&self) -> usize {
        self.shared.samples.len().saturating_sub(self.len())
    }

    /// Appends samples: the writer's alone. Returns how many fitted; the others are dropped.
    pub fn write(&self, samples: &[f32]) -> usize {
        let Shared { samples: places, written, overruns, .. } = &*self.shared;
        let count = samples.len().min(self.room());
        let at = written.load(Ordering::Relaxed);
        for (i, sample) in samples.iter().take(count).enumerate() {
            if let Some(place) = places.get(at.wrapping_add(i) & (places.len() - 1)) {
                place.store(sample.to_bits(), Ordering::Relaxed);
            }
        }
        written.store(at.wrapping_add(count), Ordering::Release);
        overruns.fetch_add(samples.len() - count, Ordering::Relaxed);
        count
    }

    /// Takes samples out: the reader's alone. What isn't there is silence; returns how many were.
    pub fn read(&self, out: &mut [f32]) -> usize {
        let Shared { samples: places, read, underruns, .. } = &*self.shared;
        let count = out.len().min(self.len());
        let at = read.load(Ordering::Relaxed);
        let (there, missing) = out.split_at_mut(count);
        for (i, out) in there.iter_mut().enumerate() {
            let place = places.get(at.wrapping_add(i) & (places.len() - 1));
            *out = place.map_or(0.0, |place| f32::from_bits(place.load(Ordering::Relaxed)));
        }
        read.store(at.wrapping_add(count), Ordering::Release);
        missing.fill(0.0);
        underruns.fetch_add(missing.len(), Ordering::Relaxed);
        count
    }

    /// Samples that didn't fit, and samples that weren't there, since the beginning.
    pub fn lost(&self) -> (usize, usize) {
        let Shared { overruns, underruns, .. } = &*self.shared;
        (overruns.load(Ordering::Relaxed), underruns.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_come_out_in_order_between_two_threads() {
        let ring = SampleRing::new(1000);
        let writer = ring.clone();
        let thread = std::thread::spawn(move || {
            let mut next = 0u32;
            while next < 100_000 {
                let block: Vec<f32> = (next..next + 77).map(|n| n as f32).collect();
                let fitted = writer.write(&block[..block.len().min(writer.room())]);
                next += fitted as u32;
                if fitted == 0 {
                    std::thread::yield_now();
                }
            }
        });
        let (mut expected, mut out) = (0u32, [0.0f32; 64]);
        while expected < 100_000 {
            let count = ring.read(&mut out);
            for &sample in &out[..count] {
                assert_eq!(sample, expected as f32);
                expected += 1;
            }
            if count == 0 {
                std::thread::yield_now();
            }
        }
        thread.join().unwrap();
    }

    #[test]
    fn what_does_not_fit_and_what_is_not_there_is_counted() {
        let ring = SampleRing::new(8);
        assert_eq!(ring.write(&[1.0; 10]), 8);
        let mut out = [9.0; 10];
        assert_eq!(ring.read(&mut out), 8);
        assert_eq!(out[7..], [1.0, 0.0, 0.0]);
        assert_eq!(ring.lost(), (2, 2));
        assert!(ring.is_empty() && ring.room() == 8);
    }
}
