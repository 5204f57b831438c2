//! The latent bitstream through its public face: round trips, losses, sizes, and what hostile packets do.

#[path = "bitstream/from_text.rs"]
mod from_text;
#[path = "bitstream/signals.rs"]
mod signals;

use std::time::{Duration, Instant};

use proptest::prelude::*;
use signals::{Random, talk};
use visavis_codec::avatar::{LatentAxis, LatentModel};
use visavis_codec::bitstream::{
    LatentReader, LatentWriter, MAX_PACKET_BYTES, PacketHeader, PacketKind, Quantiser, QuantiserError,
    ReadPacketError, WritePacketError, WriterOptions, plain_latent_model,
};
use visavis_codec::glam::{Quat, Vec3};
use visavis_codec::latent::{GAZE, UNITS};
use visavis_codec::{FaceFrame, HeadPose, Timestamp};

/// f32 arithmetic on top of half a step.
const ROUNDING: f32 = 1e-4;

fn quantiser(residual: u32) -> Quantiser {
    Quantiser::new(&plain_latent_model(residual)).unwrap()
}

fn packets(quantiser: &Quantiser, frames: &[FaceFrame]) -> Vec<Vec<u8>> {
    let mut writer = LatentWriter::new(quantiser.clone(), WriterOptions::default());
    frames
        .iter()
        .map(|frame| {
            let mut packet = Vec::new();
            writer.write(frame, &mut packet).unwrap();
            packet
        })
        .collect()
}

/// A frame's numbers in the order of the bitstream's axes.
fn values(frame: &FaceFrame, residual: usize) -> Vec<f32> {
    let latent = &frame.latent;
    let mut values = latent.units.to_vec();
    values.extend(latent.gaze.to_array());
    values.extend(&latent.residual[..residual]);
    values.extend(frame.head.rotation.to_scaled_axis().to_array());
    values.extend(frame.head.translation.to_array());
    values
}

fn assert_within_half_a_step(quantiser: &Quantiser, residual: usize, sent: &FaceFrame, read: &FaceFrame) {
    assert!(sent.time.0.abs_diff(read.time.0) <= 500, "{:?} became {:?}", sent.time, read.time);
    let axes = values(sent, residual).into_iter().zip(values(read, residual)).zip(quantiser.steps());
    for (axis, ((sent, read), step)) in axes.enumerate() {
        assert!((sent - read).abs() <= step * (0.5 + ROUNDING) + 1e-6, "axis {axis}: {sent} became {read}");
    }
}

#[test]
fn talk_comes_back_within_half_a_step() {
    let quantiser = quantiser(16);
    let frames = talk(1, 900, 30.0, 0.01);
    let mut reader = LatentReader::new(quantiser.clone());
    for (frame, packet) in frames.iter().zip(packets(&quantiser, &frames)) {
        let read = reader.read(&packet).unwrap();
        assert_within_half_a_step(&quantiser, 16, frame, &read);
        assert_eq!(quantiser.snap(frame).unwrap(), read);
    }
}

/// Every axis wanders over its whole range, with jumps, at times that are not regular.
#[test]
fn a_long_random_walk_comes_back_within_half_a_step() {
    let (quantiser, mut random) = (quantiser(32), Random(7));
    let model = plain_latent_model(32);
    let mut writer = LatentWriter::new(quantiser.clone(), WriterOptions::default());
    let mut reader = LatentReader::new(quantiser.clone());
    let mut frame = FaceFrame::default();
    let (mut rotation, mut translation) = (Vec3::ZERO, Vec3::ZERO);
    let mut packet = Vec::new();
    let mut largest = 0;
    for _ in 0..3000 {
        frame.time.0 += 1_000_000 + random.bits() % 60_000_000;
        let speed = if random.unit() < 0.02 { 1.0 } else { 0.05 };
        let mut values = values(&frame, 32);
        for (value, axis) in values.iter_mut().zip(&model.axes) {
            *value += (axis.max - axis.min) * speed * random.range(-1.0, 1.0);
            *value = value.clamp(axis.min, axis.max);
        }
        frame.latent.units.copy_from_slice(&values[..UNITS]);
        frame.latent.gaze = visavis_codec::Gaze::from_array(values[UNITS..UNITS + GAZE].try_into().unwrap());
        frame.latent.residual.copy_from_slice(&values[UNITS + GAZE..UNITS + GAZE + 32]);
        let mut wander = |v: &mut Vec3, limit: f32| {
            let step = Vec3::new(random.range(-1.0, 1.0), random.range(-1.0, 1.0), random.range(-1.0, 1.0));
            *v = (*v + step * limit * speed).clamp_length_max(limit);
        };
        wander(&mut rotation, 3.1);
        wander(&mut translation, 1.9);
        frame.head = HeadPose { rotation: Quat::from_scaled_axis(rotation), translation };

        writer.write(&frame, &mut packet).unwrap();
        largest = largest.max(packet.len());
        assert_within_half_a_step(&quantiser, 32, &frame, &reader.read(&packet).unwrap());
    }
    assert!(largest < MAX_PACKET_BYTES, "{largest} bytes");
}

