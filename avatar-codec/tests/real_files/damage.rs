//! Damage to real files: what storage, tools and attackers do to them. It is done in place and undone, for some of the
//! files have megabytes.

use std::ops::Range;

use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::Value;

/// The bytes of a file that the repository ships, by its path under `assets`.
pub(crate) fn asset(path: &str) -> Vec<u8> {
    let path = format!("{}/../assets/{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Where damage is done; both choose among what a file has, whatever its size.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    region: Index,
    at: Index,
}

/// One change to a file's bytes.
#[derive(Clone, Debug)]
pub(crate) enum Edit {
    /// A bit turned round.
    Flip(Place, u8),
    /// Other bytes over what was there.
    Overwrite(Place, Vec<u8>),
    /// Bytes of the file over others of it.
    Copy { from: Place, to: Place, length: usize },
    /// A length, size or count that says something else.
    Claim(Index, u64),
}

/// What becomes of a file's end.
#[derive(Clone, Debug)]
pub(crate) enum End {
    Whole,
    /// At least one byte is missing.
    Cut(Index),
    Appended(Vec<u8>),
}

/// All that is done to a file.
#[derive(Clone, Debug)]
pub(crate) struct Damage {
    edits: Vec<Edit>,
    end: End,
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let noise = prop::collection::vec(any::<u8>(), 1..40);
    let same = (prop_oneof![Just(0u8), Just(0xff), any::<u8>()], 1usize..400).prop_map(|(b, n)| vec![b; n]);
    prop_oneof![noise, same]
}

fn edit() -> impl Strategy<Value = Edit> {
    let place = || (any::<Index>(), any::<Index>()).prop_map(|(region, at)| Place { region, at });
    let claim = prop_oneof![
        Just(u64::MAX),
        Just(u64::MAX >> 1),
        Just(1 << 40),
        Just(u64::from(u32::MAX)),
        0..1u64 << 26,
        any::<u64>()
    ];
    prop_oneof![
        3 => (place(), 0u8..8).prop_map(|(place, bit)| Edit::Flip(place, bit)),
        2 => (place(), bytes()).prop_map(|(place, bytes)| Edit::Overwrite(place, bytes)),
        1 => (place(), place(), 1usize..400).prop_map(|(from, to, length)| Edit::Copy { from, to, length }),
        2 => (any::<Index>(), claim).prop_map(|(count, value)| Edit::Claim(count, value)),
    ]
}

fn changed_end() -> impl Strategy<Value = End> {
    prop_oneof![any::<Index>().prop_map(End::Cut), bytes().prop_map(End::Appended)]
}

/// One to four edits; the end is changed, too, in one case of six.
pub(crate) fn damage() -> impl Strategy<Value = Damage> {
    let end = prop_oneof![5 => Just(End::Whole), 1 => changed_end()];
    (prop::collection::vec(edit(), 1..5), end).prop_map(|(edits, end)| Damage { edits, end })
}

/// Nothing but another end: cut anywhere, or followed by other bytes.
#[allow(dead_code)] // this module is part of two tests, and not both use all of it
pub(crate) fn other_end() -> impl Strategy<Value = Damage> {
    changed_end().prop_map(|end| Damage { edits: Vec::new(), end })
}

/// Bytes that are to be damaged, and what is known of them.
pub(crate) struct File {
    bytes: Vec<u8>,
    /// Stretches that are hit equally often, however short they are.
    regions: Vec<Range<usize>>,
    /// Numbers that say how much there is of something.
    counts: Vec<Count>,
}

enum Count {
    /// Low byte first.
    Binary(Range<usize>),
    /// ASCII digits.
    Decimal(Range<usize>),
}

impl File {
    /// A safetensors file: each tensor is hit as often as any other, the header as often as all of them.
    pub(crate) fn safetensors(bytes: Vec<u8>) -> Self {
        let start = 8 + length_at(&bytes, 0);
        let header: Value = serde_json::from_slice(&bytes[8..start]).unwrap();
        let mut regions = Vec::new();
        for tensor in header.as_object().unwrap().values().filter_map(|tensor| tensor.get("data_offsets")) {
            let [from, to] = [0, 1].map(|i| start + tensor[i].as_u64().unwrap() as usize);
            regions.extend([from..to, 0..start]);
        }
        regions.retain(|region| !region.is_empty());
        let mut counts = vec![Count::Binary(0..8)];
        let mut at = 8;
        while at < start {
            let digits = bytes[at..start].iter().take_while(|byte| byte.is_ascii_digit()).count();
            if digits > 0 {
                counts.push(Count::Decimal(at..at + digits));
            }
            at += digits + 1;
        }
        Self { bytes, regions, counts }
    }

    /// An MCAP file: each record is hit equally often, and its beginning as often as the rest.
    pub(crate) fn mcap(bytes: Vec<u8>) -> Self {
        let (mut regions, mut counts) = (Vec::new(), Vec::new());
        let mut at = 8;
        regions.push(0..at);
        while at + 9 < bytes.len() {
            let end = at + 9 + length_at(&bytes, at + 1);
            regions.extend([at..end, at..end.min(at + 64)]);
            counts.push(Count::Binary(at + 1..at + 9));
            // Of a chunk: its size uncompressed, after two times.
            if bytes[at] == 6 {
                counts.push(Count::Binary(at + 25..at + 33));
            }
            at = end;
        }
        Self { bytes, regions, counts }
    }

    /// A latent packet: its header is hit as often as the rest.
    #[allow(dead_code)] // as above
    pub(crate) fn packet(bytes: Vec<u8>) -> Self {
        let regions = vec![0..2, 0..bytes.len()];
        Self { bytes, regions, counts: vec![Count::Binary(0..2)] }
    }

    /// As it was made.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What `look` sees in the file with this damage, which is undone afterwards.
    pub(crate) fn damaged<R>(&mut self, damage: &Damage, look: impl FnOnce(&[u8]) -> R) -> R {
        let length = self.bytes.len();
        let mut patient = Patient { file: self, length, undo: Vec::new() };
        damage.edits.iter().for_each(|edit| patient.suffer(edit));
        let seen = match &damage.end {
            End::Whole => length,
            End::Cut(at) => at.index(length),
            End::Appended(more) => {
                patient.file.bytes.extend(more);
                patient.file.bytes.len()
            }
        };
        look(&patient.file.bytes[..seen])
    }

    fn place(&self, place: &Place) -> usize {
        let region = place.region.get(&self.regions);
        region.start + place.at.index(region.len())
    }
}

/// A damaged file; it heals when dropped, so that a case that panicked doesn't spoil the next.
struct Patient<'f> {
    file: &'f mut File,
    length: usize,
    /// What stood where, in the order in which it was overwritten.
    undo: Vec<(usize, Vec<u8>)>,
}

