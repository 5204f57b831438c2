//! A call through a stock `moq-relay`, which is killed and started again; and read by MoQ clients that aren't ours. The relay is
//! not part of this repository: `MOQ_RELAY=~/.cargo/bin/moq-relay cargo test -p visavis-net --test relay -- --ignored`, and
//! with `MOQ_CLI=~/.cargo/bin/moq` (`cargo install moq-cli --version 0.14.10`) that reads, too.

use std::net::UdpSocket;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use visavis_net::call::{Call, CallOptions, Event, JoinOptions};
use visavis_net::catalogue::FaceTrack;
use visavis_net::link::JoinLink;
use visavis_net::seal::{CallSecret, JoinId, Opener, Salt, TrackId};

const PATIENCE: Duration = Duration::from_secs(40);

/// A running relay; killed when dropped.
struct Relay(Child);

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(port: u16, folder: &Path) -> Relay {
    start_with(port, folder, &[])
}

fn start_with(port: u16, folder: &Path, more: &[String]) -> Relay {
    let program = std::env::var("MOQ_RELAY").expect("MOQ_RELAY names the program moq-relay");
    let child = Command::new(program)
        .args(more)
        .args(["--listen", &format!("127.0.0.1:{port}"), "--auth-public", "**", "--log-level", "error"])
        .arg("--listen-tls-cert")
        .arg(folder.join("cert.pem"))
        .arg("--listen-tls-key")
        .arg(folder.join("key.pem"))
        .stdout(Stdio::null())
        .spawn();
    Relay(child.expect("moq-relay starts"))
}

