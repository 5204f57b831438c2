//! Voices over bad networks, in virtual time: what comes out is what went in, at the right time, and with the face.

#[path = "voice/measure.rs"]
mod measure;
#[path = "voice/network.rs"]
mod network;

use measure::{best_lag, largest_step, segmental_snr_db, spectral_distance_db};
use network::{MILLISECOND, Network, OURS, Path, Receiver, THEIRS, encode, endless, hello, talking};
use std::time::Duration;
use visavis_codec::Timestamp;
use visavis_codec::testing::Random;
use visavis_impair::{Impairment, Link, Loss};
use visavis_net::voice::{
    EncodedVoice, VoiceBuffer, VoiceBufferOptions, VoiceDecoder, VoiceEncoder, VoiceFrame, VoiceOptions,
    VoicePacket,
};

/// A voice is within so much of the face wherever they are shown together, seconds.
const IN_STEP: f64 = 0.020;
const TALKING: VoiceOptions =
    VoiceOptions { bitrate: 24_000, frame: VoiceFrame::Ms20, expected_loss: 0.15, dtx: false };

/// All packets decoded, one after the other; those that `is_lost` says are silence.
fn decode(packets: &[EncodedVoice], is_lost: impl Fn(usize) -> bool) -> Vec<f32> {
    let mut decoder = VoiceDecoder::new().unwrap();
    let mut out = Vec::new();
    for (n, packet) in packets.iter().enumerate() {
        let opus = VoicePacket::read(&packet.payload).unwrap();
        if is_lost(n) {
            out.resize(out.len() + opus.samples(), 0.0);
        } else {
            out.extend_from_slice(decoder.decode(opus.opus).unwrap());
        }
    }
    out
}

fn play(packets: &[EncodedVoice], network: &Network) -> Receiver {
    let mut receiver = Receiver::new(VoiceBufferOptions::default());
    let mut path = Path::new(network);
    for packet in packets {
        // Sent when its last sample was captured.
        let samples = VoicePacket::read(&packet.payload).unwrap().samples() as u64;
        let sent = Timestamp(packet.capture.0 + samples * MILLISECOND / 48);
        receiver.send_voice(path.carry(sent), packet);
    }
    receiver.run(OURS + 11_900 * MILLISECOND);
    receiver
}

#[test]
fn what_is_heard_is_what_was_said_when_it_says_it_was() {
    let voice = hello();
    let packets = encode(&voice, TALKING);
    let receiver = play(&packets, &Network { jitter: 15.0, ..Network::default() });
    let statistics = receiver.voice.statistics();
    // Against the microphone itself: the codec's own delay is accounted for.
    let (wanted, heard) = receiver.beside(&voice, Timestamp(THEIRS), 1.0);
    let (lag, likeness) = best_lag(&wanted, &heard, 480);
    eprintln!("lag {lag} samples, likeness {likeness}, {statistics:?}");
    assert!(lag.abs() <= 48 && likeness > 0.9, "{lag} samples, {likeness}");
    assert!(statistics.concealed_ratio() < 0.01, "{statistics:?}");
    assert!(statistics.delay.as_secs_f64() < 0.060, "{statistics:?}");
    let clean = decode(&packets, |_| false);
    let (wanted, heard) = receiver.beside(&clean, packets[0].capture, 1.0);
    let distance = spectral_distance_db(&wanted, &heard);
    assert!(distance < 2.5, "{distance} dB");
}

