//! CUBIC (RFC 9438) that never closes its window altogether.
//!
//! Losses that don't come from congestion (radio, bursts) shrink CUBIC's window to two packets. Acknowledgements are
//! collected, so two packets' bytes can be in flight for longer than a face may wait. A call's own rate is controlled above
//! (redundancy, rung, frame rate), and it is small, so a floor of four packets does no harm: 160 kbit/s at a round trip of
//! 80 ms, 64 kbit/s at 400 ms.

use std::any::Any;
use std::sync::Arc;
use std::time::Instant;

use quinn::congestion::{Controller, ControllerFactory, ControllerMetrics, CubicConfig};
use quinn_proto::RttEstimator;

/// The least window, in bytes.
const FLOOR: u64 = 4 * 1200;

/// Makes such controllers.
pub(super) struct FlooredCubic(pub(super) Arc<CubicConfig>);

impl ControllerFactory for FlooredCubic {
    fn build(self: Arc<Self>, now: Instant, current_mtu: u16) -> Box<dyn Controller> {
        Box::new(Floored(self.0.clone().build(now, current_mtu)))
    }
}

struct Floored(Box<dyn Controller>);

impl Controller for Floored {
    fn on_sent(&mut self, now: Instant, bytes: u64, last_packet_number: u64) {
        self.0.on_sent(now, bytes, last_packet_number);
    }

    fn on_ack(&mut self, now: Instant, sent: Instant, bytes: u64, app_limited: bool, rtt: &RttEstimator) {
        self.0.on_ack(now, sent, bytes, app_limited, rtt);
    }

    fn on_end_acks(&mut self, now: Instant, in_flight: u64, app_limited: bool, largest: Option<u64>) {
        self.0.on_end_acks(now, in_flight, app_limited, largest);
    }

    fn on_congestion_event(&mut self, now: Instant, sent: Instant, is_persistent: bool, lost_bytes: u64) {
        self.0.on_congestion_event(now, sent, is_persistent, lost_bytes);
    }

    fn on_mtu_update(&mut self, new_mtu: u16) {
        self.0.on_mtu_update(new_mtu);
    }

    fn window(&self) -> u64 {
        self.0.window().max(FLOOR)
    }

    fn metrics(&self) -> ControllerMetrics {
        let mut metrics = self.0.metrics();
        metrics.congestion_window = self.window();
        metrics
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(Self(self.0.clone_box()))
    }

    fn initial_window(&self) -> u64 {
        self.0.initial_window().max(FLOOR)
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
