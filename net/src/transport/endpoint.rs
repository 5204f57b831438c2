//! Sockets: binding, listening, and dialling until somebody answers.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{EndpointConfig, TokioRuntime};
use thiserror::Error;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

use super::options::TransportOptions;
use super::tls::{ServerIdentity, ServerTrust, TlsError};

/// The name in a self-signed certificate; pins make it meaningless.
const PINNED_NAME: &str = "visavis.invalid";

/// Handshakes that a listener holds before it drops newcomers.
const MAX_INCOMING: usize = 256;

/// Attempts to connect that run beside each other.
const MAX_ATTEMPTS: usize = 12;

/// How long an attempt may take. Its first packet is repeated after 0.36, 1.1, 2.5 s …, so an old one is of less use than a new one.
const ATTEMPT: Duration = Duration::from_millis(3500);

/// Random connection identifiers. Four bytes tell the connections of one socket apart, and each byte that a packet doesn't
/// carry is a quarter of a kbit/s at 30 Hz.
struct ShortIds;

impl ShortIds {
    const BYTES: usize = 4;
}

impl quinn::ConnectionIdGenerator for ShortIds {
    fn generate_cid(&mut self) -> quinn::ConnectionId {
        let mut id = [0; Self::BYTES];
        getrandom::fill(&mut id).expect("the operating system gives random numbers");
        quinn::ConnectionId::new(&id)
    }

    fn cid_len(&self) -> usize {
        Self::BYTES
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}

/// Why nobody answered.
#[derive(Debug, Error)]
pub enum DialError {
    /// The name has no address.
    #[error("{host}: {reason}; check the link's host name and the network")]
    Resolve {
        /// As in the link.
        host: String,
        /// What the resolver says.
        reason: String,
    },
    /// TLS can't be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// quinn refuses to try.
    #[error("{address}: {source}")]
    Connect {
        /// Where to.
        address: SocketAddr,
        /// Why.
        source: quinn::ConnectError,
    },
    /// The connection failed.
    #[error("{address}: {source}")]
    Connection {
        /// Where to.
        address: SocketAddr,
        /// Why.
        source: quinn::ConnectionError,
    },
    /// Nobody answered in time.
    #[error("{host}:{port} didn't answer within {seconds} s; is the host running, and does UDP get through?")]
    Silent {
        /// As in the link.
        host: String,
        /// As in the link.
        port: u16,
        /// How long it was tried.
        seconds: u64,
    },
}

/// Whom to dial.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) trust: ServerTrust,
}

fn endpoint_config() -> EndpointConfig {
    let mut config = EndpointConfig::default();
    config.cid_generator(|| Box::new(ShortIds));
    config
}

/// An endpoint that only dials.
pub(crate) fn bind(local: SocketAddr) -> std::io::Result<quinn::Endpoint> {
    let socket = UdpSocket::bind(local)?;
    quinn::Endpoint::new(endpoint_config(), None, socket, Arc::new(TokioRuntime))
}

/// An endpoint that guests dial.
pub(crate) fn listen(
    local: SocketAddr,
    identity: &ServerIdentity,
    options: &TransportOptions,
) -> Result<quinn::Endpoint, ListenError> {
    let crypto = QuicServerConfig::try_from(identity.server_config()?).map_err(|_| TlsError::NoCipher)?;
    let mut config = quinn::ServerConfig::with_crypto(Arc::new(crypto));
    config.transport_config(options.quinn()).migration(true).max_incoming(MAX_INCOMING);
    let socket = UdpSocket::bind(local).map_err(|source| ListenError::Bind { address: local, source })?;
    quinn::Endpoint::new(endpoint_config(), Some(config), socket, Arc::new(TokioRuntime))
        .map_err(|source| ListenError::Bind { address: local, source })
}