#[test]
fn a_tenth_of_the_packets_may_be_lost() {
    let packets = encode(&hello(), TALKING);
    let clean = decode(&packets, |_| false);
    for (what, network, most) in [
        ("10 % at random", Network { loss: 0.1, seed: 5, ..Network::default() }, 0.6),
        ("bursts of 60 ms, 10 %", Network { burst: (0.035, 0.33), seed: 6, ..Network::default() }, 0.75),
        ("bursts of 100 ms, 30 %", Network { burst: (0.086, 0.2), seed: 7, ..Network::default() }, 0.85),
        (
            "10 % at random, 40 ± 15 ms",
            Network { loss: 0.1, delay: 25.0, jitter: 30.0, seed: 8, ..Network::default() },
            0.6,
        ),
    ] {
        let mut path = Path::new(&network);
        let lost: Vec<bool> = packets.iter().map(|packet| path.carry(packet.capture).is_none()).collect();
        let share = lost.iter().filter(|&&lost| lost).count() as f64 / lost.len() as f64;
        let gaps = decode(&packets, |n| lost[n]);
        let receiver = play(&packets, &network);
        let statistics = receiver.voice.statistics();
        let (wanted, heard) = receiver.beside(&clean, packets[0].capture, 2.0);
        let (_, silent) = {
            let from = (2.0 * 48_000.0) as usize;
            (0, (clean[from..].to_vec(), gaps[from..].to_vec()))
        };
        let ours = (spectral_distance_db(&wanted, &heard), segmental_snr_db(&wanted, &heard));
        let none = (spectral_distance_db(&silent.0, &silent.1), segmental_snr_db(&silent.0, &silent.1));
        eprintln!(
            "{what}: lost {:.1} %, recovered {}, concealed {:.1} %, delay {:.0} ms; spectral distance {:.2} dB (silence \
             instead: {:.2}), segmental SNR {:.1} dB ({:.1})",
            100.0 * share,
            statistics.recovered,
            100.0 * statistics.concealed_ratio(),
            statistics.delay.as_secs_f64() * 1e3,
            ours.0,
            none.0,
            ours.1,
            none.1
        );
        assert!(ours.0 < most * none.0, "{what}: {ours:?} against {none:?}");
        assert!(statistics.concealed_ratio() < 0.9 * share, "{what}: {statistics:?}");
        assert!(largest_step(&heard) < 1.3 * largest_step(&wanted) + 0.02, "{what}");
    }
}

#[test]
fn sounds_that_come_again_carry_a_voice_over_bursts() {
    let options = VoiceOptions { bitrate: 16_000, frame: VoiceFrame::Ms40, ..TALKING };
    let packets = encode(&hello(), options);
    let mut concealed = [0.0; 2];
    for (copies, concealed) in [0, 3].into_iter().zip(&mut concealed) {
        for seed in 0..8 {
            let bad = Impairment {
                delay: Duration::from_millis(40),
                loss: Loss::Bursts { share: 0.3, longest: Duration::from_millis(100) },
                ..Impairment::default()
            };
            let mut link = Link::new(bad, seed);
            let mut receiver = Receiver::new(VoiceBufferOptions::default());
            for n in 0..packets.len() {
                let sent = Duration::from_nanos(packets[n].capture.0 + 40 * MILLISECOND - THEIRS);
                link.send(sent, 300, n);
            }
            let mut came = vec![false; packets.len()];
            while let Some(at) = link.next() {
                let newest = link.receive(at).unwrap();
                // As the call does: what was heard already doesn't go out again.
                for n in newest.saturating_sub(copies)..=newest {
                    if !std::mem::replace(&mut came[n], true) {
                        let arrival = Timestamp(OURS + at.as_nanos() as u64);
                        receiver.send_voice(Some(arrival), &packets[n]);
                    }
                }
            }
            receiver.run(OURS + 11_900 * MILLISECOND);
            *concealed += receiver.voice.statistics().concealed_ratio() / 8.0;
            let delay = receiver.worst_delay[0];
            assert!(delay < 0.35, "{copies} copies, seed {seed}: {delay} s");
        }
    }
    eprintln!("concealed without copies and with: {concealed:?}");
    assert!(concealed[0] > 0.08, "{concealed:?}");
    assert!(concealed[1] < 0.04, "{concealed:?}");
}

