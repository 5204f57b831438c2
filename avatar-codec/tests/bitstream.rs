//! The latent bitstream through its public face: round trips, losses, sizes, and what hostile packets do.

#[path = "bitstream/from_text.rs"]
mod from_text;
#[path = "bitstream/signals.rs"]
mod signals;

use std::time::Duration;

use proptest::prelude::*;
use signals::{Random, talk};
use visavis_codec::avatar::{LatentAxis, LatentModel};
use visavis_codec::bitstream::{
    Form, LatentReader, LatentWriter, MAX_PACKET_BYTES, PacketHeader, Quantiser, QuantiserError, ReadFrame,
    ReadPacketError, Rung, WritePacketError, WriterOptions, plain_latent_model,
};
use visavis_codec::glam::{Quat, Vec3};
use visavis_codec::latent::{GAZE, UNITS};
use visavis_codec::performance::range_of_motion;
use visavis_codec::{FaceFrame, HeadPose, Timestamp};

/// f32 arithmetic on top of half a step.
const ROUNDING: f32 = 1e-4;
/// Times are kept to a tick and a half.
const TIME_ERROR: u64 = 150_000;
const FORMS: [WriterOptions; 2] = [WriterOptions::stream(), WriterOptions::packet()];

fn quantiser(residual: u32) -> Quantiser {
    Quantiser::new(&plain_latent_model(residual)).unwrap()
}

fn packets(quantiser: &Quantiser, options: WriterOptions, frames: &[FaceFrame]) -> Vec<Vec<u8>> {
    let mut writer = LatentWriter::new(quantiser.clone(), options);
    frames
        .iter()
        .map(|frame| {
            let mut packet = Vec::new();
            writer.write(frame, &mut packet).unwrap();
            packet
        })
        .collect()
}

/// The newest frame of a packet.
fn newest(reader: &mut LatentReader, packet: &[u8]) -> ReadFrame {
    *reader.read(packet).unwrap().last().unwrap()
}

/// A frame's numbers in the order of the bitstream's axes.
fn values(frame: &FaceFrame, residual: usize) -> Vec<f32> {
    let latent = &frame.latent;
    let mut values = latent.units.to_vec();
    values.extend(latent.gaze.to_array());
    values.extend(&latent.residual[..residual]);
    values.extend(frame.head.rotation_vector().to_array());
    values.extend(frame.head.translation.to_array());
    values
}

#[track_caller]
fn assert_same(quantiser: &Quantiser, sent: &FaceFrame, read: &ReadFrame) {
    let snapped = quantiser.snap(sent, read.rung).unwrap();
    assert!(
        sent.time.0.abs_diff(read.face.time.0) <= TIME_ERROR,
        "{:?} became {:?}",
        sent.time,
        read.face.time
    );
    assert_eq!(snapped, FaceFrame { time: sent.time, ..read.face });
}

#[track_caller]
fn assert_within_half_a_step(quantiser: &Quantiser, residual: usize, sent: &FaceFrame, read: &ReadFrame) {
    assert_same(quantiser, sent, read);
    let steps = quantiser.steps(read.rung);
    let axes = values(sent, residual).into_iter().zip(values(&read.face, residual)).zip(steps);
    for (axis, ((sent, read), step)) in axes.enumerate() {
        assert!((sent - read).abs() <= step * (0.5 + ROUNDING) + 1e-6, "axis {axis}: {sent} became {read}");
    }
}

#[test]
fn talk_comes_back_within_half_a_step_on_every_rung() {
    let quantiser = quantiser(16);
    let frames = talk(1, 300, 30.0, 0.01);
    for options in FORMS {
        for rung in Rung::ALL {
            let mut reader = LatentReader::new(quantiser.clone());
            for (frame, packet) in
                frames.iter().zip(packets(&quantiser, WriterOptions { rung, ..options }, &frames))
            {
                let read = newest(&mut reader, &packet);
                assert_eq!(read.rung, rung);
                assert_within_half_a_step(&quantiser, 16, frame, &read);
            }
        }
    }
}

