//! The command's parts with a made-up avatar: a real socket, and the inputs that are told apart.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use visavis_codec::call::CallReader;
use visavis_codec::testing::{Preset, synthetic_avatar};
use visavis_codec::{FaceUnit, Timestamp};

use super::input::{Input, Kind};
use super::*;

/// A datagram of Live Link Face at this frame of the day, with one value for all units.
fn datagram(frame: u32, value: f32) -> Vec<u8> {
    let mut bytes = vec![6, 0, 0, 0, 1, b'D', 0, 0, 0, 1, b'S'];
    bytes.extend(frame.to_be_bytes());
    bytes.extend(0.5f32.to_be_bytes());
    bytes.extend([0, 0, 0, 60, 0, 0, 0, 1, 61]);
    for i in 0..61 {
        bytes.extend(if i < 52 { value } else { 0.0 }.to_be_bytes());
    }
    bytes
}

fn avatar(folder: &Path) -> avatar_file::AvatarFile {
    let path = folder.join("nobody.avatar");
    let mut avatar = synthetic_avatar(1, Preset::Tiny);
    avatar.manifest.name = "no body".to_owned();
    std::fs::write(&path, avatar.write().unwrap()).unwrap();
    avatar_file::read(&path).unwrap()
}

#[test]
fn a_live_stream_over_a_real_socket_becomes_a_call() {
    let folder = tempfile::tempdir().unwrap();
    let file = avatar(folder.path());
    let output = folder.path().join("live.mcap");
    let driver = Driver::new(&file.avatar.manifest.latent, DriverOptions::default()).unwrap();
    let recorder = Recorder::start(&output, &file, None, None).unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let to = socket.local_addr().unwrap();
    let sender = std::thread::spawn(move || {
        let from = UdpSocket::bind("127.0.0.1:0").unwrap();
        let start = Instant::now();
        for n in 0..90u32 {
            let due = Duration::from_secs_f64(f64::from(n) / 60.0);
            std::thread::sleep(due.saturating_sub(start.elapsed()));
            // One in twenty is lost, one is nonsense.
            if n % 20 != 7 {
                from.send_to(&datagram(600 + n, 0.2 + 0.1 * (n as f32 * 0.1).sin()), to).unwrap();
            }
            if n == 30 {
                from.send_to(b"nonsense", to).unwrap();
            }
        }
    });
    let session = Session::new(Kind::LiveLink, driver, recorder);
    let (recorder, report) = session.listen(&socket, Some(1.8)).unwrap();
    sender.join().unwrap();
    let report = report.finish(recorder, None).unwrap();
    assert_eq!(report["malformed"], 1);
    assert!(report["tracked"].as_u64().unwrap() >= 75, "{report}");
    assert_eq!(report["outputs"][0], output.display().to_string());

    let bytes = std::fs::read(&output).unwrap();
    let call = CallReader::new(&bytes).unwrap();
    let (id, sender) = call.senders().next().unwrap();
    assert_eq!((sender.name.as_str(), sender.avatar_name.as_str()), ("no-body", "no body"));
    let frames = call.faces(id).unwrap();
    assert_eq!(frames.len() as u64, report["frames"].as_u64().unwrap());
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn nobody_in_front_of_the_phone_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = avatar(folder.path());
    let driver = Driver::new(&file.avatar.manifest.latent, DriverOptions::default()).unwrap();
    let recorder = Recorder::start(&folder.path().join("live.mcap"), &file, None, None).unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let Err(error) = Session::new(Kind::Vmc, driver, recorder).listen(&socket, Some(0.1)) else { panic!() };
    assert!(error.to_string().contains("no face came (0 datagrams)"), "{error}");
    assert!(!folder.path().join("live.mcap").exists());
}

#[test]
fn inputs_are_told_apart() {
    let live = |kind, address: &str| Ok(Input::Live { kind, address: address.to_owned() });
    assert_eq!("take.csv".parse(), Ok(Input::File("take.csv".into())));
    assert_eq!("udp://:11111".parse(), live(Kind::LiveLink, "0.0.0.0:11111"));
    assert_eq!("osc://127.0.0.1:39539".parse(), live(Kind::Vmc, "127.0.0.1:39539"));
    assert_eq!("udp://[::1]:9".parse(), live(Kind::LiveLink, "[::1]:9"));
    for wrong in ["tcp://:1", "udp://", "udp://:x", "osc://host"] {
        assert!(wrong.parse::<Input>().is_err(), "{wrong}");
    }
}

#[test]
fn neutral_is_a_word_or_a_span() {
    assert_eq!("first".parse(), Ok(NeutralWhen::Span(0.0, 1.0)));
    assert_eq!("2-3.5".parse(), Ok(NeutralWhen::Span(2.0, 3.5)));
    for wrong in ["", "-", "3-2", "a-b", "nan-1"] {
        assert!(wrong.parse::<NeutralWhen>().is_err(), "{wrong}");
    }
}

#[test]
fn what_the_owners_profile_takes_away_is_never_coded() {
    let folder = tempfile::tempdir().unwrap();
    let file = avatar(folder.path());
    let profile = folder.path().join("mine.toml");
    std::fs::write(&profile, "version = 1\n[unit.browInnerUp]\ngain = 0\n").unwrap();
    let tuner = tuner(&profile, &file.avatar, &file.path).unwrap();
    let faces = |tuner| {
        let output = folder.path().join("call.mcap");
        let mut recorder = Recorder::start(&output, &file, None, tuner).unwrap();
        let mut frame = FaceFrame { time: Timestamp::from_seconds(1.0), ..FaceFrame::default() };
        *frame.latent.unit_mut(FaceUnit::BrowInnerUp) = 0.5;
        *frame.latent.unit_mut(FaceUnit::TongueOut) = 0.5;
        recorder.write(&mut vec![frame]).unwrap();
        recorder.finish().unwrap();
        let bytes = std::fs::read(&output).unwrap();
        let call = CallReader::new(&bytes).unwrap();
        let (id, _) = call.senders().next().unwrap();
        let latent = call.faces(id).unwrap()[0].latent;
        [FaceUnit::BrowInnerUp, FaceUnit::TongueOut].map(|unit| latent.unit(unit))
    };
    let [brow, tongue] = faces(None);
    assert!(brow > 0.3 && tongue > 0.3, "{brow} {tongue}");
    assert_eq!(faces(Some(tuner)), [0.0, tongue]);
}
