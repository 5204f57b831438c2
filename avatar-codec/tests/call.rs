//! The recorded call through its public face: round trips, cut files, damaged files, hostile files.

use std::io::Cursor;

use proptest::prelude::*;
use visavis_codec::bitstream::{LatentWriter, Quantiser, ReadPacketError, WriterOptions, plain_latent_model};
use visavis_codec::call::{
    AudioFormat, AvatarMismatch, CallBody, CallReader, CallWriter, JoinStatement, MAX_CHUNK_BYTES,
    MessageTimes, ReadCallError, RecordError, Sender, SenderId, Voice, WriteCallError,
};
use visavis_codec::{FaceFrame, Timestamp};

static HELLO: &[u8] = include_bytes!("../../assets/calls/hello.mcap");

const FRAME: u64 = 33_333_000;
const BLOCK: u64 = 20_000_000;

/// What a call was made of.
struct Made {
    file: Vec<u8>,
    senders: [Sender; 2],
    frames: Vec<FaceFrame>,
    samples: Vec<i16>,
}

/// Two senders; the second speaks too, and its messages arrive 80 ms late.
fn make(seconds: u64) -> Made {
    let mut ann = Sender::new("ann", "Ann", plain_latent_model(2));
    ann.avatar_root = Some([7; 32]);
    let mut bob = Sender::new("bob.2", "", plain_latent_model(0));
    bob.audio = AudioFormat { sample_rate: 16_000 };
    let mut call = CallWriter::new(Cursor::new(Vec::new())).unwrap();
    let ids = [call.add_sender(&ann).unwrap(), call.add_sender(&bob).unwrap()];
    let join = JoinStatement { statement: "00ff".into(), ..JoinStatement::default() };
    call.write_join(ids[0], MessageTimes::at_once(Timestamp(0)), &join).unwrap();

    let mut writers =
        [&ann, &bob].map(|s| LatentWriter::new(Quantiser::new(&s.latent).unwrap(), WriterOptions::stream()));
    let (mut frames, mut samples, mut packet) = (Vec::new(), Vec::new(), Vec::new());
    let (mut next_frame, mut next_block) = (0, 0);
    while next_frame < seconds * 1_000_000_000 {
        if next_block <= next_frame {
            let block: Vec<i16> = (0..320).map(|i| ((next_block / 7919 + i * i) % 20_000) as i16).collect();
            let times =
                MessageTimes { capture: Timestamp(next_block), arrival: Timestamp(next_block + 80_000_000) };
            call.write_audio(ids[1], times, &block).unwrap();
            samples.extend(block);
            next_block += BLOCK;
        } else {
            let mut frame = FaceFrame { time: Timestamp(next_frame), ..FaceFrame::default() };
            frame.latent.units[17] = (next_frame as f32 * 1e-9).sin().abs();
            for (id, writer) in ids.into_iter().zip(&mut writers) {
                writer.write(&frame, &mut packet).unwrap();
                call.write_face(id, MessageTimes::at_once(frame.time), &packet).unwrap();
            }
            frames.push(frame);
            next_frame += FRAME;
        }
    }
    Made { file: call.finish().unwrap().into_inner(), senders: [ann, bob], frames, samples }
}

/// So many samples of a sender's sound from a time on, at the sender's rate.
fn sound_of(
    call: &CallReader<'_>,
    sender: SenderId,
    start: u64,
    samples: usize,
) -> Result<Vec<i16>, ReadCallError> {
    let rate = call.senders().find(|(id, _)| *id == sender).unwrap().1.audio.sample_rate;
    let mut out = vec![0; samples];
    call.sound(rate, &[Voice { sender, shift: 0 }])?.read(Timestamp(start), 0, &mut out)?;
    Ok(out)
}

/// Reads everything that a file has; how many messages that was.
fn read_all(call: &CallReader<'_>) -> Result<usize, ReadCallError> {
    let mut count = 0;
    let mut messages = call.messages();
    while messages.next()?.is_some() {
        count += 1;
    }
    for (id, _) in call.senders() {
        call.faces(id)?;
        sound_of(call, id, 0, 1000)?;
    }
    Ok(count)
}

