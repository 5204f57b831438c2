//! Why there is no call.

use std::net::SocketAddr;

use super::publish::PublishError;
use crate::link::InvalidLink;
use crate::transport::{DialError, ListenError, SessionError, TlsError};

/// Why there is no call.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The host can't listen.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// No socket to dial from.
    #[error("UDP {address}: {source}")]
    Bind {
        /// The local address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// TLS can't be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Nobody answered, or who answered is not whom the link means.
    #[error("the host or relay can't be reached: {0}")]
    Dial(#[from] DialError),
    /// The host or relay doesn't let us in.
    #[error("the host or relay refused: {0}")]
    Session(#[from] SessionError),
    /// The join link can't be made.
    #[error("join link: {0}")]
    Link(#[from] InvalidLink),
    /// The broadcast can't be made.
    #[error("our broadcast: {0}")]
    Publish(#[from] PublishError),
    /// What was offered can't be.
    #[error("{0}")]
    Offer(String),
    /// A relay's path that no broadcast can be under.
    #[error("the relay's path holds characters that no broadcast can have")]
    Prefix,
}
