//! Two programs in a call over loopback: a recorded person speaks, another one listens and keeps what comes.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use visavis_codec::avatar::CartoonAvatar;
use visavis_codec::bitstream::{LatentWriter, Quantiser, WriterOptions};
use visavis_codec::call::{CallReader, CallWriter, MessageTimes, Sender, Voice};
use visavis_codec::testing::{Preset, synthetic_avatar};
use visavis_codec::{Avatar, FaceFrame, FaceUnit, Timestamp};
use visavis_net::identity::OwnerKey;

/// A busy machine may take so long for anything.
const PATIENCE: Duration = Duration::from_secs(60);
/// The performance, seconds; it is repeated.
const SECONDS: f64 = 4.0;
const RATE: u32 = 48_000;

/// Somebody opens the mouth and hums, for 200 ms of every half second, higher each time.
fn loudness(seconds: f64) -> f64 {
    let phase = seconds.rem_euclid(0.5);
    if phase < 0.2 { (std::f64::consts::PI * phase / 0.2).sin() } else { 0.0 }
}

/// A signed avatar, its owner's key, and a performance on it.
struct Stage {
    folder: tempfile::TempDir,
}

impl Stage {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut avatar = synthetic_avatar(1, Preset::Tiny);
        avatar.manifest.name = "nobody".to_owned();
        let key = OwnerKey::generate();
        key.save(&folder.path().join("nobody.key")).unwrap();
        let file = avatar.write().unwrap();
        let file = Avatar::sign_file(&file, &key.public().0, |root| key.sign_root(root)).unwrap();
        std::fs::write(folder.path().join("nobody.avatar"), &file).unwrap();