/// The rung changes at any frame, and so does the number of repeats.
#[test]
fn the_rung_changes_at_any_frame() {
    let (quantiser, mut random) = (quantiser(16), Random(9));
    let frames = talk(2, 600, 30.0, 0.01);
    for options in FORMS {
        let mut writer = LatentWriter::new(quantiser.clone(), options);
        let mut reader = LatentReader::new(quantiser.clone());
        let mut packet = Vec::new();
        for frame in &frames {
            let rung = Rung::ALL[random.bits() as usize % Rung::ALL.len()];
            writer.set_rung(rung);
            writer.set_repeats((random.bits() % 8) as u8, (random.bits() % 7) as u8);
            writer.write(frame, &mut packet).unwrap();
            let read = newest(&mut reader, &packet);
            assert_eq!(read.rung, rung);
            assert_same(&quantiser, frame, &read);
        }
    }
}

/// Any packet of the packet form is read with nothing but the last intra frame, and all its frames are right.
#[test]
fn a_packet_leans_on_nothing_but_the_last_intra_frame() {
    let quantiser = quantiser(8);
    let frames = talk(4, 120, 30.0, 0.01);
    let packets = packets(&quantiser, WriterOptions::packet(), &frames);
    let mut last_intra = 0;
    for (i, packet) in packets.iter().enumerate() {
        let header = PacketHeader::read(packet).unwrap();
        let after = usize::from(header.number & 31);
        if after == 0 {
            last_intra = i;
        }
        let mut reader = LatentReader::new(quantiser.clone());
        if !header.is_intra() {
            let missing = Err(ReadPacketError::MissingReference { number: header.number });
            assert_eq!(reader.read(packet), missing);
            reader.read(&packets[last_intra]).unwrap();
        }
        let read = reader.read(packet).unwrap();
        // The newest and three again.
        assert_eq!(read.len(), (i + 1).min(4), "packet {i}");
        assert_eq!(header.is_intra(), after <= 3);
        for (read, sent) in read.iter().rev().zip(frames[..=i].iter().rev()) {
            assert_same(&quantiser, sent, read);
        }
        assert!(frames[i].time.0 - frames[last_intra].time.0 < 500_000_000);
    }
}

/// Of four packets three are lost one after the other: three repeats bring every frame all the same.
#[test]
fn repeats_bring_back_what_was_lost() {
    let quantiser = quantiser(8);
    let frames = talk(14, 300, 30.0, 0.01);
    let mut reader = LatentReader::new(quantiser.clone());
    let mut seen = std::collections::BTreeMap::new();
    // And once all packets.
    let packets = packets(&quantiser, WriterOptions::packet(), &frames);
    for (i, packet) in packets.iter().enumerate().chain(packets.iter().map(|packet| (3, packet))) {
        if i % 4 == 3 {
            for read in reader.read(packet).unwrap() {
                seen.insert(read.face.time, ());
            }
        }
    }
    // A frame has the same time in whichever packet it comes.
    assert_eq!(seen.len(), frames.len());
}

#[test]
fn a_packet_has_one_byte_when_nothing_moved() {
    let quantiser = quantiser(8);
    let still = talk(3, 1, 30.0, 0.0)[0];
    let at = |i: u64| FaceFrame { time: Timestamp(i * 33_333_333), ..still };
    for options in FORMS {
        let frames: Vec<FaceFrame> = (0..60).map(at).collect();
        let mut reader = LatentReader::new(quantiser.clone());
        for (i, packet) in packets(&quantiser, options, &frames).iter().enumerate() {
            let read = reader.read(packet).unwrap();
            read.iter()
                .rev()
                .zip(frames[..=i].iter().rev())
                .for_each(|(read, sent)| assert_same(&quantiser, sent, read));
            let is_intra = PacketHeader::read(packet).unwrap().is_intra();
            assert_eq!(is_intra, if options.form == Form::Stream { i == 0 } else { i % 15 <= 3 });
            if !is_intra {
                assert_eq!(packet.len(), 1);
                assert_eq!(read.len(), if options.form == Form::Stream { 1 } else { 4 });
            }
        }
    }
}

/// Every axis wanders over its whole range, with jumps, at times that are not regular.
#[test]
fn a_long_random_walk_comes_back_within_half_a_step() {
    for options in FORMS {
        random_walk(options);
    }
}

fn random_walk(options: WriterOptions) {
    let (quantiser, mut random) = (quantiser(32), Random(7));
    let model = plain_latent_model(32);
    let mut writer = LatentWriter::new(quantiser.clone(), options);
    let mut reader = LatentReader::new(quantiser.clone());
    let mut frame = FaceFrame::default();
    let (mut rotation, mut translation) = (Vec3::ZERO, Vec3::ZERO);
    let mut packet = Vec::new();
    let mut largest = 0;
    for _ in 0..1500 {
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
        assert_within_half_a_step(&quantiser, 32, &frame, &newest(&mut reader, &packet));
    }
    assert!(largest <= MAX_PACKET_BYTES, "{largest} bytes");
}