#[test]
fn what_was_recorded_comes_back() {
    let made = make(3);
    let call = CallReader::new(&made.file).unwrap();
    assert!(call.is_whole());
    assert_eq!(call.senders().map(|(_, sender)| sender.clone()).collect::<Vec<_>>(), made.senders);
    let [(ann, _), (bob, _)] = [call.sender("ann").unwrap(), call.sender("bob.2").unwrap()];
    for (id, sender) in [(ann, &made.senders[0]), (bob, &made.senders[1])] {
        let quantiser = Quantiser::new(&sender.latent).unwrap();
        let faces = call.faces(id).unwrap();
        assert_eq!(faces.len(), made.frames.len());
        for (face, sent) in faces.iter().zip(&made.frames) {
            let snapped = quantiser.snap(sent, WriterOptions::stream().rung).unwrap();
            assert!(face.time.0.abs_diff(sent.time.0) <= 50_000);
            assert_eq!(*face, FaceFrame { time: face.time, ..snapped });
        }
    }
    assert_eq!(call.sound(48_000, &[Voice { sender: ann, shift: 0 }]).unwrap().span(), None);
    assert_eq!(sound_of(&call, bob, 0, made.samples.len()).unwrap(), made.samples);
    assert_eq!(sound_of(&call, bob, BLOCK, 320).unwrap(), made.samples[320..640]);
    let span = call.sound(16_000, &[Voice { sender: bob, shift: 0 }]).unwrap().span();
    assert_eq!(span, Some((Timestamp(0), Timestamp(150 * BLOCK))));

    let mut messages = call.messages();
    let first = messages.next().unwrap().unwrap();
    assert_eq!(first.sender, ann);
    assert_eq!(first.body.join().unwrap().statement, "00ff");
    let (mut late, mut blocks) = (0, 0);
    while let Some(message) = messages.next().unwrap() {
        if let CallBody::Audio(_) = message.body {
            blocks += 1;
            late += u32::from(message.times.arrival.0 - message.times.capture.0 == 80_000_000);
        }
    }
    assert_eq!((late, blocks), (150, 150));
}

#[test]
fn an_avatar_that_is_not_the_senders_is_noticed() {
    let made = make(1);
    let call = CallReader::new(&made.file).unwrap();
    let (ann, bob) = (call.sender("ann").unwrap().1, call.sender("bob.2").unwrap().1);
    assert_eq!(ann.check_avatar(&[7; 32], &plain_latent_model(2)), Ok(()));
    assert_eq!(ann.check_avatar(&[8; 32], &plain_latent_model(2)), Err(AvatarMismatch::Root));
    assert_eq!(bob.check_avatar(&[8; 32], &plain_latent_model(0)), Ok(()));
    assert_eq!(bob.check_avatar(&[8; 32], &plain_latent_model(1)), Err(AvatarMismatch::LatentModel));
}

#[test]
fn a_cut_file_is_refused_or_read_up_to_its_last_whole_chunk() {
    let made = make(3);
    let whole = read_all(&CallReader::new(&made.file).unwrap()).unwrap();
    let mut most = 0;
    for length in (0..made.file.len()).rev().step_by(made.file.len() / 150) {
        let cut = &made.file[..length];
        assert!(
            matches!(CallReader::new(cut), Err(ReadCallError::Truncated { .. } | ReadCallError::NotMcap)),
            "{length} of {} bytes",
            made.file.len()
        );
        if let Ok(call) = CallReader::recover(cut) {
            assert!(!call.is_whole());
            let count = read_all(&call).unwrap();
            assert!(count <= whole && (most == 0 || count <= most));
            most = if most == 0 { count } else { most.min(count) };
        }
    }
    // Cut within the last second of data, the seconds before it are there.
    let call = CallReader::recover(&made.file[..made.file.len() * 3 / 4]).unwrap();
    assert!(call.faces(call.sender("ann").unwrap().0).unwrap().len() >= 28);
}