#[test]
fn the_same_frames_give_the_same_packets_and_the_first_bytes_are_as_written_down() {
    let quantiser = quantiser(4);
    let frames = talk(3, 60, 30.0, 0.01);
    let first = packets(&quantiser, &frames);
    assert_eq!(first, packets(&quantiser, &frames));
    assert_eq!(first[0][..2], [0x30, 0]);
    assert_eq!(first[1][..2], [0x20, 1]);
}

/// The worked example of BITSTREAM.md.
#[test]
fn the_example_of_the_written_specification_is_what_is_written() {
    let quantiser = quantiser(0);
    let mut frames = [FaceFrame::default(); 3];
    for (i, frame) in frames.iter_mut().enumerate() {
        frame.time = Timestamp(1_000_000_000 + i as u64 * 33_333_333);
        frame.latent.units[17] = [0.0, 0.10, 0.25][i];
        frame.latent.gaze.left_yaw = 0.1;
        frame.latent.gaze.right_yaw = 0.1;
    }
    let text = include_str!("../BITSTREAM.md");
    for packet in packets(&quantiser, &frames) {
        let bytes: Vec<String> = packet.iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(text.contains(&bytes.join(" ")), "BITSTREAM.md lacks the packet {}", bytes.join(" "));
    }
}

/// A second reader, made from BITSTREAM.md and nothing else, reads the same.
#[test]
fn a_reader_made_from_the_written_specification_reads_the_same() {
    for (residual, frames) in
        [(0, talk(21, 400, 30.0, 0.0)), (16, talk(22, 400, 90.0, 0.02)), (32, jumps(23, 200))]
    {
        let model = plain_latent_model(residual);
        let quantiser = Quantiser::new(&model).unwrap();
        let (mut ours, mut other) = (LatentReader::new(quantiser.clone()), from_text::Reader::new(&model));
        for packet in packets(&quantiser, &frames) {
            let (time, values) = other.read(&packet).unwrap();
            let read = ours.read(&packet).unwrap();
            assert_eq!(time * 1000, read.time.0);
            let face = read.latent.units.iter().chain(&read.latent.residual[..residual as usize]);
            let gaze = read.latent.gaze.to_array();
            let other_face =
                values[..UNITS].iter().chain(&values[UNITS + GAZE..UNITS + GAZE + residual as usize]);
            assert!(face.zip(other_face).all(|(a, b)| *a == *b as f32));
            assert!(gaze.iter().zip(&values[UNITS..]).all(|(a, b)| *a == *b as f32));
            let head = &values[UNITS + GAZE + residual as usize..];
            let rotation = Quat::from_scaled_axis(Vec3::new(head[0] as f32, head[1] as f32, head[2] as f32));
            assert_eq!(read.head.rotation, rotation);
            assert!(read.head.translation.to_array().iter().zip(&head[3..]).all(|(a, b)| *a == *b as f32));
        }
    }
}

