//! Receivers that only take what a relay gives: plain MoQ, no key, nothing decrypted. Hundreds of them fit into one process.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustls::pki_types::CertificateDer;
use tokio::task::JoinSet;

/// The protocol of moq-lite over plain QUIC.
const ALPN: &[u8] = b"moq-lite-06";
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What one receiver has got of one track.
#[derive(Debug, Default)]
pub(super) struct Got {
    pub(super) datagrams: AtomicU64,
    pub(super) bytes: AtomicU64,
    /// The highest and the lowest sequence number, plus one; 0: none.
    highest: AtomicU64,
    lowest: AtomicU64,
}

impl Got {
    fn note(&self, sequence: u64, bytes: usize) {
        self.datagrams.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        self.highest.fetch_max(sequence + 1, Ordering::Relaxed);
        let _ = self.lowest.compare_exchange(0, sequence + 1, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// How many of the datagrams between the first and the last one are missing.
    pub(super) fn missing(&self) -> u64 {
        let span = match self.lowest.load(Ordering::Relaxed) {
            0 => 0,
            lowest => (self.highest.load(Ordering::Relaxed) + 1).saturating_sub(lowest),
        };
        span.saturating_sub(self.datagrams.load(Ordering::Relaxed))
    }
}

/// A receiver: ends when it is dropped.
pub(super) struct Receiver {
    pub(super) face: Arc<Got>,
    pub(super) audio: Arc<Got>,
    _tasks: JoinSet<()>,
}

/// What connects to relays whose certificate is this.
pub(super) struct Dialler {
    endpoint: quinn::Endpoint,
}

impl Dialler {
    pub(super) fn new(certificate: &CertificateDer<'static>) -> Result<Self> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(certificate.clone()).context("the relay's certificate")?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_root_certificates(roots)
            .with_no_client_auth();
        tls.alpn_protocols = vec![ALPN.to_vec()];
        let crypto = quinn::crypto::rustls::QuicClientConfig::try_from(tls)?;
        let mut config = quinn::ClientConfig::new(Arc::new(crypto));
        let mut transport = quinn::TransportConfig::default();
        transport.max_idle_timeout(Some(quinn::VarInt::from_u32(30_000).into()));
        config.transport_config(Arc::new(transport));
        let mut endpoint = quinn::Endpoint::client(([127, 0, 0, 1], 0).into())?;
        endpoint.set_default_client_config(config);
        Ok(Self { endpoint })
    }

    /// Connects, and does nothing more.
    pub(super) async fn connection(&self, relay: SocketAddr) -> Result<quinn::Connection> {
        let connecting = self.endpoint.connect(relay, "localhost")?;
        Ok(tokio::time::timeout(PATIENCE, connecting).await.context("the relay doesn't answer")??)
    }

    /// Subscribes to the face and the voice of a broadcast; returns once it is there.
    pub(super) async fn receive(&self, relay: SocketAddr, broadcast: &str) -> Result<Receiver> {
        let connection = self.connection(relay).await?;
        let mut tasks = JoinSet::new();
        let (origin, driver) =
            moq_net::origin::Producer::new(moq_net::origin::Config::new(moq_net::Hop::random()));
        tasks.spawn(async move { drop(moq_net::time::run(driver).await) });
        let transport = web_transport_quinn::Session::raw(connection);
        let client = moq_net::Client::new().with_subscriber(origin.clone()).with_path("/");
        let handshake = client.connect(std::time::Instant::now(), transport);
        let (session, driver) =
            tokio::time::timeout(PATIENCE, handshake).await.context("MoQ's handshake takes too long")??;
        tasks.spawn(async move {
            // The session lives as long as its driver.
            let _session = session;
            drop(moq_net::time::run(driver).await);
        });
        let consumer = origin.consume();
        tokio::time::timeout(PATIENCE, consumer.routed(broadcast))
            .await
            .context("the relay doesn't announce the speaker")?
            .context("the relay closed")?;
        let consumer = consumer.request_broadcast(broadcast).await?;
        let (face, audio) = (Arc::<Got>::default(), Arc::<Got>::default());
        for (name, got) in [("face", &face), ("audio", &audio)] {
            let mut track = consumer.track(name)?.subscribe(None).await?;
            let got = Arc::clone(got);
            tasks.spawn(async move {
                while let Ok(Some(datagram)) = track.recv_datagram().await {
                    got.note(datagram.sequence, datagram.payload.len());
                }
            });
        }
        Ok(Receiver { face, audio, _tasks: tasks })
    }
}
