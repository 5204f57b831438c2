//! CUBIC (RFC 9438) that never closes its window altogether.
//!
//! Losses that don't come from congestion (radio, bursts) shrink CUBIC's window to two packets. Acknowledgements are
//! collected, so two packets' bytes can be in flight for longer than a face may wait. A call's own rate is controlled above
//! (redundancy, rung, frame rate), and it is small, so a floor of four packets does no harm: 160 kbit/s at a round trip of
//! 80 ms, 64 kbit/s at 400 ms.
//!
//! It also keeps each acknowledgement's own round trip. QUIC smooths them over eight (RFC 9002, 5.3), which is 1.6 s where
//! acknowledgements are collected for 200 ms: too late for a queue of 200 ms to be noticed before it is full.

use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};

use quinn::congestion::{Controller, ControllerFactory, ControllerMetrics, CubicConfig};
use quinn_proto::RttEstimator;

/// The least window, in bytes.
const FLOOR: u64 = 4 * 1200;

/// Makes such controllers.
pub(super) struct FlooredCubic(pub(super) Arc<CubicConfig>);

impl ControllerFactory for FlooredCubic {
    fn build(self: Arc<Self>, now: Instant, current_mtu: u16) -> Box<dyn Controller> {
        Box::new(Floored { inner: self.0.clone().build(now, current_mtu), newest: None, last: None })
    }
}

struct Floored {
    inner: Box<dyn Controller>,
    /// Of the acknowledgement that is being worked through.
    newest: Option<(Instant, Acknowledged)>,
    last: Option<Acknowledged>,
}

/// What an acknowledgement said of the round trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Acknowledged {
    /// From sending the newest packet of it until it came, the time included that the peer held it back.
    whole: Duration,
    /// The smoothed round trip before it counted.
    smoothed_before: Duration,
}

impl Acknowledged {
    /// The round trip without what the peer held back, which the smoothed one after it tells: that is 7/8 of the one before
    /// and 1/8 of this one.
    fn round_trip(self, smoothed: Duration, held_back_at_most: Duration) -> Duration {
        let (after, before) = (smoothed.as_nanos() as i128, self.smoothed_before.as_nanos() as i128);
        let own = u64::try_from(8 * after - 7 * before).unwrap_or(0);
        // QUIC leaves some acknowledgements out of its average; then this bounds what can be said.
        Duration::from_nanos(own).clamp(self.whole.saturating_sub(held_back_at_most), self.whole)
    }
}

/// The round trip that the last acknowledgement showed, unsmoothed; `None` before there was one.
pub(super) fn last_round_trip(
    connection: &quinn::Connection,
    held_back_at_most: Duration,
) -> Option<Duration> {
    let state = connection.congestion_state().into_any().downcast::<Floored>().ok()?;
    Some(state.last?.round_trip(connection.rtt(), held_back_at_most))
}

impl Controller for Floored {
    fn on_sent(&mut self, now: Instant, bytes: u64, last_packet_number: u64) {
        self.inner.on_sent(now, bytes, last_packet_number);
    }

    fn on_ack(&mut self, now: Instant, sent: Instant, bytes: u64, app_limited: bool, rtt: &RttEstimator) {
        if self.newest.is_none_or(|(newest, _)| sent > newest) {
            let whole = now.saturating_duration_since(sent);
            self.newest = Some((sent, Acknowledged { whole, smoothed_before: rtt.get() }));
        }
        self.inner.on_ack(now, sent, bytes, app_limited, rtt);
    }

    fn on_end_acks(&mut self, now: Instant, in_flight: u64, app_limited: bool, largest: Option<u64>) {
        if let Some((_, acknowledged)) = self.newest.take() {
            self.last = Some(acknowledged);
        }
        self.inner.on_end_acks(now, in_flight, app_limited, largest);
    }

    fn on_congestion_event(&mut self, now: Instant, sent: Instant, is_persistent: bool, lost_bytes: u64) {
        self.inner.on_congestion_event(now, sent, is_persistent, lost_bytes);
    }

    fn on_mtu_update(&mut self, new_mtu: u16) {
        self.inner.on_mtu_update(new_mtu);
    }

    fn window(&self) -> u64 {
        self.inner.window().max(FLOOR)
    }

    fn metrics(&self) -> ControllerMetrics {
        let mut metrics = self.inner.metrics();
        metrics.congestion_window = self.window();
        metrics
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(Self { inner: self.inner.clone_box(), newest: self.newest, last: self.last })
    }

    fn initial_window(&self) -> u64 {
        self.inner.initial_window().max(FLOOR)
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn an_acknowledgements_round_trip_is_found_again_in_the_average() {
        let ms = Duration::from_millis;
        for (own, held, before) in [(400, 0, 200), (200, 150, 380), (210, 199, 200), (200, 0, 200)] {
            let acknowledged = Acknowledged { whole: ms(own + held), smoothed_before: ms(before) };
            let smoothed = (7 * ms(before) + ms(own)) / 8;
            let found = acknowledged.round_trip(smoothed, ms(200));
            assert!(
                found.abs_diff(ms(own)) < Duration::from_micros(1),
                "{own} + {held} after {before}: {found:?}"
            );
        }
        // One that didn't count: nothing is said beyond what the whole time bounds.
        let acknowledged = Acknowledged { whole: ms(500), smoothed_before: ms(200) };
        assert_eq!(acknowledged.round_trip(ms(200), ms(200)), ms(300));
    }

    #[test]
    fn losses_leave_a_window() {
        let start = Instant::now();
        let mut controller = Arc::new(FlooredCubic(Arc::new(CubicConfig::default()))).build(start, 1200);
        assert!(controller.window() > FLOOR);
        for n in 0..20 {
            let now = start + Duration::from_secs(n);
            controller.on_congestion_event(now, now, true, 1200);
        }
        assert_eq!(controller.window(), FLOOR);
        assert_eq!(controller.clone_box().window(), FLOOR);
    }
}