/// Frames with nothing in common, at times with nothing in common: every escape is taken, and no packet is too long.
#[test]
fn frames_with_nothing_in_common_fit_into_packets() {
    // And with the finest steps that a model can have.
    let mut finest = plain_latent_model(32);
    for axis in &mut finest.axes {
        axis.step = (axis.max - axis.min) * 2e-6;
    }
    finest.head_steps = [4e-6; 6];
    let quantisers = [quantiser(32), Quantiser::new(&finest).unwrap()];
    for (options, quantiser) in
        FORMS.into_iter().zip(quantisers.clone()).chain(FORMS.into_iter().rev().zip(quantisers))
    {
        let frames = jumps(24, 400);
        let options = WriterOptions { rung: Rung::ALL[0], repeats: 7, repeats_coarser: 0, ..options };
        let mut reader = LatentReader::new(quantiser.clone());
        for (frame, packet) in frames.iter().zip(packets(&quantiser, options, &frames)) {
            assert!(packet.len() <= MAX_PACKET_BYTES);
            assert_same(&quantiser, frame, &newest(&mut reader, &packet));
        }
    }
}

#[test]
fn the_same_frames_give_the_same_packets_and_the_first_bytes_are_as_written_down() {
    let quantiser = quantiser(4);
    let frames = talk(3, 60, 30.0, 0.01);
    for (options, second) in FORMS.into_iter().zip([[1].as_slice(), &[0xd0, 1]]) {
        let first = packets(&quantiser, options, &frames);
        assert_eq!(first, packets(&quantiser, options, &frames));
        let form = if options.form == Form::Packet { 0x40 } else { 0 };
        assert_eq!(first[0][..2], [0x80 | form | 2 << 3, 0]);
        assert_eq!(first[1][..second.len()], *second);
    }
}

/// The worked example of BITSTREAM.md.
#[test]
fn the_example_of_the_written_specification_is_what_is_written() {
    let quantiser = quantiser(0);
    let mut frames = [FaceFrame::default(); 4];
    for (i, frame) in frames.iter_mut().enumerate() {
        frame.time = Timestamp(1_000_000_000 + i as u64 * 33_333_333 + u64::from(i == 3));
        frame.latent.units[17] = [0.0, 0.10, 0.25, 0.25][i];
        frame.latent.gaze.left_yaw = 0.1;
        frame.latent.gaze.right_yaw = 0.1;
    }
    let text = include_str!("../BITSTREAM.md");
    let packet = WriterOptions { repeats: 1, ..WriterOptions::packet() };
    for options in [WriterOptions::stream(), packet] {
        let lines: Vec<String> = packets(&quantiser, options, &frames)
            .iter()
            .map(|packet| packet.iter().map(|byte| format!(" {byte:02x}")).collect())
            .collect();
        for line in &lines {
            assert!(
                text.contains(&format!("\n   {line}\n")),
                "BITSTREAM.md lacks the packets\n   {}",
                lines.join("\n   ")
            );
        }
    }
}

/// A second reader, made from BITSTREAM.md and nothing else, reads the same.
#[test]
fn a_reader_made_from_the_written_specification_reads_the_same() {
    let signals = [
        (0, talk(21, 300, 30.0, 0.0)),
        (16, talk(22, 300, 90.0, 0.02)),
        (32, jumps(23, 200)),
        (4, range_of_motion(60.0, 4)),
    ];
    for (residual, mut frames) in signals {
        frames[1].head.translation.x += 0.1;
        // Some frames stand still.
        (40..70).for_each(|i| frames[i] = FaceFrame { time: frames[i].time, ..frames[39] });
        let model = plain_latent_model(residual);
        let quantiser = Quantiser::new(&model).unwrap();
        for options in FORMS {
            let mut writer = LatentWriter::new(quantiser.clone(), options);
            let (mut ours, mut other) =
                (LatentReader::new(quantiser.clone()), from_text::Reader::new(&model));
            let mut packet = Vec::new();
            for (i, frame) in frames.iter().enumerate() {
                writer.set_rung(Rung::ALL[i / 50 % Rung::ALL.len()]);
                writer.set_repeats((i / 20 % 8) as u8, (i / 10 % 7) as u8);
                writer.write(frame, &mut packet).unwrap();
                let theirs = other.read(&packet).unwrap();
                let read = ours.read(&packet).unwrap();
                assert_eq!(read.len(), theirs.len());
                for (read, theirs) in read.iter().zip(&theirs) {
                    assert_eq!(theirs.time as u64, read.face.time.0);
                    assert_eq!(theirs.rung, usize::from(read.rung.number()));
                    let values = other.values(theirs);
                    let latent = &read.face.latent;
                    let face = latent.units.into_iter().chain(latent.gaze.to_array());
                    let face = face.chain(latent.residual[..residual as usize].to_vec());
                    assert!(face.zip(&values).all(|(ours, theirs)| ours == *theirs));
                    let head = &values[values.len() - 6..];
                    assert_eq!(read.face.head.rotation, Quat::from_scaled_axis(Vec3::from_slice(&head[..3])));
                    assert_eq!(read.face.head.translation, Vec3::from_slice(&head[3..]));
                }
            }
        }
    }
}