#[test]
fn stretching_makes_no_clicks() {
    let voice = hello();
    let period = 48_000.0 / 150.0;
    let tone: Vec<f32> =
        (0..voice.len()).map(|n| 0.3 * (n as f32 * std::f32::consts::TAU / period).sin()).collect();
    for (what, voice, most) in [("a tone", &tone, 1.5), ("a voice", &voice, 1.2)] {
        let packets = encode(voice, TALKING);
        let clean = decode(&packets, |_| false);
        let mut receiver = Receiver::new(VoiceBufferOptions::default());
        let mut path = Path::new(&Network::default());
        for packet in &packets {
            receiver.send_voice(path.carry(Timestamp(packet.capture.0 + 20 * MILLISECOND)), packet);
        }
        // Something that is shown with it wants it 100 ms later for two seconds, then doesn't, and again.
        for step in 0..119u64 {
            let now = Timestamp(OURS + step * 100 * MILLISECOND);
            if let Some(due) = receiver.voice.due(now) {
                let later = if step / 25 % 2 == 1 { 100 * MILLISECOND } else { 0 };
                receiver.voice.aim(Timestamp(due.0 - later), now);
            }
            receiver.run(now.0);
        }
        let statistics = receiver.voice.statistics();
        assert!(statistics.shortened >= 5 && statistics.lengthened >= 10, "{what}: {statistics:?}");
        assert_eq!((statistics.resyncs, statistics.clock_jumps), (0, 0));
        let heard = &receiver.heard[48_000..];
        let (found, own) = (largest_step(heard), largest_step(&clean[48_000..clean.len() - 960]));
        eprintln!("{what}: largest step {found}, in what was sent {own}; {statistics:?}");
        assert!(found < most * own, "{what}: {found} against {own}");
    }
}

/// An hour of talk, voice and face, at the greatest drift of both ends.
#[test]
fn clocks_drift_for_an_hour_and_voice_and_face_stay_in_step() {
    let packets = encode(&hello(), VoiceOptions { frame: VoiceFrame::Ms60, bitrate: 24_000, ..TALKING });
    for (drift, device) in [(200.0, -200.0), (-200.0, 200.0)] {
        let network = Network { drift, delay: 25.0, jitter: 30.0, loss: 0.01, ..Network::default() };
        let mut receiver =
            Receiver::new(VoiceBufferOptions { rate: 16_000, ..VoiceBufferOptions::default() });
        (receiver.device_drift, receiver.device_delay) = (device, 20 * MILLISECOND);
        receiver.keeps_sound = false;
        let [mut voices, mut faces] = [1, 2].map(|seed| Path::new(&Network { seed, ..network.clone() }));
        let mut face = THEIRS;
        let mut early = None;
        for (n, packet) in endless(&packets, 60_000).enumerate() {
            let sent = Timestamp(packet.capture.0 + 60 * MILLISECOND);
            while face < sent.0 {
                receiver.send_face(faces.carry(Timestamp(face)), talking(Timestamp(face)));
                face += 33_333_333;
            }
            receiver.send_voice(voices.carry(sent), &packet);
            let now = OURS + (packet.capture.0.saturating_sub(THEIRS) as f64 / (1.0 + drift * 1e-6)) as u64;
            receiver.run(now);
            receiver.captures.clear();
            let minutes = n as f64 * 0.06 / 60.0;
            if (minutes - 1.0).abs() < 1e-9 {
                receiver.forget_worst();
            }
            if (minutes - 5.0).abs() < 1e-9 {
                early = Some(receiver.worst_delay);
                receiver.worst_delay = [0.0; 2];
            }
        }
        let (voice, face) = (receiver.voice.statistics(), receiver.face.statistics());
        let early = early.unwrap();
        eprintln!(
            "{drift} ppm, device {device} ppm: worst skew {:.1} ms, delays {:?} then {:?}; {voice:?} {face:?}",
            receiver.worst_skew * 1e3,
            early,
            receiver.worst_delay
        );
        assert!(receiver.worst_skew <= IN_STEP, "{}", receiver.worst_skew);
        for (early, late) in early.iter().zip(receiver.worst_delay) {
            assert!(late < early + 0.025, "{early} s at first, {late} s in the end");
        }
        assert!(voice.waiting.as_secs_f64() < 0.4, "{voice:?}");
        assert_eq!((voice.resyncs, voice.clock_jumps), (0, 0));
        assert!((voice.drift_ppm.unwrap() - drift).abs() < 30.0, "{voice:?}");
        // 1 % is lost, and some of that comes again.
        assert!(voice.concealed_ratio() < 0.0125, "{}", voice.concealed_ratio());
    }
}

