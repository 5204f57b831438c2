//! A member of a call with a client of its own, which keeps to no rule.

use std::fmt::Display;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use moq_net::{cache, origin};
use quinn::crypto::rustls::QuicClientConfig;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme};
use tokio::time::timeout;

/// What went wrong for an attacker.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Takes any certificate: an attacker has nothing to protect.
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

/// A QUIC connection to a call's host, and not a word of MoQ on it.
///
/// # Errors
/// If the host takes none.
pub async fn dial(host: SocketAddr) -> Result<(quinn::Endpoint, quinn::Connection), Failure> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate))
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"moq-lite-06".to_vec()];
    let config = quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls)?));
    let endpoint = quinn::Endpoint::client(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let connection = timeout(PATIENCE, endpoint.connect_with(config, host, "x.invalid")?).await??;
    Ok((endpoint, connection))
}

/// Somebody who has the call's secret, and publishes and reads what they like.
pub struct Member {
    /// Everything that is announced.
    pub origin: origin::Producer,
    /// Below MoQ.
    pub connection: quinn::Connection,
    /// MoQ's.
    pub session: moq_net::Session,
    _endpoint: quinn::Endpoint,
}

impl Member {
    /// Asks a host for the session of `who`, which may be somebody else; `secret` is the call's. That it is refused shows only
    /// when the session ends.
    ///
    /// # Errors
    /// If the host takes no connection or MoQ's handshake fails.
    pub async fn join(
        host: SocketAddr,
        secret: &[u8],
        call: impl Display,
        who: impl Display,
    ) -> Result<Self, Failure> {
        let (endpoint, connection) = dial(host).await?;
        // What it keeps itself is not to be counted.
        let mut config = origin::Config::new(moq_net::Hop::random());
        config.pool = cache::Pool::new(cache::Config::default().with_capacity(4 << 20));
        let (origin, driver) = origin::Producer::new(config);
        tokio::spawn(async move { drop(moq_net::time::run(driver).await) });
        let token = blake3::derive_key("visavis-net 2026-11 admission to a host", secret);
        let token = blake3::Hash::from_bytes(token).to_hex();
        let path = format!("/{call}/{who}?t={token}&c={}", "00".repeat(16));
        let client = moq_net::Client::new().with_origin(origin.clone()).with_path(path);
        let transport = web_transport_quinn::Session::raw(connection.clone());
        let handshake = client.connect(std::time::Instant::now(), transport);
        let (session, driver) = timeout(PATIENCE, handshake).await??;
        tokio::spawn(async move { drop(moq_net::time::run(driver).await) });
        Ok(Self { origin, connection, session, _endpoint: endpoint })
    }
}
