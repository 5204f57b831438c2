use proptest::prelude::*;

use super::sealer::tests::fixed;
use super::*;

fn secret() -> CallSecret {
    CallSecret::from_bytes([1; 32])
}

fn pair(track: TrackId) -> (Sealer, Opener) {
    let mut seals = JoinSeals::new(&secret());
    let sealer = seals.sealer(track).unwrap();
    (sealer, Opener::new(&secret(), seals.join(), track))
}

fn seal(sealer: &mut Sealer, payload: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::new();
    sealer.seal(payload, &mut sealed).unwrap();
    sealed
}

fn open(opener: &mut Opener, sealed: &[u8]) -> Result<(u64, Vec<u8>), OpenError> {
    let mut opened = vec![9; 3];
    let result = opener.open(sealed, &mut opened).map(|counter| (counter, opened.clone()));
    assert!(result.is_ok() || opened.is_empty(), "what isn't authentic isn't given away");
    result
}

#[test]
fn every_track_opens_what_it_sealed_at_the_size_that_is_stated() {
    for track in TrackId::ALL {
        let (mut sealer, mut opener) = pair(track);
        for i in 0..70_000u64 {
            if i < 300 || i % 997 == 0 {
                let payload = vec![i as u8; (i % 1001) as usize];
                let sealed = seal(&mut sealer, &payload);
                assert_eq!(sealed.len(), payload.len() + track.overhead(i), "{track:?} {i}");
                assert_eq!(open(&mut opener, &sealed), Ok((i, payload)));
            } else {
                seal(&mut sealer, b"");
            }
        }
        assert_eq!(TrackId::from_name(track.name()), Some(track));
        assert_eq!(TrackId::from_number(track.number()), Some(track));
    }
    assert_eq!(TrackId::from_number(8), None);
    // What a call's ten minutes pay: one byte of configuration, two of counter, ten of tag.
    assert_eq!(
        [0, 8, 256, 18_000, 65_536].map(|counter| TrackId::Face.overhead(counter)),
        [11, 12, 13, 13, 14]
    );
    assert_eq!([0, 8, 256].map(|counter| TrackId::Catalogue.overhead(counter)), [17, 18, 19]);
}

#[test]
fn every_bit_counts_and_every_cut_is_noticed() {
    for track in TrackId::ALL {
        let (mut sealer, mut opener) = pair(track);
        for _ in 0..300 {
            seal(&mut sealer, b"");
        }
        let sealed = seal(&mut sealer, b"a face");
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&mut opener, &changed).is_err(), "{track:?}, bit {bit}");
        }
        for length in 0..sealed.len() {
            assert!(open(&mut opener, &sealed[..length]).is_err(), "{track:?}, {length} bytes");
        }
        assert!(open(&mut opener, &[&sealed[..], &[0]].concat()).is_err());
        // None of that kept the real one out.
        assert_eq!(open(&mut opener, &sealed), Ok((300, b"a face".to_vec())));
    }
}

#[test]
fn other_calls_joins_and_tracks_open_nothing() {
    let mut seals = JoinSeals::new(&secret());
    let join = *seals.join();
    let sealed = seal(&mut seals.sealer(TrackId::Face).unwrap(), b"a face");
    let forged = Err(OpenError::Forged);
    assert_eq!(
        open(&mut Opener::new(&CallSecret::from_bytes([2; 32]), &join, TrackId::Face), &sealed),
        forged
    );
    for track in TrackId::ALL.into_iter().filter(|track| *track != TrackId::Face) {
        assert!(open(&mut Opener::new(&secret(), &join, track), &sealed).is_err());
    }
    let other = JoinId { salt: Salt([0; 16]), ..join };
    assert_eq!(open(&mut Opener::new(&secret(), &other, TrackId::Face), &sealed), forged);
    let other = JoinId { participant: ParticipantId([0; 8]), ..join };
    assert_eq!(open(&mut Opener::new(&secret(), &other, TrackId::Face), &sealed), forged);
    assert!(open(&mut Opener::new(&secret(), &join, TrackId::Face), &sealed).is_ok());
}

