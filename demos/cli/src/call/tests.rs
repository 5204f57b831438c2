//! The command's words.

use clap::Parser as _;

use super::*;

#[derive(Debug, clap::Parser)]
struct Line {
    #[command(flatten)]
    arguments: Arguments,
}

#[test]
fn what_makes_no_sense_is_refused() {
    let parse = |line: &str| Line::try_parse_from(line.split_whitespace());
    for good in [
        "call host",
        "call host --avatar a.avatar --drive udp://:11111 --record c.mcap",
        "call host --relay relay.example:4433/room --relay-token t",
        "call join visavis://h:1/x#y --headless --seconds 5",
        "call join @link --headless out.mp4 --size 256 --fps 15",
        "call join l --avatar a --drive voice --push-to-talk",
    ] {
        assert!(parse(good).is_ok(), "{good}: {:?}", parse(good).unwrap_err());
    }
    for wrong in [
        "call",
        "call join",
        "call host --drive a.mcap",
        "call host --repeat",
        "call host --relay r:1 --listen 127.0.0.1:0",
        "call host --relay-token t",
        "call host --seconds 0",
    ] {
        assert!(parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_relay_is_a_host_a_port_and_a_path() {
    let link = relay_link("relay.example:4433/room/7", Some("secret"), None).unwrap();
    assert_eq!((link.host(), link.port()), ("relay.example", 4433));
    assert!(link.to_string().contains("relay=1"));
    assert_eq!(relay_link("relay.example", None, None).unwrap().port(), 443);
    assert!(relay_link("relay.example:x", None, None).is_err());
    let error = relay_link("relay.example:1", None, Some("abc")).unwrap_err();
    assert!(error.to_string().contains("--relay-pin"), "{error}");
}

#[test]
fn a_link_is_kept_from_others_eyes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("link");
    write_secret(&path, "visavis://…").unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "visavis://…");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