/// Why a host can't listen.
#[derive(Debug, Error)]
pub enum ListenError {
    /// TLS can't be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The socket can't be had.
    #[error("UDP {address}: {source}; choose another address or port")]
    Bind {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
}

/// Dials one target, again and again if need be.
#[derive(Clone)]
pub(crate) struct Dialler {
    endpoint: quinn::Endpoint,
    config: quinn::ClientConfig,
    target: Target,
    redial: Duration,
}

impl Dialler {
    pub(crate) fn new(
        endpoint: quinn::Endpoint,
        target: Target,
        options: &TransportOptions,
    ) -> Result<Self, TlsError> {
        let crypto =
            QuicClientConfig::try_from(target.trust.client_config()?).map_err(|_| TlsError::NoCipher)?;
        let mut config = quinn::ClientConfig::new(Arc::new(crypto));
        config.transport_config(options.quinn());
        Ok(Self { endpoint, config, target, redial: options.redial })
    }

    /// The first connection that succeeds; a new attempt begins every [`TransportOptions::redial`], because the first packet
    /// of an attempt that began while the path was broken is repeated ever more rarely.
    ///
    /// Refusals (a wrong certificate, say) end it at once when `give_up` is given, as does its expiry.
    pub(crate) async fn dial(&self, give_up: Option<Duration>) -> Result<quinn::Connection, DialError> {
        let deadline = give_up.map(|after| Instant::now() + after);
        let mut attempts = JoinSet::new();
        let mut tick = tokio::time::interval(self.redial);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = tick.tick() => {
                    if attempts.len() < MAX_ATTEMPTS {
                        let dialler = self.clone();
                        attempts.spawn(async move { tokio::time::timeout(ATTEMPT, dialler.attempt()).await });
                    }
                }
                Some(done) = attempts.join_next(), if !attempts.is_empty() => match done {
                    Ok(Ok(Ok(connection))) => return Ok(connection),
                    Ok(Ok(Err(error))) if give_up.is_some() && error.is_final() => return Err(error),
                    Ok(Ok(Err(error))) => tracing::debug!(%error, "an attempt to connect failed"),
                    Ok(Err(_)) => tracing::debug!("an attempt to connect took too long"),
                    Err(error) => tracing::debug!(%error, "an attempt to connect was stopped"),
                },
                () = until(deadline) => {
                    return Err(DialError::Silent {
                        host: self.target.host.clone(),
                        port: self.target.port,
                        seconds: give_up.unwrap_or_default().as_secs(),
                    });
                }
            }
        }
    }

    async fn attempt(&self) -> Result<quinn::Connection, DialError> {
        let Target { host, port, trust } = &self.target;
        let unresolved = |reason: String| DialError::Resolve { host: host.clone(), reason };
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let found = tokio::net::lookup_host((bare, *port)).await.map_err(|e| unresolved(e.to_string()))?;
        let local_v4 = self.endpoint.local_addr().is_ok_and(|local| local.is_ipv4());
        // A socket of IPv4 can't send to IPv6; one of IPv6 may be able to do both.
        let address = found
            .filter(|address| address.is_ipv4() || !local_v4)
            .min_by_key(|address| address.is_ipv4() != local_v4)
            .ok_or_else(|| unresolved("no address that this socket can reach".into()))?;
        let name = match trust {
            ServerTrust::Pinned(_) => PINNED_NAME,
            ServerTrust::SystemRoots => bare,
        };
        let connecting = self
            .endpoint
            .connect_with(self.config.clone(), address, name)
            .map_err(|source| DialError::Connect { address, source })?;
        connecting.await.map_err(|source| DialError::Connection { address, source })
    }
}

impl DialError {
    /// Whether another attempt would fail the same way.
    fn is_final(&self) -> bool {
        match self {
            Self::Tls(_) | Self::Connect { .. } => true,
            Self::Connection { source, .. } => matches!(
                source,
                quinn::ConnectionError::TransportError(_)
                    | quinn::ConnectionError::ConnectionClosed(_)
                    | quinn::ConnectionError::VersionMismatch
            ),
            Self::Resolve { .. } | Self::Silent { .. } => false,
        }
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