/// Frames with nothing in common, at times with nothing in common: every escape is taken.
fn jumps(seed: u64, frames: usize) -> Vec<FaceFrame> {
    let mut random = Random(seed);
    let mut time = 0;
    (0..frames)
        .map(|_| {
            time += 1000 + random.bits() % 400_000_000;
            let mut frame = FaceFrame { time: Timestamp(time + 1000), ..FaceFrame::default() };
            frame.latent.units.iter_mut().for_each(|u| *u = random.range(0.0, 1.0));
            frame.latent.residual.iter_mut().for_each(|r| *r = random.range(-4.0, 4.0));
            let mut vector = |limit: f32| Vec3::from_array([(); 3].map(|()| random.range(-limit, limit)));
            frame.head = HeadPose { rotation: Quat::from_scaled_axis(vector(1.0)), translation: vector(1.9) };
            frame
        })
        .collect()
}

#[test]
fn a_reader_can_start_at_any_intra_packet() {
    let quantiser = quantiser(16);
    let frames = talk(5, 300, 30.0, 0.0);
    let packets = packets(&quantiser, &frames);
    let mut starts = 0;
    for start in 0..packets.len() {
        if PacketHeader::read(&packets[start]).unwrap().kind == PacketKind::Intra {
            starts += 1;
            let mut reader = LatentReader::new(quantiser.clone());
            for (frame, packet) in frames[start..].iter().zip(&packets[start..]) {
                assert_eq!(reader.read(packet).unwrap(), quantiser.snap(frame).unwrap());
            }
        }
    }
    assert_eq!(starts, 20, "10 seconds have 20 intra packets at the default interval");
}

#[test]
fn after_a_loss_the_reader_says_what_it_lacks_and_recovers_at_the_next_intra_packet() {
    let quantiser = quantiser(8);
    let frames = talk(6, 60, 30.0, 0.0);
    let packets = packets(&quantiser, &frames);
    let mut reader = LatentReader::new(quantiser.clone());
    let mut missed = 0;
    for (i, packet) in packets.iter().enumerate().filter(|&(i, _)| i != 20) {
        match reader.read(packet) {
            Ok(frame) => assert_eq!(frame, quantiser.snap(&frames[i]).unwrap()),
            Err(ReadPacketError::MissingReference { sequence, last }) => {
                assert!((21..30).contains(&i));
                assert_eq!((sequence.number() as usize, last.unwrap().number()), (i, 19));
                missed += 1;
            }
            Err(error) => panic!("packet {i}: {error}"),
        }
    }
    assert_eq!(missed, 9, "packets 21 to 29 need the lost one");

    // A late packet is as good as one in time.
    let mut reader = LatentReader::new(quantiser);
    for packet in &packets[..5] {
        reader.read(packet).unwrap();
    }
    reader.read(&packets[6]).unwrap_err();
    reader.read(&packets[5]).unwrap();
    reader.read(&packets[6]).unwrap();
}

#[test]
fn sequence_numbers_wrap() {
    let quantiser = quantiser(0);
    let mut writer = LatentWriter::new(quantiser.clone(), WriterOptions::default());
    let mut reader = LatentReader::new(quantiser);
    let mut packet = Vec::new();
    for i in 0..5000u64 {
        let frame = FaceFrame { time: Timestamp(i * 11_111_111), ..FaceFrame::default() };
        let header = writer.write(&frame, &mut packet).unwrap();
        assert_eq!(header.sequence.number() as u64, i % 4096);
        reader.read(&packet).unwrap();
    }
}

#[test]
fn an_intra_packet_comes_when_asked_for_and_after_a_long_silence() {
    let quantiser = quantiser(0);
    let options = WriterOptions { intra_interval: Duration::from_secs(3600) };
    let mut writer = LatentWriter::new(quantiser, options);
    let mut packet = Vec::new();
    let mut kind_at = |writer: &mut LatentWriter, ms: u64| {
        let frame = FaceFrame { time: Timestamp(ms * 1_000_000), ..FaceFrame::default() };
        writer.write(&frame, &mut packet).unwrap().kind
    };
    assert_eq!(kind_at(&mut writer, 0), PacketKind::Intra);
    assert_eq!(kind_at(&mut writer, 33), PacketKind::Predicted);
    writer.request_intra();
    assert_eq!(kind_at(&mut writer, 66), PacketKind::Intra);
    assert_eq!(kind_at(&mut writer, 99), PacketKind::Predicted);
    assert_eq!(kind_at(&mut writer, 60_000), PacketKind::Intra);
}

