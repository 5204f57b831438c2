//! What a face costs on the wire, counted at the socket: IPv4, UDP, QUIC, MoQ, SFrame, acknowledgements, statements and
//! checkpoints, both ways.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::timeout;
use visavis_codec::bitstream::{LatentWriter, Quantiser, WriterOptions, plain_latent_model};
use visavis_codec::{FaceFrame, FaceUnit};
use visavis_impair::{Impairment, Proxy};
use visavis_net::call::{Call, CallOptions, Event, HostOptions, JoinOptions};
use visavis_net::catalogue::FaceTrack;
use visavis_net::link::JoinLink;

/// Enough for several intra frames, checkpoints and needs.
const MEASURED: Duration = Duration::from_secs(8);

/// What a face may cost: FaceTime's spatial Persona takes about 700.
const MOVING_KBIT_S: f64 = 48.0;
const STILL_KBIT_S: f64 = 12.0;

/// A face of a person who talks: every unit moves, as many bytes as real ones have.
fn face(time: visavis_codec::Timestamp, moves: bool) -> FaceFrame {
    let mut frame = FaceFrame { time, ..FaceFrame::default() };
    if moves {
        let seconds = time.as_seconds() as f32;
        for (unit, number) in FaceUnit::ALL.into_iter().zip(1u8..) {
            let phase = f32::from(number) * 0.7;
            *frame.latent.unit_mut(unit) = 0.1 + 0.1 * (seconds * (2.0 + phase.sin()) + phase).sin();
        }
    }
    frame
}

/// Kilobits a second up and down on a guest's path, and the mean size of a payload.
async fn measure(moves: bool) -> (f64, f64, f64) {
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let call = CallOptions { name: "Wren".into(), ..CallOptions::default() };
    let host = Call::host(HostOptions { listen, call, ..HostOptions::default() }).await.unwrap();
    let delay = Impairment { delay: Duration::from_millis(20), ..Impairment::default() };
    let target = SocketAddr::from(([127, 0, 0, 1], host.link().port()));
    let proxy = Proxy::start(target, delay, delay, 1).unwrap();
    let link = JoinLink::to_peer(
        "127.0.0.1",
        proxy.address().port(),
        host.link().pin(),
        host.link().secret().clone(),
    );
    let call = CallOptions {
        name: "Robin".into(),
        face: Some(FaceTrack { bitstream: 2, hertz: 30.0 }),
        ..CallOptions::default()
    };
    let guest = Call::join(link.unwrap(), JoinOptions { call, ..JoinOptions::default() }).await.unwrap();

    let quantiser = Quantiser::new(&plain_latent_model(0)).unwrap();
    let mut writer = LatentWriter::new(quantiser, WriterOptions::packet());
    let mut packet = Vec::new();
    let (mut packets, mut payload_bytes) = (0u32, 0);
    let mut tick = tokio::time::interval(Duration::from_nanos(33_333_333));
    let mut counted_from = None;
    let mut received = 0;
    let measured = async {
        loop {
            tokio::select! {
                at = tick.tick() => {
                    // The schedule's time, so that a busy machine doesn't look like a moving face.
                    let time = visavis_codec::Timestamp((u64::from(packets) + 1) * 33_333_333);
                    writer.write(&face(time, moves), &mut packet).unwrap();
                    // Of a face at rest a packet stands for the three frames before it too, and is sent for them
                    // (`FacePacer`).
                    if moves || packets % 4 == 0 {
                        guest.send_face(&packet).unwrap();
                    }
                    packets += 1;
                    payload_bytes += packet.len();
                    // Joining isn't counted, nor what the first second says.
                    if received > 15 && counted_from.is_none() {
                        counted_from = Some((at, guest.path_statistics()[0].1));
                    }
                    if let Some((from, before)) = counted_from
                        && from.elapsed() >= MEASURED
                    {
                        let now = guest.path_statistics()[0].1;
                        let kbit_s = |bytes: u64| bytes as f64 * 8e-3 / from.elapsed().as_secs_f64();
                        let up = kbit_s(now.sent_bytes - before.sent_bytes);
                        let down = kbit_s(now.received_bytes - before.received_bytes);
                        return (up, down, payload_bytes as f64 / f64::from(packets));
                    }
                }
                event = host.next_event() => received += usize::from(matches!(event, Some(Event::Face { .. }))),
            }
        }
    };
    timeout(Duration::from_secs(90), measured).await.expect("faces arrive")
}

#[tokio::test]
async fn a_moving_face_and_a_still_one() {
    let (up, down, payload) = measure(true).await;
    eprintln!("moving: {up:.1} kbit/s up, {down:.1} down, {payload:.1} bytes a payload");
    assert!(payload > 25.0, "this test's face moves too little: {payload} bytes a payload");
    assert!(up + down <= MOVING_KBIT_S, "{up:.1} + {down:.1} kbit/s");

    let (up, down, payload) = measure(false).await;
    eprintln!("still: {up:.1} kbit/s up, {down:.1} down, {payload:.1} bytes a payload");
    assert!(up + down <= STILL_KBIT_S, "{up:.1} + {down:.1} kbit/s");
}
