//! An owner's key as a user meets it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use visavis_codec::testing::{Preset, synthetic_avatar};

fn run(home: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_visavis")).args(arguments).env("XDG_CONFIG_HOME", home).output().unwrap()
}

fn json(home: &Path, arguments: &[&str]) -> Value {
    let output = run(home, &[&["--json"], arguments].concat());
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("one JSON object on stdout")
}

fn error(home: &Path, arguments: &[&str]) -> String {
    let output = run(home, arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

fn avatar(folder: &Path) -> PathBuf {
    let path = folder.join("made-up.avatar");
    std::fs::write(&path, synthetic_avatar(3, Preset::Tiny).write().unwrap()).unwrap();
    path
}

#[test]
fn a_key_is_made_signs_and_is_taken_back() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let path = avatar(home);
    let path = path.to_str().unwrap();
    assert!(error(home, &["key", "show"]).contains("visavis key new"), "it says what to do");
    let public = json(home, &["key", "new"])["public_key"].as_str().unwrap().to_owned();
    assert_eq!(public.len(), 64);
    assert_eq!(json(home, &["key", "show"])["public_key"], *public);
    assert!(error(home, &["key", "new"]).contains("never overwritten"));
    let file = home.join("visavis/owner.key");
    let seed = std::fs::read_to_string(&file).unwrap().trim_end().rsplit(' ').next().unwrap().to_owned();

    assert!(error(home, &["key", "verify", path]).contains("names no owner"));
    let signed = home.join("mine.avatar");
    let signed = signed.to_str().unwrap();
    let report = json(home, &["key", "sign", path, "-o", signed]);
    assert_eq!(report["public_key"], *public);
    let verified = json(home, &["key", "verify", signed]);
    assert_eq!(
        (&verified["valid"], &verified["root_hash_blake3"]),
        (&Value::Bool(true), &report["root_hash_blake3"])
    );
    assert_eq!(json(home, &["inspect", signed])["signed"], true);
    assert_eq!(json(home, &["inspect", path])["signed"], false);

    // Another owner's avatar isn't signed by mistake.
    let other = home.join("other.key");
    let other = other.to_str().unwrap();
    json(home, &["key", "new", other]);
    assert!(error(home, &["key", "sign", signed, "--key", other]).contains("--replace"));
    json(
        home,
        &[
            "key",
            "sign",
            signed,
            "--key",
            other,
            "--replace",
            "-o",
            home.join("theirs.avatar").to_str().unwrap(),
        ],
    );

    // One bit.
    let mut bytes = std::fs::read(signed).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    let changed = home.join("changed.avatar");
    std::fs::write(&changed, bytes).unwrap();
    assert!(
        error(home, &["key", "verify", changed.to_str().unwrap()]).contains("changed since it was signed")
    );

    assert!(error(home, &["key", "revoke"]).contains("--yes"));
    let report = json(home, &["key", "revoke", "--yes"]);
    assert!(report["path"].as_str().unwrap().contains(&public));
    assert!(error(home, &["key", "verify", signed]).contains("revoked"));
    for arguments in [&["key", "show"][..], &["key", "revoke", "--yes"]] {
        let output = run(home, arguments);
        let shown = [output.stdout, output.stderr].concat();
        assert!(!String::from_utf8_lossy(&shown).contains(&seed), "the secret half is never shown");
    }
}

#[test]
fn wrong_usage_is_told_apart_from_failure() {
    let home = tempfile::tempdir().unwrap();
    assert_eq!(run(home.path(), &["key"]).status.code(), Some(2));
    assert_eq!(run(home.path(), &["key", "revoke", "--successor", "12"]).status.code(), Some(2));
    assert!(error(home.path(), &["key", "verify", "/nowhere.avatar"]).contains("/nowhere.avatar"));
}
