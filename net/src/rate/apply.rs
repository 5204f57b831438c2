//! Between a call and its controller.

use std::time::Duration;

use super::{Audience, PathSample, Plan, RateController, ReceiverReport};
use crate::call::{Call, Pacing};
use crate::catalogue::View;
use crate::seal::ParticipantId;
use crate::transport::PathStatistics;
use visavis_codec::bitstream::Rung;

/// The number of the reports that a call's receivers make together.
const ALL_RECEIVERS: u64 = 0;
/// Frames a second that are of use where a face is small or far away.
const LOW_HZ: u8 = 15;

impl RateController {
    /// Takes what a call knows of its path and its audience, tells it how to put faces into packets, and says what to send.
    /// To be called every 50 to 200 ms.
    ///
    /// A host with several guests sends the same to all: its paths stand together for one.
    pub fn follow(&mut self, call: &Call) -> Plan {
        let now = Duration::from_nanos(call.clock().now().0);
        if let Some(needs) = call.audience() {
            let finest = needs.finest_rung.and_then(Rung::new).unwrap_or_default();
            let most = needs.max_hertz.map_or(90.0, |hertz| hertz.clamp(1.0, 90.0)) as u8;
            let face_hz = if needs.face == View::Low { most.min(LOW_HZ) } else { most };
            self.set_audience(Audience { is_watching: needs.face != View::Hidden, finest, face_hz });
            let burst = Duration::from_millis(needs.burst_ms.into());
            let report = ReceiverReport { loss: needs.loss, burst, ..ReceiverReport::default() };
            self.report(now, ALL_RECEIVERS, &report);
        }
        let sample = self.sample(&call.path_statistics());
        let plan = self.update(now, &sample);
        call.set_pacing(Pacing {
            faces_per_datagram: plan.faces_per_datagram,
            audio_copies: plan.audio_copies,
            coalesce: plan.coalesce,
            path_bit_s: Some(self.state().budget_bit_s as u64),
        });
        plan
    }

    /// Of several paths: the longest round trip, the least window, and what goes on one of them on average.
    fn sample(&self, paths: &[(Option<ParticipantId>, PathStatistics)]) -> PathSample {
        let count = (paths.len() as u64).max(1);
        let mean = |count_of: fn(&PathStatistics) -> u64| {
            paths.iter().fold(0u64, |sum, (_, path)| sum.saturating_add(count_of(path))) / count
        };
        let queued = paths.iter().map(|(_, path)| path.queued_bytes).max().unwrap_or(0);
        PathSample {
            rtt: paths.iter().map(|(_, path)| path.rtt).max().unwrap_or_default(),
            last_rtt: paths.iter().map(|(_, path)| path.last_rtt).max().unwrap_or_default(),
            window: paths.iter().map(|(_, path)| path.congestion_window).min().unwrap_or(0),
            sent_bytes: mean(|path| path.sent_bytes),
            sent_packets: mean(|path| path.sent_packets),
            lost_packets: mean(|path| path.lost_packets),
            waiting: Duration::from_secs_f64(queued as f64 * 8.0 / self.state().budget_bit_s.max(1.0)),
        }
    }
}