#[test]
fn lips_move_with_the_voice_whichever_needs_the_longer_delay() {
    for (voice_jitter, face_jitter) in [(5.0, 60.0), (60.0, 5.0), (30.0, 30.0)] {
        let packets = encode(&hello(), TALKING);
        let mut receiver = Receiver::new(VoiceBufferOptions::default());
        receiver.device_delay = 30 * MILLISECOND;
        let path = |seed, jitter| Path::new(&Network { seed, jitter, ..Network::default() });
        let (mut voices, mut faces) = (path(1, voice_jitter), path(2, face_jitter));
        for packet in endless(&packets, 1500) {
            receiver.send_voice(voices.carry(Timestamp(packet.capture.0 + 20 * MILLISECOND)), &packet);
        }
        for n in 0..900 {
            let capture = Timestamp(THEIRS + n * 33_333_333);
            receiver.send_face(faces.carry(capture), talking(capture));
        }
        receiver.run(OURS + 10_000 * MILLISECOND);
        receiver.forget_worst();
        receiver.run(OURS + 29_000 * MILLISECOND);
        let (voice, face) = (receiver.voice.statistics(), receiver.face.statistics());
        eprintln!(
            "jitter {voice_jitter} and {face_jitter} ms: worst skew {:.1} ms, delays {:.0} and {:.0} ms",
            receiver.worst_skew * 1e3,
            receiver.worst_delay[0] * 1e3,
            receiver.worst_delay[1] * 1e3
        );
        assert!(receiver.worst_skew <= IN_STEP, "{}", receiver.worst_skew);
        assert!(voice.concealed_ratio() < 0.01 && face.concealed_ratio() < 0.01, "{voice:?} {face:?}");
        // What is shown is the face of that very moment: the jaw says when it is.
        for &(_, capture, jaw) in receiver.shown.iter().skip(400) {
            let truth = talking(capture.unwrap()).latent.units[17];
            assert!((jaw - truth).abs() < 0.05, "{capture:?}: {jaw} instead of {truth}");
        }
    }
}

#[test]
fn a_path_that_becomes_longer_is_followed_at_once() {
    let packets = encode(&hello(), TALKING);
    let network = Network { longer: Some((5.0, 250.0)), jitter: 10.0, ..Network::default() };
    let receiver = play(&packets, &network);
    let statistics = receiver.voice.statistics();
    assert_eq!(statistics.clock_jumps, 1, "{statistics:?}");
    // Less than a second of what was said is lost.
    assert!(statistics.concealed.as_secs_f64() < 0.9, "{statistics:?}");
    let clean = decode(&packets, |_| false);
    let (wanted, heard) = receiver.beside(&clean, packets[0].capture, 7.0);
    let (lag, likeness) = best_lag(&wanted, &heard, 480);
    assert!(lag.abs() <= 48 && likeness > 0.9, "{lag} samples, {likeness}");
    assert!(largest_step(&receiver.heard) < 1.3 * largest_step(&clean) + 0.02);
}

