//! A MoQ session on a QUIC connection, and the task that drives it.

use std::time::{Duration, Instant};

use moq_net::origin::{Consumer, Producer};
use thiserror::Error;
use tokio::task::AbortHandle;

use super::carrier::Carrier;
use super::counters::PathStatistics;
use super::options::TransportOptions;

/// How long a peer may take over the MoQ handshake, once QUIC's is done.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// How long a refusal may take beside the path's round trips.
const REFUSAL: Duration = Duration::from_millis(150);

/// Why there is no session.
#[derive(Debug, Error)]
pub enum SessionError {
    /// MoQ's handshake failed.
    #[error("the MoQ handshake failed: {0}")]
    Handshake(String),
    /// The peer was too slow.
    #[error("the MoQ handshake took more than {} s", HANDSHAKE.as_secs())]
    Slow,
    /// A guest has no business here.
    #[error("a guest without the call's secret was turned away")]
    Refused,
    /// Too many sessions come from our address.
    #[error(
        "the host takes no more sessions from this address, which several share: close one, or let it host with a higher \
         limit (Limits::sessions_per_address, `visavis call host --sessions-per-address`)"
    )]
    Crowded,
    /// The host or relay closed the session at once.
    #[error("it was closed at once ({0}); is the link complete, and is the relay's path or token right?")]
    Closed(String),
}

/// The application's code of a connection that is closed because its address has too many.
pub(crate) const CROWDED: u32 = 2;

/// Whether it was closed for that.
fn is_crowded(connection: &quinn::Connection) -> bool {
    matches!(
        connection.close_reason(),
        Some(quinn::ConnectionError::ApplicationClosed(close)) if close.error_code == quinn::VarInt::from_u32(CROWDED)
    )
}

/// A running session. Dropping it closes the connection.
pub(crate) struct MoqSession {
    pub(crate) connection: quinn::Connection,
    session: moq_net::Session,
    driver: AbortHandle,
}

impl Drop for MoqSession {
    fn drop(&mut self) {
        self.connection.close(quinn::VarInt::from_u32(0), b"left");
        self.driver.abort();
    }
}

impl MoqSession {
    /// As the side that dialled: publishes what `publish` holds, receives into `receive`, and asks for `path`.
    pub(crate) async fn connect(
        connection: quinn::Connection,
        path: &str,
        publish: Consumer,
        receive: Producer,
    ) -> Result<Self, SessionError> {
        let transport = Carrier::new(connection.clone());
        let client = moq_net::Client::new().with_publisher(publish).with_subscriber(receive).with_path(path);
        let handshake = client.connect(Instant::now(), transport);
        let (session, driver) = tokio::time::timeout(HANDSHAKE, handshake)
            .await
            .map_err(|_| SessionError::Slow)?
            .map_err(|error| match is_crowded(&connection) {
                true => SessionError::Crowded,
                false => SessionError::Handshake(error.to_string()),
            })?;
        Ok(Self::run(connection, session, driver))
    }

    fn run<D>(connection: quinn::Connection, session: moq_net::Session, driver: D) -> Self
    where
        D: moq_net::time::Driver + Send + 'static,
    {
        let driver = tokio::spawn(async move {
            let end = moq_net::time::run(driver).await;
            tracing::debug!(%end, "a MoQ session ended");
        })
        .abort_handle();
        Self { connection, session, driver }
    }

    /// Waits until the other side has had the time to refuse: MoQ doesn't say that it doesn't.
    pub(crate) async fn stands(&self) -> Result<(), SessionError> {
        let patience = self.connection.rtt() * 3 + REFUSAL;
        match tokio::time::timeout(patience, self.closed()).await {
            Ok(_) if is_crowded(&self.connection) => Err(SessionError::Crowded),
            Ok(why) => Err(SessionError::Closed(why)),
            Err(_) => Ok(()),
        }
    }

    /// Waits for the session's end and says why.
    pub(crate) async fn closed(&self) -> String {
        tokio::select! {
            error = self.session.closed() => error.to_string(),
            error = self.connection.closed() => error.to_string(),
        }
    }

    /// Whether datagrams get through at all.
    pub(crate) fn has_datagrams(&self) -> bool {
        self.connection.max_datagram_size().is_some()
    }

    pub(crate) fn statistics(&self, options: &TransportOptions) -> PathStatistics {
        PathStatistics::of(&self.connection, options)
    }
}

/// As the side that listens: `admit` is told the path that the guest asks for, and says what it may read and announce.
pub(crate) async fn accept<T>(
    connection: quinn::Connection,
    admit: impl FnOnce(&str) -> Option<(Consumer, Producer, T)>,
) -> Result<(MoqSession, T), SessionError> {
    let transport = Carrier::new(connection.clone());
    let server = moq_net::Server::new();
    let handshake = tokio::time::timeout(HANDSHAKE, server.accept_request(Instant::now(), transport))
        .await
        .map_err(|_| SessionError::Slow)?
        .map_err(|error| SessionError::Handshake(error.to_string()))?;
    let Some((publish, receive, admitted)) = admit(handshake.path()) else {
        handshake.close(moq_net::Error::Unauthorized);
        return Err(SessionError::Refused);
    };
    let (session, driver) = handshake
        .with_publisher(publish)
        .with_subscriber(receive)
        .ok()
        .await
        .map_err(|error| SessionError::Handshake(error.to_string()))?;
    Ok((MoqSession::run(connection, session, driver), admitted))
}