/// RFC 7468.
fn pem(label: &str, der: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for (n, three) in der.chunks(3).enumerate() {
        let bits =
            three.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for digit in 0..4 {
            let value = (bits >> (18 - 6 * digit)) as usize & 63;
            text.push(if digit <= three.len() { char::from(DIGITS[value]) } else { '=' });
        }
        if n % 16 == 15 {
            text.push('\n');
        }
    }
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

async fn join(link: &JoinLink, name: &str) -> Call {
    let face = Some(FaceTrack { bitstream: 2, hertz: 30.0 });
    let call = CallOptions { name: name.into(), face, ..CallOptions::default() };
    Call::join(link.clone(), JoinOptions { give_up: PATIENCE, call, ..JoinOptions::default() }).await.unwrap()
}

/// Sends faces of `speaker` until `count` of those sent from now on came to `listener`.
async fn faces_come(speaker: &Call, listener: &Call, count: usize) {
    let mark = (Instant::now().elapsed().as_nanos() as u64).to_le_bytes();
    let talk = async {
        loop {
            speaker.send_face(&[&[0x55; 32][..], &mark].concat()).unwrap();
            sleep(Duration::from_millis(33)).await;
        }
    };
    let listen = async {
        let mut came = 0;
        while came < count {
            if let Some(Event::Face { from, .. }) = listener.next_event().await {
                came += usize::from(from == speaker.me());
            }
        }
    };
    tokio::select! {
        () = talk => {}
        came = timeout(PATIENCE, listen) => came.expect("faces come through the relay"),
    }
}

fn certificate(folder: &Path) -> [u8; 32] {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    std::fs::write(folder.join("cert.pem"), pem("CERTIFICATE", made.cert.der())).unwrap();
    std::fs::write(folder.join("key.pem"), pem("PRIVATE KEY", &made.signing_key.serialize_der())).unwrap();
    use sha2::Digest;
    sha2::Sha256::digest(made.cert.der()).into()
}

fn free_port() -> u16 {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The body of what an HTTP server answers, if that is 200.
async fn get(port: u16, path: &str) -> Option<Vec<u8>> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok()?;
    let request = format!("GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut answer)).await.ok()?.ok()?;
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    answer.starts_with(b"HTTP/1.0 200").then(|| answer.split_off(end))
}

/// A catalogue as it went over the wire: a version, a salt, and nothing that says more without the key.
fn check_catalogue(object: &[u8], of: &Call, secret: &CallSecret) {
    assert!(!object.windows(4).any(|four| four == b"Wren"), "nobody reads the name on its way");
    let (version, rest) = object.split_first().unwrap();
    let (salt, sealed) = rest.split_first_chunk::<16>().unwrap();
    assert_eq!(*version, 1);
    let join = JoinId { participant: of.me(), salt: Salt(*salt) };
    let mut opened = Vec::new();
    Opener::new(secret, &join, TrackId::Catalogue).open(sealed, &mut opened).unwrap();
    assert!(opened.windows(4).any(|four| four == b"Wren"), "with the key it is a catalogue");
}

/// The MoQ clients are a second stock relay, which reads what it is asked for by HTTP, and `moq fetch` where there is one.
#[tokio::test]
#[ignore = "needs a moq-relay: MOQ_RELAY=PROGRAM"]
async fn clients_that_are_not_ours_read_the_sealed_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let pin = certificate(folder.path());
    let (port, second, web) = (free_port(), free_port(), free_port());
    let _relay = start(port, folder.path());
    let secret = CallSecret::random();
    let link = JoinLink::to_relay("127.0.0.1", port, Some(pin), "calls", "", secret.clone()).unwrap();
    let (wren, robin) = (join(&link, "Wren").await, join(&link, "Robin").await);
    faces_come(&wren, &robin, 10).await;

    let root = folder.path().join("cert.pem").display().to_string();
    let more = [
        "--cluster-connect".to_owned(),
        format!("https://localhost:{port}/"),
        "--connect-tls-root".to_owned(),
        root.clone(),
        "--web-http-listen".to_owned(),
        format!("127.0.0.1:{web}"),
    ];
    let _second = start_with(second, folder.path(), &more);
    let broadcast = format!("calls/{}/{}", secret.call_id(), wren.me());
    let begin = Instant::now();
    let object = loop {
        if let Some(object) = get(web, &format!("/fetch/{broadcast}/catalogue")).await
            && !object.is_empty()
        {
            break object;
        }
        assert!(begin.elapsed() < PATIENCE, "the second relay doesn't have the catalogue");
        sleep(Duration::from_millis(200)).await;
    };
    check_catalogue(&object, &wren, &secret);
    // Proofs come while somebody speaks.
    let proof = async {
        loop {
            match get(web, &format!("/fetch/{broadcast}/proof")).await {
                Some(object) if !object.is_empty() => return object,
                _ => sleep(Duration::from_millis(200)).await,
            }
        }
    };
    let proof = tokio::select! {
        proof = timeout(PATIENCE, proof) => proof.expect("a checkpoint"),
        () = async { loop { faces_come(&wren, &robin, 10).await } } => unreachable!("talks on"),
    };
    eprintln!(
        "a second moq-relay read a catalogue of {} and a proof of {} sealed bytes",
        object.len(),
        proof.len()
    );
    assert!(proof.len() > 64, "{} bytes", proof.len());

    let Ok(program) = std::env::var("MOQ_CLI") else {
        eprintln!("MOQ_CLI names no `moq`: only a second moq-relay has read the call");
        return;
    };
    let mut command = Command::new(program);
    command.args(["--connect", &format!("https://localhost:{port}/"), "--connect-tls-root", &root]).args([
        "--broadcast",
        &broadcast,
        "fetch",
        "catalogue",
    ]);
    // It gives up by itself after 30 s.
    let read = tokio::task::spawn_blocking(move || command.output()).await.unwrap().expect("moq starts");
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    check_catalogue(&read.stdout, &wren, &secret);
    eprintln!("moq fetch read a catalogue of {} sealed bytes", read.stdout.len());
}

#[tokio::test]
#[ignore = "needs a moq-relay: MOQ_RELAY=PROGRAM"]
async fn a_relay_is_killed_and_started_again() {
    let folder = tempfile::tempdir().unwrap();
    let pin = certificate(folder.path());
    let port = free_port();
    let relay = start(port, folder.path());
    let link = JoinLink::to_relay("127.0.0.1", port, Some(pin), "calls", "", CallSecret::random()).unwrap();
    let (wren, robin) = (join(&link, "Wren").await, join(&link, "Robin").await);
    faces_come(&wren, &robin, 10).await;
    faces_come(&robin, &wren, 10).await;

    drop(relay);
    sleep(Duration::from_secs(4)).await;
    let _relay = start(port, folder.path());
    let back = Instant::now();
    faces_come(&wren, &robin, 1).await;
    eprintln!("resumed {:?} after the relay was started again", back.elapsed());
    faces_come(&robin, &wren, 10).await;
    assert_eq!(robin.participants().len(), 1, "nobody joined anew");
}
