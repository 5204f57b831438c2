//! What may be tuned, and quinn's configuration made of it.

use std::sync::Arc;
use std::time::Duration;

use quinn::congestion::CubicConfig;
use quinn::{AckFrequencyConfig, IdleTimeout, VarInt};

use super::congestion::FlooredCubic;

/// How the transport behaves. The defaults suit calls; benches and tests change them.
#[derive(Clone, Debug)]
pub struct TransportOptions {
    /// Whether datagrams are taken at all: yes by default. Without them faces and voices come in groups of half a second, as they
    /// do over paths that carry none.
    pub datagrams: bool,
    /// How many bytes of datagrams may wait in a connection before the oldest are dropped: 8,192 by default, which is 60 ms at
    /// 1 Mbit/s. [`Call`](crate::call::Call) holds back faces (never voice) before that, by the path's own rate.
    pub datagram_send_buffer: usize,
    /// How long the peer may collect acknowledgements: 200 ms by default. Longer costs fewer packets and finds loss later.
    pub max_ack_delay: Duration,
    /// After how many packets the peer acknowledges at once: 16 by default.
    pub ack_after: u32,
    /// How often a silent connection is kept alive: 700 ms by default.
    pub keep_alive: Duration,
    /// After how much silence a path is taken for broken, and dialling begins beside it: 1.8 s by default. Must be
    /// more than `keep_alive` and `max_ack_delay` together with a round trip.
    pub silence: Duration,
    /// How often another attempt to connect is made while the path is broken: 350 ms by default.
    pub redial: Duration,
    /// After how much silence a connection is given up: 10 s by default.
    pub idle_timeout: Duration,
}

impl Default for TransportOptions {
    fn default() -> Self {
        Self {
            datagrams: true,
            datagram_send_buffer: 8192,
            max_ack_delay: Duration::from_millis(200),
            ack_after: 16,
            keep_alive: Duration::from_millis(700),
            silence: Duration::from_millis(1800),
            redial: Duration::from_millis(350),
            idle_timeout: Duration::from_secs(10),
        }
    }
}

/// The most streams of each kind that a peer may hold open. MoQ takes a stream for each subscription and each group on
/// its way.
const MAX_STREAMS: u32 = 512;

/// Bytes of streams that a peer may send ahead of being read: a few chunks of an avatar.
const RECEIVE_WINDOW: u32 = 2 << 20;
const STREAM_RECEIVE_WINDOW: u32 = 512 << 10;

/// Bytes of datagrams that wait to be read.
const DATAGRAM_RECEIVE_BUFFER: usize = 128 << 10;

impl TransportOptions {
    pub(super) fn quinn(&self) -> Arc<quinn::TransportConfig> {
        let mut acks = AckFrequencyConfig::default();
        acks.ack_eliciting_threshold(VarInt::from_u32(self.ack_after));
        acks.max_ack_delay(Some(self.max_ack_delay));
        // Reordering alone calls for no acknowledgement: nothing is retransmitted but streams.
        acks.reordering_threshold(VarInt::from_u32(self.ack_after));

        let mut cubic = CubicConfig::default();
        // Ten packets, RFC 9002's initial window; no avatar bursts into an unknown path.
        cubic.initial_window(12_000);

        let mut transport = quinn::TransportConfig::default();
        transport
            .max_concurrent_bidi_streams(VarInt::from_u32(MAX_STREAMS))
            .max_concurrent_uni_streams(VarInt::from_u32(MAX_STREAMS))
            .receive_window(VarInt::from_u32(RECEIVE_WINDOW))
            .stream_receive_window(VarInt::from_u32(STREAM_RECEIVE_WINDOW))
            .send_window(u64::from(RECEIVE_WINDOW))
            .datagram_receive_buffer_size(self.datagrams.then_some(DATAGRAM_RECEIVE_BUFFER))
            // Less than a datagram and its bookkeeping would let none through.
            .datagram_send_buffer_size(self.datagram_send_buffer.max(2048))
            .ack_frequency_config(Some(acks))
            .keep_alive_interval(Some(self.keep_alive))
            // Above 2^62 ms there is no such time-out; nobody waits that long.
            .max_idle_timeout(IdleTimeout::try_from(self.idle_timeout).ok())
            // Probing for larger packets costs a call more than it gains: its datagrams are small.
            .mtu_discovery_config(None)
            .initial_rtt(Duration::from_millis(120))
            .congestion_controller_factory(Arc::new(FlooredCubic(Arc::new(cubic))))
            .allow_spin(false);
        Arc::new(transport)
    }
}
