//! QUIC endpoints, TLS and MoQ sessions: where sockets, tasks and clocks live.
//!
//! Nothing of quinn or MoQ shows in the crate's API; [`TransportOptions`] is what there is to choose.

mod carrier;
mod congestion;
mod counters;
mod endpoint;
mod options;
mod origin;
mod session;
mod tls;

pub use counters::PathStatistics;
pub use endpoint::{DialError, ListenError};
pub use options::TransportOptions;
pub use session::SessionError;
pub use tls::{ServerIdentity, ServerTrust, TlsError};

pub(crate) use endpoint::{Dialler, Target, bind, listen};
pub(crate) use origin::{Origin, below, only, spawn_origin};
pub(crate) use session::{CROWDED, MoqSession, accept};