#[test]
fn any_damage_to_a_byte_is_noticed() {
    let made = make(1);
    for at in 0..made.file.len() {
        let mut damaged = made.file.clone();
        damaged[at] ^= 1 << (at % 8);
        assert!(CallReader::new(&damaged).is_err(), "byte {at} of {}", damaged.len());
    }
}

#[test]
fn senders_and_messages_that_make_no_sense_are_refused() {
    let mut call = CallWriter::new(Cursor::new(Vec::new())).unwrap();
    let good = Sender::new("wren", "Wren", plain_latent_model(0));
    let refused = |call: &mut CallWriter<_>, change: fn(&mut Sender)| {
        let mut sender = good.clone();
        change(&mut sender);
        call.add_sender(&sender).unwrap_err()
    };
    assert!(matches!(refused(&mut call, |s| s.name = "a/b".into()), WriteCallError::Name { .. }));
    assert!(matches!(refused(&mut call, |s| s.name.clear()), WriteCallError::Name { .. }));
    assert!(matches!(refused(&mut call, |s| s.latent.residual = 9), WriteCallError::LatentModel { .. }));
    assert!(matches!(refused(&mut call, |s| s.audio.sample_rate = 1), WriteCallError::SampleRate { .. }));
    let id = call.add_sender(&good).unwrap();
    assert!(matches!(refused(&mut call, |_| ()), WriteCallError::DuplicateSender(_)));

    let times = MessageTimes::at_once(Timestamp(0));
    let error = call.write_face(id, times, &[]).unwrap_err();
    assert!(matches!(error, WriteCallError::Packet { error: ReadPacketError::TooShort { .. }, .. }));
    assert!(matches!(call.write_audio(id, times, &[]), Err(WriteCallError::AudioBlock { .. })));
    assert!(matches!(call.write_audio(id, times, &[0; 9000]), Err(WriteCallError::AudioBlock { .. })));
    let file = call.finish().unwrap().into_inner();
    assert_eq!(read_all(&CallReader::new(&file).unwrap()), Ok(0));
}

/// MCAP by hand, to make what no writer makes.
fn record(file: &mut Vec<u8>, code: u8, body: &[u8]) {
    file.push(code);
    file.extend((body.len() as u64).to_le_bytes());
    file.extend(body);
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u32).to_le_bytes());
    out.extend(text.as_bytes());
}

fn map(out: &mut Vec<u8>, entries: &[(&str, &str)]) {
    let mut bytes = Vec::new();
    for (key, value) in entries {
        text(&mut bytes, key);
        text(&mut bytes, value);
    }
    out.extend((bytes.len() as u32).to_le_bytes());
    out.extend(bytes);
}

fn beginning(profile: &str, version: &str) -> Vec<u8> {
    let mut file = b"\x89MCAP0\r\n".to_vec();
    let mut body = Vec::new();
    text(&mut body, profile);
    text(&mut body, "by hand");
    record(&mut file, 1, &body);
    body.clear();
    text(&mut body, "visavis.call");
    map(&mut body, &[("version", version)]);
    record(&mut file, 0x0c, &body);
    file
}

fn chunk(file: &mut Vec<u8>, claimed: u64, compression: &str, records: &[u8]) {
    let mut body = vec![0; 16];
    body.extend(claimed.to_le_bytes());
    body.extend([0; 4]);
    text(&mut body, compression);
    body.extend((records.len() as u64).to_le_bytes());
    body.extend(records);
    record(file, 6, &body);
}

#[test]
fn other_files_and_versions_are_refused_by_name() {
    assert_eq!(CallReader::new(b"RIFF").unwrap_err(), ReadCallError::NotMcap);
    let other = beginning("ros2", "1");
    assert!(matches!(CallReader::recover(&other), Err(ReadCallError::NotACall(_))));
    let newer = beginning("visavis-call", "3");
    assert_eq!(CallReader::recover(&newer).unwrap_err(), ReadCallError::Version { found: "3".into() });
}