/// Frames with nothing in common, at times with nothing in common.
fn jumps(seed: u64, frames: usize) -> Vec<FaceFrame> {
    let mut random = Random(seed);
    let mut time = 0;
    (0..frames)
        .map(|_| {
            time += 500_000 + random.bits() % 400_000_000;
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
    for (options, expected) in FORMS.into_iter().zip([5, 20]) {
        let packets = packets(&quantiser, options, &frames);
        let mut starts = 0;
        for start in 0..packets.len() {
            let header = PacketHeader::read(&packets[start]).unwrap();
            if !header.is_intra() {
                continue;
            }
            starts += u32::from(options.form == Form::Stream || header.number & 31 == 0);
            let mut reader = LatentReader::new(quantiser.clone());
            for (frame, packet) in frames[start..].iter().zip(&packets[start..]) {
                assert_same(&quantiser, frame, &newest(&mut reader, packet));
            }
        }
        assert_eq!(starts, expected, "intra frames in 10 seconds");
    }
}

#[test]
fn after_a_loss_a_streams_reader_says_what_it_lacks_and_recovers_at_the_next_intra_packet() {
    let quantiser = quantiser(8);
    let frames = talk(6, 90, 30.0, 0.0);
    let packets = packets(&quantiser, WriterOptions::stream(), &frames);
    let mut reader = LatentReader::new(quantiser.clone());
    let mut missed = 0;
    for (i, packet) in packets.iter().enumerate().filter(|&(i, _)| i != 20) {
        match reader.read(packet) {
            Ok(read) => assert_same(&quantiser, &frames[i], &read[0]),
            Err(ReadPacketError::MissingReference { number }) => {
                assert!((21..60).contains(&i));
                assert_eq!(usize::from(number), i);
                missed += 1;
            }
            Err(error) => panic!("packet {i}: {error}"),
        }
    }
    assert_eq!(missed, 39, "packets 21 to 59 need the lost one");

    // A late packet is as good as one in time.
    let mut reader = LatentReader::new(quantiser);
    for packet in &packets[..5] {
        reader.read(packet).unwrap();
    }
    reader.read(&packets[6]).unwrap_err();
    reader.read(&packets[5]).unwrap();
    reader.read(&packets[6]).unwrap();
}

/// Packets around an intra frame arrive in any order; those of a frame that is long gone are refused.
#[test]
fn packets_of_the_intra_frame_before_are_still_read_and_older_ones_are_not() {
    let quantiser = quantiser(8);
    let frames = talk(7, 90, 30.0, 0.0);
    let packets = packets(&quantiser, WriterOptions::packet(), &frames);
    let mut reader = LatentReader::new(quantiser.clone());
    for i in [0, 15, 14, 16, 13, 30, 20] {
        assert_same(&quantiser, &frames[i], &newest(&mut reader, &packets[i]));
    }
    assert!(matches!(reader.read(&packets[10]), Err(ReadPacketError::MissingReference { .. })));
    // The late repeat of an intra frame takes nothing's place.
    assert_same(&quantiser, &frames[17], &newest(&mut reader, &packets[17]));
    assert_same(&quantiser, &frames[40], &newest(&mut reader, &packets[40]));
}

#[test]
fn numbers_wrap() {
    let quantiser = quantiser(0);
    let frames: Vec<FaceFrame> = (0..700u64)
        .map(|i| {
            let mut frame = FaceFrame { time: Timestamp(i * 11_111_111), ..FaceFrame::default() };
            frame.latent.units[17] = (i % 7) as f32 / 7.0;
            frame
        })
        .collect();
    for options in FORMS {
        let mut reader = LatentReader::new(quantiser.clone());
        for (frame, packet) in frames.iter().zip(packets(&quantiser, options, &frames)) {
            assert_same(&quantiser, frame, &newest(&mut reader, &packet));
        }
    }
}

#[test]
fn an_intra_packet_comes_when_asked_for_and_after_a_long_silence() {
    let quantiser = quantiser(0);
    for options in FORMS {
        let options = WriterOptions { intra_interval: Duration::from_secs(3600), repeats: 0, ..options };
        let mut writer = LatentWriter::new(quantiser.clone(), options);
        let mut packet = Vec::new();
        let mut is_intra_at = |writer: &mut LatentWriter, ms: u64| {
            let frame = FaceFrame { time: Timestamp(ms * 1_000_000), ..FaceFrame::default() };
            writer.write(&frame, &mut packet).unwrap().is_intra()
        };
        assert!(is_intra_at(&mut writer, 0));
        assert!(!is_intra_at(&mut writer, 33));
        writer.request_intra();
        assert!(is_intra_at(&mut writer, 66));
        assert!(!is_intra_at(&mut writer, 99));
        assert!(is_intra_at(&mut writer, 60_000));
    }
}

#[test]
fn frames_that_are_no_frames_are_refused_and_change_nothing() {
    let quantiser = quantiser(0);
    for options in FORMS {
        let mut writer = LatentWriter::new(quantiser.clone(), options);
        let mut reader = LatentReader::new(quantiser.clone());
        let mut packet = Vec::new();
        let good = FaceFrame { time: Timestamp(5_000_000), ..FaceFrame::default() };
        writer.write(&good, &mut packet).unwrap();
        reader.read(&packet).unwrap();
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
        writer.write(&next, &mut packet).unwrap();
        assert_same(&quantiser, &next, &newest(&mut reader, &packet));
    }
}

#[test]
fn a_model_that_makes_no_sense_is_refused() {
    type Change = fn(&mut LatentModel);
    let cases: [(Change, QuantiserError); 6] = [
        (|m| m.residual = 33, QuantiserError::Residual(33)),
        (|m| m.axes.truncate(50), QuantiserError::AxisCount { found: 50, expected: 57 }),
        (|m| m.axes[3].step = 0.0, QuantiserError::Statistics { axis: 3 }),
        (|m| m.axes[9].max = f32::NAN, QuantiserError::Statistics { axis: 9 }),
        (|m| m.axes[56].step = 1e-6, QuantiserError::TooFine { axis: 56 }),
        (|m| m.head_steps[4] = 0.0, QuantiserError::HeadStep { axis: 4 }),
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
    for options in FORMS {
        let packets = packets(&quantiser, options, &[frame]);
        let read = newest(&mut LatentReader::new(quantiser.clone()), &packets[0]).face;
        assert_eq!(read.latent.units[51], 0.0);
        assert!((1.48..=1.5).contains(&read.latent.units[17]), "half its range beyond what was trained");
    }
}

/// The budgets, with the steps that wren's decoder asked for and a residual that moves, intra frames included: talk in
/// 3 kbit/s in the stream form and 10 in the packet form with three repeats, an extreme range of motion in 8 and 24.
#[test]
fn faces_take_few_bytes() {
    let model = sensible_steps(8);
    let quantiser = Quantiser::new(&model).unwrap();
    let hello = include_bytes!("../../assets/performance/hello.csv");
    let hello = visavis_codec::drive::performance::read_csv(hello).unwrap().frames().collect();
    let signals = [("talk", hello, [3.0, 10.0]), ("range of motion", range_of_motion(30.0, 8), [8.0, 24.0])];
    for (name, frames, limits) in signals {
        for (options, limit) in FORMS.into_iter().zip(limits) {
            let packets = packets(&quantiser, options, &frames);
            let bytes: usize = packets.iter().map(Vec::len).sum();
            let kbit = bytes as f64 * 8e-3 / (frames.len() as f64 / 30.0);
            let largest = packets.iter().map(Vec::len).max().unwrap();
            eprintln!("{name}, {:?}: {kbit:.2} kbit/s, at most {largest} bytes a packet", options.form);
            assert!(kbit < limit, "{name}: {kbit} kbit/s");
        }
    }
}

/// The steps that the decoder of the first wren asked for.
#[rustfmt::skip]
const UNIT_STEPS: [f32; UNITS] = [
    0.0131, 0.0372, 0.24, 0.24, 0.0494, 0.0433, 0.0346, 0.0131, 0.0372, 0.24, 0.24, 0.0494, 0.0433, 0.0346,
    0.0251, 0.0168, 0.0168, 0.00327, 0.00449, 0.0186, 0.0371, 0.0201, 0.0201, 0.0153, 0.0153, 0.0331, 0.0331,
    0.0381, 0.0381, 0.0375, 0.0375, 0.0333, 0.0345, 0.0272, 0.047, 0.0292, 0.0292, 0.0652, 0.0652, 0.0458, 0.0458,
    0.0181, 0.0181, 0.03, 0.037, 0.037, 0.0258, 0.0374, 0.0374, 0.0279, 0.0279, 0.149,
];

/// The plain model with these.
fn sensible_steps(residual: u32) -> LatentModel {
    let mut model = plain_latent_model(residual);
    for (i, axis) in model.axes.iter_mut().enumerate() {
        (axis.step, axis.deviation) = match i {
            0..UNITS => (UNIT_STEPS[i], 0.15),
            UNITS..56 => (0.0155, 0.12),
            _ => (0.48, 0.5),
        };
    }
    model.head_steps = [1.9e-4, 1.9e-4, 1.05e-4, 9.4e-6, 8.8e-6, 3.7e-5];
    model
}

/// Cut and damaged packets are noticed, but for those that have the right check bits by chance, and for bits at the end of
/// the code that change nothing; and what isn't noticed is within the avatar's range.
#[test]
fn damage_is_noticed() {
    let quantiser = quantiser(8);
    let frames = talk(12, 60, 30.0, 0.01);
    for options in FORMS {
        let packets = packets(&quantiser, options, &frames);
        let (mut damaged, mut unnoticed) = (0, 0);
        let mut reader = LatentReader::new(quantiser.clone());
        for (n, (packet, frame)) in packets.iter().zip(&frames).enumerate() {
            let cuts = (1..packet.len()).map(|length| packet[..length].to_vec());
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
                        let snapped = quantiser.snap(frame, read.rung).unwrap();
                        unnoticed += u32::from(snapped != FaceFrame { time: frame.time, ..read.face });
                        reader = LatentReader::new(quantiser.clone());
                        for packet in &packets[..n] {
                            reader.read(packet).unwrap();
                        }
                    }
                }
            }
            reader.read(packet).unwrap();
        }
        eprintln!("{:?}: {unnoticed} of {damaged} damaged packets passed for others", options.form);
        assert!(unnoticed * 8 < damaged, "{unnoticed} of {damaged}");
    }
}