#[test]
fn frames_that_are_no_frames_are_refused_and_change_nothing() {
    let quantiser = quantiser(0);
    let mut writer = LatentWriter::new(quantiser.clone(), WriterOptions::default());
    let mut packet = Vec::new();
    let good = FaceFrame { time: Timestamp(5_000_000), ..FaceFrame::default() };
    writer.write(&good, &mut packet).unwrap();
    let mut bad = good;
    bad.time = Timestamp(9_000_000);
    bad.latent.units[3] = f32::NAN;
    assert_eq!(writer.write(&bad, &mut packet), Err(WritePacketError::Invalid(bad.time)));
    let mut bad = good;
    bad.head.rotation = Quat::from_xyzw(0.0, 0.0, 0.0, 2.0);
    assert_eq!(writer.write(&bad, &mut packet), Err(WritePacketError::Invalid(bad.time)));
    let late = WritePacketError::NotAfter { time: good.time, last: good.time };
    assert_eq!(writer.write(&good, &mut packet), Err(late));
    let next = FaceFrame { time: Timestamp(9_000_000), ..good };
    assert_eq!(writer.write(&next, &mut packet).unwrap().sequence.number(), 1);
}

#[test]
fn a_model_that_makes_no_sense_is_refused() {
    type Change = fn(&mut LatentModel);
    let cases: [(Change, QuantiserError); 5] = [
        (|m| m.residual = 33, QuantiserError::Residual(33)),
        (|m| m.axes.truncate(50), QuantiserError::AxisCount { found: 50, expected: 57 }),
        (|m| m.axes[3].step = 0.0, QuantiserError::Statistics { axis: 3 }),
        (|m| m.axes[9].max = f32::NAN, QuantiserError::Statistics { axis: 9 }),
        (|m| m.axes[56].step = 1e-5, QuantiserError::TooFine { axis: 56 }),
    ];
    for (change, expected) in cases {
        let mut model = plain_latent_model(1);
        change(&mut model);
        assert_eq!(Quantiser::new(&model), Err(expected));
    }
}

/// An axis that never moved in training is not coded, whatever a tracker says of it.
#[test]
fn an_axis_without_a_range_stays_at_neutral() {
    let mut model = plain_latent_model(0);
    model.axes[51] = LatentAxis { min: 0.0, max: 0.0, deviation: 0.0, step: 0.01 };
    let quantiser = Quantiser::new(&model).unwrap();
    let mut frame = FaceFrame::default();
    frame.latent.units[51] = 0.9;
    frame.latent.units[17] = 9.0;
    let packets = packets(&quantiser, &[frame]);
    let read = LatentReader::new(quantiser).read(&packets[0]).unwrap();
    assert_eq!(read.latent.units[51], 0.0);
    assert!((1.5..1.52).contains(&read.latent.units[17]), "half its range beyond what was trained");
}

/// The budget: a talking face at 30 frames a second in 5 kbit/s, intra packets included.
#[test]
fn talk_takes_few_bytes() {
    for (name, residual, noise, limit_kbit) in [
        ("animated, units only", 0, 0.0, 5.0),
        ("tracked, units only", 0, 0.01, 6.5),
        ("tracked, 16 residuals", 16, 0.01, 9.0),
    ] {
        let quantiser = quantiser(residual);
        let frames = talk(11, 1800, 30.0, noise);
        let (mut intra, mut predicted) = ((0, 0), (0, 0));
        let start = Instant::now();
        let packets = packets(&quantiser, &frames);
        let (encoded, mut reader) = (start.elapsed(), LatentReader::new(quantiser));
        let start = Instant::now();
        for packet in &packets {
            reader.read(packet).unwrap();
        }
        let decoded = start.elapsed();
        for packet in packets {
            let sum = match PacketHeader::read(&packet).unwrap().kind {
                PacketKind::Intra => &mut intra,
                PacketKind::Predicted => &mut predicted,
            };
            *sum = (sum.0 + packet.len(), sum.1 + 1);
        }
        let mean = |(bytes, count): (usize, usize)| bytes as f64 / count as f64;
        let kbit = (intra.0 + predicted.0) as f64 * 8.0 / 60.0 / 1000.0;
        eprintln!(
            "{name}: {kbit:.2} kbit/s; {:.1} bytes a predicted packet, {:.1} an intra packet; {:.1} µs to write, {:.1} µs to read",
            mean(predicted),
            mean(intra),
            encoded.as_secs_f64() * 1e6 / 1800.0,
            decoded.as_secs_f64() * 1e6 / 1800.0,
        );
        assert!(kbit < limit_kbit, "{name}: {kbit} kbit/s");
    }
}