        let sender = Sender::new("speaker", "nobody", avatar.manifest.latent.clone());
        let mut writer = LatentWriter::new(Quantiser::new(&sender.latent).unwrap(), WriterOptions::stream());
        let mut call = CallWriter::new(std::io::Cursor::new(Vec::new())).unwrap();
        let id = call.add_sender(&sender).unwrap();
        let mut packet = Vec::new();
        for i in 0..(SECONDS * 30.0) as u64 {
            let time = Timestamp(i * 1_000_000_000 / 30);
            let mut frame = FaceFrame { time, ..FaceFrame::default() };
            *frame.latent.unit_mut(FaceUnit::JawOpen) = loudness(time.as_seconds()) as f32;
            writer.write(&frame, &mut packet).unwrap();
            call.write_face(id, MessageTimes::at_once(time), &packet).unwrap();
        }
        for block in 0..(SECONDS * 50.0) as u64 {
            let samples: Vec<i16> = (0..960)
                .map(|n| {
                    let time = (block * 960 + n) as f64 / f64::from(RATE);
                    let hertz = 150.0 + 40.0 * (time / 0.5).floor();
                    let hum = (time * hertz * std::f64::consts::TAU).sin()
                        + 0.4 * (time * 3.0 * hertz * std::f64::consts::TAU).sin();
                    (12_000.0 * loudness(time) * hum) as i16
                })
                .collect();
            call.write_audio(id, MessageTimes::at_once(Timestamp(block * 20_000_000)), &samples).unwrap();
        }
        std::fs::write(folder.path().join("talk.mcap"), call.finish().unwrap().into_inner()).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn start(&self, arguments: &[&str]) -> Running {
        let child = Command::new(env!("CARGO_BIN_EXE_visavis"))
            .args(arguments)
            .current_dir(self.folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Running(child)
    }

    /// The host, once its link is there.
    fn host(&self, more: &[&str]) -> Running {
        let mut line = vec!["--json", "call", "host", "--listen", "127.0.0.1:0", "--write-link", "link"];
        line.extend(["--avatar", "nobody.avatar", "--key", "nobody.key", "--drive", "talk.mcap", "--repeat"]);
        line.push("--headless");
        line.extend(more);
        let host = self.start(&line);
        let start = Instant::now();
        while !self.path("link").is_file() {
            assert!(start.elapsed() < PATIENCE, "no link");
            std::thread::sleep(Duration::from_millis(20));
        }
        host
    }
}

/// A program that runs, and ends with the test.
struct Running(Child);

impl Running {
    /// Ctrl-C.
    fn interrupt(&self) {
        let status = Command::new("kill").args(["-INT", &self.0.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// What it reports, once it has ended well.
    fn report(mut self) -> Value {
        let start = Instant::now();
        let status = loop {
            match self.0.try_wait().unwrap() {
                Some(status) => break status,
                None if start.elapsed() > PATIENCE => panic!("it doesn't end"),
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        };
        let mut said = String::new();
        for line in BufReader::new(self.0.stderr.take().unwrap()).lines() {
            said += &(line.unwrap() + "\n");
        }
        assert!(status.success(), "{said}");
        let report = serde_json::from_reader(self.0.stdout.take().unwrap());
        report.unwrap_or_else(|error| panic!("{error}: {said}"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How loud a recording's one sender is and how open its jaw, every 10 ms from its first sound.
fn envelope(path: &Path) -> (Vec<f64>, Vec<f64>) {
    let bytes = std::fs::read(path).unwrap();
    let call = CallReader::recover(&bytes).unwrap();
    let (id, sender) = call.senders().next().unwrap();
    let frames = call.faces(id).unwrap();
    let mut sound = call.sound(sender.audio.sample_rate, &[Voice { sender: id, shift: 0 }]).unwrap();
    let (start, end) = sound.span().unwrap();
    let mut samples = vec![0i16; ((end.0 - start.0) as f64 * 1e-9 * f64::from(RATE)) as usize];
    sound.read(start, 0, &mut samples).unwrap();
    let loud =
        samples.chunks_exact(480).map(|block| block.iter().map(|&s| f64::from(s).abs()).sum::<f64>() / 480.0);
    let loud: Vec<f64> = loud.collect();
    let jaw = (0..loud.len()).map(|n| {
        let time = start.0 + n as u64 * 10_000_000 + 5_000_000;
        let after = frames.partition_point(|frame| frame.time.0 <= time).clamp(1, frames.len() - 1);
        let (a, b) = (&frames[after - 1], &frames[after]);
        let part = (time as f64 - a.time.0 as f64) / (b.time.0 as f64 - a.time.0 as f64);
        let [a, b] = [a, b].map(|frame| f64::from(frame.latent.unit(FaceUnit::JawOpen)));
        a + (b - a) * part.clamp(0.0, 1.0)
    });
    let jaw = jaw.collect();
    (loud, jaw)
}

/// By how many steps `b` is most like a later `a`, and how much: −1..=1.
fn best_lag(a: &[f64], b: &[f64], most: i64) -> (i64, f64) {
    let length = a.len().min(b.len()) as i64;
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let likeness = |lag: i64| {
        let (mut product, mut a2, mut b2) = (0.0, 1e-9, 1e-9);
        for n in most..length - most {
            let (a, b) = (a[n as usize] - mean_a, b[(n + lag) as usize] - mean_b);
            product += a * b;
            a2 += a * a;
            b2 += b * b;
        }
        product / f64::sqrt(a2 * b2)
    };
    (-most..=most).map(|lag| (lag, likeness(lag))).max_by(|a, b| a.1.total_cmp(&b.1)).unwrap()
}

#[test]
fn two_programs_talk_and_what_comes_is_kept() {
    let stage = Stage::new();
    let host = stage.host(&[]);
    let guest = stage.start(&[
        "--json",
        "call",
        "join",
        "@link",
        "--headless",
        "--record",
        "kept.mcap",
        "--seconds",
        "8",
    ]);
    let guest = guest.report();
    host.interrupt();
    let host = host.report();
    let peer = &guest["peers"][0];
    assert_eq!((peer["name"].as_str(), peer["proven"].as_bool()), (Some("nobody"), Some(true)), "{guest:#}");
    assert!(peer["faces"].as_u64().unwrap() > 60, "{guest:#}");
    assert!(peer["voice_packets"].as_u64().unwrap() > 60, "{guest:#}");
    assert_eq!(peer["unreadable"], 0);
    assert!(peer["av_skew_ms"]["rms"].as_f64().unwrap() < 20.0, "{guest:#}");
    // The host saw that the guest recorded.
    assert_eq!(host["peers"][0]["recording"], true, "{host:#}");
    assert!(host["sent"]["faces"].as_u64().unwrap() > 60, "{host:#}");

    // What was kept is what was said, and lips move with it.
    let (loud, jaw) = envelope(&stage.path("kept.mcap"));
    assert!(loud.len() > 200, "{} blocks", loud.len());
    let (lag, likeness) = best_lag(&loud, &jaw, 20);
    assert!(lag.abs() <= 2 && likeness > 0.8, "{lag} of 10 ms, {likeness}");
}

/// The speaker's owner chose to be drawn: the listener's video shows the cartoon, as proven as anybody.
#[test]
fn who_joins_as_a_cartoon_is_seen_as_one() {
    let stage = Stage::new();
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/cartoons/mia.glb");
    let key = OwnerKey::generate();
    key.save(&stage.path("drawn.key")).unwrap();
    let like = Avatar::read(&std::fs::read(stage.path("nobody.avatar")).unwrap()).unwrap().manifest;
    let drawn =
        CartoonAvatar::new("mia".into(), like.licence, &like.latent, std::fs::read(model).unwrap()).write();
    let drawn = Avatar::sign_file(&drawn.unwrap(), &key.public().0, |root| key.sign_root(root)).unwrap();
    std::fs::write(stage.path("nobody.avatar"), &drawn).unwrap();
    std::fs::rename(stage.path("drawn.key"), stage.path("nobody.key")).unwrap();

    let host = stage.host(&[]);
    let film = ["--headless", "film/%04d.png", "--fps", "2", "--size", "96", "--background", "#000000"];
    let joined = [&["--json", "call", "join", "@link", "--seconds", "7"][..], &film].concat();
    let guest = stage.start(&joined).report();
    host.interrupt();
    host.report();
    let peer = &guest["peers"][0];
    assert_eq!((peer["avatar"].as_str(), peer["proven"].as_bool()), (Some("mia"), Some(true)), "{guest:#}");
    assert!(peer["faces"].as_u64().unwrap() > 30 && peer["unreadable"] == 0, "{guest:#}");
    let mut pictures: Vec<_> =
        std::fs::read_dir(stage.path("film")).unwrap().map(|entry| entry.unwrap().path()).collect();
    pictures.sort();
    let last = image::open(pictures.last().expect("pictures")).unwrap().to_rgb8();
    // Not the grey outline of who isn't proven: her pullover is blue.
    let blue = last.pixels().filter(|pixel| pixel[2] > pixel[0].saturating_add(40)).count();
    assert!(blue > 300, "{blue} blue pixels");
}

#[test]
fn a_recording_survives_the_program() {
    let stage = Stage::new();
    let host = stage.host(&[]);
    let mut guest = stage.start(&["call", "join", "@link", "--headless", "--record", "kept.mcap"]);
    let start = Instant::now();
    let kept = || {
        let bytes = std::fs::read(stage.path("kept.mcap")).ok()?;
        let call = CallReader::recover(&bytes).ok()?;
        let (id, _) = call.senders().next()?;
        Some(call.faces(id).ok()?.len())
    };
    while kept().unwrap_or(0) < 60 {
        assert!(start.elapsed() < PATIENCE, "nothing is kept");
        std::thread::sleep(Duration::from_millis(100));
    }
    guest.0.kill().unwrap();
    guest.0.wait().unwrap();
    assert!(kept().unwrap() >= 60);
    let (loud, jaw) = envelope(&stage.path("kept.mcap"));
    assert!(loud.len() > 150 && jaw.iter().any(|&jaw| jaw > 0.5));
    host.interrupt();
    host.report();
}

#[test]
fn wrong_words_are_named() {
    let stage = Stage::new();
    let said = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_visavis"))
            .args(arguments)
            .current_dir(stage.folder.path())
            .env("XDG_CONFIG_HOME", stage.folder.path()) // no key of whoever runs this
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, text) = said(&["call", "join", "https://example.com", "--headless"]);
    assert!(code == Some(1) && text.contains("LINK"), "{code:?} {text}");
    let named = ["call", "host", "--avatar", "nobody.avatar", "--drive", "gone.csv", "--headless"];
    let (code, text) = said(&named);
    assert!(code == Some(1) && text.contains("nobody.avatar") && text.contains("--key"), "{code:?} {text}");
    let (code, text) = said(&[&named[..], &["--key", "nobody.key"]].concat());
    assert!(code == Some(1) && text.contains("gone.csv"), "{code:?} {text}");
    let (code, text) = said(&["key", "new", "other.key"]);
    assert!(code == Some(0), "{code:?} {text}");
    let (code, text) = said(&[&named[..], &["--key", "other.key"]].concat());
    assert!(
        code == Some(1) && text.contains("owner's key is") && text.contains("key sign"),
        "{code:?} {text}"
    );
    let (code, text) = said(&["call", "host", "--drive", "talk.mcap"]);
    assert!(code == Some(2) && text.contains("--avatar"), "{code:?} {text}");
}
