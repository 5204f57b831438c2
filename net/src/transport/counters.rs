//! What a connection says of its path.

use std::time::Duration;

use super::congestion::last_round_trip;
use super::options::TransportOptions;

/// Bytes that IPv4 and UDP add to a packet.
const IPV4_UDP: u64 = 28;
/// Bytes that IPv6 and UDP add to a packet.
const IPV6_UDP: u64 = 48;

/// One path (connection to the host, to a guest, or to a relay) as counted at the socket. Counters run from when the
/// call began, over reconnections.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PathStatistics {
    /// Smoothed round-trip time.
    pub rtt: Duration,
    /// The round trip that the last acknowledgement showed; zero before there was one.
    pub last_rtt: Duration,
    /// Bytes that may be in flight, by the congestion controller.
    pub congestion_window: u64,
    /// Packets sent.
    pub sent_packets: u64,
    /// Packets found lost.
    pub lost_packets: u64,
    /// Packets received.
    pub received_packets: u64,
    /// Bytes sent, headers of IP and UDP included.
    pub sent_bytes: u64,
    /// Bytes received, headers of IP and UDP included.
    pub received_bytes: u64,
    /// Bytes of datagrams that wait to be sent (with some bookkeeping).
    pub queued_bytes: usize,
}

impl PathStatistics {
    pub(super) fn of(connection: &quinn::Connection, options: &TransportOptions) -> Self {
        let stats = connection.stats();
        let header = if connection.remote_address().is_ipv4() { IPV4_UDP } else { IPV6_UDP };
        let with_headers =
            |udp: quinn::UdpStats| udp.bytes.saturating_add(udp.datagrams.saturating_mul(header));
        Self {
            rtt: stats.path.rtt,
            last_rtt: last_round_trip(connection, options.max_ack_delay).unwrap_or_default(),
            congestion_window: stats.path.cwnd,
            sent_packets: stats.udp_tx.datagrams,
            lost_packets: stats.path.lost_packets,
            received_packets: stats.udp_rx.datagrams,
            sent_bytes: with_headers(stats.udp_tx),
            received_bytes: with_headers(stats.udp_rx),
            queued_bytes: options
                .datagram_send_buffer
                .saturating_sub(connection.datagram_send_buffer_space()),
        }
    }

    /// These counters on top of those of connections before; what describes the path now stays.
    pub(crate) fn after(self, before: &Self) -> Self {
        let Self {
            rtt,
            last_rtt,
            congestion_window,
            sent_packets,
            lost_packets,
            received_packets,
            sent_bytes,
            received_bytes,
            queued_bytes,
        } = self;
        Self {
            rtt,
            last_rtt,
            congestion_window,
            sent_packets: sent_packets + before.sent_packets,
            lost_packets: lost_packets + before.lost_packets,
            received_packets: received_packets + before.received_packets,
            sent_bytes: sent_bytes + before.sent_bytes,
            received_bytes: received_bytes + before.received_bytes,
            queued_bytes,
        }
    }
}
