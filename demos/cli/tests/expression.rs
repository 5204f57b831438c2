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