impl Patient<'_> {
    fn suffer(&mut self, edit: &Edit) {
        match edit {
            Edit::Flip(place, bit) => {
                let at = self.file.place(place);
                self.overwrite(at, &[self.file.bytes[at] ^ (1 << bit)]);
            }
            Edit::Overwrite(place, bytes) => self.overwrite(self.file.place(place), bytes),
            Edit::Copy { from, to, length } => {
                let from = self.file.place(from);
                let bytes = self.file.bytes[from..(from + length).min(self.length)].to_vec();
                self.overwrite(self.file.place(to), &bytes);
            }
            Edit::Claim(count, value) => match count.get(&self.file.counts) {
                Count::Binary(range) => {
                    let (range, bytes) = (range.clone(), value.to_le_bytes());
                    self.overwrite(range.start, &bytes[..range.len()]);
                }
                Count::Decimal(range) => {
                    let (start, length) = (range.start, range.len());
                    // As many digits as fit: the number's last ones, or nines.
                    let digits = match value {
                        &u64::MAX => "9".repeat(length),
                        _ => format!("{value:0length$}"),
                    };
                    self.overwrite(start, &digits.as_bytes()[digits.len() - length..]);
                }
            },
        }
    }

    fn overwrite(&mut self, at: usize, bytes: &[u8]) {
        let range = at..(at + bytes.len()).min(self.length);
        self.undo.push((at, self.file.bytes[range.clone()].to_vec()));
        let count = range.len();
        self.file.bytes[range].copy_from_slice(&bytes[..count]);
    }
}

impl Drop for Patient<'_> {
    fn drop(&mut self) {
        self.file.bytes.truncate(self.length);
        for (at, bytes) in self.undo.drain(..).rev() {
            self.file.bytes[at..at + bytes.len()].copy_from_slice(&bytes);
        }
    }
}

fn length_at(bytes: &[u8], at: usize) -> usize {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()) as usize
}

/// Tries `cases` cases; a failing one is made as simple as it can be before it is shown.
pub(crate) fn for_all<S: Strategy>(cases: u32, strategy: S, test: impl Fn(S::Value)) {
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let result = prop::test_runner::TestRunner::new(config).run(&strategy, |value| {
        test(value);
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}
