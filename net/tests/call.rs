//! Real calls on loopback: everything between [`Call::send_face`] and [`Event::Face`], sockets included.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use visavis_codec::Timestamp;
use visavis_codec::expression::{OwnerLimits, Region, RegionLimit};
use visavis_impair::{Impairment, Loss, Proxy};
use visavis_net::call::{Call, CallError, CallOptions, Event, HostOptions, JoinOptions, Sent};
use visavis_net::catalogue::{AudioTrack, FaceTrack, Needs, View};
use visavis_net::identity::{
    OwnerKey, ProofStatus, Revocations, SignedLimits, UnixSeconds, UnprovenReason, Verdict, verify_recording,
};
use visavis_net::link::JoinLink;
use visavis_net::seal::{CallSecret, ParticipantId};
use visavis_net::transport::SessionError;

/// Generous: the machine may be busy with anything.
const PATIENCE: Duration = Duration::from_secs(40);

fn options(name: &str) -> CallOptions {
    CallOptions {
        name: name.into(),
        face: Some(FaceTrack { bitstream: 2, hertz: 30.0 }),
        audio: Some(AudioTrack { codec: "opus".into(), sample_rate: 48_000 }),
        ..CallOptions::default()
    }
}

async fn host(name: &str) -> Call {
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    Call::host(HostOptions { listen, call: options(name), ..HostOptions::default() }).await.unwrap()
}

async fn join(link: &JoinLink, name: &str) -> Call {
    let call = options(name);
    Call::join(link.clone(), JoinOptions { call, ..JoinOptions::default() }).await.unwrap()
}

/// The same call, reached by way of a proxy.
fn by_way_of(proxy: &Proxy, link: &JoinLink) -> JoinLink {
    JoinLink::to_peer("127.0.0.1", proxy.address().port(), link.pin(), link.secret().clone()).unwrap()
}

/// The first event that `wanted` takes.
async fn until<T>(call: &Call, what: &str, mut wanted: impl FnMut(Event) -> Option<T>) -> T {
    let waiting = async {
        loop {
            let event = call.next_event().await.expect("the call goes on");
            if let Some(found) = wanted(event) {
                return found;
            }
        }
    };
    timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("{what} didn't come"))
}

async fn until_joined(call: &Call, name: &str) -> ParticipantId {
    until(call, name, |event| match event {
        Event::Joined { from, catalogue, .. } if catalogue.name == name => Some(from),
        _ => None,
    })
    .await
}

/// Sends faces at 30 Hz, numbered from `from`, until dropped.
async fn talk(call: &Call) {
    let mut tick = tokio::time::interval(Duration::from_millis(33));
    for number in 0u64.. {
        tick.tick().await;
        let mut payload = vec![0x55; 40];
        payload[..8].copy_from_slice(&number.to_le_bytes());
        call.send_face(&payload).unwrap();
    }
}

async fn face_from(call: &Call, whose: ParticipantId) -> (Vec<u8>, Timestamp) {
    until(call, "a face", |event| match event {
        Event::Face { from, payload, arrival } if from == whose => Some((payload, arrival)),
        _ => None,
    })
    .await
}

