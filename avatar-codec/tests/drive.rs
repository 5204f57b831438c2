//! Drivers from bytes to frames: minutes of recordings with gaps, a minute of a live stream with loss, damaged bytes.

mod tracking;

use proptest::prelude::*;
use visavis_codec::avatar::{LatentModel, Semantic};
use visavis_codec::bitstream::{LatentWriter, Quantiser, WriterOptions, plain_latent_model};
use visavis_codec::drive::live_link::{LiveLinkPacket, LiveLinkStream, PacketError, SECONDS_A_DAY, read_csv};
use visavis_codec::drive::{Driver, DriverError, DriverOptions, NeutralEstimator, Received, Recording};
use visavis_codec::latent::{FaceUnit, UNITS};
use visavis_codec::testing::Random;
use visavis_codec::{FaceFrame, FaceUnit as U};

use tracking::{Performance, TREMBLE, datagram, header, row, timecode};

/// Eases are at most this fast, a second: 1.5 times the way over the 0.3 s in which a face comes back.
const EASE_SPEED: f32 = 1.5 / 0.3;

fn driver(recording: &Recording) -> Driver {
    let mut driver = Driver::new(&plain_latent_model(0), DriverOptions::default()).unwrap();
    driver.set_clock(recording.interval, recording.wrap);
    driver
}

fn drive(recording: &Recording) -> (Vec<FaceFrame>, Driver) {
    let mut driver = driver(recording);
    let mut frames = Vec::new();
    for sample in &recording.samples {
        driver.push(sample.seconds, None, sample.signals.as_deref(), &mut frames);
    }
    driver.finish(&mut frames);
    (frames, driver)
}

/// Times grow, a writer takes every frame, and no unit is faster than the performance and an ease together.
fn assert_steady(frames: &[FaceFrame], speeds: &[f32; UNITS]) {
    let mut writer =
        LatentWriter::new(Quantiser::new(&plain_latent_model(0)).unwrap(), WriterOptions::stream());
    let mut packet = Vec::new();
    for frame in frames {
        writer.write(frame, &mut packet).unwrap();
    }
    for pair in frames.windows(2) {
        let dt = pair[1].time.as_seconds() - pair[0].time.as_seconds();
        for unit in FaceUnit::ALL {
            let step = (pair[1].latent.unit(unit) - pair[0].latent.unit(unit)).abs();
            // What is held back for a frame catches up with two frames' motion in one.
            let bound = 2.0 * speeds[unit as usize] + EASE_SPEED + 8.0 * TREMBLE / dt as f32;
            assert!(
                step / dt as f32 <= bound,
                "{} moves by {step} in {dt} s at {} s; {bound} a second is allowed",
                unit.name(),
                pair[1].time.as_seconds()
            );
        }
    }
}

/// By how many frames a unit comes later than in the performance that began at `start`: the shift that fits best.
fn delay(frames: &[FaceFrame], performance: &Performance, unit: U, rate: f64, start: f64) -> f64 {
    let error = |shift: f64| -> f64 {
        let of = |frame: &FaceFrame| {
            let truth = performance.at(start + frame.time.as_seconds() - shift / rate).units[unit as usize];
            f64::from(frame.latent.unit(unit) - truth).powi(2)
        };
        frames.iter().map(of).sum()
    };
    let shifts = (-20..=40).map(|step| f64::from(step) * 0.1);
    shifts.min_by(|&a, &b| error(a).total_cmp(&error(b))).unwrap()
}

/// Three minutes at 30 a second, begun two minutes before midnight; what is missing, and how.
fn recording_with_gaps() -> (String, Performance) {
    let performance = Performance::hello();
    let mut random = Random::new(4);
    let (mut csv, start) = (header(), SECONDS_A_DAY - 120.0);
    for n in 0..5400 {
        let seconds = f64::from(n) / 30.0;
        let is_in = |from: f64, long: f64| (from..from + long).contains(&seconds);
        if is_in(20.0, 0.4) || is_in(70.0, 12.0) || random.below(100) == 0 {
            continue;
        }
        let values = performance.values(seconds, &mut random);
        if is_in(40.0, 2.5) || is_in(110.0, 0.2) {
            csv += &format!("{},0\n", timecode(start + seconds));
        } else {
            csv += &row(start + seconds, &values);
        }
    }
    (csv, performance)
}

