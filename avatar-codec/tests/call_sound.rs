//! The sound of a call: mixed where its times say, whatever the order in the file.

use std::io::Cursor;

use visavis_codec::Timestamp;
use visavis_codec::bitstream::plain_latent_model;
use visavis_codec::call::{AudioFormat, CallReader, CallWriter, MessageTimes, Sender, SenderId, Voice};

const RATE: u32 = 16_000;
const BLOCK: usize = 320;
const MILLISECOND: u64 = 1_000_000;

/// A block: of which sender, when it was captured and arrived (ms), and its samples.
type Block = (usize, u64, u64, Vec<i16>);

/// A call of two senders at 16 kHz and one at 8 kHz.
fn call(blocks: &[Block]) -> Vec<u8> {
    let mut call = CallWriter::new(Cursor::new(Vec::new())).unwrap();
    let ids = [("ann", RATE), ("bob", RATE), ("cid", RATE / 2)].map(|(name, sample_rate)| {
        let mut sender = Sender::new(name, "", plain_latent_model(0));
        sender.audio = AudioFormat { sample_rate };
        call.add_sender(&sender).unwrap()
    });
    for (sender, capture, arrival, samples) in blocks {
        let [capture, arrival] = [capture, arrival].map(|ms| Timestamp(ms * MILLISECOND));
        call.write_audio(ids[*sender], MessageTimes { capture, arrival }, samples).unwrap();
    }
    call.finish().unwrap().into_inner()
}

fn voices(call: &CallReader<'_>, shifts: &[(&str, i128)]) -> Vec<Voice> {
    let id = |name| -> SenderId { call.sender(name).unwrap().0 };
    shifts.iter().map(|&(name, shift)| Voice { sender: id(name), shift }).collect()
}

/// Samples that tell where they are from.
fn numbered(seed: usize) -> Vec<i16> {
    (0..BLOCK).map(|i| ((seed * 97 + i * 13) % 9000) as i16 - 4000).collect()
}

/// The whole mix, read in pieces of this size.
fn in_pieces(file: &[u8], shifts: &[(&str, i128)], samples: usize, piece: usize) -> Vec<i16> {
    let call = CallReader::new(file).unwrap();
    let mut sound = call.sound(RATE, &voices(&call, shifts)).unwrap();
    let mut out = vec![0; samples];
    let mut first = 0;
    for piece in out.chunks_mut(piece) {
        sound.read(Timestamp(0), first, piece).unwrap();
        first += piece.len() as i64;
    }
    out
}

/// Four seconds of two senders, in the order of capture.
fn conversation() -> (Vec<Block>, Vec<i16>) {
    let mut expected = vec![0i16; 4 * RATE as usize];
    let mut blocks = Vec::new();
    for i in 0..200usize {
        for sender in [0, 1] {
            // Bob starts in the middle of Ann's blocks, and pauses now and then.
            if sender == 1 && (i % 7 == 0 || i == 199) {
                continue;
            }
            let start = i as u64 * 20 + 10 * sender as u64;
            let samples = numbered(2 * i + sender);
            let at = start as usize * RATE as usize / 1000;
            for (sum, sample) in expected[at..].iter_mut().zip(&samples) {
                *sum += sample;
            }
            blocks.push((sender, start, start + 50, samples));
        }
    }
    (blocks, expected)
}

const BOTH: [(&str, i128); 2] = [("ann", 0), ("bob", 0)];

#[test]
fn pieces_of_any_size_give_the_same_mix() {
    let (blocks, expected) = conversation();
    let file = call(&blocks);
    for piece in [1000, 777, 64_000, 50_001] {
        assert_eq!(in_pieces(&file, &BOTH, expected.len(), piece), expected, "pieces of {piece}");
    }
    assert_eq!(in_pieces(&file, &BOTH, BLOCK, 1), expected[..BLOCK]);
}

