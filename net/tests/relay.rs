//! A call through a stock `moq-relay`, which is killed and started again. The relay is not part of this repository:
//! `MOQ_RELAY=~/.cargo/bin/moq-relay cargo test -p visavis-net --test relay -- --ignored`.

use std::net::UdpSocket;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use visavis_net::call::{Call, CallOptions, Event, JoinOptions};
use visavis_net::catalogue::FaceTrack;
use visavis_net::link::JoinLink;
use visavis_net::seal::CallSecret;

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
    let program = std::env::var("MOQ_RELAY").expect("MOQ_RELAY names the program moq-relay");
    let child = Command::new(program)
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

#[tokio::test]
#[ignore = "needs a moq-relay: MOQ_RELAY=PROGRAM"]
async fn a_relay_is_killed_and_started_again() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    std::fs::write(folder.path().join("cert.pem"), pem("CERTIFICATE", made.cert.der())).unwrap();
    std::fs::write(folder.path().join("key.pem"), pem("PRIVATE KEY", &made.signing_key.serialize_der()))
        .unwrap();
    let pin: [u8; 32] = {
        use sha2::Digest;
        sha2::Sha256::digest(made.cert.der()).into()
    };
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
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