#[test]
fn minutes_with_gaps_become_a_steady_performance() {
    let (csv, performance) = recording_with_gaps();
    let recording = read_csv(csv.as_bytes()).unwrap();
    assert_eq!(recording.notes.malformed, 0, "{:?}", recording.notes);
    assert!((recording.interval - 1.0 / 30.0).abs() < 1e-4);
    let (frames, driver) = drive(&recording);
    let counts = driver.counts();
    assert_eq!((counts.gaps, counts.clock.wraps, counts.clock.jumps), (4, 1, 0), "{counts:?}");
    assert!((counts.gap_seconds - 15.2).abs() < 0.5, "{counts:?}");
    let last = frames.last().unwrap().time.as_seconds();
    assert!((last - 5399.0 / 30.0).abs() < 0.05, "{last}");
    assert_steady(&frames, &performance.speeds(30.0));

    // In the long gap the face rests, and it stays there until the person is back.
    let shown: Vec<_> =
        frames.iter().filter(|frame| (70.0..81.99).contains(&frame.time.as_seconds())).collect();
    let [.., from, to] = shown.as_slice() else { panic!() };
    assert!(from.time.as_seconds() < 71.5 && to.time.as_seconds() > 81.9);
    assert_eq!((from.latent.units, to.latent.units), ([0.0; UNITS], [0.0; UNITS]));
}

#[test]
fn smoothing_delays_by_less_than_a_frame() {
    let performance = Performance::hello();
    for rate in [30.0, 60.0] {
        let mut random = Random::new(9);
        let mut csv = header();
        for n in 0..(60.0 * rate) as usize {
            let seconds = n as f64 / rate;
            csv += &row(40_000.0 + seconds, &performance.values(seconds, &mut random));
        }
        let (frames, driver) = drive(&read_csv(csv.as_bytes()).unwrap());
        for unit in [U::JawOpen, U::EyeBlinkLeft, U::MouthPucker, U::BrowInnerUp, U::MouthSmileLeft] {
            let delay = delay(&frames, &performance, unit, rate, 0.0);
            assert!((0.0..=1.0).contains(&delay), "{} at {rate}: {delay} frames", unit.name());
        }
        assert!(driver.counts().delay_frames_max <= 1.0);
        assert_steady(&frames, &performance.speeds(rate));
        // Lids close all the way.
        let closed = |frames: &mut dyn Iterator<Item = f32>| frames.fold(0.0, f32::max);
        let came = closed(&mut frames.iter().map(|frame| frame.latent.unit(U::EyeBlinkLeft)));
        let went = closed(
            &mut (0..360).map(|n| performance.at(f64::from(n) / 30.0).units[U::EyeBlinkLeft as usize]),
        );
        assert!(came > went - 0.06, "{came} of {went}");
    }
}

#[test]
fn spikes_are_rejected() {
    let performance = Performance::hello();
    let speeds = performance.speeds(30.0);
    let mut random = Random::new(5);
    let mut csv = header();
    let mut spikes = 0;
    for n in 0..1800 {
        let mut values = performance.values(f64::from(n) / 30.0, &mut random);
        if n % 45 == 22 {
            let unit = random.below(UNITS);
            // A unit that is fast by itself may well look like this.
            if speeds[unit] < 5.0 {
                values[unit] = if values[unit] < 0.5 { 1.0 } else { 0.0 };
                spikes += 1;
            }
        }
        csv += &row(1000.0 + f64::from(n) / 30.0, &values);
    }
    let (frames, driver) = drive(&read_csv(csv.as_bytes()).unwrap());
    assert!(spikes > 20);
    assert!(driver.counts().spikes >= spikes, "{} of {spikes}", driver.counts().spikes);
    assert_steady(&frames, &speeds);
}