#[test]
fn a_chunk_that_claims_too_much_is_refused() {
    for claimed in [MAX_CHUNK_BYTES + 1, u64::MAX] {
        let mut file = beginning("visavis-call", "2");
        chunk(&mut file, claimed, "zstd", &[0; 64]);
        let call = CallReader::recover(&file).unwrap();
        let Err(ReadCallError::Record { record: "chunk", problem, .. }) = call.messages().next() else {
            panic!("{claimed} bytes were accepted");
        };
        assert_eq!(problem, RecordError::TooLarge { claimed });
    }
}

#[test]
fn a_file_that_decompresses_out_of_proportion_is_refused() {
    // One record that fills the largest chunk with zeros, again and again: each copy is some 500 bytes in the file.
    let mut records = Vec::new();
    record(&mut records, 0x80, &vec![0; MAX_CHUNK_BYTES as usize - 9]);
    let small = zstd::bulk::compress(&records, 1).unwrap();
    let mut file = beginning("visavis-call", "2");
    for _ in 0..8 {
        chunk(&mut file, MAX_CHUNK_BYTES, "zstd", &small);
    }
    assert!(file.len() < 40_000, "{} bytes", file.len());
    let call = CallReader::recover(&file).unwrap();
    let mut messages = call.messages();
    assert!(matches!(messages.next(), Err(ReadCallError::OutOfProportion { .. })));
    assert_eq!(messages.next().unwrap(), None);
}

#[test]
fn chunks_that_are_not_what_they_claim_are_refused() {
    type Check = fn(&RecordError) -> bool;
    let cases: [(u64, &str, &[u8], Check); 4] = [
        (9, "lz4", &[0; 9], |e| matches!(e, RecordError::Compression(_))),
        (9, "zstd", &[1; 20], |e| matches!(e, RecordError::Decompress(_))),
        (10, "", &[0; 9], |e| matches!(e, RecordError::Size { claimed: 10, found: 9 })),
        (9, "\u{fffd}", &[0; 9], |e| matches!(e, RecordError::Compression(_))),
    ];
    for (claimed, compression, records, is_expected) in cases {
        let mut file = beginning("visavis-call", "2");
        chunk(&mut file, claimed, compression, records);
        let call = CallReader::recover(&file).unwrap();
        match call.messages().next() {
            Err(ReadCallError::Record { problem, .. }) => assert!(is_expected(&problem), "{problem}"),
            other => panic!("{other:?}"),
        }
    }
}

