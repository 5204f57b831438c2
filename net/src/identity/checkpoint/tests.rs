use proptest::prelude::*;
use visavis_codec::Timestamp;

use super::*;
use crate::identity::key::EphemeralKey;

fn ms(ms: u64) -> Timestamp {
    Timestamp(1_000_000_000 + ms * 1_000_000)
}

fn payload(track: TrackId, counter: u64) -> Vec<u8> {
    [&[track.number()], counter.to_le_bytes().as_slice(), b"payload"].concat()
}

fn pair() -> (CheckpointWriter, CheckpointReader) {
    let writer = CheckpointWriter::new(EphemeralKey::generate(), ms(0));
    let reader = CheckpointReader::new(writer.public());
    (writer, reader)
}

fn send(writer: &mut CheckpointWriter, track: TrackId, counters: std::ops::Range<u64>, now: Timestamp) {
    counters.for_each(|counter| writer.note(track, counter, &payload(track, counter), now));
}

fn hear(
    reader: &mut CheckpointReader,
    track: TrackId,
    counters: impl IntoIterator<Item = u64>,
    now: Timestamp,
) -> Judged {
    let mut judged = Judged::default();
    counters.into_iter().for_each(|counter| {
        judged.merge(reader.note(track, counter, &payload(track, counter), now));
    });
    judged
}

#[test]
fn a_checkpoint_of_half_a_second_has_the_bytes_that_are_written_down() {
    // 30 faces and 25 sounds a second, ten minutes into a call: 27.5 objects each half second.
    let mut writer = CheckpointWriter::new(EphemeralKey::generate(), Timestamp(0));
    let (mut bytes, mut face, mut audio) = (0, 15_000u64, 12_500u64);
    let start = Timestamp(600_000_000_000);
    for i in 0..1200u64 {
        let now = Timestamp(start.0 + i * 500_000_000);
        send(&mut writer, TrackId::Face, face..face + 15, now);
        let sounds = 12 + i % 2;
        send(&mut writer, TrackId::Audio, audio..audio + sounds, now);
        (face, audio) = (face + 15, audio + sounds);
        let due = writer.due().unwrap();
        // The first three come sooner, because a voice begins.
        let wait = if i < 3 { 60_000_000 * i } else { 500_000_000 };
        assert_eq!(due, Timestamp(now.0 + wait));
        let message = 1 + writer.checkpoint(due).unwrap().len();
        bytes += message + TrackId::Proof.overhead(i);
    }
    let kbit_per_s = bytes as f64 * 8.0 / 600.0 / 1000.0;
    assert!(kbit_per_s < 3.5, "{kbit_per_s} kbit/s");
    assert!((3.25..3.40).contains(&kbit_per_s), "{kbit_per_s} kbit/s: CRYPTO.md says 3.3");
}

#[test]
fn what_was_sent_is_covered_whatever_is_lost_or_late() {
    let (mut writer, mut reader) = pair();
    send(&mut writer, TrackId::Face, 0..15, ms(0));
    send(&mut writer, TrackId::Audio, 0..12, ms(0));
    assert_eq!(hear(&mut reader, TrackId::Face, [0, 2, 1, 7, 14], ms(100)), Judged::default());
    hear(&mut reader, TrackId::Audio, [11, 3], ms(120));
    let judged = reader.accept(&writer.checkpoint(ms(500)).unwrap(), ms(540)).unwrap();
    assert_eq!((judged.covered, judged.contradicted, judged.overdue), (7, 0, 0));
    assert_eq!(judged.covered_arrival, Some(ms(120)));
    // Late ones are judged at once, after more checkpoints too.
    send(&mut writer, TrackId::Face, 15..30, ms(500));
    reader.accept(&writer.checkpoint(ms(1000)).unwrap(), ms(1040)).unwrap();
    let judged = hear(&mut reader, TrackId::Face, [9, 16], ms(1100));
    assert_eq!((judged.covered, judged.contradicted), (2, 0));
    assert_eq!(writer.checkpoint(ms(1500)), None, "nothing to sign for");
    assert_eq!(writer.due(), None);
}