#[test]
fn silence_costs_next_to_nothing_and_is_no_loss() {
    let mut random = Random::new(3);
    let mut voice = hello();
    voice.truncate(3 * 48_000);
    // Five seconds of a quiet room, then a word again.
    voice.extend((0..5 * 48_000).map(|_| random.uniform(-2e-4, 2e-4)));
    let word = voice[24_000..72_000].to_vec();
    voice.extend(word);
    let mut packets = encode(&voice, VoiceOptions { dtx: true, ..TALKING });
    let quiet = packets
        .iter()
        .filter(|packet| (4_000..8_000).contains(&(packet.capture.0.saturating_sub(THEIRS) / MILLISECOND)))
        .count();
    assert!(quiet <= 24, "{quiet} packets in 4 s of silence");
    let mut receiver = Receiver::new(VoiceBufferOptions::default());
    let mut path = Path::new(&Network::default());
    for packet in packets.drain(..) {
        receiver.send_voice(path.carry(Timestamp(packet.capture.0 + 20 * MILLISECOND)), &packet);
    }
    receiver.run(OURS + 8_900 * MILLISECOND);
    let statistics = receiver.voice.statistics();
    eprintln!("{quiet} packets; {statistics:?}");
    assert!(statistics.concealed_ratio() < 0.01, "{statistics:?}");
    assert!(statistics.silent.as_secs_f64() > 3.5, "{statistics:?}");
}

#[test]
fn frames_may_change_their_length_and_rate_on_the_way() {
    let voice = hello();
    let mut encoder = VoiceEncoder::new(TALKING).unwrap();
    let mut packets = Vec::new();
    for (n, block) in voice.chunks(441).enumerate() {
        match n {
            300 => {
                encoder.set_frame(VoiceFrame::of_milliseconds(60));
                encoder.set_bitrate(8_000).unwrap();
            }
            700 => {
                encoder.set_frame(VoiceFrame::Ms40);
                encoder.set_bitrate(32_000).unwrap();
            }
            _ => {}
        }
        let capture = Timestamp(THEIRS + (n * 441) as u64 * 1_000_000_000 / 48_000);
        encoder.push(block, capture, &mut packets).unwrap();
    }
    assert_eq!(encoder.statistics().restarts, 0);
    let receiver = play(&packets, &Network::default());
    let statistics = receiver.voice.statistics();
    assert!(statistics.concealed_ratio() < 0.01, "{statistics:?}");
    let (wanted, heard) = receiver.beside(&voice, Timestamp(THEIRS), 1.0);
    let (lag, likeness) = best_lag(&wanted, &heard, 480);
    assert!(lag.abs() <= 60 && likeness > 0.8, "{lag} samples, {likeness}");
}

#[test]
fn hostile_packets_are_refused_and_nothing_grows() {
    let mut random = Random::new(11);
    let mut buffer = VoiceBuffer::new(VoiceBufferOptions::default()).unwrap();
    let mut out = [0.0f32; 480];
    for n in 0..20_000u64 {
        let length = random.below(64);
        let mut payload: Vec<u8> = (0..length).map(|_| random.next_u64() as u8).collect();
        if n % 2 == 0
            && let Some(first) = payload.first_mut()
        {
            *first &= 0x3f;
        }
        let now = Timestamp(OURS + n * 3 * MILLISECOND);
        let capture = Timestamp(random.next_u64() >> random.below(64));
        let _ = buffer.push(&payload, capture, now);
        if n % 3 == 0 {
            buffer.pull(now, Timestamp(now.0 + random.next_u64() % 50_000_000), &mut out);
            assert!(out.iter().all(|sample| sample.abs() <= 2.0), "{out:?}");
        }
    }
    let statistics = buffer.statistics();
    assert!(statistics.refused > 5_000, "{statistics:?}");
    // It recovers from all that as soon as somebody talks sense.
    let packets = encode(&hello(), TALKING);
    let mut loudest = 0.0f32;
    for packet in &packets {
        let now = Timestamp(OURS + 60_000 * MILLISECOND + packet.capture.0.saturating_sub(THEIRS));
        let _ = buffer.push(&packet.payload, packet.capture, now);
        for half in 0..2 {
            let now = Timestamp(now.0 + half * 10 * MILLISECOND);
            buffer.pull(now, now, &mut out);
            loudest = out.iter().fold(loudest, |loudest, sample| loudest.max(sample.abs()));
        }
    }
    assert!(loudest > 0.1, "{loudest}");
}