#[test]
fn a_clock_that_jumps_repeats_itself_and_goes_backwards_is_survived() {
    let performance = Performance::hello();
    let mut random = Random::new(6);
    let mut csv = header();
    for n in 0..900 {
        let shift = match n {
            0..300 => 0.0,
            300..600 => 5000.0,
            _ => -7000.0,
        };
        let row = row(
            40_000.0 + shift + f64::from(n) / 30.0,
            &performance.values(f64::from(n) / 30.0, &mut random),
        );
        csv += &row;
        if n % 100 == 50 {
            csv += &row;
        }
    }
    let (frames, driver) = drive(&read_csv(csv.as_bytes()).unwrap());
    let clock = driver.counts().clock;
    assert_eq!((clock.jumps, clock.backwards, clock.duplicates, clock.late), (1, 1, 9, 0));
    assert_eq!(frames.len(), 900);
    assert!((frames[899].time.as_seconds() - 899.0 / 30.0).abs() < 0.01);
    assert_steady(&frames, &performance.speeds(30.0));
}

#[test]
fn a_resting_face_with_offsets_is_calibrated() {
    let performance = Performance::hello();
    let mut random = Random::new(7);
    let mut csv = header();
    for n in 0..900 {
        let mut values = performance.values(f64::from(n) / 30.0, &mut random);
        for (i, value) in values[..UNITS].iter_mut().enumerate() {
            let rest = 0.02 + 0.002 * i as f32;
            *value = rest + (1.0 - rest) * *value * f32::from(n >= 90);
        }
        values[52] += 0.3;
        csv += &row(100.0 + f64::from(n) / 30.0, &values);
    }
    let recording = read_csv(csv.as_bytes()).unwrap();
    let mut estimator = NeutralEstimator::default();
    recording.samples[..60].iter().for_each(|sample| estimator.push(sample.signals.as_ref().unwrap()));
    let mut driver = driver(&recording);
    driver.set_neutral(estimator.median().unwrap());
    let mut frames = Vec::new();
    for sample in &recording.samples {
        driver.push(sample.seconds, None, sample.signals.as_deref(), &mut frames);
    }
    assert!(frames[80].latent.units.iter().all(|unit| *unit < 0.02), "{:?}", frames[80].latent.units);
    let turned = frames.iter().map(|frame| frame.head.rotation_vector().y.abs()).fold(0.0, f32::max);
    assert!(turned < 0.25, "{turned}: the phone's place is taken for the head's");
    // What is above the offset comes out as it went in.
    let truth = performance.at(20.0).units;
    for unit in [U::MouthSmileLeft, U::CheekSquintLeft] {
        assert!((frames[600].latent.unit(unit) - truth[unit as usize]).abs() < 0.05, "{}", unit.name());
    }
}

/// A minute at 60 Hz in virtual time: 5 % lost, up to 12 ms late, and two seconds of silence. The session's clock moves in
/// steps of 20 ms, as a program's does.
fn live_session(neutral_seconds: f64) -> (Vec<FaceFrame>, Driver, Performance) {
    let performance = Performance::hello();
    let mut random = Random::new(8);
    let mut sent: Vec<(f64, Vec<u8>)> = Vec::new();
    for n in 0..3600 {
        let seconds = f64::from(n) / 60.0;
        let values = performance.values(seconds, &mut random);
        if random.below(20) > 0 && !(30.0..32.0).contains(&seconds) {
            let arrival = 5.0 + seconds + f64::from(random.uniform(0.001, 0.012));
            sent.push((arrival, datagram(86_390.0 + seconds, Some(&values))));
        }
    }
    sent.sort_by(|a, b| a.0.total_cmp(&b.0));

    let mut driver = Driver::new(&plain_latent_model(0), DriverOptions::default()).unwrap();
    driver.set_clock(1.0 / 60.0, Some(SECONDS_A_DAY));
    driver.calibrate_first(neutral_seconds);
    let (mut stream, mut frames) = (LiveLinkStream::default(), Vec::new());
    let mut sent = sent.into_iter().peekable();
    for tick in 0..3400 {
        let now = f64::from(tick) * 0.02;
        while let Some((arrival, datagram)) = sent.next_if(|(arrival, _)| *arrival <= now) {
            let Received { seconds, interval, signals } = stream.receive(&datagram).unwrap();
            assert_eq!(interval, Some(1.0 / 60.0));
            driver.push(seconds, Some(arrival), signals.as_ref(), &mut frames);
        }
        driver.advance(now, &mut frames);
    }
    driver.finish(&mut frames);
    assert_eq!(stream.notes().malformed, 0);
    (frames, driver, performance)
}