#[test]
fn what_was_not_sent_is_contradicted() {
    let (mut writer, mut reader) = pair();
    send(&mut writer, TrackId::Face, 0..15, ms(0));
    reader.note(TrackId::Face, 3, b"forged", ms(50));
    reader.note(TrackId::Face, 4, &payload(TrackId::Face, 4), ms(50));
    let judged = reader.accept(&writer.checkpoint(ms(500)).unwrap(), ms(540)).unwrap();
    assert_eq!((judged.covered, judged.contradicted), (1, 1));
    assert_eq!(reader.note(TrackId::Face, 5, b"forged, late", ms(600)).contradicted, 1);
    // The same bytes under another counter or track are somebody else's doing too.
    assert_eq!(reader.note(TrackId::Face, 6, &payload(TrackId::Face, 7), ms(600)).contradicted, 1);
    reader.note(TrackId::Audio, 7, &payload(TrackId::Face, 7), ms(600));
    // A counter that its owner left out, between two that it names.
    send(&mut writer, TrackId::Face, 16..20, ms(500));
    reader.note(TrackId::Face, 15, b"forged", ms(610));
    let judged = reader.accept(&writer.checkpoint(ms(1000)).unwrap(), ms(1040)).unwrap();
    assert_eq!(judged.contradicted, 1);
    assert_eq!(reader.note(TrackId::Face, 15, b"forged", ms(1050)).contradicted, 1);
    // Ahead of all that was sent: nobody vouches for it, in the end.
    reader.note(TrackId::Face, 1000, b"forged", ms(1100));
    assert_eq!(reader.expire(ms(2600)).overdue, 1, "the sound");
    assert_eq!(reader.expire(ms(2601)).overdue, 1, "the face");
}

#[test]
fn a_lost_checkpoint_leaves_its_objects_unsigned_and_nothing_worse() {
    let (mut writer, mut reader) = pair();
    let mut contradicted = 0;
    for i in 0..10u64 {
        send(&mut writer, TrackId::Face, i * 15..i * 15 + 15, ms(i * 500));
        let now = ms(i * 500 + 20);
        contradicted += hear(&mut reader, TrackId::Face, i * 15..i * 15 + 15, now).contradicted;
        let checkpoint = writer.checkpoint(ms(i * 500 + 499)).unwrap();
        if i != 4 {
            let judged = reader.accept(&checkpoint, ms(i * 500 + 499)).unwrap();
            contradicted += judged.contradicted;
            assert_eq!(judged.covered, 15, "{i}");
        }
    }
    assert_eq!(contradicted, 0);
    assert_eq!(reader.held().0, 0, "the 15 of the lost one were given up");
}

#[test]
fn checkpoints_of_others_repeated_or_damaged_are_refused() {
    let (mut writer, mut reader) = pair();
    let mut lost = Vec::new();
    send(&mut writer, TrackId::Face, 0..3, ms(0));
    send(&mut writer, TrackId::Audio, 5..7, ms(0));
    let first = writer.checkpoint(ms(500)).unwrap();
    for bit in 0..first.len() * 8 {
        let mut changed = first.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(reader.accept(&changed, ms(500)).is_err(), "bit {bit}");
    }
    for length in 0..first.len() {
        assert!(reader.accept(&first[..length], ms(500)).is_err());
    }
    let (mut other, _) = pair();
    send(&mut other, TrackId::Face, 0..3, ms(0));
    let of_other = other.checkpoint(ms(500)).unwrap();
    assert!(matches!(reader.accept(&of_other, ms(500)), Err(CheckpointError::Signature(_))));
    send(&mut writer, TrackId::Face, 3..5, ms(500));
    let second = writer.checkpoint(ms(1000)).unwrap();
    reader.accept(&second, ms(1010)).unwrap();
    assert_eq!(reader.accept(&second, ms(1020)), Err(CheckpointError::Repeated { sequence: 1 }));
    // One may overtake another on the way, though.
    reader.note(TrackId::Face, 1, &payload(TrackId::Face, 1), ms(1025));
    assert_eq!(reader.accept(&first, ms(1030)).unwrap().covered, 1);
    assert_eq!(reader.accept(&first, ms(1030)), Err(CheckpointError::Repeated { sequence: 0 }));
    for i in 5..20u64 {
        send(&mut writer, TrackId::Face, i..i + 1, ms(i * 500));
        let checkpoint = writer.checkpoint(ms(i * 500)).unwrap();
        if i != 6 {
            reader.accept(&checkpoint, ms(i * 500)).unwrap();
        } else {
            lost = checkpoint;
        }
    }
    assert_eq!(reader.accept(&lost, ms(10_000)), Err(CheckpointError::Repeated { sequence: 3 }), "too old");
}