/// The demo's call: one person, in sync, of the promised length and size.
#[test]
fn hello_is_what_the_demo_needs() {
    assert!(HELLO.len() < 1_500_000);
    let call = CallReader::new(HELLO).unwrap();
    let (wren, sender) = call.sender("wren").unwrap();
    let frames = call.faces(wren).unwrap();
    // Sound has no gaps.
    let (mut samples, mut messages) = (0u64, call.messages());
    while let Some(message) = messages.next().unwrap() {
        if let CallBody::Audio(block) = message.body {
            let expected = samples as f64 / f64::from(sender.audio.sample_rate);
            assert!((message.times.capture.as_seconds() - expected).abs() < 1e-6);
            samples += block.len() as u64 / 2;
        }
    }
    let seconds = samples as f64 / f64::from(sender.audio.sample_rate);
    assert!((8.0..=12.0).contains(&seconds), "{seconds} s");
    assert_eq!(frames.len(), (seconds * 30.0) as usize + 1);
    for (i, frame) in frames.iter().enumerate() {
        assert!((frame.time.as_seconds() - i as f64 / 30.0).abs() < 1e-4);
    }
    let blinks =
        frames.windows(2).filter(|w| w[0].latent.units[0] < 0.5 && w[1].latent.units[0] >= 0.5).count();
    assert!((3..=9).contains(&blinks), "{blinks} blinks");
    assert!(
        frames.iter().all(|f| f.head.rotation.to_scaled_axis().length() < 0.15),
        "8 degrees and a little"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutations_of_a_real_file_never_panic(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u64>(), 0u8..4), 1..6),
        length in any::<prop::sample::Index>(),
        is_cut in any::<bool>(),
    ) {
        // The senders' half of a real call, small enough to try often.
        let made = SMALL.get_or_init(|| make(2)).file.clone();
        let mut file = made;
        for (at, value, kind) in edits {
            let at = at.index(file.len());
            match kind {
                0 => file[at] = value as u8,
                1 => file.splice(at..(at + 8).min(file.len()), value.to_le_bytes()).for_each(drop),
                2 => { file.drain(at..(at + value as usize % 40).min(file.len())); }
                _ => file.splice(at..at, value.to_le_bytes()).for_each(drop),
            }
        }
        if is_cut {
            file.truncate(length.index(file.len()) + 1);
        }
        for call in [CallReader::new(&file), CallReader::recover(&file)] {
            match call {
                Ok(call) => if let Err(error) = read_all(&call) {
                    prop_assert!(!error.to_string().is_empty());
                },
                Err(error) => prop_assert!(!error.to_string().is_empty()),
            }
        }
    }

    /// Chunks whose checksum is 0 (none) and that aren't compressed: mutations reach the records inside.
    #[test]
    fn mutations_inside_chunks_never_panic(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u64>(), any::<bool>()), 1..8),
    ) {
        let mut records = UNPACKED.get_or_init(unpacked).clone();
        for (at, value, is_wide) in edits {
            let at = at.index(records.len());
            let end = (at + if is_wide { 8 } else { 1 }).min(records.len());
            let bytes = value.to_le_bytes();
            records[at..end].copy_from_slice(&bytes[..end - at]);
        }
        let mut file = SMALL.get_or_init(|| make(2)).file.clone();
        let first_chunk = first_chunk(&file);
        file.truncate(first_chunk);
        chunk(&mut file, records.len() as u64, "", &records);
        let call = CallReader::recover(&file).unwrap();
        let mut messages = call.messages();
        let mut errors = 0;
        while let Some(message) = messages.next().transpose() {
            match message {
                Ok(message) => { let _ = message.body.join(); }
                Err(error) => { prop_assert!(!error.to_string().is_empty()); errors += 1; }
            }
            prop_assert!(errors < 10_000);
        }
        let _ = read_all(&call);
    }
}

static SMALL: std::sync::OnceLock<Made> = std::sync::OnceLock::new();
static UNPACKED: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();

/// Where the first chunk after the senders' metadata begins.
fn first_chunk(file: &[u8]) -> usize {
    let mut at = 8;
    let mut metadata = 0;
    loop {
        let length = u64::from_le_bytes(file[at + 1..at + 9].try_into().unwrap()) as usize;
        metadata += u32::from(file[at] == 0x0c);
        if file[at] == 6 && metadata == 3 {
            return at;
        }
        at += 9 + length;
    }
}

/// The records of every chunk of a small call, one after the other.
fn unpacked() -> Vec<u8> {
    let file = &SMALL.get_or_init(|| make(2)).file;
    let mut out = Vec::new();
    for record in mcap::read::ChunkFlattener::new(file).unwrap() {
        let record = record.unwrap();
        let mut body = Vec::new();
        match &record {
            mcap::records::Record::Channel(channel) => {
                body.extend(channel.id.to_le_bytes());
                body.extend(channel.schema_id.to_le_bytes());
                text(&mut body, &channel.topic);
                text(&mut body, &channel.message_encoding);
                map(&mut body, &[]);
            }
            mcap::records::Record::Message { header, data } => {
                body.extend(header.channel_id.to_le_bytes());
                body.extend(header.sequence.to_le_bytes());
                body.extend(header.log_time.to_le_bytes());
                body.extend(header.publish_time.to_le_bytes());
                body.extend(data.as_ref());
            }
            mcap::records::Record::DataEnd(_) => break,
            _ => continue,
        }
        self::record(&mut out, record.opcode(), &body);
    }
    out
}