#[test]
fn a_minute_of_a_live_stream_with_loss_is_steady() {
    let (frames, driver, performance) = live_session(0.0);
    let counts = driver.counts();
    assert!(counts.tracked > 3200, "{counts:?}");
    assert_eq!(counts.clock.wraps, 1, "{counts:?}");
    assert!((1..=4).contains(&counts.gaps), "{counts:?}");
    assert!(counts.delay_frames_max <= 1.0);
    assert_steady(&frames, &performance.speeds(60.0));
    // The sender fell silent at 60 s; the face has come to rest since.
    let last = frames.last().unwrap();
    assert!((60.9..62.0).contains(&last.time.as_seconds()), "{}", last.time.as_seconds());
    assert_eq!(last.latent.units, [0.0; UNITS]);
    let before: Vec<FaceFrame> =
        frames.into_iter().filter(|frame| (3.0..29.9).contains(&frame.time.as_seconds())).collect();
    for unit in [U::JawOpen, U::EyeBlinkLeft, U::MouthPucker] {
        let delay = delay(&before, &performance, unit, 60.0, 0.0);
        assert!((0.0..=1.0).contains(&delay), "{}: {delay} frames", unit.name());
    }
}

#[test]
fn a_live_calibration_sets_in_without_a_pop() {
    let (frames, driver, performance) = live_session(1.5);
    assert!(driver.neutral().units.iter().any(|unit| *unit > 0.0));
    assert_steady(&frames, &performance.speeds(60.0));
    assert!(frames[0].head.rotation_vector().length() < 1e-3, "the head begins where it rests");
    for pair in frames.windows(2) {
        let dt = pair[1].time.as_seconds() - pair[0].time.as_seconds();
        let turned = pair[0].head.rotation.angle_between(pair[1].head.rotation);
        assert!(f64::from(turned) < 3.0 * dt, "{turned} in {dt} s at {}", pair[1].time.as_seconds());
    }
}

#[test]
fn an_avatar_without_meaning_is_not_driven() {
    let model = LatentModel { semantic: Semantic::None, ..plain_latent_model(3) };
    assert_eq!(Driver::new(&model, DriverOptions::default()).unwrap_err(), DriverError::Semantic);
    let model = LatentModel { axes: Vec::new(), ..plain_latent_model(3) };
    assert_eq!(Driver::new(&model, DriverOptions::default()).unwrap_err(), DriverError::Axes(0));
}

#[test]
fn what_comes_out_is_what_the_avatar_was_trained_on() {
    let mut model = plain_latent_model(0);
    model.axes[U::JawOpen as usize].max = 0.4;
    model.axes[U::TongueOut as usize].max = 0.0;
    let recording = read_csv(b"Timecode,JawOpen,TongueOut\n1:0:0:0,0.9,0.9\n1:0:0:1,0.9,0.9").unwrap();
    let mut driver = Driver::new(&model, DriverOptions::default()).unwrap();
    let mut frames = Vec::new();
    for sample in &recording.samples {
        driver.push(sample.seconds, None, sample.signals.as_deref(), &mut frames);
    }
    let last = frames.last().unwrap().latent;
    assert_eq!((last.unit(U::JawOpen), last.unit(U::TongueOut)), (0.4, 0.0));
}

