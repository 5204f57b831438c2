//! Expression profiles as a user meets them, on the shipped avatar and call.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn asset(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets").join(name)
}

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_visavis")).args(arguments).output().unwrap()
}

fn json(arguments: &[&str]) -> Value {
    let output = run(&[&["--json"], arguments].concat());
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("one JSON object on stdout")
}

#[test]
fn tune_check_tells_every_number_that_was_promised() {
    let avatar = asset("avatars/wren.avatar");
    let report = json(&["tune-check", avatar.to_str().unwrap(), "--faces", "200"]);
    for name in ["smile_gain_error", "spill_ratio", "blink_gap_mm", "worst_penetration_mm"] {
        assert!(report[name].as_f64().is_some_and(f64::is_finite), "{name}: {report}");
    }
    assert_eq!(report["identity_bit_exact"], true);
    assert!(report["tune_us"]["median"].as_f64().unwrap() > 0.0);
    assert_eq!(report["penetration"]["lips"]["faces"], 200);
}

#[test]
fn a_recording_becomes_a_profile_that_tunes_its_rendering() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let call = asset("calls/hello.mcap");
    let call = call.to_str().unwrap();
    let report = json(&[
        "calibrate",
        call,
        "-o",
        &path("mine.toml"),
        "--towards",
        "warmer",
        "--size",
        "64",
        "--executor",
        "cpu",
    ]);
    assert!(report["frames"].as_u64().unwrap() > 300 && report["towards"] == "warmer", "{report}");
    assert!(report["units"]["mouthSmileLeft"]["gain"].as_f64().unwrap() > 1.0);
    for picture in ["mine.histograms.png", "mine.sheet.png"] {
        let size = image::image_dimensions(path(picture)).unwrap();
        assert!(size.0 > 200 && size.1 > 100, "{picture}: {size:?}");
    }

    let still = |out: &str, profile: &str| {
        let size = ["--size", "96", "--from", "0.1", "--executor", "cpu"];
        json(&[&["render", call, "-o", &path(out), "--profile", profile][..], &size].concat());
        std::fs::read(path(out)).unwrap()
    };
    let as_it_is = still("a.png", "as-i-am");
    assert_ne!(still("b.png", &path("mine.toml")), as_it_is, "a profile is seen");
    let plain = ["render", call, "-o", &path("c.png"), "--size", "96", "--from", "0.1", "--executor", "cpu"];
    json(&plain);
    assert_eq!(std::fs::read(path("c.png")).unwrap(), as_it_is, "and none is not");

    std::fs::write(path("mine.toml"), "version = 1\n[unit.mouthSmile]\ngains = 2\n").unwrap();
    let output = run(&["render", call, "-o", &path("d.png"), "--profile", &path("mine.toml")]);
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    for part in ["mine.toml", "line 3", "unit.mouthSmile.gains", "gain, curve"] {
        assert!(message.contains(part), "{part}: {message}");
    }
}

#[test]
fn a_table_teaches_as_a_call_does() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("p.toml");
    let (table, avatar) = (asset("performance/hello.csv"), asset("avatars/wren.avatar"));
    let (table, avatar, out) = (table.to_str().unwrap(), avatar.to_str().unwrap(), out.to_str().unwrap());
    let report =
        json(&["calibrate", table, "--avatar", avatar, "-o", out, "--size", "64", "--executor", "cpu"]);
    assert!(report["seconds"].as_f64().unwrap() > 10.0 && report["towards"] == "typical", "{report}");
    let output = run(&["calibrate", table, "-o", out]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--avatar"));
    assert_eq!(run(&["calibrate", table, "-o", out, "--towards", "happier"]).status.code(), Some(2));
}

#[test]
fn a_mapping_is_learned_and_drives() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let avatar = asset("avatars/wren.avatar");
    let avatar = avatar.to_str().unwrap();
    // A tracker that sees lids no more than half closed.
    let table = std::fs::read_to_string(asset("performance/hello.csv")).unwrap();
    let names: Vec<&str> = table.lines().next().unwrap().split(',').collect();
    let row = |line: &str| {
        let fields = line.split(',').zip(&names).map(|(field, name)| match field.parse::<f64>() {
            Ok(value) if name.starts_with("eyeBlink") => format!("{}", 0.5 * value),
            _ => field.to_owned(),
        });
        fields.collect::<Vec<_>>().join(",")
    };
    let weak: Vec<String> = table.lines().map(row).collect();
    std::fs::write(path("weak.csv"), weak.join("\n")).unwrap();
    let (weak, profile, mapping, call) = (path("weak.csv"), path("p.toml"), path("m.json"), path("c.mcap"));
    let calibrate = ["calibrate", &weak, "--avatar", avatar, "-o", &profile, "--mapping", &mapping];
    json(&[&calibrate[..], &["--size", "64", "--executor", "cpu"]].concat());
    let learned: serde_json::Value = serde_json::from_slice(&std::fs::read(&mapping).unwrap()).unwrap();
    for unit in ["eyeBlinkLeft", "eyeBlinkRight"] {
        let gain = learned["units"][unit]["gain"].as_f64().unwrap();
        assert!((1.6..=2.0).contains(&gain), "{learned}");
    }
    json(&["drive", &weak, "--avatar", avatar, "-o", &call, "--mapping", &mapping]);
    let output = run(&["calibrate", &call, "-o", &profile, "--mapping", &mapping]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("--mapping"), "a call is mapped already");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_captures_pictures_drive() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (avatar, capture) = (asset("avatars/wren.avatar"), asset("eval/wren"));
    let (avatar, capture) = (avatar.to_str().unwrap(), capture.to_str().unwrap());
    let call = path("talk.mcap");
    let drive = ["drive", capture, "--avatar", avatar, "-o", &call];
    let output = run(&drive);
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && message.contains("--segment"), "{message}");
    let segments: Vec<&str> = message.rsplit(": ").next().unwrap().trim().split(", ").collect();
    assert!(segments.len() >= 2, "it lists them: {message}");
    let report = json(&[&drive[..], &["--segment", segments[0]]].concat());
    let [frames, encoded] = ["frames", "encoded"].map(|key| report[key].as_u64().unwrap());
    assert!(
        frames > 10 && encoded == frames && report["kind"] == "capture",
        "every frame has a picture: {report}"
    );
    let output = run(&[&drive[..], &["--segment", segments[0], "--neutral", "auto"]].concat());
    assert_eq!(output.status.code(), Some(1));
}
