//! A bad network on loopback, for tests and measurements; and bad company: an [`attacker`]'s client.
//!
//! A [`Link`] is one direction of a path in virtual time: packets go in with the time at which they were sent, and come out
//! with the time at which they arrive, late, twice, in another order, or not at all. It reads no clock and touches no socket,
//! so that its statistics can be tested. A [`Proxy`] is the thin loop that runs two links between UDP sockets: whoever should
//! live on the bad network is told its address instead of the real one. The same seed makes the same decisions for the same
//! packets at the same times.
//!
//! ```
//! use std::time::Duration;
//! use visavis_impair::{Impairment, Link};
//!
//! let mut link = Link::new(Impairment { delay: Duration::from_millis(20), ..Impairment::default() }, 1);
//! link.send(Duration::ZERO, 100, "hello");
//! assert_eq!(link.next(), Some(Duration::from_millis(20)));
//! assert_eq!(link.receive(Duration::from_millis(20)), Some("hello"));
//! ```

pub mod attacker;
mod impairment;
mod link;
mod proxy;
mod random;

pub use impairment::{Impairment, Loss, RateLimit};
pub use link::{Link, LinkStatistics};
pub use proxy::{Proxy, ProxyStatistics};

/// What a UDP datagram costs over IPv4 beside its payload, bytes.
pub const UDP_IPV4_BYTES: usize = 28;