#[test]
fn datagrams_are_read_and_named_if_wrong() {
    let values: [f32; 61] = std::array::from_fn(|i| i as f32 * 0.01);
    let good = datagram(3600.5, Some(&values));
    let packet = LiveLinkPacket::read(&good).unwrap();
    assert_eq!((packet.subject, packet.values), (&b"iPhone"[..], Some(values)));
    assert!((packet.seconds - 3600.5).abs() < 1e-6 && packet.rate == 60.0);
    assert_eq!(LiveLinkPacket::read(&datagram(1.0, None)).unwrap().values, None);
    for length in 0..good.len() {
        let read = LiveLinkPacket::read(&good[..length]);
        let is_before_values = length == good.len() - 61 * 4 - 1;
        assert!(is_before_values || matches!(read, Err(PacketError::Cut(_))), "{length}: {read:?}");
    }
    assert_eq!(LiveLinkPacket::read(&[5; 300]), Err(PacketError::Version(5)));
    assert_eq!(
        LiveLinkPacket::read(&[6; 300]),
        Err(PacketError::Name { field: "device", bytes: 0x0606_0606 })
    );
    assert_eq!(LiveLinkPacket::read(&[6; 3000]), Err(PacketError::TooLong(3000)));
    let mut stream = LiveLinkStream::default();
    assert!(stream.receive(&good).is_some());
    let mut other = good.clone();
    other[10] ^= 1;
    assert!(stream.receive(&other).is_none() && stream.receive(b"hello").is_none());
    assert_eq!((stream.notes().ignored, stream.notes().malformed), (1, 1));
}

/// A few rows that damage is done to.
fn short_csv() -> Vec<u8> {
    let performance = Performance::hello();
    let mut random = Random::new(1);
    let rows =
        (0..20).map(|n| row(50.0 + f64::from(n) / 30.0, &performance.values(f64::from(n), &mut random)));
    (header() + &rows.collect::<String>()).into_bytes()
}

fn assert_driven(recording: &Recording) {
    let (frames, _) = drive(recording);
    // Twenty rows: a frame each, and what fills a gap before each of them at most.
    assert!(frames.len() <= recording.samples.len() * 100);
    for pair in frames.windows(2) {
        assert!(pair[1].time > pair[0].time);
    }
    assert!(frames.iter().all(|frame| frame.latent.is_finite() && frame.head.is_valid()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn damaged_tables_are_survived(damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..40)) {
        let mut csv = short_csv();
        for (at, byte) in damage {
            let at = at.index(csv.len());
            csv[at] = byte;
        }
        if let Ok(recording) = read_csv(&csv) {
            assert_driven(&recording);
        }
    }

    #[test]
    fn tables_with_lines_moved_about_are_survived(order in prop::collection::vec(0usize..22, 0..60), cut in 0usize..60) {
        let csv = short_csv();
        let lines: Vec<&[u8]> = csv.split(|&byte| byte == b'\n').collect();
        let mut moved = lines[0].to_vec();
        for index in order {
            moved.push(b'\n');
            moved.extend_from_slice(lines.get(index).copied().unwrap_or_default());
        }
        moved.truncate(moved.len().saturating_sub(cut));
        if let Ok(recording) = read_csv(&moved) {
            assert_driven(&recording);
        }
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = read_csv(&bytes);
        let _ = visavis_codec::drive::performance::read_csv(&bytes);
        let _ = LiveLinkStream::default().receive(&bytes);
    }

    #[test]
    fn damaged_datagrams_are_survived(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..20),
        cut in any::<prop::sample::Index>(),
        arrivals in prop::collection::vec(-1e9f64..1e9, 1..20),
    ) {
        let mut bytes = datagram(7.0, Some(&[0.3; 61]));
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let mut stream = LiveLinkStream::default();
        let mut driver = Driver::new(&plain_latent_model(0), DriverOptions::default()).unwrap();
        let mut frames = Vec::new();
        for (n, arrival) in arrivals.into_iter().enumerate() {
            let bytes = if n == 0 { &bytes[..] } else { &bytes[..cut.index(bytes.len())] };
            if let Some(Received { seconds, interval, signals }) = stream.receive(bytes) {
                driver.set_clock(interval.unwrap_or(0.1), Some(SECONDS_A_DAY));
                driver.push(seconds, Some(arrival), signals.as_ref(), &mut frames);
            }
            driver.advance(arrival, &mut frames);
        }
        assert!(frames.len() < 20 * 100);
        assert!(frames.iter().all(|frame| frame.latent.is_finite() && frame.head.is_valid()));
    }
}