#[tokio::test]
async fn two_see_and_hear_each_other() {
    let host = host("Wren").await;
    let guest = join(host.link(), "Robin").await;
    let wren = until_joined(&guest, "Wren").await;
    let robin = until_joined(&host, "Robin").await;
    assert_eq!((wren, robin), (host.me(), guest.me()));

    tokio::select! {
        () = talk(&guest) => {}
        (payload, arrival) = face_from(&host, robin) => {
            assert_eq!(payload.len(), 40);
            assert!(payload[8..].iter().all(|byte| *byte == 0x55), "decrypted");
            assert!(arrival <= host.clock().now());
        }
    }
    tokio::select! {
        () = talk(&host) => {}
        _ = face_from(&guest, wren) => {}
    }

    let capture = Timestamp(123_456_700_000);
    let heard = async {
        loop {
            guest.send_audio(b"opus", capture).unwrap();
            sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        () = heard => {}
        found = until(&host, "a sound", |event| match event {
            Event::Audio { from, payload, capture, .. } => Some((from, payload, capture)),
            _ => None,
        }) => assert_eq!(found, (robin, b"opus".to_vec(), capture)),
    }

    // Neither has an avatar: nothing can be proven, and it says why.
    let unknown = Some(ProofStatus::Unproven(UnprovenReason::AvatarUnknown));
    let says_so = async {
        while host.remote_statistics(robin).and_then(|statistics| statistics.proof) != unknown {
            sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        () = talk(&guest) => {}
        said = timeout(PATIENCE, says_so) => said.expect("what is proven"),
    }

    guest.set_recording(true);
    let recording = until(&host, "the news that somebody records", |event| match event {
        Event::Changed { catalogue, .. } => Some(catalogue.recording),
        _ => None,
    });
    assert!(recording.await);

    let paths = host.path_statistics();
    assert_eq!(paths.len(), 1);
    assert_eq!(paths[0].0, Some(robin));
    assert!(paths[0].1.received_bytes > 1000);

    guest.leave().await;
    let left = until(&host, "a good-bye", |event| match event {
        Event::Left { from } => Some(from),
        _ => None,
    });
    assert_eq!(left.await, robin);
}

#[tokio::test]
async fn three_meet_at_a_host() {
    let host = host("Wren").await;
    let robin = join(host.link(), "Robin").await;
    let finch = join(host.link(), "Finch").await;
    for (call, others) in
        [(&host, ["Robin", "Finch"]), (&robin, ["Wren", "Finch"]), (&finch, ["Wren", "Robin"])]
    {
        let mut missing: Vec<&str> = others.into();
        while !missing.is_empty() {
            until(call, "everybody", |event| match event {
                Event::Joined { catalogue, .. } => {
                    missing.retain(|name| *name != catalogue.name);
                    Some(())
                }
                _ => None,
            })
            .await;
        }
    }
    // From guest to guest, by way of the host.
    tokio::select! {
        () = talk(&robin) => {}
        _ = face_from(&finch, robin.me()) => {}
    }
}

#[tokio::test]
async fn who_is_hidden_from_everybody_sends_no_face() {
    let host = host("Wren").await;
    let guest = join(host.link(), "Robin").await;
    let robin = until_joined(&host, "Robin").await;
    tokio::select! {
        () = talk(&guest) => {}
        _ = face_from(&host, robin) => {}
    }
    host.set_needs(robin, Needs { face: View::Hidden, ..Needs::default() });
    until(&guest, "what the host needs", |event| match event {
        Event::Needs { needs, .. } => (needs.face == View::Hidden).then_some(()),
        _ => None,
    })
    .await;
    assert_eq!(guest.send_face(&[1]).unwrap(), Sent::Hidden);

    host.set_needs(robin, Needs::default());
    tokio::select! {
        () = talk(&guest) => {}
        _ = face_from(&host, robin) => {}
    }
}

#[tokio::test]
async fn who_lacks_secret_or_pin_stays_outside() {
    let host = host("Wren").await;
    let link = host.link();
    let call = || CallOptions::default();
    let quick = || JoinOptions { give_up: Duration::from_secs(20), call: call(), ..JoinOptions::default() };

    let stranger = JoinLink::to_peer("127.0.0.1", link.port(), link.pin(), CallSecret::random()).unwrap();
    match Call::join(stranger, quick()).await {
        Err(CallError::Session(_)) => {}
        other => panic!("{other:?}"),
    }

    let mut pin = link.pin().unwrap();
    pin[0] ^= 1;
    let elsewhere = JoinLink::to_peer("127.0.0.1", link.port(), Some(pin), link.secret().clone()).unwrap();
    match Call::join(elsewhere, quick()).await {
        Err(CallError::Dial(error)) => assert!(error.to_string().contains("certificate"), "{error}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn who_takes_no_datagrams_gets_groups() {
    let host = host("Wren").await;
    let mut call = options("Robin");
    call.transport.datagrams = false;
    let guest =
        Call::join(host.link().clone(), JoinOptions { call, ..JoinOptions::default() }).await.unwrap();
    let wren = until_joined(&guest, "Wren").await;
    let robin = until_joined(&host, "Robin").await;
    let speak = async {
        loop {
            host.send_audio(b"opus", host.clock().now()).unwrap();
            sleep(Duration::from_millis(20)).await;
        }
    };
    let (mut faces, mut sounds) = (Vec::new(), 0);
    let listen = async {
        while faces.len() < 60 || sounds < 60 {
            match guest.next_event().await.unwrap() {
                Event::Face { from, payload, .. } if from == wren => {
                    faces.push(u64::from_le_bytes(*payload.first_chunk().unwrap()));
                }
                Event::Audio { from, payload, .. } if from == wren => {
                    assert_eq!(payload, b"opus");
                    sounds += 1;
                }
                _ => {}
            }
        }
    };
    tokio::select! {
        () = talk(&host) => {}
        () = speak => {}
        done = timeout(PATIENCE, listen) => done.expect("faces and sounds in groups"),
    }
    assert!(faces.windows(2).all(|pair| pair[1] == pair[0] + 1), "groups lose nothing: {faces:?}");
    assert!(guest.remote_statistics(wren).unwrap().groups);
    // MoQ takes datagrams both ways or none, so the other way it is the same, once the host has noticed.
    tokio::select! {
        () = talk(&guest) => {}
        _ = face_from(&host, robin) => {}
    }
    assert!(host.remote_statistics(robin).unwrap().groups);
}

#[tokio::test]
async fn an_address_has_its_share_of_sessions() {
    let mut call = options("Wren");
    call.limits.sessions_per_address = 2;
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let host = Call::host(HostOptions { listen, call, ..HostOptions::default() }).await.unwrap();
    let robin = join(host.link(), "Robin").await;
    let finch = join(host.link(), "Finch").await;
    let third =
        || Call::join(host.link().clone(), JoinOptions { call: options("Owl"), ..JoinOptions::default() });
    match third().await {
        Err(error @ CallError::Session(SessionError::Crowded)) => {
            assert!(error.to_string().contains("--sessions-per-address"), "{error}");
        }
        other => panic!("{other:?}"),
    }
    robin.leave().await;
    let again = async {
        loop {
            match third().await {
                Ok(call) => return call,
                Err(CallError::Session(SessionError::Crowded)) => sleep(Duration::from_millis(100)).await,
                Err(other) => panic!("{other:?}"),
            }
        }
    };
    let owl = timeout(PATIENCE, again).await.expect("there is room again");
    until_joined(&finch, "Owl").await;
    drop(owl);
}

#[tokio::test]
async fn what_an_owner_lets_viewers_do_reaches_them() {
    let mut limits = OwnerLimits::default();
    limits.set(Region::Mouth, RegionLimit { gain: [0.5, 2.0], offset: 0.1, shape: true }).unwrap();
    // Who speaks without an avatar states a root of zeros.
    let signed = SignedLimits { avatar_root: [0; 32], issued: UnixSeconds(1), limits };
    let host = host("Wren").await;
    for (name, owner, by, root, wanted) in [
        ("Robin", &[1; 32], &[1; 32], [0; 32], limits),
        ("Finch", &[1; 32], &[9; 32], [0; 32], OwnerLimits::default()),
        ("Owl", &[1; 32], &[1; 32], [1; 32], OwnerLimits::default()),
    ] {
        let signed = SignedLimits { avatar_root: root, ..signed.clone() }.sign(&OwnerKey::from_seed(by));
        let call = CallOptions {
            owner: Some(OwnerKey::from_seed(owner)),
            viewer_limits: Some(signed),
            ..options(name)
        };
        let guest =
            Call::join(host.link().clone(), JoinOptions { call, ..JoinOptions::default() }).await.unwrap();
        let who = until_joined(&host, name).await;
        let stated = async {
            tokio::select! {
                () = talk(&guest) => {}
                () = async {
                    // The statement that says whose signature counts comes after the catalogue.
                    until(&host, "a statement", |event| match event {
                        Event::ProofMessage { from, .. } if from == who => Some(()),
                        _ => None,
                    }).await;
                } => {}
            }
        };
        stated.await;
        assert_eq!(host.viewer_limits(who), wanted, "{name}");
    }
    assert_eq!(host.viewer_limits(ParticipantId([0; 8])), OwnerLimits::default());
}

#[tokio::test]
async fn a_recording_proves_ones_own_side_too() {
    let key = OwnerKey::generate();
    let owner = key.public();
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let call = CallOptions { owner: Some(key), recording: true, ..options("Wren") };
    let host = Call::host(HostOptions { listen, call, ..HostOptions::default() }).await.unwrap();
    let guest = join(host.link(), "Robin").await;
    let mut own: Vec<(Timestamp, Vec<u8>)> = Vec::new();
    let collect = async {
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(3) {
            match timeout(Duration::from_millis(100), host.next_event()).await {
                Ok(Some(Event::ProofMessage { from, message })) if from == host.me() => {
                    own.push((host.clock().now(), message));
                }
                Ok(None) => panic!("the call ended"),
                _ => {}
            }
        }
    };
    tokio::select! {
        () = talk(&host) => {}
        () = collect => {}
    }
    drop(guest);
    let messages = own.iter().map(|(at, message)| (*at, message.as_slice()));
    let mut faces = 0;
    let verified = verify_recording(messages, &Revocations::default(), |_, _| faces += 1);
    assert_eq!(verified.verdict, Verdict::Proven(owner), "{verified:?}");
    assert!(faces > 20, "{faces} faces are signed for");
}

/// How long after the path is back the first face comes.
async fn resumes_within(host: &Call, guest: &Call, robin: ParticipantId, back: Instant) -> Duration {
    // What was sent before the cut may still lie in the queue.
    let fresh = host.clock().now();
    tokio::select! {
        () = talk(guest) => unreachable!("talks on"),
        () = async {
            loop {
                let (_, arrival) = face_from(host, robin).await;
                if arrival > fresh {
                    return;
                }
            }
        } => back.elapsed(),
    }
}

#[tokio::test]
async fn a_long_cut_is_mended_without_a_new_join() {
    let host = host("Wren").await;
    let clean = Impairment { delay: Duration::from_millis(10), ..Impairment::default() };
    let dead = Impairment { loss: Loss::Everything, ..clean };
    let target = SocketAddr::from(([127, 0, 0, 1], host.link().port()));
    let proxy = Proxy::start(target, clean, clean, 7).unwrap();
    let guest = join(&by_way_of(&proxy, host.link()), "Robin").await;
    let robin = until_joined(&host, "Robin").await;
    resumes_within(&host, &guest, robin, Instant::now()).await;

    proxy.set(dead, dead);
    tokio::select! {
        () = talk(&guest) => {}
        () = sleep(Duration::from_secs(20)) => {}
    }
    proxy.set(clean, clean);
    let resumed = resumes_within(&host, &guest, robin, Instant::now()).await;
    eprintln!("resumed {resumed:?} after a cut of 20 s");
    assert!(resumed < Duration::from_secs(10), "{resumed:?}");
    assert_eq!(guest.participants().len(), 1);
}

#[tokio::test]
async fn another_address_breaks_nothing() {
    let host = host("Wren").await;
    let target = SocketAddr::from(([127, 0, 0, 1], host.link().port()));
    let clean = Impairment { delay: Duration::from_millis(10), ..Impairment::default() };
    let proxy = Proxy::start(target, clean, clean, 7).unwrap();
    let guest = join(&by_way_of(&proxy, host.link()), "Robin").await;
    let robin = until_joined(&host, "Robin").await;
    resumes_within(&host, &guest, robin, Instant::now()).await;

    proxy.change_addresses();
    let resumed = resumes_within(&host, &guest, robin, Instant::now()).await;
    eprintln!("resumed {resumed:?} after the address changed on the way");

    guest.rebind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let resumed = resumes_within(&host, &guest, robin, Instant::now()).await;
    eprintln!("resumed {resumed:?} after our own address changed");
    tokio::select! {
        () = talk(&host) => {}
        _ = face_from(&guest, host.me()) => {}
    }
}