/// Reads a packet and checks that what comes out is bounded; its newest frame.
fn try_read(reader: &mut LatentReader, packet: &[u8]) -> Result<ReadFrame, ReadPacketError> {
    let frames = reader.read(packet)?;
    for ReadFrame { face, .. } in frames {
        assert!(face.latent.is_finite() && face.head.is_valid());
        assert!(face.latent.units.iter().all(|u| (0.0..1.52).contains(u)));
        assert!(face.head.translation.abs().max_element() <= 2.001);
    }
    Ok(*frames.last().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_never_panic(packets in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..1200), 1..8)) {
        let mut reader = LatentReader::new(quantiser(32));
        for mut packet in packets {
            let _ = try_read(&mut reader, &packet);
            // And with headers that pass, of both forms, alone and with frames that follow.
            if packet.len() > 2 {
                packet.truncate(MAX_PACKET_BYTES);
                for header in [[0x91, 0], [0xd1, 0], [0xd0, 5], [0x01, 0x13], [0x05, 0xff]] {
                    packet[..2].copy_from_slice(&header);
                    let _ = try_read(&mut reader, &packet);
                }
            }
        }
    }

    #[test]
    fn mutated_streams_never_panic(
        seed in any::<u64>(),
        is_stream in any::<bool>(),
        edits in prop::collection::vec((0usize..40, any::<prop::sample::Index>(), any::<u8>()), 1..30),
    ) {
        let quantiser = quantiser(8);
        let options = FORMS[usize::from(is_stream)];
        let mut packets = packets(&quantiser, options, &talk(seed, 40, 30.0, 0.01));
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
