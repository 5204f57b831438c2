//! A member of the call, with its secret and a client of its own, does all it can at every track; honest peers go on.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use moq_net::{Timestamp as MoqTimestamp, broadcast, cache, group, origin, track};
use quinn::crypto::rustls::QuicClientConfig;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme};
use tokio::time::{sleep, timeout};
use visavis_net::call::{Call, CallOptions, Event, HostOptions, JoinOptions};
use visavis_net::catalogue::FaceTrack;
use visavis_net::seal::{CallSecret, JoinSeals, ParticipantId, TrackId};

#[global_allocator]
static MEMORY: peak_alloc::PeakAlloc = peak_alloc::PeakAlloc;

const PATIENCE: Duration = Duration::from_secs(40);

/// How much all that the hostile member does may cost, its own side included, in megabytes.
const MEMORY_MB: f32 = 96.0;

/// Takes any certificate: this is the attacker's client, which has nothing to protect.
#[derive(Debug)]
struct AnyCertificate;

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls::crypto::ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// A member with a client of its own.
struct Member {
    origin: origin::Producer,
    connection: quinn::Connection,
    _endpoint: quinn::Endpoint,
    _session: moq_net::Session,
}

impl Member {
    async fn connect(port: u16, secret: &CallSecret, who: ParticipantId) -> Result<Self, moq_net::Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate))
            .with_no_client_auth();
        tls.alpn_protocols = vec![b"moq-lite-06".to_vec()];
        let config = quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).unwrap()));
        let endpoint = quinn::Endpoint::client(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let connection = endpoint.connect_with(config, address, "x.invalid").unwrap().await.unwrap();

        // What it keeps itself is not to be counted.
        let mut config = origin::Config::new(moq_net::Hop::random());
        config.pool = cache::Pool::new(cache::Config::default().with_capacity(4 << 20));
        let (origin, driver) = origin::Producer::new(config);
        tokio::spawn(moq_net::time::run(driver));
        let token = blake3::derive_key("visavis-net 2026-11 admission to a host", secret.as_bytes());
        let token = blake3::Hash::from_bytes(token).to_hex();
        let path = format!("/{}/{who}?t={token}&c={}", secret.call_id(), "00".repeat(16));
        let (session, driver) = moq_net::Client::new()
            .with_origin(origin.clone())
            .with_path(path)
            .connect(Instant::now(), web_transport_quinn::Session::raw(connection.clone()))
            .await?;
        tokio::spawn(moq_net::time::run(driver));
        Ok(Self { origin, connection, _endpoint: endpoint, _session: session })
    }

    fn broadcast(&self, path: &str) -> broadcast::Producer {
        self.origin.create_broadcast(path).unwrap()
    }
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
    let member = Member::connect(host.link().port(), &secret, join.participant).await.unwrap();
    let broadcast = member.broadcast(&join.path(&secret.call_id()));
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
    let refused = Member::connect(host.link().port(), &secret, guest.me()).await;
    let is_shut = match refused {
        Err(_) => true,
        Ok(member) => timeout(PATIENCE, member.connection.closed()).await.is_ok(),
    };
    assert!(is_shut, "the name is taken");

    // Not as a broadcast of its own session either, nor twenty names more.
    let me = ParticipantId::random();
    let member = Member::connect(host.link().port(), &secret, me).await.unwrap();
    let call = secret.call_id();
    let mut others: Vec<ParticipantId> = (0..20).map(|_| ParticipantId::random()).collect();
    others.push(guest.me());
    let broadcasts: Vec<broadcast::Producer> =
        others.iter().map(|other| member.broadcast(&format!("{call}/{other}"))).collect();
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
