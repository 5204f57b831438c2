//! Messages as performers send them.

use rosc::{OscBundle, OscMessage, OscTime, encoder};

use super::*;

fn message(address: &str, args: Vec<OscType>) -> OscPacket {
    OscPacket::Message(OscMessage { addr: address.to_owned(), args })
}

fn blend(name: &str, value: f32) -> OscPacket {
    message("/VMC/Ext/Blend/Val", vec![OscType::String(name.to_owned()), OscType::Float(value)])
}

fn apply() -> OscPacket {
    message("/VMC/Ext/Blend/Apply", Vec::new())
}

fn bone(name: &str, rotation: [f32; 4]) -> OscPacket {
    let numbers = [0.0, 1.5, 0.2].into_iter().chain(rotation).map(OscType::Float);
    message("/VMC/Ext/Bone/Pos", std::iter::once(OscType::String(name.to_owned())).chain(numbers).collect())
}

fn bundle(seconds: u32, fractional: u32, content: Vec<OscPacket>) -> OscPacket {
    OscPacket::Bundle(OscBundle { timetag: OscTime { seconds, fractional }, content })
}

fn receive(receiver: &mut VmcReceiver, packet: &OscPacket, arrival: f64) -> Option<Received> {
    receiver.receive(&encoder::encode(packet).unwrap(), arrival)
}

use rosc::OscPacket;

#[test]
fn perfect_sync_names_are_the_units() {
    let mut receiver = VmcReceiver::default();
    let packet =
        bundle(0, 1, vec![blend("JawOpen", 0.5), blend("mouthsmileleft", 2.0), blend("A", 1.0), apply()]);
    let received = receive(&mut receiver, &packet, 3.0).unwrap();
    let units = received.signals.unwrap().units;
    assert_eq!((units[FaceUnit::JawOpen as usize], units[FaceUnit::MouthSmileLeft as usize]), (0.5, 1.0));
    assert_eq!(units[FaceUnit::MouthLowerDownLeft as usize], 0.0, "a preset beside the units");
    assert_eq!(received.seconds, 3.0);
    assert_eq!(*receiver.notes(), Notes::default());
}

#[test]
fn presets_are_translated() {
    let mut receiver = VmcReceiver::default();
    let packet = bundle(0, 1, vec![blend("A", 0.5), blend("Blink_L", 1.0), blend("nonsense", 1.0), apply()]);
    let units = receive(&mut receiver, &packet, 0.0).unwrap().signals.unwrap().units;
    assert!((units[FaceUnit::JawOpen as usize] - 0.3).abs() < 1e-6);
    assert_eq!((units[FaceUnit::EyeBlinkLeft as usize], units[FaceUnit::EyeBlinkRight as usize]), (1.0, 0.0));
    assert_eq!(receiver.notes().ignored, 1);
}

#[test]
fn a_frame_is_complete_with_apply() {
    let mut receiver = VmcReceiver::default();
    assert!(receive(&mut receiver, &blend("JawOpen", 0.4), 0.0).is_some(), "no Apply came yet");
    assert!(receive(&mut receiver, &apply(), 0.01).is_some());
    assert!(receive(&mut receiver, &blend("JawOpen", 0.6), 0.02).is_none());
    let units = receive(&mut receiver, &apply(), 0.03).unwrap().signals.unwrap().units;
    assert_eq!(units[FaceUnit::JawOpen as usize], 0.6);
}

#[test]
fn bones_turn_the_way_the_person_does() {
    let mut receiver = VmcReceiver::default();
    let half = 0.1f32;
    // In Unity a positive turn about +Y is to the person's right, about +X down.
    let right = [0.0, half.sin(), 0.0, half.cos()];
    let down = [half.sin(), 0.0, 0.0, half.cos()];
    let packet = bundle(
        0,
        1,
        vec![
            bone("Neck", right),
            bone("Head", right),
            bone("LeftEye", right),
            bone("RightEye", down),
            apply(),
        ],
    );
    let Signals { gaze, head, .. } = receive(&mut receiver, &packet, 0.0).unwrap().signals.unwrap();
    assert!((head.rotation_vector() - Vec3::new(0.0, -0.4, 0.0)).length() < 1e-5, "{head:?}");
    assert_eq!(head.translation, Vec3::ZERO);
    assert!((gaze.left_yaw + 0.2).abs() < 1e-5 && (gaze.right_pitch + 0.2).abs() < 1e-5, "{gaze:?}");
}