/// Cut and damaged packets are noticed, but for one in 256 that has the right check byte by chance, and for bits at the
/// end of the code that change nothing; and what isn't noticed is within the avatar's range.
#[test]
fn damage_is_noticed() {
    let quantiser = quantiser(8);
    let frames = talk(12, 120, 30.0, 0.01);
    let packets = packets(&quantiser, &frames);
    let (mut damaged, mut unnoticed) = (0, 0);
    let mut reader = LatentReader::new(quantiser.clone());
    for (packet, frame) in packets.iter().zip(&frames) {
        let cuts = (0..packet.len()).map(|length| packet[..length].to_vec());
        let flips = (0..packet.len() * 8).map(|bit| {
            let mut flipped = packet.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            flipped
        });
        for bad in cuts.chain(flips) {
            damaged += 1;
            match try_read(&mut reader, &bad) {
                Err(error) => assert!(!error.to_string().is_empty()),
                Ok(read) => {
                    unnoticed += u32::from(read != quantiser.snap(frame).unwrap());
                    reader = LatentReader::new(quantiser.clone());
                    replay(&mut reader, &packets, packet);
                }
            }
        }
        reader.read(packet).unwrap();
    }
    eprintln!("{unnoticed} of {damaged} damaged packets passed for others");
    assert!(unnoticed * 128 < damaged, "{unnoticed} of {damaged}");
}

fn replay(reader: &mut LatentReader, packets: &[Vec<u8>], until: &[u8]) {
    for packet in packets.iter().take_while(|packet| packet.as_ptr() != until.as_ptr()) {
        reader.read(packet).unwrap();
    }
}

/// Reads a packet and checks that what comes out is bounded.
fn try_read(reader: &mut LatentReader, packet: &[u8]) -> Result<FaceFrame, ReadPacketError> {
    let frame = reader.read(packet)?;
    assert!(frame.latent.is_finite() && frame.head.is_valid());
    assert!(frame.latent.units.iter().all(|u| (0.0..1.52).contains(u)));
    assert!(frame.head.translation.abs().max_element() <= 2.0);
    Ok(frame)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_never_panic(packets in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..1200), 1..8)) {
        let mut reader = LatentReader::new(quantiser(32));
        for mut packet in packets {
            let _ = try_read(&mut reader, &packet);
            // And with a header that passes, as a first packet and as the next.
            if packet.len() > 2 {
                packet.truncate(MAX_PACKET_BYTES);
                packet[..2].copy_from_slice(&[0x30, 0]);
                let _ = try_read(&mut reader, &packet);
                packet[..2].copy_from_slice(&[0x20, 1]);
                let _ = try_read(&mut reader, &packet);
            }
        }
    }

    #[test]
    fn mutated_streams_never_panic(
        seed in any::<u64>(),
        edits in prop::collection::vec((0usize..40, any::<prop::sample::Index>(), any::<u8>()), 1..30),
    ) {
        let quantiser = quantiser(8);
        let mut packets = packets(&quantiser, &talk(seed, 40, 30.0, 0.01));
        for (packet, at, byte) in edits {
            let length = packets[packet].len();
            if byte & 1 == 0 {
                packets[packet][at.index(length)] = byte;
            } else {
                packets[packet].truncate(at.index(length).max(1));
            }
        }
        let mut reader = LatentReader::new(quantiser);
        for packet in &packets {
            let _ = try_read(&mut reader, packet);
        }
    }
}