#[test]
fn objects_open_once_in_any_order_within_the_window() {
    let (mut sealer, mut opener) = pair(TrackId::Audio);
    let sealed: Vec<_> = (0..2000u64).map(|i| seal(&mut sealer, &i.to_le_bytes())).collect();
    for &i in &[5usize, 3, 4, 900, 0, 1] {
        assert_eq!(open(&mut opener, &sealed[i]).unwrap().0, i as u64);
        assert_eq!(open(&mut opener, &sealed[i]), Err(OpenError::Replayed { counter: i as u64 }));
    }
    open(&mut opener, &sealed[1999]).unwrap();
    assert_eq!(open(&mut opener, &sealed[6]), Err(OpenError::TooOld { counter: 6 }));
    let oldest = 2000 - Opener::WINDOW as usize;
    assert!(open(&mut opener, &sealed[oldest]).is_ok());
    assert!(open(&mut opener, &sealed[oldest - 1]).is_err());
}

#[test]
fn a_chunk_of_an_avatar_may_come_again_and_at_any_time() {
    let (mut sealer, mut opener) = pair(TrackId::Avatar);
    let sealed: Vec<_> = (0..1200u64).map(|i| seal(&mut sealer, &i.to_le_bytes())).collect();
    for i in [1199usize, 0, 0, 600, 1199] {
        assert_eq!(open(&mut opener, &sealed[i]).unwrap().0, i as u64);
    }
}

#[test]
fn a_forged_counter_does_not_move_the_window() {
    let (mut sealer, mut opener) = pair(TrackId::Face);
    let first = seal(&mut sealer, b"a face");
    // Counter 2⁶⁴ − 1, as a header would have it.
    let mut forged = vec![0x0f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    forged.extend_from_slice(&[7; 40]);
    assert_eq!(open(&mut opener, &forged), Err(OpenError::Forged));
    assert!(open(&mut opener, &first).is_ok());
}

#[test]
fn an_object_that_is_too_large_is_not_looked_at() {
    let (_, mut opener) = pair(TrackId::Face);
    let found = MAX_PAYLOAD_BYTES + 1000;
    assert_eq!(open(&mut opener, &vec![0; found]), Err(OpenError::TooLarge { found }));
}

/// The format doesn't change by accident: bytes that this version makes of fixed keys.
#[test]
fn sealed_bytes_stay_what_they_are() {
    let join = JoinId { participant: ParticipantId([2; 8]), salt: Salt([3; 16]) };
    let sealed = |track| {
        let mut sealer = fixed(&secret(), &join, track);
        seal(&mut sealer, b"");
        crate::hex::Hex(&seal(&mut sealer, b"a face")).to_string()
    };
    let made = [secret().call_id().to_string(), sealed(TrackId::Face), sealed(TrackId::Catalogue)];
    assert_eq!(made, GOLDEN);
}
/// A call's name, a face and a catalogue, the second object of each.
const GOLDEN: [&str; 3] = [
    "73e00281a73cb314",
    "01cfe73d62438ec33189f57e5d139334bf",
    "01c06cf27ae91317c7880af2f46635b2fab905717701ac",
];

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..64), track in 0u8..8) {
        let track = TrackId::from_number(track).unwrap();
        let (_, mut opener) = pair(track);
        prop_assert!(open(&mut opener, &bytes).is_err());
    }

    #[test]
    fn what_is_sealed_opens(payload in prop::collection::vec(any::<u8>(), 0..2000)) {
        let (mut sealer, mut opener) = pair(TrackId::Face);
        let sealed = seal(&mut sealer, &payload);
        prop_assert_eq!(open(&mut opener, &sealed), Ok((0, payload)));
    }
}