#[test]
fn the_order_in_the_file_does_not_matter() {
    let (mut blocks, expected) = conversation();
    blocks.reverse();
    assert_eq!(in_pieces(&call(&blocks), &BOTH, expected.len(), 5000), expected, "backwards");
    let count = blocks.len();
    let shuffled: Vec<Block> = (0..count).map(|i| blocks[i * 167 % count].clone()).collect();
    assert_eq!(in_pieces(&call(&shuffled), &BOTH, expected.len(), 5000), expected, "shuffled");
    blocks.sort_by_key(|block| block.0);
    assert_eq!(
        in_pieces(&call(&blocks), &BOTH, expected.len(), 5000),
        expected,
        "one sender after the other"
    );
}

#[test]
fn each_clock_is_shifted_onto_one() {
    let file = call(&[(0, 1000, 1000, numbered(1)), (1, 8000, 1000, numbered(2))]);
    let reader = CallReader::new(&file).unwrap();
    let shifts = [("ann", 0), ("bob", -6_990 * i128::from(MILLISECOND))];
    let mut sound = reader.sound(RATE, &voices(&reader, &shifts)).unwrap();
    assert_eq!(sound.span(), Some((Timestamp(1000 * MILLISECOND), Timestamp(1030 * MILLISECOND))));
    let mut out = [0; 480];
    assert!(sound.read(Timestamp(1000 * MILLISECOND), 0, &mut out).unwrap());
    assert_eq!(out[..160], numbered(1)[..160]);
    let both: Vec<i16> = (0..160).map(|i| numbered(1)[160 + i] + numbered(2)[i]).collect();
    assert_eq!(out[160..320], both);
    assert_eq!(out[320..], numbered(2)[160..]);
    // Half a block further on, and before the sound begins.
    assert!(sound.read(Timestamp(1000 * MILLISECOND), 320, &mut out[..10]).unwrap());
    assert_eq!(out[..10], numbered(2)[160..170]);
    assert!(sound.read(Timestamp(1000 * MILLISECOND), -10, &mut out[..20]).unwrap());
    assert_eq!((&out[..10], &out[10..20]), (&[0; 10][..], &numbered(1)[..10]));
    // Far away in time there is nothing, and no clock is too far off.
    assert!(!sound.read(Timestamp(0), i64::MAX, &mut out).unwrap());
    assert!(!sound.read(Timestamp(u64::MAX), i64::MIN, &mut out).unwrap());
    assert_eq!(out, [0; 480]);
    for shift in [i128::MAX, i128::MIN] {
        let mut sound = reader.sound(RATE, &voices(&reader, &[("ann", shift)])).unwrap();
        sound.read(Timestamp(1), 1, &mut out).unwrap();
        assert!(sound.span().is_some());
    }
}

#[test]
fn a_sum_that_is_too_loud_is_clipped_once() {
    let loud = |value: i16| vec![value; BLOCK];
    let blocks: Vec<Block> =
        [30_000, 30_000, -20_000].into_iter().map(|value| (0, 0, 0, loud(value))).collect();
    // Two alone would be clipped; the third brings the sum to 40,000.
    assert_eq!(in_pieces(&call(&blocks), &BOTH, 10, 10), [i16::MAX; 10]);
    let blocks: Vec<Block> =
        [30_000, 30_000, -30_000, -25_000].into_iter().map(|value| (0, 0, 0, loud(value))).collect();
    assert_eq!(in_pieces(&call(&blocks), &BOTH, 10, 10), [5_000; 10]);
}

#[test]
fn a_sender_of_another_rate_is_heard_too() {
    // 160 samples at 8 kHz are 20 ms, a ramp; read at 16 kHz there is a sample between each two.
    let ramp: Vec<i16> = (0..160).map(|i| i * 100).collect();
    let file = call(&[(2, 0, 0, ramp.clone()), (2, 20, 20, ramp)]);
    let out = in_pieces(&file, &[("cid", 0)], 700, 100);
    for (i, &sample) in out[..640].iter().enumerate() {
        let place = i % BLOCK;
        let expected = (place as i16 * 50).min(15_900);
        assert_eq!(sample, expected, "sample {i}");
    }
    assert_eq!(out[640..], [0; 60]);
}
