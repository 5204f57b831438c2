//! A member of the call, with its secret and a client of its own, does all it can at every track; honest peers go on.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use moq_net::{Timestamp as MoqTimestamp, broadcast, group, origin, track};
use tokio::time::{sleep, timeout};
use visavis_impair::attacker::{Failure, Member};
use visavis_net::call::{Call, CallOptions, Event, HostOptions, JoinOptions};
use visavis_net::catalogue::FaceTrack;
use visavis_net::seal::{CallSecret, JoinSeals, ParticipantId, TrackId};

#[global_allocator]
static MEMORY: peak_alloc::PeakAlloc = peak_alloc::PeakAlloc;

const PATIENCE: Duration = Duration::from_secs(40);

/// How much all that the hostile member does may cost, its own side included, in megabytes.
const MEMORY_MB: f32 = 96.0;

/// The hostile member, under a name of its choice.
async fn join_as(port: u16, secret: &CallSecret, who: ParticipantId) -> Result<Member, Failure> {
    Member::join(SocketAddr::from(([127, 0, 0, 1], port)), secret.as_bytes(), secret.call_id(), who).await
}

fn announce(member: &Member, path: &str) -> broadcast::Producer {
    member.origin.create_broadcast(path).unwrap()
}

fn info() -> track::Info {
    track::Info::default().with_max_age(Duration::ZERO)
}

/// Bytes of a small generator: the same ones each time.
fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let step = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..length).map(step).collect()
}

/// Host, and an honest guest whose faces it gets.
async fn honest() -> (Call, Call) {
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let host = Call::host(HostOptions { listen, ..HostOptions::default() }).await.unwrap();
    let face = Some(FaceTrack { bitstream: 2, hertz: 30.0 });
    let call = CallOptions { name: "Robin".into(), face, ..CallOptions::default() };
    let guest =
        Call::join(host.link().clone(), JoinOptions { call, ..JoinOptions::default() }).await.unwrap();
    (host, guest)
}

/// Waits until `faces` faces of the honest guest came to the host; the payloads of anybody else must never.
async fn faces_come(host: &Call, guest: &Call, faces: usize) {
    let talk = async {
        loop {
            guest.send_face(&[0x55; 40]).unwrap();
            sleep(Duration::from_millis(33)).await;
        }
    };
    let listen = async {
        let mut came = 0;
        while came < faces {
            match host.next_event().await.unwrap() {
                Event::Face { from, .. } if from == guest.me() => came += 1,
                Event::Face { .. } | Event::Audio { .. } => panic!("noise was taken for media"),
                _ => {}
            }
        }
    };
    tokio::select! {
        () = talk => {}
        came = timeout(PATIENCE, listen) => came.expect("the honest guest is heard"),
    }
}

#[tokio::test]
async fn noise_floods_and_stalls_at_every_track() {
    let (host, guest) = honest().await;
    faces_come(&host, &guest, 5).await;
    let before = MEMORY.current_usage_as_mb();
    MEMORY.reset_peak_usage();

    let secret = host.link().secret().clone();
    let mut seals = JoinSeals::new(&secret);
    let join = *seals.join();
    let member = join_as(host.link().port(), &secret, join.participant).await.unwrap();
    let broadcast = announce(&member, &join.path(&secret.call_id()));
    let tracks: Vec<track::Producer> =
        TrackId::ALL.iter().map(|track| broadcast.create_track(track.name(), info()).unwrap()).collect();
    broadcast.announce(origin::Route::default()).unwrap();

    // A catalogue that opens, so that there are keys for everything else, and is of no use but for its length.
    let mut sealer = seals.sealer(TrackId::Catalogue).unwrap();
    let mut sealed = Vec::new();
    sealer.seal(&noise(300, 1), &mut sealed).unwrap();
    let mut object = vec![1];
    object.extend_from_slice(&join.salt.0);
    object.extend_from_slice(&sealed);
    tracks[0].clone().write_frame(MoqTimestamp::ZERO, object).unwrap();

    // Groups that never end; more than these it doesn't keep open.
    let mut open: VecDeque<group::Producer> = VecDeque::new();
    let attack = async {
        for round in 0u64.. {
            for (mut track, id) in tracks.iter().cloned().zip(TrackId::ALL) {
                let size = [0, 1, 17, 60, 900, 1150, 20_000, 2_000_000][(round % 8) as usize];
                match id {
                    TrackId::Face | TrackId::Audio => {
                        for n in 0..20 {
                            track
                                .append_datagram(MoqTimestamp::ZERO, noise(size.min(1100), round + n))
                                .unwrap();
                        }
                    }
                    _ => {
                        let _ = track.write_frame(MoqTimestamp::ZERO, noise(size, round));
                        if let Ok(mut group) = track.append_group() {
                            let _ = group.write_frame(MoqTimestamp::ZERO, noise(100, round));
                            open.push_back(group);
                            if open.len() > 200 {
                                open.pop_front();
                            }
                        }
                    }
                }
            }
            sleep(Duration::from_millis(20)).await;
            if member.connection.close_reason().is_some() {
                // Thrown out: as good an end as any.
                sleep(PATIENCE).await;
            }
        }
    };
    tokio::select! {
        () = attack => {}
        () = faces_come(&host, &guest, 120) => {}
    }
    let grown = MEMORY.peak_usage_as_mb() - before;
    eprintln!("memory grew by {grown:.1} MB at most");
    assert!(grown < MEMORY_MB, "{grown} MB");
    assert!(!host.participants().iter().any(|(id, _)| *id == join.participant), "it never said who it is");
}

#[tokio::test]
async fn a_member_cannot_announce_under_anothers_name() {
    let (host, guest) = honest().await;
    faces_come(&host, &guest, 2).await;
    let secret = host.link().secret().clone();

    // Not as a session.
    let refused = join_as(host.link().port(), &secret, guest.me()).await;
    let is_shut = match refused {
        Err(_) => true,
        Ok(member) => timeout(PATIENCE, member.connection.closed()).await.is_ok(),
    };
    assert!(is_shut, "the name is taken");

    // Not as a broadcast of its own session either, nor twenty names more.
    let me = ParticipantId::random();
    let member = join_as(host.link().port(), &secret, me).await.unwrap();
    let call = secret.call_id();
    let mut others: Vec<ParticipantId> = (0..20).map(|_| ParticipantId::random()).collect();
    others.push(guest.me());
    let broadcasts: Vec<broadcast::Producer> =
        others.iter().map(|other| announce(&member, &format!("{call}/{other}"))).collect();
    for (broadcast, other) in broadcasts.iter().zip(&others) {
        let mut seals = JoinSeals::new(&secret);
        let mut sealed = Vec::new();
        seals.sealer(TrackId::Face).unwrap().seal(b"\0forged", &mut sealed).unwrap();
        let mut face = broadcast.create_track("face", info()).unwrap();
        broadcast.announce(origin::Route::default()).unwrap();
        face.append_datagram(MoqTimestamp::ZERO, sealed).unwrap_or_else(|error| panic!("{other}: {error}"));
    }
    faces_come(&host, &guest, 60).await;
    assert_eq!(host.participants().len(), 1, "the honest guest and nobody else");
}