#[test]
fn a_flood_is_held_in_bounded_memory() {
    let (mut writer, mut reader) = pair();
    let judged = hear(&mut reader, TrackId::Face, 0..100_000, ms(0));
    assert_eq!(judged.overdue, 100_000 - 1024);
    assert_eq!(reader.held().0, 1024);
    send(&mut writer, TrackId::Face, 0..100_000, ms(0));
    assert_eq!(writer.due(), Some(ms(0)), "a full checkpoint doesn't wait");
    let mut checkpoints = 0;
    while let Some(checkpoint) = writer.checkpoint(ms(0)) {
        reader.accept(&checkpoint, ms(0)).unwrap();
        checkpoints += 1;
        assert!(checkpoint.len() < 2200 && reader.held().1 <= 8);
    }
    assert_eq!(checkpoints, 64);
    // What isn't live is nobody's business here.
    writer.note(TrackId::Avatar, 0, b"chunk", ms(0));
    assert_eq!(writer.due(), None);
    assert_eq!(reader.note(TrackId::Catalogue, 0, b"", ms(0)), Judged::default());
}

#[test]
fn counts_that_no_bytes_follow_reserve_nothing() {
    let key = EphemeralKey::generate();
    let sign = |body: &[u8]| {
        let signature = key.sign(&[MAGIC.as_slice(), body].concat());
        [body, &signature].concat()
    };
    let head = [&[0u8, 0][..], &[7; 8]].concat();
    let with =
        |rest: &[u8]| Checkpoint::verify(&sign(&[&head[..], rest].concat()), &key.public()).map(|_| ());
    assert_eq!(with(&[]), Ok(()));
    assert_eq!(with(&[1, 0, 1, 1, 2, 3, 4]), Ok(()));
    for wrong in [
        &[1u8, 0, 0][..],                                  // no objects
        &[1, 0, 2, 1, 2, 3, 4],                            // one tag short
        &[0, 0, 1, 1, 2, 3, 4],                            // the catalogue
        &[9, 0, 1, 1, 2, 3, 4],                            // no such track
        &[1, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], // 2⁴⁹ objects
        &[1, 0x80, 0, 1, 1, 2, 3, 4],                      // a long form
        &[1, 5, 1, 1, 2, 3, 4, 1, 6, 1, 1, 2, 3, 4],       // two runs that are one
        &[1, 5, 1, 1, 2, 3, 4, 1, 2, 1, 1, 2, 3, 4],       // backwards
        &[2, 5, 1, 1, 2, 3, 4, 1, 9, 1, 1, 2, 3, 4],       // tracks backwards
    ] {
        assert!(matches!(with(wrong), Err(CheckpointError::Malformed(_))), "{wrong:?}");
    }
}

/// An object, or a checkpoint.
type Event = Result<(TrackId, u64), Vec<u8>>;

proptest! {
    /// Whatever is lost, doubled, late or early, an honest sender is never contradicted, and what arrives is covered or,
    /// where its checkpoint was lost, given up.
    #[test]
    fn an_honest_sender_is_never_contradicted(
        lost in prop::collection::vec(0u8..100, 600),
        late in prop::collection::vec(0u64..400, 600),
        checkpoint_lost in prop::collection::vec(0u8..100, 20),
    ) {
        let (mut writer, mut reader) = pair();
        // (arrival, what)
        let mut events: Vec<(u64, Event)> = Vec::new();
        for i in 0..600u64 {
            let track = if i % 2 == 0 { TrackId::Face } else { TrackId::Audio };
            let (counter, now) = (i / 2, i * 18);
            writer.note(track, counter, &payload(track, counter), ms(now));
            if lost[i as usize] >= 20 {
                events.push((now + 10 + late[i as usize], Ok((track, counter))));
            }
            if let Some(due) = writer.due() && due <= ms(now + 17) {
                let checkpoint = writer.checkpoint(ms(now)).unwrap();
                if checkpoint_lost[(i / 30) as usize] >= 10 {
                    events.push((now + 60, Err(checkpoint)));
                }
            }
        }
        events.sort_by_key(|event| event.0);
        let mut judged = Judged::default();
        let mut arrived = 0;
        for (at, event) in &events {
            match event {
                Ok((track, counter)) => {
                    arrived += 1;
                    judged.merge(reader.note(*track, *counter, &payload(*track, *counter), ms(*at)));
                }
                Err(checkpoint) => judged.merge(reader.accept(checkpoint, ms(*at)).unwrap()),
            }
        }
        judged.merge(reader.expire(ms(1_000_000)));
        prop_assert_eq!(judged.contradicted, 0);
        prop_assert_eq!(judged.covered + judged.overdue, arrived);
        if checkpoint_lost.iter().all(|lost| *lost >= 10) {
            prop_assert!(judged.overdue <= 60, "only what came after the last: {}", judged.overdue);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let (_, mut reader) = pair();
        prop_assert!(reader.accept(&bytes, ms(0)).is_err());
    }
}
