//! The program as a user runs it, on a made-up avatar and call.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use visavis_codec::bitstream::{LatentWriter, Quantiser, WriterOptions};
use visavis_codec::call::{CallWriter, MessageTimes, Sender};
use visavis_codec::testing::{Preset, random_head, random_latent, synthetic_avatar};
use visavis_codec::{Avatar, FaceFrame, Timestamp};

/// A call of 0.5 s beside its avatar.
struct Scene {
    folder: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut avatar = synthetic_avatar(1, Preset::Tiny);
        avatar.manifest.name = "nobody".to_owned();
        let file = avatar.write().unwrap();
        std::fs::write(folder.path().join("nobody.avatar"), &file).unwrap();

        let latent = avatar.manifest.latent.clone();
        let avatar_root = Some(Avatar::root_hash(&file).unwrap());
        let sender = Sender { avatar_root, ..Sender::new("speaker", "nobody", latent) };
        let mut writer = LatentWriter::new(Quantiser::new(&sender.latent).unwrap(), WriterOptions::stream());
        let mut call = CallWriter::new(std::io::Cursor::new(Vec::new())).unwrap();
        let id = call.add_sender(&sender).unwrap();
        let mut packet = Vec::new();
        for i in 0..15u64 {
            let time = Timestamp(7_000_000_000 + i * 1_000_000_000 / 30);
            let frame = FaceFrame { time, latent: random_latent(i / 5), head: random_head(i / 5) };
            writer.write(&frame, &mut packet).unwrap();
            call.write_face(id, MessageTimes::at_once(time), &packet).unwrap();
        }
        for block in 0..5u64 {
            let time = Timestamp(7_000_000_000 + block * 100_000_000);
            let hum: Vec<i16> = (0..4800).map(|i| ((i as f32 * 0.05).sin() * 9000.0) as i16).collect();
            call.write_audio(id, MessageTimes::at_once(time), &hum).unwrap();
        }
        std::fs::write(folder.path().join("call.mcap"), call.finish().unwrap().into_inner()).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_visavis"))
            .args(arguments)
            .current_dir(self.folder.path())
            .output()
            .unwrap()
    }

    /// Runs with `--json` and reads the answer.
    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[&["--json"], arguments].concat());
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("one JSON object on stdout")
    }

    /// Runs what must fail; the status and the message.
    fn failure(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.run(arguments);
        assert!(output.stdout.is_empty(), "{arguments:?}: something on stdout");
        (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

fn probe(path: &Path) -> Value {
    let arguments = ["-v", "error", "-count_frames", "-show_streams", "-show_format", "-of", "json"];
    let output = Command::new("ffprobe").args(arguments).arg(path).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_call_becomes_a_video_with_sound() {
    let scene = Scene::new();
    let report =
        scene.json(&["render", "call.mcap", "-o", "out/a.mp4", "--size", "96x80", "--executor", "cpu"]);
    assert_eq!(report["frames"], 15);
    assert_eq!(report["executor"], "cpu");
    assert_eq!((&report["width"], &report["height"]), (&Value::from(96), &Value::from(80)));
    assert_eq!(report["audio"], true);
    assert!((report["seconds"].as_f64().unwrap() - 0.5).abs() < 1e-9);

    let probe = probe(&scene.path("out/a.mp4"));
    let (picture, sound) = (&probe["streams"][0], &probe["streams"][1]);
    assert_eq!(
        (&picture["codec_name"], &picture["nb_read_frames"]),
        (&Value::from("h264"), &Value::from("15"))
    );
    assert_eq!(sound["codec_name"], "aac");
    let seconds: f64 = probe["format"]["duration"].as_str().unwrap().parse().unwrap();
    assert!((seconds - 0.5).abs() < 0.04, "{seconds}");
    let left: Vec<_> =
        std::fs::read_dir(scene.path("out")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["a.mp4"], "something temporary is left");
}

#[test]
fn a_call_of_a_broken_clock_is_rendered_where_one_asks() {
    let scene = Scene::new();
    let model = synthetic_avatar(1, Preset::Tiny).manifest.latent;
    let mut call = CallWriter::new(std::io::Cursor::new(Vec::new())).unwrap();
    let mut sender = Sender::new("speaker", "nobody", model.clone());
    let id = call.add_sender(&sender).unwrap();
    sender.name = "listener".to_owned();
    sender.audio.sample_rate = 16_000;
    let other = call.add_sender(&sender).unwrap();
    let mut packet = Vec::new();
    // The second frame says that it was captured a hundred years later.
    for seconds in [7, 3_160_000_000] {
        let time = Timestamp(seconds * 1_000_000_000);
        let frame = FaceFrame { time, latent: random_latent(1), head: random_head(1) };
        let mut writer = LatentWriter::new(Quantiser::new(&model).unwrap(), WriterOptions::stream());
        writer.write(&frame, &mut packet).unwrap();
        call.write_face(id, MessageTimes { capture: time, arrival: Timestamp(0) }, &packet).unwrap();
    }
    let times = MessageTimes::at_once(Timestamp(7_000_000_000));
    call.write_audio(other, times, &[1000; 1600]).unwrap();
    std::fs::write(scene.path("old.mcap"), call.finish().unwrap().into_inner()).unwrap();

    let render = ["render", "old.mcap", "-o", "a.mp4", "--size", "64", "--executor", "cpu"];
    let avatar = ["--avatar", "nobody.avatar"];
    let (status, message) = scene.failure(&[&render[..], &avatar].concat());
    assert_eq!(status, 1, "{message}");
    assert!(message.contains("old.mcap") && message.contains("--to"), "{message}");
    let report = scene.json(&[&render[..], &avatar, &["--to", "0.2"]].concat());
    assert_eq!((&report["frames"], &report["audio"]), (&Value::from(6), &Value::from(true)));
    let probe = probe(&scene.path("a.mp4"));
    assert_eq!(probe["streams"][1]["codec_name"], "aac");
}

#[test]
fn pictures_come_numbered_and_alike_from_both_executors() {
    let scene = Scene::new();
    let render = |executor: &str, pattern: &str| {
        let arguments =
            ["--size", "64", "--from", "0.1", "--to", "0.2", "--fps", "20", "--executor", executor];
        scene.json(&[&["render", "call.mcap", "-o", pattern], &arguments[..]].concat())
    };
    let report = render("cpu", "cpu/%03d.png");
    assert_eq!(report["frames"], 2);
    assert_eq!(report["outputs"], serde_json::json!(["cpu/000.png", "cpu/001.png"]));
    assert_eq!(report["audio"], false);
    render("reference", "reference/%03d.png");
    let read = |name: &str| image::open(scene.path(name)).unwrap().into_rgb8();
    let (ours, reference) = (read("cpu/001.png"), read("reference/001.png"));
    let far = ours.iter().zip(reference.iter()).filter(|(a, b)| a.abs_diff(**b) > 2).count();
    assert!(far * 100 < ours.len(), "{far} of {} values differ", ours.len());
    let wall = ours.get_pixel(0, 0).0;
    assert!(
        ours.pixels().filter(|p| p.0.iter().zip(wall).any(|(a, b)| a.abs_diff(b) > 40)).count() > 200,
        "no face"
    );
}

/// A recording of Live Link Face of two seconds, with a gap, a damaged row and one of NaN.
fn live_link_csv() -> String {
    let mut csv =
        "Timecode,BlendshapeCount,JawOpen,EyeBlinkLeft,EyeBlinkRight,HeadYaw,HeadPitch,HeadRoll\n".to_owned();
    for n in 0..60 {
        let time = format!("{}:{:06.3}", if n < 30 { "23:59:59" } else { "00:00:00" }, f64::from(n % 30));
        csv += &match n {
            10 => format!("{time},6,0.1,x,0,0,0,0\n"),
            11 => format!("{time},6,nan,0,0,0,0,0\n"),
            30..40 => format!("{time},0\n"),
            _ => format!("{time},6,{:.4},0.02,0.02,0.1,0,0\n", 0.3 + 0.2 * (f64::from(n) * 0.2).sin()),
        };
    }
    csv
}

#[test]
fn face_tracking_becomes_a_call_and_a_video() {
    let scene = Scene::new();
    std::fs::write(scene.path("take.csv"), live_link_csv()).unwrap();
    let drive = ["drive", "take.csv", "--avatar", "nobody.avatar", "-o"];
    let report = scene.json(&[&drive[..], &["take.mcap", "--neutral", "none"]].concat());
    for (field, value) in [("malformed", 2), ("dropouts", 10), ("gaps", 1), ("tracked", 48)] {
        assert_eq!(report[field], value, "{field} in {report}");
    }
    assert!(report["delay_added_frames"]["max"].as_f64().unwrap() <= 1.0);
    assert_eq!(scene.json(&["inspect", "take.mcap"])["kind"], "call");

    let video = ["clip/take.mp4", "--size", "64", "--executor", "cpu", "--fps", "15"];
    let report = scene.json(&[&drive[..], &video].concat());
    assert_eq!(report["outputs"][0], "clip/take.mp4");
    assert_eq!(report["render"]["fps"], 15.0);
    let frames = report["render"]["frames"].as_u64().unwrap();
    assert_eq!(probe(&scene.path("clip/take.mp4"))["streams"][0]["nb_read_frames"], frames.to_string());
    let left: Vec<_> =
        std::fs::read_dir(scene.path("clip")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["take.mp4"], "something temporary is left");
}

#[test]
fn driving_names_what_is_wrong() {
    let scene = Scene::new();
    std::fs::write(scene.path("take.csv"), live_link_csv()).unwrap();
    std::fs::write(scene.path("other.csv"), "a,b\n1,2\n").unwrap();
    std::fs::write(scene.path("map.json"), r#"{"version": 1, "units": {"smile": {}}}"#).unwrap();
    let says = |arguments: &[&str], status: i32, words: &[&str]| {
        let (code, message) = scene.failure(&[&["drive"], arguments].concat());
        assert_eq!(code, status, "{message}");
        for word in words {
            assert!(message.contains(word), "`{word}` is not in: {message}");
        }
    };
    let avatar = ["--avatar", "nobody.avatar", "-o"];
    let with = |input: &'static str, rest: &[&'static str]| [&[input], &avatar[..], rest].concat();
    says(&with("no.csv", &["a.mcap"]), 1, &["no.csv"]);
    says(&with("other.csv", &["a.mcap"]), 1, &["other.csv", "Timecode"]);
    says(&with("call.mcap", &["a.mcap"]), 1, &["call.mcap", "render"]);
    says(&with("take.csv", &["a.mcap", "--mapping", "map.json"]), 1, &["map.json", "smile"]);
    says(&with("take.csv", &["a.mcap", "--neutral", "7-8"]), 1, &["take.csv", "--neutral", "7 to 8"]);
    says(&with("take.csv", &["a.mcap", "--seconds", "3"]), 1, &["--seconds"]);
    says(&with("take.csv", &["a.mcap", "--size", "64"]), 1, &["--size"]);
    says(&with("take.csv", &["a.avi"]), 1, &["a.avi"]);
    says(&with("take.csv", &["a.mp4", "--camera", "below"]), 1, &["--camera"]);
    says(&with("tcp://:1", &["a.mcap"]), 2, &["tcp"]);
    says(&with("udp://127.0.0.1:0", &["a.mcap", "--seconds", "0.2"]), 1, &["no face came"]);
    assert!(!scene.path("a.mcap").exists());
}

#[test]
fn files_are_told_in_words_and_as_json() {
    let scene = Scene::new();
    let avatar = scene.json(&["inspect", "nobody.avatar"]);
    assert_eq!((&avatar["kind"], &avatar["name"]), (&Value::from("avatar"), &Value::from("nobody")));
    assert_eq!(avatar["bytes"], std::fs::metadata(scene.path("nobody.avatar")).unwrap().len());
    let call = scene.json(&["inspect", "call.mcap"]);
    assert_eq!(call["kind"], "call");
    assert_eq!(call["senders"][0]["face_packets"], 15);
    assert_eq!(call["senders"][0]["avatar_root_blake3"], avatar["root_hash_blake3"]);
    assert!((call["seconds"].as_f64().unwrap() - 0.5).abs() < 1e-6);
    let words = scene.run(&["inspect", "call.mcap"]);
    assert!(String::from_utf8_lossy(&words.stderr).contains("15 packets"));
    assert!(words.stdout.is_empty());
}

#[test]
fn bench_measures_every_stage_or_says_why_not() {
    let scene = Scene::new();
    let report = scene.json(&[
        "bench",
        "nobody.avatar",
        "--frames",
        "3",
        "--size",
        "64",
        "--executor",
        "cpu",
        "--threads",
        "1",
    ]);
    assert_eq!(report["executor"], "cpu");
    for name in ["adapter", "decode_macs", "pixel_macs", "shaded_pixels", "vertices", "avatar_bytes"] {
        assert!(!report[name].is_null(), "{name}");
    }
    let stages = ["decode_ms", "skin_ms", "raster_ms", "shade_ms", "composite_ms", "readback_ms", "frame_ms"];
    let median = |name: &str| report[name]["median"].as_f64().unwrap_or_else(|| panic!("{name}: {report}"));
    for name in stages {
        let (p10, p90) = (report[name]["p10"].as_f64().unwrap(), report[name]["p90"].as_f64().unwrap());
        assert!(0.0 <= p10 && p10 <= median(name) && median(name) <= p90, "{name}: {}", report[name]);
    }
    assert!(median("raster_ms") > 0.0 && median("raster_ms") < median("frame_ms"));
    // A picture of 64² in half floats, its depth and its way back are no less.
    let least = 64 * 64 * (8 + 4 + 4);
    match report["gpu_bytes"].as_u64() {
        Some(bytes) => assert!(bytes > least, "{bytes} bytes on the device"),
        None => assert!(report["gpu_bytes_reason"].is_string()),
    }
}

#[test]
fn failures_name_the_file_the_reason_and_the_fix() {
    let scene = Scene::new();
    let says = |arguments: &[&str], status: i32, words: &[&str]| {
        let (code, message) = scene.failure(arguments);
        assert_eq!(code, status, "{message}");
        for word in words {
            assert!(message.contains(word), "`{word}` is not in: {message}");
        }
    };
    says(&["render", "no.mcap", "-o", "a.mp4"], 1, &["no.mcap"]);
    says(&["render", "call.mcap", "-o", "a.avi"], 1, &["a.avi", ".mp4"]);
    says(&["render", "call.mcap", "-o", "a.mp4", "--size", "97"], 1, &["98x98"]);
    says(&["render", "call.mcap", "-o", "a.mp4", "--from", "9"], 1, &["--from 9", "0.50 s"]);
    says(&["render", "call.mcap", "-o", "a.mp4", "--sender", "x"], 1, &["`x`", "speaker"]);
    says(&["render", "call.mcap", "-o", "a.mp4", "--fps", "0"], 2, &["--fps"]);
    says(&["render", "nobody.avatar", "-o", "a.mp4"], 1, &["nobody.avatar", "MCAP"]);
    says(&["inspect", "."], 1, &["capture.json"]);
    says(&["frobnicate"], 2, &["frobnicate"]);

    let no_ffmpeg = Command::new(env!("CARGO_BIN_EXE_visavis"))
        .args(["render", "call.mcap", "-o", "a.mp4", "--executor", "reference"])
        .env("VISAVIS_FFMPEG", "/nonexistent/ffmpeg")
        .current_dir(scene.folder.path())
        .output()
        .unwrap();
    let message = String::from_utf8_lossy(&no_ffmpeg.stderr).into_owned();
    assert!(message.contains("install"), "{message}");

    // Another avatar of the same name is not taken for the one that was recorded, unless it is asked for.
    let other = synthetic_avatar(2, Preset::Tiny).write().unwrap();
    std::fs::write(scene.path("nobody.avatar"), other).unwrap();
    says(&["render", "call.mcap", "-o", "a.png", "--size", "64"], 1, &["nobody.avatar", "--avatar"]);
    let still = [
        "render",
        "call.mcap",
        "-o",
        "a.png",
        "--size",
        "64",
        "--avatar",
        "nobody.avatar",
        "--executor",
        "cpu",
    ];
    assert_eq!(scene.json(&still)["frames"], 1);
    assert!(!scene.path("a.mp4").exists());
}

#[cfg(unix)]
#[test]
fn ctrl_c_leaves_no_half_written_file() {
    let scene = Scene::new();
    let mut child = Command::new(env!("CARGO_BIN_EXE_visavis"))
        .args([
            "render",
            "call.mcap",
            "-o",
            "out/a.mp4",
            "--size",
            "256",
            "--fps",
            "240",
            "--executor",
            "reference",
        ])
        .current_dir(scene.folder.path())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let started = (0..600).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        std::fs::read_dir(scene.path("out")).is_ok_and(|mut entries| {
            entries.any(|entry| entry.is_ok_and(|e| e.file_name().to_string_lossy().ends_with(".mp4")))
        })
    });
    assert!(started, "the temporary file never appeared");
    assert!(
        Command::new("sh").args(["-c", &format!("kill -INT {}", child.id())]).status().unwrap().success()
    );
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert_eq!(std::fs::read_dir(scene.path("out")).unwrap().count(), 0);
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_a_live_recording_and_it_is_whole() {
    use std::io::BufRead as _;
    let scene = Scene::new();
    // A port that was free a moment ago.
    let port = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let input = format!("osc://127.0.0.1:{port}");
    let mut child = Command::new(env!("CARGO_BIN_EXE_visavis"))
        .args(["drive", &input, "--avatar", "nobody.avatar", "-o", "live.mcap"])
        .current_dir(scene.folder.path())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut said = std::io::BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("listening") {
        line.clear();
        assert!(said.read_line(&mut line).unwrap() > 0, "it ended");
    }
    for n in 0..60u32 {
        let mut message = b"/VMC/Ext/Blend/Val\0\0,sf\0JawOpen\0".to_vec();
        message.extend((0.3 + 0.2 * (n as f32 * 0.1).sin()).to_be_bytes());
        let _ = socket.send_to(&message, ("127.0.0.1", port));
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert!(
        Command::new("sh").args(["-c", &format!("kill -INT {}", child.id())]).status().unwrap().success()
    );
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let report = scene.json(&["inspect", "live.mcap"]);
    assert_eq!(report["kind"], "call", "{report}");
    let still = ["render", "live.mcap", "-o", "a.png", "--size", "64", "--executor", "cpu"];
    assert_eq!(scene.json(&still)["frames"], 1);
}

#[test]
fn the_codec_is_measured_in_both_forms_at_every_rung() {
    let scene = Scene::new();
    let table = "seconds,jawOpen,head_rotation_y\n0,0,0\n0.033,0.2,0.01\n0.067,0.5,0.02\n0.1,0.3,0.03\n";
    std::fs::write(scene.path("talk.csv"), table).unwrap();
    let report = scene.json(&[
        "bench",
        "codec",
        "nobody.avatar",
        "--performance",
        "talk.csv",
        "--frames",
        "4",
        "--chart",
        "codec.png",
    ]);
    let rungs = report["rungs"].as_array().unwrap();
    assert_eq!(rungs.len(), 14);
    let of = |form: &str, field: &str| -> Vec<f64> {
        let rungs = rungs.iter().filter(|rung| rung["form"] == form);
        rungs.map(|rung| rung[field].as_f64().unwrap()).collect()
    };
    let (stream, packet) = (of("stream", "kbit_per_s"), of("packet", "kbit_per_s"));
    assert!(stream.iter().zip(&packet).all(|(stream, packet)| stream < packet), "{stream:?} {packet:?}");
    assert!(stream[0] > stream[6] && of("packet", "psnr_db")[0] > of("packet", "psnr_db")[6]);
    assert!(report["encode_us"].as_f64().unwrap() > 0.0 && report["decode_us"].as_f64().unwrap() > 0.0);
    assert!(report["psnr_loss_reason"].is_string() && report.get("peers").is_none());
    let probe = probe(&scene.path("codec.png"));
    assert_eq!(probe["streams"][0]["width"], 960);

    let (status, message) = scene.failure(&["bench", "codec", "nobody.avatar", "--performance", "call.mcap"]);
    assert_eq!(status, 1);
    assert!(message.contains("call.mcap"), "{message}");
}

#[test]
fn steps_are_found_from_pictures_and_change_nothing_else() {
    let scene = Scene::new();
    let report = scene.json(&["quantise", "nobody.avatar", "-o", "fine.avatar"]);
    let read = |name: &str| Avatar::read(&std::fs::read(scene.path(name)).unwrap()).unwrap();
    let (before, mut after) = (read("nobody.avatar"), read("fine.avatar"));
    let steps: Vec<f32> = after.manifest.latent.axes.iter().map(|axis| axis.step).collect();
    assert_eq!(report["steps"].as_array().unwrap().len(), steps.len() + 6);
    assert!(Quantiser::new(&after.manifest.latent).is_ok());
    assert_ne!(before.manifest.latent, after.manifest.latent);
    after.manifest.latent = before.manifest.latent.clone();
    assert_eq!(before, after);
}

/// Arguments for a still in a room.
fn still<'a>(room: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut arguments =
        vec!["render", "call.mcap", "-o", "room.png", "--size", "96x54", "--frame", "3", "--scene", room];
    arguments.extend_from_slice(more);
    arguments
}

#[test]
fn a_call_is_rendered_in_a_room() {
    let scene = Scene::new();
    let room = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/scenes/cartoon_table.glb");
    let room = room.to_str().unwrap();
    let report = scene.json(&still(room, &["--place", "person_2"]));
    assert_eq!(report["frames"], 1);
    let with_person = image::open(scene.path("room.png")).unwrap().to_rgb8();
    assert_eq!(with_person.dimensions(), (96, 54));
    let different: std::collections::HashSet<_> = with_person.pixels().collect();
    assert!(different.len() > 200, "an empty picture");
    // About the person, in the room.
    scene.json(&still(room, &["--camera", "three-quarter,distance=1.5,fov=30", "--look", "photoreal"]));
    assert_ne!(image::open(scene.path("room.png")).unwrap().to_rgb8(), with_person);

    let (status, message) = scene.failure(&still(room, &["--place", "nowhere"]));
    assert!(
        status == 1 && message.contains("no node `nowhere`") && message.contains("person_2"),
        "{message}"
    );
    let (status, message) = scene.failure(&still(room, &["--scene-camera", "none"]));
    assert!(status == 1 && message.contains("no camera `none`") && message.contains("table"), "{message}");
    std::fs::write(scene.path("broken.glb"), b"glTF\x02\0\0\0 what").unwrap();
    let arguments = ["render", "call.mcap", "-o", "x.png", "--scene", "broken.glb"];
    let (status, message) = scene.failure(&arguments);
    assert!(status == 1 && message.contains("broken.glb: GLB header"), "{message}");
    let (status, _) = scene.failure(&["render", "call.mcap", "-o", "x.png", "--place", "person"]);
    assert_eq!(status, 2, "a place without a scene");
}

#[test]
fn a_person_may_appear_as_a_cartoon() {
    let scene = Scene::new();
    let asset = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets").join(name);
        path.to_str().unwrap().to_owned()
    };
    let mia = asset("cartoons/mia.glb");
    let made = scene.json(&["cartoon", &mia, "--like", "nobody.avatar", "-o", "mia.avatar"]);
    assert_eq!(made["units_found"].as_array().unwrap().len(), 52);
    assert_eq!((&made["units_missing"], &made["gaze"]), (&serde_json::json!([]), &"the eyes' nodes".into()));

    // It is told, signed and verified as any avatar is.
    let told = scene.json(&["inspect", "mia.avatar"]);
    assert_eq!(
        (&told["kind"], &told["form"], &told["signed"]),
        (&"avatar".into(), &"cartoon".into(), &false.into())
    );
    assert_eq!(told["root_hash_blake3"], made["root_hash_blake3"]);
    scene.json(&["key", "new", "owner.key"]);
    scene.json(&["key", "sign", "mia.avatar", "--key", "owner.key"]);
    let verified = scene.json(&["key", "verify", "mia.avatar"]);
    let told = scene.json(&["inspect", "mia.avatar"]);
    assert_eq!((&told["signed"], &told["owner_public_key"]), (&true.into(), &verified["public_key"]));
    assert_eq!(scene.json(&["inspect", "nobody.avatar"])["form"], "photoreal");

    // It says the call, alone and beside a captured person.
    let alone = ["render", "call.mcap", "--avatar", "mia.avatar", "--size", "96", "--frame", "3", "-o"];
    scene.json(&[&alone[..], &["alone.png"]].concat());
    scene.json(&[&alone[..], &["toon.png", "--look", "toon"]].concat());
    let [plain, toon] =
        ["alone.png", "toon.png"].map(|name| image::open(scene.path(name)).unwrap().to_rgb8());
    assert_ne!(plain, toon);
    let colours: std::collections::HashSet<_> = plain.pixels().collect();
    assert!(colours.len() > 500, "an empty picture");
    let room = asset("scenes/cartoon_table.glb");
    let both =
        ["--place", "person", "--place", "person_2", "--avatar", "nobody.avatar", "--avatar", "mia.avatar"];
    scene.json(&still(&room, &both));

    // What shows captured people alone says so.
    for (arguments, says) in [
        (vec!["eval", "mia.avatar", "nowhere"], "cartoon"),
        (vec!["render", "call.mcap", "--avatar", "nobody.avatar", "--look", "toon", "-o", "x.png"], "--look"),
        (
            vec!["render", "call.mcap", "--avatar", "mia.avatar", "--avatar", "mia.avatar", "-o", "x.png"],
            "--place",
        ),
        (vec!["cartoon", "call.mcap", "-o", "x.avatar"], "call.mcap"),
        (vec!["cartoon", &mia, "-o", "x.glb"], ".avatar"),
    ] {
        let (status, message) = scene.failure(&arguments);
        assert!(status == 1 && message.contains(says), "{arguments:?}: {message}");
    }
}