#[test]
fn time_tags_are_believed_while_they_go_on() {
    let mut receiver = VmcReceiver::default();
    let frame = |seconds, fractional| bundle(seconds, fractional, vec![blend("JawOpen", 0.1), apply()]);
    let mut at = |packet, arrival| receive(&mut receiver, &packet, arrival).unwrap().seconds;
    assert_eq!(at(frame(3_900_000_000, 0), 7.0), 7.0);
    assert_eq!(at(frame(3_900_000_000, 1 << 31), 7.6), 7.5);
    assert_eq!(at(frame(3_900_000_000, 1 << 31), 7.8), 7.8, "the tag repeats");
    assert_eq!(at(frame(0, 1), 8.0), 8.0, "at once");
}

#[test]
fn a_lost_track_is_a_dropout() {
    let mut receiver = VmcReceiver::default();
    let ok = |state| message("/VMC/Ext/OK", [1, 3, 0, state].map(OscType::Int).to_vec());
    receive(&mut receiver, &ok(0), 0.0);
    assert_eq!(receive(&mut receiver, &apply(), 0.1).unwrap().signals, None);
    receive(&mut receiver, &ok(1), 0.2);
    assert!(receive(&mut receiver, &apply(), 0.3).unwrap().signals.is_some());
    assert_eq!(receiver.notes().dropouts, 1);
}

#[test]
fn nesting_is_bounded() {
    let mut receiver = VmcReceiver::default();
    let mut packet = bundle(0, 1, vec![blend("JawOpen", 0.3), apply()]);
    for _ in 0..7 {
        packet = bundle(0, 1, vec![packet]);
    }
    assert!(receive(&mut receiver, &packet, 0.0).is_some());
    // As deep as a datagram can be; and deep in arrays.
    let mut bytes = Vec::new();
    for left in (0..800u32).rev() {
        bytes.extend_from_slice(b"#bundle\0\0\0\0\0\0\0\0\x01");
        bytes.extend_from_slice(&(left * 20).to_be_bytes());
    }
    assert!(receiver.receive(&bytes, 0.1).is_none());
    let mut bytes = b"/VMC/Ext/Blend/Val\0\0,".to_vec();
    bytes.extend(std::iter::repeat_n(b'[', 400));
    bytes.extend_from_slice(&[0; 4]);
    assert!(receiver.receive(&bytes, 0.2).is_none());
    assert!(receiver.receive(&[b'/'; 70_000], 0.3).is_none());
    assert_eq!(receiver.notes().malformed, 3);
    let said = receiver.notes().first.join("\n");
    assert!(said.contains("nested") && said.contains("array") && said.contains("70000"), "{said}");
}

#[test]
fn what_is_no_number_is_named() {
    let mut receiver = VmcReceiver::default();
    let wrong = [
        message("/VMC/Ext/Blend/Val", vec![OscType::String("JawOpen".into()), OscType::Float(f32::NAN)]),
        message("/VMC/Ext/Blend/Val", vec![OscType::Int(3)]),
        bone("Head", [0.0; 4]),
        message("/VMC/Ext/Bone/Pos", vec![OscType::String("Head".into()), OscType::Float(0.0)]),
    ];
    for packet in &wrong {
        assert_eq!(receive(&mut receiver, packet, 0.0), None);
    }
    assert_eq!(receiver.notes().malformed, wrong.len() as u64);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(500))]

    #[test]
    fn damaged_packets_are_survived(
        damage in proptest::collection::vec((0usize..4096, proptest::prelude::any::<u8>()), 0..30),
        cut in 0usize..4096,
    ) {
        let content = vec![
            blend("JawOpen", 0.5),
            bone("Head", [0.0, 0.1, 0.0, 0.99]),
            bundle(3_900_000_000, 0, vec![blend("A", 0.1), bone("LeftEye", [0.0, 0.0, 0.0, 1.0])]),
            apply(),
        ];
        let mut bytes = encoder::encode(&bundle(3_900_000_000, 7, content)).unwrap();
        let length = bytes.len();
        for (at, byte) in damage {
            bytes[at % length] = byte;
        }
        let mut receiver = VmcReceiver::default();
        for (n, bytes) in [&bytes[..], &bytes[..cut % length], &bytes[..]].into_iter().enumerate() {
            if let Some(Received { seconds, signals, .. }) = receiver.receive(bytes, n as f64) {
                assert!(seconds.is_finite() && signals.is_none_or(|signals| signals.is_valid()));
            }
        }
        assert!(receiver.notes().first.len() <= 8);
    }

    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..600)) {
        VmcReceiver::default().receive(&bytes, 0.0);
        VmcReceiver::default().receive(&[BUNDLE_HEAD, &bytes].concat(), 0.0);
    }
}

const BUNDLE_HEAD: &[u8] = b"#bundle\0\0\0\0\0\0\0\0\x01";
